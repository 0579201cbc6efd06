"""The examples in the docstrings and in the README run, and every public function has one."""

import doctest
import importlib
import inspect
import pkgutil
import re
from importlib.metadata import metadata
from pathlib import Path

import pytest

import clustertrials

MODULES = sorted(module.name for module in pkgutil.walk_packages(clustertrials.__path__, "clustertrials."))
# Examples of this file: one that fails, and a function without any.
PLANTED = "def wrong():\n    '''Say one.\n\n    >>> 1 + 1\n    1\n    '''\n"


def readme() -> str:
    """The README beside the tests, or of the installed package where the tests were copied elsewhere."""
    path = Path(__file__).parents[1] / "README.md"
    if path.is_file() and path.read_text(encoding="utf-8").startswith("# clustertrials"):
        return path.read_text(encoding="utf-8")
    return metadata("clustertrials").get_payload()


def failed(module) -> int:
    return doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE, report=False).failed


def lacks_example(function) -> bool:
    return inspect.isfunction(function) and ">>>" not in (inspect.getdoc(function) or "")


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    assert failed(importlib.import_module(name)) == 0


@pytest.mark.parametrize("name", clustertrials.__all__)
def test_every_public_function_has_an_example(name):
    assert not lacks_example(getattr(clustertrials, name))


def test_a_wrong_and_a_missing_example_are_found(tmp_path, monkeypatch, capsys):
    (tmp_path / "planted.py").write_text(PLANTED)
    monkeypatch.syspath_prepend(tmp_path)
    planted = importlib.import_module("planted")
    assert failed(planted) == 1 and not lacks_example(planted.wrong)
    assert lacks_example(readme)


def printed_by(text: str, capsys) -> list[tuple[str, str]]:
    """What each Python block of a text prints, and what the text says that it prints; the blocks share their names."""
    names, found = {}, []
    for code, said in re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", text, re.DOTALL):
        exec(code, names)
        found.append((capsys.readouterr().out, said))
    return found


def test_the_lines_of_the_readme_print_what_it_says(capsys):
    text = readme()
    found = printed_by(text, capsys)
    assert len(found) == text.count("```python") >= 5
    for printed, said in found:
        assert printed == said


def test_a_wrong_line_of_a_readme_is_found(capsys):
    ((printed, said),) = printed_by("```python\nprint(1)\n```\n\n```text\n2\n```\n", capsys)
    assert (printed, said) == ("1\n", "2\n")


def test_every_command_of_the_readme_is_understood(capsys):
    from clustertrials.cli import main

    (line,) = re.findall(r"^clustertrials power (.*)$", readme(), re.MULTILINE)
    main(["power", *line.split()])
    printed = capsys.readouterr().out
    assert printed.splitlines()[0] in readme()


def test_every_public_name_is_there():
    modules = {name.rpartition(".")[2] for name in MODULES if name.count(".") == 1}
    for name in clustertrials.__all__:
        assert getattr(clustertrials, name).__name__ == name
        assert name not in modules, "importing the module would put it in the function's place"
    assert set(clustertrials.__all__) <= set(dir(clustertrials))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        clustertrials.nothing

"""What a chapter is signed with: the modules its code can reach, and no others."""

import subprocess
import sys

import nbformat
import pytest

from holf.chapters import list_chapters
from holf.paths import code_root
from holf.reach import _names, reachable

CODE = code_root()


def reached(*sources: str) -> set[str]:
    return {path.relative_to(CODE).as_posix() for path in reachable(sources, CODE)}


@pytest.fixture
def package(tmp_path):
    """A small package: a imports b in a function, b imports a sub-package by a relative road, c stands alone."""
    for name, source in {
        "__init__": "",
        "a": "def late():\n    from holf import b\n    return b",
        "b": "import holf.sub.d",
        "c": "",
        "sub/__init__": "",
        "sub/d": "",
        "sub/e": "",
    }.items():
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)
    return tmp_path


def names(package, *sources):
    return [path.relative_to(package).as_posix() for path in reachable(sources, package)]


def test_imports_are_followed_wherever_they_stand(package):
    assert names(package, "from holf.a import late") == ["__init__.py", "a.py", "b.py", "sub/__init__.py", "sub/d.py"]
    assert names(package, "%matplotlib inline\nimport numpy", "import holf") == ["__init__.py"]
    assert names(package, "import numpy") == []


def test_an_edited_import_is_seen_in_the_same_process(package):
    assert "c.py" not in names(package, "import holf.b")
    (package / "b.py").write_text("import holf.c")
    assert "c.py" in names(package, "import holf.b")


def test_names_that_load_late_lead_to_their_modules():
    assert "inference/sample_size.py" in reached("import holf\nholf.power")
    assert "inference/sample_size.py" in reached("from holf import power")
    assert "inference/sample_size.py" not in reached("import holf\nholf.load_plan()")


def test_what_a_run_loads_was_reached():
    """The reading of imports is compared with a true run, which asks for effects, figures and the truth behind."""
    code = (
        "import sys, holf\nfrom holf.figures import outcome_effects\n"
        "study = holf.open_study('null')\nstudy.effect('income', wave='m12')\n"
    )
    show = "print(*(m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'holf'), sep='\\n')"
    run = subprocess.run([sys.executable, "-c", code + show], capture_output=True, text=True, cwd=CODE.parent)
    assert run.returncode == 0, run.stderr
    loaded = {line.removeprefix(f"{CODE}/") for line in run.stdout.split()}
    assert len(loaded) > 20 and loaded <= reached(code)


def test_no_other_import_is_hidden_in_a_string():
    dynamic = [path.name for path in CODE.rglob("*.py") if "import_module(" in path.read_text(encoding="utf-8")]
    assert dynamic == ["__init__.py"]


def test_the_short_way_finds_what_a_whole_parse_finds():
    odd = (
        "x = 1; from holf import text\n",
        "import numpy, holf\nholf.power\n",
        "from holf.a import (  # a bracket )\n    b,\n)\nfrom holf.c import d\n",
        '"""\n>>> from holf import text\n"""\n',
        '"""\nfrom holf import text, and so on.\n"""\n',
        "if True:\n    from holf.a import b, \\\n        c\n",
    )
    found = [_names(source) for source in odd]
    wanted = [{"holf", "holf.text"}, {"holf", "holf.inference.sample_size"}, {"holf.a", "holf.a.b", "holf.c", "holf.c.d"}]
    assert found == [*wanted, set(), set(), {"holf.a", "holf.a.b", "holf.a.c"}]
    for path in CODE.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        # With this line, which has the two words, the file is parsed whole.
        assert _names(source) == _names(source + "\n# holf, import\n"), path.name


def test_the_build_and_the_gate_make_no_chapter_stale():
    for chapter in list_chapters():
        cells = nbformat.read(chapter.template, as_version=4).cells
        modules = reached(*(cell.source for cell in cells if cell.cell_type == "code"))
        assert "__init__.py" in modules, chapter.name
        assert not {name for name in modules if name.startswith("gate/") or name in ("book.py", "pages.py", "cli.py")}

"""The examples in the docstrings and in the README run."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import clustertrials

README = Path(__file__).parents[1] / "README.md"
MODULES = sorted(module.name for module in pkgutil.walk_packages(clustertrials.__path__, "clustertrials."))


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    results = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert results.failed == 0


def test_the_lines_of_the_readme_find_the_effect(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    exec(code, {})
    found = re.search(r"estimate=(-?[\d.]+), se=([\d.]+)", capsys.readouterr().out)
    assert abs(float(found[1]) + 4) < 2 * float(found[2])


def test_every_public_name_is_there():
    modules = {name.rpartition(".")[2] for name in MODULES if name.count(".") == 1}
    for name in clustertrials.__all__:
        assert getattr(clustertrials, name).__name__ == name
        assert name not in modules, "importing the module would put it in the function's place"
    assert set(clustertrials.__all__) <= set(dir(clustertrials))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        clustertrials.nothing

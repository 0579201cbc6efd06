"""The helper package: the examples of its docstrings run, and its public names are there."""

import doctest
import importlib

import pytest

from holf.paths import project_root

MODULES = sorted((project_root() / "holf").rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_examples_run(path):
    name = ".".join(path.relative_to(project_root()).with_suffix("").parts).removesuffix(".__init__")
    results = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert results.failed == 0


def test_public_names_are_there():
    import holf

    modules = {path.stem for path in (project_root() / "holf").iterdir()}
    for name in holf.__all__:
        assert getattr(holf, name) is not None
        assert name not in modules, "importing the module would put it in the function's place"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        holf.nothing

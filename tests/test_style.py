"""The house rules of the helper package: docstrings, whose examples run, and randomness from a Generator."""

import ast
import doctest
import importlib
import re

import pytest

from holf.paths import project_root

MODULES = sorted((project_root() / "holf").rglob("*.py"))
LONGEST_LINE = 120


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_room_is_documented(path):
    source = path.read_text(encoding="utf-8")
    lines = source.splitlines()
    assert max(map(len, lines), default=0) <= LONGEST_LINE
    assert ast.get_docstring(ast.parse(source)), "a module says what it is for"
    tree = ast.parse(source)
    for scope in [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef))]:
        for function in [node for node in scope.body if isinstance(node, ast.FunctionDef)]:
            assert function.name.startswith("_") or ast.get_docstring(function), function.name
    assert not re.search(r"\b(TODO|FIXME|XXX)\b", source)
    assert not re.search(r"np\.random\.(seed|rand|normal|choice)\b", source), "randomness comes from a Generator"


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

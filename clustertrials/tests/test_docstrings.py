"""Public docstrings of the inference rooms and of the package's front: every section that is due, and an example."""

import ast
import dataclasses
import importlib
import inspect
import re
import textwrap
from pathlib import Path

import pytest

import clustertrials

HOME = Path(clustertrials.__file__).parent
# A command and what it writes with are not called by who analyses a trial.
ROOMS = sorted({path.stem for path in HOME.glob("[!_]*.py")} - {"cli", "files", "power_command"})


def public(module) -> list:
    """Public functions and classes that a module defines itself."""
    return [
        value for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__
        and (inspect.isfunction(value) or inspect.isclass(value))
    ]  # fmt: skip


def audited() -> list:
    found = [value for room in ROOMS for value in public(importlib.import_module(f"clustertrials.{room}"))]
    front = [getattr(clustertrials, name) for name in clustertrials.__all__]
    return list({id(value): value for value in [*found, *front]}.values())


def has(text: str, section: str) -> bool:
    return bool(re.search(rf"^{section}\n-+$", text, re.MULTILINE))


def raises(function) -> bool:
    """Whether its own body, not that of what it calls, has a raise statement."""
    return any(
        isinstance(node, ast.Raise) for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function))))
    )


def faults(thing) -> list[str]:
    """Sections that the docstring of a public function or class lacks."""
    text = inspect.getdoc(thing) or ""
    if inspect.isclass(thing):
        own = [field.name for field in dataclasses.fields(thing)] if dataclasses.is_dataclass(thing) else []
        if own and not has(text, "Attributes"):
            return ["Attributes"]
        return [f"attribute {name}" for name in own if not re.search(rf"^[\w, ]*\b{name}\b.*", text, re.MULTILINE)]
    parameters = inspect.signature(thing).parameters
    returns = inspect.signature(thing).return_annotation not in (None, "None", inspect.Signature.empty)
    due = {"Parameters": bool(parameters), "Returns": returns, "Raises": raises(thing), "Examples": True}
    missing = [section for section, is_due in due.items() if is_due and not has(text, section)]
    described = text.split("\nReturns\n")[0]
    missing += [f"parameter {name}" for name in parameters if not re.search(rf"\b{name}\b", described)]
    return missing + ([] if ">>>" in text else ["an example that runs"])


def name_of(thing) -> str:
    return f"{thing.__module__.removeprefix('clustertrials.')}.{thing.__name__}"


@pytest.mark.parametrize("thing", audited(), ids=name_of)
def test_public_docstring_is_whole(thing):
    assert faults(thing) == []


def bare(values):
    """Say nothing."""


def half(values: list, level: float) -> float:
    """Say half.

    Parameters
    ----------
    values : list

    Returns
    -------
    float

    Examples
    --------
    None yet.
    """
    if not values:
        raise ValueError
    return 1.0


@dataclasses.dataclass(frozen=True)
class Half:
    """Numbers.

    Attributes
    ----------
    one : float
    """

    one: float
    two: float


def test_gaps_are_found():
    assert faults(bare) == ["Parameters", "Examples", "parameter values", "an example that runs"]
    assert faults(half) == ["Raises", "parameter level", "an example that runs"]
    assert faults(Half) == ["attribute two"]

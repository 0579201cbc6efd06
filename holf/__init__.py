"""Helper package of the HOLF compendium: from facts and data, through a study, to typed answers and a book.

The names below are loaded when they are first asked for, so that a command or a build step pays only for what it uses.
"""

from importlib import import_module

_HOME = {
    "open_study": "study",
    "Study": "study",
    "StudyError": "study",
    "estimate_effect": "estimators",
    "icc": "clusters",
    "design_effect": "clusters",
    "estimand_gap": "estimands",
    "marginal_odds_ratio": "odds",
    "randomisation_test": "randomisation",
    "adjusted_randomisation_test": "randomisation",
    "minimum_detectable_difference": "sample_size",
    "power": "sample_size",
    "simulate_power": "batched",
    "load_ledger": "facts",
    "load_assumptions": "facts",
    "load_plan": "plan",
    "load_published_results": "plan",
    "simulate": "simulation",
    "write_study": "simulation",
    "Effect": "results",
    "Icc": "results",
}
__all__ = sorted(_HOME)
__version__ = "0.1.0"


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module 'holf' has no attribute {name!r}")
    # No function here has the name of a module: importing the module would hide the function.
    value = getattr(import_module(f"holf.{_HOME[name]}"), name)
    globals()[name] = value
    return value

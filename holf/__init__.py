"""Helper package of the HOLF compendium: from facts and data, through a study, to typed answers and a book.

The names below are loaded when they are first asked for, so that a command or a build step pays only for what it uses.
"""

from importlib import import_module

HOME_OF = {
    "open_study": "opening",
    "Study": "study",
    "StudyError": "study",
    "estimate_effect": "inference.estimators",
    "icc": "inference.clusters",
    "design_effect": "inference.inflation",
    "estimand_gap": "inference.estimands",
    "marginal_odds_ratio": "inference.odds",
    "randomisation_test": "inference.randomisation",
    "adjusted_randomisation_test": "inference.randomisation",
    "minimum_detectable_difference": "inference.sample_size",
    "power": "inference.sample_size",
    "equivalence_power": "inference.prospects",
    "simulate_power": "inference.batched",
    "load_ledger": "facts",
    "load_assumptions": "facts",
    "load_plan": "plan",
    "load_registered": "plan",
    "load_published_results": "slots",
    "simulate": "simulation",
    "write_study": "simulation",
    "Effect": "results",
    "Icc": "results",
}
__all__ = sorted(HOME_OF)
__version__ = "0.1.0"


def __getattr__(name: str):
    if name not in HOME_OF:
        raise AttributeError(f"module 'holf' has no attribute {name!r}")
    # No function here has the name of a module: importing the module would hide the function.
    value = getattr(import_module(f"holf.{HOME_OF[name]}"), name)
    globals()[name] = value
    return value

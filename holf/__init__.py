"""Helper package of the HOLF compendium: from facts and data, through a study, to typed answers and a book.

The names below are loaded when they are first asked for, so that a command or a build step pays only for what it uses.
"""

from importlib import import_module

# No name here is that of a room: importing the room would put it in the name's place.
HOME_OF = {
    "open_study": "holf.confidential.opening",
    "open_studies": "holf.confidential.opening",
    "StudyError": "holf.study.study",
    "estimate_effect": "clustertrials",
    "icc": "clustertrials",
    "design_effect": "clustertrials",
    "randomisation_test": "clustertrials",
    "minimum_detectable_difference": "clustertrials",
    "power": "clustertrials",
    "equivalence_power": "clustertrials",
    "simulate_power": "clustertrials",
    "load_ledger": "holf.record.facts",
    "load_assumptions": "holf.record.facts",
    "load_plan": "holf.record.plan",
    "load_registered": "holf.record.plan",
    "load_published_results": "holf.record.published_table",
    "data_path": "holf.paths",
    "table": "holf.display.plain",
    "figure": "holf.display.plain",
}
__all__ = sorted(HOME_OF)
__version__ = "0.2.0"


def __getattr__(name: str):
    if name not in HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]

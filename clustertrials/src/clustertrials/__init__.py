"""Cluster-randomised trials: effects, randomisation tests, ICC, power, missing data, and simulation.

Frames and arrays in, frozen records out. The names below are loaded when they are first asked for: importing
this package takes no time, and a command pays only for what it uses.
"""

from importlib import import_module

# No name here is that of a module beside it, which would hide it.
HOME_OF = {
    "Effect": "clustertrials.results",
    "Icc": "clustertrials.results",
    "estimate_effect": "clustertrials.estimators",
    "icc": "clustertrials.intraclass",
    "design_effect": "clustertrials.design_effects",
    "variance_inflation": "clustertrials.design_effects",
    "estimand_gap": "clustertrials.estimands",
    "marginal_odds_ratio": "clustertrials.odds",
    "randomisation_test": "clustertrials.randomisation",
    "adjusted_randomisation_test": "clustertrials.randomisation",
    "minimum_detectable_difference": "clustertrials.sample_size",
    "power": "clustertrials.sample_size",
    "equivalence_power": "clustertrials.planned_equivalence",
    "simulate_power": "clustertrials.batched_reml",
    "equivalence": "clustertrials.equivalence_tests",
    "holm": "clustertrials.equivalence_tests",
    "expected_regression": "clustertrials.equivalence_tests",
    "manski_bounds": "clustertrials.bounds",
    "lee_bounds": "clustertrials.bounds",
    "tipping_point": "clustertrials.tipping",
    "attrition_by_arm": "clustertrials.missing",
    "inverse_probability_weights": "clustertrials.weighting",
    "weighted_effect": "clustertrials.weighting",
    "leave_one_out": "clustertrials.influence",
    "recruitment_diagnostics": "clustertrials.influence",
    "between_arms": "clustertrials.published_summaries",
    "grim": "clustertrials.published_summaries",
    "implied_sd_of_change": "clustertrials.published_summaries",
    "recomputed_p": "clustertrials.published_summaries",
    "change_limits": "clustertrials.published_changes",
    "recomputed_p_of_change": "clustertrials.published_changes",
    "share_change_limits": "clustertrials.published_changes",
    "Scenario": "clustertrials.scenarios",
    "Recovery": "clustertrials.simulation_study",
}
__all__ = sorted(HOME_OF)
__version__ = "0.1.0"


def __getattr__(name: str):
    if name not in HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]

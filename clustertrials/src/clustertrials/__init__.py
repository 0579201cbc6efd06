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
    "design_effect": "clustertrials.intraclass",
    "variance_inflation": "clustertrials.intraclass",
    "estimand_gap": "clustertrials.estimands",
    "marginal_odds_ratio": "clustertrials.odds",
    "randomisation_test": "clustertrials.randomisation",
    "adjusted_randomisation_test": "clustertrials.randomisation",
    "minimum_detectable_difference": "clustertrials.sample_size",
    "power": "clustertrials.sample_size",
    "equivalence_power": "clustertrials.sample_size",
    "simulate_power": "clustertrials.batched",
    "equivalence": "clustertrials.equivalence_tests",
    "holm": "clustertrials.equivalence_tests",
    "expected_regression": "clustertrials.equivalence_tests",
    "manski_bounds": "clustertrials.missing",
    "lee_bounds": "clustertrials.missing",
    "tipping_point": "clustertrials.missing",
    "attrition_by_arm": "clustertrials.missing",
    "inverse_probability_weights": "clustertrials.weighting",
    "weighted_effect": "clustertrials.weighting",
    "leave_one_out": "clustertrials.influence",
    "recruitment_diagnostics": "clustertrials.influence",
    "between_arms": "clustertrials.published",
    "grim": "clustertrials.published",
    "implied_sd_of_change": "clustertrials.published",
    "recomputed_p": "clustertrials.published",
    "change_limits": "clustertrials.published",
    "recomputed_p_of_change": "clustertrials.published",
    "share_change_limits": "clustertrials.published",
    "Scenario": "clustertrials.simulation_study",
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

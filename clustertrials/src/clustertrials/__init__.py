"""Cluster-randomised trials: effects, randomisation tests, ICC, power, missing data, and simulation.

Frames and arrays in, frozen records out. The names below are loaded when they are first used: importing this package
takes no time, and a command pays only for what it uses.
"""

from importlib import import_module

# No name is that of a module beside it, which would hide it.
_MODULES = {
    "arms": "ArmComparison compare_arms",
    "comparison": "Comparison compare",
    "equivalence_tests": "equivalence expected_regression",
    "estimands": "estimand_gap",
    "estimators": "estimate_effect within_cluster_difference",
    "grid": "simulate_grid",
    "influence": "leave_one_out recruitment_diagnostics",
    "intraclass": "design_effect icc variance_inflation",
    "mixed": "batched_reml simulate_power",
    "missing": "attrition_by_arm lee_bounds manski_bounds tipping_point",
    "planning": "SampleSize clusters_needed units_needed",
    "published": "between_arms change_limits grim implied_sd_of_change recomputed_p_of_change share_change_limits",
    "randomisation": "adjusted_randomisation_test randomisation_test",
    "ratios": "ratio",
    "results": "Effect Icc Ratio TrialWarning",
    "sample_size": "equivalence_power minimum_detectable_difference power",
    "simulation_study": "Recovery Scenario draw simulate_estimators unequal_sizes",
    "subgroups": "SubgroupEffects subgroup_effects",
    "weighting": "inverse_probability_weights weighted_effect",
    "wild": "wild_bootstrap",
}
_MODULE_OF = {name: f"clustertrials.{module}" for module, names in _MODULES.items() for name in names.split()}
__all__ = sorted(_MODULE_OF)
__version__ = "0.1.0"


def __getattr__(name: str):
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]

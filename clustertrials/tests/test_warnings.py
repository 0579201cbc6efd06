"""Where a method is known to fail it says so, and nowhere else."""

import warnings

import numpy as np
import pandas as pd
import pytest
from reference_trials import ROLES, read
from test_strata import trial

from clustertrials import TrialWarning, compare, estimate_effect, ratio
from clustertrials.estimators import METHODS


def sized(sizes, seed=4):
    """As many clusters as sizes, every second one treated."""
    generator = np.random.default_rng(seed)
    clinic = np.repeat(np.arange(len(sizes)), sizes)
    y = generator.normal(size=len(clinic)) + 0.4 * generator.normal(size=len(sizes))[clinic]
    return pd.DataFrame({"clinic": clinic, "arm": np.where(clinic % 2, "new", "usual"), "y": y})


VERY_UNEQUAL = [2, 3, 4, 6, 9, 14, 20, 30, 60, 160]


@pytest.mark.parametrize("name", ["gee", "gee_kc"])
def test_gee_with_few_clusters_of_very_unequal_sizes_is_warned_of_where_it_is_asked(name):
    with pytest.warns(TrialWarning, match=f"'y', {name}: with 5 clusters in an arm and very unequal sizes") as seen:
        estimate_effect(sized(VERY_UNEQUAL), "y", estimator=name, **ROLES)
    assert seen[0].filename == __file__
    with pytest.warns(TrialWarning):
        compare(sized(VERY_UNEQUAL), "y", estimators=[name], **ROLES)


def test_so_is_its_ratio_and_no_other_ratio():
    frame = sized(VERY_UNEQUAL).assign(y=lambda f: (f["y"] > 0) * 1)
    with pytest.warns(TrialWarning, match="'y', gee: with 5 clusters in an arm") as seen:
        ratio(frame, "y", measure="risk", estimator="gee", **ROLES)
    assert seen[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in ("cr2", "jackknife", "cluster_means"):
            ratio(frame, "y", measure="risk", estimator=name, **ROLES)
        ratio(sized([20] * 10).assign(y=lambda f: (f["y"] > 0) * 1), "y", measure="risk", estimator="gee", **ROLES)


def test_fay_and_graubard_with_strata_is_warned_of():
    with pytest.warns(TrialWarning, match="does not see the strata"):
        estimate_effect(trial(), "y", estimator="gee", strata="region", **ROLES)


def less_alike():
    frame = sized([20] * 12)
    return frame.assign(y=frame["y"] - 0.95 * frame.groupby("clinic")["y"].transform("mean"))


def test_units_less_alike_than_chance_are_warned_of():
    with pytest.warns(TrialWarning, match="'y', mixed: the units of a cluster are less alike than chance"):
        estimate_effect(less_alike(), "y", estimator="mixed", **ROLES)


SOUND = [read("main"), sized([20] * 10), sized([10, 30] * 5), sized([*VERY_UNEQUAL] * 2)]


@pytest.mark.parametrize("name", METHODS)
def test_nothing_else_is_blamed(name):
    unequal = [] if name in ("gee", "gee_kc") else [sized(VERY_UNEQUAL)]
    for frame in [*SOUND, *unequal, *([] if name == "mixed" else [less_alike()])]:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            estimate_effect(frame, "y", estimator=name, **ROLES)

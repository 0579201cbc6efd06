"""Every public question about a frame: same answer for the same data in other clothes, and a number or an error."""

import dataclasses
import math
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_trials import ROLES

from clustertrials.equivalence_tests import equivalence
from clustertrials.estimands import estimand_gap
from clustertrials.estimators import METHODS, estimate_effect, within_cluster_difference
from clustertrials.influence import leave_one_out, recruitment_diagnostics
from clustertrials.intraclass import icc
from clustertrials.missing import attrition_by_arm, lee_bounds, manski_bounds, tipping_point
from clustertrials.ratios import ratio
from clustertrials.results import TrialWarning
from clustertrials.subgroups import subgroup_effects
from clustertrials.weighting import weighted_effect
from clustertrials.wild import wild_bootstrap


def weighted(frame, outcome, **asked):
    return weighted_effect(frame, outcome, weights=1.0 + frame["u"].to_numpy() % 3, **asked)


def manski(frame, outcome, **asked):
    values = frame[outcome]
    return manski_bounds(frame, outcome, lowest=float(values.min()), highest=float(values.max()), **asked)


def recruited(frame, outcome, **asked):
    return recruitment_diagnostics(frame, [outcome], **asked)[1]


def correlation(method):
    return lambda frame, outcome, *, arm, cluster, treated: icc(frame, outcome, cluster=cluster, arm=arm, method=method)


def equivalent(frame, outcome, **asked):
    return equivalence(estimate_effect(frame, outcome, **asked), margin=float(np.nanstd(frame[outcome])))


def inside(frame, outcome, *, arm, cluster, treated):
    """The contrast inside clinics, on a group that is drawn there."""
    drawn = frame.assign(drawn=np.where(frame["u"] % 2 == 0, "new", "usual"))
    return within_cluster_difference(drawn, outcome, arm="drawn", cluster=cluster, treated=treated)


ASKED = {name: lambda frame, outcome, name=name, **asked: estimate_effect(frame, outcome, estimator=name, **asked)
         for name in METHODS} | {
    "weighted": weighted, "inside": inside, "gap": estimand_gap, "lee": lee_bounds, "manski": manski,
    "tipping": tipping_point, "influence": leave_one_out, "recruited": recruited, "equivalence": equivalent,
    "icc": correlation("anova"), "icc_reml": correlation("reml"),
}  # fmt: skip
# Numbers that carry the outcome's unit, those that turn with the arms, and those that a change of units leaves alone.
IN_UNITS = {"estimate", "se", "ci_low", "ci_high", "lower", "upper", "difference", "margin", "smallest_margin", "sd"}
UNITLESS = {"df", "p_value", "icc", "share_trimmed", "largest_shift", "n_sign_changes", "n_significance_changes",
            "mean_size", "n_units", "n_clusters", "n_dropped", "n_allocations"}  # fmt: skip
CORRELATIONS = {"icc", "icc_reml"}
ADJUSTED = [*METHODS, "weighted", "gap", "tipping", "influence", "equivalence"]


def odds_ratio(frame, outcome, **asked):
    return ratio(frame, outcome, measure="odds", estimator="jackknife", **asked)


def odds(frame, outcome, **asked):
    """Odds of lying above the mean; what is missing or infinite stays so."""
    above = (frame[outcome] > frame[outcome].mean()) * 1.0
    above = above.where(np.isfinite(frame[outcome]), frame[outcome])
    return odds_ratio(frame.assign(above=above), "above", **asked)


def ask(name, frame, outcome="y", **changes):
    if name == "odds":
        return odds(frame, outcome, **(ROLES | changes))
    if name == "rate":
        return ratio(frame.assign(n=frame[outcome].abs()), "n", measure="rate", **(ROLES | changes))
    return ASKED[name](frame, outcome, **(ROLES | changes))


def trial(seed=5, clinics=11, outcome="normal"):
    """Unequal clinics and some missing outcomes; `u` numbers the rows for what depends on a row."""
    generator = np.random.default_rng(seed)
    sizes = generator.integers(3, 9, clinics)
    clinic = np.repeat(np.arange(clinics), sizes)
    y = generator.normal(size=len(clinic)) + generator.normal(size=clinics)[clinic]
    frame = pd.DataFrame({"clinic": clinic, "arm": np.where(clinic % 2, "new", "usual"), "y": y,
                          "u": np.arange(len(clinic))})  # fmt: skip
    frame["b"] = (frame["y"] > 0) * 1.0
    frame["x"], frame["z"] = generator.normal(size=len(clinic)), generator.normal(size=clinics)[clinic]
    frame.loc[[4, 9, 20], "y"] = np.nan
    return frame


def picked(answer, names):
    fields = dataclasses.asdict(answer)
    return {name: fields[name] for name in sorted(names & fields.keys()) if isinstance(fields[name], int | float)}


def close(one, other, rel):
    assert one.keys() == other.keys() and one
    for name in one:
        assert other[name] == pytest.approx(one[name], rel=rel, abs=1e-12, nan_ok=True), name


@pytest.mark.parametrize("name", ASKED)
def test_row_order_and_labels_do_not_matter(name):
    frame = trial()
    base = picked(ask(name, frame), IN_UNITS | UNITLESS)
    shuffled = frame.sample(frac=1, random_state=2)
    relabelled = frame.assign(clinic="clinic " + (90 - frame["clinic"]).astype(str))
    for same in (shuffled, shuffled.reset_index(drop=True), relabelled, frame.set_index("u", drop=False)[::-1]):
        close(base, picked(ask(name, same), IN_UNITS | UNITLESS), 1e-7)


@pytest.mark.parametrize("scale", [250.0, 1e-9, 1e9])
@pytest.mark.parametrize("name", ASKED)
def test_rescaling_the_outcome_rescales_the_answer(name, scale):
    frame = trial()
    base, found = ask(name, frame), ask(name, frame.assign(y=frame["y"] * scale))
    factor = 1.0 if name in CORRELATIONS else scale
    expected = {key: factor * value for key, value in picked(base, IN_UNITS).items()}
    got = picked(found, IN_UNITS)
    for key in expected:
        assert got[key] == pytest.approx(expected[key], rel=2e-6, abs=1e-9 * factor), key
    close(picked(base, UNITLESS), picked(found, UNITLESS), 1e-6)


@pytest.mark.parametrize("name", ASKED)
def test_shifting_the_outcome_leaves_the_answer(name):
    """By a thousand to seven digits; by 1e9, where the outcome itself keeps only seven, to five."""
    frame = trial()
    base = ask(name, frame)
    for shift, rel in ((1e3, 1e-7), (1e9, 1e-5)):
        found = ask(name, frame.assign(y=frame["y"] + shift))
        for key, value in picked(base, IN_UNITS | UNITLESS).items():
            assert getattr(found, key) == pytest.approx(value, rel=rel, abs=1e-6, nan_ok=True), (key, shift)


@pytest.mark.parametrize("offset", [1e3, 1e6, 1e9, 1e10])
@pytest.mark.parametrize("name", ASKED)
def test_a_binary_outcome_far_from_zero_has_the_answer_of_the_one_near_it(name, offset):
    """0/1 and an offset are whole numbers, so nothing is lost in the data; plain means keep 15 digits of the offset."""
    frame = trial()
    base, found = ask(name, frame, "b"), ask(name, frame.assign(b=frame["b"] + offset), "b")
    rel = max(1e-9, 2e-15 * offset) if name in {"lee", "manski", "recruited"} else 1e-9
    for key, value in picked(base, IN_UNITS | UNITLESS).items():
        assert getattr(found, key) == pytest.approx(value, rel=rel, abs=rel, nan_ok=True), key
    for key in {"mean_treated", "mean_other"} & {field.name for field in dataclasses.fields(base)}:
        assert getattr(found, key) == pytest.approx(getattr(base, key) + offset, rel=1e-15), key


@pytest.mark.parametrize("value", [0.1, 7.0, 1e9, 1e9 + 0.1])
@pytest.mark.parametrize("name", [name for name in ASKED if name not in {"manski", "recruited"}])
def test_a_constant_outcome_is_refused_wherever_it_lies(name, value):
    frame = trial().assign(y=value)
    for noise in (0.0, 2.0 * np.spacing(value)):  # as sums that should be equal leave it
        with pytest.raises(ValueError, match="constant|same difference"):
            ask(name, frame.assign(y=value + noise * (np.arange(len(frame)) % 3 == 0)))


@pytest.mark.parametrize("name", ADJUSTED)
def test_units_and_origin_of_covariates_and_the_order_of_rows_do_not_matter(name):
    frame = trial().assign(x=lambda f: f["u"] % 4 * 1.0)
    base = ask(name, frame, covariates=["x", "z"])
    moved = frame.assign(x=40 - 3 * frame["x"], z=5 + frame["z"] / 1e4)
    for same in (frame.assign(x=frame["x"] + 1e9), moved, frame.sample(frac=1, random_state=3)):
        # The tipping point fits with the covariate as it is, and keeps eight digits.
        close(
            picked(base, IN_UNITS | UNITLESS), picked(ask(name, same, covariates=["x", "z"]), IN_UNITS | UNITLESS), 1e-6
        )


@pytest.mark.parametrize("name", [name for name in ASKED if name not in CORRELATIONS | {"influence"}])
def test_swapped_arms_turn_the_sign(name):
    frame = trial()
    base, turned = ask(name, frame), ask(name, frame, treated="usual")
    pairs = [("estimate", "estimate"), ("difference", "difference"), ("ci_low", "ci_high"), ("lower", "upper")]
    pairs = [(one, other) for one, other in pairs if hasattr(base, one)]
    for one, other in pairs:
        if name == "tipping":  # the other arm's missing units are shifted then; the effect at no shift turns
            assert one == "estimate"
        assert getattr(turned, one) == pytest.approx(-getattr(base, other), rel=1e-6, abs=1e-6)
    for same in {"se", "p_value", "df"} & {field.name for field in dataclasses.fields(base)}:
        assert getattr(turned, same) == pytest.approx(getattr(base, same), rel=1e-7, nan_ok=True)


@st.composite
def hard_frames(draw):
    """Everything that goes wrong in data, several at a time."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sizes = generator.integers(1, draw(st.sampled_from([9, 4, 2])), draw(st.integers(9, 13)))
    clinic = np.repeat(np.arange(len(sizes)), sizes)
    kind = draw(st.sampled_from(["normal", "binary", "no event in an arm", "constant", "alike", "equal means"]))
    treated = np.arange(len(sizes)) % 2 == 0
    y = {
        "normal": generator.normal(size=len(clinic)),
        "binary": generator.integers(0, 2, len(clinic)) * 1.0,
        "no event in an arm": treated[clinic] * generator.integers(0, 2, len(clinic)) * 1.0,
        "constant": np.full(len(clinic), 0.1),
        "alike": generator.normal(size=len(sizes))[clinic],
        "equal means": np.arange(len(clinic)) % 2 * 1.0,
    }[kind]
    y = draw(st.sampled_from([0.0, 1e9, -3.3])) + draw(st.sampled_from([1.0, 1e-9, 1e6])) * y
    frame = pd.DataFrame({"clinic": clinic, "arm": np.where(treated[clinic], "new", "usual"), "y": y,
                          "u": np.arange(len(clinic))})  # fmt: skip
    faults = ["", "", "missing", "an clinic missing", "one clinic of one", "", "mixed clinic", "inf"]
    fault = draw(st.sampled_from(faults))
    if fault == "missing":
        frame["y"] = frame["y"].mask(generator.random(len(frame)) < 0.3)
    elif fault == "an clinic missing":
        frame["y"] = frame["y"].mask(frame["clinic"] == 1)
    elif fault == "mixed clinic":
        frame.loc[frame.index[-1], "arm"] = "new" if frame["arm"].iloc[-1] == "usual" else "usual"
    elif fault == "inf":
        frame.loc[0, "y"] = np.inf
    elif fault == "one clinic of one":
        frame = frame[(frame["clinic"] != 0) | ~frame["clinic"].duplicated()]
    frame = frame.assign(x=generator.normal(size=len(frame)), one=frame["clinic"] == 1, z=frame["clinic"] % 3)
    return frame, draw(st.lists(st.sampled_from(["x", "z", "one"]), max_size=3, unique=True))


def endless(answer):
    """Names of the numbers that are NaN or infinite."""
    fields = dataclasses.asdict(answer).items()
    return {key for key, value in fields if isinstance(value, float) and not math.isfinite(value)}


@settings(max_examples=40, deadline=None, derandomize=True)
@given(hard_frames())
@pytest.mark.parametrize("name", [*ASKED, "odds", "rate"])
def test_a_number_or_an_error(name, drawn):
    frame, covariates = drawn
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", TrialWarning)
        try:
            found = ask(name, frame, **({"covariates": covariates} if name in [*ADJUSTED, "rate"] else {}))
        except ValueError:
            return
    allowed = {"df", "icc"} if name == "randomisation" else {"icc"}
    # So few allocations that, with a covariate of clusters, no shift of the effect is rejected.
    allowed |= {"ci_low", "ci_high"} if name == "randomisation" and "z" in covariates else set()
    assert endless(found) <= allowed
    assert not hasattr(found, "se") or found.se > 0
    assert (
        name in ("naive", "inside", "randomisation")
        or 0 < getattr(found, "df", 1) <= getattr(found, "n_clusters", 99) - 2
    )


def test_what_is_not_finite_is_found():
    answer = ask("cr2", trial())
    assert endless(answer) == set()
    assert endless(dataclasses.replace(answer, se=float("nan"), ci_high=float("inf"))) == {"se", "ci_high"}


def test_a_sum_of_decimals_is_constant_too():
    frame = pd.DataFrame({"clinic": np.repeat(np.arange(10), 2), "y": [0.3, 0.1 + 0.2] * 10}).assign(
        arm=lambda f: f["clinic"] % 2
    )
    with pytest.raises(ValueError, match="constant"):
        estimate_effect(frame, "y", arm="arm", cluster="clinic", treated=1)


CHECKED = {
    "effect": estimate_effect, "weighted": lambda frame, *asked, **roles: weighted_effect(
        frame, *asked, weights=np.ones(len(frame)), **roles), "gap": estimand_gap, "lee": lee_bounds,
    "manski": lambda *asked, **roles: manski_bounds(*asked, lowest=-99, highest=99, **roles), "wild": wild_bootstrap,
    "tipping": tipping_point, "influence": leave_one_out, "attrition": attrition_by_arm,
    "recruited": lambda frame, outcome, **roles: recruitment_diagnostics(frame, [outcome], **roles),
    "rate": lambda *asked, **roles: ratio(*asked, measure="rate", **roles),
    "subgroups": lambda *asked, **roles: subgroup_effects(*asked, by="b", **roles),
}  # fmt: skip
FAULTS = {
    "no column": (lambda f: f.drop(columns="y"), {}, "'y' is not in the frame"),
    "twice": (lambda f: pd.concat([f, f[["y"]]], axis=1), {}, "'y' is in the frame twice"),
    "text": (lambda f: f.assign(y=f["y"].astype(str)), {}, "'y' is not numeric"),
    "date": (lambda f: f.assign(y=pd.Timestamp("2016-01-01")), {}, "'y' is not numeric"),
    "complex": (lambda f: f.assign(y=f["y"] * 1j), {}, "'y' holds complex numbers"),
    "infinite": (lambda f: f.assign(y=f["y"].where(f.index != 5, np.inf)), {}, "'y' has an infinite value"),
    "three arms": (lambda f: f.assign(arm=f["arm"].where(f["clinic"] > 1, "third")), {}, "'arm' (has 3|must have two) arms"),
    "one arm": (lambda f: f.assign(arm="new"), {}, "'arm' (must have two arms|has only one arm)"),
    "no such arm": (lambda f: f, {"treated": "NEW"}, "treated value 'NEW'"),
    "two arms in one": (lambda f: f.assign(arm=f["arm"].where(f.index != 0, "new")), {}, "'arm' is not constant inside 'clinic': 1"),
    "few": (lambda f: f[f["clinic"] < 7], {}, "an arm has (3 cluster|fewer than 4)"),
}  # fmt: skip


@pytest.mark.parametrize("case", FAULTS)
@pytest.mark.parametrize("name", CHECKED)
def test_a_broken_frame_is_refused_by_column_and_rule(name, case):
    if (name, case) == ("recruited", "few"):  # its exact test needs no more clusters
        return
    change, asked, message = FAULTS[case]
    with pytest.raises(ValueError, match=message):
        CHECKED[name](change(trial().assign(y=lambda f: f["u"] % 7)), "y", **(ROLES | asked))

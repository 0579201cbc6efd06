"""Ratios against hand formulae, full matrices, statsmodels, and refitting without each cluster."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from reference_trials import ROLES, in_full, read
from scipy import stats
from test_strata_effects import paired

from clustertrials import Ratio, ratio
from clustertrials.gee import fit_gee_mean, sandwich
from clustertrials.means import LOG, LOGIT
from clustertrials.ratios import MEASURES, _model
from clustertrials.trial import read_trial


def counted(seed=1):
    """The main trial with events of a Poisson distribution and years of exposure, in three regions."""
    generator = np.random.default_rng(seed)
    frame = read("main")
    shared = np.exp(0.3 * generator.normal(size=30))[frame["clinic"]]
    years = generator.uniform(0.5, 3, len(frame)).round(3)
    return frame.assign(years=years, n=generator.poisson(0.6 * shared * years), region=frame["clinic"] % 3)


def found(frame, outcome="b", measure="risk", **asked):
    return ratio(frame, outcome, measure=measure, **(ROLES | asked))


def by_arm(frame, values, sizes):
    """Ratio of sums and CR2 variance of each arm, by hand; values and sizes summed by clinic."""
    sums = frame.assign(values=values, sizes=sizes).groupby(["arm", "clinic"])[["values", "sizes"]].sum()
    for arm in ("new", "usual"):
        own = sums.loc[arm]
        total = own["sizes"].sum()
        mean = own["values"].sum() / total
        residuals = own["values"] - mean * own["sizes"]
        yield mean, (residuals**2 / (1 - own["sizes"] / total)).sum() / total**2


@pytest.mark.parametrize(("measure", "outcome"), [("risk", "b"), ("odds", "b"), ("rate", "n")])
def test_without_covariates_it_is_the_ratio_of_the_arms_with_the_delta_method(measure, outcome):
    frame = counted()
    exposure = "years" if measure == "rate" else None
    result = found(frame, outcome, measure, exposure=exposure)
    (one, variance), (other, rest) = by_arm(frame, frame[outcome], frame["years"] if exposure else 1)
    odds = (1 - one, 1 - other) if measure == "odds" else (1, 1)
    assert result.estimate == pytest.approx(one / odds[0] / (other / odds[1]), rel=1e-10)
    expected = variance / (one * odds[0]) ** 2 + rest / (other * odds[1]) ** 2
    assert result.se_log == pytest.approx(expected**0.5, rel=1e-9)
    assert (result.mean_treated, result.mean_other) == pytest.approx((one, other), rel=1e-10)
    margin = stats.t.ppf(0.975, result.df) * result.se_log
    assert np.log([result.ci_low, result.ci_high]) == pytest.approx(
        np.log(result.estimate) + margin * np.array([-1, 1])
    )
    assert result.p_value == pytest.approx(2 * stats.t.sf(abs(np.log(result.estimate)) / result.se_log, result.df))


@pytest.mark.parametrize("estimator", ["cr2", "cluster_means"])
@pytest.mark.parametrize(("measure", "outcome"), [("risk", "b"), ("odds", "b"), ("rate", "n")])
def test_with_covariates_and_strata_it_is_that_of_full_matrices(estimator, measure, outcome):
    frame = counted()
    asked = {"covariates": ["x"], "strata": "region"}
    result = found(frame, outcome, measure, estimator=estimator, **asked)
    trial = read_trial(frame, outcome, **ROLES, **asked)
    model = _model(trial, measure, np.ones(len(frame)), estimator)
    coefficients = model.coefficients()
    log, slope = model.log_ratio(coefficients)
    for column, step in enumerate(1e-6 * np.eye(len(slope))):
        numeric = (model.log_ratio(coefficients + step)[0] - model.log_ratio(coefficients - step)[0]) / 2e-6
        assert slope[column] == pytest.approx(numeric, abs=1e-7)
    mean = model.measure.link.mean(model.design @ coefficients)
    root = np.sqrt(model.measure.link.variance(model.counts, mean))
    residuals = (model.events - model.counts * mean) / root
    error, df = in_full(model.design * root[:, None], residuals, trial.codes, slope)
    assert np.log(result.estimate) == pytest.approx(log)
    assert (result.se_log, result.df) == (pytest.approx(error, rel=1e-8), pytest.approx(min(df, 25), rel=1e-8))


@pytest.mark.parametrize(("measure", "outcome"), [("risk", "b"), ("odds", "b"), ("rate", "n")])
def test_means_are_standardised_predictions_of_statsmodels(measure, outcome):
    frame = counted()
    exposure = "years" if measure == "rate" else None
    result = found(frame, outcome, measure, covariates=["x"], strata="region", exposure=exposure)
    formula = f"{outcome} ~ C(arm, Treatment('usual')) + x + C(region)"
    if exposure:
        model = smf.glm(formula, frame, family=sm.families.Poisson(), exposure=frame["years"]).fit()
        asked = {"exposure": np.ones(len(frame))}
    else:
        model, asked = smf.logit(formula, frame).fit(disp=0), {}
    for arm, mean in (("new", result.mean_treated), ("usual", result.mean_other)):
        predicted = model.predict(frame.assign(arm=arm), **asked)
        assert mean == pytest.approx(np.average(predicted, weights=frame["years"] if exposure else None), rel=1e-8)


def test_cluster_means_are_the_ratio_of_means_of_the_clinics():
    frame = counted()
    result = found(frame, estimator="cluster_means")
    risks = frame.groupby(["arm", "clinic"])["b"].mean()
    one, other = risks["new"], risks["usual"]
    assert result.estimate == pytest.approx(one.mean() / other.mean(), rel=1e-10)
    variance = sum(part.var(ddof=1) / len(part) / part.mean() ** 2 for part in (one, other))
    assert result.se_log == pytest.approx(variance**0.5, rel=1e-8)
    assert result.estimand == "cluster average"


def test_the_jackknife_leaves_out_one_clinic_arm_by_arm():
    frame = counted()
    asked = {"strata": "region", "covariates": ["x"]}
    result, variance = found(frame, estimator="jackknife", **asked), 0.0
    for _, cell in frame.groupby("arm"):
        logs = [np.log(found(frame[frame["clinic"] != one], **asked).estimate) for one in cell["clinic"].unique()]
        variance += (len(logs) - 1) * np.var(logs)
    assert result.se_log == pytest.approx(variance**0.5, rel=1e-7)
    assert result.df == 29 - 3 - 1


def test_the_jackknife_leaves_out_pairs():
    frame = paired(rows=40).assign(b=lambda f: (f["y"] + 3 * np.sin(7.0 * np.arange(len(f))) > 0.5) * 1)
    result = found(frame, estimator="jackknife", strata="pair")
    logs = [np.log(found(frame[frame["pair"] != one], strata="pair").estimate) for one in range(6)]
    assert result.se_log == pytest.approx((5 * np.var(logs)) ** 0.5, rel=1e-7)
    assert result.df == 5


@pytest.mark.parametrize(("link", "family", "outcome"), [(LOGIT, "Binomial", "b"), (LOG, "Poisson", "n")])
def test_estimating_equations_are_those_of_statsmodels(link, family, outcome):
    frame = counted().sort_values("clinic", kind="stable")
    trial = read_trial(frame, outcome, covariates=["x"], **ROLES)
    model = _model(trial, "risk" if outcome == "b" else "rate", np.ones(len(frame)), "gee")
    fit = fit_gee_mean(model.counts, model.events, model.design, trial.codes, link, model.coefficients())
    asked = {"groups": trial.codes, "cov_struct": sm.cov_struct.Exchangeable()}
    there = sm.GEE(model.events, model.design, family=getattr(sm.families, family)(), **asked)
    for kind, correction in (("robust", "none"), ("bias_reduced", "mancl_derouen")):
        solved = there.fit(ctol=1e-11, maxiter=200, cov_type=kind)
        np.testing.assert_allclose(fit.coefficients, solved.params, rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose([sandwich(fit, one, correction).se for one in np.eye(3)], solved.bse, rtol=1e-6)
    assert fit.correlation > 0


@pytest.mark.parametrize("estimator", ["cr2", "jackknife", "cluster_means", "gee"])
@pytest.mark.parametrize("measure", MEASURES)
def test_swapped_arms_and_units_of_exposure(estimator, measure):
    frame = counted()
    outcome, asked = "n" if measure == "rate" else "b", {"estimator": estimator, "covariates": ["x"]}
    base = found(frame, outcome, measure, **asked)
    swapped = found(frame.sample(frac=1, random_state=1), outcome, measure, **(asked | {"treated": "usual"}))
    turned = (1 / base.estimate, 1 / base.ci_high, base.p_value)
    assert (swapped.estimate, swapped.ci_low, swapped.p_value) == pytest.approx(turned, rel=1e-6)
    if measure == "rate":
        scaled = found(frame.assign(years=2.0), outcome, measure, exposure="years", **asked)
        numbers = (base.estimate, base.mean_treated / 2, base.se_log)
        assert (scaled.estimate, scaled.mean_treated, scaled.se_log) == pytest.approx(numbers, rel=1e-6)


def test_rows_without_exposure_are_left_out():
    frame = counted()
    holes = frame.assign(years=frame["years"].where(frame.index % 50 != 0))
    result = found(holes, "n", "rate", exposure="years")
    expected = found(frame[frame.index % 50 != 0], "n", "rate", exposure="years")
    assert result.n_dropped == (frame.index % 50 == 0).sum()
    assert dataclasses.replace(result, n_dropped=0) == expected


@pytest.mark.parametrize(
    ("change", "asked", "message"),
    [
        ({"b": lambda f: f["b"] * (f["arm"] == "new")}, {}, "no event in arm 'usual', so no ratio exists; report"),
        ({"b": lambda f: f["b"].where(f["arm"] == "new", 1)}, {"measure": "odds"}, "nothing but events in arm 'usual'"),
        ({"b": lambda f: f["b"] * 2}, {}, "'b' is not 0/1, so it has no risk"),
        ({"b": lambda f: -f["b"]}, {"measure": "rate"}, "holds no counts of events"),
        ({"years": 0}, {"measure": "rate", "exposure": "years"}, "'years' has an exposure of 0 or less"),
        ({}, {"exposure": "years"}, "exposure is for the measure 'rate' alone"),
        ({}, {"measure": "hazard"}, "measure must be one of risk, odds, rate"),
        ({}, {"estimator": "mixed"}, "estimator must be one of cr2, jackknife, cluster_means, gee"),
        ({"b": lambda f: f["b"] * (f["region"] != 0)}, {"strata": "region"}, "predict the outcome perfectly in some"),
        (
            {"b": lambda f: f["b"] * ((f["arm"] == "new") | (f["clinic"] == f["clinic"][f["arm"] != "new"].iloc[0]))},
            {"estimator": "jackknife"},
            'all events of an arm are in what is left out; ask "cr2"',
        ),
    ],
)
def test_what_has_no_ratio_is_refused(change, asked, message):
    with pytest.raises(ValueError, match=message):
        found(counted().assign(**change), **asked)


def test_a_ratio_prints_as_three_lines():
    lines = str(found(counted(), covariates=["x"], strata="region")).splitlines()
    assert len(lines) == 3 and lines[0].startswith("b       new over usual: risk ratio ")
    assert "; adjusted risks " in lines[1] and " (new) and " in lines[1]
    assert "cr2, individual average, inside strata of region, adjusted for x, t with" in lines[2]
    assert "; risks " in str(found(counted()))
    assert isinstance(found(counted()), Ratio) and found(counted()).to_frame()["measure"].item() == "risk"
    assert isinstance(found(counted()).to_frame(), pd.DataFrame)

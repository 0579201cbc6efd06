"""The simulation study: trials are what they claim, and no answer is lost."""

import dataclasses
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from clustertrials.estimators import estimate_effect
from clustertrials.simulation_study import Scenario, draw, measure, simulate_estimators, tally

SMALL = Scenario("small", (5, 8, 11, 14, 17, 20, 9, 12), treated=4, icc=0.1, correlation=0.5, effect=0.2, slope=0.4)


def test_the_two_true_averages_are_those_of_the_offices_effects():
    sizes = np.array(SMALL.sizes)
    effects = 0.2 + 0.4 * (sizes / sizes.mean() - 1)
    assert SMALL.cluster_effect == pytest.approx(effects.mean())
    assert SMALL.individual_effect == pytest.approx(np.repeat(effects, sizes).mean())
    assert SMALL.individual_effect > SMALL.cluster_effect


@pytest.mark.parametrize("share", [None, 0.2])
def test_planted_moments_are_met(share):
    """Level, variance, correlation inside offices, correlation with baseline and effect, in one very large trial."""
    truth = Scenario("big", (30,) * 8000, treated=4000, icc=0.1, correlation=0.6, effect=0.1, share=share)
    frame = draw(truth, np.random.default_rng(2))
    treated = frame["arm"] == 1
    assert frame["outcome"][treated].mean() - frame["outcome"][~treated].mean() == pytest.approx(0.1, abs=0.015)
    variance = 1 if share is None else share * (1 - share)
    for column in ("outcome", "baseline"):
        other = frame[~treated]
        assert other[column].mean() == pytest.approx(share or 0, abs=0.015)
        assert other[column].var() == pytest.approx(variance, rel=0.02)
        offices = other.groupby("cluster")[column]
        between = offices.mean().var() - offices.var().mean() / 30
        assert between / variance == pytest.approx(0.1, abs=0.01)
    inside = frame[~treated] - frame[~treated].groupby("cluster").transform("mean").assign(cluster=0, arm=0)
    assert np.corrcoef(inside["baseline"], inside["outcome"])[0, 1] == pytest.approx(0.6, abs=0.01)


@pytest.mark.parametrize(
    "change",
    [{"icc": 1.0}, {"treated": 8}, {"correlation": -0.1}, {"share": 0.2}, {"share": 0.2, "slope": 0, "effect": 0.9}],
)
def test_impossible_truths_are_refused(change):
    with pytest.raises(ValueError, match="scenario 'small'"):
        replace(SMALL, **change)


def test_a_replicate_depends_neither_on_how_many_are_run_nor_on_their_order():
    asked = ["cr2", "naive"]
    whole = measure(SMALL, asked, seed=1, first=0, last=6)
    parts = [measure(SMALL, asked, seed=1, first=a, last=b) for a, b in ((4, 6), (0, 4))]
    np.testing.assert_array_equal(whole, np.concatenate(parts[::-1]))
    assert not np.array_equal(whole[:, 0], measure(SMALL, asked, seed=2, first=0, last=6)[:, 0])
    other = replace(SMALL, name="another")
    assert not np.array_equal(whole[:, 0], measure(other, asked, seed=1, first=0, last=6)[:, 0])


@dataclasses.dataclass(frozen=True)
class Made:
    """A truth of 1 whose `cr2` refuses on odd trials, is off by `error`, and has intervals and p-values as told."""

    error: float = 0.0
    half: float = 1.0
    p_value: float = 0.5
    raises: type[Exception] = ValueError
    name: str = "made"
    individual_effect: float = 1.0
    cluster_effect: float = 3.0

    def trial(self, rng):
        frame = draw(SMALL, rng)
        refuses = rng.random() < 0.3
        base = estimate_effect(frame, "outcome", arm="arm", cluster="cluster", treated=1)

        def ask(estimator):
            if refuses and estimator == "cr2":
                raise self.raises("planted")
            middle = 1 + self.error
            limits = {"ci_low": middle - self.half, "ci_high": middle + self.half}
            return replace(base, estimate=middle, se=0.5, p_value=self.p_value, **limits)

        return ask


def test_refusals_are_counted_and_the_rest_is_about_the_others():
    one, other = simulate_estimators(Made(), ["cr2", "naive"], replicates=40, seed=1)
    assert 0 < one.failed < 40 and other.failed == 0
    assert one.answered == 40 - one.failed == one.covered and one.mean_estimate == 1 and one.bias == 0


def test_an_estimator_that_never_answers_has_no_numbers_but_a_count():
    truth = replace(SMALL, sizes=(1,) * 8, slope=0.0)
    (one,) = simulate_estimators(truth, ["mixed"], replicates=3, seed=1)
    assert one.failed == 3 and math.isnan(one.mean_estimate) and one.rejections == 0


def test_a_fault_that_is_no_refusal_stops_the_run():
    with pytest.raises(ZeroDivisionError):
        simulate_estimators(Made(raises=ZeroDivisionError), ["cr2"], replicates=40, seed=1)


@pytest.mark.parametrize(
    ("made", "bias", "covers", "rejects"),
    [
        (Made(error=0.5), 0.5, (1, 0), 0),
        (Made(error=0.5, half=0.4), 0.5, (0, 0), 0),
        (Made(half=2.5, p_value=0.05), 0.0, (1, 1), 1),
        (Made(half=2.5, p_value=0.0501), 0.0, (1, 1), 0),
    ],
)
def test_planted_bias_coverage_and_rejections_are_found(made, bias, covers, rejects):
    (one,) = simulate_estimators(made, ["naive"], replicates=10, seed=1)
    assert one.bias == pytest.approx(bias)
    assert (one.covers_individual, one.covers_cluster) == (
        10 * covers[0],
        10 * covers[1],
    ) and one.rejections == 10 * rejects
    assert (one.covered, one.truth) == (one.covers_individual, 1.0)
    (office,) = simulate_estimators(made, ["cluster_means"], replicates=10, seed=1)
    assert (office.covered, office.truth) == (office.covers_cluster, 3.0)


def test_monte_carlo_errors():
    """Clopper-Pearson by its definition: at each limit, as many or more (fewer) have half of what is left."""
    one = replace(simulate_estimators(SMALL, ["naive"], replicates=2, seed=1)[0], replicates=200, failed=0)
    rate, low, high = one.share(12, 0.99)
    assert rate == 0.06
    assert binom.sf(11, 200, low) == pytest.approx(0.005) and binom.cdf(12, 200, high) == pytest.approx(0.005)
    answers = np.random.default_rng(1).normal(size=(50, 1, 5))
    (summed,) = tally(SMALL, ["cr2"], answers)
    assert summed.bias_se == pytest.approx(answers[:, 0, 0].std(ddof=1) / 50**0.5)

"""The results of estimators: frozen records at full precision, rounded only where they are printed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal
from html import escape
from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

# Estimators of `estimate_effect` and what tables call them; {cluster} and {clusters} stand for what the trial
# randomised, such as school and schools. Here, since who names an estimator need not load its method.
LABELS = {
    "cr2": "OLS, CR2",
    "cr3": "OLS, CR3",
    "cluster_means": "{cluster} means",
    "randomisation": "randomisation test",
    "mixed": "mixed model, Kenward\N{EN DASH}Roger",
    "gee": "GEE, Fay\N{EN DASH}Graubard",
    "gee_kc": "GEE, Kauermann\N{EN DASH}Carroll",
    "gee_md": "GEE, Mancl\N{EN DASH}DeRouen",
    "naive": "naive, ignores {clusters}",
}
# Answers of other functions.
OTHER_LABELS = {
    "within_cluster_difference": "differences inside {clusters}",
    "ipw": "weighted for missing, CR2",
    "mixed_batched": "mixed model, t on {clusters} \N{MINUS SIGN} 2",
}


class TrialWarning(UserWarning):
    """An answer that a method is known to get wrong in a trial like this one."""


@dataclass(frozen=True)
class Inference:
    """A coefficient in units of the outcome, its standard error, and the df of its t reference; or arrays of them."""

    estimate: float
    se: float
    df: float

    @property
    def p_value(self) -> float:
        """Two-sided p-value of a coefficient of 0."""
        # Imported here because most of those who load this module only read and print records.
        from scipy import stats

        return 2 * stats.t.sf(abs(self.estimate / self.se), self.df)

    def interval(self, level: float) -> tuple[float, float]:
        """Limits of the confidence interval."""
        from scipy import stats

        margin = self.se * stats.t.ppf((1 + level) / 2, self.df)
        return self.estimate - margin, self.estimate + margin


class Printed:
    """Prints a record as lines of a label and a text; as a table in a notebook."""

    def _lines(self) -> dict[str, str]:
        """Label and text of each line: all fields that have a value, unless a record says it in words."""
        said = {name: _text(value) for name, value in vars(self).items() if value is not None}
        return {name: text for name, text in said.items() if text}

    def __str__(self) -> str:
        lines = self._lines()
        width = max(map(len, lines)) + 2
        return "\n".join(f"{label:<{width}}{text}" for label, text in lines.items())

    def _repr_html_(self) -> str:
        rows = (f"<tr><th>{escape(label)}</th><td>{escape(text)}</td></tr>" for label, text in self._lines().items())
        return f"<table>{''.join(rows)}</table>"

    def to_frame(self) -> pd.DataFrame:
        """All numbers as a frame at full precision: one row, or one for each outcome of a test of several."""
        import pandas as pd

        values = asdict(self)
        return pd.DataFrame(values if any(map(_is_array, values.values())) else [values])


@dataclass(frozen=True)
class Effect(Printed):
    """Difference between two arms, treated minus other, on the outcome's own scale, for a 0/1 outcome of risks.

    Attributes
    ----------
    estimate, se, df, statistic, p_value, ci_low, ci_high, level : float
        The two-sided p-value is of no difference, the interval at `level`; `df` is NaN where the reference is not a t.
    n_units, n_clusters, n_dropped : int
        Rows used, clusters they lie in, and rows left out because a value was missing.
    icc : float
        Intraclass correlation of the outcome inside arms (ANOVA estimator, not truncated at zero), strata and
        covariates left out of account; NaN where every cluster has a single row or the correlation cancels from the
        contrast.
    estimator, estimand : str
        Name of the method, and the average it targets: ``"individual average"`` weights every row alike,
        ``"cluster average"`` every cluster alike, ``"precision-weighted average"`` neither.
    mean_treated, mean_other : float
        Raw means of the arms, over the rows used: neither adjusted nor weighted, whatever the estimate is.
    n_allocations, exact : int or None, bool
        Size of the set of allocations, or of patterns of signs, from which the p-value comes, if it does; and whether
        all of them were counted, not a Monte Carlo sample.
    covariates, strata : tuple of str, str
        What the estimate is adjusted for, labels with their reference level, and the column of the strata.
    outcome, treated, other, source : str
        Column of the outcome, what the arms are called in the data, and where these came from, if that was said.
    """

    estimate: float
    se: float
    df: float
    statistic: float
    p_value: float
    ci_low: float
    ci_high: float
    n_units: int
    n_clusters: int
    n_dropped: int
    icc: float
    estimator: str
    estimand: str
    level: float
    mean_treated: float
    mean_other: float
    n_allocations: int | None = None
    exact: bool = False
    covariates: tuple[str, ...] = ()
    source: str = ""
    outcome: str = ""
    treated: str = ""
    other: str = ""
    strata: str = ""

    @property
    def is_significant(self) -> bool:
        """Whether the two-sided test rejects at 1 - `level`; an exact interval can disagree at the margin."""
        # Rounded, since 1 - 0.9 is below 0.1 in binary and an exact p-value can be 0.1 to the last bit.
        return self.p_value <= round(1.0 - self.level, 12)

    @classmethod
    def from_t(cls, estimate: float, se: float, df: float, *, level: float, **rest: object) -> Effect:
        """Make an effect whose p-value and interval come from a t distribution; `rest` are the other fields."""
        fit = Inference(float(estimate), float(se), float(df))
        low, high = (float(end) for end in fit.interval(level))
        return cls(
            **asdict(fit),
            statistic=fit.estimate / fit.se,
            p_value=float(fit.p_value),
            ci_low=low,
            ci_high=high,
            level=level,
            **rest,
        )

    def _lines(self) -> dict[str, str]:
        units = _data(self)
        method = f"{self.estimator}, {self.estimand}" + _adjusted(self)
        if self.n_allocations is not None:
            method += f", {'all' if self.exact else 'a sample of'} {shown_total(self.n_allocations)} "
            method += "patterns of signs" if self.estimator == "wild_bootstrap" else "allocations"
        elif isfinite(self.df):
            method += f", t with {self.df:.1f} degrees of freedom"
        compared = f"{self.treated} minus {self.other}: " if self.treated else ""
        means = " and ".join(
            f"{_number(mean)} ({arm})" if arm else _number(mean)
            for mean, arm in ((self.mean_treated, self.treated), (self.mean_other, self.other))
        )
        return {
            self.outcome or "difference": f"{compared}{_number(self.estimate)} ({_interval(self)}), "
            f"{_p_value(self.p_value)}",
            "data": f"{units}; raw means {means}; ICC {self.icc:.3f}",
            "method": method + (f"; data: {self.source}" if self.source else ""),
        }


@dataclass(frozen=True)
class Ratio(Printed):
    """Ratio of the risks, odds or rates of two arms, treated over other.

    `se_log` is the standard error of its logarithm, `df` are the degrees of freedom of the t distribution, `p_value` is
    two-sided, for a ratio of 1. The means are the outcome (risk, or rate a unit of exposure) if all rows were in one
    arm or the other, by the fitted model. `measure` is ``"risk"``, ``"odds"`` or ``"rate"``; the rest is as for
    `clustertrials.Effect`.
    """

    estimate: float
    ci_low: float
    ci_high: float
    se_log: float
    df: float
    p_value: float
    mean_treated: float
    mean_other: float
    measure: str
    estimator: str
    estimand: str
    n_units: int
    n_clusters: int
    n_dropped: int
    level: float
    covariates: tuple[str, ...] = ()
    outcome: str = ""
    treated: str = ""
    other: str = ""
    strata: str = ""
    source: str = ""

    def _lines(self) -> dict[str, str]:
        adjusted = "adjusted " if self.covariates or self.strata else ""
        what = adjusted + ("rates" if self.measure == "rate" else "risks")
        means = f"{_number(self.mean_treated)} ({self.treated}) and {_number(self.mean_other)} ({self.other})"
        return {
            self.outcome: f"{self.treated} over {self.other}: {self.measure} ratio {_number(self.estimate)} "
            f"({_interval(self)}), {_p_value(self.p_value)}",
            "data": f"{_data(self)}; {what} {means}",
            "method": f"{self.estimator}, {self.estimand}{_adjusted(self)}, t with {self.df:.1f} degrees of freedom"
            + (f"; data: {self.source}" if self.source else ""),
        }


@dataclass(frozen=True)
class Icc(Printed):
    """Intraclass correlation with its interval, from the F distribution (Searle), by REML from the profile likelihood.

    The ANOVA estimate may be negative, which is shown and not hidden; by REML it is never below 0. `mean_size` is the
    ANOVA's average cluster size n0, which lies below the plain mean for unequal sizes. `method` is ``"anova"`` or
    ``"reml"``.
    """

    estimate: float
    ci_low: float
    ci_high: float
    n_units: int
    n_clusters: int
    mean_size: float
    level: float
    source: str = ""
    method: str = "anova"

    def _lines(self) -> dict[str, str]:
        data = f"; data: {self.source}" if self.source else ""
        return {
            "ICC": f"{self.estimate:.3f} ({_interval(self)})",
            "method": f"{self.method}, {self.n_units:,} units in {self.n_clusters:,} clusters{data}",
        }


def _data(result: Effect | Ratio) -> str:
    units = f"{result.n_units:,} units in {result.n_clusters:,} clusters"
    return units + (f", {result.n_dropped:,} rows left out" if result.n_dropped else "")


def _adjusted(result: Effect | Ratio) -> str:
    adjusted = f", adjusted for {', '.join(result.covariates)}" if result.covariates else ""
    return f", inside strata of {result.strata}{adjusted}" if result.strata else adjusted


def _interval(result: Effect | Ratio | Icc) -> str:
    return f"{100 * result.level:g} % CI {_number(result.ci_low)} to {_number(result.ci_high)}"


def _is_array(value: object) -> bool:
    # Without loading numpy, which those who only name an estimator need not wait for.
    return hasattr(value, "tolist") and isinstance(value.tolist(), list)


def _text(value: object) -> str:
    if _is_array(value):
        return ", ".join(map(_text, value.tolist()))
    return _number(value) if isinstance(value, float) else str(value)


def _number(value: float) -> str:
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"


def _p_value(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def shown_total(total: int) -> str:
    """A count of allocations as it is printed: a large one in powers of ten.

    >>> shown_total(77558760), shown_total(10**40)
    ('77,558,760', '1.0e+40')
    """
    return f"{total:,}" if total < 1e15 else f"{Decimal(total):.1e}"

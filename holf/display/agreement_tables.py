"""Tables of the agreement with R: this book's number, R's, how far apart, and how far they may be."""

from __future__ import annotations

from collections.abc import Sequence

from holf.display import text
from holf.display.agreement import Digits, ReferenceTrial
from holf.display.reanalysis import COVARIATES
from holf.display.table import Table
from holf.record.source import RECORD, joint_source

# Quantities by path inside the covariates, as readers know them.
LABELS = {
    "rows": "Rows used",
    "robust/estimate": "Least squares: effect",
    **{
        f"robust/{kind}/{part}": f"{kind}: {label}"
        for kind in ("CR0", "CR2", "CR3")
        for part, label in (("se", "standard error"), ("df", "Satterthwaite df"))
    },
    "mixed/estimate": "REML: effect",
    "mixed/se_plain": "REML: standard error",
    "mixed/between": "REML: variance between clusters",
    "mixed/within": "REML: variance inside clusters",
    "mixed/se": "Kenward\N{EN DASH}Roger: standard error",
    "mixed/df": "Kenward\N{EN DASH}Roger: df",
    "gee/estimate": "GEE: effect",
    "gee/alpha": "GEE: working correlation (moments)",
    **{
        f"gee/{coding}/{part}": f"GEE, {said}: {label}"
        for coding, said in (("arms", "a column an arm"), ("zero_one", "0/1 coding"))
        for part, label in (
            ("plain", "plain sandwich"),
            ("fay_graubard", "Fay\N{EN DASH}Graubard"),
            ("mancl_derouen", "Mancl\N{EN DASH}DeRouen"),
        )
    },
    "offices/estimate": "Cluster means: effect",
    "offices/se": "Cluster means: standard error",
    "offices/df": "Cluster means: df",
    "gap/estimate": "Family less office average",
    "gap/se": "The same: jackknife standard error",
    "log_odds/estimate": "Marginal log odds ratio",
    "log_odds/se": "The same: jackknife standard error",
    "icc/estimate": "ICC, ANOVA",
    "icc/low": "ICC, ANOVA: lower limit",
    "icc/high": "ICC, ANOVA: upper limit",
    "icc/n0": "ICC, ANOVA: mean size n0",
    "icc_reml/estimate": "ICC, REML",
    "icc_reml/low": "ICC, REML: lower limit",
    "icc_reml/high": "ICC, REML: upper limit",
}
COUNTED = {
    "means": "Difference of cluster means",
    "events": "Difference of event counts",
    "strata": "Event counts, randomised in two strata",
    "weighted": "Difference of weighted means",
    "welch": "Welch's t",
    "adjusted": "Covariate-adjusted coefficient",
    "max_t": "Step-down max-T",
}
TAILS = {
    "total": "allocations in all",
    "greater": "as large or larger",
    "less": "as small or smaller",
    "two_sided": "as far from zero",
    "means": "cluster means",
    "events": "event counts",
}


def trials_table(trials: Sequence[ReferenceTrial]) -> Table:
    """The data sets: what they are, where they were published, and under which licence."""
    rows = tuple((one.source, one.about, one.taken_from, one.licence) for one in trials)
    return Table("The data sets", ("Data", "What", "Taken from", "Licence"), rows, source=RECORD)


def summary_table(found: Sequence[tuple[ReferenceTrial, Sequence[Digits]]]) -> Table:
    """For each data set: how many numbers were compared, how many lie beyond tolerance, and the worst distance."""
    rows = []
    for trial, digits in found:
        linear, other = ([one.distance for one in digits if (one.tolerance <= 1e-9) is flag] for flag in (True, False))
        beyond = sum(not one.distance <= one.tolerance for one in digits)
        rows.append(
            (_name(trial), text.count(len(digits)), text.count(beyond), text.bound(max(linear)), text.bound(max(other)))
        )
    columns = ("Data", "Numbers compared", "Beyond tolerance", "Worst, linear algebra", "Worst, iterative fits")
    return Table("All numbers at once", columns, tuple(rows), source=joint_source(one.source for one, _ in found))


def digits_table(trial: ReferenceTrial, digits: Sequence[Digits], covariates: str, *, folded: bool = False) -> Table:
    """Number by number, for one set of covariates and the correlations beside them.

    Parameters
    ----------
    trial : ReferenceTrial
    digits : sequence of Digits
        Of one outcome.
    covariates : {"none", "x", "x_z"}
        Which of the fits to show.
    folded : bool
        Show the table closed.
    """
    rows = []
    for one in digits:
        head, _, rest = one.path.partition("/")
        if head in COVARIATES and head != covariates:
            continue
        label = LABELS[rest if head in COVARIATES else one.path]
        shown = (text.figures(one.ours), text.figures(one.reference), text.bound(one.distance))
        rows.append((label, *shown, text.power_of_ten(one.tolerance), text.agreeing(one.distance), one.package))
    adjusted = "no covariate" if covariates == "none" else f"covariates {covariates.replace('_', ', ')}"
    columns = ("Quantity", "This book", "R", "Relative distance", "Tolerance", "Digits shared", "R's from")
    return Table(f"Digit by digit, {adjusted}", columns, tuple(rows), source=trial.source, folded=folded)


def counts_table(trial: ReferenceTrial, counts: Sequence[tuple[str, int, int]], *, folded: bool = False) -> Table:
    """Allocations counted by this book and by R; they are whole numbers and have to be the same."""
    rows = []
    for path, ours, theirs in counts:
        statistic, part = path.split("/")
        label = f"{COUNTED[statistic]}: {TAILS[part]}"
        rows.append((label, text.count(ours), text.count(theirs), "yes" if ours == theirs else "NO"))
    columns = ("Statistic", "This book", "R", "Same")
    return Table("Allocations, counted", columns, tuple(rows), source=trial.source, folded=folded)


def _name(trial: ReferenceTrial) -> str:
    return trial.source.partition(": ")[2]

"""The analysis plan of this book as tables, from `data/plan.yml`: every entry is this book's choice and so assumed."""

from __future__ import annotations

from holf.display import text
from holf.display.table import Cell, Table
from holf.record.plan import Outcome, Plan
from holf.record.source import RECORD

# Who is averaged over, for each level at which the plan measures.
_PEOPLE = {
    "parent": "parents",
    "child": "children",
    "coordinator": "coordinators",
    "leader": "leaders",
    "family": "families",
}


def _average(outcome: Outcome, plan: Plan) -> str:
    """Over whom the plan's estimator averages: people with equal weight, or offices."""
    return plan.words.clusters if outcome.estimator == "cluster_means" else _PEOPLE[outcome.level]


def outcomes_plan(plan: Plan) -> Table:
    """One row per outcome: the average, the estimator, what it adjusts for, and the margin with its reason."""
    rows = tuple(
        (
            outcome.label,
            _average(outcome, plan),
            text.estimator(outcome.estimator, plan.words),
            ", ".join(outcome.covariates),
            Cell(text.amount(outcome.margin, outcome.show), "assumed"),
            outcome.margin_reason,
        )
        for outcome in plan.outcomes.values()
    )
    columns = ("Outcome", "Average over", "Estimator", "Adjusted for", "Margin", "Why that margin")
    return Table("The plan of this book for each outcome", columns, rows, source=RECORD)


def rules_plan(plan: Plan) -> Table:
    """What holds for every outcome: estimand, model, weights, degrees of freedom, multiplicity and missing data."""
    first = next(iter(plan.outcomes.values()))
    others = ", ".join(text.estimator(name, plan.words) for name in first.beside + first.also)
    rows = (
        ("Estimand", f"{plan.main.label}: the difference in means at the registered time, by assignment of the office, "
         "in those who were measured. Parents are averaged over parents, children over children, not over families"),
        ("Model", "Least squares of the outcome on the arm and the person's own value at baseline"),
        ("Weights", "Every person counts once, so large offices count more; the average over offices is beside it"),
        ("Standard error", "CR2, clustered by office, with Satterthwaite's degrees of freedom; one leader per office "
         "leaves office means and their t test"),
        ("Several outcomes", "Exact step-down max-T over the primary outcomes, and Holm; the secondary ones are not "
         "adjusted"),
        ("Missing data", "People without the outcome or its baseline are left out and counted; weighting for missing, "
         "bounds and a tipping point are shown beside it"),
        ("Shown beside it", others),
        ("Level", "Two-sided tests and their intervals; equivalence by two one-sided tests against the margin"),
    )  # fmt: skip
    rows = tuple((element, Cell(choice, "assumed")) for element, choice in rows)
    return Table("What the plan of this book says", ("Element", "Choice of this book"), rows, source=RECORD)

"""Rules for a single number: what it rests on, which rule withholds it, and how it is rounded if none does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from holf.confidential.rules.policy import Policy
from holf.study.answers import Withheld, is_withheld


@dataclass(frozen=True)
class Support:
    """What lies behind a number. It holds true counts and stays inside; only its refusal may be shown.

    Attributes
    ----------
    people : int
        Units that the number is about: parents, children, staff, or families where those are the units.
    families, offices : int
        Families and offices these units belong to; families are not asked for among staff.
    largest_share : float
        Largest share of the units in one office, 0 to 1; 0 where there is nobody.
    role : str
        ``"client"`` or ``"staff"``.
    events : int or None
        For a 0/1 variable, how many units have a 1; None for any other.
    whole : bool
        For staff, whether these are all of them in one or more arms, equally many in each office of an arm.
    """

    people: int
    families: int
    offices: int
    largest_share: float
    role: str = "client"
    events: int | None = None
    whole: bool = True


def refusal(support: Support, policy: Policy) -> str | None:
    """Return the id of the first primary rule that refuses a number, or None.

    The order counts: a number refused for another rule than staff or people is known to rest on `min_people` or more;
    `holf.confidential.rules.attack` uses that.
    """
    staff = support.role == "staff"
    one_sided = support.events is not None and one_side(support.events, support.people - support.events, policy)
    broken = {
        "staff": staff and ("arm" not in policy.staff_levels or not support.whole),
        "people": support.people < policy.min_people,
        "families": not staff and support.families < policy.min_families,
        "offices": support.offices < policy.min_offices,
        "dominance": support.largest_share > policy.max_office_share,
        "class": one_sided,
    }
    return next((rule for rule, is_broken in broken.items() if is_broken), None)


def one_side(events: int, others: int, policy: Policy) -> bool:
    """Whether too few people are on one side of a share."""
    return min(events, others) < policy.min_people


def rounded(count: int, policy: Policy) -> int:
    """Return a count rounded to the nearest multiple of the policy's base, a tie upwards."""
    return (count + policy.round_to // 2) // policy.round_to * policy.round_to


def safe_mean(
    value: float, n: int | Withheld, support: Support, policy: Policy, *, statistic: str = "mean"
) -> float | Withheld:
    """Return a mean or standard deviation to the policy's digits, or the refusal.

    Where the published count `n` is withheld so is the mean: otherwise the means of the other cells, and of all, would
    give that of a cell too small to show.
    """
    if statistic not in policy.statistics:
        return Withheld("extremes")
    if is_withheld(n):
        return n
    rule = refusal(support, policy)
    return Withheld(rule) if rule else significant(value, policy)


def safe_estimate(value: float, groups: Iterable[Support], policy: Policy, *, df: float) -> float | Withheld:
    """Return a model's number (estimate, error, limit, p-value) to the policy's digits, or the refusal.

    Every one of the `groups` that the model compares must pass: an effect is no better hidden than its smallest arm,
    and beside the larger arm's mean it gives the smaller arm's. No group at all raises ValueError. `df` are offices
    less parameters of the model.
    """
    groups = tuple(groups)
    if not groups:
        raise ValueError("an estimate needs the support of every group it compares")
    rule = next(filter(None, (refusal(support, policy) for support in groups)), None)
    if rule is None and not df >= policy.min_residual_df:
        rule = "df"
    return Withheld(rule) if rule else significant(value, policy)


def significant(value: float, policy: Policy) -> float:
    """Return `value` to the policy's number of significant digits.

    First to twelve digits: the same mean, summed in another order, would round to the other side of a tie.
    """
    return float(f"{float(f'{value:.11e}'):.{policy.significant_digits - 1}e}")

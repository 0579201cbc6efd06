"""Randomisation tests by visiting every allocation in exact fractions: slow, and sharing no code with holf."""

from fractions import Fraction
from itertools import combinations, product

import numpy as np


def allocations(treated, strata):
    """Every allocation with the observed number of treated clusters in each stratum, as sets of positions."""
    options = []
    for label in sorted(set(strata)):
        members = [k for k, s in enumerate(strata) if s == label]
        options.append(list(combinations(members, sum(treated[k] for k in members))))
    return [set().union(*choice) for choice in product(*options)]


def coefficient(values, weights, strata, chosen):
    """Weighted difference of means inside strata, strata weighted by W1 W0 / W, from its definition."""
    top = bottom = Fraction(0)
    for label in set(strata):
        inside = [k for k, s in enumerate(strata) if s == label]
        arms = [[k for k in inside if (k in chosen) is flag] for flag in (True, False)]
        if not all(arms):
            continue
        sums = [sum(weights[k] for k in arm) for arm in arms]
        means = [sum(weights[k] * values[k] for k in arm) / total for arm, total in zip(arms, sums)]
        precision = sums[0] * sums[1] / sum(sums)
        top += precision * (means[0] - means[1])
        bottom += precision
    return top / bottom


def signed_square_of_welch(values, weights, strata, chosen):
    """Welch's t times its absolute value; a pair (sign, None) stands for infinity. Weights are not used."""
    arms = [[values[k] for k in range(len(values)) if (k in chosen) is flag] for flag in (True, False)]
    means = [sum(arm) / Fraction(len(arm)) for arm in arms]
    squares = [sum((v - mean) ** 2 for v in arm) for arm, mean in zip(arms, means)]
    variance = sum(s / Fraction(len(arm) * (len(arm) - 1)) for s, arm in zip(squares, arms))
    difference = means[0] - means[1]
    if variance == 0:
        return Fraction(0) if difference == 0 else Fraction(10**30) * (1 if difference > 0 else -1)
    return difference * abs(difference) / variance


def counts(values, weights, treated, strata, statistic, shift=Fraction(0)):
    """Allocations with T >= t, T <= t and |T| >= |t|, and all, once treated values are lowered by `shift`."""
    lowered = [v - shift * int(z) for v, z in zip(values, treated)]
    observed = statistic(lowered, weights, strata, {k for k, z in enumerate(treated) if z})
    every = [statistic(lowered, weights, strata, chosen) for chosen in allocations(treated, strata)]
    return (
        sum(t >= observed for t in every),
        sum(t <= observed for t in every),
        sum(abs(t) >= abs(observed) for t in every),
        len(every),
    )


def adjusted_coefficients(outcome, covariates, cluster, treated, strata):
    """Least-squares coefficient of the arm for every allocation, one regression each; the observed one first."""
    dummies = np.array([[s == label for label in sorted(set(strata))] for s in strata], dtype=float)[cluster]
    found = []
    for chosen in [{k for k, z in enumerate(treated) if z}, *allocations(treated, strata)]:
        arm = np.array([k in chosen for k in cluster], dtype=float)
        found.append(np.linalg.lstsq(np.column_stack([arm, dummies, covariates]), outcome, rcond=None)[0][0])
    return np.array(found[1:]), found[0]


def steps(values, weights, treated, strata, statistic=coefficient):
    """For a statistic that is linear in the values: shift at which each allocation meets the observed one, and its
    turn.

    The turn is 1 where the allocation is as extreme from the step on (for the upper side: up to it), -1 where it is up
    to it, 0 where the shift does not matter; then the step says whether it lies above, at or below the observed one.
    """
    arm = [Fraction(int(z)) for z in treated]
    value = statistic(values, weights, strata, {k for k, z in enumerate(treated) if z})
    found = []
    for chosen in allocations(treated, strata):
        ahead = value - statistic(values, weights, strata, chosen)
        moved = 1 - statistic(arm, weights, strata, chosen)
        found.append((ahead / moved if moved else -ahead, (moved > 0) - (moved < 0)))
    return found


def as_extreme(found, shift, side):
    """How many allocations are at least (side -1) or at most (1) the observed one at a shift."""
    return sum(-side * step >= 0 if turn == 0 else -side * turn * (shift - step) >= 0 for step, turn in found)


def limits(found, level):
    """Outermost shifts that the one-sided tests at (1 - level) / 2 do not reject; None where all are rejected nowhere."""
    allowed = int(len(found) * (1 - level) / 2)
    ends = []
    for side in (-1, 1):
        places = sorted({step for step, turn in found if turn}, reverse=side > 0)
        far = places[0] + side if places else Fraction(0)
        if as_extreme(found, far, side) > allowed:
            ends.append(None)
        else:
            ends.append(next(p for p in places if as_extreme(found, p, side) > allowed))
    return ends


def least_squares(covariates, cluster):
    """The coefficient of the arm among strata and covariates of units, with values of units or of clusters."""

    def statistic(values, weights, strata, chosen):
        rows = range(len(cluster))
        own = list(values) if len(values) == len(cluster) else [values[cluster[i]] for i in rows]
        columns = [[Fraction(int(cluster[i] in chosen)) for i in rows]]
        columns += [[Fraction(int(strata[cluster[i]] == label)) for i in rows] for label in sorted(set(strata))]
        columns += [[row[j] for row in covariates] for j in range(len(covariates[0]))]
        system = [[sum(a * b for a, b in zip(one, other)) for other in [*columns, own]] for one in columns]
        return solve(system)[0]

    return statistic


def solve(system):
    """Solve linear equations, each a row with its right side last, in fractions."""
    system = [list(row) for row in system]
    for k in range(len(system)):
        pivot = next(r for r in range(k, len(system)) if system[r][k])
        system[k], system[pivot] = system[pivot], system[k]
        system[k] = [v / system[k][k] for v in system[k]]
        for r in range(len(system)):
            if r != k and system[r][k]:
                system[r] = [v - system[r][k] * w for v, w in zip(system[r], system[k])]
    return [row[-1] for row in system]


def score_sums(values, weights, strata, every):
    """Sums over the treated clusters of weighted values less the weighted mean of their stratum."""
    means = {}
    for label in set(strata):
        inside = [k for k, s in enumerate(strata) if s == label]
        means[label] = sum(weights[k] * values[k] for k in inside) / sum(weights[k] for k in inside)
    return [sum(weights[k] * (values[k] - means[strata[k]]) for k in chosen) for chosen in every]

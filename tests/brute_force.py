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

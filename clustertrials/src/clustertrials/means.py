"""Regression of shares and rates, clusters ignored: links and Newton's method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

NEWTON_STEPS = 50


@dataclass(frozen=True)
class Link:
    """A canonical link: the mean as a function of the linear predictor."""

    mean: Callable[[np.ndarray], np.ndarray]
    variance: Callable[[np.ndarray | float, np.ndarray], np.ndarray]  # of the events, from exposure and mean
    predictor: Callable[[float], float]  # inverse of `mean`


IDENTITY = Link(lambda predictor: predictor, lambda counts, mean: counts, lambda mean: mean)
LOGIT = Link(special.expit, lambda counts, mean: counts * mean * (1 - mean), special.logit)
LOG = Link(np.exp, lambda counts, mean: counts * mean, np.log)


def fit_mean(design: np.ndarray, counts: np.ndarray, events: np.ndarray, link: Link, start: np.ndarray) -> np.ndarray:
    """Coefficients of a logistic or Poisson regression by Newton's method.

    A row counts so many times, or has so much exposure, and has so many `events`. ValueError if the likelihood has no
    maximum.
    """
    coefficients = start
    for _ in range(NEWTON_STEPS):
        mean = link.mean(design @ coefficients)
        information = (design.T * link.variance(counts, mean)) @ design
        if not np.isfinite(information).all() or np.linalg.cond(information) > 1e12:
            break
        step = np.linalg.solve(information, design.T @ (events - counts * mean))
        coefficients = coefficients + step
        if np.abs(step).max() < 1e-10:
            return coefficients
    raise ValueError("the covariates or strata predict the outcome perfectly in some rows, so nothing can be estimated")

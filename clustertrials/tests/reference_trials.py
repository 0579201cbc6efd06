"""The small simulated trials on which R's references were computed.

``python reference_trials.py FOLDER`` writes the files that R read.
"""

import sys
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

ROLES = {"arm": "arm", "cluster": "clinic", "treated": "new"}


def trial(generator: np.random.Generator, sizes: np.ndarray, n_treated: int, icc: float) -> pd.DataFrame:
    """A two-arm trial with a standard normal error, one covariate a row (x) and one a cluster (z), effect 0.2."""
    clinic = np.repeat(np.arange(len(sizes)), sizes)
    treated = generator.permutation(len(sizes)) < n_treated
    z = generator.normal(size=len(sizes))
    shared = np.sqrt(icc) * generator.normal(size=len(sizes)) + 0.1 * z
    x = generator.normal(10, 3, size=len(clinic))
    noise = np.sqrt(1 - icc) * generator.normal(size=len(clinic))
    y = 5 + 0.2 * treated[clinic] + 0.15 * (x - 10) + shared[clinic] + noise
    return pd.DataFrame(
        {
            "clinic": clinic + 1,
            "arm": np.where(treated[clinic], "new", "usual"),
            "x": x.round(4),
            "z": z[clinic].round(4),
            "y": y.round(6),
            "b": (y + generator.normal(size=len(y)) > 5.6).astype(int),
        }
    )


def sizes_29(generator: np.random.Generator, total: int) -> np.ndarray:
    """29 sizes between 14 and 64 with the given sum."""
    sizes = np.clip(np.round(generator.lognormal(3.32, 0.45, size=29)), 14, 64).astype(int)
    while sizes.sum() != total:
        k, step = generator.integers(29), np.sign(total - sizes.sum())
        sizes[k] = np.clip(sizes[k] + step, 14, 64)
    return sizes


@cache
def _all() -> dict[str, pd.DataFrame]:
    generator = np.random.default_rng(20161)
    main = trial(generator, sizes_29(generator, 884), 15, 0.05)
    tiny = trial(generator, np.array([1, 4, 6, 1, 9, 3, 5, 2, 7, 4]), 5, 0.5)
    zero = trial(generator, generator.integers(6, 30, size=14), 6, 0.0)
    means, overall = (zero.groupby(keys)["y"].transform("mean") for keys in ("clinic", "arm"))
    zero["y"] = (zero["y"] - 0.9 * (means - overall)).round(6)
    return {"main": main, "tiny": tiny, "zero": zero}


def read(name: str) -> pd.DataFrame:
    """Rows of ``main``, ``tiny`` (with two clinics of one row) or ``zero`` (clinics more alike than chance)."""
    return _all()[name].copy()


def in_full(design, residuals, codes, contrast, power=-0.5):
    """Cluster-robust error and Satterthwaite df with the hat matrix written out.

    `power` is that of I - H: -1/2 for CR2; eigenvalues near 0 are dropped, as by the pseudo-inverse.
    """
    bread = np.linalg.inv(design.T @ design)
    leave = np.eye(len(design)) - design @ bread @ design.T
    variance, rows = 0.0, []
    for inside in (codes == k for k in np.unique(codes)):
        values, vectors = np.linalg.eigh(leave[np.ix_(inside, inside)])
        powers = np.where(values < 1e-10, 0, np.maximum(values, 1e-10) ** power)
        weights = (vectors * powers) @ vectors.T @ design[inside] @ bread @ contrast
        variance += (weights @ residuals[inside]) ** 2
        rows.append(leave[:, inside] @ weights)
    form = np.array(rows) @ np.array(rows).T
    return variance**0.5, np.trace(form) ** 2 / (form**2).sum()


if __name__ == "__main__":
    for name, frame in _all().items():
        frame.rename(columns={"clinic": "office"}).to_csv(Path(sys.argv[1]) / f"{name}.csv", index=False)

"""Write the small simulated trials that the references are computed on: python make_trials.py"""

from pathlib import Path

import numpy as np
import pandas as pd

OUT = Path(__file__).parents[2] / "data" / "simulated" / "reference"


def trial(generator: np.random.Generator, sizes: np.ndarray, n_treated: int, icc: float) -> pd.DataFrame:
    """A two-arm trial with a standard normal error, one covariate a row (x) and one a cluster (z), effect 0.2."""
    office = np.repeat(np.arange(len(sizes)), sizes)
    treated = generator.permutation(len(sizes)) < n_treated
    z = generator.normal(size=len(sizes))
    shared = np.sqrt(icc) * generator.normal(size=len(sizes)) + 0.1 * z
    x = generator.normal(10, 3, size=len(office))
    noise = np.sqrt(1 - icc) * generator.normal(size=len(office))
    y = 5 + 0.2 * treated[office] + 0.15 * (x - 10) + shared[office] + noise
    return pd.DataFrame(
        {
            "office": office + 1,
            "arm": np.where(treated[office], "new", "usual"),
            "x": x.round(4),
            "z": z[office].round(4),
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


def main() -> None:
    """Write main.csv, tiny.csv (with two offices of one row) and zero.csv (offices more alike than chance)."""
    generator = np.random.default_rng(20161)
    trial(generator, sizes_29(generator, 884), 15, 0.05).to_csv(OUT / "main.csv", index=False)
    trial(generator, np.array([1, 4, 6, 1, 9, 3, 5, 2, 7, 4]), 5, 0.5).to_csv(OUT / "tiny.csv", index=False)
    alike = trial(generator, generator.integers(6, 30, size=14), 6, 0.0)
    means, overall = (alike.groupby(keys)["y"].transform("mean") for keys in ("office", "arm"))
    alike["y"] = (alike["y"] - 0.9 * (means - overall)).round(6)
    alike.to_csv(OUT / "zero.csv", index=False)


if __name__ == "__main__":
    main()

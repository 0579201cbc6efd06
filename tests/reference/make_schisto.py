"""Turn the Mbita schistosomiasis trial's public files into schisto.csv: python make_schisto.py SCHISTO SPATIAL

SCHISTO and SPATIAL are data/mbita_schisto.csv and data/mbita_spatial.csv of the trial's repository (README.md here).
"""

import hashlib
import sys
from pathlib import Path

import numpy as np
import pandas as pd

HASHES = (
    "731cc71f61c314b2fe37d4cbaa14b51fa048c56e813e4f880d8e64469ee614ec",
    "13bb308947e994c8486a10f5b46721d1144bed984bce8308d418bef76fed3c9d",
)
YEAR = 2014


def main(sources: list[str]) -> None:
    """Keep the last year: village, arm, age (x), elevation in km (z), log antibody response (y), egg-positive (b)."""
    for source, expected in zip(sources, HASHES, strict=True):
        if hashlib.sha256(Path(source).read_bytes()).hexdigest() != expected:
            raise SystemExit(f"{source} is not the file that the references were made from")
    children, villages = (pd.read_csv(source) for source in sources)
    last = children[children["year"] == YEAR].merge(villages, on="vid")
    table = pd.DataFrame(
        {
            "office": last["vid"],
            "arm": np.where(last["arm"] == "CWT", "new", "usual"),
            "x": last["agey"],
            "z": last["elev"] / 1000,
            "y": np.log10(last["sea"].clip(lower=1)).round(6),
            "b": last["kk_pos"].astype("Int64"),
        }
    )
    table.to_csv(Path(__file__).parents[2] / "data" / "reference" / "schisto.csv", index=False)


if __name__ == "__main__":
    main(sys.argv[1:])

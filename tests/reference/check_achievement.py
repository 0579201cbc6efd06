"""Compare the package with achievement.json on the file that R exported: python check_achievement.py PATH

Writes the worst relative distance of each kind of number to achievement_agreement.json, beside the file's hash.
"""

import hashlib
import json
import sys
from pathlib import Path

import pandas as pd
from compare import disagreements

from holf.paths import data_path
from holf.study.agreement import answers, distances, references

SHA256 = "b1b9e1ee60dc4e4b0623ed6c991637f405cabd1d6d3d85733ce910fbf7de165c"


def main(source: str) -> None:
    """Compare both outcomes and write the agreement; exit with an error if a tolerance is passed."""
    if hashlib.sha256(Path(source).read_bytes()).hexdigest() != SHA256:
        raise SystemExit(f"{source} is not the file that the references were made from")
    agreement = {}
    for outcome, reference in references("achievement").items():
        found = answers(pd.read_csv(source), outcome)
        if disagreements(found, reference):
            raise SystemExit(f"{outcome}: beyond tolerance: {', '.join(disagreements(found, reference))}")
        for path, gap in distances(found, reference).items():
            agreement[f"{outcome}/{path}"] = float(f"{gap:.1e}")
    data_path("reference/achievement_agreement.json").write_text(
        json.dumps({"sha256": SHA256, "relative_distance": agreement}, indent=1) + "\n"
    )
    print(f"{len(agreement)} numbers agree, the worst within {max(agreement.values()):.1e}")


if __name__ == "__main__":
    main(sys.argv[1])

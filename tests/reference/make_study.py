"""Write the simulated study's comparison as study.csv, one row a parent: python make_study.py

Joined here by hand from the tables of the null world, so that it does not lean on the code under test.
"""

from pathlib import Path

import numpy as np
import pandas as pd

DATA = Path(__file__).parents[2] / "data" / "simulated"
TABLES = ("offices", "families", "parents", "register")


def study_frame(world: Path = DATA / "null") -> pd.DataFrame:
    """Income (y) and employment (b) after a year, income at baseline (x), families identified by the office (z).

    Income in thousands of kroner and families in hundreds: in kroner, clubSandwich, which does not centre, loses two
    digits (4e-9 apart on the standard error), and gee does not converge on employment with both covariates.
    """
    offices, families, parents, register = (pd.read_csv(world / f"{name}.csv") for name in TABLES)
    people = parents[parents["analysed"] == 1].merge(families[families["enrolled"] == 1], on="family_id")
    people = people.merge(offices, on="office_id")
    waves = register.pivot(index="parent_id", columns="wave", values=["income", "employed"])
    taken = {"x": ("income", "m0"), "y": ("income", "m12"), "b": ("employed", "m12")}
    for name, column in taken.items():
        people[name] = people["parent_id"].map(waves[column])
    people[["x", "y"]] /= 1000
    people["z"] = people["families_identified"] / 100
    people["arm"] = np.where(people["arm"] == "holf", "new", "usual")
    people = people.rename(columns={"office_id": "office"})
    return people.sort_values(["office", "parent_id"])[["office", "arm", "x", "z", "y", "b"]]


if __name__ == "__main__":
    study_frame().to_csv(DATA / "reference" / "study.csv", index=False)

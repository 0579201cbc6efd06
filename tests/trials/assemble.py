"""Make the folder of another trial ready for holf: python tests/trials/assemble.py OUT

OUT/book is the project folder (``HOLF_ROOT``), with the house's disclosure rules and style sheet; OUT/tables holds the
trial's rows in the tables of its schema.
"""

import shutil
import sys
from pathlib import Path

import pandas as pd

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
ROWS = PROJECT / "data" / "reference" / "schisto.csv"
ARMS = {"new": "community", "usual": "school"}


def tables() -> dict[str, pd.DataFrame]:
    """Villages and the children in them, from the rows that the comparison with R keeps (office is the village)."""
    rows = pd.read_csv(ROWS, dtype=str, keep_default_na=False)
    village = "V" + rows["office"].str.zfill(2)
    children = pd.DataFrame(
        {
            "child_id": [f"C{number:04d}" for number in range(1, len(rows) + 1)],
            "village_id": village,
            "age": rows["x"],
            "stool_result": (rows["b"] != "").astype(int),
            "antibody_y2014": rows["y"],
            "egg_positive_y2014": rows["b"],
        }
    )
    villages = pd.DataFrame({"village_id": village, "treatment": rows["arm"].map(ARMS), "elevation": rows["z"]})
    return {"villages": villages.drop_duplicates(), "children": children}


def assemble(out: Path) -> tuple[Path, Path]:
    """Write the project folder and the tables below `out`; return both."""
    book, folder = out / "book", out / "tables"
    shutil.copytree(HERE / "mbita", book)
    shutil.copytree(PROJECT / "assets", book / "assets")
    shutil.copy2(PROJECT / "data" / "disclosure.yml", book / "data")
    folder.mkdir()
    for name, frame in tables().items():
        frame.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    return book, folder


if __name__ == "__main__":
    assemble(Path(sys.argv[1]))

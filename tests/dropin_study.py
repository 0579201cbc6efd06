"""A small drop-in to spoil: a few offices of a simulated study, under ids that do not say SYN-."""

from pathlib import Path

import pandas as pd

from holf.paths import project_root

OFFICES, FAMILIES = 3, 4  # of each arm, and of each office and group


def small_study() -> dict[str, pd.DataFrame]:
    """Tables as text, empty where missing, whose keys, links and rules hold."""
    folder = project_root() / "data" / "simulated" / "null"
    tables = {
        path.stem: pd.read_csv(path, dtype=str, keep_default_na=False).replace("^SYN-", "", regex=True)
        for path in sorted(folder.glob("*.csv"))
    }
    tables["offices"] = tables["offices"].groupby("arm").head(OFFICES)
    kept = tables["families"][tables["families"]["office_id"].isin(tables["offices"]["office_id"])]
    tables["families"] = kept.groupby(["office_id", "enrolled", "followup_group"]).head(FAMILIES)
    above = [
        ("leaders", "office_id", "offices"),
        ("coordinators", "office_id", "offices"),
        ("parents", "family_id", "families"),
        ("children", "family_id", "families"),
        ("delivery", "family_id", "families"),
        ("survey", "parent_id", "parents"),
        ("register", "parent_id", "parents"),
    ]
    for table, key, linked in above:
        tables[table] = tables[table][tables[table][key].isin(tables[linked][key])]
    return {name: frame.reset_index(drop=True) for name, frame in tables.items()}


def write_tables(tables: dict[str, pd.DataFrame], folder: Path) -> Path:
    """One comma separated UTF-8 file a table."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in tables.items():
        frame.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n", encoding="utf-8")
    return folder

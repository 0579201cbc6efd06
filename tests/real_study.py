"""Tables that look like a real study, with values planted in them that must never come out."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
from dropin_study import write_tables

from holf.confidential.read.reader import DropIn, read_dropin
from holf.confidential.release import document
from holf.paths import MARK_FILE, project_root
from holf.record.plan import Plan, load_plan
from holf.record.schema import load_schema
from holf.simulation.worlds import write_study

ID = "KANARI-"
INCOME, MEETINGS, HOUSING, COMPETENCE = 83497, 68351, 9.8765, 4.54321
CANARIES = (ID, *map(str, (INCOME, MEETINGS, HOUSING, COMPETENCE)))


def real_tables(folder: Path, *, seed: int = 7) -> dict[str, pd.DataFrame]:
    """The tables of a simulated study as text, under ids that do not say SYN-, with a canary of each kind."""
    write_study("null", folder, seed=seed)
    (folder / MARK_FILE).unlink()
    tables = {
        path.stem: pd.read_csv(path, dtype=str, keep_default_na=False).replace("^SYN-", ID, regex=True)
        for path in sorted(folder.glob("*.csv"))
    }
    enrolled = tables["parents"].query("analysed == '1'")["parent_id"].iloc[3]
    register, survey = tables["register"], tables["survey"]
    register.loc[(register["parent_id"] == enrolled) & (register["wave"] == "m12"), "income"] = str(INCOME)
    first = survey.index[(survey["wave"] == "m12") & (survey["answered"] == "1")][0]
    survey.loc[first, "housing_quality"] = str(HOUSING)
    tables["coordinators"].loc[2, "competence_m18"] = str(COMPETENCE)
    tables["delivery"].loc[0, "meetings"] = str(MEETINGS)
    return tables


def copied(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    return {name: frame.copy() for name, frame in tables.items()}


def taken(tables: dict[str, pd.DataFrame], folder: Path) -> DropIn:
    """The tables through files, as their holders would hand them in."""
    return read_dropin(write_tables(tables, folder), load_schema())


def without(tables: dict[str, pd.DataFrame], column: str, gone: set[str]) -> dict[str, pd.DataFrame]:
    """The tables without offices, families or parents, and without everybody below them."""
    kept = copied(tables)
    above = {"office_id": "offices", "family_id": "families", "parent_id": "parents", "coordinator_id": "coordinators"}
    kept[above[column]] = kept[above[column]][~kept[above[column]][column].isin(gone)]
    for name in ("leaders", "coordinators", "families", "parents", "children", "delivery", "survey", "register"):
        for key, table in above.items():
            if table != name and key in kept[name]:
                kept[name] = kept[name][kept[name][key].isin(kept[table][key])]
    return {name: frame.reset_index(drop=True) for name, frame in kept.items()}


def only(*questions: str, outcomes: tuple[str, ...] = ()) -> Callable:
    """A shorter catalogue: releases of a few questions are made in seconds."""
    whole = document.catalogue

    def shorter(plan: Plan) -> list:
        return [
            (question, asked)
            for question, asked in whole(plan)
            if question in questions
            and (not outcomes or asked.get("outcome", outcomes[0]) in outcomes)
            and asked.get("estimator", "cr2") in ("cr2", "within_cluster_difference")
        ]

    return shorter


def twisted(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """A study as hostile as one that can still be a book: all at once, each as real registers have it."""
    arm = tables["offices"].set_index("office_id")["arm"]
    lone = next(office for office in arm.index if arm[office] == "holf")
    families = tables["families"]
    mine = families[(families["office_id"] == lone) & (families["enrolled"] == "1")]["family_id"]
    lost = families[(families["office_id"] == lone) & ~families["family_id"].isin(mine.iloc[:1])]["family_id"]
    tables = without(tables, "family_id", set(lost))  # an office with one family
    tables = without(tables, "office_id", {arm[arm == "local"].index[0]})  # 28 offices
    home = tables["children"]["family_id"].map(tables["families"].set_index("family_id")["office_id"]).map(arm)
    known = tables["children"]["participates_m12"] != ""
    tables["children"].loc[(home == "local") & known, "participates_m12"] = "0"  # an arm without an event
    register = tables["register"]
    register.loc[register.index % 11 == 0, "income"] = ""  # not known, beside
    register.loc[register.index % 13 == 0, "income"] = "0"  # nothing earned
    register.loc[register["wave"] == "m48", ["employed", "income"]] = ""  # a wave that never came
    return tables


def sentinels_in(text: str) -> bool:
    return ID.lower() in text.lower() or any(str(number) in text for number in (INCOME, MEETINGS, HOUSING, COMPETENCE))


def chain(error: BaseException) -> Iterator[BaseException]:
    """An error with everything that goes along with it."""
    waiting, seen = [error], []
    while waiting:
        one = waiting.pop()
        if one is not None and one not in seen:
            seen.append(one)
            yield one
            waiting += [one.__cause__, one.__context__]


def plan_of(dropped: DropIn) -> Plan:
    return document.available(load_plan(), load_schema(), dropped.tables)


def project_files() -> set[Path]:
    """Every file of the project's folders that a build could write to."""
    return {
        path for name in ("_build", "chapters", "data") for path in (project_root() / name).rglob("*") if path.is_file()
    }

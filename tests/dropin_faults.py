"""Ways to spoil a drop-in, each with what its holders must then read."""

import pandas as pd

from holf.confidential.national_numbers import is_national_number

# Stands in every spoiled place; nothing that anyone sees may hold it.
CANARY = "31337"
BYTES = CANARY.encode()


def cell(table, column, value, row=0):
    """Spoil one cell."""

    return frames(table, lambda frame: frame.assign(**{column: frame[column].mask(frame.index == row, value)}))


def frames(table, change):
    """Spoil a whole table."""

    def spoil(folder):
        frame = pd.read_csv(folder / f"{table}.csv", dtype=str, keep_default_na=False)
        change(frame).to_csv(folder / f"{table}.csv", index=False)

    return spoil


def content(name, change):
    """Spoil the bytes of a file."""

    def spoil(folder):
        path = folder / name
        path.write_bytes(change(path.read_bytes() if path.exists() else b""))

    return spoil


def later_only(frame):
    first = frame["parent_id"] == frame["parent_id"][0]
    return frame[~(first & (frame["wave"] == "m12"))]


def follow_all(frame):
    """Somebody who takes part is not followed, and has rows of the register nevertheless."""
    return frame.assign(analysed=frame["analysed"].mask(frame.index == frame.index[frame["analysed"] == "1"][0], "0"))


def without_one(folder):
    """An analysed parent has no rows in the register."""
    parents = pd.read_csv(folder / "parents.csv", dtype=str, keep_default_na=False)
    one = parents["parent_id"][parents["analysed"] == "1"].iloc[0]
    frames("register", lambda frame: frame[frame["parent_id"] != one])(folder)


def other_office(folder):
    """A family has a coordinator of another office."""
    families = pd.read_csv(folder / "families.csv", dtype=str).set_index("family_id")["office_id"]
    coordinators = pd.read_csv(folder / "coordinators.csv", dtype=str)
    first = families[pd.read_csv(folder / "delivery.csv", dtype=str)["family_id"][0]]
    cell("delivery", "coordinator_id", coordinators["coordinator_id"][coordinators["office_id"] != first].iloc[0])(
        folder
    )


def national(folder):
    """The id of one parent is the number of a test person: 40 is added to the month of birth."""
    number = next(
        number for number in map("{:011}".format, range(1417010000, 1417020000)) if is_national_number(number)
    )
    one = pd.read_csv(folder / "survey.csv", dtype=str)["parent_id"][0]
    for name in ("parents", "survey", "register"):
        frames(name, lambda frame: frame.assign(parent_id=frame["parent_id"].replace(one, number)))(folder)


AN_ID = "an id is not 1 to 64 letters, digits or marks out of . : _ - with a letter or digit first"
NATIONAL = "an id is a national identity number, or looks like one"

# How to spoil the tables, and what is told then: table and column, what is wrong, and of how many rows.
MALFORMED = {
    "empty": (content("offices.csv", lambda old: b""), "offices: the file is empty (all)"),
    "header only": (
        content("offices.csv", lambda old: old.split(b"\n")[0]),
        "offices: there is a header but no row (all)",
    ),
    "nul": (content("leaders.csv", lambda old: old + b"\0" + BYTES), "leaders: the file holds NUL bytes (all)"),
    "utf-16": (
        content("leaders.csv", lambda old: (old.decode() + CANARY).encode("utf-16")),
        "leaders: the file is written in UTF-16 (all)",
    ),
    "mixed encodings": (
        content("leaders.csv", lambda old: old + f"{CANARY}ø,S01,,\n".encode() + "ø,S01,,\n".encode("latin-1")),
        f"leaders, column leader_id: {AN_ID} (1-9)",
    ),
    "no encoding": (
        content("leaders.csv", lambda old: old + b"\x81" + BYTES),
        "leaders: the file is not written in UTF-8 or Latin-1 (all)",
    ),
    "two separators": (
        content("leaders.csv", lambda old: old.replace(b"office_id", b"office;" + BYTES, 1)),
        "leaders: the header line holds more than one of comma, semicolon and tab (all)",
    ),
    "open quote": (content("leaders.csv", lambda old: old + b'"' + BYTES), "leaders: the quoting is broken (all)"),
    "trailing separators": (
        content("leaders.csv", lambda old: old.replace(b"\n", b",1\n").replace(b",1\n", b",\n", 1) + BYTES),
        "leaders: the header has an empty name (all)",
    ),
    "a name twice": (
        content("leaders.csv", lambda old: old.replace(b"competence_m18", b"Competence_m0", 1) + BYTES),
        "leaders: a column name stands in the header twice (all)",
    ),
    "uneven row": (
        content("leaders.csv", lambda old: old + f"{CANARY},S01,1,2,3\n".encode()),
        "leaders: a row has more or fewer cells than the header (1-9)",
    ),
    "no header": (
        content("leaders.csv", lambda old: old.split(b"\n", 1)[1]),
        "leaders: the first line holds no known column name (all)",
    ),
    "broken spss": (
        lambda folder: (folder / "leaders.csv").rename(folder / "leaders.sav"),
        "leaders: the file is not a whole .sav file (all)",
    ),
    "two files": (content("offices.parquet", lambda old: BYTES), "offices: the table has more than one file (all)"),
    "no offices": (lambda folder: (folder / "offices.csv").unlink(), "offices: the file is missing (all)"),
    "no table above": (
        lambda folder: (folder / "coordinators.csv").unlink(),
        "delivery, column coordinator_id: the table coordinators, to which it refers, is not there (all)",
    ),
    "no column": (
        frames("offices", lambda frame: frame.drop(columns="arm")),
        "offices, column arm: the column is missing (all)",
    ),
    "free text": (
        frames("offices", lambda frame: frame.assign(**{f"note {CANARY}": CANARY})),
        "offices: unknown columns: 1 (all)",
    ),
    "two columns for one": (
        frames("offices", lambda frame: frame.assign(kontor=CANARY)),
        "offices, column office_id: two columns stand for this one (all)",
    ),
    "not a number": (
        cell("offices", "families_identified", f"about {CANARY}"),
        "offices, column families_identified: not every value is of type integer (1-9)",
    ),
    "two marks in a number": (
        cell("register", "income", "3.133,7"),
        "register, column income: not every value is of type integer (1-9)",
    ),
    "thousands with the decimal mark": (
        frames("register", lambda frame: frame.assign(income=[f"{31 + i % 9}.337" for i in range(len(frame))])),
        "register, column income: '.' stands before three digits: decimals or thousands (250-999)",
    ),
    "forgotten codes": (
        frames("register", lambda frame: frame.assign(income=["-9", "99999999", *frame["income"][2:]])),
        "register, column income: a value looks like a code for missing, such as -9, 99 or 999 (1-9)",
    ),
    "income of a year": (
        frames(
            "register",
            lambda frame: frame.assign(income=[str(12 * int(one)) if one else "" for one in frame["income"]]),
        ),
        "register, column income: the middle value above 0 is not between 1000 and 60000 NOK per month (all)",
    ),
    "formula": (
        cell("offices", "arm", f"=cmd({CANARY})"),
        "offices, column arm: a value is not one of holf, local (1-9)",
    ),
    "out of range": (
        cell("families", "n_children_u16", CANARY),
        "families, column n_children_u16: a value lies outside 0 to 15 (1-9)",
    ),
    "required": (cell("offices", "arm", ""), "offices, column arm: a required value is missing (1-9)"),
    "a family that moved": (
        frames("families", lambda frame: pd.concat([frame, frame.iloc[[0]].assign(office_id="S02")])),
        "families, column family_id: the key is not unique (1-9)",
    ),
    "key of two columns": (
        frames("register", lambda frame: pd.concat([frame, frame.iloc[:10]])),
        "register, column parent_id, wave: the key is not unique (10-49)",
    ),
    "link": (
        cell("leaders", "office_id", CANARY),
        "leaders, column office_id: not every value is found in table offices (1-9)",
    ),
    "national numbers": (
        national,
        *(f"{name}, column parent_id: {NATIONAL} (1-9)" for name in ("parents", "survey", "register")),
    ),
    "simulated rows": (
        frames("leaders", lambda frame: frame.assign(leader_id="syn-" + frame["leader_id"])),
        "leaders, column leader_id: an id begins with SYN-, as only simulated rows do (1-9)",
    ),
    "analysed without rows": (
        without_one,
        "parents, column analysed: some rows break the rule: where analysed is 1, every parent_id has a row in register (1-9)",
    ),
    "rows without analysed": (
        frames("parents", follow_all),
        "register, column parent_id: some rows break the rule: where participates is 1, analysed is 1 (1-9)",
    ),
    "a coordinator of another office": (
        other_office,
        "delivery, column coordinator_id: some rows break the rule: a row and its row in coordinators have the same office_id (1-9)",
    ),
    "wave left out": (
        frames("register", later_only),
        "register, column wave: some rows break the rule: of one parent_id, a row of a later wave comes with a row of every earlier one: m0, m12, m24, m36, m48 (1-9)",
    ),
}

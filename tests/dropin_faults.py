"""Ways to spoil a drop-in, each with the lines that its holders must then read."""

import pandas as pd

from holf.confidential.national_numbers import is_national_number

# Stands in every spoiled place; nothing that anyone sees may hold it.
CANARY = "31337"


def cell(table, column, value, row=0):
    """Spoil one cell."""

    def spoil(folder):
        frame = pd.read_csv(folder / f"{table}.csv", dtype=str, keep_default_na=False)
        frame.loc[row, column] = value
        frame.to_csv(folder / f"{table}.csv", index=False)

    return spoil


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


def add_children(frame):
    return pd.concat([frame, frame.iloc[[0] * 15].assign(child_id=[f"{CANARY}{i}" for i in range(15)])])


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


def times(number):
    return lambda cells: [str(number * int(cell)) if cell else "" for cell in cells]


def twice(table, **changed):
    """The first row stands twice, once with other values."""
    return frames(table, lambda frame: pd.concat([frame, frame.iloc[[0]].assign(**changed)]))


def national(folder):
    """The id of one parent is the number of a test person: 40 is added to the month of birth."""
    number = next(
        number for number in map("{:011}".format, range(1417010000, 1417020000)) if is_national_number(number)
    )
    one = pd.read_csv(folder / "survey.csv", dtype=str)["parent_id"][0]
    for name in ("parents", "survey", "register"):
        frames(name, lambda frame: frame.assign(parent_id=frame["parent_id"].replace(one, number)))(folder)


def exclude_drawn(frame):
    drawn = frame["drawn"] == "1"
    return frame.assign(
        eligible=frame["eligible"].mask(drawn, "0"), followup_group=frame["followup_group"].mask(drawn, "")
    )


def _first_drawn(folder, group):
    frame = pd.read_csv(folder / "families.csv", dtype=str, keep_default_na=False)
    return frame.index[frame["followup_group"] == group][0]


MALFORMED = {
    "empty": (content("offices.csv", lambda old: b""), "offices.csv, table offices: the file is empty (rows: all)."),
    "blank": (
        content("offices.csv", lambda old: b"\n\n"),
        "offices.csv, table offices: the file is empty (rows: all).",
    ),
    "header only": (
        content("offices.csv", lambda old: old.split(b"\n")[0]),
        "offices.csv, table offices: there is a header but no row (rows: all).",
    ),
    "nul": (
        content("leaders.csv", lambda old: old + b"\0" + CANARY.encode()),
        "leaders.csv, table leaders: the file holds NUL bytes (rows: all).",
    ),
    "utf-16": (
        content("leaders.csv", lambda old: (old.decode() + CANARY).encode("utf-16")),
        "leaders.csv, table leaders: the file is written in UTF-16 (rows: all).",
    ),
    "mixed encodings": (
        content("leaders.csv", lambda old: old + f"{CANARY}ø,S01,,\n".encode() + "ø,S01,,\n".encode("latin-1")),
        "leaders.csv, table leaders: the file mixes UTF-8 and Latin-1 (rows: all).",
    ),
    "no encoding": (
        content("leaders.csv", lambda old: old + b"\x81" + CANARY.encode()),
        "leaders.csv, table leaders: the file is not written in UTF-8 or Latin-1 (rows: all).",
    ),
    "two separators": (
        content("leaders.csv", lambda old: old.replace(b"office_id", b"office;" + CANARY.encode(), 1)),
        'leaders.csv, table leaders: the header line holds more than one of comma, semicolon and tab (rows: all). State it in the mapping file, as in `separator: ";"`, or use one mark alone in the header line.',
    ),
    "open quote": (
        content("leaders.csv", lambda old: old + b'"' + CANARY.encode()),
        "leaders.csv, table leaders: the quoting is broken (rows: all).",
    ),
    "trailing separators": (
        content("leaders.csv", lambda old: old.replace(b"\n", b",1\n").replace(b",1\n", b",\n", 1) + CANARY.encode()),
        "leaders.csv, table leaders: the header has an empty name (rows: all).",
    ),
    "a name twice": (
        content("leaders.csv", lambda old: old.replace(b"competence_m18", b"Competence_m0", 1) + CANARY.encode()),
        "leaders.csv, table leaders: a column name stands in the header twice (rows: all).",
    ),
    "uneven row": (
        content("leaders.csv", lambda old: old + f"{CANARY},S01,1,2,3\n".encode()),
        "leaders.csv, table leaders: a row has more or fewer cells than the header (rows: 1-9).",
    ),
    "broken spss": (
        lambda folder: (folder / "leaders.csv").rename(folder / "leaders.sav"),
        "leaders.sav, table leaders: the file is not a whole .sav file (rows: all).",
    ),
    "two files": (
        content("offices.parquet", lambda old: CANARY.encode()),
        "offices.csv, table offices: the table has more than one file (rows: all).",
    ),
    "strange file": (
        content(f"{CANARY}.xlsx", lambda old: CANARY.encode()),
        "data folder: unknown files: 1 (.xlsx) (rows: all).",
    ),
    "no offices": (
        lambda folder: (folder / "offices.csv").unlink(),
        "offices.csv, table offices: the file is missing (rows: all).",
    ),
    "no table above": (
        lambda folder: (folder / "coordinators.csv").unlink(),
        "delivery.csv, table delivery, column coordinator_id: the table coordinators, to which it refers, is not there (rows: all).",
    ),
    "no column": (
        frames("offices", lambda frame: frame.drop(columns="arm")),
        "offices.csv, table offices, column arm: the column is missing (rows: all). Add it, empty if it is not known, or name yours under columns in the mapping file: `arm: YOURS`.",
    ),
    "free text": (
        frames("offices", lambda frame: frame.assign(**{f"note {CANARY}": CANARY})),
        "offices.csv, table offices: unknown columns: 1 (rows: all).",
    ),
    "two columns for one": (
        frames("offices", lambda frame: frame.assign(kontor=CANARY)),
        "offices.csv, table offices, column office_id: two columns stand for this one (rows: all).",
    ),
    "not a number": (
        cell("offices", "families_identified", f"about {CANARY}"),
        'offices.csv, table offices, column families_identified: not every value is of type integer (rows: 1-9). Write whole numbers in digits, or map what stands for missing under codes in the mapping file, as in `families_identified: {"NA": ""}`.',
    ),
    "thousands": (
        cell("register", "income", "3.133,7"),
        "register.csv, table register, column income: a number is not written with '.' as its only mark (rows: 1-9).",
    ),
    "unknown missing code": (
        frames("families", lambda frame: frame.assign(n_adults="-9")),
        "families.csv, table families, column n_adults: a value is not one of 1, 2 (rows: 50-249).",
    ),
    "formula": (
        cell("offices", "arm", f"=cmd({CANARY})"),
        "offices.csv, table offices, column arm: a value is not one of holf, local (rows: 1-9).",
    ),
    "emoji in an id": (
        cell("leaders", "leader_id", f"{CANARY}🙂"),
        "leaders.csv, table leaders, column leader_id: an id is not 1 to 64 letters, digits or marks out of . : _ - with a letter or digit first (rows: 1-9).",
    ),
    "out of range": (
        cell("families", "n_children_u16", CANARY),
        'families.csv, table families, column n_children_u16: a value lies outside 0 to 15 (rows: 1-9). Correct it, leave it empty if it is not known, or map what stands for missing under codes in the mapping file, as in `n_children_u16: {"NA": ""}`.',
    ),
    "required": (
        cell("offices", "arm", ""),
        "offices.csv, table offices, column arm: a required value is missing (rows: 1-9). Fill it in, or leave the row out.",
    ),
    "key": (
        frames("leaders", lambda frame: frame.assign(leader_id=CANARY)),
        "leaders.csv, table leaders, column leader_id: the key is not unique (rows: 1-9).",
    ),
    "key of two columns": (
        frames("register", lambda frame: pd.concat([frame, frame.iloc[:10]])),
        "register.csv, table register, column parent_id, wave: the key is not unique (rows: 10-49).",
    ),
    "link": (
        cell("leaders", "office_id", CANARY),
        "leaders.csv, table leaders, column office_id: not every value is found in table offices (rows: 1-9).",
    ),
    "a family that moved": (
        twice("families", office_id="S02"),
        "families.csv, table families, column family_id: the key is not unique (rows: 1-9).",
    ),
    "thousands with the decimal mark": (
        frames("register", lambda frame: frame.assign(income=[f"{31 + i % 9}.337" for i in range(len(frame))])),
        "register.csv, table register, column income: '.' stands before three digits: decimals or thousands (rows: 250-999).",
    ),
    "forgotten codes": (
        frames("register", lambda frame: frame.assign(income=["-9", "99999999", *frame["income"][2:]])),
        'register.csv, table register, column income: a value looks like a code for missing, such as -9, 99 or 999 (rows: 1-9). Map it under codes in the mapping file: `income: {"999": ""}`, or `{"999": "999"}` if it is true.',
    ),
    "income of a year": (
        frames("register", lambda frame: frame.assign(income=times(12)(frame["income"]))),
        "register.csv, table register, column income: the middle value above 0 is not between 1000 and 60000 NOK per month (rows: all).",
    ),
    "national numbers": (
        national,
        "parents.csv, table parents, column parent_id: an id is a national identity number, or looks like one (rows: 1-9).",
        "survey.csv, table survey, column parent_id: an id is a national identity number, or looks like one (rows: 1-9).",
        "register.csv, table register, column parent_id: an id is a national identity number, or looks like one (rows: 1-9).",
    ),
    "analysed without rows": (
        without_one,
        "parents.csv, table parents, column analysed: no row in table register, where analysed is 1 (rows: 1-9).",
    ),
    "rows without analysed": (
        frames("parents", follow_all),
        "register.csv, table register, column parent_id: not always analysed is 1 where participates is 1 (rows: 1-9).",
    ),
    "a coordinator of another office": (
        other_office,
        "delivery.csv, table delivery, column coordinator_id: office_id of coordinators is not that of families (rows: 1-9).",
    ),
    "no header": (
        content("leaders.csv", lambda old: old.split(b"\n", 1)[1]),
        "leaders.csv, table leaders: the first line holds no known column name (rows: all).",
    ),
    "a file of R": (
        content("parents.rds", lambda old: CANARY.encode()),
        'data folder: unknown files: 1 (.rds) (rows: all). Name them in the mapping file, as in `file: NAME`, or take them out; --private FILE lists their names. In R, write.csv(x, "table.csv", row.names = FALSE, na = "") writes what is read.',
    ),
    "simulated rows": (
        frames("leaders", lambda frame: frame.assign(leader_id="syn-" + frame["leader_id"])),
        "leaders.csv, table leaders, column leader_id: an id begins with SYN-, as only simulated rows do (rows: 1-9).",
    ),
    "sixteen children": (
        frames("children", add_children),
        "children.csv, table children, column family_id: more than 15 rows for one family_id, where age_band is 0-5 or 6-9 or 10-15 (rows: 10-49).",
    ),
    "wave left out": (
        frames("register", later_only),
        "register.csv, table register, column wave: a wave without every earlier one (rows: 1-9).",
    ),
    "drawn but not eligible": (
        frames("families", exclude_drawn),
        "families.csv, table families, column eligible: not always eligible is 1 where drawn is 1 (rows: 10-49).",
        "families.csv, table families, column followup_group: not always followup_group is holf where drawn is 1 and arm is holf (rows: 10-49).",
        "families.csv, table families, column followup_group: not always followup_group is local where drawn is 1 and arm is local (rows: 10-49).",
    ),
    "arm changes inside an office": (
        lambda folder: cell("families", "followup_group", "local", _first_drawn(folder, "holf"))(folder),
        "families.csv, table families, column followup_group: not always followup_group is holf where drawn is 1 and arm is holf (rows: 1-9).",
        "families.csv, table families, column followup_group: more than one value inside one office_id, where drawn is 1 (rows: 1-9).",
    ),
}

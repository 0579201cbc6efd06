"""Ways to spoil a drop-in, each with the lines that its holders must then read."""

import pandas as pd

# Stands in every spoiled place; nothing that anyone sees may hold it.
CANARY = "31337"
CODES = "Correct it, or map your codes to these under codes in the mapping file."
COLUMNS = "Add it, empty if it is not known, or name yours under columns in the mapping file."
ENCODING = "Save it as UTF-8, or state encoding in the mapping file."
ID = "an id is not 1 to 64 letters, digits or marks out of . : _ - with a letter or digit first"
LEFT_OUT = "Leave the file out if you do not have this table."
MARKS = "Write no thousands marks, or state decimal in the mapping file."
ONE = "Keep one row of each."


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
    return pd.concat([frame, frame.iloc[[0] * 4].assign(child_id=[f"{CANARY}{i}" for i in range(4)])])


def later_only(frame):
    first = frame["parent_id"] == frame["parent_id"][0]
    return frame[~(first & (frame["wave"] == "m12"))]


def exclude_drawn(frame):
    drawn = frame["drawn"] == "1"
    return frame.assign(
        eligible=frame["eligible"].mask(drawn, "0"), followup_group=frame["followup_group"].mask(drawn, "")
    )


def _first_drawn(folder, group):
    frame = pd.read_csv(folder / "families.csv", dtype=str, keep_default_na=False)
    return frame.index[frame["followup_group"] == group][0]


MALFORMED = {
    "empty": (
        content("offices.csv", lambda old: b""),
        ["offices.csv, table offices: the file is empty (rows: all). Export it anew."],
    ),
    "blank": (
        content("offices.csv", lambda old: b"\n\n"),
        ["offices.csv, table offices: the file is empty (rows: all). Write a header line and one line a row."],
    ),
    "header only": (
        content("offices.csv", lambda old: old.split(b"\n")[0]),
        [f"offices.csv, table offices: there is a header but no row (rows: all). {LEFT_OUT}"],
    ),
    "nul": (
        content("leaders.csv", lambda old: old + b"\0" + CANARY.encode()),
        [
            "leaders.csv, table leaders: the file holds NUL bytes (rows: all). Export it anew as text; it may be "
            "damaged, or of another format."
        ],
    ),
    "utf-16": (
        content("leaders.csv", lambda old: (old.decode() + CANARY).encode("utf-16")),
        ["leaders.csv, table leaders: the file is written in UTF-16 (rows: all). Save it as UTF-8."],
    ),
    "mixed encodings": (
        content("leaders.csv", lambda old: old + f"{CANARY}ø,S01,,\n".encode() + "ø,S01,,\n".encode("latin-1")),
        [f"leaders.csv, table leaders: the file mixes UTF-8 and Latin-1 (rows: all). {ENCODING}"],
    ),
    "no encoding": (
        content("leaders.csv", lambda old: old + b"\x81" + CANARY.encode()),
        [f"leaders.csv, table leaders: the file is not written in UTF-8 or Latin-1 (rows: all). {ENCODING}"],
    ),
    "two separators": (
        content("leaders.csv", lambda old: old.replace(b"office_id", b"office;" + CANARY.encode(), 1)),
        [
            "leaders.csv, table leaders: the header line holds both , and ; (rows: all). Name columns without , and ; "
            "or state separator in the mapping file."
        ],
    ),
    "open quote": (
        content("leaders.csv", lambda old: old + b'"' + CANARY.encode()),
        [
            'leaders.csv, table leaders: the quoting is broken (rows: all). Close every quotation mark; write " '
            'inside quotes as "".'
        ],
    ),
    "trailing separators": (
        content("leaders.csv", lambda old: old.replace(b"\n", b",\n") + CANARY.encode()),
        [
            "leaders.csv, table leaders: the header has an empty name (rows: all). Name every column, and end no line "
            "with a separator."
        ],
    ),
    "a name twice": (
        content("leaders.csv", lambda old: old.replace(b"competence_m18", b"Competence_m0", 1) + CANARY.encode()),
        ["leaders.csv, table leaders: a column name stands in the header twice (rows: all). Keep one of the columns."],
    ),
    "uneven row": (
        content("leaders.csv", lambda old: old + f"{CANARY},S01,1,2,3\n".encode()),
        [
            "leaders.csv, table leaders: a row has more or fewer cells than the header (rows: 1-9). Quote cells that "
            "hold the separator, and end no line with one."
        ],
    ),
    "broken parquet": (
        lambda folder: (folder / "leaders.csv").rename(folder / "leaders.parquet"),
        ["leaders.parquet, table leaders: the file is not a whole .parquet file (rows: all). Export it anew."],
    ),
    "broken spss": (
        lambda folder: (folder / "leaders.csv").rename(folder / "leaders.sav"),
        ["leaders.sav, table leaders: the file is not a whole .sav file (rows: all). Export it anew."],
    ),
    "broken stata": (
        lambda folder: (folder / "leaders.csv").rename(folder / "leaders.dta"),
        ["leaders.dta, table leaders: the file is not a whole .dta file (rows: all). Export it anew."],
    ),
    "two files": (
        content("offices.parquet", lambda old: CANARY.encode()),
        ["offices.csv, table offices: the table has more than one file (rows: all). Keep one of them."],
    ),
    "strange file": (
        content(f"{CANARY}.xlsx", lambda old: CANARY.encode()),
        [
            "data folder: unknown files: 1 (rows: all). Take them away, or name them in the mapping file; known "
            "endings: .csv .parquet .sav .zsav .dta."
        ],
    ),
    "no offices": (
        lambda folder: (folder / "offices.csv").unlink(),
        ["offices.csv, table offices: the file is missing (rows: all). Add it; no study can be read without it."],
    ),
    "no table above": (
        lambda folder: (folder / "coordinators.csv").unlink(),
        [
            "delivery.csv, table delivery, column coordinator_id: the table coordinators, to which it refers, is not "
            "there (rows: all). Add coordinators, or leave this table out."
        ],
    ),
    "no column": (
        frames("offices", lambda frame: frame.drop(columns="arm")),
        [f"offices.csv, table offices, column arm: the column is missing (rows: all). {COLUMNS}"],
    ),
    "free text": (
        frames("offices", lambda frame: frame.assign(**{f"note {CANARY}": CANARY})),
        [
            "offices.csv, table offices: unknown columns: 1 (rows: all). Take them out, or name them under columns in "
            "the mapping file."
        ],
    ),
    "two columns for one": (
        frames("offices", lambda frame: frame.assign(kontor=CANARY)),
        ["offices.csv, table offices, column office_id: two columns stand for this one (rows: all). Keep one of them."],
    ),
    "not a number": (
        cell("offices", "families_identified", f"about {CANARY}"),
        [
            "offices.csv, table offices, column families_identified: not every value is of type integer (rows: 1-9). "
            "Write whole numbers in digits."
        ],
    ),
    "infinite": (
        cell("leaders", "competence_m0", f"{CANARY}e999"),
        [
            "leaders.csv, table leaders, column competence_m0: not every value is of type number (rows: 1-9). Write "
            "numbers in digits."
        ],
    ),
    "thousands": (
        cell("register", "income", "3.133,7"),
        [
            f"register.csv, table register, column income: a number is not written with '.' as its only "
            f"mark (rows: 1-9). {MARKS}"
        ],
    ),
    "unknown missing code": (
        frames("families", lambda frame: frame.assign(n_adults="-9")),
        [f"families.csv, table families, column n_adults: a value is not one of 1, 2 (rows: 50-249). {CODES}"],
    ),
    "NA": (
        cell("survey", "housing_quality", "NA"),
        [
            "survey.csv, table survey, column housing_quality: not every value is of type number (rows: 1-9). Write "
            "numbers in digits."
        ],
    ),
    "formula": (
        cell("offices", "arm", f"=cmd({CANARY})"),
        [f"offices.csv, table offices, column arm: a value is not one of holf, local (rows: 1-9). {CODES}"],
    ),
    "emoji in an id": (
        cell("leaders", "leader_id", f"{CANARY}🙂"),
        [f"leaders.csv, table leaders, column leader_id: {ID} (rows: 1-9). Give plain pseudonyms."],
    ),
    "out of range": (
        cell("families", "n_children_u16", CANARY),
        [
            "families.csv, table families, column n_children_u16: a value lies outside 1 to 4 (rows: 1-9). Correct it, "
            "or leave it empty if it is not known."
        ],
    ),
    "below": (
        cell("register", "income", f"-{CANARY}"),
        [
            "register.csv, table register, column income: a value is below 0 (rows: 1-9). Correct it, or leave it "
            "empty if it is not known."
        ],
    ),
    "required": (
        cell("offices", "arm", ""),
        [
            "offices.csv, table offices, column arm: a required value is missing (rows: 1-9). Fill it in, or "
            "leave the row out."
        ],
    ),
    "key": (
        frames("leaders", lambda frame: frame.assign(leader_id=CANARY)),
        [f"leaders.csv, table leaders, column leader_id: the key is not unique (rows: 1-9). {ONE}"],
    ),
    "key of two columns": (
        frames("register", lambda frame: pd.concat([frame, frame.iloc[:10]])),
        [f"register.csv, table register, column parent_id, wave: the key is not unique (rows: 10-49). {ONE}"],
    ),
    "link": (
        cell("leaders", "office_id", CANARY),
        [
            "leaders.csv, table leaders, column office_id: not every value is found in table offices (rows: 1-9). Add "
            "the rows to offices, or leave these out; ids must be written alike in both."
        ],
    ),
    "simulated rows": (
        frames("leaders", lambda frame: frame.assign(leader_id="syn-" + frame["leader_id"])),
        [
            "leaders.csv, table leaders, column leader_id: an id begins with SYN-, as only simulated rows do (rows: "
            "1-9). Open simulated tables as what they are."
        ],
    ),
    "five children": (
        frames("children", add_children),
        [
            "children.csv, table children, column family_id: more than 4 rows for one family_id, where age_band is 0-5 "
            "or 6-9 or 10-15 (rows: 1-9). Leave out who does not belong to the study."
        ],
    ),
    "wave left out": (
        frames("register", later_only),
        [
            "register.csv, table register, column wave: a wave without every earlier one (rows: 1-9). Add a row for "
            "each earlier wave, empty where nothing is known; order: m0, m12, m24, m36, m48."
        ],
    ),
    "drawn but not eligible": (
        frames("families", exclude_drawn),
        [
            "families.csv, table families, column eligible: not always eligible is 1 where drawn is 1 (rows: 10-49). "
            "Correct one of the two.",
            "families.csv, table families, column followup_group: not always followup_group is holf where drawn is 1 "
            "and arm is holf (rows: 10-49). Correct one of the two.",
            "families.csv, table families, column followup_group: not always followup_group is local where drawn is 1 "
            "and arm is local (rows: 10-49). Correct one of the two.",
        ],
    ),
    "arm changes inside an office": (
        lambda folder: cell("families", "followup_group", "local", _first_drawn(folder, "holf"))(folder),
        [
            "families.csv, table families, column followup_group: not always followup_group is holf where drawn is 1 "
            "and arm is holf (rows: 1-9). Correct one of the two.",
            "families.csv, table families, column followup_group: more than one value inside one office_id, where "
            "drawn is 1 (rows: 1-9). Give every row of one office_id the same value.",
        ],
    ),
}

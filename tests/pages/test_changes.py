"""The numbers that differ between two states of the book."""

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell

from holf.cli import main
from holf.display import text
from holf.display.table import Table
from holf.pages import changes as changed
from holf.paths import project_root
from holf.record.source import MARK, RECORD


def notebook_of(*shown: Table) -> nbformat.NotebookNode:
    """A notebook whose only cell shows these tables, as a run leaves it."""
    outputs = []
    for one in shown:
        data, metadata = InteractiveShell.instance().display_formatter.format(one)
        outputs.append(nbformat.v4.new_output("display_data", data=data, metadata=metadata))
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x", outputs=outputs)])


def state_of(*shown: Table, facts: str = "F001,Families,3201") -> dict[str, str]:
    return {
        "chapters/effects.ipynb": nbformat.writes(notebook_of(*shown)),
        "data/facts.csv": f"id,fact,value\n{facts}\n",
    }


def effects_table(value: float, source: str, caption: str = "Effects, 10 rows") -> Table:
    rows = (("Income", text.difference(value, "0 NOK")), ("Work", text.difference(0.1, "1 points")))
    return Table(caption, ("Outcome", "Difference"), rows, source=source)


def test_a_changed_number_is_told_as_a_number_with_its_place():
    old = state_of(effects_table(61, "simulated: null world"), facts="F001,Families,3201")
    new = state_of(effects_table(1058, "simulated: null world", "Effects, 12 rows"), facts="F001,Families,3200")
    found = changed.changes(old, new)
    assert [(one.page, one.row, one.column, one.old, one.new, one.mark) for one in found] == [
        ("effects", "Income", "Difference", "61 NOK", "1058 NOK", MARK),
        ("facts", "F001, Families", "Value", "3201", "3200", ""),
    ]
    said = changed.as_markdown(found, "old", "new")
    assert said.index("| facts |") < said.index(f"## {MARK}, not results of the trial") < said.index("1058 NOK")
    assert "{" not in said and changed.changes(new, new) == []
    assert "Nothing changed." in changed.as_markdown([], "old", "new")


def test_new_and_withdrawn_tables_are_told_in_a_line():
    one, two = effects_table(61, RECORD), effects_table(61, RECORD, "Other")
    found = changed.changes(state_of(one), state_of(two))
    assert [(change.table, change.old, change.new) for change in found] == [
        ("Other", "\N{EM DASH}", "table of 2 rows"),
        ("Effects, 10 rows", "table of 2 rows", "\N{EM DASH}"),
    ]


def test_numbers_of_real_data_are_never_set_side_by_side_here():
    state = state_of(effects_table(61, "real data: release abc"))
    with pytest.raises(ValueError, match="compared by `holf release --previous` only"):
        changed.changes(state, state)


def test_the_command_reads_folders_and_refuses_what_is_neither(tmp_path, capsys):
    for name, value in (("a", 61), ("b", 62)):
        (tmp_path / name / "chapters").mkdir(parents=True)
        content = state_of(effects_table(value, "simulated: null world"))["chapters/effects.ipynb"]
        (tmp_path / name / "chapters" / "effects.ipynb").write_text(content)
    main(["changes", str(tmp_path / "a"), str(tmp_path / "b")])
    assert "| effects | Effects, 10 rows | Income | Difference | 61 NOK | 62 NOK |" in capsys.readouterr().out
    with pytest.raises(SystemExit) as end:
        main(["changes", "no-such-revision"])
    assert end.value.code == 2 and "is no folder, and no revision" in capsys.readouterr().err


def test_the_whole_book_can_be_compared_with_itself():
    state = changed.read_state(str(project_root()))
    some = {name: state[name] for name in ("chapters/effects.ipynb", "chapters/design.ipynb", "data/assumptions.yml")}
    assert len(state) > 15 and len(changed.tables_of(some)) > 10 and changed.changes(some, some) == []

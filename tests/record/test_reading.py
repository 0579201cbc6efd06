"""Files of `data/`: whatever is wrong in one, the error is one sentence that names the file, and never a bare KeyError."""

import copy
import json
import re
from functools import cache

import pytest
import yaml

from holf.confidential.rules import policy
from holf.display.design_figures import load_moments
from holf.pages import glossary
from holf.paths import data_path
from holf.record import facts, flow, plan, published_table, reporting
from holf.record.reading import FactError, read_yaml
from holf.study import truths

LEDGER = facts.load_ledger()
YAML_FILES = {
    "sources.yml": lambda path: facts.load_sources(LEDGER, path),
    "assumptions.yml": facts.load_assumptions,
    "plan.yml": plan.load_plan,
    "flow.yml": flow.load_flow,
    "disclosure.yml": lambda path: policy.load_profiles(path) and policy.load_rules(path),
    "recovery.yml": truths.load_settings,
    "glossary.yml": lambda path: glossary.load_glossary(LEDGER, path),
    "timeline.yml": lambda path: load_moments(LEDGER, path),
}
CSV_FILES = {
    "facts.csv": facts.load_ledger,
    "published_results.csv": published_table.load_published_results,
    "reporting/outcome_audit.csv": lambda path: reporting._read(reporting.AuditEntry, path.parent),
}


def places(content, kinds, above=()):
    """Places in a file, each kind of entry once: entries of one list or mapping with the same keys are alike."""
    if above:
        yield above
    inner = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in inner:
        kind = (len(above), *sorted(map(str, value))) if isinstance(value, dict) else (*above, key)
        if kind not in kinds:
            kinds.add(kind)
            yield from places(value, kinds, (*above, key))


def spoiled(content, place):
    """The content with what stands at a place taken away, emptied, or of another kind."""
    *above, last = place
    for value in ("(gone)", None, [], 5, "words", {"words": 5}):
        changed = copy.deepcopy(content)
        home = changed
        for key in above:
            home = home[key]
        if value == "(gone)":
            del home[last]
        else:
            home[last] = value
        yield changed


@pytest.mark.parametrize("name", YAML_FILES)
def test_a_yaml_file_with_any_entry_spoiled_is_read_or_refused_by_name(tmp_path, name, monkeypatch):
    # A thousand readings check against the same other files.
    others = {
        plan: ("load_ledger", "load_assumptions", "load_schema"),
        truths: ("load_plan", "load_ledger", "load_assumptions"),
    }
    for module, loaders in others.items():
        for loader in loaders:
            monkeypatch.setattr(module, loader, cache(getattr(module, loader)))
    content, path, refused = read_yaml(data_path(name)), tmp_path / name, 0
    for place in places(content, set()):
        for changed in spoiled(content, place):
            path.write_text(json.dumps(changed, default=str), encoding="utf-8")
            try:
                YAML_FILES[name](path)
            except ValueError as error:
                # A row or an outcome that is not there is named with the file in which it should be.
                assert re.search(rf"{name}|facts\.csv|plan\.yml", str(error)), (place, error)
                refused += 1
    assert refused > 5


@pytest.mark.parametrize("text", ["", "5", "words", "[5]", "{words: 5}", "a: [b", "a: 1\na: 2\n", "\xff"])
@pytest.mark.parametrize("name", YAML_FILES)
def test_a_file_of_another_form_is_refused_by_name(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match=re.escape(name)):
        YAML_FILES[name](path)


# Entries that stand under names of their own: another name is no misspelt key.
NAMES = {
    **{name: [()] for name in ("assumptions.yml", "redirects.yml", "sources.yml", "trials.yml")},
    "columns.yml": [("parts",), ("headings",), ("patterns",)],
    "disclosure.yml": [("profiles",)],
    # Named after arms, outcomes and ends of the overview.
    "landing.yml": [(lang, part) for lang in ("en", "nb") for part in ("arms", "questions", "areas", "signs")],
    "plan.yml": [(part,) for part in ("arms", "waves", "worlds", "contrasts", "outcomes")],
    "preview.yml": [("arms",)],
    "prose.yml": [("kinds",), *(("links", one, *lang) for one in ("numbers", "same") for lang in ((), ("en",)))],
    "recovery.yml": [("scenarios",), ("studies",)],
    "sweep.yml": [("factors",)],
}
# Columns of tables and parts of the plan that an entry names.
NAMED_BY = ("where", "population", "numbers", "same", "nb")


def misspelt(content, name):
    """Each key of an entry once, with the content in which its last two letters are swapped."""
    for place in places(content, set()):
        *above, key = place
        if (
            not isinstance(key, str)
            or tuple(above) in NAMES.get(name, ())
            or {*above} & {*NAMED_BY}
            or key[-1] == key[-2]
        ):
            continue
        changed = copy.deepcopy(content)
        home = changed
        for step in above:
            home = home[step]
        home[wrong := key[:-2] + key[-1] + key[-2]] = home.pop(key)
        yield key, wrong, changed


@pytest.mark.parametrize("path", sorted(data_path("").rglob("*.yml")), ids=lambda path: path.name)
def test_a_misspelt_key_is_refused_with_the_key_that_was_meant(tmp_path, path):
    content, refused = read_yaml(path), 0
    for key, wrong, changed in misspelt(content, path.name):
        (tmp_path / path.name).write_text(json.dumps(changed, default=str), encoding="utf-8")
        with pytest.raises(ValueError, match=rf"^{path.name}.*unknown (?:key|rule|setting) `{wrong}`; ") as caught:
            YAML_FILES.get(path.name, read_yaml)(tmp_path / path.name)
        assert f"did you mean `{key}`?" in str(caught.value) or len(key) < 4, caught.value
        refused += 1
    assert refused > 2 or path.name in ("redirects.yml",)


@pytest.mark.parametrize("name", CSV_FILES)
def test_a_table_with_a_shifted_row_or_another_column_is_refused_by_name(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    header, *rows = data_path(name).read_text(encoding="utf-8").splitlines()
    first = header.partition(",")[0]
    for text, said in (
        ("\n".join([header, *rows, "one cell"]), f"row {len(rows) + 1}: has more or fewer cells"),
        ("\n".join([header, *rows, "," * 30]), f"row {len(rows) + 1}: has more or fewer cells"),
        ("\n".join([f"{header},taste", *(f"{row},good" for row in rows)]), "unknown column `taste`"),
        ("\n".join([f"{header},{first}", *(f"{row},x" for row in rows)]), f"column {first} is there twice"),
        (header.partition(",")[2] + "\n", f"column {first} is missing"),
        ("", f"column {first} is missing"),
    ):
        path.write_text(text + "\n", encoding="utf-8")
        with pytest.raises(FactError, match=f"^{path.name}.*{said}"):
            CSV_FILES[name](path)


def test_a_key_that_is_there_twice_is_refused_with_its_line(tmp_path):
    path = tmp_path / "a.yml"
    path.write_text("one: {value: 1}\ntwo:\n  value: 1\n  value: 2\n", encoding="utf-8")
    assert yaml.safe_load(path.read_text()) == {"one": {"value": 1}, "two": {"value": 2}}
    with pytest.raises(FactError, match=r"^a\.yml, line 3: value is there twice$"):
        read_yaml(path)

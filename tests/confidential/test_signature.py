"""A release leaves signed or not at all: who read it, and that no byte changed since."""

import json
import math
import shutil

import pytest
from markdown_it import MarkdownIt

from holf.book.colophon import colophon
from holf.book.edition import make_edition
from holf.confidential.release.codec import encode
from holf.confidential.release.document import FORMAT, Release, ReleaseError, read_release
from holf.confidential.release.form import HOW_TO_READ_COUNTS, KEYS, summary
from holf.confidential.release.questions import catalogue
from holf.confidential.release.signature import read_signature, sign, signature_path
from holf.paths import STAND_IN, project_root
from holf.record.plan import load_plan
from holf.record.source import REAL
from holf.study.answers import Level, Withheld

WHO = {"name": "Data Controller", "role": "data controller", "date": "2026-11-28"}


@pytest.fixture
def content() -> dict:
    """What a release with one answer holds."""
    question, asked = next(one for one in catalogue(load_plan()) if one[0] == "levels")
    level = encode(Level("Employed", "holf", "m0", Withheld("people"), math.nan, 45, "percent"))
    behind = {"people": 45, "families": 40, "offices": 15}
    found = {"answer": level, "rests_on": behind, "withheld_by": ["people"]}
    answers = [{"question": question, "asked": asked, "answers": [found]}]
    told = {
        "format": FORMAT,
        "data": REAL,
        "profile": "norwegian-strict",
        "trial": load_plan().name,
        "answers": answers,
    }
    told |= {"outcomes": {asked["outcome"]: ["m12"]}, "summary": summary(answers), "counts": HOW_TO_READ_COUNTS}
    told |= {"counts_off_by_at_most": 4} | {name: [] for name in ("repeats", "absent_tables", "absent_outcomes")}
    return dict.fromkeys(KEYS) | told


@pytest.fixture
def release(content, tmp_path):
    path = tmp_path / "release.json"
    Release(content).write(path)
    path.chmod(0o600)
    return path


def test_a_signature_says_who_signed_what_and_when(release):
    signed = sign(release, **WHO)
    assert read_signature(release) == signed and (signed.name, signed.role, signed.date) == tuple(WHO.values())
    assert release.stat().st_mode & 0o777 == 0o644, "a release that is signed may be read"


def test_a_release_that_is_not_signed_or_was_changed_is_not_built(release, tmp_path):
    with pytest.raises(ReleaseError, match=r"release\.json is not signed: read it, then run `holf sign release\.json`"):
        make_edition(str(release), tmp_path / "copy")
    assert release.stat().st_mode & 0o777 == 0o600 and not (tmp_path / "copy").exists()
    sign(release, **WHO)
    release.write_text(release.read_text().replace("norwegian-strict", "norwegian-lax"))
    with pytest.raises(ReleaseError, match=r"not the file that release\.json\.signed signs: it was changed since"):
        make_edition(str(release), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


NO_SIGNATURES = ("", "[]", '{"name": "x"}', '{"name": 1, "role": 2, "date": 3, "more": 4}',
                 json.dumps(WHO | {"name": 7, "release_sha256": "x"}),
                 json.dumps(WHO | {"name": "a\n\n# b", "release_sha256": "x"}))  # fmt: skip


@pytest.mark.parametrize("text", NO_SIGNATURES)
def test_what_is_no_signature_is_refused(release, text):
    signature_path(release).write_text(text)
    with pytest.raises(ReleaseError, match=r"release\.json\.signed: not a signature"):
        read_signature(release)


@pytest.mark.parametrize("words", [{"name": " "}, {"role": ""}, {"name": "a\nb"}])
def test_who_signs_has_a_name_and_a_role(release, words):
    with pytest.raises(ReleaseError, match="must be words on one line"):
        sign(release, **WHO | words)
    assert not signature_path(release).exists()


def test_a_signature_is_never_written_over_and_only_a_release_is_signed(release, tmp_path):
    sign(release, **WHO)
    with pytest.raises(FileExistsError, match="is signed already"):
        sign(release, **WHO | {"name": "Somebody Else"})
    signature_path(release).unlink()
    signature_path(release).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError, match="is signed already"):
        sign(release, **WHO)
    assert not (tmp_path / "elsewhere").exists()
    other = tmp_path / "other.json"
    other.write_text(json.dumps({"format": "none"}))
    with pytest.raises(ReleaseError, match="not a release"):
        sign(other, **WHO)


# The same content in other bytes.
TEXTS = {
    "a key given twice": lambda text: text.replace('"absent_tables"', '"absent_tables": ["Kari"],\n"absent_tables"'),
    "keys in another order": lambda text: json.dumps(dict(reversed(json.loads(text).items())), indent=1),
    "other line ends": lambda text: text.replace("\n", "\r\n"),
    "a mark in front": lambda text: f"\ufeff{text}",
    "no number": lambda text: text.replace("null", "NaN"),
    "too deep": lambda text: "[" * 100_000,
    "no answers": lambda text: json.dumps(json.loads(text) | {"answers": 3}),
    "cut short": lambda text: text[:-3],
    "another trial": lambda text: text.replace(load_plan().name, "NCT00000000"),
}
# Parts of the file that say something else, or anything at all.
PARTS = {
    "a remark": {"remark": "Kari has 412300"},
    "simulated": {"data": "SIMULATED"},
    "another version": {"format": "holf release, version 0"},
    "markup in the profile": {"profile": "<b>x</b>"},
    "other words on counts": {"counts": "exact"},
    "a limit in words": {"counts_off_by_at_most": "none"},
    "markup among absent outcomes": {"absent_outcomes": ["[a](b)"]},
    "a table that there is not": {"absent_tables": ["Kari"]},
    "a name in place of an id": {"repeats": ["Kari"]},
    "another summary": {"summary": {"questions": 9}},
}
# The one question of the file, and its answer, changed.
ENTRIES = {
    "a remark beside a question": lambda entry, found: entry.update(remark="Kari"),
    "a remark in a question": lambda entry, found: entry["asked"].update(remark="Kari"),
    "words of its own": lambda entry, found: entry.update(no_answer=entry.pop("answers") and "Kari"),
    "an unknown answer": lambda entry, found: found["answer"].update(answer="Rows"),
    "markup": lambda entry, found: found["answer"].update(label="<b>"),
    "a word for a number": lambda entry, found: found["answer"].update(n="Kari"),
    "a word for a count": lambda entry, found: found["rests_on"].update(people="Kari"),
    "a word for a rule": lambda entry, found: found["rests_on"].update(people={"withheld": "Kari"}),
    "a rule that there is not": lambda entry, found: found["withheld_by"].append("Kari"),
    "a small count": lambda entry, found: found["answer"].update(n=3),
}


@pytest.mark.parametrize("fault", [*TEXTS, *PARTS, *ENTRIES])
def test_nothing_but_what_the_command_writes_is_read_or_signed(release, content, fault):
    assert read_release(release).content == content
    changed = TEXTS.get(fault, str)(release.read_text())
    if fault not in TEXTS:
        if fault in ENTRIES:
            (entry,) = content["answers"]
            ENTRIES[fault](entry, entry["answers"][0])
            content["summary"] = summary(content["answers"])
        changed = Release(content | PARTS.get(fault, {})).text()
    assert changed.encode() != release.read_bytes()
    release.write_bytes(changed.encode())
    with pytest.raises(ReleaseError):
        sign(release, **WHO)
    assert not signature_path(release).exists()


def test_a_name_with_marks_is_shown_as_it_was_typed(release, tmp_path, monkeypatch):
    sign(release, **WHO | {"name": "<b>A</b> [B](http://example.org) & *C*"})
    ignore = shutil.ignore_patterns("simulated")
    shutil.copytree(project_root() / "data", tmp_path / "data", ignore=ignore)
    for path in (release, signature_path(release)):
        path.rename(tmp_path / "data" / path.name.replace("release", STAND_IN))
    monkeypatch.setenv("HOLF_ROOT", str(tmp_path))
    monkeypatch.setattr("holf.book.colophon.list_chapters", list)
    shown = MarkdownIt().render(colophon())
    assert "&lt;b&gt;A&lt;/b&gt; [B](http://example.org) &amp; *C*" in shown

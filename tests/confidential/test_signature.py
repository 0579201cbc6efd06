"""A release leaves signed or not at all: who read it, and that no byte changed since."""

import json
import shutil

import pytest
from markdown_it import MarkdownIt

from holf.book.colophon import colophon
from holf.book.edition import make_edition
from holf.confidential.release.document import FORMAT, Release, ReleaseError, read_release
from holf.confidential.release.form import HOW_TO_READ_COUNTS, KEYS, NO_ANSWER, summary
from holf.confidential.release.signature import read_signature, sign, signature_path
from holf.paths import STAND_IN, project_root
from holf.record.plan import load_plan
from holf.record.source import REAL

WHO = {"name": "Data Controller", "role": "data controller", "date": "2026-11-28"}


@pytest.fixture
def release(tmp_path):
    path = tmp_path / "release.json"
    content = {"format": FORMAT, "data": REAL, "profile": "norwegian", "trial": load_plan().name}
    lists = {name: [] for name in ("answers", "repeats", "absent_tables", "absent_outcomes")}
    told = {"outcomes": {}, "summary": summary([]), "counts": HOW_TO_READ_COUNTS, "counts_off_by_at_most": 0}
    Release(dict.fromkeys(KEYS) | content | lists | told).write(path)
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
    release.write_text(release.read_text().replace("norwegian", "norwegian-lax"))
    with pytest.raises(ReleaseError, match=r"not the file that release\.json\.signed signs: it was changed since"):
        make_edition(str(release), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


NO_SIGNATURES = ("", "[]", '{"name": "x"}', '{"name": 1, "role": 2, "date": 3, "more": 4}',
                 json.dumps(WHO | {"name": 7, "release_sha256": "x"}),
                 json.dumps(WHO | {"name": "a\n\n# b", "release_sha256": "x"}))  # fmt: skip


@pytest.mark.parametrize("content", NO_SIGNATURES)
def test_what_is_no_signature_is_refused(release, content):
    signature_path(release).write_text(content)
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


def in_other_words(text: str) -> dict[str, bytes]:
    content, silent = json.loads(text), {"question": "flow", "asked": {}, "no_answer": NO_ANSWER}

    def answering(**changed: str) -> bytes:
        told = {"answers": [silent | changed], "summary": summary([silent])}
        return Release(content | told).text().encode()

    return {
        "a key given twice": text.replace('"absent_tables"', '"absent_tables": ["Kari"],\n"absent_tables"').encode(),
        "a remark": Release(content | {"remark": "Kari has 412300"}).text().encode(),
        "keys in another order": json.dumps(dict(reversed(content.items())), indent=1).encode(),
        "other line ends": text.replace("\n", "\r\n").encode(),
        "a mark in front": "\ufeff".encode() + text.encode(),
        "no number": text.replace("null", "NaN").encode(),
        "too deep": b"[" * 100_000,
        "markup in the profile": text.replace("norwegian", "<b>x</b>").encode(),
        "other words on counts": Release(content | {"counts": "exact"}).text().encode(),
        "a limit in words": Release(content | {"counts_off_by_at_most": "none"}).text().encode(),
        "markup among absent outcomes": Release(content | {"absent_outcomes": ["[a](b)"]}).text().encode(),
        "a table that there is not": Release(content | {"absent_tables": ["Kari"]}).text().encode(),
        "words of its own": answering(no_answer="Kari"),
        "a remark beside a question": answering(remark="Kari"),
        "a name in place of an id": Release(content | {"repeats": ["Kari"]}).text().encode(),
        "another trial": text.replace(load_plan().name, "NCT00000000").encode(),
        "another summary": text.replace('"questions": 0', '"questions": 9').encode(),
    }


@pytest.mark.parametrize("fault", in_other_words('{"answers": []}'))
def test_nothing_but_what_the_command_writes_is_read_or_signed(release, fault):
    changed = in_other_words(release.read_text())[fault]
    assert changed != release.read_bytes() and read_release(release)
    release.write_bytes(changed)
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

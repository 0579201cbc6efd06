"""A release leaves signed or not at all: who read it, and that no byte changed since."""

import json

import pytest

from holf.book.edition import make_edition
from holf.confidential.release.document import FORMAT, Release, ReleaseError
from holf.confidential.release.signature import read_signature, sign, signature_path
from holf.record.source import REAL

WHO = {"name": "Data Controller", "role": "data controller", "date": "2026-11-28"}


@pytest.fixture
def release(tmp_path):
    path = tmp_path / "release.json"
    Release({"format": FORMAT, "data": REAL, "profile": "norwegian", "answers": []}).write(path)
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


@pytest.mark.parametrize("content", ["", "[]", '{"name": "x"}', '{"name": 1, "role": 2, "date": 3, "more": 4}'])
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
    other = tmp_path / "other.json"
    other.write_text(json.dumps({"format": "none"}))
    with pytest.raises(ReleaseError, match="not a release"):
        sign(other, **WHO)

"""The confidential path as a whole: a hostile real study becomes a book, and nothing of any person comes with it."""

import gc
import html
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import types
import warnings
import zlib
from itertools import chain as joined

import numpy as np
import pandas as pd
import pytest
from real_study import (
    CANARIES,
    COMPETENCE,
    HOUSING,
    ID,
    INCOME,
    MEETINGS,
    chain,
    copied,
    only,
    project_files,
    sentinels_in,
    taken,
    twisted,
)

import holf
from holf.book.chapters import list_chapters
from holf.book.downloads.check import shown_digests
from holf.book.edition import make_edition
from holf.book.execute import run_chapter
from holf.book.freshness import ChapterError
from holf.book.marks import site_faults
from holf.cli import main
from holf.confidential.opening import open_study
from holf.confidential.read.reader import read_dropin
from holf.confidential.release import document
from holf.confidential.release.document import Release, ReleaseError, read_release
from holf.confidential.release.form import summary
from holf.confidential.release.signature import sign
from holf.confidential.scan.identifiers import read_values
from holf.confidential.scan.known import Known, known_here
from holf.confidential.scan.scan import scan
from holf.paths import project_root
from holf.record.schema import load_schema

pytestmark = pytest.mark.slow
SCHEMA = load_schema()
SECRET = f"income {INCOME} of {ID}F00001"


def holf_command(*arguments, **keywords) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "holf.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, **keywords)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("inside")


@pytest.fixture(scope="module")
def data(home, tables) -> None:
    """Real tables in `home/data`."""
    taken(twisted(copied(tables)), home / "data")


# A short catalogue, for releases of which few answers are looked at.
BRIEF = only("levels", "effect", outcomes=("income", "employment"))


@pytest.fixture(scope="module")
def study(home, data):
    """The study opened on the folder itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(document, "catalogue", BRIEF)
        return open_study(home / "data")


@pytest.fixture(scope="module")
def built(home, data, tmp_path_factory):
    """The release, and the book built from it where the data are no more."""
    done = holf_command("release", "--data", home / "data", "--out", home / "release.json")
    assert done.returncode == 0 and not sentinels_in(done.stdout + done.stderr), done.stderr
    outside, before = tmp_path_factory.mktemp("outside"), project_files()
    words = ("--name", "<b>Data</b> Controller", "--role", "data controller")
    assert holf_command("sign", home / "release.json", *words).returncode == 0
    for name in ("release.json", "release.json.signed"):
        shutil.copy(home / name, outside)
    (home / "data").rename(home / "gone")
    try:
        temporary = outside / "tmp"
        temporary.mkdir()
        environment = os.environ | {"TMPDIR": str(temporary)}
        site = outside / "site"
        done = holf_command("build", "--source", outside / "release.json", "--out", site, env=environment)
    finally:
        (home / "gone").rename(home / "data")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert not sentinels_in(done.stdout + done.stderr)
    assert project_files() == before, "the project's own book was touched"
    # Sphinx and the kernels leave nothing that the run made, and nothing anywhere names a person.
    assert not crude_finds(temporary)
    return outside


def test_the_book_says_who_signed_the_release(built):
    page = (built / "site" / "chapters" / "rebuild.html").read_text(encoding="utf-8")
    assert "Signed by &lt;b&gt;Data&lt;/b&gt; Controller, data controller, on 20" in page


def opened(data: bytes, depth: int = 0):
    """A file's bytes, and the bytes of whatever is packed in them; independent of the gate."""
    yield data
    if depth > 3:
        return
    for match in re.finditer(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08", data):
        try:
            unpacked = zlib.decompressobj(47).decompress(data[match.start() :], 8_000_000)
        except zlib.error:
            continue
        if len(unpacked) > 16:
            yield from opened(unpacked, depth + 1)
    if data.startswith(b"\x89PNG"):
        parts, place = [], 8
        while place < len(data):
            length, kind = struct.unpack(">I4s", data[place : place + 8])
            parts += [data[place + 8 : place + 8 + length]] * (kind == b"IDAT")
            place += 12 + length
        yield zlib.decompress(b"".join(parts))


def forms() -> tuple[re.Pattern, list[bytes]]:
    """Everything that a canary could look like."""
    sign = "[ .,'\u2019\u00a0\u202f_]?"
    whole = [re.escape(f"{number:,}").replace(",", sign) for number in (INCOME, MEETINGS)]
    decimal = [str(number).replace(".", "[.,]") for number in (HOUSING, COMPETENCE)]
    text = re.compile(rf"{re.escape(ID)}|(?<![\d.,#])(?:{'|'.join(whole + decimal)})(?![\d])", re.IGNORECASE)
    numbers = (INCOME, MEETINGS, HOUSING, COMPETENCE)
    packed = [struct.pack(order + code, number) for number in numbers for order in "<>" for code in "df"]
    return text, [one for one in packed if len(set(one)) > 3] + [ID.encode("utf-16-le"), ID.encode("utf-16-be")]


def crude_finds(tree) -> list[str]:
    text, packed = forms()
    found = []
    for path in sorted(path for path in tree.rglob("*") if path.is_file()):
        for data in joined([path.name.encode()], opened(path.read_bytes())):
            words = data.decode("utf-8", "replace")
            said = (
                text.search(words) or text.search(html.unescape(words)) or text.search(data.decode("utf-16", "replace"))
            )
            if said or any(one in data for one in packed):
                found.append(path.name)
    return found


@pytest.mark.parametrize(
    "planted",
    [
        b"83&#160;497", "83\u202f497 NOK".encode(), b"a 9,8765 b", struct.pack("<d", COMPETENCE), b"x kanari-p0001",
        b"head" + zlib.compress(b"a long text in which 68351 is hidden, some more words"), f"{ID}1".encode("utf-16-le"),
    ],
)  # fmt: skip
def test_the_crude_search_finds_a_canary(tmp_path, planted):
    (tmp_path / "a.bin").write_bytes(planted)
    assert crude_finds(tmp_path) == ["a.bin"]


def test_no_canary_comes_out(built):
    assert crude_finds(built) == []


@pytest.fixture(scope="module")
def known(home, built) -> Known:
    """What the gate knows here, the ids that the release command wrote down, and the planted values."""
    return known_here(ids=read_values(home / "release.json.ids"), canaries=CANARIES)


def test_the_whole_gate_lets_the_site_pass(built, known):
    findings = scan(built / "site", shown=shown_digests(built / "site"), known=known)
    assert findings == (), "\n".join(map(str, findings))


def test_the_gate_finds_no_one_in_the_release(built, known, tmp_path):
    shutil.copy(built / "release.json", tmp_path)
    assert not {"canaries", "ids"} & {finding.rule for finding in scan(tmp_path, known=known)}


def test_the_gate_still_sees_what_is_planted_in_this_site(built, known, tmp_path):
    shutil.copytree(built / "site" / "chapters", tmp_path / "chapters")
    page = tmp_path / "chapters" / "effects.html"
    planted = f"</h1><p>83 497 and /home/someone/data and {known.ids[-1].replace('-', '_')}</p>"
    page.write_text(page.read_text().replace("</h1>", planted, 1))
    found = {finding.rule for finding in scan(tmp_path, known=known)}
    assert {"canaries", "ids", "paths"} <= found and crude_finds(tmp_path) == ["effects.html"]


def test_every_page_with_results_says_real_data_and_none_says_simulated(built, tmp_path):
    site = built / "site"
    assert site_faults(site) == []
    effects = (site / "chapters" / "effects.html").read_text()
    release = read_release(built / "release.json")
    assert "REAL DATA" in effects and release.id in effects
    (tmp_path / "effects.html").write_text(effects)
    (tmp_path / "mixed.html").write_text('<p class="holf-banner-simulated">SIMULATED</p>')
    assert "mixed.html: simulated results in a book on real data" in site_faults(tmp_path)


def test_the_folder_and_its_release_give_the_same_answers(home, study, monkeypatch, tmp_path):
    monkeypatch.setattr(document, "catalogue", BRIEF)
    main(["release", "--data", str(home / "data"), "--out", str(tmp_path / "release.json")])
    from_file = read_release(tmp_path / "release.json").study()
    # Only the checksum of the input is in one and not in the other, and so is the id in what both say of themselves.
    assert study.source != from_file.source
    assert strip(study.effect("income")) == strip(from_file.effect("income"))
    assert [strip(one) for one in study.levels("employment")] == [strip(one) for one in from_file.levels("employment")]


def strip(answer) -> str:
    return re.sub(r"source='[^']*'", "", repr(answer))


def frames_alive() -> dict[int, pd.DataFrame]:
    """Frames with rows of people that something still holds."""
    gc.collect()
    frames = [one for one in gc.get_objects() if isinstance(one, pd.DataFrame)]
    return {id(one): one for one in frames if {"family_id", "parent_id"} & {*one.columns}}


def reachable(thing, depth: int = 12):
    """Everything that can be had from a thing: attributes, closures, containers, whatever the collector knows."""
    waiting, seen = [(thing, 0)], {id(thing)}
    while waiting:
        one, level = waiting.pop()
        yield one
        if level == depth:
            continue
        below = list(gc.get_referents(one))
        if isinstance(one, types.FunctionType):
            # Its globals are the module: what every program could reach, and no part of this study.
            below = [cell.cell_contents for cell in one.__closure__ or ()] + list(one.__defaults__ or ())
        if isinstance(one, types.MethodType):
            below = [one.__self__, one.__func__]
        for part in below:
            if id(part) not in seen and not isinstance(part, types.ModuleType | type):
                seen.add(id(part))
                waiting.append((part, level + 1))


def rows_in(thing) -> list[str]:
    """Kinds of all columns and tables, and all planted ids, that a thing leads to."""
    kinds, found = (pd.DataFrame, pd.Series, pd.Index, np.ndarray), [*reachable(thing)]
    texts = [one for one in found if isinstance(one, str) and sentinels_in(one)]
    return [type(one).__name__ for one in found if isinstance(one, kinds)] + texts


def test_a_study_on_real_tables_keeps_none_of_their_rows(home, data, monkeypatch):
    monkeypatch.setattr(document, "catalogue", only("flow", "levels", outcomes=("income",)))
    before = frames_alive()
    kept = open_study(home / "data")
    assert kept.flow() and kept.levels("income") and not frames_alive().keys() - before.keys()
    assert rows_in(kept) == []
    for name in dir(kept):
        assert rows_in(getattr(kept, name)) == [], name
    dropped = read_dropin(home / "data", SCHEMA)
    assert dropped and frames_alive().keys() - before.keys(), "frames would be found"


@pytest.mark.parametrize("kept", [pd.DataFrame({"a": [1]}), pd.Series([1]), pd.Index([1]), np.ones(1), f"{ID}1"])
def test_rows_that_a_study_keeps_would_be_found(kept):
    said = kept if isinstance(kept, str) else type(kept).__name__
    for holder in (types.SimpleNamespace(kept=[kept]), lambda _=kept: None, lambda: kept):
        assert said in rows_in(holder)


def words_of(error: BaseException) -> str:
    return " ".join(f"{one!r} {one} {one.args} {vars(one)} {getattr(one, '__notes__', '')}" for one in chain(error))


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("holf.study.questions.estimate_effect", ValueError),
        ("holf.study.questions.estimate_effect", RuntimeError),
        ("holf.confidential.release.document.disclose", ValueError),
    ],
)
def test_a_failure_says_nothing_of_anyone(home, data, monkeypatch, capfd, recwarn, place, kind):
    def fail(*_, **__):
        warnings.warn(SECRET, stacklevel=1)
        raise kind(SECRET)

    monkeypatch.setattr(place, fail)
    monkeypatch.setattr(document, "catalogue", only("effect", outcomes=("income",)))
    if (kind, "questions" in place) == (ValueError, True):
        refused = open_study(home / "data")
        with pytest.raises(holf.StudyError, match="these data give no answer") as raised:
            refused.effect("income")
    else:
        with pytest.raises(ReleaseError, match=f"no release was made: {kind.__name__}") as raised:
            open_study(home / "data")
    assert not sentinels_in(words_of(raised.value)) and recwarn.list == []
    assert not sentinels_in("".join(capfd.readouterr()))


def test_a_corrupt_folder_says_nothing_of_anyone(home, data, tmp_path, capfd):
    shutil.copytree(home / "data", tmp_path / "data")
    file = tmp_path / "data" / "register.csv"
    file.write_text(
        file.read_text().replace(f",{INCOME}\n", f',"{INCOME} and a name"\n') + f"{ID}P9999,m0,x,{INCOME}\n"
    )
    with pytest.raises(ValueError, match="the tables cannot be taken") as raised:
        open_study(tmp_path / "data")
    assert not sentinels_in(words_of(raised.value))
    before = project_files()
    for arguments in (("release", "--data", tmp_path / "data", "--out", tmp_path / "out.json"),
                      ("build", "--source", tmp_path / "data", "--out", tmp_path / "site"),
                      ("check-data", tmp_path / "data")):  # fmt: skip
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        assert end.value.code == 2
    assert not sentinels_in("".join(capfd.readouterr()))
    assert project_files() == before and sorted(path.name for path in tmp_path.iterdir()) == ["data"]


def test_a_chapter_that_fails_ends_the_edition_with_nothing_left(built, monkeypatch, tmp_path, capfd):
    """A chapter asks what the release does not answer; the run ends, and leaves neither site nor folders."""
    content = json.loads((built / "release.json").read_text())
    content["answers"] = [one for one in content["answers"] if one["question"] != "multiplicity"]
    Release(content | {"summary": summary(content["answers"])}).write(tmp_path / "less.json")
    sign(tmp_path / "less.json", name="Test", role="test", date="2026-01-01")
    make_edition(str(tmp_path / "less.json"), tmp_path / "copy")
    monkeypatch.setenv("HOLF_ROOT", str(tmp_path / "copy"))
    monkeypatch.setenv("HOLF_SOURCE", "source")
    effects = next(chapter for chapter in list_chapters() if chapter.name == "effects")
    with pytest.raises(ChapterError, match="multiplicity: not among the questions") as raised:
        run_chapter(effects, tmp_path / "work")
    assert not sentinels_in(words_of(raised.value) + "".join(capfd.readouterr())) and crude_finds(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("release",), "required"),
        (("release", "--data", "{data}"), "required"),
        (("release", "--data", "{data}", "--out", "{here}/there.json"), "exists already"),
        (("release", "--data", "{data}", "--out", "{here}/new.json", "--profile", "lax"), "lax"),
        (("release", "--data", "{data}", "--out", "{here}/new.json", "--key", "{project}/k.key"), "inside the project"),
        (("release", "--data", "{here}/none", "--out", "{here}/new.json"), "no such folder"),
        (("release", "--data", "{data}", "--out", "{here}/new.json", "--previous", "{here}/there.json"), "not a file"),
        (("build", "--source", "paradise", "--out", "{here}/site"), "no world, folder or release file"),
        (("build", "--source", "{here}/there.json", "--out", "{here}/site"), "not a file of JSON"),
        (("build", "--source", "{data}", "--out", "{here}"), "exists already"),
        (("build", "--source", "{data}", "--out", "{here}/site"), "by way of a signed release"),
    ],
)  # fmt: skip
def test_commands_used_wrongly_say_so_and_write_nothing(home, data, tmp_path, capsys, arguments, says):
    (tmp_path / "there.json").write_text("precious")
    places = {"data": home / "data", "here": tmp_path, "project": project_root()}
    before = project_files()
    with pytest.raises(SystemExit) as end:
        main([argument.format(**places) for argument in arguments])
    said = capsys.readouterr()
    assert end.value.code == 2 and says in said.err and said.out == "" and "Traceback" not in said.err
    assert [path.name for path in tmp_path.iterdir()] == ["there.json"] and project_files() == before
    assert (tmp_path / "there.json").read_text() == "precious" and not sentinels_in(said.err)
    assert not (project_root() / "k.key").exists()

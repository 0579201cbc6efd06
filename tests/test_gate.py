"""The release gate: a corpus of leaks, each named by its rule; rules switched off; canaries; the manifest."""

import base64
import gzip
import html
import json
import shutil
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holf.cli import main
from holf.gate.canaries import holds_canary
from holf.gate.excuses import Excuse, ExcuseError, read_excuses, unexcused
from holf.gate.known import Known, known_here, theme_files
from holf.gate.manifest import check_manifest, write_manifest
from holf.gate.piece import Limits, Piece
from holf.gate.rules import ALL
from holf.gate.scan import scan
from holf.gate.unpack import OPENERS, open_file
from tests.leaks import HARMLESS, KNOWN, LEAKS, SECRET, notebook, page, plain, zipped


def plant(root, files):
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def named(root, **options) -> set[str]:
    return {finding.rule for finding in scan(root, **({"known": KNOWN} | options))}


@pytest.mark.parametrize("leak", LEAKS)
def test_each_leak_is_named_by_its_rules(tmp_path, leak):
    rules, files = LEAKS[leak]
    findings = scan(plant(tmp_path, files), known=KNOWN)
    assert {finding.rule for finding in findings} == rules
    said = "\n".join(map(str, findings))
    for secret in (SECRET, "7731", "F0012", "CANARY", "31337", "some.person", "rack-host", "someone", "p1234"):
        assert secret.lower() not in said.lower()


@pytest.mark.parametrize("case", HARMLESS)
def test_what_only_looks_like_a_leak_passes(tmp_path, case):
    assert scan(plant(tmp_path, HARMLESS[case]), known=KNOWN) == ()


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.id)
def test_each_rule_switched_off_lets_a_leak_through(tmp_path, rule):
    alone = [files for rules, files in LEAKS.values() if rules == {rule.id}]
    assert alone, "no leak of the corpus is found by this rule alone"
    tree = plant(tmp_path, alone[0])
    assert named(tree) == {rule.id}
    assert named(tree, rules=[other for other in ALL if other.id != rule.id]) == set()


@pytest.mark.parametrize("kind", sorted(OPENERS))
def test_each_opener_is_needed(tmp_path, monkeypatch, kind):
    monkeypatch.delitem(OPENERS, kind)
    trees = ((rules, plant(tmp_path / str(number), files)) for number, (rules, files) in enumerate(LEAKS.values()))
    assert any(named(tree) != rules for rules, tree in trees)


def test_every_finding_says_where_which_rule_and_what_to_do(tmp_path):
    (finding,) = scan(plant(tmp_path, page("<p>read from /home/someone/data.csv</p>")), known=KNOWN)
    assert str(finding) == ("page.html: the file: paths: a path of a machine; name files relative to the project")


def test_a_file_whose_name_leaks_is_named_by_its_number(tmp_path):
    plant(tmp_path, {"a.html": b"<p>words</p>", "F-7731.html": b"<!-- 12 -->"})
    assert {finding.path for finding in scan(tmp_path, known=KNOWN)} == {"(file 1)"}


def test_links_empty_folders_and_no_folder_at_all(tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    assert scan(tree, known=KNOWN) == ()
    (tree / ".pytest_cache").mkdir()
    assert named(tree) == {"litter"}
    (tmp_path / "outside.txt").write_text("words")
    (tree / "link.txt").symlink_to(tmp_path / "outside.txt")
    assert named(tree) == {"litter", "unreadable"}
    with pytest.raises(NotADirectoryError):
        scan(tmp_path / "outside.txt", known=KNOWN)


def test_only_an_unchanged_copy_of_a_theme_file_is_let_through(tmp_path):
    theme = theme_files()
    assert len(theme) > 100
    from furo import __file__ as home

    scripts = next(Path(home).parent.rglob("furo.js.map"))
    plant(tmp_path, {"_static/a.js.map": scripts.read_bytes()})
    assert named(tmp_path, known=Known(theme=theme)) == set()
    plant(tmp_path, {"_static/a.js.map": scripts.read_bytes() + b" "})
    assert "source-maps" in named(tmp_path, known=Known(theme=theme))


def test_a_real_build_passes_and_one_planted_row_is_seen(built, tmp_path):
    known = known_here(canaries=(31337.77,))
    assert scan(built.site, known=known) == ()
    tree = tmp_path / "site"
    shutil.copytree(built.site, tree)
    plain_page = tree / "chapters" / "plain.html"
    plain_page.write_text(plain_page.read_text().replace("</article>", "<p>SYN-F0012: 31338</p></article>"))
    assert named(tree, known=known) == {"ids", "canaries"}


def test_limits_refuse_instead_of_skipping():
    nested = b"words"
    for _ in range(30):
        nested = gzip.compress(nested, mtime=0)
    assert [piece.kind for piece in open_file("a.gz", nested, Limits())][-1] == "bomb"
    many = zipped(**{f"m{number}": bytes(10_000) for number in range(200)})
    assert [piece.kind for piece in open_file("a.zip", many, Limits(size=1_000_000))][-1] == "bomb"


def test_known_here_reads_the_project_and_leaves_out_names_that_name_nobody(monkeypatch):
    monkeypatch.setenv("LOGNAME", "some.person")
    monkeypatch.setattr("socket.gethostname", lambda: "rack-host-9.example.org")
    known = known_here()
    assert "family_id" in known.keys and len(known.offices) > 20
    assert known.names == ("some.person", "rack-host-9.example.org", "rack-host-9")
    monkeypatch.setenv("LOGNAME", "root")
    assert "root" not in known_here().names


# Canaries.


@pytest.mark.parametrize(
    "text",
    "31337.77|31 337,77|31,337.77|31.337,77|31\u202f337,77|31338|31 338|31337.8|-31337.77|31337.770000|31337.76953125"
    "|3.133777e+04|3.133777E4|a31337.77kr|31'337.77".split("|"),
)
def test_a_number_is_found_as_it_may_be_written(text):
    assert holds_canary(Piece("a", kind="text", text=f"said {text}, he"), Known(canaries=(31337.77,)))


@pytest.mark.parametrize("text", ["31339", "131337.77", "31337.771", "31337.77.5", "3133777", "313377", "1.31338"])
def test_other_numbers_are_not_that_number(text):
    assert not holds_canary(Piece("a", kind="text", text=f"said {text} there"), Known(canaries=(31337.77,)))


@pytest.mark.parametrize("code", ["<d", ">d", "<f", ">f"])
def test_a_number_is_found_as_bytes(code):
    piece = Piece("a", kind="unknown", data=b"\0\1" + struct.pack(code, 31337.77) + b"\2")
    assert holds_canary(piece, Known(canaries=(31337.77,))) and not holds_canary(piece, Known(canaries=(31337.78,)))


@pytest.mark.parametrize("code", ["<i", ">i", "<q", ">q"])
def test_a_whole_number_is_found_as_bytes(code):
    piece = Piece("a", kind="unknown", data=b"\0\1" + struct.pack(code, 7654321) + b"\2")
    assert holds_canary(piece, Known(canaries=(7654321.0,))) and not holds_canary(piece, Known(canaries=(7654322.0,)))


WRAPPINGS = {
    "base64": base64.b64encode,
    "base64 lines": base64.encodebytes,
    "base64 for links": lambda data: base64.urlsafe_b64encode(data).rstrip(b"="),
    "data URI": lambda data: b'<img src="data:x/y;base64,' + base64.b64encode(data) + b'">',
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "zip": lambda data: zipped(a=data),
    "json": lambda data: json.dumps({"a": [data.decode("utf-8")]}).encode(),
    "html": lambda data: html.escape(data.decode("utf-8")).encode(),
    "page": lambda data: b"<html><body><p>" + html.escape(data.decode("utf-8")).encode() + b"</p></body></html>",
    "attribute": lambda data: b'<p title="' + html.escape(data.decode("utf-8")).encode() + b'">words</p>',
    "comment": lambda data: b"<p>words</p><!-- " + data.replace(b"--", b"- -") + b" -->",
    "notebook": lambda data: notebook(plain(data.decode("utf-8")))["_sources/page.ipynb"],
}
BINARY = {"gzip", "zip"}


def wrap(secret: bytes, steps: list[str]) -> bytes:
    """Wrap step by step; what is no text goes into base64 before a wrapping that is for text."""
    data, is_text = secret, not secret.startswith(b"\0")
    for step in steps:
        if not is_text and not step.startswith(("base64", "data", *BINARY)):
            data = base64.b64encode(data)
        data, is_text = WRAPPINGS[step](data), step not in BINARY
    return data


SECRETS = [b"family CANARY-7 here", b"an income of 31 337,77", b"\0\1" + struct.pack("<5d", 1.5, 2.5, 31337.77, 3, 4)]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(secret=st.sampled_from(SECRETS), steps=st.lists(st.sampled_from(sorted(WRAPPINGS)), max_size=5))
def test_a_canary_is_found_under_any_wrapping(secret, steps):
    pieces = open_file("a.bin", wrap(secret, steps), Limits())
    assert any(holds_canary(piece, KNOWN) for piece in pieces)


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.sampled_from(sorted(WRAPPINGS)), max_size=4))
def test_no_canary_is_found_where_there_is_none(steps):
    pieces = open_file("a.bin", wrap(b"family PARROT-7 here", steps), Limits())
    assert not any(holds_canary(piece, KNOWN) for piece in pieces)


# Exceptions and the manifest.


def excuses_file(root, **entry):
    path = root / "exceptions.yml"
    usual = {"path": "page.html", "rule": "paths", "reason": "an example", "signer": "N. N."}
    path.write_text(json.dumps([usual | entry]))
    return path


def test_an_exception_lets_its_finding_pass_and_no_other(tmp_path):
    tree = plant(tmp_path / "tree", page("<p>/home/someone</p><!-- 12 -->"))
    findings = scan(tree, known=KNOWN)
    (excuse,) = read_excuses(excuses_file(tmp_path))
    assert [finding.rule for finding in unexcused(findings, [excuse])] == ["comments"]
    with pytest.raises(ExcuseError, match="excuses nothing"):
        unexcused(findings, [excuse, Excuse("other.html", "paths", "none", "N. N.")])


@pytest.mark.parametrize(
    "entry", [{"reason": " "}, {"signer": ""}, {"rule": "canaries"}, {"rule": "luck"}, {"until": "2030"}, {"reason": 3}]
)
def test_exceptions_need_a_rule_a_reason_and_a_signer(tmp_path, entry):
    with pytest.raises(ExcuseError, match="exception 1"):
        read_excuses(excuses_file(tmp_path, **entry))


@pytest.fixture
def released(tmp_path):
    """A tree with its manifest, which excuses one finding; inside the tree, where it does not list itself."""
    tree = plant(tmp_path / "tree", page("<p>/home/someone</p>") | {"b/c.txt": b"words"})
    excuses = read_excuses(excuses_file(tmp_path))
    write_manifest(tree, tree / "manifest.json", excuses=excuses, profile="strict", release="r1")
    assert check_manifest(tree, tree / "manifest.json", excuses=excuses) == ()
    return tree


def test_a_manifest_says_what_was_checked_and_is_always_the_same(released, tmp_path):
    content = json.loads((released / "manifest.json").read_text())
    assert list(content["files"]) == ["b/c.txt", "page.html"] and content["rules"] == [rule.id for rule in ALL]
    assert (content["profile"], content["release"]) == ("strict", "r1")
    assert content["exceptions"][0]["signer"] == "N. N." and content["exceptions"][0]["reason"] == "an example"
    beside = tmp_path / "beside.json"
    (released / "manifest.json").rename(tmp_path / "old.json")
    write_manifest(released, beside, excuses=read_excuses(tmp_path / "exceptions.yml"), profile="strict", release="r1")
    assert beside.read_bytes() == (tmp_path / "old.json").read_bytes()


def test_any_flipped_bit_voids_the_manifest(released):
    path = released / "b" / "c.txt"
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert check_manifest(released, released / "manifest.json") == ("b/c.txt: changed",)


def test_an_added_or_removed_file_voids_the_manifest(released):
    (released / "new.txt").write_bytes(b"")
    assert check_manifest(released, released / "manifest.json") == ("new.txt: added",)
    (released / "new.txt").unlink()
    (released / "b" / "c.txt").unlink()
    assert check_manifest(released, released / "manifest.json") == ("b/c.txt: removed",)


@pytest.mark.parametrize(("old", "new"), [("an example", "no example"), ("N. N.", "M. M."), ("r1", "r2"), ("}", " }")])
def test_a_manifest_changed_by_hand_is_void(released, old, new):
    manifest = released / "manifest.json"
    manifest.write_text(manifest.read_text().replace(old, new, 1))
    assert check_manifest(released, manifest) == ("the manifest itself was changed",)


def test_changed_exceptions_and_rules_void_the_manifest(released, tmp_path, monkeypatch):
    manifest, changed = released / "manifest.json", read_excuses(excuses_file(tmp_path, reason="another reason"))
    assert check_manifest(released, manifest, excuses=changed) == ("the exceptions are others now",)
    assert check_manifest(released, manifest, excuses=()) == ("the exceptions are others now",)
    monkeypatch.setattr("holf.gate.manifest.ALL", ALL[:-1])
    assert check_manifest(released, manifest) == ("the rules are others now",)


# The command.


def run(capsys, *arguments):
    code = 0
    try:
        main(["release-check", *map(str, arguments)])
    except SystemExit as end:
        code = end.code or 0
    said = capsys.readouterr()
    return code, said.out, said.err


def test_command_refuses_then_lets_through_then_verifies(capsys, tmp_path):
    tree, manifest = plant(tmp_path / "tree", page("<p>/home/someone</p>")), tmp_path / "release-manifest.json"
    code, out, err = run(capsys, tree)
    assert code == 1 and out.startswith("page.html: the file: paths: ") and "no manifest" in err
    assert not manifest.exists()
    assert run(capsys, tree, "--exceptions", excuses_file(tmp_path))[0] == 0 and manifest.exists()
    assert run(capsys, tree, "--verify")[0] == 0
    (tree / "page.html").write_text("<p>other words</p>")
    code, out, _ = run(capsys, tree, "--verify")
    assert code == 1 and out == "page.html: changed\n"
    (tree / "m.json").write_text("/home/someone")
    assert run(capsys, tree, "--manifest", tree / "m.json")[0] == 0
    assert run(capsys, tree, "--manifest", tree / "m.json", "--verify")[0] == 0


def test_command_looks_for_canaries(capsys, tmp_path):
    tree = plant(tmp_path / "tree", page("<p>an income of 31 337,77</p>"))
    assert run(capsys, tree)[0] == 0
    (tmp_path / "canaries.txt").write_text("CANARY-7\n31337.77\n")
    code, out, _ = run(capsys, tree, "--canaries", tmp_path / "canaries.txt")
    assert code == 1 and "canaries" in out and "31" not in out


@pytest.mark.parametrize("options", [["--verify"], ["--exceptions", "none.yml"], ["--canaries", "none.txt"]])
def test_command_says_what_is_missing(capsys, tmp_path, options, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tree = plant(tmp_path / "tree", page("<p>words</p>"))
    code, out, err = run(capsys, tree, *options)
    assert code == 2 and out == "" and err.startswith("holf: ") and not (tmp_path / "release-manifest.json").exists()
    assert run(capsys, tmp_path / "nowhere")[0] == 2

"""The release gate: a corpus of leaks, each named by its rule; rules switched off; ids and canaries in any spelling."""

import html
import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from holf.cli import main
from holf.confidential.scan import KINDS, OUT_OF_REACH
from holf.confidential.scan.files import Item, items_of
from holf.confidential.scan.known import Known, theme_files
from holf.confidential.scan.rules import ALL, holds_canary, holds_id
from holf.confidential.scan.scan import scan
from tests.leaks import HARMLESS, KNOWN, LEAKS, REFUSED, SECRET, national_number, page


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
    for secret in (SECRET, "7731", "F0012", "CANARY", "31337", "someone"):
        assert secret.lower() not in said.lower()


@pytest.mark.parametrize("name", REFUSED)
def test_a_kind_of_file_that_no_site_holds_is_refused(tmp_path, name):
    (finding,) = scan(plant(tmp_path, {name: b"words"}), known=KNOWN)
    assert (finding.path, finding.rule) == (name, "kinds")


@pytest.mark.parametrize("case", HARMLESS)
def test_what_only_looks_like_a_leak_passes(tmp_path, case):
    assert scan(plant(tmp_path, HARMLESS[case]), known=KNOWN) == ()


def test_every_rule_has_a_leak_that_no_other_rule_finds():
    assert {rule.id for rule in ALL} == {next(iter(rules)) for rules, _ in LEAKS.values() if len(rules) == 1}


def test_a_file_whose_name_leaks_is_named_by_its_number(tmp_path):
    plant(tmp_path, {"a.html": b"<p>words</p>", "F-7731.html": b"<p>/home/someone</p>"})
    assert {finding.path for finding in scan(tmp_path, known=KNOWN)} == {"(file 1)"}


def test_links_empty_folders_and_no_folder_at_all(tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    assert scan(tree, known=KNOWN) == ()
    (tree / ".pytest_cache").mkdir()
    assert named(tree) == {"kinds"}
    (tmp_path / "outside.txt").write_text("words")
    (tree / "link.txt").symlink_to(tmp_path / "outside.txt")
    assert named(tree) == {"kinds", "unreadable"}
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
    assert named(tmp_path, known=Known(theme=theme)) == {"kinds"}


# Ids, national numbers and canaries: as strings, in any spelling.


def in_page(text: str) -> list[Item]:
    return list(items_of("a.html", page(f"<p>of {text} here</p>")["page.html"]))


# Ids of a study, as `KNOWN` has them or of several parts; ways in which a page may write them; other words and numbers.
WRITTEN_IDS = (
    "F-00112|F 00112|F00112|SYN-F0012|syn_f0012|SYN&shy;-P00012a|SYN F0012|x/SYN-F0012.html|F-7731|f-7731|F_7731|F 7731"
    "|F7731|F.7731|F/7731|F&#45;7731|F&ndash;7731|F\u20117731|F-<b>77</b>31|F-77\u00ad31|F-\u200b7731|F-&shy;7731"
    "|\uff26-\uff17\uff17\uff13\uff11|F-\u0667\u0667\u0663\u0661|F-7731<sup>2</sup>|x_F-7731_y|F<br>7731|004711"
    '|x/004711|004711_2|1,004711|"004711"|0<i>04711</i>|004711&nbsp;|0301-42|0301/42|a_0301_42|030142|AB12-34|AB12/34'
    "|AB-12_34|AB1234"
).split("|")
OTHER_WORDS = ["4711", "0047110", "0.004711", "F-77311", "F-773", "F-77-32", "AF-7731x", "K12"]
IN_PARTS = replace(KNOWN, ids=(*KNOWN.ids, "0301-42", "AB12-34"))


@pytest.mark.parametrize(("text", "is_id"), [*product(WRITTEN_IDS, [True]), *product(OTHER_WORDS, [False])])
def test_an_id_is_found_as_it_may_be_written_and_no_other_word(text, is_id):
    assert any(holds_id(item, IN_PARTS) for item in in_page(text)) == is_id


def test_an_office_with_a_public_name_is_no_id_to_be_sought():
    known = Known(ids=("NAV Alpha", "O-00031"), offices=("NAV Alpha",))
    assert not any(holds_id(item, known) for item in in_page("NAV Alpha"))
    assert any(holds_id(item, known) for item in in_page("O-00031"))


@pytest.mark.parametrize("n_ids", [0, 3000])
def test_a_long_list_of_ids_is_sought_at_once(n_ids):
    known = Known(ids=tuple(f"P{number:05d}" for number in range(n_ids)))
    text = " ".join(str(number) for number in range(20_000))
    assert not holds_id(Item("text", text), known)
    assert holds_id(Item("text", f"{text} P00541 "), known) == bool(n_ids)


NUMBER = national_number()
SPLIT = f"{NUMBER[:6]}{{}}{NUMBER[6:]}"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", f"n,id\n1,{NUMBER}\n"),
        ("a.csv", f"n;id\n1;{NUMBER}\n"),
        ("a.csv", f'1,"{NUMBER}"\n'),
        ("a.json", f"[1,{NUMBER[1:]},2]"),
        ("a.json", json.dumps({"id": NUMBER})),
        ("a.json", json.dumps({NUMBER: 1})),
        ("a.js", f"const a=[1,{NUMBER},2]"),
        ("a.txt", f"/{NUMBER}/"),
        ("a.txt", f"a_{NUMBER}_b"),
        ("a.txt", f"a-{NUMBER}"),
        ("a.txt", f"id={NUMBER};"),
        *(("a.txt", SPLIT.format(sign)) for sign in (" ", "-", "\u2013", "\u00a0", "\u2009", "\u202f", ".", "_", "/")),
        ("a.html", SPLIT.format("&nbsp;")),
        ("a.html", SPLIT.format("&shy;")),
        ("a.html", SPLIT.format("<b>") + "</b>"),
        ("a.html", f"<a href='x/{NUMBER}.html'>x</a>"),
        ("a.html", "".join(f"&#{ord(digit)};" for digit in NUMBER)),
        ("a.txt", "".join(chr(ord("\uff10") + int(digit)) for digit in NUMBER)),
        ("a.txt", "".join(chr(ord("\u0660") + int(digit)) for digit in NUMBER)),
        ("a.csv", f"1,{NUMBER[1:]}\n"),
        (f"{NUMBER}.txt", "words"),
        (f"x_{NUMBER}/a-{NUMBER}.txt", "words"),
    ],
)
def test_a_national_number_is_found_as_it_may_be_written(tmp_path, name, text):
    assert named(plant(tmp_path, {name: text.encode()})) == {"national-ids"}


def test_a_national_number_needs_its_day_and_both_check_digits():
    for place in range(11):
        for digit in "0123456789":
            other = NUMBER[:place] + digit + NUMBER[place + 1 :]
            if other != NUMBER:
                assert not any(rule.finds(Item("text", other), KNOWN) for rule in ALL), other


CANARIES = ("CANARY-7", "Kari Åsen", "004711", "31337.77", "12 34 56 78")


# Canary -> spellings of it, with bars between them.
WRITTEN = {
    "31337.77": "31337.77|31 337,77|31,337.77|31\u202f337,77|31'337.77|31337,77|-31337.77|kr31337.77|31&nbsp;337,77"
    "|31 337<sub>77</sub>",
    "004711": "004711|00 4711|nr004711|#004711",
    "12 34 56 78": "12345678|1234 5678|12-34-56-78|tlf.12345678",
    "Kari Åsen": "Kari A\u030asen|KARI ÅSEN|Kari&nbsp;&Aring;sen|Kari<br>Åsen|Kari\nÅsen|kari_åsen"
    "|Ka\u00adri Ås\u200den|\u202eKari Åsen|Åsen, Kari Åsen|Kari Ås-<br>en|<td>Kari</td><td>Åsen</td>"
    "|\uff2bari Åsen|K\U000e0041ari Åsen",
    "A\u030asen 12": "Åsen 12",
    '"Kari Åsen"': "Kari Åsen",
}


NO_CANARY = ["31339", "131337.77", "31337.771", "3133777 1", "4711", "0047110", "Kari", "Karl Åsen"]


@pytest.mark.parametrize(
    ("canaries", "text", "is_found"),
    [((canary,), text, True) for canary, texts in WRITTEN.items() for text in texts.split("|")]
    + [(("31337.78", "004711", "Kari Åsen"), text, False) for text in NO_CANARY],
)
def test_a_canary_is_found_as_it_may_be_written_and_no_other_value(canaries, text, is_found):
    assert any(holds_canary(item, Known(canaries=canaries)) for item in in_page(text)) == is_found


PLACES = {
    "page": ("a.html", lambda text: f"<p>of {html.escape(text)} here</p>"),
    "entities": ("a.html", lambda text: f"<p>of {''.join(f'&#{ord(one)};' for one in text)} here</p>"),
    "letters in elements": ("a.html", lambda text: f"<p>{''.join(f'<i>{html.escape(one)}</i>' for one in text)}</p>"),
    "attribute": ("a.html", lambda text: f'<p title="of {html.escape(text)} here">words</p>'),
    "comment": ("a.html", lambda text: f"<!-- of {text} -->"),
    "cell": ("a.html", lambda text: f"<table><tr><td>{html.escape(text)}</td></tr></table>"),
    "listing": ("a.html", lambda text: f"<pre>{html.escape(text)}</pre>"),
    "drawing": ("a.svg", lambda text: f"<svg><text>{html.escape(text)}</text></svg>"),
    "script in a page": ("a.html", lambda text: f"<script>{json.dumps({'a': [text]})}</script>"),
    "json": ("a.json", lambda text: json.dumps({"a": [text]})),
    "key of json": ("a.json", lambda text: json.dumps({text: 1})),
    "script": ("a.js", lambda text: f"const a = '{text}'"),
    "style": ("a.css", lambda text: f"a::after {{ content: '{text}' }}"),
    "text": ("a.txt", lambda text: f"of {text} here"),
    "entities in a text": ("a.txt", lambda text: "".join(f"&#x{ord(one):x};" for one in text)),
    "title of the search index": ("searchindex.js", lambda text: f"Search.setIndex({json.dumps({'titles': [text]})})"),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("canary", CANARIES)
def test_a_canary_is_found_in_every_place(canary, place):
    name, written = PLACES[place]
    assert any(holds_canary(item, Known(canaries=CANARIES)) for item in items_of(name, written(canary).encode()))


# The command.


def run(capsys, *arguments):
    code = 0
    try:
        main(["release-check", *map(str, arguments)])
    except SystemExit as end:
        code = end.code or 0
    said = capsys.readouterr()
    return code, said.out, said.err


def test_command_refuses_then_lets_through(capsys, tmp_path):
    tree = plant(tmp_path / "tree", page("<p>/home/someone</p>"))
    code, out, err = run(capsys, tree)
    assert code == 1 and "do not publish" in err
    assert out == "page.html: the file: paths: a path of a machine; name files relative to the project\n"
    plant(tree, page("<p>family 000471 with an income of 31 337,77</p>"))
    assert run(capsys, tree) == (0, "nothing found\n", "")
    (tmp_path / "canaries.txt").write_text("CANARY-7\n31337.77\n")
    (tmp_path / "r.ids").write_text("17\n000471\n")
    code, out, _ = run(capsys, tree, "--canaries", tmp_path / "canaries.txt", "--ids", tmp_path / "r.ids")
    assert code == 1 and "page.html: the file: canaries:" in out and "page.html: the file: ids:" in out
    assert "1 of 2 ids were not sought" in out and "31" not in out and "471" not in out


@pytest.mark.parametrize(
    ("option", "content", "message"),
    [
        ("--canaries", b"", "holds no value"),
        ("--canaries", b"\n - \n", "holds no value"),
        ("--canaries", b"CANARY-7\n12\n", "canary 2 has fewer than 4"),
        ("--canaries", "Kari Åsen".encode("utf-16"), "is not UTF-8"),
        ("--canaries", "Kari Åsen".encode("cp1252"), "is not UTF-8"),
        ("--ids", b"", "holds no value"),
        ("--ids", "Åsen".encode("cp1252"), "is not UTF-8"),
    ],
)
def test_command_refuses_a_list_that_it_cannot_use(capsys, tmp_path, option, content, message):
    tree = plant(tmp_path / "tree", page("<p>words</p>"))
    (tmp_path / "list.txt").write_bytes(content)
    code, out, err = run(capsys, tree, option, tmp_path / "list.txt")
    assert code == 2 and out == "" and message in err and "Kari" not in err


def test_help_says_what_is_held_and_what_is_not_seen(capsys):
    text = " ".join(run(capsys, "--help")[1].split())
    for part in (*KINDS, *OUT_OF_REACH):
        assert part in text


def test_command_says_what_is_missing(capsys, tmp_path):
    tree = plant(tmp_path / "tree", page("<p>words</p>"))
    for arguments in ([tree, "--ids", tmp_path / "no"], [tree, "--canaries", tmp_path / "no"], [tmp_path / "nowhere"]):
        code, out, err = run(capsys, *arguments)
        assert code == 2 and out == "" and err.startswith("holf: ")

"""The command line: one command each for what an author or a holder of the data does; `holf -h` lists them.

What a command needs is imported when it runs: `holf -h` and most commands need little of it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path

from clustertrials.cli import add_power, add_sweep
from holf.book.freshness import ChapterError
from holf.paths import check_book, code_folders, project_root
from holf.record.facts import recorded_numbers


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="holf", description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    simulate = commands.add_parser("simulate", help="write the simulated study tables of one world")
    simulate.add_argument("--world", required=True, help="a world of data/plan.yml")
    simulate.add_argument("--seed", type=int, help="default: the seed in data/assumptions.yml")
    simulate.add_argument("--out", type=Path, required=True, help="folder for the tables")
    simulate.set_defaults(run=_simulate)

    check = commands.add_parser("check-data", help="check a folder of real tables; shows no value of anyone")
    check.add_argument("folder", type=Path, metavar="DIR", help="the tables: CSV, Excel, SPSS, Stata, SAS or Parquet")
    check.add_argument("--mapping", type=Path, help="YAML file with your names of files, columns and codes")
    check.add_argument(
        "--private", type=Path, metavar="FILE", help="new file, outside project and DIR, for row numbers and values"
    )
    check.add_argument(
        "--suggest", action="store_true", help="only write DIR/mapping.yml to begin with, from names and labels"
    )
    check.set_defaults(run=_check_data)

    build = commands.add_parser("build", help="build the book")
    build.add_argument(
        "--check", action="store_true", help="run nothing; name stale chapters and fail if there are any"
    )
    build.add_argument("--source", help="another study: a world, a folder of simulated tables, or a signed release")
    build.add_argument("--out", type=Path, help="folder for the book from another source")
    build.set_defaults(run=_build)

    new = commands.add_parser("new-chapter", help="write a notebook to begin with, and its line in _toc.yml")
    new.add_argument("name", help="of the file and the page: small letters, digits and underscores")
    new.set_defaults(run=_new_chapter)

    trial = commands.add_parser(
        "new", help="write a book about another trial, which builds as it stands, to begin with"
    )
    trial.add_argument("folder", type=Path, metavar="DIR", help="new folder for the book")
    trial.set_defaults(run=_new_trial)

    add_power(commands)
    add_sweep(commands, look_up=recorded_numbers)

    release = commands.add_parser(
        "release", help="answer all that the chapters ask of real tables, under disclosure control, into one file"
    )
    release.add_argument("--data", type=Path, required=True, help="folder of real tables, as for `holf check-data`")
    release.add_argument("--out", type=Path, required=True, help="the release file to write; it must not exist")
    release.add_argument("--mapping", type=Path, help="mapping file for other column names and codes")
    release.add_argument("--profile", help="profile of data/disclosure.yml (default: the file's default)")
    release.add_argument("--previous", type=Path, help="an earlier release that is not in the history beside the key")
    release.add_argument(
        "--repeat",
        action="store_true",
        help="repeat the answers of earlier releases, and publish only what they do not answer",
    )
    release.add_argument(
        "--key",
        type=Path,
        help="key of the input's checksum (default: beside --out, made when missing; keep it inside)",
    )
    release.set_defaults(run=_release)

    sign = commands.add_parser("sign", help="say that you have read a release and answer for it")
    sign.add_argument("release", type=Path, metavar="RELEASE", help="file that `holf release` wrote")
    sign.add_argument("--name", required=True, help="your name; the book shows it")
    sign.add_argument("--role", required=True, help="in which role you sign, such as data controller")
    sign.set_defaults(run=_sign)

    _add_release_check(commands)

    changes = commands.add_parser("changes", help="numbers that differ between two states of the book, as Markdown")
    changes.add_argument("old", help="a revision, or a folder with the project")
    changes.add_argument("new", nargs="?", default=".", help="the same (default: this folder)")
    changes.set_defaults(run=_changes)

    archive = commands.add_parser("archive", help="one file with the site, its sources, a PDF, checksums and metadata")
    archive.add_argument("--out", type=Path, required=True, help="folder for the archive")
    archive.set_defaults(run=_archive)
    return parser


def _add_release_check(commands: argparse._SubParsersAction) -> None:
    from holf.confidential.scan import KINDS, OUT_OF_REACH

    check = commands.add_parser(
        "release-check",
        help="scan a built site before publishing",
        description=f"Scan a built site. Files of other kinds than these are refused: {', '.join(KINDS)}.",
        epilog=f"It does not see: {'; '.join(OUT_OF_REACH)}.",
    )
    check.add_argument("tree", type=Path, help="folder as it would be published")
    check.add_argument("--ids", type=Path, help="ids of the study, one a line, as `holf release` writes them")
    check.add_argument("--canaries", type=Path, help="values that must not come out, one a line, as text")
    check.set_defaults(run=_release_check)


def _simulate(arguments: argparse.Namespace) -> None:
    from holf.simulation.worlds import write_study

    out = write_study(arguments.world, arguments.out, seed=arguments.seed)
    print(f"wrote {len(list(out.glob('*.csv')))} simulated tables ({arguments.world} world)")


def _check_data(arguments: argparse.Namespace) -> None:
    from holf.confidential.read.reader import examine
    from holf.confidential.read.report import DropInError, check_private, write_findings
    from holf.record.schema import load_schema

    if arguments.suggest:
        _suggest(arguments.folder)
        return
    if arguments.private:
        check_private(arguments.private, arguments.folder)
    examined = examine(arguments.folder, load_schema(), mapping=arguments.mapping)
    for note in examined.notes:
        print(f"passed over: {note}")
    if examined.findings:
        if arguments.private:
            lines = write_findings(arguments.private, examined.findings)
            print(f"the private file has {'some' if lines else 'no'} lines; only you can read it")
        raise DropInError(finding.line for finding in examined.findings)
    print("\n".join(_readiness(examined)))


def _suggest(folder: Path) -> None:
    from holf.confidential.read.report import write_private
    from holf.confidential.read.suggest import suggest
    from holf.record.schema import load_schema

    if not folder.is_dir():
        raise ValueError("there is no such folder")
    path = folder / "mapping.yml"
    if path.exists():
        raise FileExistsError(f"{path.name} exists already in the folder; rename it first")
    write_private(path, suggest(folder, load_schema()).encode())
    print(f"wrote {path.name} in the folder; read and finish it, then: holf check-data DIR --mapping DIR/{path.name}")


def _readiness(drop_in) -> list[str]:
    """Which tables are there, with rows and middle values in bands, and which answers of the book will be missing."""
    from holf.confidential.read.checks import middle_values
    from holf.confidential.read.report import band
    from holf.confidential.release.questions import is_measured
    from holf.record.plan import load_plan
    from holf.record.schema import load_schema

    tables = drop_in.tables
    lines = [f"{name}: {band(len(frame))} rows" for name, frame in tables.items()]
    lines += [f"{name}: not there" for name in drop_in.absent]
    lines += ["middle values, as ranges; look whether each can be right:", *middle_values(tables, load_schema())]
    missing = [
        f"{outcome.label} ({wave})"
        for outcome in load_plan().outcomes.values()
        for wave in outcome.waves
        if not is_measured(tables, outcome, wave)
    ]
    told = [f"the book will say that it has no data on: {one}" for one in missing]
    return [*lines, *(told or ["every part of the book has data"])]


def _build(arguments: argparse.Namespace) -> None:
    check_book(_book_asked())
    if arguments.check:
        _check_chapters()
    if not arguments.source and not arguments.out:
        sys.exit(_sphinx(project_root()))
    if not (arguments.source and arguments.out):
        raise ValueError("--source and --out go together: another source is never built into the project's own site")
    _build_elsewhere(arguments.source, arguments.out)


def _book_asked() -> Path:
    """The book that the person who asks stands in; from elsewhere, that of this package or of ``HOLF_ROOT``."""
    places = [] if os.environ.get("HOLF_ROOT") else [Path.cwd(), *Path.cwd().parents]
    books = [place for place in places if (place / "_config.yml").is_file() and (place / "chapters").is_dir()]
    return books[0] if books else project_root()


def _set_root(book: Path) -> None:
    """Let this package work for a book that has no copy of it, such as one that `holf new` wrote."""
    if not (book / "holf").is_dir() and (book / "data" / "plan.yml").is_file():
        os.environ["HOLF_ROOT"] = str(book)


def _check_chapters() -> None:
    from holf.book.chapters import list_chapters
    from holf.book.freshness import in_one_line, why_stale

    stale = {chapter.name: in_one_line(why) for chapter in list_chapters() if (why := why_stale(chapter))}
    print("\n".join(f"stale: {name}: {why}" for name, why in stale.items()) or "every chapter is up to date")
    sys.exit(1 if stale else 0)


def _new_chapter(arguments: argparse.Namespace) -> None:
    from holf.book.new_chapter import write_chapter

    print(f"wrote {' and '.join(write_chapter(arguments.name))}; edit them, then build the book: make book")


def _new_trial(arguments: argparse.Namespace) -> None:
    from holf.book.new_trial import write_trial

    folder = write_trial(arguments.folder)
    print(f"wrote the book {folder.name}; its README.md says what to replace. Build it there: holf build")


def _sphinx(root: Path, **extra: str) -> int:
    command = [
        str(Path(sys.executable).with_name("jupyter-book")),
        "build",
        str(root),
        "-W",
        "-n",
        "--keep-going",
        "--quiet",
    ]
    paths = os.pathsep.join(filter(None, [*code_folders(root), os.environ.get("PYTHONPATH")]))
    return subprocess.run(command, env=os.environ | {"HOLF_PAPERMILL": "auto", "PYTHONPATH": paths} | extra).returncode


def _build_elsewhere(source: str, out: Path) -> None:
    """Build the book from another study in a copy of the project, and put it into `out` whole or not at all."""
    from holf.book.edition import make_edition
    from holf.book.staging import acquire_lock

    if out.exists():
        raise FileExistsError(f"{out.name} exists already; name a new folder for the book")
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "book"
        asked = make_edition(source, copy)
        if code := _sphinx(copy, HOLF_SOURCE=asked, HOLF_ROOT=str(copy)):
            sys.exit(code)
        # Another build may be about to put its book into the same place.
        lock, fresh = acquire_lock(out.resolve().parent, print), out.with_name(f".{out.name}.new")
        try:
            shutil.rmtree(fresh, ignore_errors=True)
            shutil.copytree(copy / "_build" / "html", fresh)
            os.replace(fresh, out)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
            os.close(lock)
    print(f"the book is in {out}")


def _release(arguments: argparse.Namespace) -> None:
    from holf.confidential.read.reader import read_dropin
    from holf.confidential.release.history import HISTORY, write_release
    from holf.confidential.rules.policy import load_policy
    from holf.record.schema import load_schema

    out, schema, policy = arguments.out, load_schema(), load_policy(arguments.profile)
    if out.exists():
        raise FileExistsError(f"{out.name} exists already; a release is never written over")
    release, earlier = write_release(
        read_dropin(arguments.data, schema, mapping=arguments.mapping),
        schema,
        policy,
        out,
        key=arguments.key or out.with_name(f"{out.name}.key"),
        previous=arguments.previous,
        repeat=arguments.repeat,
    )
    print(f"wrote {out.name}: release {release.id}, profile {policy.profile}")
    print(f"wrote {out.name}.ids: the ids in these tables, for `holf release-check --ids`; keep it inside")
    for name, number in release.content["summary"].items():
        print(f"  {name.replace('_', ' ')}: {number}")
    if not earlier:
        print(
            f"No earlier release was found in the file {HISTORY} beside the key. If there is one, delete this file and "
            f"its line in {HISTORY}, and name the earlier one with --previous: two releases can tell together what "
            "neither tells alone."
        )
    print(f"Read the file, and sign it before it leaves: holf sign {out.name} --name NAME --role ROLE")


def _sign(arguments: argparse.Namespace) -> None:
    from holf.confidential.release.signature import sign, signature_path

    today = datetime.now().astimezone().date().isoformat()
    signed = sign(arguments.release, name=arguments.name, role=arguments.role, date=today)
    print(f"wrote {signature_path(arguments.release).name}: {signed.name}, {signed.role}, {signed.date}")
    print("Build the book from the release: holf build --source FILE --out DIR")


def _release_check(arguments: argparse.Namespace) -> None:
    from holf.book.downloads.check import shown_digests
    from holf.book.sources import own_archive
    from holf.confidential.scan.identifiers import is_distinct, read_values, require_canaries
    from holf.confidential.scan.known import known_here
    from holf.confidential.scan.scan import scan

    tree = arguments.tree
    ids = read_values(arguments.ids) if arguments.ids else ()
    canaries = require_canaries(read_values(arguments.canaries)) if arguments.canaries else ()
    known = known_here(ids=ids, canaries=canaries)
    findings = scan(tree, shown=shown_digests(tree), known=known, beside=own_archive(tree))
    if short := sum(not is_distinct(one) for one in ids):
        print(f"{short} of {len(ids)} ids were not sought: too short to be told from other words and numbers")
    if findings:
        print("\n".join(map(str, findings)))
        print(f"{len(findings)} findings: do not publish", file=sys.stderr)
        sys.exit(1)
    print("nothing found")


def _changes(arguments: argparse.Namespace) -> None:
    from holf.pages.changes import as_markdown, changes, read_state

    names = arguments.old, "this folder" if arguments.new == "." else arguments.new
    print(as_markdown(changes(read_state(arguments.old), read_state(arguments.new)), *names), end="")


def _archive(arguments: argparse.Namespace) -> None:
    from holf.book.archive import make_archive

    print(f"wrote {make_archive(project_root() / '_build' / 'html', arguments.out).name}")


def main(arguments: list[str] | None = None) -> None:
    """Run one command; a mistake in the input ends with one clear line and exit code 2."""
    parsed = _parser().parse_args(arguments)
    _set_root(_book_asked())
    try:
        parsed.run(parsed)
    except BrokenPipeError:
        # Whoever read what is printed, such as `head`, has enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError, ChapterError) as error:
        print(f"holf: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()

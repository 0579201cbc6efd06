"""The command line: one command each for what an author or a holder of the data does; `holf -h` lists them."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from clustertrials.cli import add_power
from holf.book import archive
from holf.book.commands import changes as changed
from holf.book.commands import check_data, release, release_check, sweep
from holf.book.freshness import ChapterError, told, why_stale
from holf.paths import check_book, code_folders, project_root


def _simulate(arguments: argparse.Namespace) -> None:
    from holf.simulation.worlds import write_study

    out = write_study(arguments.world, arguments.out, seed=arguments.seed)
    print(f"wrote {len(list(out.glob('*.csv')))} simulated tables ({arguments.world} world)")


def _sphinx(root: Path, *, mode: str, **extra: str) -> int:
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(root), "-W", "-n", "--keep-going"]
    paths = os.pathsep.join(filter(None, [*code_folders(root), os.environ.get("PYTHONPATH")]))
    return subprocess.run(command, env=os.environ | {"HOLF_PAPERMILL": mode, "PYTHONPATH": paths} | extra).returncode


def _book_asked() -> Path:
    """The book that the person who asks stands in; from elsewhere, that of this package or of ``HOLF_ROOT``."""
    places = [] if os.environ.get("HOLF_ROOT") else [Path.cwd(), *Path.cwd().parents]
    books = [place for place in places if (place / "_config.yml").is_file() and (place / "chapters").is_dir()]
    return books[0] if books else project_root()


def _build(arguments: argparse.Namespace) -> None:
    check_book(_book_asked())
    if arguments.check:
        from holf.book.chapters import list_chapters

        stale = {chapter.name: told(why) for chapter in list_chapters() if (why := why_stale(chapter))}
        print("\n".join(f"stale: {name}: {why}" for name, why in stale.items()) or "every chapter is up to date")
        sys.exit(1 if stale else 0)
    if not arguments.source and not arguments.out:
        sys.exit(_sphinx(project_root(), mode="auto"))
    if not (arguments.source and arguments.out):
        raise ValueError("--source and --out go together: another source is never built into the project's own site")
    _build_elsewhere(arguments.source, arguments.out, arguments.profile)


def _build_elsewhere(source: str, out: Path, profile: str | None) -> None:
    """Build the book from another study in a copy of the project, and put it into `out` whole or not at all."""
    from holf.book.edition import make_edition

    if out.exists():
        raise FileExistsError(f"{out.name} exists already; name a new folder for the book")
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "book"
        asked = make_edition(source, copy, profile=profile)
        if code := _sphinx(copy, mode="auto", HOLF_SOURCE=asked, HOLF_ROOT=str(copy)):
            sys.exit(code)
        _put(copy / "_build" / "html", out)
    print(f"the book is in {out}")


def _put(site: Path, out: Path) -> None:
    from holf.book.staging import hold

    # Another build may be about to put its book into the same place.
    lock, fresh = hold(out.resolve().parent, print), out.with_name(f".{out.name}.new")
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(site, fresh)
        os.replace(fresh, out)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        os.close(lock)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="holf", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    simulate = commands.add_parser("simulate", help="write the simulated study tables of one world")
    simulate.add_argument("--world", required=True, help="a world of data/plan.yml")
    simulate.add_argument("--seed", type=int, help="default: the seed in data/assumptions.yml")
    simulate.add_argument("--out", type=Path, required=True, help="folder for the tables")
    simulate.set_defaults(run=_simulate)

    check_data.add_parser(commands)

    build = commands.add_parser("build", help="build the book")
    build.add_argument(
        "--check", action="store_true", help="run nothing; name stale chapters and fail if there are any"
    )
    build.add_argument("--source", help="another study: a world, a folder of simulated or real tables, or a release")
    build.add_argument("--profile", help="disclosure profile, where the source is a folder of real tables")
    build.add_argument("--out", type=Path, help="folder for the book from another source")
    build.set_defaults(run=_build)

    add_power(commands)
    sweep.add_parser(commands)
    release.add_parser(commands)
    release_check.add_parser(commands)
    changed.add_parser(commands)
    archive.add_parser(commands)
    return parser


def main(arguments: list[str] | None = None) -> None:
    """Run one command; a mistake in the input ends with one clear line and exit code 2."""
    parsed = _parser().parse_args(arguments)
    try:
        parsed.run(parsed)
    except (OSError, ValueError, ChapterError) as error:
        print(f"holf: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()

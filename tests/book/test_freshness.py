"""What a chapter is signed with: what its kernel loaded and read, all of it, and nothing else."""

import ast
import json
import shutil
import subprocess

import nbformat
import pytest

from holf.book.chapters import list_chapters
from holf.book.execute import run_chapter
from holf.book.freshness import RUNS, Chapter, ChapterError, is_stale, renew_prose, why_stale
from holf.paths import code_file, project_root

PROJECT, CHAPTERS = project_root(), list_chapters()
ON_RECORD = {
    entry["chapter"]: entry["parts"]
    for entry in map(json.loads, (PROJECT / RUNS).read_text(encoding="utf-8").splitlines())
}


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """The project with code of its own to change; everything else is that of the project itself."""
    root = tmp_path / "copy"
    root.mkdir()
    for name in ("chapters", "data", "requirements.lock"):
        (root / name).symlink_to(PROJECT / name)
    for name in ("holf", "clustertrials"):
        shutil.copytree(PROJECT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setenv("HOLF_ROOT", str(root))
    return root


def stubbed(source: str) -> str:
    """Code whose first function gives 0; code without any sets one more name."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.body = [ast.Return(ast.Constant(0))]
            return ast.unparse(ast.fix_missing_locations(tree))
    return f"{source}\nchanged = 1\n"


def test_a_change_in_any_module_that_a_run_loaded_makes_the_chapter_stale(copy):
    assert ON_RECORD.keys() == {chapter.name for chapter in CHAPTERS}
    loaded = {name for parts in ON_RECORD.values() for name in parts if name.endswith(".py")}
    assert len(loaded) > 60
    # Each fifth: what is done with the name of one is done with that of any.
    for name in sorted(loaded)[::5]:
        path = code_file(name)
        before = path.read_text(encoding="utf-8")
        path.write_text(stubbed(before), encoding="utf-8")
        stale = {chapter.name for chapter in list_chapters() if why_stale(chapter) == [name]}
        path.write_text(before, encoding="utf-8")
        assert stale == {chapter for chapter, parts in ON_RECORD.items() if name in parts}, name
    assert not any(map(is_stale, list_chapters()))


@pytest.mark.parametrize(
    "place, old, new, stale",
    [
        ("clustertrials/sample_size.py", "brentq(", "2 * brentq(", "design"),
        ("holf/study/study.py", "level: float = 0.95", "level: float = 0.5", "outcome-"),
    ],
)
def test_faults_that_were_published_once_make_their_chapters_stale(copy, place, old, new, stale):
    path = code_file(place)
    before = path.read_text(encoding="utf-8")
    assert old in before
    path.write_text(before.replace(old, new), encoding="utf-8")
    named = [chapter for chapter in list_chapters() if chapter.name.startswith(stale)]
    assert named and [why_stale(chapter) for chapter in named] == [[place]] * len(named)


def test_the_build_and_the_gate_make_no_chapter_stale():
    for name, parts in ON_RECORD.items():
        assert "holf/__init__.py" in parts, name
        assert not {part for part in parts if part.startswith("holf/confidential/scan/")}, name
        assert (
            not {"holf/book/extension.py", "holf/pages/write.py", "holf/cli.py", "holf/book/staging.py"} & parts.keys()
        ), name


def run(book, name: str = "plain") -> Chapter:
    chapter = Chapter(book.path(name), book.path(name))
    run_chapter(chapter, book.root / "_build" / "papermill")
    assert not is_stale(chapter)
    return chapter


def test_whatever_road_it_takes_what_a_kernel_loads_and_reads_counts(own):
    """A name that loads late in a cell without import, another package, an import in a function, a path in a cell."""
    package = own.root / "other" / "src" / "other"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("def late():\n    from other.inner import two\n    return two\n")
    (package / "inner.py").write_text("two = 2\n")
    (package / "never.py").write_text("three = 3\n")
    own.write(
        "plain",
        [
            "# Plain",
            "factor = 2",
            "import sys, holf\nsys.path.insert(0, '../other/src')\nimport other",
            "holf.minimum_detectable_difference(clusters=(5, 5), mean_size=9, icc=0.1)",
            "other.late(), open('../data/timeline.yml').read(1)",
        ],
    )
    chapter = run(own)
    places = ("clustertrials/sample_size.py", "other/src/other/__init__.py", "other/src/other/inner.py")
    for place in (*places, "data/timeline.yml", "requirements.lock", "holf/book/execute.py", "holf/book/kernel.py"):
        path = code_file(place)
        before = path.read_bytes()
        path.write_bytes(before + b"\nmore = 1\n")
        assert why_stale(chapter) == [place]
        path.write_bytes(before)
    for place in ("other/src/other/never.py", "holf/book/extension.py", "data/facts.csv"):
        with open(own.root / place, "a", encoding="utf-8") as file:
            file.write("\nmore = 1\n")
    assert why_stale(chapter) == []


def test_a_run_whose_kernel_notes_no_module_is_not_signed(own):
    """Not even if it notes data: the chapter would be called fresh whatever became of the code."""
    module = own.root / "holf" / "record" / "used_files.py"
    text = module.read_text(encoding="utf-8")
    assert "in modules_loaded()" in text
    module.write_text(text.replace("in modules_loaded()", "in ()"), encoding="utf-8")
    own.edit("plain", "factor = 2", "open('../data/timeline.yml').close()\nfactor = 2")
    with pytest.raises(ChapterError, match="plain: its kernel noted nothing of what it loaded"):
        run(own)


def test_comments_docstrings_and_layout_of_a_module_count_for_nothing(own):
    chapter, path = run(own), own.root / "holf" / "display" / "table.py"
    text = path.read_text(encoding="utf-8")
    for other in ("# A comment.\n\n\n" + text, text.replace('"""', '"""More words. ', 1)):
        assert other != text
        path.write_text(other, encoding="utf-8")
        assert not is_stale(chapter)
    path.write_text(text + "\nRECORD = 'x'\n", encoding="utf-8")
    assert why_stale(chapter) == ["holf/display/table.py"]


def test_a_tag_that_only_changes_what_is_shown_runs_nothing_and_reaches_the_pages_of_a_template(own):
    template = own.root / "chapters" / "templates" / "outcome.ipynb"
    template.parent.mkdir()
    template.write_bytes(own.path("plain").read_bytes())
    chapter = Chapter(own.path("many"), template, {"factor": 3}, "One of many")
    run_chapter(chapter, own.root / "_build" / "papermill")

    def tag(*tags: str) -> None:
        notebook = nbformat.read(template, as_version=4)
        notebook.cells[-1].metadata["tags"] = [*tags]
        nbformat.write(notebook, template)

    tag("hide-input")
    assert not is_stale(chapter) and renew_prose(chapter) and not is_stale(chapter)
    shown = nbformat.read(chapter.page, as_version=4).cells
    assert shown[-1].metadata["tags"] == ["hide-input"] and "63" in str(shown[-1].outputs)
    assert "injected-parameters" in shown[2].metadata["tags"] and shown[1].metadata["tags"] == ["parameters"]
    tag()
    assert renew_prose(chapter) and not renew_prose(chapter)
    tag("raises-exception")
    assert why_stale(chapter) == ["code cells"]


def git(place, *arguments: str) -> subprocess.CompletedProcess:
    who = ("-c", "user.name=someone", "-c", "user.email=someone@example.org")
    return subprocess.run(["git", "-C", str(place), *who, *arguments], capture_output=True, text=True)


@pytest.mark.slow
def test_branches_that_change_the_same_code_merge_and_their_chapters_run_again(own):
    """Each branch changes another module and runs both chapters; no output changes."""
    shutil.copy2(PROJECT / ".gitattributes", own.root)
    (own.root / ".gitignore").write_text("_build\n__pycache__\n")
    assert git(own.root, "init", "-q", "-b", "main").returncode == 0
    git(own.root, "add", "-A")
    assert git(own.root, "commit", "-qm", "first").returncode == 0
    for branch, place in (("one", "holf/study/study.py"), ("other", "holf/display/tables.py")):
        git(own.root, "checkout", "-qb", branch, "main")
        with open(own.root / place, "a", encoding="utf-8") as file:
            file.write("\nmore = 1\n")
        chapter = run(own, "study")
        assert git(own.root, "commit", "-qam", branch).returncode == 0
    merged = git(own.root, "merge", "--no-edit", "one")
    assert merged.returncode == 0, merged.stdout
    # Neither run saw both changes; the reason given is what the nearer one did not see.
    assert why_stale(chapter) in (["holf/study/study.py"], ["holf/display/tables.py"])
    assert not is_stale(Chapter(own.path("plain"), own.path("plain")))
    run(own, "study")
    lines = (own.root / RUNS).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["chapter"] for line in lines] == ["plain", "study"]


@pytest.mark.parametrize(
    "code, said",
    [
        ("exit()", r", line 2 `exit\(\)` raised NameError"),
        ("import sys\nsys.exit(0)", r" `factor = 2` raised SystemExit"),
    ],
)
def test_a_cell_that_ends_the_kernel_fails_the_run_and_leaves_the_page(own, code, said):
    own.write("plain", ["# Plain", f"factor = 2\n{code}", "'after'"])
    before, record = own.path("plain").read_bytes(), (own.root / RUNS).read_bytes()
    with pytest.raises(ChapterError, match=rf"plain: cell \[1\]{said}"):
        run(own)
    assert (own.path("plain").read_bytes(), (own.root / RUNS).read_bytes()) == (before, record)


def test_a_kernel_that_dies_is_told_with_its_cell_and_the_next_run_is_whole(own):
    """Killed from outside, as for want of memory, is killed with the same signal."""
    own.write(
        "plain", ["# Plain", "factor = 2", "", "import os\nif factor == 3:\n    os.kill(os.getpid(), 9)", "'after'"]
    )
    before, record = own.path("plain").read_bytes(), (own.root / RUNS).read_bytes()
    chapter, work = Chapter(own.path("plain"), own.path("plain"), {"factor": 3}), own.root / "_build" / "papermill"
    with pytest.raises(ChapterError, match=r"plain: cell \[3\] `import os`: the kernel died while it ran"):
        run_chapter(chapter, work)
    assert (own.path("plain").read_bytes(), (own.root / RUNS).read_bytes()) == (before, record)
    assert [path.name for path in work.iterdir()] == [] and is_stale(chapter)
    assert "after" in run(own).page.read_text(encoding="utf-8")


def test_a_cell_that_is_meant_to_fail_may_and_one_that_is_skipped_may_not(own):
    def tagged(tag: str) -> None:
        own.write("plain", ["# Plain", "factor = 2", "1 / 0", "'after'"])
        notebook = nbformat.read(own.path("plain"), as_version=4)
        notebook.cells[2].metadata["tags"] = [tag]
        nbformat.write(notebook, own.path("plain"))

    tagged("raises-exception")
    run(own)
    cells = nbformat.read(own.path("plain"), as_version=4).cells
    assert [cell.cell_type for cell in cells] == ["markdown", "code", "code", "code"]
    assert cells[2].outputs[0].ename == "ZeroDivisionError" and "after" in str(cells[3].outputs)
    tagged("skip-execution")
    with pytest.raises(ChapterError, match=r"plain: cell \[2\] `1 / 0` was not run: its tags say so"):
        run(own)

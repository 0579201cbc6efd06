"""One truth about dependencies: pyproject, lock and environment.yml agree, and the lock is what is installed."""

import re
import tomllib
from importlib.metadata import version

import yaml
from jupyter_book.config import get_default_sphinx_config
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from holf.paths import project_root

ROOT = project_root()


def locked() -> dict[str, str]:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    return {
        canonicalize_name(name): number
        for name, number in re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", text, re.MULTILINE)
    }


def direct() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    return [Requirement(line) for line in sum(extras.values(), start=project["dependencies"])]


def disagreements(environment: str) -> list[str]:
    """Direct dependencies whose pin in environment.yml is missing, not direct, or not that of the lock."""
    specs = [spec for spec in yaml.safe_load(environment)["dependencies"] if isinstance(spec, str)]
    pins = dict(spec.split("=", 1) for spec in specs if "=" in spec)
    pins.pop("python")
    wanted = {
        canonicalize_name(requirement.name): locked()[canonicalize_name(requirement.name)] for requirement in direct()
    }
    return sorted(
        {f"{name} {number}" for name, number in wanted.items()} ^ {f"{name} {number}" for name, number in pins.items()}
    )


def test_lock_satisfies_the_project():
    for requirement in direct():
        assert requirement.specifier.contains(locked()[canonicalize_name(requirement.name)]), requirement


def test_environment_pins_the_direct_dependencies_at_the_locked_versions():
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    assert disagreements(text) == []
    assert disagreements(text.replace("pandas=", "pandas=9")) and disagreements(text.replace("  - seaborn", "  - dask"))


def test_installed_is_locked():
    for requirement in direct():
        assert version(requirement.name) == locked()[canonicalize_name(requirement.name)], requirement.name


def test_every_locked_package_has_a_hash_and_no_address():
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text)
    assert len(blocks) > 100 and all("--hash=sha256:" in block for block in blocks)
    assert "://" not in text


def test_the_card_is_kept():
    names = {canonicalize_name(requirement.name): requirement for requirement in direct()}
    assert {"jupyter-book", "pandas", "statsmodels", "seaborn", "papermill", "nbval"} <= names.keys()
    assert not names["jupyter-book"].specifier.contains("2.0.0")
    for name in ("_config.yml", "_toc.yml", "chapters", "holf", "data", "tests", "environment.yml"):
        assert (ROOT / name).exists()


# Extensions that Jupyter Book loads and this book does without.
WITHOUT = {"sphinx_togglebutton", "sphinx_thebe", "sphinx_comments", "sphinx.ext.intersphinx", "sphinx_book_theme"}


def test_the_book_loads_its_own_extension_first_and_knows_every_one_of_jupyter_book():
    config = yaml.safe_load((project_root() / "_config.yml").read_text(encoding="utf-8"))["sphinx"]
    loaded = config["config"]["extensions"]
    assert loaded[0] in config["local_extensions"] and not WITHOUT & {*loaded}
    assert {*get_default_sphinx_config()["extensions"]} - {*loaded} == WITHOUT


def test_actions_are_pinned_by_commit():
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        uses = re.findall(r"uses: (\S+)", path.read_text(encoding="utf-8"))
        assert uses and all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action) for action in uses)

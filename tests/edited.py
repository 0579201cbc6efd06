"""Copies of files of `data/` in which something was changed."""

import csv
from collections.abc import Callable
from pathlib import Path

import yaml

from holf.paths import project_root


def edited(name: str, folder: Path, change: Callable) -> Path:
    """A copy of a YAML or CSV file in a folder; `change` edits its content or its rows in place, or returns others."""
    source, path = project_root() / "data" / name, folder / Path(name).name
    if path.suffix == ".yml":
        content = yaml.safe_load(source.read_text(encoding="utf-8"))
        content = change(content) or content
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        return path
    with open(source, encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    rows = change(rows) or rows
    with open(path, "w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def setting(*above, **values) -> Callable:
    """A change of `edited`: the entry or row that stands at these keys gets these values."""

    def change(content):
        for key in above:
            content = content[key]
        content.update(values)

    return change

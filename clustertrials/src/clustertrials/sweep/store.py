"""Partitions on disk: one Parquet file a task, complete or absent, each labelled as simulated and with its plan."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from clustertrials.files import write_whole
from clustertrials.sweep.trials import Task, TaskResult

DATA_CLASS = "simulated"
_NOTE = "sweep.json"
_LABEL = "Simulated trials of known truth. No row is a person; no number is a finding."


class StoreError(ValueError):
    """A folder cannot take this sweep's partitions; the message names the file and the rule."""


class Store:
    """Folder of one sweep, with the hash of its plan and of the code that makes the numbers."""

    def __init__(self, folder: Path, plan: str, code: str):
        self.folder, self.code = Path(folder), code
        self._note = {"data_class": DATA_CLASS, "label": _LABEL, "plan": plan, "code": code}

    @classmethod
    def existing(cls, folder: Path, plan: str) -> Store:
        """Open, for reading, a sweep that was run before, perhaps by other code; StoreError if there is none."""
        try:
            note = json.loads((Path(folder) / _NOTE).read_text(encoding="utf-8"))
        except (OSError, ValueError) as problem:
            raise StoreError(f"{Path(folder).name}: holds no sweep") from problem
        return cls(folder, plan, note.get("code", ""))

    @property
    def parts(self) -> Path:
        """Folder of the partitions."""
        return self.folder / "parts"

    @property
    def failed(self) -> Path:
        """Folder of the records of failed tasks."""
        return self.folder / "failed"

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Hold the folder for this process; the system releases it even if the process is killed.

        StoreError if the folder holds another plan's sweep, one by other code, or something else, or another process
        has it.
        """
        self._claim()
        with open(self.folder / ".lock", "w", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as problem:
                raise StoreError(f"{self.folder.name}: another sweep is writing here") from problem
            for leftover in self.parts.glob(".*.new"):
                leftover.unlink()
            yield

    def _claim(self) -> None:
        note = self.folder / _NOTE
        if note.exists():
            try:
                held = json.loads(note.read_text(encoding="utf-8"))
            except ValueError as problem:
                raise StoreError(f"{self.folder.name}/{_NOTE}: not a note of a sweep") from problem
            for key, what in (("plan", "another plan"), ("code", "another version of the code")):
                if held.get(key) != self._note[key]:
                    raise StoreError(f"{self.folder.name}/{_NOTE}: the sweep there is of {what}; name a new folder")
        elif self.folder.exists() and any(not path.name.startswith(".") for path in self.folder.iterdir()):
            raise StoreError(f"{self.folder.name}: holds something else than a sweep; name a new folder")
        # The note comes first: a folder that has it is known again, wherever a kill fell.
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(note, json.dumps(self._note, indent=2) + "\n")
        for folder in (self.parts, self.failed):
            folder.mkdir(exist_ok=True)

    def done(self, tasks: Sequence[Task]) -> set[str]:
        """Hashes of the tasks whose partition is whole; StoreError for a file that no task of this plan made."""
        known = {f"{task.hash}.parquet": task for task in tasks}
        found = sorted(self.parts.iterdir())
        for path in found:
            if path.name not in known:
                raise StoreError(f"parts/{path.name}: no task of this plan has that name")
        return {path.stem for path in found if self._is_whole(path, known[path.name])}

    def _is_whole(self, path: Path, task: Task) -> bool:
        """Whether a partition can be read to its last page; one of another origin is an error."""
        try:
            table = pq.read_table(path, page_checksum_verification=True)
        except (OSError, pa.ArrowException):
            return False
        if table.schema.metadata is None or table.schema.metadata != self._metadata(task):
            raise StoreError(f"parts/{path.name}: its notes are not those of this plan's task")
        return table.num_rows == task.n_rows

    def _metadata(self, task: Task) -> dict[bytes, bytes]:
        notes = self._note | {"task": task.hash, "seed": str(task.seed)}
        return {f"clustertrials_{key}".encode(): value.encode() for key, value in notes.items()}

    def table(self, task: Task, result: TaskResult) -> pa.Table:
        """The result as a table with its labels."""
        return pa.table({"data_class": [DATA_CLASS] * task.n_rows, **result.columns}).replace_schema_metadata(
            self._metadata(task)
        )

    def read(self, task: Task) -> pd.DataFrame:
        """The rows of a task that is done."""
        return pq.read_table(self.parts / f"{task.hash}.parquet").to_pandas()

    def write(self, task: Task, result: TaskResult) -> None:
        """Write a partition, or the record of a failure: complete or absent, even after a loss of power."""
        record = self.failed / f"{task.hash}.json"
        if result.columns is None:
            words = {"task": task.hash, "seed": task.seed, "first": task.first, "last": task.last,
                     "trial": result.trial, "error": result.error, "message": result.message,
                     "cell": {name: None if value != value else value for name, value in task.cell.values}}  # fmt: skip
            write_whole(record, json.dumps(words, indent=2) + "\n")
            return
        path = self.parts / f"{task.hash}.parquet"
        fresh = path.with_name(f".{path.name}.new")
        with open(fresh, "wb") as stream:
            write_table(self.table(task, result), stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(fresh, path)
        folder = os.open(self.parts, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        record.unlink(missing_ok=True)


def write_table(table: pa.Table, stream: BinaryIO) -> None:
    """Write a table as one Parquet file whose pages carry checksums."""
    pq.write_table(table, stream, compression="zstd", write_page_checksum=True)

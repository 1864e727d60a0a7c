"""Read an output folder back: its record, and its tables as the text that stands in them."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.outputs.record import FORMAT, RECORD, TOOL
from servicecircle.text.guard import unguard

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

#: A row of a table: its cells by column, as text.
Row = dict[str, str]


# What of a record is read again; everything else in it may be as it likes.


class _Output(BaseModel):
    name: str
    sha256: str


class _Input(BaseModel):
    path: str
    sha256: str


class _Outputs(BaseModel):
    language: str


class _Named(BaseModel):
    id: str


class _Own(BaseModel):
    define: list[_Named] = []


class _Study(BaseModel):
    outputs: _Outputs
    standards: _Own


class _Provenance(BaseModel):
    inputs: list[_Input]
    modes: dict[str, dict[str, Any]]
    libraries: dict[str, str]
    version: str
    study_file: str


class _Line(BaseModel):
    name: str
    left: float | None
    parts: dict[str, float | None]


class _Criterion(BaseModel):
    standard: _Named


class _Summary(BaseModel):
    criterion: _Criterion


class _Finding(BaseModel):
    standard: _Named


class _Tree(BaseModel):
    files: list[_Output]
    study: _Study
    provenance: _Provenance
    ledger: list[_Line]
    summaries: list[_Summary]
    findings: list[_Finding]


@dataclass(frozen=True)
class Recorded:
    """What a finished run left in its folder.

    Attributes
    ----------
    folder : Path
        The output folder.
    tree : mapping
        ``run.json``.
    tables : mapping of str to list of dict
        The rows of each table asked for, by the table's name; cells as text, guards taken off.
    touched : tuple of str
        Other files of the run that were changed or removed since, sorted; nothing is read from them.
    """

    folder: Path
    tree: Mapping[str, Any]
    tables: Mapping[str, list[Row]]
    touched: tuple[str, ...] = ()

    @property
    def hashes(self) -> dict[str, str]:
        """The sha256 of each file as the run wrote it, by name."""
        return {entry["name"]: entry["sha256"] for entry in self.tree["files"]}

    @property
    def language(self) -> str:
        """The language of the run's words."""
        return str(self.tree["study"]["outputs"]["language"])


def read_record(path: Path) -> Mapping[str, Any]:
    """Return the tree of a ``run.json``.

    Raises
    ------
    StudyError
        It is missing, no record of a run of ours, or of another format.
    """
    if not path.is_file():
        raise StudyError(problem("compare.no_record", folder=str(path.parent), file=RECORD))
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise StudyError(problem("compare.broken_record", file=str(path), detail=str(error))) from error
    if not isinstance(tree, dict) or tree.get("tool") != TOOL:
        raise StudyError(problem("compare.foreign_record", file=str(path)))
    if tree.get("format") != FORMAT:
        raise StudyError(problem("compare.format", file=str(path), found=tree.get("format"), known=FORMAT))
    try:
        _Tree.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        detail = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise StudyError(problem("compare.broken_record", file=str(path), detail=detail)) from error
    return tree


def read_folder(folder: Path, tables: Iterable[str]) -> Recorded:
    """Return the record of an output folder and the tables named, which must be as the run wrote them.

    Raises
    ------
    StudyError
        As :func:`read_record`; or a table is missing or was changed after the run (all such files at once).
    """
    tree = read_record(folder / RECORD)
    names = [f"{table}.csv" for table in tables]
    listed = {entry["name"]: entry["sha256"] for entry in tree["files"]}
    found = {name: content_hash(folder / name) for name in {*listed, *names}}
    torn: list[Problem] = []
    for name in names:
        if found[name] is None:
            torn.append(problem("compare.lost", file=name, folder=str(folder)))
        elif found[name] != listed.get(name):
            torn.append(problem("compare.torn", file=name, folder=str(folder)))
    if torn:
        raise StudyError(torn)
    rows = {name.removesuffix(".csv"): _rows((folder / name).read_bytes()) for name in names}
    others = (name for name, sha in listed.items() if name not in names and found[name] != sha)
    return Recorded(folder, tree, rows, tuple(sorted(others)))


def content_hash(path: Path) -> str | None:
    """Return the sha256 of a file; None where there is none."""
    if not path.is_file():
        return None
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _rows(content: bytes) -> list[Row]:
    reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    return [{name: unguard(value or "") for name, value in row.items()} for row in reader]

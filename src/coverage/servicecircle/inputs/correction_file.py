"""The file of corrections: what a person writes down to be changed at reading, and the template for it."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.inputs.columns import fold
from servicecircle.inputs.tables import read_table
from servicecircle.text.guard import guard, unguard

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from servicecircle.inputs.tables import Table

#: Columns of the file in the order of the template, and the names under which each is recognised.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "source": ("source", "文件", "源文件", "文件名"),
    "id": ("id", "编号", "编码"),
    "field": ("field", "字段", "列", "列名"),
    "old": ("old", "原值", "旧值"),
    "new": ("new", "新值", "改为"),
    "reason": ("reason", "原因", "理由"),
    "by": ("by", "修改人", "更正人"),
}
#: What stands under ``new`` for an empty cell, and for a row that is taken out (under the field ``*``); folded.
EMPTY_WORDS = ("(empty)", "(空)")
DELETE_WORDS = ("(delete)", "(删除)")
WHOLE_ROW = "*"


@dataclass(frozen=True)
class Correction:
    """One row of a corrections file."""

    file: str
    """The corrections file, as messages name it."""
    row: int
    """Its row there, as a person counts it."""
    source: str
    """File to correct as the study names it, maybe with ``[layer]``."""
    id: str
    """Identifier of the row, or ``row 12``."""
    field: str
    """Column, ``*`` for the whole row."""
    old: str
    """What stands there now."""
    new: str
    """What shall stand there."""
    reason: str
    """Why."""
    by: str
    """Who says so."""

    @property
    def untouched(self) -> bool:
        """Whether nobody filled in this row of a template: neither ``new`` nor ``by`` says anything."""
        return not self.new and not self.by


def read_corrections_file(path: Path, file: str) -> tuple[Table, tuple[Correction, ...]]:
    """Read a corrections file: any table :func:`servicecircle.inputs.tables.read_table` reads.

    Returns
    -------
    table : Table
        The file, for messages.
    corrections : tuple of Correction
        Every row, untouched ones too. The apostrophe that keeps a spreadsheet from taking a text for a formula is
        taken off.

    Raises
    ------
    StudyError
        The file is missing or broken, or lacks a column.
    """
    table = read_table(path, file=file)
    names = {role: [fold(alias) for alias in aliases] for role, aliases in COLUMNS.items()}
    found = {role: [k for k, name in enumerate(table.columns) if fold(name) in names[role]] for role in COLUMNS}
    problems: list[Problem] = []
    for role, places in found.items():
        shown = " / ".join(COLUMNS[role])
        if not places:
            held = ", ".join(name for name in table.columns if name)
            problems.append(problem("corrections.no_column", file=table.place, column=shown, columns=held))
        elif len(places) > 1:
            problems.append(problem("corrections.two_columns", file=table.place, column=shown))
    if problems:
        raise StudyError(problems)
    texts = [[unguard(str(text)) for text in table.texts(found[role][0])] for role in COLUMNS]
    rows = zip(table.rows.tolist(), *texts, strict=True)
    return table, tuple(Correction(table.place, int(row), *cells) for row, *cells in rows)


def corrections_template(rows: Iterable[tuple[str, str, str, str, str]]) -> bytes:
    r"""Return a corrections file for a person to fill in: ``new`` and ``by`` are empty, so nothing is changed by it.

    Parameters
    ----------
    rows : iterable of (source, id, field, old, reason)
        ``id`` is the identifier of the row, or ``row 12``.

    Returns
    -------
    bytes
        CSV in UTF-8 with a byte order mark, ``\r\n`` after each row; text that a spreadsheet would take for a formula
        gets a leading apostrophe, which reading takes off.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for source, code, field, old, reason in rows:
        writer.writerow([guard(cell) for cell in (source, code, field, old, "", reason, "")])
    return text.getvalue().encode("utf-8-sig")

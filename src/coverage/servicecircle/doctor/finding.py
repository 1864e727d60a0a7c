"""A finding: one thing ``check`` says of the data, with its place, its value and how much harm it does."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from servicecircle.errors import Problem
from servicecircle.text.codes import code_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from servicecircle.inputs.rows import RowCount
    from servicecircle.inputs.setaside import SetAside

Harm: TypeAlias = Literal["stops", "wrong", "lost", "look", "note"]
#: From the worst: no run, a wrong figure, a row not used, worth a look, good to know.
HARMS: tuple[Harm, ...] = get_args(Harm)

#: Said of a whole file what the findings say row by row.
_SUMS = frozenset({"inputs.set_aside", "facilities.unknown_words"})
_PLACE = re.compile(r"(?P<file>.*?)(?: \[(?P<layer>.*)\])?", re.DOTALL)


@dataclass(frozen=True)
class Finding:
    """One thing found.

    Attributes
    ----------
    code : str
        Number of its sentence, the same in both languages.
    problem : Problem
        The sentence.
    file, layer : str
        File as the study names it, sheet or layer; empty where the finding is of the whole study.
    row : str
        Row or rows as a person counts them; empty where it is of the whole file.
    id, column, value : str
        Identifier, column and text of the cell, where there is one.
    """

    harm: Harm
    code: str
    problem: Problem
    file: str = ""
    layer: str = ""
    row: str = ""
    id: str = ""
    column: str = ""
    value: str = ""


@dataclass(frozen=True)
class Report:
    """Everything ``check`` found, from the worst.

    Attributes
    ----------
    problems : tuple of Problem
        What stops a run.
    notices : tuple of Problem
        What does not.
    set_aside : tuple of SetAside
        Rows that are not used.
    rows : tuple of RowCount
        What became of the rows of each file.
    """

    problems: tuple[Problem, ...]
    notices: tuple[Problem, ...]
    set_aside: tuple[SetAside, ...] = ()
    rows: tuple[RowCount, ...] = ()
    findings: tuple[Finding, ...] = field(init=False)

    def __post_init__(self) -> None:
        stops = [_of(one, "stops") for one in self.problems]
        told = [_of(one, harm_of(one.key)) for one in self.notices if one.key not in _SUMS]
        # a row that stops the run is not told again as one that is not used
        refused = {(one.file, one.layer, one.row) for one in stops if one.row}
        lost = [one for one in map(_of_row, self.set_aside) if (one.file, one.layer, one.row) not in refused]
        object.__setattr__(self, "findings", tuple(_ranked([*stops, *told, *lost])))


def harm_of(key: str) -> Harm:
    """Return how much harm a notice tells of."""
    return _harms().get(key, "look")


@cache
def _harms() -> dict[str, Harm]:
    tree = tomllib.loads(files("servicecircle.doctor").joinpath("harm.toml").read_text(encoding="utf-8"))
    return {key: harm for harm in HARMS for key in tree.get(harm, ())}


def _of(found: Problem, harm: Harm) -> Finding:
    """Take place and value of a finding from the values of its sentence."""
    values = found.values
    place = _PLACE.fullmatch(str(values.get("file", "")))
    file, layer = ("", "") if place is None else (place["file"], place["layer"] or "")
    row, code, column, value = (_first(found, names) for names in (("row", "rows"), ("id",), ("column",), ("value",)))
    return Finding(harm, code_of(found.key), found, file, layer, row, code, column, value)


def _first(found: Problem, names: Iterable[str]) -> str:
    """Return the first of some values of a sentence as text; a sentence inside it is no value of a cell."""
    given = (found.values[name] for name in names if name in found.values)
    return next((str(value) for value in given if not isinstance(value, Problem)), "")


def _of_row(row: SetAside) -> Finding:
    code, value = code_of(row.reason.key), row.value if row.value.strip(", ") else ""
    return Finding("lost", code, row.reason, row.file, row.layer, str(row.row), row.id, row.column, value)


def _ranked(found: Iterable[Finding]) -> list[Finding]:
    """Sort from the worst; then by file, kind and row."""
    return sorted(found, key=lambda one: (HARMS.index(one.harm), one.file, one.layer, one.code, _row(one.row)))


def _row(text: str) -> tuple[int, str]:
    digits = re.match(r"\d+", text)
    return (int(digits[0]) if digits else 0, text)

"""Rows that were read but not used, each with its reason: nothing vanishes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from servicecircle.errors import Problem, problem


@dataclass(frozen=True)
class SetAside:
    """One input row that is not used."""

    file: str
    """File name as the study gives it."""
    layer: str
    """Layer or sheet, empty when there is none."""
    row: int
    """Row in the file as a person counts it (a table's header is row 1, a layer's first feature is 1)."""
    id: str
    """Identifier of the row, or its name."""
    value: str
    """The value that was the reason."""
    reason: Problem
    """Why it is not used."""
    column: str = ""
    """Column or columns of the value, where it is known."""


def first_reasons(rows: Sequence[SetAside]) -> Problem:
    """Return a problem that reads as the reason of the first row, and of the first row with another reason."""
    first = rows[0]
    other = next((row for row in rows if row.reason.key != first.reason.key), None)
    one = problem("inputs.set_aside_reason", rows=first.row, reason=first.reason)
    if other is None:
        return one
    return problem(
        "inputs.two_reasons", one=one, two=problem("inputs.set_aside_reason", rows=other.row, reason=other.reason)
    )

"""Rows that were read but not used, each with its reason: nothing vanishes."""

from __future__ import annotations

from dataclasses import dataclass

from servicecircle.errors import Problem


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

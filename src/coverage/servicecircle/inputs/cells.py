"""One value of an asset table, before it is read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """One value as a file holds it, before it is read as a number."""

    of: str
    target_id: str
    asset: str
    text: str
    year: str
    column: str
    source: str
    layer: str
    row: int
    label: str

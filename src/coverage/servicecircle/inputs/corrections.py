"""Corrections applied at reading: what a study's corrections file changes in its tables; the files stay untouched."""

from __future__ import annotations

import math
import posixpath
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import shapely

from servicecircle.inputs.correction_file import WHOLE_ROW, Correction, corrections_template
from servicecircle.inputs.tables import Table, to_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from servicecircle.errors import Problem
    from servicecircle.inputs.rows import RowCount
    from servicecircle.inputs.setaside import SetAside

__all__ = ["NO_CORRECTIONS", "Applied", "Correction", "Corrections", "corrections_template"]

#: Fields that move the point of a layer, and which of its coordinates they are.
AXES = {"lon": 0, "lat": 1}

Key: TypeAlias = tuple[str, str]


@dataclass(frozen=True)
class Applied:
    """One correction as it is carried out, for ``run.json``."""

    source: str
    """File as the study names it."""
    layer: str
    """Layer or sheet, empty when there is none."""
    row: int
    """Row there as a person counts it."""
    id: str
    """The row as the correction names it."""
    field: str
    """Column as in the file, ``lon`` or ``lat`` of a point, ``*`` for the whole row."""
    position: int
    """Position of the column; -1 for a point's coordinates and for the whole row."""
    old: str
    """What the file holds."""
    new: str
    """What is read instead; empty for an empty cell."""
    reason: str
    """Why."""
    by: str
    """Who says so."""
    file: str
    """The corrections file and, behind a colon, the row there."""

    @property
    def key(self) -> Key:
        """File and layer by which tables are known again."""
        return same_file(self.source), self.layer


@dataclass(frozen=True)
class Corrections:
    """The corrections of a study, found in its files.

    Attributes
    ----------
    applied : tuple of Applied
        In the order of the corrections files.
    removed : tuple of SetAside
        Rows that corrections take out.
    notices : tuple of Problem
        How many are applied, how many rows nobody filled in.
    rows : tuple of RowCount
        What became of the rows of the corrections files.
    """

    applied: tuple[Applied, ...] = ()
    removed: tuple[SetAside, ...] = ()
    notices: tuple[Problem, ...] = ()
    rows: tuple[RowCount, ...] = ()

    @property
    def record(self) -> list[dict[str, str | int]]:
        """What was changed, for ``run.json``."""
        names = ("source", "layer", "id", "row", "field", "old", "new", "reason", "by", "file")
        return [{name: getattr(one, name) for name in names} for one in self.applied]

    @property
    def set_aside(self) -> tuple[SetAside, ...]:
        """The rows taken out, as every reader names them."""
        return self.removed

    def apply(self, table: Table) -> Table:
        """Return a table with its corrections carried out; the table itself stays as it is."""
        mine = [one for one in self.applied if one.key == (same_file(table.file), table.layer)]
        if not mine:
            return table
        at = {int(row): k for k, row in enumerate(table.rows)}
        cells = table.cells.copy()
        kept = np.ones(len(cells), dtype=bool)
        for one in mine:
            if one.field == WHOLE_ROW:
                kept[at[one.row]] = False
            elif one.position >= 0:
                cells.iloc[at[one.row], one.position] = one.new
        geometry = None if table.geometry is None else _moved(table.geometry, mine, at)[kept]
        return replace(table, cells=cells[kept], geometry=geometry)

    def counted(self, counts: Iterable[RowCount]) -> tuple[RowCount, ...]:
        """Return the counts of files with the rows that were taken out before they were counted."""
        gone = Counter((same_file(one.file), one.layer) for one in self.removed)
        return tuple(
            replace(one, rows=one.rows + more, set_aside=one.set_aside + more)
            if (more := gone[same_file(one.file), one.layer])
            else one
            for one in counts
        )


#: A study without corrections.
NO_CORRECTIONS = Corrections()


def _moved(geometry: NDArray[np.object_], mine: Sequence[Applied], at: dict[int, int]) -> NDArray[np.object_]:
    shapes = geometry.copy()
    places: dict[int, list[float]] = {}
    for one in mine:
        if one.field in AXES and one.position < 0:
            k = at[one.row]
            places.setdefault(k, place_of(shapes[k]))[AXES[one.field]] = float(to_number(one.new) or 0.0)
    for k, place in places.items():
        # a row without geometry needs both coordinates
        shapes[k] = shapely.Point(place) if all(map(math.isfinite, place)) else shapes[k]
    return shapes


def place_of(shape: shapely.Geometry | None) -> list[float]:
    """Return x and y of a point; NaN where there is none."""
    if shape is None or shape.is_empty:
        return [math.nan, math.nan]
    x, y = shapely.get_coordinates(shape)[0].tolist()
    return [x, y]


def same_file(path: str) -> str:
    """Return a path in the one spelling by which files are compared."""
    return posixpath.normpath(path.replace("\\", "/"))

"""Groups of people (65 and older, children, women of an age ...): rasters beside everybody's, or columns of a table.

A group is counted where everybody is counted, so its raster has everybody's grid and its column everybody's rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.geo.crs import is_wgs84
from servicecircle.inputs import columns as pick
from servicecircle.inputs.problems import collect, some
from servicecircle.inputs.tables import PEOPLE, to_numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from servicecircle.geo.grid import Grid
    from servicecircle.inputs.tables import Table

#: Corners of two equal grids lie at most this share of a cell apart: writers round the numbers of a transform.
SAME_CORNER = 1e-3
#: A group may exceed everybody by this where one of the two was rounded to whole people ...
HALF_PERSON = 0.5
#: ... and always by this share of everybody, which is single precision.
SINGLE = 1e-6
#: Begins the columns that groups have in a frame while its rows are chosen and sorted.
MARK = "group:"


def grid_problems(file: str, own: Grid, people_file: str, people: Grid) -> list[Problem]:
    """Return a problem naming both grids unless the raster of a group has the grid of everybody's."""
    if _equal(own, people):
        return []
    return [problem("population.group_grid", file=file, own=_text(own), people_file=people_file, people=_text(people))]


def _equal(one: Grid, other: Grid) -> bool:
    """Return whether two grids have one shape and CRS, and their corners agree to a thousandth of a cell."""
    same_crs = one.crs.equals(other.crs, ignore_axis_order=True) or (is_wgs84(one.crs) and is_wgs84(other.crs))
    if one.shape != other.shape or not same_crs:
        return False
    rows, columns = other.shape
    corners = [(0, 0), (columns, 0), (0, rows), (columns, rows)]
    away = np.array([one.transform * c for c in corners]) - np.array([other.transform * c for c in corners])
    cell = np.array([abs(other.transform.a), abs(other.transform.e)])
    return bool((np.abs(away) <= SAME_CORNER * cell).all())


def _text(grid: Grid) -> str:
    """Return a grid as an analyst compares it: CRS, columns x rows, cell size, upper left corner."""
    rows, columns = grid.shape
    t = grid.transform
    return f"{grid.crs.name}, {columns} x {rows}, {abs(t.a):.10g} x {abs(t.e):.10g}, ({t.c:.10g}, {t.f:.10g})"


def read_group_columns(table: Table, columns: Mapping[str, str]) -> dict[str, NDArray[np.float64]]:
    """Return the people of each group by row, NaN where a cell holds no number.

    Raises
    ------
    StudyError
        A column is missing or stands twice, or holds negative people; all problems at once.
    """
    problems: list[Problem] = []
    found: dict[str, NDArray[np.float64]] = {}
    for name, column in columns.items():
        with collect(problems):
            texts = table.texts(pick.named(table, column))
            found[name] = to_numbers(texts)
            negative = np.flatnonzero(found[name] < 0)
            if len(negative):
                rows = some(f"{table.rows[k]} ({texts[k]})" for k in negative)
                told = {"file": table.place, "column": column, "count": len(negative), "rows": rows}
                problems.append(problem("population.group_negative", **told))
    if problems:
        raise StudyError(problems)
    return found


def marked(groups: Mapping[str, NDArray[np.float64]], rows: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """Return the groups of some rows as columns that travel with a frame (see :func:`parted`)."""
    return {f"{MARK}{name}": values[rows] for name, values in groups.items()}


def parted(frame: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, NDArray[np.float64]]]:
    """Return a frame of people (``PEOPLE``) and, row by row, the people of the groups that travelled with it."""
    groups = {c.removeprefix(MARK): frame[c].to_numpy(dtype=float) for c in frame.columns if c.startswith(MARK)}
    return frame[list(PEOPLE)], groups


def group_notices(file: str, name: str, people: NDArray[np.float64], group: NDArray[np.float64]) -> Iterable[Problem]:
    """Yield what does not fit between a group and everybody; nothing is changed.

    Parameters
    ----------
    people, group : float64 arrays of one shape
        People of each cell or row; NaN where there is no value.
    """
    everybody, counted = np.nan_to_num(people), np.nan_to_num(group)
    unknown = (everybody > 0) & np.isnan(group)
    if unknown.any():
        persons = f"{everybody[unknown].sum():,.0f}"
        yield problem("population.group_unknown", file=file, group=name, count=int(unknown.sum()), persons=persons)
    rounded = HALF_PERSON if _whole(everybody) or _whole(counted) else 0.0
    over = counted > everybody + rounded + SINGLE * everybody
    if over.any():
        excess = f"{(counted[over] - everybody[over]).sum():,.0f}"
        yield problem("population.group_exceeds", file=file, group=name, count=int(over.sum()), excess=excess)
    alone = (everybody <= 0) & (counted > 0)
    if alone.any():
        persons = f"{counted[alone].sum():,.0f}"
        yield problem("population.group_alone", file=file, group=name, count=int(alone.sum()), persons=persons)


def _whole(values: NDArray[np.float64]) -> bool:
    return bool((values == np.rint(values)).all())

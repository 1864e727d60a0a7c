"""Travel times as a map shows them: door to door, per cell of the population raster or per point of people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from servicecircle.analysis.cover import at_least
from servicecircle.geo.sums import sum_by
from servicecircle.travel.reach import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from servicecircle.analysis.evaluate import Coverage
    from servicecircle.demand.pieces import Demand
    from servicecircle.geo.grid import Grid
    from servicecircle.standards.model import Criterion
    from servicecircle.travel.reach import Reach

MS_PER_MIN = 60_000
#: Values are below this; what has no value is sorted behind them, by its state.
NO_VALUE_FROM = 2**31


@dataclass(frozen=True)
class TimeLayer:
    """Times to the nearest of one set of facilities, by one mode in one direction.

    Attributes
    ----------
    criteria : tuple of str
        Keys of the criteria that are judged by these times, in the order of the study.
    mode : str
    direction : str
        ``to_facility`` or ``from_facility``.
    facilities : int
        Facilities that count.
    minutes : float64 array (places,)
        Minutes, whole milliseconds underneath; NaN unless the state is ``REACHED``. Never limited.
    state : int8 array (places,)
        A ``travel.reach.State``.
    """

    criteria: tuple[str, ...]
    mode: str
    direction: str
    facilities: int
    minutes: NDArray[np.float64]
    state: NDArray[np.int8]


@dataclass(frozen=True)
class TravelTimes:
    """Places with people in units, and the times of each set of facilities.

    Attributes
    ----------
    grid : Grid or None
        Grid of the population raster; None for people given at points.
    cell : int64 array (places,)
        Flat index of the cell, ascending; row of the person point without a grid.
    id : tuple of str
        Identifier of each person point; empty with a grid.
    lon, lat : float64 arrays (places,)
        WGS 84 degrees of a person point; empty with a grid.
    persons : float64 array (places,)
        People of the place.
    layers : tuple of TimeLayer
        One for each set of facilities, mode and direction; none without a time criterion.
    """

    grid: Grid | None
    cell: NDArray[np.int64]
    id: tuple[str, ...]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    persons: NDArray[np.float64]
    layers: tuple[TimeLayer, ...]


@dataclass(frozen=True)
class _Shared:
    """One reach and the criteria that are judged by it."""

    criterion: Criterion
    reach: Reach
    facilities: int
    keys: list[str] = field(default_factory=list)


def travel_times(demand: Demand, coverage: Coverage, ids: Sequence[str]) -> TravelTimes:
    """Return the times of every time criterion that was computed; criteria of equal times share a layer.

    A cell with several points reads the time of its middle person: its people-weighted lower median, people
    without a time last. Where the middle person has no time, the cell has none and reads that person's state.

    Parameters
    ----------
    ids : sequence of str
        Identifier of each row of people given at points, by row; unused with a raster.
    """
    cell, first, row, place = _places(demand)
    layers: dict[tuple[str, str, bytes], _Shared] = {}
    for entry in coverage.criteria:
        criterion = entry.criterion
        if criterion.measure != "time" or entry.reach is None:
            continue
        key = (criterion.mode, criterion.standard.direction, entry.facility_rows.tobytes())
        layers.setdefault(key, _Shared(criterion, entry.reach, len(entry.facility_rows))).keys.append(criterion.key)
    points = demand.grid is None
    return TravelTimes(
        grid=demand.grid,
        cell=cell,
        id=tuple(str(ids[k]) for k in cell) if points else (),
        lon=demand.lon[first] if points else np.zeros(0),
        lat=demand.lat[first] if points else np.zeros(0),
        persons=sum_by(row, demand.persons, len(cell)),
        layers=tuple(_layer(shared, demand, row, place) for shared in layers.values()),
    )


def _places(
    demand: Demand,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the cells, their first points, and for each point its row among the cells and its place in its cell."""
    cell, first, row = np.unique(demand.cell, return_index=True, return_inverse=True)
    order = np.argsort(row, kind="stable")
    place = np.empty(len(row), dtype=np.int64)
    counts = np.bincount(row, minlength=len(cell))
    place[order] = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    return cell, first, row, place


def _layer(shared: _Shared, demand: Demand, row: NDArray[np.int64], place: NDArray[np.int64]) -> TimeLayer:
    reach, criterion = shared.reach, shared.criterion
    state = reach.state.astype(np.int64)
    rank = np.where(state == State.REACHED, reach.value.astype(np.int64), NO_VALUE_FROM + state)
    middle = lower_medians(rank, demand.persons, row, place)
    reached = middle < NO_VALUE_FROM
    return TimeLayer(
        criteria=tuple(shared.keys),
        mode=criterion.mode,
        direction=criterion.standard.direction,
        facilities=shared.facilities,
        minutes=np.where(reached, middle / MS_PER_MIN, np.nan),
        state=np.where(reached, int(State.REACHED), middle - NO_VALUE_FROM).astype(np.int8),
    )


def lower_medians(
    value: NDArray[np.int64], persons: NDArray[np.float64], row: NDArray[np.int64], place: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return, per row of a table, the smallest value at which at least half of the row's people are reached.

    ``row`` and ``place`` say where each value stands in a table with one row per cell and one column per point of
    a cell; each row is summed on its own, so that its result depends on nobody else's people.
    """
    if len(value) == 0:
        return np.zeros(0, dtype=np.int64)
    shape = (int(row.max()) + 1, int(place.max()) + 1)
    values, weights = np.full(shape, np.iinfo(np.int64).max), np.zeros(shape)
    values[row, place], weights[row, place] = value, persons
    order = np.argsort(values, axis=1, kind="stable")
    running = np.cumsum(np.take_along_axis(weights, order, axis=1), axis=1)
    middle = at_least(running, 0.5 * running[:, -1:]).argmax(axis=1)
    rows = np.arange(shape[0])
    result: NDArray[np.int64] = values[rows, order[rows, middle]]
    return result

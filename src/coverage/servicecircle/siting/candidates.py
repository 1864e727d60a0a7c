"""Places that could serve: unit points, and existing facilities of other types that could be upgraded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from servicecircle.geo.sums import sum_by
from servicecircle.standards.vocabulary import accepts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from servicecircle.analysis.world import World
    from servicecircle.standards.model import Criterion
    from servicecircle.study import Siting


@dataclass(frozen=True)
class Candidates:
    """Candidate sites, sorted by id.

    Attributes
    ----------
    id, name : str arrays
    kind : str array
        ``unit`` or ``upgrade``.
    lon, lat : float64 arrays
        WGS 84 degrees.
    """

    id: NDArray[np.str_]
    name: NDArray[np.str_]
    kind: NDArray[np.str_]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]


def find_candidates(world: World, criterion: Criterion, siting: Siting) -> Candidates:
    """Return the candidates of a criterion: units it applies to, and facilities that do not count for it yet.

    A polygon unit stands at its people-weighted centre's nearest demand point, so that a site is where people
    live; a point unit at its point. Blocks are no candidates: nobody calls them a place. An area or line that could be
    upgraded stands at its label point.
    """
    rows: list[tuple[str, str, str, float, float]] = []
    if "units" in siting.candidates:
        rows += _unit_points(world, criterion)
    if "facilities" in siting.candidates:
        frame = world.facilities
        counted = np.zeros(len(frame), dtype=bool)
        counted[world.facility_rows(criterion)] = True
        kept = ~counted & (frame["unit"].to_numpy() >= 0)
        if siting.upgrade:
            kept &= frame["type"].isin(accepts(siting.upgrade)).to_numpy()
        chosen = frame[kept]
        rows += [
            (str(i), str(n), "upgrade", float(x), float(y))
            for i, n, x, y in zip(chosen["id"], chosen["name"], chosen["lon"], chosen["lat"], strict=True)
        ]
    rows.sort()
    columns = list(zip(*rows, strict=True)) or [(), (), (), (), ()]
    return Candidates(
        np.array(columns[0], dtype=str),
        np.array(columns[1], dtype=str),
        np.array(columns[2], dtype=str),
        np.array(columns[3], dtype=float),
        np.array(columns[4], dtype=float),
    )


def _unit_points(world: World, criterion: Criterion) -> list[tuple[str, str, str, float, float]]:
    demand, units = world.demand, world.units
    applies = world.applies(criterion) & (units["basis"].to_numpy() != "block")
    lon, lat = (
        units.geometry.representative_point().x.to_numpy(copy=True),
        units.geometry.representative_point().y.to_numpy(copy=True),
    )
    areal = units.geometry.geom_type.to_numpy() != "Point"
    if areal.any():
        people = world.people(criterion)
        centre = _centres(world, people)
        lon[areal], lat[areal] = demand.lon[centre[areal]], demand.lat[centre[areal]]
        applies &= ~areal | (sum_by(demand.piece_unit, people, len(units)) > 0)
    return [
        (f"unit:{units['id'].iloc[i]}", str(units["name"].iloc[i]), "unit", float(lon[i]), float(lat[i]))
        for i in np.flatnonzero(applies)
    ]


def _centres(world: World, people: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return, per unit, the demand point nearest to the centre of the unit, weighted by the people of the pieces."""
    demand, units = world.demand, len(world.units)
    xy = world.walk.working.project(demand.lon, demand.lat)[demand.piece_point]
    weight = people
    total = np.maximum(np.bincount(demand.piece_unit, weights=weight, minlength=units), 1e-300)
    centre = np.column_stack(
        [np.bincount(demand.piece_unit, weights=weight * xy[:, k], minlength=units) / total for k in (0, 1)]
    )
    away = np.hypot(*(xy - centre[demand.piece_unit]).T)
    point = demand.piece_point
    # a cut cell's points belong to every unit that shares it: those inside the unit come first
    outside = ~shapely.intersects_xy(
        world.units.geometry.to_numpy()[demand.piece_unit], demand.lon[point], demand.lat[point]
    )
    order = np.lexsort((point, away, outside, demand.piece_unit))
    owner, first = np.unique(demand.piece_unit[order], return_index=True)
    result = np.zeros(units, dtype=np.int64)
    result[owner] = demand.piece_point[order[first]]
    return result

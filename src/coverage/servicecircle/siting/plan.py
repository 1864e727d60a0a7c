"""Choose sites for a criterion and put them in build order; people are counted by ``evaluate`` itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from servicecircle.analysis.cover import covered, holds
from servicecircle.analysis.evaluate import evaluate
from servicecircle.geo.coordinates import phone_map
from servicecircle.geo.crs import SCALE_SLACK, geodesic_m
from servicecircle.geo.sums import sum_by
from servicecircle.siting.candidates import Candidates, find_candidates
from servicecircle.siting.columns import SITE_COLUMNS
from servicecircle.siting.models import maximal_covering
from servicecircle.travel.reach import Doors, network_reach

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from servicecircle.analysis.world import World
    from servicecircle.standards.model import Criterion
    from servicecircle.study import Siting
    from servicecircle.travel.reach import Places, Search

    FindPlaces = Callable[[NDArray[np.float64], NDArray[np.float64]], Places]

#: Fewer newly covered people than this is no gain: nothing more is built.
NO_GAIN = 1e-9


@dataclass(frozen=True)
class Plan:
    """Chosen sites in build order, and the world with them built."""

    sites: pd.DataFrame
    after: World
    candidates: int
    gap: float = 0.0
    """How far, as a share of the people newly covered, the plan may be from the best one; 0: proved best."""


def plan_sites(world: World, criterion: Criterion, siting: Siting, find: FindPlaces) -> Plan:
    """Choose ``siting.choose`` sites that newly cover the most people, exactly.

    The build order is greedy among the chosen: each step builds the site that newly covers most.

    Parameters
    ----------
    find : callable
        ``(lon, lat) -> Places``: attaches points as doors of facilities (walls yield).
    """
    candidates = find_candidates(world, criterion, siting)
    entry = evaluate(world, [criterion]).criteria[0]
    if len(candidates.id) == 0 or entry.state != "computed":
        return Plan(pd.DataFrame(columns=list(SITE_COLUMNS)), world, 0)
    places = find(candidates.lon, candidates.lat)
    open_pieces = np.flatnonzero(entry.applies[world.demand.piece_unit] & ~entry.piece_covered)
    persons = sum_by(world.demand.piece_point[open_pieces], world.people(criterion)[open_pieces], world.demand.points)
    covers = _covers(world, criterion, places, persons > 0)
    groups, weight = _merged(covers, persons)
    best = maximal_covering(groups, weight, min(siting.choose, len(candidates.id)))
    order = _build_order(covers, persons, best.chosen)
    return replace(_built(world, criterion, candidates, places, order), gap=best.gap)


def _covers(world: World, criterion: Criterion, places: Places, wanted: NDArray[np.bool_]) -> csr_array:
    """Return which candidate covers which demand point without service, by the rule of ``cover``.

    One bounded reach per candidate, asked only of the points that lie near enough to be reached at all.
    """
    search = None
    if criterion.measure != "straight":
        search = world.search(
            criterion.mode, criterion.standard.direction, "time" if criterion.measure == "time" else "road"
        )
    radius_m = criterion.limit / 1000 if search is None else search.farthest_m(criterion.limit)
    open_points = np.flatnonzero(wanted)
    xy = world.walk.working.project(world.demand.lon[open_points], world.demand.lat[open_points])
    tree, site_xy = cKDTree(xy), world.walk.working.project(places.lon, places.lat)
    rows, columns = [], []
    for i in range(len(places.lon)):
        near = tree.query_ball_point(site_xy[i], radius_m * (1 + SCALE_SLACK) + 1, return_sorted=True)
        points = open_points[np.asarray(near, dtype=np.int64)]
        held = points[_held(world, criterion, search, places, i, points)]
        rows.append(np.full(len(held), i))
        columns.append(held)
    row, column = np.concatenate(rows), np.concatenate(columns)
    return csr_array((np.ones(len(row), dtype=np.int8), (row, column)), shape=(len(places.lon), world.demand.points))


def _held(
    world: World, criterion: Criterion, search: Search | None, places: Places, site: int, points: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return for which of some demand points a criterion holds with one candidate alone."""
    if search is None:
        lon, lat = np.full(len(points), places.lon[site]), np.full(len(points), places.lat[site])
        mm = np.rint(geodesic_m(world.demand.lon[points], world.demand.lat[points], lon, lat) * 1000)
        return holds(mm.astype(np.int64), criterion.limit)
    doors = Doors(places, np.array([site]), np.array([0]), 1)
    return covered(
        network_reach(
            search, world.demand_places.subset(points, criterion.mode), doors, world.walk, at_most=criterion.limit
        ),
        criterion.limit,
    )


def _merged(covers: csr_array, persons: NDArray[np.float64]) -> tuple[csr_array, NDArray[np.float64]]:
    """Merge demand points with the same set of candidates: an exact reduction."""
    columns = covers.tocsc()
    columns.sort_indices()
    count = np.diff(columns.indptr)
    keys: dict[bytes, int] = {}
    sites: list[NDArray[np.int64]] = []
    weight: list[float] = []
    for point in np.flatnonzero((count > 0) & (persons > 0)):
        group = columns.indices[columns.indptr[point] : columns.indptr[point + 1]].astype(np.int64)
        at = keys.setdefault(group.tobytes(), len(sites))
        if at == len(sites):
            sites.append(group)
            weight.append(0.0)
        weight[at] += float(persons[point])
    indptr = np.concatenate(([0], np.cumsum([len(s) for s in sites]))).astype(np.int64)
    indices = np.concatenate(sites) if sites else np.zeros(0, dtype=np.int64)
    by_group = csr_array((np.ones(len(indices)), indices, indptr), shape=(len(sites), covers.shape[0]))
    return by_group.T.tocsr(), np.array(weight)


def _build_order(covers: csr_array, persons: NDArray[np.float64], chosen: NDArray[np.int64]) -> list[int]:
    left, order = persons.copy(), []
    todo = [int(c) for c in chosen]
    while todo:
        gains = [float(left[covers.indices[covers.indptr[c] : covers.indptr[c + 1]]].sum()) for c in todo]
        at = int(np.argmax(gains))
        if gains[at] <= NO_GAIN:
            break
        best = todo.pop(at)
        left[covers.indices[covers.indptr[best] : covers.indptr[best + 1]]] = 0.0
        order.append(best)
    return order


def _built(world: World, criterion: Criterion, candidates: Candidates, places: Places, order: list[int]) -> Plan:
    """Build the sites one after another and let ``evaluate`` count after each."""
    before = evaluate(world, [criterion])
    had = before.covered_persons(world, criterion.key)
    total = float(world.people(criterion)[before.criteria[0].applies[world.demand.piece_unit]].sum())
    rows = []
    for step, site in enumerate(order, start=1):
        world = with_site(world, candidates, places, site, criterion)
        now = evaluate(world, [criterion]).covered_persons(world, criterion.key)
        rows.append(
            {
                "order": step,
                "criterion": criterion.key,
                "candidate_id": str(candidates.id[site]),
                "name": str(candidates.name[site]),
                "candidate_kind": str(candidates.kind[site]),
                "type": criterion.standard.types[0],
                "new_persons": now - had,
                "covered_persons": now,
                "share_covered": now / total if total > 0 else np.nan,
                "lon": float(candidates.lon[site]),
                "lat": float(candidates.lat[site]),
            }
        )
        had = now
    frame = pd.DataFrame(rows)
    if len(frame):
        lon, lat = phone_map(frame["lon"].to_numpy(), frame["lat"].to_numpy())
        frame = frame.assign(lon_gcj02=lon, lat_gcj02=lat)
    return Plan(frame.reindex(columns=list(SITE_COLUMNS)), world, len(candidates.id))


def with_site(world: World, candidates: Candidates, places: Places, site: int, criterion: Criterion) -> World:
    """Return the world with one more facility that counts for the criterion; its rows stay sorted by id."""
    record = {
        "id": f"proposed:{candidates.id[site]}",
        "name": str(candidates.name[site]),
        "type": criterion.standard.types[0],
        "type_text": "",
        "ownership": criterion.standard.ownership[0] if criterion.standard.ownership else "",
        "lon": float(candidates.lon[site]),
        "lat": float(candidates.lat[site]),
        "source": "",
        "row": 0,
        "unit": -1,
    }
    frame = pd.concat([world.facilities, pd.DataFrame([record])], ignore_index=True)
    order = np.argsort(frame["id"].to_numpy(dtype=str), kind="stable")
    row = int(np.flatnonzero(order == len(frame) - 1)[0])
    entrances = world.entrances.with_point(places, site, row)
    return replace(world, facilities=frame.iloc[order].reset_index(drop=True), entrances=entrances)

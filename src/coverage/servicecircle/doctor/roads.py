"""What is doubtful about roads: classes and speeds, pieces that hang on nothing, and who is far from any road."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import osmium
import osmium.filter
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from servicecircle.doctor.rows import capped
from servicecircle.errors import Problem, problem
from servicecircle.geo.crs import geodesic_m
from servicecircle.inputs.problems import some
from servicecircle.inputs.road_ways import ROAD_CLASSES
from servicecircle.inputs.roads import osm_file
from servicecircle.inputs.units import town_of
from servicecircle.travel.doors import network_lines
from servicecircle.travel.tags import KMH_PER_MPH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from servicecircle.analysis.stages import Prepared
    from servicecircle.analysis.world import World
    from servicecircle.inputs.gather import Inputs
    from servicecircle.inputs.roads import Ways
    from servicecircle.study import Study
    from servicecircle.travel.doors import Access
    from servicecircle.travel.network import ModeEdges

#: A larger share of the road length without a known class is a fault of the file.
CLASSLESS_SHARE = 0.02
#: Posted limits outside of these are slips of the pen, km/h; both are still possible.
LEAST_KMH, MOST_KMH = 5.0, 160.0
#: A column of limits that is filled for a smaller share of the length says little.
TAGGED_SHARE = 0.1
#: A larger share of people or of road length beside the largest piece is told.
APART_SHARE, APART_LENGTH_SHARE = 0.01, 0.05
#: A longer middle access leg makes a walking circle a question of the road data, metres.
SPARSE_M = 300.0
#: A larger share of a town's people without any road within the access limit is told.
NO_ROAD_SHARE = 0.1
#: An access leg this much longer than the way to the nearest road, and more than twice as long, goes around something.
DETOUR_M, DETOUR_TIMES = 100.0, 2.0
#: Values of ``highway`` that are no roads though they are ways: nothing is missing where one of them stands.
NO_ROADS = frozenset(
    "construction proposed planned razed demolished abandoned disused dismantled removed historic platform corridor "
    "elevator bus_stop rest_area services raceway escape emergency_bay via_ferrata crossing traffic_island no "
    "bus_guideway busway emergency_access_point toll_gantry".split()
)
_LIMIT = re.compile(r"\s*(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*(mph|km/h|kmh|kph)?\s*")


# --- the file ---------------------------------------------------------------------------------------------------------


def _file(study: Study) -> str:
    return study.path.name if study.roads.file is None else study.roads.file.path


def _lengths_km(ways: Ways) -> NDArray[np.float64]:
    """Return the kilometres of each way; pieces to nodes the extract lacks do not count."""
    if not len(ways.node):
        return np.zeros(len(ways.id))
    step = np.zeros(len(ways.node))
    step[1:] = np.nan_to_num(geodesic_m(ways.lon[:-1], ways.lat[:-1], ways.lon[1:], ways.lat[1:]))
    step[ways.start[:-1]] = 0.0
    total = np.concatenate(([0.0], np.cumsum(step)))
    return np.asarray(total[ways.start[1:]] - total[ways.start[:-1]]) / 1000


def look_classes(study: Study, inputs: Inputs) -> Iterator[Problem]:
    """Yield roads of no class (``highway=road``) and of unknown words where they make up more than 2 % of the length.

    A layer of lines says what its words mean at reading; it is not looked at.
    """
    if study.roads.lines is not None:
        return
    ways = inputs.roads.ways
    words = [tags.get("highway", "") for tags in ways.tags]
    km = _lengths_km(ways)
    known = {*ROAD_CLASSES, *NO_ROADS, ""}
    for key, mask in (
        ("road_look.no_class", np.array([word == "road" for word in words], dtype=bool)),
        ("road_look.unknown_class", np.array([word not in known for word in words], dtype=bool)),
    ):
        share = float(km[mask].sum() / km.sum()) if km.sum() > 0 else 0.0
        if share <= CLASSLESS_SHARE:
            continue
        counts = Counter(word for word, yes in zip(words, mask, strict=True) if yes)
        shown = some(
            f"{word} × {count}" for word, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        )
        told = {"count": int(mask.sum()), "km": f"{km[mask].sum():.1f}", "share": f"{share:.1%}"}
        yield problem(key, file=_file(study), **told, value=shown, rows=some(np.sort(ways.id[mask]).tolist()))


def look_speeds(study: Study, inputs: Inputs) -> Iterator[Problem]:
    """Yield posted limits below 5 and above 160 km/h: probably slips of the pen."""
    found = []
    for code, tags in zip(inputs.roads.ways.id.tolist(), inputs.roads.ways.tags, strict=True):
        text = tags.get("maxspeed", "")
        limit = _LIMIT.fullmatch(text)
        if limit is None:
            continue
        kmh = float(limit[1]) * (KMH_PER_MPH if limit[2] == "mph" else 1.0)
        if not LEAST_KMH <= kmh <= MOST_KMH:
            found.append((code, text))
    if found:
        found.sort()
        shown = some(f"{code} ({text})" for code, text in found)
        told = {"row": found[0][0], "value": found[0][1], "count": len(found), "rows": shown}
        limits = {"least": f"{LEAST_KMH:g}", "most": f"{MOST_KMH:g}"}
        yield problem("road_look.speed", file=_file(study), **told, **limits)


def look_untagged(study: Study, inputs: Inputs) -> Iterator[Problem]:
    """Yield a column of limits the study names for its lines that is filled for less than 10 % of their length."""
    lines = study.roads.lines
    if lines is None or lines.maxspeed is None:
        return
    km = _lengths_km(inputs.roads.ways)
    tagged = np.array(["maxspeed" in tags for tags in inputs.roads.ways.tags], dtype=bool)
    share = float(km[tagged].sum() / km.sum()) if km.sum() > 0 else 1.0
    if share < TAGGED_SHARE:
        yield problem("road_look.untagged", file=_file(study), column=lines.maxspeed, value=f"{share:.1%}")


def look_ids(study: Study, inputs: Inputs) -> Iterator[Problem]:
    """Yield nodes of an extract whose id stands twice, perhaps at two places; the reader refuses such ways."""
    if study.roads.osm is None:
        return
    ways = inputs.roads.ways
    places: dict[int, set[tuple[float, float]]] = {}
    moved, again = [], []
    processor = osmium.FileProcessor(osm_file(study.locate(study.roads.osm.path)), osmium.osm.NODE)
    for node in processor.with_filter(osmium.filter.IdFilter(np.unique(ways.node[ways.node > 0]).tolist())):
        if not isinstance(node, osmium.osm.Node) or not node.location.valid():
            continue  # the processor was asked for nodes alone; one without a place stands nowhere twice
        known = places.setdefault(node.id, set())
        if known:
            again.append(node.id)
        known.add((node.location.lon, node.location.lat))
        if len(known) > 1:
            moved.append(node.id)
    for key, codes in (("road_look.nodes_moved", sorted(set(moved))), ("road_look.nodes_twice", sorted(set(again)))):
        if codes and not (key == "road_look.nodes_twice" and moved):
            told = {"row": codes[0], "id": codes[0], "count": len(codes), "rows": some(codes)}
            yield problem(key, file=_file(study), **told)


# --- pieces -----------------------------------------------------------------------------------------------------------


def _pieces(world: World, mode: str) -> tuple[NDArray[np.float64], NDArray[np.bool_], int]:
    """Return the kilometres of each piece of a mode's network, which are attached to, and the largest."""
    edges = world.network.modes[mode]
    usable = edges.component >= 0
    size = int(edges.component.max(initial=-1)) + 1
    km = np.bincount(edges.component[usable], weights=world.network.mm[usable], minlength=size) / 1e6
    taken = np.zeros(size, dtype=bool)
    taken[edges.component[edges.attachable]] = True
    return km, taken, int(np.argmax(km)) if size else -1


def look_pieces(prepared: Prepared) -> Iterator[Problem]:
    """Yield, for each mode, roads beside the largest piece: more than 5 % of the length, or 1 % of the people there."""
    world, file = prepared.world, _file(prepared.study)
    for mode in sorted(world.modes):
        km, taken, main = _pieces(world, mode)
        total = float(km.sum())
        if total <= 0:
            continue
        edges, access = world.network.modes[mode], world.demand_places.access[mode]
        people = world.demand.inside_persons()
        apart = access.attached() & ~_touches(access, edges.component == main)
        lost = float(people[apart].sum())
        share, living = 1 - float(km[main]) / total, lost / max(float(people.sum()), 1e-9)
        if share <= APART_LENGTH_SHARE and living <= APART_SHARE:
            continue
        refused = (km > 0) & ~taken
        told = {"count": int((km > 0).sum()) - 1, "km": f"{total - km[main]:.1f}", "share": f"{share:.1%}"}
        told |= {"refused": int(refused.sum()), "refused_km": f"{km[refused].sum():.1f}"}
        yield problem("road_look.pieces", file=file, value=mode, **told, people=f"{lost:.0f}", living=f"{living:.1%}")


def _touches(access: Access, edges: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which points have a leg to any of some edges."""
    touches = np.zeros(access.points, dtype=bool)
    touches[access.point[edges[access.edge]]] = True
    return touches


def look_apart(prepared: Prepared) -> Iterator[Problem]:
    """Yield facilities that cars reach only on a piece of road joined to no other, and those beside a refused piece."""
    world = prepared.world
    found: list[Problem] = []
    _, _, main = _pieces(world, "drive")
    edges = world.network.modes["drive"]
    access = world.entrances.places.access["drive"]
    on_main = _of_facility(world, _touches(access, edges.component == main))
    km, _, _ = _pieces(world, "drive")
    for k in np.flatnonzero(_of_facility(world, access.attached()) & ~on_main).tolist():
        legs = np.isin(world.entrances.facility[access.point], [k])
        piece = float(km[edges.component[access.edge[legs]]].max())
        found.append(_facility(prepared, "road_look.facility_apart", k, km=f"{piece:.1f}"))
    yield from _named(found, "apart")


def _of_facility(world: World, of_door: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which facilities have a door of a kind."""
    result = np.zeros(len(world.facilities), dtype=bool)
    result[world.entrances.facility[of_door]] = True
    return result


def _facility(prepared: Prepared, key: str, row: int, **values: Any) -> Problem:
    """Return the problem of one facility of the world."""
    one = prepared.world.facilities.iloc[row]
    layer = prepared.inputs.facilities.layers.get(one["id"], "")
    file = f"{one['source']} [{layer}]" if layer else str(one["source"])
    return problem(key, file=file, row=int(one["row"]), id=str(one["id"]), value=str(one["name"]), **values)


def _named(found: list[Problem], what: str) -> Iterator[Problem]:
    found = sorted(found, key=lambda one: (one.values["file"], one.values["row"]))
    yield from capped(found, "road_look.more", what=problem(f"road_look.what.{what}"))


def look_traps(prepared: Prepared) -> Iterator[Problem]:
    """Yield facilities whose roads cars can enter but never leave, or leave but never enter: one-way streets.

    Their roads are those at most 100 m farther than the nearest.
    """
    world = prepared.world
    edges, every = world.network.modes["drive"], world.entrances.places.access["drive"]
    if not len(every.edge):
        return
    nearest = _shortest_m(every.points, every.point, every.leg_mm)[every.point]
    access = every.only(every.leg_mm / 1000 <= nearest + DETOUR_M)
    out, into = _one_ways(world, edges)
    tail, head = world.network.tail[access.edge], world.network.head[access.edge]
    forward, backward = edges.forward[access.edge], edges.backward[access.edge]
    _, _, main = _pieces(world, "drive")
    on_main = _of_facility(world, _touches(access, edges.component == main))
    leaves = _of_legs(world, access, (forward & out[head]) | (backward & out[tail]))
    arrives = _of_legs(world, access, (forward & into[tail]) | (backward & into[head]))
    found = [_facility(prepared, "road_look.facility_trapped", k) for k in np.flatnonzero(on_main & ~leaves).tolist()]
    shut = np.flatnonzero(on_main & ~arrives & leaves).tolist()
    yield from _named(found, "trapped")
    yield from _named([_facility(prepared, "road_look.facility_shut", k) for k in shut], "shut")


def _of_legs(world: World, access: Access, legs: NDArray[np.bool_]) -> NDArray[np.bool_]:
    result = np.zeros(len(world.facilities), dtype=bool)
    result[world.entrances.facility[access.point[legs]]] = True
    return result


def _one_ways(world: World, edges: ModeEdges) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which nodes lead to the largest set of nodes that all reach one another, and which can be reached."""
    tail = np.concatenate((world.network.tail[edges.forward], world.network.head[edges.backward]))
    head = np.concatenate((world.network.head[edges.forward], world.network.tail[edges.backward]))
    size = len(world.network.node_id)
    graph = coo_array((np.ones(len(tail), dtype=np.int8), (tail, head)), shape=(size, size)).tocsr()
    _, label = connected_components(graph, directed=True, connection="strong")
    start = int(np.flatnonzero(label == np.argmax(np.bincount(label)))[0])
    reached, leading = np.zeros(size, dtype=bool), np.zeros(size, dtype=bool)
    reached[breadth_first_order(graph, start, return_predecessors=False)] = True
    leading[breadth_first_order(graph.T.tocsr(), start, return_predecessors=False)] = True
    return leading, reached


# --- how far from roads -----------------------------------------------------------------------------------------------


def _towns(world: World) -> NDArray[np.object_]:
    """Return the town of each unit, empty where it has none: those are told together."""
    return town_of(world.units).to_numpy(dtype=object)


def _shortest_m(points: int, point: NDArray[np.int64], leg_mm: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the shortest leg of each point in metres, infinite where there is none."""
    shortest = np.full(points, np.inf)
    np.minimum.at(shortest, point, leg_mm / 1000)
    return shortest


def look_sparse(prepared: Prepared) -> Iterator[Problem]:
    """Yield towns whose people live, in the middle, more than 300 m from a walkable road, where walks are judged.

    People without any road within the access limit count as farther than the limit. Exactly 300 m is near enough.
    """
    study, world = prepared.study, prepared.world
    if not any(one.measure == "time" and one.mode.startswith("walk") for one in prepared.criteria):
        return
    access = world.demand_places.access["walk"]
    leg = _shortest_m(access.points, access.point, access.leg_mm)[world.demand.piece_point]
    found = []
    for town, mine in _by_town(world):
        persons = world.demand.piece_persons[mine]
        middle = weighted_median(leg[mine], persons)
        if middle <= SPARSE_M:
            continue
        shown = f"{middle:.0f}" if np.isfinite(middle) else f"> {study.travel.access_limit_m:g}"
        found.append(_town(prepared, "road_look.sparse", town, persons.sum(), value=shown, limit=f"{SPARSE_M:g}"))
    yield from _named_towns(found, "sparse")


def look_no_road(prepared: Prepared) -> Iterator[Problem]:
    """Yield towns where more than 10 % of the people have no road at all within the access limit."""
    study, world = prepared.study, prepared.world
    near = np.zeros(world.demand.points, dtype=bool)
    for access in world.demand_places.access.values():
        near |= access.attached()
    lost = ~near[world.demand.piece_point]
    found = []
    for town, mine in _by_town(world):
        persons = world.demand.piece_persons[mine]
        total, without = float(persons.sum()), float(persons[lost[mine]].sum())
        if total > 0 and without > NO_ROAD_SHARE * total:
            values = {"value": f"{without / total:.1%}", "limit": f"{study.travel.access_limit_m:g}"}
            found.append(_town(prepared, "road_look.no_road", town, without, **values))
    yield from _named_towns(found, "no_road")


def _by_town(world: World) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Yield each town and its pieces of demand, by name; those of no town come first, under an empty name."""
    towns = _towns(world)[world.demand.piece_unit]
    for town in sorted(set(towns)):
        yield str(town), np.flatnonzero(towns == town)


def _town(prepared: Prepared, key: str, town: str, people: float, **values: Any) -> Problem:
    rest = "no_town" if (_towns(prepared.world) != "").any() else "whole"
    named = town or problem(f"road_look.{rest}")
    return problem(key, file=_file(prepared.study), id=town or "-", town=named, people=f"{people:.0f}", **values)


def _named_towns(found: list[Problem], what: str) -> Iterator[Problem]:
    ranked = sorted(found, key=lambda one: (-int(one.values["people"]), one.values["id"]))
    yield from capped(ranked, "road_look.more_towns", by="id", what=problem(f"road_look.what.{what}"))


def weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Return the smallest value at most which half of the weight lies; 0 without any weight.

    Examples
    --------
    >>> weighted_median(np.array([100.0, 400.0]), np.array([1.0, 1.0]))
    100.0
    """
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order])
    if not len(total) or total[-1] <= 0:
        return 0.0
    return float(values[order][np.searchsorted(total, total[-1] / 2)])


def look_far(prepared: Prepared) -> Iterator[Problem]:
    """Yield facilities more than 300 m from every road, and those without any road within the access limit."""
    world, limit = prepared.world, prepared.study.travel.access_limit_m
    leg = np.full(len(world.facilities), np.inf)
    for access in world.entrances.places.access.values():
        of_mode = _shortest_m(len(leg), world.entrances.facility[access.point], access.leg_mm)
        leg = np.minimum(leg, of_mode)
    far = np.flatnonzero((leg > SPARSE_M) & np.isfinite(leg)).tolist()
    alone = np.flatnonzero(np.isinf(leg)).tolist()
    yield from _named([_facility(prepared, "road_look.facility_far", k, distance=f"{leg[k]:.0f}") for k in far], "far")
    lost = [_facility(prepared, "road_look.facility_alone", k, limit=f"{limit:g}") for k in alone]
    yield from _named(lost, "alone")


def look_walls(prepared: Prepared) -> Iterator[Problem]:
    """Yield facilities attached across a wall that nothing opens."""
    walled = np.flatnonzero(prepared.world.entrances.walled_in()).tolist()
    yield from _named([_facility(prepared, "road_look.facility_walled", k) for k in walled], "walled")


def look_detours(prepared: Prepared) -> Iterator[Problem]:
    """Yield facilities that are not attached to the road nearest to them: a barrier lies between, or it is refused.

    Only where the leg (or, without one, the access limit) is more than twice as long and more than 100 m longer.
    """
    world = prepared.world
    access = world.entrances.places.access["drive"]
    edges = world.network.modes["drive"]
    _, taken, _ = _pieces(world, "drive")
    closed = np.isin(world.network.road_class, ("motorway", "ferry", "steps")) | _on_stilts(world)
    near = np.flatnonzero((edges.component >= 0) & ~closed)
    if not len(near):
        return
    doors = shapely.points(prepared.ground.working.project(world.entrances.places.lon, world.entrances.places.lat))
    lines = network_lines(world.network, near, world.network.xy)
    (door, edge), metres = shapely.STRtree(lines).query_nearest(doors, return_distance=True, all_matches=False)
    leg = np.full(len(doors), prepared.study.travel.access_limit_m)
    np.minimum.at(leg, access.point, access.leg_mm / 1000)
    away = (leg[door] > metres + DETOUR_M) & (leg[door] > DETOUR_TIMES * metres)
    refused = ~taken[edges.component[near[edge]]]
    barred: list[Problem] = []
    beside: list[Problem] = []
    for k in _first_doors(world, door[away]):
        at = int(np.flatnonzero(door == k)[0])
        told = {"distance": f"{metres[at]:.0f}", "leg": f"{leg[k]:.0f}", "way": int(world.network.way[near[edge[at]]])}
        key, into = ("road_look.facility_refused", beside) if refused[at] else ("road_look.facility_barred", barred)
        into.append(_facility(prepared, key, int(world.entrances.facility[k]), **told))
    yield from _named(barred, "barred")
    yield from _named(beside, "refused")


def _on_stilts(world: World) -> NDArray[np.bool_]:
    """Return which edges are bridges or tunnels: legs never end there."""
    return np.array(
        [any(tags.get(key, "no") != "no" for key in ("bridge", "tunnel")) for tags in world.network.tags], dtype=bool
    )


def _first_doors(world: World, doors: NDArray[np.int64]) -> list[int]:
    """Return one door of each facility all of whose doors are among these."""
    total = np.bincount(world.entrances.facility, minlength=len(world.facilities))
    mine = np.bincount(world.entrances.facility[doors], minlength=len(world.facilities))
    whole = set(np.flatnonzero((mine == total) & (total > 0)).tolist())
    seen: dict[int, int] = {}
    for door in sorted(doors.tolist()):
        seen.setdefault(int(world.entrances.facility[door]), door)
    return [door for facility, door in sorted(seen.items()) if facility in whole]

"""A bureau's layer of road lines: classes in its own words, ends that nearly meet, crossings without a vertex.

Ids of nodes and ways come from the sorted places of the lines, so that they do not depend on the order of the rows.
Nothing is one-way unless the layer says so: the direction in which somebody drew a line means nothing by itself.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyproj.exceptions
import shapely

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.geo.crs import WorkingCrs, is_wgs84
from servicecircle.inputs import noding, road_words
from servicecircle.inputs.columns import fold, named
from servicecircle.inputs.corrections import NO_CORRECTIONS, Corrections
from servicecircle.inputs.places import reference
from servicecircle.inputs.problems import collect, nearest, some
from servicecircle.inputs.road_ways import ROAD_CLASSES, Way, as_barriers, as_ways, no_places
from servicecircle.inputs.roads import RoadData, none_in_box
from servicecircle.inputs.rows import account
from servicecircle.inputs.setaside import SetAside
from servicecircle.inputs.tables import read_table, to_number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from servicecircle.inputs.places import Reference
    from servicecircle.inputs.roads import Bounds
    from servicecircle.inputs.tables import Table
    from servicecircle.study import RoadLines

#: From this share of the places where roads meet or cross, crossings without a vertex are a fault of the layer.
MANY = 0.2
#: Words of a column that are named in a message.
MOST_WORDS = 20
LINE, MULTILINE, COLLECTION = 1, 5, 7


@dataclass(frozen=True)
class _Line:
    """One line of one row, in WGS 84 degrees; a two-way line begins at its smaller end."""

    places: tuple[tuple[float, float], ...]
    tags: tuple[tuple[str, str], ...]
    row: int

    @property
    def key(self) -> tuple[object, ...]:
        return self.places, self.tags


@dataclass(frozen=True)
class _Rows:
    """Rows of the layer that are lines in the box, and those that are not."""

    parts: NDArray[np.object_]
    """Lines in WGS 84 degrees."""
    index: NDArray[np.int64]
    """Position of each line's row in the table."""
    set_aside: list[SetAside]


def read_lines(path: Path, source: RoadLines, box: Bounds, *, corrections: Corrections = NO_CORRECTIONS) -> RoadData:
    """Read a layer of road lines within ``box`` (west, south, east, north in degrees).

    A line belongs to the box when its bounding box meets it; it is kept whole.

    Raises
    ------
    StudyError
        The file is missing, is a table, has no or a contradictory CRS, lacks a named column, holds words that are not
        known, or no line in the box.
    """
    table = corrections.apply(read_table(path, source.layer, file=source.path))
    if table.geometry is None:
        raise StudyError(problem("roads.lines.not_a_layer", file=table.place))
    problems: list[Problem] = []
    columns: dict[str, NDArray[np.object_]] = {}
    for key in ("road_class", "name", "oneway", "maxspeed", "bridge", "tunnel"):
        column = getattr(source, key)
        if column is not None:
            with collect(problems):
                columns[key] = table.texts(named(table, column))
    place = None
    with collect(problems):
        place = reference(table, source)
    classes = _classes(table, source, problems)
    if problems or place is None:
        raise StudyError(problems)
    rows = _rows(table, source, place, columns.get("name"), box)
    if len(rows.parts) == 0:
        raise none_in_box(table.place, box)
    tags, notices = _tags(table, source, columns, classes, np.unique(rows.index))
    found = _road_data(table, source, rows, tags, box)
    return replace(found, notices=(*table.notices, *_place_notices(table, place), *notices, *found.notices))


# --- which rows, and where --------------------------------------------------------------------------------------------


def _rows(table: Table, source: RoadLines, place: Reference, names: NDArray[np.object_] | None, box: Bounds) -> _Rows:
    """Take rows apart into lines, put them into degrees, and list the rows that give none in the box."""
    shapes = shapely.force_2d(np.asarray(table.geometry, dtype=object))
    parts, index = shapes, np.arange(len(shapes))
    while np.isin(shapely.get_type_id(parts), (MULTILINE, COLLECTION)).any():
        parts, deeper = shapely.get_parts(parts, return_index=True)
        index = index[deeper]
    empty = shapely.is_missing(parts) | shapely.is_empty(parts)
    parts, index = parts[~empty], index[~empty]
    line = shapely.get_type_id(parts) == LINE
    if len(parts) and not line.any():
        raise StudyError(problem("roads.lines.not_lines", file=table.place, rows=some(table.rows[np.unique(index)])))
    verdict = np.full(len(shapes), "inputs.reason.no_geometry", dtype=object)
    verdict[index] = "roads.reason.not_a_line"
    parts, index = parts[line], index[line]
    verdict[index] = "inputs.reason.range"
    moved = _to_degrees(table, place, parts)
    west, south, east, north = shapely.bounds(moved).T.reshape(4, -1)
    possible = (west >= -180) & (east <= 180) & (south >= -90) & (north <= 90)
    moved, index = moved[possible], index[possible]
    west, south, east, north = (edge[possible] for edge in (west, south, east, north))
    verdict[index] = "inputs.reason.outside"
    meets = (west <= box[2]) & (east >= box[0]) & (south <= box[3]) & (north >= box[1])
    moved, index = moved[meets], index[meets]
    verdict[index] = "roads.reason.no_length"
    long = shapely.length(moved) > 0
    left = np.setdiff1d(np.arange(len(shapes)), index[long])
    return _Rows(moved[long], index[long], [_left(table, source, names, k, problem(verdict[k])) for k in left.tolist()])


def _to_degrees(table: Table, place: Reference, lines: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return lines in WGS 84 degrees; None where a coordinate is no finite number."""
    try:
        moved = shapely.transform(lines, lambda xy: np.column_stack(place.to_wgs84(xy[:, 0], xy[:, 1])))
    except pyproj.exceptions.ProjError as error:
        raise StudyError(problem("inputs.unknown_crs", file=table.place, crs=place.crs.name)) from error
    xy, index = shapely.get_coordinates(moved, return_index=True)
    moved = np.asarray(moved, dtype=object)
    moved[np.unique(index[~np.isfinite(xy).all(axis=1)])] = None
    return moved


def _left(
    table: Table, source: RoadLines, names: NDArray[np.object_] | None, position: int, reason: Problem, value: str = ""
) -> SetAside:
    name = "" if names is None else str(names[position])
    return SetAside(source.path, table.layer, int(table.rows[position]), name, value, reason)


# --- what the words mean ----------------------------------------------------------------------------------------------


def _classes(table: Table, source: RoadLines, problems: list[Problem]) -> dict[str, str]:
    """Return the study's own words, folded, and add what is wrong with their classes."""
    known = [*ROAD_CLASSES, road_words.NO_ROAD]
    given = {**source.classes, **({} if source.default_class is None else {"default_class": source.default_class})}
    problems += [
        problem("roads.lines.unknown_target", file=table.place, word=word, value=value, nearest=nearest(value, known))
        for word, value in given.items()
        if value not in known
    ]
    return {fold(word): value for word, value in source.classes.items()}


def _tags(
    table: Table,
    source: RoadLines,
    columns: Mapping[str, NDArray[np.object_]],
    classes: Mapping[str, str],
    used: NDArray[np.int64],
) -> tuple[dict[int, dict[str, str]], list[Problem]]:
    """Return the tags of each used row by its position, and notices; every column's unknown words are one problem."""
    known = {**road_words.CLASS_OF, **classes}
    problems: list[Problem] = []

    def meanings(key: str, mean: Callable[[str], Any], remedy: str) -> dict[int, Any]:
        """Return what a column says of each row."""
        texts = columns.get(key)
        if texts is None:
            return {}
        found = {k: mean(str(texts[k])) for k in used.tolist()}
        unknown = Counter(str(texts[k]) for k, meaning in found.items() if meaning is None)
        if unknown:
            problems.append(problem(remedy, file=table.place, column=getattr(source, key), **_counted(unknown)))
        return found

    cls = meanings("road_class", lambda word: known.get(fold(word), source.default_class), "roads.lines.unknown_class")
    way = meanings("oneway", lambda word: road_words.ONE_WAY.get(fold(word)), "roads.lines.unknown_oneway")
    kmh = meanings("maxspeed", _speed, "roads.lines.unknown_speed")
    bridge = meanings("bridge", lambda word: road_words.structure(word, "bridge"), "roads.lines.unknown_structure")
    tunnel = meanings("tunnel", lambda word: road_words.structure(word, "tunnel"), "roads.lines.unknown_structure")
    if problems:
        raise StudyError(problems)
    names = columns.get("name")
    found = {}
    for k in used.tolist():
        road = cls.get(k, source.default_class)
        tags = {"route": "ferry"} if road == "ferry" else {"highway": str(road)}
        tags |= {"oneway": way.get(k, "no")}
        tags |= {"maxspeed": kmh[k]} if kmh.get(k) else {}
        tags |= {"bridge": "yes"} if bridge.get(k) else {}
        tags |= {"tunnel": "yes"} if tunnel.get(k) else {}
        tags |= {"name": str(names[k])} if names is not None and names[k] else {}
        found[k] = tags
    return found, _class_notices(table, source, columns.get("road_class"), known, used)


def _counted(words: Counter[str]) -> dict[str, Any]:
    """Return the words with their counts, the most frequent first, and the number of rows."""
    ranked = sorted(words.items(), key=lambda pair: (-pair[1], pair[0]))
    return {"words": some((f"“{word}” × {count}" for word, count in ranked), MOST_WORDS), "count": sum(words.values())}


def _class_notices(
    table: Table,
    source: RoadLines,
    texts: NDArray[np.object_] | None,
    known: Mapping[str, str],
    used: NDArray[np.int64],
) -> list[Problem]:
    """Say which words got the default class, and which of the study's words do not occur."""
    if texts is None:
        return []
    notices = []
    defaulted = Counter(str(texts[k]) for k in used.tolist() if fold(str(texts[k])) not in known)
    if defaulted:
        shown = {"file": table.place, "class": source.default_class, **_counted(defaulted)}
        notices.append(problem("roads.lines.defaulted", **shown))
    held = set(map(fold, texts.tolist()))
    unused = [word for word in source.classes if fold(word) not in held]
    if unused:
        notices.append(problem("roads.lines.unused_words", file=table.place, words=some(unused)))
    return notices


def _speed(text: str) -> str | None:
    """Return a posted limit as OpenStreetMap writes it, empty when there is none; None when it cannot be read."""
    if not text:
        return ""
    number = to_number(text)
    if number is None or number < 0:
        return None
    return f"{number:g}" if number > 0 else ""


# --- lines into ways --------------------------------------------------------------------------------------------------


def _road_data(
    table: Table, source: RoadLines, rows: _Rows, tags: Mapping[int, dict[str, str]], box: Bounds
) -> RoadData:
    lines, left = _distinct(table, source, rows, tags)
    if not lines:
        raise none_in_box(table.place, box)
    working = WorkingCrs(box)
    joined = noding.join_ends([np.array(line.places) for line in lines], working, source.join_m)
    apart = np.array([_is_apart(dict(line.tags)) for line in lines], dtype=bool)
    crossings = noding.find_crossings(joined.lines, working, apart)
    meetings = noding.count_meetings(noding.number_nodes(joined.lines, working)[0])
    drawn = joined.lines
    if source.crossings == "joined":
        drawn = noding.insert_crossings(drawn, working, crossings)
    nodes, places = noding.number_nodes(drawn, working)
    used = {line.row for line, own in zip(lines, nodes, strict=True) if len(own) > 1}
    gone = sorted({line.row for line in lines} - used)
    left += [_left(table, source, None, k, problem("roads.reason.no_length")) for k in gone]
    ways = _ways(lines, nodes, places)
    if not ways:
        raise none_in_box(table.place, box)
    facts = {
        "gaps_joined": joined.gaps,
        "largest_gap_m": round(joined.largest_m, 3),
        "crossings_without_vertex": len(crossings),
        "meetings": meetings,
        "crossings": source.crossings,
    }
    origin = {"kind": "lines", "ways": len(ways), **facts}
    notices = tuple(_notices(table, source, facts))
    count = account(table, table.rows[sorted(used)], left)
    found = RoadData(as_ways(ways), as_barriers(ways), no_places(), 0, notices, tuple(left), origin)
    return replace(found, rows=(count,))


def _distinct(
    table: Table, source: RoadLines, rows: _Rows, tags: Mapping[int, dict[str, str]]
) -> tuple[list[_Line], list[SetAside]]:
    """Return the lines that are roads, sorted and each once, and the rows set aside."""
    found: dict[tuple[object, ...], _Line] = {}
    alone = Counter(rows.index.tolist())
    left = list(rows.set_aside)
    for part, k in zip(rows.parts, rows.index.tolist(), strict=True):
        own = tags[k]
        if own.get("highway") == road_words.NO_ROAD:
            alone[k] -= 1
            if not alone[k]:
                left.append(_left(table, source, None, k, problem("roads.reason.not_a_road")))
            continue
        line = _oriented(tuple(map(tuple, shapely.get_coordinates(part).tolist())), own, k)
        first = found.setdefault(line.key, line)
        if first is not line and first.row != k:
            alone[k] -= 1
            if not alone[k]:
                other = problem("roads.reason.duplicate", row=int(table.rows[first.row]))
                left.append(_left(table, source, None, k, other))
    return [found[key] for key in sorted(found)], left


def _oriented(places: tuple[tuple[float, float], ...], tags: dict[str, str], row: int) -> _Line:
    """Return a line in its direction of travel, a two-way one from its smaller end."""
    if tags["oneway"] == "-1":
        places, tags = places[::-1], tags | {"oneway": "yes"}
    elif tags["oneway"] == "no":
        places = min(places, places[::-1])
    return _Line(places, tuple(sorted(tags.items())), row)


def _is_apart(tags: Mapping[str, str]) -> bool:
    """Return whether a road passes above or below those it crosses: bridges, tunnels, motorways and ferries."""
    return "bridge" in tags or "tunnel" in tags or "route" in tags or tags.get("highway") == "motorway"


def _ways(lines: list[_Line], nodes: list[NDArray[np.int64]], places: NDArray[np.float64]) -> list[Way]:
    """Return ways numbered in the order of their nodes and tags."""
    drawn = sorted((tuple(own.tolist()), line.tags) for own, line in zip(nodes, lines, strict=True) if len(own) > 1)
    ways = []
    for number, (node, tags) in enumerate(drawn, start=1):
        own = np.array(node, dtype=np.int64)
        lon, lat = places[own - 1].T
        ways.append(Way(number, own, lon, lat, dict(tags)))
    return ways


def _place_notices(table: Table, place: Reference) -> list[Problem]:
    if place.service:
        return [problem("inputs.converted", file=table.place, service=place.service)]
    if is_wgs84(place.crs):
        return []
    return [problem("inputs.projected", file=table.place, crs=place.crs.name)]


def _notices(table: Table, source: RoadLines, facts: Mapping[str, Any]) -> list[Problem]:
    notices = []
    if facts["gaps_joined"]:
        gap = {"count": facts["gaps_joined"], "largest": f"{facts['largest_gap_m']:.2f}", "limit": f"{source.join_m:g}"}
        notices.append(problem("roads.lines.joined", file=table.place, **gap))
    crossings, places = facts["crossings_without_vertex"], facts["crossings_without_vertex"] + facts["meetings"]
    if crossings:
        shown = {"file": table.place, "count": crossings, "share": f"{crossings / places:.1%}"}
        if source.crossings == "joined":
            notices.append(problem("roads.lines.crossings_joined", **shown))
        else:
            many = crossings > MANY * places
            notices.append(problem("roads.lines.crossings_many" if many else "roads.lines.crossings_few", **shown))
    return notices

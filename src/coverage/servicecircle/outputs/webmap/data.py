"""What the map's script reads, built from ``Results``: nothing is computed here but what drawing needs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import shapely

from servicecircle.analysis.gaps import gap_rule
from servicecircle.outputs import palette
from servicecircle.outputs.webmap import words
from servicecircle.outputs.webmap.encode import FINE, lines, polygons
from servicecircle.standards.wording import clause_text, limit_text
from servicecircle.text.text import catalogue, sentence

if TYPE_CHECKING:
    import pandas as pd

    from servicecircle.results import CriterionSummary, Results

#: Largest shift of a line when it is simplified for drawing, in degrees (about 3, 9 and 9 metres).
UNIT_SHIFT, AREA_SHIFT, LINE_SHIFT = 0.00003, 0.00008, 0.00008

#: Road classes by the width they are drawn with; every other class is minor.
MAJOR = frozenset({"motorway", "trunk", "primary"})
MIDDLE = frozenset({"secondary", "tertiary"})

#: Barrier kinds that are drawn, in order from below.
BARRIERS = ("coastline", "river", "wall", "given", "motorway", "railway")

#: Named places, most important first; the number decides whose label stays when two collide.
PLACES = ("city", "town", "suburb", "quarter", "neighbourhood", "village", "hamlet")

#: Columns of a unit's row as the script reads it, in order (see ``_row``).
ROW = (
    "persons",
    "uncovered",
    "share",
    "class",
    "short",
    "cause",
    "p50",
    "p90",
    "unit",
    "count",
    "time",
    "time_min",
    "road",
    "road_km",
    "straight",
    "straight_km",
)


def map_data(results: Results) -> dict[str, Any]:
    """Return the map's data: text, palette, units, criteria with their rows and gaps, facilities, sites, basemap."""
    study, language = results.study, results.study.outputs.language
    units = _units(results)
    place = {unit["id"]: number for number, unit in enumerate(units)}
    facilities = results.facilities
    doors = {str(code): number for number, code in enumerate(facilities["id"])}
    titles = {s.criterion.key: s.criterion.standard.title.in_language(language) for s in results.summaries}
    return {
        "language": language,
        "text": {
            key.removeprefix("map.ui."): text for key, text in catalogue(language).items() if key.startswith("map.ui.")
        },
        "causes": {
            key.removeprefix("map.cause."): text
            for key, text in catalogue(language).items()
            if key.startswith("map.cause.")
        },
        "classes": _classes(language),
        "colours": palette.DRAWING_COLOURS,
        "units": units,
        "criteria": [_criterion(results, s, place=place, doors=doors) for s in results.summaries],
        "facilities": _facilities(results),
        "sites": [_site(row, titles) for row in _records(results.sites)],
        "siting": titles.get(str(results.sites["criterion"].iloc[0]), "") if len(results.sites) else "",
        "roads": _roads(results),
        "barriers": _barriers(results),
        "water": [p for g in _of_kind(results, "water") for p in polygons(g, simplify_deg=LINE_SHIFT)],
        "places": _places(results),
        "notices": list(results.notices),
        "note": words.map_note(study),
        "rule": sentence(language, gap_rule(study.gap)),
        "credits": words.map_credits(study),
    }


def _classes(language: str) -> list[dict[str, Any]]:
    """Return share classes, then the states without a share, with their names."""
    texts = catalogue(language)
    shares = [{"key": c.key, "colour": c.colour, "pattern": c.pattern, "ink": c.ink} for c in palette.SHARE_CLASSES]
    states = [
        {"key": key, "colour": colour, "pattern": "solid", "ink": colour}
        for key, colour in palette.STATE_COLOURS.items()
    ]
    return [{**entry, "name": texts[f"map.class.{entry['key']}"]} for entry in shares + states]


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def _number(value: Any, digits: int = 6) -> float | int | None:
    """Return a finite number rounded for the file, None for a missing one."""
    if value is None or not math.isfinite(float(value)):
        return None
    rounded = round(float(value), digits)
    return int(rounded) if rounded.is_integer() else rounded


def _text(value: Any) -> str:
    """Return a cell's text; a missing cell is empty."""
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else str(value)


def _units(results: Results) -> list[dict[str, Any]]:
    """Return the drawn units in their order, with polygons or (where there is none) a point alone."""
    frame = results.drawings.units
    inside = _inside(results)
    found = []
    for code, name, parent, area_class, basis, geometry in zip(
        frame["unit_id"],
        frame["name"],
        frame["parent"],
        frame["area_class"],
        frame["basis"],
        frame.geometry,
        strict=True,
    ):
        lon, lat = inside.get(str(code)) or _middle(geometry)
        unit = {
            "id": str(code),
            "name": _text(name),
            "parent": _text(parent),
            "area": _text(area_class),
            "basis": _text(basis),
            "x": _number(lon),
            "y": _number(lat),
            "shape": polygons(geometry, simplify_deg=UNIT_SHIFT),
        }
        found.append(unit)
    return found


def _inside(results: Results) -> dict[str, tuple[float, float]]:
    rows = results.units.drop_duplicates("unit_id")
    return {str(code): (lon, lat) for code, lon, lat in zip(rows["unit_id"], rows["lon"], rows["lat"], strict=True)}


def _middle(geometry: Any) -> tuple[float, float]:
    point = shapely.point_on_surface(geometry)
    return float(point.x), float(point.y)


def _criterion(
    results: Results, summary: CriterionSummary, *, place: dict[str, int], doors: dict[str, int]
) -> dict[str, Any]:
    """Return one criterion: its words, numbers, rows by unit, gaps, counted facilities and service area."""
    criterion, language = summary.criterion, results.study.outputs.language
    key = criterion.key
    areas = results.drawings.service_areas
    drawn = areas[areas["criterion"] == key].geometry
    return {
        "key": key,
        "title": criterion.standard.title.in_language(language),
        "limit": limit_text(criterion, language),
        "measure": criterion.measure,
        "state": summary.state,
        "share": _number(summary.share_covered, 9),
        "target": _number(summary.target_share),
        "persons": _number(summary.persons),
        "uncovered": _number(summary.persons - summary.covered_persons),
        "units": summary.units,
        "short": summary.units_short,
        "facilities": summary.facilities,
        "counted": [doors[code] for code in results.counted.get(key, ())],
        "cards": {place[unit]: lines for unit, lines in results.cards.get(key, {}).items() if unit in place},
        "lines": words.verdict_lines(summary, language),
        "clause": clause_text(criterion.standard, language),
        "note": criterion.standard.note.in_language(language) if criterion.standard.note else "",
        "rows": _rows(results, summary, place=place, doors=doors),
        "gaps": [_gap(row, place, doors) for row in _records(results.gaps[results.gaps["criterion"] == key])],
        "area_shape": [p for g in drawn for p in polygons(g, simplify_deg=AREA_SHIFT)],
    }


def _rows(results: Results, summary: CriterionSummary, *, place: dict[str, int], doors: dict[str, int]) -> list[Any]:
    """Return one row per drawn unit (see ``ROW``); None where the criterion does not apply."""
    found: list[Any] = [None] * len(place)
    for row in _records(results.units[results.units["criterion"] == summary.criterion.key]):
        number = place.get(str(row["unit_id"]))
        if number is not None:
            found[number] = _row(row, doors)
    return found


_CLASS_NUMBER = {
    key: number for number, key in enumerate([c.key for c in palette.SHARE_CLASSES] + list(palette.STATE_COLOURS))
}


def _row(row: dict[str, Any], doors: dict[str, int]) -> list[Any]:
    share = _number(row["share_covered"], 9)
    return [
        _number(row["persons"], 3),
        _number(row["uncovered_persons"], 3),
        share,
        _CLASS_NUMBER[palette.share_class(share)],
        int(bool(row["short"])),
        _text(row["cause"]),
        _number(row["p50"], 2),
        _number(row["p90"], 2),
        _text(row["unit_of_value"]),
        _number(row["count"]),
        doors.get(_text(row["nearest_time_id"])),
        _number(row["nearest_time_min"], 2),
        doors.get(_text(row["nearest_road_id"])),
        _number(row["nearest_road_km"], 3),
        doors.get(_text(row["nearest_straight_id"])),
        _number(row["nearest_straight_km"], 3),
    ]


def _gap(row: dict[str, Any], place: dict[str, int], doors: dict[str, int]) -> dict[str, Any]:
    """Return one listed gap; patches carry their own numbers because they are no unit."""
    kind = _text(row["gap_kind"])
    gap: dict[str, Any] = {
        "rank": _number(row["rank"]),
        "kind": kind,
        "unit": place.get(_text(row["unit_id"])) if kind == "unit" else None,
        "name": _text(row["name"]),
        "parent": _text(row["parent"]),
        "persons": _number(row["persons"], 3),
        "uncovered": _number(row["uncovered_persons"], 3),
        "share": _number(row["share_covered"], 9),
        "cause": _text(row["cause"]),
        "x": _number(row["lon"]),
        "y": _number(row["lat"]),
    }
    if gap["unit"] is None:
        gap["near"] = [
            [doors.get(_text(row["nearest_time_id"])), _number(row["nearest_time_min"], 2)],
            [doors.get(_text(row["nearest_road_id"])), _number(row["nearest_road_km"], 3)],
            [doors.get(_text(row["nearest_straight_id"])), _number(row["nearest_straight_km"], 3)],
        ]
    return gap


def _facilities(results: Results) -> list[dict[str, Any]]:
    """Return the facilities; areas and lines have their outline too."""
    frame = results.facilities
    points = shapely.centroid(frame.geometry.to_numpy())
    drawn = {
        str(code): {"outline": lines([shape], simplify_deg=UNIT_SHIFT)}
        for code, shape in zip(results.shapes["facility_id"], results.shapes.geometry, strict=True)
    }
    return [
        {
            "id": str(code),
            "name": _text(name),
            "type": _text(kind),
            "attached": int(bool(attached)),
            "x": _number(point.x),
            "y": _number(point.y),
        }
        | drawn.get(str(code), {})
        for code, name, kind, attached, point in zip(
            frame["id"], frame["name"], frame["type_text"], frame["attached"], points, strict=True
        )
    ]


def _site(row: dict[str, Any], titles: dict[str, str]) -> dict[str, Any]:
    return {
        "order": _number(row["order"]),
        "name": _text(row["name"]),
        "kind": _text(row["candidate_kind"]),
        "title": titles.get(_text(row["criterion"]), _text(row["criterion"])),
        "new": _number(row["new_persons"], 3),
        "share": _number(row["share_covered"], 9),
        "x": _number(row["lon"]),
        "y": _number(row["lat"]),
    }


def _roads(results: Results) -> dict[str, list[list[int]]]:
    """Return road lines in three widths."""
    frame = results.drawings.roads
    classes = frame["road_class"].astype(str).str.removesuffix("_link")
    widths = classes.map(lambda c: "major" if c in MAJOR else "middle" if c in MIDDLE else "minor")
    return {
        width: lines(frame.geometry[widths == width], simplify_deg=LINE_SHIFT) for width in ("minor", "middle", "major")
    }


def _of_kind(results: Results, kind: str) -> list[Any]:
    frame = results.drawings.barriers
    return list(frame.geometry[frame["kind"] == kind])


def _barriers(results: Results) -> dict[str, list[list[int]]]:
    return {kind: lines(_of_kind(results, kind), simplify_deg=LINE_SHIFT) for kind in BARRIERS}


def _places(results: Results) -> list[list[Any]]:
    """Return ``[name, lon, lat, rank]`` of named places, important ones first."""
    frame = results.drawings.places
    order = {place: rank for rank, place in enumerate(PLACES)}
    points = shapely.centroid(frame.geometry.to_numpy())
    found = [
        [_text(name), _number(point.x, FINE), _number(point.y, FINE), order.get(str(place), len(PLACES))]
        for name, place, point in zip(frame["name"], frame["place"], points, strict=True)
        if _text(name)
    ]
    return sorted(found, key=lambda entry: (entry[3], entry[0], entry[1], entry[2]))

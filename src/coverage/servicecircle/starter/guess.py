"""Which file answers which question of a study, and why: the guesses of ``servicecircle init``."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from servicecircle.inputs.problems import some
from servicecircle.starter import roles
from servicecircle.starter.draft import without_empty
from servicecircle.starter.look import box_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicecircle.inputs.places import Box
    from servicecircle.starter.draft import Draft
    from servicecircle.starter.look import Folder, Raster, Seen

#: Files this far from the people (degrees) belong to another place.
FAR_DEG = 0.5
_YEAR = re.compile(r"(?<![0-9])(?:19|20)[0-9]{2}(?![0-9])")
#: Keys of ``FacilityColumns`` that are not called like their asset.
_KEYS = {"health_staff": "staff", "ambulances": "vehicles"}


@dataclass(frozen=True)
class Candidate:
    """A table or layer and what its columns hold (names of columns, None where there is none)."""

    seen: Seen
    pair: tuple[str, str] | None
    types: roles.Types | None
    persons: str | None
    id: str | None
    name: str | None
    box: Box | None

    @property
    def placed(self) -> bool:
        """Whether its rows have coordinates."""
        return self.pair is not None or self.seen.table.geometry is not None

    @property
    def facilities(self) -> bool:
        """Whether rows are facilities, each with a type of its own."""
        return self.types is not None and self.types.where is None

    @property
    def columns(self) -> str:
        """Its columns, for questions."""
        return some(self.seen.columns, 30)


def candidate(seen: Seen) -> Candidate:
    """Judge the columns of a table."""
    pair = roles.coordinates(seen)
    lon, lat = (None, None) if pair is None else (roles.numbers(seen, pair[0]), roles.numbers(seen, pair[1]))
    placed = pair is not None or seen.table.geometry is not None
    types = None if seen.shape == "line" else roles.types_of(seen, placed=placed)
    one, name = roles.identifier(seen), roles.name_column(seen)
    return Candidate(seen, pair, types, roles.persons(seen), one, name, box_of(seen, lon, lat))


def near(one: Box | None, other: Box | None) -> bool:
    """Return whether two boxes meet when one is widened; what is not known is near."""
    if one is None or other is None:
        return True
    return (
        one[0] - FAR_DEG <= other[2]
        and other[0] <= one[2] + FAR_DEG
        and one[1] - FAR_DEG <= other[3]
        and other[1] <= one[3] + FAR_DEG
    )


def crs_key(draft: Draft, one: Candidate) -> dict[str, str]:
    """Return the ``crs`` a column says; ask, or explain in a comment, where none does."""
    if one.pair is None:
        if one.seen.table.geometry is not None and one.seen.table.crs is None:
            draft.ask("crs_layer", file=one.seen.title)
            draft.open("crs", "EPSG:4490")
        return {}
    mark = roles.mark_of(one.pair[0])
    if mark:
        draft.comment("crs_marked", column=one.pair[0], crs=mark)
        return {"crs": mark}
    if one.box is None or max(map(abs, one.box)) > 180:
        draft.ask("crs_table", file=one.seen.title, columns=", ".join(one.pair))
        draft.open("crs", "EPSG:4547")
    elif roles.inside_china(one.box):
        draft.comment("crs_china", file=one.seen.title)
        draft.open("crs", "GCJ-02")
    else:
        draft.comment("crs_assumed", file=one.seen.title)
    return {}


def pair_keys(one: Candidate) -> dict[str, str]:
    """Return the keys of the coordinate columns."""
    return {} if one.pair is None else {"lon": one.pair[0], "lat": one.pair[1]}


def population(draft: Draft, found: Folder, tables: Sequence[Candidate]) -> Box | None:
    """Write ``[population]`` and return where the people are."""
    draft.table("[population]")
    rasters = sorted(
        (one for one in found.rasters if one.kind == "population"),
        key=lambda r: (r.score, _year(r.name), r.total),
        reverse=True,
    )
    points = [one for one in tables if one.placed and one.persons is not None and one.seen.shape != "polygon"]
    strong = [one for one in rasters if one.score >= 3 or not points]
    if strong:
        best = strong[0]
        if len(rasters) > 1:
            others = ", ".join(f"{r.name} ({_sum(r)})" for r in rasters if r is not best)
            draft.tell("two_rasters", file=best.name, total=_sum(best), others=others)
        why = "raster" if best.score >= 3 else "raster_by_values"
        draft.comment(why, file=best.name, total=_sum(best), low=f"{best.low:g}", high=f"{best.high:g}")
        if points:
            draft.comment("points_too", files=", ".join(one.seen.title for one in points))
        draft.set("raster", {"path": draft.path(best.path)})
        if best.box is None:
            draft.ask("crs_layer", file=best.name)
        return best.box
    if points:
        best_points = max(points, key=lambda one: (one.id is not None, len(one.seen.table.cells)))
        _people(draft, best_points)
        return best_points.box
    draft.ask("population")
    draft.open("raster", {"path": "population.tif"})
    return None


def _people(draft: Draft, one: Candidate) -> None:
    column = str(one.persons)
    total = float(np.nansum(roles.numbers(one.seen, column)))
    draft.comment("points", file=one.seen.title, column=column, total=f"{total:,.0f}", rows=len(one.seen.table.cells))
    crs = crs_key(draft, one)
    keys = without_empty(path=draft.path(one.seen.path), layer=one.seen.layer, persons=column, id=one.id)
    draft.set("points", {**keys, **pair_keys(one), **crs})


def _sum(raster: Raster) -> str:
    return f"{'≈ ' if raster.estimated else ''}{raster.total:,.0f}"


def _year(name: str) -> str:
    return max(_YEAR.findall(name), default="")


def area(draft: Draft, tables: Sequence[Candidate], people: Box | None) -> Candidate | None:
    """Write ``[area]``: polygons, else points with names or people, else the named places of the road file."""
    draft.table("[area]")
    polygons = [one for one in tables if one.seen.shape == "polygon" and not one.facilities]
    usable = [one for one in polygons if one.id is not None and near(one.box, people)]
    for one in polygons:
        if one not in usable:
            draft.comment("units_no_id" if one.id is None else "elsewhere", file=one.seen.title, columns=one.columns)
    if usable:
        best = max(usable, key=lambda one: (one.seen.table.crs is not None, _villages(one), len(one.seen.table.cells)))
        others = [one.seen.title for one in usable if one is not best]
        if others:
            draft.tell("two_units", file=best.seen.title, others=", ".join(others))
        _units(draft, "units", best)
        return best
    points = [
        one
        for one in tables
        if one.placed and one.id is not None and not one.facilities and one.seen.shape in ("point", "none")
        if (one.persons is not None or _villages(one) >= roles.MOST) and near(one.box, people)
    ]
    if points:
        best = max(points, key=lambda one: (_villages(one), len(one.seen.table.cells)))
        _units(draft, "points", best)
        return best
    draft.comment("no_units")
    return None


def _villages(one: Candidate) -> float:
    return 0.0 if one.name is None else roles.village_share(one.seen, one.name)


def _units(draft: Draft, key: str, one: Candidate) -> None:
    rows = len(one.seen.table.cells)
    draft.comment(f"units_{key}", file=one.seen.title, rows=rows, id=one.id, name=one.name or one.id)
    crs = crs_key(draft, one)
    parent, word = roles.alias(one.seen, "parent"), roles.area_class(one.seen)
    if word is None:
        draft.comment("no_class")
    keys = without_empty(
        path=draft.path(one.seen.path),
        layer=one.seen.layer,
        id=one.id,
        name=one.name or one.id,
        parent=parent,
        area_class=word,
    )
    draft.set(key, {**keys, **pair_keys(one), **crs})


def facilities(draft: Draft, tables: Sequence[Candidate], people: Box | None) -> Counter[str]:
    """Write a ``[[facilities]]`` entry for each file of facilities and return how many of each type they hold."""
    held: Counter[str] = Counter()
    written = 0
    possible = [one for one in tables if one.types is not None and one.placed]
    for one in possible:
        types = one.types
        if types is None or not near(one.box, people):
            draft.lines.append("")
            draft.comment("elsewhere", file=one.seen.title, columns=one.columns)
            continue
        draft.table("[[facilities]]")
        _facility_file(draft, one, types)
        held.update(types.counts)
        written += 1
    if not written:
        draft.lines.append("")
        rest = [one for one in tables if one.placed and one.seen.shape in ("point", "none") and one.persons is None]
        for one in rest:
            draft.ask("type_column", file=one.seen.title, columns=one.columns)
        if not rest:
            draft.ask("facilities")
        draft.lines += ["# [[facilities]]", '# path = "facilities.xlsx"']
    return held


def _facility_file(draft: Draft, one: Candidate, types: roles.Types) -> None:
    seen = one.seen
    shown = some(f"{code} × {count}" for code, count in sorted(types.counts.items(), key=lambda p: (-p[1], p[0])))
    counts = {"file": seen.title, "rows": types.rows, "known": types.known, "types": shown}
    draft.comment("service_count" if types.where else "facility_rows", **counts, column=types.where or "")
    draft.set("path", draft.path(seen.path))
    if seen.layer:
        draft.set("layer", seen.layer)
    for key, crs in crs_key(draft, one).items():
        draft.set(key, crs)
    name = one.name or one.id
    own = {_KEYS.get(code, code): column for code, column in roles.asset_columns(seen).items()}
    columns = without_empty(
        id=roles.facility_id(seen),
        name=name,
        type=types.column,
        ownership=roles.alias(seen, "ownership"),
        **pair_keys(one),
        **({} if types.where else own),
    )
    if columns:
        draft.set("columns", dict(columns))
    if types.where is not None:
        draft.comment("service_type", column=types.where, type=types.constant)
        draft.set("where", {types.where: "> 0"})
        draft.set("type", types.constant)
    elif types.osm:
        draft.comment("osm_types", columns=", ".join(types.osm))
    elif types.constant:
        draft.comment("one_type", type=types.constant)
        draft.set("type", types.constant)
    elif types.column is None:
        draft.ask("type_column", file=seen.title, columns=one.columns)
        draft.open("type", "village_clinic")
    elif types.known < types.rows:
        draft.comment("some_unknown", column=types.column, count=types.rows - types.known)


def assets(draft: Draft, tables: Sequence[Candidate], units: Candidate | None) -> set[str]:
    """Write an ``[[assets]]`` entry for each table of staff, beds and vehicles; return their titles."""
    used = set()
    for one in tables:
        columns = roles.asset_columns(one.seen)
        if one.placed or not columns or (one.id is None and one.name is None):
            continue
        own = one.name is not None and roles.facility_name_share(one.seen, one.name) >= roles.MOST
        if not own and (units is None or _villages(one) < roles.MOST):
            continue
        draft.table("[[assets]]")
        draft.comment("assets", file=one.seen.title, columns=some(columns.values()))
        draft.set("path", draft.path(one.seen.path))
        if one.seen.layer:
            draft.set("layer", one.seen.layer)
        draft.set("of", "facility" if own else "unit")
        for key, column in without_empty(
            id=one.id, name=one.name, parent=None if own else roles.alias(one.seen, "parent")
        ).items():
            draft.set(key, column)
        year = _year(one.seen.title)
        if year and roles.alias(one.seen, "year") is None:
            draft.set("year", int(year))
        draft.set("columns", columns)
        used.add(one.seen.title)
    return used


def others(draft: Draft, found: Folder, tables: Sequence[Candidate], used: set[str]) -> None:
    """Name what was found and not used."""
    remarks: list[tuple[str, dict[str, Any]]] = [
        (f"raster_{raster.kind}", {"file": raster.name, "bands": raster.bands})
        for raster in found.rasters
        if raster.kind != "population"
    ]
    for one in tables:
        if one.seen.title in used:
            continue
        values = {"file": one.seen.title, "columns": one.columns, "shape": one.seen.shape}
        if one.seen.shape == "line":
            remarks.append(("lines", values))
        elif one.placed:
            remarks.append(("not_used", values))
        elif people := roles.people_columns(one.seen):
            remarks.append(("census", values | {"people": some(people)}))
        else:
            remarks.append(("no_place", values))
    if remarks or found.unreadable:
        draft.lines.append("")
    for key, values in remarks:
        draft.comment(key, **values)
    for name, reason in found.unreadable:
        draft.tell("unreadable", file=name, reason=reason)

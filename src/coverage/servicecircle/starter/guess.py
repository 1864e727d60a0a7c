"""Which file answers which question of a study, and why: the guesses of ``servicecircle init``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from servicecircle.inputs.problems import some
from servicecircle.starter import roles
from servicecircle.starter.draft import without_empty
from servicecircle.starter.look import box_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicecircle.inputs.places import Box
    from servicecircle.starter.draft import Draft
    from servicecircle.starter.look import Folder, Seen

#: Files this far from the people (degrees) belong to another place.
FAR_DEG = 0.5
_YEAR = re.compile(r"(?<![0-9])(?:19|20)[0-9]{2}(?![0-9])")


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
        return some(self.seen.columns, 20)


def candidate(seen: Seen) -> Candidate:
    """Judge the columns of a table."""
    pair = roles.coordinates(seen)
    lon, lat = (None, None) if pair is None else (roles.numbers(seen, pair[0]), roles.numbers(seen, pair[1]))
    placed = pair is not None or seen.table.geometry is not None
    types = roles.types_of(seen, placed=placed)
    if seen.shape == "line" and (types is None or types.column is None or roles.road_class(seen) is not None):
        # a road called after a hospital is no hospital; a greenway is a facility
        types = None
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


def crs_keys(draft: Draft, one: Candidate) -> tuple[dict[str, str], str]:
    """Return the ``crs`` a column says, and the one to offer where none does; ask, or explain in a comment."""
    if one.pair is None:
        if one.seen.table.geometry is not None and one.seen.table.crs is None:
            draft.ask("crs_layer", file=one.seen.title)
            return {}, "EPSG:4490"
        return {}, ""
    mark = roles.mark_of(one.pair[0])
    if mark:
        draft.comment("crs_marked", column=one.pair[0], crs=mark)
        return {"crs": mark}, ""
    if one.box is None or max(map(abs, one.box)) > 180:
        draft.ask("crs_table", file=one.seen.title, columns=", ".join(one.pair))
        return {}, "EPSG:4547"
    if roles.inside_china(one.box):
        draft.comment("crs_again" if draft.shifted else "crs_china", file=one.seen.title)
        draft.shifted.append(one.seen.title)
        return {}, "GCJ-02"
    draft.comment("crs_assumed", file=one.seen.title)
    return {}, ""


def placed_entry(draft: Draft, key: str, one: Candidate, keys: dict[str, Any]) -> None:
    """Write an inline table of a file with coordinates; the line with another ``crs`` follows as a comment."""
    crs, offered = crs_keys(draft, one)
    keys = {**keys, **pair_keys(one)}
    draft.set(key, {**keys, **crs})
    if offered:
        draft.open(key, {**keys, "crs": offered})


def pair_keys(one: Candidate) -> dict[str, str]:
    """Return the keys of the coordinate columns."""
    return {} if one.pair is None else {"lon": one.pair[0], "lat": one.pair[1]}


def year_of(name: str) -> str:
    """Return the last year a name holds, empty when there is none."""
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
        best = max(usable, key=lambda one: (one.seen.table.crs is not None, villages(one), len(one.seen.table.cells)))
        others = [one.seen.title for one in usable if one is not best]
        if others:
            draft.tell("two_units", file=best.seen.title, others=", ".join(others))
        _units(draft, "units", best)
        return best
    points = [
        one
        for one in tables
        if one.placed and one.id is not None and not one.facilities and one.seen.shape in ("point", "none")
        if (one.persons is not None or villages(one) >= roles.MOST) and near(one.box, people)
    ]
    if points:
        best = max(points, key=lambda one: (villages(one), len(one.seen.table.cells)))
        _units(draft, "points", best)
        return best
    draft.comment("no_units")
    return None


def villages(one: Candidate) -> float:
    """Return the share of rows named like villages, communities, streets or towns."""
    return 0.0 if one.name is None else roles.village_share(one.seen, one.name)


def _units(draft: Draft, key: str, one: Candidate) -> None:
    rows = len(one.seen.table.cells)
    draft.comment(f"units_{key}", file=one.seen.title, rows=rows, id=one.id, name=one.name or one.id)
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
    placed_entry(draft, key, one, dict(keys))


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
        values = {"file": one.seen.title, "columns": one.columns}
        if one.seen.shape == "line":
            remarks.append(("lines", values))
        elif one.placed and villages(one) >= roles.MOST:
            remarks.append(("places_too", values))
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

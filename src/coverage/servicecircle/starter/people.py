"""Who lives where: the likelier of several rasters, points, village tables and censuses by town."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from servicecircle.errors import StudyError
from servicecircle.inputs import columns as pick
from servicecircle.inputs.matching import TOWN_KINDS, Names, match, sums_others
from servicecircle.inputs.units import unit_kind
from servicecircle.starter import roles
from servicecircle.starter.draft import without_empty
from servicecircle.starter.guess import placed_entry, villages, year_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from servicecircle.inputs.places import Box
    from servicecircle.starter.draft import Draft
    from servicecircle.starter.guess import Candidate
    from servicecircle.starter.look import Folder, Raster, Seen

#: Words in a raster's name that say it holds a part of the people: ages and sexes.
PART = re.compile(
    r"(?<![0-9])(?<![0-9][_-])[0-9]{1,2}[_-][0-9]{1,2}(?![0-9])(?![_-][0-9])|[0-9](plus|\+)|[0-9]岁|"
    r"(?<![a-z0-9])((wo)?men|(fe)?male|girls|boys|child(ren)?|elder(ly)?|aged|f|m)(?![a-z0-9])|"
    r"老年|老人|老龄|儿童|婴|幼|妇女|女性|男性|少儿",
    re.IGNORECASE,
)
#: WorldPop spreads its unconstrained people over all land, also where nobody lives.
SPREAD = re.compile(r"unconstrained|uncon(?![a-z])|无约束", re.IGNORECASE)


@dataclass(frozen=True)
class People:
    """What says where people live: ``kind`` is ``raster``, ``points`` or empty; ``total`` their sum as shown."""

    kind: str = ""
    total: str = ""
    box: Box | None = None


@dataclass(frozen=True)
class Counted:
    """A table of people by name that fits the units.

    Attributes
    ----------
    of : Candidate
    level : str
        ``town`` or ``village``.
    keys : dict
        Columns to name in the study because they are not recognised.
    fits, rows : int
        Rows that mean a town or unit, of all but those that sum others.
    total : float
        People of these rows.
    """

    of: Candidate
    level: str
    keys: dict[str, str]
    fits: int
    rows: int
    total: float


def population(draft: Draft, found: Folder, tables: Sequence[Candidate]) -> People:
    """Write ``[population]`` as far as rasters and points say it."""
    draft.table("[population]")
    points = [one for one in tables if one.placed and one.persons is not None and one.seen.shape != "polygon"]
    rasters = [one for one in found.rasters if one.kind == "population"]
    if any(one.score >= 3 for one in rasters) or (rasters and not points):
        return _raster(draft, rasters, points)
    if points:
        best = max(points, key=lambda one: (one.id is not None, len(one.seen.table.cells)))
        return _points(draft, best)
    return People()


def _raster(draft: Draft, rasters: Sequence[Raster], points: Sequence[Candidate]) -> People:
    def rank(one: Raster) -> tuple[Any, ...]:
        part, spread = PART.search(one.path.stem) is None, SPREAD.search(one.path.stem) is None
        return part, one.score, spread, year_of(one.name), one.total

    best, *others = sorted(rasters, key=rank, reverse=True)
    parts = [one for one in others if PART.search(one.path.stem)]
    alike = [one for one in others if one not in parts]
    if PART.search(best.path.stem):
        draft.tell("part_raster", file=best.name)
    elif alike:
        key = "spread_raster" if all(SPREAD.search(one.path.stem) for one in alike) else "two_rasters"
        draft.tell(key, file=best.name, total=_sum(best), others=_listed(alike))
    if parts:
        draft.comment("parts", files=_listed(parts))
    why = "raster" if best.score >= 3 else "raster_by_values"
    draft.comment(why, file=best.name, total=_sum(best), low=f"{best.low:g}", high=f"{best.high:g}")
    if points:
        draft.comment("points_too", files=", ".join(one.seen.title for one in points))
    draft.set("raster", {"path": draft.path(best.path)})
    if best.box is None:
        draft.ask("crs_layer", file=best.name)
    return People("raster", _sum(best), best.box)


def _points(draft: Draft, one: Candidate) -> People:
    column = str(one.persons)
    total = f"{_total(one.seen, column):,.0f}"
    draft.comment("points", file=one.seen.title, column=column, total=total, rows=len(one.seen.table.cells))
    keys = without_empty(path=draft.path(one.seen.path), layer=one.seen.layer, persons=column, id=one.id)
    placed_entry(draft, "points", one, dict(keys))
    return People("points", total, one.box)


def _sum(raster: Raster) -> str:
    return f"{'≈ ' if raster.estimated else ''}{raster.total:,.0f}"


def _listed(rasters: Iterable[Raster]) -> str:
    return ", ".join(f"{one.name} ({_sum(one)})" for one in rasters)


def _total(seen: Seen, column: str) -> float:
    return float(np.nansum(roles.numbers(seen, column)))


# --- tables without coordinates ---------------------------------------------------------------------------------------


def counts(
    draft: Draft, tables: Sequence[Candidate], units: Candidate | None, people: People, *, places: bool
) -> set[str]:
    """Write village tables and censuses into ``[population]``, the last table of the draft; return their titles.

    Parameters
    ----------
    places : bool
        Whether the roads may name places, to which a village table can be joined where there are no units.
    """
    bare = [one for one in tables if not one.placed and one.persons is not None and one.seen.shape == "none"]
    fitting = [counted for one in bare if (counted := _counted(one, units)) is not None]
    if units is None and places:
        fitting += [
            Counted(one, "village", {}, 0, len(one.seen.table.cells), _total(one.seen, str(one.persons)))
            for one in bare
            if villages(one) >= roles.MOST
        ]
    fitting.sort(key=lambda one: (one.fits / max(one.rows, 1), year_of(one.of.seen.title), one.rows), reverse=True)
    by_level = {level: [one for one in fitting if one.level == level] for level in ("town", "village")}
    told = {one.of.seen.title for one in fitting}
    if people.kind:
        calibrated = False
        for one in by_level["town"]:
            _census(draft, one, people, chosen=people.kind == "raster" and not calibrated)
            calibrated = True
        if people.kind == "raster":
            for one in by_level["village"]:
                _beside(draft, one, people)
            return told
        return {one.of.seen.title for one in by_level["town"]}
    if not by_level["village"]:
        draft.ask("population")
        draft.open("raster", {"path": "population.tif"})
        return set()
    best, *others = by_level["village"]
    shown = {"file": best.of.seen.title, "column": best.of.persons, "total": f"{best.total:,.0f}"}
    draft.comment("table" if units is not None else "table_at_places", fits=best.fits, rows=best.rows, **shown)
    draft.set("table", _keys(draft, best, "persons"))
    if others:
        draft.tell("two_tables", file=best.of.seen.title, others=", ".join(one.of.seen.title for one in others))
    return {best.of.seen.title, *(one.of.seen.title for one in others)}


def _census(draft: Draft, one: Counted, people: People, *, chosen: bool) -> None:
    values = {"file": one.of.seen.title, "column": one.of.persons, "fits": one.fits, "rows": one.rows}
    values |= {"total": f"{one.total:,.0f}", "people": people.total}
    if chosen:
        draft.comment("calibrate", **values)
        draft.set("calibrate", _keys(draft, one, "column"))
    else:
        draft.comment("calibrate_open" if people.kind == "raster" else "calibrate_points", **values)
        draft.open("calibrate", _keys(draft, one, "column"))


def _beside(draft: Draft, one: Counted, people: People) -> None:
    values = {"file": one.of.seen.title, "column": one.of.persons, "fits": one.fits, "rows": one.rows}
    draft.comment("table_beside", total=f"{one.total:,.0f}", people=people.total, **values)
    draft.open("table", _keys(draft, one, "persons"))


def _keys(draft: Draft, one: Counted, persons: str) -> dict[str, Any]:
    seen = one.of.seen
    keys = without_empty(path=draft.path(seen.path), layer=seen.layer)
    unit = {"unit": one.level} if persons == "column" else {}
    return {**keys, **one.keys, **unit, persons: one.of.persons}


def _counted(one: Candidate, units: Candidate | None) -> Counted | None:
    """Return how a table fits the units, one by one or by town; None where most of its rows mean nothing."""
    if units is None:
        return None
    seen, towns_at = one.seen, roles.alias(units.seen, "parent")
    names = Names(*(_texts(units.seen, column) for column in (units.id, units.name or units.id, towns_at)))
    towns = sum(unit_kind(name) in TOWN_KINDS for name in names.name) >= roles.MOST * len(names.name)
    code, town = roles.facility_id(seen), roles.alias(seen, "town")
    name = roles.alias(seen, "village") or (one.name if one.name != town else None)
    choices = [
        _fit(
            one, "town" if towns else "village", {"id": code, "name": name or town, "parent": town}, names, towns=towns
        )
    ]
    if towns_at is not None:
        known = sorted({text for text in names.town if text})
        owner = Names(known, known, [""] * len(known))
        choices.append(_fit(one, "town", {"id": code, "name": town or name}, owner, towns=True))
    return max((each for each in choices if each is not None), key=lambda each: each.fits, default=None)


def _fit(one: Candidate, level: str, at: dict[str, str | None], targets: Names, *, towns: bool) -> Counted | None:
    if at.get("parent") == at["name"]:
        at = {role: column for role, column in at.items() if role != "parent"}
    rows = list(zip(*(_texts(one.seen, at.get(role)) for role in ("id", "name", "parent")), strict=True))
    own = [not sums_others(*row) for row in rows]
    rows = [row for row, kept in zip(rows, own, strict=True) if kept]
    found = match(Names(*([row[k] for row in rows] for k in range(3))), targets, towns=towns)
    fits = int((found.target >= 0).sum())
    if not rows or fits < roles.MOST * len(rows):
        return None
    keys = {
        key: column
        for key, column in at.items()
        if column is not None and not _recognised(one.seen, key, column, by_town=level == "town")
    }
    total = float(np.nansum(roles.numbers(one.seen, str(one.persons))[np.array(own)]))
    return Counted(one, level, keys, fits, len(rows), total)


def _recognised(seen: Seen, key: str, column: str, *, by_town: bool) -> bool:
    """Return whether the study finds a column without being told."""
    role = {"id": "id", "name": "town" if by_town else "village", "parent": "town"}[key]
    try:
        position = pick.recognised(seen.table, role)
    except StudyError:
        return False
    return position is not None and seen.table.columns[position] == column


def _texts(seen: Seen, column: str | None) -> list[str]:
    return [""] * len(seen.table.cells) if column is None else [str(text) for text in seen.texts(column)]

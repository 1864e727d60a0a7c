"""Which files hold facilities, their gates, and what facilities, units and the county have."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import shapely

from servicecircle.geo import crs as frames
from servicecircle.inputs.problems import some
from servicecircle.standards.vocabulary import type_title
from servicecircle.starter import roles
from servicecircle.starter.draft import without_empty
from servicecircle.starter.guess import crs_keys, near, pair_keys, villages, year_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from servicecircle.inputs.places import Box
    from servicecircle.starter.draft import Draft
    from servicecircle.starter.guess import Candidate

#: Keys of ``FacilityColumns`` that are not called like their asset.
_KEYS = {"health_staff": "staff", "ambulances": "vehicles"}
#: A file with this share of its facilities in another one holds the same list.
TWIN = 0.5
#: Names of files that are not the list in use.
UNUSED = re.compile(
    r"dirty|raw|backup|(?<![a-z])(bak|copy|old)(?![a-z])|副本|备份|原始|旧|待清理|未清理|[(（][0-9]+[)）]$",
    re.IGNORECASE,
)
GATES = re.compile(r"gate|entrance|大门|园门|出入口|入口", re.IGNORECASE)
GATE_NAME = re.compile(r"(门|入口|出口|gate|entrance)$", re.IGNORECASE)
#: About 30 m: gates within it lie on a border.
ON_BORDER_DEG = 0.0003


def facilities(draft: Draft, tables: Sequence[Candidate], people: Box | None) -> tuple[Counter[str], set[str]]:
    """Write a ``[[facilities]]`` entry for each file of facilities, one of those that hold the same list.

    Returns
    -------
    held : Counter
        How many facilities of each type the files hold.
    gates : set of str
        Titles of the layers of gates.
    """
    held: Counter[str] = Counter()
    possible = [one for one in tables if one.types is not None and one.placed]
    around = [one for one in possible if near(one.box, people)]
    for one in possible:
        if one not in around:
            draft.lines.append("")
            draft.comment("elsewhere", file=one.seen.title, columns=one.columns)
    twins = _twins(around)
    written = [one for one in around if one.seen.title not in twins]
    gates = _gates(tables, written, people)
    for one in written:
        if one.types is not None:
            draft.table("[[facilities]]")
            _facility_file(draft, one, one.types, gates.get(one.seen.title))
            held.update(one.types.counts)
    _ask_twins(draft, around, twins)
    if not written:
        draft.lines.append("")
        rest = [one for one in tables if one.placed and one.seen.shape in ("point", "none") and one.persons is None]
        for one in rest:
            draft.ask("type_column", file=one.seen.title, columns=one.columns)
        if not rest:
            draft.ask("facilities")
        draft.lines += ["# [[facilities]]", '# path = "facilities.xlsx"']
    return held, {gate.seen.title for gate, _ in gates.values()}


# --- the same list twice ----------------------------------------------------------------------------------------------


def _twins(around: Sequence[Candidate]) -> dict[str, tuple[Candidate, int]]:
    """Return, by title, the lists most of whose facilities stand in another one, which, and how many do.

    A list whose name says that it is a copy gives way; else the smaller one.
    """
    rows = Counter(one.seen.path for one in around for _ in one.seen.table.rows)

    def order(one: Candidate) -> tuple[bool, int, int, str]:
        doubt = UNUSED.search(one.seen.path.stem) is not None
        return doubt, -rows[one.seen.path], -len(one.seen.table.rows), one.seen.title

    taken: dict[tuple[str, ...], Candidate] = {}
    found: dict[str, tuple[Candidate, int]] = {}
    for one in sorted(around, key=order):
        keys = _who(one)
        owners = Counter(taken[key].seen.title for key in keys if key in taken)
        if keys and owners.total() >= TWIN * len(keys):
            title = owners.most_common(1)[0][0]
            found[one.seen.title] = (next(other for other in around if other.seen.title == title), owners.total())
        else:
            taken |= {key: one for key in keys if key not in taken}
    return found


def _who(one: Candidate) -> set[tuple[str, ...]]:
    """Return the facilities of a list: code and name, or name, type and place; empty where they have no names."""
    seen, code = one.seen, roles.facility_id(one.seen)
    if one.name is None:
        return set()
    names = [str(text) for text in seen.texts(one.name)]
    if code is not None and code != one.name:
        return {(str(c), n) for c, n in zip(seen.texts(code), names, strict=True) if c and n}
    column = None if one.types is None else one.types.column
    words = [""] * len(names) if column is None else [str(text) for text in seen.texts(column)]
    at = [f"{a:.3f} {b:.3f}" for a, b in zip(*(xy.tolist() for xy in _xy(one)), strict=True)]
    return {(name, *rest) for name, *rest in zip(names, words, at, strict=True) if name}


def _ask_twins(draft: Draft, around: Sequence[Candidate], twins: Mapping[str, tuple[Candidate, int]]) -> None:
    asked = [one for one in around if one.seen.title in twins]
    for path in dict.fromkeys(one.seen.path for one in asked):
        mine = [one for one in asked if one.seen.path == path]
        others = list({twins[one.seen.title][0].seen.title: twins[one.seen.title][0] for one in mine}.values())
        draft.lines.append("")
        draft.ask(
            "twin",
            file=_titles(mine),
            other=_titles(others),
            same=sum(twins[one.seen.title][1] for one in mine),
            rows=sum(len(one.seen.table.rows) for one in mine),
        )
        draft.open("path", draft.path(path))


def _titles(lists: Sequence[Candidate]) -> str:
    """Return files, each once, with their sheets."""
    layers: dict[str, list[str]] = {}
    for one in lists:
        layers.setdefault(one.seen.name, []).extend([one.seen.layer] if one.seen.layer else [])
    return ", ".join(f"{name} [{', '.join(inside)}]" if inside else name for name, inside in layers.items())


# --- gates ------------------------------------------------------------------------------------------------------------


def _gates(
    tables: Sequence[Candidate], written: Sequence[Candidate], people: Box | None
) -> dict[str, tuple[Candidate, int]]:
    """Return, by the title of a facility file with areas, its layer of gates and how many lie on a border."""
    hosts = [one for one in written if one.seen.shape in ("polygon", "mixed")]
    found: dict[str, tuple[Candidate, int]] = {}
    for one in tables:
        if not (one.placed and one.types is None and one.persons is None and one.seen.shape in ("point", "none")):
            continue
        if not (near(one.box, people) and _called_gates(one) and hosts):
            continue
        counts = {host.seen.title: _on_border(one, host) for host in hosts if host.seen.title not in found}
        best = max(counts, key=lambda title: counts[title], default="")
        if best and (counts[best] or len(hosts) == 1):
            found[best] = (one, counts[best])
    return found


def _called_gates(one: Candidate) -> bool:
    if GATES.search(one.seen.title):
        return True
    names = [] if one.name is None else [str(text) for text in one.seen.texts(one.name) if text]
    return bool(names) and sum(GATE_NAME.search(name) is not None for name in names) >= roles.MOST * len(names)


def _on_border(gates: Candidate, host: Candidate) -> int:
    shapes, crs = host.seen.table.geometry, host.seen.table.crs
    if shapes is None or crs is None:
        return 0
    areas = shapes[np.isin(shapely.get_type_id(shapes), (3, 6))]
    if not len(areas):
        return 0
    borders = shapely.transform(
        shapely.union_all(shapely.boundary(areas)), lambda xy: np.column_stack(frames.to_wgs84(crs, xy[:, 0], xy[:, 1]))
    )
    return int((shapely.distance(shapely.points(*_xy(gates)), borders) <= ON_BORDER_DEG).sum())


def _xy(one: Candidate) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return longitude and latitude of rows as far as they are known; NaN elsewhere."""
    if one.pair is not None:
        return roles.numbers(one.seen, one.pair[0]), roles.numbers(one.seen, one.pair[1])
    middles = shapely.centroid(one.seen.table.geometry)
    x, y = shapely.get_x(middles), shapely.get_y(middles)
    if one.seen.table.crs is None:
        return x, y
    lon, lat = frames.to_wgs84(one.seen.table.crs, x, y)
    return np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)


def _set_gates(draft: Draft, gate: Candidate, on_border: int) -> None:
    seen = gate.seen
    rows = len(seen.table.rows)
    draft.comment("gates", file=seen.title, rows=rows, count=on_border)
    keys = dict(without_empty(path=draft.path(seen.path), layer=seen.layer))
    crs, offered = crs_keys(draft, gate)
    draft.set("gates", {**keys, **crs})
    if offered:
        draft.open("gates", {**keys, "crs": offered})


# --- one file ---------------------------------------------------------------------------------------------------------


def _facility_file(draft: Draft, one: Candidate, types: roles.Types, gates: tuple[Candidate, int] | None) -> None:
    seen = one.seen
    by_count = sorted(types.counts.items(), key=lambda pair: (-pair[1], pair[0]))
    shown = some(f"{_word(draft, code)} × {count}" for code, count in by_count)
    counts = {"file": seen.title, "rows": types.rows, "known": types.known, "types": shown}
    draft.comment("service_count" if types.where else "facility_rows", **counts, column=types.where or "")
    draft.set("path", draft.path(seen.path))
    if seen.layer:
        draft.set("layer", seen.layer)
    crs, offered = crs_keys(draft, one)
    for key, value in crs.items():
        draft.set(key, value)
    if offered:
        draft.open("crs", offered)
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
    if gates is not None:
        _set_gates(draft, *gates)
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


def _word(draft: Draft, code: str) -> str:
    """Return a type as comments name it: its Chinese title, or the code itself, which is English."""
    return type_title(code, "zh") if draft.language == "zh" else code


# --- what they have ---------------------------------------------------------------------------------------------------


def assets(draft: Draft, tables: Sequence[Candidate], units: Candidate | None) -> set[str]:
    """Write an ``[[assets]]`` entry for each table of staff, beds, vehicles or reported values; return their titles."""
    used = set()
    for one in tables:
        if one.placed or one.seen.shape != "none":
            continue
        wide = roles.asset_columns(one.seen)
        long = None if wide else roles.value_rows(one.seen)
        owner = _owner(one, units, but=long)
        if owner == "area" and wide and len(one.seen.table.rows) > 1:
            continue
        if wide:
            draft.table("[[assets]]")
            draft.comment(f"assets_{owner}", file=one.seen.title, columns=some(wide.values()))
            _asset_entry(draft, one, owner)
            draft.set("columns", wide)
        elif long is not None:
            _long(draft, one, owner, long)
        else:
            continue
        used.add(one.seen.title)
    return used


def _long(draft: Draft, one: Candidate, owner: str, long: tuple[str, str, list[str]]) -> None:
    asset, value, strange = long
    words = list(dict.fromkeys(str(text) for text in one.seen.texts(asset) if text))
    if strange:
        draft.lines.append("")
        draft.comment("assets_strange", file=one.seen.title, column=asset, words=some(strange, 20))
        start = len(draft.lines)
        draft.add("[[assets]]")
    else:
        draft.table("[[assets]]")
        draft.comment("assets_rows", file=one.seen.title, column=asset, words=some(words), of=owner)
        start = len(draft.lines)
    _asset_entry(draft, one, owner)
    draft.set("asset", asset)
    draft.set("value", value)
    if strange:
        draft.lines[start:] = [f"# {line}" for line in draft.lines[start:]]


def _owner(one: Candidate, units: Candidate | None, but: tuple[str, str, list[str]] | None) -> str:
    """Return whose the rows of a table are: a ``facility``'s, a ``unit``'s, else the ``area``'s."""
    name = one.name if but is None or one.name != but[0] else None
    if name is not None and roles.facility_name_share(one.seen, name) >= roles.MOST:
        return "facility"
    return "unit" if name is not None and units is not None and villages(one) >= roles.MOST else "area"


def _asset_entry(draft: Draft, one: Candidate, owner: str) -> None:
    draft.set("path", draft.path(one.seen.path))
    if one.seen.layer:
        draft.set("layer", one.seen.layer)
    draft.set("of", owner)
    code = roles.facility_id(one.seen)
    parent = roles.alias(one.seen, "town") or roles.alias(one.seen, "parent")
    keys = {
        "id": code if code != one.name else None,
        "name": one.name,
        "parent": parent if owner == "unit" and parent != one.name else None,
    }
    for key, column in without_empty(**keys).items() if owner != "area" else ():
        draft.set(key, column)
    year = year_of(one.seen.title)
    if year and roles.alias(one.seen, "year") is None:
        draft.set("year", int(year))

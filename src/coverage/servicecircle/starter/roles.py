"""Which column of a table holds what, judged by the names of columns and by what stands in them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from servicecircle.inputs.columns import ALIASES, OSM_TYPES, first_filled, fold, osm_types
from servicecircle.inputs.road_words import CLASS_OF
from servicecircle.inputs.systems import MARKS
from servicecircle.inputs.tables import to_numbers
from servicecircle.inputs.units import CLASS_CODES, CLASS_WORDS, unit_kind
from servicecircle.standards.vocabulary import asset_code, facility_types, type_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from servicecircle.inputs.places import Box
    from servicecircle.starter.look import Seen

#: Share of a column's words that must be known before it holds types; less where its name says so.
MOST, SOME = 0.5, 0.3
#: A facility may stand in two rows: its identifier then stands twice.
NEARLY_ALL = 0.8
#: Cells of a column that are looked at, evenly spaced, to see whether they are names.
SAMPLE = 1000
_ID = re.compile(r"(^|[^a-z])(id|fid|gid|dm)([^a-z]|$)|code$|编码|代码|编号", re.IGNORECASE)
_PEOPLE = re.compile(r"pop|person|people|人口|人数", re.IGNORECASE)
_NAME = re.compile(r"name|名", re.IGNORECASE)
#: Coordinate columns that name their system: XGCJ, lon_wgs84, 经度(百度) ...
_MARKED = {"lon": re.compile(r"^(x|lon|lng|long|longitude|经度)"), "lat": re.compile(r"^(y|lat|latitude|纬度)")}
_CLASS = re.compile(r"class|highway|level|等级|类|级", re.IGNORECASE)
_ROAD_NAMES = frozenset("name 名称 道路名称 道路名 路名 路线名称 路线名".split())
_VALUES = frozenset("数值 值 数量 合计 总数 value amount number".split())
#: Columns that count services, and the type such a place is given.
SERVICES = {
    "healthcare": "clinic",
    "health": "clinic",
    "clinics": "clinic",
    "hospitals": "hospital",
    "hospital": "hospital",
}


@dataclass(frozen=True)
class Types:
    """Where the type of a facility stands.

    Attributes
    ----------
    column : str or None
        A column of words; None where OpenStreetMap's columns, ``where`` or ``constant`` say it.
    where : str or None
        A column that counts services: rows above 0 are facilities.
    constant : str
        One type for all rows, empty when rows differ.
    counts : dict
        Facilities by code; words that are not known are left out.
    known : int
        Rows whose type is known, of ``rows``.
    """

    rows: int
    known: int
    column: str | None = None
    where: str | None = None
    constant: str = ""
    osm: tuple[str, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)


def alias(seen: Seen, role: str) -> str | None:
    """Return the first column whose name is an alias of a role, in the order of the aliases."""
    by_name = {fold(name): name for name in reversed(seen.columns)}
    return next((by_name[word] for word in map(fold, ALIASES[role]) if word in by_name), None)


def identifier(seen: Seen) -> str | None:
    """Return a column that names every row and none twice: an identifier by its name, else a column of words."""
    words = [name for name in seen.columns if _numeric(seen.texts(name)) == 0]
    return next((name for name in dict.fromkeys([*_codes(seen), *words]) if _unique(seen.texts(name))), None)


def facility_id(seen: Seen) -> str | None:
    """Return the column of a facility's identifier: by its name, and nearly every filled cell another one."""
    for name in _codes(seen):
        filled = [text for text in seen.texts(name) if text]
        if filled and len(set(filled)) >= NEARLY_ALL * len(filled):
            return name
    return None


def _codes(seen: Seen) -> list[str]:
    by_alias = [name for name in seen.columns if fold(name) in map(fold, ALIASES["id"])]
    return list(dict.fromkeys([*by_alias, *(name for name in seen.columns if _ID.search(name))]))


def _unique(texts: NDArray[np.object_]) -> bool:
    return len(texts) > 0 and "" not in texts and len(set(texts)) == len(texts)


def name_column(seen: Seen) -> str | None:
    """Return the column of names: by its name, else the one with most names of villages or facilities."""
    found = alias(seen, "name")
    if found is not None:
        return found
    shares = {name: max(village_share(seen, name), facility_name_share(seen, name)) for name in seen.columns}
    best = max(shares, key=lambda name: shares[name], default=None)
    if best is not None and shares[best] >= MOST:
        return best
    return next((name for name in seen.columns if _NAME.search(name)), None)


def village_share(seen: Seen, column: str) -> float:
    """Return the share of cells that end like the name of a village, community, street or town."""
    return _share(seen.texts(column), lambda text: bool(unit_kind(text)) and not _facility_word(text))


def facility_name_share(seen: Seen, column: str) -> float:
    """Return the share of cells that end like the name of a facility."""
    return _share(seen.texts(column), lambda text: _facility_word(text) != "")


def _share(texts: Iterable[object], holds: Callable[[str], bool]) -> float:
    filled = [str(text) for text in texts if text]
    sample = filled[:: max(len(filled) // SAMPLE, 1)]
    return sum(map(holds, sample)) / len(sample) if sample else 0.0


@cache
def _endings() -> dict[str, str]:
    """Return the Chinese words for types that names of facilities end with."""
    return {
        word: code
        for code, term in facility_types().items()
        for word in (term.zh, *term.words)
        if len(word) >= 2 and ";" not in word and not word.isascii()
    }


def _facility_word(text: str) -> str:
    """Return the type whose word a name ends with, the longest word first; empty when there is none."""
    endings = _endings()
    return next((endings[text[k:]] for k in range(len(text)) if text[k:] in endings), "")


def coordinates(seen: Seen) -> tuple[str, str] | None:
    """Return the columns of longitude and latitude; those that say WGS 84 before those that say GCJ-02."""
    if seen.table.geometry is not None:
        return None
    pairs = []
    lon, lat = alias(seen, "lon"), alias(seen, "lat")
    if lon is not None and lat is not None:
        pairs.append((lon, lat))
    marked = {
        (axis, mark_of(name)): name
        for name in seen.columns
        for axis, begins in _MARKED.items()
        if begins.match(fold(name)) and mark_of(name)
    }
    pairs += [
        (marked["lon", mark], marked["lat", mark])
        for mark in ("WGS84", "GCJ-02", "BD-09")
        if ("lon", mark) in marked and ("lat", mark) in marked
    ]
    return next((pair for pair in pairs if all(_numeric(seen.texts(name)) >= MOST for name in pair)), None)


def mark_of(column: str) -> str:
    """Return the coordinate system a column's name says: ``GCJ-02``, ``BD-09``, ``WGS84`` or nothing."""
    return next((MARKS[mark] for mark in MARKS if mark in column.casefold().replace("-", "")), "")


def _numeric(texts: NDArray[np.object_]) -> float:
    filled = texts[texts != ""]
    return float(np.isfinite(to_numbers(filled)).mean()) if len(filled) else 0.0


def numbers(seen: Seen, column: str) -> NDArray[np.float64]:
    """Return the numbers of a column, NaN where a cell holds none."""
    return to_numbers(seen.texts(column))


def persons(seen: Seen) -> str | None:
    """Return the column of people: an alias of it that holds numbers, residents first."""
    order = sorted(ALIASES["persons"], key=lambda word: word != "常住人口")
    by_name = {fold(name): name for name in seen.columns}
    found = (by_name[fold(word)] for word in order if fold(word) in by_name)
    return next((name for name in found if _numeric(seen.texts(name)) >= MOST and _positive(seen, name)), None)


def people_columns(seen: Seen) -> list[str]:
    """Return the columns that hold numbers and whose names speak of people."""
    return [name for name in seen.columns if _PEOPLE.search(name) and _numeric(seen.texts(name)) >= MOST]


def _positive(seen: Seen, column: str) -> bool:
    return bool(np.nansum(numbers(seen, column)) > 0)


def area_class(seen: Seen) -> str | None:
    """Return the column whose every word is a class or an urban-rural code; None when there is none."""
    allowed = set(CLASS_WORDS) | set(CLASS_CODES)
    for name in seen.columns:
        words = {fold(str(text)) for text in seen.texts(name) if text}
        if words and words <= allowed:
            return name
    return None


#: Columns of people are no staff or beds: a census or village table is proposed as people.
POPULATIONS = frozenset({"resident_population", "registered_population", "planning_population", "births"})


def asset_columns(seen: Seen) -> dict[str, str]:
    """Return the columns whose names are assets (``床位数`` ...), by asset; the first of each."""
    found: dict[str, str] = {}
    for name in seen.columns:
        code = asset_code(name)
        if code is not None and code not in POPULATIONS and _numeric(seen.texts(name)) >= MOST:
            found.setdefault(code, name)
    return found


def road_class(seen: Seen) -> str | None:
    """Return the column that holds most classes of roads; None where no column's words are classes."""
    shares = {name: _share(seen.texts(name), lambda text: fold(text) in CLASS_OF) for name in seen.columns}
    # 类别 before a column that happens to hold the same words
    best = max(shares, key=lambda name: (shares[name], bool(_CLASS.search(name))), default=None)
    return best if best is not None and shares[best] >= MOST else None


def road_name(seen: Seen) -> str | None:
    """Return the column of the names of roads."""
    return next((name for name in seen.columns if fold(name) in _ROAD_NAMES), None)


def value_rows(seen: Seen) -> tuple[str, str, list[str]] | None:
    """Return where each row is one value: the column of the asset, that of the value, and words that are not known."""
    from servicecircle.standards.catalogue import load_catalogue

    known = set(load_catalogue())
    for name in seen.columns:
        words = list(dict.fromkeys(str(text) for text in seen.texts(name) if text))
        strange = [word for word in words if asset_code(word) is None and word not in known]
        if not words or len(strange) > (1 - MOST) * len(words):
            continue
        others = [one for one in seen.columns if one != name and fold(one) not in map(fold, ALIASES["year"])]
        numeric = [one for one in others if _numeric(seen.texts(one)) >= MOST and one not in _codes(seen)]
        called = [one for one in numeric if fold(one) in _VALUES]
        if called or len(numeric) == 1:
            return name, (called or numeric)[0], strange
    return None


def types_of(seen: Seen, *, placed: bool) -> Types | None:
    """Return where the type of the facilities stands in a table; None where it holds no facilities.

    Parameters
    ----------
    seen : Seen
    placed : bool
        Whether its rows have coordinates: only then a count of services makes facilities.
    """
    named = alias(seen, "type")
    osm = osm_types(seen.table)
    choices: list[tuple[float, Types]] = []
    if osm:
        columns = tuple(seen.table.columns[k] for k in osm)
        choices.append(_judged(first_filled(seen.table, osm), SOME, osm=columns))
    for name in seen.columns:
        if fold(name) in OSM_TYPES:
            continue
        choices.append(_judged(seen.texts(name), SOME if name == named else MOST, column=name))
    good = [types for share, types in choices if share > 0]
    if good:
        # the first of the best: OpenStreetMap's columns, then the column called type, then the order of the file
        return max(good, key=lambda types: (bool(types.osm), types.column == named, types.known))
    if placed:
        for name in seen.columns:
            if fold(name) in SERVICES and _numeric(seen.texts(name)) == 1 and _positive(seen, name):
                count = int((numbers(seen, name) > 0).sum())
                code = SERVICES[fold(name)]
                return Types(len(seen.table.cells), count, where=name, constant=code, counts={code: count})
    return _by_names(seen)


def _judged(
    texts: Sequence[object] | NDArray[np.object_], least: float, *, column: str | None = None, osm: tuple[str, ...] = ()
) -> tuple[float, Types]:
    """Return the share of known words, 0 where it is below ``least``, and what they are."""
    filled = [str(text) for text in texts if text]
    words = Counter(filled)
    codes = {word: next((c for part in word.split("|") if (c := type_code(part))), None) for word in words}
    counts: Counter[str] = Counter()
    for word, count in words.items():
        if codes[word] is not None:
            counts[str(codes[word])] += count
    share = counts.total() / len(filled) if filled else 0.0
    types = Types(len(texts), counts.total(), column=column, osm=osm, counts=dict(counts))
    return (share if share >= least else 0.0), types


def _by_names(seen: Seen) -> Types | None:
    """Return the types that names of facilities end with, where most names do; a constant where all are of one type."""
    shares = {name: facility_name_share(seen, name) for name in seen.columns}
    best = max(shares, key=lambda name: shares[name], default=None)
    if best is None or shares[best] < MOST:
        return None
    counts = Counter(code for text in seen.texts(best) if (code := _facility_word(str(text))))
    one = next(iter(counts)) if len(counts) == 1 and counts.total() == len(seen.table.cells) else ""
    return Types(len(seen.table.cells), counts.total(), constant=one, counts=dict(counts))


def inside_china(box: Box) -> bool:
    """Return whether a box lies inside the rectangle in which map services shift coordinates."""
    from servicecircle.geo.coordinates import outside_service

    west, south, east, north = box
    return not bool(np.any(outside_service(np.array([west, east]), np.array([south, north]))))

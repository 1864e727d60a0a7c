"""Facilities that look like one another: near duplicates, departments of one hospital, many on one coordinate.

A facility that stands twice is counted twice: in ratios, in presence, in sums of beds. Rows that are equal in type,
name and place are set aside by the reader; here are those that are equal only nearly. Rows of different types are
never one: an emergency point of a hospital is asked for beside it.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from servicecircle.doctor.rows import capped, distance_m, facility_places
from servicecircle.errors import Problem, problem
from servicecircle.inputs.merging import UNKNOWN
from servicecircle.inputs.problems import some
from servicecircle.inputs.units import town_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pandas as pd
    from numpy.typing import NDArray

    from servicecircle.inputs.gather import Inputs
    from servicecircle.study import Study

#: Facilities of one type and name at most so far apart are one; with one letter of difference, at most ``TYPO_M``.
SAME_M, TYPO_M = 300.0, 100.0
#: A row named as a department stands at most so far from its hospital.
DEPARTMENT_M = 500.0
#: Without towns, one name is told twice up to here; more rows of one name than this are a chain.
FAR_M, CHAIN = 3_000.0, 3
#: So many facilities of one kind with different names on one coordinate were not located one by one.
PILED = 3
#: Metres of a degree of latitude at most: a box of degrees around a distance.
_DEGREE_M = 110_000.0
#: Letters whose difference makes another name: numbers, directions, sizes, branches of medicine.
_TELLING = frozenset(
    "0123456789一二三四五六七八九十〇零百甲乙丙丁东西南北中上下前后左右内外大小新老旧牙妇儿眼骨男女abcdefghijklmnopqrstuvwxyz"
)
_NO_LETTER = re.compile(r"[\W_]+")
_ACCENT = re.compile("[\u0300-\u036f]")
#: Words that one list writes into a name and another leaves out.
_FILLER = re.compile("中心|社区|街道|办事处|个体|有限责任公司|有限公司|村民委员会|村委会|行政村")
_DIVISION = re.compile(r"^(?:[^\d]{2,7}?(?:省|自治区|市|地区|自治州|县|(?<![社小街院园校])区|旗))+(?=.{4,})")
#: Endings of a place before a facility's name, and beginnings that show that what is left is no name.
_PLACE_ENDS, _NO_NAME = tuple("省市县区镇乡街道村"), ("社区", "卫生", "街", "乡", "村", "镇", "区")
#: Words a hospital's own name ends with; what follows is a department.
_HOSPITAL = re.compile(r"^(.*(?:医院|卫生院|保健院|防治院|服务中心|疾控中心|控制中心|hospital|centre|center))(.+)$")
_DEPARTMENT = re.compile(
    r"科|门诊|急诊|住院|体检|病房|病区|病理|楼|[0-9]栋|药房|检验|放射|超声|影像|手术|输液|挂号|收费|供应室|后勤|行政|食堂|停车场|"
    r"实验室|透析|icu|ct室|诊室|产房|中心$|部$|室$|department|ward|clinic|outpatient|emergency|building|laborator|pharmacy"
)
#: Parts of hospitals that are hospitals of their own.
_BRANCH = re.compile(r"(?:院区|分院|[东西南北新老]院|校区|分部|分店)$")
#: Endings that many hospitals share: they say nothing about whose department it is.
_COMMON = re.compile(
    r"^.{0,2}(?:人民|中心|中医|第[一二三四五六七八九十]|附属|社区|妇幼|专科|综合|口腔|眼科|儿童|肿瘤|康复|骨科|卫生|服务|保健)*"
    r"(?:医院|卫生院|保健院|服务中心|hospital|centre|center)$"
)
#: So many last letters of two hospitals' names must agree.
_SHARED = 4


class _Row(NamedTuple):
    """One facility as the looks compare it."""

    place: str
    row: int
    id: str
    name: str
    core: str
    type: str


def plain(name: str) -> str:
    """Return a name without width, case, accents, spaces, brackets and other signs: what must agree for one name.

    Examples
    --------
    >>> plain("县人民医院（东院） "), plain("县人民医院(东院)")
    ('县人民医院东院', '县人民医院东院')
    """
    apart = unicodedata.normalize("NFKD", name).casefold()
    return _NO_LETTER.sub("", unicodedata.normalize("NFKC", _ACCENT.sub("", apart)))


def core(name: str) -> str:
    """Return a plain name without the province, city, county or district before it.

    Examples
    --------
    >>> core("湖北省武汉市中心医院"), core("市中医院")
    ('中心医院', '市中医院')
    """
    return _DIVISION.sub("", plain(name))


def _rows(inputs: Inputs) -> list[_Row]:
    frame = inputs.facilities.frame
    columns = (frame[column] for column in ("row", "id", "name", "type"))
    return [
        _Row(place, int(row), str(code), str(name), core(str(name)), str(kind))
        for place, row, code, name, kind in zip(facility_places(inputs), *columns, strict=True)
    ]


def _lonlat(inputs: Inputs) -> NDArray[np.float64]:
    return inputs.facilities.frame[["lon", "lat"]].to_numpy(dtype=float)


def look_near(study: Study, inputs: Inputs) -> Iterator[Problem]:
    """Yield facilities of one kind and (nearly) one name close together, and one name twice in a town.

    Names agree up to width, brackets, spaces and the district before them within 300 m, and but for one letter that is
    no number or direction within 100 m; both limits inclusive. Rows told as departments are left to
    :func:`look_departments`.
    """
    del study
    rows, lonlat = _rows(inputs), _lonlat(inputs)
    departments = {child for child, _, _ in _departments(rows, lonlat)}
    found = _same_names(inputs, rows, lonlat) | {
        pair: ("duplicates.similar", metres) for pair, metres in _typos(rows, lonlat).items()
    }
    problems = [
        _pair(key, rows[other], rows[one], metres)
        for (one, other), (key, metres) in sorted(found.items(), key=lambda item: _order(rows, item[0]))
        if other not in departments
    ]
    yield from capped([one for one in problems if one.key != "duplicates.same_name"], "duplicates.more")
    yield from capped([one for one in problems if one.key == "duplicates.same_name"], "duplicates.more_names")


def _order(rows: list[_Row], pair: tuple[int, int]) -> tuple[str, int, str, int]:
    one, other = rows[pair[0]], rows[pair[1]]
    return other.place, other.row, one.place, one.row


def _pair(key: str, row: _Row, other: _Row, metres: float) -> Problem:
    """Return the problem of a row that looks like another one."""
    elsewhere = {"other_file": other.place, "other_row": other.row, "other_id": other.id, "other": other.name}
    distance = f"{metres:.0f}"
    return problem(key, file=row.place, row=row.row, id=row.id, value=row.name, **elsewhere, distance=distance)


def _same_names(
    inputs: Inputs, rows: list[_Row], lonlat: NDArray[np.float64]
) -> dict[tuple[int, int], tuple[str, float]]:
    """Return pairs of one type and core name: near ones, and ones of a town that are far apart."""
    groups: dict[str, list[int]] = defaultdict(list)
    for k, row in enumerate(rows):
        if len(row.core) > 1:
            groups[row.core].append(k)
    towns = _towns(inputs, lonlat)
    every = ((one, other) for group in groups.values() for one, other in _pairs(rows, group))
    pairs = [(one, other) for one, other in every if _one_kind(rows[one], rows[other])]
    if not pairs:
        return {}
    one, other = np.array(pairs).T
    found = {}
    for (a, b), metres in zip(pairs, distance_m(lonlat, one, other).tolist(), strict=True):
        if metres <= SAME_M:
            found[a, b] = ("duplicates.near", metres)
        elif len(groups[rows[a].core]) <= CHAIN and _one_place(rows, towns, a, b, metres):
            found[a, b] = ("duplicates.same_name", metres)
    return found


def _family(kind: str) -> str:
    """Return what kinds of village clinics, or of community health centres and stations, have in common."""
    return "_".join(kind.split("_")[:2])


def _one_kind(one: _Row, other: _Row) -> bool:
    """Return whether two rows of one name may be one facility: of one family, or one of them of no known type."""
    return UNKNOWN in (one.type, other.type) or _family(one.type) == _family(other.type)


def _pairs(rows: list[_Row], group: list[int]) -> Iterator[tuple[int, int]]:
    """Yield the pairs of a group, the earlier row first; of a large one only those that follow each other."""
    group = sorted(group, key=lambda k: (rows[k].place, rows[k].row))
    if len(group) > 10 * CHAIN:
        yield from pairwise(group)
        return
    yield from ((a, b) for i, a in enumerate(group) for b in group[i + 1 :])


def _one_place(rows: list[_Row], towns: NDArray[np.object_] | None, a: int, b: int, metres: float) -> bool:
    """Return whether two facilities of one whole name would stand in one town, or near where no towns are known."""
    if plain(rows[a].name) != plain(rows[b].name) or len(rows[a].core) <= _SHARED:
        return False
    if towns is None:
        return metres <= FAR_M
    return bool(towns[a]) and bool(towns[a] == towns[b])


def _towns(inputs: Inputs, lonlat: NDArray[np.float64]) -> NDArray[np.object_] | None:
    """Return the town of the polygon each facility lies in, empty outside; None where no towns are known."""
    if inputs.units is None or (inputs.units.frame.geometry.geom_type == "Point").any():
        return None
    units = inputs.units.frame
    names = town_of(units).to_numpy(dtype=object)
    if not (names != "").any():
        return None
    point, unit = shapely.STRtree(units.geometry.to_numpy()).query(shapely.points(lonlat), predicate="intersects")
    towns = np.full(len(lonlat), "", dtype=object)
    towns[point] = names[unit]
    return towns


def _typos(rows: list[_Row], lonlat: NDArray[np.float64]) -> dict[tuple[int, int], float]:
    """Return pairs of one type within 100 m whose core names differ in one letter that tells nothing."""
    one, other = _near(lonlat, np.arange(len(rows)), np.arange(len(rows)), TYPO_M)
    alike = [
        (min(a, b, key=lambda k: (rows[k].place, rows[k].row)), max(a, b, key=lambda k: (rows[k].place, rows[k].row)))
        for a, b in zip(one.tolist(), other.tolist(), strict=True)
        if a < b and rows[a].type == rows[b].type and _alike(rows[a].core, rows[b].core)
    ]
    if not alike:
        return {}
    left, right = np.array(alike).T
    return dict(zip(alike, distance_m(lonlat, left, right).tolist(), strict=True))


def _alike(one: str, other: str) -> bool:
    """Return whether two names differ in one letter, in words often left out or in a place before one of them."""
    if one_letter(one, other):
        return True
    bare = _FILLER.sub("", one)
    if len(bare) >= _SHARED and bare == _FILLER.sub("", other):
        return one != other
    short, long = sorted((one, other), key=len)
    before = long[: len(long) - len(short)]
    named = len(short) > _SHARED and not short.startswith(_NO_NAME)
    return named and long.endswith(short) and before.endswith(_PLACE_ENDS)


def one_letter(one: str, other: str) -> bool:
    """Return whether two names of at least five letters differ in one letter that is no number or direction.

    The first two letters never differ: they name the village.

    Examples
    --------
    >>> (
    ...     one_letter("仿泉村卫生室", "仿泉村卫生宝"),
    ...     one_letter("仿泉村卫生室", "仿庄村卫生室"),
    ...     one_letter("一号楼站点", "二号楼站点"),
    ... )
    (True, False, False)
    """
    short, long = sorted((one, other), key=len)
    if len(short) <= _SHARED or len(long) - len(short) > 1 or one == other or one[:2] != other[:2]:
        return False
    if len(short) == len(long):
        differing = [pair for pair in zip(one, other, strict=True) if pair[0] != pair[1]]
        return len(differing) == 1 and not set(differing[0]) & _TELLING
    place = next((k for k, letter in enumerate(short) if letter != long[k]), len(short))
    return short[place:] == long[place + 1 :] and long[place] not in _TELLING


def _near(
    lonlat: NDArray[np.float64], one: NDArray[np.int64], other: NDArray[np.int64], metres: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pairs of two sets of rows at most so many metres apart, the limit included."""
    if not len(one) or not len(other):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    lon, lat = lonlat[one].T
    dy = metres / _DEGREE_M
    dx = dy / np.maximum(np.cos(np.radians(np.abs(lat) + dy)), 0.01)
    boxes = shapely.box(lon - dx, lat - dy, lon + dx, lat + dy)
    left, right = shapely.STRtree(shapely.points(lonlat[other])).query(boxes)
    left, right = one[left], other[right]
    close = distance_m(lonlat, left, right) <= metres
    return left[close], right[close]


def look_departments(study: Study, inputs: Inputs) -> Iterator[Problem]:
    """Yield rows that are departments, wards or buildings of another row of the same type within 500 m (inclusive)."""
    del study
    rows, lonlat = _rows(inputs), _lonlat(inputs)
    found = sorted(_departments(rows, lonlat), key=lambda item: (rows[item[0]].place, rows[item[0]].row))
    problems = [_pair("duplicates.department", rows[k], rows[parent], metres) for k, parent, metres in found]
    yield from capped(problems, "duplicates.more_departments")


def _departments(rows: list[_Row], lonlat: NDArray[np.float64]) -> list[tuple[int, int, float]]:
    """Return (row of a department, row of its hospital, metres); the nearest hospital with the longest common name."""
    heads = [hospital_of(row.name) for row in rows]
    children = np.flatnonzero([head is not None for head in heads])
    hospitals = np.flatnonzero([head is None for head in heads])
    one, other = _near(lonlat, children, hospitals, DEPARTMENT_M)
    best: dict[int, tuple[int, float, int]] = {}
    for k, parent, metres in zip(one.tolist(), other.tolist(), distance_m(lonlat, one, other).tolist(), strict=True):
        head = heads[k]
        alike = rows[k].type in (UNKNOWN, rows[parent].type)
        shared = 0 if head is None or not alike else _shared(head, plain(rows[parent].name))
        if shared:
            best[k] = min(best.get(k, (0, metres, parent)), (-shared, metres, parent))
    first = _first_of_headless(rows, heads, [k for k in children.tolist() if k not in best])
    orphan, leader = (np.array(list(part), dtype=np.int64) for part in (first.keys(), first.values()))
    apart = distance_m(lonlat, orphan, leader).tolist()
    alone = [(k, first[k], metres) for k, metres in zip(first, apart, strict=True) if metres <= DEPARTMENT_M]
    return [(k, parent, metres) for k, (_, metres, parent) in best.items()] + alone


def _first_of_headless(rows: list[_Row], heads: list[str | None], lone: list[int]) -> dict[int, int]:
    """Return, for departments whose hospital is no row, the first department of the same hospital and type."""
    groups: dict[tuple[str, str | None], list[int]] = defaultdict(list)
    for k in sorted(lone, key=lambda k: (rows[k].place, rows[k].row)):
        groups[rows[k].type, heads[k]].append(k)
    pairs = [(k, group[0]) for group in groups.values() for k in group[1:]]
    # two rows of one whole name are one facility twice, not parts of another
    return {k: first for k, first in pairs if rows[k].core != rows[first].core}


def hospital_of(name: str) -> str | None:
    """Return the plain name of the hospital a name says it is a department of; None for any other name.

    Examples
    --------
    >>> (
    ...     hospital_of("县人民医院(内科)"),
    ...     hospital_of("武汉协和医院-门诊楼"),
    ...     hospital_of("县人民医院东院"),
    ...     hospital_of("县医院"),
    ... )
    ('县人民医院', '武汉协和医院', None, None)
    """
    found = _HOSPITAL.match(plain(name))
    if found is None or _BRANCH.search(found[2]) or not _DEPARTMENT.search(found[2]):
        return None
    return found[1]


def _shared(head: str, parent: str) -> int:
    """Return how many last letters two names of hospitals share, 0 when that does not make them one."""
    if head == parent:
        return len(head) + 1
    most = next((k for k in range(min(len(head), len(parent))) if head[-1 - k] != parent[-1 - k]), None)
    shared = min(len(head), len(parent)) if most is None else most
    ending = head[len(head) - shared :]
    return shared if shared >= _SHARED and not _COMMON.match(ending) else 0


def look_piled(study: Study, inputs: Inputs) -> Iterator[Problem]:
    """Yield coordinates shared by three or more facilities of one kind with different names: not located one by one."""
    del study
    rows, lonlat = _rows(inputs), _lonlat(inputs)
    groups: dict[tuple[str, float, float, str], list[int]] = defaultdict(list)
    for k, row in enumerate(rows):
        lon, lat = (round(float(v), 6) for v in lonlat[k])
        groups[row.place, lon, lat, _family(row.type)].append(k)
    problems = []
    departments = {child for child, _, _ in _departments(rows, lonlat)}
    for (place, lon, lat, _), group in sorted(groups.items(), key=lambda item: _order(rows, (item[1][0], item[1][0]))):
        mine = sorted((k for k in group if k not in departments), key=lambda k: rows[k].row)
        if len({rows[k].core for k in mine}) < PILED:
            continue
        told = {"file": place, "row": rows[mine[0]].row, "id": rows[mine[0]].id, "value": f"{lat:.6f}, {lon:.6f}"}
        named = some((f"{rows[k].row} ({rows[k].name})" for k in mine), len(mine))
        problems.append(problem("duplicates.piled", **told, count=len(mine), rows=named))
    yield from capped(problems, "duplicates.more_piled")


def look_types(study: Study, inputs: Inputs) -> Iterator[Problem]:
    """Yield the rows without a type, and those whose word for it is not known: they satisfy nothing."""
    del study
    frame = inputs.facilities.frame
    unknown = np.flatnonzero((frame["type"] == UNKNOWN).to_numpy())
    yield from capped(list(_unknown(inputs, unknown)), "duplicates.more_types")


def _unknown(inputs: Inputs, unknown: Iterable[int]) -> Iterator[Problem]:
    frame: pd.DataFrame = inputs.facilities.frame
    places = facility_places(inputs)
    for k in sorted(unknown, key=lambda k: (places[k], int(frame["row"].iloc[k]))):
        one = frame.iloc[k]
        key = "duplicates.unknown_type" if one["type_text"] else "duplicates.no_type"
        told = {"file": places[k], "row": int(one["row"]), "id": one["id"], "value": one["type_text"]}
        yield problem(key, **told, name=one["name"])

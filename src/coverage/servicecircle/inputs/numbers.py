"""Cells that are no plain number: read where only one number can be meant, else set aside with the reason.

``114°17'24"E`` and ``300人`` in a column of people mean one number; what was read so is told. ``约300``, ``12,5``,
``3千``, ``#REF!`` or a date are never guessed: the row says what stands there and what to write.
:func:`~servicecircle.inputs.tables.to_number` stays the strict reader of plain numbers.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from servicecircle.errors import Problem, problem
from servicecircle.inputs.tables import to_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from servicecircle.inputs.tables import Table

#: Words that may follow a number, by what the column counts.
UNIT_WORDS: Mapping[str, frozenset[str]] = {
    "persons": frozenset("人 口 名 位 persons people".split()),
    "beds": frozenset("张 床 张床 床位 beds".split()),
    "vehicles": frozenset("辆 台 部".split()),
    "places": frozenset("个 名 位 托位".split()),
    "kinds": frozenset("种 类 项 个".split()),
    "posts": frozenset("个 名 人".split()),
    "items": frozenset("项 个 次 人次".split()),
    "square_metres": frozenset("平方米 平米 ㎡ m² m2".split()),
}
#: Words for "nothing stands here".
PLACEHOLDERS = frozenset(
    "- -- --- — —— ― – / \\ * . … ? n/a na n.a. nan null none nil nd "
    "无 无数据 暂无 未知 不详 不明 未填 空 缺 待定 待补".split()
)
MULTIPLIERS = {"百": 1e2, "千": 1e3, "k": 1e3, "万": 1e4, "亿": 1e8}

#: Full-width ASCII, and the marks of minutes and seconds in all their forms, as a keyboard would have them.
_HALF = str.maketrans(
    {0xFEE0 + code: code for code in range(0x21, 0x7F)}
    | {0x3000: " ", 0xA0: " ", 0x2009: " ", 0x202F: " ", 0x2212: "-"}
    | dict.fromkeys(map(ord, "′‘’´`"), "'")
    | dict.fromkeys(map(ord, "″“”〃"), '"')
    | dict.fromkeys(map(ord, "º˚⁰"), "°")
)
_NUMBER = r"[+-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?"
_ERROR = re.compile(r"#(REF!|N/A|VALUE!|DIV/0!|NAME\?|NUM!|NULL!|SPILL!|CALC!|GETTING_DATA|#+)", re.IGNORECASE)
_DATE = re.compile(
    r"[12][0-9]{3}(-[0-9]{1,2}-[0-9]{1,2}(T.*)?|[/.][0-9]{1,2}[/.][0-9]{1,2}|年([0-9]{1,2}月)?([0-9]{1,2}日)?)"
    r"|[0-9]{1,2}月[0-9]{1,2}日|[0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?"
)
_APPROXIMATE = re.compile(
    rf"(约|大约|近|大概|超过?|不足|至少|~|≈|>=?|<=?|≥|≤)\s*{_NUMBER}.*|{_NUMBER}\s*.{{0,2}}(左右|多|余|来|以上|以下|以内|上下|\+).{{0,2}}"
)
_TIMES = re.compile(rf"({_NUMBER})\s*([百千kK万亿]).{{0,3}}")
_BETWEEN = re.compile(rf"({_NUMBER}).{{0,2}}\s*(-|--|~|—|–|至|到)\s*({_NUMBER}).{{0,2}}")
_SPACED = re.compile(r"[+-]?[0-9]{1,3}([ '][0-9]{3})+([.,][0-9]+)?")
_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")
_POINTS_AND_COMMA = re.compile(r"[+-]?[0-9]{1,3}(\.[0-9]{3})+,[0-9]+")
_WITH_WORD = re.compile(rf"({_NUMBER})\s*([^\s0-9.,+-].{{0,5}})")
_TWO = re.compile(rf"{_NUMBER}\s*[,;/ ]\s*{_NUMBER}")

#: Letters and words of a half of the globe: the axis they belong to, and the sign.
HALVES = {
    **dict.fromkeys(("E", "东经", "东", "EAST"), ("lon", 1.0)),
    **dict.fromkeys(("W", "西经", "西", "WEST"), ("lon", -1.0)),
    **dict.fromkeys(("N", "北纬", "北", "NORTH"), ("lat", 1.0)),
    **dict.fromkeys(("S", "南纬", "南", "SOUTH"), ("lat", -1.0)),
}
_HALF_WORDS = "|".join(sorted(HALVES, key=len, reverse=True))
_ANGLE = re.compile(
    rf"(?P<before>{_HALF_WORDS})?\s*[:]?\s*(?P<sign>[+-])?(?P<deg>[0-9]{{1,3}}(?:\.[0-9]+)?)\s*(?P<mark>°|度)?\s*"
    r"(?:(?P<min>[0-9]{1,2}(?:\.[0-9]+)?)\s*(?:'|分)\s*)?"
    r"(?:(?P<sec>[0-9]{1,2}(?:\.[0-9]+)?)\s*(?:\"|''|秒)\s*)?"
    rf"(?P<after>{_HALF_WORDS})?",
    re.IGNORECASE,
)
#: Degrees, minutes and seconds without their marks.
_THREE = re.compile(r"[0-9]{1,3}[ :-][0-9]{1,2}[ :-][0-9]{1,2}(\.[0-9]+)?")
_MINUTES = 60.0
#: Files of fewer rows are told row by row even where no row holds a number.
FEW_ROWS = 5


@dataclass(frozen=True)
class Reading:
    """What a cell means.

    Attributes
    ----------
    number : float or None
        The one number the cell can mean; None where there is none.
    changed : bool
        Whether it is not the plain number that stands there.
    reason : Problem or None
        Why there is no number, and what to write; None for an empty cell.
    """

    number: float | None
    changed: bool = False
    reason: Problem | None = None


@dataclass(frozen=True)
class Numbers:
    """The numbers of a column.

    Attributes
    ----------
    values : float64 array (rows,)
        NaN where a cell holds no number.
    reasons : mapping of int to Problem
        By position of the row: why a filled cell holds no number.
    notices : tuple of Problem
        How many cells were read though they are no plain numbers.
    """

    values: NDArray[np.float64]
    reasons: Mapping[int, Problem]
    notices: tuple[Problem, ...]


def read_column(table: Table, position: int, unit: str = "") -> Numbers:
    """Return the numbers of a column.

    Parameters
    ----------
    table : Table
    position : int
        Position of the column.
    unit : str
        ``lon`` or ``lat`` for coordinates, else what the column counts (a key of :data:`UNIT_WORDS`) or empty.
    """
    texts = [str(text) for text in table.texts(position)]
    readings = [read_cell(text, unit) for text in texts]
    values = np.array([math.nan if one.number is None else one.number for one in readings], dtype=np.float64)
    reasons = {k: one.reason for k, one in enumerate(readings) if one.reason is not None}
    changed = [k for k, one in enumerate(readings) if one.changed]
    notices = []
    if changed:
        first = changed[0]
        notices.append(
            problem(
                "numbers.converted",
                file=table.place,
                column=table.columns[position],
                count=len(changed),
                row=int(table.rows[first]),
                value=texts[first],
                number=f"{values[first]:.10g}",
            )
        )
    return Numbers(values, reasons, tuple(notices))


def read_cell(text: str, unit: str = "") -> Reading:
    """Return what one cell means (see :func:`read_column`).

    Examples
    --------
    >>> read_cell("300人", "persons").number, read_cell("114°30'E", "lon").number, read_cell("约300").number
    (300.0, 114.5, None)
    """
    number = to_number(text)
    if number is not None:
        return Reading(number)
    half = text.translate(_HALF).strip()
    if not half:
        return Reading(None)
    if (sure := _no_number(text, half, unit)) is not None:
        return Reading(None, reason=sure)
    if unit in ("lon", "lat"):
        return _angle(text, half, unit)
    parts = _WITH_WORD.fullmatch(half)
    if parts and parts[2].casefold() in UNIT_WORDS.get(unit, frozenset()):
        return Reading(to_number(parts[1]), changed=True)
    return Reading(None, reason=_unsure(text, half))


def _no_number(text: str, half: str, unit: str) -> Problem | None:
    """Return the reason of a cell that holds something else than a number."""
    place = unit in ("lon", "lat")
    tests = (
        ("angle", place and _THREE.fullmatch(half)),
        ("error_cell", _ERROR.fullmatch(half)),
        ("formula", half.startswith("=")),
        ("no_place" if place else "placeholder", half.casefold() in PLACEHOLDERS),
        ("boolean", half.casefold() in ("true", "false")),
        ("date", _DATE.fullmatch(half)),
    )
    key = next((key for key, found in tests if found), None)
    return None if key is None else problem(f"numbers.{key}", value=text)


def _unsure(text: str, half: str) -> Problem:
    """Return the reason of a cell with a number in it that nobody may guess."""
    if times := _TIMES.fullmatch(half):
        number = (to_number(times[1]) or 0.0) * MULTIPLIERS[times[2].casefold()]
        return problem("numbers.multiplier", value=text, number=f"{number:.10g}")
    for pattern, key in ((_APPROXIMATE, "approximate"), (_BETWEEN, "between")):
        if pattern.fullmatch(half):
            return problem(f"numbers.{key}", value=text)
    if (plain := _one_number(half)) is not None:
        key = "spaces" if _SPACED.fullmatch(half) else "decimal_comma"
        return problem(f"numbers.{key}", value=text, number=plain)
    if parts := _WITH_WORD.fullmatch(half):
        return problem("numbers.other_unit", value=text, unit=parts[2], number=parts[1])
    return problem("numbers.other", value=text)


def _one_number(half: str) -> str | None:
    """Return the plain form of a number with blanks, or with a comma where others have a point; None otherwise."""
    if _SPACED.fullmatch(half):
        return re.sub("[ ']", "", half).replace(",", ".")
    if _COMMA.fullmatch(half):
        return half.replace(",", ".")
    return half.replace(".", "").replace(",", ".") if _POINTS_AND_COMMA.fullmatch(half) else None


def _angle(text: str, half: str, axis: str) -> Reading:
    """Return degrees written with their marks: degree sign, minutes, seconds, or the half of the globe."""
    parts = _ANGLE.fullmatch(half)
    if parts is None:
        two = _TWO.fullmatch(half) and not _COMMA.fullmatch(half)
        return Reading(None, reason=problem("numbers.two", value=text) if two else _unsure(text, half))
    halves = [HALVES[word.upper()] for word in (parts["before"], parts["after"]) if word]
    if any(one[0] != axis for one in halves):
        return Reading(None, reason=problem("numbers.axis", value=text, axis=problem(f"inputs.meaning.{axis}")))
    if wrong := _impossible(parts, halves):
        return Reading(None, reason=problem(wrong, value=text))
    # whole seconds first, divided once: 114°17'24" is 114.29 and not the number below it
    seconds = _MINUTES * (_MINUTES * float(parts["deg"]) + float(parts["min"] or 0)) + float(parts["sec"] or 0)
    degrees = seconds / _MINUTES**2 if parts["min"] or parts["sec"] else float(parts["deg"])
    sign = halves[0][1] if halves else -1.0 if parts["sign"] == "-" else 1.0
    return Reading(sign * degrees, changed=True)


def _impossible(parts: re.Match[str], halves: list[tuple[str, float]]) -> str:
    """Return the key of the reason why an angle is none, empty where it is one."""
    small = parts["min"] is not None or parts["sec"] is not None
    if small and (parts["mark"] is None or "." in parts["deg"]):
        return "numbers.angle"
    if parts["sec"] is not None and (parts["min"] is None or "." in parts["min"]):
        return "numbers.angle"
    if max(float(parts["min"] or 0), float(parts["sec"] or 0)) >= _MINUTES:
        return "numbers.sixty"
    # -114°E and 西经114°E say two things
    if len({sign for _, sign in halves}) > 1 or (halves and parts["sign"]):
        return "numbers.angle"
    return ""

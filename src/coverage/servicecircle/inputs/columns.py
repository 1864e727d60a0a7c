"""Which column holds what, by Chinese and English names, and which rows a study's conditions leave in."""

from __future__ import annotations

import operator
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.inputs.dbf import NAME_BYTES
from servicecircle.inputs.problems import collect, nearest
from servicecircle.inputs.tables import Table, to_number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from numpy.typing import NDArray

#: Names under which a column is recognised when the study does not name it; case and width do not matter.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "id": (
        *("编码", "代码", "编号", "机构代码", "机构编码", "村代码", "村编码"),
        *("区划代码", "行政区划代码", "统计用区划代码", "id", "code"),
    ),
    "name": ("名称", "机构名称", "单位名称", "医疗机构名称", "设施名称", "村名", "村名称", "name"),
    "type": ("类别", "类型", "机构类别", "机构类型", "单位类别", "设施类别", "设施类型", "type"),
    "lon": ("经度", "lon", "lng", "long", "longitude", "x"),
    "lat": ("纬度", "lat", "latitude", "y"),
    "ownership": ("所有制", "所有制形式", "产权", "产权性质", "ownership", "operator:type"),
    "parent": ("乡镇", "所属乡镇", "乡镇街道", "乡镇（街道）", "所在乡镇", "苏木镇", "town", "parent"),
    "year": ("年份", "年度", "year"),
    "persons": (
        *(
            "人口",
            "人口数",
            "总人口",
            "常住人口",
            "常住人口数",
            "户籍人口",
            "户籍人口数",
            "persons",
            "population",
            "pop",
        ),
        *("人口(人)", "常住人口(人)", "户籍人口(人)"),
    ),
    # of rows that join to units by name; a facility table has such columns beside its own name
    "village": (
        *(
            "名称",
            "村名",
            "村名称",
            "村庄",
            "村庄名称",
            "行政村",
            "行政村名称",
            "村(社区)",
            "村(居)",
            "村居",
            "村居名称",
        ),
        *("村/社区", "村(社区)名称", "社区名称", "name", "village"),
    ),
    "town": (
        *("乡镇", "乡镇名称", "所属乡镇", "所在乡镇", "镇", "镇街", "镇街名称", "乡镇街道", "乡镇(街道)", "镇(街道)"),
        *("乡镇/街道", "街道", "苏木镇", "苏木乡镇", "town", "township", "parent"),
    ),
}
#: Columns of OpenStreetMap that hold the type; the first one with a value decides.
OSM_TYPES = ("amenity", "healthcare")


def fold(name: str) -> str:
    """Return a column name without case, width and surrounding blanks."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def named(table: Table, name: str) -> int:
    """Return the position of the column with exactly this name.

    Raises
    ------
    StudyError
        There is no such column (the nearest is named), or more than one.
    """
    found = [k for k, column in enumerate(table.columns) if column == name]
    if len(found) > 1:
        raise StudyError(problem("inputs.twice", file=table.place, column=name))
    if not found:
        known = [column for column in table.columns if column]
        too_long = table.file.lower().endswith(".shp") and len(name.encode()) > NAME_BYTES
        raise StudyError(
            problem(
                "inputs.layers.no_column_shp" if too_long else "inputs.no_column",
                file=table.place,
                column=name,
                nearest=nearest(name, known),
                columns=", ".join(known),
            )
        )
    return found[0]


def recognised(table: Table, role: str) -> int | None:
    """Return the position of the one column whose name is an alias of the role; None when there is none.

    Raises
    ------
    StudyError
        Two columns are candidates; both are named.
    """
    aliases = set(map(fold, ALIASES[role]))
    found = [k for k, column in enumerate(table.columns) if fold(column) in aliases]
    if len(found) > 1:
        names = ", ".join(table.columns[k] for k in found)
        meaning = problem(f"inputs.meaning.{role}")
        raise StudyError(problem("inputs.two_columns", file=table.place, meaning=meaning, columns=names))
    return found[0] if found else None


def recognised_labels(table: Table) -> list[str]:
    """Return the identifier of each row, else its name, else an empty text; of two such columns the first."""
    aliases = [set(map(fold, ALIASES[role])) for role in ("id", "name")]
    found = [next((k for k, column in enumerate(table.columns) if fold(column) in names), None) for names in aliases]
    texts = [table.texts(position) for position in found if position is not None]
    return [next((str(text[row]) for text in texts if text[row]), "") for row in range(len(table.cells))]


def find(table: Table, role: str, given: str | None) -> int | None:
    """Return the column the study names, else the recognised one, else None."""
    return recognised(table, role) if given is None else named(table, given)


def need(table: Table, role: str, given: str | None) -> int:
    """Return the column of a role that must be there."""
    found = find(table, role, given)
    if found is None:
        known = ", ".join(column for column in table.columns if column)
        meaning = problem(f"inputs.meaning.{role}")
        raise StudyError(
            problem(
                "inputs.no_alias", file=table.place, meaning=meaning, aliases=", ".join(ALIASES[role]), columns=known
            )
        )
    return found


_CONDITION = re.compile(r"\s*(>=|<=|!=|=|>|<)\s*((?:[^<>=!].*?)?)\s*")
_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True)
class Choice:
    """Which rows satisfy all conditions of a study's ``where``.

    Attributes
    ----------
    chosen : bool array (rows,)
        Rows that satisfy every condition.
    unjudged : dict
        By position of the row: the text that is no number where a condition needs one.
    """

    chosen: NDArray[np.bool_]
    unjudged: Mapping[int, str]


def choose(table: Table, where: Mapping[str, str]) -> Choice:
    """Judge a study's conditions on the rows of a table; an empty cell satisfies no order.

    Parameters
    ----------
    table : Table
    where : mapping of str to str
        Column to condition: an operator ``> >= < <= = !=`` and a value. Numbers are compared when both sides
        are numbers; ``=`` and ``!=`` compare text otherwise. Limits belong to ``>=`` and ``<=`` exactly.

    Raises
    ------
    StudyError
        A column does not exist, or a condition cannot be read.
    """
    chosen = np.ones(len(table.cells), dtype=bool)
    unjudged: dict[int, str] = {}
    problems: list[Problem] = []
    for column, condition in where.items():
        position = None
        with collect(problems):
            position = named(table, column)
        parts = _CONDITION.fullmatch(condition)
        if parts is None or (parts[1] not in ("=", "!=") and to_number(parts[2]) is None):
            problems.append(problem("inputs.condition", file=table.place, column=column, condition=condition))
        elif position is not None:
            texts = table.texts(position)
            verdicts = [_holds(text, parts[1], parts[2]) for text in texts]
            unjudged |= {k: str(texts[k]) for k, verdict in enumerate(verdicts) if verdict is None}
            chosen &= np.array([verdict is True for verdict in verdicts], dtype=bool)
    if problems:
        raise StudyError(problems)
    return Choice(chosen, unjudged)


def _holds(text: str, sign: str, value: str) -> bool | None:
    """Return whether a cell satisfies a condition; None when it holds text where a number is needed."""
    left, right = to_number(text), to_number(value)
    if left is not None and right is not None:
        return _ORDER[sign](left, right)
    if sign in ("=", "!="):
        return _ORDER[sign](text, value)
    return None if text else False


def osm_types(table: Table) -> list[int]:
    """Return the positions of OpenStreetMap's type columns, in the order they decide."""
    positions = {fold(column): k for k, column in reversed(list(enumerate(table.columns)))}
    return [positions[name] for name in OSM_TYPES if name in positions]


def first_filled(table: Table, positions: Sequence[int]) -> NDArray[np.object_]:
    """Return for each row the first cell that is not empty among the columns; empty when all are."""
    texts = np.full(len(table.cells), "", dtype=object)
    for position in reversed(positions):
        cells = table.texts(position)
        texts = np.where(cells != "", cells, texts)
    return texts

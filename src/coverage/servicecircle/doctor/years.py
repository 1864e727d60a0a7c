"""Of which year the data are, where they say so clearly, and whether people, census and facilities are of one time.

A year counts when it is stated on its own: the study's key ``year``, a column of years that holds one year, a part of
the file's name (``population_2020.tif``, ``2021年村表.xlsx``), the column of people (``2020年常住人口``), a tag
``year`` of a raster, the study's ``source`` ("WorldPop 2020"), or the state of an OpenStreetMap extract. Nothing is
guessed: ``CGCS2000``, a scale of 1:2000, the period of a plan (2021-2025) or the day a file was made are no years of
data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import rasterio

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.inputs.formats import TABLES, WORKBOOKS
from servicecircle.inputs.gdal import RASTER_DRIVER, raster_settings
from servicecircle.inputs.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from servicecircle.inputs.gather import Inputs
    from servicecircle.study import Study
    from servicecircle.study.base import File

#: Years apart from which data are said to be of different times; roads change more slowly.
APART = 2
ROADS_APART = 5
FIRST, LAST = 1990, 2100
#: Headers of columns that hold the year of a row's data.
HEADERS = ("year", "data_year", "年份", "年度", "数据年份", "统计年份")
#: Largest table that is read once more for its column of years.
MOST_BYTES = 5_000_000

#: A number of four digits with neither a digit, a Latin letter nor a decimal point beside it, and 年 behind it if any.
_YEAR = re.compile(r"(?<![0-9A-Za-z.．])(?P<year>(?:19|20|21)[0-9]{2})(?P<mark>\s*年)?(?![0-9A-Za-z])(?![.．][0-9])")
#: Where the head of an .osm file ends, and the state it names there; the objects behind have times of their own.
_OBJECTS = re.compile(r"<(?:node|way|relation)\b")
_STATE = re.compile(r"""\b(?:timestamp|osm_base)=["'](?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})""")
_TAG = re.compile(r"(data_?|reference_?)?year", re.IGNORECASE)


@dataclass(frozen=True)
class Dated:
    """One file of the study and the year it states."""

    role: str
    file: str
    year: int


def look_years(study: Study, inputs: Inputs) -> Iterator[Problem]:
    """Say that people, census and facilities (or, beyond five years, roads) are of different times.

    They differ when more than two years lie between; one notice names the oldest, the newest and all others.
    """
    dated = [*_people(study), *_facilities(study), *_assets(study, inputs), *_roads(study)]
    roads = [one for one in dated if one.role == "roads"]
    chosen = sorted((one for one in dated if one.role != "roads"), key=lambda one: (one.year, one.file))
    if chosen:
        chosen += [one for one in roads if max(abs(one.year - other.year) for other in chosen) > ROADS_APART]
        chosen.sort(key=lambda one: (one.year, one.file))
    # Files of one sort may be of several years on purpose: staff of 2020 beside staff of 2023.
    if len({one.role for one in chosen}) < 2 or chosen[-1].year - chosen[0].year <= APART:
        return
    if not _apart(chosen):
        return
    old, new = chosen[0], chosen[-1]
    listed = ", ".join(dict.fromkeys(f"{one.file} ({one.year})" for one in chosen))
    yield problem("years.differ", file=old.file, year=old.year, other=new.file, newest=new.year, files=listed)


def _apart(dated: list[Dated]) -> bool:
    """Return whether two files of different sorts lie more than ``APART`` years apart."""
    return any(a.role != b.role and abs(a.year - b.year) > APART for a in dated for b in dated)


def stated(text: str) -> int | None:
    """Return the one year a text states, None where it states none or several.

    2000 is a year only with 年 behind it: alone it is a coordinate system or a scale.
    """
    found = {
        int(match["year"])
        for match in _YEAR.finditer(text)
        if FIRST <= int(match["year"]) <= LAST and (match["year"] != "2000" or match["mark"])
    }
    return found.pop() if len(found) == 1 else None


def _people(study: Study) -> Iterator[Dated]:
    given = study.population
    if given.raster is not None:
        yield from _dated("people", given.raster, partial(_raster, study.locate(given.raster.path)))
    if given.points is not None:
        yield from _dated("people", given.points, partial(_column, study, given.points), given.points.persons)
    if given.table is not None:
        words = given.table.persons or ""
        yield from _dated("census", given.table, partial(_column, study, given.table), words)
    if given.calibrate is not None:
        words = given.calibrate.column or ""
        yield from _dated("census", given.calibrate, partial(_column, study, given.calibrate), words)


def _facilities(study: Study) -> Iterator[Dated]:
    for source in study.facilities:
        yield from _dated("facilities", source, partial(_column, study, source))


def _assets(study: Study, inputs: Inputs) -> Iterator[Dated]:
    """Yield the files of staff and equipment; their rows may name years, of which one must be the only one."""
    frame = inputs.assets.frame
    for spec in study.assets:
        years = {int(text) for text in frame.loc[frame["source"] == spec.path, "year"] if str(text).isdigit()}
        year = spec.year or (years.pop() if len(years) == 1 else None)
        if year is not None:
            yield Dated("assets", spec.path, year)
        elif not years:
            yield from _dated("assets", spec, lambda: None)


def _roads(study: Study) -> Iterator[Dated]:
    source = study.roads.file
    if source is not None:
        inside = partial(_osm_state, study.locate(source.path)) if source is study.roads.osm else lambda: None
        yield from _dated("roads", source, inside)


def _dated(role: str, source: File, inside: Callable[[], int | None], column: str = "") -> Iterator[Dated]:
    """Yield a file with its year: what its rows or tags say, its column, its name, the study's words of its source."""
    name = PurePosixPath(source.path.replace("\\", "/")).stem
    year = inside() or stated(column) or stated(name) or stated(source.source or "")
    if year is not None:
        yield Dated(role, source.path, year)


def _column(study: Study, source: File) -> int | None:
    """Return the year of a table's column of years, where all its rows that have one have the same."""
    path = study.locate(source.path)
    if path.suffix.lower() not in (*TABLES, *WORKBOOKS) or path.stat().st_size > MOST_BYTES:
        return None
    try:
        table = read_table(path, getattr(source, "layer", None), file=source.path)
    except StudyError:  # the readers say what is wrong with the file
        return None
    places = [k for k, name in enumerate(table.columns) if name.strip().casefold() in HEADERS]
    if len(places) != 1:
        return None
    words = {text.removesuffix("年").strip() for text in table.texts(places[0]) if text}
    return stated(words.pop()) if len(words) == 1 else None


def _raster(path: Path) -> int | None:
    """Return the year a raster's tags state under a name that says so; the day it was made is none."""
    with raster_settings(), rasterio.open(path, driver=RASTER_DRIVER) as dataset:
        tags = {**dataset.tags(), **dataset.tags(1)}
    years = {stated(str(value)) for name, value in tags.items() if _TAG.fullmatch(name)} - {None}
    return years.pop() if len(years) == 1 else None


def _osm_state(path: Path) -> int | None:
    """Return the year of the state an OpenStreetMap extract says it holds."""
    if path.suffix.lower() == ".osm":
        with path.open("rb") as opened:
            head = _OBJECTS.split(opened.read(4096).decode("utf-8", "replace"))[0]
        found = _STATE.search(head)
        return stated(found["day"]) if found else None
    import osmium

    try:
        with osmium.io.Reader(str(path), osmium.osm.osm_entity_bits.NOTHING) as reader:
            text = reader.header().get("osmosis_replication_timestamp")
    except RuntimeError:  # the reader of roads says what is wrong with the file
        return None
    return stated(text[:10]) if text else None

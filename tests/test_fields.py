"""The field dictionary against the files: no column that is written is undocumented, none that is documented is missing."""

from __future__ import annotations

import csv
import io
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import openpyxl
import pytest
import rasterio

from servicecircle.outputs.publish import publish
from servicecircle.outputs.tables import TABLES
from servicecircle.outputs.workbook import TABLE_SHEETS
from servicecircle.text.text import say
from tests.fake_results import fake_results

#: Tables of the GeoPackage that belong to the format or to QGIS (styles), not to the results.
FORMAT_TABLES = re.compile(r"(gpkg|rtree|sqlite)_.*|layer_styles")
#: Files that hold no columns.
NO_COLUMNS = {"map.html", "scorecard.html", "start.html", "run.json", "run.log"}


def rows_of(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


def written(folder: Path, language: str) -> set[tuple[str, str]]:
    """Return ``(place, column)`` of everything in a folder, as one finds it by opening the files."""
    found: set[tuple[str, str]] = set()
    for path in sorted(folder.iterdir()):
        if path.suffix == ".csv":
            found |= {(path.name, name) for name in rows_of(path)[0]}
        elif path.suffix == ".xlsx":
            book = openpyxl.load_workbook(path)
            overview = say(language, "tables.sheet.overview")  # a cover sheet, no table
            found |= {(f"{path.name}/{s.title}", c.value) for s in book.worksheets if s.title != overview for c in s[1]}
        elif path.suffix == ".gpkg":
            with closing(sqlite3.connect(path)) as base:
                tables = [t for (t,) in base.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]
                for table in (t for t in tables if not FORMAT_TABLES.fullmatch(t)):
                    columns = base.execute(f'PRAGMA table_info("{table}")').fetchall()
                    found |= {(f"{path.name}/{table}", column[1]) for column in columns}
        elif path.suffix == ".tif":
            with rasterio.open(path) as raster:
                found |= {("travel_time_*.tif", name) for name in raster.descriptions}
        else:
            assert path.name in NO_COLUMNS, path.name
    return found


def documented(folder: Path, language: str, layers: set[str]) -> set[tuple[str, str]]:
    """Return ``(place, column)`` of everything ``fields.csv`` describes; on sheets the column is its header."""
    sheets = {
        say(language, f"tables.sheet.{key}") for key in ("fields", "sources", *TABLES) if sheet_exists(language, key)
    }
    described: set[tuple[str, str]] = set()
    for place, column, header, *rest in rows_of(folder / "fields.csv")[1:]:
        assert all([place, column, header, *rest])
        for part in re.split(r"[;；] ?", place):
            file, *within = re.split(r"[ ,、(（]+", part)
            if file in ("every", "每个"):
                described |= {(path.name, column) for path in folder.glob("*.csv")}
            elif file.endswith(".xlsx"):
                sheet = next(s for s in sheets if part.endswith(f" {s}"))
                described.add((f"{file}/{sheet}", header))
            elif file == "study.gpkg":
                every = "every" in within or "的每个图层" in within
                named = layers if every else {w for w in within if w in layers | {"travel_times"}}
                assert named, part
                described |= {(f"study.gpkg/{layer}", column) for layer in named}
            else:
                described.add((file, column))
    return described


def sheet_exists(language: str, key: str) -> bool:
    try:
        say(language, f"tables.sheet.{key}")
    except KeyError:
        return False
    return True


def layers_of(found: set[tuple[str, str]]) -> set[str]:
    return {place.split("/")[1] for place, _ in found if place.startswith("study.gpkg/")}


@pytest.fixture(scope="module", params=["zh", "en"])
def folders(request, tmp_path_factory):
    """A run with people on a raster and one with people at points: together every file there is."""
    language = request.param
    base = tmp_path_factory.mktemp(f"fields-{language}")
    return language, [
        publish(fake_results(language, points=points), base / f"{points}").parent for points in (False, True)
    ]


def test_no_written_column_is_undocumented(folders):
    language, paths = folders
    for path in paths:
        found = written(path, language)
        assert len(found) > 250
        assert {"gaps.csv", "fields.csv"} <= {place for place, _ in found}
        assert sorted(found - documented(path, language, layers_of(found))) == []


def test_no_documented_column_is_missing(folders):
    language, paths = folders
    found = set().union(*(written(path, language) for path in paths))
    described = documented(paths[0], language, layers_of(found))
    # a layer has either row numbers of its own or those of the view, and the table of results has no geometry
    everywhere = {column.name for column in TABLES["layers"]}
    assert sorted(pair for pair in described - found if pair[1] not in everywhere) == []
    assert everywhere <= {column for _, column in found}


def test_an_undocumented_column_would_be_seen(folders, tmp_path):
    language, (path, _) = folders
    shutil.copytree(path, tmp_path / "out")
    with closing(sqlite3.connect(tmp_path / "out" / "study.gpkg")) as base, base:
        base.execute("ALTER TABLE facilities ADD COLUMN beds INTEGER")
    with (tmp_path / "out" / "other.csv").open("w", encoding="utf-8") as file:
        file.write("x,y\r\n")
    found = written(tmp_path / "out", language)
    unknown = found - documented(tmp_path / "out", language, layers_of(found))
    assert unknown == {("study.gpkg/facilities", "beds"), ("other.csv", "x"), ("other.csv", "y")}


def test_the_sheet_and_the_file_say_the_same(folders):
    language, (path, _) = folders
    rows = [row[:-1] for row in rows_of(path / "fields.csv")[1:]]  # every CSV file ends with the study's name
    for book in ("gaps.xlsx", "scorecard.xlsx"):
        sheet = openpyxl.load_workbook(path / book)[say(language, "tables.sheet.fields")]
        assert [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2)] == rows
    by_column = {(place.split(";")[0].split("；")[0], column): rest for place, column, *rest in rows}
    minutes = by_column[next(k for k in by_column if k[0].startswith("travel_time_*.tif") and k[1] == "minutes")]
    assert minutes[1] == {"zh": "分钟", "en": "min"}[language]
    assert "32" in minutes[3]


def test_every_output_says_which_study_it_is_of(folders):
    """A list that leaves its folder still says whose it is; the sample's name says that its data are synthetic."""
    language, (path, _) = folders
    name = fake_results(language, points=False).study.study.name
    assert {"合成", "synthetic"} & set(re.findall("合成|synthetic", name))
    lists = sorted(path.glob("*.csv"))
    assert [file.stem for file in lists] == sorted([*TABLE_SHEETS, "fields"])
    for file in lists:
        rows = rows_of(file)
        assert rows[0][-1] == "study", file.name
        assert {row[-1] for row in rows[1:]} <= {name}, file.name
    with closing(sqlite3.connect(path / "study.gpkg")) as base:
        assert base.execute("SELECT DISTINCT description FROM gpkg_contents").fetchall() == [(name,)]

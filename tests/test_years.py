"""Years of data: stated clearly or not at all, and told where people, census and facilities are of different times."""

from __future__ import annotations

import csv
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import osmium
import pytest
import rasterio

from servicecircle.doctor.looks import INPUT_LOOKS
from servicecircle.doctor.years import _osm_state, look_years, stated
from servicecircle.inputs.gather import gather
from servicecircle.study import load_study, study_from
from servicecircle.text import LANGUAGES, sentence
from tests.conftest import ROOT
from tests.small_study import Facility, SmallStudy, Unit, circle

if TYPE_CHECKING:
    from pathlib import Path

    from servicecircle.errors import Problem


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("population_2020", 2020), ("人口2020", 2020), ("2021年村表", 2021), ("2020年常住人口", 2020), ("pop-1990", 1990),
        ("WorldPop 2020, constrained", 2020), ("chn_ppp_2020_UNadj", 2020), ("2023 年", 2023), ("2000年普查", 2000),
        ("(2019)", 2019), ("2020_2020", 2020), ("2021 年 5 月", 2021), ("census.2020", None), ("", None),
        # none of these is a year of data
        ("CGCS2000_villages", None), ("WGS1984", None), ("国家2000坐标系", None), ("地形图_1_2000", None), ("1:2000", None),
        ("EPSG4547", None), ("2021-2025规划", None), ("20200115", None), ("120203", None), ("GHS_POP_R2023A", None),
        ("GHS_POP_E2020_GLOBE", None), ("v1.2020", None), ("2020.5", None), ("1980西安", None), ("2101", None),
        ("id 370402012020", None), ("village2021", None), ("2015 2020", None), ("1949", None),
    ],
)  # fmt: skip
def test_a_year_is_clear_or_none(text: str, year: int | None) -> None:
    assert stated(text) == year


def small(folder: Path, sections: dict[str, Any] | None = None, **more: Any) -> SmallStudy:
    study = SmallStudy(
        units=[Unit("a", (0, 0, 500, 100)), Unit("b", (500, 0, 1000, 100))],
        facilities=[Facility(120, 50), Facility(700, 50)],
        standards=[circle(5, "walk")],
        cells={(k, 0): 10.0 for k in range(10)},
        sections=sections or {},
    )
    return replace(study, **more)


def looked(folder: Path, names: dict[str, str] | None = None, sections: dict[str, Any] | None = None) -> list[Problem]:
    """Write a study, give some of its files other names, and look."""
    study = small(folder).write(folder)
    tree = study.model_dump(mode="json", by_alias=True, exclude_unset=True)
    for old, new in (names or {}).items():
        (folder / old).rename(folder / new)
    text = repr(tree)
    for old, new in (names or {}).items():
        text = text.replace(f"'{old}'", f"'{new}'")
    tree = eval(text)
    for name, keys in (sections or {}).items():
        tree[name] = tree.get(name, {}) | keys
    made = study_from(tree, folder / "study.toml")
    return list(look_years(made, gather(made)))


def test_it_is_one_of_the_looks() -> None:
    assert look_years in INPUT_LOOKS


def test_names_that_state_years_far_apart(tmp_path: Path) -> None:
    found = looked(tmp_path, {"people.tif": "population_2015.tif", "facilities.csv": "医疗机构2024年.csv"})
    assert [one.key for one in found] == ["years.differ"]
    for language in LANGUAGES:
        told = sentence(language, found[0])
        assert all(part in told for part in ("population_2015.tif", "2015", "医疗机构2024年.csv", "2024"))


@pytest.mark.parametrize(
    "names",
    [
        {},
        {"people.tif": "population_2020.tif"},
        {"people.tif": "population_2020.tif", "facilities.csv": "facilities_2022.csv"},
        {"people.tif": "population_2020.tif", "facilities.csv": "facilities_2015_2024.csv"},
        {"people.tif": "CGCS2000_population.tif", "facilities.csv": "facilities_2024.csv"},
        {"people.tif": "people_1_2000.tif", "facilities.csv": "facilities_2024.csv"},
        {"people.tif": "population_2020.tif", "roads.osm": "roads_2024.osm"},
        {"units.geojson": "units_1995.geojson", "facilities.csv": "facilities_2024.csv"},
    ],
)
def test_silence(tmp_path: Path, names: dict[str, str]) -> None:
    assert looked(tmp_path, names) == []


def test_two_years_are_near_three_are_not(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "y").mkdir()
    assert not looked(tmp_path / "x", {"people.tif": "p_2020.tif", "facilities.csv": "f_2022.csv"})
    assert looked(tmp_path / "y", {"people.tif": "p_2020.tif", "facilities.csv": "f_2023.csv"})


def test_roads_may_be_older_by_five_years(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "y").mkdir()
    assert not looked(tmp_path / "x", {"people.tif": "p_2020.tif", "roads.osm": "roads_2025.osm"})
    assert looked(tmp_path / "y", {"people.tif": "p_2020.tif", "roads.osm": "roads_2014.osm"})


def test_the_state_of_an_extract(tmp_path: Path) -> None:
    study = small(tmp_path).write(tmp_path)
    text = (tmp_path / "roads.osm").read_text(encoding="utf-8")
    (tmp_path / "roads.osm").write_text(
        text.replace('version="0.6"', 'version="0.6" timestamp="2012-05-01T00:00:00Z"', 1)
    )
    (tmp_path / "people.tif").rename(tmp_path / "p_2020.tif")
    tree = study.model_dump(mode="json", by_alias=True, exclude_unset=True) | {"population": {"raster": "p_2020.tif"}}
    made = study_from(tree, tmp_path / "study.toml")
    found = list(look_years(made, gather(made)))
    assert (found[0].values["file"], found[0].values["year"]) == ("roads.osm", 2012)


def test_the_state_of_a_binary_extract(tmp_path: Path) -> None:
    header = osmium.io.Header()
    header.set("osmosis_replication_timestamp", "2012-05-01T00:00:00Z")
    writer = osmium.SimpleWriter(str(tmp_path / "x.osm.pbf"), header=header)
    writer.add_node(osmium.osm.mutable.Node(id=1, location=(1, 1)))
    writer.close()
    assert _osm_state(tmp_path / "x.osm.pbf") == 2012
    (tmp_path / "x.osm").write_text('<osm version="0.6"><node id="1" timestamp="2011-01-01T00:00:00Z"/></osm>')
    assert _osm_state(tmp_path / "x.osm") is None  # a node's own time is not that of the file
    (tmp_path / "x.osm.pbf").write_bytes(b"broken")
    assert _osm_state(tmp_path / "x.osm.pbf") is None


def add_column(path: Path, header: str, values: list[str]) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([[*row, value] for row, value in zip(rows, [header, *values], strict=True)])


@pytest.mark.parametrize(
    ("header", "values", "told"),
    [
        ("年份", ["2024", "2024"], True),
        ("Year", ["2024年", "2024年"], True),
        ("年度", ["2024", ""], True),
        ("年份", ["2023", "2024"], False),  # several years: which one is the data's?
        ("建成年份", ["2024", "2024"], False),
        ("年份", ["24", "24"], False),
    ],
)
def test_a_column_of_years(tmp_path: Path, header: str, values: list[str], told: bool) -> None:
    study = small(tmp_path).write(tmp_path)
    add_column(tmp_path / "facilities.csv", header, values)
    (tmp_path / "people.tif").rename(tmp_path / "p_2015.tif")
    tree = study.model_dump(mode="json", by_alias=True, exclude_unset=True) | {"population": {"raster": "p_2015.tif"}}
    made = study_from(tree, tmp_path / "study.toml")
    assert bool(list(look_years(made, gather(made)))) == told


def test_tags_of_a_raster(tmp_path: Path) -> None:
    study = small(tmp_path).write(tmp_path)
    (tmp_path / "facilities.csv").rename(tmp_path / "f_2024.csv")
    tree = study.model_dump(mode="json", by_alias=True, exclude_unset=True)
    tree["facilities"][0]["path"] = "f_2024.csv"
    made = study_from(tree, tmp_path / "study.toml")
    with rasterio.open(tmp_path / "people.tif", "r+") as raster:
        raster.update_tags(TIFFTAG_DATETIME="2011:01:01 00:00:00")
    assert not list(look_years(made, gather(made)))  # the day a file was made is no year of data
    with rasterio.open(tmp_path / "people.tif", "r+") as raster:
        raster.update_tags(YEAR="2011")
        assert np.isfinite(raster.read(1)).all()
    assert look_years(made, gather(made)).__next__().values["year"] == 2011


def test_sources_and_staff_of_a_year(tmp_path: Path) -> None:
    (tmp_path / "staff.csv").write_text("id,医生\nc0,3\nc1,4\n", encoding="utf-8")
    study = small(tmp_path).write(tmp_path)
    tree = study.model_dump(mode="json", by_alias=True, exclude_unset=True)
    tree["population"] = {"raster": {"path": "people.tif", "source": "WorldPop 2010"}}
    tree["assets"] = [{"path": "staff.csv", "of": "facility", "id": "id", "columns": {"doctors": "医生"}, "year": 2023}]
    made = study_from(tree, tmp_path / "study.toml")
    found = list(look_years(made, gather(made)))
    assert (found[0].values["file"], found[0].values["other"]) == ("people.tif", "staff.csv")


@pytest.mark.parametrize(
    "path", ["geodata/sample/study.toml", "geodata/sample/study_more.toml", "geodata/demo/study.toml"]
)
def test_clean_studies_are_silent(path: str) -> None:
    study = load_study(ROOT / path)
    assert list(look_years(study, gather(study))) == []

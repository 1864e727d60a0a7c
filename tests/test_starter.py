"""``servicecircle init``: what lies in a folder becomes a study that check accepts, or exact questions."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import openpyxl
import pyogrio
import pytest
import rasterio
import shapely
from rasterio.transform import from_origin
from typer.testing import CliRunner

from servicecircle.cli import app
from servicecircle.errors import StudyError, UsageError
from servicecircle.flow import check, run
from servicecircle.standards.catalogue import load_catalogue
from servicecircle.standards.model import Covering
from servicecircle.starter import Start, start
from servicecircle.starter.draft import value
from servicecircle.starter.look import look
from servicecircle.starter.standards import plans
from servicecircle.study import load_study
from servicecircle.text.text import LANGUAGES, sentence
from tests.small_study import STREET, write_roads

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "geodata" / "demo"


def begin(folder: Path, output: Path | None = None, language: str = "en") -> tuple[Start, dict[str, Any], str]:
    """Return what was begun, the study's tree and its text."""
    begun = start(folder, output, language)
    text = begun.path.read_text(encoding="utf-8")
    for one in (*begun.questions, *begun.problems, *begun.notices):
        assert all(sentence(each, one) for each in LANGUAGES)
    return begun, tomllib.loads(text), text


def keys(begun: Start) -> list[str]:
    return [one.key.removeprefix("starter.question.") for one in begun.questions]


def listing(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*") if p.is_file()
    }


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def tif(
    path: Path,
    values: Any,
    *,
    dtype: str = "float32",
    nodata: float | None = None,
    bands: int = 1,
    crs: str | None = "EPSG:4326",
) -> Path:
    values = np.asarray(values, dtype=dtype)
    height, width = values.shape
    with rasterio.open(
        path, "w", driver="GTiff", height=height, width=width, count=bands, dtype=dtype, crs=crs, nodata=nodata,
        transform=from_origin(117.0, 35.0, 0.001, 0.001),
    ) as raster:  # fmt: skip
        for band in range(1, bands + 1):
            raster.write(values, band)
    return path


#: People: fractions, uneven. Terrain: whole metres, each cell one more than the last.
PEOPLE = np.random.default_rng(1).gamma(0.5, 8, (60, 60))
TERRAIN = np.add.outer(np.arange(60), np.arange(60)) + 100


# -- the three places


def test_the_demo_gives_what_the_hand_written_study_says(tmp_path: Path) -> None:
    place = Path(shutil.copytree(DEMO, tmp_path / "demo"))
    by_hand = tomllib.loads((place / "study.toml").read_text(encoding="utf-8"))
    (place / "study.toml").unlink()
    before = listing(place)
    begun, tree, text = begin(place, language="zh")
    assert (begun.path, begun.questions, begun.problems) == (place / "study.toml", (), ())
    assert {name: one for name, one in listing(place).items() if name != "study.toml"} == before
    told = {"source", "licence"}
    assert tree["area"]["units"] == {k: v for k, v in by_hand["area"]["units"].items() if k not in told}
    assert tree["population"]["raster"]["path"] == by_hand["population"]["raster"]["path"]
    assert tree["roads"]["osm"]["path"] == by_hand["roads"]["osm"]["path"]
    (facilities,), (given,) = tree["facilities"], by_hand["facilities"]
    assert (facilities["path"], facilities["columns"]) == (given["path"], given["columns"])
    # No column says GCJ-02: it is asked, not written.
    assert "crs" not in facilities
    assert '# crs = "GCJ-02"' in text
    (plan,) = tree["standards"]["use"]
    # the plan most of whose requirements on people the files can answer; the others of at least half are offered
    held = ["village_clinic", "activity_ground", "general_hospital", "emergency_point", "community_health_centre"]
    share = {name: len(ids) / count for name, (ids, count) in plans([*held, "township_health_centre"]).items()}
    local = [name for name in share if not name.startswith("national")]
    assert share[plan] == max(share[name] for name in local) > 0.5
    offered = [f'# use = ["{name}"]' for name in local if name != plan and share[name] >= 0.5]
    assert [line for line in text.splitlines() if line in {f'# use = ["{name}"]' for name in local}] == offered
    assert "shanting" in {plan, *(name for name in local if f'# use = ["{name}"]' in offered)}
    assert tree["outputs"] == {"language": "zh"}
    results = run(load_study(begun.path))
    assert any(one.state == "computed" and one.covered_persons for one in results.summaries)


def test_ngazidja(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "ngazidja"
    before = listing(folder)
    begun, tree, text = begin(folder, tmp_path / "n.toml")
    assert listing(folder) == before
    assert (begun.questions, begun.problems) == ((), ())
    assert tree["population"] == {"raster": {"path": (folder / "population_2020.tif").as_posix()}}
    assert tree["roads"]["osm"]["path"] == (folder / "ngazidja.osm.pbf").as_posix()
    assert [one["path"] for one in tree["facilities"]] == [(folder / "health.geojson").as_posix()]
    assert tree["area"] == {}
    # SOURCE.md: 449,425 people; pharmacy 21, hospital 20 by amenity and one more by healthcare, clinic 8, doctors 3
    assert "449,425" in text
    assert "pharmacy × 21" in text
    assert tree["standards"] == {"use": ["national/medical-15min"]}
    assert "elevation.tif looks like elevation" in text
    assert "landcover_fractions.tif (10 bands)" in text


def test_porto_alegre(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "porto_alegre"
    begun, tree, text = begin(folder, tmp_path / "p.toml")
    assert (begun.questions, begun.problems) == ((), ())
    grid = {"path": (folder / "poa_hexgrid.csv").as_posix(), "id": "id", "lon": "lon", "lat": "lat"}
    assert tree["population"] == {"points": grid | {"persons": "population"}}
    assert tree["area"] == {"points": grid | {"name": "id"}}
    (facilities,) = tree["facilities"]
    assert (facilities["where"], facilities["type"]) == ({"healthcare": "> 0"}, "clinic")
    assert "812,935" in text
    assert "clinic is assumed" in text
    assert "poa_points_of_interest.csv has coordinates, but no types" in text
    assert "GCJ" not in text


@pytest.mark.slow
@pytest.mark.parametrize("place", ["ngazidja", "porto_alegre"])
def test_what_was_begun_runs(shared_data: Path, tmp_path: Path, place: str) -> None:
    begun, _, _ = begin(shared_data / place, tmp_path / "s.toml")
    results = run(load_study(begun.path))
    (total,) = {round(line.left) for line in results.ledger if line.name == "window"}
    assert total == {"ngazidja": 449_425, "porto_alegre": 812_935}[place]
    assert all(one.state == "computed" and one.covered_persons for one in results.summaries)


def test_both_languages_write_the_same_study(tmp_path: Path) -> None:
    place = Path(shutil.copytree(DEMO, tmp_path / "demo", ignore=shutil.ignore_patterns("study.toml")))
    trees = []
    for language in LANGUAGES:
        _, tree, text = begin(place, tmp_path / f"{language}.toml", language)
        trees.append({name: one for name, one in tree.items() if name != "outputs"})
        chinese = [line for line in text.splitlines() if line.startswith("# ") and "。" in line]
        assert (len(chinese) >= 10) == (language == "zh")
    assert trees[0] == trees[1]


# -- what cannot be guessed is asked


def test_an_empty_folder_asks_for_everything(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    begun, tree, text = begin(tmp_path / "data")
    assert keys(begun) == ["population", "roads", "facilities"]
    assert text.count("# ??? ") == 3
    assert tree["population"] == tree["roads"] == {}
    assert "no raster, no table with coordinates and persons, and no village table that fits the units" in text


def test_a_folder_with_nothing_usable(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    write(folder / "读我.txt", "一些说明")
    write(folder / "settings.json", '{"a": 1}')
    write(folder / "b.csv", "a,b\n1,2\n")
    (folder / "photo.jpg").write_bytes(b"\xff\xd8\xff")
    (folder / "scan.tif").write_bytes(b"II*\x00broken")
    begun, _, text = begin(folder)
    assert keys(begun) == ["population", "roads", "facilities"]
    assert [one.key for one in begun.notices] == ["starter.notice.unreadable"]
    assert "b.csv has no coordinates" in text


def test_the_messy_files(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "messy_files"
    before = listing(folder)
    begun, tree, text = begin(folder, tmp_path / "m.toml")
    assert listing(folder) == before
    assert keys(begun) == ["crs_layer", "population", "roads"]
    assert begun.questions[0].values == {"file": "no_prj/sz.shp"}
    (facilities,) = tree["facilities"]
    assert facilities["path"].endswith("lat_before_lon/shanghai_hospital.csv")
    assert facilities["columns"] | {"lon": "lon", "lat": "lat", "type": "type"} == facilities["columns"]
    assert "wuhan-boundary.geojson: not valid GeoJSON at line 5" in sentence("en", begun.notices[0])
    assert "区县界_area.shp lies far from" in text


@pytest.mark.parametrize("folder", ["gbk_no_cpg", "no_prj", "lat_before_lon", "broken_geojson"])
def test_each_messy_folder(shared_data: Path, tmp_path: Path, folder: str) -> None:
    begun, _, _ = begin(shared_data / "messy_files" / folder, tmp_path / "m.toml")
    assert {"population", "roads"} <= set(keys(begun))
    assert ("facilities" in keys(begun)) == (folder != "lat_before_lon")


def test_a_type_column_that_is_not_found_is_asked_with_all_columns(tmp_path: Path) -> None:
    write(tmp_path / "点.csv", "编号,lat,lon,备注\na,35.0,117.0,x\nb,35.1,117.1,y\n")
    begun, _, _ = begin(tmp_path)
    asked = [sentence("en", one) for one in begun.questions]
    assert (
        "facilities: no column of types was found in 点.csv: which column holds the type? columns: 编号, lat, lon, 备注"
        in asked
    )


def test_names_of_mixed_types_are_asked_and_of_one_type_are_taken(tmp_path: Path) -> None:
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    write(mixed / "机构.csv", "名称,经度,纬度\n东村卫生室,117.0,35.0\n山亭镇卫生院,117.1,35.1\n")
    begun, tree, _ = begin(mixed)
    assert "type_column" in keys(begun)
    assert "type" not in tree["facilities"][0]
    one = tmp_path / "one"
    one.mkdir()
    write(one / "机构.csv", "名称,经度,纬度\n东村卫生室,117.0,35.0\n西村卫生室,117.1,35.1\n")
    begun, tree, _ = begin(one)
    assert "type_column" not in keys(begun)
    assert tree["facilities"][0]["type"] == "village_clinic"


# -- rasters


@pytest.mark.parametrize(
    ("name", "values", "options", "kind"),
    [
        ("population.tif", PEOPLE, {}, "population"),
        ("grid.tif", PEOPLE, {}, "population"),
        ("pop_dens.tif", PEOPLE, {}, "other"),
        ("pop_density.tif", PEOPLE, {}, "other"),
        ("grid.tif", TERRAIN, {"dtype": "int16"}, "elevation"),
        ("dem.tif", PEOPLE, {}, "elevation"),
        ("srtm_population_area.tif", TERRAIN, {"dtype": "int16"}, "elevation"),
        ("grid.tif", PEOPLE - 5, {}, "other"),
        ("grid.tif", np.arange(3600).reshape(60, 60) % 7, {"dtype": "uint8"}, "cover"),
        ("landcover.tif", PEOPLE, {}, "cover"),
        ("population.tif", PEOPLE, {"bands": 2}, "other"),
        ("population.tif", np.zeros((5, 5)), {}, "other"),
        ("people.tif", np.where(PEOPLE > 5, PEOPLE, -99999), {"nodata": -99999}, "population"),
        ("people.tif", np.where(PEOPLE > 5, PEOPLE, -9999), {}, "population"),
    ],
)  # fmt: skip
def test_what_a_raster_is(tmp_path: Path, name: str, values: Any, options: Mapping[str, Any], kind: str) -> None:
    tif(tmp_path / name, values, **options)
    (raster,) = look(tmp_path).rasters
    assert raster.kind == kind
    assert [one.name for one in tmp_path.iterdir()] == [name]


def test_of_two_rasters_the_likelier_is_taken_and_both_are_named(tmp_path: Path) -> None:
    tif(tmp_path / "people_2015.tif", np.full((4, 4), 2.5))
    tif(tmp_path / "people_2020.tif", np.full((4, 4), 1.25))
    tif(tmp_path / "grid.tif", PEOPLE)
    begun, tree, _ = begin(tmp_path)
    assert tree["population"]["raster"]["path"] == "people_2020.tif"
    (notice,) = begun.notices
    told = sentence("en", notice)
    assert "people_2020.tif (sum 20) is used, not people_2015.tif (40), grid.tif (" in told
    assert f"grid.tif ({PEOPLE.astype('float32').sum(dtype='float64'):,.0f})" in told


# -- tables and layers


def test_a_column_that_says_gcj_is_believed_and_wgs_goes_first(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "name,type,XGCJ,YGCJ\n甲,诊所,117.0,35.0\n")
    write(tmp_path / "b.csv", "name,type,XGCJ,YGCJ,XWGS,YWGS\n甲,诊所,117.0,35.0,116.9,35.0\n")
    write(tmp_path / "c.csv", "name,type,x,y\n甲,诊所,500000,3880000\n")
    begun, tree, text = begin(tmp_path)
    a, b, c = tree["facilities"]
    assert (a["crs"], a["columns"]["lon"]) == ("GCJ-02", "XGCJ")
    assert (b["crs"], b["columns"]["lat"]) == ("WGS84", "YWGS")
    assert "crs" not in c
    assert "crs_table" in keys(begun)
    assert "the coordinates are GCJ-02" in text


def test_sheets_and_layers_are_looked_at_one_by_one(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "说明"
    book.active.append(["说明"])
    book.active.append(["a", "b"])
    book.active.append(["1", "2", "3"])
    sheet = book.create_sheet("机构")
    for row in (
        ("机构编码", "机构名称", "机构类别", "经度", "纬度", "床位数", "执业医师"),
        ("01", "甲", "乡镇卫生院", 117.4, 35.1, 20, 3),
    ):
        sheet.append(row)
    book.save(tmp_path / "名录.xlsx")
    for name, kind in (("诊所", "诊所"), ("药店", "药店")):
        frame = gpd.GeoDataFrame({"name": ["甲"], "type": [kind]}, geometry=[shapely.Point(117.4, 35.1)], crs=4326)
        pyogrio.write_dataframe(frame, tmp_path / "图层.gpkg", layer=name)
    _, tree, _ = begin(tmp_path)
    layers = {(one["path"], one.get("layer")) for one in tree["facilities"]}
    assert layers == {("名录.xlsx", "机构"), ("图层.gpkg", "药店"), ("图层.gpkg", "诊所")}
    sheet_entry = next(one for one in tree["facilities"] if one["path"] == "名录.xlsx")
    assert sheet_entry["columns"] == {
        "id": "机构编码", "name": "机构名称", "type": "机构类别", "lon": "经度", "lat": "纬度", "beds": "床位数", "doctors": "执业医师",
    }  # fmt: skip


def village_place(folder: Path) -> Path:
    """A village table with people, clinics, staff by name, and a street: the simplest county."""
    from tests.small_study import lonlat

    folder.mkdir()
    at = [lonlat(x, 50) for x in (100.0, 500.0, 900.0)]
    villages = [
        f"00{k},{name},山亭镇,{100 * k + 1},{x},{y}"
        for k, (name, (x, y)) in enumerate(zip(("东村", "西村", "南村"), at, strict=True))
    ]
    write(folder / "村庄.csv", "\n".join(["村编码,村名,乡镇,常住人口,lon_wgs84,lat_wgs84", *villages]))
    clinics = [f"{name}卫生室,村卫生室,{x},{y}" for name, (x, y) in zip(("东村", "西村"), at, strict=False)]
    write(folder / "卫生室.csv", "\n".join(["名称,类别,经度,纬度", *clinics]))
    write(folder / "人员2024.csv", "名称,执业医师,床位数\n东村卫生室,1,2\n北村卫生室,1,\n")
    write(folder / "普查.csv", "乡镇,户数,人口\n山亭镇,100,303\n")
    write_roads(folder / "roads.osm", [STREET])
    return folder


def test_a_village_table_with_staff(tmp_path: Path) -> None:
    folder = village_place(tmp_path / "县")
    begun, tree, text = begin(folder)
    assert (begun.questions, begun.problems) == ((), ())
    place = {"path": "村庄.csv", "id": "村编码", "lon": "lon_wgs84", "lat": "lat_wgs84", "crs": "WGS84"}
    assert tree["area"] == {"points": place | {"name": "村名", "parent": "乡镇"}}
    assert tree["population"] == {"points": place | {"persons": "常住人口"}}
    assert tree["assets"] == [
        {
            "path": "人员2024.csv",
            "of": "facility",
            "name": "名称",
            "year": 2024,
            "columns": {"doctors": "执业医师", "beds": "床位数"},
        }
    ]
    # a census by town beside counted villages: offered, not taken
    assert "普查.csv looks like a census by town (1 of 1 towns fit, column 人口: 303 people)" in text
    assert '# calibrate = { path = "普查.csv", unit = "town", column = "人口" }' in text
    report = check(load_study(begun.path))
    assert report.problems == ()
    totals = [sentence("en", one) for one in report.notices if one.key == "assets.total"]
    assert totals == [
        "Facilities: beds (2024) 2 beds in total; 1 have a value, 1 have none (unknown, not 0).",
        "Facilities: licensed doctors (2024) 1 persons in total; 1 have a value, 1 have none (unknown, not 0).",
    ]


def test_problems_of_the_check_are_told(tmp_path: Path) -> None:
    folder = village_place(tmp_path / "县")
    write(folder / "村庄.csv", (folder / "村庄.csv").read_text(encoding="utf-8").replace(",101,", ",-101,"))
    begun, _, _ = begin(folder)
    assert [one.key for one in begun.problems] == ["population.negative_rows"]


def test_results_and_deeper_folders_are_not_looked_at(tmp_path: Path) -> None:
    folder = village_place(tmp_path / "县")
    for name, extra in (("out", "run.json"), ("more/deep", "x.txt"), (".hidden", "x.txt")):
        (folder / name).mkdir(parents=True)
        write(folder / name / extra, "{}")
        shutil.copy(folder / "卫生室.csv", folder / name / "z.csv")
    begun, tree, _ = begin(folder)
    assert [one["path"] for one in tree["facilities"]] == ["卫生室.csv"]
    (folder / "near").mkdir()
    shutil.move(folder / "卫生室.csv", folder / "near" / "a.csv")
    _, tree, _ = begin(folder, tmp_path / "again.toml")
    assert [one["path"] for one in tree["facilities"]] == ["县/near/a.csv"]
    assert begun.problems == ()


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    folder = village_place(tmp_path / 'a"\n[x]\\')
    shutil.move(folder / "卫生室.csv", folder / 'k"\n# y = 1\x7f.csv')
    begun, tree, _ = begin(folder)
    assert begun.problems == ()
    assert tree["study"]["name"] == folder.name
    assert [one["path"] for one in tree["facilities"]] == ['k"\n# y = 1\x7f.csv']
    assert set(tree) == {"study", "area", "population", "roads", "facilities", "assets", "standards", "outputs"}


@pytest.mark.parametrize("what", ["a", 'a"b\\', "\n\t\x00\x7f", "机构", {"a b": 1, "c": ["x", 2.5]}, {}, []])
def test_toml_values_read_back(what: Any) -> None:
    assert tomllib.loads(f"x = {value(what)}")["x"] == what


def test_plans_by_what_they_ask() -> None:
    """Only requirements on people and units count: every plan has ratios and reported rates, and no file shows whose."""
    covering = [one for one in load_catalogue().values() if isinstance(one, Covering) and one.id.startswith("baotou/")]
    assert plans(["sports_park"])["baotou"] == (["baotou/B01"], len(covering))
    assert len(covering) < sum(name.startswith("baotou/") for name in load_catalogue())
    # a grade below does, a sibling does not
    assert "shanting/S01" in plans(["village_clinic_centre"])["shanting"][0]
    assert "baotou/B01" not in plans(["village_clinic", "hospital"])["baotou"][0]
    assert plans([])["shanting"][0] == []


def test_types_no_standard_asks_for_get_an_own_circle(tmp_path: Path) -> None:
    folder = village_place(tmp_path / "县")
    write(folder / "卫生室.csv", (folder / "卫生室.csv").read_text(encoding="utf-8").replace(",村卫生室,", ",药店,"))
    (folder / "人员2024.csv").unlink()
    begun, tree, _ = begin(folder)
    assert begun.problems == ()
    (record,) = tree["standards"]["define"]
    assert (record["types"], record["limit_min"], record["kind"]) == (["pharmacy"], 15, "circle")


# -- a county's folder: the sample without its own studies


NOT_DATA = ("study*.toml", "README.md", "planted*.csv", "faults.csv", "truth.csv")
DIRTY = ("facilities_dirty.xlsx", "clinics_gbk.csv")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "county"
    assert call("sample", "new-district", str(folder))[0] == 0
    return folder


def test_a_folder_of_many_files(sample: Path, tmp_path: Path) -> None:
    place = Path(shutil.copytree(sample, tmp_path / "县", ignore=shutil.ignore_patterns(*NOT_DATA, *DIRTY)))
    begun, tree, text = begin(place)
    assert (begun.questions, begun.problems) == ((), ())
    by_hand = tomllib.loads((sample / "study.toml").read_text(encoding="utf-8"))
    told = {"source", "licence"}
    assert tree["area"]["units"] == {k: v for k, v in by_hand["area"]["units"].items() if k not in told}
    assert tree["population"] == {
        "raster": {"path": "population.tif"},
        "calibrate": {"path": "census.csv", "unit": "town", "column": "常住人口"},
    }
    assert '# table = { path = "villages.csv", persons = "常住人口" }' in text
    assert tree["roads"] == {"osm": {"path": "roads.osm.pbf"}}
    *sheets, venues = tree["facilities"]
    given = by_hand["facilities"]
    assert [(one["path"], one["layer"]) for one in sheets] == [(one["path"], one["layer"]) for one in given]
    assert all(one["columns"].items() >= {"id": "机构编号", "type": "类别", "lon": "经度"}.items() for one in sheets)
    assert text.count('# crs = "GCJ-02"') == 3
    assert (venues["path"], venues["gates"]) == ("venues.geojson", {"path": "gates.geojson"})
    assert "2 of the 2 points of gates.geojson lie on borders" in text
    assert tree["assets"] == [{"path": "reported.csv", "of": "area", "asset": "指标", "value": "数值"}]
    assert "dem.tif looks like elevation" in text
    assert [one.key for one in begun.notices] == ["starter.notice.spread_raster", "starter.notice.shifted"]
    assert "population_unconstrained.tif" in sentence("en", begun.notices[0])
    assert "population_65plus.tif" in text
    assert "units.gpkg [points] has names of villages and coordinates" in text
    # what it offers in comments is a study too
    other = text.replace("\ncalibrate =", "\n# calibrate =").replace("# table =", "table =")
    write(place / "other.toml", other.replace('# crs = "GCJ-02"', 'crs = "GCJ-02"'))
    assert check(load_study(place / "other.toml")).problems == ()


def test_a_second_list_of_the_same_facilities_is_asked_about(sample: Path, tmp_path: Path) -> None:
    place = Path(shutil.copytree(sample, tmp_path / "县", ignore=shutil.ignore_patterns(*NOT_DATA)))
    begun, tree, text = begin(place)
    assert keys(begun) == ["twin"]
    asked = sentence("en", begun.questions[0])
    assert "facilities_dirty.xlsx [医疗卫生机构, 健身场所, 其他服务设施]" in asked
    paths = {one["path"] for one in tree["facilities"]}
    assert "facilities.xlsx" in paths
    assert not paths & set(DIRTY[:1])
    assert '# path = "facilities_dirty.xlsx"' in text


def test_a_copy_gives_way_whatever_its_name_sorts_to(tmp_path: Path) -> None:
    folder = village_place(tmp_path / "县")
    shutil.copy(folder / "卫生室.csv", folder / "a副本.csv")
    begun, tree, _ = begin(folder)
    assert [one["path"] for one in tree["facilities"]] == ["卫生室.csv"]
    assert keys(begun) == ["twin"]
    assert begun.questions[0].values == {"file": "a副本.csv", "other": "卫生室.csv", "same": 2, "rows": 2}


def village_borders(folder: Path) -> None:
    """Borders of the three villages of ``village_place``, as a layer, in place of their points."""
    table = (folder / "村庄.csv").read_text(encoding="utf-8").splitlines()[1:]
    rows = [line.split(",") for line in table]
    frame = gpd.GeoDataFrame(
        {"code": [row[0] for row in rows], "name": [row[1] for row in rows], "town": [row[2] for row in rows]},
        geometry=[shapely.box(float(r[4]) - 0.001, float(r[5]) - 0.001, float(r[4]) + 0.001, float(r[5]) + 0.001) for r in rows],
        crs=4326,
    )  # fmt: skip
    frame.to_file(folder / "村界.gpkg", driver="GPKG")
    (folder / "村庄.csv").unlink()


def test_a_village_table_without_coordinates_is_the_population(tmp_path: Path) -> None:
    folder = village_place(tmp_path / "县")
    village_borders(folder)
    (folder / "普查.csv").unlink()
    text = "行政村名,乡镇,常住人口\n东村村委会,山亭镇,101\n西村民委员会,山亭镇,201\n南村,山亭,301\n合计,,603\n"
    write(folder / "人口.csv", text)
    begun, tree, text = begin(folder)
    assert (begun.questions, begun.problems) == ((), ())
    # 行政村名 is no name the study would find by itself
    assert tree["population"] == {"table": {"path": "人口.csv", "name": "行政村名", "persons": "常住人口"}}
    assert "3 of its 3 rows fit units by code or name; column 常住人口, 603 in all" in text
    report = check(load_study(begun.path))
    assert report.problems == ()


def test_a_census_of_other_towns_is_named_and_not_used(tmp_path: Path) -> None:
    folder = village_place(tmp_path / "县")
    write(folder / "普查.csv", "乡镇,人口\n无名镇,303\n他镇,5\n")
    _, tree, text = begin(folder)
    assert set(tree["population"]) == {"points"}
    assert "普查.csv holds people (人口), but no coordinates and no names that fit" in text


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("population_65plus.tif", True),
        ("chn_f_65_2020.tif", True),
        ("pop_0_14.tif", True),
        ("人口_老年.tif", True),
        ("pop_children.tif", True),
        ("chn_ppp_2020_1km.tif", False),
        ("population_2020-01-05.tif", False),
        ("pop_100m.tif", False),
        ("managed_segment_pop.tif", False),
    ],
)
def test_a_part_of_the_people_by_the_name(tmp_path: Path, name: str, *, part: bool) -> None:
    tif(tmp_path / name, PEOPLE * 2)
    tif(tmp_path / "pop.tif", PEOPLE)
    _, tree, text = begin(tmp_path)
    assert ("hold only a part" in text) == part
    assert tree["population"]["raster"]["path"] == ("pop.tif" if part else name)
    (tmp_path / "pop.tif").unlink()
    begun, tree, _ = begin(tmp_path, tmp_path / "b.toml")
    assert tree["population"]["raster"]["path"] == name
    assert [one.key for one in begun.notices] == ["starter.notice.part_raster"] * part


# -- roads that are no OpenStreetMap extract


def road_layer(folder: Path, **columns: Sequence[str]) -> Path:
    from tests.small_study import lonlat

    lines = [shapely.LineString([lonlat(x, 50.0), lonlat(x + 500, 50.0)]) for x in (0.0, 500.0)]
    (folder / "roads.osm").unlink()
    gpd.GeoDataFrame(dict(columns), geometry=lines, crs=4326).to_file(folder / "公路.gpkg", driver="GPKG")
    return folder


def test_a_layer_of_road_lines(tmp_path: Path) -> None:
    folder = village_place(tmp_path / "县")
    road_layer(
        folder, 路名=["甲路", "乙路"], 技术等级=["县道", "村道"], 单行=["否", "是"], 限速=["40", ""], 桥=["", "?"]
    )
    begun, tree, _ = begin(folder)
    # the column of bridges holds a word nobody knows, and is left out
    assert tree["roads"] == {
        "lines": {"path": "公路.gpkg", "class": "技术等级", "name": "路名", "maxspeed": "限速", "oneway": "单行"}
    }
    assert (begun.questions, begun.problems) == ((), ())


def test_road_words_that_are_not_known_are_asked(tmp_path: Path) -> None:
    folder = road_layer(village_place(tmp_path / "县"), 等级=["县道", "神道"])
    begun, tree, text = begin(folder)
    assert keys(begun) == ["road_words"]
    assert begun.questions[0].values["words"] == "神道"
    assert tree["roads"]["lines"]["class"] == "等级"
    assert '# lines = { path = "公路.gpkg", class = "等级", classes = { "神道" = "track" } }' in text


def test_roads_without_a_class_are_asked(tmp_path: Path) -> None:
    folder = road_layer(village_place(tmp_path / "县"), 备注=["a", "b"])
    begun, tree, _ = begin(folder)
    assert (keys(begun), tree["roads"]) == (["road_class"], {})


def test_an_extract_goes_before_a_graph_and_a_graph_before_lines(tmp_path: Path) -> None:
    folder = village_place(tmp_path / "县")
    write(folder / "路网.graphml", "<graphml/>")
    _, tree, text = begin(folder)
    assert tree["roads"] == {"osm": {"path": "roads.osm"}}
    assert "路网.graphml: a road graph of OSMnx" in text
    road_layer(folder, 等级=["县道", "县道"])
    begun, tree, text = begin(folder, folder / "b.toml")
    assert tree["roads"] == {"graphml": {"path": "路网.graphml"}}
    assert "公路.gpkg is a layer of lines and is not used" in text
    assert [one.key for one in begun.problems] == ["roads.graph.no_crs"]


# -- reported values


def test_values_row_by_row_and_words_that_are_not_known(tmp_path: Path) -> None:
    folder = village_place(tmp_path / "县")
    write(folder / "上报2024.csv", "指标,数值\n床位数,20\n救护车,3\n")
    write(folder / "其他.csv", "指标,数值\n床位数,20\n满意度,3\n")
    write(folder / "托位.csv", "村名,乡镇,指标,数值\n东村,山亭镇,托位,5\n西村村委会,山亭镇,托位,6\n")
    write(folder / "县.csv", "救护车,床位数\n16,2000\n")
    begun, tree, text = begin(folder)
    by_path = {one.pop("path"): one for one in tree["assets"]}
    assert by_path["上报2024.csv"] == {"of": "area", "year": 2024, "asset": "指标", "value": "数值"}
    assert by_path["托位.csv"] == {"of": "unit", "name": "村名", "parent": "乡镇", "asset": "指标", "value": "数值"}
    assert by_path["县.csv"] == {"of": "area", "columns": {"ambulances": "救护车", "beds": "床位数"}}
    assert "其他.csv" not in by_path
    assert "column 指标 holds words that are not known, so it is not used: 满意度" in text
    assert '# path = "其他.csv"' in text.splitlines()
    assert begun.problems == ()


# -- where it is written


def test_paths_are_relative_where_short_and_absolute_else(tmp_path: Path) -> None:
    folder = village_place(tmp_path / "县")
    beside = tmp_path / "studies"
    beside.mkdir()
    _, tree, _ = begin(folder, beside / "s.toml")
    assert tree["roads"]["osm"]["path"] == "../县/roads.osm"
    far = tmp_path / "a/b/c"
    far.mkdir(parents=True)
    begun, tree, _ = begin(folder, far / "s.toml")
    assert tree["roads"]["osm"]["path"] == (folder / "roads.osm").as_posix()
    assert begun.problems == ()


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    folder = village_place(tmp_path / "县")
    mine = write(folder / "study.toml", "mine")
    with pytest.raises(UsageError) as caught:
        start(folder, None, "zh")
    assert "-o" in sentence("zh", caught.value.problems[0])
    assert mine.read_text(encoding="utf-8") == "mine"
    start(folder, tmp_path / "other.toml", "zh")


def test_no_folder_and_nowhere_to_write(tmp_path: Path) -> None:
    for folder, output, key in (
        (tmp_path / "x", None, "no_folder"),
        (tmp_path, tmp_path / "no/s.toml", "cannot_write"),
    ):
        with pytest.raises(StudyError) as caught:
            start(folder, output, "en")
        assert caught.value.problems[0].key == f"starter.{key}"


def call(*args: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(args))
    return result.exit_code, result.stdout, result.stderr


def test_exit_codes_and_streams(tmp_path: Path) -> None:
    folder = village_place(tmp_path / "县")
    code, out, err = call("init", str(folder))
    assert code == 0
    assert err.splitlines()[0] == "1 条提示："
    assert "卫生室.csv" in err.splitlines()[1]
    assert "GCJ-02" in err.splitlines()[1]
    assert out.strip() == f"{folder / 'study.toml'}：已写出，检查没有发现问题。"
    assert call("check", str(folder / "study.toml"))[0] == 0
    assert call("init", str(folder))[0] == 2
    (folder / "roads.osm").unlink()
    code, out, err = call("init", str(folder), "-o", str(tmp_path / "b.toml"), "--lang", "en")
    assert code == 1
    assert "Open questions (marked ??? in the file): 1" in err.splitlines()
    assert "roads: no road file" in err
    assert (tmp_path / "b.toml").is_file()


def test_one_json_document(tmp_path: Path) -> None:
    folder = village_place(tmp_path / "县")
    code, out, _ = call("init", str(folder), "--json")
    record = json.loads(out)
    assert (code, record["ok"], record["questions"]) == (0, True, [])
    assert record["study"] == str(folder / "study.toml")
    (folder / "roads.osm").unlink()
    code, out, _ = call("init", str(folder), "-o", str(tmp_path / "b.toml"), "--json", "--lang", "en")
    record = json.loads(out)
    assert (code, record["ok"], record["exit_code"]) == (1, False, 1)
    assert [one["key"] for one in record["questions"]] == ["starter.question.roads"]


def test_starting_loads_no_solver_and_no_maps() -> None:
    rows: Sequence[str] = ("folium", "osmnx", "highspy", "matplotlib")
    import subprocess
    import sys

    code = f"import sys, servicecircle.cli, servicecircle.starter; print([m for m in {rows!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        encoding="utf-8",
        check=True,
        env=os.environ | {"PYTHONUTF8": "1"},
    )
    assert done.stdout.strip() == "[]"

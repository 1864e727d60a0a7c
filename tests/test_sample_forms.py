"""One sample county in every form its people, units, facilities and roads can be given in: the same verdicts where the
information is the same, and where it is not, the differences `docs/forms.md` states - exactly those."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import openpyxl
import osmium
import osmnx
import pandas as pd
import pyogrio
import pytest
import shapely
from pyproj import Geod

import servicecircle
from servicecircle.errors import StudyError
from servicecircle.flow import prepare
from servicecircle.inputs.facilities import FacilityReading, read_facilities
from servicecircle.inputs.roads import WAY_TAGS
from servicecircle.inputs.tables import read_table
from servicecircle.inputs.units import read_units
from servicecircle.sample.county import make_county
from servicecircle.sample.package import write_county
from servicecircle.sample.presets import presets
from servicecircle.sample.study_text import study_text
from servicecircle.study import Study, study_from

from .conftest import missing
from .oracle.compare import compare
from .oracle.county import County, read_county
from .oracle.truth import Truth, is_short
from .small_study import STREET, Facility, SmallStudy, Unit, Way, circle, lonlat, way
from .test_formats import need_libkml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from servicecircle.results import Results

FORMS = Path(__file__).resolve().parents[1] / "docs" / "forms.md"
GEOD = Geod(ellps="WGS84")
WHOLE = ("baotou/B01", "national/medical-15min", "national/ambulance-urban-5km", "national/clinic-per-village")
QUICK = WHOLE[1:]
UNITS = {"id": "code", "name": "name", "parent": "town", "area_class": "class"}
NAMES = {"name": "村（社区）名称", "parent": "乡镇（街道）", "persons": "常住人口"}
#: What stands on a row of units apart from people and verdict: values of travel.
TRAVEL = ("p50", "p90", "nearest_id", "nearest_time_min", "nearest_road_km", "nearest_straight_km")
PEOPLE = ("persons", "covered_persons", "uncovered_persons", "unreachable_persons", "unattached_persons")


@dataclass
class Sample:
    """The folder of a sample county and the runs made of it, each once."""

    folder: Path
    runs: dict[str, Results] = field(default_factory=dict)

    def tree(self, use: Sequence[str] = WHOLE, **sections: Any) -> dict[str, Any]:
        """The sample's own study with other standards, no siting, and whole sections replaced."""
        tree = tomllib.loads((self.folder / "study.toml").read_text(encoding="utf-8"))
        del tree["siting"]
        tree["standards"]["use"] = list(use)
        return tree | sections

    def study(self, use: Sequence[str] = WHOLE, **sections: Any) -> Study:
        return study_from(self.tree(use, **sections), self.folder / "study.toml")

    def run(self, use: Sequence[str] = WHOLE, **sections: Any) -> Results:
        key = repr((use, sections))
        if key not in self.runs:
            self.runs[key] = servicecircle.run(self.study(use, **sections))
        return self.runs[key]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    folder = tmp_path_factory.mktemp("forms") / "s1"
    write_county(make_county(presets()["industrial-zone"], 1), folder)
    return Sample(folder)


@pytest.fixture(scope="module")
def county(sample: Sample) -> County:
    """The same folder as the oracle reads it."""
    file = sample.folder / "truth.toml"
    file.write_text(study_text(sample.tree()), encoding="utf-8")
    return read_county(file)


def by_unit(results: Results) -> pd.DataFrame:
    return results.units.set_index(["criterion", "unit_id"]).sort_index()


def verdicts(results: Results) -> dict[tuple[str, str], bool]:
    return dict(by_unit(results)["short"])


def persons_of(results: Results) -> dict[str, float]:
    return dict(zip(results.units["unit_id"], results.units["persons"], strict=True))


def differing(one: Results, other: Results) -> set[tuple[str, str]]:
    """Criterion and unit id of the rows whose verdict differs; both hold the same rows."""
    mine, theirs = verdicts(one), verdicts(other)
    assert set(mine) == set(theirs)
    return {pair for pair in mine if mine[pair] != theirs[pair]}


def same_numbers(one: Results, other: Results, columns: Sequence[str] = (*PEOPLE, "short", *TRAVEL)) -> None:
    """Every number of every row, to the last bit."""
    pd.testing.assert_frame_equal(by_unit(one)[list(columns)], by_unit(other)[list(columns)], check_exact=True)


def table_of(sample: Sample) -> pd.DataFrame:
    return pd.read_csv(sample.folder / "villages.csv", dtype=str, encoding="utf-8-sig")


# -- 1. people and units ----------------------------------------------------------------------------------------------


def test_the_reference_is_the_truth(sample: Sample, county: County) -> None:
    """Polygons and raster: every decided verdict is that of the second reading; the rest is compared with this run."""
    truth = Truth(county).table()
    found = compare(truth, sample.run().units)
    assert found.agrees, found
    assert len(found.found) > 100
    assert found.right > 400
    assert found.undecided_share < 0.05
    both = truth.merge(sample.run().units, on=["criterion", "unit_id"])
    assert len(both) == len(truth)
    assert np.allclose(both["persons_x"], both["persons_y"], atol=0.01)
    assert np.allclose(both["uncovered"], both["uncovered_persons"], atol=0.01)


def test_village_table_by_code(sample: Sample) -> None:
    population = {"raster": "population.tif", "table": {"path": "villages.csv", "id": "区划代码", **NAMES}}
    check_table(sample, sample.run(QUICK, population=population))


def test_village_table_by_name_in_the_town(sample: Sample) -> None:
    table_of(sample).drop(columns="区划代码").to_csv(sample.folder / "names.csv", index=False, encoding="utf-8-sig")
    population = {"raster": "population.tif", "table": {"path": "names.csv", **NAMES}}
    check_table(sample, sample.run(QUICK, population=population))


def check_table(sample: Sample, results: Results) -> None:
    """The table was counted from the raster's people: factors are 1 to a millionth, its numbers stand exactly."""
    assert differing(sample.run(QUICK), results) == set()
    counted = dict(zip(table_of(sample)["区划代码"], table_of(sample)["常住人口"].astype(float), strict=True))
    assert persons_of(results) == pytest.approx(counted, rel=1e-12)
    raw = persons_of(sample.run(QUICK))
    assert {code: counted[code] / raw[code] for code in raw} == pytest.approx(dict.fromkeys(raw, 1.0), abs=1e-6)


def test_census_by_town(sample: Sample) -> None:
    census = {"path": "census.csv", "unit": "town", "name": "乡镇（街道）", "column": "常住人口"}
    results = sample.run(QUICK, population={"raster": "population.tif", "calibrate": census})
    assert differing(sample.run(QUICK), results) == set()
    table = pd.read_csv(sample.folder / "census.csv", encoding="utf-8-sig")
    rows = results.units.drop_duplicates("unit_id")
    assert dict(rows.groupby("parent")["persons"].sum()) == pytest.approx(
        dict(zip(table["乡镇（街道）"], table["常住人口"], strict=True)), rel=1e-12
    )


def barriers_of(sample: Sample) -> list[tuple[str, shapely.Geometry]]:
    """What nobody crosses, by the tags of the road file: the river's line and area, the railway, the expressway."""
    found = []
    for item in osmium.FileProcessor(
        str(sample.folder / "roads.osm.pbf"), osmium.osm.NODE | osmium.osm.WAY
    ).with_locations():
        tags = dict(item.tags)
        if not isinstance(item, osmium.osm.Way):
            continue
        places = [(node.lon, node.lat) for node in item.nodes]
        if tags.get("natural") == "water":
            found.append(("water", shapely.Polygon(places)))
        elif tags.get("waterway") == "river":
            found.append(("river", shapely.LineString(places)))
        elif tags.get("railway") == "rail" and "bridge" not in tags and "tunnel" not in tags:
            found.append(("railway", shapely.LineString(places)))
        elif tags.get("highway") in ("motorway", "motorway_link") and "tunnel" not in tags:
            found.append(("motorway", shapely.LineString(places)))
    assert {kind for kind, _ in found} == {"water", "river", "railway", "motorway"}
    return found


def nearest_free(places: np.ndarray, points: gpd.GeoDataFrame, bars: shapely.Geometry) -> np.ndarray:
    """Row of the nearest point at most 3 km away, geodesic, to which the straight line crosses no barrier; -1: none."""
    x, y = points.geometry.x.to_numpy(), points.geometry.y.to_numpy()
    best, unit = np.full(len(places), np.inf), np.full(len(places), -1)
    for k in range(len(points)):
        metres = GEOD.inv(places[:, 0], places[:, 1], np.full(len(places), x[k]), np.full(len(places), y[k]))[2]
        lines = shapely.linestrings(np.stack([places, np.broadcast_to([x[k], y[k]], places.shape)], axis=1))
        near = (metres <= 3000) & (metres < best) & ~shapely.intersects(bars, lines)
        best[near], unit[near] = metres[near], k
    return unit


@dataclass(frozen=True)
class ByPoint:
    """People by polygon and by nearest point: worked out without the package."""

    polygon: dict[str, float]
    point: dict[str, float]
    common: dict[str, float]
    clinics: dict[str, int]
    beyond: float

    @property
    def same(self) -> set[str]:
        """Units of which 99 % of the people are the same, whichever way they are counted."""
        return {u for u in self.polygon if self.common[u] >= 0.99 * max(self.polygon[u], self.point[u])}


@pytest.fixture(scope="module")
def by_point(sample: Sample, county: County) -> ByPoint:
    points = gpd.read_file(sample.folder / "units.gpkg", layer="points").sort_values("code", ignore_index=True)
    bars = shapely.union_all([shape for _, shape in barriers_of(sample)])
    shapely.prepare(bars)
    people, codes = county.people, points["code"].tolist()
    assert codes == county.units["id"].tolist()
    cells = np.arange(len(people.persons))
    middle = people.lonlat(np.full(len(cells), 0.5), np.full(len(cells), 0.5), cells)
    at = nearest_free(middle, points, bars)
    shared = people.persons[people.share_cell] * people.share
    polygon = np.bincount(people.share_unit, weights=shared, minlength=len(codes))
    point = np.bincount(at[at >= 0], weights=people.persons[at >= 0], minlength=len(codes))
    both = at[people.share_cell] == people.share_unit
    common = np.bincount(people.share_unit[both], weights=shared[both], minlength=len(codes))
    spots = county.facilities[["lon", "lat"]].to_numpy()
    clinics = county.of(next(c for c in county.criteria if c.presence))
    nearest = nearest_free(spots[clinics], points, bars)
    held = np.bincount(nearest[nearest >= 0], minlength=len(codes))
    named = (dict(zip(codes, values.tolist(), strict=True)) for values in (polygon, point, common, held))
    return ByPoint(*named, float(people.persons[at < 0].sum()))


def test_points_instead_of_polygons(sample: Sample, county: County, by_point: ByPoint) -> None:
    """A cell goes to the nearest point within 3 km and not across a barrier; where that changes nobody, nothing changes."""
    results = sample.run(area={"points": {"path": "units.gpkg", "layer": "points", **UNITS}})
    rows = results.units[results.units["basis"] != "block"]
    assert set(rows["basis"]) == {"nearest_point"}
    assert persons_of(results) | by_point.point == pytest.approx(persons_of(results), abs=0.01)
    blocks = results.units[results.units["basis"] == "block"].drop_duplicates("unit_id")
    assert blocks["persons"].sum() == pytest.approx(by_point.beyond, abs=0.01)
    assert by_point.beyond > 50
    assert len(by_point.same) >= 30
    mine, theirs = verdicts(sample.run()), verdicts(results)
    assert set(mine) <= set(theirs)
    differ = {pair for pair in mine if mine[pair] != theirs[pair]}
    assert {unit for _, unit in differ} <= set(by_point.polygon) - by_point.same
    # 拟兴社区 has more than 147 people nearer to its neighbours' points: what is left falls below 5 % of the rest
    assert differ == {
        (key, "990000003017")
        for key in ("baotou/B01/ebike", "national/medical-15min/walk", "national/medical-15min/walk_elderly")
    }
    presence = rows[rows["criterion"] == "national/clinic-per-village/presence"]
    assert len(presence) == 9
    assert dict(zip(presence["unit_id"], presence["count"], strict=True)) == {
        u: by_point.clinics[u] for u in presence["unit_id"]
    }
    cards = results.cards["national/clinic-per-village/presence"]
    assert set(cards) == {"990000001203"}
    assert any("就近地名点（推定）" in line for line in cards["990000001203"])


RADII_M = (150, 700)
RADII = [{"id": f"t/{m}", "title": {"zh": "半径", "en": "radius"}, "kind": "radius", "types": ["primary_care"], "limit_km": m / 1000, "measures": ["straight"]} for m in RADII_M]  # fmt: skip


def by_hand(county: County, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Metres from places to the nearest facility of primary care, on the ellipsoid."""
    rows = county.of(next(c for c in county.criteria if c.key.startswith("national/medical")))
    spots = county.facilities.iloc[rows]
    far = [
        GEOD.inv(np.full(len(lon), x), np.full(len(lon), y), lon, lat)[2]
        for x, y in zip(spots["lon"], spots["lat"], strict=True)
    ]
    return np.min(far, axis=0)


def check_radii(
    county: County, results: Results, points: Mapping[str, tuple[float, float]], people: Mapping[str, float]
) -> None:
    """Everybody of a unit stands at its point: all are covered or none, by the distance of that point."""
    assert persons_of(results) == dict(people)
    ids = sorted(people)
    metres = by_hand(county, *np.array([points[one] for one in ids]).T)
    persons = np.array([people[one] for one in ids])
    for limit in RADII_M:
        rows = results.units[results.units["criterion"] == f"t/{limit}/straight"].sort_values("unit_id")
        assert rows["unit_id"].tolist() == ids
        assert (np.abs(metres - limit) > 1).all()  # no verdict by a hair
        covered = metres <= limit
        assert 0 < covered.sum() < len(covered)
        assert rows["covered_persons"].tolist() == (persons * covered).tolist()
        assert rows["short"].tolist() == is_short(persons, persons * ~covered).tolist()
        assert rows["nearest_straight_km"].to_numpy() == pytest.approx(metres / 1000, abs=1e-6)


def told(sample: Sample, text: Mapping[str, str], **sections: Any) -> None:
    """The notices of a run, in Chinese and in English, hold a sentence."""
    for language, words in text.items():
        assert any(
            words in notice
            for notice in sample.run(
                ("national/clinic-per-village",), outputs={"language": language}, **sections
            ).notices
        )


WITHIN_UNKNOWN = {
    "zh": "每个村的人口都放在村内一个点上，村内部的距离未知",
    "en": "all people of a village stand at one point of it, and distances inside a village are unknown",
}
TABLE_ONLY = {"table": {"path": "villages.csv", "id": "区划代码", **NAMES}}


def test_table_alone_with_polygons(sample: Sample, county: County) -> None:
    results = sample.run((), population=TABLE_ONLY, standards={"define": RADII})
    inside = county.units.geometry.representative_point()
    points = dict(zip(county.units["id"], zip(inside.x, inside.y, strict=True), strict=True))
    people = dict(zip(table_of(sample)["区划代码"], table_of(sample)["常住人口"].astype(float), strict=True))
    check_radii(county, results, points, people)
    told(sample, WITHIN_UNKNOWN, population=TABLE_ONLY)


def test_table_alone_without_area(sample: Sample, county: County) -> None:
    """Units are the named places of the road file; a name two places bear joins to neither."""
    twice, changed = "仿林村", "仿楼村"
    copy_osm(sample, "twice.osm", {changed: twice})
    # of a table without codes a row means a place by its name alone
    table = table_of(sample).drop(columns="区划代码")
    table.to_csv(sample.folder / "names.csv", index=False, encoding="utf-8-sig")
    sections = {"area": {}, "population": {"table": {"path": "names.csv", **NAMES}}, "roads": {"osm": "twice.osm"}}
    results = sample.run((), standards={"define": RADII}, **sections)
    places = {}
    for node in osmium.FileProcessor(str(sample.folder / "twice.osm"), osmium.osm.NODE):
        if "place" in node.tags:
            places[f"node:{node.id}"] = (node.tags["name"], node.location.lon, node.location.lat)
    names = [name for name, *_ in places.values()]
    plain = dict(
        zip(
            table["村（社区）名称"].str.removesuffix("居委会").str.removesuffix("委会"),
            table["常住人口"].astype(float),
            strict=True,
        )
    )
    kept = {one: place for one, place in places.items() if names.count(place[0]) == 1}
    assert len(kept) == len(plain) - 2
    check_radii(
        county,
        results,
        {one: place[1:] for one, place in kept.items()},
        {one: plain[place[0]] for one, place in kept.items()},
    )
    left = results.set_aside.set_index("id")["reason"]
    assert set(left.index) == {twice + "委会", changed + "委会"}
    assert "可以指几个单元" in left[twice + "委会"]
    assert "没有单元叫" in left[changed + "委会"]
    told(sample, WITHIN_UNKNOWN, **sections)


def copy_osm(sample: Sample, name: str, renamed: Mapping[str, str] | None = None) -> Path:
    """The road file as XML, places renamed."""
    path = sample.folder / name
    with osmium.SimpleWriter(str(path), overwrite=True) as writer:
        for one in osmium.FileProcessor(str(sample.folder / "roads.osm.pbf")):
            if renamed and one.tags.get("place") and one.tags.get("name") in renamed:
                one = one.replace(tags={**dict(one.tags), "name": renamed[one.tags["name"]]})  # noqa: PLW2901
            writer.add(one)
    return path


# -- 2. formats --------------------------------------------------------------------------------------------------------

#: Columns of the workbook that are read, and their names where a shapefile has room for ten bytes only.
COLUMNS = {"id": "机构编号", "name": "机构名称", "type": "类别", "ownership": "所有制", "beds": "床位数", "doctors": "执业医师", "nurses": "注册护士", "staff": "卫生技术人员", "vehicles": "救护车"}  # fmt: skip
SHORT = {
    **COLUMNS,
    "id": "编号",
    "name": "名称",
    "ownership": "所有制",
    "beds": "床位",
    "doctors": "医师",
    "nurses": "护士",
    "staff": "人员",
}
SERVICES = "服务项目"


def workbook(sample: Sample) -> pd.DataFrame:
    """All sheets of the facility workbook as text, one under the other, coordinates with six decimals."""
    book = openpyxl.load_workbook(sample.folder / "facilities.xlsx", read_only=True)
    rows = []
    for sheet in book.worksheets:
        head, *body = sheet.iter_rows(values_only=True)
        rows += [dict(zip(head, row, strict=True)) for row in body]
    book.close()
    table = pd.DataFrame(rows, dtype=object)
    for axis in ("经度", "纬度"):
        table[axis] = [f"{value:.6f}" for value in table[axis]]
    return table.map(lambda value: "" if pd.isna(value) else str(value))


def layer_frame(table: pd.DataFrame, columns: Mapping[str, str]) -> gpd.GeoDataFrame:
    """The same rows with points as a map service gives them: GCJ-02 degrees, to six decimals."""
    frame = pd.DataFrame({columns[role]: table[COLUMNS[role]] for role in COLUMNS})
    frame[SERVICES] = table[SERVICES] + " " + "说明" * 60
    points = shapely.points(table["经度"].astype(float), table["纬度"].astype(float))
    return gpd.GeoDataFrame(frame, geometry=points, crs=4326)


def write_excel(table: pd.DataFrame, path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (list(table), *table.itertuples(index=False)):
        book.active.append(list(row))
    book.save(path)


def write_shape(encoding: str, *, cpg: bool = True) -> Callable[[pd.DataFrame, Path], None]:
    def write(table: pd.DataFrame, path: Path) -> None:
        if encoding == "UTF-8" and pyogrio.__version__.startswith("0.10."):
            missing("this pyogrio cannot write where GDAL warns that it cuts a Chinese word inside a character")
        pyogrio.write_dataframe(layer_frame(table, SHORT), path, encoding=encoding)
        if not cpg:
            path.with_suffix(".cpg").unlink()

    return write


def write_layer(table: pd.DataFrame, path: Path) -> None:
    options = {".geojson": {"COORDINATE_PRECISION": 6}, ".kml": {"driver": "LIBKML"}}.get(path.suffix, {})
    pyogrio.write_dataframe(layer_frame(table, COLUMNS), path, **options)


FORMATS: dict[str, tuple[str, Callable[[pd.DataFrame, Path], Any]]] = {
    "csv, UTF-8 with BOM": (".csv", lambda table, path: table.to_csv(path, index=False, encoding="utf-8-sig")),
    "csv, GBK": (".csv", lambda table, path: table.to_csv(path, index=False, encoding="gbk")),
    "xlsx": (".xlsx", write_excel),
    "geojson": (".geojson", write_layer),
    "gpkg": (".gpkg", write_layer),
    "shp, GBK": (".shp", write_shape("GBK")),
    "shp, UTF-8": (".shp", write_shape("UTF-8")),
    "shp, GBK without .cpg": (".shp", write_shape("GBK", cpg=False)),
    "kml": (".kml", write_layer),
}


def facility_files(sample: Sample, path: Path, columns: Mapping[str, str]) -> list[dict[str, Any]]:
    where = {"lon": "经度", "lat": "纬度"} if path.suffix in (".csv", ".xlsx") else {}
    return [{"path": str(path.relative_to(sample.folder)), "crs": "GCJ-02", "columns": {**columns, **where}}]


@pytest.mark.filterwarnings("ignore:.*(Value .* of field|Normalized/laundered field name).*:RuntimeWarning")
@pytest.mark.parametrize("form", FORMATS)
def test_facilities_in_every_format(sample: Sample, form: str) -> None:
    """Ids, types, owners and places of all rows are the workbook's, to the last bit; so is every number of the run."""
    suffix, write = FORMATS[form]
    if form == "kml":
        need_libkml()
    folder = sample.folder / re.sub(r"\W+", "_", form)
    folder.mkdir()
    path = folder / f"facilities{suffix}"  # an id begins with the stem of its file
    table = workbook(sample)
    write(table, path)
    columns = SHORT if suffix == ".shp" else COLUMNS
    files = facility_files(sample, path, columns)
    kept = ["id", "name", "type", "type_text", "ownership", "lon", "lat"]
    one, other = (read_facilities(sample.study(QUICK, **more)) for more in ({}, {"facilities": files}))
    pd.testing.assert_frame_equal(one.frame[kept], other.frame[kept], check_exact=True)
    assert len(other.frame) == len(table) > 150
    assert values(one) == values(other)
    same_numbers(sample.run(QUICK), sample.run(QUICK, facilities=files))
    if suffix == ".shp":
        lost_in_shapefile(sample, path, form)


def values(reading: FacilityReading) -> set[tuple[str, str, str]]:
    """What the facilities have, as it is written: facility, asset, text."""
    return {(cell.target_id, cell.asset, cell.text) for cell in reading.assets if cell.text}


def lost_in_shapefile(sample: Sample, path: Path, form: str) -> None:
    """Text ends after 254 bytes and a column's name after 10; a study that names the whole column is told so."""
    table = read_table(path)
    assert table.columns[len(COLUMNS)] == (SERVICES[:3] if form == "shp, UTF-8" else SERVICES)
    texts = table.texts(len(COLUMNS))
    assert max(len(text) for text in layer_frame(workbook(sample), SHORT)[SERVICES]) > 127
    assert 80 < max(len(text) for text in texts) <= 127
    with pytest.raises(StudyError) as caught:
        read_facilities(
            sample.study(QUICK, facilities=facility_files(sample, path, {**SHORT, "type": "卫生技术人员类别"}))
        )
    assert {one.key for one in caught.value.problems} == {"inputs.layers.no_column_shp"}


def write_units(sample: Sample, path: Path) -> dict[str, str]:
    """The units of the sample in another format; returns the study's entry. A column's name has room for ten bytes."""
    frame = gpd.read_file(sample.folder / "units.gpkg", layer="units").drop(columns="source")
    text = (
        {"COORDINATE_PRECISION": 7}
        if path.suffix == ".geojson"
        else {"encoding": "GBK"}
        if path.suffix == ".shp"
        else {}
    )
    pyogrio.write_dataframe(frame, path, **text)
    return {"path": path.name, **UNITS}


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".shp"])
def test_units_in_every_layer_format(sample: Sample, suffix: str) -> None:
    area = {"units": write_units(sample, sample.folder / f"borders{suffix}")}
    one, other = (read_units(sample.study(QUICK, **more)) for more in ({}, {"area": area}))
    plain = ["id", "name", "parent", "kind", "area_class", "class_basis", "basis"]
    pd.testing.assert_frame_equal(pd.DataFrame(one.frame[plain]), pd.DataFrame(other.frame[plain]))
    assert shapely.equals(
        one.frame.geometry, other.frame.geometry
    ).all()  # vertex for vertex; a shapefile knows no MultiPolygon
    same_numbers(sample.run(QUICK), sample.run(QUICK, area=area))


# -- 3. roads ----------------------------------------------------------------------------------------------------------


def test_roads_as_xml(sample: Sample) -> None:
    copy_osm(sample, "roads.osm")
    same_numbers(sample.run(), sample.run(roads={"osm": "roads.osm"}))


@pytest.fixture(scope="module")
def bars(sample: Sample) -> dict[str, Any]:
    """`[barriers] lines` for sources without river and railway; the expressway is among their roads."""
    shapes = [(kind, shape) for kind, shape in barriers_of(sample) if kind != "motorway"]
    frame = gpd.GeoDataFrame({"kind": [kind for kind, _ in shapes]}, geometry=[shape for _, shape in shapes], crs=4326)
    pyogrio.write_dataframe(frame, sample.folder / "bars.gpkg", geometry_type="Unknown")
    return {"lines": {"path": "bars.gpkg"}}


def test_roads_as_a_graph(sample: Sample, bars: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(osmnx.settings, "useful_tags_way", sorted(WAY_TAGS))
    graph = osmnx.graph_from_xml(copy_osm(sample, "graph.osm"), simplify=False, retain_all=True)
    osmnx.save_graphml(graph, sample.folder / "roads.graphml")
    same_numbers(sample.run(), sample.run(roads={"graphml": "roads.graphml"}, barriers=bars))


def write_road_lines(sample: Sample) -> dict[str, Any]:
    """The roads as a bureau's layer: class, one-way, bridges, limits and names in columns."""
    rows = []
    for item in osmium.FileProcessor(
        str(sample.folder / "roads.osm.pbf"), osmium.osm.NODE | osmium.osm.WAY
    ).with_locations():
        if isinstance(item, osmium.osm.Way) and "highway" in item.tags:
            tags = dict(item.tags)
            line = shapely.LineString([(node.lon, node.lat) for node in item.nodes])
            bridge = "桥" if "bridge" in tags else ""
            rows.append(
                (
                    tags["highway"],
                    "是" if tags.get("oneway") == "yes" else "否",
                    bridge,
                    "",
                    tags.get("maxspeed", "0"),
                    tags.get("name", ""),
                    line,
                )
            )
    frame = gpd.GeoDataFrame(rows, columns=["等级", "单行", "桥梁", "隧道", "限速", "名称", "geometry"], crs=4326)
    assert (frame["桥梁"] == "桥").sum() == 7
    pyogrio.write_dataframe(frame, sample.folder / "roads.gpkg")
    return {
        "lines": {
            "path": "roads.gpkg",
            "class": "等级",
            "oneway": "单行",
            "bridge": "桥梁",
            "tunnel": "隧道",
            "maxspeed": "限速",
            "name": "名称",
        }
    }


#: A two-way line begins at its smaller end, not where its way did: a split edge leaves its odd millisecond to the other part.
LINES_MS, LINES_MM = 6, 2


def test_roads_as_lines(sample: Sample, bars: dict[str, Any]) -> None:
    one, other = sample.run(), sample.run(roads=write_road_lines(sample), barriers=bars)
    same_numbers(one, other, (*PEOPLE, "short", "nearest_id", "nearest_straight_km"))
    mine, theirs = by_unit(one), by_unit(other)
    for column, most in (("nearest_time_min", LINES_MS / 60_000), ("nearest_road_km", LINES_MM / 1e6)):
        assert mine[column].isna().equals(theirs[column].isna())
        gap = (mine[column] - theirs[column]).abs()
        assert 0 < gap.max() <= most


def barrier_shapes(sample: Sample, **sections: Any) -> list[bytes]:
    found = prepare(sample.study(("national/clinic-per-village",), **sections)).inputs.roads.barriers
    return sorted(shape.wkb for shape in shapely.get_parts(shapely.normalize(found.geometry)))


def test_barriers_given_beside_lines_are_those_of_the_road_file(sample: Sample, bars: dict[str, Any]) -> None:
    """River, railway and water are given, the expressway is among the roads: nobody crosses what nobody crossed."""
    reference = barrier_shapes(sample)
    assert barrier_shapes(sample, roads=write_road_lines(sample), barriers=bars) == reference
    assert len(barrier_shapes(sample, roads=write_road_lines(sample))) == len(reference) - 3


RIVER = ((-100.0, 200.0), (1100.0, 200.0))
POND = ((420.0, 320.0), (480.0, 320.0), (480.0, 380.0), (420.0, 380.0), (420.0, 320.0))


@pytest.mark.parametrize(
    ("drawn", "in_roads", "given", "nothing"),
    [(way(*RIVER, waterway="river"), 0, 0, 100), (way(*POND, natural="water"), 100, 0, 100)],
    ids=["river", "pond"],
)
def test_what_barriers_do(drawn: Way, in_roads: int, given: int, nothing: int, tmp_path: Path) -> None:
    """A river bars alike from the road file and as a given line. An area is more in the road file: people are moved out of
    water; those inside a given area stay there, and reach nothing."""
    places = [lonlat(*place) for place in drawn.nodes]
    shape = shapely.Polygon(places) if drawn.nodes[0] == drawn.nodes[-1] else shapely.LineString(places)
    small = {
        "units": (Unit("U", (0, 0, 1000, 400)),),
        "facilities": (Facility(450, 50),),
        "standards": (circle(60, "walk"),),
        "cells": {(4, 3): 100.0},  # around (450, 350): across the river, in the pond
    }
    ways = (STREET, drawn)
    runs = {
        "roads": (SmallStudy(**small, ways=ways), in_roads),
        "given": (SmallStudy(**small, sections={"barriers": {"lines": "bars.geojson"}}), given),
        "nothing": (SmallStudy(**small), nothing),
    }
    for name, (one, covered) in runs.items():
        (tmp_path / name).mkdir()
        gpd.GeoDataFrame(geometry=[shape], crs=4326).to_file(tmp_path / name / "bars.geojson")
        units = one.run(tmp_path / name).units
        assert units["covered_persons"].tolist() == [covered], name
        assert units["unattached_persons"].tolist() == [100 - covered], name


def test_sources_without_named_places(sample: Sample) -> None:
    """With neither units nor named places everybody lives in a block of 2 km."""
    results = sample.run(("national/medical-15min",), area={}, roads=write_road_lines(sample))
    assert set(results.units["basis"]) == {"block"}
    named = sample.run(("national/medical-15min",), area={})
    assert "nearest_point" in set(named.units["basis"])


# -- the stated differences --------------------------------------------------------------------------------------------

STATED = {
    "nearest_point": "test_points_instead_of_polygons",
    "blocks": "test_points_instead_of_polygons",
    "one_point": "test_table_alone_with_polygons",
    "same_name": "test_table_alone_without_area",
    "no_places": "test_sources_without_named_places",
    "no_barriers": "test_barriers_given_beside_lines_are_those_of_the_road_file",
    "given_area": "test_what_barriers_do",
    "odd_millisecond": "test_roads_as_lines",
    "column_names": "test_facilities_in_every_format",
    "long_text": "test_facilities_in_every_format",
}


def test_the_page_states_these_differences_and_no_others() -> None:
    assert re.findall(r"^\| `(\w+)` \|", FORMS.read_text(encoding="utf-8"), re.MULTILINE) == list(STATED)
    assert all(callable(globals()[name]) for name in STATED.values())

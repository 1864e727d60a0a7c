"""rasterio and pyogrio each bring a GDAL: both open listed drivers only, write nothing beside a file and ask nobody."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import rasterio
import rasterio.env
import shapely

from servicecircle.errors import StudyError
from servicecircle.inputs.gdal import DRIVERS, SETTINGS, address_problem, raster_settings, vector_settings
from servicecircle.inputs.layers import LAYERS, read_layer
from servicecircle.inputs.population import read_population
from servicecircle.inputs.tables import read_table
from servicecircle.study import study_from
from servicecircle.text import LANGUAGES, sentence
from tests.conftest import ROOT
from tests.small_study import write_raster

if TYPE_CHECKING:
    from collections.abc import Iterator

PLAIN = {"type": "FeatureCollection", "features": [
    {"type": "Feature", "properties": {"id": "a"}, "geometry": {"type": "Point", "coordinates": [117.5, 35.1]}}
]}  # fmt: skip


def sums(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def keys(error: pytest.ExceptionInfo[StudyError]) -> set[str]:
    return {one.key for one in error.value.problems}


def people_study(folder: Path, raster: str) -> Any:
    tree = {
        "study": {"name": "x"},
        "population": {"raster": raster},
        "roads": {"osm": "roads.osm"},
        "facilities": [{"path": "f.csv"}],
        "standards": {"use": ["shanting/S01"]},
    }
    return study_from(tree, folder / "study.toml")


# settings ------------------------------------------------------------------------------------------------------------


#: What a library may make of a setting when it is asked.
PLAINER = {"NO": False, "OFF": False, "0": 0}


def test_they_are_two_libraries() -> None:
    """Otherwise one block would do; a setting of one says nothing to the other."""
    with rasterio.Env(SERVICECIRCLE_TEST="yes"):
        assert pyogrio.get_gdal_config_option("SERVICECIRCLE_TEST") is None


def test_both_are_held_within_the_block_and_given_back() -> None:
    pyogrio.set_gdal_config_options({"GDAL_PAM_ENABLED": None, "OGR_SQLITE_LOAD_EXTENSIONS": "mine"})
    before = {name: pyogrio.get_gdal_config_option(name) for name in SETTINGS}
    with vector_settings({"OGR_CURRENT_DATE": "x"}):
        for name, value in SETTINGS.items():
            assert pyogrio.get_gdal_config_option(name) in (value, PLAINER.get(value)), name
        assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") == "x"
    assert {name: pyogrio.get_gdal_config_option(name) for name in SETTINGS} == before
    pyogrio.set_gdal_config_options({"OGR_SQLITE_LOAD_EXTENSIONS": None})
    with raster_settings():
        for name, value in SETTINGS.items():
            assert rasterio.env.get_gdal_config(name) in (value, PLAINER.get(value)), name
    with rasterio.Env():
        assert rasterio.env.get_gdal_config("GDAL_PAM_ENABLED") is None


def test_a_fault_in_the_block_gives_back_too() -> None:
    with pytest.raises(ValueError, match="x"), vector_settings():
        raise ValueError("x")
    assert pyogrio.get_gdal_config_option("GDAL_PAM_ENABLED") is None


def test_every_suffix_that_is_read_has_its_drivers() -> None:
    assert set(DRIVERS) == set(LAYERS)


#: A server in a process of its own (GDAL keeps the interpreter's lock while it asks); each request is a line of a file.
SERVER = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
content = open(sys.argv[1], "rb").read()
class Handler(BaseHTTPRequestHandler):
    def answer(self):
        with open(sys.argv[2], "a") as log:
            log.write(self.path + "\\n")
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)
    do_GET = do_HEAD = answer
    def log_message(self, *_):
        pass
server = HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


class Served:
    """An address on this machine and the requests it got."""

    def __init__(self, port: str, log: Path) -> None:
        self.host, self._log = f"127.0.0.1:{port}", log

    def asked(self) -> list[str]:
        return self._log.read_text().splitlines() if self._log.exists() else []


@contextmanager
def server(folder: Path, content: bytes) -> Iterator[Served]:
    folder.mkdir(parents=True)
    (folder / "content").write_bytes(content)
    command = [sys.executable, "-c", SERVER, str(folder / "content"), str(folder / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as one:
        try:
            assert one.stdout is not None
            yield Served(one.stdout.readline().strip(), folder / "log")
        finally:
            one.kill()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with server(tmp_path_factory.mktemp("http") / "x", json.dumps(PLAIN).encode()) as one:
        yield one


def test_neither_asks_the_network_within_its_block(tmp_path: Path) -> None:
    write_raster(tmp_path / "p.tif", np.ones((2, 2)))
    with server(tmp_path / "one", (tmp_path / "p.tif").read_bytes()) as one:
        with raster_settings(), pytest.raises(rasterio.errors.RasterioError):
            rasterio.open(f"/vsicurl/http://{one.host}/closed.tif", driver="GTiff")
        assert one.asked() == []
        with rasterio.open(f"/vsicurl/http://{one.host}/open.tif", driver="GTiff") as raster:  # the gate bites
            assert raster.count == 1
        assert one.asked()
    with server(tmp_path / "two", json.dumps(PLAIN).encode()) as one:
        with vector_settings(), pytest.raises(pyogrio.errors.DataSourceError):
            pyogrio.read_info(f"/vsicurl/http://{one.host}/closed.geojson")
        assert one.asked() == []
        assert pyogrio.read_info(f"/vsicurl/http://{one.host}/open.geojson")["features"] == 1
        assert one.asked()


def test_no_statistics_are_left_beside_a_raster(tmp_path: Path) -> None:
    for name in ("held", "free"):
        write_raster(tmp_path / f"{name}.tif", np.arange(6.0).reshape(2, 3))
    for name, block in (("held", raster_settings()), ("free", rasterio.Env())):
        with block, warnings.catch_warnings(), rasterio.open(tmp_path / f"{name}.tif", driver="GTiff") as raster:
            warnings.simplefilter("ignore")  # the call is on its way out; no other one writes side files
            raster.statistics(1, approx=False, clear_cache=False)
    assert not (tmp_path / "held.tif.aux.xml").exists()
    assert (tmp_path / "free.tif.aux.xml").exists()  # without the block there would be one


def test_the_command_line_turns_the_network_of_projections_off() -> None:
    code = (
        "import sys; sys.argv = ['servicecircle', '--version']\n"
        "from servicecircle.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "import os, pyproj.network; print(pyproj.network.is_network_enabled(), os.environ['PROJ_NETWORK'])"
    )
    environment = os.environ | {"PROJ_NETWORK": "ON", "PYTHONPATH": str(ROOT / "src" / "coverage")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.splitlines()[-1] == "False OFF"


# addresses -----------------------------------------------------------------------------------------------------------

ADDRESSES = [
    "http://127.0.0.1:9/people.tif",
    "https://example.org/a.geojson",
    "HTTP://example.org/a.geojson",
    "/vsicurl/http://127.0.0.1:9/people.tif",
    "/vsizip/data.zip/people.tif",
    "/vsizip//vsicurl/http://127.0.0.1:9/a.zip/people.tif",
    "/vsimem/people.tif",
    "vsicurl/http://127.0.0.1:9/people.tif",
    "/vsicurl_streaming/http://127.0.0.1:9/a.tif",
    "ftp://example.org/a.tif",
    "s3://bucket/a.tif",
    "vrt://people.tif",
    "zip://data.zip!people.tif",
]


@pytest.mark.parametrize("path", ADDRESSES)
def test_an_address_is_refused_by_name(tmp_path: Path, path: str) -> None:
    write_raster(tmp_path / "people.tif", np.ones((2, 2)))
    with pytest.raises(StudyError) as error:
        read_population(people_study(tmp_path, path))
    assert keys(error) == {"gdal.address"}
    assert all(path in sentence(language, error.value.problems[0]) for language in LANGUAGES)
    with pytest.raises(StudyError) as error:
        read_table((tmp_path / path).absolute(), None, file=path)
    assert keys(error) == {"gdal.address"}


@pytest.mark.parametrize(
    "path", ["people.tif", "C:/data/people.tif", "../a b/人口.tif", "vsi.tif", "data/vsimap/x.tif"]
)
def test_an_ordinary_path_is_no_address(path: str) -> None:
    assert address_problem(path) is None


@pytest.mark.parametrize("name", ["a!b.tif", "a b.tif", "人口?.tif", "x#1.tif", "GTIFF_DIR:1.tif", "people.tif&"])
def test_signs_in_a_name_mean_nothing(tmp_path: Path, name: str) -> None:
    write_raster(tmp_path / "people.tif", np.ones((2, 2)))
    (tmp_path / "people.tif").rename(tmp_path / name)
    assert read_population(people_study(tmp_path, name)).persons == 4


# files of another kind -----------------------------------------------------------------------------------------------

VRT = """<VRTDataset rasterXSize="2" rasterYSize="2"><VRTRasterBand dataType="Float32" band="1">
<SimpleSource><SourceFilename relativeToVRT="1">real.tif</SourceFilename><SourceBand>1</SourceBand></SimpleSource>
</VRTRasterBand></VRTDataset>"""
PYTHON_VRT = """<VRTDataset rasterXSize="2" rasterYSize="2"><VRTRasterBand dataType="Float32" band="1"
subClass="VRTDerivedRasterBand"><PixelFunctionType>run</PixelFunctionType><PixelFunctionLanguage>Python
</PixelFunctionLanguage><PixelFunctionCode><![CDATA[
def run(*a, **k):
    open("MARK", "w").write("x")
]]></PixelFunctionCode></VRTRasterBand></VRTDataset>"""
WMS = """<GDAL_WMS><Service name="TMS"><ServerUrl>http://HOST/${z}/${x}/${y}.png</ServerUrl></Service>
<DataWindow><UpperLeftX>-2e7</UpperLeftX><UpperLeftY>2e7</UpperLeftY><LowerRightX>2e7</LowerRightX>
<LowerRightY>-2e7</LowerRightY><TileLevel>1</TileLevel></DataWindow><Projection>EPSG:3857</Projection>
<BandsCount>3</BandsCount></GDAL_WMS>"""
STACTA = {"stac_version": "1.0.0", "stac_extensions": ["https://stac-extensions.github.io/tiled-assets/v1.0.0/schema.json"],
          "type": "Feature", "asset_templates": {"x": {"href": "http://HOST/{TileCol}.tif"}}}  # fmt: skip
RASTERS = {
    "virtual.vrt": VRT,
    "virtual.tif": VRT,
    "python.tif": PYTHON_VRT,
    "tiles.tif": WMS,
    "grid.tif": "ncols 2\nnrows 2\nxllcorner 0\nyllcorner 0\ncellsize 1\n1 2\n3 4\n",
    "stac.tif": json.dumps(STACTA),
    "empty.tif": "",
}


@pytest.mark.parametrize("name", RASTERS)
def test_a_raster_of_another_kind_is_refused(tmp_path: Path, served: Served, name: str) -> None:
    write_raster(tmp_path / "real.tif", np.ones((2, 2)))
    text = RASTERS[name].replace("HOST", served.host).replace("MARK", str(tmp_path / "mark"))
    (tmp_path / name).write_text(text)
    before = sums(tmp_path)
    with pytest.raises(StudyError) as error:
        read_population(people_study(tmp_path, name))
    assert served.asked() == []
    assert keys(error) == {"population.not_raster"}
    assert name in sentence("zh", error.value.problems[0])
    assert sums(tmp_path) == before


OGR_VRT = """<OGRVRTDataSource><OGRVRTLayer name="real"><SrcDataSource relativeToVRT="1">real.geojson</SrcDataSource>
</OGRVRTLayer></OGRVRTDataSource>"""
TOPO = {"type": "Topology", "objects": {"a": {"type": "GeometryCollection", "geometries": [
    {"type": "Point", "coordinates": [117.5, 35.1], "properties": {"id": "a"}}]}}, "arcs": []}  # fmt: skip
ESRI = {"geometryType": "esriGeometryPoint", "spatialReference": {"wkid": 4326}, "fields": [
    {"name": "id", "type": "esriFieldTypeString", "alias": "id"}], "features": [
    {"attributes": {"id": "a"}, "geometry": {"x": 117.5, "y": 35.1}}]}  # fmt: skip
FEATURES = {
    "virtual.vrt": OGR_VRT,
    "virtual.geojson": OGR_VRT,
    "virtual.json": OGR_VRT,
    "virtual.gpkg": OGR_VRT,
    "virtual.kml": OGR_VRT,
    "virtual.shp": OGR_VRT,
    "topology.geojson": json.dumps(TOPO),
    "esri.geojson": json.dumps(ESRI),
    "esri.json": json.dumps(ESRI),
    "sequence.geojson": "\n".join(json.dumps(PLAIN["features"][0] | {"id": n}) for n in range(3)),
    "fg.geojson": json.dumps(PLAIN | {"conformsTo": ["[ogc-json-fg-1-0.1:core]"]}),
    "service.geojson": json.dumps({"ogcapi": "http://HOST/", "links": [{"rel": "data", "href": "http://HOST/c"}]}),
    "table.geojson": "id,lon,lat\na,117.5,35.1\n",
    "empty.geojson": "",
}


@pytest.mark.parametrize("name", FEATURES)
def test_a_layer_of_another_kind_is_refused(tmp_path: Path, served: Served, name: str) -> None:
    (tmp_path / "real.geojson").write_text(json.dumps(PLAIN))
    (tmp_path / name).write_text(FEATURES[name].replace("HOST", served.host))
    before = sums(tmp_path)
    with pytest.raises(StudyError) as error:
        read_table(tmp_path / name, None, file=name)
    assert served.asked() == []
    assert all(one.values["file"] == name for one in error.value.problems)
    assert sums(tmp_path) == before


def test_a_document_that_points_elsewhere_is_read_as_the_feature_it_is(tmp_path: Path, served: Served) -> None:
    (tmp_path / "stac.geojson").write_text(json.dumps(STACTA).replace("HOST", served.host))
    assert len(read_table(tmp_path / "stac.geojson", None, file="stac.geojson").cells) == 1
    assert served.asked() == []


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_database_that_is_no_geopackage_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "base.gpkg") as base:
        base.execute("CREATE TABLE t (id TEXT, geom BLOB)")
        base.execute("INSERT INTO t VALUES ('a', NULL)")
    base.close()
    before = sums(tmp_path)
    with pytest.raises(StudyError) as error:
        read_layer(tmp_path / "base.gpkg", None, "base.gpkg")
    assert keys(error) <= {"inputs.not_layer", "inputs.empty_file"}
    assert sums(tmp_path) == before


# side files ----------------------------------------------------------------------------------------------------------


def test_nothing_is_written_beside_any_kind_of_file(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame({"id": ["a", "b"]}, geometry=shapely.points([117.5, 117.6], [35.1, 35.2]), crs="EPSG:4326")
    write_raster(tmp_path / "people.tif", np.ones((3, 3)))
    for name, driver in (
        ("a.geojson", "GeoJSON"),
        ("a.gpkg", "GPKG"),
        ("a.shp", "ESRI Shapefile"),
        ("a.kml", "LIBKML"),
    ):
        pyogrio.write_dataframe(frame, tmp_path / name, driver=driver)
    with sqlite3.connect(tmp_path / "a.gpkg") as base:
        base.execute("PRAGMA journal_mode = WAL")
    base.close()
    for name in ("a.prj", "a.cpg"):
        (tmp_path / name).unlink()  # GDAL may not put them back
    (tmp_path / "a.csv").write_text("id,lon,lat\na,117.5,35.1\n")
    before = sums(tmp_path)
    stamps = {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()}
    for name in ("a.geojson", "a.gpkg", "a.shp", "a.kml", "a.csv"):
        assert len(read_table(tmp_path / name, None, file=name).cells) >= 1
    assert read_population(people_study(tmp_path, "people.tif")).persons == 9
    assert sums(tmp_path) == before
    assert {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()} == stamps

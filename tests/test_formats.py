"""One table in every format gives the same frame; files that lie about themselves are noticed; nothing is written beside."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import openpyxl
import pyogrio
import pytest
import shapely

from servicecircle.errors import StudyError
from servicecircle.inputs.dbf import codec_of
from servicecircle.inputs.facilities import read_facilities
from servicecircle.inputs.layers import DRIVERS, layer_names
from servicecircle.inputs.tables import Table, read_table
from servicecircle.inputs.units import read_units
from servicecircle.study import Study, study_from
from servicecircle.text.text import LANGUAGES, sentence
from tests.conftest import missing

NAMES = ("编码", "名称", "类别", "所有制")
#: Leading zeros, 18 digits, and a name beyond the basic plane (rare characters are in GB18030, not in GBK).
ROWS = (
    ("000123", "山亭镇卫生院", "乡镇卫生院", "公立", 117.46, 35.08),
    ("370406197001011234", "𠮷村卫生室", "村卫生室", "集体", 117.48, 35.1),
    ("0", "东村卫生室", "村卫生室", "", 117.5, 35.125),
)
VILLAGES = (("007", "东村", 117.0), ("370406001001000018", "西村", 117.25))


def listing(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir() if p.is_file()}


def sentences(found: Sequence[Any]) -> list[str]:
    return [sentence(language, one) for one in found for language in LANGUAGES]


def keys(table: Table) -> list[str]:
    assert all(sentences(table.notices))
    return [notice.key for notice in table.notices]


def refusal(path: Path, layer: str | None = None) -> tuple[str, dict[str, Any]]:
    before = listing(path.parent)
    with pytest.raises(StudyError) as caught:
        read_table(path, layer)
    assert listing(path.parent) == before
    (one,) = caught.value.problems
    assert all(sentence(language, one) for language in LANGUAGES)
    return one.key, dict(one.values)


# -- the same rows in every format


def csv(folder: Path, header: Sequence[str], rows: Sequence[Sequence[Any]], shapes: Any) -> Path:
    lines = [",".join(header), *(",".join(map(str, row)) for row in rows)]
    (folder / "医院.csv").write_text("\n".join(lines), encoding="utf-8")
    return folder / "医院.csv"


def xlsx(folder: Path, header: Sequence[str], rows: Sequence[Sequence[Any]], shapes: Any) -> Path:
    book = openpyxl.Workbook()
    for row in (header, *rows):
        book.active.append(list(row))
    book.save(folder / "医院.xlsx")
    return folder / "医院.xlsx"


def geojson(folder: Path, header: Sequence[str], rows: Sequence[Sequence[Any]], shapes: Any) -> Path:
    features = [
        {
            "type": "Feature",
            "properties": dict(zip(header, row, strict=True)),
            "geometry": shapely.geometry.mapping(shape),
        }
        for row, shape in zip(rows, shapes, strict=True)
    ]
    (folder / "医院.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8"
    )
    return folder / "医院.geojson"


def layer(suffix: str, encoding: str | None = None) -> Callable[..., Path]:
    def write(folder: Path, header: Sequence[str], rows: Sequence[Sequence[Any]], shapes: Any) -> Path:
        frame = gpd.GeoDataFrame([list(row) for row in rows], columns=list(header), geometry=list(shapes), crs=4326)
        path = folder / f"医院{suffix}"
        pyogrio.write_dataframe(frame, path, encoding=encoding)
        return path

    return write


def kml(folder: Path, header: Sequence[str], rows: Sequence[Sequence[Any]], shapes: Any) -> Path:
    """Placemarks as Google Earth writes them: the name is the placemark's, the rest extended data."""
    marks = "".join(
        f"<Placemark id='p{k}'><name>{row[1]}</name><ExtendedData>"
        + "".join(
            f"<Data name='{h}'><value>{v}</value></Data>" for h, v in zip(header, row, strict=True) if h != header[1]
        )
        + f"</ExtendedData>{kml_shape(shape)}</Placemark>"
        for k, (row, shape) in enumerate(zip(rows, shapes, strict=True))
    )
    return write_kml(folder / "医院.kml", f"<Document><Folder><name>机构</name>{marks}</Folder></Document>")


def kml_shape(shape: Any) -> str:
    if shape.geom_type == "Point":
        return f"<Point><coordinates>{shape.x!r},{shape.y!r}</coordinates></Point>"
    ring = " ".join(f"{x!r},{y!r}" for x, y in shape.exterior.coords)
    return f"<Polygon><outerBoundaryIs><LinearRing><coordinates>{ring}</coordinates></LinearRing></outerBoundaryIs></Polygon>"


def write_kml(path: Path, body: str, head: str = "") -> Path:
    text = f'<?xml version="1.0" encoding="UTF-8"?>{head}<kml xmlns="http://www.opengis.net/kml/2.2">{body}</kml>'
    path.write_text(text, encoding="utf-8")
    return path


def need_libkml() -> None:
    if "LIBKML" not in pyogrio.list_drivers():
        missing("this pyogrio has no LIBKML")


TABLES = {"csv": csv, "xlsx": xlsx}
LAYERS = {
    "geojson": geojson,
    "gpkg": layer(".gpkg"),
    "shp": layer(".shp", "UTF-8"),
    "shp in GB18030": layer(".shp", "GB18030"),
    "kml": kml,
}


def study(path: Path, **sections: Any) -> Study:
    tree: dict[str, Any] = {
        "study": {"name": "t"},
        "population": {"raster": "people.tif"},
        "roads": {"osm": "roads.osm.pbf"},
        "facilities": [{"path": path.name, **({"crs": "WGS84"} if path.suffix in (".csv", ".xlsx") else {})}],
        "standards": {},
    }
    return study_from(tree | sections, path.parent / "study.toml")


@pytest.mark.parametrize("form", [*TABLES, *LAYERS])
def test_the_same_facilities_in_every_format(tmp_path: Path, form: str) -> None:
    if form == "kml":
        need_libkml()
    points = shapely.points([row[4:] for row in ROWS])
    if form in TABLES:
        path = TABLES[form](tmp_path, (*NAMES, "经度", "纬度"), ROWS, None)
    else:
        path = LAYERS[form](tmp_path, NAMES, [row[:4] for row in ROWS], points)
    before = listing(tmp_path)
    frame = read_facilities(study(path)).frame
    assert frame["id"].tolist() == [f"医院:{row[0]}" for row in sorted(ROWS)]
    assert frame["name"].tolist() == [row[1] for row in sorted(ROWS)]
    assert frame["type"].tolist() == ["village_clinic", "township_health_centre", "village_clinic"]
    assert frame["ownership"].tolist() == ["", "government", "collective"]
    assert frame["lon"].tolist() == [row[4] for row in sorted(ROWS)]
    assert frame["lat"].tolist() == [row[5] for row in sorted(ROWS)]
    assert listing(tmp_path) == before


@pytest.mark.parametrize("form", LAYERS)
def test_the_same_units_in_every_layer_format(tmp_path: Path, form: str) -> None:
    if form == "kml":
        need_libkml()
    shapes = [shapely.box(x, 35.0, x + 0.25, 35.25) for *_, x in VILLAGES]
    path = LAYERS[form](tmp_path, ("编码", "名称", "乡镇"), [(*row[:2], "山亭镇") for row in VILLAGES], shapes)
    reading = read_units(study(path, area={"units": {"path": path.name, "parent": "乡镇"}}))
    assert reading is not None
    assert reading.frame["id"].tolist() == [row[0] for row in VILLAGES]
    assert reading.frame["name"].tolist() == ["东村", "西村"]
    assert set(reading.frame["parent"]) == {"山亭镇"}
    assert [geometry.equals(shape) for geometry, shape in zip(reading.frame.geometry, shapes, strict=True)] == [
        True,
        True,
    ]


def test_numbers_as_numbers_where_the_format_keeps_all_digits(tmp_path: Path) -> None:
    """An identifier typed as a number: 18 digits live in GeoJSON and GeoPackage, die in a workbook, which says so."""
    code = 370406197001011235
    at = [shapely.Point(117.4, 35.1)]
    for path in (geojson(tmp_path, ("id",), [(code,)], at), layer(".gpkg")(tmp_path, ("id",), [(code,)], at)):
        table = read_table(path)
        assert (table.texts(0).tolist(), keys(table)) == ([str(code)], [])
    book = read_table(xlsx(tmp_path, ("id", "n"), [(code, "甲")], None))
    assert book.texts(0).tolist() != [str(code)]
    assert keys(book) == ["inputs.lost_digits"]
    decimals = read_table(geojson(tmp_path, ("id",), [(370406197001011235.5,)], at))
    assert keys(decimals) == ["inputs.layers.lost_digits"]


# -- KML


def test_kml_layers_are_folders_and_only_its_own_driver_opens_it(tmp_path: Path) -> None:
    need_libkml()
    mark = "<Placemark><name>{}</name><Point><coordinates>117.4,35.1,20</coordinates></Point></Placemark>"
    schema = '<Schema name="s" id="s"><SimpleField name="编码" type="string"/><SimpleField name="id" type="string"/></Schema>'
    data = '<SchemaData schemaUrl="#s"><SimpleData name="编码">007</SimpleData><SimpleData name="id">018</SimpleData></SchemaData>'
    second = f"<Placemark id='own'><name>乙</name><description>新建</description><ExtendedData>{data}</ExtendedData></Placemark>"
    body = f"<Document>{schema}<Folder><name>甲组</name>{mark.format('甲')}</Folder><Folder><name>乙组</name>{second}</Folder></Document>"
    path = write_kml(tmp_path / "a.kml", body)
    assert [name for name in layer_names(path, "a.kml") if name.endswith("组")] == ["甲组", "乙组"]
    first = read_table(path, "甲组")
    assert first.columns[0] == "name"
    assert first.texts(0).tolist() == ["甲"]
    assert first.crs is not None
    assert first.crs.to_epsg() == 4326
    second_table = read_table(path, "乙组")
    cells = dict(zip(second_table.columns, second_table.cells.iloc[0], strict=True))
    assert cells == {"name": "乙", "description": "新建", "编码": "007", "id": "018"}
    assert pyogrio.read_info(path, layer="甲组")["driver"] in DRIVERS[".kml"]
    assert refusal(path, "丙组")[1]["nearest"] in {"甲组", "乙组"}


def test_kml_without_a_layer_named_says_what_it_left(tmp_path: Path) -> None:
    mark = "<Placemark><name>a</name><Point><coordinates>117.4,35.1</coordinates></Point></Placemark>"
    body = f"<Document><Folder><name>x</name>{mark}</Folder><Folder><name>y</name>{mark}</Folder></Document>"
    table = read_table(write_kml(tmp_path / "a.kml", body))
    assert [(n.key, n.values["layer"], n.values["others"]) for n in table.notices] == [
        ("inputs.layers.first", "x", "y")
    ]


def test_links_of_a_kml_are_named_and_not_followed(tmp_path: Path) -> None:
    mark = "<Placemark><name>a</name><Point><coordinates>117.4,35.1</coordinates></Point></Placemark>"
    other = write_kml(tmp_path / "other.kml", f"<Document>{mark}{mark}</Document>")
    link = f"<NetworkLink><Link><href>{other.as_uri()}</href></Link></NetworkLink>"
    table = read_table(write_kml(tmp_path / "a.kml", f"<Document><name>d</name>{link}{mark}</Document>"), "d")
    assert table.texts(0).tolist() == ["a"]
    assert keys(table) == ["inputs.layers.links"]


ENTITY = '<!DOCTYPE kml [<!ENTITY e SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize(
    ("body", "head", "key"),
    [
        ("<Document><name>&e;</name></Document>", ENTITY, "doctype"),
        ("<Document/>", " " * 70_000 + "<!DOCTYPE kml>", "doctype"),
        ("<Document>" * 300 + "</Document>" * 300, "", "deep_kml"),
        ("<Document><Folder></Document>", "", "not_xml"),
    ],
)
def test_kml_that_is_refused_before_gdal_sees_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, head: str, key: str
) -> None:
    monkeypatch.setattr(pyogrio, "list_layers", lambda *_: pytest.fail("GDAL was asked"))
    assert refusal(write_kml(tmp_path / "a.kml", body, head))[0] == f"inputs.layers.{key}"


def test_other_files_called_kml_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.kml"
    path.write_text('<OGRVRTDataSource><OGRVRTLayer name="x"/></OGRVRTDataSource>', encoding="utf-8")
    assert refusal(path) == ("inputs.layers.not_kml", {"file": "a.kml", "root": "OGRVRTDataSource"})
    path.write_bytes('<?xml version="1.0" encoding="GBK"?><kml>山</kml>'.encode("gbk"))
    assert refusal(path)[0] == "inputs.layers.not_xml"
    path.write_bytes(b"PK\x03\x04")
    assert refusal(path)[0] == "inputs.layers.not_xml"
    shutil.copy(path, tmp_path / "a.kmz")
    assert refusal(tmp_path / "a.kmz")[0] == "inputs.layers.kmz"


@pytest.mark.parametrize(
    ("mark", "told"),
    [
        ("<Placemark><name>a</name>{}</Placemark>", "['a'] []"),
        ("<Placemark><name>a</name><ExtendedData/>{}</Placemark>", "inputs.layers.old_kml"),
        (
            "<Placemark><name>a</name>{}</Placemark><Placemark><name>b</name></Placemark>",
            "['a'] ['inputs.layers.bare_kml']",
        ),
    ],
)
def test_the_older_driver_leaves_nothing_out_in_silence(tmp_path: Path, mark: str, told: str) -> None:
    """pyogrio 0.10 has no LIBKML: its KML driver knows neither extended data nor placemarks without geometry."""
    point = "<Point><coordinates>117.4,35.1</coordinates></Point>"
    path = write_kml(tmp_path / "a.kml", f"<Document>{mark.format(point)}</Document>")
    code = (
        "import sys\nfrom pathlib import Path\nfrom servicecircle.errors import StudyError\n"
        "from servicecircle.inputs.tables import read_table\n"
        "try:\n    table = read_table(Path(sys.argv[1]))\n"
        "    print(table.texts(0).tolist(), [n.key for n in table.notices])\n"
        "except StudyError as error:\n    print(error.problems[0].key)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True, encoding="utf-8", check=True, env=os.environ | {"GDAL_SKIP": "LIBKML"},
    )  # fmt: skip
    assert done.stdout.strip() == told


def test_gdal_has_its_own_settings_back_after_a_kml(tmp_path: Path) -> None:
    need_libkml()
    before = pyogrio.get_gdal_config_option("LIBKML_ID_FIELD")
    kml(tmp_path, NAMES, [ROWS[0][:4]], [shapely.Point(117.4, 35.1)])
    read_table(tmp_path / "医院.kml")
    assert pyogrio.get_gdal_config_option("LIBKML_ID_FIELD") == before


# -- shapefiles


def shapefile(
    folder: Path, texts: Sequence[bytes], *, name: bytes = b"name", width: int = 40, cpg: str | None = None
) -> Path:
    """Write a shapefile byte by byte: one text column, a point for each row."""
    path = folder / "a.shp"
    points = gpd.GeoDataFrame({"n": range(len(texts))}, geometry=shapely.points([(117.4, 35.1)] * len(texts)), crs=4326)
    pyogrio.write_dataframe(points, path)
    head = struct.pack("<B3BLHH20x", 3, 120, 1, 1, len(texts), 65, 1 + width)
    field = name.ljust(11, b"\0") + b"C" + b"\0" * 4 + bytes([width, 0]) + b"\0" * 14
    rows = b"".join(b" " + text[:width].ljust(width, b" ") for text in texts)
    (folder / "a.dbf").write_bytes(head + field + b"\r" + rows + b"\x1a")
    (folder / "a.cpg").unlink(missing_ok=True)
    if cpg is not None:
        (folder / "a.cpg").write_text(cpg, encoding="ascii")
    return path


TOWNS = ("山亭镇", "东村", "卫生室", "城头镇西城头村", "桑村镇")
GB, U8 = [t.encode("gb18030") for t in TOWNS], [t.encode() for t in TOWNS]


@pytest.mark.parametrize(
    ("texts", "cpg", "notice"),
    [
        (U8, "UTF-8", None),
        (GB, "GBK", None),
        (GB, "936", None),
        (GB, "ANSI 936", None),
        (U8, None, None),
        (GB, None, "inputs.gb18030_layer"),
        (GB, "UTF-8", "inputs.layers.cpg_false"),
        (U8, "GBK", "inputs.layers.cpg_false"),
        (U8, "GB2312", "inputs.layers.cpg_false"),
        (U8, "ISO-8859-1", "inputs.layers.cpg_false"),
        (GB, "ISO-8859-1", "inputs.layers.cpg_false"),
        (GB, "1252", "inputs.layers.cpg_false"),
        (GB, "klingon", "inputs.layers.cpg_unknown"),
        (GB, "", "inputs.layers.cpg_unknown"),
        (GB, "UTF-16", "inputs.layers.cpg_unknown"),
    ],
)
def test_the_encoding_of_a_shapefile_is_what_its_bytes_say(
    tmp_path: Path, texts: list[bytes], cpg: str | None, notice: str | None
) -> None:
    table = read_table(shapefile(tmp_path, texts, cpg=cpg))
    assert table.texts(0).tolist() == list(TOWNS)
    assert keys(table) == ([] if notice is None else [notice])


def test_both_readings_hold_and_one_is_mojibake(tmp_path: Path) -> None:
    """An even number of Chinese characters in UTF-8 is also GBK: 山亭 then reads 灞变涵 (by Python's own codec)."""
    pair = "山亭".encode()
    assert pair.decode("gbk") == "灞变涵"
    table = read_table(shapefile(tmp_path, [pair], cpg="GBK"))
    assert (table.texts(0).tolist(), keys(table)) == (["山亭"], ["inputs.layers.cpg_false"])


def test_latin_letters_stay_as_the_cpg_says(tmp_path: Path) -> None:
    names = ["Mitsoudjé", "Moroni"]
    for encoding, cpg in (("latin-1", "ISO-8859-1"), ("utf-8", "UTF-8"), ("cp1252", "1252")):
        table = read_table(shapefile(tmp_path, [n.encode(encoding) for n in names], cpg=cpg))
        assert (table.texts(0).tolist(), keys(table)) == (names, [])


def test_short_gbk_text_that_passes_as_utf8_stays_gbk_when_the_cpg_says_so(tmp_path: Path) -> None:
    """Two bytes each of lead 0xC4-0xDF and trail 0xA1-0xBF are also Latin, Cyrillic ... in UTF-8."""
    text = "模"
    assert text.encode("gbk").decode("utf-8") == "\u0123"
    assert read_table(shapefile(tmp_path, [text.encode("gbk")], cpg="GBK")).texts(0).tolist() == [text]


def test_a_cell_cut_inside_a_character_is_told(tmp_path: Path) -> None:
    for encoding, cpg in (("utf-8", "UTF-8"), ("gb18030", "GBK")):
        table = read_table(shapefile(tmp_path, ["a山亭镇卫生院".encode(encoding)], width=8, cpg=cpg))
        assert table.texts(0).tolist() == ["a山亭镇"[: 3 if encoding == "utf-8" else 4]]
        assert [(n.key, n.values["count"]) for n in table.notices] == [("inputs.layers.cut_cells", 1)]


def test_bytes_in_no_encoding_are_refused(tmp_path: Path) -> None:
    assert refusal(shapefile(tmp_path, [b"a\xff\xff\xffb"], cpg="UTF-8"))[0] == "inputs.layers.dbf_encoding"


def test_damage_before_is_noticed(tmp_path: Path) -> None:
    assert keys(read_table(shapefile(tmp_path, ["山\ufffd".encode()], cpg="UTF-8"))) == ["inputs.damaged_text"]
    assert keys(read_table(shapefile(tmp_path, ["锟斤拷镇".encode("gbk")], cpg="GBK"))) == ["inputs.damaged_text"]


def test_column_names_of_a_shapefile_are_cut_and_said(tmp_path: Path) -> None:
    """机构编码 is 12 bytes in UTF-8: three characters and a third of the fourth are left."""
    path = shapefile(tmp_path, ["甲".encode()], name="机构编码".encode()[:10], cpg="UTF-8")
    table = read_table(path)
    assert table.columns == ["机构编"]
    assert [(n.key, n.values["columns"]) for n in table.notices] == [("inputs.layers.cut_names", "机构编")]
    with pytest.raises(StudyError) as caught:
        read_facilities(study(path, facilities=[{"path": "a.shp", "columns": {"id": "机构编码"}, "type": "clinic"}]))
    (one,) = caught.value.problems
    assert "机构编" in sentence("zh", one)
    assert "10 bytes" in sentence("en", one)
    assert one.values["nearest"] == "机构编"


def test_only_column_names_hold_chinese(tmp_path: Path) -> None:
    for encoding in ("utf-8", "gb18030"):
        path = shapefile(tmp_path, [b"x"], name="机构编码".encode(encoding)[:10])
        assert read_table(path).columns == ["机构编码"[: 3 if encoding == "utf-8" else 4]]


@pytest.mark.parametrize("part", [".shx", ".dbf"])
@pytest.mark.parametrize("restore", [None, "YES"])
def test_a_lost_part_is_a_sentence_and_never_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str, restore: str | None
) -> None:
    path = shapefile(tmp_path, U8, cpg="UTF-8")
    path.with_suffix(part).unlink()
    if restore:
        monkeypatch.setenv("SHAPE_RESTORE_SHX", restore)
        pyogrio.set_gdal_config_options({"SHAPE_RESTORE_SHX": restore})
    try:
        assert refusal(path) == ("inputs.layers.lost_part", {"file": "a.shp", "parts": f"a{part}"})
    finally:
        pyogrio.set_gdal_config_options({"SHAPE_RESTORE_SHX": None})


def test_parts_in_capital_letters(tmp_path: Path) -> None:
    path = shapefile(tmp_path, GB, cpg="GBK")
    for one in list(tmp_path.iterdir()):
        one.rename(one.with_suffix(one.suffix.upper()))
    assert read_table(path.with_suffix(".SHP")).texts(0).tolist() == list(TOWNS)


def test_the_chongqing_districts_read_right(shared_data: Path, tmp_path: Path) -> None:
    """GBK without .cpg, as published; and with a .cpg that says UTF-8 beside it."""
    for one in (shared_data / "messy_files/gbk_no_cpg").iterdir():
        shutil.copyfile(one, tmp_path / one.name)
    path = tmp_path / "区县界_area.shp"
    table = read_table(path)
    names = table.texts(table.columns.index("NAME"))
    assert len(names) == 38
    assert {"奉节县", "云阳县", "开县"} <= set(names)
    path.with_suffix(".cpg").write_text("UTF-8", encoding="ascii")
    told = read_table(path)
    assert told.cells.equals(table.cells)
    assert keys(told) == ["inputs.layers.cpg_false"]


@pytest.mark.parametrize(
    ("cpg", "codec"),
    [
        (b"UTF-8", "utf-8"), (b"utf8\r\n", "utf-8"), (b"65001", "utf-8"), (b"936", "gb18030"), (b"CP936", "gb18030"),
        (b"GB18030", "gb18030"), (b"54936", "gb18030"), (b"OEM 437", "cp437"), (b"ISO 8859-1", "iso8859-1"), (b"88591", None),
        (b"ANSI 1252", "cp1252"), (b"950", "cp950"), (b"", None), (b"hex", None), (b"rot13", None), (b"\xff\xfe", None),
    ],
)  # fmt: skip
def test_what_a_cpg_says(cpg: bytes, codec: str | None) -> None:
    assert codec_of(cpg) == codec


# -- GeoPackages


def geopackage(folder: Path) -> Path:
    """Write a GeoPackage of two layers, a table without geometry, and the styles QGIS leaves."""
    path = folder / "县.gpkg"
    styles = gpd.pd.DataFrame({"styleName": ["x"], "styleQML": ["<qgis/>"]})
    pyogrio.write_dataframe(styles, path, layer="layer_styles")
    for name in ("卫生院", "卫生室"):
        frame = gpd.GeoDataFrame({"编码": ["01"], "名称": [name]}, geometry=[shapely.Point(117.4, 35.1)], crs=4326)
        pyogrio.write_dataframe(frame, path, layer=name)
    villages = gpd.pd.DataFrame({"编码": ["0001"], "村名": ["东村"], "人口": [120]})
    pyogrio.write_dataframe(villages, path, layer="村表")
    return path


def test_layers_styles_and_tables_of_a_geopackage(tmp_path: Path) -> None:
    path = geopackage(tmp_path)
    assert sorted(layer_names(path, path.name)) == sorted(["卫生院", "卫生室", "村表"])
    assert read_table(path, "卫生室").texts(1).tolist() == ["卫生室"]
    villages = read_table(path, "村表")
    assert (villages.geometry, villages.crs, villages.place) == (None, None, "县.gpkg [村表]")
    assert villages.cells.to_numpy().tolist() == [["0001", "东村", "120"]]
    assert refusal(path, "layer_styles")[0] == "inputs.no_layer"
    assert keys(read_table(path)) == ["inputs.layers.first"]


@pytest.mark.parametrize("mode", ["wal", "delete", "open"])
def test_no_journal_is_written_beside_a_geopackage_and_what_waits_in_one_is_read(tmp_path: Path, mode: str) -> None:
    path = geopackage(tmp_path)
    other = sqlite3.connect(path)
    other.execute(f"pragma journal_mode={'delete' if mode == 'delete' else 'wal'}")
    other.execute("pragma wal_autocheckpoint=0")
    if mode == "open":
        other.execute('update "村表" set 村名 = "西村"')
        other.commit()
    else:
        other.close()
    before = listing(tmp_path)
    assert ("县.gpkg-wal" in before) == (mode == "open")
    table = read_table(path, "村表")
    assert listing(tmp_path) == before
    assert table.texts(1).tolist() == ["西村" if mode == "open" else "东村"]
    assert keys(table) == (["inputs.layers.journal"] if mode == "open" else [])
    other.close()

"""The files of a sample county besides its roads: rasters, units, tables, the workbook, the study."""

from __future__ import annotations

import contextlib
import csv
import datetime as dt
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import rasterio
import shapely
import xlsxwriter

from servicecircle.geo.coordinates import wgs84_to_gcj02
from servicecircle.standards.vocabulary import ownerships

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from servicecircle.geo.grid import Grid
    from servicecircle.sample.land import Land
    from servicecircle.sample.presets import Preset
    from servicecircle.sample.services import Facility
    from servicecircle.sample.settle import Places

SYNTHETIC = "合成数据 synthetic data"
NODATA = -99999.0
CREATED = dt.datetime(2026, 1, 1)  # noqa: DTZ001 - Office dates have no zone; fixed so that bytes are equal
CLOCK = "2026-01-01T00:00:00.000Z"

#: Columns of the facility workbook, in order.
COLUMNS = (
    "机构编号", "机构名称", "类别", "所有制", "等级", "床位数", "执业医师", "注册护士", "卫生技术人员", "救护车",
    "负压救护车", "服务项目", "中医诊疗方法数", "开放时间", "服务村", "依托机构", "所在乡镇", "经度", "纬度", "备注",
)  # fmt: skip
SHEETS = ("医疗卫生机构", "健身场所", "其他服务设施")


def write_persons(path: Path, grid: Grid, cell: NDArray[np.int64], persons: NDArray[np.float64], band: str) -> None:
    """Write persons per cell as float32 GeoTIFF, no data where nobody lives."""
    values = np.full(grid.shape[0] * grid.shape[1], NODATA, dtype=np.float32)
    values[cell[persons > 0]] = persons[persons > 0]
    _write_raster(path, grid, values.reshape(grid.shape), NODATA, band, predictor=3)


def write_elevation(path: Path, grid: Grid, height: NDArray[np.float64], void: int) -> None:
    """Write metres above sea as int16 GeoTIFF."""
    _write_raster(path, grid, height.astype(np.int16), void, "metres above sea", predictor=2)


def _write_raster(
    path: Path, grid: Grid, values: NDArray[np.float32] | NDArray[np.int16], nodata: float, band: str, *, predictor: int
) -> None:
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=grid.shape[1],
        height=grid.shape[0],
        count=1,
        dtype=values.dtype,
        crs=grid.crs.to_wkt(),
        transform=grid.transform,
        nodata=nodata,
        compress="deflate",
        predictor=predictor,
        zlevel=9,
    ) as file:
        file.write(values, 1)
        file.set_band_description(1, band)
        file.update_tags(source=SYNTHETIC)


def write_units(path: Path, land: Land, places: Places, units: NDArray[np.object_]) -> None:
    """Write the borders of villages and committees and the points they are named for, as one GeoPackage."""
    attributes = {
        "code": places.code,
        "name": places.name,
        "town": np.array(places.towns)[places.town],
        "class": places.class_code,
        "source": np.full(places.count, SYNTHETIC),
    }
    shapes = shapely.transform(units, lambda xy: np.round(np.column_stack(land.working.unproject(xy)), 7))
    lon, lat = (np.round(v, 6) for v in land.working.unproject(places.xy))
    layers = (("units", shapes, "MultiPolygon"), ("points", shapely.points(lon, lat), "Point"))
    with _fixed_clock():
        for name, geometry, kind in layers:
            multi = [shapely.MultiPolygon([g]) if isinstance(g, shapely.Polygon) else g for g in geometry]
            frame = gpd.GeoDataFrame(attributes, geometry=multi, crs="EPSG:4326")
            options = {"dataset_options": {"VERSION": "1.2"}} if not path.exists() else {"append": False}
            pyogrio.write_dataframe(frame, path, layer=name, driver="GPKG", geometry_type=kind, **options)


@contextlib.contextmanager
def _fixed_clock() -> Iterator[None]:
    """Let GDAL write a fixed date: equal data are equal bytes."""
    before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": CLOCK})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})


def write_csv(path: Path, rows: Sequence[Sequence[object]], *, encoding: str = "utf-8-sig") -> None:
    """Write a table; UTF-8 with a byte order mark unless told otherwise."""
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, lineterminator="\r\n").writerows(rows)


def facility_id(number: int) -> str:
    """Return the identifier of the facility at a place in the list, from 0."""
    return f"SYN{number + 1:05d}"


def facility_table(land: Land, places: Places, facilities: Sequence[Facility]) -> pd.DataFrame:
    """Return the facilities as the workbook prints them (GCJ-02, six decimals), with the column ``sheet``."""
    xy = np.array([f.xy for f in facilities])
    lon, lat = wgs84_to_gcj02(*land.working.unproject(xy))
    owners = ownerships()
    rows = [
        (
            facility_id(number), f.name, f.word, owners[f.ownership].zh, f.grade, f.beds, f.doctors, f.nurses, f.staff,
            f.ambulances, f.negative_pressure, f.services, f.tcm_methods, f.hours, f.serves, f.host,
            places.towns[int(places.town[f.place])], round(float(x), 6), round(float(y), 6), "合成数据",
        )
        for number, (f, x, y) in enumerate(zip(facilities, lon, lat, strict=True))
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)
    frame["sheet"] = [f.sheet for f in facilities]
    return frame


def write_workbook(path: Path, sheets: dict[str, list[list[object]]]) -> None:
    """Write rows (the first is the header) to sheets; text stays text, bytes are the same every time."""
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        book.set_properties({"title": "合成数据", "comments": SYNTHETIC, "created": CREATED})
        head = book.add_format({"bold": True})
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            sheet.set_paper(9)
            sheet.set_landscape()
            for k, row in enumerate(rows):
                for column, value in enumerate(row):
                    if value is not None and value != "" and not (isinstance(value, float) and np.isnan(value)):
                        sheet.write(k, column, value, head if k == 0 else None)


def sheets_of(table: pd.DataFrame) -> dict[str, list[list[object]]]:
    """Return the rows of each sheet of the facility workbook, header first."""
    columns: list[object] = [column for column in table.columns if column != "sheet"]
    return {
        sheet: [columns, *table.loc[table["sheet"] == sheet, columns].to_numpy(dtype=object).tolist()]
        for sheet in SHEETS
    }


def list_name(name: str) -> str:
    """Return the name of a village or committee as the division list prints it: 例山村委会, 例和社区居委会."""
    if name.endswith("村"):
        return f"{name}委会"
    return f"{name}居委会" if name.endswith("社区") else name


def readme(preset: Preset, seed: int) -> str:
    """Return what stands in the folder, in both languages."""
    return README.format(zh=preset.title.zh, en=preset.title.en, county=preset.county, preset=preset.id, seed=seed)


def place_readme(preset: Preset, seed: int) -> str:
    """Return what stands in the folder of a place, in both languages."""
    return PLACE_README.format(
        zh=preset.title.zh, en=preset.title.en, county=preset.county, preset=preset.id, plan=preset.plan, seed=seed
    )


PLACE_README = """# {county} · {en}

{zh}：人口、年龄结构、乡镇和村的数目取自 2020 年普查和 2021 年区划代码；边界、地形、道路、村名、机构和填报值全部由
程序生成，**不是当地资料，结果也不说明当地实情**。数据不入库，一条命令生成并运行：`make {preset}`。许可：CC0-1.0。

A synthetic county: head counts, ages and numbers of towns and villages are facts of the 2020 census and the 2021
division codes; borders, land, roads, names, facilities and reported values are generated. **No data of the real place,
and the results say nothing about it.** The data are not committed; one command makes and runs them: `make {preset}`.
Licence: CC0-1.0.

```sh
servicecircle sample {preset} geodata/{preset} --seed {seed}
servicecircle run geodata/{preset}/study.toml -o maps/{preset}
```

| 文件 file | 内容 | content |
|---|---|---|
| `study.toml` | 研究文件：规划 `{plan}` 的每一条 | the study: every row of the plan |
| `units.gpkg` | 村（社区）边界和村点，城乡分类代码 | borders and points of villages |
| `population*.tif` | 每格人数：全部和各年龄组 | persons per cell: all, and groups by age |
| `roads.osm.pbf` | 道路、河流、铁路、地名 | roads, river, railway, place names |
| `villages.csv`, `census.csv` | 村级和乡镇人口（常住、户籍） | people by village and by town |
| `facilities.xlsx`, `services.csv` | 机构和设施（GCJ-02） | facilities, in GCJ-02 |
| `venues.geojson`, `gates.geojson` | 公园、绿道和公园入口 | a park, a greenway, the park's gates |
| `attributes.csv` | 机构的等级、达标、人员等，空格为未知 | what facilities have; an empty cell is unknown |
| `reported.csv` | 全域的填报值 | values of the whole area |
| `towns.csv`, `units.csv` | 乡镇、村的填报值（规划要求时才有） | values of towns and villages, where the plan asks |
"""


README = """# {county}（合成数据） · synthetic county

{zh}，由 `servicecircle sample {preset} DIR --seed {seed}` 生成；与任何真实地点无关，名称均为虚构。许可：CC0-1.0。
A county that does not exist ({en}), made by the command above; names are invented. Licence: CC0-1.0.

| 文件 file | 内容 | content |
|---|---|---|
| `study.toml` | 研究文件 | the study: `servicecircle run study.toml` |
| `units.gpkg` | 村（社区）边界和村点，城乡分类代码 | borders (`units`) and points (`points`) of villages |
| `population*.tif` | 每格人数：全部、65+、0-14、15-49 岁女性、无约束 | persons per cell: all, groups, unconstrained |
| `roads.osm.pbf` | 道路、河流、铁路、地名 | roads, river, railway, place names |
| `dem.tif` | 高程（米） | elevation, metres |
| `villages.csv`, `census.csv` | 村级和乡镇人口（常住、户籍），无坐标 | people by village and by town, no coordinates |
| `facilities.xlsx` | 设施工作簿（GCJ-02） | the facility workbook, GCJ-02 |
| `venues.geojson`, `gates.geojson`, `reported.csv` | 面状和线状设施、上报值 | areas, lines, reported values |
| `study_more.toml` | 用上以上各种数据的研究文件 | a study that uses these too |
| `facilities_dirty.xlsx`, `clinics_gbk.csv`, `study_dirty.toml` | 同样的设施，带人为错误 | with planted faults |
| `faults.csv` | 埋入的错误 | the planted faults |
| `planted.csv` | 埋好的缺口、原因和反事实 | planted gaps, their causes, and what would cover them |
"""

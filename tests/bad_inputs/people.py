"""Families 16 to 20, 24 and 25: what rasters and tables say of people."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio

from tests.bad_inputs.case import case
from tests.bad_inputs.desk import CLINICS, Desk
from tests.small_study import lonlat, polygon

TIF = "people.tif"


def cells(desk: Desk, value: float, dtype: str = "float32", *, nodata: float | None = None, count: int = 3) -> None:
    """Put a value into the first cells, and store the raster as a type."""
    desk.cells = desk.cells.astype(dtype)
    desk.cells[0, :count] = value
    desk.raster |= {"nodata": nodata}


# -- 16 no data; the three first cells hold 10 persons


@case(16, "-9999, undeclared", "told", "population.undeclared", TIF, "3", "-9999", persons=1330.0)
def _(desk: Desk) -> None:
    cells(desk, -9999)


@case(16, "-99999, undeclared", "told", "population.undeclared", TIF, "3", "-99999", persons=1330.0)
def _(desk: Desk) -> None:
    cells(desk, -99999)


@case(16, "-3.4e38, undeclared", "told", "population.undeclared", TIF, "3", "3.4e38", persons=1330.0)
def _(desk: Desk) -> None:
    cells(desk, float(np.finfo("float32").min))


@case(16, "65535, undeclared", "told", "population.undeclared", TIF, "3", "65535", persons=1330.0)
def _(desk: Desk) -> None:
    cells(desk, 65535, "uint16")


@case(16, "-32768, undeclared", "told", "population.undeclared", TIF, "3", "-32768", persons=1330.0)
def _(desk: Desk) -> None:
    cells(desk, -32768, "int16")


@case(16, "inf, undeclared", "told", "population.undeclared", TIF, "3", "inf", persons=1330.0)
def _(desk: Desk) -> None:
    cells(desk, np.inf)


@case(16, "NaN", "read", persons=1330.0)
def _(desk: Desk) -> None:
    cells(desk, np.nan)


@case(16, "-9999, declared", "read", persons=1330.0)
def _(desk: Desk) -> None:
    cells(desk, -9999, nodata=-9999)


@case(16, "0 declared, -9999 meant", "told", "population.undeclared", TIF, "-9999", persons=1330.0)
def _(desk: Desk) -> None:
    cells(desk, -9999, nodata=0)


@case(16, "-1, undeclared", "refused", "population.negative_cells", TIF, "3", "-1")
def _(desk: Desk) -> None:
    cells(desk, -1)


@case(16, "-200 by which WorldPop marks water", "refused", "population.negative_cells", TIF, "-200")
def _(desk: Desk) -> None:
    cells(desk, -200)


@case(16, "a mask inside the file", "read", persons=1330.0)
def _(desk: Desk) -> None:
    def mask(target: rasterio.io.DatasetWriter) -> None:
        inside = np.full((20, 20), 255, dtype="uint8")
        inside[0, :3] = 0
        target.write_mask(inside)

    desk.raster["nodata"] = None
    desk.tags = mask


@case(
    16,
    "another nodata declared by the study's twin",
    "told",
    "population.undeclared",
    TIF,
    "2147483647",
    persons=1330.0,
)
def _(desk: Desk) -> None:
    cells(desk, 2147483647, "int32", nodata=-1)


# -- 17 negative numbers


@case(17, "cells of -5", "refused", "population.negative_cells", TIF, "3", "-5")
def _(desk: Desk) -> None:
    cells(desk, -5, nodata=-1)


@case(17, "cells a little below zero, as a resampling leaves them", "refused", "population.negative_cells", TIF, "3")
def _(desk: Desk) -> None:
    cells(desk, -0.002)


@case(17, "a row of -3 people", "refused", "population.negative_rows", "people.csv", "2", "-3")
def _(desk: Desk) -> None:
    desk.people_table([-3, 200, 300, 400])


@case(17, "a census of -600", "refused", "population.negative_rows", "census.csv", "2", "-600")
def _(desk: Desk) -> None:
    desk.census([-600, 700])


@case(17, "negative people of a group", "refused", "population.group_negative", "people.csv", "old", "2")
def _(desk: Desk) -> None:
    places = [lonlat(500 + 1000 * k, 500) for k in range(2)]
    desk.table(
        "people.csv", [("id", "persons", "old", "lon", "lat"), *((f"p{k}", 100, -7, *p) for k, p in enumerate(places))]
    )
    desk.tree["population"] = {"points": {"path": "people.csv", "crs": "WGS84"}, "groups": {"65+": "old"}}


@case(17, "negative beds", "refused", "assets.negative", "facilities.csv", "床位数", "3")
def _(desk: Desk) -> None:
    desk.rows[1]["床位数"] = "-4"


@case(17, "minus zero", "read", persons=900.0)
def _(desk: Desk) -> None:
    desk.people_table(["-0", 200, 300, 400])


# -- 18 density instead of counts


@case(18, "the band is called density", "refused", "population.density", TIF, "population density")
def _(desk: Desk) -> None:
    desk.tags = lambda target: target.set_band_description(1, "population density 2020")


@case(18, "the unit is persons/km2", "refused", "population.density", TIF, "persons/km2")
def _(desk: Desk) -> None:
    desk.tags = lambda target: setattr(target, "units", ["persons/km2"])


@case(18, "the unit is per ha", "refused", "population.density", TIF, "people per ha")
def _(desk: Desk) -> None:
    desk.tags = lambda target: setattr(target, "units", ["people per ha"])


@case(18, "a tag says 人口密度", "refused", "population.density", TIF, "人口密度")
def _(desk: Desk) -> None:
    desk.tags = lambda target: target.update_tags(1, layer="人口密度")


@case(18, "a tag of the file says density", "refused", "population.density", TIF, "Population Density")
def _(desk: Desk) -> None:
    desk.tags = lambda target: target.update_tags(TIFFTAG_IMAGEDESCRIPTION="Population Density, persons per square km")


@case(18, "the file is called density", "told", "intake.density_name", "pop_density_2020.tif")
def _(desk: Desk) -> None:
    desk.files["pop_density_2020.tif"] = desk._people  # the same raster under another name
    desk.tree["population"]["raster"]["path"] = "pop_density_2020.tif"


@case(18, "a column called 人口密度", "told", "intake.density_name", "people.csv", "人口密度")
def _(desk: Desk) -> None:
    desk.people_table([800, 900, 700, 400])
    content = desk.files["people.csv"]
    assert isinstance(content, bytes)
    desk.files["people.csv"] = content.replace(b"persons", "人口密度".encode())
    desk.tree["population"]["points"]["persons"] = "人口密度"


# -- 19 bands, scale and offset


@case(19, "three bands", "refused", "population.bands", TIF, "3")
def _(desk: Desk) -> None:
    desk.cells = np.stack([desk.cells] * 3)


@case(19, "a picture", "refused", "population.bands", TIF, "3")
def _(desk: Desk) -> None:
    desk.cells = np.stack([desk.cells.astype("uint8")] * 3)
    desk.raster |= {"photometric": "RGB", "nodata": None}


@case(19, "a band of transparency", "refused", "population.bands", TIF, "2")
def _(desk: Desk) -> None:
    desk.cells = np.stack([desk.cells.astype("uint8"), np.full((20, 20), 255, dtype="uint8")])
    desk.raster["nodata"] = None


@case(19, "a scale", "told", "population.scaled", TIF, "0.1", persons=134.0)
def _(desk: Desk) -> None:
    desk.tags = lambda target: setattr(target, "scales", [0.1])


@case(19, "an offset", "told", "population.scaled", TIF, "2", persons=1340.0 + 2 * 400)
def _(desk: Desk) -> None:
    desk.tags = lambda target: setattr(target, "offsets", [2])


@case(19, "a scale of zero", "refused", "population.nobody", TIF)
def _(desk: Desk) -> None:
    desk.tags = lambda target: setattr(target, "scales", [0])


@case(19, "complex numbers", "refused", "population.complex", TIF)
def _(desk: Desk) -> None:
    desk.cells = desk.cells.astype("complex64")
    desk.raster["nodata"] = None


@case(19, "a raster turned by ten degrees", "refused", "population.turned", TIF)
def _(desk: Desk) -> None:
    desk.raster["transform"] = rasterio.Affine(98, 17, 680_500, 17, -98, 3_882_000)


@case(19, "cells without a size", "refused", "population.no_position", TIF)
def _(desk: Desk) -> None:
    desk.raster["transform"] = rasterio.Affine(1.7e-313, 0, 680_500, 0, -1.4e-309, 3_882_000)


# -- 20 integer overflow


@case(20, "255 in a byte", "told", "population.saturated", TIF, "3", "255")
def _(desk: Desk) -> None:
    cells(desk, 255, "uint8")


@case(20, "65535 of two bytes", "told", "population.undeclared", TIF, "65535")
def _(desk: Desk) -> None:
    cells(desk, 65535, "uint16")


@case(20, "40,000 that became -25,536", "refused", "population.negative_cells", TIF, "-25536")
def _(desk: Desk) -> None:
    cells(desk, -25536, "int16")


@case(20, "2147483647 of four bytes", "told", "population.undeclared", TIF, "2147483647")
def _(desk: Desk) -> None:
    cells(desk, 2147483647, "int32")


@case(20, "4294967295 of four bytes", "told", "population.undeclared", TIF, "4294967295")
def _(desk: Desk) -> None:
    cells(desk, 4294967295, "uint32")


@case(20, "32767 of two bytes", "told", "population.undeclared", TIF, "32767")
def _(desk: Desk) -> None:
    cells(desk, 32767, "int16")


@case(20, "a number beyond every float", "set_aside", "numbers.other_unit", "people.csv", "1e999", persons=900.0)
def _(desk: Desk) -> None:
    desk.people_table(["1e999", 200, 300, 400])


# -- 24 data years that differ


def years(desk: Desk, people: str, facilities: str, roads: str = "") -> None:
    desk.tree["population"]["raster"]["source"] = people
    desk.facility_file["source"] = facilities
    if roads:
        desk.tree["roads"]["osm"]["source"] = roads


@case(24, "people of 2010, facilities of 2025", "told", "years.differ", "2010", "2025")
def _(desk: Desk) -> None:
    years(desk, "WorldPop 2010", "县卫生健康局 2025年")


@case(24, "people and roads fifteen years apart", "told", "years.differ", "2025", "2010")
def _(desk: Desk) -> None:
    years(desk, "WorldPop 2025", "县卫生健康局 2025年", "测绘局 2010")


@case(24, "a census of 2010 over people of 2020", "told", "years.differ", "2010", "2020")
def _(desk: Desk) -> None:
    desk.census([600, 700], source="第六次人口普查 2010年")
    years(desk, "WorldPop 2020", "县卫生健康局 2020年")


@case(24, "years in the names of the files", "told", "years.differ", "2010", "2025")
def _(desk: Desk) -> None:
    desk.files["worldpop_2010.tif"] = desk._people  # the same raster under another name
    desk.tree["population"]["raster"]["path"] = "worldpop_2010.tif"
    desk.files["医疗机构2025.csv"] = desk.csv().encode()
    desk.facility_file["path"] = "医疗机构2025.csv"


@case(24, "a year of values that is none", "set_aside", "assets.reason.year", "staff.csv", "2", "去年")
def _(desk: Desk) -> None:
    desk.table("staff.csv", [("机构编号", "执业医师", "年份"), ("001", 3, "去年"), ("002", 4, 2024)])
    desk.tree["assets"] = [
        {"path": "staff.csv", "of": "facility", "id": "机构编号", "columns": {"doctors": "执业医师"}}
    ]


@case(24, "beds of one facility given twice for a year", "refused", "assets.twice", "staff.csv", "2024")
def _(desk: Desk) -> None:
    desk.table("staff.csv", [("机构编号", "执业医师", "年份"), ("001", 3, 2024), ("001", 4, 2024)])
    desk.tree["assets"] = [
        {"path": "staff.csv", "of": "facility", "id": "机构编号", "columns": {"doctors": "执业医师"}}
    ]


@case(24, "all of one year", "read")
def _(desk: Desk) -> None:
    years(desk, "WorldPop 2020", "县卫生健康局 2020年", "OSM 2020")


# -- 25 population that cannot be right


@case(25, "a city's people in every cell", "told", "people.dense_cells", TIF)
def _(desk: Desk) -> None:
    desk.cells *= 5000


@case(25, "shares for people: everybody adds up to one", "told", "people.few", TIF)
def _(desk: Desk) -> None:
    desk.cells /= desk.cells.sum()


@case(25, "factors of a hundred against the census", "told", "calibrate.extreme", "census.csv", "南山镇")
def _(desk: Desk) -> None:
    desk.census([66_000, 700])


@case(25, "the census in ten thousands", "told", "calibrate.extreme", "census.csv", "北河镇")
def _(desk: Desk) -> None:
    desk.census([0.06, 0.07])


@case(25, "a unit without people", "told", "people.empty", TIF, "370406100201")
def _(desk: Desk) -> None:
    desk.units[0]["geometry"] = polygon((-50, 0, 1000, 1000))
    desk.cells[10:, :10] = 0


@case(25, "a telephone number for people", "refused", "people.too_many_rows", "people.csv", "2", "13800138000")
def _(desk: Desk) -> None:
    desk.people_table([13800138000, 200, 300, 400])


@case(25, "everybody in one cell", "told", "people.dense_cells", TIF)
def _(desk: Desk) -> None:
    desk.cells[:] = 0
    desk.cells[5, 5] = 90_000


@case(25, "nobody", "refused", "population.nobody", TIF)
def _(desk: Desk) -> None:
    desk.cells[:] = 0


@case(25, "a village that the census does not know", "told", "matching.no_row", "table.csv", "柳园村")
def _(desk: Desk) -> None:
    desk.table("table.csv", [("村名", "人口"), ("东岭村", 100), ("西沟村", 100), ("北河村", 100)])
    desk.tree["population"] = {"table": "table.csv"}


__all__ = ["CLINICS", "Path"]

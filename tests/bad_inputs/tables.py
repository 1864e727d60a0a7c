"""Families 1 to 10: tables, their texts, numbers, places and identifiers."""

from __future__ import annotations

import datetime as dt

import openpyxl
import shapely

from tests.bad_inputs.case import case
from tests.bad_inputs.desk import HEADER, VILLAGES, Desk
from tests.small_study import lonlat

NAMES = {"东岭村一号卫生室", "东岭村二号卫生院", "西沟村一号卫生室", "西沟村二号卫生室"} | {
    "北河村一号卫生室",
    "北河村二号卫生室",
    "柳园村一号卫生院",
    "柳园村二号卫生室",
}
CSV = "facilities.csv"


def text_in(desk: Desk, encoding: str, prefix: bytes = b"", **words: str) -> None:
    text = desk.csv()
    for old, new in words.items():
        text = text.replace(old, new)
    desk.files[CSV] = prefix + text.encode(encoding)


# -- 1 encodings


@case(1, "UTF-8 with BOM", "read", names=NAMES)
def _(desk: Desk) -> None:
    text_in(desk, "utf-8-sig")


@case(1, "GBK", "told", "inputs.gb18030", CSV, names=NAMES)
def _(desk: Desk) -> None:
    text_in(desk, "gbk")


@case(
    1,
    "a character that only GB18030 has",
    "told",
    "inputs.gb18030",
    CSV,
    names=(NAMES | {"𠮷岭村"}) - {"东岭村一号卫生室"},
)
def _(desk: Desk) -> None:
    desk.rows[0]["机构名称"] = "𠮷岭村"
    text_in(desk, "gb18030")


@case(1, "UTF-16 little endian with BOM", "read", names=NAMES)
def _(desk: Desk) -> None:
    text_in(desk, "utf-16-le", b"\xff\xfe")


@case(1, "UTF-16 big endian with BOM", "read", names=NAMES)
def _(desk: Desk) -> None:
    text_in(desk, "utf-16-be", b"\xfe\xff")


@case(1, "UTF-16 without BOM", "refused", "inputs.encoding", CSV)
def _(desk: Desk) -> None:
    text_in(desk, "utf-16-le")


@case(1, "bytes of no encoding", "refused", "inputs.encoding", CSV)
def _(desk: Desk) -> None:
    desk.files[CSV] = desk.csv().encode().replace("东岭村".encode(), b"\xff\xff\xfe,", 1)


@case(1, "replacement characters", "told", "inputs.damaged_text", CSV, "3")
def _(desk: Desk) -> None:
    desk.rows[2]["机构名称"] = "西沟\ufffd\ufffd\ufffd"


@case(1, "GBK that was read as UTF-8 and saved", "told", "inputs.damaged_text", CSV)
def _(desk: Desk) -> None:
    desk.rows[2]["机构名称"] = "锟斤拷卫生室"


@case(1, "question marks for Chinese", "told", "inputs.damaged_text", CSV)
def _(desk: Desk) -> None:
    desk.rows[2]["机构名称"] = "???????"


@case(1, "UTF-8 that was read as Latin-1 and saved", "told", "inputs.damaged_text", CSV)
def _(desk: Desk) -> None:
    desk.rows[2]["机构名称"] = "东岭村".encode().decode("latin-1")


@case(
    1,
    "a shapefile in GBK without .cpg",
    "told",
    "inputs.gb18030_layer",
    "units.shp",
    unit_names={v[1] for v in VILLAGES},
)
def _(desk: Desk) -> None:
    desk.units_layer("units.shp", encoding="GBK")
    desk.files["units.cpg"] = lambda path: path.unlink()


@case(
    1,
    "a .cpg that says GBK over UTF-8",
    "told",
    "inputs.layers.cpg_false",
    "units.shp",
    "GBK",
    unit_names={v[1] for v in VILLAGES},
)
def _(desk: Desk) -> None:
    desk.units_layer("units.shp", encoding="UTF-8")
    desk.files["units.cpg"] = b"GBK"


@case(
    1,
    "a .cpg that says UTF-8 over GBK",
    "told",
    "inputs.layers.cpg_false",
    "units.shp",
    "UTF-8",
    unit_names={v[1] for v in VILLAGES},
)
def _(desk: Desk) -> None:
    desk.units_layer("units.shp", encoding="GBK")
    desk.files["units.cpg"] = b"UTF-8"


@case(1, "a .cpg of an unknown word", "told", "inputs.layers.cpg_unknown", "units.shp", "Klingon")
def _(desk: Desk) -> None:
    desk.units_layer("units.shp", encoding="UTF-8")
    desk.files["units.cpg"] = b"Klingon"


# -- 2 workbooks


@case(2, "title rows above the header", "told", "inputs.title_rows", "facilities.xlsx [Sheet]", "3", names=NAMES)
def _(desk: Desk) -> None:
    desk.book([("医疗机构一览表",), (), HEADER, *(r.values() for r in desk.rows)])


@case(2, "a cover sheet before the data, named", "read", names=NAMES)
def _(desk: Desk) -> None:
    desk.book(change=lambda book: book.create_sheet("封面", 0).append(["医疗机构一览表"]))
    desk.facility_file["layer"] = "Sheet"


@case(2, "several sheets, none named", "told", "intake.first_sheet", "facilities.xlsx", "Sheet", "2024年", names=NAMES)
def _(desk: Desk) -> None:
    desk.book(change=lambda book: book.create_sheet("2024年").append(["机构名称", "经度"]))


@case(2, "no such sheet", "refused", "inputs.no_layer", "facilities.xlsx", "Sheet", "机构")
def _(desk: Desk) -> None:
    desk.book()
    desk.facility_file["layer"] = "机构"


@case(2, "a hidden sheet first", "read", names=NAMES)
def _(desk: Desk) -> None:
    def hide(book: openpyxl.Workbook) -> None:
        sheet = book.create_sheet("旧表", 0)
        sheet.append(["旧", "表"])
        sheet.sheet_state = "hidden"

    desk.book(change=hide)


@case(2, "numbers as text, beds and degrees", "read", names=NAMES, lon=round(lonlat(120, 250)[0], 6))
def _(desk: Desk) -> None:
    desk.book()


@case(2, "degrees as numbers", "read", names=NAMES)
def _(desk: Desk) -> None:
    desk.book(
        [HEADER, *((*list(r.values())[:3], float(r["经度"]), float(r["纬度"]), "公立", 3, "") for r in desk.rows)]
    )


@case(2, "identifiers that became dates", "told", "intake.dates", "facilities.xlsx [Sheet]", "机构编号", "3")
def _(desk: Desk) -> None:
    desk.book(change=lambda book: book.active.cell(3, 1, dt.date(2025, 1, 2)) and None)


@case(2, "formulas without a value", "told", "intake.formulas", "facilities.xlsx [Sheet]", "3")
def _(desk: Desk) -> None:
    desk.book(change=lambda book: book.active.cell(3, 4, "=117+0.5") and None)


@case(2, "error cells", "set_aside", "", "facilities.xlsx", "3", rows=8)
def _(desk: Desk) -> None:
    def spoil(book: openpyxl.Workbook) -> None:
        book.active.cell(3, 4, "#N/A").data_type = "e"

    desk.book(change=spoil)


@case(2, "an .xls that is a web page", "refused", "inputs.html_workbook", "facilities.xls")
def _(desk: Desk) -> None:
    desk.files["facilities.xls"] = b"<html><table><tr><td>1</td></tr></table></html>"
    desk.facility_file["path"] = "facilities.xls"


@case(2, "a CSV called .xlsx", "refused", "inputs.not_workbook", "facilities.xlsx")
def _(desk: Desk) -> None:
    desk.files["facilities.xlsx"] = desk.csv().encode()
    desk.facility_file["path"] = "facilities.xlsx"


@case(2, "an .xlsx called .xls", "read", names=NAMES)
def _(desk: Desk) -> None:
    desk.book()
    desk.files["facilities.xls"] = desk.files.pop("facilities.xlsx")
    desk.facility_file["path"] = "facilities.xls"


@case(2, "an empty workbook", "refused", "inputs.empty_file", "facilities.xlsx")
def _(desk: Desk) -> None:
    desk.book([])


@case(2, "a workbook cut off", "refused", "inputs.not_workbook", "facilities.xlsx")
def _(desk: Desk) -> None:
    desk.book()
    content = desk.files["facilities.xlsx"]
    assert isinstance(content, bytes)
    desk.files["facilities.xlsx"] = content[: len(content) // 2]


@case(2, "blank rows between", "read", names=NAMES)
def _(desk: Desk) -> None:
    desk.book([HEADER, *(line for r in desk.rows for line in (r.values(), ()))])


# -- 3 full-width digits

WIDE = str.maketrans("0123456789.,-", "０１２３４５６７８９．，－")


@case(3, "degrees", "read", names=NAMES, lon=round(lonlat(120, 250)[0], 6))
def _(desk: Desk) -> None:
    for row in desk.rows:
        row["经度"], row["纬度"] = row["经度"].translate(WIDE), row["纬度"].translate(WIDE)


@case(3, "persons", "read", persons=1000.0)
def _(desk: Desk) -> None:
    desk.people_table(["１００", "２００", "３００", "４００"])


@case(3, "persons with a full-width separator", "read", persons=13045.0)
def _(desk: Desk) -> None:
    desk.people_table(["１２，３４５", "２００", "３００", "２００"])


@case(3, "a full-width decimal point", "read", persons=612.5)
def _(desk: Desk) -> None:
    desk.people_table(["１２．５", "２００", "３００", "１００"])


@case(3, "a full-width minus", "refused", "population.negative_rows", "people.csv", "－５")
def _(desk: Desk) -> None:
    desk.people_table(["－５", "２００", "３００", "１００"])


@case(3, "a full-width header", "read", names=NAMES)
def _(desk: Desk) -> None:
    desk.files[CSV] = desk.csv().replace("经度", "ｌｏｎ").replace("纬度", "ｌａｔ").encode()
    for key in ("lon", "lat"):
        del desk.facility_file["columns"][key]


@case(3, "Chinese numerals", "set_aside", "inputs.reason.persons", "people.csv", "2", "一百二十", persons=600.0)
def _(desk: Desk) -> None:
    desk.people_table(["一百二十", "２００", "３００", "１００"])


@case(3, "a census in full-width digits", "read", counted=1300.0)
def _(desk: Desk) -> None:
    desk.census(["６００", "７００"])


# -- 4 thousands separators and decimal commas


@case(4, "1,234 persons", "read", persons=2134.0)
def _(desk: Desk) -> None:
    desk.people_table(['"1,234"', 200, 300, 400])


@case(4, "a decimal comma in persons", "set_aside", "inputs.reason.persons", "people.csv", "12,5", persons=900.0)
def _(desk: Desk) -> None:
    desk.people_table(['"12,5"', 200, 300, 400])


@case(4, "a blank between thousands", "set_aside", "inputs.reason.persons", "people.csv", "1 234", persons=900.0)
def _(desk: Desk) -> None:
    desk.people_table(["1 234", 200, 300, 400])


@case(4, "points between thousands", "set_aside", "inputs.reason.persons", "people.csv", "1.234.567", persons=900.0)
def _(desk: Desk) -> None:
    desk.people_table(["1.234.567", 200, 300, 400])


@case(4, "groups of two", "set_aside", "inputs.reason.persons", "people.csv", "12,34,567", persons=900.0)
def _(desk: Desk) -> None:
    desk.people_table(['"12,34,567"', 200, 300, 400])


@case(4, "an unquoted separator", "refused", "inputs.long_rows", "people.csv", "2")
def _(desk: Desk) -> None:
    desk.people_table(["1,234", 200, 300, 400])


@case(4, "decimal commas in one row's degrees", "set_aside", "", CSV, "3", "118,", rows=8)
def _(desk: Desk) -> None:
    for row in desk.rows:
        row["所有制"] = ""
    desk.rows[1]["经度"] = '"' + desk.rows[1]["经度"].replace(".", ",") + '"'


@case(4, "decimal commas in all degrees", "refused", "facilities.none", CSV)
def _(desk: Desk) -> None:
    for row in desk.rows:
        row["经度"], row["纬度"] = row["经度"].replace(".", ","), row["纬度"].replace(".", ",")
    desk.files[CSV] = desk.csv(sep=";").encode()


@case(4, "a census with separators", "read", counted=1300.0)
def _(desk: Desk) -> None:
    desk.census(['"1,000"', 300])


# -- 5 degrees, minutes, seconds and units in cells


def put(desk: Desk, lon: str, lat: str) -> None:
    desk.rows[1]["经度"], desk.rows[1]["纬度"] = lon, lat


@case(5, "117°03'25.1\"E", "set_aside", "", CSV, "3", "117°", rows=8)
def _(desk: Desk) -> None:
    put(desk, "117°03'25.1E", "35°02'11N")


@case(5, "117度3分25秒", "set_aside", "", CSV, "3", "117度", rows=8)
def _(desk: Desk) -> None:
    put(desk, "东经117度3分25秒", "北纬35度2分11秒")


@case(5, "117.46E", "set_aside", "", CSV, "3", "117.46E", rows=8)
def _(desk: Desk) -> None:
    put(desk, "117.46E", "35.05N")


@case(5, "degrees and minutes as 117.3.25", "set_aside", "", CSV, "3", "117.3.25", rows=8)
def _(desk: Desk) -> None:
    put(desk, "117.3.25", "35.2.11")


@case(5, "300人", "set_aside", "inputs.reason.persons", "people.csv", "300人", persons=900.0)
def _(desk: Desk) -> None:
    desk.people_table(["300人", 200, 300, 400])


@case(5, "约300", "set_aside", "inputs.reason.persons", "people.csv", "约300", persons=900.0)
def _(desk: Desk) -> None:
    desk.people_table(["约300", 200, 300, 400])


@case(5, "1.2万", "set_aside", "inputs.reason.persons", "people.csv", "1.2万", persons=900.0)
def _(desk: Desk) -> None:
    desk.people_table(["1.2万", 200, 300, 400])


@case(5, "20张 beds", "set_aside", "assets.reason.number", CSV, "3", "20张", "床位数")
def _(desk: Desk) -> None:
    desk.rows[1]["床位数"] = "20张"


@case(5, "a column in ten thousands", "refused", "inputs.no_alias", "people.csv", "人口(万人)")
def _(desk: Desk) -> None:
    desk.people_table([0.1, 0.2, 0.3, 0.1])
    content = desk.files["people.csv"]
    assert isinstance(content, bytes)
    desk.files["people.csv"] = content.replace(b"persons", "人口(万人)".encode())


# -- 6 swapped or impossible coordinates


def swap(row: dict[str, str]) -> None:
    row["经度"], row["纬度"] = row["纬度"], row["经度"]


@case(6, "all rows swapped", "refused", "inputs.swapped_file", CSV, "8")
def _(desk: Desk) -> None:
    for row in desk.rows:
        swap(row)


@case(6, "one row swapped", "refused", "inputs.swapped_row", CSV, "4")
def _(desk: Desk) -> None:
    swap(desk.rows[2])


@case(6, "people swapped", "refused", "inputs.swapped_file", "people.csv", "4")
def _(desk: Desk) -> None:
    desk.people_table([100, 200, 300, 400])
    content = desk.files["people.csv"]
    assert isinstance(content, bytes)
    desk.files["people.csv"] = content.replace(b"lon,lat", b"lat,lon")


@case(6, "units swapped", "refused", "inputs.swapped_file", "units.geojson", "4")
def _(desk: Desk) -> None:
    for unit in desk.units:
        unit["geometry"]["coordinates"] = [[(lat, lon) for lon, lat in unit["geometry"]["coordinates"][0]]]


@case(6, "latitude 95", "set_aside", "inputs.reason.range", CSV, "3", "95", rows=8)
def _(desk: Desk) -> None:
    desk.rows[1]["纬度"] = "95"


@case(6, "longitude 1174", "set_aside", "inputs.reason.range", CSV, "3", "1174", rows=8)
def _(desk: Desk) -> None:
    desk.rows[1]["经度"] = "1174.6"


@case(6, "zero and zero", "set_aside", "inputs.reason.zero", CSV, "3", "0, 0", rows=8)
def _(desk: Desk) -> None:
    put(desk, "0", "0")


@case(6, "no coordinates", "set_aside", "inputs.reason.no_coordinates", CSV, "3", rows=8)
def _(desk: Desk) -> None:
    put(desk, "", "")


@case(6, "inf and nan", "set_aside", "inputs.reason.coordinates", CSV, "3", "inf", rows=8)
def _(desk: Desk) -> None:
    put(desk, "inf", "nan")


@case(6, "a lost sign or point", "set_aside", "inputs.reason.outside", CSV, "3", "11.746", rows=8)
def _(desk: Desk) -> None:
    put(desk, "11.746", "35.05")


@case(6, "millionths of a degree", "set_aside", "inputs.reason.range", CSV, "3", "117460000", rows=8)
def _(desk: Desk) -> None:
    put(desk, "117460000", "35050000")


# -- 7 points outside the area


@case(7, "a facility in another province", "set_aside", "inputs.reason.outside", CSV, "3", "116.4", rows=8)
def _(desk: Desk) -> None:
    put(desk, "116.4", "39.9")


@case(7, "all facilities in another province", "refused", "facilities.none", CSV)
def _(desk: Desk) -> None:
    for k, row in enumerate(desk.rows):
        row["经度"], row["纬度"] = f"{106.5 + k / 100}", "29.5"


@case(7, "a facility across the county border", "read", facilities=8)
def _(desk: Desk) -> None:
    lon, lat = lonlat(-3000, 500)
    put(desk, f"{lon:.7f}", f"{lat:.7f}")


@case(7, "a person point across the country", "refused", "flow.too_wide", "1400")
def _(desk: Desk) -> None:
    desk.people_table([100, 200, 300, 400], [("p9", 50, 90.0, 40.0)])
    points = [(code, name, *lonlat(box[0] + 500, box[1] + 500)) for code, name, _, box in VILLAGES]
    desk.table("units.csv", [("code", "name", "lon", "lat"), *points])
    desk.tree["area"] = {"points": {"path": "units.csv", "crs": "WGS84", "id": "code"}}


@case(7, "a unit across the country", "refused", "flow.too_wide", "1400")
def _(desk: Desk) -> None:
    desk.units[3]["geometry"] = shapely.geometry.mapping(shapely.box(90, 40, 90.01, 40.01))


@case(7, "people in no unit", "told", "intake.rows_outside", "people.csv", "50", "6")
def _(desk: Desk) -> None:
    desk.people_table([100, 200, 300, 400], [("p9", 50, *lonlat(-900, 500))])


@case(7, "most people in no unit", "told", "intake.most_outside", "people.tif", "1,340")
def _(desk: Desk) -> None:
    desk.units = desk.units[:1]


@case(7, "a unit 300 km away", "told", "people.beyond", "370406101202")
def _(desk: Desk) -> None:
    desk.units[3]["geometry"] = shapely.geometry.mapping(shapely.box(114, 35, 114.01, 35.01))


# -- 8 duplicates


def again(desk: Desk, row: int, **changes: str) -> dict[str, str]:
    desk.rows.append(desk.rows[row] | changes)
    return desk.rows[-1]


@case(8, "a row twice", "set_aside", "facilities.duplicate", CSV, "10", "001", rows=9, facilities=8)
def _(desk: Desk) -> None:
    again(desk, 0)


@case(
    8, "a facility under two identifiers", "set_aside", "facilities.duplicate", CSV, "10", "009", rows=9, facilities=8
)
def _(desk: Desk) -> None:
    again(desk, 0, 机构编号="009")


@case(8, "an identifier of two facilities", "refused", "facilities.two_contents", CSV, "2", "10", "001")
def _(desk: Desk) -> None:
    again(desk, 0, 机构名称="另一个卫生室")


@case(8, "the same name thirty metres away", "told", "duplicates.near", CSV, "东岭村一号卫生室", "10")
def _(desk: Desk) -> None:
    lon, lat = lonlat(150, 250)
    again(desk, 0, 机构编号="009", 经度=f"{lon:.7f}", 纬度=f"{lat:.7f}")


@case(8, "departments of one hospital", "told", "duplicates.department", CSV, "小县人民医院")
def _(desk: Desk) -> None:
    for k, part in enumerate(("", "急诊科", "内科", "体检中心")):
        lon, lat = lonlat(500 + 5 * k, 500)
        again(
            desk,
            1,
            机构编号=f"01{k}",
            机构名称=f"小县人民医院{part}",
            类别="综合医院",
            经度=f"{lon:.7f}",
            纬度=f"{lat:.7f}",
        )


@case(8, "the same name in other widths", "told", "duplicates.near", CSV, "10")
def _(desk: Desk) -> None:
    desk.rows[0]["机构名称"] = "东岭村卫生室（一）"
    lon, lat = lonlat(122, 250)
    again(desk, 0, 机构编号="009", 机构名称="东岭村卫生室(一)", 经度=f"{lon:.7f}", 纬度=f"{lat:.7f}")


@case(8, "four names at one place", "told", "duplicates.piled", CSV, "10", "东岭诊所")
def _(desk: Desk) -> None:
    for k, name in enumerate(("东岭诊所", "西关门诊部", "健康服务站")):
        again(desk, 0, 机构编号=f"01{k}", 机构名称=name)


@case(8, "a unit code twice", "refused", "inputs.duplicate_id", "units.geojson", "370406100201", "1", "4")
def _(desk: Desk) -> None:
    desk.units[3]["code"] = desk.units[0]["code"]


@case(8, "a person point twice", "refused", "inputs.duplicate_id", "people.csv", "p0")
def _(desk: Desk) -> None:
    desk.people_table([100, 200, 300, 400], [("p0", 100, *lonlat(500, 500))])


@case(8, "a town twice in the census", "refused", "matching.clash", "census.csv", "南山镇", "2", "4")
def _(desk: Desk) -> None:
    desk.census([600, 700, 600], ("南山镇", "北河镇", "南山镇"))


# -- 9 types


@case(9, "an unknown word", "told", "facilities.unknown_words", CSV, "卫生驿站")
def _(desk: Desk) -> None:
    desk.rows[2]["类别"] = "卫生驿站"


@case(9, "an empty type", "told", "facilities.unknown_words", CSV, "1")
def _(desk: Desk) -> None:
    desk.rows[2]["类别"] = ""


@case(9, "no column of types", "refused", "inputs.no_alias", CSV, "机构名称")
def _(desk: Desk) -> None:
    desk.files[CSV] = desk.csv().replace("类别", "备注").encode()
    del desk.facility_file["columns"]["type"]


@case(9, "a column of types that is not there", "refused", "inputs.no_column", CSV, "类型", "类别")
def _(desk: Desk) -> None:
    desk.facility_file["columns"]["type"] = "类型"


@case(
    9,
    "types explained by an unknown code",
    "refused",
    "facilities.unknown_type",
    CSV,
    "village_clinik",
    "village_clinic",
)
def _(desk: Desk) -> None:
    desk.facility_file["types"] = {"村卫生室": "village_clinik"}


@case(9, "types explained that no row has", "told", "facilities.unused_words", CSV, "卫生点")
def _(desk: Desk) -> None:
    desk.facility_file["types"] = {"卫生点": "village_clinic"}


@case(9, "one type and explained types", "refused", "facilities.type_and_types", CSV)
def _(desk: Desk) -> None:
    desk.facility_file.update({"type": "village_clinic", "types": {"卫生点": "village_clinic"}})


@case(9, "all types unknown", "refused", "flow.nothing_to_judge", "village_clinic", "unknown")
def _(desk: Desk) -> None:
    for row in desk.rows:
        row["类别"] = "其他"


@case(9, "blanks and width around a type", "read", types={"village_clinic", "township_health_centre"})
def _(desk: Desk) -> None:
    desk.rows[2]["类别"] = "　村卫生室 "


@case(9, "several categories of a map service", "told", "facilities.first_category", CSV, "1")
def _(desk: Desk) -> None:
    desk.rows[2]["类别"] = "村卫生室|诊所"
    desk.rows[2]["机构名称"] = ""


@case(9, "an owner that is not known", "told", "facilities.unknown_owners", CSV, "外星人")
def _(desk: Desk) -> None:
    desk.rows[2]["所有制"] = "外星人"


# -- 10 identifiers

IDS = {f"00{k}" for k in range(1, 9)}


@case(10, "leading zeros in a CSV", "read", ids=IDS)
def _(desk: Desk) -> None:
    pass


@case(10, "leading zeros in a workbook", "read", ids=IDS)
def _(desk: Desk) -> None:
    desk.book()


@case(10, "eighteen digits as text", "read", ids=(IDS - {"001"}) | {"370406197001011234"})
def _(desk: Desk) -> None:
    desk.rows[0]["机构编号"] = "370406197001011234"
    desk.book()


@case(10, "eighteen digits as a number", "told", "inputs.lost_digits", "facilities.xlsx [Sheet]", "机构编号")
def _(desk: Desk) -> None:
    desk.book([HEADER, *((370406197001011234 + 1000 * k, *list(r.values())[1:]) for k, r in enumerate(desk.rows))])


@case(10, "codes in scientific notation", "told", "intake.scientific", CSV, "机构编号", "3.70406E+17")
def _(desk: Desk) -> None:
    desk.rows[0]["机构编号"] = "3.70406E+17"


@case(10, "blanks and tabs around a code", "read", ids=IDS)
def _(desk: Desk) -> None:
    desk.rows[0]["机构编号"] = "\t001 "


@case(
    10,
    "codes whose zeros are lost against those of the units",
    "set_aside",
    "matching.no_code",
    "people.csv",
    "70406100201",
)
def _(desk: Desk) -> None:
    for unit in desk.units:
        unit["code"] = "0" + unit["code"][1:]
    desk.table(
        "people.csv",
        [("code", "人口"), *((u["code"].lstrip("0") if k < 1 else u["code"], 100) for k, u in enumerate(desk.units))],
    )
    desk.tree["population"] = {"table": {"path": "people.csv", "id": "code"}}


@case(10, "codes as decimal numbers of a GeoPackage", "read", unit_ids={v[0] for v in VILLAGES})
def _(desk: Desk) -> None:
    for unit in desk.units:
        unit["code"] = float(unit["code"])
    desk.units_layer("units.gpkg")


@case(
    10, "eighteen digits as decimal numbers of a GeoPackage", "told", "inputs.layers.lost_digits", "units.gpkg", "code"
)
def _(desk: Desk) -> None:
    for k, unit in enumerate(desk.units):
        unit["code"] = 370406197001011234.0 + 1000 * k
    desk.units_layer("units.gpkg")


@case(10, "no identifier of a unit", "refused", "units.no_id", "units.geojson", "2")
def _(desk: Desk) -> None:
    desk.units[1]["code"] = ""


@case(10, "an identifier column that is not there", "refused", "inputs.no_column", CSV, "编号", "机构编号")
def _(desk: Desk) -> None:
    desk.facility_file["columns"]["id"] = "编号"

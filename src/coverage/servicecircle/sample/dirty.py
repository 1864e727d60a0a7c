"""The facility workbook as offices have it: the same facilities with the faults such lists carry, each noted down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from servicecircle.sample.files import COLUMNS, SHEETS

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

#: Shares of rows with each fault (measured on exported lists), and the least number of them.
DUPLICATES, DEPARTMENTS, SWAPPED, OUTSIDE, LEAST = 0.01, 0.02, 0.005, 0.01, 2
WARDS = ("内科", "外科", "儿科", "妇产科", "急诊科", "检验科", "放射科", "中医科", "口腔科", "眼科", "药房", "体检中心")
TITLE = "机构名录（合成数据，含人为错误）"
LON, LAT, BEDS, TYPE, ID, NAME = (COLUMNS.index(c) for c in ("经度", "纬度", "床位数", "类别", "机构编号", "机构名称"))


@dataclass(frozen=True)
class Dirty:
    """The dirty files: rows of each sheet, rows of the GBK table, and the list of faults (header first)."""

    sheets: dict[str, list[list[object]]]
    gbk_rows: list[list[object]]
    faults: list[list[object]]


def dirty_workbook(table: pd.DataFrame, rng: np.random.Generator) -> Dirty:
    """Return the facilities with planted faults; row numbers count as a person does, the title row included."""
    clinic = table["类别"].isin(("村卫生室", "中心村卫生室", "一般村卫生室")).to_numpy()
    gbk = clinic & (table["所在乡镇"] == table["所在乡镇"].iloc[0]).to_numpy()
    rows = {sheet: _rows(table[(table["sheet"] == sheet).to_numpy() & ~gbk]) for sheet in SHEETS}
    faults: list[tuple[str, int, str, object]] = []
    main = rows[SHEETS[0]]
    hospital = next(k for k, row in enumerate(main) if row[TYPE] == "综合医院")
    order = [k for k in rng.permutation(len(main)).tolist() if k != hospital]

    def some(share: float) -> list[int]:
        return [order.pop() for _ in range(max(LEAST, round(share * len(main)))) if order]

    for k in some(SWAPPED):
        main[k][LON], main[k][LAT] = main[k][LAT], main[k][LON]
        faults.append(("swapped", k, "", f"{main[k][LON]}, {main[k][LAT]}"))
    for k in some(OUTSIDE):
        main[k][LON] = round(float(str(main[k][LON])) + 4.0, 6)
        faults.append(("outside", k, "", main[k][LON]))
    for k in some(0.0):
        main[k][LON] = main[k][LAT] = ""
        faults.append(("no_coordinates", k, "", ""))
    for k, text in zip(some(0.0) + some(0.0), ("２０", "约30", "1,200", "十二"), strict=False):
        main[k][BEDS] = text
        faults.append(("text_number", k, "", text))
    for k in some(0.0):
        main[k][TYPE] = "卫生服务（其他）"
        faults.append(("unknown_type", k, "", main[k][TYPE]))
    for k in some(DUPLICATES):
        main.append(list(main[k]))
        faults.append(("duplicate", len(main) - 1, str(main[k][ID]), ""))
    _departments(main, main[hospital], faults, rng)
    place = ("facilities_dirty.xlsx", SHEETS[0])
    noted = [[*place, k + 3, main[k][ID], fault, other, value, "合成数据"] for fault, k, other, value in faults]
    head: list[list[object]] = [["文件", "工作表", "行", "机构编号", "错误", "另见", "值", "备注"]]
    sheets: dict[str, list[list[object]]] = {sheet: [[TITLE], list(COLUMNS), *body] for sheet, body in rows.items()}
    return Dirty(sheets, [list(COLUMNS), *_rows(table[gbk])], head + noted)


def _rows(table: pd.DataFrame) -> list[list[object]]:
    return [list(row) for row in table[list(COLUMNS)].astype(object).where(table[list(COLUMNS)].notna(), "").to_numpy()]


def _departments(
    rows: list[list[object]],
    hospital: list[object],
    faults: list[tuple[str, int, str, object]],
    rng: np.random.Generator,
) -> None:
    """Add wards of the county hospital as if they were hospitals, a few metres off, as map services list them."""
    for number in range(max(LEAST, round(DEPARTMENTS * len(rows)))):
        row = list(hospital)
        row[ID] = f"{hospital[ID]}-{number + 1:02d}"
        row[NAME] = f"{hospital[NAME]}({WARDS[number % len(WARDS)]})"
        row[BEDS] = ""
        row[LON] = round(float(str(hospital[LON])) + float(rng.uniform(-4e-4, 4e-4)), 6)
        row[LAT] = round(float(str(hospital[LAT])) + float(rng.uniform(-3e-4, 3e-4)), 6)
        rows.append(row)
        faults.append(("department", len(rows) - 1, str(hospital[ID]), row[NAME]))

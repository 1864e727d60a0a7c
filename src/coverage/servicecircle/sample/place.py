"""The files of a place: the county's data, and what its plan's records ask for beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from servicecircle.geo.coordinates import wgs84_to_gcj02
from servicecircle.sample import files
from servicecircle.sample.attributes import (
    Asked,
    asked,
    facility_columns,
    records_of,
    reported_value,
    rules,
    unit_column,
)
from servicecircle.sample.extra import referrals
from servicecircle.sample.land import stream
from servicecircle.sample.study_text import FACILITY_COLUMNS, MADE, study_text, study_tree
from servicecircle.sample.venues import venue_layers
from servicecircle.standards.vocabulary import assets, ownerships

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from servicecircle.sample.county import County
    from servicecircle.sample.presets import Preset
    from servicecircle.sample.services import Facility

#: Columns of the tables beside those of the codes.
ID, CODE, TOWN, NOTE = "机构编号", "区划代码", "乡镇（街道）", "备注"
SERVICES = (
    ID, "机构名称", "类别", "所有制", "床位数", "执业医师", "注册护士", "卫生技术人员", "救护车",
    "依托机构", "所在乡镇", "经度", "纬度", NOTE,
)  # fmt: skip
SYNTHETIC = "合成数据"
#: Raster of each group of people, by the name records give the group.
GROUP_FILES = {"65+": "65plus", "0-14": "0_14", "0-3": "0_3", "0-6": "0_6", "15-49": "women_15_49"}
PLACE_NOTE = (
    "按该地规划逐条检验的合成样例：人口总数、年龄和乡镇村数取自普查，地形、道路、村名、机构和填报值均为程序生成，"
    "结果不说明当地实情。 "
    "A synthetic stand-in judged by every row of the place's plan: head counts, ages and numbers of towns and villages "
    "are census facts; land, roads, names, facilities and reported values are generated. "
    "The results say nothing about the real place."
)


def own_texts(preset: Preset, seed: int) -> dict[str, str]:
    """Return the texts of a place that may already lie in its folder, by file name; none for a kind of county."""
    if not preset.plan:
        return {}
    return {"study.toml": study_text(place_tree(preset)), "README.md": files.place_readme(preset, seed)}


def facility_ids(count: int) -> list[str]:
    """Return the identifiers of the workbook's facilities."""
    return [files.facility_id(number) for number in range(count)]


def refers_to(county: County) -> list[str]:
    """Return the column of the facility each of the workbook's facilities refers to."""
    return referrals(county.places, county.facilities, facility_ids(len(county.facilities)))


def write_tables(county: County, folder: Path, registered: int) -> None:
    """Write the tables and texts of a place; ``registered`` are its registered people."""
    preset = county.land.preset
    extra = county.extra
    ids = [*facility_ids(len(county.facilities)), *(f"SRV{number + 1:05d}" for number in range(len(extra)))]
    files.write_csv(folder / "services.csv", _services(county, extra, ids[len(county.facilities) :]))
    columns = facility_columns(preset, [*county.facilities, *extra], county.seed)
    files.write_csv(folder / "attributes.csv", _wide([ID], [ids], columns))
    wanted = asked(preset.plan)
    files.write_csv(folder / "reported.csv", _reported(county, wanted, registered))
    if wanted.of_town or wanted.of_town_reported:
        towns = sorted({county.places.towns[t] for t in county.places.town.tolist()})
        rows = _units(TOWN, towns, wanted.of_town, wanted.of_town_reported, county.seed)
        files.write_csv(folder / "towns.csv", rows)
    if wanted.of_unit or wanted.of_unit_reported:
        codes = [str(code) for code in county.places.code]
        rows = _units(CODE, codes, wanted.of_unit, wanted.of_unit_reported, county.seed)
        files.write_csv(folder / "units.csv", rows)
    for name, text in (venue_layers(county.land) | own_texts(preset, county.seed)).items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def _services(county: County, extra: Sequence[Facility], ids: Sequence[str]) -> list[list[object]]:
    """Return the extra facilities as a table in GCJ-02, header first."""
    lon, lat = wgs84_to_gcj02(*county.land.working.unproject(np.array([f.xy for f in extra]).reshape(-1, 2)))
    rows: list[list[object]] = [list(SERVICES)]
    for one, f, x, y in zip(ids, extra, lon, lat, strict=True):
        town = county.places.towns[int(county.places.town[f.place])]
        owner = ownerships()[f.ownership].zh
        held = [getattr(f, field) for field in ("beds", "doctors", "nurses", "staff", "ambulances")]
        at = (round(float(x), 6), round(float(y), 6))
        rows.append([one, f.name, f.word, owner, *held, f.host, town, *at, SYNTHETIC])
    return rows


def _wide(head: list[str], keys: Sequence[Sequence[object]], columns: dict[str, list[object]]) -> list[list[object]]:
    """Return a table of key columns and a column for each code; rows without any value are left out."""
    titles = [*head, *(title_of(code) for code in columns), NOTE]
    body = zip(zip(*keys, strict=True), zip(*columns.values(), strict=True), strict=True)
    return [list(titles), *([*key, *values, SYNTHETIC] for key, values in body if any(v != "" for v in values))]


def _reported(county: County, wanted: Asked, registered: int) -> list[list[object]]:
    """Return the values of the whole area, one a row."""
    values: dict[str, object] = {
        assets()["resident_population"].zh: int(county.residents.sum()),
        assets()["registered_population"].zh: registered,
    }
    given = rules()["area"].get(county.land.preset.plan, {})
    values |= {assets()[code].zh: value for code, value in given.items()}
    for record in wanted.reported:
        values[record.id] = reported_value(record, stream(county.seed, f"reported {record.id}"))
    return [["指标", "数值", NOTE], *([name, value, SYNTHETIC] for name, value in values.items())]


def _units(head: str, keys: list[str], codes: Sequence[str], floors: Sequence[Any], seed: int) -> list[list[object]]:
    """Return a table of towns or villages: a column for each code and each record reported for them."""
    columns = {code: unit_column(code, len(keys), seed) for code in codes}
    for record in floors:
        rng = stream(seed, f"reported {record.id}")
        columns[record.id] = [reported_value(record, rng) for _ in keys]
    return _wide([head], [keys], columns)


def title_of(code: str) -> str:
    """Return the heading of the column of a code, or of a record's reported value."""
    return assets()[code].zh if code in assets() else code


def place_tree(preset: Preset) -> dict[str, Any]:
    """Return the study of a place: every row of its plan, and every table the rows ask for."""
    tree = study_tree(preset)
    wanted = asked(preset.plan)
    tree["study"] = {"name": f"{preset.county}", "note": PLACE_NOTE}
    groups = sorted({group for record in records_of(preset.plan) if (group := getattr(record, "group", ""))})
    tree["population"]["groups"] = {
        name: {"path": f"population_{GROUP_FILES[name]}.tif", **MADE} for name in groups if name in GROUP_FILES
    }
    for sheet in tree["facilities"]:
        sheet["columns"] = FACILITY_COLUMNS | {"serves": "服务村", "refers_to": "转诊至"}
    tree["facilities"].append({"path": "services.csv", "crs": "GCJ-02", "columns": FACILITY_COLUMNS, **MADE})
    tree["facilities"].append({"path": "venues.geojson", "gates": {"path": "gates.geojson", **MADE}, **MADE})
    tree["assets"] = [
        {"path": "attributes.csv", "of": "facility", "id": ID, "columns": _columns(wanted.of_facility), **MADE},
        {"path": "reported.csv", "of": "area", "asset": "指标", "value": "数值", **MADE},
    ]
    for of, key, codes, floors in (
        ("town", TOWN, wanted.of_town, wanted.of_town_reported),
        ("unit", CODE, wanted.of_unit, wanted.of_unit_reported),
    ):
        entry: dict[str, Any] = {"path": f"{of}s.csv", "of": of, "id": key}
        if codes:
            entry["columns"] = _columns(codes)
        if floors:
            entry["reported"] = {record.id: record.id for record in floors}
        if codes or floors:
            tree["assets"].append(entry | MADE)
    tree["standards"] = {"use": [preset.plan]}
    order = ("study", "area", "population", "roads", "facilities", "assets", "standards", "siting", "outputs")
    return {name: tree[name] for name in order}


def _columns(codes: Any) -> dict[str, str]:
    return {code: title_of(code) for code in codes}

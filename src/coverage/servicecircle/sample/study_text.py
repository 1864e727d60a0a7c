"""The study file of a sample county, as a tree and as commented TOML."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from servicecircle.sample.files import SHEETS

if TYPE_CHECKING:
    from servicecircle.sample.presets import Preset

MADE = {"source": "合成数据", "licence": "CC0-1.0"}
NOTE = "全部数据均为程序生成的合成数据，与任何真实地点无关。 All data are synthetic and show no real place."
FACILITY_COLUMNS = {
    "id": "机构编号",
    "name": "机构名称",
    "type": "类别",
    "lon": "经度",
    "lat": "纬度",
    "ownership": "所有制",
    "beds": "床位数",
    "doctors": "执业医师",
    "nurses": "注册护士",
    "staff": "卫生技术人员",
    "vehicles": "救护车",
}

#: Keys TOML reads without quotes.
_BARE = re.compile(r"[A-Za-z0-9_-]+")

#: What stands above a table of the study file.
COMMENTS = {
    "study": "服务圈研究文件（合成数据）。 A study of a county that does not exist.",
    "area": "缺口按村（社区）命名，乡镇为上级，城乡按分类代码。 Gaps are named for villages and committees.",
    "population": "每格人数（3 角秒）；villages.csv 按村统计同样的人口。 Persons per cell; villages.csv by village.",
    "roads": "道路、河流、铁路和地名。 Roads, river, railway, place names.",
    "facilities": "设施工作簿，坐标 GCJ-02（地图服务导出）。 The facility workbook, GCJ-02 as map services export it.",
    "assets": "全县的车辆等上报值。 Vehicles and other values the county reports.",
    "standards": "要检验的条文；servicecircle standards list 列出全部。 What is judged.",
    "siting": "再建三处，建在哪里新增覆盖的人最多。 Where three more sites would newly cover most people.",
    "outputs": "zh 或 en。",
}


def study_tree(preset: Preset, *, workbook: str = "facilities.xlsx") -> dict[str, Any]:
    """Return the study of a county."""
    return {
        "study": {"name": f"{preset.county}（合成数据）", "note": NOTE},
        "area": {
            "units": {
                "path": "units.gpkg",
                "layer": "units",
                "id": "code",
                "name": "name",
                "parent": "town",
                "area_class": "class",
                **MADE,
            }
        },
        "population": {"raster": {"path": "population.tif", **MADE}},
        "roads": {"osm": {"path": "roads.osm.pbf", **MADE}},
        "facilities": [
            {"path": workbook, "layer": sheet, "crs": "GCJ-02", "columns": FACILITY_COLUMNS, **MADE} for sheet in SHEETS
        ],
        "standards": {"use": list(preset.standards)},
        "siting": {"standard": preset.siting, "choose": 3},
        "outputs": {"language": "zh"},
    }


def more_tree(preset: Preset) -> dict[str, Any]:
    """Return the study of the same county that uses every other kind of input."""
    tree = study_tree(preset)
    tree["study"]["name"] = f"{preset.county}（合成数据，更多数据）"
    tree["population"]["calibrate"] = {"path": "census.csv", "unit": "town", "column": "户籍人口", **MADE}
    tree["facilities"].append({"path": "venues.geojson", "gates": {"path": "gates.geojson", **MADE}, **MADE})
    tree["assets"] = [{"path": "reported.csv", "of": "area", "asset": "指标", "value": "数值", **MADE}]
    order = ("study", "area", "population", "roads", "facilities", "assets", "standards", "siting", "outputs")
    return {name: tree[name] for name in order}


def study_text(tree: dict[str, Any]) -> str:
    """Return a study as TOML, a comment above each table."""
    lines: list[str] = []
    for name, table in tree.items():
        lines.append(f"# {COMMENTS[name]}")
        for entry in table if isinstance(table, list) else [table]:
            lines.append(f"[[{name}]]" if isinstance(table, list) else f"[{name}]")
            lines += [f"{key} = {_value(value)}" for key, value in entry.items()]
        lines.append("")
    return "\n".join(lines[:-1]) + "\n"


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    # a JSON string is a TOML basic string
    return json.dumps(value, ensure_ascii=False)

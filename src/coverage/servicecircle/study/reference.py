"""The page ``docs/study.md``: every table and key of the study file, made from the schema and its docstrings.

Types, ranges and allowed values come from the JSON schema that pydantic derives, meanings from the docstrings of the
attributes, defaults from the fields; only the examples are written here. A new key needs a docstring, a new table
of the top level an example in :data:`EXAMPLES` and a heading under ``reference`` in the texts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import PydanticUndefined

from servicecircle.standards.refusals import kinds_of
from servicecircle.study.model import Study
from servicecircle.text.text import catalogue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.fields import FieldInfo

    Node = Mapping[str, Any]

HEAD = """\
# The study file · 研究文件

One TOML file says what is asked, of which data. Paths are relative to the file; a key that is not listed here is an
error that names the nearest known one; all mistakes are listed at once (`servicecircle check STUDY`). A table may be
written as `[area.units]` or inline as `units = {{ ... }}`. The examples, one after the other, are one study file.

一个 TOML 文件说明问什么、用哪些数据。路径相对于该文件；这里没有列出的键会报错，并给出最接近的键名；
`servicecircle check STUDY` 一次列出全部问题。以下各例依次相连，就是一个完整的研究文件。

This page is made from the schema (`src/coverage/servicecircle/study/model.py`, `people.py`) and renewed with

```
{command}
```
"""

COMMAND = """\
python -c "from servicecircle.study.reference import reference; print(reference(), end='')" > docs/study.md"""

COLUMNS = ("key 键", "type 类型", "default 默认值", "allowed 取值", "meaning 含义")

#: One example for each table of the top level; together they are one study file.
EXAMPLES: dict[str, str] = {
    "study": """\
[study]
name = "示范县 2025"
note = "人口为 2020 年估计值。"
""",
    "area": """\
[area]
units = { path = "villages.gpkg", id = "code", name = "name", parent = "town", area_class = "class" }
# or a village table: points = { path = "villages.xlsx", id = "编码", name = "村名", lon = "经度", lat = "纬度" }
# or neither: the named places of the road file
default_class = "rural"
margin_km = 20
""",
    "population": """\
[population]
raster = { path = "population.tif", source = "WorldPop 2020", licence = "CC BY 4.0" }
calibrate = { path = "census.csv", unit = "town", column = "常住人口" }
groups = { "65+" = { path = "population_65plus.tif", source = "WorldPop 2020" }, "0-14" = "population_0_14.tif" }
# the same people by another maker, for ranges.csv: compare = "population_other.tif"
# or people at points: points = { path = "people.csv", crs = "WGS84", persons = "人口", lon = "经度", lat = "纬度" }
#   with groups as columns of that table: groups = { "65+" = "65岁及以上", "0-14" = "0-14岁" }
# or a village table without coordinates, alone or beside the raster: table = { path = "村表.xlsx", persons = "人口" }
""",
    "roads": """\
[roads]
osm = { path = "county.osm.pbf", source = "OpenStreetMap contributors", licence = "ODbL 1.0" }
# or a graph saved by osmnx: graphml = "county.graphml"
# or the bureau's layer: lines = { path = "道路.shp", class = "道路等级", classes = { "铁路" = "none" } }
# or a download for the study's box, kept beside the study: download = {}
""",
    "barriers": """\
[barriers]
lines = { path = "fences.gpkg", layer = "fences", source = "自然资源局" }
""",
    "travel": """\
[travel]
access_limit_m = 1000
[travel.modes.walk]
speed_kmh = 4
door_s = 60
[travel.modes.drive]
factor = 0.9
""",
    "facilities": """\
[[facilities]]
path = "医疗机构.xlsx"
layer = "机构"
crs = "GCJ-02"
columns = { id = "机构编号", name = "机构名称", type = "类别", lon = "经度", lat = "纬度", ownership = "所有制" }
source = "县卫生健康局 2025"

[[facilities]]
path = "osm.geojson"
types = { clinic = "village_clinic", hospital = "county_hospital" }
where = { healthcare = "!= no" }

[[facilities]]
path = "fitness.csv"
crs = "WGS84"
type = "fitness_venue"
""",
    "assets": """\
[[assets]]
path = "人员.xlsx"
of = "facility"
id = "机构编号"
year = 2024
columns = { doctors = "执业医师", nurses = "注册护士", ambulances = "救护车" }
""",
    "standards": """\
[standards]
use = ["shanting/S01", "national/ambulance-urban-5km"]
target_share = 0.95
[[standards.define]]
id = "county/clinic-2km"
title = { zh = "2 公里内有卫生室", en = "A clinic within 2 km" }
kind = "radius"
types = ["village_clinic"]
measures = ["straight", "road:walk"]
limit_km = 2
""",
    "gap": """\
[gap]
min_persons = 30
min_share = 0.05
patch_persons = 50
""",
    "siting": """\
[siting]
standard = "shanting/S01/walk"
choose = 3
candidates = ["units", "facilities"]
upgrade = ["village_clinic"]
""",
    "ranges": """\
[ranges]
speed_share = 0.15
access_speed = [0.5, 1.5]
access_limit_m = [500, 2000]
""",
    "outputs": """\
[outputs]
language = "zh"
review_number = "鲁S(2025)001号"
""",
}


def reference() -> str:
    """Return the page as Markdown."""
    parts = [HEAD.format(command=COMMAND)]
    for name, field in Study.model_fields.items():
        (title, models), *_ = list(_children(name, field)) or [(f"[{name}]", [])]
        heading = catalogue("zh").get(f"reference.{name}", "")
        parts.append(f"## `{title}`{' · ' if heading else ''}{heading}\n")
        need = "Required." if _default(field) is PydanticUndefined else "May be left out."
        about = models[0].__doc__ if len(models) == 1 else field.description
        parts.append(f"{_prose(about)} {need}\n")
        parts += [part for model in models for part in _table(model, name, frozenset({Study}))]
        if name in EXAMPLES:
            parts.append(f"```toml\n{EXAMPLES[name]}```\n")
    return "\n".join(parts)


def _table(
    model: type[BaseModel],
    path: str,
    above: frozenset[type[BaseModel]],
    *,
    without: frozenset[str] = frozenset(),
    told: set[tuple[str, type[BaseModel]]] | None = None,
) -> Iterator[str]:
    """Yield the keys of a table as Markdown, then the tables inside it; a table inside itself is not repeated.

    Keys in ``without`` are explained elsewhere, as are the tables in ``told``, to which those told here are added.
    """
    told = set() if told is None else told
    schema = model.model_json_schema()
    definitions, properties = schema.get("$defs", {}), schema.get("properties", {})
    fields = {name: field for name, field in model.model_fields.items() if name not in without}
    rows = [COLUMNS, ("---",) * len(COLUMNS)]
    rows += [
        _row(key, field, _resolved(properties.get(key, {}), definitions), definitions)
        for key, field in ((field.alias or name, field) for name, field in fields.items())
    ]
    yield "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n" for row in rows)
    for key, field in fields.items():
        for title, children in _children(f"{path}.{key}", field):
            base = _of_kinds(children)
            if base is not None:
                yield from _kinds(base, children, title, f"{path}.{key}", above | {model})
                continue
            for child in children:
                if (title, child) in told:
                    continue
                told.add((title, child))
                yield f"### `{title}`\n"
                yield f"{_prose(child.__doc__)}\n"
                if child not in above:
                    yield from _table(child, f"{path}.{key}", above | {model, child}, told=told)


def _of_kinds(models: list[type[BaseModel]]) -> type[BaseModel] | None:
    """Return the class several records told apart by their kind come from; None for other tables."""
    if len(models) == 1 or not all(kinds_of(model) for model in models):
        return None
    above = (base for base in models[0].__mro__[1:] if "kind" in getattr(base, "model_fields", ()))
    return next((base for base in above if all(issubclass(model, base) for model in models)), None)


def _kinds(
    base: type[BaseModel], models: list[type[BaseModel]], title: str, path: str, above: frozenset[type[BaseModel]]
) -> Iterator[str]:
    """Yield what all kinds of a record share, then each kind's own keys; a table they share is told once."""
    told: set[tuple[str, type[BaseModel]]] = set()
    shared = frozenset(base.model_fields)
    yield f"### `{title}`\n"
    yield f"{_prose(base.__doc__)} These keys belong to every kind; those of each kind follow.\n"
    yield from _table(base, path, above | {base}, told=told)
    for model in models:
        kinds = " or ".join(f'"{kind}"' for kind in kinds_of(model))
        yield f"### `{title}` · `kind = {kinds}`\n"
        yield f"{_prose(model.__doc__)}\n"
        yield from _table(model, path, above | {model}, without=shared, told=told)


def _row(key: str, field: FieldInfo, node: Node, definitions: Node) -> tuple[str, ...]:
    kind = _kind(node, definitions)
    if _text_is_enough(field, kind):
        kind += ", or text: its `path` alone"
    default = _default(field)
    return (
        f"`{field.alias or key}`",
        kind,
        "**required**" if default is PydanticUndefined else _shown(default),
        "; ".join(dict.fromkeys(_allowed(node, definitions))),
        _prose(field.description),
    )


def _resolved(node: Node, definitions: Node) -> Node:
    """Follow references and wrappers of one; what stands beside them is kept."""
    if "$ref" in node:
        inner = _resolved(definitions[node["$ref"].rsplit("/", 1)[-1]], definitions)
        return {**inner, **{key: value for key, value in node.items() if key != "$ref"}}
    if len(node.get("allOf", ())) == 1:
        inner = _resolved(node["allOf"][0], definitions)
        return {**inner, **{key: value for key, value in node.items() if key != "allOf"}}
    return node


def _variants(node: Node, definitions: Node) -> list[Node]:
    """Return what a value may be; "nothing" is no variant, a key that may be left out says so by its default."""
    given = node.get("anyOf") or node.get("oneOf") or [node]
    resolved = [_resolved(variant, definitions) for variant in given]
    return [variant for variant in resolved if variant.get("type") != "null"]


WORDS = {"string": "text", "number": "number", "integer": "whole number", "boolean": "true or false"}


def _kind(node: Node, definitions: Node) -> str:
    """Return the type of a value in words."""
    kinds = [_kind_of_one(variant, definitions) for variant in _variants(node, definitions)]
    return " or ".join(dict.fromkeys(kinds))


def _kind_of_one(node: Node, definitions: Node) -> str:
    kind = node.get("type")
    if kind == "array":
        if "prefixItems" in node:
            return "list: " + ", ".join(_kind(item, definitions) for item in node["prefixItems"])
        return f"list of {_plural(_kind(node.get('items', {}), definitions))}"
    if kind == "object":
        inner = node.get("additionalProperties")
        if isinstance(inner, dict) and "properties" not in node:
            return f"table of {_plural(_kind(inner, definitions))} by name"
        return "table"
    if kind is None and ("enum" in node or "const" in node):
        return "text"
    form = f" ({node['format']})" if "format" in node else ""
    return WORDS.get(str(kind), "any value") + form


def _plural(kind: str) -> str:
    return {"text": "texts", "number": "numbers", "whole number": "whole numbers", "table": "tables"}.get(kind, kind)


def _allowed(node: Node, definitions: Node) -> Iterator[str]:
    """Yield the allowed values and ranges of a value in words."""
    variants = _variants(node, definitions)
    for variant in variants:
        values = variant.get("enum") or ([variant["const"]] if "const" in variant else [])
        if values:
            free = any(
                other.get("type") == "string" and "enum" not in other for other in variants if other is not variant
            )
            yield ", ".join(_shown(value) for value in values) + (" or another text" if free else "")
        yield from _ranges(variant)
        for item in [variant.get("items"), *variant.get("prefixItems", ())]:
            if isinstance(item, dict):
                yield from _allowed(_resolved(item, definitions), definitions)
        inner = variant.get("additionalProperties")
        if isinstance(inner, dict) and "properties" not in variant:
            yield from _allowed(_resolved(inner, definitions), definitions)


def _ranges(node: Node) -> Iterator[str]:
    low = [f"{word} {_shown(node[key])[1:-1]}" for key, word in LOWER.items() if key in node]
    high = [f"{word} {_shown(node[key])[1:-1]}" for key, word in UPPER.items() if key in node]
    if low or high:
        yield ", ".join(low + high)
    if "multipleOf" in node:
        yield f"a multiple of {node['multipleOf']}"
    if "minLength" in node:
        yield "not empty" if node["minLength"] == 1 else f"at least {node['minLength']} characters"
    if "maxLength" in node:
        yield f"at most {node['maxLength']} characters"
    if "pattern" in node:
        yield f"matches `{node['pattern']}`"
    if "prefixItems" in node:
        return  # a pair says how long it is
    if node.get("minItems", 0) > 0:
        yield f"at least {node['minItems']} entr{'y' if node['minItems'] == 1 else 'ies'}"
    if "maxItems" in node:
        yield f"at most {node['maxItems']} entries"


LOWER = {"minimum": "at least", "exclusiveMinimum": "more than"}
UPPER = {"maximum": "at most", "exclusiveMaximum": "less than"}


def _default(field: FieldInfo) -> Any:
    return field.get_default(call_default_factory=True)


def _shown(value: Any) -> str:
    """Return a value as it would be written in the file."""
    if value is None:
        return "-"
    if isinstance(value, BaseModel):
        return "as below"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, tuple | list | set | frozenset):
        return f"`[{', '.join(_shown(item)[1:-1] for item in value)}]`"
    if isinstance(value, dict):
        return "`{}`" if not value else f"`{{ {', '.join(f'{k} = {_shown(v)[1:-1]}' for k, v in value.items())} }}`"
    return f"`{json.dumps(value, ensure_ascii=False, default=str)}`"


def _prose(text: str | None) -> str:
    """Return a docstring as one paragraph of Markdown."""
    return re.sub(r"\s+", " ", (text or "").replace("``", "`")).strip()


def _children(path: str, field: FieldInfo) -> Iterator[tuple[str, list[type[BaseModel]]]]:
    """Yield how the tables inside a key are headed in TOML, and their models."""
    found: dict[str, list[type[BaseModel]]] = {}
    for title, model in _models(field.annotation, f"[{path}]"):
        found.setdefault(title, []).append(model)
    yield from found.items()


def _models(annotation: Any, title: str) -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield the models in a type, headed ``[a]``, ``[[a]]`` in a list and ``[a.NAME]`` among tables by name."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield title, annotation
        return
    origin = get_origin(annotation)
    if isinstance(origin, type) and issubclass(origin, list | tuple | set | frozenset):
        title = f"[{title}]"
    elif isinstance(origin, type) and issubclass(origin, dict):
        title = f"{title[:-1]}.NAME]"
    for part in get_args(annotation):
        yield from _models(part, title)


def _text_is_enough(field: FieldInfo, kind: str) -> bool:
    """Return whether a table may also be given as plain text: tried, since a validator decides it."""
    if kind != "table":
        return False
    annotation: Any = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    try:
        TypeAdapter(annotation).validate_python("x")
    except ValidationError:
        return False
    return True

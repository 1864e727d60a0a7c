"""QGIS styles (QML) for the layers of ``study.gpkg``, in the colours and names of the one palette."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree as ET

from servicecircle.outputs.palette import DRAWING_COLOURS, SHARE_CLASSES, STATE_COLOURS
from servicecircle.text.text import say

QT_PATTERNS = {"hatch": "b_diag", "dots": "dense6"}
FONTS = "Noto Sans CJK SC"


@dataclass(frozen=True)
class _Rule:
    """One class of a layer: its name, the features it holds, its colours; ``pattern`` is a Qt brush style."""

    label: str
    test: str
    fill: str | None
    line: str
    pattern: str = ""
    ink: str = ""
    opacity: float = 1.0
    size_mm: float = 2.4


def layer_styles(language: str, unit_shape: str) -> dict[str, str]:
    """Return the default style of each layer as QML.

    ``unit_shape`` is the GeoPackage geometry type of the units: with ``POINT`` they are drawn as markers.
    """
    marker = unit_shape == "POINT"
    colours = DRAWING_COLOURS
    keys = ("attached", "not_attached", "door", "gap", "site", "area", "unit")
    area = colours["service_area"]
    words = {key: say(language, f"tables.style.{key}") for key in keys}
    return {
        "units": _qml([_Rule(words["unit"], "", None, colours["border"])], marker=marker, label="name"),
        "unit_results_map": _qml(_share_rules(language), marker=marker, label="name"),
        "service_areas": _qml([_Rule(words["area"], "", area, area, opacity=0.25)], marker=False),
        "facilities": _qml(
            [
                _Rule(words["attached"], '"attached"', colours["facility"], "#ffffff"),
                _Rule(words["not_attached"], 'NOT coalesce("attached", false)', colours["facility_other"], "#ffffff"),
            ],
            marker=True,
        ),
        "doors": _qml([_Rule(words["door"], "", "#ffffff", colours["facility"], size_mm=1.4)], marker=True),
        "gaps": _qml([_Rule(words["gap"], "", colours["short"], "#ffffff", size_mm=2.0)], marker=True, label="name"),
        "sites": _qml([_Rule(words["site"], "", colours["site"], "#ffffff", size_mm=4.0)], marker=True, label="name"),
    }


def _share_rules(language: str) -> list[_Rule]:
    """Return the share classes; a share equal to a class's lower end belongs to it."""
    border = DRAWING_COLOURS["border"]
    rules = [
        _Rule(
            say(language, f"map.class.{c.key}"),
            f'"share_covered" >= {c.low} AND "share_covered" < {c.high}',
            c.colour,
            border,
            QT_PATTERNS.get(c.pattern, ""),
            c.ink,
        )
        for c in SHARE_CLASSES
    ]
    none = _Rule(say(language, "map.class.no_people"), '"share_covered" IS NULL', STATE_COLOURS["no_people"], border)
    return [*rules, none]


def _qml(rules: list[_Rule], *, marker: bool, label: str = "") -> str:
    root = ET.Element("qgis", version="3.22")
    renderer = ET.SubElement(root, "renderer-v2", type="RuleRenderer", symbollevels="0")
    tree = ET.SubElement(renderer, "rules", key="root")
    symbols = ET.SubElement(renderer, "symbols")
    for number, rule in enumerate(rules):
        entry = ET.SubElement(tree, "rule", key=f"rule{number}", symbol=str(number), label=rule.label)
        if rule.test:
            entry.set("filter", rule.test)
        _symbol(symbols, number, rule, marker=marker)
    if label:
        _labels(root, label)
    return ET.tostring(root, encoding="unicode")


def _symbol(symbols: ET.Element, number: int, rule: _Rule, *, marker: bool) -> None:
    kind = "marker" if marker else "fill"
    symbol = ET.SubElement(symbols, "symbol", name=str(number), type=kind, alpha=str(rule.opacity))
    fill = rule.fill or DRAWING_COLOURS["land"]
    if marker:
        drawn = {"name": "circle", "color": _rgba(fill), "outline_color": _rgba(rule.line), "size": str(rule.size_mm)}
        _part(symbol, "SimpleMarker", **drawn)
        return
    style = "solid" if rule.fill else "no"
    _part(symbol, "SimpleFill", color=_rgba(fill), style=style, outline_color=_rgba(rule.line), outline_width="0.2")
    if rule.pattern:
        _part(symbol, "SimpleFill", color=_rgba(rule.ink), style=rule.pattern, outline_style="no")


def _part(symbol: ET.Element, kind: str, **values: str) -> None:
    part = ET.SubElement(symbol, "layer", attrib={"class": kind, "enabled": "1", "pass": "0", "locked": "0"})
    options = ET.SubElement(part, "Option", type="Map")
    for name, value in values.items():
        ET.SubElement(options, "Option", type="QString", name=name, value=value)


def _labels(root: ET.Element, column: str) -> None:
    settings = ET.SubElement(ET.SubElement(root, "labeling", type="simple"), "settings")
    ET.SubElement(settings, "text-style", fieldName=column, fontFamily=FONTS, fontSize="8")


def _rgba(colour: str) -> str:
    return ",".join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5)) + ",255"

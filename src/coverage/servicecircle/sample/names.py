"""Names of places that do not exist; every one says so to a reader of Chinese (虚, 例, 拟 ...)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from servicecircle.sample.presets import Preset

MADE_UP = "虚例拟样假幻影梦镜仿"
LANDSCAPE = "山河岭桥谷湾泉坡湖石田林井沟坪塘庄屯堡店楼寨岗峪洼营"
TOWNS = (
    "样本",
    "演示",
    "例证",
    "拟合",
    "虚构",
    "幻景",
    "镜像",
    "假设",
    "梦境",
    "仿真",
    "影像",
    "试验",
    "参照",
    "模拟",
    "推演",
)
STREETS = ("示范", "标准", "模型", "样板", "范例", "虚拟", "参考", "试点", "典型")
COMMITTEES = ("和", "安", "宁", "康", "明", "丰", "瑞", "兴", "光", "华", "新", "春", "清", "文")
#: Share of villages that bear the name of a village of another town, as real counties have them.
REPEATED_SHARE = 0.02


def town_names(preset: Preset) -> list[str]:
    """Return the names of the towns, then of the streets."""
    towns = [f"{name}{preset.town_word}" for name in TOWNS[: preset.towns]]
    return towns + [f"{name}街道" for name in STREETS[: preset.streets]]


def village_names(count: int, preset: Preset, rng: np.random.Generator) -> list[str]:
    """Return names of villages, all different."""
    pool = [f"{one}{other}" for one in MADE_UP for other in LANDSCAPE]
    pool += [f"{word}{one}{other}" for word in "东西" for one in MADE_UP for other in LANDSCAPE]
    first = rng.permutation(len(MADE_UP) * len(LANDSCAPE))
    rest = len(first) + rng.permutation(len(pool) - len(first))
    order = [*first.tolist(), *rest.tolist()][:count]
    return [f"{pool[k]}{preset.village_word}" for k in order]


def committee_names(count: int) -> list[str]:
    """Return names of residents' committees, all different."""
    pool = [f"{one}{other}" for one in MADE_UP for other in COMMITTEES]
    return [f"{name}社区" for name in pool[:count]]


def facility_title(kind: str, number: int) -> str:
    """Return the name of a facility of the county town: 虚拟急救中心, 例证药店2 ..."""
    return f"{TOWNS[number % len(TOWNS)]}{kind}{'' if number < len(TOWNS) else number}"

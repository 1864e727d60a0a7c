"""What Chinese road layers call a road, in OpenStreetMap's classes; what they write for yes and no.

**Road classes of Chinese layers (assumed).** Administrative classes (国道, 省道 ... and the letters of their route
numbers) and urban classes follow the usual tagging of OpenStreetMap in China; technical grades (一级公路 ...) and farm
roads have no agreed class. The speeds of a class stand in the modes of travel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicecircle.inputs.columns import fold
from servicecircle.inputs.road_ways import ROAD_CLASSES

if TYPE_CHECKING:
    from collections.abc import Mapping

#: A class for lines that are no roads.
NO_ROAD = "none"

#: Words by class, as a person would write them.
WORDS: Mapping[str, str] = {
    "motorway": "高速公路 高速 国家高速 省级高速 国家高速公路 省级高速公路",
    "motorway_link": "高速匝道 高速公路匝道 高速公路连接线",
    "trunk": "国道 普通国道 G 城市快速路 快速路 快速道 一级公路",
    "primary": "省道 普通省道 S 主干路 主干道 城市主干路 城市主干道 二级公路",
    "secondary": "县道 X 次干路 次干道 城市次干路 城市次干道 三级公路",
    "tertiary": "乡道 Y 支路 支线 支道 城市支路 四级公路",
    "unclassified": "村道 C 专用公路 Z 等外公路 等外路 通村公路 乡村道路 农村道路 农村公路",
    "residential": "街巷 街道 巷道 巷 居住区道路 小区道路 居民区道路",
    "service": "内部道路 内部路 厂区道路 园区道路 停车场道路",
    "track": "机耕路 机耕道 田间道 田间路 生产路 大车路 林道 林区道路",
    "path": "小路 小道 山路 乡间小路 步道 登山步道 健身步道",
    "footway": "人行道 人行路 步行道 人行天桥 人行通道",
    "pedestrian": "步行街",
    "steps": "台阶 阶梯 梯道 踏步",
    "cycleway": "自行车道 非机动车道 自行车专用道",
    "ferry": "轮渡 渡口 汽渡 人渡 车渡",
}
CLASS_OF: Mapping[str, str] = {
    **{name: name for name in ROAD_CLASSES},
    **{fold(word): name for name, words in WORDS.items() for word in words.split()},
}

YES = frozenset(map(fold, "是 有 y yes true t 1 √".split()))
NO = frozenset(map(fold, "否 无 没有 n no false f 0 × -".split())) | {""}
BRIDGE = frozenset(
    "桥 桥梁 大桥 中桥 小桥 特大桥 高架 高架桥 高架路 立交桥 "
    "bridge viaduct aqueduct boardwalk cantilever covered movable trestle low_water_crossing".split()
)
TUNNEL = frozenset(
    "隧道 隧 地道 地下通道 下穿 tunnel culvert underpass building_passage avalanche_protector flooded".split()
)
SURFACE = frozenset(map(fold, "路 道路 路面 路基 地面 road ground surface".split()))

#: Words of a one-way column: along the drawn line, against it, and both ways.
ONE_WAY: Mapping[str, str] = {
    **dict.fromkeys(map(fold, "是 单行 单向 单行道 单行线 正向 顺向 yes y true 1 f ft forward".split()), "yes"),
    **dict.fromkeys(map(fold, "逆向 反向 -1 t tf reverse backward".split()), "-1"),
    **dict.fromkeys(map(fold, "否 双行 双向 双向通行 no n false 0 b both".split()), "no"),
    "": "no",
}


def structure(word: str, kind: str) -> bool | None:
    """Return whether a cell says that a road is a ``bridge`` (or a ``tunnel``); None when the word is not known."""
    folded = fold(word)
    own, other = (BRIDGE, TUNNEL) if kind == "bridge" else (TUNNEL, BRIDGE)
    if folded in own or folded in YES:
        return True
    return False if folded in NO or folded in other or folded in SURFACE else None

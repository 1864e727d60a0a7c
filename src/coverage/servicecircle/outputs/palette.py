"""The one table of class colours, order and names, used by map, figures, workbook and styles.

Share classes run from dark and warm (few people covered) to light and cool (covered), so they keep their
order in grey print; every second class carries a pattern, so neighbours differ for any eye.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Pattern = Literal["solid", "hatch", "dots"]


@dataclass(frozen=True)
class ShareClass:
    """A class of units by share of people covered; ``low`` belongs to the class, ``high`` to the next one."""

    key: str
    """Key in tables and styles; the name is the text ``map.class.<key>``."""
    low: float
    high: float
    """2.0 in the last class: a share of 1 belongs to it."""
    colour: str
    pattern: Pattern
    ink: str
    """Colour of the pattern's lines or dots; equal to ``colour`` where solid."""


SHARE_CLASSES = (
    ShareClass("under_25", 0.0, 0.25, "#8c1d2f", "solid", "#8c1d2f"),
    ShareClass("from_25", 0.25, 0.5, "#d4573a", "hatch", "#8c1d2f"),
    ShareClass("from_50", 0.5, 0.8, "#f2a25c", "solid", "#f2a25c"),
    ShareClass("from_80", 0.8, 0.95, "#fbdfa6", "dots", "#b9722e"),
    ShareClass("from_95", 0.95, 2.0, "#dcebe6", "solid", "#dcebe6"),
)

#: Units that have no share: nobody lives there, the criterion does not apply, or its data is missing.
STATE_COLOURS = {"no_people": "#cfd2d4", "not_applicable": "#eceae4", "no_data": "#dad6e2"}

#: Colours of everything else that is drawn.
DRAWING_COLOURS = {
    "land": "#f5f4f0",
    "border": "#8d949b",
    "short": "#16202a",
    "selected": "#00c2d7",
    "service_area": "#1766a8",
    "facility": "#0d4f8b",
    "facility_other": "#77828c",
    "site": "#00695c",
    "road_major": "#6f6a63",
    "road_middle": "#8f8a82",
    "road_minor": "#aaa59c",
    "motorway": "#4b5a6b",
    "railway": "#3b3f45",
    "water": "#b9d6e8",
    "river": "#6fa8cc",
    "coastline": "#5b93b5",
    "wall": "#7a5a3c",
    "given": "#7a5a3c",
}


def share_class(share: float | None) -> str:
    """Return the key of the class a share (0-1) falls in; ``no_people`` where there is no share.

    A share equal to a class's lower end belongs to it.
    """
    if share is None or math.isnan(share):
        return "no_people"
    return next(c.key for c in reversed(SHARE_CLASSES) if share >= c.low)


def contrast(first: str, second: str) -> float:
    """Return the WCAG contrast ratio (1-21) of two hex colours."""
    low, high = sorted((_luminance(first), _luminance(second)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

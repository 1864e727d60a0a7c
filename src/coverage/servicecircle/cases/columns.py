"""Columns of the ranges, and the frame that says nothing."""

from __future__ import annotations

import pandas as pd

RANGE_COLUMNS = (
    "criterion",  # shanting/S01/walk
    "what",  # base | mode | speed | access_speed | access_limit | population | urban_basis
    "setting",  # "drive", "x 0.85", "500 m", a file's name, "kind, place"; empty for base
    "share_covered",  # 0-1, empty where nobody lives or nothing was computed
    "covered_persons",
    "persons",
    "units_any",
    "units_every",
    "units",
    "verdict",
    "assumed_verdict",
    "flips",  # a verdict differs from that of base
)

CLASS_COLUMNS = ("unit_id", "name", "area_class", "class_basis", "next_class", "next_basis")


def no_ranges() -> pd.DataFrame:
    """Return the ranges of a study that asks for none."""
    return pd.DataFrame(columns=list(RANGE_COLUMNS))

"""Columns of the long unit table and of the gap list."""

from __future__ import annotations

UNIT_COLUMNS = (
    "criterion",  # shanting/S01/walk
    "unit_id",
    "name",
    "parent",
    "kind",  # village, community, town, street or ""
    "area_class",  # urban | rural
    "class_basis",
    "basis",  # surveyed | nearest_point | block
    "lon",
    "lat",  # a point inside the unit, WGS84
    "lon_gcj02",
    "lat_gcj02",
    "persons",
    "covered_persons",
    "uncovered_persons",
    "later_persons",
    "unreachable_persons",
    "unattached_persons",
    "no_facility_persons",
    "share_covered",  # 0-1, empty where nobody lives
    "any",
    "every",
    "short",
    "knife_edge_persons",
    "p50",  # people-weighted lower quantile: minutes or km; empty when unreachable
    "p90",
    "unit_of_value",  # min | km | facilities
    "count",  # facilities in the unit (presence)
    "cause",  # too_far | unreachable | unattached | no_facility | none_in_unit | ""
    "nearest_id",  # facility nearest by the criterion's own measure, of most people
    "nearest_name",
    "nearest_time_id",
    "nearest_time_min",
    "nearest_road_id",
    "nearest_road_km",
    "nearest_straight_id",
    "nearest_straight_km",
)

GAP_COLUMNS = (
    "rank",  # within the criterion, by uncovered people
    "criterion",
    "title",
    "limit_text",
    "gap_kind",  # unit | patch | scattered
    "unit_id",
    "name",
    "parent",
    "area_class",
    "persons",
    "uncovered_persons",
    "share_covered",
    "cause",
    "p50",
    "unit_of_value",
    "nearest_time_id",
    "nearest_time_min",
    "nearest_road_id",
    "nearest_road_km",
    "nearest_straight_id",
    "nearest_straight_km",
    "lon",
    "lat",
    "lon_gcj02",
    "lat_gcj02",
    "clause",  # plan file, line, quote
    "basis",
)

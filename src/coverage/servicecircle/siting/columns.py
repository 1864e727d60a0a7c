"""Columns of the table of proposed sites."""

from __future__ import annotations

SITE_COLUMNS = (
    "order",
    "criterion",
    "candidate_id",
    "name",
    "candidate_kind",  # unit | upgrade
    "type",  # type the site would have
    "new_persons",  # newly covered when built in this order
    "covered_persons",  # covered after this site
    "share_covered",
    "lon",
    "lat",
    "lon_gcj02",
    "lat_gcj02",
)

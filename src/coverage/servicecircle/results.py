"""What a run returns: tables and drawings, nothing that still has to be computed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from servicecircle.standards.model import Criterion
    from servicecircle.study import Study


@dataclass(frozen=True)
class LedgerLine:
    """One line of the people ledger; ``gap`` is ``|left - right| / max(left, 1)`` and is at most 1e-9."""

    name: str
    """``window``, ``calibration`` or the key of a criterion."""
    left: float
    right: float
    parts: dict[str, float]
    """The terms of the right side, in order."""
    gap: float


@dataclass(frozen=True)
class CriterionSummary:
    """One criterion over the whole area."""

    criterion: Criterion
    state: str
    """``computed`` or ``no data``."""
    missing: tuple[str, ...]
    """Facility types no input holds a row of (state ``no data``)."""
    facilities: int
    """Facilities that count."""
    persons: float
    """People in the units the criterion applies to."""
    covered_persons: float
    later_persons: float
    unreachable_persons: float
    unattached_persons: float
    no_facility_persons: float
    share_covered: float | None
    """None where nobody lives."""
    units: int
    units_any: int
    units_every: int
    units_short: int
    knife_edge_persons: float | None
    """People within half a sub-cell of the limit; None: not applicable (people at points)."""
    target_share: float | None
    """Target the plan prints; None: no target printed."""
    verdict: str
    """``met``, ``not met``, ``no target printed`` or ``no data``."""
    assumed_target_share: float
    assumed_verdict: str
    """Verdict under the study's own target: ``met``, ``not met`` or ``no data``."""


@dataclass(frozen=True)
class Drawings:
    """Geometries for maps; every frame is EPSG:4326 and nothing is counted on it."""

    units: gpd.GeoDataFrame
    """``unit_id, name, parent, area_class, basis, geometry`` (polygon, or point where there is none)."""
    service_areas: gpd.GeoDataFrame
    """``criterion, measure, limit_text, geometry`` (dissolved)."""
    roads: gpd.GeoDataFrame
    """``road_class, geometry``, simplified."""
    barriers: gpd.GeoDataFrame
    """``kind, geometry``, simplified: ``water`` areas, ``river``, ``coastline``, ``railway``, ``motorway``, ``wall``, ``given``."""
    places: gpd.GeoDataFrame
    """``name, place, geometry``: named places for orientation."""


@dataclass(frozen=True)
class Results:
    """Everything a run found."""

    study: Study
    summaries: tuple[CriterionSummary, ...]
    ledger: tuple[LedgerLine, ...]
    units: pd.DataFrame
    """Long table, one row per criterion and unit (columns: ``UNIT_COLUMNS``)."""
    gaps: pd.DataFrame
    """Short units and patches, ranked (columns: ``GAP_COLUMNS``)."""
    sites: pd.DataFrame
    """Proposed sites in build order (columns: ``SITE_COLUMNS``); empty without ``[siting]``."""
    facilities: gpd.GeoDataFrame
    """Facilities used: ``id, name, type, type_text, ownership, source, row, in_area, attached, geometry`` (EPSG:4326)."""
    set_aside: pd.DataFrame
    """``file, layer, row, id, value, reason`` (reason is a finished sentence in the study's language)."""
    cards: dict[str, list[str]]
    """For each short unit id: the lines of its explanation, in the study's language."""
    drawings: Drawings
    notices: tuple[str, ...]
    """Sentences the reader must know: assumptions, approximations, what was listed."""
    provenance: dict[str, Any] = field(default_factory=dict)
    """Versions, parameters, modes, input hashes, counts at each step: what ``run.json`` holds."""


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

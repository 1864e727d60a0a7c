"""What a run returns: tables and drawings, nothing that still has to be computed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from servicecircle.analysis.columns import GAP_COLUMNS, UNIT_COLUMNS
from servicecircle.analysis.summary import CriterionSummary
from servicecircle.analysis.times import TimeLayer, TravelTimes
from servicecircle.cases.columns import RANGE_COLUMNS, no_ranges
from servicecircle.demand.ledger import LedgerLine
from servicecircle.siting.columns import SITE_COLUMNS

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from servicecircle.analysis.finding import Finding
    from servicecircle.standards.model import Standard
    from servicecircle.study import Study

__all__ = [
    "GAP_COLUMNS",
    "RANGE_COLUMNS",
    "SITE_COLUMNS",
    "UNIT_COLUMNS",
    "CriterionSummary",
    "Drawings",
    "LedgerLine",
    "Results",
    "TimeLayer",
    "TravelTimes",
]


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
    """``kind, geometry``, simplified; kinds as in ``inputs.roads.BarrierShapes``."""
    places: gpd.GeoDataFrame
    """``name, place, geometry``: named places for orientation."""


@dataclass(frozen=True)
class Results:
    """Everything a run found."""

    study: Study
    summaries: tuple[CriterionSummary, ...]
    """Circles, radii and presences, one entry per measure."""
    ledger: tuple[LedgerLine, ...]
    units: pd.DataFrame
    """Long table, one row per criterion and unit (columns: ``UNIT_COLUMNS``)."""
    gaps: pd.DataFrame
    """Short units and patches, ranked (columns: ``GAP_COLUMNS``)."""
    sites: pd.DataFrame
    """Proposed sites in build order (columns: ``SITE_COLUMNS``); empty without ``[siting]``."""
    facilities: gpd.GeoDataFrame
    """Facilities used: ``id, name, type, type_text, ownership, source, row, in_area, attached``; EPSG:4326."""
    doors: gpd.GeoDataFrame
    """Where they are entered: ``facility_id, door, how, attached``; EPSG:4326."""
    shapes: gpd.GeoDataFrame
    """Areas and lines among them as drawn: ``facility_id, name, type``; EPSG:4326."""
    set_aside: pd.DataFrame
    """``file, layer, row, id, value, reason`` (reason is a finished sentence in the study's language)."""
    counted: dict[str, tuple[str, ...]]
    """Ids of the facilities that count, by criterion key."""
    cards: dict[str, dict[str, list[str]]]
    """Explanations of short units, in the study's language: criterion key -> unit id -> lines."""
    drawings: Drawings
    notices: tuple[str, ...]
    """Sentences the reader must know: assumptions, approximations, what was listed."""
    provenance: dict[str, Any] = field(default_factory=dict)
    """Versions, parameters, modes, input hashes, counts at each step: what ``run.json`` holds."""
    standards: tuple[Standard, ...] = ()
    """Everything the study judges, in the order chosen."""
    findings: tuple[Finding, ...] = ()
    """What is found of the standards that are no circle, radius or presence."""
    travel_times: TravelTimes | None = None
    """Minutes per cell or point of people, for every time criterion; None where nothing was searched."""
    ranges: pd.DataFrame = field(default_factory=no_ranges)
    """Every circle and radius again with one thing changed at a time (columns: ``RANGE_COLUMNS``)."""

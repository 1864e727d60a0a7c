"""The study file: one pydantic tree, frozen, unknown keys refused, all problems listed at once."""

from servicecircle.study.base import File, Section, Source
from servicecircle.study.load import load_study, study_from
from servicecircle.study.model import (
    Area,
    AssetFile,
    Barriers,
    FacilityColumns,
    FacilityFile,
    Gap,
    ModeChange,
    Outputs,
    RoadDownload,
    RoadLines,
    Roads,
    Siting,
    StandardsSection,
    Study,
    StudyHead,
    Travel,
    UnitPoints,
    UnitPolygons,
)
from servicecircle.study.people import Calibration, PersonPoints, PersonTable, Population, Raster, RowColumns
from servicecircle.study.ranges import Ranges

__all__ = [
    "Area",
    "AssetFile",
    "Barriers",
    "Calibration",
    "FacilityColumns",
    "FacilityFile",
    "File",
    "Gap",
    "ModeChange",
    "Outputs",
    "PersonPoints",
    "PersonTable",
    "Population",
    "Ranges",
    "Raster",
    "RoadDownload",
    "RoadLines",
    "Roads",
    "RowColumns",
    "Section",
    "Siting",
    "Source",
    "StandardsSection",
    "Study",
    "StudyHead",
    "Travel",
    "UnitPoints",
    "UnitPolygons",
    "load_study",
    "study_from",
]

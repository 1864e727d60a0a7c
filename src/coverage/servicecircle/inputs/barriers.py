"""Barrier lines and areas the study gives beside those of the road file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pyogrio.errors

from servicecircle.errors import StudyError, problem
from servicecircle.geo.crs import parse_crs
from servicecircle.inputs.roads import BarrierShapes

if TYPE_CHECKING:
    from servicecircle.study import Study


def read_given_barriers(study: Study) -> BarrierShapes:
    """Return the study's own barriers, EPSG:4326, kind ``given``; none when the study names no file.

    Raises
    ------
    StudyError
        The file is missing, cannot be read, or has no CRS.
    """
    source = study.barriers.lines
    if source is None:
        return BarrierShapes(np.zeros(0, dtype=object), np.zeros(0, dtype=str))
    path = study.locate(source.path)
    if not path.is_file():
        raise StudyError(problem("roads.missing", file=source.path))
    try:
        frame = gpd.read_file(path, layer=source.layer) if source.layer else gpd.read_file(path)
    except pyogrio.errors.DataSourceError as error:
        raise StudyError(problem("roads.unreadable", file=source.path, detail=str(error))) from error
    if source.crs is not None:
        frame = frame.set_crs(parse_crs(source.crs), allow_override=True)
    if frame.crs is None:
        raise StudyError(problem("roads.no_crs", file=source.path))
    shapes = frame.to_crs("EPSG:4326").geometry
    shapes = shapes[~shapes.isna() & ~shapes.is_empty]
    return BarrierShapes(shapes.to_numpy(), np.full(len(shapes), "given"))

"""People whom the population data place in no unit: they are in no table of the results."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import shapely

from servicecircle.errors import Problem, problem
from servicecircle.inputs.population import PointPeople
from servicecircle.inputs.problems import some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicecircle.analysis.stages import Prepared
    from servicecircle.inputs.gather import Inputs
    from servicecircle.study import Study

#: A raster is cut to a rectangle around the units, whose corners are others' land: only a larger share is told.
MOST_OUTSIDE = 0.5
#: Fewer people than this are none.
LEAST_PERSONS = 0.5


def look_rows_outside(study: Study, inputs: Inputs) -> Iterator[Problem]:
    """Yield the rows of people at points that lie in no polygon and name no unit; a point on a border is inside."""
    given, population = study.population.points, inputs.population
    if given is None or study.area.units is None or inputs.units is None or not isinstance(population, PointPeople):
        return
    units, frame = inputs.units.frame, population.frame
    tree = shapely.STRtree(units.geometry.to_numpy())
    points = shapely.points(frame["lon"].to_numpy(dtype=float), frame["lat"].to_numpy(dtype=float))
    inside = np.zeros(len(frame), dtype=bool)
    inside[np.unique(tree.query(points, predicate="intersects")[0])] = True
    lost = frame[~inside & ~frame["id"].isin(set(units["id"])).to_numpy()].sort_values("row")
    persons = math.fsum(lost["persons"])
    if persons >= LEAST_PERSONS:
        told = {"count": len(lost), "rows": some(lost["row"]), "row": int(lost["row"].iloc[0])}
        yield problem("intake.rows_outside", file=given.path, value=f"{persons:,.0f}", **told)


def look_most_outside(prepared: Prepared) -> Iterator[Problem]:
    """Yield that more than half of a raster's people live in no unit."""
    raster, demand = prepared.study.population.raster, prepared.ground.demand
    if raster is None or not demand.window_persons > 0:
        return
    share = demand.outside_persons / demand.window_persons
    if share > MOST_OUTSIDE:
        told = {"value": f"{demand.outside_persons:,.0f}", "total": f"{demand.window_persons:,.0f}"}
        yield problem("intake.most_outside", file=raster.path, share=f"{share:.1%}", **told)

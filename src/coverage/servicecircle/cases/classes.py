"""What the next basis says of each unit: urban or rural without the answer that was taken (design section 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from servicecircle.cases.columns import CLASS_COLUMNS
from servicecircle.demand.settlements import URBAN_PLACES, nearest_unit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from servicecircle.analysis.build import Ground
    from servicecircle.inputs.roads import Places

#: Answers that named places of the road file come after.
BEFORE_PLACE = ("column", "code", "kind")


def next_classes(ground: Ground, places: Places) -> pd.DataFrame:
    """Return the units that have a next basis (``CLASS_COLUMNS``, indexed by unit row).

    The order is column, code, street or residents' committee, named place, default. What the unit file itself says
    next comes from it; where it says nothing, named places do: a polygon is urban where one of an urban kind lies
    inside, rural where only others do; a point takes the nearest within 3 km that no barrier parts from it. The
    default is no basis: a unit with nothing else has no next class.
    """
    units = ground.units
    found = pd.DataFrame(
        {name: units[name].to_numpy(dtype=object) for name in ("id", "name", *CLASS_COLUMNS[2:])}
    ).rename(columns={"id": "unit_id"})
    open_ = (found["next_class"] == "") & found["class_basis"].isin(BEFORE_PLACE)
    by_place = _by_place(ground, places)
    said = (open_ & (by_place != "")).to_numpy()
    found.loc[said, "next_class"] = by_place[said]
    found.loc[said, "next_basis"] = "place"
    return found.loc[found["next_class"] != "", list(CLASS_COLUMNS)]


def _by_place(ground: Ground, places: Places) -> NDArray[np.object_]:
    """Return the class of each unit by named places, empty where none says anything."""
    units = ground.units
    result = np.full(len(units), "", dtype=object)
    if len(places.name) == 0 or len(units) == 0:
        return result
    is_urban = np.isin(places.place, URBAN_PLACES)
    points = shapely.points(places.lon, places.lat)
    if (units.geometry.geom_type != "Point").all():
        polygon, place = shapely.STRtree(points).query(units.geometry.to_numpy(), predicate="intersects")
        result[polygon] = "rural"
        result[polygon[is_urban[place]]] = "urban"
        return result
    at = units.geometry.representative_point()
    frame = gpd.GeoDataFrame(geometry=points, crs="EPSG:4326")
    near = nearest_unit(at.x.to_numpy(), at.y.to_numpy(), frame, ground.working, ground.crossings)
    return np.where(near >= 0, np.where(is_urban[near], "urban", "rural"), "").astype(object)


def reclassed(units: gpd.GeoDataFrame, following: pd.DataFrame) -> gpd.GeoDataFrame:
    """Return the units with the classes of their next basis."""
    area_class = units["area_class"].to_numpy(dtype=object).copy()
    area_class[following.index.to_numpy()] = following["next_class"].to_numpy(dtype=object)
    return units.assign(area_class=area_class)

"""Facilities a plan's records name beside those of every sample county, and who refers to whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from servicecircle.sample.attributes import records_of, rules
from servicecircle.sample.land import stream
from servicecircle.sample.services import DOOR_M, Facility
from servicecircle.standards.faults import types_of
from servicecircle.standards.vocabulary import accepts, facility_types

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from servicecircle.sample.county import County
    from servicecircle.sample.settle import Places

#: Who refers to the health centre of the own town; centres and what else treats people refer to the county hospital.
BELOW = accepts(("village_clinic", "community_health_station"))
CENTRES = accepts(("township_health_centre", "community_health_centre"))
TOP = "general_hospital"
#: A facility of the neighbours stands so far outside the border.
BEYOND_M = 600.0


def extra_facilities(county: County) -> list[Facility]:
    """Return the facilities of the lines of ``attributes.toml`` whose type the plan's records name."""
    named = accepts(code for record in records_of(county.land.preset.plan) for code in types_of(record))
    made: list[Facility] = []
    for number, line in enumerate(rules()["service"]):
        if line["type"] in named:
            rng = stream(county.seed, f"extra {number}")
            made += _of_line(county, line, [*county.facilities, *made], rng)
    return made


def referrals(places: Places, facilities: Sequence[Facility], ids: Sequence[str]) -> list[str]:
    """Return the facility each one refers to, by id: clinics and stations their town's centre, centres the hospital."""
    town = [int(places.town[f.place]) for f in facilities]
    centre = {t: one for t, f, one in zip(town, facilities, ids, strict=True) if f.type in CENTRES and not f.host}
    top = next((one for f, one in zip(facilities, ids, strict=True) if f.type == TOP), "")
    return [
        centre.get(t, top) if f.type in BELOW else top if f.type in CENTRES else ""
        for t, f in zip(town, facilities, strict=True)
    ]


def _of_line(county: County, line: dict[str, Any], there: list[Facility], rng: np.random.Generator) -> list[Facility]:
    """Return the facilities of one line; where one of the type already stands, none is added."""
    places, code = county.places, line["type"]
    sites = _sites(county, line, there)
    chance = rng.permutation(len(sites))
    most = line["count"] if "count" in line else round(line.get("share", 1.0) * len(sites))
    chosen = [sites[k] for k in sorted(chance[:most].tolist())]
    level = line["per"]
    have = {_key(places, level, f.place) for f in there if f.type == code}
    return [
        Facility(f"{name}{facility_types()[code].zh}", code, line.get("ownership", "government"), xy, place, host=host)
        for name, xy, place, host in chosen
        if level in ("county", "beyond") or _key(places, level, place) not in have
    ]


def _key(places: Places, level: str, place: int) -> int:
    return int(places.town[place]) if level == "town" else place


def _sites(
    county: County, line: dict[str, Any], there: list[Facility]
) -> list[tuple[str, tuple[float, float], int, str]]:
    """Return name, place in metres, settlement and host of each site a line may choose from."""
    places = county.places
    if line["per"] == "beyond":
        return [_beyond(county)]
    if "at" in line:
        kinds = accepts(line["at"])
        first: dict[int, Facility] = {}
        for f in there:
            if f.type in kinds and not f.host:
                first.setdefault(int(places.town[f.place]), f)
        found = [(f.name, f.xy, f.place, f.name) for f in first.values()]
        return found[:1] if line["per"] == "county" else found
    village = places.kind == "village"
    which = np.flatnonzero({"village": village, "community": ~village}.get(line["per"], ~village))
    if line["per"] == "town":
        which = np.array([which[places.town[which] == t][0] for t in np.unique(places.town[which])])
    elif line["per"] == "county":
        which = which[:1]
    return [(str(places.name[k]), _door(county.corners[k], places.xy[k]), int(k), "") for k in which.tolist()]


def _beyond(county: County) -> tuple[str, tuple[float, float], int, str]:
    """Return a site outside the county, across the border where it is nearest to the county town."""
    core = county.land.core_xy
    border = county.land.outline.exterior
    foot = np.array(border.interpolate(border.project(shapely.Point(core))).coords[0])
    x, y = foot + (foot - core) / np.hypot(*(foot - core)) * BEYOND_M
    nearest = int(np.argmin(np.hypot(*(county.places.xy - (x, y)).T)))
    return "邻区", (round(float(x), 2), round(float(y), 2)), nearest, ""


def _door(corners: NDArray[np.float64], middle: NDArray[np.float64]) -> tuple[float, float]:
    """Return a place beside the street corner nearest to the middle of a settlement."""
    at = corners[np.argmin(np.hypot(*(corners - middle).T))] if len(corners) else middle
    x, y = at + np.array(DOOR_M) * (1.0, -1.0)
    return round(float(x), 2), round(float(y), 2)

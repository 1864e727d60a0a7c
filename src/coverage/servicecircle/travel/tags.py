"""What OpenStreetMap tags mean for a mode of travel: may it go there, which way, how fast."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from servicecircle.standards.modes import Mode

#: Road classes in map order; ``_link`` roads count as their class, ferries as ``ferry``.
ROAD_CLASSES = (
    "motorway",
    "trunk",
    "primary",
    "secondary",
    "tertiary",
    "unclassified",
    "residential",
    "living_street",
    "service",
    "road",
    "track",
    "path",
    "footway",
    "pedestrian",
    "steps",
    "cycleway",
    "bridleway",
    "ferry",
)
LINKED = ("motorway", "trunk", "primary", "secondary", "tertiary")
ALLOWING = ("yes", "designated", "permissive", "official")
FORWARD = ("yes", "true", "1")
BACKWARD = ("-1", "reverse")
BOTH = ("no", "false", "0")
KMH_PER_MPH = 1.609344

#: Speeds behind a maxspeed that names a zone instead of a number (``CN:urban``), km/h.
ZONE_KMH = {"urban": 50.0, "rural": 80.0, "motorway": 120.0, "living_street": 20.0, "zone30": 30.0, "zone:30": 30.0}
WALK_ZONE_KMH = 6.0
#: A posted limit below this is a slip of the pen: nobody would ever arrive.
LEAST_KMH = 1.0
_SPEED = re.compile(r"(\d+(?:\.\d+)?)\s*(mph|km/h|kmh|kph)?")
_ZONE = re.compile(r"[A-Za-z]{2}:(.+)")


def road_class(tags: Mapping[str, str]) -> str | None:
    """Return the class of a way, or None when no mode may use it (areas, proposals, unknown values)."""
    if tags.get("area") == "yes":
        return None
    highway = tags.get("highway")
    if highway is None:
        return "ferry" if tags.get("route") == "ferry" else None
    base = highway.removesuffix("_link")
    if base != highway:
        return base if base in LINKED else None
    return highway if highway in ROAD_CLASSES and highway != "ferry" else None


def is_tagged(tags: Mapping[str, str], key: str) -> bool:
    """Return whether a tag is set and not ``no``."""
    return tags.get(key, "no") != "no"


def allowed(tags: Mapping[str, str], cls: str, mode: Mode) -> bool:
    """Return whether a mode may use a way of class ``cls`` at all (class, motorroad, access tags)."""
    value = next((tags[key] for key in mode.access_tags if key in tags), None)
    explicit = tags.get(mode.access_tags[0]) in ALLOWING
    known = cls in mode.classes or cls in mode.class_kmh or cls in mode.class_speed_kmh
    if not known and not (cls in mode.tagged_classes and explicit):
        return False
    if not mode.motorroad and tags.get("motorroad") == "yes" and not (mode.straight_walking and explicit):
        return False
    return value is None or any(part.strip() not in mode.denied for part in value.split(";"))


def directions(tags: Mapping[str, str], mode: Mode) -> tuple[bool, bool]:
    """Return whether a way may be travelled forward and backward (its node order)."""
    value = tags.get(mode.oneway_tag)
    if value in FORWARD:
        return True, False
    if value in BACKWARD:
        return False, True
    if value is None and mode.implied_oneway and _implies_oneway(tags):
        return True, False
    return True, True


def _implies_oneway(tags: Mapping[str, str]) -> bool:
    return tags.get("junction") in ("roundabout", "circular") or tags.get("highway") in ("motorway", "motorway_link")


def maxspeed_kmh(text: str | None) -> float | None:
    """Return a posted limit in km/h, the smallest of a list; None when it says nothing usable (nor below 1 km/h)."""
    if text is None:
        return None
    known = [kmh for part in re.split(r"[;|]", text) if (kmh := _one_speed(part.strip())) is not None]
    return min(known, default=None)


def _one_speed(text: str) -> float | None:
    if text == "walk":
        return WALK_ZONE_KMH
    zone = _ZONE.fullmatch(text)
    if zone:
        return ZONE_KMH.get(zone.group(1))
    number = _SPEED.fullmatch(text)
    if not number:
        return None
    kmh = float(number.group(1)) * (KMH_PER_MPH if number.group(2) == "mph" else 1.0)
    return kmh if kmh >= LEAST_KMH else None


def speed_kmh(cls: str, mode: Mode, *, urban: bool, posted_kmh: float | None) -> float:
    """Return the speed of a mode on a road class in km/h; 0 where it may not go."""
    if cls in mode.class_speed_kmh:
        return mode.class_speed_kmh[cls]
    if not mode.class_kmh:
        return mode.speed_kmh or 0.0
    kmh = mode.class_kmh.get(cls, (0.0, 0.0))[0 if urban else 1]
    if posted_kmh is not None and mode.maxspeed_factor is not None:
        kmh = min(mode.maxspeed_factor * posted_kmh, kmh)
    return mode.factor * kmh

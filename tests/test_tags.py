"""What tags mean for each mode: every row of the rules by hand."""

from __future__ import annotations

import pytest

from servicecircle.standards.modes import standard_modes
from servicecircle.travel.tags import allowed, directions, is_tagged, maxspeed_kmh, road_class, speed_kmh

from .travel_fixtures import MODES

FOOT, FEET, BIKES, CARS = ("walk",), ("walk", "walk_elderly"), ("cycle", "ebike"), ("drive", "ambulance")
Tags = dict[str, str]


def parse(text: str) -> Tags:
    """Return ``a=b c=d`` as tags; ``_`` in a value stays, ``+`` stands for a blank."""
    return {key: value.replace("+", " ") for key, value in (part.split("=", 1) for part in text.split())}


def users(tags: Tags, *, urban: bool = False) -> set[str]:
    """Return the modes that may use a way, as the network decides it: permission and a speed above 0."""
    cls = road_class(tags)
    if cls is None:
        return set()
    return {
        m
        for m, mode in standard_modes().items()
        if allowed(tags, cls, mode) and speed_kmh(cls, mode, urban=urban, posted_kmh=None) > 0
    }


def test_the_six_modes() -> None:
    assert tuple(standard_modes()) == MODES


# --- classes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("highway=motorway", "motorway"),
        ("highway=motorway_link", "motorway"),
        ("highway=trunk_link", "trunk"),
        ("highway=primary_link", "primary"),
        ("highway=secondary_link", "secondary"),
        ("highway=tertiary_link", "tertiary"),
        ("highway=residential", "residential"),
        ("highway=residential_link", None),
        ("highway=service_link", None),
        ("highway=living_street", "living_street"),
        ("highway=unclassified", "unclassified"),
        ("highway=road", "road"),
        ("highway=steps", "steps"),
        ("highway=construction", None),
        ("highway=proposed", None),
        ("highway=platform", None),
        ("highway=corridor", None),
        ("highway=elevator", None),
        ("highway=busway", None),
        ("highway=Residential", None),
        ("highway=", None),
        ("highway=_link", None),
        ("highway=ferry", None),
        ("highway=residential area=yes", None),
        ("highway=pedestrian area=yes", None),
        ("highway=pedestrian area=no", "pedestrian"),
        ("route=ferry", "ferry"),
        ("route=ferry area=yes", None),
        ("route=train", None),
        ("route=ferry highway=construction", None),
        ("waterway=river", None),
    ],
)
def test_class(tags: str, expected: str | None) -> None:
    assert road_class(parse(tags)) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("yes", True), ("viaduct", True), ("building_passage", True), ("no", False), (None, False), ("", True)],
)
def test_is_tagged(value: str | None, expected: bool) -> None:
    assert is_tagged({} if value is None else {"tunnel": value}, "tunnel") is expected


# --- who may use a way ------------------------------------------------------------------------------------------------

ALL = set(MODES)
WALKERS, CYCLISTS, DRIVERS = set(FEET), set(BIKES), set(CARS)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        # classes
        ("highway=motorway", DRIVERS),
        ("highway=motorway_link", DRIVERS),
        ("highway=trunk", ALL),
        ("highway=primary_link", ALL),
        ("highway=residential", ALL),
        ("highway=living_street", ALL),
        ("highway=service", ALL),
        ("highway=road", ALL),
        ("highway=track", ALL),
        ("highway=path", WALKERS | CYCLISTS),
        ("highway=cycleway", WALKERS | CYCLISTS),
        ("highway=bridleway", WALKERS | CYCLISTS),
        ("highway=footway", WALKERS),
        ("highway=pedestrian", WALKERS),
        ("highway=steps", {"walk"}),
        ("route=ferry", ALL),
        ("highway=proposed", set()),
        # footways and pedestrian streets by bicycle
        ("highway=footway bicycle=yes", WALKERS | CYCLISTS),
        ("highway=footway bicycle=designated", WALKERS | CYCLISTS),
        ("highway=pedestrian bicycle=permissive", WALKERS | CYCLISTS),
        ("highway=pedestrian bicycle=official", WALKERS | CYCLISTS),
        ("highway=footway bicycle=dismount", WALKERS),
        ("highway=footway bicycle=no", WALKERS),
        ("highway=footway vehicle=yes", WALKERS),
        ("highway=steps bicycle=yes", {"walk"}),
        ("highway=path motorcar=yes", WALKERS | CYCLISTS),
        # a motorway is not walked, whatever is tagged
        ("highway=motorway foot=yes bicycle=yes", DRIVERS),
        # motorroad
        ("highway=trunk motorroad=yes", DRIVERS),
        ("highway=trunk motorroad=no", ALL),
        ("highway=trunk motorroad=yes foot=yes", WALKERS | DRIVERS),
        ("highway=trunk motorroad=yes foot=designated", WALKERS | DRIVERS),
        ("highway=trunk motorroad=yes foot=destination", DRIVERS),
        ("highway=trunk motorroad=yes bicycle=yes", DRIVERS),
        ("highway=trunk motorroad=yes access=yes", DRIVERS),
        # access refuses all; the ambulance only by "no" and "military"
        ("highway=service access=no", set()),
        ("highway=service access=military", set()),
        ("highway=service access=private", {"ambulance"}),
        ("highway=service access=agricultural", {"ambulance"}),
        ("highway=service access=forestry", {"ambulance"}),
        ("highway=service access=emergency", {"ambulance"}),
        ("highway=service access=use_sidepath", {"ambulance"}),
        ("highway=service access=permit", {"ambulance"}),
        ("highway=service access=residents", {"ambulance"}),
        ("highway=service access=destination", ALL),
        ("highway=service access=customers", ALL),
        ("highway=service access=delivery", ALL),
        ("highway=service access=permissive", ALL),
        ("highway=service access=unknown", ALL),
        ("highway=service access=", ALL),
        # the most specific tag decides
        ("highway=service access=private foot=yes", WALKERS | {"ambulance"}),
        ("highway=service access=no foot=destination", WALKERS),
        ("highway=service access=yes foot=no", CYCLISTS | DRIVERS),
        ("highway=service access=no bicycle=yes", CYCLISTS),
        ("highway=service access=no vehicle=yes", CYCLISTS | DRIVERS),
        ("highway=service vehicle=no", WALKERS),
        ("highway=service vehicle=no bicycle=yes", WALKERS | CYCLISTS),
        ("highway=service vehicle=no motor_vehicle=yes", WALKERS | DRIVERS),
        ("highway=service motor_vehicle=no", WALKERS | CYCLISTS),
        ("highway=service motor_vehicle=private", WALKERS | CYCLISTS | {"ambulance"}),
        ("highway=service motor_vehicle=no motorcar=yes", ALL),
        ("highway=service motor_vehicle=yes motorcar=no", WALKERS | CYCLISTS),
        ("highway=residential bicycle=use_sidepath", WALKERS | DRIVERS),
        ("highway=path foot=private", CYCLISTS),
        ("highway=steps foot=no", set()),
        # lists are refused when every part is
        ("highway=service access=private;destination", ALL),
        ("highway=service access=agricultural;forestry", {"ambulance"}),
        ("highway=service access=agricultural;+forestry", {"ambulance"}),
        ("highway=service access=no;private", {"ambulance"}),
        ("highway=service access=no;military", set()),
        ("highway=service foot=no;yes", ALL),
        # ferries obey access tags
        ("route=ferry foot=no", CYCLISTS | DRIVERS),
        ("route=ferry motor_vehicle=no", WALKERS | CYCLISTS),
        ("route=ferry access=no", set()),
    ],
)
def test_who_may_use_a_way(tags: str, expected: set[str]) -> None:
    assert users(parse(tags)) == expected


def test_tracks_are_not_driven_in_town() -> None:
    assert users({"highway": "track"}, urban=True) == ALL - DRIVERS


# --- directions -------------------------------------------------------------------------------------------------------

BOTH, FORWARD, BACKWARD = (True, True), (True, False), (False, True)


@pytest.mark.parametrize(
    ("tags", "modes", "expected"),
    [
        ("highway=residential", MODES, BOTH),
        ("highway=residential oneway=yes", CARS, FORWARD),
        ("highway=residential oneway=true", CARS, FORWARD),
        ("highway=residential oneway=1", CARS, FORWARD),
        ("highway=residential oneway=-1", CARS, BACKWARD),
        ("highway=residential oneway=reverse", CARS, BACKWARD),
        ("highway=residential oneway=no", CARS, BOTH),
        ("highway=residential oneway=false", CARS, BOTH),
        ("highway=residential oneway=0", CARS, BOTH),
        ("highway=residential oneway=reversible", CARS, BOTH),
        ("highway=residential oneway=alternating", CARS, BOTH),
        ("highway=residential oneway=YES", CARS, BOTH),
        ("highway=residential oneway=yes", FEET + BIKES, BOTH),
        ("highway=residential oneway=-1", FEET + BIKES, BOTH),
        ("highway=residential junction=roundabout", CARS, FORWARD),
        ("highway=residential junction=circular", CARS, FORWARD),
        ("highway=residential junction=yes", CARS, BOTH),
        ("highway=residential junction=roundabout oneway=no", CARS, BOTH),
        ("highway=residential junction=roundabout oneway=-1", CARS, BACKWARD),
        ("highway=residential junction=roundabout oneway=reversible", CARS, BOTH),
        ("highway=residential junction=roundabout", FEET + BIKES, BOTH),
        ("highway=motorway", CARS, FORWARD),
        ("highway=motorway_link", CARS, FORWARD),
        ("highway=motorway oneway=no", CARS, BOTH),
        ("highway=motorway_link oneway=-1", CARS, BACKWARD),
        ("highway=trunk", CARS, BOTH),
        ("highway=footway oneway:foot=yes", FEET, FORWARD),
        ("highway=footway oneway:foot=-1", FEET, BACKWARD),
        ("highway=footway oneway:foot=no", FEET, BOTH),
        ("highway=residential oneway=yes oneway:foot=-1", FEET, BACKWARD),
        ("highway=residential oneway:foot=yes", CARS + BIKES, BOTH),
        ("highway=residential oneway=yes oneway:bicycle=no", BIKES, BOTH),
        ("highway=cycleway oneway:bicycle=yes", BIKES, FORWARD),
        ("highway=cycleway oneway:bicycle=-1", BIKES, BACKWARD),
        ("highway=residential oneway=yes oneway:bicycle=no", CARS, FORWARD),
        ("highway=residential junction=roundabout oneway:bicycle=yes", FEET, BOTH),
    ],
)
def test_directions(tags: str, modes: tuple[str, ...], expected: tuple[bool, bool]) -> None:
    for mode in modes:
        assert directions(parse(tags), standard_modes()[mode]) == expected


# --- posted limits ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("", None),
        ("50", 50.0),
        ("7.5", 7.5),
        ("0", None),
        ("0 mph", None),
        ("-50", None),
        ("+50", None),
        ("50 km/h", 50.0),
        ("50km/h", 50.0),
        ("50 kmh", 50.0),
        ("50 kph", 50.0),
        ("30 mph", 48.28032),
        ("30mph", 48.28032),
        ("10 knots", None),
        ("50 KM/H", None),
        (" 50 ", 50.0),
        ("walk", 6.0),
        ("none", None),
        ("signals", None),
        ("variable", None),
        ("fifty", None),
        ("50,5", None),
        ("1e2", None),
        ("50.", None),
        ("CN:urban", 50.0),
        ("CN:rural", 80.0),
        ("CN:motorway", 120.0),
        ("CN:living_street", 20.0),
        ("DE:zone30", 30.0),
        ("DE:zone:30", 30.0),
        ("de:urban", 50.0),
        ("CN:trunk", None),
        ("CHN:urban", None),
        (":urban", None),
        ("urban", None),
        ("60;40", 40.0),
        ("60; 40 ;80", 40.0),
        ("60|40|60", 40.0),
        ("none|60", 60.0),
        ("signals;none", None),
        ("30 mph;60", 48.28032),
        ("CN:urban;40", 40.0),
        ("0;40", 40.0),
        (";", None),
    ],
)
def test_maxspeed(text: str | None, expected: float | None) -> None:
    got = maxspeed_kmh(text)
    assert got == (None if expected is None else pytest.approx(expected, rel=1e-12))


# --- speeds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cls", "urban", "rural"),
    [
        ("motorway", 100, 100),
        ("trunk", 50, 70),
        ("primary", 40, 60),
        ("secondary", 35, 50),
        ("tertiary", 30, 40),
        ("unclassified", 25, 30),
        ("road", 25, 30),
        ("residential", 20, 25),
        ("living_street", 15, 15),
        ("service", 15, 15),
        ("track", 0, 15),
        ("path", 0, 0),
        ("footway", 0, 0),
        ("steps", 0, 0),
        ("ferry", 10, 10),
    ],
)
def test_class_speeds_of_cars(cls: str, urban: float, rural: float) -> None:
    modes = standard_modes()
    for inside, kmh in ((True, urban), (False, rural)):
        assert speed_kmh(cls, modes["drive"], urban=inside, posted_kmh=None) == kmh
        faster = kmh if cls == "ferry" else 1.1 * kmh
        assert speed_kmh(cls, modes["ambulance"], urban=inside, posted_kmh=None) == pytest.approx(faster, rel=1e-15)


@pytest.mark.parametrize(
    ("cls", "posted", "drive", "ambulance"),
    [
        ("primary", 50.0, 40.0, 44.0),  # 0.8 x 50 < 60
        ("primary", 75.0, 60.0, 66.0),  # 0.8 x 75 = 60
        ("primary", 120.0, 60.0, 66.0),  # the class is the ceiling
        ("residential", 30.0, 24.0, 26.4),
        ("track", 10.0, 8.0, 8.8),
        ("ferry", 5.0, 10.0, 10.0),  # ferries keep their own speed
    ],
)
def test_posted_limits(cls: str, posted: float, drive: float, ambulance: float) -> None:
    modes = standard_modes()
    assert speed_kmh(cls, modes["drive"], urban=False, posted_kmh=posted) == pytest.approx(drive, rel=1e-15)
    assert speed_kmh(cls, modes["ambulance"], urban=False, posted_kmh=posted) == pytest.approx(ambulance, rel=1e-15)


@pytest.mark.parametrize(
    ("mode", "cls", "expected"),
    [
        ("walk", "residential", 3.6),
        ("walk", "path", 3.6),
        ("walk", "steps", 1.8),
        ("walk", "ferry", 10.0),
        ("walk_elderly", "residential", 2.88),
        ("walk_elderly", "ferry", 10.0),
        ("cycle", "cycleway", 12.0),
        ("cycle", "ferry", 10.0),
        ("ebike", "track", 18.0),
        ("ebike", "ferry", 10.0),
    ],
)
def test_other_speeds_heed_no_posted_limit(mode: str, cls: str, expected: float) -> None:
    for posted in (None, 5.0):
        for urban in (True, False):
            assert speed_kmh(cls, standard_modes()[mode], urban=urban, posted_kmh=posted) == expected

"""The shipped modes carry the agreed numbers, written here by hand."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from servicecircle.standards.modes import standard_modes

WAYS = {
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
}
ON_FOOT = WAYS | {"footway", "pedestrian", "cycleway", "bridleway", "ferry"}
BY_CYCLE = WAYS | {"cycleway", "bridleway", "ferry"}
CAR = {
    "motorway": (100, 100),
    "trunk": (50, 70),
    "primary": (40, 60),
    "secondary": (35, 50),
    "tertiary": (30, 40),
    "unclassified": (25, 30),
    "road": (25, 30),
    "residential": (20, 25),
    "living_street": (15, 15),
    "service": (15, 15),
    "track": (0, 15),
}
EVERY_DENIAL = {
    "no",
    "private",
    "agricultural",
    "forestry",
    "military",
    "emergency",
    "use_sidepath",
    "permit",
    "residents",
}
FOOT, BICYCLE = ("foot", "access"), ("bicycle", "vehicle", "access")
MOTOR = ("motorcar", "motor_vehicle", "vehicle", "access")


def test_the_six_modes_are_shipped():
    assert list(standard_modes()) == ["walk", "walk_elderly", "cycle", "ebike", "drive", "ambulance"]


@pytest.mark.parametrize(
    ("mode", "speed", "special", "classes", "tagged", "access", "tags", "oneway"),
    [
        ("walk", 3.6, {"steps": 1.8, "ferry": 10}, ON_FOOT | {"steps"}, set(), 2.88, FOOT, "oneway:foot"),
        ("walk_elderly", 2.88, {"ferry": 10}, ON_FOOT, set(), 2.304, FOOT, "oneway:foot"),
        ("cycle", 12, {"ferry": 10}, BY_CYCLE, {"footway", "pedestrian"}, 8, BICYCLE, "oneway:bicycle"),
        ("ebike", 18, {"ferry": 10}, BY_CYCLE, {"footway", "pedestrian"}, 10, BICYCLE, "oneway:bicycle"),
    ],
)
def test_slow_modes(mode, speed, special, classes, tagged, access, tags, oneway):
    found = standard_modes()[mode]
    assert found.speed_kmh == speed
    assert found.class_speed_kmh == special
    assert set(found.classes) == classes
    assert set(found.tagged_classes) == tagged
    assert found.class_kmh == {}
    assert found.maxspeed_factor is None
    assert (found.access_kmh, found.near_access_kmh, found.near_access_m) == (access, access, 0)
    assert found.straight_walking == mode.startswith("walk")
    assert found.access_tags == tags
    assert set(found.denied) == EVERY_DENIAL
    assert (found.oneway_tag, found.implied_oneway, found.motorroad) == (oneway, False, False)
    assert (found.door_s, found.junction_s, found.factor) == (0, 0, 1)


@pytest.mark.parametrize(
    ("mode", "factor", "denied"), [("drive", 1.0, EVERY_DENIAL), ("ambulance", 1.1, {"no", "military"})]
)
def test_motor_modes(mode, factor, denied):
    found = standard_modes()[mode]
    assert found.class_kmh == CAR
    # Not in the class table: a ferry is no faster for an ambulance.
    assert found.class_speed_kmh == {"ferry": 10}
    assert (found.speed_kmh, found.classes, found.tagged_classes) == (None, (), ())
    assert (found.factor, found.maxspeed_factor) == (factor, 0.8)
    assert (found.access_kmh, found.near_access_kmh, found.near_access_m) == (12, 2.88, 50)
    assert not found.straight_walking
    assert found.access_tags == MOTOR
    assert set(found.denied) == denied
    assert (found.oneway_tag, found.implied_oneway, found.motorroad) == ("oneway", True, True)
    assert (found.door_s, found.junction_s) == (0, 0)


def test_walking_speeds_are_the_agreed_metres_per_second():
    modes = standard_modes()
    assert modes["walk"].speed_kmh / 3.6 == pytest.approx(1.0)
    assert modes["walk_elderly"].speed_kmh / 3.6 == pytest.approx(0.8)
    for mode in ("walk", "walk_elderly"):
        assert modes[mode].access_kmh == pytest.approx(0.8 * modes[mode].speed_kmh)


def test_every_mode_says_where_its_speeds_come_from_and_has_two_titles():
    for mode in standard_modes().values():
        assert mode.source
        assert mode.title.zh
        assert mode.title.en
        assert mode.title.zh != mode.title.en


def test_a_change_gives_a_new_validated_mode():
    walk = standard_modes()["walk"]
    assert walk.changed(speed_kmh=4.32).speed_kmh == 4.32
    assert standard_modes()["walk"].speed_kmh == 3.6
    with pytest.raises(ValidationError):
        walk.changed(speed_kmh=0)
    with pytest.raises(ValidationError):
        walk.changed(sped_kmh=4)

"""The whole of a toy county by hand: every number below was worked out on paper, none by a program.

The county lies on the central meridian of the drawing board, where a metre drawn is a geodesic metre to a hair. One
residential street runs north along x = 0 from y = -40 to y = 440 m. Cells are 40 m wide, two columns, ten rows; their
centres lie 20 m west (W) and east (E) of the street, at y = 20, 60, ... 380. The one clinic stands at (12, 0).

    y      W      E     in units                          walk s    drive ms   road m   straight (W, E) m
    20    10     20     South                               60        42,880     52     37.736, 21.541
    60     0     no value
    100    5      5     South                              140        54,400    132     104.995, 100.319
    140    4      1     South                              180        60,160    172     143.611, 140.228
    180    8      4     cut at y = 170: 1/4 South 3/4 North  220        65,920    212
    220    3      0     North                              260        71,680    252
    260    6      2     North                              300        77,440    292     261.962, 260.123
    300    7      1     North                              340        83,200    332     301.702, 300.107
    340    8      4     cut at y = 330: 1/4 North           380        88,960    372
    380  100   no value  nowhere

Walking: 20 m to the street and 12 m to the door at 2.88 km/h (1.25 s a metre: 25 s + 15 s), and y metres of street at
3.6 km/h (1 s a metre): y + 40 s. A straight walk of at most 25 m is allowed: only from E at y = 20, whose clinic is
sqrt(8^2 + 20^2) = 21.541 m away: 26,926.25 ms, in whole numbers 26,926.
Driving, from the clinic: the same legs on foot (they are shorter than 50 m), and 144 ms a metre (25 km/h).
By road on foot: y + 32 m; E at y = 20 walks straight, 21.541 m.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.small_study import circle, presence, radius
from tests.travel_fixtures import BOARD

from .county import Clinic, County, Outcome, Road, Unit, box, run

NONE = math.nan
#: From north to south, W and E.
PEOPLE = [[100, NONE], [8, 4], [7, 1], [6, 2], [3, 0], [8, 4], [4, 1], [5, 5], [0, NONE], [10, 20]]


def toy_county() -> County:
    return County(
        people=np.array(PEOPLE, dtype=float),
        units=(Unit("N", box(-45, 170, 45, 330), "T"), Unit("S", box(-45, -5, 45, 170), "T")),
        nodes={1: (0.0, -40.0), 2: (0.0, 440.0)},
        roads=(Road(1, (1, 2), {"highway": "residential"}),),
        facilities=(Clinic("f", 12.0, 0.0),),
        south_west=(-40.0, 0.0),
        cell_m=40.0,
        limit_m=25.0,
        crs=BOARD.text,
        origin=(0.0, 0.0),
        standards=(
            circle(5, "walk", name="walk", target_share=0.9),
            circle(1.25, "drive", name="drive", direction="from_facility", target_share=0.7),
            radius(0.3, "straight", name="straight"),
            radius(0.25, "road:walk", name="road", target_share=57 / 79),
            presence(name="presence", target_share=0.5),
        ),
    )


@pytest.fixture(scope="module")
def toy() -> Outcome:
    return run(toy_county())


WALK, DRIVE, STRAIGHT, ROAD, PRESENCE = (
    "t/walk/walk",
    "t/drive/drive",
    "t/straight/straight",
    "t/road/road:walk",
    "t/presence/presence",
)


def test_people(toy: Outcome) -> None:
    """Window 188 = South 30 + 10 + 5 + 3 = 48, North 9 + 3 + 8 + 8 + 3 = 31, outside 9 + 100 = 109."""
    demand = toy.world.demand
    assert demand.per_side == 1
    assert demand.window_persons == 188
    assert demand.outside_persons == pytest.approx(109, rel=1e-6)
    assert toy.world.units["id"].tolist() == ["N", "S"]
    assert toy.world.unit_persons.tolist() == pytest.approx([31, 48], rel=1e-6)
    assert demand.piece_persons.dtype == np.float64


def test_times(toy: Outcome) -> None:
    """Every cell with people in a unit, from the north-west on: W and E of each row."""
    reach = {entry.criterion.key: entry.reach for entry in toy.judged.coverage.criteria}
    cells = [(340, "W"), (340, "E"), (300, "W"), (300, "E"), (260, "W"), (260, "E"), (220, "W"), (180, "W"), (180, "E")]
    cells += [(140, "W"), (140, "E"), (100, "W"), (100, "E"), (20, "W"), (20, "E")]
    assert len(cells) == toy.world.demand.points
    walk = [380, 380, 340, 340, 300, 300, 260, 220, 220, 180, 180, 140, 140, 60]
    assert reach[WALK].value.tolist() == [*(1000 * s for s in walk), 26_926]
    drive = (
        [88_960] * 2
        + [83_200] * 2
        + [77_440] * 2
        + [71_680]
        + [65_920] * 2
        + [60_160] * 2
        + [54_400] * 2
        + [42_880] * 2
    )
    assert reach[DRIVE].value.tolist() == drive
    road = [372, 372, 332, 332, 292, 292, 252, 212, 212, 172, 172, 132, 132, 52]
    assert reach[ROAD].value.tolist() == [*(1000 * m for m in road), 21_541]
    # by Pythagoras, with 32 m across from W and 8 m from E
    straight = [341_503, 340_094, 301_702, 300_107, 261_962, 260_123, 222_315, 182_822, 180_178]
    straight += [143_611, 140_228, 104_995, 100_319, 37_736, 21_541]
    assert reach[STRAIGHT].value.tolist() == straight


#: People of N and S covered, and not: walk up to 300 s, which y = 260 takes exactly; drive up to 75 s, y <= 220;
#: straight up to 300 m, y <= 260; road up to 250 m, y <= 180; the clinic stands in South.
COVERED = {WALK: (20, 48), DRIVE: (12, 48), STRAIGHT: (20, 48), ROAD: (9, 48), PRESENCE: (0, 48)}


@pytest.mark.parametrize("key", COVERED)
def test_units(toy: Outcome, key: str) -> None:
    table = toy.tables[key]
    north, south = COVERED[key]
    assert table["persons"].tolist() == pytest.approx([31, 48], rel=1e-6)
    assert table["covered_persons"].tolist() == pytest.approx([north, south], rel=1e-6, abs=1e-9)
    assert table["uncovered_persons"].tolist() == pytest.approx([31 - north, 0], rel=1e-6, abs=1e-9)
    why = "no_facility_persons" if key == PRESENCE else "later_persons"
    assert table[why].tolist() == pytest.approx([31 - north, 0], rel=1e-6, abs=1e-9)
    for other in {"later_persons", "no_facility_persons", "unreachable_persons", "unattached_persons"} - {why}:
        assert table[other].tolist() == [0, 0]
    assert table["share_covered"].tolist() == pytest.approx([north / 31, 1.0], rel=1e-6, abs=1e-12)
    assert table["any"].tolist() == [north > 0, True]
    assert table["every"].tolist() == [False, True]
    # more than half of 31, or 30 and more: 19 and 22 are, 11 is not; and 31 where no clinic stands
    assert table["short"].tolist() == [key in (DRIVE, ROAD, PRESENCE), False]
    assert table["cause"].tolist() == ["none_in_unit" if key == PRESENCE else "too_far", ""]
    assert table["nearest_id"].tolist() == ["f", "f"]
    assert table["count"].tolist() == ([0, 1] if key == PRESENCE else [None, None]) or table["count"].isna().all()


def test_typical_values(toy: Outcome) -> None:
    """Lower quantiles. North, walking: 9 people at 220 s, 3 at 260, 8 at 300, 8 at 340, 3 at 380; half is 15.5: 300 s;
    nine tenths 27.9: 340 s. South: 20 at 26.926, 10 at 60, 10 at 140, 5 at 180, 3 at 220; 24: 60 s; 43.2: 180 s."""
    walk = toy.tables[WALK]
    assert walk["p50"].tolist() == [5.0, 1.0]
    assert walk["p90"].tolist() == [340 / 60, 3.0]
    assert walk["nearest_time_min"].tolist() == [5.0, 1.0]
    assert walk["nearest_road_km"].tolist() == [0.292, 0.052]
    # North by straight metres, E before W: 260 E 2 people, 260 W 6 after the 9 of 180 and the 3 of 220: 9, 12, 14, 20
    assert walk["nearest_straight_km"].tolist() == [0.261962, 0.037736]
    # 8 people take 300 s, within half a cell (20 s) of the limit; 260 s and 340 s are not
    assert walk["knife_edge_persons"].tolist() == pytest.approx([8, 0], rel=1e-6, abs=1e-9)
    drive = toy.tables[DRIVE]
    # North 65.92, 71.68, 77.44, 83.2, 88.96 s: the same order as on foot; South 30 people at 42.88
    assert drive["p50"].tolist() == pytest.approx([77.44 / 60, 42.88 / 60], rel=1e-12)
    assert drive["p90"].tolist() == pytest.approx([83.2 / 60, 60.16 / 60], rel=1e-12)


def test_the_whole_area(toy: Outcome) -> None:
    """79 people; 68, 60, 68, 57 and 48 of them; targets 0.9 (0.861: not met), 0.7 (0.759), none, exactly 57/79, and
    half of the units with a clinic (1 of 2)."""
    total = {WALK: 68, DRIVE: 60, STRAIGHT: 68, ROAD: 57, PRESENCE: 48}
    verdict = {WALK: "not met", DRIVE: "met", STRAIGHT: "no target printed", ROAD: "met", PRESENCE: "met"}
    for key, people in total.items():
        found = toy.by_key[key]
        assert found.persons == pytest.approx(79, rel=1e-6)
        assert found.covered_persons == pytest.approx(people, rel=1e-6)
        assert found.share_covered == pytest.approx(people / 79, rel=1e-6)
        assert (found.units, found.units_any, found.units_every) == (2, 1 if key == PRESENCE else 2, 1)
        assert found.units_short == (key in (DRIVE, ROAD, PRESENCE))
        assert found.facilities == 1
        # on the target itself the 24 bits of a cut cell decide (57/79 is 0.72151898...)
        assert found.verdict == verdict[key] or (key == ROAD and abs(found.share_covered - 57 / 79) < 1e-7)
        assert found.assumed_verdict == "not met"
    assert toy.by_key[WALK].later_persons == pytest.approx(11, rel=1e-6)
    assert toy.by_key[WALK].knife_edge_persons == pytest.approx(8, rel=1e-6)


def test_everybody_is_in_the_ledger(toy: Outcome) -> None:
    assert max(line.gap for line in toy.lines) <= 1e-9
    assert toy.lines[0].left == 188


def scattered_county() -> County:
    """People at five places of one unit; two streets that do not meet, 300 m apart; a wall beside the western one.

    Street A runs along x = 0, street B along x = 300, both from y = 0 to 400. Clinics f1 at (10, 0) and f2 at (10, 400),
    a pharmacy at (10, 290), which is none. Nobody walks more than 50 m without a street.
    """
    people = [(20, 300, 5), (290, 200, 7), (150, 200, 11), (-20, 100, 13), (-20, 20, 17)]
    return County(
        people=np.array(people, dtype=float),
        units=(Unit("U", box(-100, -100, 400, 500), "T"),),
        nodes={1: (0.0, 0.0), 2: (0.0, 400.0), 3: (300.0, 0.0), 4: (300.0, 400.0)},
        roads=(Road(1, (1, 2), {"highway": "residential"}), Road(2, (3, 4), {"highway": "residential"})),
        facilities=(Clinic("f1", 10.0, 0.0), Clinic("f2", 10.0, 400.0), Clinic("g", 10.0, 290.0, "pharmacy")),
        barriers=(("wall", ((-10.0, 60.0), (-10.0, 140.0))),),
        points=True,
        limit_m=50.0,
        crs=BOARD.text,
        origin=(0.0, 0.0),
        standards=(circle(2, "walk", name="walk"), radius(0.11, "straight", name="straight")),
    )


def test_those_who_cannot_get_there() -> None:
    """Walking at most 2 minutes:

    - 5 people at (20, 300) walk 20 m to the street, 100 m of it and 10 m to f2: 25 + 100 + 12.5 s; the pharmacy is nearer
    - 7 at (290, 200) have a street that leads to no clinic; 11 at (150, 200) have none within 50 m
    - 13 at (-20, 100) have a wall between them and the street
    - 17 at (-20, 20) walk straight to f1: sqrt(30^2 + 20^2) = 36.056 m, 45.07 s (by the street 57.5 s)
    """
    result = run(scattered_county())
    reach = {entry.criterion.key: entry.reach for entry in result.judged.coverage.criteria}
    walk, straight = reach[WALK], reach[STRAIGHT]
    assert [s or v for s, v in zip(walk.state.tolist(), walk.value.tolist(), strict=True)] == [137_500, 1, 2, 2, 45_070]
    assert (walk.facility[0], walk.facility[4]) == (1, 0)
    row = result.tables[WALK].iloc[0]
    assert (row["persons"], row["covered_persons"], row["later_persons"]) == (53, 17, 5)
    assert (row["unreachable_persons"], row["unattached_persons"], row["no_facility_persons"]) == (7, 24, 0)
    assert (row["cause"], row["every"], row["any"], row["short"]) == ("unattached", False, True, True)
    found = result.by_key[WALK]
    assert (found.facilities, found.share_covered) == (2, 17 / 53)
    assert (found.later_persons, found.unreachable_persons, found.unattached_persons) == (5, 7, 24)
    # straight: sqrt(10^2 + 100^2) = 100.499 m to f2, sqrt(30^2 + 100^2) = 104.403 m to f1, whatever lies between
    assert straight.value[[0, 3, 4]].tolist() == [100_499, 104_403, 36_056]
    assert result.by_key[STRAIGHT].covered_persons == 5 + 13 + 17

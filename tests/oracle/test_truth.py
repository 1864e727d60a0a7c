"""The truth of small folders, worked out by hand; planted causes; the comparison with a run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely

from .compare import compare
from .county import area_shares, demand_points, points_per_side, read_county
from .coverage import people_by_unit
from .criteria import criteria, facility_type, is_of, owner, unit_kind
from .folders import Drawing, at, text
from .gcj import from_gcj02, to_gcj02
from .planted import parse, planted_truth
from .relief import Heights, slowness
from .truth import Truth, is_short, main, read_truth

ROOT = Path(__file__).resolve().parents[2]
ROAD = {"highway": "residential"}
STANDARDS = ("shanting/S01", "shanting/S02", "shanting/S11", "yanhu/Y04")
WALK, CYCLE, AMBULANCE, CLINIC = (
    "shanting/S01/walk",
    "shanting/S01/cycle",
    "shanting/S11/road:drive",
    "yanhu/Y04/presence",
)


# --- small parts ------------------------------------------------------------------------------------------------------


def test_gcj02_against_map_services(shared_data: Path) -> None:
    """664 cities whose coordinates map services returned: within a metre (their own difference from the formula)."""
    cities = json.loads((shared_data / "gcj02_vectors/china-cities.json").read_text(encoding="utf-8"))
    given, true = (np.array([c["coords"][k] for c in cities], dtype=float) for k in ("GCJ02", "WGS84"))
    lon, lat = from_gcj02(given[:, 0], given[:, 1])
    off = np.hypot((lon - true[:, 0]) * 111_320 * np.cos(np.radians(lat)), (lat - true[:, 1]) * 110_600)
    assert off.max() < 1.0
    there = to_gcj02(lon, lat)
    assert np.abs(np.column_stack(there) - given).max() < 1e-10


def test_gcj02_against_the_published_formula(shared_data: Path) -> None:
    """Three places with fourteen digits."""
    rows = pd.read_csv(shared_data / "gcj02_vectors/eviltransform_points.csv")
    rows = rows[rows["direction"] == "wgs84_to_gcj02"]
    lon, lat = to_gcj02(rows["lon_in"].to_numpy(), rows["lat_in"].to_numpy())
    assert lon == pytest.approx(rows["lon_out"].to_numpy(), abs=1e-6)
    assert lat == pytest.approx(rows["lat_out"].to_numpy(), abs=1e-6)


def test_words() -> None:
    """Words, wider types, kinds of unit; what is unknown is refused."""
    assert is_of(facility_type("中心村卫生室"), ("village_clinic",))
    assert is_of(facility_type("社区卫生服务站"), ("primary_care",))
    assert not is_of(facility_type("社区卫生服务站"), ("community_health_centre",))
    assert not is_of(facility_type("学校"), ("fitness",))
    assert is_of(facility_type("学校体育场地"), ("fitness",))
    assert not is_of(facility_type("学校体育场地"), ("fitness_venue",))
    assert [unit_kind(n) for n in ("例河村", "例河社区", "例河街道", "例河镇", "例河嘎查", "例河")] == [
        "village", "community", "street", "town", "village", "",
    ]  # fmt: skip
    assert owner("集体") == "collective"
    for wrong in (lambda: facility_type("衛生室"), lambda: owner("谁"), lambda: criteria(["shanting/S99"])):
        with pytest.raises(ValueError, match="does not know"):
            wrong()


def test_groups_of_standards() -> None:
    """A record, a group of records, a plan; minutes and kilometres as ms and mm."""
    found = criteria(["dalad/D03", "shanting/S02", "national/medical-15min"])
    assert [c.key for c in found] == [
        "dalad/D03-banner/presence", "dalad/D03-township/presence", "dalad/D03-village/presence",
        *(f"national/medical-15min/{m}" for m in ("cycle", "drive", "ebike", "walk", "walk_elderly")),
        "shanting/S02/road:walk", "shanting/S02/straight",
    ]  # fmt: skip
    assert (found[3].limit, found[-1].limit) == (900_000, 2_500_000)
    # circles 4 + 4 + 4 + 4 + 1, radii 2 + 2 + 2 + 2, presences 8
    assert len(criteria(["shanting"])) == 33


def test_is_short() -> None:
    """30 people and 5 %, or half and 5 people; nobody is short where nobody lives."""
    persons = np.array([1000, 1000, 600, 601, 9, 10, 20, 0, 100])
    uncovered = np.array([50, 49, 30, 30, 4.9, 5, 9.9, 0, 30])
    assert is_short(persons, uncovered).tolist() == [True, False, True, False, False, True, False, False, True]


def test_area_shares_are_those_of_the_slow_oracle(tmp_path: Path) -> None:
    """Five-cornered units over a raster of degrees: the same people as cell by cell."""
    path = tmp_path / "people.tif"
    values = np.random.default_rng(1).uniform(0, 50, (12, 15)).astype("float32")
    transform = rasterio.transform.from_origin(117.5, 35.2, 1 / 1200, 1 / 1200)
    profile = {"driver": "GTiff", "height": 12, "width": 15, "count": 1, "dtype": "float32", "crs": "EPSG:4326"}
    with rasterio.open(path, "w", **profile, transform=transform, nodata=-1) as file:
        file.write(values, 1)
    whole = shapely.box(117.4999, 35.1905, 117.5117, 35.2001)
    cut = shapely.Polygon([(117.502, 35.18), (117.504, 35.2), (117.509, 35.1961), (117.508, 35.19), (117.507, 35.185)])
    units = {"a": whole.intersection(cut), "b": whole.difference(cut)}
    row, col = np.nonzero(values > 0)
    corner = np.column_stack([transform.c + col * transform.a, transform.f + row * transform.e])
    cell, unit, share = area_shares(corner, (transform.a, transform.e), np.array(list(units.values())))
    people = np.bincount(unit, weights=values[row, col].astype(float)[cell] * share)
    slow = people_by_unit(path, units)
    assert people.tolist() == pytest.approx([slow["a"], slow["b"]], rel=1e-9)


def test_slowness() -> None:
    """Tobler against the level: 5 % down is fastest, 20 % up takes twice, nothing is steeper than 35 degrees."""
    slow = slowness(np.array([0.0, -5.0, 20.0, -30.0, 500.0, 0.0]), np.array([100.0, 100, 100, 100, 100, 0]))
    steepest = np.tan(np.radians(35))
    expected = [1, np.exp(-0.175), np.exp(0.7), np.exp(3.5 * 0.20), np.exp(3.5 * steepest), 1]
    assert slow == pytest.approx(expected)


# --- a county with one of everything ----------------------------------------------------------------------------------


class County(Drawing):
    """A drawing whose places lie 4 km apart; x counts from the place's own origin."""

    def unit(self, code: str, name: str, place: int, box: tuple[float, float, float, float], sort: str = "220") -> None:
        x = 4000.0 * place
        self.units.append((code, name, "例镇", sort, (box[0] + x, box[1], box[2] + x, box[3])))

    def road(self, place: int, *points: tuple[float, float], **tags: str) -> None:
        self.ways.append(([(x + 4000.0 * place, y) for x, y in points], ROAD | tags))

    def people(self, place: int, x: int, y: int) -> None:
        self.cells[40 * place + x, y] = 100

    def clinic(self, code: str, place: int, x: float, y: float, owner: str = "集体", word: str = "村卫生室") -> None:
        self.facilities.append((code, f"{code}室", word, owner, 4000.0 * place + x, y))


def county() -> County:
    """Seven places, each with one thing wrong; 100 people in a cell of 100 m."""
    d = County(STANDARDS)
    # 0: a river without a bridge nearer than 600 m; the third cell lies half in one unit, half in the next
    d.unit("01", "例河村", 0, (-1000, -500, 0, 500))
    d.unit("02", "例岸村", 0, (0, -500, 550, 500))
    d.unit("03", "例角村", 0, (550, -500, 1000, 500))
    d.ways.append(([(0.0, -2000.0), (0.0, 2000.0)], {"waterway": "river"}))
    d.road(0, (-1000, 0), (-50, 0), (-50, 600))
    d.road(0, (-50, 600), (50, 600), bridge="yes")
    d.road(0, (50, 600), (50, 0), (1000, 0))
    d.people(0, -3, 0)
    d.people(0, 2, 0)
    d.people(0, 5, 0)
    d.clinic("R1", 0, 150, 0)
    # 1: an ambulance must go round 7 km, although the way home is 1 km
    d.unit("11", "例同社区", 1, (-500, -500, 1500, 500), "111")
    d.road(1, (1000, 0), (0, 0), oneway="yes")
    d.road(1, (0, 0), (0, -3000), (1000, -3000), (1000, 0))
    d.people(1, 10, 0)
    d.clinic("A1", 1, 0, 0, "公立", "急救点")
    # 2: a village 800 m from the only road
    d.unit("21", "例独村", 2, (-500, -500, 500, 1500))
    d.road(2, (-450, -50), (50, -50), (450, -50))
    d.people(2, 0, 7)
    d.clinic("N1", 2, 50, -50)
    # 3: a village without a clinic, and one whose clinic is its doctor's
    d.unit("31", "例空村", 3, (-500, -500, 500, 500))
    d.unit("32", "例私村", 3, (500, -500, 1500, 500))
    d.road(3, (-450, 0), (1450, 0))
    d.people(3, 0, 0)
    d.people(3, 10, 0)
    d.clinic("P1", 3, 1150, 20, "个人")
    # 4: a gap of 3 m in the road
    d.unit("41", "例断村", 4, (-500, -500, 2500, 500))
    d.road(4, (0, 0), (1100, 0))
    d.road(4, (1103, 0), (2203, 0))
    d.people(4, 0, 0)
    d.clinic("G1", 4, 2203, 0)
    # 5: 20 % uphill to the clinic
    d.unit("51", "例坡村", 5, (-500, -500, 1500, 500))
    d.road(5, (0, 0), (700, 0))
    d.people(5, 0, 0)
    d.clinic("S1", 5, 700, 0)
    d.height = lambda x, y: 100 + 0.2 * np.clip(x - 20_000, -200, 900) + 0 * y
    # 6: 762.5 s on foot, between 0.8 and 0.9 of the limit
    d.unit("61", "例近村", 6, (-500, -500, 1500, 500))
    d.road(6, (0, 0), (750, 0))
    d.people(6, 0, 0)
    d.clinic("M1", 6, 750, 0)
    d.planted = planted(d)
    return d


def planted(d: Drawing) -> list[tuple[str, str, str, str]]:
    """(unit, criterion, cause, edit) of every planted row."""
    return [
        ("01", WALK, "river_detour", "ignore_barriers=river"),
        ("11", AMBULANCE, "one_way", "oneway=off"),
        ("21", WALK, "no_road", f"add_road={text((8050, -50), (8050, 750))}"),
        ("31", CLINIC, "no_facility", f"add_facility={text((12000, 0))},村卫生室,集体"),
        ("32", CLINIC, "wrong_ownership", "ownership=any"),
        ("41", CYCLE, "data_defect", f"join_nodes={d.node((17100, 0))},{d.node((17103, 0))}"),
        ("51", WALK, "slope", "flat"),
        ("61", WALK, "near_miss", ""),
        ("51", CLINIC, "near_miss", ""),
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return county().write(tmp_path_factory.mktemp("county"))


@pytest.fixture(scope="module")
def truth(folder: Path) -> Truth:
    return Truth(read_county(folder))


@pytest.fixture(scope="module")
def table(truth: Truth) -> pd.DataFrame:
    return truth.table().set_index(["criterion", "unit_id"])


def test_the_county_is_read(truth: Truth) -> None:
    """Ten units, three cells at the river, one elsewhere; the clinics stand where they were drawn, 0.2 m at most beside."""
    assert truth.county.units["class"].tolist() == ["rural"] * 3 + ["urban"] + ["rural"] * 6
    assert truth.persons() == pytest.approx([100, 150, 50, *[100] * 7])
    assert points_per_side(truth.county) == 1
    found = truth.county.facilities.set_index("id").loc["facilities:M1"]
    assert (found["lon"], found["lat"]) == pytest.approx(at(24750, 0), abs=2e-6)
    assert truth.county.people.outside == 0


def test_values_by_hand(truth: Truth) -> None:
    """Walking over the bridge: leg 50 m, road 200 + 600 + 100 + 600 + 100 m; beside the river: a straight walk."""
    walk, cycle, ambulance = (next(c for c in truth.county.criteria if c.key == k) for k in (WALK, CYCLE, AMBULANCE))
    lonlat = truth.demand.lonlat

    def value(criterion: object, x: float, y: float) -> int:
        here = np.argmin(np.hypot(*(lonlat - np.array(at(x, y))).T))
        return int(truth.reach(criterion).value[here])  # type: ignore[arg-type]

    assert value(walk, -250, 50) == pytest.approx(62_500 + 1_600_000, abs=300)
    assert value(walk, 250, 50) == pytest.approx(np.hypot(100, 50) * 1250, abs=300)
    assert value(walk, 24_050, 50) == pytest.approx(62_500 + 700_000, abs=300)
    assert value(cycle, -250, 50) == pytest.approx(22_500 + 480_000, abs=200)
    assert value(ambulance, 5050, 50) == pytest.approx(1_000 * (7000 + np.hypot(50, 50)), abs=300)


def test_verdicts_by_hand(table: pd.DataFrame) -> None:
    """Who is short for what; the 50 people of the shared cell are covered in both units."""
    assert len(table) == 9 * 4 + 9 * 2 + 1 * 2 + 9

    def short(criterion: str) -> list[str]:
        rows = table.loc[criterion]
        assert rows["decided"].all()
        return rows.index[rows["short"]].tolist()

    assert short(WALK) == ["01", "21", "31", "41"]
    assert short(CYCLE) == ["41"]
    assert short(AMBULANCE) == ["11"]
    assert short("shanting/S11/straight") == []
    assert short("shanting/S02/straight") == []
    assert short(CLINIC) == ["01", "03", "31", "32"]
    row = table.loc[(WALK, "01")]
    assert row[["uncovered_090", "uncovered", "uncovered_110"]].tolist() == [100, 100, 100]
    assert table.loc[(WALK, "02"), "uncovered"] == 0


def test_undecided(tmp_path: Path) -> None:
    """Between 0.9 and 1.1 of the limit nothing is decided: 14 minutes on foot."""
    d = Drawing(["shanting/S01"])
    d.units.append(("1", "例村", "例镇", "220", (-100, -100, 1000, 200)))
    d.cells[0, 0] = 40
    d.ways.append(([(0, 0), (890, 0)], ROAD))
    d.facilities.append(("a", "甲", "村卫生室", "", 847.5, 0))
    table = Truth(read_county(d.write(tmp_path))).table().set_index("criterion")
    row = table.loc[WALK]
    assert (row["uncovered_090"], row["uncovered"], row["uncovered_110"]) == (40, 0, 0)
    assert not row["short"]
    assert not row["decided"]
    assert table.loc[CYCLE, "decided"]


def test_planted_causes(folder: Path, truth: Truth) -> None:
    """Every cause is proved: short with it, not without."""
    proofs = planted_truth(truth, folder / "planted.csv").set_index(["unit_id", "cause"])
    assert proofs["why"].tolist() == [""] * 9
    assert proofs["verified"].all()
    assert proofs.loc[("51", "slope"), "needs"] == "relief"
    assert proofs.loc[("51", "slope"), ["before", "after"]].tolist() == [100, 0]
    assert proofs.loc[("61", "near_miss"), "after"] == 100


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (("01", WALK, "river_detour", f"add_facility={text((24000, 0))},村卫生室"), "does not cover"),
        (("61", WALK, "no_road", f"add_facility={text((24050, 0))},村卫生室"), "not short"),
        (("11", WALK, "no_road", "oneway=off"), "does not speak"),
        (("01", WALK, "river_detour", ""), "no counterfactual"),
        (("02", WALK, "near_miss", ""), "no other verdict"),
        (("02", WALK, "bad_luck", ""), "unknown cause"),
        (("99", WALK, "near_miss", ""), "unknown"),
    ],
)
def test_false_claims_are_not_verified(tmp_path: Path, truth: Truth, row: tuple[str, str, str, str], why: str) -> None:
    """A planted row that is not so is told."""
    unit, criterion, cause, edit = row
    frame = pd.DataFrame([(unit, "", criterion, cause, "", edit)])
    frame.columns = ["unit_id", "name", "criterion", "cause", "detail", "counterfactual"]
    frame.to_csv(tmp_path / "planted.csv", index=False)
    proof = planted_truth(truth, tmp_path / "planted.csv").iloc[0]
    assert not proof["verified"]
    assert why in proof["why"]


@pytest.mark.parametrize(
    ("unit", "criterion", "edit", "uncovered"),
    [
        ("01", WALK, f"add_road={text((-50, 0), (50, 0))}", 0),
        ("01", WALK, "drop_facility=R1", 100),
        ("02", WALK, "drop_facility=R1", 150),
        ("02", WALK, f"move_facility=R1,{text((-150, 0))}", 150),
        ("02", WALK, "set_type=R1,药店", 150),
        ("32", CLINIC, "set_owner=P1,集体", 0),
        ("02", CLINIC, "set_owner=R1,个人", 150),
        ("01", WALK, "ignore_barriers=railway", 100),
        ("01", WALK, "ignore_barriers=all; drop_facility=R1", 100),
    ],
)
def test_edits(truth: Truth, unit: str, criterion: str, edit: str, uncovered: float) -> None:
    """What an edit does to one unit."""
    from .planted import Prover, figures

    asked = next(c for c in truth.county.criteria if c.key == criterion)
    row = truth.county.units["id"].tolist().index(unit)
    after = Prover(truth).ask(asked, row, parse(edit), relief=False)
    assert figures(after, asked, row)[1] == pytest.approx(uncovered)


def test_unknown_edit_is_refused(truth: Truth) -> None:
    """A word outside the grammar is an error, not an edit that does nothing."""
    from .planted import Prover

    with pytest.raises(ValueError, match="does not know"):
        Prover(truth).ask(truth.county.criteria[0], 0, parse("paint_it=red"), relief=False)


def test_command(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The files of the command: fixed columns and numbers, the need for relief marked, the same bytes again."""
    main([str(folder), "-o", str(tmp_path / "truth.csv")])
    told = capsys.readouterr().out
    assert "shanting/S01/walk: 4 of 9 units short, 0 undecided, 400 of 900 people uncovered" in told
    content = (tmp_path / "truth.csv").read_text(encoding="utf-8")
    assert content.splitlines()[0] == (
        "unit_id,name,criterion,persons,uncovered_090,uncovered,uncovered_110,short,decided,needs"
    )
    assert "51,例坡村,shanting/S01/walk,100.00,0.00,0.00,0.00,false,true,relief" in content
    table = read_truth(tmp_path / "truth.csv")
    assert (table["needs"] == "relief").sum() == 1
    assert table["decided"].dtype == bool
    main([str(folder / "study.toml"), "-o", str(tmp_path / "again.csv")])
    assert (tmp_path / "again.csv").read_text(encoding="utf-8") == content
    assert len(pd.read_csv(tmp_path / "planted_truth.csv")) == 9


def test_presence_in_towns_and_counties_and_near_a_border(tmp_path: Path) -> None:
    """Towns and the county count all their facilities; a clinic 3 m inside a border decides nothing."""
    d = Drawing(["yanhu/Y04", "dalad/D03", "shanting/S07"])
    d.units += [
        ("1", "甲村", "甲镇", "220", (0, 0, 500, 500)),
        ("2", "乙村", "甲镇", "220", (500, 0, 1000, 500)),
        ("3", "丙村", "乙街道", "220", (1000, 0, 1500, 500)),
        ("4", "丁村", "丁镇", "220", (1500, 0, 2000, 500)),
    ]
    d.cells |= {(k, 2): 10.0 for k in (2, 7, 12)}
    d.ways.append(([(0, 250), (2000, 250)], ROAD))
    d.facilities += [
        ("a", "甲", "村卫生室", "集体", 497, 250),
        ("b", "乙", "卫生院", "公立", 700, 250),
        ("c", "丙", "医院", "公立", 1700, 250),
    ]
    table = Truth(read_county(d.write(tmp_path))).table()
    short = {key: rows.set_index("unit_id")["short"].to_dict() for key, rows in table.groupby("criterion")}
    assert short["yanhu/Y04/presence"] == {"1": False, "2": True, "3": True, "4": False}
    assert short["shanting/S07/presence"] == {"1": False, "2": False, "4": False}
    assert short["dalad/D03-township/presence"] == {"1": False, "2": False, "3": True, "4": False}
    assert not any(short["dalad/D03-banner/presence"].values())
    decided = table[table["criterion"] == "yanhu/Y04/presence"].set_index("unit_id")["decided"].to_dict()
    assert decided == {"1": False, "2": False, "3": True, "4": True}


def test_points_in_water_go_to_land(tmp_path: Path) -> None:
    """A pond over the middle of a cell: its point moves to the nearest dry place of 8 x 8; under water all, it stays."""
    d = Drawing(["shanting/S01"])
    d.units.append(("1", "例村", "例镇", "220", (0, 0, 1000, 1000)))
    d.cells |= {(2, 2): 10.0, (5, 5): 10.0}
    d.ways.append(([(0, 0), (1000, 0)], ROAD))
    for west, south, east, north in ((230, 210, 290, 270), (490, 490, 610, 610)):
        ring = [(west, south), (east, south), (east, north), (west, north), (west, south)]
        d.ways.append((ring, {"natural": "water"}))
    d.facilities.append(("a", "甲", "村卫生室", "", 0, 0))
    lonlat, _ = demand_points(read_county(d.write(tmp_path)), 1)
    # of the lattice 206.25, 218.75 ... 293.75 the nearest dry places to (250, 250): 218.75 and 281.25 are wet columns
    # but for north of 270: (243.75 or 256.25, 281.25), 31.9 m away; to the west (218.75, 243.75 or 256.25) as far
    stays, (x, y) = (np.array(from_degrees(*spot)) for spot in lonlat)
    assert np.hypot(x - 250, y - 250) == pytest.approx(np.hypot(6.25, 31.25), abs=0.02)
    assert stays == pytest.approx((550, 550), abs=0.02)


def from_degrees(lon: float, lat: float) -> tuple[float, float]:
    """Metres on the board."""
    from pyproj import Transformer

    from .folders import BOARD

    x, y = Transformer.from_crs("EPSG:4326", BOARD, always_xy=True).transform(lon, lat)
    return float(x), float(y)


def test_heights(folder: Path) -> None:
    """Bilinear on a plane is exact; holes are filled."""
    heights = Heights(folder / "dem.tif")
    assert heights.at(np.array([20_100.0, 20_317.0]), np.array([0.0, 11.0])) == pytest.approx([120, 163.4], abs=1e-3)


# --- comparison -------------------------------------------------------------------------------------------------------


def test_compare() -> None:
    """Found, missed, false; undecided and beyond do not count; rows of one side only are told."""
    rows = [
        ("c", "1", True, True, ""), ("c", "2", True, True, ""), ("c", "3", False, True, ""), ("c", "4", True, False, ""),
        ("c", "5", False, True, "relief"), ("c", "6", True, True, ""), ("c", "8", False, True, ""),
    ]  # fmt: skip
    truth = pd.DataFrame(rows, columns=["criterion", "unit_id", "short", "decided", "needs"])
    said = [("1", "true"), ("2", "false"), ("3", "true"), ("4", "false"), ("5", "true"), ("7", "true"), ("8", "false")]
    run = pd.DataFrame([("c", u, s) for u, s in said], columns=["criterion", "unit_id", "short"])
    found = compare(truth, run)
    assert (found.found, found.missed, found.false) == ([("c", "1")], [("c", "2")], [("c", "3")])
    assert (found.undecided, found.beyond) == ([("c", "4")], [("c", "5")])
    assert (found.only_truth, found.only_run, found.right) == ([("c", "6")], [("c", "7")], 2)
    assert found.undecided_share == 1 / 5
    assert not found.agrees
    assert compare(truth, run, supports=frozenset({"relief"})).false == [("c", "3"), ("c", "5")]

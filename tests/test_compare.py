"""Two runs side by side: what changed is listed, nothing else, and why; folders that do not hold are refused."""

from __future__ import annotations

import csv
import json
import random
import shutil
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyproj
import pytest
from typer.testing import CliRunner

import servicecircle
from servicecircle.cli import app
from servicecircle.errors import StudyError
from servicecircle.outputs.causes import CLASSES, differences
from servicecircle.outputs.changes import COLUMNS, document, lines, table_bytes, write_changes
from servicecircle.outputs.compare import Comparison, compare
from servicecircle.outputs.publish import publish
from servicecircle.text import LANGUAGES, sentence
from tests.small_study import CRS, ORIGIN, Facility, People, SmallStudy, Unit, circle, radius, way

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GEOD = pyproj.Geod(ellps="WGS84")
UNITS = 12
CLINICS = (1_480.0, 4_530.0, 7_510.0, 10_470.0)
#: The clinic whose longitude has one wrong digit: 0.05 degree too far east.
WRONG = 1
KM = 1.3
MINUTES = 12


def county(**more: Any) -> SmallStudy:
    """Twelve villages along one road, ten homes in each, four clinics."""
    people = [
        People(1000 * k + 60 + 97 * i, 50, 3 + (7 * k + 5 * i) % 11, f"p{k:02d}{i}")
        for k in range(UNITS)
        for i in range(10)
    ]
    return SmallStudy(
        units=[
            Unit(f"u{k:02d}", (1000 * k, -400, 1000 * k + 1000, 500), town="东镇" if k > 5 else "西镇")
            for k in range(UNITS)
        ],
        facilities=[Facility(x, 50) for x in CLINICS],
        standards=[radius(KM, "straight", "road:walk"), circle(MINUTES, "walk")],
        people=people,
        ways=[way(*((x, 50) for x in range(0, 12_001, 500)), highway="residential")],
        sections={"study": {"name": "=小县"}, "ranges": {"enabled": False}, **more},
    )


def spoil(path: Path) -> None:
    """Write a wrong digit into the longitude of one clinic."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    place = rows[0].index("lon")
    rows[1 + WRONG][place] = str(float(rows[1 + WRONG][place]) + 0.05)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def write_study(study: SmallStudy, folder: Path) -> Path:
    """Write a study's files and run it into a folder beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    made = study.write(folder)
    return publish(servicecircle.run(made), folder / "out").parent


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(county(), tmp_path_factory.mktemp("good"))


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wrong")
    study = county().write(folder)
    spoil(folder / "facilities.csv")
    return publish(servicecircle.run(study), folder / "out").parent


@pytest.fixture(scope="module")
def found(wrong: Path, good: Path) -> Comparison:
    return compare(wrong, good)


# one wrong facility, repaired -----------------------------------------------------------------------------------------


class Oracle:
    """The county once more, home by home, without the package: geodesics, and metres along the one road."""

    def __init__(self, folder: Path) -> None:
        rows, clinics = (
            list(csv.DictReader((folder / name).read_text(encoding="utf-8").splitlines()))
            for name in ("people.csv", "facilities.csv")
        )
        self.persons = np.array([float(row["persons"]) for row in rows])
        self.unit = np.array([f"u{int(row['id'][1:3]):02d}" for row in rows])
        homes, places = (np.array([[float(o["lon"]), float(o["lat"])] for o in table]) for table in (rows, clinics))
        lon, lat = np.broadcast_arrays(homes[None, :, :], places[:, None, :])[0].transpose(2, 0, 1)
        to = np.broadcast_to(places[:, None, :], (*lon.shape, 2))
        self.straight_km = GEOD.inv(lon, lat, to[..., 0], to[..., 1])[2] / 1000
        grid = pyproj.Transformer.from_crs("EPSG:4326", CRS, always_xy=True)
        x, _ = grid.transform(homes[:, 0], homes[:, 1])
        at, off = grid.transform(places[:, 0], places[:, 1])
        along = np.abs(np.array(x)[None, :] - np.array(at)[:, None]) / 1000
        leg = np.abs(np.array(off) - ORIGIN[1] - 50)[:, None] / 1000
        walk = json.loads((folder / "out" / "run.json").read_text(encoding="utf-8"))["provenance"]["modes"]["walk"]
        self.road_km = along + leg
        self.minutes = (along / walk["speed_kmh"] + leg / walk["access_kmh"]) * 60

    def far(self, criterion: str) -> Any:
        """Return how far beyond its limit each home is from its nearest clinic, as a share of the limit."""
        values, limit = {
            "t/radius/straight": (self.straight_km, KM),
            "t/radius/road:walk": (self.road_km, KM),
            "t/circle/walk": (self.minutes, MINUTES),
        }[criterion]
        far = values.min(axis=0) / limit - 1
        assert np.abs(far).min() > 0.002  # nobody lives on the edge, where the two could differ for good reasons
        return far

    def covered(self, criterion: str) -> dict[str, float]:
        near = self.far(criterion) <= 0
        return {unit: float(self.persons[(self.unit == unit) & near].sum()) for unit in np.unique(self.unit)}

    def short(self, criterion: str) -> dict[str, bool]:
        covered = self.covered(criterion)
        found = {}
        for unit in covered:
            everybody = float(self.persons[self.unit == unit].sum())
            lost = everybody - covered[unit]
            found[unit] = (lost >= 30 and lost / everybody >= 0.05) or (lost >= 5 and lost / everybody >= 0.5)
        return found

    def nearest(self) -> dict[str, set[int]]:
        best = self.straight_km.argmin(axis=0)
        return {unit: set(best[self.unit == unit].tolist()) for unit in np.unique(self.unit)}


@pytest.fixture(scope="module")
def oracles(wrong: Path, good: Path) -> tuple[Oracle, Oracle]:
    return Oracle(wrong.parent), Oracle(good.parent)


def test_a_repaired_longitude_changes_exactly_the_units_it_should(
    found: Comparison, oracles: tuple[Oracle, Oracle]
) -> None:
    before, after = oracles
    criteria = ["t/radius/straight", "t/radius/road:walk", "t/circle/walk"]
    assert {one.criterion for one in found.units} == set(criteria)
    for criterion in criteria:
        old, new = before.covered(criterion), after.covered(criterion)
        was, now = before.short(criterion), after.short(criterion)
        mine = {one.unit_id: one for one in found.units if one.criterion == criterion}
        turned = {unit for unit in old if was[unit] != now[unit]}
        moved = {unit for unit in old if old[unit] != new[unit]}
        assert turned
        assert {unit for unit, one in mine.items() if one.change == "verdict"} == turned, criterion
        assert {unit for unit, one in mine.items() if one.change in ("verdict", "people") and one.difference} == moved
        assert {unit for unit, one in mine.items() if one.change == "people"} == moved - turned
        for unit in moved:
            one = mine[unit]
            assert float(one.difference) == pytest.approx(new[unit] - old[unit], abs=1e-9)
            assert (one.short_before, one.short_after) == (str(was[unit]).lower(), str(now[unit]).lower())
            assert (one.name, one.parent) == (unit, "东镇" if unit > "u05" else "西镇")
        tally = next(one for one in found.tallies if one.criterion == criterion)
        gains = [new[unit] - old[unit] for unit in old]
        assert float(tally.gained) == pytest.approx(sum(g for g in gains if g > 0), abs=1e-9)
        assert float(tally.lost) == pytest.approx(-sum(g for g in gains if g < 0), abs=1e-9)
        assert (tally.newly_short, tally.no_longer_short) == (
            sum(now[unit] and not was[unit] for unit in old), sum(was[unit] and not now[unit] for unit in old)
        )  # fmt: skip


def test_units_that_no_home_reaches_otherwise_are_not_listed(found: Comparison, oracles: tuple[Oracle, Oracle]) -> None:
    """Where the nearest clinic of every home is another than the wrong one, before and after, nothing is listed."""
    before, after = (oracle.nearest() for oracle in oracles)
    untouched = {unit for unit in before if WRONG not in before[unit] | after[unit]}
    assert untouched
    assert not untouched & {one.unit_id for one in found.units}


def test_the_cause_is_the_facility_file_and_nothing_else(found: Comparison) -> None:
    assert [(one.kind, one.what, one.name) for one in found.causes] == [("facilities", "file", "facilities.csv")]
    assert found.classes == ["facilities"]
    assert not found.people
    assert {one.id for one in found.criteria} == {"t/radius/straight", "t/radius/road:walk", "t/circle/walk"}
    assert {one.id for one in found.scorecard} == {"t/radius", "t/circle"}


def test_differences_add_up_to_those_of_the_criteria(found: Comparison) -> None:
    for row in found.criteria:
        old, new = (Decimal(cell) for cell in row.cells["covered_persons"])
        total = sum((one.difference for one in found.units if one.criterion == row.id), Decimal(0))
        assert abs(total - (new - old)) <= Decimal("0.00002")


def test_the_way_back_is_the_mirror(found: Comparison, wrong: Path, good: Path) -> None:
    back = compare(good, wrong)
    assert {(o.criterion, o.unit_id): -o.difference for o in back.units} == {
        (o.criterion, o.unit_id): o.difference for o in found.units
    }
    assert sum(o.change == "verdict" for o in back.units) == sum(o.change == "verdict" for o in found.units)


def test_the_same_folder_is_equal(good: Path, tmp_path: Path) -> None:
    shutil.copytree(good, tmp_path / "copy")
    same = compare(good, tmp_path / "copy")
    assert same.equal
    assert same.same_results
    assert len(list(lines(same, "en"))) == 1
    assert "Equal" in next(lines(same, "en"))


# the causes -----------------------------------------------------------------------------------------------------------


def run_changed(tmp_path: Path, **more: Any) -> Path:
    return write_study(county(**more), tmp_path / "changed")


def test_another_speed(good: Path, tmp_path: Path) -> None:
    found = compare(good, run_changed(tmp_path, travel={"modes": {"walk": {"speed_kmh": 3.0}}}))
    assert [(one.kind, one.name, one.old, one.new) for one in found.causes] == [
        ("speeds", "travel.modes.walk.speed_kmh", None, 3.0)
    ]
    # time also stands beside distance criteria (minutes to the nearest), but decides nothing there
    assert {one.criterion for one in found.units if one.change != "value"} == {"t/circle/walk"}


def test_a_verdict_may_turn_with_nobody_gained_or_lost(good: Path, tmp_path: Path) -> None:
    found = compare(good, run_changed(tmp_path, gap={"min_persons": 1000, "half_persons": 1000}))
    assert [(one.kind, one.name, one.old, one.new) for one in found.causes] == [
        ("parameters", "gap.half_persons", 5.0, 1000.0),
        ("parameters", "gap.min_persons", 30.0, 1000.0),
    ]
    assert {(one.change, one.difference) for one in found.units} == {("verdict", Decimal(0))}
    assert {"nobody gained or lost" in line for line in lines(found, "en") if line.startswith("  u")} == {True}
    assert any("覆盖人数不变" in line for line in lines(found, "zh"))


def test_another_limit_and_another_choice_of_standards(good: Path, tmp_path: Path) -> None:
    changed = replace(
        county(), standards=[radius(1.5, "straight"), circle(MINUTES, "walk"), circle(5, "walk", name="new")]
    )
    found = compare(good, write_study(changed, tmp_path))
    assert found.classes == ["standard", "labels"]  # a record that is new has a title, too
    assert {"standards.define.0.limit_km", "standards.define.0.measures"} <= {one.name for one in found.causes}
    assert {one.id: one.change for one in found.criteria} == {
        "t/radius/straight": "changed", "t/radius/road:walk": "gone", "t/new/walk": "appeared"
    }  # fmt: skip
    # a criterion of one run only is told as such, not unit by unit
    assert {one.criterion for one in found.units} == {"t/radius/straight"}


def test_people_roads_and_units(good: Path, tmp_path: Path) -> None:
    base = county()
    more = [*base.people, People(450, 50, 40, "px")]
    roads = [*base.ways, way((4_000, 50), (4_000, 400), highway="residential")]
    units = [*base.units[:-1], Unit("u99", (12_000, -400, 12_500, 500), town="东镇")]
    found = compare(good, write_study(replace(base, people=more, ways=roads, units=units), tmp_path))
    assert [(one.kind, one.name) for one in found.causes] == [
        ("roads", "roads.osm"), ("population", "people.csv"), ("area", "units.geojson")
    ]  # fmt: skip
    assert {"window", "in_units"} <= set(found.people)
    assert found.people["window"][1] - found.people["window"][0] == pytest.approx(40)  # type: ignore[operator]
    changes = {(one.unit_id, one.change) for one in found.units}
    assert {("u99", "appeared"), ("u11", "gone")} <= changes
    first = next(one for one in found.units if one.unit_id == "u00" and one.criterion == "t/radius/straight")
    assert Decimal(first.persons_after) - Decimal(first.persons_before) == 40
    assert all(list(lines(found, language)) for language in LANGUAGES)


def test_names_alone_change_no_result(good: Path, tmp_path: Path) -> None:
    found = compare(good, run_changed(tmp_path, study={"name": "另一名称"}))
    assert found.same_results
    assert not found.equal
    assert [(one.kind, one.name) for one in found.causes] == [("labels", "study.name")]
    assert "units.csv" in found.files


def edited(folder: Path, target: Path, change: Any) -> Path:
    shutil.copytree(folder, target)
    tree = json.loads((target / "run.json").read_text(encoding="utf-8"))
    change(tree)
    (target / "run.json").write_text(json.dumps(tree), encoding="utf-8")
    return target


def test_versions_shipped_speeds_and_records(good: Path, tmp_path: Path) -> None:
    def change(tree: dict[str, Any]) -> None:
        tree["provenance"]["version"] = "0.0.1"
        tree["provenance"]["libraries"]["numpy"] = "0.1"
        tree["provenance"]["modes"]["walk"]["speed_kmh"] = 1.0
        tree["study"]["standards"]["define"] = []
        tree["summaries"][0]["criterion"]["standard"]["limit_km"] = 9.0

    found = compare(good, edited(good, tmp_path / "x", change))
    # the study's own records are keys; take them away and they count as the catalogue's
    assert {(one.kind, one.name) for one in found.causes if one.what != "key"} >= {
        ("version", "servicecircle"), ("version", "numpy"), ("speeds", "walk.speed_kmh")
    }  # fmt: skip
    assert [CLASSES.index(one.kind) for one in found.causes] == sorted(CLASSES.index(one.kind) for one in found.causes)


def test_corrections_are_a_class_of_their_own(good: Path, tmp_path: Path) -> None:
    def change(tree: dict[str, Any]) -> None:
        tree["study"]["corrections"] = {"path": "corrections.csv"}
        tree["provenance"]["inputs"].append({"path": "corrections.csv", "sha256": "0" * 64})

    found = compare(good, edited(good, tmp_path / "x", change))
    assert {(one.kind, one.what) for one in found.causes} == {("corrections", "key"), ("corrections", "file")}


def test_a_file_of_equal_content_under_another_name_is_no_other_input(good: Path, tmp_path: Path) -> None:
    def change(tree: dict[str, Any]) -> None:
        tree["study"]["facilities"][0]["path"] = "renamed.csv"
        next(e for e in tree["provenance"]["inputs"] if e["path"] == "facilities.csv")["path"] = "renamed.csv"

    found = compare(good, edited(good, tmp_path / "x", change))
    assert [(one.what, one.name, one.old, one.new) for one in found.causes] == [
        ("key", "facilities.0.path", "facilities.csv", "renamed.csv")
    ]


def test_lists_are_compared_entry_by_entry() -> None:
    old = {"f": [{"path": "a", "x": 1}, {"path": "b", "x": 2}], "n": None}
    new = {"f": [{"path": "c", "x": 0}, {"path": "a", "x": 1}, {"path": "b", "x": 3}], "n": {"k": 1, "l": None}}
    assert list(differences(old, new)) == [
        ("f.0.path", None, "c"), ("f.0.x", None, 0), ("f.2.x", 2, 3), ("n.k", None, 1)
    ]  # fmt: skip
    assert list(differences(new, old)) == [
        ("f.1.x", 3, 2), ("f.0.path", "c", None), ("f.0.x", 0, None), ("n.k", 1, None)
    ]  # fmt: skip
    assert list(differences([1, 2], [2, 1])) == [("", [1, 2], [2, 1])]


def test_two_languages(good: Path, tmp_path: Path) -> None:
    study = county(outputs={"language": "zh"})
    found = compare(good, write_study(study, tmp_path))
    assert found.same_results
    assert [(one.kind, one.name) for one in found.causes] == [("labels", "outputs.language")]


# what is written ------------------------------------------------------------------------------------------------------


def test_changes_csv_holds_every_changed_unit_in_a_fixed_order(found: Comparison, wrong: Path, good: Path) -> None:
    content = table_bytes(found)
    assert content == table_bytes(compare(wrong, good))
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(content.decode("utf-8-sig").splitlines()))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == len(found.units)
    for row, one in zip(rows, found.units, strict=True):
        assert (row["unit_id"], Decimal(row["difference"])) == (one.unit_id, one.difference)
        assert "E" not in row["difference"]
        gained = Decimal(row["covered_after"]) - Decimal(row["covered_before"])
        assert gained == Decimal(row["difference"])
    by_criterion = [
        [r["change"] for r in rows if r["criterion"] == c] for c in dict.fromkeys(r["criterion"] for r in rows)
    ]
    order = ["verdict", "appeared", "gone", "people", "value"]
    assert all(order.index(a) <= order.index(b) for changes in by_criterion for a, b in pairwise(changes))


def test_the_command(wrong: Path, good: Path, tmp_path: Path) -> None:
    runner = CliRunner()
    done = runner.invoke(app, ["compare", str(wrong), str(good), "--lang", "zh", "-o", str(tmp_path / "变化")])
    assert done.exit_code == 0
    assert "设施：facilities.csv 的内容变了" in done.stdout
    assert "u04" in done.stdout
    assert sorted(path.name for path in (tmp_path / "变化").iterdir()) == ["changes.csv", "changes.json"]
    english = runner.invoke(app, ["compare", str(wrong), str(good)])
    assert "no longer short" in english.stdout  # the language of the new run
    again = runner.invoke(app, ["compare", str(wrong), str(good), "-o", str(tmp_path / "变化"), "--json"])
    tree = json.loads(again.stdout)
    assert (tree["command"], tree["equal"], tree["classes"]) == ("compare", False, ["facilities"])
    assert len(tree["units"]) == len(compare(wrong, good).units)
    assert json.loads((tmp_path / "变化" / "changes.json").read_text(encoding="utf-8"))["units"] == tree["units"]
    equal = runner.invoke(app, ["compare", str(good), str(good), "--json"])
    assert json.loads(equal.stdout)["equal"] is True


# refusals -------------------------------------------------------------------------------------------------------------


def refusal(old: Path, new: Path, language: str = "en") -> tuple[set[str], str]:
    with pytest.raises(StudyError) as error:
        compare(old, new)
    told = " ".join(sentence(language, one) for one in error.value.problems)
    assert all(sentence("zh", one) for one in error.value.problems)
    return {one.key for one in error.value.problems}, told


def test_folders_that_are_not_ours(good: Path, tmp_path: Path) -> None:
    assert refusal(good, tmp_path / "nowhere")[0] == {"compare.no_record"}
    (tmp_path / "run.json").write_text('{"tool": "other"}')
    assert refusal(tmp_path, good)[0] == {"compare.foreign_record"}
    for content in ("", "[]", "{", "null", "[" * 100_000, '{"tool": "servicecircle", "format": 1}'):
        (tmp_path / "run.json").write_text(content)
        assert refusal(good, tmp_path)[0] <= {"compare.broken_record", "compare.foreign_record"}
    (tmp_path / "run.json").write_bytes(b"\xff\xfe\x00")
    assert refusal(good, tmp_path)[0] == {"compare.broken_record"}
    done = CliRunner().invoke(app, ["compare", str(good), str(tmp_path), "--json"])
    assert done.exit_code == 1
    assert json.loads(done.stdout)["ok"] is False


def test_another_format_is_told(good: Path, tmp_path: Path) -> None:
    newer = edited(good, tmp_path / "x", lambda tree: tree.update(format=99))
    keys, told = refusal(good, newer)
    assert keys == {"compare.format"}
    assert "99" in told


@pytest.mark.parametrize("name", ["units.csv", "criteria.csv", "gaps.csv", "scorecard.csv"])
def test_a_table_that_was_changed_or_lost_is_refused(good: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(good, tmp_path / "x")
    with (tmp_path / "x" / name).open("ab") as file:
        file.write(b" ")
    keys, told = refusal(good, tmp_path / "x")
    assert keys == {"compare.torn"}
    assert name in told
    (tmp_path / "x" / name).unlink()
    assert refusal(tmp_path / "x", good)[0] == {"compare.lost"}


def test_a_list_that_is_not_read_may_have_been_edited(good: Path, tmp_path: Path) -> None:
    shutil.copytree(good, tmp_path / "x")
    (tmp_path / "x" / "gaps.xlsx").write_bytes(b"saved by hand")
    (tmp_path / "x" / "letter.txt").write_text("dear")
    done = CliRunner().invoke(app, ["compare", str(good), str(tmp_path / "x"), "--lang", "en"])
    assert done.exit_code == 0
    assert "gaps.xlsx" in done.stderr
    assert done.stdout.startswith("Equal")


def test_nothing_of_others_is_overwritten(found: Comparison, tmp_path: Path) -> None:
    for folder in (found.old.folder, found.new.folder):
        with pytest.raises(StudyError) as error:
            write_changes(found, folder)
        assert error.value.problems[0].key == "compare.own_folder"
    (tmp_path / "changes.csv").write_text("mine")
    with pytest.raises(StudyError) as error:
        write_changes(found, tmp_path)
    assert error.value.problems[0].key == "compare.foreign_file"
    assert [path.name for path in tmp_path.iterdir()] == ["changes.csv"]
    (tmp_path / "file").write_text("x")
    with pytest.raises(StudyError) as error:
        write_changes(found, tmp_path / "file")
    assert error.value.problems[0].key == "tables.cannot_write"


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from leaves(item, (*path, key))


def test_a_mangled_record_is_refused_or_compared_never_a_trace(good: Path, tmp_path: Path) -> None:
    tree = json.loads((good / "run.json").read_text(encoding="utf-8"))
    dice, places = random.Random(5), [path for path in leaves(tree) if path]
    target = tmp_path / "x"
    shutil.copytree(good, target)
    refused = 0
    for path in dice.sample(places, min(300, len(places))):
        mangled = json.loads(json.dumps(tree))
        at = mangled
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = dice.choice([None, 7, "x", [], {}, [1], {"a": 1}])
        (target / "run.json").write_text(json.dumps(mangled), encoding="utf-8")
        try:
            found = compare(good, target)
        except StudyError:
            refused += 1
            continue
        assert document(found)
        assert all(list(lines(found, language)) for language in LANGUAGES)
    assert refused


def test_a_correction_repairs_it_as_well_and_is_the_only_cause(found: Comparison, wrong: Path, tmp_path: Path) -> None:
    """The source stays untouched; the units that change are those of the repaired file, number by number."""
    study = county(study={"name": "=小县", "corrections": ["corrections.csv"]})
    (tmp_path / "corrections.csv").write_text("source,id,field,old,new,reason,by\n", encoding="utf-8")
    made = study.write(tmp_path)
    right = list(csv.DictReader((tmp_path / "facilities.csv").read_text(encoding="utf-8").splitlines()))[WRONG]
    spoil(tmp_path / "facilities.csv")
    bad = list(csv.DictReader((tmp_path / "facilities.csv").read_text(encoding="utf-8").splitlines()))[WRONG]
    line = f"facilities.csv,{right['id']},lon,{bad['lon']},{right['lon']},typo,me\n"
    (tmp_path / "corrections.csv").write_text("source,id,field,old,new,reason,by\n" + line, encoding="utf-8")
    repaired = compare(wrong, publish(servicecircle.run(made), tmp_path / "out").parent)
    assert repaired.units == found.units
    assert repaired.classes == ["corrections"]
    assert {(one.what, one.name) for one in repaired.causes} == {
        ("key", "study.corrections"), ("file", "corrections.csv")
    }  # fmt: skip

"""Groups of people: a criterion with a group counts that group alone, everywhere; sums come from hand or numpy."""

from __future__ import annotations

import csv
import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

import servicecircle
from servicecircle.assemble.provenance import input_paths
from servicecircle.errors import StudyError
from servicecircle.inputs.groups import group_notices
from servicecircle.inputs.population import PointPeople, read_population
from servicecircle.outputs.credits import credit_lines
from servicecircle.outputs.criteria import criteria
from servicecircle.outputs.publish import publish
from servicecircle.outputs.webmap.data import map_data
from servicecircle.results import CriterionSummary, Results
from servicecircle.standards.wording import limit_text, missing_text
from servicecircle.study import Study, study_from
from servicecircle.text.text import LANGUAGES, sentence

from .conftest import ROOT
from .small_study import (
    CELL_M,
    ORIGIN,
    Facility,
    People,
    SmallStudy,
    Unit,
    circle,
    presence,
    radius,
    raster_of,
    write_raster,
)

SAMPLE = ROOT / "geodata" / "sample"

#: Everybody and those of 65 and older in the cells of one row; the border at x = 850 halves the last cell.
EVERYBODY = {(0, 0): 100.0, (1, 0): 50.0, (5, 0): 200.0, (8, 0): 10.0}
OLD = {(0, 0): 10.0, (1, 0): 20.0, (5, 0): 30.0, (8, 0): 10.0}
#: 250 m around the clinic in the first cell: the farthest points of the second lie 137 m away, the next 367 m.
NEAR = radius(0.25, name="near")
NEAR_OLD = radius(0.25, name="old", group="65+")
TWO = (Unit("A", (-50, -50, 850, 150)), Unit("B", (850, -50, 1050, 150)))


def small(
    folder: Path, standards: list[dict[str, Any]], groups: dict[str, Any] | None = None, **more: Any
) -> SmallStudy:
    """Return the study of the cells above; the raster of the group is written beside it."""
    write_raster(folder / "old.tif", raster_of(OLD))
    sections = {"population": {"groups": {"65+": "old.tif"} if groups is None else groups}} | more.pop("sections", {})
    given: dict[str, Any] = {"units": TWO, "cells": EVERYBODY, "facilities": [Facility(50, 50)]} | more
    return SmallStudy(standards=standards, sections=sections, **given)


def summary(results: Results, key: str) -> CriterionSummary:
    (found,) = [one for one in results.summaries if one.criterion.key == key]
    return found


def units_of(results: Results, key: str, column: str) -> dict[str, float]:
    rows = results.units[results.units["criterion"] == key]
    return dict(zip(rows["unit_id"], rows[column], strict=True))


def problems_of(study: Study) -> list[Any]:
    with pytest.raises(StudyError) as caught:
        servicecircle.run(study)
    assert all(sentence(language, one) for one in caught.value.problems for language in LANGUAGES)
    return list(caught.value.problems)


# -- counting


def test_a_group_is_counted_alone_by_hand(tmp_path: Path) -> None:
    """65+: 10 + 20 of 70 covered; everybody: 150 of 360. The halved cell gives each unit half of both."""
    results = small(tmp_path, [NEAR, NEAR_OLD]).run(tmp_path)
    everybody, old = summary(results, "t/near/straight"), summary(results, "t/old/straight")
    assert (everybody.persons, everybody.covered_persons) == pytest.approx((360, 150))
    assert (old.state, old.missing) == ("computed", ())
    assert (old.persons, old.covered_persons, old.later_persons) == pytest.approx((70, 30, 40))
    assert old.share_covered == pytest.approx(30 / 70)
    assert units_of(results, "t/near/straight", "persons") == pytest.approx({"A": 355, "B": 5})
    assert units_of(results, "t/old/straight", "persons") == pytest.approx({"A": 65, "B": 5})
    assert units_of(results, "t/old/straight", "covered_persons") == pytest.approx({"A": 30, "B": 0})
    assert units_of(results, "t/old/straight", "uncovered_persons") == pytest.approx({"A": 35, "B": 5})
    assert units_of(results, "t/old/straight", "short") == {"A": True, "B": True}


def test_short_units_and_patches_are_of_the_group(tmp_path: Path) -> None:
    """With 35 as the least number A is short of all (205 uncovered) and of the old (35); with 36 of all alone."""
    for least, short in ((35, 1), (36, 0)):
        gap = {"min_persons": least, "half_persons": 1000, "patch_persons": 30}
        results = small(tmp_path, [NEAR, NEAR_OLD], sections={"gap": gap}).run(tmp_path)
        assert [s.units_short for s in results.summaries] == [1, short]
    gaps = results.gaps[results.gaps["criterion"] == "t/old/straight"]
    patches = gaps[gaps["gap_kind"] == "patch"]
    # the cell of 30 is a patch, that of 10 is scattered; of everybody 200 are a patch and 10 are scattered
    assert patches[["persons", "uncovered_persons"]].to_numpy().tolist() == [pytest.approx([30, 30])]
    assert gaps.loc[gaps["gap_kind"] == "scattered", "uncovered_persons"].tolist() == pytest.approx([10])
    assert (gaps["limit_text"] == "within 0.25 km in a straight line, group 65+").all()


def test_a_group_of_everybody_is_everybody(tmp_path: Path) -> None:
    """Whatever is counted of a group that holds all people is what is counted of all people."""
    write_raster(tmp_path / "all.tif", raster_of(EVERYBODY))
    same = [circle(4, "walk"), circle(4, "walk", name="same", group="all")]
    results = small(tmp_path, same, {"all": "all.tif"}).run(tmp_path)
    one, other = (replace(s, criterion=results.summaries[0].criterion) for s in results.summaries)
    assert one == other
    assert one.knife_edge_persons is not None
    tables = [results.units[results.units["criterion"] == s.criterion.key] for s in results.summaries]
    left, right = (t.drop(columns="criterion").reset_index(drop=True) for t in tables)
    assert left.equals(right)


def test_knife_edge_people_are_of_the_group(tmp_path: Path) -> None:
    """The limit ends on the edge of the second cell's middle points: those within half a sub-cell are of the group."""
    edge = [radius(0.1, name="near"), radius(0.1, name="old", group="65+")]
    results = small(tmp_path, edge).run(tmp_path)
    found = [s.knife_edge_persons for s in results.summaries]
    # per cell the group is a fixed share of all, and the clinic's cell has none on its edge: 20 of 50 in the second
    assert found[0]
    assert found[1] == pytest.approx(found[0] * 20 / 50)


def test_a_presence_counts_the_group_of_the_units_that_have_it(tmp_path: Path) -> None:
    results = small(tmp_path, [presence(group="65+")]).run(tmp_path)
    (found,) = results.summaries
    assert (found.persons, found.covered_persons) == pytest.approx((70, 65))
    assert (found.units, found.units_every, found.assumed_verdict) == (2, 1, "not met")


def test_sites_are_chosen_for_the_group(tmp_path: Path) -> None:
    """West 100 people, 1 of them old; east 50 people, all old: everybody's site is west, that of the old is east."""
    cells, old = {(0, 0): 100.0, (20, 0): 50.0, (10, 0): 1.0}, {(0, 0): 1.0, (20, 0): 50.0, (10, 0): 0.0}
    write_raster(tmp_path / "old.tif", raster_of(old))
    chosen = []
    for name in ("near", "old"):
        study = SmallStudy(
            units=[
                Unit("W", (-50, -50, 500, 150)),
                Unit("M", (500, -50, 1500, 150)),
                Unit("E", (1500, -50, 2150, 150)),
            ],
            cells=cells,
            facilities=[Facility(1050, 50)],
            standards=[NEAR, NEAR_OLD],
            sections={
                "population": {"groups": {"65+": "old.tif"}},
                "siting": {"standard": f"t/{name}/straight", "choose": 1, "candidates": ["units"]},
            },
        )
        sites = study.run(tmp_path).sites
        chosen.append((sites["candidate_id"].tolist(), sites["new_persons"].tolist()))
    assert chosen == [(["unit:W"], pytest.approx([100])), (["unit:E"], pytest.approx([50]))]


# -- a group the study does not give


def test_an_unknown_group_is_no_data_and_the_run_goes_on(tmp_path: Path) -> None:
    study = small(tmp_path, [NEAR, radius(0.25, name="very_old", group="80+")]).write(tmp_path)
    results = servicecircle.run(study)
    known, unknown = results.summaries
    assert (known.state, known.persons) == ("computed", pytest.approx(360))
    assert (unknown.state, unknown.missing, unknown.verdict) == ("no data", ("group:80+",), "no data")
    assert unknown.share_covered is None
    told = "t/very_old/straight: no data, no usable input holds people of the group 80+."
    assert told in results.notices
    assert told in [sentence("en", one) for one in servicecircle.check(study).notices]
    card = criteria(results).set_index("id").loc["t/very_old/straight"]
    assert (card["group"], card["missing"], card["missing_text"]) == ("80+", "group:80+", "people of the group 80+")
    # how many there are is not known, and unknown is not nobody
    assert card[["persons", "units", "covered_persons"]].isna().all()
    (drawn,) = [c for c in map_data(results)["criteria"] if c["key"] == "t/very_old/straight"]
    assert (drawn["state"], drawn["lines"]) == ("no data", ["No data: no input holds people of the group 80+"])
    with pytest.raises(StudyError, match="80"):
        servicecircle.explain(study, unit="A", criterion="t/very_old")


def test_a_group_and_a_type_may_be_missing_together(tmp_path: Path) -> None:
    lost = radius(0.25, name="lost", group="80+", types=["fitness"])
    results = small(tmp_path, [NEAR, lost]).run(tmp_path)
    assert results.summaries[1].missing == ("fitness", "group:80+")


def test_only_unknown_groups_still_make_a_run(tmp_path: Path) -> None:
    results = small(tmp_path, [NEAR_OLD], {}).run(tmp_path)
    assert [(s.state, s.missing) for s in results.summaries] == [("no data", ("group:65+",))]
    publish(results, tmp_path / "maps")


def test_words_of_a_missing_group() -> None:
    assert missing_text(("group:65+", "units"), "en") == "people of the group 65+, units it applies to"
    assert "65+" in missing_text(("group:65+",), "zh")


# -- rasters and their grids


def write_on(path: Path, values: np.ndarray[Any, Any], *, dx: float = 0.0, crs: str = "EPSG:32650") -> None:
    height, width = values.shape
    place = from_origin(ORIGIN[0] + dx, ORIGIN[1] + height * CELL_M, CELL_M, CELL_M)
    profile = {"driver": "GTiff", "height": height, "width": width, "count": 1, "dtype": "float64", "nodata": -1}
    with rasterio.open(path, "w", crs=crs, transform=place, **profile) as file:
        file.write(values, 1)


@pytest.mark.parametrize("how", ["wider", "shifted", "other CRS"])
def test_unequal_grids_are_refused_with_both_named(tmp_path: Path, how: str) -> None:
    study = small(tmp_path, [NEAR_OLD]).write(tmp_path)
    values = raster_of(OLD)
    if how == "wider":
        write_on(tmp_path / "old.tif", np.hstack([values, values]))
    else:
        write_on(tmp_path / "old.tif", values, **({"dx": 50.0} if how == "shifted" else {"crs": "EPSG:32651"}))
    (found,) = problems_of(study)
    assert found.key == "population.group_grid"
    text = sentence("en", found)
    assert "old.tif" in text
    assert "people.tif" in text
    own, people = dict(found.values)["own"], dict(found.values)["people"]
    assert own != people
    assert "9 x 1, 100 x 100" in people
    assert {"wider": "18 x 1", "shifted": f"({ORIGIN[0] + 50:g}", "other CRS": "51N"}[how] in own


def test_grids_may_differ_by_what_a_writer_rounds(tmp_path: Path) -> None:
    study = small(tmp_path, [NEAR_OLD]).write(tmp_path)
    write_on(tmp_path / "old.tif", raster_of(OLD), dx=0.05)
    assert servicecircle.run(study).summaries[0].persons == pytest.approx(70)
    write_on(tmp_path / "old.tif", raster_of(OLD), dx=0.2)
    assert [one.key for one in problems_of(study)] == ["population.group_grid"]


def test_every_broken_group_is_told_at_once(tmp_path: Path) -> None:
    study = small(tmp_path, [NEAR_OLD], {"65+": "old.tif", "0-14": "young.tif", "lost": "nowhere.tif"}).write(tmp_path)
    write_on(tmp_path / "old.tif", raster_of(OLD) - 5.0)
    write_on(tmp_path / "young.tif", raster_of(OLD), dx=50)
    keys = {one.key for one in problems_of(study)}
    assert keys == {"population.negative_cells", "population.group_grid", "inputs.no_file"}


def test_what_does_not_fit_is_counted_and_nothing_is_changed(tmp_path: Path) -> None:
    """65+ exceed by 3 in one cell, 7 of them stand where nobody lives, and one cell of 10 people is not known."""
    study = small(tmp_path, [NEAR_OLD]).write(tmp_path)
    old = raster_of({(0, 0): 103.0, (1, 0): 50.0, (3, 0): 7.0, (8, 0): -1.0})
    write_on(tmp_path / "old.tif", old)
    results = servicecircle.run(study)
    assert results.summaries[0].persons == pytest.approx(153)
    texts = [line for line in results.notices if line.startswith("old.tif")]
    assert len(texts) == 3
    assert any("in 2 cells or rows" in t and "10 too many" in t for t in texts)
    assert any("in 1 cells or rows" in t and "7 people where nobody lives" in t for t in texts)
    assert any("in 1 cells or rows with 10 people" in t for t in texts)
    (window,) = [line for line in results.ledger if line.name == "window 65+"]
    assert (window.left, window.parts["in_units"], window.parts["where_nobody_lives"]) == pytest.approx((160, 153, 7))


@pytest.mark.parametrize(
    ("people", "group", "told"),
    [
        ([3.0, 4.0], [3.4, 4.0], []),  # everybody was rounded to whole people
        ([3.0, 4.0], [3.6, 4.0], ["population.group_exceeds"]),
        ([0.30, 1.25], [0.40, 1.0], ["population.group_exceeds"]),  # nothing was rounded
        ([0.30, 1.25], [0.30 * (1 + 5e-7), 1.0], []),  # single precision
        ([0.0, 1.25], [0.0, np.nan], ["population.group_unknown"]),
    ],
)
def test_rounding_is_no_excess(people: list[float], group: list[float], told: list[str]) -> None:
    found = group_notices("f", "g", np.array(people), np.array(group))
    assert [one.key for one in found] == told


# -- the ledger


def test_the_ledger_of_a_group_closes_inside_and_outside(tmp_path: Path) -> None:
    """The last cell is half in A; the fifth belongs to nobody's unit."""
    units = [Unit("A", (-50, -50, 450, 150)), Unit("B", (850, -50, 1050, 150))]
    results = small(tmp_path, [NEAR_OLD], units=units).run(tmp_path)
    (window,) = [line for line in results.ledger if line.name == "window 65+"]
    assert window.left == pytest.approx(70)
    assert dict(window.parts) == pytest.approx({"in_units": 35, "outside_units": 35, "where_nobody_lives": 0})
    assert window.gap <= 1e-9
    assert results.provenance["groups"]["65+"]["persons"] == pytest.approx(35)


def census(folder: Path, rows: dict[str, float]) -> dict[str, Any]:
    with (folder / "census.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("id", "name", "persons"), *((k, k, n) for k, n in rows.items())])
    return {"path": "census.csv", "unit": "village", "column": "persons", "id": "id"}


def test_a_census_scales_a_group_by_the_factors_of_everybody(tmp_path: Path) -> None:
    """A: 355 to 710, so 65 old ones become 130; B has no row and keeps its 5."""
    sections = {"population": {"groups": {"65+": "old.tif"}, "calibrate": census(tmp_path, {"A": 710})}}
    results = small(tmp_path, [NEAR, NEAR_OLD], sections=sections).run(tmp_path)
    assert units_of(results, "t/near/straight", "persons") == pytest.approx({"A": 710, "B": 5})
    assert units_of(results, "t/old/straight", "persons") == pytest.approx({"A": 130, "B": 5})
    lines = {line.name: line for line in results.ledger}
    assert lines["window 65+"].parts["in_units"] == pytest.approx(70)  # raw
    assert lines["calibration 65+"].left == pytest.approx(135)
    assert lines["calibration 65+"].gap <= 1e-9
    assert results.provenance["calibration"]["groups"]["65+"]["raw_persons"] == pytest.approx([65])
    assert any("the groups 65+ were scaled by the same factors" in line for line in results.notices)


# -- columns of points and tables

AT = [People(50, 50, 100, "p1"), People(150, 50, 50, "p2"), People(550, 50, 200, "p3"), People(950, 50, 10, "p4")]


def with_column(folder: Path, study: SmallStudy, column: str, values: dict[str, str]) -> Study:
    """Write the study and add a column to its table of people."""
    made = study.write(folder)
    with (folder / "people.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    with (folder / "people.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([[*header, column], *([*row, values[row[0]]] for row in rows)])
    return made


def points(groups: dict[str, Any], standards: list[dict[str, Any]]) -> SmallStudy:
    return SmallStudy(
        units=TWO,
        facilities=[Facility(50, 50)],
        standards=standards,
        people=AT,
        sections={"population": {"groups": groups}},
    )


OLD_AT = {"p1": "10", "p2": "20", "p3": "30", "p4": "10"}


def test_a_group_of_points_is_a_column(tmp_path: Path) -> None:
    study = with_column(tmp_path, points({"65+": "65岁及以上"}, [NEAR, NEAR_OLD]), "65岁及以上", OLD_AT)
    results = servicecircle.run(study)
    assert [(s.persons, s.covered_persons) for s in results.summaries] == [(360, 150), (70, 30)]
    assert units_of(results, "t/old/straight", "persons") == {"A": 60, "B": 10}
    (window,) = [line for line in results.ledger if line.name == "window 65+"]
    assert (window.left, window.right) == (70, 70)
    assert results.provenance["groups"]["65+"]["column"] == "65岁及以上"
    assert "65岁及以上" not in input_paths(study)


def test_an_empty_cell_is_unknown_and_said(tmp_path: Path) -> None:
    study = with_column(tmp_path, points({"65+": "old"}, [NEAR_OLD]), "old", OLD_AT | {"p3": ""})
    results = servicecircle.run(study)
    assert results.summaries[0].persons == 40
    assert any("1 cells or rows with 200 people" in line for line in results.notices)


def test_columns_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    study = with_column(tmp_path, points({"65+": "old", "0-14": "odl"}, [NEAR_OLD]), "old", OLD_AT | {"p2": "-1"})
    found = problems_of(study)
    assert {one.key for one in found} == {"inputs.no_column", "population.group_negative"}


def test_a_file_is_no_column(tmp_path: Path) -> None:
    with pytest.raises(StudyError) as caught:
        points({"65+": {"path": "old.tif"}}, [NEAR_OLD]).write(tmp_path)
    assert "a column" in sentence("en", caught.value.problems[0])


@pytest.mark.parametrize(("group", "key"), [({"pth": "x"}, "pth"), ({"path": ""}, "path"), ("", "65+"), (5, "65+")])
def test_a_mistaken_group_is_told_at_its_place(tmp_path: Path, group: Any, key: str) -> None:
    with pytest.raises(StudyError) as caught:
        small(tmp_path, [NEAR_OLD], {"65+": group}).write(tmp_path)
    texts = [sentence("en", one) for one in caught.value.problems]
    assert all("population.groups.65+" in text for text in texts)
    assert any(key in text for text in texts)


def test_the_order_of_equal_rows_does_not_matter(tmp_path: Path) -> None:
    rows = ["117.1,35.1,50,20", "117.1,35.1,50,10", "117.0,35.1,70,5"]
    found = []
    for order in (rows, rows[::-1]):
        (tmp_path / "p.csv").write_text("\n".join(["lon,lat,persons,old", *order]), encoding="utf-8")
        tree = {
            "study": {"name": "t"},
            "population": {"points": {"path": "p.csv", "crs": "WGS84"}, "groups": {"65+": "old"}},
            "roads": {"osm": "r.osm"},
            "facilities": [{"path": "f.csv"}],
            "standards": {},
        }
        people = read_population(study_from(tree, tmp_path / "study.toml"))
        assert isinstance(people, PointPeople)
        found.append((people.frame["id"].tolist(), people.groups["65+"].tolist()))
    assert found[0] == found[1]
    assert sorted(found[0][1]) == [5, 10, 20]


def test_a_village_table_has_its_groups_as_columns(tmp_path: Path) -> None:
    study = SmallStudy(units=TWO, facilities=[Facility(450, 50)], standards=[NEAR, NEAR_OLD], cells=EVERYBODY).write(
        tmp_path
    )
    text = "id,name,persons,old\nA,A,300,40\nB,B,60,7\n"
    (tmp_path / "villages.csv").write_text(text, encoding="utf-8")
    tree = study.model_dump(mode="json", by_alias=True, exclude_unset=True)
    tree["population"] = {"table": "villages.csv", "groups": {"65+": "old"}}
    results = servicecircle.run(study_from(tree, study.path))
    assert [(s.persons, s.covered_persons) for s in results.summaries] == [(360, 300), (47, 40)]


# -- records


def test_group_files_stand_in_inputs_credits_and_the_record(tmp_path: Path) -> None:
    groups = {"65+": {"path": "old.tif", "source": "Office", "licence": "CC0"}}
    (tmp_path / "in").mkdir()
    results = small(tmp_path / "in", [NEAR_OLD], groups).run(tmp_path / "in")
    assert "old.tif" in input_paths(results.study)
    assert any("old.tif" in line and "Office" in line and "CC0" in line for line in credit_lines(results.study))
    publish(results, tmp_path / "maps")
    record = json.loads((tmp_path / "maps" / "run.json").read_text(encoding="utf-8"))
    assert "old.tif" in [entry["path"] for entry in record["provenance"]["inputs"]]
    held = record["provenance"]["groups"]["65+"]
    assert held.pop("path") == "old.tif"
    people = {"window_persons": 70, "persons": 70}
    assert held == pytest.approx(people | {"outside_persons": 0, "where_nobody_lives_persons": 0})
    assert record["summaries"][0]["criterion"]["standard"]["group"] == "65+"
    with (tmp_path / "maps" / "criteria.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["group"], float(row["persons"])) == ("65+", pytest.approx(70))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_limit_says_for_whom(tmp_path: Path, language: str) -> None:
    (criterion,) = small(tmp_path, [NEAR_OLD]).write(tmp_path).standards.define[0].criteria()
    assert limit_text(criterion, language).endswith("65+")


# -- the sample county


def raster_sum(name: str) -> float:
    with rasterio.open(SAMPLE / name) as file:
        return float(file.read(1, masked=True).astype(np.float64).sum())


@pytest.fixture(scope="module")
def county() -> Results:
    tree = tomllib.loads((SAMPLE / "study.toml").read_text(encoding="utf-8"))
    del tree["siting"]
    own = {"source": "合成数据", "licence": "CC0-1.0"}
    tree["population"]["groups"] = {"65+": {"path": "population_65plus.tif"} | own}
    record = {
        "title": {"zh": "老年人", "en": "the old"},
        "kind": "circle",
        "types": ["village_clinic", "township_health_centre"],
        "measures": ["walk_elderly"],
        "limit_min": 15,
    }
    tree["standards"] = {"define": [{"id": "t/old", "group": "65+"} | record, {"id": "t/all"} | record]}
    return servicecircle.run(study_from(tree, SAMPLE / "study.toml"))


def test_people_of_the_sample_county_are_the_sum_of_the_raster(county: Results) -> None:
    """Everybody of the county lives in a unit, so the people of a group are the sum of its file."""
    old, everybody = county.summaries
    assert old.persons == pytest.approx(raster_sum("population_65plus.tif"), rel=1e-9)
    assert everybody.persons == pytest.approx(raster_sum("population.tif"), rel=1e-9)
    assert old.persons / everybody.persons == pytest.approx(0.166, rel=0.001)
    assert all(line.gap <= 1e-9 for line in county.ledger)


def test_the_old_covered_in_the_sample_county_are_those_of_the_covered_cells(county: Results) -> None:
    """A cell has one point here, so it is covered whole, whatever border cuts it: numpy sums the covered cells.

    Which cells are covered is read from the travel times of the run (a value equal to the limit holds); their people
    come from the file alone.
    """
    times = county.travel_times
    assert times is not None
    assert county.provenance["points_per_cell_side"] == 1
    (layer,) = times.layers
    assert set(layer.criteria) == {"t/old/walk_elderly", "t/all/walk_elderly"}
    with rasterio.open(SAMPLE / "population_65plus.tif") as file:
        people = file.read(1, masked=True).astype(np.float64).filled(0.0).ravel()[times.cell]
    covered = people[layer.minutes <= 15].sum()
    assert 0.2 * people.sum() < covered < 0.8 * people.sum()
    assert county.summaries[0].covered_persons == pytest.approx(covered, rel=1e-9)


def test_units_of_the_sample_county_hold_the_old_of_the_village_table(county: Results) -> None:
    """The table of villages, made beside the raster, has as many old people in every village.

    It holds whole people, the cells hundredths of them.
    """
    with (SAMPLE / "villages.csv").open(encoding="utf-8-sig", newline="") as file:
        table = {row["区划代码"]: float(row["65岁及以上"]) for row in csv.DictReader(file)}
    found = units_of(county, "t/old/walk_elderly", "persons")
    assert len(found) > 200
    assert found == pytest.approx({unit: table[unit] for unit in found}, abs=0.6)

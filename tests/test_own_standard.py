"""A requirement nobody has thought of: one record in a study, no code, judged and on the scorecard."""

from __future__ import annotations

import csv
import re
import shutil
import tomllib
from pathlib import Path

import pytest

from servicecircle.flow import run
from servicecircle.outputs.publish import publish
from servicecircle.standards.handbook import HANDBOOK
from servicecircle.study import load_study
from tests.conftest import ROOT

DEMO = ROOT / "geodata" / "demo"
#: The records of the handbook, as a user copies them.
RECORDS = re.findall(r"```toml\n(.*?)```", HANDBOOK, flags=re.DOTALL)

#: What the county knows: 31 nursing beds for 20,000 residents are 1.55 per 1,000. One hospital, of grade I.
AREA = "护理床位,常住人口\n31,20000\n"
HOSPITALS = "机构编号,等级\nH001,一级\n"
ASSETS = """
[[assets]]
path = "area.csv"
of = "area"
columns = { nursing_beds = "护理床位", resident_population = "常住人口" }
[[assets]]
path = "hospitals.csv"
of = "facility"
id = "机构编号"
columns = { grade = "等级" }
"""


DEPENDS = "depends on reading or mode"


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines(keepends=True)))


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo with the handbook's records beside one shipped record."""
    place = Path(shutil.copytree(DEMO, tmp_path_factory.mktemp("own") / "demo"))
    (place / "area.csv").write_text(AREA, encoding="utf-8")
    (place / "hospitals.csv").write_text(HOSPITALS, encoding="utf-8")
    text = (place / "study.toml").read_text(encoding="utf-8")
    text = re.sub(r"^use = .*$", 'use = ["yanhu/Y04"]', text, flags=re.MULTILINE)
    text = re.sub(r"^\[siting\].*?(?=^\[)", "", text, flags=re.MULTILINE | re.DOTALL)
    head, outputs = text.split("[outputs]")
    (place / "study.toml").write_text(f"{head}{RECORDS[0]}{ASSETS}[outputs]{outputs}", encoding="utf-8")
    return publish(run(load_study(place / "study.toml")), place / "out").parent


def test_the_handbook_has_one_example_of_a_ratio_a_share_and_a_circle():
    assert len(RECORDS) == 1
    records = tomllib.loads(RECORDS[0])["standards"]["define"]
    assert [record["kind"] for record in records] == ["ratio", "share", "circle"]


def test_each_record_is_a_line_of_the_scorecard_after_the_shipped_one(published: Path):
    rows = rows_of(published / "scorecard.csv")
    own = ["county/beds", "county/graded-hospitals", "county/clinic-12min"]
    assert [row["ids"] for row in rows] == ["yanhu/Y04", *own]
    assert [row["state"] for row in rows] == ["computed"] * 4
    assert {row["status"] for row in rows[1:]} == {"study"}
    assert all(row["title"] and row["demand_text"] and row["clause"] for row in rows)


def test_they_are_judged_by_the_records_own_numbers(published: Path):
    beds, hospitals, circle = rows_of(published / "scorecard.csv")[1:]
    assert (beds["verdict"], beds["value_text"].split()[0], beds["target_text"].split()[1]) == ("met", "1.55", "1.5")
    # none of one hospital is of grade II: 60 % of one are one
    assert (hospitals["verdict"], hospitals["value_text"]) == ("not met", "0.0 %")
    measured = [row for row in rows_of(published / "criteria.csv") if row["id"].startswith("county/")]
    assert [row["id"] for row in measured] == ["county/clinic-12min/walk", "county/clinic-12min/ebike"]
    on_foot, riding = (float(row["share_covered"]) for row in measured)
    assert on_foot < riding
    assert [row["verdict"] for row in measured] == ["met" if share >= 0.9 else "not met" for share in (on_foot, riding)]
    assert circle["verdict"] == (measured[0]["verdict"] if len({row["verdict"] for row in measured}) == 1 else DEPENDS)
    short = [row for row in rows_of(published / "shortfalls.csv") if row["standard"] == "county/graded-hospitals"]
    assert [(row["item_id"], row["name"]) for row in short] == [("facilities:H001", "演示县虚拟医院")]

"""A run repeated from its record: inputs verified first, every file compared, and what is told when one differs."""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pyogrio
import pytest
import shapely
from typer.testing import CliRunner

from servicecircle.cli import app
from servicecircle.errors import StudyError
from servicecircle.outputs.rerun import first_difference, prepare_repeat
from servicecircle.text import LANGUAGES, sentence
from tests.conftest import ROOT
from tests.small_study import Facility, SmallStudy, Unit, circle, radius

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

DEMO = ROOT / "geodata" / "demo"
STUDY = """[study]
name = "小"
[area.units]
path = "units.geojson"
parent = "town"
[population]
raster = "people.tif"
[roads]
osm = "roads.osm"
[[facilities]]
path = "facilities.csv"
crs = "WGS84"
[[standards.define]]
id = "t/circle"
title = { zh = "圈", en = "circle" }
kind = "circle"
types = ["clinic"]
limit_min = 5
measures = ["walk"]
[outputs]
language = "en"
"""


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study's folder with its default output folder in it."""
    folder = tmp_path_factory.mktemp("made")
    SmallStudy(
        units=[Unit("a", (0, 0, 500, 100)), Unit("b", (500, 0, 1000, 100))],
        facilities=[Facility(120, 50)],
        standards=[circle(5, "walk"), radius(1)],
        cells={(k, 0): 10.0 + k for k in range(10)},
    ).write(folder)
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    done = call("run", folder / "study.toml")
    assert done.exit_code == 0, done.stderr
    return folder


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "县 copy")


def record(folder: Path) -> Path:
    return folder / "maps" / "study" / "run.json"


def sums(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_run_is_repeated_and_equal(copy: Path) -> None:
    before = sums(copy)
    done = call("run", record(copy))
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("equal: ")
    assert len(done.stdout.splitlines()) == 1
    assert sums(copy) == before  # nothing is written but into a temporary place
    zh = call("run", record(copy), "--lang", "zh", "--json")
    tree = json.loads(zh.stdout)
    assert (zh.exit_code, tree["equal"], tree["differs"]) == (0, True, None)  # words of the run stay in its language


def test_the_demo_is_repeated_and_equal(tmp_path: Path) -> None:
    shutil.copytree(DEMO, tmp_path / "demo", ignore=shutil.ignore_patterns("maps"))
    assert call("run", tmp_path / "demo" / "study.toml").exit_code == 0
    assert call("run", record(tmp_path / "demo"), "--lang", "en").stdout.startswith("equal: ")


@pytest.mark.parametrize("place", ["elsewhere/out", "县 copy/out", "县 copy"])
def test_the_record_may_lie_elsewhere(copy: Path, tmp_path: Path, place: str) -> None:
    target = tmp_path / place / "run.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(record(copy), target)  # the record alone is enough
    if place.startswith("elsewhere"):
        lost = call("run", target)
        assert lost.exit_code == 1
        assert "--study" in lost.stderr
        assert call("run", target, "--study", copy).exit_code == 0
        assert call("run", target, "--study", tmp_path / "no.toml").exit_code == 1
        assert call("run", target, "--study", copy / "study.toml").stdout.startswith("equal")
    else:
        assert call("run", target).stdout.startswith("equal")


def test_output_is_kept_where_a_folder_is_named(copy: Path, tmp_path: Path) -> None:
    assert call("run", record(copy), "-o", tmp_path / "again").exit_code == 0
    assert (tmp_path / "again" / "run.json").read_bytes() == record(copy).read_bytes()
    refused = call("run", record(copy), "-o", record(copy).parent)
    assert refused.exit_code == 2
    assert "overwritten" in refused.stderr


@pytest.mark.parametrize("name", ["units.geojson", "people.tif", "roads.osm", "facilities.csv"])
def test_a_changed_input_is_named_before_anything_runs(copy: Path, name: str) -> None:
    with (copy / name).open("ab") as file:
        file.write(b"\n")
    before = sums(copy)
    done = call("run", record(copy))
    assert done.exit_code == 1
    assert name in done.stderr
    assert "[1/9]" not in done.stderr
    assert sums(copy) == before
    (copy / name).unlink()
    assert name in call("run", record(copy)).stderr


def test_all_changed_inputs_are_named_at_once(copy: Path) -> None:
    for name in ("units.geojson", "facilities.csv"):
        (copy / name).write_bytes(b"x")
    (copy / "roads.osm").unlink()
    with pytest.raises(StudyError) as error:
        prepare_repeat(record(copy))
    assert [(one.key, one.values["file"]) for one in error.value.problems] == [
        ("rerun.changed", "units.geojson"), ("rerun.lost", "roads.osm"), ("rerun.changed", "facilities.csv")
    ]  # fmt: skip
    assert all(sentence(language, one) for language in LANGUAGES for one in error.value.problems)


def edit(path: Path, change: Any) -> None:
    tree = json.loads(path.read_text(encoding="utf-8"))
    change(tree)
    path.write_text(json.dumps(tree, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def test_the_first_differing_file_is_told(copy: Path) -> None:
    def change(tree: dict[str, Any]) -> None:
        for entry in tree["files"]:
            if entry["name"] in ("units.csv", "gaps.csv"):
                entry["sha256"] = "0" * 64

    edit(record(copy), change)
    done = call("run", record(copy))
    assert done.exit_code == 1
    assert done.stdout.startswith("different: gaps.csv (3 files")  # run.json lists both, so it differs too
    tree = json.loads(call("run", record(copy), "--json").stdout)
    assert (tree["ok"], tree["equal"], tree["differs"], tree["count"]) == (False, False, "gaps.csv", 3)


def test_a_difference_of_the_record_alone_is_told_by_key(copy: Path) -> None:
    edit(record(copy), lambda tree: tree["provenance"].update(facilities=99))
    done = call("run", record(copy))
    assert done.exit_code == 1
    assert done.stdout.startswith("different: run.json, key provenance.facilities (1 files")


def test_a_file_more_or_less_is_a_difference(copy: Path, tmp_path: Path) -> None:
    repeat = prepare_repeat(record(copy))
    again = shutil.copytree(record(copy).parent, tmp_path / "again")
    assert first_difference(repeat, again) is None
    (again / "aaa.csv").write_text("x")
    assert first_difference(repeat, again).file == "aaa.csv"  # type: ignore[union-attr]
    (again / "aaa.csv").unlink()
    (again / "units.csv").unlink()
    assert first_difference(repeat, again).file == "units.csv"  # type: ignore[union-attr]


def test_another_version_is_told(copy: Path) -> None:
    def change(tree: dict[str, Any]) -> None:
        tree["provenance"]["version"] = "0.0.1"
        tree["provenance"]["libraries"]["numpy"] = "0.1"

    edit(record(copy), change)
    done = call("run", record(copy))
    assert done.exit_code == 1
    assert "servicecircle 0.0.1 →" in done.stderr
    assert "numpy 0.1 →" in done.stderr
    assert "key provenance.libraries.numpy" in done.stdout


def test_a_study_file_that_was_edited_since_is_told_and_not_used(copy: Path) -> None:
    text = (copy / "study.toml").read_text(encoding="utf-8")
    (copy / "study.toml").write_text(text.replace("limit_min = 5", "limit_min = 9"), encoding="utf-8")
    done = call("run", record(copy))
    assert done.stdout.startswith("equal")
    assert "standards.define.0.limit_min" in done.stderr
    (copy / "study.toml").write_text("[broken", encoding="utf-8")
    assert call("run", record(copy)).stdout.startswith("equal")
    (copy / "study.toml").unlink()  # the inputs are enough
    assert call("run", record(copy)).stdout.startswith("equal")


def test_what_is_no_record(copy: Path) -> None:
    path = record(copy)
    for content, key in (("{}", "foreign"), ("{", "broken"), ('{"tool": "servicecircle", "format": 2}', "format")):
        path.write_text(content)
        with pytest.raises(StudyError) as error:
            prepare_repeat(path)
        assert key in error.value.problems[0].key
        assert call("run", path).exit_code == 1
    path.unlink()
    assert call("run", path).exit_code == 1


def test_study_belongs_to_a_record(copy: Path) -> None:
    assert call("run", copy / "study.toml", "--study", copy).exit_code == 2


def test_a_study_the_version_does_not_accept_is_a_sentence(copy: Path) -> None:
    edit(record(copy), lambda tree: tree["given"].update(unheard=1))
    done = call("run", record(copy))
    assert done.exit_code == 1
    assert "unheard" in done.stderr


def test_parts_of_a_shapefile_are_inputs(copy: Path) -> None:
    """A changed .dbf is another input though the .shp is as it was."""
    units = gpd.read_file(copy / "units.geojson")
    pyogrio.write_dataframe(units.set_geometry(shapely.force_2d(units.geometry)), copy / "units.shp", encoding="UTF-8")
    text = (copy / "study.toml").read_text(encoding="utf-8").replace("units.geojson", "units.shp")
    (copy / "shp.toml").write_text(text, encoding="utf-8")
    assert call("run", copy / "shp.toml").exit_code == 0
    path = copy / "maps" / "shp" / "run.json"
    listed = [entry["path"] for entry in json.loads(path.read_text(encoding="utf-8"))["provenance"]["inputs"]]
    assert listed[:5] == ["units.shp", "units.shx", "units.dbf", "units.prj", "units.cpg"]
    assert call("run", path).stdout.startswith("equal")
    content = (copy / "units.dbf").read_bytes()
    (copy / "units.dbf").write_bytes(content.replace(b"a ", b"c ", 1))
    assert "units.dbf" in call("run", path).stderr

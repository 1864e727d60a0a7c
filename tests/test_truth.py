"""The package against a second reading of the files: every decided verdict of every unit, and the words and numbers."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import servicecircle
from servicecircle.inputs.units import unit_kind as package_unit_kind
from servicecircle.standards.catalogue import load_catalogue
from servicecircle.standards.model import Covering
from servicecircle.standards.vocabulary import accepts, facility_types, ownership_code, type_code
from servicecircle.study import load_study

from .oracle.compare import compare
from .oracle.county import read_county
from .oracle.criteria import KIND_OF_ENDING, OWNER_OF_WORD, RULES, TYPE_OF_WORD, WIDER, criteria, is_of
from .oracle.truth import Truth

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "geodata" / "demo"


def run_and_truth(study: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Units of a run, and the truth."""
    return servicecircle.run(load_study(study)).units, Truth(read_county(study)).table()


def test_the_oracle_never_imports_the_package() -> None:
    """It would only repeat the package's mistakes."""
    for path in (ROOT / "tests/oracle").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level <= 1, path  # nothing from tests beside the oracle
                names = [] if node.level else [node.module or ""]
            assert not [n for n in names if n.split(".")[0] in ("servicecircle", "tests", "geodata", "importlib")], path


@pytest.mark.slow
def test_every_verdict_of_the_demo(tmp_path: Path) -> None:
    """All plans the oracle knows, judged on the demo: no gap missed, none cried for nothing, people to a hundredth."""
    for name in ("units.geojson", "population.tif", "roads.osm", "facilities.xlsx"):
        shutil.copy(DEMO / name, tmp_path)
    text = (DEMO / "study.toml").read_text(encoding="utf-8")
    use = next(line for line in text.splitlines() if line.startswith("use = "))
    wanted = f"use = {sorted(RULES)}".replace("'", '"')
    (tmp_path / "study.toml").write_text(text.replace(use, wanted), encoding="utf-8")
    units, truth = run_and_truth(tmp_path / "study.toml")
    found = compare(truth, units)
    print(found)
    assert (found.missed, found.false, found.only_truth, found.only_run) == ([], [], [], [])
    assert len(found.found) > 200
    assert found.right > 900
    assert found.undecided_share < 0.05
    both = truth.merge(units, on=["criterion", "unit_id"])
    assert np.allclose(both["persons_x"], both["persons_y"], atol=0.01)
    assert np.allclose(both["uncovered"], both["uncovered_persons"], atol=0.01)


def test_what_the_demo_says_of_its_planted_gaps() -> None:
    """The gaps the demo's description names, in the truth alone."""
    truth = Truth(read_county(DEMO)).table()
    short = {(c, n) for c, n, s in zip(truth["criterion"], truth["name"], truth["short"], strict=True) if s}
    assert {("shanting/S01/walk", "对岸村"), ("shanting/S02/road:walk", "对岸村")} <= short
    assert ("shanting/S02/straight", "对岸村") not in short
    assert {("yanhu/Y04/presence", name) for name in ("对岸村", "例桥村", "假林村", "独峰村")} == {
        pair for pair in short if pair[0] == "yanhu/Y04/presence"
    }
    assert {("shanting/S01/walk", "独峰村"), ("shanting/S12/road:drive", "独峰村")} <= short


@pytest.mark.parametrize("name", sorted(RULES))
def test_the_register_was_read_alike(name: str) -> None:
    """Types, owners, measures, limits, classes and directions: the catalogue's and those written down by hand."""
    standard = load_catalogue()[name]
    rule = RULES[name]
    assert {code for code in facility_types() if is_of(code, rule.types)} == set(accepts(standard.types))
    assert (rule.ownership or None) == (standard.ownership[0] if standard.ownership else None)
    assert len(standard.ownership) <= 1
    assert (rule.kinds,) == (standard.unit_kinds or ("",))
    assert rule.area_class == (standard.area_class or "")
    mine, theirs = criteria([name]), standard.criteria()
    assert {c.key for c in mine} == {c.key for c in theirs}
    for one in mine:
        other = next(c for c in theirs if c.key == one.key)
        if one.presence:
            assert (rule.per, other.limit) == (standard.per, 1)
        else:
            assert (one.limit, one.mode, one.direction) == (other.limit, other.mode, standard.direction)
            assert one.quantity == ("distance" if other.measure == "road" else "time")
            assert one.straight == (other.measure == "straight")


def test_every_requirement_the_oracle_can_judge_is_among_its_rules() -> None:
    """A new circle, radius or presence gets a second reading; what it leaves out is said in ``RULES``."""
    covering = [one for one in load_catalogue().values() if isinstance(one, Covering)]
    judged = [one for one in covering if not (one.needs or one.hosts or (one.kind == "presence" and one.at_least > 1))]
    assert sorted(one.id for one in judged if one.id not in RULES) == []
    assert len(judged) > 90


def test_words_are_read_alike() -> None:
    """Every word of the oracle's list means the same to the package; every type of the package has its title there."""
    assert {word: type_code(word) for word in TYPE_OF_WORD} == TYPE_OF_WORD
    assert {word: ownership_code(word) for word in OWNER_OF_WORD} == OWNER_OF_WORD
    assert {ending: package_unit_kind("例" + ending) for ending in KIND_OF_ENDING} == KIND_OF_ENDING
    assert [t.zh for t in facility_types().values() if t.zh not in TYPE_OF_WORD] == []
    assert {code: t.parent for code, t in facility_types().items() if t.parent} == WIDER

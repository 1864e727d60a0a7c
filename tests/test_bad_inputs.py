"""The corpus of bad input: five cases at least in each of 25 families; each says what is wrong, where, and what to do."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.bad_inputs import corpus
from tests.bad_inputs.case import CASES, FAMILIES, Case, judge, outcome_of
from tests.bad_inputs.desk import PERSONS, Desk

__all__ = ["corpus"]


def _marked(case: Case) -> object:
    marks = [pytest.mark.xfail(reason=f"waits for {case.pending}", strict=False)] if case.pending else []
    return pytest.param(case, id=case.id, marks=marks)


@pytest.mark.parametrize("case", [_marked(case) for case in CASES])
def test_bad_input(case: Case, tmp_path: Path) -> None:
    judge(case, Desk(tmp_path))


def test_the_good_study_says_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    said, study = outcome_of(desk)
    assert [one.key for one in said] == ["assets.total"]
    assert study is not None
    assert float(desk.cells.sum()) == PERSONS


def test_there_are_enough_cases() -> None:
    counts = Counter(case.family for case in CASES)
    for family, name in FAMILIES.items():
        print(f"{family:2d} {name}: {counts[family]}")
    print(f"{len(CASES)} cases, {sum(bool(case.pending) for case in CASES)} pending")
    assert len({case.id for case in CASES}) == len(CASES)
    assert len(CASES) >= 130
    assert all(counts[family] >= 5 for family in FAMILIES)

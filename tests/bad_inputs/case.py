"""A case: how a file is spoilt, what must happen, and the words that must be said."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from servicecircle.errors import Problem, StudyError
from servicecircle.flow import check
from servicecircle.inputs.gather import Inputs, gather
from servicecircle.inputs.population import PointPeople
from servicecircle.inputs.tables import read_table
from servicecircle.study import Study
from servicecircle.text import sentence
from tests.bad_inputs.desk import Desk

DEEP = os.environ.get("SERVICECIRCLE_DEEP") == "1"
FAMILIES = {
    1: "encodings",
    2: "workbooks",
    3: "full-width digits",
    4: "thousands separators and decimal commas",
    5: "degrees, minutes, seconds and units in cells",
    6: "swapped or impossible coordinates",
    7: "points outside the area",
    8: "duplicates",
    9: "missing or unknown types",
    10: "identifiers",
    11: "geometries",
    12: "overlapping or gapped units",
    13: "missing CRS",
    14: "CRS that disagrees with the coordinates",
    15: "layers that do not overlap",
    16: "no-data conventions",
    17: "negative numbers",
    18: "density instead of counts",
    19: "bands, scale and offset",
    20: "integer overflow",
    21: "roads without class, disconnected roads",
    22: "facilities across a barrier or far from a road",
    23: "roads too sparse",
    24: "data years that differ",
    25: "population that cannot be right",
}

MEASURES: dict[str, Callable[[Inputs], Any]] = {
    "persons": lambda inputs: inputs.population.persons,
    "facilities": lambda inputs: len(inputs.facilities.frame),
    "names": lambda inputs: set(inputs.facilities.frame["name"]),
    "ids": lambda inputs: {one.split(":", 1)[1] for one in inputs.facilities.frame["id"]},
    "types": lambda inputs: set(inputs.facilities.frame["type"]),
    "units": lambda inputs: len(inputs.units.frame),
    "unit_names": lambda inputs: set(inputs.units.frame["name"]),
    "unit_ids": lambda inputs: set(inputs.units.frame["id"]),
    "lon": lambda inputs: round(float(inputs.facilities.frame["lon"].min()), 6),
    "counted": lambda inputs: sum(inputs.counts.persons),
    "ways": lambda inputs: len(inputs.roads.ways.id),
}


@dataclass(frozen=True)
class Case:
    """One case.

    Attributes
    ----------
    outcome : str
        ``refused`` (no run), ``set_aside`` (a row is not used, with its reason), ``told`` (a notice) or ``read``
        (nothing is wrong with it: read right).
    key : str
        Key of the sentence; empty where any sentence with these words will do.
    words : tuple of str
        What the sentence must name in both languages: file, place, value.
    reads : dict
        What must come out, by ``MEASURES``.
    rows : int or None
        Rows of the facility file: used, set aside and refused rows must add up to them.
    """

    family: int
    name: str
    spoil: Callable[[Desk], None]
    outcome: str
    key: str = ""
    words: tuple[str, ...] = ()
    reads: dict[str, Any] = field(default_factory=dict)
    rows: int | None = None
    pending: str = ""

    @property
    def id(self) -> str:
        return f"{self.family:02d} {self.name}"


CASES: list[Case] = []


def case(
    family: int,
    name: str,
    outcome: str,
    key: str = "",
    *words: str,
    pending: str = "",
    rows: int | None = None,
    **reads: Any,
) -> Callable[[Callable[[Desk], None]], Callable[[Desk], None]]:
    """Enter a function that spoils the desk as a case."""

    def enter(spoil: Callable[[Desk], None]) -> Callable[[Desk], None]:
        CASES.append(Case(family, name, spoil, outcome, key, words, reads, rows, pending))
        return spoil

    return enter


@dataclass(frozen=True)
class Said:
    """One thing that was said: of which sort, by which key, and as a text in each language."""

    sort: str
    key: str
    texts: tuple[str, str]


def outcome_of(desk: Desk) -> tuple[list[Said], Any]:
    """Check the study on the desk; return all that is said in both languages, and the study (None where refused)."""
    try:
        study = desk.study()
    except StudyError as error:
        return [_said("refused", one) for one in error.problems], None
    report = check(study)
    said = [_said("refused", one) for one in report.problems] + [_said("told", one) for one in report.notices]
    for row in report.set_aside:
        texts = _texts(row.reason)
        place = f"{row.file} [{row.layer}] {row.row} {row.id} {row.value} "
        said.append(Said("set_aside", row.reason.key, (place + texts[0], place + texts[1])))
    return said, study


def _said(sort: str, one: Problem) -> Said:
    return Said(sort, one.key, _texts(one))


def _texts(one: Problem) -> tuple[str, str]:
    return sentence("zh", one), sentence("en", one)


def nothing_is_lost(study: Study) -> None:
    """Assert that every row of the facility and unit files is used or set aside, none of them both."""
    inputs = gather(study)
    aside = [(row.file, row.row) for row in inputs.set_aside]
    used = {spec.path: set(inputs.facilities.frame.query("source == @spec.path")["row"]) for spec in study.facilities}
    if isinstance(inputs.population, PointPeople) and study.population.points is not None:
        used[study.population.points.path] = set(inputs.population.frame["row"])
    for spec in (*study.facilities, *filter(None, [study.population.points])):
        rows = set(read_table(study.locate(spec.path), spec.layer).rows.tolist())
        left = {row for file, row in aside if file == spec.path}
        # a cell that is no number is set aside while its row is used
        assert used[spec.path] | left == rows, (spec.path, rows - used[spec.path] - left)


def judge(one: Case, desk: Desk) -> None:
    """Assert that a case ends as it must."""
    one.spoil(desk)
    said, study = outcome_of(desk)
    refused = [s for s in said if s.sort == "refused"]
    if one.outcome != "refused":
        assert not refused, refused
    if one.outcome != "read" or one.key:
        sort = "told" if one.outcome == "read" else one.outcome
        fitting = [
            s for s in said
            if s.sort == sort and one.key in ("", s.key) and all(word in text for word in one.words for text in s.texts)
        ]  # fmt: skip
        assert fitting, (one.key, one.words, said)
    if DEEP and study is not None and not refused:
        nothing_is_lost(study)
    if one.reads or one.rows is not None:
        inputs = gather(study)
        found = {name: MEASURES[name](inputs) for name in one.reads}
        assert found == one.reads
        if one.rows is not None:
            lost = {(r.file, r.row) for r in inputs.set_aside if r.file == desk.facility_file["path"]}
            assert len(inputs.facilities.frame) + len(lost) == one.rows

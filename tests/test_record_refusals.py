"""A record that cannot be judged is refused when it is read: with its id, in both languages, and without a traceback."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import servicecircle
from servicecircle.errors import Problem, StudyError
from servicecircle.standards.catalogue import read_catalogue, select
from servicecircle.standards.refusals import RULES
from servicecircle.starter.draft import value as toml
from servicecircle.study import load_study
from servicecircle.text.text import LANGUAGES, catalogue, sentence

SOURCE = Path(servicecircle.__file__).parent
TITLE = {"title": {"zh": "甲", "en": "A"}}
CIRCLE = {"kind": "circle", "types": ["park"], "measures": ["walk"], "limit_min": 10}
RATIO = {"kind": "ratio", "asset": "beds", "per_people": 1000}
SHARE = {"kind": "share", "types": ["general_hospital"], "must": [{"has": "grade"}]}
NEAREST = {"kind": "nearest", "services": ["park"]}

#: What is wrong, the record (without id and title), a word of the place, and words of the English sentence.
CASES: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown field": (CIRCLE | {"limit_mni": 5}, "limit_mni", "nearest known key is limit_min"),
    "field of another kind": (RATIO | {"limit_min": 5}, "limit_min", "nearest known key is"),
    "field inside a table": (SHARE | {"must": [{"hsa": "grade"}]}, "must.0.hsa", "nearest known key is has"),
    "two limits": (CIRCLE | {"limit_km": 1}, "", "a circle has exactly one limit: limit_min"),
    "limit of a radius": (CIRCLE | {"kind": "radius"}, "", "a radius has exactly one limit: limit_km"),
    "limit of a presence": (
        {"kind": "presence", "types": ["park"], "limit_km": 1},
        "",
        "a presence has exactly one limit: at_least",
    ),
    "presence's key in a circle": (CIRCLE | {"hosts": ["park"]}, "", "a circle has no hosts; take it out"),
    "radius's key in a circle": (CIRCLE | {"preferred_km": 1}, "", "a circle has no preferred_km"),
    "direction of a presence": (
        {"kind": "presence", "types": ["park"], "direction": "from_facility"},
        "",
        "a presence has no direction",
    ),
    "grades added up": (RATIO | {"asset": "grade"}, "", "grade is a level or a category and cannot be added up"),
    "share of a category": (SHARE | {"must": [{"has": "beds", "share_of": "run_by"}]}, "", "run_by is a level"),
    "no measure": (CIRCLE | {"measures": []}, "", "circle and radius need measures"),
    "two targets": (SHARE | {"target_share": 0.5, "target_count": 3}, "", "target_share or target_count, not both"),
    "floor above ceiling": (RATIO | {"at_least": 3, "at_most": 2}, "", "upside down: 3.0 is not below 2.0"),
    "floor at the ceiling": (RATIO | {"at_least": 2, "at_most": 2}, "", "upside down: 2.0 is not below 2.0"),
    "need upside down": (SHARE | {"must": [{"has": "beds", "at_least": 3, "at_most": 2}]}, "must.0", "upside down"),
    "sites upside down": ({"kind": "siting", "count": 3, "count_most": 2}, "", "upside down: 3 is not below 2"),
    "national without source": (RATIO | {"status": "national"}, "", "a national requirement names its source"),
    "unverified without source": (RATIO | {"status": "national_unverified"}, "", "names its source"),
    "plan without quote": (
        RATIO | {"status": "plan", "plan": "a.txt", "line": 3},
        "",
        "a requirement of a plan names plan, line and quote",
    ),
    "two divisors": (RATIO | {"per_asset": "doctors"}, "", "exactly one of per_people and per_asset"),
    "no divisor": ({"kind": "ratio", "asset": "beds"}, "", "exactly one of per_people and per_asset"),
    "planning without people": (RATIO | {"basis": "planning"}, "", "belong together"),
    "facilities without types": (RATIO | {"asset": "facilities"}, "", "a ratio of facilities names their types"),
    "most without cap": ({"kind": "fleet", "most": 3, "share": 0.4}, "", "write cap = true"),
    "fleet without rule": ({"kind": "fleet"}, "", "needs persons_per_vehicle, share or cap"),
    "unknown mode of a circle": (CIRCLE | {"measures": ["wlak"]}, "", "wlak in measures does not suit"),
    "mode of a radius": (CIRCLE | {"measures": ["straight"]}, "", "straight in measures does not suit"),
    "unknown mode": (NEAREST | {"mode": "drvie"}, "", "no mode drvie; the nearest is drive"),
    "unknown type": (NEAREST | {"services": ["prak"]}, "", "prak in types is not in the vocabulary; the nearest is park"),
    "unknown asset": (RATIO | {"asset": "bedz"}, "", "bedz is no asset or attribute of the vocabulary; the nearest is beds"),
    "unknown attribute": (SHARE | {"must": [{"has": "graed"}]}, "", "graed is no asset"),
    "unknown level": (SHARE | {"must": [{"has": "grade", "at_least": "grade_9"}]}, "", "grade_9 is no value"),
    "unknown unit": (CIRCLE | {"unit_kinds": ["hamlet"]}, "unit_kinds.0", "it must be 'village'"),
    "unknown kind": (RATIO | {"kind": "rato"}, "", "there is no kind rato; kind must be one of"),
    "kind that is no word": (RATIO | {"kind": 3}, "", "there is no kind 3"),
    "missing kind": ({"asset": "beds", "per_people": 1000}, "", "kind is missing"),
    "missing key": ({"kind": "context"}, "reason", "missing"),
    "unknown record": ({"kind": "composite", "of": ["one/B", "one/C"]}, "", "there is no standard one/C"),
    "made of itself": ({"kind": "composite", "of": ["one/A", "one/B"]}, "", "names the record itself"),
    "borrowed from itself": (RATIO | {"borrowed": "one/A"}, "", "names the record itself"),
    "more than all": ({"kind": "composite", "of": ["one/B", "one/D"], "need": 3}, "", "of has only 2 records"),
    "neighbours of a ratio": ({"kind": "cross_boundary", "of": "one/B"}, "", "one/B in of is a ratio, no circle or radius"),
    "neighbours of a presence": ({"kind": "cross_boundary", "of": "one/D"}, "", "one/D in of is a presence"),
    "neighbours of itself": ({"kind": "cross_boundary", "of": "one/A"}, "", "names the record itself"),
    "share of nothing": (CIRCLE | {"target_share": 0}, "target_share", "greater than 0"),
    "share of more than all": (CIRCLE | {"target_share": 1.2}, "target_share", "at most 1"),
    "share of facilities": (SHARE | {"target_share": 1.2}, "target_share", "at most 1"),
    "number in words": (RATIO | {"at_least": "many"}, "at_least", "must be a number"),
    "title without English": (RATIO | {"title": {"zh": "甲"}}, "title.en", "missing"),
}  # fmt: skip

#: Records beside the faulty one.
BESIDE = [
    RATIO | TITLE | {"id": "one/B"},
    {"kind": "presence", "types": ["park"], "id": "one/D"} | TITLE,
]


def written(table: str, records: list[dict[str, Any]]) -> str:
    lines = (f"[[{table}]]\n" + "".join(f"{key} = {toml(what)}\n" for key, what in one.items()) for one in records)
    return "\n".join(lines)


def of_a_study(folder: Path, records: list[dict[str, Any]]) -> tuple[Problem, ...]:
    path = folder / "study.toml"
    head = (
        '[study]\nname = "x"\n[population]\nraster = "a.tif"\n[roads]\nosm = "a.osm"\n[[facilities]]\npath = "a.csv"\n'
    )
    path.write_text(head + written("standards.define", records), encoding="utf-8")
    with pytest.raises(StudyError) as error:
        select([], load_study(path).standards.define)
    return error.value.problems


def of_a_catalogue(folder: Path, records: list[dict[str, Any]]) -> tuple[Problem, ...]:
    (folder / "one.toml").write_text(written("standard", records), encoding="utf-8")
    with pytest.raises(StudyError) as error:
        read_catalogue(folder)
    return error.value.problems


@pytest.mark.parametrize("read", [of_a_study, of_a_catalogue])
@pytest.mark.parametrize("case", CASES)
def test_a_faulty_record_is_refused_with_its_id(read, case, tmp_path):
    record, place, words = CASES[case]
    problems = read(tmp_path, [TITLE | {"id": "one/A"} | record, *BESIDE])
    said = {language: [sentence(language, one) for one in problems] for language in LANGUAGES}
    mine = [line for line in said["en"] if words in line]
    assert len(mine) == 1, said["en"]
    assert "one/A" in mine[0]
    assert place in mine[0]
    # the kind pydantic puts into the place is no key
    assert not re.search(rf"\b{record.get('kind')}\.", mine[0])
    for line in said["zh"]:
        assert re.search("[一-鿿]", line)
        assert not re.search("Input should|Extra inputs|Field required|validation error", line)
        assert not re.search("(a|the|must|its|names|needs|give) [a-z]+", line)


def test_the_same_records_without_the_fault_are_taken(tmp_path):
    records = [
        TITLE | {"id": f"one/{name}"} | one for name, one in zip("ACEF", (CIRCLE, RATIO, SHARE, NEAREST), strict=True)
    ]
    (tmp_path / "one.toml").write_text(written("standard", [*records, *BESIDE]), encoding="utf-8")
    assert len(read_catalogue(tmp_path)) == 6


@pytest.mark.parametrize("read", [of_a_study, of_a_catalogue])
@pytest.mark.parametrize("names", ["AB", "ABC", "ABCDEFGH"])
def test_records_made_of_each_other_are_refused_and_the_way_is_shown(read, names, tmp_path):
    """A way round of two, three and eight records, and one beside it that only leads into it."""
    park = CIRCLE | TITLE | {"id": "one/Z"}
    ring = [
        TITLE | {"id": f"one/{one}", "kind": "composite", "of": [f"one/{other}", "one/Z"]}
        for one, other in zip(names, names[1:] + names[0], strict=True)
    ]
    outside = TITLE | {"id": "one/Y", "kind": "composite", "of": ["one/A", "one/Z"]}
    problems = read(tmp_path, [park, *ring, outside])
    assert [(one.key, one.values["id"]) for one in problems] == [("standards.circular", f"one/{one}") for one in names]
    assert problems[0].values["way"] == " → ".join(f"one/{one}" for one in names + names[0])
    assert all("one/A → one/B" in sentence(language, problems[0]) for language in LANGUAGES)


def test_a_shared_part_is_no_way_round(tmp_path):
    """Two records of one record, and one of both: a diamond, not a ring."""
    park = CIRCLE | TITLE | {"id": "one/Z"}
    both = [TITLE | {"id": f"one/{one}", "kind": "composite", "of": ["one/Z", "one/W"]} for one in "AB"]
    top = TITLE | {"id": "one/C", "kind": "composite", "of": ["one/A", "one/B"]}
    (tmp_path / "one.toml").write_text(
        written("standard", [park, park | {"id": "one/W"}, *both, top]), encoding="utf-8"
    )
    assert len(read_catalogue(tmp_path)) == 5


def test_a_shipped_record_is_not_left_pointing_at_the_wrong_kind(tmp_path):
    """A study may replace a shipped record, but not by one that another shipped record cannot use."""
    mine = TITLE | {"id": "kangbashi/K25-reach", "kind": "presence", "types": ["park"]}
    problems = of_a_study(tmp_path, [mine])
    assert [one.key for one in problems] == ["standards.no_distance"]
    assert problems[0].values["value"] == "kangbashi/K25-reach"


def test_two_faults_of_one_record_and_one_of_another_are_three_sentences(tmp_path):
    records = [
        TITLE | {"id": "one/A"} | CIRCLE | {"x_min": 3, "target_share": 0},
        TITLE | {"id": "one/B", "kind": "rato"},
    ]
    for read in (of_a_study, of_a_catalogue):
        folder = tmp_path / read.__name__
        folder.mkdir()
        said = [sentence("en", one) for one in read(folder, records)]
        assert [("one/A" in line, "one/B" in line) for line in said] == [(True, False), (True, False), (False, True)]


@pytest.mark.parametrize("content", ["standard = [1, 2]", 'standard = ["one/A"]', "standard = 3"])
def test_records_that_are_no_tables_are_refused(content, tmp_path):
    (tmp_path / "one.toml").write_text(content, encoding="utf-8")
    with pytest.raises(StudyError) as error:
        read_catalogue(tmp_path)
    assert all(sentence(language, one) for one in error.value.problems for language in LANGUAGES)


def test_every_rule_of_the_schema_has_a_sentence_in_both_languages():
    """A rule somebody adds to a record or to the study file needs its words."""
    files = [SOURCE / "standards" / "model.py", SOURCE / "standards" / "kinds.py", *(SOURCE / "study").glob("*.py")]
    code = "".join(path.read_text(encoding="utf-8") for path in files)
    own = set(re.findall(r'PydanticCustomError\(\s*"(\w+)"', code))
    assert len(own) > 12
    assert own <= RULES
    for language in LANGUAGES:
        assert {
            key.removeprefix("study.rule.") for key in catalogue(language) if key.startswith("study.rule.")
        } == RULES

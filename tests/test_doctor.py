"""The report of a check: everything found, with its place and code, from the worst; nothing is lost or said twice."""

from __future__ import annotations

import ast
import csv
import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from servicecircle.cli import app
from servicecircle.doctor.finding import HARMS, Report, _harms
from servicecircle.doctor.handbook import handbook
from servicecircle.doctor.report import PAGE, RECORDS, counts, page, record_bytes, write_report
from servicecircle.errors import StudyError, problem
from servicecircle.flow import check
from servicecircle.inputs.setaside import SetAside
from servicecircle.study import load_study
from servicecircle.text.codes import WORDS, code_of, codes, key_of, message_keys
from servicecircle.text.text import LANGUAGES, catalogue

ROOT = Path(__file__).resolve().parents[1]
HOUSE = ROOT / "src" / "coverage" / "servicecircle"
SAMPLE = ROOT / "geodata" / "sample"


# --- codes ---------------------------------------------------------------------------------------------------------------


def test_every_message_has_a_code_of_its_own_in_both_languages() -> None:
    assert set(message_keys()) == set(codes())
    assert len(set(codes().values())) == len(codes())
    for language in LANGUAGES:
        assert set(codes()) <= set(catalogue(language))


def test_every_message_the_package_makes_has_a_code() -> None:
    made = {
        node.args[0].value
        for path in HOUSE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "problem"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    words = re.compile(r"printed\.|map\.|tables\.|inputs\.two_reasons|assets\.in_year|findings\.|explain\.")
    without = {str(key) for key in made if not code_of(str(key))}
    assert {key for key in without if words.match(key) is None and WORDS.match(key) is None} == set()
    assert len(made) > 300


def test_every_code_is_made_somewhere() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in HOUSE.rglob("*.py"))
    never = [key for key in codes() if f'"{key}"' not in text and not _by_parts(key, text)]
    assert never == []


def _by_parts(key: str, text: str) -> bool:
    """Return whether the code makes a key out of its beginning and a variable end, or says it in a session."""
    start, _, end = key.rpartition(".")
    beginnings = (
        f'f"{start}.{{',
        f'f"{start}_{{',
        f'f"{key.rpartition("_")[0]}_{{',
        f'f"{start.rpartition(".")[0]}.{{',
    )
    return any(beginning in text for beginning in beginnings) or f'"{end}"' in text or f'say("{end}' in text


def test_a_code_is_looked_up_as_people_write_it() -> None:
    key = next(iter(codes()))
    number = codes()[key]
    assert [key_of(text) for text in (f"SC-{number}", f"sc{number}", str(number), f" sc-{number} ")] == [key] * 4
    assert [key_of(text) for text in ("SC-0000", "hello", "", "SC-10071")] == [None] * 4


def test_message_prints_both_languages_and_refuses_an_unknown_code() -> None:
    answer = CliRunner().invoke(app, ["message", code_of("inputs.no_crs")])
    assert answer.exit_code == 0
    assert answer.stdout.splitlines()[1:] == [catalogue("zh")["inputs.no_crs"], catalogue("en")["inputs.no_crs"]]
    assert CliRunner().invoke(app, ["message", "SC-0001"]).exit_code == 2


def test_harm_is_stated_of_messages_that_exist() -> None:
    assert set(_harms()) <= set(codes())
    assert set(_harms().values()) == {"wrong", "note"}


# --- the report ----------------------------------------------------------------------------------------------------------


def row(number: int, reason: str = "inputs.reason.no_coordinates", **more: str) -> SetAside:
    return SetAside(
        "a.xlsx", "表", number, f"id{number}", more.get("value", ""), problem(reason), more.get("column", "")
    )


def test_findings_stand_from_the_worst_by_file_and_row() -> None:
    report = Report(
        (problem("inputs.swapped_row", file="a.xlsx [表]", row=7, value="35, 117", column="经度, 纬度"),),
        (problem("inputs.gb18030", file="b.csv"), problem("matching.lost", file="c.csv", count=2, persons="5")),
        (row(12), row(3), row(7, "inputs.reason.swapped")),
    )
    found = [(one.harm, one.file, one.layer, one.row) for one in report.findings]
    assert found == [
        ("stops", "a.xlsx", "表", "7"),
        ("wrong", "c.csv", "", ""),
        ("lost", "a.xlsx", "表", "3"),
        ("lost", "a.xlsx", "表", "12"),
        ("look", "b.csv", "", ""),
    ]  # row 7 stops the run and is not told again as a row that is not used
    assert (report.findings[0].value, report.findings[0].column) == ("35, 117", "经度, 纬度")
    assert counts(report) == {"stops": 1, "wrong": 1, "lost": 2, "look": 1, "note": 0}


def test_a_sentence_inside_a_finding_is_no_value_of_a_cell() -> None:
    report = Report((problem("study.bad_value", file="f", key="k", value=problem("study.rule.missing"), rule=""),), ())
    assert report.findings[0].value == ""


def test_many_findings_of_one_kind_are_folded_and_none_is_lost() -> None:
    study = load_study(SAMPLE / "study.toml")
    report = Report((), (), tuple(row(k) for k in range(2, 40)))
    html = page(report, study)
    assert html.count("没有坐标") == 38
    assert "另有 30 条" in html
    assert len(json.loads(record_bytes(report, study))["findings"]) == 38


def test_text_out_of_a_file_is_inert_on_the_page() -> None:
    study = load_study(SAMPLE / "study.toml")
    evil = "<script>alert(1)</script>"
    html = page(Report((), (problem("inputs.gb18030", file=evil),), (row(2, value=evil),)), study)
    assert evil not in html
    assert html.count("&lt;script&gt;") >= 2
    assert "<script" not in html


def test_a_report_is_not_written_among_the_results_of_a_run(tmp_path: Path) -> None:
    study = load_study(SAMPLE / "study.toml")
    (tmp_path / "run.json").write_text("{}", encoding="utf-8")
    with pytest.raises(StudyError) as caught:
        write_report(Report((), ()), study, tmp_path)
    assert caught.value.problems[0].key == "doctor.results_folder"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.json"]


# --- the sample county ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dirty() -> Report:
    return check(load_study(SAMPLE / "study_dirty.toml"))


def test_the_clean_county_has_no_finding_that_asks_for_anything() -> None:
    found = check(load_study(SAMPLE / "study.toml")).findings
    asking = [one for one in found if one.harm != "note"]
    # what the generator planted in the roads is true of the county, and of no cell of its workbook
    assert {one.problem.key for one in asking} <= {"road_look.facility_alone", "road_look.facility_refused"}
    assert {one.value.split("村")[0] + "村" for one in asking} <= without_road()
    assert len(found) > len(asking)


def without_road() -> set[str]:
    with (SAMPLE / "planted.csv").open(encoding="utf-8-sig", newline="") as file:
        return {name for row in csv.DictReader(file) for name in row.values() if name and name.endswith("村")}


def planted() -> list[dict[str, str]]:
    with (SAMPLE / "faults.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_every_planted_fault_is_found_in_its_row(dirty: Report) -> None:
    def named(fault: dict[str, str]) -> bool:
        return any(
            one.harm != "note"
            and one.file == fault["文件"]
            and one.layer == fault["工作表"]
            and re.search(rf"(?<!\d){fault['行']}(?!\d)", one.row)
            for one in dirty.findings
        )

    missed = [(fault["错误"], fault["行"], fault["值"]) for fault in planted() if not named(fault)]
    # "20" in full width and "1,200" are read right: nothing is wrong with the row any more
    assert [one for one in missed if one[2] not in ("２０", "1,200")] == []


def test_written_findings_are_complete_and_repeat_byte_for_byte(dirty: Report, tmp_path: Path) -> None:
    study = load_study(SAMPLE / "study_dirty.toml")
    for name in ("one", "two"):
        write_report(dirty, study, tmp_path / name)
    for name in (PAGE, RECORDS):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    tree = json.loads((tmp_path / "one" / RECORDS).read_text(encoding="utf-8"))
    assert len(tree["findings"]) == len(dirty.findings) == sum(tree["counts"].values())
    assert all(one["code"].startswith("SC-") and one["sentence"] for one in tree["findings"])
    assert [HARMS.index(one["harm"]) for one in tree["findings"]] == sorted(
        HARMS.index(one["harm"]) for one in tree["findings"]
    )


# --- the catalogue -------------------------------------------------------------------------------------------------------


def test_the_handbook_of_messages_is_up_to_date() -> None:
    assert (ROOT / "docs" / "messages.md").read_text(encoding="utf-8") == handbook()


#: What a sentence may call the place it speaks of, or the thing a person looks for.
PLACES = set(
    "file files folder criterion unit key id code plan url population wanted known study preset kind count rows place units counts one box entry table notice".split()
)
#: Sentences that name their place in plain words: a key of the study or of the command line.
PLAIN = set(
    "standards.none roads.source.none study.rule.compare_raster study.rule.town_parent rerun.study_only".split()
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_says_the_same_of_the_same_place(language: str) -> None:
    other = catalogue("en" if language == "zh" else "zh")
    for key in codes():
        text = catalogue(language)[key]
        assert placeholders(text) == placeholders(other[key]), key
        assert text.strip(), key


def test_a_message_that_asks_for_something_names_the_place_and_ends_with_the_remedy() -> None:
    asking = {key: text for key in codes() if "请" in (text := catalogue("zh")[key])}
    assert len(asking) > 200
    for key, text in asking.items():
        # a reason stands behind the file, row and value of the row that is not used
        if ".reason." not in key and not key.startswith(("study.rule.", "numbers.")):
            assert placeholders(text) & PLACES or key in PLAIN, (key, text)
            assert text.endswith(("。", "？", "}")), (key, text)


def placeholders(text: str) -> set[str]:
    return {name.split(":")[0].split("!")[0] for name in re.findall(r"\{([^{}]+)\}", text)}

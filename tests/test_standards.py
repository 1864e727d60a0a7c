"""The shipped standards: quotes, limits, choice, wording; the vocabulary holds every term of the register."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from servicecircle.errors import StudyError
from servicecircle.standards import vocabulary
from servicecircle.standards.catalogue import find, load_catalogue, read_catalogue, select
from servicecircle.standards.handbook import handbook
from servicecircle.standards.kinds import STANDARD
from servicecircle.standards.model import Covering
from servicecircle.standards.modes import standard_modes
from servicecircle.standards.vocabulary import (
    accepts,
    category_codes,
    facility_types,
    ownership_code,
    ownerships,
    type_by_name,
    type_code,
    type_title,
    unit_code,
    unit_kind,
    unit_level,
)
from servicecircle.standards.wording import clause_text, limit_text, status_mark
from servicecircle.text.text import sentence
from tests.conftest import ROOT, SHARED, missing

MISSION = SHARED.parent / "mission"
SHIPPED = tuple(load_catalogue().values())


def names(standards):
    return [standard.id for standard in standards]


def said(error, language="en"):
    return [sentence(language, problem) for problem in error.value.problems]


def own(**values):
    return STANDARD.validate_python(
        {"id": "own/A", "title": {"zh": "甲", "en": "A"}, "kind": "presence", "types": ["park"]} | values
    )


# --- the shipped records -------------------------------------------------------------------------------------------------


def test_the_printed_number_is_the_limit_in_whole_units():
    """The values around the limits stand in ``test_examples.py``; these are the units they are compared in."""
    limits = {c.key: c.limit for one in SHIPPED for c in one.criteria()}
    assert limits["shanting/S01/walk"] == 15 * 60_000
    assert limits["shanting/S02/road:walk"] == 2_500_000
    assert limits["yanhu/Y23-rooms/presence"] == 18
    assert [one.id for one in SHIPPED if one.criteria() and not isinstance(one, Covering)] == []


#: Circles, radii and presences of the plans that have their examples; the borrowed ones repeat another record.
COVERING = {s.id: s for s in SHIPPED if isinstance(s, Covering) and s.status == "plan" and not s.borrowed}
WRITTEN = {name: s for name, s in COVERING.items() if not name.startswith("dalad/")}


def test_what_only_some_records_say():
    catalogue = load_catalogue()
    covering = [s for s in SHIPPED if isinstance(s, Covering)]
    both_ends = {s.id: s.preferred_km for s in covering if s.preferred_km is not None}
    assert both_ends == {"shanting/S12": 10, "national/ambulance-rural-20km": 10}
    assert {c.preferred for c in catalogue["shanting/S12"].criteria()} == {10_000_000}
    assert [name for name, s in COVERING.items() if s.preferred_only] == ["shanting/S02"]
    travelling = {"shanting/S11", "shanting/S12", "yanhu/Y02-scene"}
    assert {name for name, s in WRITTEN.items() if s.direction == "from_facility"} == travelling
    for name in ("ambulance-urban-5km", "ambulance-rural-20km"):
        assert catalogue[f"national/{name}"].direction == "from_facility"
    owners = {name: s.ownership for name, s in WRITTEN.items() if s.ownership}
    government, collective = ("government",), ("collective",)
    assert owners == {
        "kangbashi/K05-hospital": government,
        "shanting/S07": government,
        "shanting/S25-hospital": government,
        "shanting/S26-institution": government,
        "yanhu/Y04": collective,
    }
    assert (catalogue["shanting/S07"].per, catalogue["shanting/S07"].unit_kinds) == ("township", ("town",))
    assert (catalogue["yanhu/Y04"].per, catalogue["yanhu/Y04"].unit_kinds) == ("village", ("village",))
    assert (catalogue["kangbashi/K06"].per, catalogue["kangbashi/K06"].unit_kinds) == ("township", ("street",))
    assert catalogue["yanhu/Y01"].unit_kinds == ("community",)
    assert (catalogue["kangbashi/K03"].per, catalogue["kangbashi/K03"].unit_kinds) == ("village", ("community",))
    classed = {name: s.area_class for name, s in WRITTEN.items() if s.area_class}
    rural = dict.fromkeys(("shanting/S01", "shanting/S02", "shanting/S09", "shanting/S12"), "rural")
    assert classed == rural | {"shanting/S11": "urban"}


def test_only_one_circle_of_a_plan_prints_a_target():
    circles = [s for s in COVERING.values() if s.kind != "presence" and s.target_share is not None]
    assert [(s.id, s.target_share, s.target_of) for s in circles] == [("yanhu/Y01", 1.0, "units")]
    presences = [s for s in COVERING.values() if s.kind == "presence" and s.target_share is not None]
    assert {(s.target_share, s.target_of) for s in presences} == {(1.0, "units")}


def test_a_borrowed_limit_is_that_of_the_record_it_is_borrowed_from_and_has_no_target():
    borrowed = [s for s in SHIPPED if isinstance(s, Covering) and s.borrowed]
    assert len(borrowed) >= 7
    for standard in borrowed:
        lender = load_catalogue()[standard.borrowed]
        assert not lender.borrowed
        assert (standard.kind, standard.limit_min, standard.limit_km) == (
            lender.kind,
            lender.limit_min,
            lender.limit_km,
        )
        assert standard.target_share is None


def test_every_circle_of_a_plan_is_read_in_more_than_one_mode_and_says_that_no_mode_is_stated():
    circles = [s for s in SHIPPED if s.status == "plan" and s.kind == "circle"]
    assert len([s for s in circles if not s.borrowed]) >= 9
    for standard in circles:
        assert len(standard.measures) > 1 or standard.id == "shanting/S09"
        assert "方式" in standard.note.zh
        assert "mode" in standard.note.en


def test_every_record_says_what_it_reads_into_the_text_and_where_it_stands():
    for standard in SHIPPED:
        plan = standard.id.partition("/")[0]
        assert standard.note.zh
        assert standard.note.en
        if plan == "national":
            assert standard.status in {"national", "national_unverified"}
            assert (standard.plan, standard.line, standard.quote) == ("", None, "")
            assert standard.source
            assert ("凭记忆" in standard.source) == (standard.status == "national_unverified")
        else:
            assert standard.status == "plan"
            assert standard.line
            assert standard.quote


def test_records_of_one_plan_name_one_file():
    files = {
        name: {s.plan for s in SHIPPED if s.id.startswith(f"{name}/")}
        for name in ("dalad", "baotou", "kangbashi", "shanting", "yanhu")
    }
    assert files == {
        "dalad": {"000_a489d3e5873c93ad.txt"},
        "baotou": {"001_c08ac351e3b58ac2.txt"},
        "kangbashi": {"002_2d33021bfff8d9bb.txt"},
        "shanting": {"003_b65a77e5e2dd8824.txt"},
        "yanhu": {"004_9c5659640fe9bc29.txt"},
    }


@pytest.mark.parametrize("standard", [s for s in SHIPPED if s.plan], ids=lambda s: s.id)
def test_the_quote_stands_on_the_stated_line(standard):
    lines = plan_lines(standard.plan)
    assert standard.quote in lines[standard.line - 1]
    printed = {getattr(standard, name, None) for name in PRINTED} - {None}
    if standard.value_line is not None and printed:
        # a table prints the number on a line of its own
        assert 0 < standard.value_line - standard.line < 8
        numbers = [float(one) for one in re.findall(r"\d+\.?\d*", lines[standard.value_line - 1])]
        assert printed & {*numbers, *(one / 100 for one in numbers)}


#: Fields that hold a number of the plan's table.
PRINTED = ("at_least", "at_most", "target_share", "target_count", "share", "baseline", "limit_min", "limit_km")


@pytest.mark.parametrize("standard", [s for s in SHIPPED if s.plan], ids=lambda s: s.id)
def test_the_line_is_the_registers(standard):
    """The line of the name or of the number, or one the register's row mentions because the plan prints two values."""
    plan, lines = register_rows()[standard.row]
    assert plan == standard.plan
    assert {standard.line, standard.value_line} & lines


def test_every_row_of_the_register_has_its_records():
    rows = register_rows()
    assert len(rows) == 214
    written = {standard.row for standard in SHIPPED if standard.plan}
    # a plan counts as soon as its examples are written down
    begun = {ROW[path.stem] for path in (ROOT / "tests" / "examples").glob("*.toml") if path.stem in ROW}
    assert {"B", "K", "S", "Y"} <= begun
    assert sorted(row for row in rows if row not in written and row[0] in begun) == []
    assert written <= set(rows)


#: The register's letter of each plan.
ROW = {"dalad": "D", "baotou": "B", "kangbashi": "K", "shanting": "S", "yanhu": "Y"}


def plan_lines(name):
    path = MISSION / "plans" / name
    if not path.is_file():
        missing(f"the plan {path} is absent")
    return path.read_text(encoding="utf-8").split("\n")


def register():
    path = MISSION / "standards-register.md"
    if not path.is_file():
        missing(f"the register {path} is absent")
    return path.read_text(encoding="utf-8")


@cache
def register_rows():
    """Return plan and lines of every row; the register prints ``196-197`` where a table needs two lines."""
    table = [line for line in register().splitlines() if re.match(r"\| [DBKSY]\d\d \|", line)]
    rows = {}
    for line in table:
        _, name, plan, lines, *others = (cell.strip() for cell in line.split("|"))
        mentioned = {int(number) for number in re.findall(r"\bline (\d+)", " ".join(others))}
        rows[name] = (plan, line_numbers(lines) | mentioned)
    assert len(rows) == len(table)
    return rows


def line_numbers(text):
    ends = (part.split("-") for part in text.replace(" ", "").split(","))
    return {line for part in ends for line in range(int(part[0]), int(part[-1]) + 1)}


# --- reading records -----------------------------------------------------------------------------------------------------

RECORD = """
[[standard]]
id = "{id}"
title = {{ zh = "甲", en = "A" }}
kind = "circle"
types = ["{type}"]
measures = ["{measure}"]
limit_min = 10
"""


def test_all_faults_of_all_files_come_at_once(tmp_path):
    good = RECORD.format(id="one/A", type="park", measure="walk")
    (tmp_path / "one.toml").write_text(
        good + good + RECORD.format(id="one/B", type="prak", measure="wlak"), encoding="utf-8"
    )
    foreign = RECORD.format(id="one/C", type="park", measure="walk").replace("limit_min", "limit_mni")
    (tmp_path / "two.toml").write_text('[[standards]]\nid = "x"\n' + foreign, encoding="utf-8")
    (tmp_path / "three.toml").write_text("id = ", encoding="utf-8")
    (tmp_path / "four.toml").write_bytes("# 规划".encode("gbk"))
    (tmp_path / "notes.txt").write_text("not read", encoding="utf-8")
    with pytest.raises(StudyError) as error:
        read_catalogue(tmp_path)
    keys = sorted((p.key, p.values.get("file", p.values.get("id"))) for p in error.value.problems)
    assert keys == [
        ("standards.broken", "two.toml"),
        ("standards.duplicate_id", "one/A"),
        ("standards.foreign_id", "two.toml"),
        ("standards.foreign_table", "two.toml"),
        ("standards.not_toml", "four.toml"),
        ("standards.not_toml", "three.toml"),
        ("standards.unknown_mode", "one/B"),
        ("standards.unknown_type", "one/B"),
    ]
    text = " ".join(said(error))
    assert "prak in types is not in the vocabulary; the nearest is park" in text
    assert "wlak in measures does not suit this kind of standard; the nearest is walk" in text
    assert "limit_mni" in text
    assert all(re.search("[一-鿿]", line) for line in said(error, "zh"))


def test_a_table_in_the_place_of_records_is_refused(tmp_path):
    (tmp_path / "one.toml").write_text('[standard]\nid = "one/A"\n', encoding="utf-8")
    with pytest.raises(StudyError, match="foreign_table"):
        read_catalogue(tmp_path)


def test_the_catalogue_cannot_be_changed_by_a_caller():
    with pytest.raises(TypeError):
        load_catalogue()["own/A"] = own()


# --- choosing ------------------------------------------------------------------------------------------------------------


def test_a_plan_a_group_and_an_id_in_the_order_of_use():
    chosen = names(select(["yanhu/Y04", "national/ambulance", "shanting", "shanting/S01"], []))
    whole = sorted(name for name in load_catalogue() if name.startswith("shanting/"))
    assert chosen == ["yanhu/Y04", "national/ambulance-rural-20km", "national/ambulance-urban-5km", *whole]
    assert chosen.count("shanting/S01") == 1


def test_the_parts_of_one_row_are_a_group_but_a_cut_id_is_not():
    assert names(select(["kangbashi/K05"], [])) == ["kangbashi/K05-cdc", "kangbashi/K05-hospital", "kangbashi/K05-mch"]
    with pytest.raises(StudyError) as error:
        select(["shanting/S1"], [])
    assert said(error)[0].startswith("standards.use: the catalogue has no shanting/S1; the nearest is shanting/S01.")


def test_every_unknown_entry_is_named_with_the_nearest_known_one():
    with pytest.raises(StudyError) as error:
        select(["shantin", "national/ambulanc", "shanting/S0l", "shanting/S02"], [])
    assert [(p.values["entry"], p.values["nearest"]) for p in error.value.problems] == [
        ("shantin", "shanting"),
        ("national/ambulanc", "national/ambulance"),
        ("shanting/S0l", "shanting/S01"),
    ]


def test_the_studys_own_record_replaces_the_shipped_one_in_its_place():
    mine = own(id="shanting/S02", types=["village_clinic"])
    chosen = select(["shanting/S01", "shanting/S02", "shanting/S07"], [mine])
    assert names(chosen) == ["shanting/S01", "shanting/S02", "shanting/S07"]
    assert chosen[1] is mine
    assert load_catalogue()["shanting/S02"].kind == "radius"


def test_own_records_are_judged_without_being_named_and_can_be_named():
    first, second = own(id="own/B"), own(id="own/A")
    assert names(select(["yanhu/Y04"], [first, second])) == ["yanhu/Y04", "own/B", "own/A"]
    assert names(select(["own/A", "yanhu/Y04"], [first, second])) == ["own/A", "yanhu/Y04", "own/B"]
    assert names(select(["own"], [first, second])) == ["own/A", "own/B"]


def test_faults_of_own_records_and_of_use_come_at_once():
    records = [
        own(types=["villge_clinic"], ownership=["goverment"]),
        own(),
        own(id="own/B", kind="radius", limit_km=5, preferred_km=5, measures=["road:walk", "walk", "road:walk"]),
        own(id="own/C", kind="circle", limit_min=5, measures=["straight"]),
    ]
    with pytest.raises(StudyError) as error:
        select(["nowhere"], records)
    found = [
        (p.key.removeprefix("standards."), p.values.get("value"), p.values.get("nearest")) for p in error.value.problems
    ]
    assert found[:-2] == [
        ("duplicate_id", None, None),
        ("unknown_type", "villge_clinic", "village_clinic"),
        ("unknown_ownership", "goverment", "government"),
        ("unknown_mode", "walk", "road:walk"),
        ("repeated_measure", "road:walk", None),
        ("bad_band", None, None),
    ]
    assert [key for key, _, _ in found[-2:]] == ["unknown_mode", "unknown"]
    assert found[-2][1] == "straight"
    assert found[-2][2] in standard_modes()
    assert error.value.exit_code == 1


def test_nothing_to_judge_is_refused_and_the_plans_are_named():
    with pytest.raises(StudyError) as error:
        select([], [])
    assert "baotou, dalad, kangbashi, national, shanting, yanhu" in said(error)[0]


def test_a_criterion_is_found_by_id_or_by_id_and_measure():
    criteria = [criterion for standard in select(["shanting"], []) for criterion in standard.criteria()]
    assert find(criteria, "shanting/S01").key == "shanting/S01/walk"
    assert find(criteria, "shanting/S01/ebike").key == "shanting/S01/ebike"
    assert find(criteria, "shanting/S11/road:drive").limit == 5_000_000
    with pytest.raises(StudyError) as error:
        find(criteria, "shanting/S01/drive_car")
    assert "no criterion named shanting/S01/drive_car; the nearest is shanting/S0" in said(error)[0]
    with pytest.raises(StudyError):
        find(criteria, "yanhu/Y04")
    with pytest.raises(StudyError):
        find([], "yanhu/Y04")


# --- wording -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "zh", "en"),
    [
        ("shanting/S01/walk", "15 分钟步行", "within 15 min on foot"),
        ("yanhu/Y02-scene/ambulance", "30 分钟救护车", "within 30 min by ambulance"),
        ("shanting/S11/straight", "直线 5 公里", "within 5 km in a straight line"),
        ("shanting/S12/road:drive", "道路 10-20 公里（驾车）", "within 10-20 km by road (by car)"),
        ("shanting/S02/straight", "直线 2.5 公里为宜", "preferably within 2.5 km in a straight line"),
        ("shanting/S02/road:walk", "道路 2.5 公里为宜（步行）", "preferably within 2.5 km by road (on foot)"),
        ("national/chs-300m/straight", "直线 0.3 公里", "within 0.3 km in a straight line"),
        ("yanhu/Y04/presence", "每村至少 1 个", "at least 1 in every village"),
        ("kangbashi/K03/presence", "每个社区至少 1 个", "at least 1 in every community"),
        ("kangbashi/K06/presence", "每个街道至少 1 个", "at least 1 in every street"),
        ("shanting/S07/presence", "每个乡镇至少 1 个", "at least 1 in every town"),
        ("dalad/D02-village/presence", "每个村（社区）至少 1 个", "at least 1 in every village or community"),
        ("dalad/D02-township/presence", "每个乡镇（街道）至少 1 个", "at least 1 in every town or street"),
        ("kangbashi/K05-cdc/presence", "全县（区、旗）至少 1 个", "at least 1 in the county"),
    ],
)
def test_limits_in_words(key, zh, en):
    criterion = find((c for s in SHIPPED for c in s.criteria()), key)
    assert criterion.key == key
    assert (limit_text(criterion, "zh"), limit_text(criterion, "en")) == (zh, en)


def test_every_level_and_kind_of_a_presence_has_words():
    for per in ("village", "township", "county"):
        for kinds in (
            (),
            ("village",),
            ("community",),
            ("town",),
            ("street",),
            ("village", "community"),
            ("town", "street"),
        ):
            criterion = own(per=per, unit_kinds=kinds, at_least=2).criteria()[0]
            for language in ("zh", "en"):
                assert "2" in limit_text(criterion, language)


def test_a_clause_names_file_line_and_quote():
    clause = clause_text(load_catalogue()["yanhu/Y04"], "zh")
    assert (
        clause == "盐湖区“十四五”卫生健康规划（004_9c5659640fe9bc29.txt） 第 210 行：“每村至少有一所集体产权的村卫生室”"
    )
    assert (
        clause_text(load_catalogue()["shanting/S12"], "en")
        == "Shanting District health plan 2021-2025 (003_b65a77e5e2dd8824.txt), line 248: “乡村服务半径10-20公里”"
    )


def test_a_clause_carries_its_status():
    catalogue = load_catalogue()
    assert clause_text(catalogue["national/chs-300m"], "zh") == "GB 50180-2018 配套设施表（凭记忆）（国家标准，未核实）"
    assert clause_text(catalogue["national/ambulance-urban-5km"], "zh").endswith("（新闻摘要，2020-09-25）（国家标准）")
    assert clause_text(catalogue["national/chs-300m"], "en").endswith(" (national standard, not verified)")
    assert clause_text(own(source="会议纪要"), "zh") == "会议纪要（本研究自定）"
    assert clause_text(own(), "en").strip() == "(the study's own)"
    assert status_mark(catalogue["shanting/S01"], "zh") == ""


def test_the_page_of_standards_is_the_generated_one():
    page = handbook()
    for standard in SHIPPED:
        assert f"| `{standard.id}` |" in page
    assert (ROOT / "docs" / "standards.md").read_text(encoding="utf-8") == page


def test_standards_load_no_heavy_library():
    code = (
        "import sys, servicecircle.standards.handbook as h; h.handbook();"
        "print([m for m in ('pandas', 'geopandas', 'numpy', 'shapely', 'rasterio', 'osmium', 'scipy', 'folium') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- vocabulary ----------------------------------------------------------------------------------------------------------

#: Every term of the register's table of facility types, with its code, by hand.
TYPES = {
    "general_hospital": "综合医院 三级综合医院 二级综合医院 三级甲等综合医院 三级乙等综合医院",
    "tcm_hospital": "中医院 中医医院 蒙中医院 中（蒙）医院",
    "specialist_hospital": "专科医院",
    "rehabilitation_hospital": "康复医院",
    "mental_hospital": "精神医院",
    "cancer_hospital": "肿瘤医院",
    "maternity_hospital": "妇产医院",
    "children_hospital": "儿童医院",
    "chronic_disease_hospital": "慢性病医院",
    "mch_hospital": "妇幼保健院",
    "mch_centre": "妇幼保健所 妇幼保健计划生育服务中心",
    "cdc": "疾病预防控制中心 疾控中心",
    "supervision": "卫生监督所 综合执法局",
    "supervision_station": "卫生健康监督协管站",
    "township_health_centre": "卫生院 政府办卫生院 苏木镇卫生院",
    "central_township_health_centre": "中心卫生院",
    "community_health_centre": "社区卫生服务中心",
    "community_health_station": "社区卫生服务站",
    "community_hospital": "社区医院",
    "village_clinic": "村卫生室",
    "village_clinic_centre": "中心村卫生室",
    "village_clinic_general": "一般村卫生室",
    "village_clinic_service_point": "服务点 村卫生室服务点",
    "outpatient_department": "门诊部",
    "clinic": "诊所",
    "infirmary": "医务室",
    "school_health_room": "校医室",
    "emergency_centre": "急救中心",
    "emergency_subcentre": "急救分中心",
    "emergency_point": "急救点",
    "emergency_substation": "急救分站",
    "ambulance": "救护车",
    "negative_pressure_ambulance": "负压救护车",
    "county_medical_subcentre": "县域医疗服务次中心",
    "regional_medical_centre": "区域医疗中心",
    "fever_clinic": "发热门诊",
    "fever_sentinel_room": "发热哨点诊室",
    "fever_room": "发热诊室",
    "enteric_clinic": "肠道门诊",
    "hepatitis_clinic": "肝炎门诊",
    "vaccination_clinic": "预防接种门诊 接种门诊",
    "tcm_hall": "中医馆 国医堂",
    "tcm_zone": "中医药服务区",
    "tcm_pharmacy": "中药房",
    "childcare_institution": "托育机构",
    "community_childcare_centre": "社区托育中心",
    "nursery": "托育园",
    "childcare_place": "托位",
    "elderly_institution": "养老机构",
    "nursing_home": "护理院",
    "day_care_centre": "日间照料中心",
    "day_home": "托老所",
    "elders_home": "老年之家",
    "mutual_aid_courtyard": "幸福院",
    "embedded_elderly_home": "嵌入式养老机构",
    "hospice": "安宁疗护",
    "rehabilitation": "康复",
    "continuing_care": "接续性医疗机构",
    "medical_elderly_integration": "医养结合",
    "two_houses_in_one": "两院一体",
    "two_rooms_in_one": "两室合一",
    "mother_baby_room": "母婴室 妈咪小屋",
    "sports_park": "体育公园",
    "fitness_centre": "社区小型健身中心",
    "pool": "游泳馆",
    "greenway": "绿道",
    "health_path": "健康步道",
    "health_theme_park": "健康主题公园",
    "fitness_venue": "健身场所 全民健身活动场所",
    "activity_ground": "活动场地",
    "public_sports_facility": "公共体育设施 公共体育场地",
    "school_ground": "学校体育场地",
    "blood_collection_point": "采血点",
    "plasma_station": "单采血浆站",
    "counselling_room": "心理咨询室",
    "psychology_clinic": "心理门诊",
}

#: The register's short forms, written out.
WRITTEN_OUT = {
    "三级": "三级综合医院",
    "二级": "二级综合医院",
    "甲等": "三级甲等综合医院",
    "乙等": "三级乙等综合医院",
    "场地": "公共体育场地",
}
WRITTEN_OUT |= {kind: f"{kind}医院" for kind in ("精神", "肿瘤", "妇产", "儿童", "慢性病")}

#: The register's suggested hierarchy: group, and codes that belong below it.
HIERARCHY = {
    "hospital": "general_hospital tcm_hospital specialist_hospital mch_hospital",
    "primary_care": "township_health_centre community_health_centre community_health_station village_clinic village_clinic_centre"
    " village_clinic_general village_clinic_service_point private_clinic infirmary",
    "emergency": "emergency_centre emergency_subcentre emergency_point emergency_substation",
    "public_health": "cdc supervision mch_centre monitoring_point blood_point",
    "hosted_service": "fever_clinic fever_sentinel_room vaccination_clinic tcm_hall psychology_clinic",
    "continuing_care": "rehabilitation nursing_home hospice geriatric",
    "childcare": "childcare_institution",
    "elderly_care": "day_care_centre elderly_home mutual_aid_courtyard",
    "fitness": "sports_park fitness_centre pool pitch fitness_equipment park greenway health_path school_ground",
    "role": "county_medical_subcentre regional_medical_centre",
}

#: Every term of the register's table of administrative units, with level and code, by hand.
UNITS = {
    "旗": ("county", "banner"),
    "区": ("county", "district"),
    "区县": ("county", "district"),
    "高新区": ("zone", "high_tech_zone"),
    "开发区": ("zone", "development_zone"),
    "苏木": ("township", "sumu"),
    "苏木镇": ("township", "sumu_and_town"),
    "苏木乡镇": ("township", "sumu_and_town"),
    "镇": ("township", "town"),
    "乡镇": ("township", "township"),
    "街道": ("township", "street"),
    "街道办事处": ("township", "street"),
    "嘎查": ("village", "gacha"),
    "嘎查村": ("village", "gacha"),
    "行政村": ("village", "administrative_village"),
    "村（居）": ("village", "village_or_residents"),
    "村居": ("village", "village_or_residents"),
    "社区": ("village", "community"),
    "村委会": ("village", "village_committee"),
    "小区": ("settlement", "estate"),
    "产业园区": ("settlement", "industrial_park"),
    "建城区": ("area", "built_up_zone"),
    "滨河区": ("area", "riverside_zone"),
    "贫困村": ("village_attribute", "poor_village"),
    "空白村": ("village_attribute", "blank_village"),
    "聚集发展类": ("village_class", "clustered_growth_village"),
    "城郊融合类村庄": ("village_class", "suburban_merge_village"),
    "中心城区": ("area_class", "urban"),
    "城区": ("area_class", "urban"),
    "主城区": ("area_class", "urban"),
    "乡村": ("area_class", "rural"),
    "农村牧区": ("area_class", "rural"),
    "毗邻地区": ("outside", "neighbouring_area"),
    "自然村": ("settlement", "natural_village"),
}


def register_terms(section):
    """Return the terms of the first column of a table of the register."""
    table = register().split(f"### {section} ")[1].split("\n### ")[0]
    cells = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")][2:]
    assert len(cells) >= 20
    # Only an ASCII bracket after a blank opens a list of subtypes; "中（蒙）医院" is one word.
    return {term.strip() for cell in cells for term in re.split(r"\s/\s|[,;()]", cell) if term.strip()}


@pytest.mark.parametrize(("code", "words"), TYPES.items(), ids=TYPES)
def test_terms_for_facilities(code, words):
    for word in words.split():
        assert type_code(word) == code


def test_every_term_of_the_registers_facility_table_has_a_code():
    terms = register_terms("3.2")
    assert len(terms) > 85
    known = {word for words in TYPES.values() for word in words.split()}
    assert {WRITTEN_OUT.get(term, term) for term in terms} <= known


@pytest.mark.parametrize(
    ("section", "lookup", "other", "least"), [("3.1", unit_code, type_code, 34), ("3.2", type_code, unit_code, 85)]
)
def test_every_term_of_the_register_as_it_stands_is_one_code(section, lookup, other, least):
    terms = sorted(register_terms(section))
    assert len(terms) >= least
    assert [term for term in terms if lookup(term) is None] == []
    # One code: no word stands twice in a list (test_one_word_means_one_code), and none is in the other list as well.
    assert [term for term in terms if other(term) is not None] == []


@pytest.mark.parametrize(("word", "expected"), UNITS.items(), ids=UNITS)
def test_terms_for_units(word, expected):
    assert (unit_level(word), unit_code(word)) == expected


def test_every_term_of_the_registers_unit_table_has_a_level():
    terms = register_terms("3.1")
    assert len(terms) > 30
    assert terms == set(UNITS)


@pytest.mark.parametrize(("group", "codes"), HIERARCHY.items(), ids=HIERARCHY)
def test_the_hierarchy_of_the_register(group, codes):
    assert set(codes.split()) < accepts([group])


def test_accepting_goes_down_and_never_up_or_sideways():
    assert accepts(["village_clinic"]) == {
        "village_clinic",
        "village_clinic_centre",
        "village_clinic_general",
        "village_clinic_service_point",
    }
    assert accepts(["tcm_hospital"]) == {"tcm_hospital"}
    assert "hospital" not in accepts(["general_hospital"])
    assert "rehabilitation_hospital" in accepts(["hospital"])
    assert not accepts(["hospital"]) & accepts(["primary_care"])
    assert accepts(["fitness"]) - accepts(["fitness_venue"]) == {"fitness", "school_ground"}
    assert accepts(["park", "pool"]) == accepts(["park"]) | accepts(["pool"])
    assert accepts([]) == frozenset()


def test_one_ending_means_one_code_and_leads_from_types_that_exist():
    terms = facility_types()
    endings = [vocabulary.fold(ending) for term in terms.values() for ending in term.endings]
    assert len(endings) == len(set(endings)) > 60
    assert {code for term in terms.values() for code in term.name_from} <= set(terms)
    assert [code for code, term in terms.items() if term.name_from and not term.endings] == []


@pytest.mark.parametrize("section", ["type", "ownership", "unit", "asset"])
def test_one_word_means_one_code(section):
    meanings = defaultdict(set)
    for code, term in vocabulary._section(section).items():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", code)
        assert term.zh
        assert term.en
        for word in term.spellings():
            meanings[word].add(code)
    assert {word: codes for word, codes in meanings.items() if len(codes) > 1} == {}


def test_every_parent_exists_and_no_code_is_its_own_ancestor():
    terms = facility_types()
    for code in terms:
        line, above = [code], terms[code].parent
        while above is not None:
            assert above in terms
            assert above not in line
            line.append(above)
            above = terms[above].parent


def test_every_code_and_title_maps_to_itself():
    for lookup, section in (
        (type_code, facility_types()),
        (ownership_code, ownerships()),
        (unit_code, vocabulary.unit_terms()),
    ):
        for code, term in section.items():
            assert {lookup(code), lookup(term.zh), lookup(term.en)} == {code}


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("amenity=hospital", "hospital"),
        ("healthcare=hospital", "hospital"),
        ("hospital", "hospital"),
        ("clinic", "clinic"),
        ("doctors", "doctors"),
        ("healthcare=doctor", "doctors"),
        ("pharmacy", "pharmacy"),
        ("healthcare=centre", "primary_care"),
        ("emergency=ambulance_station", "emergency_point"),
        ("leisure=pitch", "pitch"),
        ("leisure=park", "park"),
    ],
)
def test_openstreetmap_values(tag, code):
    assert type_code(tag) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("  村卫生室\n", "village_clinic"),
        ("　村卫生室　", "village_clinic"),
        ("中(蒙)医院", "tcm_hospital"),
        ("ＣＤＣ", "cdc"),
        ("Community Health Centre", "community_health_centre"),
        ("HOSPITAL", "hospital"),
        ("医疗保健服务;综合医院;卫生院", "primary_care"),
        ("医疗保健服务；诊所；诊所", "clinic"),
        ("医疗保健服务;综合医院;三级甲等医院", "general_hospital"),
        ("医疗保健服务;专科医院;口腔医院", "dentist"),
        ("医疗保健服务;专科医院;整形美容", "cosmetic_clinic"),
        ("医疗保健服务;急救中心;急救中心", "emergency"),
    ],
)
def test_blanks_width_and_case_do_not_matter(text, code):
    assert type_code(text) == code


@pytest.mark.parametrize(
    "text", ["", " ", "卫生", "张庄村卫生室", "医院门诊", "hospitals", "yes", "宠物诊所", "=", "村 卫生室"]
)
def test_nothing_is_guessed(text):
    assert type_code(text) is None
    assert ownership_code(text) is None
    assert unit_level(text) is None
    assert unit_kind(text) is None


@pytest.mark.parametrize(
    ("name", "categories", "code"),
    [
        ("例街卫生院", "综合医院;卫生院", "township_health_centre"),
        ("例镇中心卫生院", "综合医院;卫生院", "central_township_health_centre"),
        ("例社区卫生服务站", "综合医院;卫生院", "community_health_station"),
        ("例社区卫生服务站(南门店)", "诊所;诊所", "community_health_station"),
        ("例村卫生室", "诊所;诊所", "village_clinic"),
        ("例学校卫生室", "诊所;诊所", "school_health_room"),
        ("例甲中医诊所", "诊所;诊所", "clinic"),
        ("例甲中医诊所", "专科医院;专科医院|诊所;诊所", "clinic"),
        ("例甲中医馆", "诊所;诊所", None),
        ("例口腔", "诊所;诊所", "dentist"),
        ("例口腔医院", "专科医院;口腔医院", "specialist_hospital"),
        ("例市急救中心某路急救站", "急救中心;急救中心", "emergency_point"),
        # a part of an institution is the institution, unless it is a service plans know by itself
        ("例市儿童医院内科楼", "综合医院;三级甲等医院", "children_hospital"),
        ("例市手外科医院", "综合医院;综合医院", "specialist_hospital"),
        ("例街卫生院和平分院", "综合医院;卫生院", "township_health_centre"),
        ("例街卫生院-预防接种门诊", "综合医院;卫生院", "vaccination_clinic"),
        # the remark is read where the name before it says nothing
        ("例学院(学校医务室)", "诊所;诊所", "school_health_room"),
        ("例市医院(甲园门诊部)", "诊所;诊所", "outpatient_department"),
        # never outside what the category may mean
        ("例市第一医院门诊部", "综合医院;综合医院", None),
        ("例市第一医院口腔科", "综合医院;综合医院", None),
        ("例市医院", "诊所;诊所", None),
        ("例村卫生室药房", "医药保健销售店;药房", None),
        # a word that is no category of a map service says what it says
        ("例村卫生室", "诊所", None),
        ("例村卫生室", "宠物;宠物诊所;宠物诊所", None),
        ("", "诊所;诊所", None),
    ],
)
def test_a_name_says_more_than_a_category(name, categories, code):
    text = "|".join(f"医疗保健服务;{part}" if ";" in part else part for part in categories.split("|"))
    assert type_by_name(name, category_codes(text)) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("公立", "government"),
        ("政府办", "government"),
        ("国有", "government"),
        ("public", "government"),
        ("集体", "collective"),
        ("集体产权", "collective"),
        ("村集体", "collective"),
        ("民营", "private"),
        ("个体", "private"),
        ("私立", "private"),
        ("Private", "private"),
        ("民办非企业", "non_profit"),
    ],
)
def test_words_for_owners(text, code):
    assert ownership_code(text) == code


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("嘎查", "village"),
        ("行政村", "village"),
        ("社区", "community"),
        ("苏木", "town"),
        ("镇", "town"),
        ("街道", "street"),
        ("旗", None),
    ],
)
def test_kinds_of_unit(text, kind):
    assert unit_kind(text) == kind


def test_titles_in_both_languages():
    assert type_title("village_clinic", "zh") == "村卫生室"
    assert type_title("village_clinic", "en") == "village clinic"
    assert type_title("a_code_of_the_study", "zh") == "a_code_of_the_study"


def test_a_real_table_of_a_map_service_is_understood(shared_data):
    path: Path = shared_data / "cn_wuhan_hospitals" / "hospital.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        categories = [row["TYPE"] for row in csv.DictReader(file)]
    assert len(categories) == 7487
    single = [category for category in categories if "|" not in category]
    assert len(single) > 7000
    assert {category for category in single if type_code(category) is None} == set()
    # Several categories at once are no one type: left to the study.
    assert {type_code(category) for category in categories if "|" in category} == {None}

"""Staff, beds, vehicles and reported values: joined by id or name, unknown is no row, nothing vanishes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from servicecircle.errors import StudyError
from servicecircle.inputs import assets as assets_module
from servicecircle.inputs.assets import AssetReading, read_assets
from servicecircle.inputs.facilities import read_facilities
from servicecircle.inputs.joining import join_facilities, join_units
from servicecircle.inputs.matching import Names
from servicecircle.inputs.tables import ASSETS, check_frame
from servicecircle.outputs.credits import credit_lines
from servicecircle.outputs.publish import publish
from servicecircle.standards.vocabulary import asset_code, assets, is_attribute
from servicecircle.study import Study, study_from
from servicecircle.text.text import LANGUAGES, catalogue, sentence
from tests.small_study import Facility, SmallStudy, Unit, circle

FACILITIES = """编码,名称,类别,经度,纬度
001,山亭镇卫生院,乡镇卫生院,117.46,35.08
002,东村卫生室,村卫生室,117.48,35.10
003,西村卫生室,村卫生室,117.50,35.12
004,西村卫生室,村卫生室,117.51,35.13
"""
UNITS = gpd.GeoDataFrame(
    {"id": ["u1", "u2", "u3"], "name": ["东村", "西村", "西村"], "parent": ["山亭镇", "山亭镇", "城头镇"]},
    geometry=[shapely.Point(117, 35)] * 3,
    crs=4326,
)


def make_study(folder: Path, *entries: Mapping[str, Any], units: bool = True, **facility: Any) -> Study:
    (folder / "机构.csv").write_text(facility.pop("text", FACILITIES), encoding="utf-8")
    tree: dict[str, Any] = {
        "study": {"name": "t"},
        "population": {"raster": "people.tif"},
        "roads": {"osm": "roads.osm.pbf"},
        "facilities": [{"path": "机构.csv", "crs": "WGS84"} | facility],
        "assets": [dict(entry) for entry in entries],
        "standards": {},
    }
    return study_from(tree | ({"area": {"points": {"path": "villages.csv"}}} if units else {}), folder / "study.toml")


def read(study: Study, units: pd.DataFrame | None = UNITS) -> AssetReading:
    facilities = read_facilities(study)
    reading = read_assets(study, facilities.frame, facilities.assets, units)
    check_frame(reading.frame, ASSETS)
    for one in (*reading.notices, *(row.reason for row in reading.set_aside)):
        assert all(sentence(language, one) for language in LANGUAGES)
    return reading


def values(reading: AssetReading) -> dict[tuple[str, str], float]:
    return {(row.target_id, row.asset): row.value for row in reading.frame.itertuples(index=False)}


def refused(study: Study, units: pd.DataFrame | None = UNITS) -> dict[str, list[dict[str, Any]]]:
    with pytest.raises(StudyError) as caught:
        read(study, units)
    found: dict[str, list[dict[str, Any]]] = {}
    for one in caught.value.problems:
        assert all(sentence(language, one) for language in LANGUAGES)
        found.setdefault(one.key, []).append(dict(one.values))
    return found


def write(folder: Path, text: str, name: str = "人员.csv") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return name


def entry(path: str, of: str = "facility", **more: Any) -> dict[str, Any]:
    return {"path": path, "of": of} | more


def reasons(reading: AssetReading) -> list[tuple[int, str, str]]:
    return [(one.row, one.value, one.reason.key.removeprefix("assets.reason.")) for one in reading.set_aside]


# -- columns for assets


def test_columns_for_assets_joined_by_id_and_by_name(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "机构编码,机构名称,执业医师,床位数\n"
        '001,,12,"1,050"\n'  # bare id, thousands
        "机构:002,,３,0\n"  # full id, full width, 0 is a number
        ",东村卫生室的,4,1\n"
        ",西村卫生室,1,1\n"
        "999,山亭镇卫生院,,\n"
        ",,5,5\n",
    )
    reading = read(make_study(tmp_path, entry(path, year=2024, columns={"doctors": "执业医师", "床位": "床位数"})))
    assert values(reading) == {
        ("机构:001", "doctors"): 12.0,
        ("机构:001", "beds"): 1050.0,
        ("机构:002", "doctors"): 3.0,
        ("机构:002", "beds"): 0.0,
    }
    assert set(reading.frame["year"]) == {"2024"}
    assert reasons(reading) == [
        (4, "东村卫生室的", "unmatched"),
        (5, "西村卫生室", "several"),
        (7, "", "no_key"),
    ]
    assert "东村卫生室" in str(dict(reading.set_aside[0].reason.values)["nearest"])
    assert dict(reading.set_aside[1].reason.values)["ids"] == "机构:003, 机构:004"


def test_an_unknown_value_is_no_row_and_is_counted(tmp_path: Path) -> None:
    path = write(tmp_path, "id,床位\n001,20\n002,\n003,约5\n")
    reading = read(make_study(tmp_path, entry(path, columns={"beds": "床位"})))
    assert values(reading) == {("机构:001", "beds"): 20.0}
    assert reasons(reading) == [(4, "约5", "numbers.in_column")]
    assert reading.record["totals"] == [
        {"of": "facility", "asset": "beds", "year": "", "total": 20.0, "with_value": 1, "without_value": 3}
    ]
    (notice,) = reading.notices
    assert sentence("zh", notice) == "设施：床位合计 20 张；1 个有数值，3 个没有（记为未知，不是 0）。"
    assert sentence("en", notice) == "Facilities: beds 20 beds in total; 1 have a value, 3 have none (unknown, not 0)."


def test_units_by_id_and_by_name_within_the_town(tmp_path: Path) -> None:
    path = write(tmp_path, "编码,村名,乡镇,托位\nu1,,,5\n,西村,城头镇,7\n,西村,,9\n,西村,无名镇,9\n,西寸,山亭镇,1\n")
    reading = read(make_study(tmp_path, entry(path, "unit", columns={"childcare_places": "托位"})))
    assert values(reading) == {("u1", "childcare_places"): 5.0, ("u3", "childcare_places"): 7.0}
    assert [(row, key) for row, _, key in reasons(reading)] == [
        (4, "matching.ambiguous"),
        (5, "matching.no_town"),
        (6, "matching.unmatched"),
    ]
    assert reading.record["totals"][0]["without_value"] == 1


def test_units_are_found_as_village_tables_find_them(tmp_path: Path) -> None:
    """Endings, width and blanks do not matter; a unit may have many rows, by code and by name."""
    path = write(
        tmp_path,
        "编码,行政村,镇街,指标,数值,年份\n"
        ",东村村委会,山亭镇,托位,5,2023\n"
        ",东村村民委员会,山亭,托位,6,2024\n"
        "u1,东村,,床位,1,2024\n"
        "u1,,,手机,2,2024\n"
        ",西 村,城头镇人民政府,托位,7,2024\n"
        "u2,东村,山亭镇,托位,9,2024\n"
        "u3,西庄,城头镇,床位,3,2024\n"
        ",合计,,托位,27,2024\n"
        ",西社区,山亭镇,托位,8,2024\n",
    )
    reading = read(make_study(tmp_path, entry(path, "unit", asset="指标", value="数值")))
    rows = [(r.target_id, r.asset, r.year, r.value) for r in reading.frame.itertuples(index=False)]
    assert rows == [
        ("u1", "beds", "2024", 1.0),
        ("u1", "childcare_places", "2023", 5.0),
        ("u1", "childcare_places", "2024", 6.0),
        ("u3", "beds", "2024", 3.0),
        ("u3", "childcare_places", "2024", 7.0),
    ]
    # 手机 is no word of the vocabulary; a code and a name that contradict one another are nobody's
    assert sorted((row, key) for row, _, key in reasons(reading)) == [
        (5, "word"),
        (7, "matching.code_and_name"),
        (9, "matching.total"),
        (10, "matching.unmatched"),
    ]
    told = {one.key: sentence("en", one) for one in reading.notices}
    assert "城头镇西庄 / 西村" in told["matching.other_name"]


def test_a_unit_of_another_kind_is_joined_and_told(tmp_path: Path) -> None:
    units = UNITS.assign(name=["东村", "西平村", "西村"])
    path = write(tmp_path, "村名,乡镇,托位\n西平社区,山亭镇,8\n")
    spec = entry(path, "unit", columns={"childcare_places": "托位"})
    reading = read(make_study(tmp_path, spec), units)
    assert values(reading) == {("u2", "childcare_places"): 8.0}
    assert "山亭镇西平社区 / 西平村" in sentence("zh", reading.notices[0])
    # in a table that has both, the community is not the village
    write(tmp_path, "村名,乡镇,托位\n西平社区,山亭镇,8\n西平村委会,山亭镇,3\n")
    reading = read(make_study(tmp_path, spec), units)
    assert values(reading) == {("u2", "childcare_places"): 3.0}
    assert reasons(reading) == [(2, "西平社区", "matching.taken")]
    # a row that where leaves out claims nothing
    spec["where"] = {"托位": "> 5"}
    assert values(read(make_study(tmp_path, spec), units)) == {("u2", "childcare_places"): 8.0}


def test_units_that_are_towns(tmp_path: Path) -> None:
    towns = UNITS.assign(name=["山亭镇", "城头镇", "桑村镇"], parent=["", "", ""])
    path = write(tmp_path, "乡镇,托位\n山亭镇,8\n城头镇人民政府,3\n全区,11\n")
    reading = read(make_study(tmp_path, entry(path, "unit", columns={"托位": "托位"})), towns)
    assert values(reading) == {("u1", "childcare_places"): 8.0, ("u2", "childcare_places"): 3.0}
    assert reasons(reading) == [(4, "全区", "matching.total")]


def test_the_whole_area_and_values_as_reported(tmp_path: Path) -> None:
    path = write(tmp_path, "县,救护车,满意度\n山亭区,16,95.5\n别县,3,1\n")
    spec = entry(
        path,
        "area",
        columns={"ambulances": "救护车"},
        reported={"shanting/S01": "满意度", "my/own": "满意度"},
        where={"县": "= 山亭区"},
    )
    reading = read(make_study(tmp_path, spec))
    assert values(reading) == {("", "ambulances"): 16.0, ("", "shanting/S01"): 95.5, ("", "my/own"): 95.5}
    assert [n.key for n in reading.notices] == ["assets.where", "assets.unknown_standard"] + ["assets.total_area"] * 3
    assert sentence("en", reading.notices[2]) == "Whole area: ambulances 16 vehicles."
    del spec["where"]
    assert refused(make_study(tmp_path, spec))["assets.twice"][0]["places"] == "人员.csv 2 (16), 人员.csv 3 (3)"


def test_a_row_for_each_value(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "机构编码,指标,数值,年份\n001,床位,20,2023\n001,床位数,22,2024年\n001,注册护士数,7,\n001,手机,1,2024\n002,shanting/S01,90,2024\n002,床位,3,去年\n",
    )
    reading = read(make_study(tmp_path, entry(path, id="机构编码", asset="指标", value="数值")))
    rows = [(r.target_id, r.asset, r.year, r.value) for r in reading.frame.itertuples(index=False)]
    assert rows == [
        ("机构:001", "beds", "2023", 20.0),
        ("机构:001", "beds", "2024", 22.0),
        ("机构:001", "nurses", "", 7.0),
        ("机构:002", "shanting/S01", "2024", 90.0),
    ]
    assert sorted(reasons(reading)) == [(5, "手机", "word"), (7, "去年", "year")]


def test_the_order_of_rows_and_files_does_not_matter(tmp_path: Path) -> None:
    a, b = ("id,床位\n" + "\n".join(rows) for rows in (["001,1", "002,2"], ["002,2", "001,1"]))
    frames = []
    for text in (a, b):
        reading = read(make_study(tmp_path, entry(write(tmp_path, text), columns={"beds": "床位"})))
        frames.append(reading.frame.drop(columns="row"))
    assert frames[0].equals(frames[1])


# -- what is refused


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    one = write(tmp_path, "id,a,b\n001,-1,2\n002,-0.5,2\n", "a.csv")
    entries = [
        entry(one, columns={"beds": "a", "doctors": "b"}),
        entry(one, columns={"bedz": "a", "床位": "a", "beds": "b"}),
        entry(one, columns={"gps": "c"}),
        entry(one, where={"x": "= 1"}, columns={"posts": "a"}),
        entry("none.csv", columns={"gps": "c"}),
        entry(one, "unit", id="id", columns={"nurses": "b"}),
    ]
    found = refused(make_study(tmp_path, *entries, units=False), units=None)
    assert found["assets.negative"] == [{"file": "a.csv", "column": "a", "count": 2, "rows": "2 (-1), 3 (-0.5)"}]
    assert found["assets.unknown_asset"][0]["nearest"] == "beds"
    assert found["assets.two_columns"][0]["columns"] == "a, b"
    assert [p["column"] for p in found["inputs.no_column"]] == ["c", "x"]
    assert {"inputs.no_file", "assets.no_units"} <= set(found)


def test_a_value_given_twice_is_refused_with_both_places(tmp_path: Path) -> None:
    one, other = write(tmp_path, "id,床位\n001,1\n", "a.csv"), write(tmp_path, "name,床位\n山亭镇卫生院,1\n", "b.csv")
    found = refused(make_study(tmp_path, *(entry(path, columns={"beds": "床位"}) for path in (one, other))))
    assert found["assets.twice"][0]["places"] == "a.csv 2 (1), b.csv 2 (1)"
    years = [entry(path, columns={"beds": "床位"}, year=2020 + k) for k, path in enumerate((one, other))]
    assert len(read(make_study(tmp_path, *years)).frame) == 2


def test_a_table_without_a_key_is_refused(tmp_path: Path) -> None:
    found = refused(make_study(tmp_path, entry(write(tmp_path, "床位,乡镇\n1,a\n"), columns={"beds": "床位"})))
    assert set(found) == {"inputs.no_alias"}


@pytest.mark.parametrize(
    ("more", "place", "text"),
    [
        ({}, "assets.0", "a column each"),
        ({"asset": "a"}, "assets.0", "a row for each value"),
        ({"asset": "a", "value": "b", "columns": {"beds": "c"}}, "assets.0", "a column each"),
        ({"columns": {"beds": "c"}, "of": "county"}, "assets.0.of", "'facility', 'unit', 'town' or 'area'"),
        ({"columns": {"beds": "c"}, "year": 20}, "assets.0.year", "1900"),
        ({"column": {"beds": "c"}}, "assets.0.column", "columns"),
    ],
)
def test_the_study_file_is_refused_in_both_languages(
    tmp_path: Path, more: dict[str, Any], place: str, text: str
) -> None:
    with pytest.raises(StudyError) as caught:
        make_study(tmp_path, entry("a.csv") | more)
    told = [sentence("en", one) for one in caught.value.problems if dict(one.values)["key"] == place]
    assert any(text in line for line in told)
    assert all(sentence("zh", one) for one in caught.value.problems)


# -- columns of the facility file itself


def own(rows: Sequence[str], header: str = "编码,名称,类别,经度,纬度,床位数,护士") -> str:
    return "\n".join([header, *rows])


def test_columns_of_the_facility_file(tmp_path: Path) -> None:
    text = own(["001,甲,村卫生室,117.4,35.1,5,2", "002,乙,村卫生室,117.5,35.1,,3", "003,丙,村卫生室,,,9,9"])
    reading = read(make_study(tmp_path, text=text, columns={"nurses": "护士"}))
    assert values(reading) == {("机构:001", "beds"): 5.0, ("机构:001", "nurses"): 2.0, ("机构:002", "nurses"): 3.0}
    assert values(read(make_study(tmp_path, text=text))) == {("机构:001", "beds"): 5.0}
    assert reading.frame["row"].tolist() == [2, 2, 3]


def test_staff_and_vehicles_are_words_for_assets(tmp_path: Path) -> None:
    text = own(["001,甲,村卫生室,117.4,35.1,5,2"])
    reading = read(make_study(tmp_path, text=text, columns={"staff": "护士", "vehicles": "床位数"}))
    assert values(reading) == {("机构:001", "health_staff"): 2.0, ("机构:001", "ambulances"): 5.0}


def test_one_facility_in_two_rows_keeps_its_values_once(tmp_path: Path) -> None:
    same = ["001,甲,村卫生室,117.4,35.1,,2", "002,甲,村卫生室,117.4,35.1,5,2"]
    reading = read(make_study(tmp_path, text=own(same), columns={"nurses": "护士"}))
    assert values(reading) == {("机构:001", "beds"): 5.0, ("机构:001", "nurses"): 2.0}
    found = refused(make_study(tmp_path, text=own(["001,甲,村卫生室,117.4,35.1,4,2", same[1]])))
    assert found["assets.twice"][0]["asset"] == "beds"


def test_a_missing_asset_column_is_told_beside_other_problems(tmp_path: Path) -> None:
    study = make_study(tmp_path, text=own(["001,甲,村卫生室,117.4,35.1,5,2"]), columns={"gps": "全科", "name": "店名"})
    assert [p["column"] for p in refused(study)["inputs.no_column"]] == ["全科", "店名"]


# -- joining, words, the whole flow


def test_joining_by_hand() -> None:
    frame = pd.DataFrame({"id": ["a:1", "b:1", "b:2"], "name": ["x", "y", "x"], "source": ["a.csv", "b.csv", "b.csv"]})
    joined = join_facilities(["1", "b:1", "2", "", ""], ["y", "", "", "y", "x"], frame)
    assert [one.id for one in joined] == ["", "b:1", "b:2", "b:1", ""]
    assert [one.reason is None for one in joined] == [False, True, True, True, False]
    units, notices = join_units(Names(["u9", "u1", "u1"], ["东村", "西村", ""], ["", "城头镇", ""]), UNITS, "a.csv")
    # no unit u9, but one 东村; u1 is 东村 and not the 西村 of 城头镇
    assert [one.id for one in units] == ["u1", "", "u1"]
    assert notices == ()


def test_a_total_of_every_asset_has_its_words() -> None:
    summed = {code: term for code, term in assets().items() if not is_attribute(code)}
    assert len(summed) > 30
    for language in LANGUAGES:
        for code, term in summed.items():
            total = {"of": "area", "asset": code, "year": 2024, "total": 3.0, "with_value": 1, "without_value": 0}
            said = sentence(language, assets_module._total_notice(total))
            assert getattr(term, language) in said
            assert (term.unit is None) or catalogue(language)[f"assets.unit.{term.unit}"] in said
    for code, term in assets().items():
        assert {asset_code(code), asset_code(term.zh), asset_code(term.en)} == {code}
    words = {
        "执业医师": "doctors",
        "床位数": "beds",
        "开放床位": "open_beds",
        "救护车数": "ambulances",
        "３岁以下婴幼儿托位数": "childcare_places",
    }
    assert {word: asset_code(word) for word in words} == words


def test_assets_in_a_run(tmp_path: Path) -> None:
    write(tmp_path, "id,床位,医生\nc0,10,2\nc9,1,1\n", "staff.csv")
    write(tmp_path, "unit,托位\nA,4\n", "places.csv")
    small = SmallStudy(
        units=[Unit("A", (0, 0, 300, 100)), Unit("B", (300, 0, 600, 100))],
        facilities=[Facility(100, 50), Facility(500, 50)],
        standards=[circle(5, "walk")],
        cells={(0, 0): 10.0, (4, 0): 20.0},
    )
    study = small.write(tmp_path)
    tree = study.model_dump(exclude_unset=True) | {
        "assets": [
            {"path": "staff.csv", "of": "facility", "columns": {"beds": "床位", "doctors": "医生"}, "source": "卫健局"},
            {"path": "places.csv", "of": "unit", "id": "unit", "columns": {"托位": "托位"}},
        ]
    }
    import servicecircle

    study = study_from(tree, tmp_path / "study.toml")
    results = servicecircle.run(study)
    totals = {
        (t["of"], t["asset"]): (t["total"], t["with_value"], t["without_value"])
        for t in results.provenance["assets"]["totals"]
    }
    assert totals == {
        ("facility", "beds"): (10.0, 1, 1),
        ("facility", "doctors"): (2.0, 1, 1),
        ("unit", "childcare_places"): (4.0, 1, 1),
    }
    assert {"staff.csv", "places.csv"} <= {one["path"] for one in results.provenance["inputs"]}
    assert results.set_aside[["file", "row"]].to_numpy().tolist() == [["staff.csv", 3]]
    assert any("卫健局" in line and "staff.csv" in line for line in credit_lines(study))
    publish(results, tmp_path / "out")
    assert json.loads((tmp_path / "out/run.json").read_text(encoding="utf-8"))["provenance"]["assets"]["rows"] == 3

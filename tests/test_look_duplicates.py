"""Facilities that look like one another, and how values are written."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest

from servicecircle.doctor import duplicates, written
from servicecircle.inputs.facilities import read_facilities
from servicecircle.inputs.gather import Inputs, gather
from servicecircle.study import load_study, study_from
from servicecircle.text import sentence
from tests.small_study import Facility, SmallStudy, Unit, circle, lonlat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from servicecircle.errors import Problem
    from servicecircle.study import Study

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "geodata" / "sample"
LOOKS = (
    *(duplicates.look_near, duplicates.look_departments, duplicates.look_piled, duplicates.look_types),
    *(written.look_numbers, written.look_decimals, written.look_codes),
)
#: A row: id, name, type, metres east, metres north.
Row = tuple[str, str, str, float, float]


def told(problems: Iterable[Problem]) -> list[tuple[str, Any, Any]]:
    """Return key, row and the row it is compared with; every sentence can be made in both languages."""
    found = list(problems)
    for one in found:
        assert sentence("zh", one)
        assert str(one.values["file"]) in sentence("en", one)
    return [(one.key.partition(".")[2], one.values.get("row"), one.values.get("other_row")) for one in found]


def place(folder: Path, rows: Sequence[Row], *, town: str = "") -> tuple[Study, Inputs]:
    """Write a study whose facilities are these rows, and read it; all units but the last belong to one town."""
    units = [Unit("1", (0, 0, 6_000, 6_000), town), Unit("2", (6_000, 0, 12_000, 6_000), town)]
    small = SmallStudy(units, [Facility(500, 50)], [circle(15, "walk")], cells={(5, 1): 10.0})
    small.write(folder)
    lines = [(code, name, kind, *(f"{v:.7f}" for v in lonlat(x, y))) for code, name, kind, x, y in rows]
    write(folder, lines)
    study = study_from_folder(small, folder)
    return study, gather(study)


def study_from_folder(small: SmallStudy, folder: Path) -> Study:
    """Return the study of a folder without writing its facilities again."""
    kept = (folder / "facilities.csv").read_text(encoding="utf-8")
    study = small.write(folder)
    (folder / "facilities.csv").write_text(kept, encoding="utf-8")
    return study


def write(folder: Path, lines: Iterable[Sequence[Any]]) -> None:
    with (folder / "facilities.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("id", "name", "type", "lon", "lat"), *lines])


def clinics(*rows: tuple[str, float, float]) -> list[Row]:
    return [(f"k{n}", name, "village_clinic", x, y) for n, (name, x, y) in enumerate(rows)]


# --- near duplicates --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("仿泉村卫生室", "仿泉村 卫生室"),
        ("仿泉村（东）卫生室", "仿泉村(东)卫生室"),
        ("山亭区仿泉村卫生室", "枣庄市山亭区仿泉村卫生室"),
        ("ＡＢＣ诊所一部", "ABC诊所一部"),
        ("Centre de santé de Mitsoudjé", "CENTRE DE SANTE DE MITSOUDJE"),
    ],
)
def test_one_name_close_by_is_one_facility(tmp_path: Path, one: str, other: str) -> None:
    found = place(tmp_path, clinics((one, 500, 50), (other, 750, 50)))
    assert told(duplicates.look_near(*found)) == [("near", 3, 2)]


@pytest.mark.parametrize(("metres", "expected"), [(299.5, [("near", 3, 2)]), (301.0, [])])
def test_three_hundred_metres_are_the_limit(tmp_path: Path, metres: float, expected: list[Any]) -> None:
    found = place(tmp_path, clinics(("仿泉卫生室", 500, 50), ("山亭区仿泉卫生室", 500 + metres, 50)))
    assert told(duplicates.look_near(*found)) == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("village_clinic_general", [("near", 3, 2)]), ("魔法屋", [("near", 3, 2)]), ("pharmacy", [])],
)
def test_kinds_of_one_family_are_one_facility(tmp_path: Path, kind: str, expected: list[Any]) -> None:
    rows = [("a", "仿泉村卫生室", "village_clinic", 500.0, 50.0), ("b", "仿泉村卫生室", kind, 600.0, 50.0)]
    assert told(duplicates.look_near(*place(tmp_path, rows))) == expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("仿泉镇卫生院", "仿泉镇中心卫生院", [("similar", 3, 2)]),
        ("张三牙科诊所", "张三个体牙科诊所", [("similar", 3, 2)]),
        ("张三牙科诊所", "张三妇科诊所", []),
        ("张三中医诊所", "张三骨伤诊所", []),
    ],
)
def test_words_often_left_out(tmp_path: Path, one: str, other: str, expected: list[Any]) -> None:
    assert told(duplicates.look_near(*place(tmp_path, clinics((one, 500, 50), (other, 550, 50))))) == expected


def test_another_type_is_another_facility(tmp_path: Path) -> None:
    rows = [("a", "仿泉镇卫生院", "township_health_centre", 500, 50), ("b", "仿泉镇卫生院", "emergency_point", 500, 50)]
    assert told(duplicates.look_near(*place(tmp_path, rows))) == []


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("仿泉村卫生室", "仿泉村卫生宝", True),
        ("仿泉村卫生室", "仿泉村中卫生室", False),  # a direction
        ("五和村中医院", "五和村中医医院", True),
        ("仿泉第一卫生室", "仿泉第二卫生室", False),
        ("仿泉村卫生室", "影泉村卫生室", False),  # another village
        ("卫生室", "卫生宝", False),
    ],
)
def test_one_letter(one: str, other: str, same: bool) -> None:
    assert duplicates.one_letter(one, other) is same


@pytest.mark.parametrize(("metres", "expected"), [(99.5, [("similar", 3, 2)]), (101.0, [])])
def test_a_slip_of_the_pen_within_a_hundred_metres(tmp_path: Path, metres: float, expected: list[Any]) -> None:
    found = place(tmp_path, clinics(("仿泉村卫生室", 500, 50), ("仿泉村卫生宝", 500 + metres, 50)))
    assert told(duplicates.look_near(*found)) == expected


def test_a_place_before_the_name(tmp_path: Path) -> None:
    found = place(tmp_path, clinics(("东风卫生服务站", 500, 50), ("长丰街道东风卫生服务站", 510, 50)))
    assert told(duplicates.look_near(*found)) == [("similar", 3, 2)]
    (tmp_path / "b").mkdir()
    found = place(tmp_path / "b", clinics(("社区卫生服务站", 500, 50), ("长丰街道社区卫生服务站", 510, 50)))
    assert told(duplicates.look_near(*found)) == []


def test_one_name_twice_in_a_town(tmp_path: Path) -> None:
    found = place(tmp_path, clinics(("仿泉村卫生室", 500, 50), ("仿泉村卫生室", 5_500, 50)), town="仿泉镇")
    assert told(duplicates.look_near(*found)) == [("same_name", 3, 2)]


def test_one_name_far_apart_without_towns_is_two_places(tmp_path: Path) -> None:
    found = place(tmp_path, clinics(("仿泉村卫生室", 500, 50), ("仿泉村卫生室", 3_600, 50)))
    assert told(duplicates.look_near(*found)) == []


def test_a_chain_is_told_only_where_shops_are_close(tmp_path: Path) -> None:
    rows = clinics(*[("大众口腔门诊部", 400.0 * k, 50) for k in range(1, 6)])
    assert told(duplicates.look_near(*place(tmp_path, rows))) == []


def test_ten_pairs_are_named_and_the_others_counted(tmp_path: Path) -> None:
    pairs = [
        (f"{letter}泉村卫生室", 400.0 * k, 50 + 10.0 * n)
        for n in (0, 1)
        for k, letter in enumerate("甲乙丙丁戊己庚辛壬癸子丑")
    ]
    found = list(duplicates.look_near(*place(tmp_path, clinics(*pairs))))
    assert [one.key for one in found] == ["duplicates.near"] * 10 + ["duplicates.more"]
    assert found[-1].values == {"file": "facilities.csv", "count": 2, "rows": "24, 25"}


# --- departments ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "hospital"),
    [
        ("县人民医院(内科)", "县人民医院"),
        ("县人民医院-急诊科", "县人民医院"),
        ("县人民医院门诊部", "县人民医院"),
        ("仿泉镇卫生院体检中心", "仿泉镇卫生院"),
        ("市妇幼保健院3号楼", "市妇幼保健院"),
        ("县人民医院", None),
        ("县人民医院西院区", None),
        ("仿泉镇卫生院急救点", None),
        ("口腔科诊所", None),
    ],
)
def test_names_of_departments(name: str, hospital: str | None) -> None:
    assert duplicates.hospital_of(name) == hospital


@pytest.mark.parametrize(("metres", "expected"), [(499.0, [("department", 3, 2)]), (501.0, [])])
def test_departments_within_five_hundred_metres(tmp_path: Path, metres: float, expected: list[Any]) -> None:
    rows = [
        ("a", "仿泉县人民医院", "general_hospital", 500, 50),
        ("a-1", "仿泉县人民医院（内科）", "general_hospital", 500 + metres, 50),
    ]
    assert told(duplicates.look_departments(*place(tmp_path, rows))) == expected


def test_a_department_of_its_own_type_is_asked_for_beside_its_hospital(tmp_path: Path) -> None:
    rows = [
        ("a", "仿泉镇卫生院", "township_health_centre", 500, 50),
        ("b", "仿泉镇卫生院预防接种门诊", "vaccination_clinic", 500, 50),
    ]
    assert told(duplicates.look_departments(*place(tmp_path, rows))) == []


def test_departments_without_their_hospital_are_one(tmp_path: Path) -> None:
    rows = [(f"a{k}", f"仿泉县人民医院{k}号楼", "general_hospital", 500 + 10.0 * k, 50) for k in range(1, 4)]
    assert told(duplicates.look_departments(*place(tmp_path, rows))) == [("department", 3, 2), ("department", 4, 2)]


def test_two_hospitals_of_common_names_are_two(tmp_path: Path) -> None:
    rows = [
        ("a", "甲县人民医院", "general_hospital", 500, 50),
        ("b", "乙乡丙村人民医院门诊部", "general_hospital", 600, 50),
    ]
    assert told(duplicates.look_departments(*place(tmp_path, rows))) == []


def test_departments_of_real_hospitals(shared_data: Path, tmp_path: Path) -> None:
    """Hundreds of rows of one city's list are wards, buildings and departments; their hospitals are found."""
    columns = {"id": "ID", "name": "NAME", "type": "TYPE", "lon": "XWGS", "lat": "YWGS"}
    path = str(shared_data / "cn_wuhan_hospitals" / "hospital.csv")
    tree = {
        "study": {"name": "w"},
        "area": {},
        "population": {"raster": "x.tif"},
        "roads": {"osm": "x.osm"},
        "facilities": [{"path": path, "crs": "WGS84", "columns": columns}],
        "standards": {"use": ["shanting/S01"]},
    }
    study = study_from(tree, tmp_path / "study.toml")
    # the looks ask inputs for facilities and units alone
    inputs: Any = Read(read_facilities(study))
    found = list(duplicates.look_departments(study, inputs))
    assert len(found) == 11
    assert found[-1].values["count"] > 500
    named = {one.values["value"]: one.values["other"] for one in found[:10]}
    assert named["华中科技大学同济医学院附属同济医院外科大楼"] == "华中科技大学同济医学院附属同济医院"
    assert list(duplicates.look_piled(study, inputs)) == []
    assert list(written.look_decimals(study, inputs)) == []


class Read:
    """What a look needs of the inputs, for a study of facilities alone."""

    units = None
    set_aside = ()

    def __init__(self, facilities: Any) -> None:
        self.facilities = facilities


# --- many on one coordinate, types ------------------------------------------------------------------------------------


def test_three_on_one_coordinate(tmp_path: Path) -> None:
    rows = clinics(*[(f"{one}村卫生室", 500, 50) for one in "甲乙丙"])
    found = list(duplicates.look_piled(*place(tmp_path, rows)))
    assert told(found) == [("piled", 2, None)]
    assert found[0].values["rows"] == "2 (甲村卫生室), 3 (乙村卫生室), 4 (丙村卫生室)"


def test_two_on_one_coordinate_are_neighbours(tmp_path: Path) -> None:
    rows = clinics(*[(f"{one}村卫生室", 500, 50) for one in "甲乙"])
    assert told(duplicates.look_piled(*place(tmp_path, rows))) == []


def test_what_stands_under_one_roof_is_of_several_kinds(tmp_path: Path) -> None:
    kinds = ("township_health_centre", "emergency_point", "vaccination_clinic", "elderly_home")
    rows = [(kind, f"{kind} 仿泉镇", kind, 500.0, 50.0) for kind in kinds]
    assert told(duplicates.look_piled(*place(tmp_path, rows))) == []


def test_missing_and_unknown_types(tmp_path: Path) -> None:
    rows = [("a", "A", "clinic", 500.0, 50.0), ("b", "B", "", 600.0, 50.0), ("c", "C", "魔法屋", 700.0, 50.0)]
    assert told(duplicates.look_types(*place(tmp_path, rows))) == [("no_type", 3, None), ("unknown_type", 4, None)]


# --- how values are written -------------------------------------------------------------------------------------------


def coarse(folder: Path, decimals: int) -> tuple[Study, Inputs]:
    small = SmallStudy(
        [Unit("1", (0, 0, 6_000, 6_000))], [Facility(500, 50)], [circle(15, "walk")], cells={(5, 1): 10.0}
    )
    small.write(folder)
    places = [lonlat(1_234.5 * k, 432.1 * k) for k in (1, 2)]
    write(
        folder,
        [(k, f"C{k}", "clinic", f"{lon:.{decimals}f}", f"{lat:.{decimals}f}") for k, (lon, lat) in enumerate(places)],
    )
    study = study_from_folder(small, folder)
    return study, gather(study)


@pytest.mark.parametrize(("decimals", "count"), [(2, 1), (3, 1), (4, 0), (6, 0)])
def test_few_decimals(tmp_path: Path, decimals: int, count: int) -> None:
    found = list(written.look_decimals(*coarse(tmp_path, decimals)))
    assert len(found) == count
    assert all(one.values["count"] == 2 for one in found)


def test_few_decimals_of_a_map_service(tmp_path: Path) -> None:
    study, _ = coarse(tmp_path, 3)
    shifted = study.facilities[0].model_copy(update={"crs": "GCJ-02"})
    study = study.model_copy(update={"facilities": (shifted,)})
    assert told(written.look_decimals(study, gather(study))) == [("rounded", 2, None)]


def codes(folder: Path, ids: Sequence[str]) -> tuple[Study, Inputs]:
    rows = [(code, f"C{k}", "clinic", 100.0 * k, 50.0) for k, code in enumerate(ids)]
    return place(folder, rows)


def test_codes_in_scientific_notation(tmp_path: Path) -> None:
    assert told(written.look_codes(*codes(tmp_path, ["1.50621E+11", "370406001201"]))) == [("scientific", 2, None)]


def test_codes_that_lost_zeros(tmp_path: Path) -> None:
    assert told(written.look_codes(*codes(tmp_path, ["0012", "0013", "14", "0200"]))) == [("lost_zeros", 4, None)]


@pytest.mark.parametrize("ids", [["1", "2", "10", "100"], ["a1", "b2"], ["012", "013", "114"], ["9E1F", "A1"]])
def test_codes_that_lost_nothing(tmp_path: Path, ids: list[str]) -> None:
    assert told(written.look_codes(*codes(tmp_path, ids))) == []


# --- the sample -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sample/study.toml", "sample/study_more.toml", "demo/study.toml"])
def test_no_false_alarm(name: str) -> None:
    study = load_study(ROOT / "geodata" / name)
    inputs = gather(study)
    assert [one for look in LOOKS for one in look(study, inputs)] == []


def dirty(folder: Path, change: Callable[[Any], None]) -> tuple[Study, Inputs]:
    shutil.copytree(SAMPLE, folder / "sample")
    path = folder / "sample" / "facilities_dirty.xlsx"
    book = openpyxl.load_workbook(path)
    change(book)
    book.save(path)
    study = load_study(folder / "sample" / "study_dirty.toml")
    return study, gather(study)


def test_every_planted_fault_is_found(tmp_path: Path) -> None:
    """All but the swapped rows, which the reader refuses by number: here they are put right first."""
    with (SAMPLE / "faults.csv").open(encoding="utf-8-sig") as file:
        faults = list(csv.DictReader(file))

    def exchange(book: Any) -> None:
        for fault in faults:
            if fault["错误"] == "swapped":
                sheet = book[fault["工作表"]]
                head = [cell.value for cell in sheet[2]]
                lon, lat = (sheet.cell(int(fault["行"]), head.index(axis) + 1) for axis in ("经度", "纬度"))
                lon.value, lat.value = lat.value, lon.value

    study, inputs = dirty(tmp_path, exchange)
    looked = [one for look in LOOKS for one in look(study, inputs)]
    found = {(one.key.rpartition(".")[2], one.values["row"]) for one in looked if "row" in one.values}
    found |= {(left.reason.key.rpartition(".")[2], left.row) for left in inputs.set_aside}
    expected = {
        "outside": {"outside"},
        "no_coordinates": {"no_coordinates"},
        "text_number": {"number", "in_column"},
        "unknown_type": {"unknown_type"},
        "duplicate": {"duplicate"},
        "department": {"department"},
    }
    planted = [(fault["错误"], int(fault["行"])) for fault in faults if fault["错误"] != "swapped"]
    assert [(kind, row) for kind, row in planted if not {(key, row) for key in expected[kind]} & found] == []
    assert len(planted) == 20
    rows = {row for _, row in planted}
    assert {row for _, row in found} == rows

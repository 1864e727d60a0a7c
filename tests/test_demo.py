"""The committed demo: synthetic, small, reproducible - and the planted gaps are found."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import shapely

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "geodata" / "demo"
MADE = ("units.geojson", "population.tif", "roads.osm", "facilities.xlsx")
LIBRARIES = ("numpy", "shapely", "pyproj", "rasterio", "XlsxWriter")


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_demo", ROOT / "geodata" / "make_demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_demo"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def make(maker: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    monkeypatch.setattr(sys, "argv", ["make_demo.py", str(folder)])
    maker.main()
    return {name: (folder / name).read_bytes() for name in MADE}


def test_the_generator_gives_the_same_bytes_twice(
    maker: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert make(maker, tmp_path / "a", monkeypatch) == make(maker, tmp_path / "b", monkeypatch)


def test_the_committed_files_are_what_the_generator_makes(
    maker: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").split())
    locked = {name.lower(): number for name, number in locked.items()}
    others = [name for name in LIBRARIES if version(name) != locked[name.lower()]]
    if others:
        pytest.skip(f"bytes are promised for the versions of constraints.txt; other versions here: {', '.join(others)}")
    made = make(maker, tmp_path, monkeypatch)
    assert [name for name in MADE if made[name] != (DEMO / name).read_bytes()] == []


def test_the_demo_is_small_and_says_what_it_is() -> None:
    assert sum(path.stat().st_size for path in DEMO.iterdir()) < 600_000
    text = (DEMO / "study.toml").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 25
    study = tomllib.loads(text)
    sources = [study["area"]["units"], study["population"]["raster"], study["roads"]["osm"], *study["facilities"]]
    assert {(item["source"], item["licence"]) for item in sources} == {("合成数据", "CC0-1.0")}
    assert "合成数据" in study["study"]["name"]


def test_roads_cross_only_at_nodes_bridges_and_tunnels() -> None:
    """A road that crosses another, the railway, the river or the expressway without a shared node is a bridge or a tunnel."""
    import osmium

    ways = [
        (dict(w.tags), {n.ref for n in w.nodes}, shapely.LineString([(n.lon, n.lat) for n in w.nodes]))
        for w in osmium.FileProcessor(str(DEMO / "roads.osm")).with_locations()
        if isinstance(w, osmium.osm.Way)
    ]
    lines = [w for w in ways if {"highway", "railway"} & w[0].keys() or w[0].get("waterway") == "river"]
    assert len(lines) > 150
    tree = shapely.STRtree([w[2] for w in lines])
    faults = []
    for one, other in tree.query([w[2] for w in lines], predicate="intersects").T:
        (tags, nodes, line), (tags2, nodes2, line2) = lines[one], lines[other]
        if (
            one >= other
            or {"bridge", "tunnel"} & (tags.keys() | tags2.keys())
            or {"motorway", "rail"} <= set(tags.values()) | set(tags2.values())
        ):
            continue
        if len(shapely.get_parts(line.intersection(line2))) > len(nodes & nodes2):
            faults.append((tags, tags2))
    assert faults == []


def test_map_service_coordinates_lead_back_to_the_villages(maker: ModuleType) -> None:
    from servicecircle.geo.coordinates import gcj02_to_wgs84

    table = pd.read_excel(DEMO / "facilities.xlsx", engine="openpyxl")
    lon, lat = gcj02_to_wgs84(table["经度"].to_numpy(), table["纬度"].to_numpy())
    x, y = maker.FROM_WGS84.transform(lon, lat)
    for name, at_x, at_y in zip(table["机构名称"], x - maker.ORIGIN[0], y - maker.ORIGIN[1], strict=True):
        if name.endswith("卫生室"):
            unit = next(u for u in maker.UNITS if u[0] == name.removesuffix("卫生室"))
            assert np.hypot(at_x - (unit[1] - 28), at_y - (unit[2] + 33)) < 0.2, name


# --- the run -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "结果 out"
    done = subprocess.run(
        [sys.executable, "-c", "from servicecircle.cli import main; main()", "run", str(DEMO / "study.toml"), "-o", str(folder)],
        capture_output=True, encoding="utf-8", check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(folder / "start.html")
    return folder


@pytest.fixture(scope="module")
def units(output: Path) -> pd.DataFrame:
    return pd.read_csv(output / "units.csv", dtype={"unit_id": str}, encoding="utf-8-sig")


def short(units: pd.DataFrame, criterion: str) -> set[str]:
    rows = units[units["criterion"] == criterion]
    assert len(rows) > 0
    return set(rows.loc[rows["short"].astype(str) == "True", "name"])


def test_all_files_of_the_first_screen_are_there(output: Path) -> None:
    wanted = "start.html map.html gaps.csv gaps.xlsx sites.csv units.csv scorecard.csv scorecard.html scorecard.xlsx criteria.csv shortfalls.csv set_aside.csv study.gpkg run.json run.log".split()
    assert {name for name in wanted if not (output / name).is_file()} == set()


def test_villages_without_a_clinic_are_short_on_foot(units: pd.DataFrame) -> None:
    assert {"对岸村", "例桥村", "独峰村"} <= short(units, "shanting/S01/walk")
    assert {"样山村", "幻湾村", "云坡村"} & short(units, "shanting/S01/walk") == set()


def test_the_clinic_across_the_river_is_near_but_not_by_road(units: pd.DataFrame) -> None:
    assert "对岸村" not in short(units, "shanting/S02/straight")
    assert "对岸村" in short(units, "shanting/S02/road:walk")


def test_a_village_off_the_roads_is_unattached(units: pd.DataFrame) -> None:
    row = units[(units["criterion"] == "shanting/S01/walk") & (units["name"] == "独峰村")].iloc[0]
    assert row["cause"] == "unattached"
    assert row["unattached_persons"] > 0.9 * row["persons"]


def test_a_private_clinic_is_not_collective(units: pd.DataFrame) -> None:
    assert short(units, "yanhu/Y04/presence") == {"对岸村", "例桥村", "独峰村", "假林村"}


def test_the_row_listed_twice_is_set_aside(output: Path) -> None:
    rows = pd.read_csv(output / "set_aside.csv", encoding="utf-8-sig")
    rows = rows[rows["file"] == "facilities.xlsx"]
    assert list(rows["row"]) == [36]


def test_three_sites_are_proposed_in_order(output: Path) -> None:
    sites = pd.read_csv(output / "sites.csv", encoding="utf-8-sig")
    assert list(sites["order"]) == [1, 2, 3]
    assert (sites["new_persons"] > 0).all()
    assert {"例桥村", "对岸村"} <= {str(name)[:3] for name in sites["name"]}


def test_the_ledger_closes(output: Path) -> None:
    record = json.loads((output / "run.json").read_text(encoding="utf-8"))
    gaps = [float(g) for g in re.findall(r'"gap": ([0-9.e-]+)', json.dumps(record))]
    assert len(gaps) >= 10
    assert max(gaps) <= 1e-9


def test_the_five_lines_of_the_readme_run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert code is not None
    assert len(code[1].splitlines()) == 5
    monkeypatch.chdir(ROOT)
    exec(code[1], {})
    shown = capsys.readouterr().out
    assert "uncovered_persons" in shown
    assert "对岸村" in shown


def test_the_study_of_the_readme_keeps_the_schema() -> None:
    from servicecircle.flow import study_criteria
    from servicecircle.study import study_from

    code = re.search(r"```toml\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert code is not None
    assert len(study_criteria(study_from(tomllib.loads(code[1]), Path("study.toml")))) >= 5

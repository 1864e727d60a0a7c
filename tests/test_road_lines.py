"""Layers of road lines: the network equals that of the file the lines were drawn from; gaps, crossings and words."""

from __future__ import annotations

import shutil
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

from servicecircle.errors import StudyError
from servicecircle.flow import check, run
from servicecircle.inputs import road_words
from servicecircle.inputs.road_lines import read_lines
from servicecircle.inputs.road_ways import ROAD_CLASSES
from servicecircle.inputs.roads import RoadData, read_osm
from servicecircle.study import RoadLines, study_from
from servicecircle.text import sentence

from .small_study import lonlat
from .test_road_graph import EVERYWHERE, edges, network

if TYPE_CHECKING:
    from collections.abc import Sequence

DEMO = Path(__file__).resolve().parents[1] / "geodata" / "demo"
#: What a layer can say; other tags of an extract (access, junction ...) are left out of the comparison.
KEPT = {"highway", "route", "oneway", "maxspeed", "bridge", "tunnel", "name"}
CHINESE = {"motorway": "高速公路", "trunk": "国道", "primary": "省道", "secondary": "县道", "tertiary": "乡道", "unclassified": "村道", "track": "机耕路", "service": "内部道路", "path": "小路", "footway": "人行道"}  # fmt: skip
BOX = (118.5, 34.5, 119.5, 35.5)


def lines_of(data: RoadData) -> gpd.GeoDataFrame:
    """Return the ways of an extract as a bureau would keep them: Chinese classes, one-way words, no node ids."""
    rows = []
    for k, tags in enumerate(data.ways.tags):
        own = slice(data.ways.start[k], data.ways.start[k + 1])
        xy = np.column_stack((data.ways.lon[own], data.ways.lat[own]))
        implied = tags.get("junction") in ("roundabout", "circular") or tags.get("highway", "").startswith("motorway")
        way = tags.get("oneway", "yes" if implied else "no")
        cls = tags.get("highway", "ferry")
        rows.append(
            {"道路等级": CHINESE.get(cls, cls), "单行": {"yes": "是", "-1": "-1"}.get(way, "否"), "限速": tags.get("maxspeed", ""),
             "桥": tags.get("bridge", ""), "隧道": tags.get("tunnel", ""), "路名": tags.get("name", ""), "geometry": shapely.LineString(xy)}
        )  # fmt: skip
    return gpd.GeoDataFrame(rows, crs="EPSG:4326")


def plain(data: RoadData) -> RoadData:
    """Return an extract as its layer tells it: the same geometry, the tags a layer holds, one-way roads said to be."""
    tags = tuple(
        {k: v for k, v in t.items() if k in KEPT}
        | ({"oneway": "yes"} if "oneway" not in t and (t.get("junction") in ("roundabout", "circular") or t.get("highway", "").startswith("motorway")) else {})
        for t in data.ways.tags
    )  # fmt: skip
    return replace(data, ways=replace(data.ways, tags=tags))


def source(path: str, **keys: Any) -> RoadLines:
    words = {
        "class": "道路等级",
        "oneway": "单行",
        "maxspeed": "限速",
        "bridge": "桥",
        "tunnel": "隧道",
        "name": "路名",
    }
    return RoadLines.model_validate({"path": path} | words | keys)


def by_place(data: RoadData) -> set[tuple[object, ...]]:
    """Return the edges of the network without ids: ends by place, length, and what each mode makes of them."""
    net = network(data)
    place = dict(zip(data.ways.node.tolist(), zip(data.ways.lon.round(9).tolist(), data.ways.lat.round(9).tolist(), strict=True), strict=True))  # fmt: skip
    found = set()
    for _, a, b, mm, *modes in edges(net):
        ends = (place[a], place[b])
        turned = ends[0] > ends[1]
        told = [(ms, one, other) if not turned else (ms, other, one) for ms, one, other in modes]
        found.add((min(ends), max(ends), mm, *((ms, bool(x), bool(y)) for ms, x, y in told)))
    return found


@pytest.mark.parametrize("driver", ["gpkg", "shp", "geojson", "gpkg projected"])
@pytest.mark.parametrize("place", ["demo", "guixi"])
def test_the_lines_of_an_extract_are_its_network(place: str, driver: str, shared_data: Path, tmp_path: Path) -> None:
    """Every edge has the same ends, directions and times; classes under construction become ``service`` in both."""
    extract = read_osm(
        DEMO / "roads.osm" if place == "demo" else shared_data / "cn_guixi_osm/guixi.osm", "x", EVERYWHERE
    )
    frame = lines_of(extract)
    path = tmp_path / f"roads.{driver.split(maxsplit=1)[0]}"
    if driver == "shp":
        frame.to_file(path, encoding="GB18030")
        path.with_suffix(".cpg").unlink()
    else:
        (frame.to_crs("EPSG:32650") if "projected" in driver else frame).to_file(path)
    box = (116.5, 27.5, 118.5, 36)
    data = read_lines(path, source(path.name, classes={"construction": "none"}, join_m=0.1), box)
    mine, theirs = by_place(data), by_place(plain(extract))
    assert len(theirs) > 150
    assert mine == theirs
    assert len(data.ways.id) + len(data.set_aside) == len(frame)
    assert data.barriers.kind.tolist() == [k for k in extract.barriers.kind.tolist() if k == "motorway"]
    assert data.origin["gaps_joined"] == 0


def test_real_layers_of_two_countries(shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An extract's crossings without a node are its bridges; gaps below half a metre are the mappers' slips."""
    for file in ("porto_alegre/poa_osm.pbf", "ngazidja/ngazidja.osm.pbf"):
        extract = read_osm(shared_data / file, "x", EVERYWHERE)
        path = tmp_path / "roads.gpkg"
        lines_of(extract).to_file(path)
        lon, lat = extract.ways.lon, extract.ways.lat
        data = read_lines(path, source(path.name, default_class="service", maxspeed=None), (lon.min(), lat.min(), lon.max(), lat.max()))  # fmt: skip
        with capsys.disabled():
            print(f"\n{file}: {len(data.ways.id)} lines, {dict(data.origin)}")
        assert len(data.ways.id) == len(extract.ways.id)
        assert data.origin["crossings_without_vertex"] < 0.01 * data.origin["meetings"]
        assert data.origin["gaps_joined"] < 0.01 * data.origin["meetings"]


# --- topology by hand -------------------------------------------------------------------------------------------------


def drawn(tmp_path: Path, lines: Sequence[Any], rows: Sequence[dict[str, str]] | None = None, **keys: Any) -> RoadData:
    """Read lines drawn in metres (tests/small_study.py); every line is a 县道 unless told."""
    shapes = [line if isinstance(line, shapely.Geometry) else shapely.LineString([lonlat(*p) for p in line]) if line else None for line in lines]  # fmt: skip
    given = rows or [{}] * len(lines)
    frame = gpd.GeoDataFrame([{"道路等级": "县道", "名": f"r{k}"} | row for k, row in enumerate(given)], geometry=shapes, crs="EPSG:4326")  # fmt: skip
    frame.to_file(tmp_path / "drawn.gpkg")
    return read_lines(tmp_path / "drawn.gpkg", RoadLines.model_validate({"path": "drawn.gpkg", "class": "道路等级", "name": "名"} | keys), BOX)  # fmt: skip


def lengths(data: RoadData) -> list[int]:
    """Return the whole metres of every edge, sorted."""
    return sorted(round(mm / 1000) for mm in network(data).mm.tolist())


def told(data: RoadData, language: str = "en") -> list[str]:
    return [sentence(language, item) for item in data.notices]


STREET = [(0, 0), (400, 0)]


def test_a_gap_of_30_cm_at_a_t_junction_is_joined_and_one_of_60_is_not(tmp_path: Path) -> None:
    joined = drawn(tmp_path, [STREET, [(100, 0.3), (100, 200)]])
    assert lengths(joined) == [100, 200, 300]
    assert (joined.origin["gaps_joined"], joined.origin["largest_gap_m"]) == (1, pytest.approx(0.3, abs=0.01))
    assert any("0.30 m" in line for line in told(joined))
    apart = drawn(tmp_path, [STREET, [(100, 0.6), (100, 200)]])
    assert lengths(apart) == [199, 400]
    assert lengths(drawn(tmp_path, [STREET, [(100, 0.6), (100, 200)]], join_m=1.0)) == [100, 199, 300]


def test_a_line_that_ends_on_another_is_joined_and_ends_find_vertices_and_ends(tmp_path: Path) -> None:
    assert lengths(drawn(tmp_path, [STREET, [(100, 0), (100, 200)]])) == [100, 200, 300]
    bent = [(0, 0), (100, 0), (400, 0)]
    assert lengths(drawn(tmp_path, [bent, [(100.2, 0.2), (100, 200)]])) == [100, 200, 300]
    assert lengths(drawn(tmp_path, [STREET, [(400.2, 0.2), (500, 0)]])) == [100, 400]
    three = [[(0, 0), (-100, 0)], [(0.3, 0), (100, 0)], [(0, 0.3), (0, 100)]]
    assert network(drawn(tmp_path, three)).node_id.size == 4


def test_a_short_line_does_not_fold_onto_itself(tmp_path: Path) -> None:
    """Vertices of one line closer than the tolerance stay apart: a bend drawn finely keeps its length."""
    fine = [(x / 10, 0) for x in range(101)]
    assert network(drawn(tmp_path, [fine])).mm.tolist() == [pytest.approx(10_000, abs=3)]


def test_a_ring_with_a_gap_is_closed(tmp_path: Path) -> None:
    ring = [(0, 0), (100, 0), (100, 100), (0, 100), (0, 0.3)]
    data = drawn(tmp_path, [ring])
    assert len(np.unique(data.ways.node)) == 4


CROSS = [[(0, 0), (200, 0)], [(100, -100), (100, 100)]]


def test_crossings_without_a_vertex_are_counted_and_joined_on_demand_only(tmp_path: Path) -> None:
    data = drawn(tmp_path, CROSS)
    assert lengths(data) == [200, 200]
    assert data.origin["crossings_without_vertex"] == 1
    assert any("look here" in line and "100.0%" in line for line in told(data))
    assert any("请注意" in line for line in told(data, "zh"))
    joined = drawn(tmp_path, CROSS, crossings="joined")
    assert lengths(joined) == [100, 100, 100, 100]
    assert any("were joined" in line for line in told(joined))
    shared = drawn(tmp_path, [[(0, 0), (100, 0), (200, 0)], [(100, -100), (100, 0), (100, 100)]])
    assert lengths(shared) == [100, 100, 100, 100]
    assert shared.origin["crossings_without_vertex"] == 0


def test_bridges_tunnels_and_motorways_cross_nothing(tmp_path: Path) -> None:
    for column, word in (("桥", "是"), ("桥", "高架桥"), ("隧", "隧道"), ("道路等级", "高速公路")):
        rows = [{"桥": "", "隧": "", column: word}, {"桥": "否", "隧": "无"}]
        data = drawn(tmp_path, CROSS, rows, bridge="桥", tunnel="隧", crossings="joined")
        assert lengths(data) == [200, 200]
        assert data.origin["crossings_without_vertex"] == 0
    one_column = [{"构造": "隧道"}, {"构造": "桥梁"}]
    data = drawn(tmp_path, CROSS, one_column, bridge="构造", tunnel="构造")
    assert {(t.get("bridge"), t.get("tunnel")) for t in data.ways.tags} == {("yes", None), (None, "yes")}


def test_three_lines_through_one_point_become_one_junction(tmp_path: Path) -> None:
    star = [*CROSS, [(0, -100), (200, 100)]]
    data = drawn(tmp_path, star, crossings="joined")
    assert lengths(data) == [100, 100, 100, 100, 141, 141]
    assert len(network(data).node_id) == 7


def test_the_order_of_rows_and_the_way_lines_were_drawn_mean_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    lines = [[tuple(p) for p in rng.uniform(0, 1000, (3, 2))] for _ in range(30)]
    lines += [[(line[0][0] + 0.2, line[0][1]), (-50 - k, 20 * k)] for k, line in enumerate(lines)]
    one = drawn(tmp_path, lines, crossings="joined")
    order = rng.permutation(len(lines))
    rows = [{"名": f"r{k}"} for k in order]
    other = drawn(tmp_path, [lines[k][:: -1 if k % 2 else 1] for k in order], rows, crossings="joined")
    assert one.ways.tags == other.ways.tags
    for name in ("id", "start", "node", "lon", "lat"):
        assert np.array_equal(getattr(one.ways, name), getattr(other.ways, name))
    assert one.origin == other.origin
    assert one.origin["gaps_joined"] == 30
    assert one.origin["crossings_without_vertex"] > 50


# --- rows and words ---------------------------------------------------------------------------------------------------


def test_every_row_is_used_or_set_aside_with_its_reason(tmp_path: Path) -> None:
    a, b, far = lonlat(0, 0), lonlat(100, 0), lonlat(500_000, 0)
    shapes = [
        shapely.LineString([(*a, 5.0), (*b, 6.0)]),
        shapely.MultiLineString([[lonlat(0, 50), lonlat(50, 50)], [lonlat(60, 50), lonlat(90, 50)]]),
        None,
        shapely.LineString([a, a]),
        shapely.Point(a),
        shapely.LineString([b, a]),
        shapely.LineString([far, lonlat(500_100, 0)]),
        shapely.LineString([(500.0, 35.0), (501.0, 35.0)]),
        shapely.LineString([lonlat(0, 80), lonlat(90, 80)]),
    ]
    rows = [{"名": "甲"}] * 8 + [{"道路等级": "铁路"}]
    data = drawn(tmp_path, shapes, rows, classes={"铁路": "none"})
    assert {row.row: row.reason.key.rpartition(".")[2] for row in data.set_aside} == {
        3: "no_geometry", 4: "no_length", 5: "not_a_line", 6: "duplicate", 7: "outside", 8: "range", 9: "not_a_road",
    }  # fmt: skip
    assert lengths(data) == [30, 50, 100]


def test_equal_lines_in_opposite_one_way_directions_are_two_roads(tmp_path: Path) -> None:
    data = drawn(tmp_path, [STREET, STREET[::-1]], [{"向": "是"}, {"向": "是"}], oneway="向")
    assert len(data.ways.id) == 2
    data = drawn(tmp_path, [STREET, STREET[::-1]], [{"向": "是", "名": "甲"}, {"向": "-1", "名": "甲"}], oneway="向")
    assert [row.row for row in data.set_aside] == [2]


@pytest.mark.parametrize(
    ("word", "expected"),
    [("是", "yes"), ("F", "yes"), ("1", "yes"), ("单行", "yes"), ("否", "no"), ("B", "no"), ("0", "no"), ("", "no"), ("双向", "no")],
)  # fmt: skip
def test_one_way_words(word: str, expected: str, tmp_path: Path) -> None:
    data = drawn(tmp_path, [STREET], [{"向": word}], oneway="向")
    assert data.ways.tags[0]["oneway"] == expected
    assert data.ways.lon[0] < data.ways.lon[-1]


@pytest.mark.parametrize("word", ["-1", "T", "逆向"])
def test_words_against_the_drawn_direction_turn_the_line(word: str, tmp_path: Path) -> None:
    data = drawn(tmp_path, [STREET], [{"向": word}], oneway="向")
    assert data.ways.tags[0]["oneway"] == "yes"
    assert data.ways.lon[0] > data.ways.lon[-1]


def test_classes_in_chinese_and_speeds(tmp_path: Path) -> None:
    words = [
        "高速公路",
        "国道",
        "省道",
        "县道",
        "乡道",
        "村道",
        "城市快速路",
        "主干路",
        "次干路",
        "支路",
        "内部道路",
        "机耕路",
        "小路",
        "人行道",
        "residential",
        "  县道 ",
    ]
    expected = ["motorway", "trunk", "primary", "secondary", "tertiary", "unclassified", "trunk", "primary", "secondary", "tertiary", "service", "track", "path", "footway", "residential", "secondary"]  # fmt: skip
    rows = [
        {"道路等级": word, "速": speed} for word, speed in zip(words, ["60", "", "0", "４０", *[""] * 12], strict=True)
    ]
    data = drawn(tmp_path, [[(0, 10 * k), (400, 10 * k)] for k in range(len(words))], rows, maxspeed="速")
    assert [tags["highway"] for tags in data.ways.tags] == expected
    assert [tags.get("maxspeed") for tags in data.ways.tags[:4]] == ["60", None, None, "40"]
    assert set(road_words.CLASS_OF.values()) <= set(ROAD_CLASSES)
    listed = [word for words in road_words.WORDS.values() for word in words.split()]
    assert len(listed) == len(set(listed))


def refusal(*arguments: Any, language: str = "en", **keys: Any) -> list[str]:
    with pytest.raises(StudyError) as caught:
        drawn(*arguments, **keys)
    return [sentence(language, item) for item in caught.value.problems]


def test_unknown_and_empty_classes_are_listed_with_their_counts_unless_mapped(tmp_path: Path) -> None:
    lines, words = [[(0, 10 * k), (400, 10 * k)] for k in range(4)], ["铁路", "", "铁路", "县道"]
    rows = [{"道路等级": word} for word in words]
    found = refusal(tmp_path, lines, rows)
    assert len(found) == 1
    assert "“铁路” × 2" in found[0]
    assert "“” × 1" in found[0]
    assert "default_class" in found[0]
    assert "“铁路” × 2" in refusal(tmp_path, lines, rows, language="zh")[0]
    data = drawn(tmp_path, lines, rows, classes={"铁路": "none", "水路": "ferry"}, default_class="track")
    assert sorted(tags["highway"] for tags in data.ways.tags) == ["secondary", "track"]
    assert any("“” × 1" in line and "track" in line for line in told(data))
    assert any("水路" in line for line in told(data))


def test_words_of_every_column_are_told_at_once(tmp_path: Path) -> None:
    row = {"道路等级": "甲", "向": "也许", "速": "60公里", "桥": "木头", "隧": "石头"}
    keys = {"oneway": "向", "maxspeed": "速", "bridge": "桥", "tunnel": "隧"}
    found = refusal(tmp_path, [STREET], [row], **keys)
    assert len(found) == 5
    assert all(any(word in line for line in found) for word in row.values())
    assert len(refusal(tmp_path, [STREET], [{"速": "-5"}], maxspeed="速")) == 1


def test_columns_classes_and_layers_that_do_not_exist(tmp_path: Path) -> None:
    found = refusal(tmp_path, [STREET], name="路名", oneway="单行", classes={"县道": "secundary"})
    assert len(found) == 3
    assert any("secundary" in line and "secondary" in line for line in found)
    assert "drawn" in refusal(tmp_path, [STREET], layer="roads")[0]
    assert "line" in refusal(tmp_path, [shapely.Point(lonlat(0, 0))])[0]
    assert "study box" in refusal(tmp_path, [shapely.LineString([(1, 1), (2, 2)])])[0]


def place_with(tmp_path: Path, **keys: Any) -> tuple[dict[str, Any], Path]:
    place = Path(shutil.copytree(DEMO, tmp_path / "place"))
    lines_of(read_osm(place / "roads.osm", "x", EVERYWHERE)).to_file(place / "roads.gpkg")
    tree = tomllib.loads((place / "study.toml").read_text(encoding="utf-8"))
    words = {"class": "道路等级", "oneway": "单行", "bridge": "桥", "source": "县交通局", "licence": "内部"}
    tree["roads"] = {"lines": {"path": "roads.gpkg"} | words | keys}
    tree["outputs"]["language"] = "en"
    return tree, place / "study.toml"


def test_the_demo_runs_on_a_layer_of_lines(tmp_path: Path) -> None:
    tree, path = place_with(tmp_path)
    results = run(study_from(tree, path))
    extract = run(study_from(tree | {"roads": {"osm": "roads.osm"}}, path))
    assert results.provenance["roads"]["km_by_class"] == extract.provenance["roads"]["km_by_class"]
    assert results.provenance["study"]["roads"]["lines"]["class"] == "道路等级"
    for summary, other in zip(results.summaries, extract.summaries, strict=True):
        if summary.criterion.measure == "straight":
            assert summary.covered_persons == other.covered_persons


@pytest.mark.parametrize(
    ("roads", "text"),
    [
        ({}, "exactly one of osm, graphml, lines and download"),
        ({"osm": "a.osm", "graphml": "b.graphml"}, "exactly one of osm, graphml, lines and download"),
        ({"lines": {"path": "a.gpkg"}}, "class (a column), default_class"),
        ({"lines": {"path": "a.gpkg", "class": "x", "clas": "y"}}, "nearest known key is class"),
        ({"lines": {"path": "a.gpkg", "class": "x", "join_m": -1}}, "at least 0"),
        ({"lines": {"path": "a.gpkg", "class": "x", "crossings": "all"}}, "'separate' or 'joined'"),
        ({"lines": {"path": "a.gpkg", "class": ""}}, "must not be empty"),
        ({"download": {"url": "overpass"}}, "https?"),
        ({"download": {"timeout_s": 0}}, "at least 1"),
    ],
)
def test_keys_that_are_refused(roads: dict[str, Any], text: str) -> None:
    tree = tomllib.loads((DEMO / "study.toml").read_text(encoding="utf-8")) | {"roads": roads}
    with pytest.raises(StudyError) as caught:
        study_from(tree, DEMO / "study.toml")
    assert len(caught.value.problems) == 1
    assert text in sentence("en", caught.value.problems[0])
    assert sentence("zh", caught.value.problems[0])


def test_a_missing_layer_is_told_beside_other_problems(tmp_path: Path) -> None:
    tree, path = place_with(tmp_path)
    (path.parent / "roads.gpkg").unlink()
    (path.parent / "units.geojson").unlink()
    assert len(check(study_from(tree, path)).problems) == 2

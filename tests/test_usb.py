"""The output folder on a stick: zipped, unpacked somewhere with spaces and Chinese characters, every link alive."""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

import openpyxl
import pytest

from servicecircle.outputs.publish import publish
from tests.small_study import Facility, SmallStudy, Unit, circle, radius
from tests.test_webmap import Opened, browser

__all__ = ["browser"]

STUDY = SmallStudy(
    units=[Unit("near", (0, 0, 500, 1000)), Unit("far", (500, 0, 1000, 1000))],
    facilities=[Facility(0, 50)],
    standards=[circle(5, "walk", "drive"), radius(1)],
    cells={(2, 0): 40, (7, 5): 80},
    sections={"siting": {"standard": "t/circle/walk", "choose": 1}, "study": {"name": "移动盘 % 试验 #1"}},
)
#: Ways to write a path of another machine into a file: drive letters, folders of a system, file addresses.
ABSOLUTE = re.compile(rb"(?<![\w:/.])(?:[A-Za-z]:\\\\?[\w]|/(?:home|root|tmp|Users|mnt|media)/)|file://")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run written in one place and unpacked in another; the first place is gone."""
    first = tmp_path_factory.mktemp("first")
    study = first / "study of the county"
    study.mkdir()
    out = publish(STUDY.run(study), first / "results", command=f"servicecircle run {study}/study.toml").parent
    archive = shutil.make_archive(str(tmp_path_factory.mktemp("zip") / "maps"), "zip", out.parent, out.name)
    stick = tmp_path_factory.mktemp("U 盘") / "县卫健局 2025 年 (终稿)"
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(stick)
    shutil.rmtree(first)
    return first, stick / "results"


def parts(path: Path) -> dict[str, bytes]:
    """Return the contents of a file, and of its members where it is an archive."""
    if not zipfile.is_zipfile(path):
        return {path.name: path.read_bytes()}
    with zipfile.ZipFile(path) as archive:
        return {f"{path.name}/{name}": archive.read(name) for name in archive.namelist()}


def test_no_file_but_the_log_knows_where_it_was_made(made):
    first, folder = made
    contents = {name: content for path in sorted(folder.iterdir()) for name, content in parts(path).items()}
    assert len(contents) > 20
    words = [first.name.encode(), b"study of the county", str(first).encode()]
    assert {name for name, content in contents.items() if any(w in content for w in words)} == {"run.log"}
    # Leaflet's own script and the styles speak of no place on a disk
    assert {
        name: m[0] for name, content in contents.items() if name != "run.log" and (m := ABSOLUTE.search(content))
    } == {}


def test_the_search_for_absolute_paths_can_find_one():
    for path in (b'"C:\\\\Users\\\\a"', b"D:\\data", b"/home/a/b", b"file:///x", b"=/tmp/x"):
        assert ABSOLUTE.search(path), path
    for fine in (b"./map.html", b"https://example.org/home/x", b"a/tmp/b"):
        assert not ABSOLUTE.search(fine), fine


def test_the_workbook_leads_to_the_map(made):
    _, folder = made
    book = openpyxl.load_workbook(folder / "gaps.xlsx")
    links = [c.hyperlink for sheet in book for row in sheet.iter_rows() for c in row if c.hyperlink]
    outside = [link.target for link in links if link.target]
    assert outside == ["map.html"]
    inside = [link.location for link in links if link.location]
    assert {re.fullmatch(r"'(.*)'!A1", place)[1] for place in inside} == set(book.sheetnames[1:])


@pytest.mark.browser
def test_every_link_is_alive(browser, made):
    _, folder = made
    start = Opened(browser, folder / "start.html")
    start.page.wait_for_selector("main")
    links = start.page.eval_on_selector_all("a", "all => all.map(a => [a.getAttribute('href'), a.href])")
    assert {href for href, _ in links} == {p.name for p in folder.iterdir()} - {"start.html"}
    for href, resolved in links:
        assert not urlsplit(href).scheme
        path = Path(unquote(urlsplit(resolved).path))
        assert path.parent == folder
        assert path.stat().st_size > 0
    map_ = Opened(browser, folder / "map.html")
    page = map_.ready()
    page.wait_for_selector(".leaflet-container path")
    sources = page.eval_on_selector_all(
        "[href], [src]", "all => all.map(e => e.getAttribute('href') || e.getAttribute('src'))"
    )
    beyond = [s for s in sources if s and not s.startswith(("#", "data:", "javascript:void"))]
    assert [s for s in beyond if urlsplit(s).scheme or not (folder / unquote(s)).is_file()] == []
    start.page.click("a[href='map.html']")  # and by hand, as a reader goes
    start.page.wait_for_selector("body[data-ready=yes]", timeout=15_000)
    assert (start.left, start.noise, map_.left, map_.noise) == ([], [], [], [])

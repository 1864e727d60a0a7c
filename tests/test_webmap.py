"""The map in headless Chromium: nothing leaves it, nothing in it runs from data, and it can be used."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import esprima
import pytest

from servicecircle.errors import ServiceCircleError
from servicecircle.outputs import palette
from servicecircle.outputs.start import size_text, start_page
from servicecircle.outputs.webmap import leaflet as asset
from servicecircle.outputs.webmap import words
from servicecircle.outputs.webmap.page import POLICY, map_page
from tests.conftest import missing
from tests.fake_results import fake_results

CHROMIUM = Path("/usr/bin/chromium")

#: Payloads that run when text is put into a page without being escaped for its place.
PAYLOADS = (
    "<script>fired()</script>",
    "</script><script>fired()</script>",
    "<img src=x onerror=fired()>",
    "<svg/onload=fired()>",
    "<svg><script>fired()</script></svg>",
    '"><script>fired()</script>',
    "' onmouseover='fired()",
    "javascript:fired()",
    "<iframe srcdoc='<script>parent.fired()</script>'></iframe>",
    "<math><mtext></mtext><script>fired()</script></math>",
    "{{constructor.constructor('fired()')()}}",
    "${fired()}",
    "`;fired();`",
    "\\u003cscript\\u003efired()\\u003c/script\\u003e",
    "\u2028fired()\u2029",
    "<!--<script>fired()//-->",
    "<body onload=fired()>",
    "<details open ontoggle=fired()>",
    "&lt;script&gt;fired()&lt;/script&gt;",
    "];fired();//",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not CHROMIUM.exists():
        missing("Chromium is not installed (make system installs it on Debian)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield chromium
        chromium.close()


class Opened:
    """A page opened with the network off, and whatever it asked for or complained about."""

    def __init__(self, browser: Any, path: Path, *, width: int = 1366, height: int = 768) -> None:
        self.page = browser.new_context(viewport={"width": width, "height": height}, offline=True).new_page()
        self.left: list[str] = []
        self.noise: list[str] = []
        self.page.route("**/*", self._gate)
        self.page.on("websocket", lambda socket: self.left.append(socket.url))
        self.page.on("console", lambda m: self.noise.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.noise.append(str(error)))
        self.page.add_init_script("window.count = 0; window.fired = function () { window.count += 1; };")
        self.page.goto(path.resolve().as_uri())

    def _gate(self, route: Any) -> None:
        if route.request.url.startswith(("file:", "data:", "blob:")):
            route.continue_()
        else:
            self.left.append(route.request.url)
            route.abort()

    def ready(self) -> Any:
        self.page.wait_for_selector("body[data-ready=yes]", timeout=15_000)
        return self.page


def opened(browser: Any, tmp_path: Path, results: Any, name: str = "map.html", **size: int) -> Opened:
    path = tmp_path / name
    path.write_text(map_page(results), encoding="utf-8")
    return Opened(browser, path, **size)


@pytest.mark.browser
@pytest.mark.parametrize("language", ["zh", "en"])
def test_nothing_leaves_the_map_and_the_console_is_silent(browser: Any, tmp_path: Path, language: str) -> None:
    map_ = opened(browser, tmp_path, fake_results(language))
    page = map_.ready()
    page.wait_for_selector(".leaflet-container path")
    assert (map_.left, map_.noise) == ([], [])
    assert page.evaluate("document.documentElement.lang") == {"zh": "zh-CN", "en": "en"}[language]


@pytest.mark.browser
def test_a_scripted_request_is_refused_by_policy(browser: Any, tmp_path: Path) -> None:
    map_ = opened(browser, tmp_path, fake_results())
    page = map_.ready()
    page.evaluate(
        "document.addEventListener('securitypolicyviolation', function (e) { window.broken = e.violatedDirective; })"
    )
    page.evaluate("fetch('https://example.org/').catch(function () {})")
    page.wait_for_function("window.broken !== undefined")
    assert page.evaluate("window.broken") == "connect-src"
    assert map_.left == []


@pytest.mark.browser
def test_no_outside_address_stands_in_the_page(browser: Any, tmp_path: Path) -> None:
    page = opened(browser, tmp_path, fake_results()).ready()
    outside = page.evaluate(
        "Array.prototype.filter.call(document.querySelectorAll('[href],[src]'), function (n) {"
        " return /^https?:/i.test(n.getAttribute('href') || n.getAttribute('src')); }).length"
    )
    assert outside == 0
    assert (
        page.evaluate("document.querySelectorAll('[href],[src]').length") > 0
    )  # the icon at least: the question was asked
    results = fake_results()
    lines = words.map_credits(results.study)
    assert page.locator(".leaflet-control-attribution").inner_text() == "；".join(lines)
    assert words.map_note(results.study) in page.locator("body").inner_text()


@pytest.mark.browser
def test_payloads_in_every_text_stay_text(browser: Any, tmp_path: Path) -> None:
    results = fake_results()

    def spoil(frame: Any, *columns: str) -> Any:
        texts = [PAYLOADS[i % len(PAYLOADS)] for i in range(len(frame))]
        return frame.assign(**dict.fromkeys([c for c in columns if c in frame.columns], texts))

    drawings = dataclasses.replace(
        results.drawings,
        units=spoil(results.drawings.units, "name", "parent"),
        places=spoil(results.drawings.places, "name"),
    )
    study = results.study.model_copy(
        update={
            "study": results.study.study.model_copy(update={"name": PAYLOADS[1]}),
            "outputs": results.study.outputs.model_copy(update={"map_note": PAYLOADS[2], "review_number": PAYLOADS[4]}),
        }
    )
    spoiled = dataclasses.replace(
        results,
        study=study,
        drawings=drawings,
        units=spoil(results.units, "name", "parent", "nearest_name"),
        gaps=spoil(results.gaps, "name", "parent", "title", "clause"),
        sites=spoil(results.sites, "name"),
        facilities=spoil(results.facilities, "name", "type_text"),
        notices=PAYLOADS,
        cards={key: {unit: list(PAYLOADS) for unit in units} for key, units in results.cards.items()},
    )
    map_ = opened(browser, tmp_path, spoiled)
    page = map_.ready()
    tabs = page.locator("#tabs button")
    for number in range(tabs.count()):
        tabs.nth(number).click()
    tabs.nth(0).click()
    page.locator("#panel button").first.click()
    page.wait_for_selector("#card:not([hidden])")
    page.fill("#search", "script")
    page.wait_for_timeout(300)
    assert page.evaluate("window.count") == 0
    assert map_.left == []
    assert map_.noise == []
    assert "fired()" in page.locator("body").inner_text()  # the payloads are there, as text


@pytest.mark.browser
def test_search_finds_by_name_part_and_code_quickly(browser: Any, tmp_path: Path) -> None:
    results = fake_results(count=1000)
    page = opened(browser, tmp_path, results).ready()
    unit = results.drawings.units.iloc[7]
    for wanted in (unit["name"], unit["name"][:2], str(unit["unit_id"])):
        page.fill("#search", wanted)
        page.wait_for_selector("#found:not([hidden])")
        assert unit["name"] in page.locator("#found").inner_text()
    elapsed = page.evaluate(
        "(function () { var box = document.getElementById('search'), best = 1e9; for (var i = 0; i < 5; i += 1) {"
        " box.value = ''; var start = performance.now(); box.value = '村'; box.dispatchEvent(new Event('input'));"
        " best = Math.min(best, performance.now() - start); } return best; }())"
    )
    print(f"search over 1,000 units: {elapsed:.1f} ms")
    assert page.locator("#found").inner_text()
    page.keyboard.press("Escape")
    assert page.locator("#found").is_hidden()


@pytest.mark.browser
def test_a_gap_opens_its_card_with_its_explanation(browser: Any, tmp_path: Path) -> None:
    results = fake_results()
    page = opened(browser, tmp_path, results).ready()
    first = results.gaps[(results.gaps["gap_kind"] == "unit")].iloc[0]
    page.locator("#panel button").first.click()
    card = page.locator("#card")
    card.wait_for()
    assert first["name"] in card.inner_text()
    lines = results.cards[first["criterion"]][first["unit_id"]]
    assert all(line in card.inner_text() for line in lines)
    page.keyboard.press("Escape")
    assert card.is_hidden()


@pytest.mark.browser
def test_choosing_a_requirement_changes_headline_list_and_colours(browser: Any, tmp_path: Path) -> None:
    results = fake_results()
    page = opened(browser, tmp_path, results).ready()

    def look() -> tuple[str, list[str]]:
        fills = page.evaluate(
            "Array.prototype.map.call(document.querySelectorAll('.leaflet-overlay-pane path, .leaflet-container path'),"
            " function (n) { return n.getAttribute('fill') || ''; })"
        )
        return page.locator("#panel").inner_text(), fills

    before = look()
    computed = [i for i, s in enumerate(results.summaries) if s.state == "computed"]
    page.select_option("#criterion", str(computed[1]))
    after = look()
    assert before[0] != after[0]
    assert before[1] != after[1]


@pytest.mark.browser
@pytest.mark.parametrize(
    ("gaps", "sites", "words_"), [(False, False, "没有缺口"), (True, False, None), (True, True, None)]
)
def test_empty_states_say_so(browser: Any, tmp_path: Path, *, gaps: bool, sites: bool, words_: str | None) -> None:
    map_ = opened(browser, tmp_path, fake_results(gaps=gaps, sites=sites))
    page = map_.ready()
    assert map_.noise == []
    if words_:
        assert words_ in page.locator("#panel").inner_text()


@pytest.mark.browser
def test_units_without_borders_are_circles(browser: Any, tmp_path: Path) -> None:
    map_ = opened(browser, tmp_path, fake_results(points=True))
    page = map_.ready()
    assert page.locator(".leaflet-container path").count() >= 30
    assert map_.noise == []


@pytest.mark.browser
def test_every_control_is_reached_by_keyboard(browser: Any, tmp_path: Path) -> None:
    page = opened(browser, tmp_path, fake_results()).ready()
    seen = set()
    for _ in range(80):
        page.keyboard.press("Tab")
        seen.add(
            page.evaluate(
                "document.activeElement.id || document.activeElement.closest('[id]') && document.activeElement.closest('[id]').id"
            )
        )
    assert {"criterion", "search", "panel"} <= seen


def test_two_builds_are_equal() -> None:
    assert map_page(fake_results()) == map_page(fake_results())


def test_leaflet_keeps_its_licence_and_loses_its_map_line() -> None:
    script, style = asset.leaflet()
    assert "Leaflet" in script[:400]
    assert "BSD" in map_page(fake_results()) or "Vladimir" in script[:400]
    assert "sourceMappingURL" not in script + style
    assert not re.search(
        r"url\((?!['\"]?(data:|#))", style
    )  # what is left is inline, or Internet Explorer's own #default


def test_a_wrong_leaflet_is_a_named_error(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {name: (size, "0" * 64) for name, (size, _) in asset.ASSETS.items()}
    monkeypatch.setattr(asset, "ASSETS", wrong)
    asset.leaflet.cache_clear()
    with pytest.raises(ServiceCircleError) as caught:
        asset.leaflet()
    asset.leaflet.cache_clear()
    assert caught.value.problems[0].key == "map.leaflet_wrong"


def test_the_policy_forbids_every_connection() -> None:
    assert "connect-src 'none'" in POLICY
    assert "default-src 'none'" in POLICY
    assert "http" not in POLICY


def test_the_script_is_of_an_age_old_browsers_read() -> None:
    source = (Path(asset.__file__).parent / "map.js").read_text(encoding="utf-8")
    assert esprima.parseScript(source).body  # a parser of ES2017: anything newer is a syntax error to it
    with pytest.raises(esprima.Error):
        esprima.parseScript("var a = b?.c;")
    for newer in (
        r"\?\.",
        r"\?\?",
        r"\.\.\.[a-zA-Z]",
        r"\bflatMap\b",
        r"\.flat\(",
        r"Object\.fromEntries",
        r"\bmatchAll\b",
        r"\bBigInt\b",
        r"replaceAll",
    ):
        assert not re.search(newer, source), newer


def test_neighbouring_classes_differ_by_three_to_one_or_a_pattern() -> None:
    classes = palette.SHARE_CLASSES
    for first, second in pairwise(classes):
        assert palette.contrast(first.colour, second.colour) >= 3 or first.pattern != second.pattern
    assert [palette.share_class(s) for s in (0.0, 0.25, 0.5, 0.8, 0.95, 1.0, None)] == [
        "under_25", "from_25", "from_50", "from_80", "from_95", "from_95", "no_people",
    ]  # fmt: skip


def test_the_start_page_lists_files_with_a_sentence_each() -> None:
    page = start_page(fake_results(), {"map.html": 422_671, "gaps.csv": 12, "gaps.xlsx": 3_400_000})
    assert page.index("map.html") < page.index("gaps.xlsx") < page.index("gaps.csv")
    assert "423 kB" in page
    assert "3.4 MB" in page
    assert page == start_page(fake_results(), {"map.html": 422_671, "gaps.csv": 12, "gaps.xlsx": 3_400_000})
    assert size_text(1) == "1 kB"


def test_the_start_page_keeps_rasters_together() -> None:
    names = [f"travel_time_sample-S{k}_walk.tif" for k in range(5)]
    links = [f'<a href="{name}">{name}</a>' for name in names]
    page = start_page(fake_results(), {"map.html": 1, "study.gpkg": 1, "fields.csv": 1} | dict.fromkeys(names, 200_000))
    assert "<summary>travel_time_*.tif (5)</summary>" + "<br>".join(links) in page
    assert page.count("1.0 MB") == 1  # together, beside one sentence
    assert page.index("study.gpkg") < page.index("travel_time") < page.index("fields.csv")
    few = start_page(fake_results(), dict.fromkeys(names[:2], 200_000))
    assert "<br>".join(links[:2]) in few
    assert "<summary>" not in few
    assert "travel_time" not in start_page(fake_results(), {"map.html": 1})


@pytest.mark.browser
def test_the_start_page_runs_nothing(browser: Any, tmp_path: Path) -> None:
    results = fake_results()
    study = results.study.model_copy(update={"study": results.study.study.model_copy(update={"name": PAYLOADS[0]})})
    path = tmp_path / "start.html"
    path.write_text(
        start_page(dataclasses.replace(results, study=study, notices=PAYLOADS), {"map.html": 1}), encoding="utf-8"
    )
    start = Opened(browser, path)
    start.page.wait_for_selector("main")
    assert start.page.evaluate("window.count") == 0
    assert (start.left, start.noise) == ([], [])
    assert start.page.locator("a").first.get_attribute("href") == "map.html"

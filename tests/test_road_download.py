"""The one download: asked of a server in this test, kept beside the study, refused in one sentence when it fails."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import threading
import tomllib
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import geopandas as gpd
import numpy as np
import pytest

from servicecircle.flow import check, run
from servicecircle.inputs import road_download
from servicecircle.outputs.credits import credit_lines
from servicecircle.study import Study, study_from
from servicecircle.text import sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

DEMO = Path(__file__).resolve().parents[1] / "geodata" / "demo"
BASE = "2026-10-01T00:00:00Z"


def answer() -> bytes:
    """Return the demo's roads as an Overpass server answers: with its notes before the data."""
    text = (DEMO / "roads.osm").read_text(encoding="utf-8")
    head, body = text.split("<node", 1)
    notes = f'<note>The data is made available under ODbL.</note>\n<meta osm_base="{BASE}"/>\n\n'
    return (head + notes + "<node" + body).encode()


class Server(ThreadingHTTPServer):
    """Answers each request with the next of some prepared answers, the last one again and again."""

    def __init__(self, *answers: tuple[int, bytes, dict[str, str]]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = list(answers)
        self.asked: list[tuple[str, str, dict[str, str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/api"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.asked.append((self.path, parse_qs(body)["data"][0], dict(self.headers)))
        status, content, more = self.server.answers[min(len(self.server.asked), len(self.server.answers)) - 1]
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | more).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(*answers: Any) -> Iterator[Server]:
    """Serve answers: bytes, or (status, bytes), or (status, bytes, headers)."""
    full = [(200, a, {}) if isinstance(a, bytes) else (*a, {})[:3] for a in answers]
    server = Server(*full)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds waited; nobody waits."""
    found: list[float] = []
    monkeypatch.setattr(road_download.time, "sleep", found.append)
    return found


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(DEMO, tmp_path / "place"))
    (folder / "roads.osm").unlink()
    return folder


def study_of(place: Path, **download: Any) -> Study:
    tree = tomllib.loads((place / "study.toml").read_text(encoding="utf-8"))
    tree["roads"] = {"download": download}
    tree["outputs"]["language"] = "en"
    return study_from(tree, place / "study.toml")


def problems(study: Study, language: str = "en") -> list[str]:
    return [sentence(language, item) for item in check(study).problems]


def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        pytest.fail("a connection was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def kept(place: Path) -> list[Path]:
    return sorted((place / ".servicecircle-cache").iterdir())


def test_a_download_is_asked_once_and_read_like_the_file(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tomllib.loads((DEMO / "study.toml").read_text(encoding="utf-8"))
    own["outputs"]["language"] = "en"
    from_file = run(study_from(own, DEMO / "study.toml"))
    with serving(answer()) as server:
        study = study_of(place, url=server.url)
        first = run(study)
        assert len(server.asked) == 1
        no_network(monkeypatch)
        second = run(study)
        assert len(server.asked) == 1
    assert first.provenance == second.provenance
    assert first.notices == second.notices
    assert first.units.equals(from_file.units)
    assert first.gaps.equals(from_file.gaps)
    assert first.sites.equals(from_file.sites)
    data, record = kept(place)[1], kept(place)[0]
    assert data.read_bytes() == answer()
    origin = first.provenance["roads"]["origin"]
    assert (origin["kind"], origin["osm_base"], origin["url"]) == ("download", BASE, f"{server.url}/interpreter")
    listed = {item["path"]: item["sha256"] for item in first.provenance["inputs"]}
    assert listed[f".servicecircle-cache/{data.name}"] == hashlib.sha256(answer()).hexdigest()
    assert set(json.loads(record.read_text())) == {"bytes", "osm_base", "sha256", "url"}
    assert any(data.name in line and BASE in line and "delete the file" in line for line in first.notices)
    assert any("OpenStreetMap contributors" in line and "ODbL" in line for line in credit_lines(study))


def test_the_question_covers_the_box_and_what_the_reader_needs(place: Path) -> None:
    import osmnx

    with serving(answer()) as server:
        assert problems(study_of(place, url=server.url, timeout_s=77)) == []
    path, query, headers = server.asked[0]
    assert path == "/api/interpreter"
    assert query.startswith("[out:xml][timeout:77];(")
    assert query.endswith("(._;>;);out;")
    for part in ('way["highway"](', 'way["route"="ferry"](', 'relation["natural"="water"](', 'node["place"', 'relation["type"="restriction"]', 'way["railway"', 'way["barrier"'):  # fmt: skip
        assert part in query
    assert headers["User-Agent"] == osmnx.settings.http_user_agent
    box = [float(v) for v in query.split('way["highway"](')[1].split(")")[0].split(",")]
    west, south, east, north = gpd.read_file(place / "units.geojson").total_bounds
    lat, lon = 20 / 111.32, 20 / (111.32 * np.cos(np.radians(north)))  # the margin of 20 km in degrees
    assert box == pytest.approx([south - lat, west - lon, north + lat, east + lon], abs=2e-6)
    assert road_download._query((1.0000004, 2.0000004, 3.0000004, 4.0000004)).count("(2.000000,1.000000,4.000001,3.000001)") == len(road_download.SELECTION)  # fmt: skip


def test_another_server_or_box_is_another_file(place: Path) -> None:
    with serving(answer()) as one, serving(answer()) as two:
        assert problems(study_of(place, url=one.url)) == []
        assert problems(study_of(place, url=one.url, timeout_s=9)) == []
        assert len(one.asked) == 1
        assert problems(study_of(place, url=two.url)) == []
        assert len(two.asked) == 1
    assert len(kept(place)) == 4


@pytest.mark.parametrize("spoil", ["data", "record", "no record"])
def test_a_damaged_file_is_discarded_and_said(spoil: str, place: Path) -> None:
    with serving(answer()) as server:
        study = study_of(place, url=server.url)
        assert problems(study) == []
        record, data = kept(place)
        if spoil == "data":
            data.write_bytes(answer().replace(b"35.1", b"35.2", 1))
        elif spoil == "record":
            record.write_text("{")
        else:
            record.unlink()
        told = [sentence("en", item) for item in check(study).notices]
        assert len(server.asked) == 2
        assert sum("discarded" in line for line in told) == 1
        assert data.read_bytes() == answer()
        assert not any("discarded" in sentence("en", item) for item in check(study).notices)


def test_deleting_the_file_downloads_anew(place: Path) -> None:
    with serving(answer()) as server:
        study = study_of(place, url=server.url)
        assert problems(study) == []
        kept(place)[1].unlink()
        assert not any("discarded" in sentence("en", item) for item in check(study).notices)
        assert len(server.asked) == 2


def test_a_busy_server_is_asked_three_times(place: Path, waits: list[float]) -> None:
    with serving((429, b"", {"Retry-After": "7"}), (504, b"busy"), answer()) as server:
        assert problems(study_of(place, url=server.url)) == []
    assert waits == [7, 60]
    (place / ".servicecircle-cache").rename(place / "x")
    with serving((429, b"", {"Retry-After": "99999"})) as server:
        found = problems(study_of(place, url=server.url))
    assert len(server.asked) == 3
    assert waits[2:] == [120, 120]
    assert len(found) == 1
    assert "HTTP 429" in found[0]
    assert "roads.osm" in found[0]


CUT = answer()[: len(answer()) // 2]
REMARK = answer().replace(b"</osm>", b"<remark> runtime error: Query timed out in &quot;query&quot; after 25 seconds. </remark>\n</osm>")  # fmt: skip


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ((400, b"bad request"), "HTTP 400"),
        ((404, b""), "HTTP 404"),
        ((200, b"<!DOCTYPE html><html><body>Log in to the hotel</body></html>"), "Log in to the hotel"),
        ((200, b'{"elements": []}'), "no OSM XML"),
        ((200, b""), "no OSM XML"),
        ((200, CUT), "cut off"),
        ((200, CUT, {"Content-Length": str(len(answer()))}), "no connection"),
        ((200, REMARK), "Query timed out"),
        ((200, b'<?xml version="1.0"?><osm version="0.6"></osm>'), "no road lies in the study box"),
        ((200, b'<?xml version="1.0"?><!DOCTYPE osm><osm version="0.6"></osm>'), "no OSM XML"),
        ((200, b'<?xml version="1.0"?><osm version="0.6"><node></way></osm>'), "cannot be read"),
    ],
)
def test_what_is_no_answer_is_one_sentence(given: tuple[Any, ...], text: str, place: Path) -> None:
    with serving(given) as server:
        study = study_of(place, url=server.url)
        found, chinese = problems(study), problems(study, "zh")
    assert len(found) == len(chinese) == 1
    assert text in found[0]
    assert any("一" <= char <= "鿿" for char in chinese[0])
    left = [path.suffix for path in (place / ".servicecircle-cache").iterdir()]
    assert ".part" not in left
    assert (".osm" in left) == ("study box" in text)  # an empty answer is an answer; any other is asked for again


def test_a_server_that_is_not_there_or_never_answers(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import requests

    with serving(answer()) as server:
        url = server.url
    found = problems(study_of(place, url=url))
    assert len(found) == 1
    assert url in found[0]
    assert "refused" in found[0]
    assert "0x" not in found[0]

    def late(*_: Any, **__: Any) -> None:
        raise requests.exceptions.ReadTimeout

    monkeypatch.setattr(requests, "post", late)
    assert "within 180 s" in problems(study_of(place, url=url))[0]


def test_other_problems_are_told_without_a_download(place: Path) -> None:
    """Where people and units are missing there is no box to ask for."""
    with serving(answer()) as server:
        (place / "units.geojson").unlink()
        assert len(problems(study_of(place, url=server.url))) == 1
    assert server.asked == []


def test_without_the_key_nothing_is_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Path(shutil.copytree(DEMO, tmp_path / "place"))
    no_network(monkeypatch)
    tree = tomllib.loads((place / "study.toml").read_text(encoding="utf-8"))
    assert len(run(study_from(tree, place / "study.toml")).summaries) > 0
    assert not (place / ".servicecircle-cache").exists()

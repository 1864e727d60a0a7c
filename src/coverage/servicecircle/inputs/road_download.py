"""OpenStreetMap data downloaded once for the study's box: the only module of the package that asks the network.

One Overpass query returns everything the reader of extracts looks at, as OSM XML, and the answer is kept as it came
in ``.servicecircle-cache`` beside the study file, under a name made of box, query and server. While that file is there
and whole nothing is asked again: a second run needs no network and reads the same bytes. osmnx gives the server, the
way a client introduces itself, and the time-out.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.inputs.roads import PLACES, RAILWAYS, RoadData, read_osm

if TYPE_CHECKING:
    from servicecircle.inputs.roads import Bounds
    from servicecircle.study import RoadDownload, Study

FOLDER = ".servicecircle-cache"
#: What is asked within the box; ``(._;>;)`` adds the members of relations and the nodes of ways.
SELECTION = (
    'way["highway"]',
    'way["route"="ferry"]',
    'way["natural"~"^(water|coastline)$"]',
    'way["waterway"~"^(river|canal|riverbank)$"]',
    f'way["railway"~"^({"|".join(RAILWAYS)})$"]',
    'way["barrier"~"^(wall|city_wall)$"]',
    f'node["place"~"^({"|".join(PLACES)})$"]["name"]',
    'node["barrier"]',
    'node["entrance"]',
    'relation["type"="restriction"]',
    'relation["natural"="water"]',
    'relation["waterway"="riverbank"]',
)
#: Answers after which a server wants to be asked again, and how long to wait before the second and third time.
BUSY = (429, 502, 503, 504)
WAITS_S = (15, 60)
MOST_WAIT_S = 120
CHUNK = 1 << 20
MAX_BYTES = 4 << 30
DEGREES = 1e6


def read_download(study: Study, wanted: RoadDownload, box: Bounds) -> RoadData:
    """Return what OpenStreetMap holds within ``box`` (west, south, east, north in degrees), downloaded or kept.

    Raises
    ------
    StudyError
        The server cannot be reached, refuses, is busy after three attempts or answers with anything but whole data,
        or there is no road in the box.
    """
    query = _query(box)
    folder = study.path.absolute().parent / FOLDER
    key = hashlib.sha256(f"{wanted.url or ''}\n{query}".encode()).hexdigest()[:16]
    file = folder / f"osm-{key}.osm"
    shown = f"{FOLDER}/{file.name}"
    notices = []
    if not _is_whole(file):
        if file.exists():
            notices.append(problem("roads.download.damaged", file=shown))
        _make(folder)
        _keep(file, _download(file, wanted, query))
    record = json.loads(_record(file).read_text(encoding="utf-8"))
    data = _read(file, shown, box)
    told = {"file": shown, "server": urlsplit(record["url"]).hostname, "base": record["osm_base"] or "?"}
    notices += [problem("roads.download.used", **told), *data.notices]
    origin = {"kind": "download", "url": record["url"], "osm_base": record["osm_base"], "query": query}
    return replace(data, notices=tuple(notices), origin=origin, files=(shown,))


def _read(file: Path, shown: str, box: Bounds) -> RoadData:
    """Read a kept answer; one that cannot be read is not kept."""
    try:
        return read_osm(file, shown, box)
    except StudyError as error:
        if any(item.key == "roads.unreadable" for item in error.problems):
            file.unlink(missing_ok=True)
        raise


def _query(box: Bounds) -> str:
    """Return what is asked, without the settings line; the box is rounded outwards to a millionth of a degree."""
    west, south, east, north = box
    edges = (
        *(math.floor(edge * DEGREES) / DEGREES for edge in (south, west)),
        *(math.ceil(edge * DEGREES) / DEGREES for edge in (north, east)),
    )
    limits = ",".join(f"{edge:.6f}" for edge in edges)
    return f"({''.join(f'{part}({limits});' for part in SELECTION)});(._;>;);out;"


# --- the kept answer --------------------------------------------------------------------------------------------------


def _make(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        detail = error.strerror or str(error)
        raise StudyError(problem("roads.download.cannot_keep", folder=FOLDER, detail=detail)) from error


def _record(file: Path) -> Path:
    return file.with_suffix(".json")


def _is_whole(file: Path) -> bool:
    """Return whether a kept answer is the one that was written."""
    try:
        record = json.loads(_record(file).read_text(encoding="utf-8"))
        return file.stat().st_size == record["bytes"] and _sha256(file) == record["sha256"] and "url" in record
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _keep(file: Path, answer: tuple[Path, str]) -> None:
    """Put a downloaded answer in its place, its record first: an answer without its record is never believed."""
    fresh, url = answer
    with fresh.open("rb") as opened:
        head = opened.read(4096).decode("utf-8", "replace")
    base = re.search(r'<meta[^>]*\bosm_base="([^"]{1,40})"', head)
    record = {
        "url": url,
        "osm_base": base[1] if base else "",
        "bytes": fresh.stat().st_size,
        "sha256": _sha256(fresh),
    }
    file.unlink(missing_ok=True)
    _record(file).write_text(json.dumps(record, indent=1, sort_keys=True), encoding="utf-8")
    fresh.replace(file)


# --- the network ------------------------------------------------------------------------------------------------------


def _download(file: Path, wanted: RoadDownload, query: str) -> tuple[Path, str]:
    """Ask the server and return the file that holds its answer, and the address: nothing else opens a connection."""
    import osmnx
    import requests

    settings = osmnx.settings
    url = (wanted.url or str(settings.overpass_url)).rstrip("/").removesuffix("/interpreter") + "/interpreter"
    timeout_s = wanted.timeout_s or int(settings.requests_timeout)
    headers = {
        "User-Agent": settings.http_user_agent,
        "Referer": settings.http_referer,
        "Accept-Language": settings.http_accept_language,
    }
    body = {"data": f"[out:xml][timeout:{timeout_s}];{query}"}
    fresh = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        for wait_s in (*WAITS_S, None):
            # the server's own time-out comes first, and says why
            with requests.post(
                url, data=body, headers=headers, stream=True, timeout=(30, timeout_s + 30), **settings.requests_kwargs
            ) as answer:
                if answer.status_code not in BUSY or wait_s is None:
                    _check_status(answer.status_code, url, answer.reason)
                    _save(answer.iter_content(CHUNK), fresh, url)
                    break
                asked = answer.headers.get("Retry-After", "")
            time.sleep(min(int(asked), MOST_WAIT_S) if asked.isdecimal() else wait_s)
        _check_answer(fresh, url)
    except requests.exceptions.Timeout as error:
        fresh.unlink(missing_ok=True)
        raise StudyError(problem("roads.download.timeout", url=url, seconds=timeout_s)) from error
    except requests.exceptions.RequestException as error:
        fresh.unlink(missing_ok=True)
        raise StudyError(problem("roads.download.unreachable", url=url, detail=_reason(error))) from error
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    return fresh, url


def _reason(error: Exception) -> str:
    """Return the innermost cause of a failed connection: the outer ones repeat addresses of objects."""
    while error.__cause__ or error.__context__ or (error.args and isinstance(error.args[0], Exception)):
        inner: Any = error.__cause__ or error.__context__ or error.args[0]
        error = inner
    return re.sub(r"<[^>]*>|\s+", " ", str(error)).strip()[:200] or type(error).__name__


def _save(chunks: Any, fresh: Path, url: str) -> None:
    size = 0
    with fresh.open("wb") as file:
        for chunk in chunks:
            size += len(chunk)
            if size > MAX_BYTES:
                raise StudyError(problem("roads.download.too_large", url=url, limit=MAX_BYTES >> 20))
            file.write(chunk)


def _check_status(status: int, url: str, reason: str) -> None:
    if status in BUSY:
        raise StudyError(problem("roads.download.busy", url=url, status=status, attempts=len(WAITS_S) + 1))
    if status != 200:
        raise StudyError(problem("roads.download.status", url=url, status=status, reason=reason))


def _check_answer(fresh: Path, url: str) -> None:
    """Refuse an answer that is no OSM XML, was cut off, or ends with the server's remark that it failed.

    Raises
    ------
    StudyError
    """
    with fresh.open("rb") as file:
        head = file.read(4096)
        file.seek(max(fresh.stat().st_size - 4096, 0))
        tail = file.read()
    if not re.search(rb"<osm[\s>]", head) or b"<!DOCTYPE" in head.upper():
        start = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", head.decode("utf-8", "replace"))).strip()[:120]
        raise StudyError(problem("roads.download.not_osm", url=url, start=start))
    remark: Problem | None = None
    found = re.search(r"<remark>(.*?)</remark>", tail.decode("utf-8", "replace"), re.DOTALL)
    if found:
        remark = problem("roads.download.remark", url=url, remark=re.sub(r"\s+", " ", found[1]).strip()[:200])
    elif not tail.rstrip().endswith(b"</osm>"):
        remark = problem("roads.download.cut_off", url=url)
    if remark is not None:
        raise StudyError(remark)

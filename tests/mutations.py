"""Files of a tiny study, spoilt by chance: every kind of file, seeded mutations, each judged in a process of its own.

``python -m tests.mutations COUNT [FIRST]`` runs so many and prints what became of them. A worker takes numbers of
mutations on its standard input and answers each with one line of JSON; the supervisor ends a worker that is silent for
a minute or dies, and starts another.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import random
import re
import resource
import select
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LIMIT_S = 60
MEMORY = 2 << 30
HOSTILE = (
    "=cmd|'/C calc'!A0", "/vsicurl/http://127.0.0.1:9/x", "/vsizip//etc/passwd", "../../x", "\x00", "1e309", "-1e308",
    "NaN", "inf", "-inf", "9" * 400, "<script>alert(1)</script>", "{file}", "{0.__class__}", "%s%n", "\ufeff", "\u202e",
    "'; DROP TABLE units; --", '"', "'", ",", ";", "\t", "\r", "\n", "0x10", "1_000", "１２", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    "𠮷" * 50, "A" * 70_000, "-0", "1e-320", "None", "TRUE", "[[", "&lol;", "&#0;", "]]>", "C:\\x", "/dev/zero", "2147483648",
    "18446744073709551616", "-9999", "EPSG:99999", "urn:ogc:def:crs:OGC:1.3:CRS84", "+proj=lonlat +nadgrids=../../x",
)  # fmt: skip


# -- the tiny studies


@dataclass(frozen=True)
class Kind:
    """One kind of file: the study it belongs to and the files of it that may be spoilt."""

    name: str
    files: dict[str, bytes]
    targets: tuple[str, ...]


def toml(value: Any) -> str:
    """Return a value as TOML on one line."""
    if isinstance(value, dict):
        return (
            "{ "
            + ", ".join(f"{json.dumps(key, ensure_ascii=False)} = {toml(one)}" for key, one in value.items())
            + " }"
        )
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


@cache
def kinds() -> tuple[Kind, ...]:
    """Write each study once and keep its files."""
    made = []
    for name, (prepare, targets) in _STUDIES.items():
        from tests.bad_inputs.desk import Desk
        from tests.small_study import way

        with tempfile.TemporaryDirectory() as folder:
            desk = Desk(Path(folder))
            steps = [500.0 * k for k in range(5)]
            desk.ways = [way(*((x, y) for x in steps), highway="residential") for y in steps]
            desk.ways += [way(*((x, y) for y in steps), highway="residential") for x in steps]
            prepare(desk)
            desk.study()
            lines = [f"{key} = {toml(value)}" for key, value in desk.tree.items()]
            (desk.folder / "study.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
            files = {path.name: path.read_bytes() for path in sorted(desk.folder.iterdir())}
            used = tuple(one for one in files if any(Path(one).match(target) for target in targets))
            made.append(Kind(name, files, used))
    return tuple(made)


def _plain(desk: Any) -> None:
    desk.census([600, 700])


def _book(desk: Any) -> None:
    desk.book()


def _points(desk: Any) -> None:
    desk.people_table([100, "1,5".replace(",", "."), 300, 400])


def _table(desk: Any) -> None:
    desk.table("table.csv", [("乡镇", "村名", "人口"), *((u["town"], u["name"], 100) for u in desk.units)])
    desk.tree["population"] = {"table": "table.csv"}


def _kml(desk: Any) -> None:
    marks = "".join(
        f"<Placemark><name>{u['name']}</name><ExtendedData><Data name='code'><value>{u['code']}</value></Data></ExtendedData>"
        "<Polygon><outerBoundaryIs><LinearRing><coordinates>"
        + " ".join(f"{x!r},{y!r}" for x, y in u["geometry"]["coordinates"][0])
        + "</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>"
        for u in desk.units
    )
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Folder><name>x</name>\n'
    desk.files["units.kml"] = (
        head + marks.replace("<Placemark>", "\n<Placemark>") + "\n</Folder></Document></kml>\n"
    ).encode()
    desk.tree["area"]["units"] = {"path": "units.kml", "id": "code", "name": "name"}


def _gpkg(desk: Any) -> None:
    desk.units_layer("units.gpkg")


def _shp(desk: Any) -> None:
    desk.units_layer("units.shp", encoding="GBK")


def _corrected(desk: Any) -> None:
    rows = [
        ("source", "id", "field", "old", "new", "reason", "by"),
        ("facilities.csv", "002", "类别", "乡镇卫生院", "村卫生室", "x", "y"),
    ]
    desk.table("corrections.csv", rows)
    desk.tree["study"]["corrections"] = "corrections.csv"


def _lines(desk: Any) -> None:
    desk.lines(desk.streets())


def _pbf(desk: Any) -> None:
    import osmium

    def write(path: Path) -> None:
        desk._roads(path.with_name("roads.osm"))
        with osmium.SimpleWriter(str(path), overwrite=True) as writer:
            for one in osmium.FileProcessor(str(path.with_name("roads.osm"))):
                writer.add(one)

    desk.files["roads.osm.pbf"] = write
    desk.tree["roads"] = {"osm": "roads.osm.pbf"}


def _graphml(desk: Any) -> None:
    from tests.small_study import lonlat

    places = sorted({place for one in desk.ways for place in one.nodes})
    number = {place: k for k, place in enumerate(places, start=1)}
    keys = {"crs": "graph", "x": "node", "y": "node", "osmid": "edge", "highway": "edge", "length": "edge"}
    lines = ["<?xml version='1.0' encoding='utf-8'?>", '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">']
    lines += [f'<key id="{key}" for="{of}" attr.name="{key}" attr.type="string"/>' for key, of in keys.items()]
    lines += ['<graph edgedefault="directed"><data key="crs">epsg:4326</data>']
    for place, k in number.items():
        lon, lat = lonlat(*place)
        lines.append(f'<node id="{k}"><data key="x">{lon}</data><data key="y">{lat}</data></node>')
    for k, one in enumerate(desk.ways, start=1):
        for a, b in zip(one.nodes, one.nodes[1:], strict=False):
            data = f'<data key="osmid">{k}</data><data key="highway">residential</data><data key="length">500.0</data>'
            lines += [
                f'<edge source="{number[p]}" target="{number[q]}" id="0">{data}</edge>' for p, q in ((a, b), (b, a))
            ]
    desk.files["roads.graphml"] = "\n".join([*lines, "</graph></graphml>", ""]).encode()
    desk.tree["roads"] = {"graphml": "roads.graphml"}


_STUDIES: dict[str, tuple[Callable[[Any], None], tuple[str, ...]]] = {
    "csv": (_plain, ("facilities.csv", "census.csv")),
    "xlsx": (_book, ("facilities.xlsx",)),
    "geojson": (_plain, ("units.geojson",)),
    "tif": (_plain, ("people.tif",)),
    "osm": (_plain, ("roads.osm",)),
    "toml": (_plain, ("study.toml",)),
    "points": (_points, ("people.csv",)),
    "table": (_table, ("table.csv",)),
    "kml": (_kml, ("units.kml",)),
    "gpkg": (_gpkg, ("units.gpkg",)),
    "shp": (_shp, ("units.shp", "units.shx", "units.dbf", "units.prj", "units.cpg")),
    "lines": (_lines, ("lines.geojson",)),
    "pbf": (_pbf, ("roads.osm.pbf",)),
    "graphml": (_graphml, ("roads.graphml",)),
    "corrections": (_corrected, ("corrections.csv",)),
}


# -- mutations


def flips(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    # most damage is done in the head, which says what the rest is
    head = min(len(changed), rng.choice([64, 512, len(changed) or 1]))
    for _ in range(rng.choice([1, 2, 5, 20])):
        if head:
            changed[rng.randrange(head)] = rng.randrange(256)
    return bytes(changed)


def cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def without(content: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(content) + 1)
    return content[:at] + content[at + rng.choice([1, 4, 100, 1000]) :]


def doubled(content: bytes, rng: random.Random) -> bytes:
    at, size = rng.randrange(len(content) + 1), rng.choice([1, 4, 100, 1000])
    return content[: at + size] + content[at:]


def inserted(content: bytes, rng: random.Random) -> bytes:
    at = rng.choice([0, len(content), rng.randrange(len(content) + 1)])
    more = rng.choice(
        [
            b"\x00",
            b"\xef\xbb\xbf",
            b"\xff\xfe",
            b"\x1b[2J",
            b"\x1a",
            b"\x80\xff",
            b"\x00" * 4096,
            rng.choice(HOSTILE).encode(),
        ]
    )
    return content[:at] + more + content[at:]


def nothing(content: bytes, rng: random.Random) -> bytes:
    return rng.choice([b"", b"\n", b"\x00" * 100, rng.randbytes(300), content[::-1]])


def line_edit(content: bytes, rng: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    if not lines:
        return content
    k, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    how = rng.randrange(4)
    if how == 0:
        del lines[k]
    elif how == 1:
        lines.insert(other, lines[k])
    elif how == 2:
        lines[k], lines[other] = lines[other], lines[k]
    else:
        lines = lines[:1] + lines[1:] * rng.choice([2, 50])
    return b"".join(lines)


def column_edit(content: bytes, rng: random.Random) -> bytes:
    rows = [line.split(b",") for line in content.splitlines()]
    width = min((len(row) for row in rows), default=0)
    if width < 2:
        return content
    a, b, how = rng.randrange(width), rng.randrange(width), rng.randrange(3)
    for row in rows[rng.choice([0, 0, 1]) :]:
        if how == 0:
            row[a], row[b] = row[b], row[a]
        elif how == 1:
            row[a] = b""
        else:
            row[a] = rng.choice(HOSTILE).encode()
    return b"\n".join(b",".join(row) for row in rows) + b"\n"


def word_edit(content: bytes, rng: random.Random) -> bytes:
    """Put something hostile in place of some words or numbers."""
    text = content.decode("utf-8", "surrogateescape")
    words = list(re.finditer(r"-?[0-9]+\.?[0-9]*|[\w./]+", text))
    for word in sorted(rng.sample(words, min(len(words), rng.choice([1, 1, 3, 30]))), key=lambda w: -w.start()):
        text = text[: word.start()] + rng.choice(HOSTILE) + text[word.end() :]
    return text.encode("utf-8", "surrogatepass" if "\ud800" in text else "surrogateescape")


def encoded(content: bytes, rng: random.Random) -> bytes:
    text = content.decode("utf-8", "replace")
    return text.encode(rng.choice(["utf-16", "utf-16-le", "gb18030", "utf-8-sig", "utf-32", "latin-1"]), "replace")


def json_edit(content: bytes, rng: random.Random) -> bytes:
    """Spoil the tree of a JSON file, or nest it deeply."""
    if rng.random() < 0.15:
        depth = rng.choice([100, 2000, 100_000])
        deep = b"[" * depth + b"]" * rng.choice([depth, 0])
        return rng.choice([deep, content.replace(b"[[[", b"[[[" + deep + b",", 1), b'{"a":' * depth])
    tree = json.loads(content)
    for _ in range(rng.choice([1, 3])):
        at: Any = tree
        while True:
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            if not keys:
                break
            key = rng.choice(keys)
            if isinstance(at[key], (dict, list)) and at[key] and rng.random() < 0.8:
                at = at[key]
                continue
            at[key] = rng.choice(
                [
                    None,
                    [],
                    {},
                    1e308,
                    -1,
                    True,
                    "x",
                    [[[]]],
                    float("nan"),
                    10**30,
                    rng.choice(HOSTILE),
                    {"type": "Point"},
                ]
            )
            break
    return json.dumps(tree).encode()


def xml_edit(content: bytes, rng: random.Random) -> bytes:
    head, mark, rest = content.partition(b"?>")
    lol = (
        b'<!DOCTYPE x [<!ENTITY lol "lol"><!ENTITY l2 "&lol;&lol;&lol;&lol;"><!ENTITY e SYSTEM "file:///etc/passwd">]>'
    )
    choice = rng.randrange(5)
    if choice == 0:
        return head + mark + lol + rest
    if choice == 1:
        return head + mark + lol + rest.replace(b"residential", b"&l2;&e;", 2)
    if choice == 2:
        return head + mark + b"<a>" * rng.choice([300, 100_000]) + rest
    if choice == 3:
        return re.sub(
            rb'"[^"]*"', lambda m: b'"' + rng.choice(HOSTILE).encode() + b'"' if rng.random() < 0.02 else m[0], content
        )
    return content.replace(b"UTF-8", rng.choice([b"UTF-16", b"utf-7", b"x-nothing", b"EBCDIC-CP-US"])).replace(
        b"utf-8", b"utf-16"
    )


def zip_edit(content: bytes, rng: random.Random) -> bytes:
    """Spoil a part of a workbook, or add one that does harm where it is unpacked."""
    parts: dict[str, bytes] = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    choice = rng.randrange(6)
    name = rng.choice(sorted(parts))
    if choice == 0:
        parts[name] = b"\x00" * (64 << 20)
    elif choice == 1:
        parts["../../../x" if rng.random() < 0.5 else "/tmp/x"] = b"x"
    elif choice == 2:
        del parts[name]
    else:
        parts[name] = rng.choice([flips, cut, word_edit, xml_edit, line_edit])(parts[name], rng)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, body in parts.items():
            archive.writestr(part, body)
    return target.getvalue()


def book_edit(content: bytes, rng: random.Random) -> bytes:
    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(content))
    sheet = book.worksheets[0]
    for _ in range(rng.choice([1, 3, 20])):
        value = rng.choice([rng.choice(HOSTILE), 1e308, -1, True, None, 10**17, "=1/0"])
        # openpyxl itself refuses characters a workbook cannot hold
        with contextlib.suppress(openpyxl.utils.exceptions.IllegalCharacterError, ValueError):
            sheet.cell(rng.randrange(1, 10), rng.randrange(1, 10)).value = value
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def sql_edit(content: bytes, rng: random.Random) -> bytes:
    statements = (
        "UPDATE gpkg_contents SET table_name = '../../x'", "UPDATE gpkg_contents SET srs_id = 99", "DROP TABLE gpkg_contents",
        "DELETE FROM gpkg_geometry_columns", "UPDATE units SET geom = X'47500001E6100000FF'", "UPDATE units SET geom = zeroblob(100)",
        "UPDATE units SET geom = NULL", "UPDATE units SET code = NULL", "UPDATE units SET code = X'00FF'", "UPDATE units SET name = 1e308",
        "UPDATE gpkg_spatial_ref_sys SET definition = 'x'", "UPDATE gpkg_contents SET min_x = 'x'", "DELETE FROM units",
        "ALTER TABLE units ADD COLUMN \"a;b'c\" TEXT", "CREATE VIEW v AS SELECT * FROM units", "UPDATE units SET fid = -fid",
        "UPDATE gpkg_geometry_columns SET geometry_type_name = 'NONSENSE'", "UPDATE gpkg_geometry_columns SET column_name = 'x'",
        "INSERT INTO gpkg_contents (table_name, data_type) VALUES ('y', 'features')", "PRAGMA user_version = 99999", "PRAGMA journal_mode = WAL",
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.gpkg"
        path.write_bytes(content)
        base = sqlite3.connect(path)
        with contextlib.suppress(sqlite3.Error):
            for statement in rng.sample(statements, rng.choice([1, 1, 2])):
                base.execute(statement)
                base.commit()
        base.close()
        return path.read_bytes()


def tag_edit(content: bytes, rng: random.Random) -> bytes:
    """Change values of a TIFF directory: sizes, types, offsets."""
    changed = bytearray(content)
    (start,) = struct.unpack_from("<I", changed, 4)
    if start + 2 > len(changed):
        return content
    (count,) = struct.unpack_from("<H", changed, start)
    for _ in range(rng.choice([1, 2])):
        entry = start + 2 + 12 * rng.randrange(count)
        field, form = rng.choice([(0, "<H"), (2, "<H"), (4, "<I"), (8, "<I"), (8, "<I"), (8, "<H")])
        value = rng.choice([0, 1, 2, 3, 7, 255, 65535, 2**31, 2**32 - 1, rng.randrange(2**32)])
        struct.pack_into(form, changed, entry + field, value & (0xFFFF if form == "<H" else 0xFFFFFFFF))
    return bytes(changed)


def head_edit(content: bytes, rng: random.Random) -> bytes:
    """Change whole numbers in the head of a binary file, of either byte order."""
    changed = bytearray(content)
    for _ in range(rng.choice([1, 2, 4])):
        if len(changed) >= 8:
            at = rng.randrange(min(len(changed), 120) - 4)
            struct.pack_into(
                rng.choice(["<i", ">i"]), changed, at, rng.choice([0, 1, -1, 2**31 - 1, -(2**31), 100, 1000])
            )
    return bytes(changed)


BYTES = (flips, flips, cut, without, doubled, inserted, nothing)
TEXT = (*BYTES, line_edit, line_edit, word_edit, word_edit, word_edit, encoded)
XML = (*TEXT, xml_edit, xml_edit, xml_edit)
MUTATIONS: dict[str, tuple[Callable[[bytes, random.Random], bytes], ...]] = {
    ".csv": (*TEXT, column_edit, column_edit, column_edit),
    ".xlsx": (*BYTES, *[zip_edit] * 5, *[book_edit] * 5),
    ".geojson": (*TEXT, *[json_edit] * 6),
    ".tif": (*BYTES, *[tag_edit] * 8),
    ".osm": XML,
    ".kml": XML,
    ".graphml": XML,
    ".toml": TEXT,
    ".gpkg": (*BYTES, *[sql_edit] * 5, head_edit),
    ".shp": (*BYTES, *[head_edit] * 5),
    ".shx": (*BYTES, *[head_edit] * 2),
    ".dbf": (*BYTES, *[head_edit] * 5),
    ".prj": TEXT,
    ".cpg": TEXT,
    ".pbf": (*BYTES, head_edit),
}


def mutated(number: int) -> tuple[str, str, dict[str, bytes]]:
    """Return what was done to which file, and the files of the study, of the mutation with a number."""
    rng = random.Random(number)
    # the last kind, corrections, in turn with the others
    kind = kinds()[-1] if number % 20 == 19 else kinds()[number % (len(kinds()) - 1)]
    target = rng.choice(kind.targets)
    files = dict(kind.files)
    if rng.random() < 0.04:
        other = rng.choice(kinds())
        files[target] = other.files[rng.choice(other.targets)]
        return f"{kind.name}: {target} is a file of {other.name}", target, files
    change = rng.choice(MUTATIONS[Path(target).suffix])
    files[target] = change(files[target], rng)
    return f"{kind.name}: {target} {change.__name__}", target, files


# -- one mutation


class Watch:
    """Hears of every file opened for writing and every connection."""

    def __init__(self) -> None:
        self.folder = ""
        self.found: list[str] = []
        sys.addaudithook(self.hear)

    def hear(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.folder:
            return
        if event.startswith("socket.") and event not in ("socket.__new__", "socket.gethostname"):
            self.found.append(f"{event} {args[1:]!r}")
        elif event in ("os.system", "subprocess.Popen", "os.exec", "os.posix_spawn"):
            self.found.append(f"{event} {args!r}")
        elif event == "open" and isinstance(args[0], str) and isinstance(args[2], int):
            writes = args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            if writes and not args[0].startswith((self.folder, "/dev/null")):
                self.found.append(f"written {args[0]}")


def listing(folder: Path) -> dict[str, str]:
    """Return the files below a folder with their hashes."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def judged(folder: Path) -> tuple[str, str]:
    """Check and run the study in a folder; return the outcome and what it was."""
    import servicecircle
    from servicecircle.errors import StudyError
    from servicecircle.flow import check
    from servicecircle.study import load_study
    from servicecircle.text import sentence

    def said(problems: Any) -> str:
        for one in problems:
            assert sentence("zh", one)
            assert sentence("en", one)
        return ", ".join(sorted({one.key for one in problems}))

    try:
        study = load_study(folder / "study.toml")
    except StudyError as error:
        return "refused", said(error.problems)
    report = check(study)
    said((*report.problems, *report.notices, *(row.reason for row in report.set_aside)))
    if report.problems:
        return "refused", said(report.problems)
    try:
        results = servicecircle.run(study)
    except StudyError as error:
        return "refused by run alone", said(error.problems)
    if max((line.gap for line in results.ledger), default=0.0) > 1e-9:
        return "LEDGER", str(results.ledger)
    return ("read with notices", said(report.notices)) if len(report.notices) > 1 else ("read", "")


def outcome_of(number: int, watch: Watch) -> dict[str, Any]:
    """Write the study of a mutation, judge it and look at what was left behind."""
    what, _, files = mutated(number)
    base = Path(tempfile.mkdtemp(prefix="mutation-"))
    study, here, temporary = (base / name for name in ("study", "here", "tmp"))
    for folder in (study, here, temporary):
        folder.mkdir()
    for name, content in files.items():
        (study / name).write_bytes(content)
    before = listing(base)
    outside = Path.cwd()
    old_tmp, tempfile.tempdir = tempfile.tempdir, str(temporary)
    os.chdir(here)
    watch.found, watch.folder = [], str(base)
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            result, detail = judged(study)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the result of the test
        result, detail = f"FAULT {type(error).__name__}", traceback.format_exc()[-1800:]
        warned = []
    finally:
        watch.folder = ""
        os.chdir(outside)
        tempfile.tempdir = old_tmp
    if watch.found:
        result, detail = "WRITTEN", "; ".join(watch.found)
    elif listing(base) != before:
        result, detail = "WRITTEN", str(set(listing(base).items()) ^ set(before.items()))
    shutil.rmtree(base, ignore_errors=True)
    # rasterio 1.4 multiplies transforms the old way
    warned = [one for one in warned if "`@` matmul" not in str(one.message)]
    told = sorted({f"{one.category.__name__}: {one.message}"[:200] for one in warned})
    return {"number": number, "what": what, "outcome": result, "detail": detail, "warned": told}


def worker() -> None:
    """Answer the numbers on the standard input."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    answers, sys.stdout = sys.stdout, sys.stderr
    kinds()
    watch = Watch()
    for line in sys.stdin:
        print(json.dumps(outcome_of(int(line), watch)), file=answers, flush=True)


# -- the supervisor


class Worker:
    """A process that judges mutations, one at a time."""

    def __init__(self) -> None:
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONFAULTHANDLER": "1"}
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the worker
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.mutations", "worker"], cwd=ROOT, env=environment, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.errors, text=True,
        )  # fmt: skip

    def ask(self, number: int) -> dict[str, Any]:
        """Return the outcome of a mutation; that of a hang or a crash ends the process."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{number}\n")
        self.process.stdin.flush()
        ready, _, _ = select.select([self.process.stdout], [], [], LIMIT_S)
        line = self.process.stdout.readline() if ready else ""
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        result = "CRASH" if ready else "HANG"
        self.process.kill()
        self.process.wait()
        self.errors.seek(0)
        detail = self.errors.read()[-1500:].decode("utf-8", "replace")
        return {"number": number, "what": mutated(number)[0], "outcome": result, "detail": detail, "warned": []}

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def close(self) -> None:
        """End the process and everything that is open to it."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):  # what a dead process was still to be told
                    stream.close()


def outcomes(numbers: range) -> Iterator[dict[str, Any]]:
    """Judge mutations one after another in a process that is started again where one is lost."""
    at_work = Worker()
    try:
        for number in numbers:
            if not at_work.alive:
                at_work.close()
                at_work = Worker()
            yield at_work.ask(number)
    finally:
        at_work.close()


def bad(outcome: dict[str, Any]) -> bool:
    """Return whether an outcome is a fault: they are written in capitals."""
    return bool(outcome["outcome"].split()[0].isupper())


def main() -> None:
    count, first = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    counts: Counter[str] = Counter()
    for one in outcomes(range(first, first + count)):
        counts[one["outcome"]] += 1
        if bad(one) or one["warned"] or one["outcome"] == "refused by run alone":
            print(json.dumps(one, ensure_ascii=False), flush=True)
        if one["number"] % 100 == 99:
            print(dict(counts), flush=True)
    print(dict(counts))


if __name__ == "__main__":
    worker() if sys.argv[1:] == ["worker"] else main()

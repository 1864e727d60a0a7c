"""The house: a room imports only from rooms to its left; computing rooms touch no files; only the command line sets up logging."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[1] / "src" / "coverage" / "servicecircle"
LADDER = "errors text geo standards study inputs demand travel analysis siting cases results assemble outputs doctor flow sample starter console cli".split()
NO_FILES = {"analysis", "siting", "cases", "results"}
FILE_CALLS = set(
    "open read_text write_text read_bytes write_bytes read_file read_csv read_excel read_parquet to_file to_csv to_excel to_parquet savefig".split()
)
FILE_MODULES = {
    "io",
    "os",
    "pathlib",
    "pyogrio",
    "rasterio",
    "osmium",
    "shutil",
    "sqlite3",
    "tempfile",
    "openpyxl",
    "xlsxwriter",
}
LOGGING_ROOMS = {"console", "cli"}
LOGGING_CALLS = {"addHandler", "basicConfig", "captureWarnings", "dictConfig", "fileConfig", "setLevel"}
NETWORK_MODULES = {"aiohttp", "ftplib", "http", "httpx", "osmnx", "requests", "urllib", "urllib3"}

#: The one module that may ask the network, in one function.
NETWORK_HOME = HOUSE / "inputs" / "road_download.py"
NETWORK_CALLS = {"create_connection", "getaddrinfo", "socket", "urlopen"}  # asking a host name is none


def modules(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "servicecircle":
            yield from (f"servicecircle.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or f"relative import, level {node.level}"


def calls(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield getattr(node.func, "attr", getattr(node.func, "id", ""))


def faults(room: str, code: str) -> list[str]:
    tree = ast.parse(code)
    found = []
    for module in modules(tree):
        first, _, rest = module.partition(".")
        target = rest.partition(".")[0]
        if first == "servicecircle" and target in LADDER and LADDER.index(target) > LADDER.index(room):
            found.append(f"{room} imports {module}")
        if first == "servicecircle" and target not in [*LADDER, "__version__"]:
            found.append(f"{room} imports {module}, which is no room")
        if first in NETWORK_MODULES or first.startswith("relative"):
            found.append(f"{room} imports {module}")
        if room in NO_FILES and first in FILE_MODULES:
            found.append(f"{room} imports {module}")
    for call in calls(tree):
        if (room in NO_FILES and call in FILE_CALLS) or (room not in LOGGING_ROOMS and call in LOGGING_CALLS):
            found.append(f"{room} calls {call}")
        if call in NETWORK_CALLS:
            found.append(f"{room} calls {call}")
    return found


def sources() -> list[Path]:
    return sorted(path for path in HOUSE.rglob("*.py") if path != HOUSE / "__init__.py")


def test_every_module_stands_in_a_room_and_keeps_the_ladder() -> None:
    found = []
    for path in sources():
        room = path.relative_to(HOUSE).parts[0].removesuffix(".py")
        assert room in LADDER, f"{path}: {room} is no room of the ladder"
        asks = ["inputs imports osmnx", "inputs imports requests", "inputs imports urllib.parse"]
        allowed = asks if path == NETWORK_HOME else []
        code = path.read_text(encoding="utf-8")
        found += [f"{path.name}: {fault}" for fault in faults(room, code) if fault not in allowed]
    assert len(sources()) >= 15
    assert found == []


def test_one_function_asks_the_network() -> None:
    tree = ast.parse(NETWORK_HOME.read_text(encoding="utf-8"))
    askers = [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and {"osmnx", "requests"} & set(modules(node))
    ]
    assert askers == ["_download"]
    at_import = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert not {"osmnx", "requests"} & {module for node in at_import for module in modules(node)}


@pytest.mark.parametrize(
    ("room", "code"),
    [
        ("geo", "from servicecircle.study import Study"),
        ("analysis", "from servicecircle import cli"),
        ("analysis", "import servicecircle.outputs.publish"),
        ("siting", "frame.to_csv('x')"),
        ("results", "import pathlib"),
        ("inputs", "import logging\nlogging.basicConfig()"),
        ("inputs", "import urllib.request"),
        ("inputs", "socket.create_connection(address)"),
        ("inputs", "from . import roads"),
        ("inputs", "from servicecircle.helpers import x"),
    ],
)
def test_the_ladder_test_bites(room: str, code: str) -> None:
    assert len(faults(room, code)) == 1


def test_no_module_named_coverage_and_no_package_above_the_house() -> None:
    assert not (HOUSE.parent / "__init__.py").exists()
    assert [path for path in HOUSE.rglob("coverage*") if path.suffix in {"", ".py"}] == []


def test_modules_stay_below_500_lines() -> None:
    long = {path.name: n for path in sources() if (n := len(path.read_text(encoding="utf-8").splitlines())) > 500}
    assert long == {}

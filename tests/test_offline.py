"""Installation without internet: the project's own wheel is whole, and Windows finds wheels of what is compiled."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT, missing

PACKAGE = ROOT / "src" / "coverage" / "servicecircle"


@pytest.fixture(scope="module")
def asking():
    """The script that asks the index, as a module."""
    spec = importlib.util.spec_from_file_location("windows_wheels", ROOT / "scripts" / "windows_wheels.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(*command: str | Path, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False, **options)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory, asking):
    folder = tmp_path_factory.mktemp("wheels")
    done = run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, ROOT)
    if done.returncode != 0 and not asking.versions(asking.PROBE):
        missing("no package index answers: the wheel cannot be built")
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        packed = {n: archive.read(n) for n in archive.namelist() if ".dist-info/" not in n}
    own = {p for p in PACKAGE.rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    source = {p.relative_to(PACKAGE.parent).as_posix(): p.read_bytes() for p in own}
    assert len(source) > 80
    assert {"servicecircle/text/zh.toml", "servicecircle/outputs/webmap/map.js"} <= set(source)
    assert {name for name in packed if packed[name] != source.get(name)} == set()
    assert set(packed) == set(source)


@pytest.mark.slow
def test_the_wheel_installs_without_an_index_and_imports(wheel, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    options = ("--no-index", "--find-links", wheel.parent, "--no-deps", "-q")
    done = run(python, "-I", "-m", "pip", "install", *options, "servicecircle")
    assert done.returncode == 0, done.stderr
    done = run(python, "-I", "-c", "import servicecircle as s; print(s.__version__, s.__file__)", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    version, path = done.stdout.split(maxsplit=1)
    assert version == wheel.name.split("-")[1]
    assert Path(path.strip()).is_relative_to(tmp_path)


def test_the_readme_states_the_two_commands():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert "python -m pip wheel -w wheels -c constraints.txt ." in lines
    assert "python -m pip install --no-index --find-links wheels servicecircle" in lines


@pytest.mark.slow  # the locked versions' needs: the oldest versions have others
def test_what_is_asked_for_windows_is_what_is_compiled(asking):
    needed = asking.needed_on_windows()
    assert {
        "numpy",
        "pydantic-core",
        "markupsafe",
        "rasterio",
        "folium",
        "colorama",
    } <= needed  # the last for click on Windows
    assert needed.isdisjoint({"pytest", "matplotlib", "servicecircle"})
    assert {name for name in ("numpy", "pyogrio", "pydantic-core", "folium", "xlsxwriter", "tzdata") if asking.is_compiled(name)} == {
        "numpy", "pyogrio", "pydantic-core",
    }  # fmt: skip


@pytest.mark.slow
def test_every_compiled_dependency_has_a_windows_wheel_at_the_locked_version(asking, capsys):
    code = asking.main()
    said = capsys.readouterr().out
    if code == asking.NO_INDEX:
        missing("no package index answers: Windows wheels were not asked for")
    assert code == 0, said
    assert len(said.splitlines()) > 10
    assert "MISSING" not in said


def test_a_missing_wheel_is_named(asking, monkeypatch, capsys):
    monkeypatch.setattr(
        asking, "versions", lambda name, *target: ["0.0.1"] if name == "numpy" else list(asking.locked().values())
    )
    assert asking.main() == asking.MISSING
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines() if line.startswith("MISSING")] == ["numpy"]
    monkeypatch.setattr(asking, "versions", lambda *_: [])
    assert asking.main() == asking.NO_INDEX

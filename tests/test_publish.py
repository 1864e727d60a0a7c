"""The output folder: all of it or nothing, whatever happens while it is written."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from servicecircle.errors import StudyError
from servicecircle.outputs import folder as folder_module
from servicecircle.outputs import publish as publish_module
from servicecircle.outputs.folder import hold
from servicecircle.outputs.publish import publish
from servicecircle.outputs.record import FILES, recorded_names
from servicecircle.text.text import sentence
from tests.conftest import ROOT, missing
from tests.fake_results import fake_results, fake_study

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="LEFT OUT: written for POSIX file systems")


@pytest.fixture(scope="module")
def first():
    return fake_results()


@pytest.fixture(scope="module")
def second():
    return fake_results(study=fake_study(name="第二次（合成数据）"))


RASTERS = {"travel_time_sample-S01_walk.tif", "travel_time_sample-S01_drive.tif"}
EVERYTHING = set(FILES) | RASTERS


def contents(path: Path) -> dict[str, bytes]:
    return {str(p.relative_to(path)): p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file()}


def hidden(path: Path) -> list[str]:
    return sorted(p.name for p in path.iterdir() if p.name.startswith(".servicecircle"))


def keys(error: pytest.ExceptionInfo[StudyError]) -> list[str]:
    return [p.key for p in error.value.problems]


def is_whole(path: Path) -> bool:
    """Return whether a folder holds exactly what its run.json says."""
    tree = json.loads((path / "run.json").read_text(encoding="utf-8"))
    listed = {e["name"]: (e["size"], e["sha256"]) for e in tree["files"]}
    found = {
        n: (len(c), hashlib.sha256(c).hexdigest())
        for n, c in contents(path).items()
        if n not in ("run.json", "run.log")
    }
    return found == listed and set(listed) | {"run.json", "run.log"} == EVERYTHING


# the set -------------------------------------------------------------------------------------------------------------


def test_exactly_the_promised_files(tmp_path, first):
    start = publish(first, tmp_path / "maps" / "县", command="servicecircle run 县.toml", log_lines=["12:00 begun"])
    assert start == tmp_path / "maps" / "县" / "start.html"
    assert sorted(p.name for p in start.parent.iterdir()) == sorted(
        "start.html map.html gaps.csv gaps.xlsx sites.csv units.csv scorecard.csv scorecard.html scorecard.xlsx criteria.csv shortfalls.csv ranges.csv study.gpkg set_aside.csv fields.csv "
        "travel_time_sample-S01_drive.tif travel_time_sample-S01_walk.tif run.log run.json".split()
    )
    assert is_whole(start.parent)
    assert (start.parent / "run.log").read_text(encoding="utf-8") == "$ servicecircle run 县.toml\n12:00 begun\n"
    publish(first, start.parent, log_lines=["12:01"])
    assert (start.parent / "run.log").read_text(encoding="utf-8") == "12:01\n"
    assert hidden(tmp_path / "maps") == []
    assert oct(start.parent.stat().st_mode) == oct((tmp_path / "maps").stat().st_mode)


def test_a_second_run_replaces_the_first(tmp_path, first, second):
    target = tmp_path / "out"
    publish(first, target)
    target.chmod(0o750)
    old = contents(target)
    publish(second, target)
    assert is_whole(target)
    assert contents(target)["run.json"] != old["run.json"]
    assert target.stat().st_mode & 0o777 == 0o750
    assert hidden(tmp_path) == []


def test_an_empty_folder_and_a_link_to_a_folder(tmp_path, first, second):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for results in (first, second):
        publish(results, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert is_whole(tmp_path / "real")


def test_a_relative_folder(tmp_path, first, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert publish(first, "out") == Path("out/start.html")
    assert is_whole(tmp_path / "out")


SAME = """
import sys
from servicecircle.outputs.publish import publish
from tests.fake_results import fake_results
publish(fake_results(), sys.argv[1], command=sys.argv[1], log_lines=[sys.argv[1]])
"""


def run_script(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "src" / "coverage"), os.environ.get("PYTHONPATH", "")])
    full = os.environ | {"PYTHONPATH": paths} | environment
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False, env=full, cwd=ROOT
    )


def test_equal_bytes_in_another_folder_hash_seed_zone_and_locale(tmp_path):
    folders = [tmp_path / "a", tmp_path / "a much longer name, 另一处" / "b"]
    environments = [
        {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C.UTF-8"},
        {"PYTHONHASHSEED": "77", "TZ": "Asia/Shanghai", "LC_ALL": "C"},
    ]
    for folder, environment in zip(folders, environments, strict=True):
        done = run_script(SAME, str(folder), **environment)
        assert done.returncode == 0, done.stderr
    first, second = map(contents, folders)
    assert {name for name in first if first[name] != second[name]} == {"run.log"}
    assert set(first) == EVERYTHING
    assert not [n for n, c in second.items() if n != "run.log" and (b"/tmp" in c or str(tmp_path).encode() in c)]


CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
static long later(void) { const char *s = getenv("SECONDS_LATER"); return s ? atol(s) : 0; }
time_t time(time_t *t) { time_t now = REAL(time)(0) + later(); if (t) *t = now; return now; }
int gettimeofday(struct timeval *t, void *z) { int r = REAL(gettimeofday)(t, z); t->tv_sec += later(); return r; }
int clock_gettime(clockid_t c, struct timespec *t) {
    int r = REAL(clock_gettime)(c, t);
    if (c == CLOCK_REALTIME) t->tv_sec += later();
    return r;
}
"""

AT_ITS_TIME = SAME + "import time; print(time.localtime().tm_year)"


def test_equal_bytes_in_another_year(tmp_path):
    """Every clock a library may read is years ahead in the second run: the system's, not only Python's."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        missing("no C compiler to build the other clock with")
    (tmp_path / "clock.c").write_text(CLOCK)
    command = [compiler, "-shared", "-fPIC", "-o", tmp_path / "clock.so", tmp_path / "clock.c", "-ldl"]
    subprocess.run(command, check=True)
    years = []
    for name, seconds in (("now", "0"), ("later", str(7 * 366 * 86_400))):
        done = run_script(
            AT_ITS_TIME, str(tmp_path / name), LD_PRELOAD=str(tmp_path / "clock.so"), SECONDS_LATER=seconds
        )
        assert done.returncode == 0, done.stderr
        years.append(int(done.stdout))
    assert years[1] - years[0] >= 7
    now, later = (contents(tmp_path / name) for name in ("now", "later"))
    assert {name for name in now if now[name] != later[name]} == {"run.log"}
    assert set(now) == EVERYTHING


# refusals ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("record", [None, "", "{}", '{"tool": "other", "files": []}'])
def test_a_foreign_folder_is_refused_and_untouched(tmp_path, first, record):
    target = tmp_path / "Documents"
    target.mkdir()
    (target / "letter.txt").write_text("dear")
    if record is not None:
        (target / "run.json").write_text(record)
    before = contents(target)
    with pytest.raises(StudyError) as error:
        publish(first, target)
    assert keys(error) == ["tables.foreign_folder"]
    assert "letter.txt" in sentence("en", error.value.problems[0])
    assert contents(target) == before
    assert hidden(tmp_path) == []


def test_a_file_in_place_of_the_folder(tmp_path, first):
    (tmp_path / "out").write_text("x")
    with pytest.raises(StudyError) as error:
        publish(first, tmp_path / "out")
    assert keys(error) == ["tables.not_a_folder"]


def test_a_stranger_with_the_name_of_a_result(tmp_path, first):
    target = tmp_path / "out"
    publish(first, target)
    tree = json.loads((target / "run.json").read_text(encoding="utf-8"))
    tree["files"] = [e for e in tree["files"] if e["name"] != "sites.csv"]
    (target / "run.json").write_text(json.dumps(tree))
    (target / "sites.csv").write_text("mine")
    with pytest.raises(StudyError) as error:
        publish(first, target)
    assert keys(error) == ["tables.in_the_way"]
    assert (target / "sites.csv").read_text() == "mine"


def test_a_place_that_cannot_be_written(first):
    with pytest.raises(StudyError) as error:
        publish(first, "/proc/1/nowhere/out")
    assert keys(error) == ["tables.cannot_write"]
    for language in ("zh", "en"):
        assert "/proc/1/nowhere" in sentence(language, error.value.problems[0])


# strangers -----------------------------------------------------------------------------------------------------------


def strangers_in(target: Path) -> None:
    (target / "study.qgz").write_bytes(b"project")
    (target / ".hidden").write_text("h")
    (target / "photos" / "2025").mkdir(parents=True)
    (target / "photos" / "2025" / "a.jpg").write_bytes(b"jpg")
    (target / "empty").mkdir()
    (target / "pointer").symlink_to("photos/2025/a.jpg")
    (target / "dangling").symlink_to("nowhere")
    (target / "study.gpkg-wal").write_bytes(b"of the old file")
    (target / "study.gpkg-shm").write_bytes(b"of the old file")
    (target / "travel_time_sample-S01_walk.tif.aux.xml").write_bytes(b"statistics of the old file")


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("swaps", [True, False])
def test_strangers_are_carried_over(tmp_path, first, second, monkeypatch, links, swaps):
    target = tmp_path / "out"
    publish(first, target)
    strangers_in(target)
    if not links:
        monkeypatch.setattr(os, "link", lambda *_, **__: (_ for _ in ()).throw(OSError(errno.EPERM, "no links")))
    if not swaps:
        monkeypatch.setattr(folder_module, "_swap", lambda *_: False)
    times = (target / "study.qgz").stat().st_mtime_ns
    publish(second, target)
    found = {p.name for p in target.iterdir()}
    assert found == EVERYTHING | {"study.qgz", ".hidden", "photos", "empty", "pointer", "dangling"}
    assert (target / "photos" / "2025" / "a.jpg").read_bytes() == b"jpg"
    assert (target / "dangling").readlink() == Path("nowhere")
    assert (target / "pointer").read_bytes() == b"jpg"
    assert (target / "study.qgz").stat().st_mtime_ns == times
    assert hidden(tmp_path) == []


def test_a_stranger_that_comes_during_the_run(tmp_path, first, second, monkeypatch):
    target = tmp_path / "out"
    publish(first, target)
    install = folder_module.Held._install

    def late(self, new):
        (target / "late.txt").write_text("late")
        return install(self, new)

    monkeypatch.setattr(folder_module.Held, "_install", late)
    publish(second, target)
    assert (target / "late.txt").read_text() == "late"


def test_what_cannot_be_carried_is_left_and_named(tmp_path, first, second, monkeypatch):
    target = tmp_path / "out"
    publish(first, target)
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: (_ for _ in ()).throw(OSError(errno.EBUSY, "busy")))
    with pytest.raises(StudyError) as error:
        publish(second, target)
    assert keys(error) == ["tables.left_aside"]
    assert Path(error.value.problems[0].values["aside"]).is_dir()
    assert is_whole(target)
    assert "第二次" in (target / "run.json").read_text(encoding="utf-8")


# failures while writing ----------------------------------------------------------------------------------------------


def failing(name: str, error: BaseException):
    """Return a stand-in for ``put`` that fails at one file after half of it is written."""

    def put(path: Path, content: bytes) -> None:
        if path.name == name:
            path.write_bytes(content[: len(content) // 2])
            raise error
        path.write_bytes(content)

    return put


@pytest.mark.parametrize("name", sorted(EVERYTHING - {"study.gpkg"}))
@pytest.mark.parametrize("fresh", [True, False])
def test_a_full_disk_at_each_file(tmp_path, first, second, monkeypatch, name, fresh):
    target = tmp_path / "out"
    if not fresh:
        publish(first, target)
        (target / "mine.txt").write_text("mine")
    before = contents(tmp_path)
    monkeypatch.setattr(
        publish_module, "put", failing(name, OSError(errno.ENOSPC, "No space left on device", str(target / name)))
    )
    with pytest.raises(StudyError) as error:
        publish(second, target)
    assert keys(error) == ["tables.cannot_write"]
    text = sentence("zh", error.value.problems[0])
    assert name in text
    assert "磁盘空间" in text
    assert contents(tmp_path) == before
    assert hidden(tmp_path) == []


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt(), SystemExit(143)])
@pytest.mark.parametrize("name", ["map.html", "run.json"])
def test_an_interrupt_leaves_the_old_set(tmp_path, first, second, monkeypatch, name, interrupt):
    target = tmp_path / "out"
    publish(first, target)
    before = contents(tmp_path)
    monkeypatch.setattr(publish_module, "put", failing(name, interrupt))
    with pytest.raises(type(interrupt)):
        publish(second, target)
    assert contents(tmp_path) == before
    assert hidden(tmp_path) == []


@pytest.mark.parametrize("step", ["sync_folder", "carry", "_swap"])
def test_a_failure_at_the_exchange(tmp_path, first, second, monkeypatch, step):
    target = tmp_path / "out"
    publish(first, target)
    before = contents(tmp_path)
    monkeypatch.setattr(folder_module, step, lambda *_: (_ for _ in ()).throw(OSError(errno.EIO, "I/O error")))
    with pytest.raises(StudyError) as error:
        publish(second, target)
    assert keys(error) == ["tables.cannot_write"]
    assert contents(tmp_path) == before
    assert hidden(tmp_path) == []


@pytest.mark.parametrize("error", [OSError(errno.EBUSY, "busy"), KeyboardInterrupt()])
def test_without_swapping_a_failed_second_step_is_undone(tmp_path, first, second, monkeypatch, error):
    target = tmp_path / "out"
    publish(first, target)
    before = contents(tmp_path)
    rename = Path.rename
    monkeypatch.setattr(folder_module, "_swap", lambda *_: False)

    def second_fails(self, other):
        if self.name.endswith("-new"):
            raise error
        return rename(self, other)

    monkeypatch.setattr(Path, "rename", second_fails)
    with pytest.raises((StudyError, KeyboardInterrupt)):
        publish(second, target)
    assert contents(tmp_path) == before
    assert hidden(tmp_path) == []


def test_a_run_killed_between_the_two_steps_is_mended(tmp_path, first):
    target = tmp_path / "out"
    publish(first, target)
    before = contents(target)
    tag = folder_module._tag(target)
    target.rename(tmp_path / f".servicecircle-99999-{tag}-old")
    (tmp_path / f".servicecircle-99999-{tag}-new").mkdir()
    (tmp_path / ".servicecircle-99999-000000000000-new").mkdir()  # of another folder: not ours to judge
    with hold(target):
        assert contents(target) == before
    assert hidden(tmp_path) == [".servicecircle-99999-000000000000-new"]


def test_a_layer_file_that_does_not_read_back_whole(tmp_path, first, monkeypatch):
    module = sys.modules["servicecircle.outputs.layers"]
    write = module._write

    def loses_a_row(frame, path, layer, family):
        write(frame.iloc[1:] if layer == "gaps" else frame, path, layer, family)

    monkeypatch.setattr(module, "_write", loses_a_row)
    with pytest.raises(StudyError) as error:
        publish(first, tmp_path / "out")
    assert keys(error) == ["tables.cannot_write"]
    text = sentence("en", error.value.problems[0])
    assert str(tmp_path / "out" / "study.gpkg") in text
    assert ".servicecircle" not in text
    assert hidden(tmp_path) == []


LIMITED = """
import json, resource, signal, sys
from pathlib import Path
from servicecircle.errors import StudyError
from servicecircle.outputs.publish import publish
from servicecircle.text.text import sentence
from tests.fake_results import fake_results
from tests.test_publish import contents, hidden
results, target = fake_results(), Path(sys.argv[1]) / "out"
publish(results, target)
before, said = contents(target), []
for limit in json.loads(sys.argv[2]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        publish(results, target)
    except StudyError as error:
        said.append(sentence("en", error.problems[0]))
    else:
        said.append("")
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert contents(target) == before, limit
    assert hidden(target.parent) == [], limit
print(json.dumps(said))
"""


def test_files_that_may_not_grow(tmp_path):
    """A real limit of the system: every file larger than the limit fails in the middle of a write."""
    sizes = {n: len(c) for n, c in contents(publish(fake_results(), tmp_path / "sizes").parent).items()}
    limits = [
        200,
        1000,
        5000,
        20_000,
        40_000,
        100_000,
        sizes["map.html"] - 1,
        sizes["study.gpkg"] - 1,
        sizes["study.gpkg"] + 200_000,
    ]
    done = run_script(LIMITED, str(tmp_path), json.dumps(limits))
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert [bool(text) for text in said] == [limit < max(sizes.values()) for limit in limits]
    assert all(
        "cannot be written" in text and str(tmp_path / "out") in text and ".servicecircle-" not in text
        for text in said
        if text
    )


SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/types.h>
static long left = -1;
void fail_at(long k) { left = k; }
long writes_left(void) { return left; }
static int full(int fd) {
    char link[64], path[4096];
    if (left < 0) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n <= 0) return 0;
    path[n] = 0;
    if (!strstr(path, ".servicecircle-") || strstr(path, ".lock")) return 0;
    if (left > 1) { left--; return 0; }
    left = 1;
    errno = ENOSPC;
    return 1;
}
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
ssize_t write(int fd, const void *b, size_t n) { return full(fd) ? -1 : REAL(write)(fd, b, n); }
ssize_t pwrite(int fd, const void *b, size_t n, off_t o) { return full(fd) ? -1 : REAL(pwrite)(fd, b, n, o); }
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t o) { return full(fd) ? -1 : REAL(pwrite64)(fd, b, n, o); }
int fsync(int fd) { return full(fd) ? -1 : REAL(fsync)(fd); }
int ftruncate(int fd, off_t o) { return full(fd) ? -1 : REAL(ftruncate)(fd, o); }
int ftruncate64(int fd, off64_t o) { return full(fd) ? -1 : REAL(ftruncate64)(fd, o); }
"""

FULL_AT_EACH = """
import ctypes, json, sys
from pathlib import Path
from servicecircle.errors import StudyError
from servicecircle.outputs.publish import publish
from tests.fake_results import fake_results, fake_study
from tests.test_publish import contents, hidden, is_whole
shim = ctypes.CDLL(sys.argv[2])
old, new, target = fake_results(), fake_results(study=fake_study(name="new")), Path(sys.argv[1]) / "out"
publish(old, target)
before, failed = contents(target), 0
shim.fail_at(10**9)
publish(old, target)
total = 10**9 - shim.writes_left()
for k in [*range(1, 51), *range(51, total + 1, max(1, total // 30))]:
    shim.fail_at(k)
    try:
        publish(new, target)
    except StudyError as error:
        assert error.problems[0].key == "tables.cannot_write", error
        failed += 1
    finally:
        shim.fail_at(-1)
    assert contents(target) == before, k
    assert hidden(target.parent) == [], k
publish(new, target)
assert is_whole(target)
print(json.dumps([total, failed]))
"""


@pytest.mark.slow
def test_a_disk_that_is_full_at_the_kth_write(tmp_path):
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        missing("no C compiler to build the full disk with")
    (tmp_path / "shim.c").write_text(SHIM)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", tmp_path / "shim.so", tmp_path / "shim.c", "-ldl"], check=True)
    done = run_script(FULL_AT_EACH, str(tmp_path), str(tmp_path / "shim.so"), LD_PRELOAD=str(tmp_path / "shim.so"))
    assert done.returncode == 0, done.stderr
    total, failed = json.loads(done.stdout)
    assert failed >= 50
    assert total > 50


# kills ---------------------------------------------------------------------------------------------------------------

KILLS = """
import json, os, random, signal, sys, time
from pathlib import Path
from servicecircle.outputs.publish import publish
from tests.fake_results import fake_results, fake_study
from tests.test_publish import contents, hidden
seed, trials, target = int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[1]) / "out"
sets = [fake_results(), fake_results(study=fake_study(name="new"))]
known = []
for results in sets:
    begun = time.perf_counter()
    publish(results, target)
    took = time.perf_counter() - begun
    known.append(contents(target))
(target / "mine.txt").write_text("mine")
dice, seen, torn = random.Random(seed), [0, 0], 0
for trial in range(trials):
    child = os.fork()
    if child == 0:
        publish(sets[trial % 2], target)
        os._exit(0)
    time.sleep(dice.uniform(0, took * 1.5))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    found = contents(target)
    whole = found.pop("mine.txt", "") == b"mine" and found in known
    torn += not whole
    if whole:
        seen[known.index(found)] += 1
publish(sets[0], target)
assert hidden(target.parent) == []
print(json.dumps({"torn": torn, "seen": seen}))
"""


@pytest.mark.parametrize("trials", [12, pytest.param(60, marks=pytest.mark.slow)])
def test_killed_at_random_moments(tmp_path, trials):
    done = run_script(KILLS, str(tmp_path), "5", str(trials))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["torn"] == 0
    assert sum(found["seen"]) == trials
    if trials >= 60:
        assert all(found["seen"])


TERMINATED = """
import signal, sys, time
from pathlib import Path
from servicecircle.outputs import publish as module
from tests.fake_results import fake_results
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
put = module.put
def slow(path, content):
    put(path, content)
    if path.name == "units.csv":
        print("half", flush=True)
        time.sleep(30)
module.put = slow
module.publish(fake_results(), Path(sys.argv[1]) / "out")
"""


def test_terminated_in_the_middle(tmp_path, first):
    publish(first, tmp_path / "out")
    before = contents(tmp_path)
    paths = os.pathsep.join([str(ROOT), str(ROOT / "src" / "coverage"), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", TERMINATED, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": paths}, cwd=ROOT) as child:
        assert child.stdout.readline() == b"half\n"
        assert len(hidden(tmp_path)) == 2
        child.send_signal(signal.SIGTERM)
        assert child.wait(5) == 143
    assert contents(tmp_path) == before


# the lock ------------------------------------------------------------------------------------------------------------


def test_a_held_folder_is_refused_and_the_holder_named(tmp_path, first):
    target = tmp_path / "out"
    publish(first, target)
    before = contents(target)
    with hold(target), pytest.raises(StudyError) as error:
        publish(first, target)
    assert keys(error) == ["tables.locked"]
    values = error.value.problems[0].values
    assert values["pid"] == str(os.getpid())
    assert values["host"] == os.uname().nodename
    assert contents(target) == before
    assert hidden(tmp_path) == []
    publish(first, target)


def test_held_since_before_the_work(tmp_path, first):
    with hold(tmp_path / "out") as held:
        assert hidden(tmp_path) != []
        publish(first, tmp_path / "out", held=held)
        with pytest.raises(StudyError, match="locked"), hold(tmp_path / "out"):
            pass
    assert hidden(tmp_path) == []
    assert is_whole(tmp_path / "out")


def test_a_lock_file_removed_while_it_is_taken_is_taken_anew(tmp_path, monkeypatch):
    grab, lock = folder_module._grab, stale(tmp_path)

    def removed_meanwhile(descriptor):
        monkeypatch.setattr(folder_module, "_grab", grab)
        lock.unlink()
        return grab(descriptor)

    monkeypatch.setattr(folder_module, "_grab", removed_meanwhile)
    with hold(tmp_path / "out"):
        with pytest.raises(StudyError, match="locked"), hold(tmp_path / "out"):
            pass
        assert json.loads(lock.read_text())["pid"] == os.getpid()


def test_other_folders_beside_are_free(tmp_path, first):
    with hold(tmp_path / "a"):
        publish(first, tmp_path / "b")
    assert is_whole(tmp_path / "b")


def stale(tmp_path: Path, **holder) -> Path:
    lock = tmp_path / f".servicecircle-{folder_module._tag(tmp_path / 'out')}.lock"
    lock.write_text(json.dumps({"pid": 1, "host": os.uname().nodename} | holder))
    return lock


def test_a_stale_lock_is_taken_over(tmp_path, first):
    stale(tmp_path, pid=os.getpid())  # the number lives, but nobody holds the file: the number was given out again
    publish(first, tmp_path / "out")
    assert is_whole(tmp_path / "out")
    assert hidden(tmp_path) == []


def test_without_system_locks_the_process_is_asked(tmp_path, first, monkeypatch):
    monkeypatch.setattr(folder_module, "_grab", lambda _: None)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for holder in ({"pid": os.getpid()}, {"pid": gone.pid, "host": "another-host"}, {"pid": "x"}):
        stale(tmp_path, **holder)
        with pytest.raises(StudyError) as error:
            publish(first, tmp_path / "out")
        assert keys(error) == ["tables.locked"]
    lock = stale(tmp_path, pid=gone.pid)
    publish(first, tmp_path / "out")
    assert not lock.exists()


TWENTY = """
import json, os, sys, time
from pathlib import Path
from servicecircle.errors import StudyError
from servicecircle.outputs.publish import hold, publish
from tests.fake_results import fake_results
results, target = fake_results(), Path(sys.argv[1]) / "out"
begin = time.time() + 0.3
children = []
for _ in range(20):
    child = os.fork()
    if child == 0:
        time.sleep(max(0, begin - time.time()))
        try:
            with hold(target) as held:
                time.sleep(1.5)
                publish(results, target, held=held)
        except StudyError as error:
            os._exit(1 if error.problems[0].key == "tables.locked" else 9)
        os._exit(0)
    children.append(child)
print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]))
"""


def test_twenty_at_once_and_one_wins(tmp_path):
    done = run_script(TWENTY, str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert sorted(json.loads(done.stdout)) == [0] + [1] * 19
    assert is_whole(tmp_path / "out")
    assert hidden(tmp_path) == []


def test_takers_of_a_vanishing_lock_never_share_it(tmp_path):
    """Many short holds: the lock file is removed and made anew all the time, and never two hold it."""
    inside, most, held_count = 0, 0, 0
    refused = set()
    guard = threading.Lock()

    def work():
        nonlocal inside, most, held_count
        for _ in range(40):
            try:
                with hold(tmp_path / "out"):
                    with guard:
                        inside, held_count = inside + 1, held_count + 1
                        most = max(most, inside)
                    with guard:
                        inside -= 1
            except StudyError as error:
                refused.add(error.problems[0].key)

    workers = [threading.Thread(target=work) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert most == 1
    assert refused <= {"tables.locked"}
    assert held_count > 6


# names ---------------------------------------------------------------------------------------------------------------


def test_names_from_data_never_become_paths(tmp_path, first):
    units = first.units.assign(name="../../../evil", unit_id="/etc/passwd")
    publish(replace(first, units=units), tmp_path / "out")
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == sorted(EVERYTHING)


def test_a_record_cannot_make_us_touch_other_places(tmp_path, first):
    target = tmp_path / "out"
    publish(first, target)
    (tmp_path / "precious.txt").write_text("p")
    tree = json.loads((target / "run.json").read_text(encoding="utf-8"))
    tree["files"].append({"name": "../precious.txt"})
    (target / "run.json").write_text(json.dumps(tree))
    assert "../precious.txt" in recorded_names(target)
    publish(first, target)
    assert (tmp_path / "precious.txt").read_text() == "p"


def test_long_and_odd_folder_names(tmp_path, first):
    for name in ("县" * 80, "a b'c\"d;e", "-o", ".hidden"):
        publish(first, tmp_path / name)
        assert is_whole(tmp_path / name)
    assert hidden(tmp_path) == []

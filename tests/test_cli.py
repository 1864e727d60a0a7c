"""The command line: exit codes, streams, languages, start-up budget."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from servicecircle import __version__
from servicecircle.analysis.finding import Finding
from servicecircle.cli import app
from servicecircle.console import STAGES
from servicecircle.doctor.finding import Report
from servicecircle.errors import InternalError, StudyError, problem
from servicecircle.standards.kinds import STANDARD
from servicecircle.text import say
from servicecircle.text.codes import code_of

GOOD = """
[study]
name = "试验"
[population]
raster = "p.tif"
[roads]
osm = "r.osm"
[[facilities]]
path = "f.csv"
[standards]
use = ["shanting/S01"]
"""
HEAVY = {"folium", "matplotlib", "osmnx", "highspy", "numba", "distributed"}
CALL = "from servicecircle.cli import main; main()"


def cli(
    *args: str, env: dict[str, str] | None = None, code: str = CALL, encoding: str = "utf-8"
) -> subprocess.CompletedProcess[str]:
    surrounding = (
        {k: v for k, v in os.environ.items() if k not in {"NO_COLOR", "FORCE_COLOR"}}
        | {"PYTHONUTF8": "1"}
        | (env or {})
    )
    return subprocess.run(
        [sys.executable, "-c", code, *args],
        capture_output=True,
        encoding=encoding,
        env=surrounding,
        timeout=60,
        check=False,
    )


def modules_after(*args: str) -> set[str]:
    code = "import sys\nfrom servicecircle.cli import main\ntry:\n main()\nexcept SystemExit:\n pass\nprint('\\n@@' + ' '.join(sys.modules))"
    return set(cli(*args, code=code).stdout.rpartition("@@")[2].split())


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "试验.toml"
    path.write_text(GOOD, encoding="utf-8")
    return path


@pytest.fixture
def typo(tmp_path: Path) -> Path:
    path = tmp_path / "typo.toml"
    path.write_text(GOOD.replace("raster", "rastre").replace("name", "nmae"), encoding="utf-8")
    return path


RECORD = STANDARD.validate_python(
    {"id": "own/A", "kind": "context", "title": {"zh": "甲", "en": "A"}, "reason": {"zh": "无数", "en": "no number"}}
)


def criterion() -> Any:
    title = SimpleNamespace(in_language=lambda language: "圈" if language == "zh" else "circle")
    return SimpleNamespace(key="shanting/S01/walk", standard=SimpleNamespace(id="shanting/S01", title=title))


def summary(**changes: Any) -> SimpleNamespace:
    values = {
        "criterion": criterion(), "state": "computed", "missing": (), "persons": 1000.0, "covered_persons": 812.5, "share_covered": 0.8125,
        "units": 4, "units_short": 1, "verdict": "no target printed", "assumed_verdict": "not met",
    }  # fmt: skip
    return SimpleNamespace(**(values | changes))


@pytest.fixture
def flow(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Stand-ins for the two modules a command calls, with a record of what they were given."""
    given = SimpleNamespace(language=None, folder=None, command=None, log=(), run=None, problems=(), notices=())

    def run(study: Any, *, progress: Callable[[str], None] | None = None) -> Any:
        given.language = study.outputs.language
        assert progress is not None
        for stage in STAGES[:-1]:
            progress(stage)
        if given.run is not None:
            given.run()
        return SimpleNamespace(
            summaries=(summary(), summary(state="no data", share_covered=None, missing=("village_clinic",))),
            gaps=[1, 2], sites=[1], set_aside=[], notices=("一条提示\x1b[31m",),
            study=study, standards=(RECORD,), findings=(Finding(RECORD, "not computable", "not computable"),),
        )  # fmt: skip

    def publish(
        results: Any, folder: Path, *, command: str = "", log_lines: tuple[str, ...] = (), held: Any = None
    ) -> Path:
        given.folder, given.command, given.log = Path(folder), command, log_lines
        return Path(folder) / "start.html"

    class Hold:
        def __init__(self, folder: Path) -> None:
            self.folder = folder

        def __enter__(self) -> str:
            return "held"

        def __exit__(self, *_: object) -> None:
            return None

    flow_module, publish_module = ModuleType("servicecircle.flow"), ModuleType("servicecircle.outputs.publish")
    flow_module.run = run  # type: ignore[attr-defined]
    flow_module.check = lambda study, *, progress: Report(tuple(given.problems), tuple(given.notices))  # type: ignore[attr-defined]
    flow_module.explain = lambda study, *, unit, criterion: [f"{unit} {criterion}", "第二行"]  # type: ignore[attr-defined]
    publish_module.publish, publish_module.hold = publish, Hold  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "servicecircle.flow", flow_module)
    monkeypatch.setitem(sys.modules, "servicecircle.outputs.publish", publish_module)
    return given


def call(*args: Any) -> Any:
    return CliRunner().invoke(app, [str(a) for a in args])


# --- start-up budget -----------------------------------------------------------------------------------------------------


def test_help_imports_nothing_heavy() -> None:
    loaded = modules_after("--help")
    assert "servicecircle.cli" in loaded
    assert loaded & (HEAVY | {"pandas", "geopandas", "numpy", "rasterio", "scipy", "servicecircle.study"}) == set()


def test_check_of_a_typing_error_imports_nothing_heavy(typo: Path) -> None:
    loaded = modules_after("check", str(typo))
    assert "servicecircle.study" in loaded
    assert loaded & (HEAVY | {"pandas", "geopandas"}) == set()


# --- problems ------------------------------------------------------------------------------------------------------------


def test_problems_stand_on_stderr_one_sentence_a_line_under_their_number(typo: Path) -> None:
    answer = cli("check", str(typo))
    assert answer.returncode == 1
    assert answer.stdout == ""
    lines = answer.stderr.splitlines()
    assert lines[0] == f"{len(lines) - 1} 个问题："
    assert len(lines) >= 3
    assert any("population.rastre" in line and "raster" in line and "typo.toml" in line for line in lines)
    assert all(line.endswith("。") for line in lines[1:])


def test_a_missing_study_file_is_one_sentence_and_exit_code_1(tmp_path: Path) -> None:
    for command in (["check"], ["run"], ["explain", "--unit", "1", "--criterion", "a/b"]):
        answer = cli(command[0], str(tmp_path / "none.toml"), *command[1:])
        assert answer.returncode == 1, command
        assert answer.stderr.splitlines() == [
            "1 个问题：",
            say("zh", "study.missing", file=str(tmp_path / "none.toml")),
        ]


def test_language_by_option_before_or_after_the_command_and_by_the_study(typo: Path) -> None:
    assert "unknown key" in cli("--lang", "en", "check", str(typo)).stderr
    assert "unknown key" in cli("check", str(typo), "--lang", "en").stderr
    typo.write_text(typo.read_text(encoding="utf-8") + '[outputs]\nlanguage = "en"\n', encoding="utf-8")
    assert "unknown key" in cli("check", str(typo)).stderr
    assert "不认识的键" in cli("check", str(typo), "--lang", "zh").stderr


def test_a_line_break_or_escape_out_of_a_file_is_shown_not_obeyed(study: Path, flow: SimpleNamespace) -> None:
    flow.problems = (problem("study.missing", file="a\x1b[31m\nb"),)
    answer = call("check", study)
    told = answer.stderr.splitlines()[-2]
    assert told.endswith(say("zh", "study.missing", file="a\\x1b[31m\\nb"))


@pytest.mark.parametrize(
    "args",
    [["chekc"], ["check"], ["run", "x.toml", "--outptu", "y"], ["--lang", "fr", "check", "x"], ["explain", "x.toml", "--unit", "1"],
     ["standards", "show", "shanting/none"], ["standards", "list", "--plan", "none"]],
)  # fmt: skip
def test_a_wrong_call_is_exit_code_2(args: list[str]) -> None:
    answer = cli(*args)
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert answer.stderr
    assert "Traceback" not in answer.stderr


# --- check ---------------------------------------------------------------------------------------------------------------


def test_check_without_problems(study: Path, flow: SimpleNamespace) -> None:
    flow.notices = (problem("study.missing", file="notice"),)
    answer = call("check", study)
    assert answer.exit_code == 0
    page = study.parent / "maps" / "试验-check" / "check.html"
    assert answer.stdout.splitlines() == [say("zh", "cli.checked", study=str(study)), str(page)]
    assert page.is_file()
    *_, told, count = answer.stderr.splitlines()
    assert told == f"请核对 {code_of('study.missing')} {say('zh', 'study.missing', file='notice')}"
    assert count.startswith("共 1 条：不能计算 0")


def test_check_json_is_one_document(study: Path, typo: Path, flow: SimpleNamespace) -> None:
    flow.problems = (
        problem("study.bad_value", file="f", key="k", value=float("nan"), rule=problem("study.rule.string_type")),
    )
    answer = call("check", study, "--json")
    document = json.loads(answer.stdout)
    assert (answer.exit_code, document["ok"], document["exit_code"]) == (1, False, 1)
    assert document["problems"][0]["values"] == {"file": "f", "key": "k", "value": None, "rule": "必须是文字"}
    broken = json.loads(call("check", typo, "--json").stdout)
    assert len(broken["problems"]) >= 3
    flow.problems = ()
    clean = json.loads(call("check", study, "--json").stdout)
    assert (clean["ok"], clean["exit_code"], clean["problems"], clean["findings"]) == (True, 0, [], [])


# --- run -----------------------------------------------------------------------------------------------------------------


def test_run_ends_with_the_path_of_the_start_page(study: Path, flow: SimpleNamespace) -> None:
    answer = call("run", study, "-o", "out")
    assert answer.exit_code == 0
    lines = answer.stdout.splitlines()
    assert lines[-1] == str(Path("out") / "start.html")
    assert "81.2%" in lines[0]
    assert "村卫生室" in lines[1]
    assert say("zh", "tables.word.not computable") in lines[2]
    assert flow.folder == Path("out")


def test_the_default_folder_lies_beside_the_study(study: Path, flow: SimpleNamespace) -> None:
    call("run", study)
    assert flow.folder == study.parent / "maps" / "试验"


def test_stages_become_plain_lines_and_log_lines_without_a_terminal(study: Path, flow: SimpleNamespace) -> None:
    answer = call("run", study)
    shown = answer.stderr.splitlines()
    expected = [f"[{i}/{len(STAGES)}] {say('zh', 'cli.stage.' + stage)}" for i, stage in enumerate(STAGES, start=1)]
    assert shown[: len(STAGES)] == expected
    assert shown[len(STAGES) :] == ["1 条提示：", "一条提示\\x1b[31m"]
    timed = [
        line
        for line in flow.log
        if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d \[\d/\d\] .+ \d+\.\d s", line)
    ]
    assert len(timed) == len(STAGES) - 1


def test_run_json_is_one_document(study: Path, flow: SimpleNamespace) -> None:
    document = json.loads(call("run", study, "--json", "-o", "out").stdout)
    assert document["start"] == str(Path("out") / "start.html")
    assert document["criteria"][0]["share_covered"] == 0.8125
    assert document["criteria"][1]["share_covered"] is None
    assert (document["gaps"], document["sites"]) == (2, 1)
    assert [(row["ids"], row["verdict"]) for row in document["scorecard"]] == [("own/A", "not computable")]


def test_lang_is_the_language_of_the_outputs_too(study: Path, flow: SimpleNamespace) -> None:
    call("--lang", "en", "run", study)
    assert flow.language == "en"
    call("run", study)
    assert flow.language == "zh"


def test_nothing_opens_unless_asked(study: Path, flow: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("servicecircle.cli.webbrowser.open", opened.append)
    call("run", study, "-o", "out")
    assert opened == []
    call("run", study, "-o", "out", "--open")
    assert opened == [(Path("out") / "start.html").resolve().as_uri()]


# --- faults --------------------------------------------------------------------------------------------------------------


def raising(error: BaseException) -> Callable[[], None]:
    def run() -> None:
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ZeroDivisionError("by zero"), 3, "ZeroDivisionError"),
        (InternalError(problem("cli.internal", kind="ledger", detail="gap")), 3, "ledger"),
        (StudyError(problem("study.missing", file="roads.osm")), 1, "roads.osm"),
        (OSError(28, "No space left on device", "maps/x"), 1, "No space left on device"),
        (KeyboardInterrupt(), 130, "已中断"),
    ],
)
def test_faults_are_sentences_with_their_exit_code(
    error: BaseException, code: int, words: str, study: Path, flow: SimpleNamespace
) -> None:
    flow.run = raising(error)
    answer = call("run", study)
    assert answer.exit_code == code
    assert words in answer.stderr
    assert "Traceback" not in answer.output
    assert answer.stdout == ""
    assert flow.folder is None
    document = json.loads(call("run", study, "--json").stdout)
    assert (document["ok"], document["exit_code"]) == (False, code)


def test_debug_shows_the_trace(study: Path, flow: SimpleNamespace) -> None:
    flow.run = raising(ZeroDivisionError("by zero"))
    for args in (["--debug", "run", study], ["run", study, "--debug"]):
        answer = call(*args)
        assert answer.exit_code == 3
        assert "Traceback" in answer.stderr


SLEEPER = """
import sys, time, types
flow = types.ModuleType("servicecircle.flow")
def run(study, *, progress=None):
    progress("read")
    try:
        sys.stderr.write("working\\n")
        time.sleep(60)
    finally:
        sys.stderr.write("tidied\\n")
flow.run = run
publish = types.ModuleType("servicecircle.outputs.publish")
import contextlib
publish.publish = None
publish.hold = contextlib.nullcontext
sys.modules |= {"servicecircle.flow": flow, "servicecircle.outputs.publish": publish}
from servicecircle.cli import main
main()
"""


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGTERM, 143, "已被终止"), (signal.SIGINT, 130, "已中断")]
)
def test_a_signal_ends_the_run_within_five_seconds_and_lets_it_tidy_up(
    study: Path, number: signal.Signals, code: int, word: str
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SLEEPER, "run", str(study)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith(f"[1/{len(STAGES)}]")
        assert process.stderr.readline() == "working\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=5)
    assert process.returncode == code
    assert err.splitlines() == ["tidied", err.splitlines()[-1]]
    assert word in err
    assert out == ""


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals")
def test_a_terminal_shows_stages_and_no_color_is_obeyed(study: Path) -> None:
    import pty

    code = SLEEPER.replace("time.sleep(60)", "progress('network'); raise ValueError('stop')")
    for no_color in (True, False):
        ours, theirs = pty.openpty()
        env = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"TERM": "xterm-256color", "COLUMNS": "100"}
        env |= {"NO_COLOR": "1"} if no_color else {}
        with subprocess.Popen(
            [sys.executable, "-c", code, "run", str(study)], stdout=subprocess.PIPE, stderr=theirs, env=env
        ) as process:
            os.close(theirs)
            shown = b""
            while chunk := _read(ours):
                shown += chunk
        os.close(ours)
        assert process.returncode == 3
        text = shown.decode("utf-8")
        assert re.search(r"\[1/\d\] 读取数据 \d\.\d s", text)
        coloured = re.search(r"\x1b\[[0-9;]*3[0-9]", text) is not None
        assert coloured is not no_color


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the other end is closed
        return b""


# --- the rest ------------------------------------------------------------------------------------------------------------


def test_version() -> None:
    assert cli("--version").stdout == f"servicecircle {__version__}\n"


def test_explain_prints_the_lines(study: Path, flow: SimpleNamespace) -> None:
    answer = call("explain", study, "--unit", "U1", "--criterion", "shanting/S01/walk")
    assert (answer.exit_code, answer.stdout) == (0, "U1 shanting/S01/walk\n第二行\n")


def test_standards_list_and_show() -> None:
    every = cli("standards", "list").stdout.splitlines()
    shanting = cli("standards", "list", "--plan", "shanting").stdout.splitlines()
    assert len(every) > len(shanting) >= 5
    assert all(line.startswith("shanting/") for line in shanting)
    shown = cli("standards", "show", "shanting/S01", "--lang", "en").stdout
    assert "shanting/S01/walk" in shown
    assert "15-minute health service circle" in shown
    assert "214" in shown


def test_a_western_console_gets_escapes_not_an_exception() -> None:
    answer = cli("standards", "list", env={"PYTHONUTF8": "0", "PYTHONIOENCODING": "cp1252"}, encoding="cp1252")
    assert answer.returncode == 0
    assert "\\u" in answer.stdout

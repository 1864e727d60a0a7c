"""The command line: arguments, and which function answers them - nothing is computed here.

Exit codes: 0 done, 1 the study cannot run, 2 wrong call, 3 internal fault, 130 interrupted, 143 terminated.
Sentences for the user go to stderr, results to stdout. Heavy libraries load inside the command that needs them:
``--help`` and the check of a study file with a typing error answer at once.
"""

from __future__ import annotations

import difflib
import os
import signal
import sys
import webbrowser
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from servicecircle import __version__
from servicecircle.console import Language, Progress, Session, Terminated, one_line, open_session
from servicecircle.errors import UsageError, problem
from servicecircle.text import say, sentence

if TYPE_CHECKING:
    from types import FrameType

    from servicecircle.doctor.finding import Report
    from servicecircle.standards.findings import PlanFinding
    from servicecircle.standards.model import Standard
    from servicecircle.standards.printed import PrintedPlan
    from servicecircle.study import Study

app = typer.Typer(
    name="servicecircle",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
standards_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="标准库。 The standards: list, show, check."
)
app.add_typer(standards_app, name="standards")


def _option(*names: str, text: str, metavar: str | None = None) -> Any:
    return typer.Option(*names, help=text, metavar=metavar, show_default=False)


LangOption = Annotated[Language | None, _option("--lang", text="语言；默认用研究文件的语言，否则中文。 Language.")]
DebugOption = Annotated[bool, _option("--debug", text="出错时显示回溯。 Show the trace of an error.")]
JsonOption = Annotated[bool, _option("--json", text="在标准输出打印一个 JSON 文档。 One JSON document on stdout.")]
ReportOption = Annotated[
    Path | None,
    _option("-o", "--output", metavar="DIR", text="报告文件夹；默认 maps/<研究文件名>-check/。 Report folder."),
]
OpenReportOption = Annotated[bool, _option("--open", text="完成后打开 check.html。 Open check.html at the end.")]
CodeArgument = Annotated[str, typer.Argument(metavar="CODE", help="消息编号，如 SC-1007。 Code of a message.")]
StudyArgument = Annotated[Path, typer.Argument(metavar="STUDY", help="研究文件 (.toml)。 Study file.")]
OutputOption = Annotated[
    Path | None, _option("-o", "--output", metavar="DIR", text="输出文件夹；默认 maps/<研究文件名>/。 Output folder.")
]
OpenOption = Annotated[bool, _option("--open", text="完成后打开 start.html。 Open start.html at the end.")]
UnitOption = Annotated[str, _option("--unit", metavar="X", text="单元的编号或名称。 Identifier or name of a unit.")]
CriterionOption = Annotated[
    str, _option("--criterion", metavar="ID/MODE", text="标准与方式，如 shanting/S01/walk。 Standard and mode.")
]
PlanOption = Annotated[str | None, _option("--plan", metavar="X", text="只列一个规划，如 shanting。 One plan only.")]
PresetArgument = Annotated[
    str, typer.Argument(metavar="PRESET", help="县的类型，如 hill-county。 Kind of county, e.g. hill-county.")
]
NewFolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="新文件夹。 A new folder.")]
SeedOption = Annotated[int, typer.Option("--seed", metavar="N", min=0, help="随机种子；默认 1。 Random seed; 1.")]
FolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="数据文件夹。 Folder of data.")]
StudyOutput = Annotated[
    Path | None, _option("-o", "--output", metavar="FILE", text="研究文件；默认 DIR/study.toml。 The study file.")
]
PlansArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[PLAN]...", help="规划，如 dalad；默认全部。 Plans; all.", show_default=False),
]
PrintedOption = Annotated[
    list[Path] | None, _option("--file", metavar="FILE", text="自己的数字 (.toml)，可重复。 Numbers of your own plan.")
]
PopulationOption = Annotated[
    list[str] | None,
    _option("--population", metavar="NAME=N", text="已知人口，如 registered=372034，可重复。 A known population."),
]
StudyFileOption = Annotated[
    Path | None,
    _option("--study", metavar="FILE", text="重算 run.json 时研究文件的位置。 Where the study file of a run.json is."),
]
OldArgument = Annotated[Path, typer.Argument(metavar="OLD", help="旧的结果文件夹。 Output folder of the old run.")]
NewArgument = Annotated[Path, typer.Argument(metavar="NEW", help="新的结果文件夹。 Output folder of the new run.")]
ChangesOption = Annotated[
    Path | None,
    _option("-o", "--output", metavar="DIR", text="写出 changes.csv 和 changes.json。 Folder for both lists."),
]
StandardArgument = Annotated[str, typer.Argument(metavar="ID", help="标准编号，如 shanting/S01。 Id of a standard.")]


def main() -> None:
    """Run the command line; the entry point of the ``servicecircle`` command."""
    for stream in (sys.stdout, sys.stderr):
        # A console that cannot show a character gets an escape instead of an exception.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    # Three libraries transform coordinates; none may ask the network for a grid. They read this once, when loaded.
    os.environ["PROJ_NETWORK"] = "OFF"
    signal.signal(signal.SIGTERM, _raise_terminated)
    try:
        app()
    except Terminated:
        sys.exit(143)
    except KeyboardInterrupt:
        sys.exit(130)


def _raise_terminated(_number: int, _frame: FrameType | None) -> None:
    raise Terminated


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"servicecircle {__version__}")
        raise typer.Exit


@app.callback()
def root(
    lang: LangOption = None,
    debug: DebugOption = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="版本。 Version.", show_default=False)
    ] = False,
) -> None:
    """哪些村和社区没有被服务圈覆盖、有多少人、下一处该建在哪里。

    Which villages and neighbourhoods fall short of a service circle, how many people live there, and where the next
    sites should go.
    """


@app.command()
def check(
    ctx: typer.Context,
    study: StudyArgument,
    output: ReportOption = None,
    as_json: JsonOption = False,
    open_: OpenReportOption = False,
    lang: LangOption = None,
    debug: DebugOption = False,
) -> None:
    """检查研究文件和数据，列出全部问题，不作判断；最后一行是 check.html 的路径。 Check a study and all its data."""
    with open_session(ctx, lang=lang, debug=debug, study=study, as_json=as_json) as session:
        session.record |= {"command": "check", "study": str(study), "problems": [], "findings": []}
        loaded = _load(study, session)
        from servicecircle.doctor.report import records, write_report
        from servicecircle.flow import check as check_study

        with Progress(session, ("read", "demand", "network", "write")) as progress:
            report = check_study(loaded, progress=progress)
            progress("write")
            page = write_report(report, loaded, output or loaded.path.parent / "maps" / f"{loaded.path.stem}-check")
        _tell_findings(report, session)
        session.record["problems"] = session.as_records(report.problems)
        session.record["findings"] = records(report, session.language)
        session.record["page"] = str(page)
        if not as_json:
            if not report.problems:
                typer.echo(session.say("checked", study=str(study)))
            typer.echo(str(page))
        if open_:
            webbrowser.open(page.resolve().as_uri())
        if report.problems:
            session.record |= {"ok": False, "exit_code": 1}
            raise typer.Exit(1)


#: Findings of one kind in one file that the terminal lists; the page and check.json hold all.
_TOLD = 10


def _tell_findings(report: Report, session: Session) -> None:
    """List findings on stderr from the worst, the first of each kind and file, and count them."""
    from servicecircle.doctor.report import counts, line_of

    told: Counter[tuple[str, str, str]] = Counter()
    for one in report.findings:
        kind = (one.harm, one.file, one.code)
        told[kind] += 1
        if told[kind] <= _TOLD:
            session.tell(line_of(one, session.language))
    by_harm = (f"{say(session.language, f'doctor.harm.{harm}')} {count}" for harm, count in counts(report).items())
    session.tell(session.say("found", count=len(report.findings), counts=", ".join(by_harm)))


@app.command()
def message(
    ctx: typer.Context,
    code: CodeArgument,
    lang: LangOption = None,
    debug: DebugOption = False,
) -> None:
    """按编号（如 SC-1007）查一条消息的中英文原文。 Look up a message by its code, in both languages."""
    with open_session(ctx, lang=lang, debug=debug) as session:
        from servicecircle.text.codes import code_of, codes, key_of
        from servicecircle.text.text import LANGUAGES, catalogue

        key = key_of(code)
        if key is None:
            raise UsageError(problem("doctor.no_code", code=code, example=code_of(next(iter(codes())))))
        typer.echo(f"{code_of(key)}  {key}")
        for language in dict.fromkeys((session.language, *LANGUAGES)):
            typer.echo(catalogue(language)[key])


@app.command()
def run(
    ctx: typer.Context,
    study: StudyArgument,
    output: OutputOption = None,
    open_: OpenOption = False,
    study_file: StudyFileOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
    debug: DebugOption = False,
) -> None:
    """计算并写出地图、缺口清单和选址；最后一行是 start.html 的路径。 Compute and write map, gap list and sites.

    研究文件处写 run.json 则按记录重算并核对。 With a run.json in place of the study, its run is repeated and compared.
    """
    with open_session(ctx, lang=lang, debug=debug, study=study, as_json=as_json) as session:
        session.record |= {"command": "run", "study": str(study)}
        from servicecircle.console.runs import print_run, repeat, run_and_publish, run_record

        if study.name == "run.json":
            repeat(study, study_file, output, session)
            return
        if study_file is not None:
            raise UsageError(problem("rerun.study_only"))
        loaded = _load(study, session)
        folder = output or loaded.path.parent / "maps" / loaded.path.stem
        results, start = run_and_publish(loaded, folder, session)
        session.record |= run_record(results, start)
        if not as_json:
            print_run(results, session)
            typer.echo(str(start))
        if open_:
            webbrowser.open(start.resolve().as_uri())


def _load(path: Path, session: Session) -> Study:
    """Read the study; ``--lang`` given on the command line is the language of its outputs too."""
    from servicecircle.study import load_study

    study = load_study(path)
    if study.outputs.language == session.language:
        return study
    return study.model_copy(update={"outputs": study.outputs.model_copy(update={"language": session.language})})


@app.command()
def init(
    ctx: typer.Context,
    folder: FolderArgument,
    output: StudyOutput = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
    debug: DebugOption = False,
) -> None:
    """看一个数据文件夹，写出带说明的研究文件。 Look at a folder of data and write a study file with comments."""
    with open_session(ctx, lang=lang, debug=debug, as_json=as_json) as session:
        session.record |= {"command": "init", "study": "", "questions": [], "problems": [], "notices": []}
        from servicecircle.starter import start

        begun = start(folder, output, session.language)
        session.record["study"] = str(begun.path)
        for heading in ("notices", "questions", "problems"):
            session.list_problems(heading, getattr(begun, heading))
            session.record[heading] = session.as_records(getattr(begun, heading))
        is_open = bool(begun.questions or begun.problems)
        if not as_json:
            typer.echo(session.say("started_open" if is_open else "started", study=str(begun.path)))
        if is_open:
            session.record |= {"ok": False, "exit_code": 1}
            raise typer.Exit(1)


@app.command()
def explain(
    ctx: typer.Context,
    study: StudyArgument,
    unit: UnitOption,
    criterion: CriterionOption,
    lang: LangOption = None,
    debug: DebugOption = False,
) -> None:
    """解释一个数：条文、人口、设施、路线、限值、结论。 Explain one figure, from the clause to the verdict."""
    with open_session(ctx, lang=lang, debug=debug, study=study) as session:
        loaded = _load(study, session)
        from servicecircle.flow import explain as explain_unit

        for line in explain_unit(loaded, unit=unit, criterion=criterion):
            typer.echo(one_line(line))


@app.command()
def compare(
    ctx: typer.Context,
    old: OldArgument,
    new: NewArgument,
    output: ChangesOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
    debug: DebugOption = False,
) -> None:
    """比较两次运行：哪些单元和人口变了、因为什么。 Compare two runs: units and people that changed, and why."""
    with open_session(ctx, lang=lang, debug=debug, study=new / "run.json", as_json=as_json) as session:
        session.record |= {"command": "compare", "problems": [], "notices": []}
        from servicecircle.console.runs import tell_changes

        tell_changes(old, new, output, session)


@app.command()
def sample(
    ctx: typer.Context,
    preset: PresetArgument,
    folder: NewFolderArgument,
    seed: SeedOption = 1,
    lang: LangOption = None,
    debug: DebugOption = False,
) -> None:
    """生成一个样例县（合成数据），缺口和原因已知；最后一行是研究文件。 Make a synthetic county with known gaps."""
    with open_session(ctx, lang=lang, debug=debug) as session:
        from servicecircle.sample.presets import presets

        if preset not in presets():
            raise UsageError(problem("cli.unknown_preset", preset=preset, known=", ".join(presets())))
        from servicecircle.sample.county import make_county
        from servicecircle.sample.package import require_free, write_county
        from servicecircle.sample.place import own_texts

        require_free(folder, own_texts(presets()[preset], seed))
        with Progress(session, ("sample_land", "sample_people", "write")) as progress:
            county = make_county(presets()[preset], seed, progress=progress)
            progress("write")
            names = write_county(county, folder)
        session.tell(session.say("sample_written", folder=str(folder), files=len(names)))
        typer.echo(str(folder / "study.toml"))


@standards_app.command("list")
def list_standards(
    ctx: typer.Context,
    plan: PlanOption = None,
    lang: LangOption = None,
    debug: DebugOption = False,
) -> None:
    """列出标准：编号、名称、限值。 List the standards: id, title, limits."""
    with open_session(ctx, lang=lang, debug=debug) as session:
        from servicecircle.standards.catalogue import load_catalogue

        catalogue = load_catalogue()
        plans = sorted({_plan(key) for key in catalogue})
        if plan is not None and plan not in plans:
            raise UsageError(problem("cli.unknown_plan", plan=plan, known=", ".join(plans)))
        for standard in catalogue.values():
            if plan in (None, _plan(standard.id)):
                typer.echo(one_line(_entry(standard, session.language)))


@standards_app.command("show")
def show_standard(
    ctx: typer.Context,
    standard: StandardArgument,
    lang: LangOption = None,
    debug: DebugOption = False,
) -> None:
    """查看一条标准：条文、设施类型、每项指标和限值。 Show one standard: clause, facility types, criteria and limits."""
    with open_session(ctx, lang=lang, debug=debug) as session:
        from servicecircle.standards.catalogue import load_catalogue

        catalogue = load_catalogue()
        if standard not in catalogue:
            near = difflib.get_close_matches(standard, catalogue, n=3, cutoff=0.4) or list(catalogue)[:3]
            raise UsageError(problem("cli.unknown_standard", id=standard, nearest=", ".join(near)))
        for line in _standard_lines(catalogue[standard], session):
            typer.echo(one_line(line))


@standards_app.command("check")
def check_plans(
    ctx: typer.Context,
    plans: PlansArgument = None,
    file: PrintedOption = None,
    population: PopulationOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
    debug: DebugOption = False,
) -> None:
    """核对规划自己写的数字，列出矛盾。 Check the numbers a plan prints against each other."""
    with open_session(ctx, lang=lang, debug=debug, as_json=as_json) as session:
        session.record |= {"command": "standards check", "plans": []}
        from servicecircle.standards.contradictions import check as check_plan
        from servicecircle.standards.contradictions import compare, known_populations
        from servicecircle.standards.printed import load_printed

        known = known_populations(population or ())
        chosen = _printed_plans(plans or [], file or [])
        if known and len(chosen) != 1:
            raise UsageError(problem("cli.population_one_plan", count=len(chosen)))
        for plan in chosen:
            findings = (*check_plan(plan, known), *compare(plan, load_printed().values()))
            session.record["plans"].append(_plan_record(plan, findings, session))
            if not as_json:
                _print_findings(plan, findings, session)


def _printed_plans(names: list[str], paths: list[Path]) -> list[PrintedPlan]:
    """Return the plans to check: those named, and the files; all that are shipped when none is given."""
    from servicecircle.standards.printed import load_printed, read_printed

    shipped = load_printed()
    unknown = [name for name in dict.fromkeys(names) if name not in shipped]
    if unknown:
        raise UsageError([problem("cli.unknown_printed", plan=name, known=", ".join(shipped)) for name in unknown])
    named = dict.fromkeys(names) if names or paths else shipped
    return [*(shipped[name] for name in named), *map(read_printed, paths)]


def _print_findings(plan: PrintedPlan, findings: tuple[PlanFinding, ...], session: Session) -> None:
    grades = [finding.grade for finding in findings]
    counts = {f"{grade}s": grades.count(grade) for grade in ("contradiction", "question", "note")}
    values = {"plan": plan.name, "file": plan.plan, "numbers": len(plan.records)}
    typer.echo(one_line(session.say("plan_checked", **values, **counts)))
    for finding in findings:
        lines = ", ".join(map(str, finding.lines)) or "-"
        grade = say(session.language, f"printed.grade.{finding.grade}")
        text = sentence(session.language, finding.sentence)
        typer.echo(one_line(session.say("plan_finding", plan=plan.name, lines=lines, grade=grade, sentence=text)))


def _plan_record(plan: PrintedPlan, findings: tuple[PlanFinding, ...], session: Session) -> dict[str, Any]:
    records = [
        {
            "rule": finding.rule,
            "grade": finding.grade,
            "lines": list(finding.lines),
            "quotes": list(finding.quotes),
            "records": [record.name for record in finding.records],
            "numbers": [float(number) for number in finding.numbers],
            "sentence": one_line(sentence(session.language, finding.sentence)),
        }
        for finding in findings
    ]
    return {"plan": plan.name, "source": plan.plan, "numbers": len(plan.records), "findings": records}


def _plan(key: str) -> str:
    return key.split("/", 1)[0]


def _entry(standard: Standard, language: str) -> str:
    from servicecircle.standards.wording import demands

    return "  ".join((standard.id, standard.title.in_language(language), demands(standard, language)))


def _standard_lines(standard: Standard, session: Session) -> list[str]:
    from servicecircle.standards.faults import types_of
    from servicecircle.standards.wording import clause_text, demands, limit_text

    types, ownership = types_of(standard), getattr(standard, "ownership", ())
    lines = [
        f"{standard.id}  {standard.title.in_language(session.language)}",
        clause_text(standard, session.language),
        session.say("show.kind", kind=standard.kind, status=standard.status),
    ]
    if types:
        lines.append(session.say("show.types", types=", ".join(types)))
    if ownership:
        lines.append(session.say("show.ownership", ownership=", ".join(ownership)))
    if standard.source:
        lines.append(session.say("show.source", source=standard.source))
    lines += [f"{criterion.key}  {limit_text(criterion, session.language)}" for criterion in standard.criteria()]
    if not standard.criteria():
        lines.append(demands(standard, session.language))
    if standard.note is not None:
        lines.append(standard.note.in_language(session.language))
    return lines


if __name__ == "__main__":
    main()

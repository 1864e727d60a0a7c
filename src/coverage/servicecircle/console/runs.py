"""What a run, its repetition and the comparison of two runs say: lines, one JSON document, and the folder written."""

from __future__ import annotations

import shlex
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from servicecircle.console import Progress, jsonable, one_line
from servicecircle.errors import UsageError, problem
from servicecircle.text import say

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from servicecircle.console import Session
    from servicecircle.results import CriterionSummary, Results
    from servicecircle.study import Study


def run_and_publish(study: Study, folder: Path, session: Session) -> tuple[Results, Path]:
    """Run a study and write its folder; return the results and the start page."""
    from servicecircle.flow import run as run_study
    from servicecircle.outputs.publish import hold, publish

    # The folder is held before the work begins: another run in it, or strangers' files, are told at once.
    with hold(folder) as held, Progress(session) as progress:
        results = run_study(study, progress=progress)
        progress("write")
        command = shlex.join(["servicecircle", *sys.argv[1:]])
        return results, publish(results, folder, command=command, log_lines=tuple(session.log), held=held)


def repeat(record: Path, study_file: Path | None, output: Path | None, session: Session) -> None:
    """Repeat a recorded run; its files are kept only where a folder is named."""
    from servicecircle.outputs.rerun import first_difference, prepare_repeat

    if output is not None and output.resolve() == record.parent.resolve():
        raise UsageError(problem("rerun.own_folder", folder=str(output)))
    found_run = prepare_repeat(record, study_file)
    session.list_problems("notices", found_run.notices)
    with tempfile.TemporaryDirectory(prefix="servicecircle-") as place:
        _, start = run_and_publish(found_run.study, output or Path(place) / record.parent.resolve().name, session)
        found = first_difference(found_run, start.parent)
    session.record |= {"equal": found is None, "notices": session.as_records(found_run.notices)}
    session.record |= {"differs": None if found is None else found.file, "count": 0 if found is None else found.count}
    if found is None:
        line = session.say("compare.again_equal", file=str(record), count=len(found_run.tree["files"]) + 1)
    else:
        key = "compare.again_differs_key" if found.place else "compare.again_differs"
        line = session.say(key, file=found.file, count=found.count, key=found.place)
    if not session.as_json:
        typer.echo(one_line(line))
    if found is not None:
        session.record |= {"ok": False, "exit_code": 1}
        raise typer.Exit(1)


def run_record(results: Results, start: Path) -> dict[str, Any]:
    """Return what ``run --json`` prints of a run."""
    from servicecircle.outputs.scorecard import scorecard

    return {
        "folder": str(start.parent),
        "start": str(start),
        "criteria": [_summary_record(item) for item in results.summaries],
        "scorecard": [_row_record(row) for row in scorecard(results).to_dict("records")],
        "gaps": len(results.gaps),
        "sites": len(results.sites),
        "set_aside": len(results.set_aside),
        "notices": [one_line(line) for line in results.notices],
    }


#: Fields of a CriterionSummary that ``run --json`` prints.
_SUMMARY = "state persons covered_persons share_covered units units_short verdict assumed_verdict".split()


def _summary_record(item: CriterionSummary) -> dict[str, Any]:
    return {"criterion": item.criterion.key} | {name: jsonable(getattr(item, name)) for name in _SUMMARY}


#: Columns of the scorecard that ``run --json`` prints.
_ROW = "place row ids state verdict value_text target_text short_text".split()


def _row_record(row: Mapping[Hashable, Any]) -> dict[str, Any]:
    return {name: row[name] for name in _ROW}


def print_run(results: Results, session: Session) -> None:
    """Print one line per criterion and one of the scorecard on stdout, and the notices on stderr."""
    from servicecircle.outputs.scorecard import verdict_counts
    from servicecircle.standards.wording import missing_text

    for item in results.summaries:
        share = "-" if item.share_covered is None else f"{item.share_covered:.1%}"
        key = "summary" if item.state == "computed" else "summary_no_data"
        values = {
            "criterion": item.criterion.key,
            "title": item.criterion.standard.title.in_language(session.language),
            "share": share,
            "covered": f"{item.covered_persons:,.0f}",
            "persons": f"{item.persons:,.0f}",
            "short": item.units_short,
            "units": item.units,
            "missing": missing_text(item.missing, session.language),
        }
        typer.echo(one_line(session.say(key, **values)))
    counts = verdict_counts(results)
    verdicts = (f"{say(session.language, f'tables.word.{verdict}')} {count}" for verdict, count in counts.items())
    typer.echo(session.say("summary_rows", rows=sum(counts.values()), verdicts=", ".join(verdicts)))
    if results.notices:
        session.tell(session.say("notices", count=len(results.notices)))
        for line in results.notices:
            session.tell(line)


def tell_changes(old: Path, new: Path, output: Path | None, session: Session) -> None:
    """Compare two output folders; both lists are written where a folder is named."""
    from servicecircle.outputs.changes import document, lines, notices, write_changes
    from servicecircle.outputs.compare import compare

    found = compare(old, new)
    session.list_problems("notices", notices(found))
    session.record |= document(found) | {"notices": session.as_records(notices(found))}
    written = [] if output is None else write_changes(found, output)
    session.record["written"] = [str(path) for path in written]
    if not session.as_json:
        for line in lines(found, session.language):
            typer.echo(one_line(line))
        for path in written:
            typer.echo(session.say("compare.written", file=str(path)))

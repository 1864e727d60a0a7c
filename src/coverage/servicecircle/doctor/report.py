"""What ``check`` leaves behind: ``check.html`` to read, ``check.json`` for programs, a list to fill in corrections."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, Template

from servicecircle.doctor.finding import HARMS
from servicecircle.errors import StudyError, problem
from servicecircle.inputs.correction_file import corrections_template
from servicecircle.outputs.folder import put
from servicecircle.outputs.record import RECORD, TOOL
from servicecircle.outputs.start import LANG, POLICY
from servicecircle.text.text import say, sentence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from servicecircle.doctor.finding import Finding, Report
    from servicecircle.study import Study

PAGE, RECORDS, TEMPLATE = "check.html", "check.json", "corrections_template.csv"
FORMAT = 1
#: Findings of one kind in one file that are shown at once; the others are folded below them.
SHOWN = 8
#: Findings whose remedy is mostly to take the row out, and the field that stands for a whole row.
REPEATED, WHOLE_ROW = ("duplicates.", "facilities.duplicate"), "*"
#: Style of each harm on the page.
STYLES = {"stops": "bad", "wrong": "bad", "lost": "mixed", "look": "mixed", "note": "plain"}


def write_report(report: Report, study: Study, folder: Path) -> Path:
    """Write the report into a folder of its own, replacing an older one; return its page.

    Raises
    ------
    StudyError
        The folder holds the results of a run: their record lists every file.
    """
    if (folder / RECORD).exists():
        raise StudyError(problem("doctor.results_folder", folder=str(folder)))
    folder.mkdir(parents=True, exist_ok=True)
    put(folder / RECORDS, record_bytes(report, study))
    put(folder / TEMPLATE, corrections_template(_to_correct(report, study.outputs.language)))
    put(folder / PAGE, page(report, study).encode())
    return folder / PAGE


def _to_correct(report: Report, language: str) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield a line of the corrections template for each cell a finding is about: of two coordinates one each."""
    for one in report.findings:
        if one.harm == "note" or not (one.file and one.row.isdigit()):
            continue
        source = f"{one.file} [{one.layer}]" if one.layer else one.file
        text = sentence(language, one.problem)
        columns = one.column.split(", ") if one.column else [WHOLE_ROW if one.problem.key.startswith(REPEATED) else ""]
        values = one.value.split(", ") if len(columns) > 1 and one.value else [one.value] * len(columns)
        for column, value in zip(columns, values, strict=len(columns) > 1):
            yield source, f"row {one.row}", column, value if one.column else "", text


def records(report: Report, language: str) -> list[dict[str, Any]]:
    """Return the findings as JSON records, each with its sentence."""
    return [_record(one, language) for one in report.findings]


def _record(one: Finding, language: str) -> dict[str, Any]:
    names = ("harm", "code", "file", "layer", "row", "id", "column", "value")
    given = {name: getattr(one, name) for name in names}
    return given | {"key": one.problem.key, "sentence": sentence(language, one.problem)}


def line_of(one: Finding, language: str) -> str:
    """Return one finding as a line of a terminal: how bad, its code, place and sentence."""
    text = sentence(language, one.problem)
    if one.file and one.file not in text:
        place = f"{one.file} [{one.layer}]" if one.layer else one.file
        value = f" ({one.value})" if one.value and one.value not in text else ""
        text = f"{place} {say(language, 'doctor.row', row=one.row)} {one.id}{value}: {text}"
    return say(language, "doctor.line", harm=say(language, f"doctor.harm.{one.harm}"), code=one.code, sentence=text)


def counts(report: Report) -> dict[str, int]:
    """Return the number of findings of each harm, from the worst."""
    return {harm: sum(one.harm == harm for one in report.findings) for harm in HARMS}


def record_bytes(report: Report, study: Study) -> bytes:
    """Return ``check.json``: strict JSON without clock and absolute paths, the same for the same files."""
    tree = {
        "tool": TOOL,
        "format": FORMAT,
        "study": {"name": study.study.name, "file": study.path.name},
        "ok": not report.problems,
        "counts": counts(report),
        "rows": [asdict(one) for one in report.rows],
        "findings": records(report, study.outputs.language),
    }
    return (json.dumps(tree, ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode("utf-8", "backslashreplace")


def page(report: Report, study: Study) -> str:
    """Return ``check.html``: from the worst, file by file, to read in a meeting and to print; no script."""
    language = study.outputs.language
    found = counts(report)
    return _template().render(
        lang=LANG[language],
        policy=POLICY,
        title=study.study.name,
        heading=say(language, "doctor.heading"),
        about=say(language, "doctor.about_bad" if report.problems else "doctor.about_good", file=study.path.name),
        counts=[
            {"count": found[harm], "text": say(language, f"doctor.harm.{harm}"), "style": STYLES[harm], "harm": harm}
            for harm in HARMS
        ],
        parts=[_part(harm, report.findings, language) for harm in HARMS if found[harm]],
        columns=[say(language, f"doctor.column.{name}") for name in ("place", "what", "code")],
        rows=[asdict(one) for one in report.rows],
        row_columns=[
            say(language, f"doctor.column.{name}") for name in ("file", "rows", "used", "set_aside", "not_asked")
        ],
        rows_title=say(language, "doctor.rows"),
        remedy=say(language, "doctor.remedy"),
    )


def _part(harm: str, findings: Iterable[Finding], language: str) -> dict[str, Any]:
    """Return one section of the page: findings of one harm, in groups of one kind in one file."""
    mine = [one for one in findings if one.harm == harm]
    places = [
        {
            "name": f"{file} [{layer}]" if layer else file or say(language, "doctor.whole_study"),
            "kinds": [_kind(list(some), language) for _, some in groupby(found, key=lambda one: one.code)],
        }
        for (file, layer), found in groupby(mine, key=lambda one: (one.file, one.layer))
    ]
    return {
        "harm": harm,
        "title": say(language, f"doctor.harm.{harm}"),
        "says": say(language, f"doctor.meaning.{harm}"),
        "style": STYLES[harm],
        "places": places,
    }


def _kind(some: list[Finding], language: str) -> dict[str, Any]:
    """Return findings of one kind in one file: the first ones, and the others folded."""
    lines = [_line(one, language) for one in some]
    more = say(language, "doctor.more", count=len(lines) - SHOWN)
    return {"shown": lines[:SHOWN], "folded": lines[SHOWN:], "more": more}


def _line(one: Finding, language: str) -> dict[str, str]:
    """Return one line of the page; what the sentence already says is not said beside it."""
    text = sentence(language, one.problem)
    # the heading names the file already
    for sign in ("：", ": "):
        text = text.removeprefix(f"{one.file} [{one.layer}]{sign}" if one.layer else f"{one.file}{sign}")
    where = [say(language, "doctor.row", row=one.row)] if one.row else []
    beside = [part for part in (one.id, one.column, one.value) if part and part not in text]
    return {"where": " ".join(where), "text": text, "beside": " · ".join(beside), "code": one.code}


@cache
def _template() -> Template:
    content = files("servicecircle.doctor").joinpath("check.html.jinja").read_text(encoding="utf-8")
    return Environment(autoescape=True, keep_trailing_newline=True).from_string(content)

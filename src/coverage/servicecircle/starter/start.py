"""From a folder to a study file that ``check`` accepts, or to exact questions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from servicecircle.errors import Problem, StudyError, UsageError, problem
from servicecircle.flow import check
from servicecircle.starter import guess, people, services, ways
from servicecircle.starter.draft import Draft
from servicecircle.starter.look import look
from servicecircle.starter.standards import standards
from servicecircle.study import load_study

if TYPE_CHECKING:
    from servicecircle.starter.look import Folder

NAME = "study.toml"


@dataclass(frozen=True)
class Start:
    """What was written and what is open.

    Attributes
    ----------
    path : Path
        The study file.
    questions : tuple of Problem
        What the folder does not say; the keys stand in the file as comments.
    problems : tuple of Problem
        What ``check`` finds in the study; not asked while there are questions.
    notices : tuple of Problem
        Choices between files, and files that could not be read.
    """

    path: Path
    questions: tuple[Problem, ...]
    problems: tuple[Problem, ...]
    notices: tuple[Problem, ...]


def start(folder: Path, output: Path | None, language: str) -> Start:
    """Look at a folder and write a study file for it; an existing file is never overwritten.

    Parameters
    ----------
    folder : Path
        Data; nothing in it is changed, and nothing written there when ``output`` lies elsewhere.
    output : Path or None
        The study file; ``study.toml`` in the folder when None.
    language : str
        Language of the comments and of the study, ``zh`` or ``en``.

    Raises
    ------
    StudyError
        There is no such folder, or the file cannot be written there.
    UsageError
        The file exists.
    """
    path = folder / NAME if output is None else output
    if path.exists():
        raise UsageError(problem("starter.exists", file=str(path)))
    found = look(folder)
    draft = Draft(language, path)
    _write(draft, found)
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(draft.text)
    except FileExistsError as error:
        raise UsageError(problem("starter.exists", file=str(path))) from error
    except OSError as error:
        detail = error.strerror or str(error)
        raise StudyError(problem("starter.cannot_write", file=str(path), detail=detail)) from error
    problems: tuple[Problem, ...] = ()
    if not draft.questions:
        try:
            problems = check(load_study(path)).problems
        except StudyError as error:
            problems = error.problems
    return Start(path, tuple(draft.questions), problems, tuple(draft.notices))


def _write(draft: Draft, found: Folder) -> None:
    tables = [guess.candidate(seen) for seen in found.seen]
    draft.comment("head", folder=found.path.resolve().name)
    draft.comment("head_check")
    draft.comment("head_source")
    draft.table("[study]")
    draft.set("name", found.path.resolve().name or "study")
    people_at = len(draft.lines)
    living = people.population(draft, found, tables)
    block = draft.lines[people_at:]
    del draft.lines[people_at:]
    # where nobody is found, the facilities say where the place is
    place = living.box or next((one.box for one in tables if one.facilities and one.placed and one.box), None)
    units = guess.area(draft, tables, place)
    draft.lines += block
    used = people.counts(draft, tables, units, living, places=bool(found.osm))
    used |= ways.roads(draft, found, tables, place)
    held, gates = services.facilities(draft, tables, living.box)
    used |= gates | {one.seen.title for one in tables if one.types is not None and one.placed}
    used |= {one.seen.title for one in tables if one.persons is not None and one.placed}
    used |= {one.seen.title for one in tables if one.seen.shape == "polygon"}
    used |= set() if units is None else {units.seen.title}
    used |= services.assets(draft, tables, units)
    standards(draft, held)
    draft.table("[outputs]")
    draft.set("language", draft.language)
    guess.others(draft, found, tables, used)
    if draft.shifted:
        draft.notices.append(problem("starter.notice.shifted", files=", ".join(draft.shifted)))

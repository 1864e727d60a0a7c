"""The one flow: a study's stages in order. It computes nothing itself; each stage can be called from a notebook."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.standards.catalogue import find, select
from servicecircle.standards.modes import standard_modes
from servicecircle.standards.vocabulary import facility_types
from servicecircle.standards.wording import missing_text

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from servicecircle.analysis.stages import Judged, Prepared
    from servicecircle.analysis.world import World
    from servicecircle.inputs.gather import Inputs
    from servicecircle.results import Results
    from servicecircle.standards.model import Criterion
    from servicecircle.study import Study

    Stage = Callable[[str], None]


def _silent(_stage: str) -> None:
    """Report no progress."""


@dataclass(frozen=True)
class CheckReport:
    """What ``check`` found: problems stop a run, notices do not."""

    problems: tuple[Problem, ...]
    notices: tuple[Problem, ...]


def study_criteria(study: Study) -> tuple[Criterion, ...]:
    """Return the criteria a study judges, in the order chosen.

    Raises
    ------
    StudyError
        An unknown standard, type or mode, or a siting target that is not among the criteria; all at once.
    """
    problems = [
        problem("flow.unknown_mode", file=study.path.name, mode=mode, nearest=_nearest(mode, standard_modes()))
        for mode in study.travel.modes
        if mode not in standard_modes()
    ]
    criteria: tuple[Criterion, ...] = ()
    try:
        criteria = tuple(c for s in select(study.standards.use, study.standards.define) for c in s.criteria())
        if study.siting is not None:
            wanted = find(criteria, study.siting.standard)
            if wanted.measure == "presence":
                problems.append(problem("flow.siting_presence", file=study.path.name, criterion=wanted.key))
    except StudyError as error:
        problems += error.problems
    if study.siting is not None:
        problems += [
            problem("flow.unknown_type", file=study.path.name, type=code, nearest=_nearest(code, facility_types()))
            for code in study.siting.upgrade
            if code not in facility_types()
        ]
    if problems:
        raise StudyError(problems)
    return criteria


def _nearest(word: str, known: object) -> str:
    names = sorted(known)  # type: ignore[call-overload]
    return str((difflib.get_close_matches(word, names, n=1, cutoff=0.0) or names)[0])


def read(study: Study) -> tuple[tuple[Criterion, ...], Inputs]:
    """Read the standards and every file of a study.

    Raises
    ------
    StudyError
        Anything is wrong with the standards or the files, or no criterion can be answered by any input; all at once.
    """
    from servicecircle.inputs.gather import gather

    problems: list[Problem] = []
    criteria: tuple[Criterion, ...] = ()
    inputs: Inputs | None = None
    for attempt in (partial(study_criteria, study), partial(gather, study)):
        try:
            found: Any = attempt()
        except StudyError as error:
            problems += error.problems
            continue
        if isinstance(found, tuple):
            criteria = found
        else:
            inputs = found
    if inputs is not None and criteria:
        problems += _unanswerable(study, criteria, inputs)
    if problems or inputs is None:
        raise StudyError(problems)
    return criteria, inputs


def _unanswerable(study: Study, criteria: tuple[Criterion, ...], inputs: Inputs) -> list[Problem]:
    from servicecircle.analysis.select import missing_inputs

    if any(not missing_inputs(inputs.facilities.frame, criterion.standard) for criterion in criteria):
        return []
    wanted = sorted({code for criterion in criteria for code in criterion.standard.types})
    held = sorted(set(inputs.facilities.frame["type"])) or ["-"]
    return [problem("flow.nothing_to_judge", file=study.path.name, wanted=", ".join(wanted), held=", ".join(held))]


def check(study: Study) -> CheckReport:
    """Read everything and return all problems and notices; nothing is computed but a calibration."""
    try:
        criteria, inputs = read(study)
        calibrated = () if inputs.counts is None else _calibration(study, criteria, inputs)
    except StudyError as error:
        return CheckReport(error.problems, ())
    return CheckReport((), (*inputs.notices, *calibrated))


def _calibration(study: Study, criteria: tuple[Criterion, ...], inputs: Inputs) -> tuple[Problem, ...]:
    """Scale people to their census: only then is it known whom it cannot place."""
    from servicecircle.analysis import build
    from servicecircle.demand.calibrate import calibration_notices

    ground = build.build_ground(study, inputs, criteria, build.study_modes(study, standard_modes(), criteria))
    made = ground.demand.calibration
    return () if made is None else calibration_notices(made, list(ground.units["name"]))


def prepare(study: Study, *, progress: Stage = _silent) -> Prepared:
    """Read a study and build its world.

    Raises
    ------
    StudyError
        The study cannot run; all problems at once.
    """
    progress("read")
    criteria, inputs = read(study)
    from servicecircle.analysis import build
    from servicecircle.analysis.stages import Prepared

    modes = build.study_modes(study, standard_modes(), criteria)
    progress("demand")
    ground = build.build_ground(study, inputs, criteria, modes)
    progress("network")
    # the ranges ask for modes that no criterion names; what is judged knows nothing of them
    every = build.changed_modes(study, standard_modes()) if study.ranges.enabled else modes
    network = build.build_network_of(study, inputs, ground, every)
    wide, finder = build.build_world(study, inputs, ground, network, every)
    return Prepared(study, criteria, inputs, ground, wide.with_modes(modes), finder, wide)


def judge(prepared: Prepared, *, progress: Stage = _silent) -> Judged:
    """Evaluate all criteria and count people per unit."""
    from servicecircle.analysis.evaluate import ReachCache, evaluate
    from servicecircle.analysis.stages import Judged
    from servicecircle.analysis.summary import count_people, unit_table

    progress("reach")
    cache = ReachCache(prepared.world)
    coverage = evaluate(prepared.world, prepared.criteria, cache=cache)
    counts = tuple(count_people(prepared.world, entry) for entry in coverage.criteria)
    tables = tuple(unit_table(prepared.world, e, c, cache) for e, c in zip(coverage.criteria, counts, strict=True))
    return Judged(coverage, cache, counts, tables)


def run(study: Study, *, progress: Stage | None = None) -> Results:
    """Run a study from its files to its results; nothing is written.

    Parameters
    ----------
    progress : callable, optional
        Called with the name of each stage as it begins.

    Raises
    ------
    StudyError
        The study cannot run; all problems at once.
    InternalError
        The people ledger does not close.
    """
    progress = progress or _silent
    prepared = prepare(study, progress=progress)
    judged = judge(prepared, progress=progress)
    from servicecircle.assemble import assemble

    return assemble(prepared, judged, progress)


def explain(study: Study, *, unit: str, criterion: str) -> list[str]:
    """Return the lines that explain one unit's number under one criterion.

    Parameters
    ----------
    unit : str
        Identifier or name of a unit.
    criterion : str
        ``ID/MODE``, or ``ID`` for its first measure.

    Raises
    ------
    StudyError
        No such unit, an ambiguous name, or no such criterion in the study.
    """
    wanted = find(study_criteria(study), criterion)
    prepared = prepare(study)
    from servicecircle.analysis.explain import Explainer

    judged = judge(replace(prepared, criteria=(wanted,)))
    entry, table = judged.coverage.criteria[0], judged.tables[0]
    if entry.state != "computed":
        raise StudyError(
            problem(
                "flow.explain_no_data",
                criterion=wanted.key,
                missing=missing_text(entry.missing, study.outputs.language),
            )
        )
    unit_id = _unit_id(prepared.world, table, unit, wanted)
    return Explainer(prepared.world, entry, table, judged.cache, study.outputs.language).lines(unit_id)


def _unit_id(world: World, table: pd.DataFrame, wanted: str, criterion: Criterion) -> str:
    units = world.units
    matches = [wanted] if wanted in set(units["id"]) else list(units.loc[units["name"] == wanted, "id"])
    if len(matches) > 1:
        raise StudyError(problem("flow.unit_ambiguous", unit=wanted, ids=", ".join(matches)))
    if not matches:
        names = [*units["id"], *units["name"]]
        near = difflib.get_close_matches(wanted, names, n=3, cutoff=0.3)
        raise StudyError(problem("flow.unit_unknown", unit=wanted, nearest=", ".join(near) or "-"))
    if matches[0] not in set(table["unit_id"]):
        raise StudyError(problem("flow.unit_not_judged", unit=wanted, criterion=criterion.key))
    return str(matches[0])

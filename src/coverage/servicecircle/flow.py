"""The one flow: a study's stages in order. It computes nothing itself; each stage can be called from a notebook."""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import TYPE_CHECKING

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.standards.catalogue import find, select
from servicecircle.standards.model import Covering
from servicecircle.standards.modes import standard_modes
from servicecircle.standards.vocabulary import facility_types
from servicecircle.standards.wording import missing_text
from servicecircle.text import sentence

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from servicecircle.analysis.stages import Judged, Prepared
    from servicecircle.analysis.world import World
    from servicecircle.doctor.finding import Report
    from servicecircle.inputs.gather import Gathered, Inputs
    from servicecircle.results import Results
    from servicecircle.standards.model import Criterion, Standard
    from servicecircle.study import Study

    Stage = Callable[[str], None]


def _silent(_stage: str) -> None:
    """Report no progress."""


def study_criteria(study: Study) -> tuple[Criterion, ...]:
    """Return the criteria a study judges at people's homes and in units, in the order chosen.

    Raises
    ------
    StudyError
        As :func:`study_standards`.
    """
    return tuple(criterion for standard in study_standards(study) for criterion in standard.criteria())


def study_standards(study: Study) -> tuple[Standard, ...]:
    """Return the standards a study judges, in the order chosen.

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
    standards: tuple[Standard, ...] = ()
    try:
        standards = select(study.standards.use, study.standards.define)
        criteria = tuple(criterion for standard in standards for criterion in standard.criteria())
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
    return standards


def _nearest(word: str, known: object) -> str:
    names = sorted(known)  # type: ignore[call-overload]
    return str((difflib.get_close_matches(word, names, n=1, cutoff=0.0) or names)[0])


def read(study: Study) -> tuple[tuple[Standard, ...], Inputs]:
    """Read the standards and every file of a study.

    Raises
    ------
    StudyError
        Anything is wrong with the standards or the files, or no standard can be answered by any input; all at once.
    """
    standards, gathered, problems = _survey(study)
    if problems or gathered.inputs is None:
        raise StudyError(problems)
    return standards, gathered.inputs


def _survey(study: Study) -> tuple[tuple[Standard, ...], Gathered, list[Problem]]:
    """Read standards and files as far as they can be read, and everything that refuses the study."""
    from servicecircle.inputs.gather import survey

    problems: list[Problem] = []
    standards: tuple[Standard, ...] = ()
    try:
        standards = study_standards(study)
    except StudyError as error:
        problems += error.problems
    gathered = survey(study)
    problems += gathered.problems
    if gathered.inputs is not None and standards:
        problems += _unanswerable(study, standards, gathered.inputs)
    return standards, gathered, problems


def _unanswerable(study: Study, standards: tuple[Standard, ...], inputs: Inputs) -> list[Problem]:
    """Return a problem when every standard asks for facilities and no input holds any of them."""
    from servicecircle.analysis.holdings import Holdings
    from servicecircle.analysis.select import missing_inputs

    holdings, frame = Holdings(inputs.assets.frame), inputs.facilities.frame
    asked = [standard for standard in standards if isinstance(standard, Covering)]
    if len(asked) < len(standards) or any(not missing_inputs(frame, standard, holdings) for standard in asked):
        return []
    wanted = sorted({code for standard in asked for code in standard.types})
    held = sorted(set(inputs.facilities.frame["type"])) or ["-"]
    return [problem("flow.nothing_to_judge", file=study.path.name, wanted=", ".join(wanted), held=", ".join(held))]


def check(study: Study, *, progress: Stage = _silent) -> Report:
    """Read everything, place people and facilities, and return all that is wrong or doubtful; nothing is judged."""
    from servicecircle.doctor.finding import Report
    from servicecircle.doctor.looks import look_at_inputs, look_at_world

    progress("read")
    standards, gathered, problems = _survey(study)
    criteria = tuple(criterion for standard in standards for criterion in standard.criteria())
    notices = [*gathered.notices, *_missing_groups(study, criteria)]
    inputs = gathered.inputs
    if inputs is not None:
        notices += look_at_inputs(study, inputs)
        try:
            prepared = _placed(study, standards, inputs, progress, ranges=False)
        except StudyError as error:
            problems += [one for one in error.problems if one not in problems]
        else:
            notices += [*_calibration(prepared), *look_at_world(prepared)]
    return Report(tuple(problems), tuple(notices), gathered.set_aside, gathered.rows)


def _missing_groups(study: Study, criteria: tuple[Criterion, ...]) -> list[Problem]:
    """Say which criteria will have no data because they count a group the study does not give."""
    from servicecircle.analysis.select import missing_group

    found = {criterion: missing_group(study.population.groups, criterion.standard) for criterion in criteria}
    language = study.outputs.language
    return [
        problem("flow.no_data", criterion=criterion.key, missing=missing_text(missing, language))
        for criterion, missing in found.items()
        if missing
    ]


def _calibration(prepared: Prepared) -> tuple[Problem, ...]:
    """Say whom a census counts and nobody can place: only where people are is it known."""
    from servicecircle.demand.calibrate import calibration_notices

    made = prepared.ground.demand.calibration
    return () if made is None else calibration_notices(made, list(prepared.ground.units["name"]))


def prepare(study: Study, *, progress: Stage = _silent) -> Prepared:
    """Read a study and build its world.

    Raises
    ------
    StudyError
        The study cannot run; all problems at once.
    """
    progress("read")
    standards, inputs = read(study)
    return _placed(study, standards, inputs, progress, ranges=study.ranges.enabled)


def _placed(
    study: Study, standards: tuple[Standard, ...], inputs: Inputs, progress: Stage, *, ranges: bool
) -> Prepared:
    """Put people, facilities and roads together; for ``ranges`` with the modes that no criterion names."""
    from servicecircle.analysis import build
    from servicecircle.analysis.stages import Prepared

    criteria = tuple(criterion for standard in standards for criterion in standard.criteria())
    modes = build.study_modes(study, standard_modes(), criteria, standards)
    progress("demand")
    ground = build.build_ground(study, inputs, criteria, modes)
    progress("network")
    # the ranges ask for modes that no criterion names; what is judged knows nothing of them
    every = build.changed_modes(study, standard_modes()) if ranges else modes
    network = build.build_network_of(study, inputs, ground, every)
    wide, finder = build.build_world(study, inputs, ground, network, every)
    return Prepared(study, standards, criteria, inputs, ground, wide.with_modes(modes), finder, wide)


def judge(prepared: Prepared, *, progress: Stage = _silent) -> Judged:
    """Evaluate all criteria and count people per unit; judge all other standards."""
    from servicecircle.analysis.bench import Bench
    from servicecircle.analysis.evaluate import ReachCache, evaluate
    from servicecircle.analysis.judge import judge_all
    from servicecircle.analysis.stages import Judged
    from servicecircle.analysis.summary import count_people, unit_table

    progress("reach")
    cache = ReachCache(prepared.world)
    coverage = evaluate(prepared.world, prepared.criteria, cache=cache)
    counts = tuple(count_people(prepared.world, entry) for entry in coverage.criteria)
    tables = tuple(unit_table(prepared.world, e, c, cache) for e, c in zip(coverage.criteria, counts, strict=True))
    findings = judge_all(Bench(prepared.world, cache), prepared.standards)
    return Judged(coverage, cache, counts, tables, findings)


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
    from servicecircle.doctor.looks import warnings

    results = assemble(prepared, judged, progress)
    # who runs without a check reads at least what probably makes a figure wrong, before everything else
    told = [sentence(study.outputs.language, one) for one in warnings(prepared)]
    return replace(results, notices=(*told, *results.notices))


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

    judged = judge(replace(prepared, standards=(), criteria=(wanted,)))
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

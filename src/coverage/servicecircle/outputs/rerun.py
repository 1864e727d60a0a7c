"""Repeat a run from its ``run.json``: find its inputs, verify them, and compare what a second run writes.

The record holds no place on any disk, so that two runs in two folders are byte-equal. Where the study file lay is
therefore told (``study``) or found: the default output folder ``maps/<study>/`` stands beside it, and so on
(:data:`GUESSES`). What is run is the study as recorded: of the study file only its folder is needed, from which the
paths of the inputs count.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.outputs.causes import differences
from servicecircle.outputs.record import LOG, RECORD
from servicecircle.outputs.recorded import content_hash, read_record
from servicecircle.study import load_study, study_from

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from servicecircle.study import Study

#: Where the study's folder may be, seen from the output folder: beside ``maps``, above it, the folder itself.
GUESSES = ("../..", "..", ".")


@dataclass(frozen=True)
class Repeat:
    """A recorded run whose inputs were verified.

    Attributes
    ----------
    record : Path
        The ``run.json``.
    study : Study
        The study as recorded, anchored in the folder where its inputs lie.
    notices : tuple of Problem
        What may make the repetition differ: another version, a study file that was changed since.
    """

    record: Path
    tree: Mapping[str, Any]
    study: Study
    notices: tuple[Problem, ...]


@dataclass(frozen=True)
class Difference:
    """The first file, by name, that a repetition wrote otherwise; ``run.json`` comes last.

    Attributes
    ----------
    count : int
        How many files differ.
    place : str
        Of ``run.json`` the first dotted key that differs; else empty.
    """

    file: str
    count: int
    place: str = ""


def prepare_repeat(record: Path, study_file: Path | None = None) -> Repeat:
    """Read a record and verify that every input is as it was.

    Parameters
    ----------
    record : Path
        A ``run.json``.
    study_file : Path, optional
        The study file of the run, or its folder; found from the place of the record when left out.

    Raises
    ------
    StudyError
        No record of ours, an input that is missing or was changed (all of them at once), or a study that this
        version does not accept.
    """
    tree = read_record(record)
    if not isinstance(tree.get("given"), dict):
        raise StudyError(problem("rerun.old_record", file=str(record)))
    name = tree["provenance"]["study_file"]
    folder = _folder(record, tree, study_file)
    study = study_from(tree["given"], folder / name)
    changed = list(_changed(study, tree))
    if changed:
        raise StudyError(changed)
    return Repeat(record, tree, study, (*_versions(tree), *_edited(folder / name, tree)))


def _folder(record: Path, tree: Mapping[str, Any], study_file: Path | None) -> Path:
    """Return the folder from which the paths of the inputs count."""
    if study_file is not None:
        if not study_file.exists():
            raise StudyError(problem("rerun.no_study", file=str(study_file)))
        return study_file if study_file.is_dir() else study_file.parent
    places = [record.parent / guess for guess in GUESSES]
    name, inputs = tree["provenance"]["study_file"], [entry["path"] for entry in tree["provenance"]["inputs"]]
    for found in (
        *(place for place in places if (place / name).is_file() and all((place / path).is_file() for path in inputs)),
        *(place for place in places if (place / name).is_file()),
        *(place for place in places if all((place / path).is_file() for path in inputs)),
    ):
        return found
    tried = ", ".join(dict.fromkeys(str(place.resolve() / name) for place in places))
    raise StudyError(problem("rerun.not_found", file=str(record), study=name, tried=tried))


def _changed(study: Study, tree: Mapping[str, Any]) -> Iterator[Problem]:
    for entry in tree["provenance"]["inputs"]:
        found = content_hash(study.locate(entry["path"]))
        where = {"file": entry["path"], "folder": str(study.locate(".").resolve())}
        if found is None:
            yield problem("rerun.lost", **where)
        elif found != entry["sha256"]:
            yield problem("rerun.changed", **where, old=entry["sha256"][:12], new=found[:12])


def _versions(tree: Mapping[str, Any]) -> Iterator[Problem]:
    """Say which versions are not those of the record: the bytes may differ though nothing is wrong."""
    from servicecircle import __version__

    then = {"servicecircle": tree["provenance"]["version"], **tree["provenance"]["libraries"]}
    now = {"servicecircle": __version__} | {name: _installed(name) for name in tree["provenance"]["libraries"]}
    others = [f"{name} {then[name]} → {now[name]}" for name in then if then[name] != now[name]]
    if others:
        yield problem("rerun.version", count=len(others), versions=", ".join(others))


def _installed(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "-"


def _edited(study_file: Path, tree: Mapping[str, Any]) -> Iterator[Problem]:
    """Say that the study file is no longer what ran; the record is what is repeated."""
    if not study_file.is_file():
        return
    try:
        now = load_study(study_file).model_dump(mode="json", by_alias=True)
    except StudyError:
        yield problem("rerun.edited", file=str(study_file), key="-")
        return
    keys = [key for key, _, _ in differences(tree["study"], now) if key != "outputs.language"]
    if keys:
        yield problem("rerun.edited", file=str(study_file), key=", ".join(keys[:5]) + (" …" if len(keys) > 5 else ""))


def first_difference(repeat: Repeat, again: Path) -> Difference | None:
    """Return where a repetition differs from its record, None when every file has the bytes recorded.

    ``run.log``, which alone may hold times, is left out.

    Parameters
    ----------
    again : Path
        The output folder of the repetition.
    """
    then = {entry["name"]: entry["sha256"] for entry in repeat.tree["files"]} | {RECORD: content_hash(repeat.record)}
    now = {path.name: content_hash(path) for path in again.iterdir() if path.name != LOG}
    names = [*sorted({*then, *now} - {RECORD}), RECORD]
    other = [name for name in names if then.get(name) != now.get(name)]
    if not other:
        return None
    place = ""
    if other[0] == RECORD:
        tree = json.loads((again / RECORD).read_text(encoding="utf-8"))
        place = next((key for key, _, _ in differences(repeat.tree, tree)), "")
    return Difference(other[0], len(other), place)

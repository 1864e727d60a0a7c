"""The exceptions of the package: one small tree, one exit code each.

An exception carries *problems* (a text key and its values), never a finished sentence: the sentence is
made in the user's language by :mod:`servicecircle.text`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, as a text key and the values its sentence needs.

    Parameters
    ----------
    key : str
        Dotted key of the sentence in ``text/zh.toml`` and ``text/en.toml``.
    values : mapping
        Values for the placeholders of the sentence (file, row, value, remedy ...).
    """

    key: str
    values: Mapping[str, Any] = field(default_factory=dict)


def problem(key: str, /, **values: Any) -> Problem:
    """Build a :class:`Problem` from keyword values."""
    return Problem(key, values)


class ServiceCircleError(Exception):
    """Base of all errors of the package; holds every problem found, not only the first."""

    exit_code: ClassVar[int] = 3

    def __init__(self, problems: Iterable[Problem] | Problem) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("; ".join(f"{p.key} {dict(p.values)}" for p in self.problems))


class StudyError(ServiceCircleError):
    """The study cannot run: a file, a key or a value is wrong (exit code 1)."""

    exit_code = 1


class UsageError(ServiceCircleError):
    """The command was called wrongly (exit code 2)."""

    exit_code = 2


class InternalError(ServiceCircleError):
    """A promise of the package does not hold, e.g. the ledger does not close (exit code 3)."""

    exit_code = 3

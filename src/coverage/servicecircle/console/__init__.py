"""How a command speaks: sentences on stderr, one JSON document, progress, the log, and errors as exit codes."""

from __future__ import annotations

import json
import logging
import math
import sys
import time
import tomllib
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

import typer

from servicecircle.errors import Problem, ServiceCircleError, problem
from servicecircle.text import say, sentence

STAGES = ("read", "demand", "network", "reach", "gaps", "siting", "ranges", "drawings", "write")


class Language(StrEnum):
    """Language of the sentences."""

    zh = "zh"
    en = "en"


class Terminated(BaseException):
    """SIGTERM arrived; a BaseException, so that nothing but the command line catches it."""


@dataclass
class Session:
    """One call of one command: the language it speaks and what it prints.

    Attributes
    ----------
    language : str
        ``zh`` or ``en``.
    debug : bool
        Whether a trace is shown.
    as_json : bool
        Whether stdout carries one JSON document and nothing else.
    record : dict
        The JSON document.
    log : list of str
        Lines for ``run.log``, each with its time of day.
    """

    language: str
    debug: bool = False
    as_json: bool = False
    record: dict[str, Any] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def say(self, key: str, /, **values: Any) -> str:
        """Return a sentence of the ``cli`` section."""
        return say(self.language, f"cli.{key}", **values)

    def tell(self, line: str) -> None:
        """Print one line on stderr."""
        typer.echo(one_line(line), err=True)

    def list_problems(self, heading: str, problems: Iterable[Problem]) -> None:
        """Print problems on stderr: a line with their number, then one sentence per line."""
        found = tuple(problems)
        if not found:
            return
        self.tell(self.say(heading, count=len(found)))
        for item in found:
            self.tell(sentence(self.language, item))

    def fail(self, error: ServiceCircleError) -> typer.Exit:
        """Report an error of the package and return the exception that ends the command."""
        self.list_problems("problems", error.problems)
        self.record |= {"ok": False, "exit_code": error.exit_code, "problems": self.as_records(error.problems)}
        return typer.Exit(error.exit_code)

    def as_records(self, problems: Iterable[Problem]) -> list[dict[str, Any]]:
        """Return problems as JSON records."""
        return [self._record(item) for item in problems]

    def _record(self, item: Problem) -> dict[str, Any]:
        given = item.values.items()
        values = {k: sentence(self.language, v) if isinstance(v, Problem) else jsonable(v) for k, v in given}
        return {"key": item.key, "sentence": one_line(sentence(self.language, item)), "values": values}


def one_line(text: str) -> str:
    """Make a sentence safe for a terminal: a line break or escape out of a file is shown, not obeyed."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def jsonable(value: Any) -> Any:
    """Return a value JSON can hold; a number that is none (NaN, infinite) becomes null."""
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int) else str(value)


@contextmanager
def open_session(
    ctx: typer.Context, *, lang: Language | None, debug: bool, study: Path | None = None, as_json: bool = False
) -> Iterator[Session]:
    """Run a command: errors become sentences and exit codes; ``--json`` prints its one document at the end.

    Raises
    ------
    typer.Exit
        With the exit code of the design: 1 study, 2 usage, 3 internal fault, 130 interrupted, 143 terminated.
    """
    given = ctx.find_root().params
    language = lang or given.get("lang") or _study_language(study)
    session = Session(str(language), debug=debug or bool(given.get("debug")), as_json=as_json)
    end: typer.Exit | None = None
    with _logging(session):
        try:
            yield session
        except typer.Exit as error:
            end = error
        except ServiceCircleError as error:
            _trace(session)
            end = session.fail(error)
        except BrokenPipeError:
            raise
        except OSError as error:
            _trace(session)
            end = session.fail(_os_error(error))
        except KeyboardInterrupt:
            end = _stopped(session, "interrupted", 130)
        except Terminated:
            end = _stopped(session, "terminated", 143)
        except Exception as error:  # noqa: BLE001 - the one place where an unforeseen fault becomes a sentence and exit code 3
            _trace(session)
            fault = problem("cli.internal", kind=type(error).__name__, detail=str(error))
            end = session.fail(ServiceCircleError(fault))
    if as_json:
        try:
            typer.echo(json.dumps({"ok": True, "exit_code": 0} | session.record, allow_nan=False, default=jsonable))
        except BrokenPipeError:
            raise
        except OSError as error:
            _trace(session)
            end = session.fail(_os_error(error))
    if end is not None:
        raise end


def _trace(session: Session) -> None:
    if session.debug:
        typer.echo(traceback.format_exc(), err=True)


def _stopped(session: Session, key: str, code: int) -> typer.Exit:
    session.tell(session.say(key))
    session.record |= {"ok": False, "exit_code": code, "problems": []}
    return typer.Exit(code)


class _StorageError(ServiceCircleError):
    """The operating system refuses a file: full disk, no permission, quota."""

    exit_code = 1


def _os_error(error: OSError) -> ServiceCircleError:
    return _StorageError(problem("cli.os_error", file=str(error.filename or "-"), detail=error.strerror or str(error)))


def _study_language(path: Path | None) -> str:
    """Return the language a study file or a record (``run.json``) asks for, also of a broken one; else ``zh``."""
    if path is None:
        return "zh"
    try:
        text = path.read_text(encoding="utf-8-sig")
        tree = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError, RecursionError):
        return "zh"  # its reader says what is wrong; here only the language of that sentence is sought
    if path.suffix == ".json":
        tree = tree.get("study") if isinstance(tree, dict) else None
    if not isinstance(tree, dict):
        return "zh"
    outputs = tree.get("outputs")
    language = outputs.get("language") if isinstance(outputs, dict) else None
    return language if language in tuple(Language) else "zh"


@contextmanager
def _logging(session: Session) -> Iterator[None]:
    """Collect log records and Python warnings for ``run.log``; with ``--debug`` show them too."""
    root = logging.getLogger()
    handlers: list[logging.Handler] = [_ListHandler(session.log)]
    if session.debug:
        handlers.append(logging.StreamHandler(sys.stderr))
    for handler in handlers:
        root.addHandler(handler)
    package = logging.getLogger("servicecircle")
    before = package.level
    package.setLevel(logging.DEBUG if session.debug else logging.INFO)
    logging.captureWarnings(capture=True)
    try:
        yield
    finally:
        logging.captureWarnings(capture=False)
        package.setLevel(before)
        for handler in handlers:
            root.removeHandler(handler)


class _ListHandler(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(f"{_clock()} {record.levelname} {record.name}: {one_line(record.getMessage())}")


def _clock() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


class Progress:
    """Stages on stderr: a spinner on a terminal, plain lines elsewhere; every stage's seconds go to the log."""

    def __init__(self, session: Session, stages: Sequence[str] = STAGES) -> None:
        self._session = session
        self._stages = stages
        self._stage = ""
        self._began = time.monotonic()
        self._status: Any = None

    def __enter__(self) -> Self:
        if sys.stderr is not None and sys.stderr.isatty():
            from rich.console import Console

            self._status = Console(stderr=True, highlight=False).status("", spinner="line")
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._close()
        if self._status is not None:
            self._status.stop()

    def __call__(self, stage: str) -> None:
        """Begin a stage: one of the stages given."""
        self._close()
        self._stage, self._began = stage, time.monotonic()
        line = self._line(stage)
        self._session.log.append(f"{_clock()} {line}")
        if self._status is None:
            self._session.tell(line)
        else:
            self._status.update(line.replace("[", r"\["))

    def _line(self, stage: str) -> str:
        return f"[{self._stages.index(stage) + 1}/{len(self._stages)}] {self._session.say('stage.' + stage)}"

    def _close(self) -> None:
        if not self._stage:
            return
        seconds = time.monotonic() - self._began
        line = f"{self._line(self._stage)} {seconds:.1f} s"
        self._session.log.append(f"{_clock()} {line}")
        if self._status is not None:
            self._status.console.print(line, markup=False)
        self._stage = ""

"""A study file as it is written: lines of TOML, comments in the reader's language, questions and notices."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from servicecircle.errors import Problem, problem
from servicecircle.text import sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

#: A file further up than this is named by its absolute path.
MOST_UP = 2
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def value(what: Any) -> str:
    """Return a text, number, list or table as TOML on one line.

    Examples
    --------
    >>> value({"name": "机构名称", "年": 2024})
    '{ name = "机构名称", "年" = 2024 }'
    """
    if isinstance(what, dict):
        inside = ", ".join(f"{key_text(key)} = {value(one)}" for key, one in what.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(what, list | tuple):
        return "[" + ", ".join(map(value, what)) + "]"
    if isinstance(what, str):
        return json.dumps(what, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(what)


def key_text(key: str) -> str:
    """Return a key as TOML, quoted where it must be."""
    return key if _BARE.fullmatch(key) else value(key)


class Draft:
    """The study file under way.

    Parameters
    ----------
    language : str
        Language of the comments.
    study : Path
        Where the file will stand: paths in it are relative to its folder.
    """

    def __init__(self, language: str, study: Path) -> None:
        self.language, self.study = language, study
        self.lines: list[str] = []
        self.questions: list[Problem] = []
        self.notices: list[Problem] = []
        #: Tables whose coordinates may be those of a map service.
        self.shifted: list[str] = []

    @property
    def text(self) -> str:
        """The file."""
        return "\n".join(self.lines) + "\n"

    def add(self, line: str) -> None:
        """Add a line of TOML."""
        self.lines.append(line)

    def table(self, name: str) -> None:
        """Begin a table or an entry of a list of tables, after an empty line."""
        if self.lines:
            self.lines.append("")
        self.lines.append(name)

    def set(self, key: str, what: Any) -> None:
        """Add a key and its value."""
        self.lines.append(f"{key_text(key)} = {value(what)}")

    def open(self, key: str, what: Any) -> None:
        """Add a key as a comment: the reader decides."""
        self.lines.append(f"# {key_text(key)} = {value(what)}")

    def comment(self, key: str, /, **values: Any) -> None:
        """Add a comment: a sentence under ``starter.comment``."""
        self._remark(problem(f"starter.comment.{key}", **values))

    def tell(self, key: str, /, **values: Any) -> None:
        """Add a comment that is a notice of the command too: a sentence under ``starter.notice``."""
        told = problem(f"starter.notice.{key}", **values)
        self.notices.append(told)
        self._remark(told)

    def ask(self, key: str, /, **values: Any) -> None:
        """Add a question, in the file and of the command: a sentence under ``starter.question``."""
        asked = problem(f"starter.question.{key}", **values)
        self.questions.append(asked)
        self._remark(asked, mark="??? ")

    def _remark(self, what: Problem, mark: str = "") -> None:
        # a line break inside a file's name must not end the comment
        text = "".join(sign if sign.isprintable() else " " for sign in sentence(self.language, what))
        self.lines.append(f"# {mark}{text}")

    def path(self, path: Path) -> str:
        """Return a path as the study names it: relative where that is short, else absolute."""
        absolute, base = path.absolute(), self.study.absolute().parent
        try:
            relative = Path(os.path.relpath(absolute, base))
        except ValueError:
            # another drive
            return absolute.as_posix()
        return relative.as_posix() if relative.parts.count("..") <= MOST_UP else absolute.as_posix()


def without_empty(**values: Any) -> Mapping[str, Any]:
    """Return the values that are given."""
    return {key: one for key, one in values.items() if one not in (None, "", {})}

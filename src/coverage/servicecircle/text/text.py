"""Look up a sentence by its dotted key in one of two catalogues, ``zh.toml`` and ``en.toml``."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from servicecircle.errors import Problem

LANGUAGES = ("zh", "en")


@cache
def catalogue(language: str) -> dict[str, str]:
    """Return one language's sentences as ``{dotted key: template}``."""
    if language not in LANGUAGES:
        message = f"language {language!r} is not one of {LANGUAGES}"
        raise ValueError(message)
    content = files("servicecircle.text").joinpath(f"{language}.toml").read_text(encoding="utf-8")
    return _flat(tomllib.loads(content))


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def say(language: str, key: str, /, **values: Any) -> str:
    """Return the sentence of ``key`` with its placeholders filled.

    Raises
    ------
    KeyError
        The key is in no catalogue, or a placeholder has no value: a fault of the package.
    """
    return catalogue(language)[key].format(**values)


def sentence(language: str, problem: Problem) -> str:
    """Return the sentence of one problem.

    A value that is itself a problem becomes its sentence first; one with ``in_language`` (a title in both languages)
    becomes its words.
    """
    return say(language, problem.key, **{name: _worded(language, value) for name, value in problem.values.items()})


def _worded(language: str, value: Any) -> Any:
    if isinstance(value, Problem):
        return sentence(language, value)
    return value.in_language(language) if hasattr(value, "in_language") else value

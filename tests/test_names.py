"""Names: the two languages agree, the public names load, the code says what the words of the project are."""

from __future__ import annotations

import ast
import re
import string
from pathlib import Path

import pytest

import servicecircle
from servicecircle.text.text import catalogue

ROOT = Path(__file__).resolve().parents[1]
HOUSE = ROOT / "src" / "coverage" / "servicecircle"
#: Words the project does not use for its own things, and the word it uses.
WORDS = {
    "poi": "facility",
    "desert": "short unit",
    "isopolygon": "service area",
    "unserved": "short",
    "impedance": "travel time",
}


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def test_both_languages_have_the_same_sentences_with_the_same_placeholders() -> None:
    zh, en = catalogue("zh"), catalogue("en")
    assert len(zh) > 100
    assert set(zh) == set(en)
    assert {
        key: (placeholders(zh[key]), placeholders(en[key]))
        for key in zh
        if placeholders(zh[key]) != placeholders(en[key])
    } == {}


def test_every_problem_the_code_raises_has_a_sentence() -> None:
    keys = catalogue("zh")
    used: dict[str, str] = {}
    for path in HOUSE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "problem" and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    used[first.value] = path.name
    assert len(used) > 30
    assert {key: name for key, name in used.items() if key not in keys} == {}


def test_every_public_name_loads() -> None:
    assert len(servicecircle.__all__) <= 45
    for name in servicecircle.__all__:
        assert getattr(servicecircle, name) is not None
    with pytest.raises(AttributeError, match="nothing_of_this_name"):
        _ = servicecircle.nothing_of_this_name


def test_the_code_uses_the_words_of_the_project() -> None:
    found = []
    for path in HOUSE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = getattr(node, "name", None) or getattr(node, "arg", None) or getattr(node, "id", None)
            if isinstance(name, str):
                found += [
                    f"{path.name}: {name}, say {WORDS[word]}"
                    for word in re.split(r"_|(?<=[a-z])(?=[A-Z])", name)
                    if word.lower() in WORDS
                ]
    assert found == []


def test_the_lock_holds_names_and_versions_only() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines) > 50
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.+!]*", line)] == []

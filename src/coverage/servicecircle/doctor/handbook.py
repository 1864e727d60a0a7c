"""``docs/messages.md``: every message by its code, in both languages, made from the catalogues."""

from __future__ import annotations

from servicecircle.text.codes import code_of, codes
from servicecircle.text.text import catalogue, say

_HEAD = """# 消息 · Messages

每条消息和每个发现都有不变的编号；`servicecircle message SC-1007` 在本机查到同样的内容。
花括号里的词在运行时换成文件、行、值。
Every message and finding has a code that never changes; `servicecircle message SC-1007` finds the same offline.
Words in braces become the file, row and value.

This file is made by `python -c "from servicecircle.doctor.handbook import handbook; print(handbook(), end='')"`.

"""
_COLUMNS = "| 编号 code | 中文 | English |\n|---|---|---|\n"


def handbook() -> str:
    """Return the whole document; the same catalogues give the same text."""
    parts: dict[str, list[str]] = {}
    for key in codes():
        cells = (code_of(key), *(_cell(catalogue(language)[key]) for language in ("zh", "en")))
        parts.setdefault(key.split(".", 1)[0], []).append("| " + " | ".join(cells) + " |\n")
    body = [f"## {_title(section)}\n\n{_COLUMNS}{''.join(rows)}" for section, rows in parts.items()]
    return _HEAD + "\n".join(body)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def _title(section: str) -> str:
    return " · ".join(say(language, f"doctor.section.{section}") for language in ("zh", "en"))

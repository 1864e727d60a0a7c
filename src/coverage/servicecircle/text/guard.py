"""Text that a spreadsheet could take for a formula: how it is marked in CSV files, and how the mark is taken off.

A spreadsheet takes text that begins with ``= + - @``, TAB or CR, or the full-width ``＝ ＋ － ＠``, for a formula.
Such text gets one leading apostrophe unless it is a plain number; white space in front does not hide it. Text that
begins with apostrophes before such a sign gets one more, so :func:`unguard` always gives back the original.
"""

from __future__ import annotations

import re

RISKY = tuple("=+-@\t\r＝＋－＠")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def risky(text: str) -> bool:
    """Return whether a spreadsheet could take the text for a formula; a plain number is none."""
    bare = text.lstrip(" \n\v\f\u00a0\u3000\ufeff")
    return bare.startswith(RISKY) and not _NUMBER.fullmatch(text)


def guard(text: str) -> str:
    """Return the text with one more leading apostrophe where a spreadsheet could take it for a formula."""
    return f"'{text}" if risky(text.lstrip("'")) else text


def unguard(text: str) -> str:
    """Return the text as it was before :func:`guard`."""
    return text[1:] if text.startswith("'") and risky(text.lstrip("'")) else text

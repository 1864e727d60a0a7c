"""The number of every message: ``SC-1007`` says the same in both languages, on the telephone too."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files

from servicecircle.text.text import catalogue

#: Sections of the catalogues that hold messages: what is wrong, what is told, why a row is not used.
SECTIONS = (
    "study",
    "standards",
    "inputs",
    "facilities",
    "doors",
    "assets",
    "population",
    "units",
    "matching",
    "calibrate",
    "roads",
    "flow",
    "tables",
    "cli",
    "sample",
    "starter",
    "corrections",
    "rows",
    "shift",
    "axes",
    "numbers",
    "years",
    "gdal",
    "people",
    "unit_look",
    "road_look",
    "duplicates",
    "intake",
    "compare",
    "rerun",
    "doctor",
    "written",
)
#: Parts of them that hold words of a sentence or a page, not messages.
WORDS = re.compile(
    r"inputs\.meaning|assets\.(of|unit)|units\.class|standards\.(limit|per|clause|missing|plan|status|level|basis|demand)"
    r"|tables\.(remedy|role|sheet|where|unit|rounding|word|style|header|meaning|text)|starter\.comment"
    r"|shift\.(?!undeclared|declared)|axes\.remedy|road_look\.(what|whole|no_town)|corrections\.(numbers|nothing)"
    r"|numbers\.sheet\.(hidden|and)|cli\.(stage|show|compare)|flow\.compass|doctor\.(?!results_folder|no_code)"
)
CODE = re.compile(r"(?:SC-?)?(\d{4})", re.IGNORECASE)


@cache
def codes() -> dict[str, int]:
    """Return the number of each message key, in the order of the numbers."""
    content = files("servicecircle.text").joinpath("codes.toml").read_text(encoding="utf-8")
    return {str(key): int(number) for key, number in tomllib.loads(content).items()}


def code_of(key: str) -> str:
    """Return the code of a message, ``SC-1007``; empty for a key that is no message."""
    number = codes().get(key)
    return "" if number is None else f"SC-{number}"


def key_of(code: str) -> str | None:
    """Return the key of a code (``SC-1007``, ``sc1007`` or ``1007``); None where there is none."""
    found = CODE.fullmatch(code.strip())
    if found is None:
        return None
    return next((key for key, number in codes().items() if number == int(found[1])), None)


def message_keys() -> list[str]:
    """Return the keys of all messages, in the order of the Chinese catalogue."""
    return [key for key in catalogue("zh") if key.split(".", 1)[0] in SECTIONS and WORDS.match(key) is None]

"""Give every message without one the next free code: ``python scripts/message_codes.py``; codes never change."""

from __future__ import annotations

import sys
from pathlib import Path

from servicecircle.text.codes import codes, message_keys

TARGET = Path(__file__).resolve().parents[1] / "src" / "coverage" / "servicecircle" / "text" / "codes.toml"
HEAD = "# Number of every message, for ever: a number is never used again. Written by scripts/message_codes.py.\n"


def main() -> int:
    """Append the missing codes and say how many."""
    known = dict(codes())
    number = max(known.values(), default=1000)
    for key in message_keys():
        if key not in known:
            number += 1
            known[key] = number
    TARGET.write_text(HEAD + "".join(f'"{key}" = {code}\n' for key, code in known.items()), encoding="utf-8")
    print(f"{len(known)} codes, the last is SC-{number}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

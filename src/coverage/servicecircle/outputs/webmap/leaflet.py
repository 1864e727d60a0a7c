"""Leaflet as text to put into a page: read from the installed package, checked, without outside addresses."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib import metadata
from pathlib import Path

from servicecircle.errors import StudyError, problem

PACKAGE = "xstatic-leaflet"
VERSION = "1.9.3"

#: Name inside the package, size in bytes and SHA-256 of each file that is read.
ASSETS = {
    "leaflet.js": (146715, "5819285cec137b229c94e1ee5ad73e8b6b84345a4367d60f75fe477fe0fb7b03"),
    "leaflet.css": (14657, "90b693d86392a4779c861b28cf307e7e59c3fb35328c4d8b95f58f814d38c722"),
    "images/layers.png": (696, "1dbbe9d028e292f36fcba8f8b3a28d5e8932754fc2215b9ac69e4cdecf5107c6"),
    "images/layers-2x.png": (1259, "066daca850d8ffbef007af00b06eac0015728dee279c51f3cb6c716df7c42edf"),
    "images/marker-icon.png": (1466, "574c3a5cca85f4114085b6841596d62f00d7c892c7b03f28cbfa301deb1dc437"),
}


@cache
def leaflet() -> tuple[str, str]:
    """Return Leaflet's script and style sheet; images are data URIs, the licence head stays, no source map is named.

    Raises
    ------
    StudyError
        The package is missing or a file in it is not the one this program was written for.
    """
    script = re.sub(r"\n//# sourceMappingURL=\S*\s*$", "\n", _asset("leaflet.js").decode("utf-8"))
    style = _asset("leaflet.css").decode("utf-8").replace("\r\n", "\n")
    return script, re.sub(r"url\((images/[\w-]+\.png)\)", _data_uri, style)


def _data_uri(found: re.Match[str]) -> str:
    return f"url(data:image/png;base64,{base64.b64encode(_asset(found[1])).decode('ascii')})"


def _asset(name: str) -> bytes:
    """Return the bytes of one file of the package, found through its metadata (importing it would run its code)."""
    try:
        listed = metadata.files(PACKAGE) or []
    except metadata.PackageNotFoundError as error:
        raise StudyError(problem("map.leaflet_missing", package=PACKAGE)) from error
    path = next((str(file.locate()) for file in listed if file.as_posix().endswith(f"leaflet/data/{name}")), None)
    content = Path(path).read_bytes() if path is not None and Path(path).is_file() else None
    size, digest = ASSETS[name]
    if content is None or len(content) != size or hashlib.sha256(content).hexdigest() != digest:
        raise StudyError(problem("map.leaflet_wrong", package=PACKAGE, version=VERSION, file=name))
    return content

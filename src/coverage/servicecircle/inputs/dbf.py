"""The text of a shapefile's table: which encoding its bytes are in, whatever the .cpg beside it says.

A .cpg is a claim: it is often left over from another file. Three facts decide, in this order.

1. UTF-8 can hardly happen by accident: bytes that are UTF-8 to the last one and hold a character of three bytes (every
   Chinese one is) are UTF-8, whatever is said. Chinese text in GB18030 that passes as UTF-8 shows characters of two
   bytes only, and is left to rule 3.
2. An encoding of one byte per character (ISO 8859-1 ...) can read anything and so proves nothing: where the bytes are
   UTF-8 to the last one, or pairs of GB 2312 to the last one, they are that.
3. Else the first of: what is said, UTF-8, GB18030, that reads every cell to its last byte. Where none does, the same
   again with cells whose last character was cut at the width of the field.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.inputs.problems import some

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Bytes a .dbf keeps of a column's name.
NAME_BYTES = 10
_CHINESE = {"gbk", "gb2312", "gb18030"}
#: Codecs no .dbf can be in: wider than a byte, or none for text.
_NOT_OF_BYTES = (
    "utf-16",
    "utf-32",
    "utf-7",
    "base64",
    "bz2",
    "hex",
    "quopri",
    "rot",
    "uu",
    "zlib",
    "idna",
    "punycode",
)
#: Numbers of code pages that Python does not know as ``cp<number>``.
_PAGES = {"65001": "utf-8", "54936": "gb18030", "20936": "gb18030", "28591": "iso-8859-1"}


@dataclass(frozen=True)
class DbfText:
    """Names and text columns of a .dbf, decoded, with what was found out on the way."""

    names: list[str]
    columns: list[list[str]]
    notices: tuple[Problem, ...]


def decode(names: Sequence[bytes], columns: Sequence[Sequence[bytes]], cpg: bytes | None, file: str) -> DbfText:
    """Decode the names of all columns and the cells of the text columns of a shapefile.

    Parameters
    ----------
    names : sequence of bytes
    columns : sequence of sequence of bytes
        Cells of the text columns.
    cpg : bytes or None
        Content of the .cpg file, None when there is none.
    file : str
        Name of the file in messages.

    Raises
    ------
    StudyError
        No encoding reads the text.
    """
    said = None if cpg is None else codec_of(cpg)
    shown = "" if cpg is None else cpg.decode("ascii", "replace").strip()[:40]
    cells = [cell for cell in chain(*columns) if not cell.isascii()]
    encoding, cut = _encoding(cells, [name for name in names if not name.isascii()], said)
    if encoding is None:
        raise StudyError(problem("inputs.layers.dbf_encoding", file=file, said=shown or "-"))
    notices = _notices(encoding, said, cpg, shown, file)
    if cut:
        notices.append(problem("inputs.layers.cut_cells", file=file, count=cut))
    titles = [_whole(name, encoding) for name in names]
    # Ten letters of ASCII may be a whole name; ten bytes of Chinese are no whole number of characters in UTF-8.
    short = [title for title, name in zip(titles, names, strict=True) if len(name) == NAME_BYTES and not name.isascii()]
    if short:
        notices.append(problem("inputs.layers.cut_names", file=file, columns=some(short), most=NAME_BYTES))
    return DbfText(titles, [[_whole(cell, encoding) for cell in column] for column in columns], tuple(notices))


def codec_of(cpg: bytes) -> str | None:
    """Return Python's name of the encoding a .cpg names (``GBK``, ``936``, ``ANSI 1252``); None when it is unknown.

    The Chinese national encodings are all read as GB18030, which holds the others.
    """
    word = cpg.decode("ascii", "ignore").strip().strip("\x00").casefold()
    number = re.search(r"\d+$", word)
    names = [word, word.replace(" ", "-")]
    if number is not None:
        names += [_PAGES.get(number[0], ""), f"cp{number[0]}"]
    for name in filter(None, names):
        try:
            found = codecs.lookup(name)
        except (LookupError, ValueError):
            continue
        if not found.name.startswith(_NOT_OF_BYTES):
            return "gb18030" if found.name in _CHINESE else found.name
    return None


def _encoding(cells: Sequence[bytes], names: Sequence[bytes], said: str | None) -> tuple[str | None, int]:
    """Return the encoding of cells and names beyond ASCII, and the number of cells whose last character is cut."""
    if not cells and not names:
        return said or "utf-8", 0
    if not cells:
        # A name is cut at ten bytes, often inside a character.
        return _judged(names, said, cut=True), 0
    whole = _judged(cells, said, cut=False)
    if whole is not None:
        return whole, 0
    found = _judged(cells, said, cut=True)
    return found, 0 if found is None else sum(_read(cell, found, cut=False) is None for cell in cells)


def _judged(proof: Sequence[bytes], said: str | None, *, cut: bool) -> str | None:
    """Return the encoding by the three rules of this module, None when none reads all; ``cut``: ends may be cut."""

    def texts(encoding: str) -> list[str] | None:
        read = [_read(cell, encoding, cut=cut) for cell in proof]
        return None if None in read else [text for text in read if text is not None]

    proves_nothing = said is not None and _one_byte(said)
    utf8 = texts("utf-8")
    if utf8 is not None and (proves_nothing or any(sign > "\u07ff" for text in utf8 for sign in text)):
        return "utf-8"
    if proves_nothing and texts("gb2312") is not None:
        return "gb18030"
    order = dict.fromkeys(one for one in (said, "utf-8", "gb18030") if one is not None)
    return next((one for one in order if texts(one) is not None), None)


def _one_byte(encoding: str) -> bool:
    """Return whether every byte is a character of the encoding by itself."""
    return all(len(sign.encode(encoding, "replace")) == 1 for sign in "é中")


def _read(cell: bytes, encoding: str, *, cut: bool) -> str | None:
    """Return the text of a cell, without a cut character at its end where that is allowed; None when it is none."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(cell, final=not cut)
    except UnicodeDecodeError:
        return None


def _whole(cell: bytes, encoding: str) -> str:
    """Return a cell or name without a cut character at its end; a name may be in another encoding than the cells."""
    order = dict.fromkeys((encoding, "utf-8", "gb18030"))
    texts = (_read(cell, one, cut=True) for one in order)
    return next((text for text in texts if text is not None), cell.decode(encoding, "replace"))


def _notices(encoding: str, said: str | None, cpg: bytes | None, shown: str, file: str) -> list[Problem]:
    title = {"utf-8": "UTF-8", "gb18030": "GB18030"}.get(encoding, encoding)
    if cpg is None:
        return [problem("inputs.gb18030_layer", file=file)] if encoding == "gb18030" else []
    if said is None:
        return [problem("inputs.layers.cpg_unknown", file=file, said=shown, read=title)]
    return [] if encoding == said else [problem("inputs.layers.cpg_false", file=file, said=shown, read=title)]

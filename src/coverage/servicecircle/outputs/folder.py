"""The output folder: held by one run at a time, exchanged whole, strangers carried over.

A run works in a hidden folder beside the target (``.servicecircle-<pid>-<tag>-new``, on the same file system) and
exchanges the two when its set is complete and on disk. Where the system can swap two folders in one step
(Linux) there is no moment without results; elsewhere the old folder is renamed to ``...-old`` first, and a run
killed between the two steps is mended by the next one.

A lock file beside the target names process and host. The operating system's lock on it decides, so the lock of
a dead process is free; only where a file system knows no locks is the process number asked.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import json
import os
import re
import shutil
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.outputs.record import is_result, recorded_names

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = ".servicecircle"
#: Files a desktop leaves behind; a folder with nothing else is empty.
DESKTOP_FILES = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
#: What other programs write beside our GeoPackage (database logs) and our rasters (statistics, overviews): it belongs
#: to the old file and must not stand beside a new one.
SIDE_FILES = ("-wal", "-shm", "-journal", ".aux.xml", ".ovr")

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_NO_SWAP = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)
_HELD = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
_REMEDIES = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EFBIG: "too_large",
    errno.EROFS: "readonly",
    errno.EPERM: "readonly",
    errno.EACCES: "busy" if os.name == "nt" else "readonly",
    errno.EBUSY: "busy",
    errno.EXDEV: "busy",
    errno.ENOTEMPTY: "busy",
}


@dataclass(frozen=True)
class Held:
    """An output folder that this run alone may write."""

    target: Path
    """The folder, resolved."""

    @contextlib.contextmanager
    def replaced(self) -> Iterator[Path]:
        """Give an empty hidden folder to fill; when the block ends well, it takes the place of the target.

        Strangers found in the target are carried over. When the block fails or is interrupted, the hidden folder
        is removed and the target is as it was.

        Raises
        ------
        OSError
            The exchange failed; the target is as it was.
        StudyError
            The new folder is in place but the old one could not be cleared away.
        """
        new = self._beside("new")
        ours = recorded_names(self.target) or frozenset()
        try:
            new.mkdir()
            yield new
            if self.target.exists():
                carry(self.target, new, ours)
                shutil.copymode(self.target, new)
            sync_folder(new)
            aside = self._install(new)
        except BaseException:
            self._discard(new)
            raise
        if aside is not None:
            self._clear_away(aside, ours)
        sync_folder(self.target.parent)

    def _clear_away(self, aside: Path, ours: frozenset[str]) -> None:
        try:
            self._clear(aside, ours)
        except OSError as error:
            values = {"folder": str(self.target), "detail": _detail(error), "aside": str(aside)}
            raise StudyError(problem("tables.left_aside", **values)) from error
        except BaseException:
            self._clear(aside, ours)
            raise

    def _discard(self, path: Path) -> None:
        """Remove a folder beside the target; what cannot be removed now is removed by the next run."""
        shutil.rmtree(path, ignore_errors=True)

    def _clear(self, aside: Path, ours: frozenset[str]) -> None:
        if aside.exists():
            carry(aside, self.target, ours)  # what came after the first look
            shutil.rmtree(aside)

    def _install(self, new: Path) -> Path | None:
        """Move ``new`` to the target; return where the old folder stands now, None where there was none."""
        if not self.target.exists():
            new.rename(self.target)
            return None
        if _swap(new, self.target):
            return new
        aside = self._beside("old")
        try:
            self.target.rename(aside)
            new.rename(self.target)
        except BaseException:
            if not self.target.exists() and aside.exists():
                aside.rename(self.target)
            raise
        return aside

    def _beside(self, role: str) -> Path:
        return self.target.parent / f"{PREFIX}-{os.getpid()}-{_tag(self.target)}-{role}"

    def mend(self) -> None:
        """Put back a set that a killed run left aside, and remove leftovers; only while the lock is held."""
        for old in sorted(self.target.parent.glob(f"{PREFIX}-*-{_tag(self.target)}-old")):
            if not self.target.exists():
                old.rename(self.target)
            elif recorded_names(self.target) is not None:
                self._discard(old)
        for new in sorted(self.target.parent.glob(f"{PREFIX}-*-{_tag(self.target)}-new")):
            self._discard(new)

    def refuse_strangers(self) -> None:
        """Refuse a folder that is not ours, or a stranger that has the name of a result."""
        if not self.target.exists():
            return
        found = sorted({entry.name for entry in self.target.iterdir()} - DESKTOP_FILES)
        ours = recorded_names(self.target)
        if ours is None and found:
            raise StudyError(problem("tables.foreign_folder", folder=str(self.target), example=found[0]))
        in_the_way = sorted({name for name in found if is_result(name)} - (ours or frozenset()))
        if in_the_way:
            raise StudyError([problem("tables.in_the_way", folder=str(self.target), file=name) for name in in_the_way])


@contextlib.contextmanager
def hold(folder: str | Path) -> Iterator[Held]:
    """Hold an output folder from here to the end of the block; long work belongs inside.

    The folder need not exist. What a killed run left behind is mended first.

    Raises
    ------
    StudyError
        ``tables.foreign_folder`` (not empty, without our run.json), ``tables.not_a_folder``,
        ``tables.in_the_way``, ``tables.locked`` (another run holds it) or ``tables.cannot_write``.
    """
    target = Path(folder).resolve()
    if target.exists() and not target.is_dir():
        raise StudyError(problem("tables.not_a_folder", folder=str(target)))
    held = Held(target)
    with contextlib.ExitStack() as stack:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(_lock(target))
            held.mend()
            held.refuse_strangers()
        except OSError as error:
            raise StudyError(cannot_write(error, target)) from error
        yield held


def cannot_write(error: OSError, target: Path) -> Problem:
    """Return what went wrong while writing, named by the place in the target rather than in the hidden folder."""
    hidden = re.compile(re.escape(f"{target.parent}{os.sep}{PREFIX}-") + rf"\d+-{_tag(target)}-(new|old)")
    name, detail = (hidden.sub(lambda _: str(target), text) for text in (str(error.filename or target), _detail(error)))
    remedy = problem(f"tables.remedy.{_REMEDIES.get(error.errno or 0, 'other')}")
    return problem("tables.cannot_write", file=name, detail=detail, remedy=remedy)


def carry(source: Path, target: Path, ours: frozenset[str], inside: str = "") -> None:
    """Link or copy what is not ours from one folder into another; what stands there already is left alone.

    Hard links where the file system has them, so a file stays the same file; a link stays a link.
    """
    with os.scandir(source) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        name = f"{inside}{entry.name}"
        there = target / entry.name
        if name in ours or any(name.endswith(end) and name.removesuffix(end) in ours for end in SIDE_FILES):
            continue
        if entry.is_dir(follow_symlinks=False):
            there.mkdir(exist_ok=True)
            carry(Path(entry.path), there, ours, f"{name}/")
            shutil.copystat(entry.path, there)
        elif not os.path.lexists(there):
            _same_file_at(Path(entry.path), there)


def _same_file_at(source: Path, target: Path) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except (OSError, NotImplementedError):  # no hard links here (FAT, some shares): a copy, then
        shutil.copy2(source, target, follow_symlinks=False)


def put(path: Path, content: bytes) -> None:
    """Write a file and bring it to the disk; an error names the file."""
    try:
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def sync_file(path: Path) -> None:
    """Bring a file that another library wrote to the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Bring the names in a folder to the disk, where the system can."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _swap(first: Path, second: Path) -> bool:
    """Exchange two folders in one step; False where the system cannot."""
    if not sys.platform.startswith("linux"):
        return False
    exchange: Any = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if exchange is None:
        return False
    if exchange(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _NO_SWAP:
        return False
    raise OSError(number, os.strerror(number), str(second))


def _tag(target: Path) -> str:
    return hashlib.sha256(os.fsencode(target.name)).hexdigest()[:12]


def _detail(error: OSError) -> str:
    return error.strerror or str(error)


@contextlib.contextmanager
def _lock(target: Path) -> Iterator[None]:
    path = target.parent / f"{PREFIX}-{_tag(target)}.lock"
    descriptor = _take(path, target)
    try:
        holder = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "folder": target.name}).encode()
        os.ftruncate(descriptor, 0)
        os.write(descriptor, holder)
        yield
    finally:
        if os.name == "nt":
            os.close(descriptor)
            with contextlib.suppress(PermissionError, FileNotFoundError):  # taken by the next one already
                path.unlink()
        else:
            path.unlink(missing_ok=True)
            os.close(descriptor)


def _take(path: Path, target: Path) -> int:
    """Return the descriptor of the lock file, locked for this run."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        try:
            _grab_or_refuse(descriptor, path, target)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), path.stat()):
                    return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # the holder removed this file between opening and locking: once more


def _grab_or_refuse(descriptor: int, path: Path, target: Path) -> None:
    free = _grab(descriptor)
    if not (_holder_is_gone(path) if free is None else free):
        pid, host = _holder(path)
        raise StudyError(problem("tables.locked", folder=str(target), pid=pid, host=host, lock=str(path)))


if sys.platform == "win32":
    import msvcrt

    def _grab(descriptor: int) -> bool | None:
        """Return whether the lock was free and is ours now; None where the file system knows no locks."""
        try:
            os.lseek(descriptor, 1 << 20, os.SEEK_SET)  # far behind the text, which others must be able to read
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            return False if error.errno in _HELD else None
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
        return True

else:
    import fcntl

    def _grab(descriptor: int) -> bool | None:
        """Return whether the lock was free and is ours now; None where the file system knows no locks."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return False if error.errno in _HELD else None
        return True


def _holder(path: Path) -> tuple[str, str]:
    """Return process and host a lock file names; a holder that has not written yet gets a moment."""
    for _ in range(20):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            tree = json.loads(path.read_text(encoding="utf-8"))
            return str(tree["pid"]), str(tree["host"])
        time.sleep(0.01)
    return "?", "?"


def _holder_is_gone(path: Path) -> bool:
    if path.stat().st_size == 0:
        return True
    pid, host = _holder(path)
    if host != socket.gethostname() or not pid.isdigit() or os.name == "nt":
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False

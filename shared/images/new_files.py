"""Writes new files so that none is half written, and none replaced without permission.

Introduced in lesson 06.
"""

import contextlib
import errno
import os
import re
import secrets
import stat
import time
from pathlib import Path

PART = re.compile(r"\.zoom-[0-9a-f]{16}\.part")  # the name of a file until it is complete
LONG = 3600  # seconds after which a part is surely left behind, where there are no locks


def exists_error(path):
    """The error for a file that would be replaced without permission."""
    return FileExistsError(errno.EEXIST, "it exists already (--overwrite replaces it)", str(path))


@contextlib.contextmanager
def moved_to(path, overwrite):
    """A new file beside ``path`` that takes its name at the end, or vanishes on an error.

    What a killed process leaves behind has a name of its own; ``remove_left_over`` removes it.
    """
    if overwrite:
        path = Path(os.path.realpath(path))  # what a link leads to is replaced, not the link
    try:
        before = path.stat() if overwrite else None
    except FileNotFoundError:
        before = None
    part = path.with_name(f".zoom-{secrets.token_hex(8)}.part")  # short, whatever the name is
    mode = stat.S_IMODE(before.st_mode) if before else 0o666
    try:
        with _locked(part, mode) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if os.name == "nt":
                file.close()  # Windows moves no open file
            if before:
                with contextlib.suppress(OSError, AttributeError):  # AttributeError on Windows
                    os.chown(part, before.st_uid, before.st_gid)
                os.chmod(part, mode)
            if overwrite:
                os.replace(part, path)
            else:
                _move_to_new(part, path)
    finally:
        part.unlink(missing_ok=True)


def _locked(part, mode):
    """The new open file ``part``, locked against ``remove_left_over`` until it is closed."""
    while True:
        file = open(part, "x+b", opener=lambda name, flags: os.open(name, flags, mode))
        with contextlib.suppress(OSError):  # a file system without locks
            _lock(file.fileno())
        if os.path.lexists(part):
            return file
        file.close()  # it was removed before it was locked


def _lock(handle):
    """Lock an open file until it is closed. Raises OSError if another process has locked it."""
    if os.name != "nt":  # Windows removes no open file
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def remove_left_over(folder):
    """Removes the parts of files that killed processes have left in a folder.

    A part that another process is writing stays, and so does one that cannot be removed.
    """
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        if PART.fullmatch(name):
            with contextlib.suppress(OSError):
                _remove_if_left_over(Path(folder, name))


def _remove_if_left_over(part):
    if os.name == "nt":
        if time.time() - part.stat().st_mtime > LONG:
            part.unlink()
        return
    handle = os.open(part, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        _lock(handle)
        if stat.S_ISREG(os.fstat(handle).st_mode):
            part.unlink()
    finally:
        os.close(handle)


def _move_to_new(part, path):
    """Gives the file ``part`` the name ``path``; raises FileExistsError if that is taken."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise exists_error(path) from None
    except (OSError, NotImplementedError):  # a file system without links
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            raise exists_error(path) from None
        try:
            os.replace(part, path)  # replaces the empty file of the line above
        except BaseException:
            path.unlink(missing_ok=True)
            raise

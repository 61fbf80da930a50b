"""Where the course keeps its files (the data, the trained networks, interrupted training), and
how it writes one so that it is never left half written.
"""

import contextlib
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def data_folder():
    """The folder of the data: ``$ZOOM_DATA``, or ``data/`` beside this package."""
    return Path(os.environ.get("ZOOM_DATA", ROOT / "data"))


def weights_folder():
    """``weights/`` in the data folder; if that folder is missing, one in the user's home folder."""
    if data_folder().is_dir():
        return data_folder() / "weights"
    return Path.home() / ".keras" / "zoom_and_enhance"


def checkpoint_folder(name):
    """The folder that keeps the interrupted training of the network ``name``."""
    return ROOT / "build" / "training" / name


def beside(path):
    """The name of the file that becomes ``path`` once it is complete: that of it and ".part"."""
    return path.with_name(path.name + ".part")


@contextlib.contextmanager
def written_beside(path):
    """A new file, open to write bytes, which takes the place of ``path`` once it is complete.

    If anything fails, the new file is removed and ``path`` stays.
    """
    part = beside(path)
    try:
        with open(part, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # or a power failure could leave the name without the content
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise

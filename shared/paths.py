"""Where the course keeps its files: the data, the trained networks, interrupted training."""

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

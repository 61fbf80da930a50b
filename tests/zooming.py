"""Small photos, and the command on them in a folder of its own.

A module that imports ``work`` runs each of its tests in a new folder.
"""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shared import zoom
from shared.images import luma, resize

BICUBIC = zoom.load_network("bicubic")
not_on_windows = pytest.mark.skipif(
    sys.platform == "win32", reason="needs names, links or signals that Windows does not have")


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    """An empty folder, and the current one. Bicubic is the only network, and is built once."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(zoom, "load_network", lambda name: BICUBIC)
    return tmp_path


def photo(height, width, channels=3, seed=0):
    """Smooth colours with noise, uint8."""
    rng = np.random.default_rng(seed)
    small = rng.random((1, height // 8 + 2, width // 8 + 2, channels), "float32")
    smooth = 255 * resize.resize(small, (height, width))[0]
    return luma.rounded(smooth + rng.normal(0, 10, smooth.shape))


def command(*arguments):
    """Run the command with bicubic; returns its exit code."""
    return zoom.main([*map(str, arguments), "--model", "bicubic"])


def saved(*names, size=(12, 10), **options):
    """Save a picture of noise under each of the names, in folders that are made."""
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), "uint8")
        Image.fromarray(pixels).save(name, **options)


def tree(folder="."):
    """All files in a folder and below, as text."""
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*")
                  if path.is_file())

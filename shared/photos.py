"""Photographs: those of the course to train on, those of scikit-image to measure with.

``data/photos/`` holds 36 of free licence, and in ``more/`` smaller ones of animals, buildings
and people, all shrunk by two or more so that neither noise nor JPEG is left in them; who took
each, and its licence, stands in ``data/README.md``. The test photographs come with scikit-image
and are never trained on.
"""

import hashlib
import io
from pathlib import PurePosixPath

import numpy as np
from PIL import Image

from shared.datasets import folder

# Five of different kinds: a pattern, animals and boards, a plant, rocks, texture.
VALIDATION = ("cups", "dogs", "ladybird", "mountains", "planks")

# Name here, and function of skimage.data. All of them are inside its wheel.
TEST = {"astronaut": "astronaut", "brick": "brick", "camera": "camera", "cat": "chelsea",
        "coffee": "coffee", "coins": "coins", "grass": "grass", "gravel": "gravel",
        "motorcycle": "stereo_motorcycle", "page": "page", "rocket": "rocket"}

SUMS = "SHA256SUMS"  # in data/photos: the sha256 of each file, as the command sha256sum has it


def photos(split):
    """The photographs of a split, by name: uint8 arrays (height, width, 3), RGB.

    Args:
        split: "train" (31 photos) or "validation" (``VALIDATION``), 0.3 to 0.9 megapixels
            each; "more" (59 to train on, too), about 0.2 megapixels; "test": 11 of scikit-image,
            six of which are grey, 0.07 to 0.4 megapixels.

    Raises FileNotFoundError or ValueError, with the command that mends it, where a file of
    ``data/photos/`` is missing or is not what it was.
    """
    if split == "test":
        return {name: _of_scikit_image(function) for name, function in TEST.items()}
    if split not in ("train", "validation", "more"):
        raise ValueError(f"unknown split {split!r}: choose train, validation, more or test")
    found = {}
    for file, sha256 in sums().items():
        path = PurePosixPath(file)
        if path.parent.name == "more":
            belongs = "more"
        else:
            belongs = "validation" if path.stem in VALIDATION else "train"
        if belongs == split:
            found[path.stem] = _read(file, sha256)
    return found


def sums():
    """The sha256 of each file of ``data/photos/``, by its name there: a dict.

    Raises FileNotFoundError or ValueError, with the command that mends it, where the list is
    missing or damaged.
    """
    path = folder() / "photos" / SUMS
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is missing: {_mend(SUMS)}") from None
    pairs = [line.split("  ", 1) for line in lines]
    if not pairs or any(len(pair) != 2 or len(pair[0]) != 64 for pair in pairs):
        raise ValueError(f"{path} is no list of sha256 sums and files: {_mend(SUMS)}")
    return {file: sha256 for sha256, file in pairs}


def _mend(file):
    how = " --sums" if file == SUMS else ""
    return (f"run `git checkout data/photos/{file}`, or `python data/make_photos.py{how}` to make "
            f"all photos again from their sources")


def _read(file, sha256):
    path = folder() / "photos" / file
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: {_mend(file)}")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(f"{path} ({len(content):,} bytes) is cut off or altered, not the photo "
                         f"this course was made with: {_mend(file)}")
    with Image.open(io.BytesIO(content)) as picture:
        return np.asarray(picture.convert("RGB"))


def _of_scikit_image(function):
    from skimage import data

    picture = getattr(data, function)()
    if isinstance(picture, tuple):  # two views of a motorcycle and its depth: the left view
        picture = picture[0]
    if picture.ndim == 2:
        picture = np.stack([picture] * 3, axis=-1)
    return np.ascontiguousarray(picture[..., :3])

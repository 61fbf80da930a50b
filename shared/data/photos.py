"""Photographs: those of the course to train on, those of scikit-image to measure with.

``data/photos/`` has one folder per split, and a photo belongs to the split of its folder:

- ``train``: the first photographs of the course, wallpapers;
- ``extra``: smaller ones of animals, buildings and people, to train on as well;
- ``more``: small ones of many further kinds, to train on as well;
- ``validation``: photographs of many kinds to choose networks by, by other authors.

All have free licences, and all were shrunk, which removes noise and JPEG artefacts.
``data/README.md`` names their authors and licences. The test photographs come with scikit-image
and are never trained on. Introduced in lesson 06.
"""

import hashlib
import io
import os
import re
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from shared.paths import data_folder

SPLITS = ("train", "extra", "more", "validation")  # the folders of data/photos

# The name here, and the function of skimage.data. All are in scikit-image's wheel: no download.
TEST = {"astronaut": "astronaut", "brick": "brick", "camera": "camera", "cat": "chelsea",
        "coffee": "coffee", "coins": "coins", "grass": "grass", "gravel": "gravel",
        "motorcycle": "stereo_motorcycle", "page": "page", "rocket": "rocket"}

SUMS = "SHA256SUMS"  # in data/photos: the sha256 of each file, as the command sha256sum prints it


def load_photos(split):
    """The photographs of a split, by name: uint8 arrays (height, width, 3), RGB.

    Args:
        split: "train" (31 photos of 0.3 to 0.9 megapixels), "extra" (59 others to train on, of
            about 0.2 megapixels), "more" (124 others to train on, of 0.07 to 0.3 megapixels),
            "validation" (23, of 0.1 to 0.9 megapixels), or "test" (11 of scikit-image, six of
            them grey, of 0.07 to 0.4 megapixels).

    Raises ValueError on an unknown split. If a file of ``data/photos/`` is missing or altered,
    raises FileNotFoundError or ValueError with the command that fixes it.
    """
    if split == "test":
        return {name: _of_scikit_image(function) for name, function in TEST.items()}
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}: choose {', '.join(SPLITS)} or test")
    return {PurePosixPath(file).stem: _read_photo(file, sha256)
            for file, sha256 in sums().items() if file.startswith(f"{split}/")}


def sums():
    """The sha256 of each file of ``data/photos/``: a dict by file name.

    If the list is missing or damaged, raises FileNotFoundError or ValueError with the command
    that fixes it.
    """
    path = data_folder() / "photos" / SUMS
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is missing: {_how_to_fix(SUMS)}") from None
    matches = [re.fullmatch(r"([0-9a-f]{64})  (\w+/\w+\.webp)", line) for line in lines]
    if not matches or None in matches:
        raise ValueError(f"{path} is not a list of checksums and files: {_how_to_fix(SUMS)}")
    return {file: sha256 for sha256, file in (match.groups() for match in matches)}


def _how_to_fix(file):
    how = " --sums" if file == SUMS else ""
    return (f"run `git checkout data/photos/{file}`, or `python data/make_photos.py{how}` to make "
            f"all photos again from their sources")


def _read_photo(file, sha256):
    path = data_folder() / "photos" / file
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: {_how_to_fix(file)}")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(f"{path} ({len(content):,} bytes) is truncated or altered, not the photo "
                         f"that this course was made with: {_how_to_fix(file)}")
    with Image.open(io.BytesIO(content)) as picture:
        return np.asarray(picture.convert("RGB"))


def _of_scikit_image(function):
    from skimage import data

    picture = getattr(data, function)()
    if isinstance(picture, tuple):  # the left view, the right view and the depth of a motorcycle
        picture = picture[0]
    if picture.ndim == 2:
        picture = np.stack([picture] * 3, axis=-1)
    return np.ascontiguousarray(picture[..., :3])


def set5():
    """The five pictures of Set5 (Bevilacqua et al. 2012), RGB, or None if they are not there.

    They are not part of the course. The environment variable ``ZOOM_SET5`` names a folder that
    holds the five in high resolution as PNG files. If the folder also holds other PNG files,
    the five must have HR in their names. Raises ValueError if there are not five.

    Returns a list of uint8 arrays (height, width, 3), sorted by file name.
    """
    folder = os.environ.get("ZOOM_SET5")
    files = sorted(Path(folder).glob("*.png")) if folder else []
    files = [file for file in files if "HR" in file.name] or files
    if not files:
        return None
    if len(files) != 5:
        raise ValueError(f"{folder} has {len(files)} pictures, but Set5 has five")
    pictures = []
    for file in files:
        with Image.open(file) as picture:
            pictures.append(np.asarray(picture.convert("RGB")))
    return pictures

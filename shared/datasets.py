"""The pictures that the lessons train on and measure with, checked before use.

``data/`` holds them, so that nothing has to be downloaded. The environment variable
``ZOOM_DATA`` names another folder. Where there is no such folder (the package used alone),
the same images come from ``keras.datasets``.
"""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Split(NamedTuple):
    """Images float32 (n, 28, 28, 1) in [0, 1]; labels uint8 (n,), 0 to 9."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_val: np.ndarray
    y_val: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


FASHION_NAMES = ("T-shirt", "trousers", "pullover", "dress", "coat",
                 "sandal", "shirt", "sneaker", "bag", "ankle boot")

# sha256 over the bytes of x_train, y_train, x_test, y_test in this order, all uint8.
SHA256 = {
    "mnist": "be23553df718e2ffa3a1d074673068a067c22bad093ef135a399dad941b01bea",
    "fashion_mnist": "ca3ab2a37f845e1b8ae23cab1b51749a3011ba3bf1d9016176d75cbaabac376f",
}


def folder():
    """The folder of the data: ``$ZOOM_DATA``, else ``data/`` beside this package."""
    return Path(os.environ.get("ZOOM_DATA", Path(__file__).resolve().parent.parent / "data"))


def mnist():
    """Handwritten digits (LeCun, Cortes and Burges): 50,000 train, 5,000 val, 10,000 test.

    Train and validation are the official training images 5,000 to 59,999, the last 5,000 of
    them for validation; test is the official test set, all in the official order.

    Returns a ``Split``. Raises FileNotFoundError or ValueError, with the command that mends
    it, where ``data/mnist.npz`` is missing or is not what it was.
    """
    return _split("mnist", first=5000)


def fashion_mnist():
    """Clothes (Xiao, Rasul and Vollgraf 2017): 55,000 train, 5,000 val, 10,000 test.

    The last 5,000 of the official training images are for validation. ``FASHION_NAMES``
    names the labels. Returns and raises as ``mnist``.
    """
    return _split("fashion_mnist", first=0)


def div2k(split, **options):
    """Photographs of DIV2K, downloaded the first time; see ``shared.div2k.div2k``."""
    from shared import div2k as module

    return module.div2k(split, **options)


def _split(name, first):
    arrays = _read(name) if folder().is_dir() else _download(name, first)
    if digest(arrays) != SHA256[name]:
        raise ValueError(f"the images of {name} in {folder()} are not the ones this course was "
                         f"made with: {_mend(name)}")
    x_train, y_train, x_test, y_test = arrays
    x_train, x_test = (_unit(x) for x in (x_train, x_test))
    return Split(x_train[:-5000], y_train[:-5000], x_train[-5000:], y_train[-5000:],
                 x_test, y_test)


def _unit(x):
    return np.divide(x, np.float32(255), dtype="float32")[..., None]


def digest(arrays):
    """sha256 over the bytes of uint8 arrays, in order."""
    sha = hashlib.sha256()
    for array in arrays:
        sha.update(np.ascontiguousarray(array, dtype="uint8"))
    return sha.hexdigest()


def _read(name):
    path = folder() / f"{name}.npz"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: {_mend(name)}")
    try:
        with np.load(path) as file:  # zip members packed with LZMA
            return [file[key] for key in ("x_train", "y_train", "x_test", "y_test")]
    except Exception as error:  # damage shows as an error of zip, of a decompressor, of NumPy
        raise ValueError(f"{path} cannot be read ({error}): {_mend(name)}") from error


def _mend(name):
    return (f"run `git checkout data/{name}.npz`, or `python data/make_data.py {name}` to make "
            f"it again from its source")


def _download(name, first):
    from keras import datasets

    try:
        (x_train, y_train), (x_test, y_test) = getattr(datasets, name).load_data()
    except Exception as error:
        raise FileNotFoundError(
            f"there is no folder {folder()}, and {name} could not be downloaded ({error}): set "
            f"ZOOM_DATA to the course's data folder, or connect to a network") from error
    return x_train[first:], y_train[first:], x_test, y_test

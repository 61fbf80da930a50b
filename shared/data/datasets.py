"""MNIST and Fashion-MNIST, checked before use.

The images are in ``data/``, so that nothing has to be downloaded. The environment variable
``ZOOM_DATA`` names another folder. If that folder is missing, because the package is used
without the rest of the course, the same images come from ``keras.datasets``. ``mnist`` is
introduced in lesson 01, ``fashion_mnist`` in lesson 02.
"""

import hashlib
from typing import NamedTuple

import numpy as np

from shared.paths import data_folder


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
# The sha256 of the bytes of x_train, y_train, x_test, y_test, all uint8, in this order.
SHA256 = {
    "mnist": "be23553df718e2ffa3a1d074673068a067c22bad093ef135a399dad941b01bea",
    "fashion_mnist": "ca3ab2a37f845e1b8ae23cab1b51749a3011ba3bf1d9016176d75cbaabac376f",
}


def mnist():
    """Handwritten digits (LeCun, Cortes and Burges): 50,000 train, 5,000 val, 10,000 test.

    The training and validation images are the official training images 5,000 to 59,999; the
    last 5,000 of them are for validation. The test set is the official one. All are in the
    official order.

    Returns a ``Split``. If ``data/mnist.npz`` is missing or altered, raises FileNotFoundError or
    ValueError with the command that fixes it. Raises ValueError if Python lacks ``lzma``.
    """
    return _split("mnist", first=5000)


def fashion_mnist():
    """Clothes (Xiao, Rasul and Vollgraf 2017): 55,000 train, 5,000 val, 10,000 test.

    The last 5,000 of the official training images are for validation. ``FASHION_NAMES``
    names the labels. Returns and raises the same as ``mnist``.
    """
    return _split("fashion_mnist", first=0)


def _split(name, first):
    arrays = _read(name) if data_folder().is_dir() else _download(name, first)
    train, test = 60_000 - first, 10_000
    expected = [(train, 28, 28), (train,), (test, 28, 28), (test,)]
    found = [array.shape for array in arrays]
    # The sum alone is of bytes, which other types and shapes of arrays can share.
    if {array.dtype for array in arrays} != {np.dtype("uint8")} or found != expected \
            or digest(arrays) != SHA256[name]:
        raise ValueError(f"the images of {name} in {data_folder()} are not the ones that this "
                         f"course was made with: {_how_to_fix(name)}")
    x_train, y_train, x_test, y_test = arrays
    x_train, x_test = (_to_unit_range(x) for x in (x_train, x_test))
    return Split(x_train[:-5000], y_train[:-5000], x_train[-5000:], y_train[-5000:],
                 x_test, y_test)


def _to_unit_range(x):
    return np.divide(x, np.float32(255), dtype="float32")[..., None]


def digest(arrays):
    """The sha256 of the bytes of several uint8 arrays, in order: 64 hexadecimal digits."""
    sha = hashlib.sha256()
    for array in arrays:
        sha.update(np.ascontiguousarray(array))
    return sha.hexdigest()


def _read(name):
    path = data_folder() / f"{name}.npz"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: {_how_to_fix(name)}")
    require_lzma()
    try:
        with np.load(path) as file:  # a zip file, compressed with LZMA
            return [file[key] for key in ("x_train", "y_train", "x_test", "y_test")]
    except Exception as error:  # of zipfile, of a decompressor or of NumPy
        raise ValueError(f"{path} cannot be read ({error}): {_how_to_fix(name)}") from error


def require_lzma():
    """Raise ValueError if this Python cannot unpack LZMA, with which the course's files are packed.

    A Python that was compiled on a machine without liblzma lacks it.
    """
    try:
        import lzma  # noqa: F401
    except ImportError as error:
        raise ValueError(
            "this Python cannot unpack the data and the networks of the course, since it was built "
            "without liblzma: use another Python (from python.org, conda or your system), or "
            "install liblzma-dev (Debian, Ubuntu), xz-devel (Fedora) or xz (Homebrew) and build "
            "this one again") from error


def _how_to_fix(name):
    return (f"run `git checkout data/{name}.npz`, or `python data/make_data.py {name}` to make "
            f"it again from its source")


def _download(name, first):
    from keras import datasets

    try:
        (x_train, y_train), (x_test, y_test) = getattr(datasets, name).load_data()
    except Exception as error:
        raise FileNotFoundError(
            f"the folder {data_folder()} is missing, and {name} could not be downloaded "
            f"({error}): set ZOOM_DATA to the course's data folder, or connect to the "
            f"internet") from error
    return x_train[first:], y_train[first:], x_test, y_test

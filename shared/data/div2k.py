"""DIV2K (Agustsson and Timofte 2017): 800 photographs to train on, 100 to measure with.

The course runs without it. Where there is the internet, ``python -m shared.train NAME --photos
div2k`` trains a photo network on it. Its two archives (4 GB) are downloaded once and stay in
``data/div2k/``; pictures are read from them without unpacking. DIV2K is licensed for academic
research only. Introduced in lesson 06.
"""

import http.client
import os
import shutil
import urllib.error
import urllib.request
import zipfile
from typing import NamedTuple

import keras
import numpy as np
from PIL import Image
from tqdm import tqdm

from shared.data import patches
from shared.paths import data_folder

BASE = "https://data.vision.ee.ethz.ch/cvl/DIV2K/"
TRIES = 5  # give up after this many connections in a row that bring nothing new
INSTEAD = "or train on the photographs of the course, without --photos div2k"


class Archive(NamedTuple):
    """A zip file of ``size`` bytes that holds ``pictures`` PNG files."""

    name: str
    size: int
    sha256: str
    pictures: int


# Sizes and checksums are the ones that TensorFlow Datasets uses (url_checksums/div2k.txt).
ARCHIVES = {
    "train": Archive("DIV2K_train_HR.zip", 3530603713,
                     "9d0b9c463f6e35b6c62cc6a930ee2224f670b34c1df841a57670f9acf0f6c335", 800),
    "test": Archive("DIV2K_valid_HR.zip", 448993893,
                    "20dd31fd84d777bc1cf5d6b7654a3f569c0aec74458ae094122ad1d0489900fc", 100),
}


def folder():
    """Where the archives and the tiles are: ``div2k/`` in the data folder."""
    return data_folder() / "div2k"


def load_div2k(split):
    """Yields the photographs of a split, one at a time: uint8 arrays (height, width, 3), RGB.

    Args:
        split: "train" (800) or "test" (100: the official validation photographs).

    The archive is downloaded if it is missing; the environment variable ``DIV2K_URL`` may name
    another folder on the internet to take it from. An interrupted download continues, in a later
    run too. Raises ValueError on an unknown split or a damaged archive, and OSError if there is
    no internet connection or not enough room on the disk.
    """
    if split not in ARCHIVES:
        raise ValueError(f"unknown split {split!r}: choose {' or '.join(ARCHIVES)}")
    path = _downloaded(ARCHIVES[split])
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(name for name in archive.namelist() if name.endswith(".png"))
            if len(names) != ARCHIVES[split].pictures:
                raise zipfile.BadZipFile(f"it holds {len(names)} pictures, "
                                         f"expected {ARCHIVES[split].pictures}")
            for name in names:  # reading checks the CRC of each picture
                with archive.open(name) as file, Image.open(file, formats=["PNG"]) as picture:
                    yield np.asarray(picture.convert("RGB"))
    except (zipfile.BadZipFile, SyntaxError) as error:  # SyntaxError: of Pillow, a damaged PNG
        raise ValueError(f"{path} cannot be read ({error}): delete it and run this again to "
                         f"download it again") from error


def div2k_tiles(random_sizes=2, seed=1):
    """Tiles of the 800 photographs, as ``patches.training_tiles`` makes them of the course's.

    They take 5 GB on the disk. They are made once, in some minutes, and then read from there, so
    they need little memory: a ``patches.Pair`` of arrays that are mapped from files.

    Args:
        random_sizes: each photo is used at its own size and at this many smaller, random ones.
        seed: decides the random sizes.
    """
    kept = folder() / f"tiles_{random_sizes}_{seed}"
    if not kept.is_dir():
        photographs = load_div2k("train")
        _write_tiles(kept, patches.at_random_sizes(
            tqdm(photographs, "tiles of DIV2K", ARCHIVES["train"].pictures, leave=False),
            random_sizes, np.random.default_rng(seed)))
    sides = patches.Pair(patches.TILE_SIDE, 2 * patches.TILE_SIDE)
    return patches.Pair(*(np.memmap(kept / field, "uint8", "r").reshape(-1, side, side, 1)
                          for field, side in sides._asdict().items()))


def _write_tiles(kept, pairs):
    """Write the tiles of ``pairs`` into two files of raw bytes; the folder appears at the end."""
    part = kept.with_name(kept.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    with open(part / "low_res", "wb") as low_res, open(part / "truth", "wb") as truth:
        for pair in pairs:
            tiles = patches.cut_tiles([pair])
            low_res.write(tiles.low_res.tobytes())
            truth.write(tiles.truth.tobytes())
    os.replace(part, kept)


def _downloaded(archive):
    """The path of an archive, downloaded and checked the first time."""
    path = folder() / archive.name
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    (path.parent / ".gitignore").write_text("*\n")  # four gigabytes must not be committed
    part = path.with_name(path.name + ".part")
    free = shutil.disk_usage(path.parent).free
    if free < archive.size - _size(part):
        raise OSError(f"{archive.name} needs {archive.size / 1e9:.1f} GB on the disk of "
                      f"{path.parent}, but only {free / 1e9:.1f} GB are free: make room, {INSTEAD}")
    url = f"{(os.environ.get('DIV2K_URL') or BASE).rstrip('/')}/{archive.name}"
    _continue_download(url, part, archive.size)
    try:
        # Keras checks the file, and downloads it once more if it is not the official one.
        keras.utils.get_file(part.name, url, file_hash=archive.sha256, hash_algorithm="sha256",
                             cache_dir=path.parent.parent, cache_subdir=path.parent.name)
    except ValueError:
        part.unlink()
        raise ValueError(f"{url} is not the official file, its sha256 is another one: set "
                         f"DIV2K_URL to an address that has it, {INSTEAD}") from None
    os.replace(part, path)
    return path


def _continue_download(url, part, size):
    """Download what ``part`` lacks of ``size`` bytes; each broken connection is taken up again."""
    failures = 0
    while (before := _size(part)) < size:
        try:
            _append(url, part, size)
            error = "the connection was closed early"
        except urllib.error.HTTPError as problem:
            if problem.code == 416:  # there is no more: the checksum decides
                return
            error = problem
        except (OSError, http.client.HTTPException) as problem:
            error = problem
        failures = 0 if _size(part) > before else failures + 1
        if failures == TRIES:
            raise OSError(f"{url} could not be downloaded ({error}); {before:,} of {size:,} bytes "
                          f"are kept. Run this again to continue, {INSTEAD}")


def _append(url, part, size):
    """Append to ``part`` what one connection brings."""
    request = urllib.request.Request(url, headers={"Range": f"bytes={_size(part)}-"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        # A server that cannot continue sends the whole file with status 200.
        with open(part, "ab" if answer.status == 206 else "wb") as file, tqdm(
                desc=part.stem, total=size, initial=file.tell(), unit="B", unit_scale=True,
                leave=False) as bar:
            while block := answer.read(1 << 20):
                file.write(block)
                bar.update(len(block))


def _size(path):
    return path.stat().st_size if path.is_file() else 0

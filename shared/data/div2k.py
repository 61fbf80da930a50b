"""DIV2K (Agustsson and Timofte 2017): 800 photographs to train on, 100 to test with.

Its four gigabytes are downloaded once and then kept. DIV2K is licensed for academic research
only and is not part of this course: no lesson needs it, since all of them use
``photos.load_photos``. Lesson 06 names it for further reading.
"""

import hashlib
import http.client
import os
import re
import shutil
import sys
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import NamedTuple

from shared.images.luma import OFFSET, YCBCR
from shared.paths import data_folder

BASE = "https://data.vision.ee.ethz.ch/cvl/DIV2K/"
TRIES = 5  # give up after this many connections in a row that bring nothing new


class Archive(NamedTuple):
    """A zip file ``name``.zip with ``name``/0001.png and so on.

    ``size`` is in bytes; ``first`` and ``last`` are the numbers of the first and last picture.
    """

    name: str
    size: int
    sha256: str
    first: int
    last: int


# Sizes and checksums are the ones that TensorFlow Datasets uses (url_checksums/div2k.txt).
ARCHIVES = {
    "train": Archive("DIV2K_train_HR", 3530603713,
                     "9d0b9c463f6e35b6c62cc6a930ee2224f670b34c1df841a57670f9acf0f6c335", 1, 800),
    "test": Archive("DIV2K_valid_HR", 448993893,
                    "20dd31fd84d777bc1cf5d6b7654a3f569c0aec74458ae094122ad1d0489900fc", 801, 900),
}


def div2k(split, base=None, where=None, archives=ARCHIVES):
    """The picture files of a split, downloaded and unpacked the first time.

    An interrupted download continues where it stopped, even after the program was restarted.

    Args:
        split: "train" (0001 to 0800) or "test" (0801 to 0900, the official validation images).
        base: address of the folder with the archives. If None, the environment variable
            ``DIV2K_URL``, or else ``BASE``.
        where: folder to keep the images in, ``data/div2k`` if None. During the download it
            takes twice the size of the archive: 7.1 GB for "train", 0.9 GB for "test".
        archives: a dict of ``Archive`` by split.

    Returns a list of paths, sorted by number. Raises OSError if the disk is full or there is no
    internet connection, FileNotFoundError if the server does not have the file or an unpacked
    picture is missing, and ValueError if a file is not the official one.
    """
    if split not in archives:
        raise ValueError(f"unknown split {split!r}: choose {' or '.join(archives)}")
    archive = archives[split]
    where = Path(where) if where else data_folder() / "div2k"
    images = where / archive.name
    if not images.is_dir():
        where.mkdir(parents=True, exist_ok=True)
        (where / ".gitignore").write_text("*\n")  # four gigabytes must not be committed
        path = where / f"{archive.name}.zip"
        _check_space(where, path, archive)
        if not path.is_file():
            address = (base or os.environ.get("DIV2K_URL") or BASE).rstrip("/")
            download(f"{address}/{path.name}", path, archive.size, archive.sha256)
        _unpack(path, images, archive)
    files = [images / f"{number:04}.png" for number in range(archive.first, archive.last + 1)]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise FileNotFoundError(f"{len(missing)} images are missing in {images}, the first is "
                                f"{missing[0]}: delete that folder and run this again")
    return files


def _check_space(where, path, archive):
    have = sum(file.stat().st_size for file in (path, _part(path)) if file.is_file())
    needed = 2 * archive.size - have  # PNG hardly compresses: the unpacked files are as large
    free = shutil.disk_usage(where).free
    if free < needed:
        raise OSError(f"{path.name} needs {needed / 1e9:.1f} GB on the disk of {where}, but only "
                      f"{free / 1e9:.1f} GB are free: make room, pass another folder as "
                      f"`where`, or use photos.load_photos(split), which needs no download")


def _part(path):
    return path.with_name(path.name + ".part")


def download(url, path, size, sha256):
    """Downloads ``url`` to ``path``. A later call continues from ``path``.part.

    The file must have ``size`` bytes and the checksum ``sha256``. Raises the errors of ``div2k``.
    """
    part, failures, error = _part(path), 0, None
    part.touch()
    if part.stat().st_size > size:
        part.unlink()
        part.touch()
    best = part.stat().st_size
    while part.stat().st_size < size and failures < TRIES:
        try:
            _fetch(url, part, size)
            error = "the connection was closed"
        except urllib.error.HTTPError as problem:
            if problem.code == 416:  # the server cannot continue from here: start again
                part.write_bytes(b"")
            elif 400 <= problem.code < 500:
                raise FileNotFoundError(
                    f"{url} answers {problem.code} ({problem.reason}): set DIV2K_URL to an "
                    f"address that has the file, or use photos.load_photos(split)") from problem
            error = problem
        except (urllib.error.URLError, http.client.HTTPException, ConnectionError,
                TimeoutError) as problem:
            error = problem
        done = part.stat().st_size
        failures = 0 if done > best else failures + 1
        best = max(best, done)
    if part.stat().st_size < size:
        raise OSError(f"{url} could not be downloaded ({error}); {part.stat().st_size:,} of "
                      f"{size:,} bytes are kept. Connect to the internet and run this again to "
                      f"continue, or use photos.load_photos(split), which works offline")
    with open(part, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        part.unlink()
        raise ValueError(f"{url} has sha256 {found}, expected {sha256}: it is damaged or another "
                         f"file. It was deleted; run this again to download it again")
    os.replace(part, path)


def _fetch(url, part, size):
    """Opens one connection and appends its bytes to ``part`` until it ends or breaks."""
    have = part.stat().st_size
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    with urllib.request.urlopen(request, timeout=30) as answer:
        length = answer.headers.get("Content-Length")
        if answer.status != 206:  # a server that does not support Range sends the whole file
            have = 0
        if length is not None and have + int(length) != size:
            raise ValueError(f"{url} has {have + int(length):,} bytes, expected {size:,}: it is "
                             f"another file. Check DIV2K_URL")
        with open(part, "ab" if have else "wb") as file:
            while have < size and (block := answer.read(1 << 20)):
                block = block[:size - have]
                file.write(block)
                _progress(url.rsplit("/", 1)[-1], have, have + len(block), size)
                have += len(block)


def _progress(name, before, done, size):
    if done * 100 // size > before * 100 // size:
        end = "\n" if done == size else ""
        sys.stderr.write(f"\r{name}: {done * 100 // size:3}% of {size / 1e6:,.0f} MB{end}")
        sys.stderr.flush()


def _unpack(path, images, archive):
    """Unpacks to another folder and renames it, so that ``images`` is complete or absent."""
    wanted = {f"{number:04}.png" for number in range(archive.first, archive.last + 1)}
    work = images.with_name(images.name + ".part")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    try:
        with zipfile.ZipFile(path) as file:
            entries = {entry.filename.rsplit("/", 1)[-1]: entry for entry in file.infolist()
                       if re.fullmatch(rf"{archive.name}/\d{{4}}\.png", entry.filename)}
            if set(entries) != wanted:
                raise ValueError(f"it holds {len(entries)} images, expected {len(wanted)}")
            for name, entry in entries.items():  # reading checks the CRC of each image
                with file.open(entry) as source, open(work / name, "wb") as target:
                    shutil.copyfileobj(source, target)
        os.replace(work, images)
    except (zipfile.BadZipFile, ValueError) as error:
        path.unlink()
        raise ValueError(f"{path} cannot be unpacked ({error}). It was deleted; run this again "
                         f"to download it again") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    path.unlink()


def patches(files, size=96, batch=16, per_image=8, seed=0):
    """An endless ``tf.data.Dataset`` of luma patches: float32 (batch, size, size, 1), [0, 1].

    Each pass goes through the files in a new random order and decodes one image at a time. The
    patches of up to 32 images are shuffled together, so memory does not grow with the number of
    files.

    Args:
        files: paths of RGB files in PNG format, each at least ``size`` pixels high and wide.
        size: height and width of a patch in pixels.
        batch: patches per batch.
        per_image: patches cut at random from each image per pass.
        seed: decides the order and the positions.

    The dataset raises ``tf.errors.InvalidArgumentError`` if an image is smaller than a patch.
    """
    import tensorflow as tf

    files = [str(file) for file in files]
    weights = tf.constant(YCBCR[0], "float32")

    def cut(turn, number):
        image = tf.io.decode_png(tf.io.read_file(tf.gather(files, number)), channels=3)
        room = tf.shape(image)[:2] - size + 1
        tf.debugging.assert_positive(room, f"an image is smaller than a patch of {size}x{size}")
        chance = tf.random.stateless_uniform((per_image, 2), seed=tf.stack([turn, seed]))
        corners = tf.cast(chance * tf.cast(room, "float32"), "int32")
        corners = tf.minimum(corners, room - 1)
        parts = tf.map_fn(lambda at: tf.slice(image, [at[0], at[1], 0], [size, size, 3]),
                          corners, fn_output_signature=tf.TensorSpec((size, size, 3), "uint8"))
        luma = tf.reduce_sum(tf.cast(parts, "float32") * weights, -1, keepdims=True) + OFFSET[0]
        return tf.cast(tf.round(luma), "uint8")

    turns = tf.data.Dataset.range(len(files)).shuffle(len(files), seed=seed).repeat()
    return (turns.enumerate().map(cut).unbatch().shuffle(32 * per_image, seed=seed)
            .batch(batch, drop_remainder=True)
            .map(lambda part: tf.cast(part, "float32") / 255).prefetch(2))

"""DIV2K (Agustsson and Timofte 2017): 800 photographs to train on, 100 to test with.

Four gigabytes that are fetched once, where there is a network; without one the lessons use
``photos.photos``. DIV2K is for academic research only, and is no part of this course.
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

from shared.datasets import folder
from shared.luma import OFFSET, YCBCR

BASE = "https://data.vision.ee.ethz.ch/cvl/DIV2K/"
TRIES = 5  # so often in a row a connection may give nothing new


class Archive(NamedTuple):
    """A zip file NAME.zip with NAME/0001.png and so on; bytes, sha256, first and last number."""

    name: str
    size: int
    sha256: str
    first: int
    last: int


# Sizes and sums are those that TensorFlow Datasets checks (url_checksums/div2k.txt).
ARCHIVES = {
    "train": Archive("DIV2K_train_HR", 3530603713,
                     "9d0b9c463f6e35b6c62cc6a930ee2224f670b34c1df841a57670f9acf0f6c335", 1, 800),
    "test": Archive("DIV2K_valid_HR", 448993893,
                    "20dd31fd84d777bc1cf5d6b7654a3f569c0aec74458ae094122ad1d0489900fc", 801, 900),
}


def div2k(split, base=None, where=None, archives=ARCHIVES):
    """The files of a split, downloaded and unpacked the first time: a list of paths, by number.

    Args:
        split: "train" (0001 to 0800) or "test" (0801 to 0900, the official validation images).
        base: address of the folder with the archives; the environment variable ``DIV2K_URL``,
            else ``BASE``, if None.
        where: folder to keep the images in; ``data/div2k`` if None. While it works it needs
            twice the size of the archive, 7.1 and 0.9 GB.

    A download that breaks off goes on where it stopped, also when it is started again. Raises
    OSError where the disk is full or the network missing, FileNotFoundError where the server
    has no such file, ValueError where a file is not the official one.
    """
    if split not in archives:
        raise ValueError(f"unknown split {split!r}: choose {' or '.join(archives)}")
    archive = archives[split]
    where = Path(where) if where else folder() / "div2k"
    images = where / archive.name
    if not images.is_dir():
        where.mkdir(parents=True, exist_ok=True)
        (where / ".gitignore").write_text("*\n")  # four gigabytes that no commit should get
        path = where / f"{archive.name}.zip"
        _check_space(where, path, archive)
        if not path.is_file():
            address = (base or os.environ.get("DIV2K_URL") or BASE).rstrip("/")
            download(f"{address}/{path.name}", path, archive.size, archive.sha256)
        _unpack(path, images, archive)
    files = [images / f"{number:04}.png" for number in range(archive.first, archive.last + 1)]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise FileNotFoundError(f"{len(missing)} images are missing in {images}, {missing[0]} "
                                f"first: delete that folder and run this again")
    return files


def _check_space(where, path, archive):
    have = sum(p.stat().st_size for p in (path, _part(path)) if p.is_file())
    needed = 2 * archive.size - have  # PNG cannot be packed further: unpacked it is as large
    free = shutil.disk_usage(where).free
    if free < needed:
        raise OSError(f"{path.name} needs {needed / 1e9:.1f} GB on the disk of {where}, where "
                      f"{free / 1e9:.1f} GB are free: make room, pass another folder as "
                      f"`where`, or use photos(split), which needs no download")


def _part(path):
    return path.with_name(path.name + ".part")


def download(url, path, size, sha256):
    """Fetch ``url`` into ``path``, through ``path``.part, which a later call goes on with.

    Raises as ``div2k``; what arrives must have ``size`` bytes and the sum ``sha256``.
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
            if problem.code == 416:  # the server cannot go on from here: from the start
                part.write_bytes(b"")
            elif 400 <= problem.code < 500:
                raise FileNotFoundError(
                    f"{url} answers {problem.code} ({problem.reason}): set DIV2K_URL to an "
                    f"address that has the file, or use photos(split)") from problem
            error = problem
        except (urllib.error.URLError, http.client.HTTPException, ConnectionError,
                TimeoutError) as problem:
            error = problem
        done = part.stat().st_size
        failures = 0 if done > best else failures + 1
        best = max(best, done)
    if part.stat().st_size < size:
        raise OSError(f"{url} could not be downloaded ({error}); {part.stat().st_size:,} of "
                      f"{size:,} bytes are kept. With a network, run this again and it goes on; "
                      f"without one, use photos(split)")
    with open(part, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        part.unlink()
        raise ValueError(f"{url} has sha256 {found}, expected {sha256}: it was damaged or is "
                         f"another file. It was deleted; run this again to fetch it anew")
    os.replace(part, path)


def _fetch(url, part, size):
    """One connection: what comes is added to ``part``, until all is there or it breaks."""
    have = part.stat().st_size
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    with urllib.request.urlopen(request, timeout=30) as answer:
        length = answer.headers.get("Content-Length")
        if answer.status != 206:  # a server that knows no Range sends all of it again
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
    """Unpack beside, then rename: the folder ``images`` is whole or is not there."""
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
            for name, entry in entries.items():  # reading checks the CRC of each
                with file.open(entry) as source, open(work / name, "wb") as target:
                    shutil.copyfileobj(source, target)
        os.replace(work, images)
    except (zipfile.BadZipFile, ValueError) as error:
        path.unlink()
        raise ValueError(f"{path} cannot be unpacked ({error}). It was deleted; run this again "
                         f"to fetch it anew") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    path.unlink()


def patches(files, size=96, batch=16, per_image=8, seed=0):
    """An endless ``tf.data.Dataset`` of luma patches: float32 (batch, size, size, 1), [0, 1].

    Args:
        files: paths of PNG files of RGB, each at least ``size`` high and wide.
        per_image: patches cut at random from each image when its turn comes.
        seed: order and places follow from it.

    One image at a time is decoded; files take turns in an order shuffled anew each pass, and
    patches of up to 32 images are shuffled together, so memory does not grow with the files.
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

"""Zoom in. Enhance: enlarges photos with a network of lesson 06.

    python -m shared.zoom photo.jpg                       all of it, to photo_x2.jpg
    python -m shared.zoom photo.jpg --at 300,120          256x256 pixels from there on
    python -m shared.zoom holiday/ -o large/ --scale 4    every picture in a folder

A photo may be of any size: it is enlarged tile by tile, and the tiles do not show. PNG, JPEG,
WebP and TIFF are read and written. Without -o, the result goes beside the photo, and those of
a folder into a new folder beside it.
"""

import argparse
import functools
import re
import sys
import time
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
from keras import ops

from shared import anatomy, luma, photo_models, pictures, recipes, tiles, weights

SIDE = 384  # of a tile; larger ones waste less on margins, smaller ones compute less for a region


def enhance(image, model="zoom", scale=2, region=None, side=SIDE, progress=None):
    """Enlarge a photo: its luma by a network, its colours by bicubic, as the papers do.

    Args:
        image: uint8 (height, width, 3), RGB; a fourth channel, alpha, is enlarged by bicubic.
        model: name of a network of ``photo_models`` that has weights, "bicubic", or a
            ``keras.Model`` that takes luma (n, height, width, 1) in [0, 1], of any size, and
            gives twice the height and width.
        scale: 2, or 4: enlarged by 2 twice.
        region: (x, y, width, height) in pixels of ``image``: give this part only, equal to
            the same part of the whole result.
        side: height and width of the tiles that the network sees at a time, pixels.
        progress: function of the share that is done, 0 to 1, called after each tile.

    Returns uint8 (height * scale, width * scale, channels), of the image or of the region.

    The tiles overlap by what the network sees around a pixel (``anatomy.reach``), so the
    result is that of the whole image at once. The sums are the same; floating-point numbers
    may add up differently in another order, by about 1e-6, which can round a value that lies
    halfway between two of the 256 levels to the other one.

    Raises ValueError on an image, model, scale or region of another kind, FileNotFoundError
    where there are no weights of that name.
    """
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in (3, 4) \
            or 0 in image.shape:
        raise ValueError(f"expected an image of uint8 of shape (height, width, 3), found "
                         f"{image.dtype} of shape {image.shape}")
    if scale not in (2, 4):
        raise ValueError(f"scale must be 2 or 4, found {scale}")
    region = tiles.checked(image.shape, region)
    network = model if isinstance(model, keras.Model) else load(model)
    margin = _margin(network)
    side = max(side, 4 * margin)  # else most of the work would go into margins
    answer = _answer(network)

    def twice(part):
        return _enlarged(part, answer)

    if scale == 2:
        return tiles.tiled(image, twice, 2, side, margin, region, progress)
    x, y, across, down = (2 * number for number in region)
    shape = (2 * image.shape[0], 2 * image.shape[1], image.shape[2])
    left, top, wide, high = tiles.needed(shape, side, margin, (x, y, across, down))
    middle = np.empty(shape, "uint8")  # outside what is needed it stays untouched, and costs none
    middle[top:top + high, left:left + wide] = tiles.tiled(
        image, twice, 2, side, margin, (left // 2, top // 2, wide // 2, high // 2),
        progress and (lambda share: progress(0.2 * share)))
    return tiles.tiled(middle, twice, 2, side, margin, (x, y, across, down),
                       progress and (lambda share: progress(0.2 + 0.8 * share)))


def load(name):
    """The network of that name, "bicubic" too; raises as ``weights.load`` does."""
    if name == "bicubic":
        low_res = keras.Input((None, None, 1), name="low_res")
        return keras.Model(low_res, photo_models.Bicubic()(low_res), name="bicubic")
    return weights.load(name)


def _margin(network):
    """How far the network looks. ValueError where it is none that ``enhance`` can use."""
    if network.input_shape != (None, None, None, 1) \
            or network.compute_output_shape((1, 16, 16, 1)) != (1, 32, 32, 1):
        raise ValueError(f"{network.name} does not enlarge luma of any size by 2: it takes "
                         f"{network.input_shape} and gives {network.output_shape}")
    return max(anatomy.reach(network), 2)  # 2: what bicubic sees, for the colours


@functools.lru_cache(maxsize=4)
def _answer(network):
    """A function of luma (1, height, width, 1) that gives the network's answer, as an array.

    TensorFlow makes one graph for tiles of all sizes. ``predict_on_batch`` makes one more
    whenever a size is new, and two of them can differ in the last bit.
    """
    if keras.backend.backend() != "tensorflow":
        return lambda luma: ops.convert_to_numpy(network.predict_on_batch(luma))
    import tensorflow as tf

    graph = tf.function(lambda luma: network(luma, training=False), jit_compile=False,
                        input_signature=[tf.TensorSpec((1, None, None, 1), "float32")])
    return lambda luma: graph(luma).numpy()


def _enlarged(part, answer):
    """A tile, uint8 (height, width, 3 or 4), at twice its size."""
    ycbcr = luma.to_ycbcr(part[..., :3])
    brightness = answer(ycbcr[None, ..., :1] / 255) * 255
    rest = np.concatenate([ycbcr[..., 1:], part[..., 3:].astype("float32")], axis=2)
    rest = ops.convert_to_numpy(photo_models.bicubic(rest[None]))
    rgb = luma.to_rgb(np.concatenate([brightness, rest[..., :2]], axis=3)[0])
    return luma.rounded(np.concatenate([rgb, rest[0, ..., 2:]], axis=2))


# --- the command ---------------------------------------------------------------------------


def main(arguments=None):
    """Returns the exit code: 0, or 1 where a photo failed; argparse exits with 2 on usage."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.size and not options.at:
        parser.error("--size needs --at X,Y, the corner where the region begins")
    failures, targets = 0, set()
    try:
        network = load(options.model)  # once for all photos
    except (OSError, ValueError) as error:
        return _failed(f"model {options.model}", error)
    for name in options.photos:
        try:
            jobs = _jobs(Path(name), options)
        except (OSError, ValueError) as error:
            failures += _failed(name, error)
            continue
        for source, target in jobs:
            try:
                if target.resolve() in targets:
                    raise ValueError(f"{target} holds the result of another photo of this call")
                _zoom(source, target, network, options)
                targets.add(target.resolve())
            except MemoryError:
                failures += _failed(source, "not enough memory: take a part of it with --at")
            except (OSError, ValueError) as error:
                failures += _failed(source, error)
            except KeyboardInterrupt:
                print("\nzoom: stopped", file=sys.stderr)
                return 130
    return 1 if failures else 0


def _parser():
    parser = argparse.ArgumentParser(prog="python -m shared.zoom", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="+", metavar="PHOTO", help="a picture, or a folder")
    parser.add_argument("--at", type=_pair(",", 0), metavar="X,Y",
                        help="left and top of the region, pixels of the upright photo")
    parser.add_argument("--size", type=_pair("x", 1), metavar="WxH",
                        help="width and height of the region (256x256)")
    parser.add_argument("--scale", type=int, choices=(2, 4), default=2, help="(2)")
    trained = [name for name in photo_models.MODELS if name in recipes.RECIPES]
    parser.add_argument("--model", choices=("bicubic", *trained), default="zoom",
                        help="the network (zoom)")
    parser.add_argument("-o", "--output", type=Path, metavar="OUT",
                        help="a file, or a folder, which is made if absent")
    parser.add_argument("--compare", action="store_true",
                        help="also write a picture of bicubic, left, beside the result, right")
    parser.add_argument("--overwrite", "--force", action="store_true",
                        help="replace files that are there already")
    return parser


def _pair(mark, least):
    def pair(text):
        if not re.fullmatch(rf"\d+{mark}\d+", text) or min(map(int, text.split(mark))) < least:
            raise argparse.ArgumentTypeError(
                f"expected two whole numbers as in 256{mark}256, found {text!r}")
        return tuple(map(int, text.split(mark)))

    return pair


def _jobs(path, options):
    """(photo, file to write) for a photo, or for each picture in a folder."""
    out, mark = options.output, f"_x{options.scale}"
    if path.is_dir():
        photos = sorted(file for file in path.iterdir() if file.is_file()
                        and file.suffix.lower() in pictures.FORMATS and file.name[0] != ".")
        if not photos:
            raise ValueError(f"no pictures in this folder ({', '.join(pictures.FORMATS)})")
        folder = out or path.resolve().with_name(path.resolve().name + mark)
    elif out and out.suffix and len(options.photos) == 1 and not out.is_dir():
        return [(path, out)]
    else:
        photos, folder = [path], out or path.parent
    if options.at:
        mark = "_at_{}_{}{}".format(*options.at, mark)
    return [(photo, folder / (photo.stem + mark + (
        photo.suffix if photo.suffix.lower() in pictures.FORMATS else ".png")))
        for photo in photos]


def _zoom(source, target, network, options):
    """Enlarge the photo in one file into another, and say so."""
    beside = target.with_stem(target.stem + "_compare")
    for path in (target, beside)[:1 + options.compare]:
        pictures.check(path, options.overwrite)  # before the work, not after it
    picture, start = pictures.read(source), time.monotonic()
    target.parent.mkdir(exist_ok=True)
    region = (*options.at, *(options.size or (256, 256))) if options.at else None

    def enlarged(model):
        return enhance(picture.pixels, model, options.scale, region,
                       progress=_bar(source.name))

    result = enlarged(network)
    pictures.write(target, replace(picture, pixels=result), options.overwrite)
    if options.compare:
        gap = np.full_like(result[:, :4 * options.scale], 255)
        both = np.concatenate([enlarged(load("bicubic")), gap, result], axis=1)
        pictures.write(beside, replace(picture, pixels=both), options.overwrite)
    height, width = result.shape[:2]
    notes = "".join(f"; {note}" for note in picture.notes)
    print(f"{target}: {width}x{height} pixels in {time.monotonic() - start:.1f} s{notes}")


def _failed(name, error):
    """Say on the error stream what went wrong; returns 1, to be counted."""
    if isinstance(error, OSError) and error.strerror:
        place = f": {error.filename}" if error.filename not in (None, str(name)) else ""
        error = error.strerror + place
    print(f"zoom: {name}: {error}", file=sys.stderr)
    return 1


def _bar(label):
    """A progress bar for ``enhance`` on the error stream, where that is a terminal."""
    if not sys.stderr.isatty():
        return None

    def show(share):
        line = f"{label} [{'#' * int(30 * share):.<30}] {share:4.0%}"
        print(f"\r{line}", end="" if share < 1 else "\r" + " " * len(line) + "\r",
              file=sys.stderr, flush=True)

    return show


if __name__ == "__main__":
    sys.exit(main())

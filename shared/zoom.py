"""Zoom in. Enhance: enlarge photos with a network of lesson 06.

    python -m shared.zoom photo.jpg                       the whole photo, to photo_x2.jpg
    python -m shared.zoom photo.jpg --at 300,120          256x256 pixels from this corner on
    python -m shared.zoom holiday/ -o large/ --scale 4    every picture in a folder

A photo may have any size: it is enlarged tile by tile, and no borders of tiles are visible.
PNG, JPEG, WebP and TIFF can be read and written. Without -o, the result of a photo is written
beside it, and the results of a folder are written to a new folder beside it.
"""

import argparse
import re
import sys
import time
import weakref
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
from keras import ops

from shared.images import files, luma, resize, tiles
from shared.measures import cost
from shared.models import layers, zoom_network
from shared.training import store

# Pixels of a tile's side. Larger tiles waste less work on margins, smaller ones compute less
# for a region.
SIDE = 384
# The TensorFlow graph of each network. An entry goes when its network does.
_graphs = weakref.WeakKeyDictionary()


def enhance(image, model="zoom", scale=2, region=None, side=SIDE, progress=None):
    """Enlarge a photo: its luma by a network, its colours by bicubic, as the papers do.

    Args:
        image: uint8 (height, width, 3), RGB. A fourth channel, alpha, is enlarged by bicubic.
        model: the name of one of ``zoom_network.PHOTO_NETWORKS`` that has weights, "bicubic",
            or a ``keras.Model`` that takes luma (n, height, width, 1) in [0, 1] of any size
            and returns it with twice the height and width.
        scale: 2 or 4. For 4, the photo is enlarged by 2 twice.
        region: (x, y, width, height) in pixels of ``image``: return only this part, which is
            equal to the same part of the whole result. None for the whole image.
        side: height and width, in pixels, of the tiles that the network is given one at a time.
        progress: function of the fraction that is done, 0 to 1, called after each tile.

    Returns uint8 (height * scale, width * scale, channels), of the image or of the region.

    The tiles overlap by the distance that the network sees (``cost.reach``), so the result is
    that of the whole image at once. The sums are the same, but floating-point numbers that are
    added in another order differ by about 1e-6. That can round a value halfway between two of
    the 256 levels to the other one.

    Raises ValueError if the image, model, scale or region is not as described, and
    FileNotFoundError if the network of that name has no weights.
    """
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in (3, 4) \
            or 0 in image.shape:
        raise ValueError(f"expected an image of uint8 of shape (height, width, 3), found "
                         f"{image.dtype} of shape {image.shape}")
    if scale not in (2, 4):
        raise ValueError(f"scale must be 2 or 4, found {scale}")
    region = tiles.checked(image.shape, region)
    network = model if isinstance(model, keras.Model) else load_network(model)
    margin = _margin(network)
    side = max(side, 4 * margin)  # otherwise most of the work would go into margins
    run_network = _compiled(network)

    def enlarge(tile):
        return _enlarged(tile, run_network)

    if scale == 2:
        return tiles.tiled(image, enlarge, 2, side, margin, region, progress)
    region = tuple(2 * number for number in region)
    shape = (2 * image.shape[0], 2 * image.shape[1], image.shape[2])
    left, top, width, height = tiles.needed(shape, side, margin, region)
    twice = np.empty(shape, "uint8")  # what is not needed is never touched, and takes no memory
    twice[top:top + height, left:left + width] = tiles.tiled(
        image, enlarge, 2, side, margin, (left // 2, top // 2, width // 2, height // 2),
        progress and (lambda done: progress(0.2 * done)))
    return tiles.tiled(twice, enlarge, 2, side, margin, region,
                       progress and (lambda done: progress(0.2 + 0.8 * done)))


def load_network(name):
    """The trained photo network ``name``, or a network without weights for "bicubic".

    Raises as ``store.load`` does.
    """
    if name == "bicubic":
        low_res = keras.Input((None, None, 1), name="low_res")
        return keras.Model(low_res, layers.Bicubic()(low_res), name="bicubic")
    return store.load(name)


def _margin(network):
    """How many pixels the network sees around its own; at least what bicubic sees.

    Raises ValueError if ``enhance`` cannot use the network.
    """
    if network.input_shape != (None, None, None, 1) \
            or network.compute_output_shape((1, 16, 16, 1)) != (1, 32, 32, 1):
        raise ValueError(f"{network.name} does not enlarge luma of any size by 2: it takes "
                         f"{network.input_shape} and returns {network.output_shape}")
    return max(cost.reach(network), 2)  # the colours are enlarged by bicubic, which sees 2


def _compiled(network):
    """A function that runs the network on luma (1, height, width, 1) and returns an array.

    On TensorFlow one graph is made per network, for tiles of all sizes. ``predict_on_batch``
    would make another one for each new size, and two graphs can differ in the last bit.
    """
    if keras.backend.backend() != "tensorflow":
        return lambda tile: ops.convert_to_numpy(network.predict_on_batch(tile))
    if network not in _graphs:
        _graphs[network] = _graph(network)
    graph = _graphs[network]
    return lambda tile: graph(tile).numpy()


def _graph(network):
    """The ``tf.function`` of a network. It holds the network weakly, so that it can be freed."""
    import tensorflow as tf

    reference = weakref.ref(network)
    return tf.function(lambda tile: reference()(tile, training=False), jit_compile=False,
                       input_signature=[tf.TensorSpec((1, None, None, 1), "float32")])


def _enlarged(tile, run_network):
    """A tile, uint8 (height, width, 3 or 4), at twice its size."""
    ycbcr = luma.to_ycbcr(tile[..., :3])
    enlarged_luma = run_network(ycbcr[None, ..., :1] / 255) * 255
    others = np.concatenate([ycbcr[..., 1:], tile[..., 3:].astype("float32")], axis=2)
    others = ops.convert_to_numpy(resize.bicubic(others[None]))
    rgb = luma.to_rgb(np.concatenate([enlarged_luma, others[..., :2]], axis=3)[0])
    return luma.rounded(np.concatenate([rgb, others[0, ..., 2:]], axis=2))


# --- the command ---------------------------------------------------------------------------


def main(arguments=None):
    """Run the command; returns the exit code: 0, 1 if a photo failed, 130 if interrupted.

    Wrong usage ends in argparse with exit code 2.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.size and not options.at:
        parser.error("--size needs --at X,Y, the corner where the region begins")
    failures, targets = 0, set()
    try:
        network = load_network(options.model)  # once for all photos
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
                        help="left and top of the region in pixels of the upright photo")
    parser.add_argument("--size", type=_pair("x", 1), metavar="WxH",
                        help="width and height of the region (256x256)")
    parser.add_argument("--scale", type=int, choices=(2, 4), default=2, help="(2)")
    parser.add_argument("--model", choices=("bicubic", *zoom_network.PHOTO_NETWORKS),
                        default="zoom", help="the network (zoom)")
    parser.add_argument("-o", "--output", type=Path, metavar="OUT",
                        help="a file, or a folder, which is made if it is missing")
    parser.add_argument("--compare", action="store_true",
                        help="also write bicubic (left) and the result (right) as one picture")
    parser.add_argument("--overwrite", "--force", action="store_true",
                        help="replace files that exist already")
    return parser


def _pair(separator, least):
    """A parser of two whole numbers of at least ``least`` with the separator between them."""
    def pair(text):
        if (not re.fullmatch(rf"\d+{separator}\d+", text)
                or min(map(int, text.split(separator))) < least):
            raise argparse.ArgumentTypeError(
                f"expected two whole numbers as in 256{separator}256, found {text!r}")
        return tuple(map(int, text.split(separator)))

    return pair


def _jobs(path, options):
    """A list of (photo, file to write), for one photo or for each picture in a folder."""
    output, ending = options.output, f"_x{options.scale}"
    if path.is_dir():
        photos = sorted(file for file in path.iterdir() if file.is_file()
                        and file.suffix.lower() in files.FORMATS and file.name[0] != ".")
        if not photos:
            raise ValueError(f"no pictures in this folder ({', '.join(files.FORMATS)})")
        folder = output or path.resolve().with_name(path.resolve().name + ending)
    elif output and output.suffix and len(options.photos) == 1 and not output.is_dir():
        return [(path, output)]
    else:
        photos, folder = [path], output or path.parent
    if options.at:
        ending = "_at_{}_{}{}".format(*options.at, ending)
    return [(photo, folder / (photo.stem + ending + (
        photo.suffix if photo.suffix.lower() in files.FORMATS else ".png")))
        for photo in photos]


def _zoom(source, target, network, options):
    """Enlarge the photo in the file ``source`` into the file ``target``, and print a line."""
    comparison = target.with_stem(target.stem + "_compare")
    for path in (target, comparison)[:1 + options.compare]:
        files.writable_format(path, options.overwrite)  # fails before the work, not after it
    picture, start = files.read_picture(source), time.monotonic()
    target.parent.mkdir(exist_ok=True)
    region = (*options.at, *(options.size or (256, 256))) if options.at else None

    def enlarged(model):
        return enhance(picture.pixels, model, options.scale, region,
                       progress=_bar(source.name))

    result = enlarged(network)
    files.write_picture(target, replace(picture, pixels=result), options.overwrite)
    if options.compare:
        gap = np.full_like(result[:, :4 * options.scale], 255)
        both = np.concatenate([enlarged(load_network("bicubic")), gap, result], axis=1)
        files.write_picture(comparison, replace(picture, pixels=both), options.overwrite)
    height, width = result.shape[:2]
    notes = "".join(f"; {note}" for note in picture.notes)
    print(f"{target}: {width}x{height} pixels in {time.monotonic() - start:.1f} s{notes}")


def _failed(name, error):
    """Print to the error stream what went wrong; returns 1, to be counted."""
    if isinstance(error, OSError) and error.strerror:
        place = f": {error.filename}" if error.filename not in (None, str(name)) else ""
        error = error.strerror + place
    print(f"zoom: {name}: {error}", file=sys.stderr)
    return 1


def _bar(label):
    """A progress bar for ``enhance`` on the error stream; None if that is not a terminal."""
    if not sys.stderr.isatty():
        return None

    def show(done):
        line = f"{label} [{'#' * int(30 * done):.<30}] {done:4.0%}"
        print(f"\r{line}", end="" if done < 1 else "\r" + " " * len(line) + "\r",
              file=sys.stderr, flush=True)

    return show


if __name__ == "__main__":
    sys.exit(main())

"""Zoom in. Enhance: enlarge photos with a network of lesson 06.

    python -m shared.zoom photo.jpg                       the whole photo, to photo_x2.jpg
    python -m shared.zoom photo.jpg --at 300,120          256x256 pixels from this corner on
    python -m shared.zoom holiday/ -o large/ --scale 4    every photo in a folder and below

A photo may have any size: it is enlarged tile by tile, and no borders of tiles are visible.
Without -o, the result of a photo is written beside it, and the results of a folder are written
to a new folder beside it, with the same folders inside. In a folder, results that exist already
are left as they are, so the same command goes on where it was stopped.

Exit codes: 0 all is done, 1 something failed, 2 wrong usage, 130 and 143 stopped by Ctrl-C and
by SIGTERM. Whatever happens, no file is left half written.
"""

import argparse
import contextlib
import errno
import glob
import math
import os
import re
import signal
import sys
import tempfile
import threading
import time
import weakref
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
from keras import ops
from scipy import ndimage
from tqdm import tqdm

from shared.images import alpha, compare, files, luma, resize, tiles
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
        image: uint8 or uint16 (height, width, 3), RGB. A fourth channel is alpha, not
            premultiplied: colours are weighted by it, so that what is transparent does not
            shine through at the edges.
        model: the name of one of ``zoom_network.PHOTO_NETWORKS`` that has weights, "bicubic",
            or a ``keras.Model`` that takes luma (n, height, width, 1) in [0, 1] of any size
            and returns it with twice the height and width.
        scale: from 1 to 4. For 4, the photo is enlarged by 2 twice. For a number between, it is
            enlarged by 2 or 4 and then reduced by antialiased bicubic. For 1, it is copied.
        region: (x, y, width, height) in pixels of ``image``: return only this part, which for
            the scales 1, 2 and 4 is equal to the same part of the whole result. None for the
            whole image.
        side: height and width, in pixels, of the tiles that the network is given one at a time.
        progress: function of the fraction that is done, 0 to 1, called after each tile.

    Returns an array (round(height * scale), round(width * scale), channels), of the image or of
    the region, with the dtype of the image.

    The tiles overlap by the distance that the network sees (``cost.reach``), so the result is
    that of the whole image at once. The sums are the same, but floating-point numbers that are
    added in another order differ by about 1e-6. That can round a value halfway between two of
    the 256 levels to the other one.

    Raises ValueError if the image, model, scale or region is not as described, and
    FileNotFoundError if the network of that name has no weights.
    """
    image = np.asarray(image)
    if image.dtype not in (np.uint8, np.uint16) or image.ndim != 3 \
            or image.shape[2] not in (3, 4) or 0 in image.shape:
        raise ValueError(f"expected an image of uint8 or uint16 of shape (height, width, 3), "
                         f"found {image.dtype} of shape {image.shape}")
    if not 1 <= scale <= 4:
        raise ValueError(f"scale must be from 1 to 4, found {scale}")
    region = tiles.checked(image.shape, region)
    network = model if isinstance(model, keras.Model) else load_network(model)
    margin = _margin(network)
    if scale == 1:
        x, y, width, height = region
        return image[y:y + height, x:x + width].copy()
    image = alpha.filled(image)
    side = max(side, 4 * margin)  # otherwise most of the work would go into margins
    run_network = _compiled(network)

    def enlarge(tile):
        return _enlarged(tile, run_network)

    steps = 2 if scale <= 2 else 4
    part = region if scale == steps else _with_neighbours(region, image.shape)
    if steps == 2:
        enlarged = tiles.tiled(image, enlarge, 2, side, margin, part, progress)
    else:
        enlarged = _four_times(image, enlarge, side, margin, part, progress)
    if scale == steps:
        return enlarged
    x, y, width, height = (steps * (number - offset) for number, offset in
                           zip(region, (*part[:2], 0, 0), strict=True))
    size = round(region[3] * scale), round(region[2] * scale)
    return alpha.reduced(enlarged, (x, y, width, height), size)


def _four_times(image, enlarge, side, margin, region, progress):
    """A region of the image enlarged by 2 twice; computes the part of the first that it needs."""
    region = tuple(2 * number for number in region)
    shape = (2 * image.shape[0], 2 * image.shape[1], image.shape[2])
    left, top, width, height = tiles.needed(shape, side, margin, region)
    twice = np.empty(shape, image.dtype)  # what is not needed is never touched: takes no memory
    twice[top:top + height, left:left + width] = tiles.tiled(
        image, enlarge, 2, side, margin, (left // 2, top // 2, width // 2, height // 2),
        progress and (lambda done: progress(0.2 * done)))
    return tiles.tiled(twice, enlarge, 2, side, margin, region,
                       progress and (lambda done: progress(0.2 + 0.8 * done)))


def _with_neighbours(region, shape, number=4):
    """The region and ``number`` pixels around it, where the picture has them."""
    x, y, width, height = region
    left, top = max(x - number, 0), max(y - number, 0)
    return (left, top, min(x + width + number, shape[1]) - left,
            min(y + height + number, shape[0]) - top)


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
    """A tile, uint8 or uint16 (height, width, 3 or 4), at twice its size."""
    values = alpha.levels(tile)
    ycbcr = luma.to_ycbcr(values[..., :3])
    enlarged_luma = run_network(ycbcr[None, ..., :1] / 255) * 255
    chroma = _bicubic(ycbcr[..., 1:])
    rgb = luma.to_rgb(np.concatenate([enlarged_luma[0], chroma], axis=2))
    if tile.shape[2] == 4:
        detail = enlarged_luma[0] - _bicubic(ycbcr[..., :1])
        rgb = _on_alpha(rgb, detail, tile)
    return alpha.as_levels(rgb, tile.dtype)


def _on_alpha(rgb, detail, tile):
    """RGBA of an enlarged tile: colours weighted by alpha, where it is not opaque all around.

    Args:
        rgb: the colours of the enlarged tile, where it is opaque.
        detail: what the network adds to the luma of bicubic.
        tile: RGBA before the enlargement. Where it is transparent, it has the colours of what
            is not, so that the network sees no edge there.
    """
    soft = alpha.straight(_bicubic(alpha.premultiplied(tile)))
    weighted = luma.to_ycbcr(soft[..., :3])
    weighted[..., :1] += detail
    weighted = luma.to_rgb(weighted)
    coverage = soft[..., 3:]
    nearby = ndimage.minimum_filter(tile[..., 3], size=5, mode="nearest")  # bicubic sees 5x5
    opaque = (nearby == np.iinfo(tile.dtype).max).repeat(2, axis=0).repeat(2, axis=1)
    straight = opaque[..., None] | (coverage < 0.5 * 255 / np.iinfo(tile.dtype).max)
    return np.concatenate([np.where(straight, rgb, weighted), coverage], axis=2)


def _bicubic(values):
    """An array (height, width, channels) at twice its size, float32."""
    return ops.convert_to_numpy(resize.bicubic(values[None]))[0]


# --- the command ---------------------------------------------------------------------------

HELP = """\
Zoom in. Enhance: enlarge photos with a network of lesson 06.
PHOTO is a picture, a folder, or a pattern as '*.png'."""
EXAMPLES = """\
examples (each after python -m shared.zoom):
  photo.jpg                         twice as large, to photo_x2.jpg
  photo.jpg --at 300,120 --scale 4  256x256 pixels from this corner on
  holiday/ -o large/ --width 3000   every photo in a folder and below
exit codes: 0 all is done, 1 something failed, 2 wrong usage"""
LEAST_SIDE = 64  # of a tile, in pixels: where memory is short for these, smaller ones help little
# Pictures by their suffix, for which a folder's list says that they are left out.
PICTURES = (".ai", ".arw", ".cr2", ".cr3", ".dng", ".emf", ".eps", ".exr", ".hdr", ".heic",
            ".heif", ".hif", ".ico", ".j2k", ".jp2", ".jxl", ".nef", ".orf", ".pcx", ".pdf", ".psd",
            ".raf", ".raw", ".rw2", ".svg", ".tga", ".wmf", ".xcf")


@dataclass(frozen=True)
class Job:
    """One photo to enlarge.

    Args:
        source: the file with the photo.
        target: the file to write.
        alone: True if this one photo was named. Then it is an error if ``target`` exists;
            otherwise it was made before, and is left as it is.
    """

    source: Path
    target: Path
    alone: bool


def main(arguments=None):
    """Run the command; returns the exit code: 0, 1 if a photo failed, 130 or 143 if stopped.

    Wrong usage ends in SystemExit with code 2.
    """
    received = []
    with _stopped_by_signals(received):
        try:
            return _run(_parser(), arguments, received)
        except KeyboardInterrupt:
            _say("zoom: stopped", sys.stderr)
            return 128 + (received[0] if received else signal.SIGINT)


def _run(parser, arguments, received):
    options = parser.parse_args(_compare_with_kind(
        sys.argv[1:] if arguments is None else arguments))
    if options.size and not options.at:
        parser.error("--size needs --at X,Y, the corner where the region begins")
    if options.scale and options.width:
        parser.error("--scale and --width both say how large the result is: give one of them")
    jobs, failures = _jobs(options, parser)
    waiting = [job for job in jobs if job.alone or options.overwrite or _missing(job, options)]
    if waiting:
        try:
            network = load_network(options.model)  # once for all photos
        except (OSError, ValueError) as error:
            return _failed(f"model {options.model}", error)
    sources = {(status.st_dev, status.st_ino) for status in map(_status, (
        job.source for job in jobs)) if status}
    with _progress(len(waiting), received) as progress:
        for number, job in enumerate(waiting):
            try:
                _zoom(job, network, options, sources, progress(number))
            except Exception as error:  # no photo, whatever is in it, ends the list
                failures += _failed(job.source, error)
    if len(waiting) < len(jobs):
        _say(f"zoom: {len(jobs) - len(waiting)} of {len(jobs)} photos were done before "
             f"(--overwrite does them again)")
    return 1 if failures else 0


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message):
        _say(f"zoom: {_short(message)} (--help shows how)", sys.stderr)
        raise SystemExit(2)


def _parser():
    parser = _Parser(
        prog="python -m shared.zoom", usage="python -m shared.zoom PHOTO... [options]",
        description=HELP, epilog=EXAMPLES, allow_abbrev=False, add_help=False,
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(
            prog, max_help_position=24, width=80))
    add = parser.add_argument
    add("photos", nargs="+", metavar="PHOTO", help=argparse.SUPPRESS)
    add("-o", "--output", type=_name, metavar="OUT", help="a file, or a folder, which is made")
    add("--scale", type=_number(1, 4), metavar="S", help="times as large, from 1 to 4 (2)")
    add("--width", type=_number(1, 10**6, int), metavar="N",
        help="width of the result in pixels, instead of --scale")
    add("--at", type=_pair(",", 0), metavar="X,Y", help="left and top of a region in pixels")
    add("--size", type=_pair("x", 1), metavar="WxH",
        help="width and height of the region (256x256)")
    add("--model", choices=("bicubic", *zoom_network.PHOTO_NETWORKS), default="zoom",
        metavar="M", help=f"bicubic, {', '.join(zoom_network.PHOTO_NETWORKS)} (zoom)")
    add("--compare", choices=("picture", "page"), metavar="K",
        help="also write bicubic beside it: picture or page (picture)")
    add("--format", choices=("png", "jpg", "webp", "tif"), metavar="F",
        help="png, jpg, webp or tif (that of the photo)")
    add("--quality", type=_number(1, 100, int), metavar="N", help="of jpg and webp (95)")
    add("--strip", action="store_true", help="leave out date, place and camera")
    add("--overwrite", "--force", action="store_true", help="replace files that exist already")
    add("--tile", type=_number(16, 10**6, int), metavar="N", default=SIDE,
        help=f"side of a tile in pixels; less needs less memory ({SIDE})")
    add("--max-megapixels", type=_number(0.001, 10**6), metavar="N", default=250,
        help="refuse photos with more (250)")
    add("-h", "--help", action="help", help="show this")
    return parser


def _compare_with_kind(arguments):
    """The arguments with ``--compare`` as ``--compare=picture`` where no kind follows it.

    Otherwise a photo that follows it would be taken for the kind.
    """
    arguments = [str(argument) for argument in arguments]
    end = arguments.index("--") if "--" in arguments else len(arguments)
    for number in range(end):
        if arguments[number] == "--compare" and \
                arguments[number + 1:number + 2] not in (["picture"], ["page"]):
            arguments[number] = "--compare=picture"
    return arguments


def _name(text):
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"expected the name of a file or folder, found {text!r}")
    return text


def _number(least, most, kind=float):
    """A parser of a number from ``least`` to ``most``."""
    def number(text):
        with contextlib.suppress(ValueError):
            if least <= kind(text[:20]) <= most:
                return kind(text[:20])
        raise argparse.ArgumentTypeError(
            f"expected a {'whole ' * (kind is int)}number from {least:g} to {most:g}, "
            f"found {text!r}")

    return number


def _pair(separator, least):
    """A parser of two whole numbers of at least ``least`` with the separator between them."""
    def pair(text):
        if (not re.fullmatch(rf"\d{{1,9}}{separator}\d{{1,9}}", text)
                or min(map(int, text.split(separator))) < least):
            raise argparse.ArgumentTypeError(
                f"expected two whole numbers as in 256{separator}256, found {text!r}")
        return tuple(map(int, text.split(separator)))

    return pair


# --- which photos, and where their results go ----------------------------------------------


def _jobs(options, parser):
    """The list of ``Job`` that the arguments ask for, and how many names failed.

    Ends with wrong usage if several photos would go into one file.
    """
    found, failures, several = [], 0, len(options.photos) > 1
    for name in options.photos:
        try:
            photos, many = _photos(name, options)
        except Exception as error:
            failures += _failed(name, error)
            continue
        found += photos
        several |= many
    output = Path(options.output) if options.output is not None else None
    if output and _is_file_name(options.output):
        if several:
            parser.error(f"-o {output} is one file, and there are several photos: name a folder")
        if options.format and files.WRITABLE[output.suffix.lower()] != \
                files.WRITABLE[f".{options.format}"]:
            parser.error(f"-o {output} is not of the --format {options.format}")
        return [Job(source, output, True) for source, _ in found], failures
    jobs, taken = {}, {}
    # Photos that keep their suffix choose first: a.bmp beside a.png becomes a_bmp_x2.png.
    for photo in sorted(found, key=lambda photo: _suffix(photo[0], options) != photo[0].suffix):
        source, folder = photo
        target = folder / _result_name(source, options)
        if taken.get(_same_place(target), source) != source and \
                target.suffix.lower() != source.suffix.lower():
            target = folder / _result_name(source, options, f"_{source.suffix[1:].lower()}")
        other = taken.setdefault(_same_place(target), source)
        if other is source:
            jobs[photo] = Job(source, target, not several)
        elif _same_place(other) != _same_place(source):
            failures += _failed(source, ValueError(
                f"{target} holds the result of another photo of this call, {other}"))
    return [jobs[photo] for photo in dict.fromkeys(found) if photo in jobs], failures


def _photos(name, options):
    """The photos that an argument means, as pairs (photo, folder of its result).

    Also returns whether there may be several of them. Prints what is left out of a folder.

    Raises ValueError if there are none, and OSError if a folder cannot be read.
    """
    if not name or "\0" in name:
        raise ValueError(f"expected the name of a photo or a folder, found {name!r}")
    path = Path(name)
    if re.search(r"[*?\[]", name) and not os.path.lexists(name):
        matches = [Path(match) for match in sorted(glob.glob(name, recursive=True))]
        if not matches:
            raise ValueError("no file has a name like this")
        pairs = [pair for folder in matches if folder.is_dir()
                 for pair in _photos_below(folder, options)]
        beside = [match for match in matches if not match.is_dir()]
        pairs += [(photo, Path(options.output or photo.parent))
                  for photo in _without_other_files(name, beside)]
    elif path.is_dir():
        pairs = _photos_below(path, options)
    else:
        return [(path, Path(options.output or path.parent))], False
    # A result of this command in the same folder is no photo to enlarge again.
    results = {_same_place(result) for photo, folder in pairs
               for result in _results(Job(photo, folder / _result_name(photo, options), False),
                                      options)}
    return [pair for pair in pairs if _same_place(pair[0]) not in results], True


def _photos_below(path, options):
    """Pairs (photo, folder of its result) of all photos in a folder and in those inside it."""
    top = Path(options.output or path.resolve().with_name(path.resolve().name + _ending(options)))
    if top.exists() and not top.is_dir():
        raise ValueError(f"{top} is a file: choose another folder with -o")
    names, inside = [], top.exists() and not os.path.samefile(path, top)
    for folder, folders, inner in os.walk(path, onerror=_not_listed):
        folder = Path(folder)
        folders[:] = sorted(name for name in folders if name[0] != "." and not (
            inside and os.path.samefile(folder / name, top)))
        names += [folder / name for name in sorted(inner) if name[0] != "."]
    photos = _without_other_files(path, names)
    if not photos:
        raise ValueError(f"no pictures in this folder ({', '.join(files.READABLE)})")
    return [(photo, top / photo.relative_to(path).parent) for photo in photos]


def _not_listed(error):
    """Tell that a folder inside a folder cannot be read; the others are done."""
    _failed(error.filename, error)


def _without_other_files(place, names):
    """Those of the files whose suffix is that of a picture; prints which others there are."""
    photos, others = [], Counter()
    for name in names:
        suffix = name.suffix.lower()
        if suffix in files.READABLE or suffix in PICTURES:
            photos.append(name)  # reading it tells what is wrong with it
        else:
            others[suffix or "without a suffix"] += 1
    if others and photos:
        kinds = ", ".join(f"{count} {suffix}" for suffix, count in others.most_common())
        _say(f"zoom: {place}: left out what is not a picture: {_short(kinds)}")
    return photos


def _is_file_name(output):
    """Whether ``-o`` names a picture file, not a folder."""
    return (not output.endswith(("/", os.sep)) and not os.path.isdir(output)
            and Path(output).suffix.lower() in files.WRITABLE)


def _ending(options):
    """What the names of results end with."""
    return f"_w{options.width}" if options.width else f"_x{options.scale or 2:g}"


def _suffix(photo, options):
    """The suffix of the result of a photo: that of the photo, if it can be written."""
    if options.format:
        return f".{options.format}"
    return photo.suffix if photo.suffix.lower() in files.WRITABLE else ".png"


def _result_name(photo, options, more=""):
    """The name of the file with the result of a photo."""
    region = "_at_{}_{}".format(*options.at) if options.at else ""
    return photo.stem + more + region + _ending(options) + _suffix(photo, options)


def _results(job, options):
    """The files that a job writes: the result and, if wanted, its comparison."""
    if not options.compare:
        return [job.target]
    comparison = job.target.with_name(
        f"{job.target.stem}_compare{'.html' if options.compare == 'page' else job.target.suffix}")
    return [job.target, comparison]


def _missing(job, options):
    return not all(os.path.lexists(path) for path in _results(job, options))


def _same_place(path):
    """A text that is equal for two names of one place."""
    return os.path.normcase(os.path.realpath(path))


def _status(path):
    """The status of a file, or None if there is none."""
    try:
        return os.stat(path)
    except (OSError, ValueError):
        return None


# --- one photo -----------------------------------------------------------------------------


def _zoom(job, network, options, sources, progress):
    """Enlarge one photo, write its results and print a line."""
    start, results = time.monotonic(), _results(job, options)
    if not job.alone and not options.overwrite:  # of those from before, only some are missing
        results = [path for path in results if not os.path.lexists(path)]
    shape = files.picture_size(job.source)[::-1]
    most = round(options.max_megapixels * 1e6)
    if math.prod(shape) > most:
        raise ValueError(f"the photo has {math.prod(shape) / 1e6:,.1f} megapixels, and at most "
                         f"{most / 1e6:,g} are read: raise the limit with --max-megapixels")
    region = (*options.at, *(options.size or (256, 256))) if options.at else None
    width, height = tiles.checked(shape, region)[2:]
    scale = _scale(width, options)
    size = round(width * scale), round(height * scale)
    for path in results:  # fails before the work, not after it
        status = _status(path)
        if status and (status.st_dev, status.st_ino) in sources:
            raise ValueError(f"the result {path} would replace a photo of this call: choose "
                             "another name with -o")
        _check_target(path, options, size if path == job.target else compare.size(*size))
    picture = files.read_picture(job.source, most)
    enlarged = _in_little_memory(picture.pixels, network, scale, region, options, progress)
    for path in results:
        path.parent.mkdir(parents=True, exist_ok=True)
    if job.target in results:
        _write(job.target, replace(picture, pixels=enlarged), options)
    if results[-1] != job.target:
        plain = enhance(picture.pixels, load_network("bicubic"), scale, region, options.tile)
        _write_comparison(results[-1], picture, plain, enlarged, options, job)
    notes = [*picture.notes]
    if picture.pixels.dtype == np.uint16 and \
            files.writable_format(job.target) not in ("PNG", "TIFF"):
        notes.append("16 bits become 8")
    _say("; ".join([f"{results[0]}: {size[0]}x{size[1]} pixels in "
                    f"{time.monotonic() - start:.1f} s", *notes]))


def _check_target(path, options, size):
    """Raises what ``files.check_target`` does. A folder that is missing can still be made."""
    if path.suffix == ".html":  # its folder is that of the result
        if os.path.lexists(path) and not options.overwrite:
            raise FileExistsError(errno.EEXIST, "it exists already (--overwrite replaces it)",
                                  str(path))
        return
    files.writable_format(path)
    folder = path.parent
    while not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    name = path.name if folder == path.parent else f"new{path.suffix}"
    files.check_target(folder / name, options.overwrite, size)


def _write(path, picture, options):
    files.write_picture(path, picture, options.overwrite, options.quality, not options.strip)


def _scale(width, options):
    """How many times as large a photo or region of this width becomes.

    Raises ValueError if ``--width`` asks for less than once or more than 4 times the width.
    """
    if not options.width:
        return options.scale or 2
    if not width <= options.width <= 4 * width:
        raise ValueError(f"--width must be from {width} to {4 * width} pixels, once to 4 times "
                         f"the width, found {options.width}")
    return options.width / width


def _in_little_memory(pixels, network, scale, region, options, progress):
    """As ``enhance``; where memory is short, with smaller tiles.

    Raises MemoryError if it is short for small tiles too.
    """
    side = options.tile
    while True:
        try:
            return enhance(pixels, network, scale, region, side, progress)
        except Exception as error:
            if not _is_out_of_memory(error):
                raise
        side //= 2  # outside the handler, which still holds what the failed try used
        if side < LEAST_SIDE:
            raise MemoryError
        options.tile = side  # for the next photos too


def _is_out_of_memory(error):
    """Whether this is the error that NumPy or one of Keras' backends raises for it."""
    return isinstance(error, MemoryError) or bool(
        re.search("ResourceExhausted|OutOfMemory", type(error).__name__)
        or re.search("RESOURCE_EXHAUSTED|out of memory|can't allocate memory", str(error)))


def _write_comparison(path, picture, plain, enlarged, options, job):
    """Write bicubic and the result as one picture, or as a page with a slider."""
    names = ("bicubic", options.model)
    if options.compare == "picture":
        both = compare.side_by_side(plain, enlarged, names)
        _write(path, replace(picture, pixels=both), options)
        return
    kind = files.WRITABLE[job.target.suffix.lower()].lower().replace("tiff", "png")
    with tempfile.TemporaryDirectory() as folder:
        contents = []
        for name, pixels in zip(("left", "right"), (plain, enlarged), strict=True):
            file = Path(folder) / f"{name}.{kind}"
            files.write_picture(file, replace(picture, pixels=pixels), quality=options.quality,
                                keep_metadata=False)
            contents.append(file.read_bytes())
    page = compare.page(job.source.name, *contents, names, kind, enlarged.shape[1])
    with files.moved_to(path, options.overwrite) as file:
        file.write(page.encode("utf-8", "backslashreplace"))


# --- what is printed -----------------------------------------------------------------------


def _say(line, stream=None):
    """Print a line, whatever it holds and whether or not anybody reads it.

    A name that the terminal cannot show, or a closed pipe, says nothing about the photo.
    """
    stream = stream or sys.stdout
    if stream is None:  # there is none, as under pythonw
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    line = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in line)
    try:
        with tqdm.external_write_mode(stream):
            print(line.encode(encoding, "backslashreplace").decode(encoding), file=stream,
                  flush=True)
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):  # or Python would try again when it ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _short(text, most=300):
    """The text in one line of at most ``most`` characters."""
    text = " ".join(str(text).split())
    return text if len(text) <= most else f"{text[:most]}..."


def _failed(name, error):
    """Print to the error stream what went wrong; returns 1, to be counted."""
    if _is_out_of_memory(error):
        error = "not enough memory: take a part of it with --at"
    elif isinstance(error, OSError) and error.strerror:
        place = f": {error.filename}" if error.filename not in (None, str(name)) else ""
        error = error.strerror + place
    elif not isinstance(error, (OSError, ValueError)):
        error = f"{type(error).__name__}: {error}"
    _say(f"zoom: {_short(name)}: {_short(error)}", sys.stderr)
    return 1


@contextlib.contextmanager
def _progress(count, received):
    """A bar over all photos, on a terminal only.

    Gives a function of a photo's number, from 0, that returns a function of the fraction of it
    that is done. The latter also stops the command after a signal.
    """
    bar = None
    if sys.stderr is not None and sys.stderr.isatty():
        bar = tqdm(total=count, file=sys.stderr, leave=False, dynamic_ncols=True, smoothing=0,
                   bar_format="{desc} |{bar}| {percentage:.0f}%, {remaining} left")

    def photo(number):
        def show(done):
            if received:
                raise KeyboardInterrupt
            if bar is not None:
                bar.update(number + done - bar.n)

        if bar is not None:
            bar.set_description_str(f"photo {number + 1} of {count}")
        show(0)
        return show

    try:
        yield photo
    finally:
        if bar is not None:
            bar.close()


@contextlib.contextmanager
def _stopped_by_signals(received):
    """Let the signals that end a program raise KeyboardInterrupt, so that files are cleaned up.

    The number of the signal is added to the list ``received``.
    """
    def stop(number, frame):
        if not received:  # the second one must not interrupt the cleaning up
            received.append(number)
            raise KeyboardInterrupt

    before = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) == signal.SIG_DFL:
                before[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    sys.exit(main())

"""The options of the command and its help. Introduced in lesson 06."""

import argparse
import contextlib
import re
import sys

from shared.enlarging import messages
from shared.enlarging.enhance import SIDE
from shared.models import zoom_network
from shared.training import store

HELP = """\
Zoom in. Enhance: enlarge photos with a network of lesson 06.
PHOTO is a picture, a folder, or a pattern as '*.png'."""
EXAMPLES = """\
examples (each after python -m shared.zoom):
  photo.jpg                         twice as large, to photo_x2.jpg
  photo.jpg --at 300,120 --scale 4  256x256 pixels from this corner on
  holiday/ -o large/ --width 3000   every photo in a folder and below
exit codes: 0 all is done, 1 something failed, 2 wrong usage"""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message):
        messages.say(f"zoom: {messages.short(message)} (--help shows how)", sys.stderr)
        raise SystemExit(2)


def parser():
    parser = Parser(
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
    add("--model", choices=("bicubic", *zoom_network.PHOTO_NETWORKS, *own_networks()),
        default="zoom", metavar="M",
        help=f"bicubic, {', '.join(zoom_network.PHOTO_NETWORKS)} (zoom)")
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


def own_networks():
    """The photo networks that were trained on DIV2K on this machine."""
    names = [f"{name}_div2k" for name in zoom_network.PHOTO_NETWORKS]
    return [name for name in names if store.exists(name)]


def compare_with_kind(arguments):
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

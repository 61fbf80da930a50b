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

import contextlib
import errno
import os
import signal
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from shared import runtime
from shared.enlarging import command_line, jobs, messages
from shared.enlarging.enhance import enhance, load_network
from shared.images import compare, files, new_files, pictures, tiles

LEAST_SIDE = 64  # of a tile, in pixels: where memory is short for these, smaller ones help little


def main(arguments=None):
    """Run the command; returns the exit code: 0, 1 if a photo failed, 130 or 143 if stopped.

    Wrong usage ends in SystemExit with code 2.
    """
    received = []
    with _stopped_by_signals(received):
        try:
            return _run(command_line.parser(), arguments, received)
        except KeyboardInterrupt:
            messages.say("zoom: stopped", sys.stderr)
            return 128 + (received[0] if received else signal.SIGINT)


def _run(parser, arguments, received):
    options = parser.parse_args(command_line.compare_with_kind(
        sys.argv[1:] if arguments is None else arguments))
    if options.size and not options.at:
        parser.error("--size needs --at X,Y, the corner where the region begins")
    if options.scale and options.width:
        parser.error("--scale and --width both say how large the result is: give one of them")
    listed, failures = jobs.listed(options, parser)
    waiting = [job for job in listed
               if job.alone or options.overwrite or jobs.missing(job, options)]
    if waiting:
        try:
            network = load_network(options.model)  # once for all photos
        except (OSError, ValueError) as error:
            return messages.failed(f"model {options.model}", error)
    for folder in {job.target.parent for job in listed}:
        new_files.remove_left_over(folder)
    sources = {jobs.identity(job.source) for job in listed} - {None}
    with messages.progress(len(waiting), received) as progress:
        for number, job in enumerate(waiting):
            try:
                _zoom(job, network, options, sources, progress(number))
            except pictures.TooLarge as error:
                failures += messages.failed(job.source, ValueError(
                    f"{error}: raise the limit with --max-megapixels"))
            except Exception as error:  # no photo, whatever is in it, ends the list
                failures += messages.failed(job.source, error)
    if len(waiting) < len(listed):
        messages.say(f"zoom: {len(listed) - len(waiting)} of {len(listed)} photos were done "
                     f"before (--overwrite does them again)")
    return 1 if failures else 0


def _zoom(job, network, options, sources, progress):
    """Enlarge one photo, write its results and print a line."""
    start, results = time.monotonic(), jobs.to_write(job, options)
    if not results:
        _say_what_was_made(job, [], None, 0, [])
        return
    most = round(options.max_megapixels * 1e6)
    shape = files.picture_size(job.source, most)[::-1]
    region = (*options.at, *(options.size or (256, 256))) if options.at else None
    width, height = tiles.checked(shape, region)[2:]
    scale = _scale(width, options)
    size = round(width * scale), round(height * scale)
    for path in results:  # fails before the work, not after it
        if jobs.identity(path) in sources:
            raise ValueError(f"the result {path} would replace a photo of this call: choose "
                             "another name with -o")
        _check_target(path, options, size if path == job.target else compare.size(*size))
    picture = files.read_picture(job.source, most)
    enlarged = _in_little_memory(picture.pixels, network, scale, region, options, progress)
    written = []
    for path in results:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            if path == job.target:
                _write(path, replace(picture, pixels=enlarged), options)
            else:
                plain = enhance(picture.pixels, load_network("bicubic"), scale, region,
                                options.tile)
                _write_comparison(path, picture, plain, enlarged, options, job)
            written.append(path)
        except FileExistsError:  # another run on this folder may be faster
            if job.alone or not os.path.lexists(path):
                raise
    notes = [*picture.notes]
    if picture.pixels.dtype == np.uint16 and \
            files.writable_format(job.target) not in ("PNG", "TIFF"):
        notes.append("16 bits become 8")
    _say_what_was_made(job, written, size, time.monotonic() - start, notes)


def _say_what_was_made(job, written, size, seconds, notes):
    if not written:
        messages.say(f"zoom: {job.target}: another run has made it meanwhile")
        return
    width, height = size
    messages.say("; ".join([f"{written[0]}: {width}x{height} pixels in {seconds:.1f} s", *notes]))


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
            if not runtime.is_out_of_memory(error):
                raise
        side //= 2  # outside the handler, which still holds what the failed try used
        if side < LEAST_SIDE:
            raise MemoryError
        options.tile = side  # for the next photos too


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
    page = compare.page(job.source.name, *contents, names, kind)
    with new_files.moved_to(path, options.overwrite) as file:
        file.write(page.encode("utf-8", "backslashreplace"))


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

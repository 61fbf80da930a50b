"""What the command prints: a line per photo, a line per problem, and a bar on a terminal.

Introduced in lesson 06.
"""

import contextlib
import os
import sys

from tqdm import tqdm

from shared import runtime


def say(line, stream=None):
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


def short(text, most=300):
    """The text in one line of at most ``most`` characters."""
    text = " ".join(str(text).split())
    return text if len(text) <= most else f"{text[:most]}..."


def failed(name, error):
    """Print to the error stream what went wrong; returns 1, to be counted."""
    if runtime.is_out_of_memory(error):
        error = "not enough memory: take a part of it with --at"
    elif isinstance(error, OSError) and error.strerror:
        place = f": {error.filename}" if error.filename not in (None, str(name)) else ""
        error = error.strerror + place
    elif not isinstance(error, (OSError, ValueError)):
        error = f"{type(error).__name__}: {error}"
    say(f"zoom: {short(name)}: {short(error)}", sys.stderr)
    return 1


@contextlib.contextmanager
def progress(count, received):
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

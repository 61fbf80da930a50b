"""Train the networks of the course again.

    python -m shared.train baseline ...     the networks of those names
    python -m shared.train --all            every network of the course
    python -m shared.train --list           the names, and what each network is
    python -m shared.train zoom --photos div2k
                                            a photo network, on the photographs of DIV2K, which
                                            are downloaded (4 GB); saved as zoom_div2k

KERAS_BACKEND=jax, torch or tensorflow chooses the backend; a GPU is used if the backend finds
one, and on JAX all of them.

Every epoch is kept in build/training/. To continue training that was interrupted, give the
same command again. The exit code is 0 if all is done, 1 if training was interrupted or a file
could not be written, 2 for a wrong command line, and 143 if the process was told to end (SIGTERM).
"""

# A module beside ``shared.training``, the package that does the work: the command stays short.

import argparse
import contextlib
import signal
import sys

from shared import recipes, weights
from shared.training import devices


class Terminated(KeyboardInterrupt):
    """The process was told to end by SIGTERM."""


@contextlib.contextmanager
def _terminated_as_interrupted():
    """Within it, SIGTERM raises ``Terminated`` as Ctrl-C raises KeyboardInterrupt."""

    def stop(number, frame):
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m shared.train", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--all", action="store_true", help="every network of the course")
    parser.add_argument("--photos", choices=("course", "div2k"), default="course",
                        help="what to train photo networks on (course)")
    parser.add_argument("--list", action="store_true", help="print the names and stop")
    options = parser.parse_args(arguments)
    if options.list:
        for name, recipe in recipes.RECIPES.items():
            print(f"{name:16s} {recipe.about}")
        return
    names = list(recipes.RECIPES) if options.all else options.names
    if not names:
        parser.error("give the name of a network, --all, or --list")
    if options.photos == "div2k":
        names = [f"{name}_div2k" for name in names]
    for name in names:
        try:
            recipes.recipe(name)
        except KeyError as error:
            parser.error(error.args[0])
    try:
        devices.connect()
    except RuntimeError as error:
        parser.error(error)
    for name in names:
        print(f"{name}: {recipes.recipe(name).about}")
        continues = f"`python -m shared.train {name}` continues from the last epoch"
        try:
            with _terminated_as_interrupted():
                figures = weights.train(name)
        except Terminated:
            print(f"\nstopped; {continues}", file=sys.stderr)
            sys.exit(143)
        except KeyboardInterrupt:
            sys.exit(f"\nstopped; {continues}")
        except (OSError, ValueError) as error:
            sys.exit(f"\nstopped: {error}; {continues}")
        print("  ".join(f"{key} {value:.3f}" for key, value in figures.items()
                        if isinstance(value, float)))


if __name__ == "__main__":
    main()

"""Build the site of the course from the stored outputs of the lessons. Nothing is executed.

    python -m shared.tools.site            write the site to build/site/

The site works from a folder, a USB stick or a web server, and asks no other host for anything.
It needs the packages of requirements-site.txt; `make site` installs them.

If something is missing, a link that leads nowhere for example, it is named, the site is written
all the same, and the exit code is 1.
"""

import argparse
import importlib.util
import sys

from shared.paths import ROOT

TARGET = ROOT / "build" / "site"


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m shared.tools.site", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args(arguments)
    for package in ("sphinx", "myst_nb", "sphinx_book_theme", "latex2mathml"):
        if importlib.util.find_spec(package) is None:
            sys.exit(f"the package {package} is missing: run `make site`, or install "
                     "requirements-site.txt")
    from shared.tools.site.build import build

    failed = build(TARGET)
    print(f"written to {TARGET}: open {TARGET / 'index.html'}")
    sys.exit(failed)


if __name__ == "__main__":
    main()

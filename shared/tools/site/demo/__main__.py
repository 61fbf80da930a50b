"""The command of the demo; ``shared.tools.site.demo`` says what it does."""

import argparse
import functools
import http.server
import sys
import webbrowser

from shared import paths
from shared.tools.site import demo


def server(folder, port=0):
    """A server of the files in ``folder`` for this machine alone, at a free port if it is 0."""
    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass  # a line per file would hide the address

    return http.server.ThreadingHTTPServer(
        ("127.0.0.1", port), functools.partial(Handler, directory=str(folder)))


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m shared.tools.site.demo",
                                     description=demo.__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--open", action="store_true",
                        help="serve the page on this machine and open it in the browser")
    options = parser.parse_args(arguments)
    try:
        path = demo.build(demo.TARGET)
    except (FileNotFoundError, ImportError, RuntimeError, ValueError) as error:
        sys.exit(f"demo: {error}")
    print(f"{path.relative_to(paths.ROOT)}: {path.stat().st_size / 1e6:.1f} MB; it also opens "
          "with a double click")
    if options.open:
        with server(path.parents[1]) as serving:
            address = f"http://127.0.0.1:{serving.server_port}/demo/index.html"
            print(f"{address} (stop with Ctrl-C)", flush=True)
            webbrowser.open(address)
            try:
                serving.serve_forever()
            except KeyboardInterrupt:
                print()


if __name__ == "__main__":
    main()

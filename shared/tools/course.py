"""Run the lessons headless, from top to bottom and in order.

    python -m shared.tools.course [NUMBER ...]    write notebooks with new outputs to build/course/
    python -m shared.tools.course --in-place      keep the outputs in notebooks/ instead
    python -m shared.tools.course --student DIR   write copies without solutions and outputs,
                                                  and a README, to DIR; runs nothing
    python -m shared.tools.course --teacher DIR   write copies with outputs, open solutions and
                                                  notes to DIR; runs nothing

If a lesson fails, the failure is reported, the lesson is written to build/course/ as far as it
ran, and the next lesson runs. At the end the exit code is 1.
"""

import argparse
import sys
import threading
import time
from pathlib import Path

import nbformat
import pandas as pd
import psutil
from nbclient import NotebookClient
from traitlets.config import Config

from shared.paths import ROOT, written_beside
from shared.tools import editions

NOTEBOOKS, BUILD = ROOT / "notebooks", ROOT / "build" / "course"


class PeakMemory(threading.Thread):
    """Measures the most memory that all child processes hold together, in ``bytes``.

    These are the kernel and the processes that it starts. ``done.set()`` ends the thread.
    """

    def __init__(self):
        super().__init__(daemon=True)
        self.bytes, self.done = 0, threading.Event()

    def run(self):
        while not self.done.wait(0.1):
            total = 0
            for process in psutil.Process().children(recursive=True):
                try:
                    total += process.memory_info().rss
                except psutil.Error:
                    pass  # it has just ended
            self.bytes = max(self.bytes, total)


def execute(path, show):
    """Run the notebook at ``path`` in its own folder.

    ``show`` is called as ``show(number, of_how_many)`` before each code cell. Returns the
    notebook, the number of its code cells, and a line that says what failed, or "".
    """
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    numbers = {id(cell): number for number, cell in enumerate(code, 1)}
    reached, failure = 0, ""

    def on_start(cell, cell_index):
        nonlocal reached
        if id(cell) in numbers:
            reached = numbers[id(cell)]
            show(reached, len(code))

    # record_timing would store the time of day in the notebook. Without encryption the kernel
    # would warn at each start that it has none.
    client = NotebookClient(notebook, timeout=None, startup_timeout=120, kernel_name="python3",
                            resources={"metadata": {"path": str(path.parent)}},
                            record_timing=False, store_widget_state=False,
                            coalesce_streams=True, on_cell_start=on_start,
                            config=Config(KernelManager={"transport_encryption": "auto"}))
    try:
        client.execute()
    except Exception as error:  # a cell failed, or the kernel died or did not start
        kind = getattr(error, "ename", type(error).__name__)
        message = str(getattr(error, "evalue", error)).strip() or "no message"
        failure = f"cell {reached} of {len(code)}: {kind}: {message.splitlines()[0]}"
    normalise(notebook)
    return notebook, len(code), failure


def normalise(notebook):
    """Drop the metadata that depends on the machine, so that versions differ in little else."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata["kernelspec"] = {
        "display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata.get("language_info", {}).pop("version", None)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)


def write_text(text, path):
    """Write ``text`` beside ``path``, then move it there, so that no half file is left."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_beside(path) as file:
        file.write((text.rstrip("\n") + "\n").encode())


def run_all(lessons, in_place):
    """Run and write the lessons and print a table; returns how many failed."""
    terminal, table = sys.stdout.isatty(), []
    for path in lessons:
        name, start = path.stem, time.monotonic()

        def show(cell, cells, name=name):
            if terminal:
                print(f"\r{name}: cell {cell} of {cells} ", end="", flush=True)

        peak = PeakMemory()
        peak.start()
        notebook, cells, failure = execute(path, show)
        peak.done.set()
        seconds, megabytes = round(time.monotonic() - start), round(peak.bytes / 1e6)
        target = path if in_place and not failure else BUILD / path.name
        write_text(nbformat.writes(notebook), target)
        table.append({"lesson": name, "cells": cells, "seconds": seconds, "peak MB": megabytes,
                      "result": "failed" if failure else "ok"})
        print(f"{chr(13) * terminal}{name}: {cells} cells, {seconds} s, {megabytes} MB, "
              + (f"failed in {failure}" if failure else "ok"), flush=True)
    print("\n" + pd.DataFrame(table).to_string(index=False))
    failures = sum(row["result"] == "failed" for row in table)
    print(f"\nwritten to {NOTEBOOKS if in_place else BUILD}"
          + (f"; what failed, to {BUILD}" if in_place and failures else ""))
    return failures


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m shared.tools.course", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("numbers", nargs="*", type=int, metavar="NUMBER",
                        help="of a lesson; all lessons if none is given")
    parser.add_argument("--in-place", action="store_true", help="keep the outputs in notebooks/")
    parser.add_argument("--student", type=Path, metavar="DIR",
                        help="write copies without solutions")
    parser.add_argument("--teacher", type=Path, metavar="DIR",
                        help="write copies with solutions and notes")
    parser.add_argument("--overwrite", action="store_true", help="replace copies that are there")
    options = parser.parse_args(arguments)
    folder = options.student or options.teacher
    if options.student and options.teacher:
        parser.error("choose one of --student and --teacher: each writes a folder of its own")
    if options.overwrite and not folder:
        parser.error("--overwrite goes with --student and --teacher; --in-place always replaces "
                     "outputs")
    lessons = {int(path.name[:2]): path for path in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))}
    if not lessons or not set(options.numbers) <= set(lessons):
        parser.error(f"{NOTEBOOKS} holds the lessons {list(lessons)}, and no others")
    chosen = [lessons[number] for number in sorted(options.numbers or lessons)]
    if folder:
        editions.hand_out(chosen, folder, bool(options.teacher), options.overwrite)
        print(f"written to {folder}: README.md, and {len(chosen)} lessons in notebooks/")
        return
    try:
        sys.exit(1 if run_all(chosen, options.in_place) else 0)
    except KeyboardInterrupt:
        sys.exit("\nstopped; the lessons before this one are written")


if __name__ == "__main__":
    main()

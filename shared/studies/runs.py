"""Stored runs: the figures of many short trainings, made once and read by the lessons.

A ``RunStore`` is one JSON file in ``data/``. The file is written again after each run, so a
command that was interrupted continues where it stopped. It holds the sha256 of its content.
Introduced in lesson 04.
"""

import argparse
import hashlib
import json
import sys

import numpy as np

from shared import runtime
from shared.paths import beside, data_folder, weights_folder, written_beside


class RunStore:
    """The runs of one study.

    Args:
        name: name of the study, a module of ``shared.studies``: "tradeoff" stands for
            ``data/tradeoff.json`` and ``python -m shared.studies.tradeoff``.
        plan: the runs to make, in order: a list of instances of one ``NamedTuple``, whose fields
            say how the runs differ.
        figures: names of the numbers that each run measures.
        settings: zero-argument function that returns a dict of what all runs have in common.
            Runs made with other settings are refused, and made again.
        judges: zero-argument function that returns a dict of checksums of the networks that
            judge the runs. Runs judged by other networks are made again, but can still be read.
    """

    def __init__(self, name, plan, figures, settings, judges=dict):
        self.name, self.plan, self.figures = name, plan, figures
        self.settings, self.judges = settings, judges
        self.command = f"python -m shared.studies.{name}"
        self.how_to_fix = (f"run `git checkout data/{name}.json` for the shipped runs, or "
                           f"`{self.command}` to make them again")

    def path(self):
        """The file: in ``data/``, or beside the user's own weights if there is no ``data/``."""
        folder = data_folder() if data_folder().is_dir() else weights_folder()
        return folder / f"{self.name}.json"

    def key(self, entry):
        """The element of the plan that the run ``entry``, a dict, belongs to."""
        kind = type(self.plan[0])
        return kind(*(entry[field] for field in kind._fields))

    def load(self):
        """All runs in the order of the plan: dicts of the plan's fields and the ``figures``.

        Raises FileNotFoundError if the file is missing, and ValueError if it is damaged, lacks
        runs, or has runs made with other settings. The message names the command that fixes it.
        """
        content = self._read()
        if content["settings"] != self.settings():
            raise ValueError(f"the runs in {self.path()} were made with other settings: expected "
                             f"{self.settings()}, found {content['settings']}: "
                             f"{self.how_to_fix}")
        stored = {self.key(entry): entry for entry in content["runs"]}
        missing = [key for key in self.plan if key not in stored]
        if missing:
            raise ValueError(f"{self.path()} lacks {len(missing)} of {len(self.plan)} runs: "
                             f"{self.how_to_fix}")
        return [stored[key] for key in self.plan]

    def make(self, make_run, again=False):
        """Make the runs that are missing, or all of them if ``again``, and store each.

        ``make_run`` is a function of an element of the plan. It returns the figures of that run,
        a dict, and a line to print.
        """
        beside(self.path()).unlink(missing_ok=True)  # of a process that was killed
        entries = [] if again else self._usable()
        print(f"{len(entries)} of {len(self.plan)} runs are in {self.path()}")
        done = [self.key(entry) for entry in entries]
        for key in self.plan:
            if key in done:
                continue
            figures, line = make_run(key)
            entries.append(key._asdict() | figures)
            self._write(entries)
            print(line, flush=True)

    def _usable(self):
        """The stored runs that do not have to be made again."""
        try:
            content = self._read()
        except (FileNotFoundError, ValueError):
            return []
        if (content["settings"], content["judges"]) != (self.settings(), self.judges()):
            return []
        return [entry for entry in content["runs"] if self.key(entry) in self.plan]

    def _read(self):
        """The content of the file, checked; raises as ``load``, except for missing runs."""
        try:
            content = json.loads(self.path().read_text(encoding="utf-8"))
            intact = content["sha256"] == _digest(content)
            complete = {"settings", "judges"} <= content.keys()
            finite = np.isfinite([[entry[name] for name in self.figures]
                                  for entry in content["runs"]]).all()
            for entry in content["runs"]:
                self.key(entry)
        except FileNotFoundError:
            raise FileNotFoundError(f"{self.path()} is missing: {self.how_to_fix}") from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{self.path()} cannot be read ({error}): "
                             f"{self.how_to_fix}") from error
        if not (intact and complete and finite):
            raise ValueError(f"{self.path()} was altered or is damaged: {self.how_to_fix}")
        return content

    def _write(self, entries):
        """Write all runs so far, in order; the old file stays until the new one is complete."""
        content = {"settings": self.settings(), "judges": self.judges(),
                   "runs": sorted(entries, key=lambda entry: self.plan.index(self.key(entry)))}
        self.path().parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(content | {"sha256": _digest(content)}, indent=1)
        with written_beside(self.path()) as file:
            file.write((text.replace('\n   ', ' ').replace('\n  }', ' }') + "\n").encode())


def command_line(store, about, prepare, arguments=None):
    """The command that makes the missing runs of a ``RunStore``, or all with ``--again``.

    Args:
        store: the ``RunStore``.
        about: the text of ``--help``.
        prepare: zero-argument function that returns ``make_run``, as for ``RunStore.make``. It
            is called after the arguments are read.
        arguments: list of strings; those of the command line if None.
    """
    parser = argparse.ArgumentParser(prog=store.command, description=about,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--again", action="store_true", help="make all of them again")
    options = parser.parse_args(arguments)
    runtime.use_fast_precision()
    try:
        store.make(prepare(), options.again)
    except KeyboardInterrupt:
        sys.exit(f"\nstopped; `{store.command}` continues with this run")


def _digest(content):
    rest = {key: value for key, value in content.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()

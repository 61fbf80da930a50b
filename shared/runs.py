"""Stored runs: what many short trainings measured, made once and read by the lessons.

A ``Store`` is one JSON file in ``data/``. It is written anew after each run, so a command that
was interrupted goes on where it was, and it carries the sha256 of its content.
"""

import argparse
import hashlib
import json
import os
import sys

import numpy as np

from shared import datasets, training, weights


class Store:
    """The runs of one plan.

    Args:
        name: of the file, "tradeoff" for ``data/tradeoff.json``; the command that makes the
            runs is ``python -m shared.NAME``.
        plan: what tells the runs apart, a list of one kind of ``NamedTuple``, in order.
        figures: names of the numbers that each run measures.
        settings: function of nothing that gives a dict: what else the runs depend on. Runs
            made with other settings are refused, and made again.
        judges: the same, of what judged them; runs judged by others are made again, but read.
    """

    def __init__(self, name, plan, figures, settings, judges=dict):
        self.name, self.plan, self.figures = name, plan, figures
        self.settings, self.judges = settings, judges
        self.command = f"python -m shared.{name}"
        self.mend = (f"run `git checkout data/{name}.json` for the shipped runs, or "
                     f"`{self.command}` to make them again")

    def path(self):
        """The file: in ``data/``, or beside the user's own weights where there is none."""
        folder = datasets.folder() if datasets.folder().is_dir() else weights.folder()
        return folder / f"{self.name}.json"

    def key(self, entry):
        """What tells an entry from others, as in the plan."""
        kind = type(self.plan[0])
        return kind(*(entry[field] for field in kind._fields))

    def load(self):
        """All runs in the order of the plan: dicts of what is in its keys and ``figures``.

        Raises FileNotFoundError where there is no file, ValueError where it is damaged or not
        whole; both say which command mends it.
        """
        content = self._read()
        found = [self.key(entry) for entry in content["runs"]]
        missing = [key for key in self.plan if key not in found]
        if missing or content["settings"] != self.settings():
            raise ValueError(f"{self.path()} lacks {len(missing)} of {len(self.plan)} runs, or "
                             f"they were made with other settings: {self.mend}")
        return content["runs"]

    def make(self, run, again=False):
        """Make the runs that are missing, or all of them ``again``.

        ``run``: function of a key that returns its figures, a dict, and a line to be printed.
        """
        entries = [] if again else self._begun()
        print(f"{len(entries)} of {len(self.plan)} runs are in {self.path()}")
        for key in [key for key in self.plan if key not in map(self.key, entries)]:
            try:
                figures, line = run(key)
            except KeyboardInterrupt:
                sys.exit(f"\nstopped; `{self.command}` goes on with this run")
            entries.append(key._asdict() | figures)
            self._write(entries)
            print(line, flush=True)

    def main(self, about, prepare, arguments=None):
        """The command that makes the runs; ``--again`` makes all of them anew.

        Args:
            about: what ``--help`` says.
            prepare: function of nothing that gives ``run`` as in ``make``; called when the
                arguments are read.
        """
        parser = argparse.ArgumentParser(prog=self.command, description=about,
                                         formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--again", action="store_true", help="make all of them anew")
        options = parser.parse_args(arguments)
        training.use_fast_precision()
        self.make(prepare(), options.again)

    def _begun(self):
        """The stored runs that are still of use."""
        try:
            content = self._read()
        except (FileNotFoundError, ValueError):
            return []
        if (content["settings"], content["judges"]) != (self.settings(), self.judges()):
            return []
        return [entry for entry in content["runs"] if self.key(entry) in self.plan]

    def _read(self):
        try:
            content = json.loads(self.path().read_text(encoding="utf-8"))
            whole = content["sha256"] == _digest(content) and all(
                np.isfinite([entry[name] for name in self.figures]).all() and self.key(entry)
                for entry in content["runs"]) and "settings" in content and "judges" in content
        except FileNotFoundError:
            raise FileNotFoundError(f"{self.path()} is missing: {self.mend}") from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{self.path()} cannot be read ({error}): {self.mend}") from error
        if not whole:
            raise ValueError(f"{self.path()} was altered or is damaged: {self.mend}")
        return content

    def _write(self, entries):
        """All runs so far, in order; the old file stays until the new one is whole."""
        content = {"settings": self.settings(), "judges": self.judges(),
                   "runs": sorted(entries, key=lambda entry: self.plan.index(self.key(entry)))}
        part = self.path().with_name(self.path().name + ".part")
        self.path().parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(content | {"sha256": _digest(content)}, indent=1)
        part.write_text(text.replace('\n   ', ' ').replace('\n  }', ' }') + "\n",
                        encoding="utf-8")
        os.replace(part, self.path())


def _digest(content):
    rest = {key: value for key, value in content.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()

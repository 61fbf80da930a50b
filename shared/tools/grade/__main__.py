"""Grade a folder of notebooks that learners have handed in, exercise by exercise.

    python -m shared.tools.grade FOLDER    look at all notebooks in FOLDER and in its subfolders;
                                           print a table, and write it to FOLDER/grades.csv

A notebook belongs to the lesson whose exercises it names; names of files do not matter. The last
call of a check that has an answer counts. Without such a call, the last definition counts that has
the name of the lesson's answer. Only the statements that an answer needs are run; the lesson as it
is stored stands in for cells that were deleted, but not for answers.

    correct      the check accepts the answer
    not yet      the check, or Python, says why not
    no answer    nothing was handed in for this exercise
    not judged   the code took too long or too much memory, ended its process, or replaced
                 functions on which checks rely

This command runs the code of learners on this machine. It says first what protects the machine
from that code, and what does not.
"""

import argparse
import csv
import io
import sys
import textwrap
from pathlib import Path

from shared.paths import written_beside
from shared.tools.grade import answers
from shared.tools.grade.guard import PROCESSES, Guard

LONGEST = 400  # letters of a sentence


def notebooks(folder):
    """The notebooks in a folder and its subfolders, without hidden ones and Jupyter's copies."""
    return [path for path in sorted(folder.rglob("*.ipynb")) if path.is_file() and not any(
        part.startswith(".") or part == "__MACOSX" for part in path.relative_to(folder).parts)]


def printable(text):
    """A learner's text in one line, without letters that steer a terminal, and not too long."""
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return text if len(text) <= LONGEST else text[:LONGEST - 4].rstrip() + " ..."


def grade(folder, found, guard):
    """The rows of the table: dicts with "notebook", "results" and "note".

    "results" is a dict of an exercise to (state, sentence); "note" says why there are none.
    ``found`` are the notebooks in ``folder``.
    """
    rows = []
    for count, path in enumerate(found, 1):
        row = {"notebook": printable(path.relative_to(folder).as_posix()),
               "results": {}, "note": ""}
        print(f"{count} of {len(found)}: {row['notebook']}", file=sys.stderr, flush=True)
        try:
            results = guard.run(answers.plan(path))
        except answers.Unreadable as error:
            row["note"] = printable(str(error))
        except Exception as error:  # one notebook must not cost the others their results
            row["note"] = printable(f"the grader failed with {type(error).__name__}: {error}")
        else:
            row["results"] = {number: (state, printable(says))
                              for number, (state, says) in results.items()}
        rows.append(row)
    return rows


def as_text(rows):
    """The table for the terminal: one per lesson, and below it what the checks say."""
    lines = []
    width = max(len(row["notebook"]) for row in rows)
    for lesson in sorted({number[:2] for row in rows for number in row["results"]}):
        chosen = [row for row in rows if any(n[:2] == lesson for n in row["results"])]
        numbers = [number for number in chosen[0]["results"] if number[:2] == lesson]
        table = [[f"Lesson {lesson}", *numbers]]
        table += [[row["notebook"], *(row["results"][number][0] for number in numbers)]
                  for row in chosen]
        lines.append("")
        for name, *states in table:
            columns = [name.ljust(width), *(state.ljust(10) for state in states)]
            lines.append("  ".join(columns).rstrip())
    lines += ["", "What the checks say"]
    for row in rows:
        said = [f"{number}  {state}: {says}" for number, (state, says) in row["results"].items()
                if says]
        said += [row["note"]] if row["note"] else []
        if said:
            lines += ["", row["notebook"]]
        for sentence in said:
            lines += textwrap.wrap(sentence, 96, initial_indent="  ", subsequent_indent=" " * 8)
    return "\n".join(lines)


def as_csv(rows):
    """The table as bytes of CSV, with a mark by which spreadsheets see that it is UTF-8."""
    numbers = sorted({number for row in rows for number in row["results"]},
                     key=lambda number: tuple(map(int, number.split("."))))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["notebook", *numbers, "correct", "note"])
    for row in rows:
        results = row["results"]
        said = [": ".join(filter(None, results.get(number, ()))) for number in numbers]
        correct = sum(state == "correct" for state, _ in results.values())
        name = row["notebook"]
        if name[0] in "=+-@":  # a spreadsheet would take it for a formula
            name = "'" + name
        writer.writerow([name, *said, correct if results else "", row["note"]])
    return text.getvalue().encode("utf-8-sig")


def notice(folder, guard):
    """What protects the machine, and what does not."""
    network = ("without the network" if guard.apart else
               "without the network for Python code; this system offers no way to keep other "
               "programs from it that the code may start")
    memory = "" if sys.platform == "linux" else (
        "; this system sets no limit on memory, so it is measured ten times per second")
    ends = "" if guard.apart else " A process that detaches itself may survive, though."
    return (f"This runs the code of the notebooks in {folder} on this machine, with your rights.\n"
            f"Protected: each notebook runs in a process of its own, {network}. An exercise has "
            f"{guard.seconds:g} seconds, a notebook {guard.size / 1e9:g} GB of memory and "
            f"{PROCESSES} processes{memory}. What it starts ends with it.{ends}\n"
            f"Not protected: the files. The code can read, change and delete what this user can. "
            f"If you do not trust a notebook, run this as a user, or in a container, that has "
            f"nothing but the course.")


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m shared.tools.grade", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="of notebooks")
    parser.add_argument("--csv", type=Path, metavar="FILE",
                        help="write the table there (FOLDER/grades.csv)")
    parser.add_argument("--seconds", type=float, default=120, help="per exercise (%(default)s)")
    parser.add_argument("--gigabytes", type=float, default=4,
                        help="of memory per notebook (%(default)s)")
    options = parser.parse_args(arguments)
    if not options.folder.is_dir():
        parser.error(f"{options.folder} is not a folder: name the one that holds the notebooks")
    if not options.seconds > 0 or not options.gigabytes >= 1:
        parser.error("--seconds has to be above 0, and --gigabytes at least 1: TensorFlow alone "
                     "takes half a gigabyte")
    target = options.csv or options.folder / "grades.csv"
    if not target.parent.is_dir() or target.is_dir():
        parser.error(f"{target} cannot be written: name a file in a folder that exists")
    found = notebooks(options.folder)
    if not found:
        parser.error(f"{options.folder} holds no notebook: no file in it ends in .ipynb")
    guard = Guard(options.seconds, int(options.gigabytes * 1e9))
    for paragraph in notice(options.folder, guard).split("\n"):
        print(textwrap.fill(paragraph, 96))

    try:
        rows = grade(options.folder, found, guard)
    except KeyboardInterrupt:
        sys.exit(f"\nstopped; {target} was not written")
    print(as_text(rows))
    try:
        with written_beside(target) as file:
            file.write(as_csv(rows))
    except OSError as error:
        sys.exit(f"\nthe table could not be written to {target}: {error.strerror}")
    print(f"\nwritten to {target}")


if __name__ == "__main__":
    main()

"""The answers in a notebook that was handed in, and the statements that each of them needs.

Nothing of the notebook is executed here. It belongs to the lesson whose exercises it names, or
whose answers it defines, whatever its file is called.
"""

import ast
import functools
import json
import re
from typing import NamedTuple

from shared.exercises import CHECKS
from shared.paths import ROOT
from shared.tools import cells

NOTEBOOKS = ROOT / "notebooks"
LARGEST = 200_000_000  # bytes of a notebook's file


class Unreadable(Exception):
    """The file is no notebook, or has no exercise of the course; the message says which."""


def plan(path):
    """What has to be run to grade the notebook at ``path``.

    Returns a dict of each exercise of its lesson, such as "01.1", to a list of candidates, the
    one that counts first. A candidate is a dict: "pieces" is a list of [label, source, places],
    which statements of which cells to run, in order; "answer" is the expression of the answer,
    to be evaluated after them. A candidate that cannot be run has an "error" instead, a sentence.
    Raises ``Unreadable``.
    """
    sources = code_cells(path)
    statements, broken = analysed(sources)
    calls = [found for one in statements for found in checks_in(one)]
    given = {name for one in statements for name in one.binds}
    lost = {number: f"code cell {place + 1} cannot be read: {error}"
            for place, error in broken.items()
            for number in re.findall(r"""check\(\s*["'](\d\d\.\d+)["']""", sources[place])}
    named = {number for number, _, _ in calls} | lost.keys()
    lessons = {number[:2] for number in named if number in CHECKS}
    stored = {name: lesson(name, NOTEBOOKS) for name in sorted({name[:2] for name in CHECKS})}
    if not lessons:
        most = max(stored.values(), key=lambda one: len(one.answers.keys() & given))
        lessons = {most.number} if most.answers.keys() & given else set()
    if not lessons:
        raise Unreadable("there is no exercise of the course in it")
    found = {}
    for number in (number for number in CHECKS if number[:2] in lessons):
        kept = stored[number[:2]]
        places = [(at, answer) for name, at, answer in calls if name == number][::-1]
        # Without the call of a check: the last definition that there is.
        places += [(one, ast.Name(name, ast.Load())) for name, owner in kept.answers.items()
                   if owner == number for one in statements[::-1] if name in one.binds]
        candidates = [candidate(at, answer, statements, kept, sources) for at, answer in places]
        candidates += [{"error": lost[number]}] if number in lost else []
        found[number] = [one for place, one in enumerate(candidates)
                         if one not in candidates[:place]]
    return found


def code_cells(path):
    """The sources of the code cells of the notebook at ``path``. Raises ``Unreadable``."""
    try:
        if path.stat().st_size > LARGEST:
            raise Unreadable(f"it is larger than {LARGEST // 10**6} MB")
        notebook = json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise Unreadable(f"it cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"it is no notebook: {error}") from None
    try:
        return ["".join(cell["source"]) for cell in notebook["cells"]
                if cell["cell_type"] == "code"]
    except (KeyError, TypeError):
        raise Unreadable("it is no notebook: it has no list of cells") from None


def analysed(sources):
    """The statements of cells, and a dict of each cell that cannot be read to the reason."""
    statements, broken = [], {}
    for cell, source in enumerate(sources):
        try:
            statements += [cells.statement(cell, place, node)
                           for place, node in enumerate(cells.parse(source))]
        except SyntaxError as error:
            line = f", line {error.lineno}" if error.lineno else ""
            broken[cell] = f"{type(error).__name__}: {error.msg}{line}"
        except (RecursionError, MemoryError, ValueError) as error:
            broken[cell] = f"{type(error).__name__}: {error}"
    return statements, broken


def is_check(node):
    """Is this ``ast`` node a call such as ``exercises.check("01.1", answer)``?"""
    return (isinstance(node, ast.Call) and len(node.args) + len(node.keywords) >= 2
            and getattr(node.func, "attr", getattr(node.func, "id", "")) == "check")


def checks_in(one):
    """(exercise, statement, expression of the answer) of each call of a check."""
    for node in cells.outside_functions(one.node):
        if is_check(node):
            given = dict(zip(("number", "answer"), node.args, strict=False))
            given |= {keyword.arg: keyword.value for keyword in node.keywords}
            number = given.get("number")
            if "answer" in given and isinstance(number, ast.Constant):
                yield str(number.value).strip(), one, given["answer"]


class WithoutChecks(ast.NodeTransformer):
    """Puts ``None`` in the place of calls of checks."""

    def visit_Call(self, node):
        self.generic_visit(node)
        return ast.copy_location(ast.Constant(None), node) if is_check(node) else node


class Lesson(NamedTuple):
    """A lesson as it is stored, for cells that a learner has deleted.

    ``sources`` and ``statements`` are of its code cells without exercises, solutions and the cell
    for Colab. ``answers`` is a dict of the name of an answer to its exercise, without names that
    the lesson itself binds.
    """

    number: str
    sources: list
    statements: list
    answers: dict


@functools.cache
def lesson(number, folder):
    """The ``Lesson`` of this number, such as "01", in a folder; an empty one if it is not there."""
    sources, answers = [], {}
    for path in sorted(folder.glob(f"{number}_*.ipynb"))[:1]:
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            tags, source = cell["metadata"].get("tags", []), "".join(cell["source"])
            if "exercise" in tags:
                for one in analysed([source])[0]:
                    answers |= {answer.id: name for name, _, answer in checks_in(one)
                                if isinstance(answer, ast.Name)}
            elif cell["cell_type"] == "code" and not {"solution", "colab"} & set(tags):
                sources.append(source)
    statements = analysed(sources)[0]
    bound = {name for one in statements for name in one.binds}
    return Lesson(number, sources, statements,
                  {name: owner for name, owner in answers.items() if name not in bound})


def candidate(at, answer, statements, kept, sources):
    """The candidate whose expression is ``answer``, evaluated after the statement ``at``."""
    place = statements.index(at) + 1
    reads, _, late = cells.names_in(ast.Expr(answer))
    # First in the statements up to there, then in those after it, then in the lesson.
    segments = [kept.statements, statements[place:], statements[:place]]
    ours = {id(one) for one in kept.statements}
    pieces = []
    for one in cells.statements_for(reads - cells.BUILTINS, late - cells.BUILTINS, segments):
        stored = id(one) in ours
        label = (f"<code cell {one.cell + 1} of the course's lesson {kept.number}>" if stored
                 else f"<code cell {one.cell + 1}>")
        if not pieces or pieces[-1][0] != label:
            pieces.append([label, (kept.sources if stored else sources)[one.cell], []])
        pieces[-1][2].append(one.place)
    return {"pieces": pieces, "answer": ast.unparse(answer)}

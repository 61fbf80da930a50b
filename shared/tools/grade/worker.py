"""The process in which the answers of one notebook are run and checked.

    python -m shared.tools.grade.worker

It reads a plan from its standard input, one line of JSON, and reports on what was its standard
output. What the learner's code prints goes nowhere. The checks are those of ``shared.exercises``
as they were before the learner's code ran. A report carries a secret of the plan, so that code
which writes to the same place is not taken for one.
"""

import ast
import builtins
import json
import linecache
import os
import sys
from pathlib import Path

from shared import exercises
from shared.exercises.verdicts import NO_ANSWER, words
from shared.tools import cells
from shared.tools.grade.answers import WithoutChecks

try:
    import resource
except ImportError:  # Windows
    resource = None

LARGEST_FILE = 1_000_000_000  # bytes that the learner's code may write into one file
WATCHED = ("builtins", "json", "os", "numpy", "keras", "shared")


def main():
    plan = json.loads(sys.stdin.buffer.readline())
    report = reporter(os.dup(1), plan["secret"])
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    judge, checks, originals = exercises.verdict, dict(exercises.CHECKS), functions()
    limit(plan["bytes"])
    if plan["block_network"]:
        sys.addaudithook(refuse_network)
    for number, candidates in plan["exercises"].items():
        report(begins=number)
        exercises.CHECKS = checks.copy()  # an answer may have changed what is in it
        state, says = first_verdict(number, candidates, judge)
        rebound = next(changed(originals), None)
        if rebound:
            state, says = "not judged", (
                f"the notebook replaces {rebound}, on which the check may rely: look at its code")
        report(ends=number, state=state, says=says)
        if rebound:
            break  # the other exercises get a new process
    report(done=True)
    os._exit(0)  # whatever threads are left


def reporter(descriptor, secret):
    """A function that sends its keywords to the grader.

    Called in a process that the learner's code has forked from this one, it ends that process.
    """
    process = os.getpid()

    def report(**message):
        if os.getpid() != process:
            os._exit(0)
        line = json.dumps({"secret": secret, **message})
        rest = f"\n{line}\n".encode()
        while rest:
            rest = rest[os.write(descriptor, rest):]

    return report


def limit(size):
    """Refuse this process at once what is far more than ``size`` bytes, where the system can.

    What counts here are addresses, which libraries reserve generously, so the limit is twice that.
    The grader itself watches the memory that is in use.
    """
    if resource is None:
        return
    limits = {resource.RLIMIT_CORE: 0, resource.RLIMIT_FSIZE: LARGEST_FILE}
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limits[resource.RLIMIT_AS] = 2 * size + pages * resource.getpagesize()
    for kind, most in limits.items():
        hard = resource.getrlimit(kind)[1]  # what nobody may raise
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))


def refuse_network(event, arguments):
    """Stop Python code that is about to use the network; an audit hook cannot be removed."""
    uses = event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.bind", "socket.sendto",
                     "socket.sendmsg")
    connects = event == "socket.connect" and isinstance(arguments[1], tuple)
    if uses or connects:
        raise PermissionError("there is no network while notebooks are graded")


def functions():
    """The functions and classes of modules on which checks rely: dict of (module, name)."""
    return {(name, key): value for name, module in list(sys.modules.items())
            if name.partition(".")[0] in WATCHED and module is not None
            for key, value in list(vars(module).items()) if callable(value)}


def changed(originals):
    """The names of what is no longer as in ``originals``."""
    for (module, key), value in originals.items():
        if getattr(sys.modules.get(module), key, None) is not value:
            yield f"{module}.{key}"


def first_verdict(number, candidates, judge):
    """(state, sentence) on the first candidate that is an answer."""
    for candidate in candidates:
        if "error" in candidate:
            return "not yet", candidate["error"]
        try:
            answer = answer_of(candidate)
            if answer is None or answer is ...:
                continue
            said = judge(number, answer)
            if said == NO_ANSWER:
                continue
            return "correct" if isinstance(said, exercises.Right) else "not yet", said
        except Stopped as stop:
            if stop.says:
                return "not yet", stop.says
        except BaseException as error:
            return "not yet", f"your answer stopped with {words(error)}"
    return "no answer", ""


class Stopped(Exception):
    """A statement before the answer has failed: ``says`` how, "" if there is no answer yet."""

    def __init__(self, says):
        super().__init__(says)
        self.says = says


def answer_of(candidate):
    """Run what a candidate needs, and return its answer."""
    space = {"__name__": "__main__", "__builtins__": builtins,
             "display": lambda *things, **options: None, "get_ipython": lambda: None}
    try:
        for label, source, places in candidate["pieces"]:
            # Keras reads the source of functions that it compiles.
            linecache.cache[label] = (len(source), None, source.splitlines(True), label)
            statements = cells.parse(source)
            for place in places:
                tree = ast.Module([WithoutChecks().visit(statements[place])], [])
                exec(compile(tree, label, "exec"), space)
        label = "the answer"
        return eval(candidate["answer"], space)
    except NotImplementedError:
        raise Stopped("") from None
    except BaseException as error:
        raise Stopped(f"{label.strip('<>')} stopped with {type(error).__name__}: "
                      f"{error}") from None


if __name__ == "__main__":
    main()

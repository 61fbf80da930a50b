"""Kills a process before each of its operations on files, one after the other."""

import itertools
import os
import signal
import sys

STEPS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir")


def killed_at_each_step(work, folder):
    """Fork a process that does ``work()`` and dies by SIGKILL before its first operation on a
    file or in ``folder``, then another one that dies before its second operation, and so on.

    Yields after each death, with the name of the operation, until a process survives. What
    ``work`` calls must not need TensorFlow, whose threads do not survive a fork.
    """
    for number in itertools.count(1):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            _die_or_finish(work, str(folder), number, writer)
        os.close(writer)
        with open(reader, "rb") as pipe:
            step = pipe.read().decode()
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0, "the work itself failed"
            return
        assert os.WTERMSIG(status) == signal.SIGKILL
        yield step


def _die_or_finish(work, folder, number, writer):
    seen = itertools.count(1)

    def watch(event, arguments):
        # A folder is emptied by names without a path.
        inside = folder in str(arguments) or event in ("os.remove", "os.rmdir")
        if event in STEPS and inside and next(seen) == number:
            os.write(writer, f"{event} {arguments}".encode())
            os.kill(os.getpid(), signal.SIGKILL)

    code = 1
    try:
        sys.addaudithook(watch)
        work()
        code = 0
    finally:
        os._exit(code)

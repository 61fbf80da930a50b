"""Processes for learners' code: with limits, without the network, ended with all they started."""

import contextlib
import json
import os
import queue
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import psutil

from shared.paths import ROOT

START = 300  # seconds for a new process to import the course's packages
PROCESSES = 100  # that the code of a notebook may have at a time
LONGEST_LINE = 1_000_000  # bytes of a report
# A namespace of its own for users, for the network and for processes. The network namespace has
# no connections; when the first process of a process namespace ends, so do all others in it.
UNSHARE = ["unshare", "--user", "--net", "--pid", "--fork", "--kill-child"]
# What the code gets to know of the environment: no passwords that are kept there.
KEPT = {"PATH", "HOME", "USERPROFILE", "SYSTEMROOT", "LANG", "LC_ALL", "LD_LIBRARY_PATH",
        "VIRTUAL_ENV"}
KEPT_PREFIXES = ("KERAS_", "TF_", "XLA_", "OMP_", "ZOOM_", "PYTHON")


def has_namespaces():
    """Can processes be started here in namespaces of their own, without the network?"""
    if sys.platform != "linux" or shutil.which(UNSHARE[0]) is None:
        return False
    return subprocess.run([*UNSHARE, "true"], capture_output=True).returncode == 0


class Guard:
    """Runs the exercises of notebooks in processes with limits.

    Args:
        seconds: for one exercise.
        size: bytes of memory for one notebook.
    """

    def __init__(self, seconds, size):
        self.seconds, self.size = seconds, size
        self.apart = has_namespaces()

    def run(self, exercises):
        """Dict of each exercise of a notebook to (state, sentence); see ``answers.plan``.

        A process that has to be ended costs one exercise. The others get a new one.
        """
        results, left = {}, dict(exercises)
        while left:
            found, reason = self.attempt(left)
            if not found:  # the process did not begin
                found = dict.fromkeys(left, ("not judged", reason))
            results |= found
            left = {number: left[number] for number in left if number not in results}
        return {number: results[number] for number in exercises}

    def attempt(self, exercises):
        """Verdicts on the first exercises, as many as one process can give; and why no more."""
        secret, found, at = secrets.token_hex(16), {}, None
        plan = {"secret": secret, "bytes": self.size, "block_network": not self.apart,
                "exercises": exercises}
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, \
                tempfile.TemporaryFile() as task, tempfile.TemporaryFile() as errors, \
                self.process(folder, task, errors, plan) as process:
            reports = queue.SimpleQueue()
            threading.Thread(target=listen, args=(process.stdout, secret, reports),
                             daemon=True).start()
            end, reason, ended = time.monotonic() + START, "", False
            while not reason:
                try:
                    message = reports.get(timeout=0.1)
                except queue.Empty:
                    reason = self.excess(process)
                    if time.monotonic() > end:
                        reason = (f"it took longer than {self.seconds:g} seconds" if at else
                                  f"it did not begin within {START} seconds")
                    elif ended and not reason:
                        reason = ending(process.returncode)
                    ended = process.poll() is not None  # look once more for a last report
                    continue
                if "begins" in message:
                    at, end = message["begins"], time.monotonic() + self.seconds
                elif "ends" in message:
                    found[message["ends"]] = message["state"], message["says"]
                    at = None
                    end = time.monotonic() + START
                elif "done" in message:
                    break
            if at:
                found[at] = "not judged", reason
            elif not found:
                errors.seek(0)
                said = errors.read().decode(errors="replace").strip().split("\n")[-1]
                reason = f"the grader's own process failed: {said or reason}"
        return found, reason

    @contextlib.contextmanager
    def process(self, folder, task, errors, plan):
        """A worker in the empty ``folder``; in the end it and all that it started are ended.

        ``task`` and ``errors`` are empty files, for the plan and for what Python says of errors.
        """
        task.write(json.dumps(plan).encode() + b"\n")
        task.seek(0)
        environment = {name: value for name, value in os.environ.items()
                       if name.upper() in KEPT or name.upper().startswith(KEPT_PREFIXES)}
        path = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        # The reserves of many threads, and of a GPU, would count as memory that is used.
        environment |= {"PYTHONPATH": os.pathsep.join(path), "MPLBACKEND": "Agg",
                        "MALLOC_ARENA_MAX": "8", "CUDA_VISIBLE_DEVICES": "-1",
                        "TMPDIR": folder, "TEMP": folder, "TMP": folder}
        command = [sys.executable, "-m", "shared.tools.grade.worker"]
        process = subprocess.Popen(
            UNSHARE * self.apart + command, stdin=task, stdout=subprocess.PIPE,
            stderr=errors, cwd=folder, env=environment, start_new_session=True)
        try:
            yield process
        finally:
            started = family(process)
            if hasattr(os, "killpg"):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
            for one in started:
                with contextlib.suppress(psutil.Error):
                    one.kill()
            process.wait()

    def excess(self, process):
        """What the process and those that it started have too much of, a sentence, or ""."""
        started, size = family(process), 0
        for one in started:
            with contextlib.suppress(psutil.Error):
                size += one.memory_info().rss
        if size > self.size:
            return f"it used more than {self.size / 1e9:g} GB of memory"
        if len(started) > PROCESSES:
            return f"it started more than {PROCESSES} processes"
        return ""


def family(process):
    """The process and all below it, as psutil knows them."""
    with contextlib.suppress(psutil.Error):
        one = psutil.Process(process.pid)
        return [one, *one.children(recursive=True)]
    return []


def listen(stream, secret, reports):
    """Put the worker's reports into a queue. Lines without the secret are another's."""
    with stream, contextlib.suppress(OSError):
        for line in iter(lambda: stream.readline(LONGEST_LINE), b""):
            with contextlib.suppress(ValueError, RecursionError, TypeError, AttributeError):
                message = json.loads(line)
                if message.get("secret") == secret:
                    reports.put(message)


def ending(code):
    """What the exit code of a process says."""
    if 128 < code < 160:  # how `unshare` says by which signal its process ended
        code = 128 - code
    if code >= 0:
        return f"the code ended the process, with exit code {code}"
    name = signal.Signals(-code).name
    return f"the process ended by {name}" + (
        ", perhaps because the machine ran out of memory" if name == "SIGKILL" else "")

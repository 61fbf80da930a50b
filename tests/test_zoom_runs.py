"""The command in a process of its own, killed and stopped at any step."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from zooming import BICUBIC, command, not_on_windows, saved, tree, work  # noqa: F401

from shared import zoom
from shared.enlarging import enhance
from shared.images import files

ROOT = Path(__file__).resolve().parent.parent

PRELUDE = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from shared import zoom
from shared.images import files
{hook}
sys.exit(zoom.main([*sys.argv[2:], "--model", "bicubic"]))
"""


def run(*arguments, hook="", **options):
    """Run the command in a process of its own, after the lines of ``hook``."""
    return subprocess.run([sys.executable, "-c", PRELUDE.format(hook=hook), ROOT, *arguments],
                          capture_output=True, text=True, timeout=300, **options)


@pytest.mark.slow
def test_a_name_that_the_terminal_cannot_print_and_a_closed_pipe_fail_nothing():
    saved("f/照片.png", "f/b.png")
    done = run("f", env={**os.environ, "PYTHONIOENCODING": "cp1252"})
    assert done.returncode == 0 and r"\u7167\u7247_x2.png" in done.stdout and not done.stderr
    read, write = os.pipe()
    os.close(read)
    closed = subprocess.run(
        [sys.executable, "-c", PRELUDE.format(hook=""), ROOT, "f", "-o", "out"],
        stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert closed.returncode == 0 and closed.stderr == "" and len(tree("out")) == 2


KILLS = {  # a step of writing, how to stop there, and whether the result is there then
    "before the data are safe": ("os.fsync", "{kill}; real(*a)", False),
    "before the move": ("os.link", "{kill}; real(*a)", False),
    "after the move": ("os.link", "real(*a); {kill}", True)}


@pytest.mark.slow
@not_on_windows
@pytest.mark.parametrize("step", KILLS)
def test_killed_at_any_step_a_result_is_whole_or_not_there_and_the_next_run_goes_on(step):
    saved("f/a.png", "f/b.png")
    name, steps, there = KILLS[step]
    killed = run("f", hook=f"real = {name}\n"
                 f"def hooked(*a): {steps.format(kill='os.kill(os.getpid(), signal.SIGKILL)')}\n"
                 f"{name} = hooked")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert list(Path("f_x2").glob("*.png")) == [Path("f_x2/a_x2.png")] * there
    assert list(Path("f_x2").glob(".*.part"))
    assert command("f") == 0
    assert tree("f_x2") == ["a_x2.png", "b_x2.png"]  # what the kill left is gone
    results = sorted(Path("f_x2").iterdir())
    for path in results:
        np.testing.assert_array_equal(
            np.asarray(Image.open(path)),
            zoom.enhance(np.asarray(Image.open(f"f/{path.name[0]}.png")), BICUBIC))


@pytest.mark.slow
@not_on_windows
@pytest.mark.parametrize("kind", ["picture", "page"])
def test_killed_between_a_result_and_its_comparison_the_same_command_adds_it(kind):
    saved("a.png")
    killed = run("a.png", "--compare", kind, hook="real = os.unlink\n"
                 "def hooked(*a): real(*a); os.kill(os.getpid(), signal.SIGKILL)\n"
                 "os.unlink = hooked")
    assert killed.returncode == -signal.SIGKILL and tree() == ["a.png", "a_x2.png"]
    before = Path("a_x2.png").stat().st_mtime_ns
    assert command("a.png", "--compare", kind) == 0
    assert len(tree()) == 3 and Path("a_x2.png").stat().st_mtime_ns == before
    assert command("a.png", "--compare", kind) == 1  # now both exist


@pytest.fixture
def usual_signals():
    """Signals as in a terminal. A shell starts what runs in the background without SIGINT."""
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number, code", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("step", [(files, "read_picture"), (os, "fsync"), (os, "link")])
def test_signals_leave_nothing_half_written(
        number, code, step, capsys, monkeypatch, usual_signals):
    saved("f/a.png", "f/b.png")
    real = getattr(*step)

    def stopped(*arguments, **options):
        signal.raise_signal(number)
        return real(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(*step, stopped)
        assert command("f") == code
    assert capsys.readouterr().err == "zoom: stopped\n"
    assert command("f") == 0
    assert tree("f_x2") == ["a_x2.png", "b_x2.png"]


def test_a_signal_stops_between_tiles_even_if_its_error_was_swallowed(
        monkeypatch, capsys, usual_signals):
    saved("a.png")
    enlarged = enhance._enlarged

    def signalled(*arguments):
        try:
            signal.raise_signal(signal.SIGTERM)
        except KeyboardInterrupt:
            pass  # as Python does it in a destructor
        return enlarged(*arguments)

    monkeypatch.setattr(enhance, "_enlarged", signalled)
    assert command("a.png") == 143
    assert tree() == ["a.png"] and capsys.readouterr().err == "zoom: stopped\n"
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL

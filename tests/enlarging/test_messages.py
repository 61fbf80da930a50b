"""What the command prints, and that printing does not decide what is done."""

import re
import sys
from pathlib import Path

import pytest
from zooming import command, not_on_windows, saved, tree, work  # noqa: F401

from shared.enlarging import messages


@not_on_windows
def test_names_with_odd_letters_are_printed_in_one_line(capsys):
    saved("a\nb\x1b[31m.png")
    assert command("a\nb\x1b[31m.png") == 0
    assert capsys.readouterr().out.startswith(r"a\nb\x1b[31m_x2.png: 24x20 pixels")


def test_a_terminal_sees_how_many_photos_there_are_and_no_name_makes_it_scroll(
        capsys, monkeypatch):
    saved(f"f/{'long name' * 20}.png", "f/b.png", "f/c.png")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert command("f") == 0
    shown = capsys.readouterr().err
    assert "photo 1 of 3" in shown and "photo 3 of 3" in shown and "left" in shown
    assert "\n" not in shown and max(map(len, re.split("\r", shown))) < 80


def test_without_a_terminal_there_is_one_line_per_photo(capsys):
    saved("f/a.png", "f/b.png")
    assert command("f") == 0
    shown = capsys.readouterr()
    assert shown.err == "" and shown.out.count("\n") == 2


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_without_an_output_stream_the_work_is_done(stream, monkeypatch):
    saved("a.png")
    monkeypatch.setattr(sys, stream, None)
    assert command("a.png", "gone.png") == 1
    assert Path("a_x2.png").exists()


class Broken:
    """A stream that cannot be written to."""

    encoding = "utf-8"

    def __init__(self, error):
        self.error = error

    def write(self, text):
        raise self.error

    flush = isatty = lambda self: False

    def fileno(self):
        raise OSError("no file")


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(28, "No space left on device"),
                                   ValueError("I/O operation on closed file")])
def test_printing_does_not_decide_what_is_done(error, monkeypatch):
    saved("f/a.png", "f/b.png")
    monkeypatch.setattr(sys, "stdout", Broken(error))
    assert command("f") == 0
    assert len(tree("f_x2")) == 2


class EveryStep(messages.tqdm):
    """A bar that draws each step, where tqdm draws one in a tenth of a second."""

    def __init__(self, **options):
        super().__init__(mininterval=0, **options)


def test_the_bar_is_for_a_terminal_only(capsys, monkeypatch):
    saved("a.png")
    command("a.png")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(messages, "tqdm", EveryStep)
    command("a.png", "--scale", 4)
    shown = capsys.readouterr().err
    assert "photo 1 of 1" in shown and " 20%, " in shown and shown.count("left") >= 3
    assert "\n" not in shown and shown.endswith(" \r")  # wiped out at the end

"""The options of the command, and what is said about wrong ones."""

import pytest
from zooming import command, saved, tree, work  # noqa: F401

from shared import recipes, zoom
from shared.enlarging import command_line
from shared.training import store


def models():
    """The networks that ``--model`` offers."""
    return next(action for action in command_line.parser()._actions
                if action.dest == "model").choices


def test_the_networks_to_choose_from_are_those_that_can_be_trained(monkeypatch):
    monkeypatch.delenv("ZOOM_DATA", raising=False)
    assert "bicubic" in models() and "zoom" in models()
    assert set(models()) - {"bicubic"} <= set(recipes.RECIPES)


def test_a_network_trained_on_div2k_can_be_chosen_once_it_is_there(monkeypatch):
    there = []
    monkeypatch.setattr(store, "exists", lambda name: name in there)
    assert "zoom_div2k" not in models()
    there.append("zoom_div2k")
    assert "zoom_div2k" in models() and "vdsr_div2k" not in models()


@pytest.mark.parametrize("arguments, message", [
    ((), "PHOTO"), (("a.png", "--size", "8x8"), "--size needs --at"),
    (("a.png", "--at", "8"), "two whole numbers as in 256,256"),
    (("a.png", "--at", "8,8", "--size", "0x8"), "two whole numbers as in 256x256"),
    (("a.png", "--scale", "4.5"), "a number from 1 to 4, found '4.5'"),
    (("a.png", "--scale", "nan"), "a number from 1 to 4, found 'nan'"),
    (("a.png", "--width", "2.5"), "a whole number from 1 to 1e+06, found '2.5'"),
    (("a.png", "--scale", "2", "--width", "9"), "give one of them"),
    (("a.png", "--quality", "101"), "a whole number from 1 to 100"),
    (("a.png", "--tile", "0"), "a whole number from 16"),
    (("a.png", "--max-megapixels", "0"), "a number from 0.001"),
    (("a.png", "--compare=table"), "choose from"), (("a.png", "--format", "gif"), "choose from"),
    (("a.png", "--over"), "unrecognized"),
    (("a.png", "b.png", "-o", "c.png"), "one file, and there are several photos"),
    (("a.png", "-o", "c.png", "--format", "jpg"), "is not of the --format jpg"),
    (("a.png", "--model", "magic"), "choose from")])
def test_wrong_usage_ends_with_code_2(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        zoom.main(list(arguments))
    shown = capsys.readouterr().err
    assert stop.value.code == 2 and message in shown and shown.count("\n") == 1


def test_compare_takes_no_photo_for_its_kind():
    saved("a.png")
    assert command("--compare", "a.png") == 0
    assert tree() == ["a.png", "a_x2.png", "a_x2_compare.png"]


def test_the_help_fits_a_screen(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as stop:
        zoom.main(["--help"])
    lines = capsys.readouterr().out.splitlines()
    assert stop.value.code == 0 and len(lines) <= 28 and max(map(len, lines)) <= 80
    assert any("exit codes: 0 " in line for line in lines)

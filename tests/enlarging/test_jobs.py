"""Which photos the command takes, and where their results go."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from zooming import command, saved, tree, work  # noqa: F401


def test_folders_inside_come_back_as_the_same_tree(capsys):
    saved("trip/a.png", "trip/day 1/b.jpg", "trip/day 1/evening/c.png", "trip/.hidden/d.png",
          "trip/.e.png")
    assert command("trip") == command("trip", "-o", "deep/out") == 0
    wanted = ["a_x2.png", "day 1/b_x2.jpg", "day 1/evening/c_x2.png"]
    assert tree("trip_x2") == tree("deep/out") == wanted
    assert capsys.readouterr().err == ""


def test_every_kind_that_can_be_read_is_done_and_the_others_are_named(capsys):
    saved("mixed/a.jpg", "mixed/b.bmp", "mixed/c.gif", "mixed/d.jpeg", "mixed/e.png",
          "mixed/f.webp", "mixed/g.tif")
    saved("mixed/h.jfif", format="JPEG")
    for name in ("i.psd", "j.cr2", "notes.txt", "film.mov", "film 2.MOV", "README"):
        Path("mixed", name).write_bytes(b"8BPS and so on")
    assert command("mixed") == 1
    assert tree("mixed_x2") == ["a_x2.jpg", "b_x2.png", "c_x2.png", "d_x2.jpeg", "e_x2.png",
                                "f_x2.webp", "g_x2.tif", "h_x2.png"]
    shown = capsys.readouterr()
    assert re.search(r"left out what is not a picture: 2 \.mov, 1 .*, 1 .*\n", shown.out)
    assert len(shown.err.splitlines()) == 2
    assert "i.psd: " in shown.err and "j.cr2: " in shown.err


def test_photos_whose_results_would_have_one_name_get_two():
    saved("f/a.bmp", "f/a.png", "f/a.gif")
    assert command("f") == 0
    assert tree("f_x2") == ["a_bmp_x2.png", "a_gif_x2.png", "a_x2.png"]
    assert command("f", "--format", "webp", "-o", "g") == 0
    assert len(tree("g")) == 3


def test_the_program_expands_a_pattern_that_no_shell_did(capsys):
    saved("a1.png", "a2.png", "b.png", "sub/a3.png")
    Path("a4.txt").write_text("no picture")
    assert command("**/a*.png", "-o", "below") == command("a*", "-o", "here") == 0
    assert tree("below") == ["a1_x2.png", "a2_x2.png", "a3_x2.png"]
    assert tree("here") == ["a1_x2.png", "a2_x2.png"]
    assert "1 .txt" in capsys.readouterr().out
    assert command("*.jpg") == 1
    assert "no file has a name like this" in capsys.readouterr().err
    saved("[x].png")
    assert command("[x].png") == 0 and Path("[x]_x2.png").exists()  # a name, not a pattern


def test_results_in_the_folder_of_the_photos_are_not_enlarged_again(capsys):
    saved("f/a.png", "f/b.png")
    for _ in range(2):
        assert command("f", "-o", "f") == 0
    assert command("f/*.png", "--overwrite") == 0
    assert command("f", "-o", "f/large") == command("f", "-o", "f/large") == 0
    assert tree("f") == ["a.png", "a_x2.png", "b.png", "b_x2.png", "large/a_x2.png",
                         "large/a_x2_x2.png", "large/b_x2.png", "large/b_x2_x2.png"]
    assert command("f", "-o", "f/large", "--scale", 3) == 0
    assert not [path for path in tree("f/large") if path.endswith("_x2_x2_x3.png")]


def test_a_photo_named_twice_is_done_once(capsys):
    saved("f/a.png")
    assert command("f/a.png", "f/../f/a.png") == 0
    assert capsys.readouterr().out.count("\n") == 1


@pytest.mark.parametrize("name, found", [
    ("jpg", "JPEG"), ("png", "PNG"), ("webp", "WEBP"), ("tif", "TIFF")])
def test_the_format_is_chosen_for_a_folder(name, found):
    saved("f/a.png", "f/b.jpg")
    assert command("f", "--format", name, "-o", "out") == 0
    assert tree("out") == [f"a_x2.{name}", f"b_x2.{name}"]
    assert Image.open(f"out/a_x2.{name}").format == found


def test_the_width_is_that_of_each_result_and_the_sides_keep_their_ratio(capsys):
    saved("f/a.png", size=(20, 10))
    saved("f/b.png", size=(11, 30))
    assert command("f", "--width", 33) == 0
    assert [Image.open(f"f_w33/{name}_w33.png").size for name in "ab"] == [(33, 16), (33, 90)]
    assert command("f/a.png", "--at", "3,2", "--size", "9x5", "--width", 20) == 0
    assert Image.open("f/a_at_3_2_w20.png").size == (20, 11)
    for width in (19, 81):
        assert command("f/a.png", "--width", width) == 1
        assert "must be from 20 to 80 pixels" in capsys.readouterr().err


def test_any_scale_is_in_the_name_of_the_result():
    saved("f/a.png", size=(20, 10))
    assert command("f", "--scale", 1.5) == command("f/a.png", "--scale", 1) == 0
    assert Image.open("f_x1.5/a_x1.5.png").size == (30, 15)
    np.testing.assert_array_equal(np.asarray(Image.open("f/a_x1.png")),
                                  np.asarray(Image.open("f/a.png")))


def test_an_empty_name_is_not_the_current_folder(capsys):
    saved("a.png")
    assert command("") == 1
    assert "found ''" in capsys.readouterr().err and tree() == ["a.png"]

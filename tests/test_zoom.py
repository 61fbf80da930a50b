"""The command on single photos: its files, and what can go wrong with them."""

import errno
import os

import numpy as np
import pytest
from PIL import Image, ImageCms
from zooming import photo

from shared import paths, zoom
from shared.enlarging import enhance


@pytest.fixture
def work(tmp_path, monkeypatch):
    """An empty folder, and the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(*arguments, model="bicubic"):
    return zoom.main([*map(str, arguments), "--model", model])


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def saved(path, mode="RGB", **options):
    """Save a picture of 24x20 pixels, half transparent where the mode has alpha."""
    image = Image.fromarray(photo(20, 24)).convert(mode)
    if mode in ("LA", "RGBA"):
        image.putalpha(128)
    image.save(path, **options)


KINDS = [("a.png", "RGB", "RGB"), ("a.jpg", "RGB", "RGB"), ("a.webp", "RGB", "RGB"),
         ("a.tif", "RGB", "RGB"), ("a.png", "L", "L"), ("a.jpg", "L", "L"), ("a.png", "P", "RGB"),
         ("a.png", "1", "L"), ("a.png", "LA", "LA"), ("a.tif", "LA", "LA"),
         ("a.png", "RGBA", "RGBA"), ("a.webp", "RGBA", "RGBA"), ("a.jpg", "CMYK", "RGB"),
         ("a.tif", "CMYK", "RGB")]


@pytest.mark.parametrize("name, mode, becomes", KINDS)
def test_each_kind_of_file_comes_back_as_its_kind(work, name, mode, becomes):
    saved(work / name, mode)
    assert command(name) == 0
    with Image.open(work / name.replace("a.", "a_x2.")) as image, Image.open(name) as source:
        assert (image.mode, image.size, image.format) == (becomes, (48, 40), source.format)
        wanted = source.convert("RGB").resize((48, 40), Image.Resampling.BICUBIC)
        off = np.abs(np.asarray(image.convert("RGB"), int) - np.asarray(wanted, int))
    assert off.mean() < 6  # Pillow's bicubic is Keys' too; the rest is the loss of the format


def test_the_file_holds_what_enhance_gives(work):
    saved("a.png")
    assert command("a.png", "--scale", 4, "-o", "b.tif") == 0
    np.testing.assert_array_equal(
        np.asarray(Image.open("b.tif")),
        zoom.enhance(np.asarray(Image.open("a.png")), "bicubic", 4))


def test_what_is_lost_in_reading_is_said(work, capsys):
    deep = Image.fromarray(np.arange(256, dtype="uint16").reshape(16, 16) * 257)
    deep.save("a.tif", save_all=True, append_images=[deep])
    assert command("a.tif") == command("a.tif", "--format", "jpg") == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("; the first of 2 frames is taken")
    assert second.endswith("; the first of 2 frames is taken; 16 bits become 8")


def test_16_bits_of_a_file_come_back_as_16_bits(work):
    deep = np.arange(400, dtype="uint16").reshape(20, 20) * 160
    Image.fromarray(deep).save("a.png")
    assert command("a.png") == 0
    with Image.open("a_x2.png") as image:
        found = np.asarray(image)
    assert image.mode == "I;16" and len(np.unique(found)) > 500
    np.testing.assert_array_equal(
        found, zoom.enhance(np.dstack([deep] * 3), "bicubic")[..., 1])


def test_the_colour_profile_and_the_upright_side_are_kept(work):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: rotate it by 90 degrees clockwise to show it
    saved("a.jpg", icc_profile=profile, exif=exif)
    assert command("a.jpg", "-o", "b.png") == command("a.jpg") == 0
    for name in ("b.png", "a_x2.jpg"):
        with Image.open(name) as image:
            assert image.info["icc_profile"] == profile
            assert image.size == (40, 48) and 0x0112 not in image.getexif()
    upright = np.asarray(Image.open("a.jpg").transpose(Image.Transpose.ROTATE_270))
    np.testing.assert_array_equal(np.asarray(Image.open("b.png")),
                                  zoom.enhance(upright, "bicubic"))


def test_a_region_is_the_crop_of_the_whole_and_has_its_own_name(work):
    saved("a.png")
    assert command("a.png") == command("a.png", "--at", "5,6", "--size", "10x8") == 0
    np.testing.assert_array_equal(np.asarray(Image.open("a_at_5_6_x2.png")),
                                  np.asarray(Image.open("a_x2.png"))[12:28, 10:30])


def test_a_region_outside_says_how_large_the_photo_is(work, capsys):
    saved("a.png")
    assert command("a.png", "--at", "5,6") == 1
    assert "256x256 at 5,6 does not lie inside a picture of 24x20" in capsys.readouterr().err
    assert names(work) == ["a.png"]


def test_compare_writes_bicubic_beside_the_result(work, random_photo_network, monkeypatch):
    saved("a.png")
    model = random_photo_network("unet")
    monkeypatch.setattr(enhance.store, "load", lambda name: model)
    assert command("a.png", "--compare", model="zoom") == 0
    both = np.asarray(Image.open("a_x2_compare.png"))
    image = np.asarray(Image.open("a.png"))
    strip, both = np.split(both, [both.shape[0] - 40])
    assert strip.min() < 128 and strip.max() == 255  # the names; see images/test_compare.py
    np.testing.assert_array_equal(both[:, :48], zoom.enhance(image, "bicubic"))
    assert (both[:, 48:-48] == 255).all()
    np.testing.assert_array_equal(both[:, -48:], zoom.enhance(image, model))


def test_files_that_exist_are_left_alone_unless_asked(work, capsys):
    saved("a.png")
    (work / "a_x2.png").write_text("mine")
    assert command("a.png") == 1
    assert "a_x2.png" in (message := capsys.readouterr().err) and "--overwrite" in message
    assert (work / "a_x2.png").read_text() == "mine"
    assert command("a.png", "--overwrite") == 0
    assert Image.open("a_x2.png").size == (48, 40)
    (work / "a_x4_compare.png").write_text("mine")
    assert command("a.png", "--compare", "--scale", 4) == 1
    assert not (work / "a_x4.png").exists()  # found out before the work


def damaged(folder):
    """Pictures that cannot be read, and the message that each deserves."""
    saved(folder / "whole.jpg")
    whole = (folder / "whole.jpg").read_bytes()
    for name, content in (("empty.jpg", b""), ("text.png", b"a letter"),
                          ("cut.jpg", whole[:len(whole) // 2])):
        (folder / name).write_bytes(content)
    saved(folder / "cut.png")
    (folder / "cut.png").write_bytes((folder / "cut.png").read_bytes()[:400])
    return {"empty.jpg": "the file is empty", "text.png": "not a picture",
            "cut.jpg": "damaged", "cut.png": "damaged"}


def test_a_bad_file_in_a_folder_does_not_stop_the_others(work, capsys):
    folder = work / "holiday"
    folder.mkdir()
    messages = damaged(folder)
    saved(folder / "zebra.tiff")
    (folder / "notes.txt").write_text("no picture, and not tried")
    assert command("holiday") == 1
    assert names(work / "holiday_x2") == ["whole_x2.jpg", "zebra_x2.tiff"]
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(messages)
    for name, message in messages.items():
        assert any(name in line and message in line for line in lines)


def test_what_is_not_there_is_said_and_the_rest_is_done(work, capsys):
    saved("a.png")
    (work / "bare").mkdir()
    assert command("gone.png", "bare", "a.png", "-o", "out") == 1
    assert names(work / "out") == ["a_x2.png"]
    message = capsys.readouterr().err
    assert "gone.png: No such file" in message and "bare: no pictures in this folder" in message


def test_folders_of_the_output_are_made(work, capsys):
    saved("a.png")
    assert command("a.png", "-o", "x/y/b.png") == command("a.png", "-o", "p/q") == 0
    assert names(work / "x/y") == ["b.png"] and names(work / "p/q") == ["a_x2.png"]
    assert command("a.png", "-o", "x/y/b.png/c.png") == 1
    assert "b.png" in capsys.readouterr().err


def test_a_folder_is_not_made_for_a_photo_that_cannot_be_read(work):
    (work / "a.png").write_bytes(b"no picture")
    assert command("a.png", "-o", "x/y/b.png") == 1
    assert names(work) == ["a.png"]


def test_two_photos_of_one_name_do_not_end_in_one_file(work, capsys):
    (work / "sub").mkdir()
    saved("a.png"), saved("sub/a.png", "L")
    assert command("a.png", "sub/a.png", "-o", "out", "--overwrite") == 1
    assert "another photo of this call" in capsys.readouterr().err
    assert Image.open("out/a_x2.png").mode == "RGB"


def test_a_full_disk_leaves_nothing_half_written(work, capsys, monkeypatch):
    saved("a.png")
    (work / "a_x2.png").write_text("mine")

    def full(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert command("a.png", "--overwrite") == 1
    assert "a.png: No space left on device" in capsys.readouterr().err
    assert names(work) == ["a.png", "a_x2.png"] and (work / "a_x2.png").read_text() == "mine"


def test_interrupted_it_leaves_nothing_half_written(work, capsys, monkeypatch):
    saved("a.png")

    def stopped(file):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", stopped)
    assert command("a.png") == 130
    assert names(work) == ["a.png"] and "stopped" in capsys.readouterr().err


def test_missing_weights_say_how_to_get_them(work, capsys, monkeypatch):
    saved("a.png")
    monkeypatch.setenv("ZOOM_DATA", str(work))
    assert paths.data_folder() == work
    assert command("a.png", model="zoom") == 1
    assert "python -m shared.train zoom" in capsys.readouterr().err


@pytest.mark.slow
def test_it_runs_as_a_module(work, run_python):
    saved("a.png")
    run_python("import runpy, sys; sys.argv = ['zoom', sys.argv[1], '--model', 'bicubic']\n"
               "try: runpy.run_module('shared.zoom', run_name='__main__')\n"
               "except SystemExit as stop: assert stop.code == 0", work / "a.png")
    assert names(work) == ["a.png", "a_x2.png"]

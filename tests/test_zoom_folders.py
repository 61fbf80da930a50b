"""The command on folders: it goes on where it was left, replaces no photo, and stops for none."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from zooming import BICUBIC, command, not_on_windows, saved, tree, work  # noqa: F401

from shared import zoom
from shared.enlarging import enhance
from shared.images import files


def test_the_quality_is_that_of_jpeg():
    saved("a.png", size=(64, 64))
    sizes = []
    for quality in (20, 95):
        assert command("a.png", "-o", f"{quality}.jpg", "--quality", quality) == 0
        sizes.append(Path(f"{quality}.jpg").stat().st_size)
    assert command("a.png", "-o", "default.jpg") == 0
    assert 2 * sizes[0] < sizes[1] == Path("default.jpg").stat().st_size


def test_metadata_are_kept_unless_stripped():
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    saved("a.jpg", exif=exif, dpi=(300, 300))
    assert command("a.jpg") == command("a.jpg", "--strip", "-o", "bare.jpg") == 0
    kept, bare = Image.open("a_x2.jpg"), Image.open("bare.jpg")
    assert kept.getexif()[0x010F] == "A camera" and kept.info["dpi"] == (300, 300)
    assert not bare.getexif() and b"A camera" not in Path("bare.jpg").read_bytes()


def test_a_folder_goes_on_where_it_was_left(capsys, monkeypatch):
    saved("f/a.png", "f/b.png", "f/c.png")
    command("f/b.png", "-o", "f_x2/b_x2.png")
    before = Path("f_x2/b_x2.png").stat().st_mtime_ns
    capsys.readouterr()
    assert command("f") == 0
    assert tree("f_x2") == ["a_x2.png", "b_x2.png", "c_x2.png"]
    assert Path("f_x2/b_x2.png").stat().st_mtime_ns == before
    shown = capsys.readouterr()
    assert "1 of 3 photos were done before" in shown.out and shown.err == ""
    monkeypatch.setattr(zoom, "load_network", None)  # all is done: no network is loaded
    assert command("f") == 0 and "3 of 3" in capsys.readouterr().out


def test_overwrite_does_all_of_a_folder_again():
    saved("f/a.png", "f/b.png")
    Path("f_x2").mkdir()
    Path("f_x2/a_x2.png").write_text("old")
    assert command("f", "--overwrite") == 0
    assert Image.open("f_x2/a_x2.png").size == (24, 20)


def test_what_another_run_makes_meanwhile_is_no_failure_and_stays(capsys, monkeypatch):
    saved("f/a.png", "f/b.png", "f/c.png")
    read = files.read_picture

    def meanwhile(path, *arguments):
        for name in ("a_x2.png", "b_x2.png"):
            Path("f_x2").mkdir(exist_ok=True)
            Path("f_x2", name).write_text("theirs")
        return read(path, *arguments)

    monkeypatch.setattr(files, "read_picture", meanwhile)
    assert command("f") == 0
    assert Path("f_x2/a_x2.png").read_text() == Path("f_x2/b_x2.png").read_text() == "theirs"
    assert Image.open("f_x2/c_x2.png").size == (24, 20)
    shown = capsys.readouterr()
    assert shown.out.count("another run has made it meanwhile") == 2 and shown.err == ""


def test_a_comparison_that_is_missing_is_added_and_the_result_stays():
    saved("f/a.png")
    assert command("f") == 0
    before = Path("f_x2/a_x2.png").stat().st_mtime_ns
    assert command("f", "--compare") == command("f", "--compare", "page") == 0
    assert tree("f_x2") == ["a_x2.png", "a_x2_compare.html", "a_x2_compare.png"]
    assert Path("f_x2/a_x2.png").stat().st_mtime_ns == before


@pytest.mark.parametrize("name, kind", [("a.png", "png"), ("a.tif", "png"), ("a.jpg", "jpeg"),
                                        ("a.webp", "webp")])
def test_the_page_shows_the_result_in_a_format_of_browsers(name, kind):
    saved(name)
    assert command(name, "--compare", "page") == 0
    page = Path("a_x2_compare.html").read_text(encoding="utf-8")
    assert page.count(f'src="data:image/{kind};base64,') == 2 and f">{name}</h1>" in page
    assert command(name, "--compare", "page", "-o", "a_x2" + name[1:]) == 1  # both exist


@not_on_windows
@pytest.mark.parametrize("output", ["a.png", "./sub/../a.png", "link.png", "hard.png", "sub/"])
def test_a_photo_is_never_replaced_by_its_result(output, capsys):
    saved("a.png")
    Path("sub").mkdir()
    if output == "link.png":
        os.symlink("a.png", output)
    elif output == "hard.png":
        os.link("a.png", output)
    elif output == "sub/":
        os.symlink("../a.png", "sub/a_x2.png")
    before = Path("a.png").read_bytes()
    assert command("a.png", "-o", output, "--overwrite") == 1
    message = capsys.readouterr().err
    assert "would replace a photo of this call" in message and message.count("\n") == 1
    assert Path("a.png").read_bytes() == before


def test_no_photo_is_replaced_by_the_result_of_another(capsys):
    saved("a.png", "a_x2.png")
    before = Path("a_x2.png").read_bytes()
    assert command("a.png", "a_x2.png", "--overwrite") == 1
    assert "a_x2.png would replace a photo of this call" in capsys.readouterr().err
    assert Path("a_x2.png").read_bytes() == before and Path("a_x2_x2.png").exists()


@not_on_windows
def test_a_link_to_itself_is_one_line(capsys):
    saved("a.png")
    os.symlink("loop.png", "loop.png")
    assert command("a.png", "-o", "loop.png", "--overwrite") == 1
    assert command("loop.png") == 1
    assert capsys.readouterr().err.count("\n") == 2


@pytest.mark.parametrize("error", [RecursionError("too deep"), RuntimeError("of a\ndecoder"),
                                   MemoryError(), AssertionError(), OSError(), KeyError("x")])
def test_no_error_of_one_photo_ends_the_folder(error, capsys, monkeypatch):
    saved("f/a.png", "f/b.png", "f/c.png")
    read = files.read_picture

    def failing(path, *arguments):
        if path.name == "b.png":
            raise error
        return read(path, *arguments)

    monkeypatch.setattr(files, "read_picture", failing)
    assert command("f") == 1
    assert tree("f_x2") == ["a_x2.png", "c_x2.png"]
    message = capsys.readouterr().err
    assert message.startswith(f"zoom: {Path('f/b.png')}: ") and message.count("\n") == 1


class ResourceExhaustedError(Exception):
    """As TensorFlow's."""


@pytest.mark.parametrize("error", [
    MemoryError(), ResourceExhaustedError("OOM when allocating"),
    RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 5 bytes")])
@pytest.mark.parametrize("enough", [100, 20])
def test_where_memory_is_short_tiles_get_smaller(error, enough, capsys, monkeypatch):
    saved("f/a.png", "f/b.png", size=(420, 40))
    wanted = zoom.enhance(np.asarray(Image.open("f/b.png")), BICUBIC)
    compiled, tried = enhance._compiled, []

    def short(network):
        run = compiled(network)

        def run_small(tile):
            tried.append(tile.shape[2])
            if tile.shape[2] > enough + 16:
                raise error
            return run(tile)

        return run_small

    monkeypatch.setattr(enhance, "_compiled", short)
    assert command("f") == (enough == 20)
    assert tried[0] > 2 * tried[-1]
    if enough == 100:
        assert [size > 116 for size in tried].count(True) == 2  # the second photo begins small
        np.testing.assert_array_equal(np.asarray(Image.open("f_x2/b_x2.png")), wanted)
    else:
        message = capsys.readouterr().err
        assert message.count("not enough memory: take a part of it with --at\n") == 2


def test_the_tile_can_be_chosen(monkeypatch):
    saved("a.png", size=(420, 40))
    compiled, widths = enhance._compiled, []
    monkeypatch.setattr(enhance, "_compiled", lambda network: lambda tile: (
        widths.append(tile.shape[2]), compiled(network)(tile))[1])
    assert command("a.png", "--tile", 100) == 0
    assert len(widths) > 3 and max(widths) < 100 + 32


def test_the_limit_of_pixels_can_be_raised_and_is_told(capsys):
    saved("a.png", size=(300, 200))
    assert command("a.png", "--max-megapixels", 0.05) == 1
    message = capsys.readouterr().err
    assert "300x200 are 0.1 million pixels" in message and "--max-megapixels" in message
    assert command("a.png", "--max-megapixels", 0.06) == 0


def test_what_is_too_large_for_its_format_is_said_before_the_work(capsys, monkeypatch):
    saved("a.png", size=(9000, 1))
    monkeypatch.setattr(files, "read_picture", None)
    assert command("a.png", "--format", "webp") == 1
    assert "WEBP holds 16383 pixels" in capsys.readouterr().err
    assert command("a.png", "--scale", 1, "--compare", "--format", "webp") == 1
    assert "has 18008" in capsys.readouterr().err


@not_on_windows
def test_long_names(capsys):
    saved("a" * 245 + ".png", "b" * 250 + ".png")
    assert command("a" * 245 + ".png", "b" * 250 + ".png", "c" * 300 + ".png") == 1
    assert Path("a" * 245 + "_x2.png").exists()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and all("too long" in line for line in lines)

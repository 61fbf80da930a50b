"""The command on folders: which photos it takes, where results go, and what stops it."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shared import zoom
from shared.images import files

ROOT = Path(__file__).resolve().parent.parent
BICUBIC = zoom.load_network("bicubic")
not_on_windows = pytest.mark.skipif(
    sys.platform == "win32", reason="needs names, links or signals that Windows does not have")


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    """An empty folder, and the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(zoom, "load_network", lambda name: BICUBIC)
    return tmp_path


def command(*arguments):
    return zoom.main([*map(str, arguments), "--model", "bicubic"])


def saved(*names, size=(12, 10), **options):
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), "uint8")
        Image.fromarray(pixels).save(name, **options)


def tree(folder="."):
    """All files in a folder and below, as text."""
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*")
                  if path.is_file())


# --- which photos, and where their results go ----------------------------------------------


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


def test_the_quality_is_that_of_jpeg():
    saved("a.png", size=(64, 64))
    sizes = []
    for quality in (20, 95):
        assert command("a.png", "-o", f"{quality}.jpg", "--quality", quality) == 0
        sizes.append(Path(f"{quality}.jpg").stat().st_size)
    assert command("a.png", "-o", "default.jpg") == 0
    assert 2 * sizes[0] < sizes[1] == Path("default.jpg").stat().st_size


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


def test_metadata_are_kept_unless_stripped():
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    saved("a.jpg", exif=exif, dpi=(300, 300))
    assert command("a.jpg") == command("a.jpg", "--strip", "-o", "bare.jpg") == 0
    kept, bare = Image.open("a_x2.jpg"), Image.open("bare.jpg")
    assert kept.getexif()[0x010F] == "A camera" and kept.info["dpi"] == (300, 300)
    assert not bare.getexif() and b"A camera" not in Path("bare.jpg").read_bytes()


# --- going on where it was left ------------------------------------------------------------


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


def test_a_comparison_that_is_missing_is_added_and_the_result_stays():
    saved("f/a.png")
    assert command("f") == 0
    before = Path("f_x2/a_x2.png").stat().st_mtime_ns
    assert command("f", "--compare") == command("f", "--compare", "page") == 0
    assert tree("f_x2") == ["a_x2.png", "a_x2_compare.html", "a_x2_compare.png"]
    assert Path("f_x2/a_x2.png").stat().st_mtime_ns == before


def test_compare_takes_no_photo_for_its_kind():
    saved("a.png")
    assert command("--compare", "a.png") == 0
    assert tree() == ["a.png", "a_x2.png", "a_x2_compare.png"]


@pytest.mark.parametrize("name, kind", [("a.png", "png"), ("a.tif", "png"), ("a.jpg", "jpeg"),
                                        ("a.webp", "webp")])
def test_the_page_shows_the_result_in_a_format_of_browsers(name, kind):
    saved(name)
    assert command(name, "--compare", "page") == 0
    page = Path("a_x2_compare.html").read_text(encoding="utf-8")
    assert page.count(f'src="data:image/{kind};base64,') == 2 and f">{name}</h1>" in page
    assert command(name, "--compare", "page", "-o", "a_x2" + name[1:]) == 1  # both exist


# --- the source stays ----------------------------------------------------------------------


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


# --- what does not stop a folder -----------------------------------------------------------


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
    compiled, tried = zoom._compiled, []

    def short(network):
        run = compiled(network)

        def run_small(tile):
            tried.append(tile.shape[2])
            if tile.shape[2] > enough + 16:
                raise error
            return run(tile)

        return run_small

    monkeypatch.setattr(zoom, "_compiled", short)
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
    compiled, widths = zoom._compiled, []
    monkeypatch.setattr(zoom, "_compiled", lambda network: lambda tile: (
        widths.append(tile.shape[2]), compiled(network)(tile))[1])
    assert command("a.png", "--tile", 100) == 0
    assert len(widths) > 3 and max(widths) < 100 + 32


def test_the_limit_of_pixels_can_be_raised_and_is_told(capsys):
    saved("a.png", size=(300, 200))
    assert command("a.png", "--max-megapixels", 0.05) == 1
    message = capsys.readouterr().err
    assert "0.1 megapixels" in message and "--max-megapixels" in message
    assert command("a.png", "--max-megapixels", 0.06) == 0


def test_what_is_too_large_for_its_format_is_said_before_the_work(capsys, monkeypatch):
    saved("a.png", size=(9000, 1))
    monkeypatch.setattr(files, "read_picture", None)
    assert command("a.png", "--format", "webp") == 1
    assert "WEBP holds 16383 pixels" in capsys.readouterr().err
    assert command("a.png", "--scale", 1, "--compare", "--format", "webp") == 1
    assert "has 18008" in capsys.readouterr().err


@not_on_windows
def test_names_with_odd_letters_are_printed_in_one_line(capsys):
    saved("a\nb\x1b[31m.png")
    assert command("a\nb\x1b[31m.png") == 0
    assert capsys.readouterr().out.startswith(r"a\nb\x1b[31m_x2.png: 24x20 pixels")


@not_on_windows
def test_long_names(capsys):
    saved("a" * 245 + ".png", "b" * 250 + ".png")
    assert command("a" * 245 + ".png", "b" * 250 + ".png", "c" * 300 + ".png") == 1
    assert Path("a" * 245 + "_x2.png").exists()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and all("too long" in line for line in lines)


def test_an_empty_name_is_not_the_current_folder(capsys):
    saved("a.png")
    assert command("") == 1
    assert "found ''" in capsys.readouterr().err and tree() == ["a.png"]


# --- what is shown -------------------------------------------------------------------------


def test_the_help_fits_a_screen(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as stop:
        zoom.main(["--help"])
    lines = capsys.readouterr().out.splitlines()
    assert stop.value.code == 0 and len(lines) <= 28 and max(map(len, lines)) <= 80
    assert any("exit codes: 0 " in line for line in lines)


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


# --- in a process of its own ---------------------------------------------------------------

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
    assert command("f") == 0
    results = sorted(Path("f_x2").glob("*.png"))
    assert [path.name for path in results] == ["a_x2.png", "b_x2.png"]
    for path in results:
        np.testing.assert_array_equal(
            np.asarray(Image.open(path)),
            zoom.enhance(np.asarray(Image.open(f"f/{path.name[0]}.png")), BICUBIC))


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
    enlarged = zoom._enlarged

    def signalled(*arguments):
        try:
            signal.raise_signal(signal.SIGTERM)
        except KeyboardInterrupt:
            pass  # as Python does it in a destructor
        return enlarged(*arguments)

    monkeypatch.setattr(zoom, "_enlarged", signalled)
    assert command("a.png") == 143
    assert tree() == ["a.png"] and capsys.readouterr().err == "zoom: stopped\n"
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL

"""The command on odd arguments: whatever they are, it ends as it says."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from zooming import BICUBIC

from shared import zoom

NAMES = ["a.png", "b.jpg", "soft.png", "deep.png", "folder", "empty", "bad.png", "notes.txt",
         "*.png", "fold*", "**/*", "gone.png", ".", "./folder/../a.png", "photo.tif", "a.png/x",
         "loop.png"]
ODD = ["", " ", "-", "--", "-x", "[", "*", "?", "\0", "a\nb", "\udcff.png", "照片.png", "\x1b[2J",
       "~", "a" * 300, "a" * 250 + ".png", "/", "//", "..", "con", "nul.png", "a:b", "%s", "{}"]
names = st.sampled_from(NAMES) | st.sampled_from(ODD) | st.text(max_size=6)
numbers = st.sampled_from(["0", "1", "2", "3.3", "4", "1.0001", "-1", "nan", "inf", "1e400",
                           "9" * 5000, "", "x", "٢", "1_0", "20", "24", "3x3", "3,3", "0,0",
                           "3x0", "20,20"])
OPTIONS = ["--scale", "--width", "--at", "--size", "--format", "--quality", "--tile", "--compare",
           "--max-megapixels", "-o", "--output", "--model"]
FLAGS = ["--strip", "--overwrite", "--compare", "--force", "--nothing", "--", "-oout", "--at=2,2",
         "--size=3x3", "--scale=1.5", "--compare=page", "--format=png"]
valued = st.tuples(st.sampled_from(OPTIONS), numbers | st.sampled_from(
    ["png", "jpg", "webp", "tif", "page", "picture", "bicubic", "out", "x/y/", "out.png"]) | names)
words = st.lists(names.map(lambda name: (name,)) | valued
                 | st.sampled_from(FLAGS).map(lambda flag: (flag,)), max_size=6)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder with tiny pictures, sound and damaged."""
    folder = tmp_path_factory.mktemp("pictures")
    pixels = np.random.default_rng(0).integers(0, 256, (5, 6, 4), "uint8")
    (folder / "folder/inside").mkdir(parents=True)
    (folder / "empty").mkdir()
    for name in ("a.png", "b.jpg", "folder/c.png", "folder/inside/d.webp", "photo.tif"):
        Image.fromarray(pixels[..., :3]).save(folder / name)
    Image.fromarray(pixels).save(folder / "soft.png")
    Image.fromarray(pixels[..., 0].astype("uint16") * 257).save(folder / "deep.png")
    (folder / "bad.png").write_bytes((folder / "a.png").read_bytes()[:60])
    (folder / "notes.txt").write_text("no picture")
    with contextlib.suppress(OSError):  # on Windows without the right to make links
        os.symlink("loop.png", folder / "loop.png")
    return folder


@pytest.mark.slow
@settings(derandomize=True, deadline=None, max_examples=300, database=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=words)
def test_any_command_line_ends_with_an_exit_code_and_a_line_per_problem(
        words, pictures, monkeypatch, capsys):
    words = [word for group in words for word in group]
    if any(os.path.isabs(word) for word in words):
        return  # other folders are none of a test's business
    monkeypatch.setattr(zoom, "load_network", lambda name: BICUBIC)
    with tempfile.TemporaryDirectory() as place:
        folder = shutil.copytree(pictures, Path(place, "deep", "er"), symlinks=True)
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        monkeypatch.chdir(folder)
        capsys.readouterr()
        try:
            code = zoom.main(words)
        except SystemExit as stop:
            code = stop.code
        shown = capsys.readouterr()
        assert code in (0, 1, 2)
        problems = shown.err.splitlines()
        assert bool(problems) == (code != 0) and all(line.startswith("zoom: ") for line in problems)
        assert code != 2 or len(problems) == 1
        assert "Traceback" not in shown.err and max(map(len, problems), default=0) < 800
        if "--help" not in words and "-h" not in words:
            assert all("pixels in " in line or line.startswith("zoom: ")
                       for line in shown.out.splitlines())
        assert not list(Path(place).rglob("*.part"))
        for path, content in before.items():  # the sources stay
            assert path.read_bytes() == content
        for path in folder.rglob("*_x[0-9]*.png"):
            with Image.open(path) as image:
                image.load()
        monkeypatch.chdir(pictures)

"""DIV2K arrives complete from a server that breaks off, sends other files, or is not there.

The server of these tests runs on the loopback interface.
"""

import hashlib
import io
import os
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from shared import runtime, train
from shared.data import div2k, patches
from shared.recipes import lesson06
from shared.training import store, trainer

TRAIN, TEST = div2k.ARCHIVES["train"].name, div2k.ARCHIVES["test"].name
HEIGHT, WIDTH = 140, 150


def photograph(number):
    """The picture of that number: noise, which is cut at random sizes as photographs are."""
    return np.random.default_rng(number).integers(0, 256, (HEIGHT, WIDTH, 3), "uint8")


def zipped(numbers):
    """An archive with the official layout that holds small pictures."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("DIV2K/", "")
        for number in numbers:
            png = io.BytesIO()
            Image.fromarray(photograph(number)).save(png, "PNG")
            archive.writestr(f"DIV2K/{number:04}.png", png.getvalue())
    return file.getvalue()


def described(name, content, pictures):
    return div2k.Archive(name, len(content), hashlib.sha256(content).hexdigest(), pictures)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        start = self.headers.get("Range")
        server.asked.append(start)
        content = server.content.get(self.path.rsplit("/", 1)[-1])
        if content is None:
            return self.send_error(404)
        begin = int(start[6:-1]) if start and server.ranges else 0
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        body = content[begin:]
        if server.cuts:  # send this many bytes, then close the connection
            body = body[:server.cuts.pop(0)]
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A server of two small archives; DIV2K is looked for there and kept in a new folder."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.content = {TRAIN: zipped(range(1, 9)), TEST: zipped(range(801, 804))}
    server.asked, server.cuts, server.ranges = [], [], True
    monkeypatch.setattr(div2k, "ARCHIVES", {
        "train": described(TRAIN, server.content[TRAIN], 8),
        "test": described(TEST, server.content[TEST], 3)})
    monkeypatch.setenv("DIV2K_URL", f"http://127.0.0.1:{server.server_port}/DIV2K/")
    monkeypatch.setenv("ZOOM_DATA", str(tmp_path))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "div2k"


def is_whole(split="train", first=1, count=8):
    pictures = list(div2k.load_div2k(split))
    assert len(pictures) == count
    for number, picture in enumerate(pictures, first):
        np.testing.assert_array_equal(picture, photograph(number))


def test_both_splits_arrive_and_nothing_else_is_left(server, folder):
    is_whole()
    is_whole("test", 801, 3)
    assert sorted(os.listdir(folder)) == [".gitignore", TRAIN, TEST]


def test_archives_that_are_there_are_not_downloaded_again(server):
    is_whole()
    is_whole()
    assert len(server.asked) == 1


def test_a_broken_download_continues_where_it_stopped(server):
    server.cuts = [10_000, 20_000]
    is_whole()
    assert server.asked == ["bytes=0-", "bytes=10000-", "bytes=30000-"]


def test_with_a_server_without_ranges_the_download_starts_again(server):
    server.cuts, server.ranges = [10_000], False
    is_whole()
    assert server.asked == ["bytes=0-", "bytes=10000-"]


def test_a_download_that_fails_for_good_is_kept_and_continued_by_the_next_call(server):
    server.cuts = [10_000] + [0] * div2k.TRIES
    with pytest.raises(OSError, match=r"10,000 of .* are kept. Run this again.*photographs of the"):
        is_whole()
    server.asked.clear()
    is_whole()
    assert server.asked == ["bytes=10000-"]


def test_a_part_longer_than_the_file_is_downloaded_again(server, folder):
    folder.mkdir()
    (folder / f"{TRAIN}.part").write_bytes(bytes(1_000_000))
    is_whole()


def test_a_part_that_was_damaged_is_downloaded_again(server, folder):
    folder.mkdir()
    (folder / f"{TRAIN}.part").write_bytes(bytes(10_000))
    is_whole()


def test_a_server_with_another_file_is_refused_and_nothing_is_kept(server, folder):
    sound = server.content[TRAIN]
    server.content[TRAIN] = sound[:9000] + b"xxxx" + sound[9004:]
    with pytest.raises(ValueError, match="not the official file.*DIV2K_URL.*photographs of the"):
        is_whole()
    assert os.listdir(folder) == [".gitignore"]
    server.content[TRAIN] = sound
    is_whole()


def test_a_file_that_the_server_lacks_says_what_to_do(server):
    server.content.clear()
    with pytest.raises(OSError, match="404.*photographs of the course"):
        is_whole()


def test_offline_the_error_names_the_photographs_of_the_course(server, monkeypatch):
    monkeypatch.setenv("DIV2K_URL", "http://127.0.0.1:9/")
    with pytest.raises(OSError, match="could not be downloaded.*photographs of the course"):
        is_whole()


def test_a_full_disk_is_found_before_anything_is_downloaded(server, monkeypatch):
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(div2k.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OSError, match="free: make room.*photographs of the course"):
        is_whole()
    assert not server.asked


def with_archive(server, monkeypatch, content):
    server.content[TRAIN] = content
    monkeypatch.setitem(div2k.ARCHIVES, "train", described(TRAIN, content, 8))


def test_an_archive_with_a_picture_missing_is_refused(server, monkeypatch):
    with_archive(server, monkeypatch, zipped(range(1, 8)))
    with pytest.raises(ValueError, match="7 pictures, expected 8.*delete it and run this again"):
        is_whole()


def test_a_picture_that_was_damaged_is_refused(server, monkeypatch):
    content = server.content[TRAIN]
    with_archive(server, monkeypatch, content[:9000] + b"xxxx" + content[9004:])
    with pytest.raises(ValueError, match="cannot be read .*delete it and run this again"):
        is_whole()


def test_an_unknown_split_is_refused_by_name():
    with pytest.raises(ValueError, match="'valid': choose train or test"):
        next(div2k.load_div2k("valid"))


def test_the_tiles_are_those_of_the_photographs_and_are_made_once(server, folder):
    tiles = div2k.div2k_tiles(random_sizes=1, seed=3)
    rng = np.random.default_rng(3)
    wanted = patches.cut_tiles(
        patches.at_random_sizes(map(photograph, range(1, 9)), 1, rng))
    for found, expected in zip(tiles, wanted, strict=True):
        np.testing.assert_array_equal(found, expected)
    (folder / TRAIN).unlink()
    server.content.clear()
    again = div2k.div2k_tiles(random_sizes=1, seed=3)
    np.testing.assert_array_equal(again.truth, tiles.truth)


def test_an_interruption_while_tiles_are_made_leaves_none(server, folder, monkeypatch):
    made = patches.cut_tiles

    def stop(pairs):
        raise KeyboardInterrupt

    monkeypatch.setattr(patches, "cut_tiles", stop)
    with pytest.raises(KeyboardInterrupt):
        div2k.div2k_tiles(random_sizes=0)
    monkeypatch.setattr(patches, "cut_tiles", made)
    assert len(div2k.div2k_tiles(random_sizes=0).low_res) == 8 * 4


@pytest.mark.slow
def test_the_command_trains_on_div2k_and_the_card_says_so(
        server, folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(lesson06, "EPOCH", 2)
    monkeypatch.setitem(lesson06.DIV2K_RECIPES, "srcnn_div2k", lesson06.photo_recipe(
        "small", lesson06.papers.srcnn_with_shortcut, lesson06.DIV2K,
        steps=4, side=32, batch_size=2, squared=0.5, finish=lesson06.papers.absorb))
    monkeypatch.setattr(lesson06, "course_sets", lambda: {})
    monkeypatch.setattr(runtime, "fast_bfloat16", lambda: False)
    monkeypatch.setattr(trainer, "checkpoint_folder", lambda name: tmp_path / "training" / name)
    train.main(["srcnn", "--photos", "div2k"])
    card = store.read_card("srcnn_div2k")
    assert card["data"].startswith("DIV2K, 800 photographs")
    wanted = lesson06.mean_psnr_and_ssim(store.load("srcnn_div2k"),
                                         map(photograph, range(801, 804)))
    assert card["test"]["psnr_div2k"] == pytest.approx(wanted[0], abs=1e-4)
    assert "psnr_div2k" in capsys.readouterr().out
    assert not store.exists("srcnn")

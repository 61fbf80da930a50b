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

from shared.data import div2k
from shared.images import luma


def zipped(name, numbers):
    """An archive with the official layout that holds small pictures of noise."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{name}/", "")
        for number in numbers:
            picture = np.random.default_rng(number).integers(0, 256, (40, 56, 3), "uint8")
            png = io.BytesIO()
            Image.fromarray(picture).save(png, "PNG")
            archive.writestr(f"{name}/{number:04}.png", png.getvalue())
    return file.getvalue()


def described(name, content, first, last):
    return div2k.Archive(name, len(content), hashlib.sha256(content).hexdigest(), first, last)


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
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    content = {"DIV2K_train_HR.zip": zipped("DIV2K_train_HR", range(1, 9)),
               "DIV2K_valid_HR.zip": zipped("DIV2K_valid_HR", range(801, 804))}
    server.content, server.asked, server.cuts, server.ranges = content, [], [], True
    server.archives = {
        "train": described("DIV2K_train_HR", content["DIV2K_train_HR.zip"], 1, 8),
        "test": described("DIV2K_valid_HR", content["DIV2K_valid_HR.zip"], 801, 803)}
    server.base = f"http://127.0.0.1:{server.server_port}/DIV2K/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def fetch(server, where, split="train"):
    return div2k.div2k(split, base=server.base, where=where, archives=server.archives)


def is_whole(files, count=8):
    assert [file.name for file in files] == [f"{n:04}.png" for n in range(1, count + 1)]
    for number, file in enumerate(files, 1):
        wanted = np.random.default_rng(number).integers(0, 256, (40, 56, 3), "uint8")
        np.testing.assert_array_equal(np.asarray(Image.open(file)), wanted)


def test_both_splits_arrive_and_nothing_else_is_left(server, tmp_path, capsys):
    is_whole(fetch(server, tmp_path))
    assert [f.name for f in fetch(server, tmp_path, "test")] == ["0801.png", "0802.png",
                                                                  "0803.png"]
    assert sorted(os.listdir(tmp_path)) == [".gitignore", "DIV2K_train_HR", "DIV2K_valid_HR"]
    assert "DIV2K_train_HR.zip: 100%" in capsys.readouterr().err


def test_pictures_that_are_there_are_not_downloaded_again(server, tmp_path):
    first = fetch(server, tmp_path)
    assert len(server.asked) == 1
    assert fetch(server, tmp_path) == first and len(server.asked) == 1


def test_the_address_can_be_set_in_the_environment(server, tmp_path, monkeypatch):
    monkeypatch.setenv("DIV2K_URL", server.base)
    is_whole(div2k.div2k("train", where=tmp_path, archives=server.archives))


def test_a_broken_download_continues_where_it_stopped(server, tmp_path):
    server.cuts = [10_000, 20_000]
    is_whole(fetch(server, tmp_path))
    assert server.asked == [None, "bytes=10000-", "bytes=30000-"]


def test_with_a_server_without_ranges_the_download_starts_again(server, tmp_path):
    server.cuts, server.ranges = [10_000], False
    is_whole(fetch(server, tmp_path))
    assert server.asked == [None, "bytes=10000-"]


def test_a_download_that_fails_for_good_is_kept_and_continued_by_the_next_call(server, tmp_path):
    server.cuts = [10_000] + [0] * div2k.TRIES
    with pytest.raises(OSError, match="10,000 of .* are kept") as error:
        fetch(server, tmp_path)
    assert "photos(split)" in str(error.value)
    server.asked.clear()
    is_whole(fetch(server, tmp_path))
    assert server.asked == ["bytes=10000-"]


def test_a_part_longer_than_the_file_is_deleted(server, tmp_path):
    (tmp_path / "DIV2K_train_HR.zip.part").write_bytes(bytes(100_000))
    is_whole(fetch(server, tmp_path))


def test_a_damaged_file_is_refused_and_downloaded_again_by_the_next_call(server, tmp_path):
    sound = server.content["DIV2K_train_HR.zip"]
    server.content["DIV2K_train_HR.zip"] = sound[:9000] + b"xxxx" + sound[9004:]
    with pytest.raises(ValueError, match="sha256 .* run this again"):
        fetch(server, tmp_path)
    assert os.listdir(tmp_path) == [".gitignore"]
    server.content["DIV2K_train_HR.zip"] = sound
    is_whole(fetch(server, tmp_path))


def test_a_file_of_another_size_is_refused_before_it_is_downloaded(server, tmp_path):
    server.content["DIV2K_train_HR.zip"] += b"more"
    with pytest.raises(ValueError, match="is another file. Check DIV2K_URL"):
        fetch(server, tmp_path)


def test_a_file_that_the_server_lacks_says_what_to_do(server, tmp_path):
    server.content.clear()
    with pytest.raises(FileNotFoundError, match=r"404.*DIV2K_URL.*photos\(split\)"):
        fetch(server, tmp_path)
    assert len(server.asked) == 1


def test_offline_the_error_names_the_photos_that_need_no_download(server, tmp_path):
    with pytest.raises(OSError, match=r"could not be downloaded.*photos\(split\), which works "
                                      "offline"):
        div2k.div2k("train", base="http://127.0.0.1:9/", where=tmp_path,
                       archives=server.archives)


def test_a_full_disk_is_found_before_anything_is_downloaded(server, tmp_path, monkeypatch):
    usage = type("Usage", (), {"free": server.archives["train"].size})
    monkeypatch.setattr(div2k.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OSError, match=r"free: make room.*photos\(split\)"):
        fetch(server, tmp_path)
    assert not server.asked


def refused_when_unpacked(server, tmp_path, content, match):
    server.content["DIV2K_train_HR.zip"] = content
    server.archives["train"] = described("DIV2K_train_HR", content, 1, 8)
    with pytest.raises(ValueError, match=match):
        fetch(server, tmp_path)
    assert os.listdir(tmp_path) == [".gitignore"]


def test_an_archive_with_an_image_missing_leaves_nothing_half_done(server, tmp_path):
    refused_when_unpacked(server, tmp_path, zipped("DIV2K_train_HR", range(1, 8)),
                          "7 images, expected 8")


def test_a_picture_whose_crc_is_wrong_leaves_nothing_half_done(server, tmp_path):
    content = server.content["DIV2K_train_HR.zip"]
    refused_when_unpacked(server, tmp_path, content[:9000] + b"xxxx" + content[9004:], "CRC")


def test_an_interrupted_unpacking_is_done_again(server, tmp_path):
    (tmp_path / "DIV2K_train_HR.part").mkdir()
    (tmp_path / "DIV2K_train_HR.part" / "0001.png").write_bytes(b"half")
    is_whole(fetch(server, tmp_path))


def test_an_image_deleted_later_says_what_to_do(server, tmp_path):
    fetch(server, tmp_path)[2].unlink()
    with pytest.raises(FileNotFoundError, match="the first is 0003.png: delete that folder"):
        fetch(server, tmp_path)


def test_an_unknown_split_is_refused_by_name():
    with pytest.raises(ValueError, match="'valid': choose train or test"):
        div2k.div2k("valid")


def test_patches_are_luma_cut_from_the_files(server, tmp_path):
    files = fetch(server, tmp_path)
    stream = div2k.patches(files, size=16, batch=4, per_image=3, seed=1)
    batches = [batch.numpy() for batch in stream.take(12)]
    assert all(batch.shape == (4, 16, 16, 1) and batch.dtype == np.float32 for batch in batches)
    whole = [luma.luma(np.asarray(Image.open(file))) for file in files]
    windows = [np.lib.stride_tricks.sliding_window_view(image[..., 0], (16, 16))
               for image in whole]
    origins = set()
    for patch in np.concatenate(batches):
        pixels = np.rint(255 * patch[..., 0])
        hits = [(number, *map(int, corner)) for number, view in enumerate(windows)
                for corner in np.argwhere((view == pixels).all(axis=(2, 3)))]
        assert len(hits) == 1
        origins.add(hits[0])
    assert {number for number, _, _ in origins} == set(range(8)) and len(origins) > 40


def test_patches_are_the_same_for_the_same_seed(server, tmp_path):
    files = fetch(server, tmp_path)
    one, same, other = ([batch.numpy() for batch in
                         div2k.patches(files, 16, 4, 3, seed=seed).take(12)] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_picture_smaller_than_a_patch_is_refused(server, tmp_path):
    import tensorflow as tf

    files = fetch(server, tmp_path)
    with pytest.raises(tf.errors.InvalidArgumentError, match="smaller than a patch of 64x64"):
        next(iter(div2k.patches(files, size=64)))

"""What the live demo is made of: chosen digits, cached networks, and a page without holes."""

import base64
import gzip
import json
import re
import threading
import urllib.request

import keras
import numpy as np
import pytest

from shared.tools.site import demo
from shared.tools.site.demo import __main__ as command


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "CACHE", tmp_path / "cache")
    return demo.CACHE


def rows(*probabilities):
    """Probabilities (n, 10) of which only some are given: one dict of class to value per row."""
    result = np.full((len(probabilities), 10), 1e-3)
    for row, given in zip(result, probabilities, strict=True):
        for digit, value in given.items():
            row[digit] = value
    return result


def test_misread_digits_are_read_right_before_and_alike_but_wrong_after():
    labels = np.array([4, 4, 4, 4, 7])
    before = rows({4: 0.9}, {4: 0.9}, {9: 0.9}, {4: 0.9}, {7: 0.99})
    after_a = rows({9: 0.8}, {9: 0.95}, {9: 0.99}, {9: 0.99}, {7: 0.9})
    after_b = rows({9: 0.8}, {9: 0.7}, {9: 0.99}, {8: 0.99}, {7: 0.9})
    assert demo.misread([before, before], [after_a, after_b], labels) == [0]


def test_ambiguous_digits_have_two_likely_classes_and_one_is_true():
    labels = np.array([4, 4, 4, 4, 9])
    given = rows({4: 0.5, 9: 0.3}, {4: 0.9, 9: 0.1}, {1: 0.4, 9: 0.35, 4: 0.25}, {9: 0.7, 4: 0.3},
                 {4: 0.4, 9: 0.4})
    assert demo.ambiguous(given, labels) == [0, 3, 4]
    assert demo.ambiguous(given, labels, per_class=1) == [0, 4]
    assert demo.ambiguous(given, labels, least=0.05) == [0, 1, 3, 4]


def test_softmax_of_large_logits():
    np.testing.assert_allclose(demo.softmax(np.array([[1000.0, 1000.0, 0.0]])), [[0.5, 0.5, 0.0]])


def test_lessons_are_found_by_their_topic(tmp_path):
    (tmp_path / "12_many_answers.ipynb").touch()
    assert demo.lesson("many_answers", tmp_path) == "12_many_answers"
    assert demo.lesson("limits|many_answers", tmp_path) == "12_many_answers"
    with pytest.raises(FileNotFoundError, match="links to a lesson on answers, and notebooks/"):
        demo.lesson("answers", tmp_path)


def test_each_photo_is_credited():
    credits = demo.photo_credits()
    assert list(credits) == list(demo.PHOTOS)
    assert credits["dogs"] == ["friends", "Aitzol Berasategi, 2018", "CC BY 4.0"]


def test_a_network_is_exported_once_per_weights(cache, tmp_path, monkeypatch):
    pytest.importorskip("tf2onnx")
    folder, exports = tmp_path / "weights", []
    folder.mkdir()
    monkeypatch.setattr(demo.paths, "weights_folder", lambda: folder)

    def load(name):
        exports.append(name)
        image = keras.Input((None, None, 1))
        convolution = keras.layers.Conv2D(64, 3, padding="same")
        model = keras.Model(image, convolution(image), name=name)
        convolution.kernel.assign(np.full((3, 3, 1, 64), 1 / 3))  # no float16 number
        return model

    monkeypatch.setattr(demo.weights, "load", load)
    (folder / "small.keras").write_bytes(b"first")
    path = demo.network_file("small")
    assert demo.network_file("small") == path and exports == ["small"]
    assert [file.name for file in cache.iterdir()] == [path.name]

    (folder / "small.keras").write_bytes(b"second")
    monkeypatch.setattr(demo, "FLOAT16_TOLERANCE", 1e-6)
    exact = demo.network_file("small")
    assert exact != path and exports == ["small", "small"]
    assert exact.stat().st_size > path.stat().st_size + 200  # stored as float32
    assert sorted(file.name for file in cache.iterdir()) == sorted([path.name, exact.name])


def test_without_npm_the_error_tells_what_to_install(cache, monkeypatch):
    monkeypatch.setattr(demo.shutil, "which", lambda name: None)
    monkeypatch.setattr(demo.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="install Node.js, or run .*pip install nodejs-wh"):
        demo.javascript()


def test_a_failed_npm_is_reported_and_leaves_no_half_made_folder(cache, monkeypatch):
    monkeypatch.setattr(demo, "_npm", lambda: [demo.sys.executable, "-c",
                                               "import sys; sys.exit('no internet')"])
    for _ in range(2):
        with pytest.raises(RuntimeError, match="needs the internet once: no internet"):
            demo.javascript()


def test_what_npm_fetches_is_pinned_with_a_sum_and_without_a_host():
    lock = json.loads((demo.SOURCE / "package-lock.json").read_text())
    wanted = json.loads((demo.SOURCE / "package.json").read_text())["dependencies"]
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert not any("resolved" in package for package in packages.values())
    for name, version in wanted.items():
        assert packages[f"node_modules/{name}"]["version"] == version


@pytest.fixture
def page(cache, tmp_path, monkeypatch):
    """The page, with short texts in the place of the runtime and the networks."""
    for name in (*demo.RUNTIME.values(), *demo.NETWORKS):
        (tmp_path / name).write_bytes(f"this is {name}".encode())
    monkeypatch.setattr(demo, "javascript", lambda: tmp_path)
    monkeypatch.setattr(demo, "network_file", lambda name: tmp_path / name)
    monkeypatch.setattr(demo, "digits", lambda: {"digits": [], "game": [], "read_right": 87})
    return demo.build(tmp_path / "site" / "demo").read_text(encoding="utf-8")


def test_the_page_holds_everything_and_asks_for_nothing(page):
    assert not re.search(r"\{\{[\w:.|]+\}\}", page) and "87 correctly" in page
    assert "default-src 'none'" in page
    assert not re.search(r'(src|href)="(?!data:|#|\.\./)', page)
    blocks = dict(re.findall(r'<script id="([\w-]+)" type="text/plain">([\w+/=]+)</script>', page))
    for name, file in (demo.RUNTIME | {f"network-{name}": name for name in demo.NETWORKS}).items():
        assert gzip.decompress(base64.b64decode(blocks[name])) == f"this is {file}".encode()
    for name in demo.PHOTOS:
        assert base64.b64decode(blocks[f"photo-{name}"])[8:12] == b"WEBP"


def test_the_page_links_to_lessons_and_explains_its_numbers(page):
    settings = json.loads(re.search(r'<script id="settings".*?>(.*?)</script>', page)[1])
    assert settings["reach"] == demo.cost.reach(demo.store.load("zoom"))
    for name in re.findall(r'href="\.\./(\d\w+)\.html"', page):
        assert (demo.paths.ROOT / "notebooks" / f"{name}.ipynb").exists()


def test_the_page_is_served_to_this_machine_only(tmp_path):
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "index.html").write_text("a page")
    with command.server(tmp_path) as serving:
        assert serving.server_address[0] == "127.0.0.1"
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{serving.server_port}/demo/index.html"
        try:
            assert urllib.request.urlopen(address).read() == b"a page"
        finally:
            serving.shutdown()
            thread.join()


def test_the_command_reports_what_is_missing(monkeypatch):
    def build(folder):
        raise FileNotFoundError("the demo needs npm once")

    monkeypatch.setattr(demo, "build", build)
    with pytest.raises(SystemExit, match="demo: the demo needs npm once"):
        command.main([])

"""The data are the official ones, and a damaged file says how to fix it."""

import hashlib
import re
import sys
import zipfile

import keras
import numpy as np
import pytest
from conftest import ROOT

from shared.data import datasets

DATA = ROOT / "data"


@pytest.mark.parametrize("name, train", [("digits", 50_000), ("clothes", 55_000)])
def test_sizes_types_and_ranges_are_as_promised(name, train, request):
    split = request.getfixturevalue(name)
    for part, count in (("train", train), ("val", 5_000), ("test", 10_000)):
        x, y = getattr(split, f"x_{part}"), getattr(split, f"y_{part}")
        assert x.shape == (count, 28, 28, 1) and x.dtype == np.float32
        assert y.shape == (count,) and y.dtype == np.uint8
        assert x.min() == 0.0 and x.max() == 1.0
        assert set(np.unique(y)) == set(range(10))


def test_the_mnist_test_set_is_the_official_one_in_the_official_order(digits):
    assert np.bincount(digits.y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028,
                                                   974, 1009]
    assert digits.y_test[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert digits.x_test.mean(dtype="float64") == pytest.approx(0.1325, abs=5e-5)


def test_mnist_training_starts_at_the_official_image_5000(digits):
    # The first labels of the split that Google's tutorials made common.
    assert digits.y_train[:10].tolist() == [7, 3, 4, 6, 1, 8, 1, 0, 9, 8]


def test_the_fashion_sets_are_the_official_ones_in_the_official_order(clothes):
    assert np.bincount(clothes.y_test).tolist() == [1000] * 10
    assert clothes.y_test[:5].tolist() == [9, 2, 1, 1, 6]
    assert clothes.y_train[:5].tolist() == [9, 0, 0, 3, 0]
    labels = np.concatenate([clothes.y_train, clothes.y_val])
    assert np.bincount(labels).tolist() == [6000] * 10
    total = sum(x.sum(dtype="float64") for x in (clothes.x_train, clothes.x_val))
    assert total / (60_000 * 784) == pytest.approx(0.2860, abs=5e-5)
    assert datasets.FASHION_NAMES[9] == "ankle boot" and len(datasets.FASHION_NAMES) == 10


def test_no_test_image_is_among_the_training_images(digits):
    seen = {image.tobytes() for image in digits.x_train}
    assert not any(image.tobytes() in seen for image in digits.x_test)


@pytest.fixture
def other(tmp_path, monkeypatch):
    """An empty data folder, which is used instead of the course's."""
    monkeypatch.setenv("ZOOM_DATA", str(tmp_path))
    return tmp_path


def check_advice(error, path):
    """The message names the file or its folder, and the commands that fix it."""
    text, name = str(error.value), path.stem
    assert str(path) in text or str(path.parent) in text
    assert f"git checkout data/{name}.npz" in text and f"python data/make_data.py {name}" in text


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_a_missing_file_says_how_to_fix_it(name, other):
    with pytest.raises(FileNotFoundError, match="missing") as error:
        getattr(datasets, name)()
    check_advice(error, other / f"{name}.npz")


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"PK\x03\x04" + bytes(200)],
                         ids=["empty", "not a zip", "only the start of a zip"])
def test_a_file_that_is_not_an_archive_says_how_to_fix_it(content, other):
    path = other / "mnist.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="mnist.npz") as error:
        datasets.mnist()
    check_advice(error, path)


@pytest.mark.parametrize("share", [0.1, 0.999])
def test_a_truncated_file_says_how_to_fix_it(share, other):
    whole = (DATA / "mnist.npz").read_bytes()
    path = other / "mnist.npz"
    path.write_bytes(whole[:int(share * len(whole))])
    with pytest.raises(ValueError, match="mnist.npz") as error:
        datasets.mnist()
    check_advice(error, path)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
@pytest.mark.parametrize("place", [40, 100_000], ids="{} bytes in".format)
def test_a_flipped_byte_inside_an_array_says_how_to_fix_it(name, place, other):
    path = other / f"{name}.npz"
    whole = bytearray((DATA / path.name).read_bytes())
    with zipfile.ZipFile(DATA / path.name) as archive:
        entry = archive.getinfo("x_train.npy")
    whole[entry.header_offset + 30 + len(entry.filename) + place] ^= 0xFF
    path.write_bytes(whole)
    with pytest.raises(ValueError, match=name) as error:
        getattr(datasets, name)()
    check_advice(error, path)


@pytest.mark.parametrize("place, flip", [(6, 0xFF), (8, 0x01), (8, 0x20), (10, 0xFF)],
                         ids=["version", "encrypted", "patched", "method"])
def test_a_flipped_byte_in_the_table_of_contents_says_how_to_fix_it(place, flip, other):
    path = other / "mnist.npz"
    whole = bytearray((DATA / "mnist.npz").read_bytes())
    with zipfile.ZipFile(DATA / "mnist.npz") as archive:
        whole[archive.start_dir + place] ^= flip
    path.write_bytes(whole)
    with pytest.raises(ValueError, match="mnist.npz") as error:
        datasets.mnist()
    check_advice(error, path)


def test_sound_archives_of_other_images_are_refused(other):
    path = other / "mnist.npz"
    np.savez(path, x_train=np.zeros((6, 28, 28), "uint8"), y_train=np.zeros(6, "uint8"),
             x_test=np.zeros((2, 28, 28), "uint8"), y_test=np.zeros(2, "uint8"))
    with pytest.raises(ValueError, match="not the ones") as error:
        datasets.mnist()
    check_advice(error, path)


def moved_by_one(x_train, y_train, x_test, y_test):
    """The same bytes, with the last image among the labels."""
    y_train = np.concatenate([x_train[-1].ravel(), y_train])
    return x_train[:-1], y_train, x_test, y_test


SAME_BYTES = {
    "int32 with 256 added": lambda x, *rest: (x.astype("int32") + 256, *rest),
    "labels in int64": lambda x, y, *rest: (x, y.astype("int64"), *rest),
    "int8": lambda x, *rest: (x.view("int8"), *rest),
    "rows": lambda x, *rest: (x.reshape(-1, 784), *rest),
    "with a channel": lambda x, *rest: (x[..., None], *rest),
    "an image among the labels": moved_by_one}


@pytest.mark.parametrize("kind", SAME_BYTES)
def test_the_same_bytes_in_another_type_or_shape_are_refused(kind, other, monkeypatch):
    with np.load(DATA / "mnist.npz") as file:
        arrays = [file[key] for key in ("x_train", "y_train", "x_test", "y_test")]
    monkeypatch.setattr(datasets, "_read", lambda name: SAME_BYTES[kind](*arrays))
    with pytest.raises(ValueError, match="not the ones") as error:
        datasets.mnist()
    check_advice(error, other / "mnist.npz")


def test_a_python_without_lzma_says_so_and_not_that_the_file_is_damaged(monkeypatch):
    monkeypatch.setitem(sys.modules, "lzma", None)
    monkeypatch.delenv("ZOOM_DATA", raising=False)
    with pytest.raises(ValueError, match="without liblzma.*python.org.*liblzma-dev") as error:
        datasets.mnist()
    assert "git checkout" not in str(error.value)


def test_an_archive_without_one_of_the_arrays_is_refused(other):
    path = other / "mnist.npz"
    np.savez(path, x_train=np.zeros((6, 28, 28), "uint8"))
    with pytest.raises(ValueError, match="y_train") as error:
        datasets.mnist()
    check_advice(error, path)


@pytest.mark.parametrize("name, fixture, first", [("mnist", "digits", 5000),
                                                  ("fashion_mnist", "clothes", 0)])
def test_without_a_data_folder_the_same_split_comes_from_keras(name, fixture, first, request,
                                                               monkeypatch, tmp_path):
    with np.load(DATA / f"{name}.npz") as file:
        x, y, *test = (file[key] for key in ("x_train", "y_train", "x_test", "y_test"))
    # keras.datasets has all 60,000 images. Black ones replace those that the course leaves out.
    x, y = (np.concatenate([np.zeros((first, *part.shape[1:]), "uint8"), part]) for part in (x, y))
    assert x.shape == (60_000, 28, 28)
    monkeypatch.setenv("ZOOM_DATA", str(tmp_path / "nowhere"))
    monkeypatch.setattr(getattr(keras.datasets, name), "load_data", lambda: ((x, y), tuple(test)))
    wanted = request.getfixturevalue(fixture)
    for found, expected in zip(getattr(datasets, name)(), wanted, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_offline_and_without_a_data_folder_the_error_says_what_to_do(monkeypatch, tmp_path):
    def offline():
        raise OSError("URL fetch failure: Name or service not known")

    monkeypatch.setenv("ZOOM_DATA", str(tmp_path / "nowhere"))
    monkeypatch.setattr(keras.datasets.mnist, "load_data", offline)
    with pytest.raises(FileNotFoundError) as error:
        datasets.mnist()
    for part in ("nowhere", "mnist", "URL fetch failure", "ZOOM_DATA", "connect to the internet"):
        assert part in str(error.value)


def test_the_checksums_in_the_readme_of_the_data_are_those_of_the_files():
    text = (DATA / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"`?([\w./-]+\.\w+)`?[^\n]*?\b([0-9a-f]{64})\b", text)
    assert {"mnist.npz", "fashion_mnist.npz"} <= {name.rsplit("/", 1)[-1] for name, _ in rows}
    for name, sha256 in rows:
        path = DATA / name.removeprefix("data/")
        assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256, name

"""The photographs: undamaged, with authors and licences, no photo in two splits; and Set5."""

import re
import shutil

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image

from shared.data import photos

FOLDER = ROOT / "data" / "photos"


@pytest.fixture(scope="module")
def validation():
    return photos.load_photos("validation")


def test_the_36_photos_are_divided_into_31_and_5_and_none_is_in_both(validation):
    train = photos.load_photos("train")
    assert len(train) == 31 and sorted(validation) == sorted(photos.VALIDATION)
    assert not set(train) & set(validation)
    assert {path.stem for path in FOLDER.glob("*.webp")} == set(train) | set(validation)
    for picture in (train | validation).values():
        assert picture.dtype == np.uint8 and picture.shape[2] == 3
        assert 300_000 < picture.shape[0] * picture.shape[1] <= 906_000
        assert picture.shape[0] % 2 == picture.shape[1] % 2 == 0


def test_extra_has_59_smaller_photos_with_names_of_their_own(validation):
    extra = photos.load_photos("extra")
    assert len(extra) == 59 and {path.stem for path in (FOLDER / "extra").iterdir()} == set(extra)
    assert not set(extra) & (set(photos.load_photos("train")) | set(validation) | set(photos.TEST))
    for picture in extra.values():
        assert picture.dtype == np.uint8 and picture.shape[2] == 3
        assert 80_000 < picture.shape[0] * picture.shape[1] <= 202_000
        assert picture.shape[0] % 2 == picture.shape[1] % 2 == 0


def test_the_photos_take_no_more_than_six_megabytes():
    assert sum(path.stat().st_size for path in FOLDER.rglob("*.webp")) <= 6_000_000


def test_the_test_photos_come_with_scikit_image_and_need_no_download(monkeypatch):
    from skimage.data import _fetchers

    # Files that are not in the wheel would be downloaded by this fetcher.
    monkeypatch.setattr(_fetchers, "_image_fetcher", None)
    test = photos.load_photos("test")
    assert test["astronaut"].shape == (512, 512, 3)
    assert test["motorcycle"].shape == (500, 741, 3)
    for picture in test.values():
        assert picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3
    grey = test["camera"]
    assert (grey[..., 0] == grey[..., 1]).all() and (grey[..., 0] == grey[..., 2]).all()


def test_an_unknown_split_is_refused_by_name():
    with pytest.raises(ValueError, match="'val'.*train, validation, extra or test"):
        photos.load_photos("val")


@pytest.fixture
def other(tmp_path, monkeypatch):
    """A copy of the photographs in another data folder, which is used instead."""
    shutil.copytree(FOLDER, tmp_path / "photos")
    monkeypatch.setenv("ZOOM_DATA", str(tmp_path))
    return tmp_path / "photos"


def test_a_missing_photo_says_how_to_fix_it(other):
    (other / "cups.webp").unlink()
    with pytest.raises(FileNotFoundError, match="cups.webp is missing") as error:
        photos.load_photos("validation")
    assert "git checkout data/photos/cups.webp" in str(error.value)
    assert "python data/make_photos.py" in str(error.value)


@pytest.mark.parametrize("damage", [lambda c: b"", lambda c: c[:-100],
                                    lambda c: c[:5000] + bytes([c[5000] ^ 1]) + c[5001:]],
                         ids=["empty", "truncated", "one bit altered"])
def test_a_damaged_photo_says_how_to_fix_it(damage, other):
    path = other / "cups.webp"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match="cups.webp") as error:
        photos.load_photos("validation")
    assert "git checkout data/photos/cups.webp" in str(error.value)


@pytest.mark.parametrize("damage", [lambda text: "", lambda text: text[:500],
                                    lambda text: "<html>\n" + text],
                         ids=["empty", "truncated", "another file"])
def test_a_damaged_list_of_checksums_says_how_to_fix_it(damage, other):
    path = other / photos.SUMS
    path.write_text(damage(path.read_text()))
    with pytest.raises(ValueError, match="git checkout data/photos/SHA256SUMS"):
        photos.load_photos("train")


def test_a_missing_list_of_checksums_says_how_to_fix_it(other):
    (other / photos.SUMS).unlink()
    with pytest.raises(FileNotFoundError, match="git checkout data/photos/SHA256SUMS"):
        photos.load_photos("extra")


def test_each_photo_has_author_and_licence_in_the_readme_with_size_and_sha256():
    text = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| photos/([\w/]+\.webp) \| (.+) \|$", text, re.M)
    assert {file for file, _ in rows} == set(photos.sums()) and len(rows) == 36 + 59
    for file, rest in rows:
        title, author, licence, pixels, size, sha256 = rest.split(" | ")
        path = FOLDER / file
        assert author and licence in {"public domain", "CC0 1.0", "CC BY 2.0", "CC BY 3.0",
                                      "CC BY 4.0", "CC BY-SA 4.0", "CC BY-SA 3.0", "GPL 2+",
                                      "LGPL 3"}
        assert re.fullmatch(r"\[.+\]\(https://\S+\)", title) or path.parent == FOLDER
        assert int(size) == path.stat().st_size and sha256 == photos.sums()[file]
        with Image.open(path) as picture:
            assert pixels == "{}x{}".format(*picture.size)


def test_set5_is_read_from_the_folder_in_zoom_set5_and_must_have_five_pictures(monkeypatch,
                                                                               tmp_path):
    monkeypatch.delenv("ZOOM_SET5", raising=False)
    assert photos.set5() is None
    monkeypatch.setenv("ZOOM_SET5", str(tmp_path))
    assert photos.set5() is None
    for number in range(5):
        Image.new("RGB", (8, 6 + number)).save(tmp_path / f"{number}_HR.png")
        Image.new("RGB", (4, 3)).save(tmp_path / f"{number}_LR.png")
    assert [picture.shape[0] for picture in photos.set5()] == [6, 7, 8, 9, 10]
    (tmp_path / "0_HR.png").unlink()
    with pytest.raises(ValueError, match="4 pictures"):
        photos.set5()

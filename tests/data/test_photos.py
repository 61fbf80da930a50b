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
def shipped():
    """The photographs of each folder, by split and name."""
    return {split: photos.load_photos(split) for split in photos.SPLITS}


COUNTS = {"train": 31, "extra": 59, "more": 124, "validation": 23}
FIRST_VALIDATION = {"cups", "dogs", "ladybird", "mountains", "planks"}


def test_a_photo_belongs_to_the_split_of_its_folder_and_none_to_two(shipped):
    assert {split: len(found) for split, found in shipped.items()} == COUNTS
    for split, found in shipped.items():
        assert {path.stem for path in (FOLDER / split).iterdir()} == set(found)
    assert set(shipped["validation"]) >= FIRST_VALIDATION
    names = {name for found in shipped.values() for name in found}
    assert len(names) == sum(COUNTS.values())
    assert names & set(photos.TEST) == {"grass"}  # two lawns


@pytest.mark.parametrize("split, least, most", [
    ("train", 300_000, 906_000), ("extra", 80_000, 202_000), ("more", 68_000, 302_000),
    ("validation", 100_000, 906_000)])
def test_photos_are_colour_with_even_sides_and_of_the_documented_size(split, least, most, shipped):
    for picture in shipped[split].values():
        assert picture.dtype == np.uint8 and picture.shape[2] == 3
        assert least < picture.shape[0] * picture.shape[1] <= most
        assert picture.shape[0] % 2 == picture.shape[1] % 2 == 0


def test_the_photos_take_no_more_than_sixteen_megabytes():
    assert sum(path.stat().st_size for path in FOLDER.rglob("*.webp")) <= 16_000_000


def test_the_material_of_the_shipped_networks_keeps_its_photos_and_their_order(shipped):
    # Random sizes go by position, so that another order would make other training data.
    names = [list(shipped[split]) for split in ("train", "extra")]
    assert names[0][:3] == ["bridge", "brushes", "clock"] and names[0][-1] == "moss"
    assert names[1][:3] == ["alpaca", "bee", "butterfly"] and names[1][-1] == "session"


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
    with pytest.raises(ValueError, match="'val'.*train, extra, more, validation or test"):
        photos.load_photos("val")


@pytest.fixture
def other(tmp_path, monkeypatch):
    """A copy of the photographs in another data folder, which is used instead."""
    shutil.copytree(FOLDER, tmp_path / "photos")
    monkeypatch.setenv("ZOOM_DATA", str(tmp_path))
    return tmp_path / "photos"


def test_a_missing_photo_says_how_to_fix_it(other):
    (other / "validation" / "cups.webp").unlink()
    with pytest.raises(FileNotFoundError, match="cups.webp is missing") as error:
        photos.load_photos("validation")
    assert "git checkout data/photos/validation/cups.webp" in str(error.value)
    assert "python data/make_photos.py" in str(error.value)


@pytest.mark.parametrize("damage", [lambda c: b"", lambda c: c[:-100],
                                    lambda c: c[:5000] + bytes([c[5000] ^ 1]) + c[5001:]],
                         ids=["empty", "truncated", "one bit altered"])
def test_a_damaged_photo_says_how_to_fix_it(damage, other):
    path = other / "validation" / "cups.webp"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match="cups.webp") as error:
        photos.load_photos("validation")
    assert "git checkout data/photos/validation/cups.webp" in str(error.value)


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
    assert {file for file, _ in rows} == set(photos.sums()) and len(rows) == sum(COUNTS.values())
    for file, rest in rows:
        title, author, licence, pixels, size, sha256 = rest.split(" | ")
        path = FOLDER / file
        assert author and licence in {"public domain", "CC0 1.0", "CC BY 2.0", "CC BY 3.0",
                                      "CC BY 4.0", "CC BY-SA 4.0", "CC BY-SA 3.0", "GPL 2+",
                                      "LGPL 3"}
        assert re.fullmatch(r"\[.+\]\(https://\S+\)", title) or not file.startswith("extra/")
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

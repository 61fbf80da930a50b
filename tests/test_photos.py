"""The photographs are whole, apart from each other, and cut so that they belong together."""

import re
import shutil

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image

from shared import luma, patches, photos, resize, training

FOLDER = ROOT / "data" / "photos"


@pytest.fixture(scope="module")
def validation():
    return photos.photos("validation")


@pytest.fixture(scope="module")
def pairs(validation):
    return patches.pairs([validation["ladybird"][:400, :501]])


def test_the_36_photos_are_divided_into_31_and_5_and_none_is_in_both(validation):
    train = photos.photos("train")
    assert len(train) == 31 and sorted(validation) == sorted(photos.VALIDATION)
    assert not set(train) & set(validation)
    assert {path.stem for path in FOLDER.glob("*.webp")} == set(train) | set(validation)
    for picture in (train | validation).values():
        assert picture.dtype == np.uint8 and picture.shape[2] == 3
        assert 300_000 < picture.shape[0] * picture.shape[1] <= 906_000
        assert picture.shape[0] % 2 == picture.shape[1] % 2 == 0


def test_more_are_59_smaller_photos_under_names_of_their_own(validation):
    more = photos.photos("more")
    assert len(more) == 59 and {path.stem for path in (FOLDER / "more").iterdir()} == set(more)
    assert not set(more) & (set(photos.photos("train")) | set(validation) | set(photos.TEST))
    for picture in more.values():
        assert picture.dtype == np.uint8 and picture.shape[2] == 3
        assert 80_000 < picture.shape[0] * picture.shape[1] <= 202_000
        assert picture.shape[0] % 2 == picture.shape[1] % 2 == 0


def test_the_photos_take_no_more_than_six_megabytes():
    assert sum(path.stat().st_size for path in FOLDER.rglob("*.webp")) <= 6_000_000


def test_the_test_photos_come_with_scikit_image_and_need_no_download(monkeypatch):
    from skimage.data import _fetchers

    # Whatever is not inside the wheel would be fetched by pooch.
    monkeypatch.setattr(_fetchers, "_image_fetcher", None)
    test = photos.photos("test")
    assert test["astronaut"].shape == (512, 512, 3)
    assert test["motorcycle"].shape == (500, 741, 3)
    for picture in test.values():
        assert picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3
    grey = test["camera"]
    assert (grey[..., 0] == grey[..., 1]).all() and (grey[..., 0] == grey[..., 2]).all()


def test_an_unknown_split_is_refused_by_name():
    with pytest.raises(ValueError, match="'val'.*train, validation, more or test"):
        photos.photos("val")


@pytest.fixture
def other(tmp_path, monkeypatch):
    shutil.copytree(FOLDER, tmp_path / "photos")
    monkeypatch.setenv("ZOOM_DATA", str(tmp_path))
    return tmp_path / "photos"


def test_a_missing_photo_says_how_to_mend_it(other):
    (other / "cups.webp").unlink()
    with pytest.raises(FileNotFoundError, match="cups.webp is missing") as error:
        photos.photos("validation")
    assert "git checkout data/photos/cups.webp" in str(error.value)
    assert "python data/make_photos.py" in str(error.value)


@pytest.mark.parametrize("damage", [lambda c: b"", lambda c: c[:-100],
                                    lambda c: c[:5000] + bytes([c[5000] ^ 1]) + c[5001:]],
                         ids=["empty", "truncated", "one bit altered"])
def test_a_damaged_photo_says_how_to_mend_it(damage, other):
    path = other / "cups.webp"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match="cups.webp") as error:
        photos.photos("validation")
    assert "git checkout data/photos/cups.webp" in str(error.value)


@pytest.mark.parametrize("damage", [lambda text: "", lambda text: text[:500],
                                    lambda text: "<html>\n" + text],
                         ids=["empty", "truncated", "another file"])
def test_a_damaged_list_of_sums_says_how_to_mend_it(damage, other):
    path = other / photos.SUMS
    path.write_text(damage(path.read_text()))
    with pytest.raises(ValueError, match="git checkout data/photos/SHA256SUMS"):
        photos.photos("train")


def test_a_missing_list_of_sums_says_how_to_mend_it(other):
    (other / photos.SUMS).unlink()
    with pytest.raises(FileNotFoundError, match="git checkout data/photos/SHA256SUMS"):
        photos.photos("more")


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


def test_the_low_resolution_of_a_pair_is_that_of_the_protocol(pairs, validation):
    whole = luma.crop(luma.luma(validation["ladybird"][:400, :501]))
    np.testing.assert_array_equal(pairs[0].truth, whole)
    np.testing.assert_array_equal(pairs[0].low_res, luma.reduce(whole))
    for low_res, truth in pairs:
        assert low_res.dtype == truth.dtype == np.uint8
        assert truth.shape == (2 * low_res.shape[0], 2 * low_res.shape[1], 1)


def test_a_shrunk_picture_is_what_resize_gives(validation):
    part = luma.luma(validation["dogs"][:200, :160])
    found = patches._shrunk(part, 0.75)
    wanted = resize.resize(part[None].astype("float32"), (150, 120), antialias=True)[0]
    assert found.shape == (150, 120, 1)
    assert np.abs(found - np.clip(wanted, 0, 255)).max() <= 0.501  # rounded, no more


def test_sizes_too_small_for_a_crop_are_left_out(validation):
    part = validation["dogs"][:200, :200]
    assert [p.low_res.shape[0] for p in patches.pairs([part], side=48)] == [100, 75, 50]
    assert [p.low_res.shape[0] for p in patches.pairs([part], side=60)] == [100, 75]
    with pytest.raises(ValueError, match="96x96"):
        patches.places(patches.pairs([part], side=48), side=96)
    with pytest.raises(ValueError, match="must be one"):
        patches.places([])


def test_the_eight_turns_are_the_rotations_and_mirror_images():
    image = np.arange(12).reshape(3, 4, 1)
    wanted = {(np.rot90(i, k).tobytes(), np.rot90(i, k).shape)
              for i in (image, image[:, ::-1]) for k in range(4)}
    found = {(patches.turned(image, t).tobytes(), patches.turned(image, t).shape)
             for t in range(8)}
    assert found == wanted and len(found) == 8


def test_each_crop_is_the_low_resolution_of_its_own_truth(pairs):
    low_res, truth = patches.crops(pairs, side=32)(np.tile(np.arange(3), 11),
                                                   np.random.default_rng(0))
    assert low_res.shape == (33, 32, 32, 1) and truth.shape == (33, 64, 64, 1)
    assert low_res.dtype == truth.dtype == np.float32
    for small, large in zip(low_res, truth, strict=True):
        own = luma.reduce(255 * large)[2:-2, 2:-2] / 255  # at the rim the crop lacks neighbours
        # A grey value that lies half way between two may be rounded to either.
        assert np.abs(own - small[2:-2, 2:-2]).max() <= 1.01 / 255
        assert np.mean(np.abs(own - small[2:-2, 2:-2]) < 1e-6) > 0.99


def test_crops_reach_every_corner_of_a_picture():
    truth = np.arange(104 * 100, dtype="int64").reshape(104, 100, 1) % 251
    pair = patches.Pair(truth[::2, ::2].astype("uint8"), truth.astype("uint8"))
    make = patches.crops([pair], side=48)
    firsts = {int(round(255 * image[:1, :1].item())) for image in
              make(np.zeros(2000, int), np.random.default_rng(0))[0]}
    corners = [(r, c) for r in (0, 47) for c in (0, 47)]
    wanted = {int(pair.low_res[t + r, s + c, 0]) for t in range(5) for s in range(3)
              for r, c in corners}
    assert firsts == wanted


def test_a_pass_takes_from_each_picture_by_its_area():
    def flat(height, width):
        return patches.Pair(np.zeros((height, width, 1), "uint8"),
                            np.zeros((2 * height, 2 * width, 1), "uint8"))

    numbers = patches.places([flat(100, 150), flat(48, 48), flat(95, 200)], side=48)
    assert np.bincount(numbers).tolist() == [6, 1, 4]


def test_batches_repeat_by_their_seed(pairs):
    places, make = patches.places(pairs, side=24), patches.crops(pairs, side=24)
    one, same, other = (training.Batches(places, make, batch_size=8, seed=seed).batch(3)
                        for seed in (1, 1, 2))
    for a, b, c in zip(one, same, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)

"""Training data of lesson 06: crops of low resolution and truth that belong together."""

import numpy as np
import pytest
from scipy import stats

from shared.data import patches, photos, pipeline, synthetic
from shared.images import luma, resize


@pytest.fixture(scope="module")
def validation():
    return photos.load_photos("validation")


@pytest.fixture
def two_photos(monkeypatch):
    """Every split of the photographs is replaced by two small ones."""
    rng = np.random.default_rng(0)
    pictures = {name: rng.integers(0, 256, (200, 220, 3), dtype="uint8") for name in "ab"}
    monkeypatch.setattr(patches, "load_photos", lambda split: pictures)
    return pictures


@pytest.fixture(scope="module")
def pairs(validation):
    return patches.cut_pairs([validation["ladybird"][:400, :501]])


def test_the_low_resolution_of_a_pair_is_that_of_the_protocol(pairs, validation):
    whole = luma.crop_to_multiple(luma.luma(validation["ladybird"][:400, :501]))
    np.testing.assert_array_equal(pairs[0].truth, whole)
    np.testing.assert_array_equal(pairs[0].low_res, luma.reduce(whole))
    for low_res, truth in pairs:
        assert low_res.dtype == truth.dtype == np.uint8
        assert truth.shape == (2 * low_res.shape[0], 2 * low_res.shape[1], 1)


def test_a_smaller_truth_is_the_antialiased_picture_rounded(validation):
    picture = validation["dogs"][:200, :160]
    (pair,) = patches.cut_pairs([picture], sizes=(0.75,))
    wanted = resize.resize(luma.luma(picture)[None].astype("float32"), (150, 120),
                           antialias=True)[0]
    assert pair.truth.shape == (150, 120, 1)
    assert np.abs(pair.truth - np.clip(wanted, 0, 255)).max() <= 0.501


def test_sizes_too_small_for_a_crop_are_left_out(validation):
    picture = validation["dogs"][:200, :200]
    for side, wanted in ((48, [100, 75, 50]), (60, [100, 75])):
        pairs = patches.cut_pairs([picture], side=side)
        assert [pair.low_res.shape[0] for pair in pairs] == wanted


def test_pictures_that_hold_no_crop_are_refused(validation):
    pairs = patches.cut_pairs([validation["dogs"][:200, :200]], side=48)
    with pytest.raises(ValueError, match="96x96"):
        patches.picture_numbers(pairs, side=96)
    with pytest.raises(ValueError, match="at least one picture"):
        patches.picture_numbers([])


def test_each_crop_is_the_low_resolution_of_its_own_truth(pairs):
    make = patches.photo_crops(pairs, side=32)
    low_res, truth = make(np.tile(np.arange(3), 11), np.random.default_rng(0))
    assert low_res.shape == (33, 32, 32, 1) and truth.shape == (33, 64, 64, 1)
    assert low_res.dtype == truth.dtype == np.float32
    for small, large in zip(low_res, truth, strict=True):
        own = luma.reduce(255 * large)[2:-2, 2:-2] / 255  # at its border the crop lacks neighbours
        # A grey value half way between two may be rounded to either.
        assert np.abs(own - small[2:-2, 2:-2]).max() <= 1.01 / 255
        assert np.mean(np.abs(own - small[2:-2, 2:-2]) < 1e-6) > 0.99


def test_crops_reach_every_corner_of_a_picture():
    low_res = np.arange(52 * 50) % 251
    pair = patches.Pair(low_res.reshape(52, 50, 1).astype("uint8"),
                        np.zeros((104, 100, 1), "uint8"))
    make = patches.photo_crops([pair], side=48)
    crops = make(np.zeros(2000, int), np.random.default_rng(0))[0]
    found = set(np.rint(255 * crops[:, 0, 0, 0]).astype(int).tolist())
    # A crop can start at 5 x 3 positions; turned, any of its corners can come first.
    wanted = {int(pair.low_res[top + row, left + column, 0])
              for top in range(5) for left in range(3) for row in (0, 47) for column in (0, 47)}
    assert found == wanted


def test_crops_are_seen_in_all_eight_orientations():
    picture = np.random.default_rng(0).integers(0, 256, (96, 96, 1), dtype="uint8")
    make = patches.photo_crops(patches.cut_pairs([picture], sizes=(1,)), side=48)
    low_res, truth = make(np.zeros(100, int), np.random.default_rng(0))
    for crops in (low_res, truth):
        assert len({crop.tobytes() for crop in crops}) == 8


def test_a_pass_takes_crops_from_each_picture_in_proportion_to_its_area():
    def flat(height, width):
        return patches.Pair(np.zeros((height, width, 1), "uint8"),
                            np.zeros((2 * height, 2 * width, 1), "uint8"))

    numbers = patches.picture_numbers([flat(100, 150), flat(48, 48), flat(95, 200)], side=48)
    assert np.bincount(numbers).tolist() == [6, 1, 4]


def test_batches_are_the_same_for_the_same_seed(pairs):
    numbers, make = patches.picture_numbers(pairs, side=24), patches.photo_crops(pairs, side=24)
    one, same, other = (pipeline.Batches(numbers, make, batch_size=8, seed=seed).batch(3)
                        for seed in (1, 1, 2))
    for a, b, c in zip(one, same, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)


def test_the_training_data_are_photos_at_three_sizes_and_drawings_of_each_kind(two_photos):
    photos_alone = patches.training_material(kinds=())
    assert [pair.truth.shape[0] for pair in photos_alone] == [200, 150, 100] * 2
    both = patches.training_material(kinds=("gratings", "lettering"), drawings=2)
    assert len(both) == 2 * 3 + 2 * 2
    assert {pair.truth.shape for pair in both[6:]} == {(patches.DRAWING_SIDE,) * 2 + (1,)}
    again = patches.training_material(kinds=("gratings", "lettering"), drawings=2)
    assert all(np.array_equal(a.truth, b.truth) for a, b in zip(both, again, strict=True))


def test_random_sizes_include_the_photo_itself_and_stay_above_the_smallest(two_photos):
    pairs = patches.training_material(kinds=(), splits=("train", "extra"), random_sizes=5)
    heights = [pair.truth.shape[0] for pair in pairs]
    assert heights.count(200) == 2 * 2  # each of the two, in two splits
    assert len(set(heights)) > 5
    # Sizes below 96 pixels are left out: no crop of 48x48 at low resolution fits into them.
    assert min(heights) >= 96 and len(pairs) <= 2 * 2 * 6
    again = patches.training_material(kinds=(), splits=("train", "extra"), random_sizes=5)
    assert heights == [pair.truth.shape[0] for pair in again]


def test_random_sizes_are_log_uniform_from_the_smallest_to_the_whole_photo(two_photos,
                                                                           monkeypatch):
    asked = []
    monkeypatch.setattr(patches, "cut_pairs", lambda pictures, sizes: asked.append(sizes) or [])
    patches.training_material(kinds=(), random_sizes=1000)
    *photos_sizes, drawings_sizes = asked
    assert len(photos_sizes) == 2 and all(sizes[0] == 1 for sizes in photos_sizes)
    for sizes in photos_sizes:
        law = stats.loguniform(patches.SMALLEST_SIZE, 1)
        assert len(sizes) == 1001 and stats.kstest(sizes[1:], law.cdf).pvalue > 0.05
    assert not np.array_equal(*photos_sizes) and drawings_sizes == (1.0,)


def test_a_batch_holds_as_many_crops_as_asked_of_the_size_asked(two_photos):
    batches = patches.photo_batches(per_epoch=3, batch_size=4, side=24, kinds=("gratings",),
                                    drawings=1)
    low_res, truth = batches[2]
    assert len(batches) == 3
    assert low_res.shape == (4, 24, 24, 1) and truth.shape == (4, 48, 48, 1)


def test_every_kind_of_drawing_is_in_the_training_data_by_default(two_photos, monkeypatch):
    drawn = []

    def drawing_of(kind):
        def draw(rng, side):
            drawn.append(kind)
            return np.zeros((side, side, 1), "uint8")

        return draw

    monkeypatch.setattr(synthetic, "KINDS", {kind: drawing_of(kind) for kind in synthetic.KINDS})
    pairs = patches.training_material(drawings=1)
    assert all(isinstance(pair, patches.Pair) for pair in pairs)
    assert drawn == list(synthetic.KINDS)

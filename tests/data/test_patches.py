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
    pictures = {name: rng.integers(0, 256, (264, 300, 3), dtype="uint8") for name in "ab"}
    monkeypatch.setattr(patches, "load_photos", lambda split: pictures)
    return pictures


@pytest.fixture(scope="module")
def pairs(validation):
    return patches.cut_pairs([validation["ladybird"][:400, :501]])


def test_the_low_resolution_of_a_pair_is_that_of_the_protocol(pairs, validation):
    whole = luma.crop_to_multiple(luma.luma(validation["ladybird"][:400, :501]))
    np.testing.assert_array_equal(pairs[0].truth, whole)
    for low_res, truth in pairs:
        assert low_res.dtype == truth.dtype == np.uint8
        assert truth.shape == (2 * low_res.shape[0], 2 * low_res.shape[1], 1)
        is_close_to(low_res, luma.reduce(truth).astype(int))


def is_close_to(image, wanted):
    """Equal, except that a value half way between two levels may be rounded to the other one."""
    difference = np.abs(image - wanted)
    assert difference.max() <= 1 and np.mean(difference > 0) < 1e-3


def test_a_smaller_truth_is_the_antialiased_picture_rounded(validation):
    picture = validation["dogs"][:200, :160]
    (pair,) = patches.cut_pairs([picture], sizes=(0.75,), side=48)
    wanted = resize.resize(luma.luma(picture)[None].astype("float32"), (150, 120),
                           antialias=True)[0]
    assert pair.truth.shape == (150, 120, 1)
    is_close_to(pair.truth, luma.rounded(wanted).astype(int))


def test_sizes_too_small_for_a_tile_are_left_out(validation):
    picture = validation["dogs"][:200, :200]
    for side, wanted in ((48, [100, 75, 50]), (60, [100, 75])):
        pairs = patches.cut_pairs([picture], side=side)
        assert [pair.low_res.shape[0] for pair in pairs] == wanted


def test_pictures_that_hold_no_tile_are_refused(validation):
    pairs = patches.cut_pairs([validation["dogs"][:200, :200]], side=48)
    with pytest.raises(ValueError, match="96x96 must fit .* found 100x100|found 75x75"):
        patches.cut_tiles(pairs, side=96)
    with pytest.raises(ValueError, match="at least one picture"):
        patches.cut_tiles([])


def test_tiles_cover_the_picture_and_belong_together():
    low_res = np.arange(150 * 70).reshape(150, 70, 1) % 251
    truth = low_res.repeat(2, axis=0).repeat(2, axis=1)
    tiles = patches.cut_tiles([patches.Pair(low_res, truth)], side=64)
    assert tiles.low_res.shape == (6, 64, 64, 1) and tiles.truth.shape == (6, 128, 128, 1)
    np.testing.assert_array_equal(tiles.truth[:, ::2, ::2], tiles.low_res)
    found = {place for top in (0, 43, 86) for left in (0, 6)
             for place in zip(*np.mgrid[top:top + 64, left:left + 64].reshape(2, -1), strict=True)}
    assert len(found) == 150 * 70
    for tile, (top, left) in zip(tiles.low_res,
                                 [(t, c) for t in (0, 43, 86) for c in (0, 6)], strict=True):
        np.testing.assert_array_equal(tile, low_res[top:top + 64, left:left + 64])


def test_each_crop_is_the_low_resolution_of_its_own_truth(pairs):
    make = patches.tile_crops(side=32)
    low_res, truth = make(*patches.cut_tiles(pairs), np.random.default_rng(0))
    assert low_res.shape == (len(low_res), 32, 32, 1) and truth.shape[1:] == (64, 64, 1)
    assert low_res.dtype == truth.dtype == np.float32
    for small, large in zip(low_res, truth, strict=True):
        own = luma.reduce(255 * large)[2:-2, 2:-2] / 255  # at its border the crop lacks neighbours
        # A grey value half way between two may be rounded to either.
        assert np.abs(own - small[2:-2, 2:-2]).max() <= 1.01 / 255
        assert np.mean(np.abs(own - small[2:-2, 2:-2]) < 1e-6) > 0.99


def test_crops_reach_every_corner_of_a_tile():
    tile = (np.arange(52 * 52) % 251).reshape(1, 52, 52, 1).astype("uint8")
    tiles = tile.repeat(2000, axis=0)
    make = patches.tile_crops(side=48)
    crops = make(tiles, tiles.repeat(2, axis=1).repeat(2, axis=2), np.random.default_rng(0))[0]
    found = set(np.rint(255 * crops[:, 0, 0, 0]).astype(int).tolist())
    # A crop can start at 5 x 5 positions; turned, any of its corners can come first.
    wanted = {int(tile[0, top + row, left + column, 0])
              for top in range(5) for left in range(5) for row in (0, 47) for column in (0, 47)}
    assert found == wanted


def test_crops_are_seen_in_all_eight_orientations():
    low_res = np.random.default_rng(0).integers(0, 256, (1, 48, 48, 1), dtype="uint8")
    truth = np.random.default_rng(1).integers(0, 256, (1, 96, 96, 1), dtype="uint8")
    tiles = low_res.repeat(100, axis=0), truth.repeat(100, axis=0)
    for crops in patches.tile_crops(side=48)(*tiles, np.random.default_rng(0)):
        assert len({crop.tobytes() for crop in crops}) == 8


@pytest.fixture
def flat_tiles():
    """200 tiles, each of one grey level, the levels alternating between 100 and 200."""
    levels = np.tile([100, 200], 100).astype("uint8")[:, None, None, None]
    return levels.repeat(4, 1).repeat(4, 2), levels.repeat(8, 1).repeat(8, 2)


def test_half_of_the_crops_are_mixed_with_another_one_and_the_truth_alike(flat_tiles):
    low_res, truth = patches.blended(patches.tile_crops(side=4))(
        *flat_tiles, np.random.default_rng(0))
    assert low_res.dtype == truth.dtype == np.float32
    grey = 255 * truth[:, 0, 0, 0]
    np.testing.assert_allclose(255 * low_res, np.broadcast_to(
        grey[:, None, None, None], low_res.shape), rtol=1e-5)
    share = np.abs(grey - np.tile([200, 100], 100)) / 100  # of the crop; 1 if it is unmixed
    assert 0.5 <= share.min() < 0.55 and 0.85 < share[share < 0.999].max() < 0.9
    assert 0.65 < np.mean(share > 0.999) < 0.85  # half of the others met their own grey level


def test_the_contrast_of_half_of_the_crops_is_lower_and_that_of_the_truth_alike(flat_tiles):
    low_res, truth = patches.at_random_contrast(patches.tile_crops(side=4))(
        *flat_tiles, np.random.default_rng(0))
    assert low_res.dtype == truth.dtype == np.float32
    factor = 255 * truth[:, 0, 0, 0] / np.tile([100, 200], 100)
    np.testing.assert_allclose(low_res[:, 0, 0, 0], truth[:, 0, 0, 0], rtol=1e-6)
    assert 0.5 <= factor.min() < 0.55 and 0.9 < factor[factor < 0.999].max() < 1
    assert 0.4 < np.mean(factor > 0.999) < 0.6


def test_batches_are_the_same_for_the_same_seed(pairs):
    tiles = patches.cut_tiles(pairs)
    one, same, other = (
        pipeline.Batches(tiles, patches.tile_crops(24), batch_size=8, seed=seed).batch(3)
        for seed in (1, 1, 2))
    for a, b, c in zip(one, same, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)


def test_the_training_data_are_photos_at_three_sizes_and_drawings_of_each_kind(two_photos,
                                                                               monkeypatch):
    shapes = []
    cut_tiles = patches.cut_tiles
    monkeypatch.setattr(patches, "cut_tiles", lambda pairs: shapes.append(
        [pair.truth.shape[0] for pair in pairs]) or cut_tiles(pairs))
    patches.training_tiles(kinds=())
    patches.training_tiles(kinds=("gratings", "lettering"), drawings=2)
    assert shapes[0] == [264, 198, 132] * 2
    assert shapes[1] == [264, 198, 132] * 2 + [patches.DRAWING_SIDE] * 4
    one, again = (patches.training_tiles(kinds=("lettering",), drawings=1) for _ in range(2))
    np.testing.assert_array_equal(one.truth, again.truth)


def test_random_sizes_include_the_photo_itself_and_stay_large_enough_for_a_tile(two_photos):
    pairs = list(patches.at_random_sizes(two_photos.values(), 5, np.random.default_rng(1)))
    heights = [pair.truth.shape[0] for pair in pairs]
    assert heights.count(264) == 2 and len(set(heights)) > 4
    assert min(heights) >= 2 * patches.TILE_SIDE and len(pairs) <= 2 * 6
    again = patches.at_random_sizes(two_photos.values(), 5, np.random.default_rng(1))
    assert heights == [pair.truth.shape[0] for pair in again]


def test_random_sizes_are_log_uniform_from_three_tenths_to_the_whole_photo(two_photos,
                                                                           monkeypatch):
    asked = []
    monkeypatch.setattr(patches, "cut_pairs", lambda pictures, sizes: asked.append(sizes) or [])
    list(patches.at_random_sizes(two_photos.values(), 1000, np.random.default_rng(1)))
    assert len(asked) == 2 and all(sizes[0] == 1 for sizes in asked)
    for sizes in asked:
        law = stats.loguniform(0.3, 1)
        assert len(sizes) == 1001 and stats.kstest(sizes[1:], law.cdf).pvalue > 0.05
    assert not np.array_equal(*asked)


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
    patches.training_tiles(drawings=1)
    assert drawn == list(synthetic.KINDS)

"""Batches: their order, their random numbers, and the inputs and targets made from images."""

import numpy as np
import pytest
from scipy import ndimage

from shared.data import pipeline
from shared.data.pipeline import Batches
from shared.images.degrade import block_mean


@pytest.fixture(scope="module")
def labelled_digits(digits):
    return digits.x_train[:128], digits.y_train[:128]


def as_it_is(truth, rng):
    return truth, truth


def epoch(batches):
    return np.concatenate([batches[i][0] for i in range(len(batches))])


def test_every_image_comes_once_per_epoch():
    batches = Batches(np.arange(64), as_it_is, batch_size=16)
    assert len(batches) == 4
    assert sorted(epoch(batches)) == list(range(64))


def test_images_that_do_not_fill_a_batch_are_left_out():
    batches = Batches(np.arange(70), as_it_is, batch_size=16)
    assert len(batches) == 4
    found = epoch(batches)
    assert len(set(found)) == 64 and set(found) <= set(range(70))


def test_short_epochs_together_are_the_passes_of_whole_ones():
    short = Batches(np.arange(64), as_it_is, batch_size=16, per_epoch=3)
    whole = Batches(np.arange(64), as_it_is, batch_size=16)
    assert len(short) == 3
    seen = {short: [], whole: []}
    for batches, epochs in ((short, 4), (whole, 3)):  # 12 batches, three passes of 4
        for _ in range(epochs):
            seen[batches].extend(epoch(batches))
            batches.on_epoch_end()
    assert seen[short] == seen[whole]
    assert sorted(seen[short][64:128]) == list(range(64))


def test_an_epoch_longer_than_a_pass_continues_into_the_next_pass():
    batches = Batches(np.arange(64), as_it_is, batch_size=16, per_epoch=8)
    assert len(batches) == 8
    assert sorted(epoch(batches)) == sorted([*range(64), *range(64)])


def test_the_order_is_the_same_for_the_same_seed_and_new_in_each_epoch():
    first, again, other = (Batches(np.arange(64), as_it_is, 16, seed=seed) for seed in (5, 5, 6))
    seen = []
    for _ in range(3):
        np.testing.assert_array_equal(epoch(first), epoch(again))
        assert np.any(epoch(first) != epoch(other))
        seen.append(tuple(epoch(first)))
        for batches in (first, again, other):
            batches.on_epoch_end()
    assert len(set(seen)) == 3
    again.epoch = 1  # an interrupted training continues by the number of its epoch
    assert tuple(epoch(again)) == seen[1]


def test_the_random_numbers_of_make_follow_from_seed_epoch_and_batch_alone():
    def draw(truth, rng):
        return rng.random(3), None

    batches = Batches(np.arange(64), draw, batch_size=16, seed=1)
    backwards = [batches[i][0] for i in (3, 2, 1, 0)][::-1]  # workers may take any order
    forwards = [batches[i][0] for i in range(4)]
    np.testing.assert_array_equal(backwards, forwards)
    assert len({tuple(x) for x in forwards}) == 4
    batches.on_epoch_end()
    assert np.all(batches[0][0] != forwards[0])


def test_a_batch_that_the_data_cannot_fill_is_refused():
    with pytest.raises(ValueError, match="10 images do not fill one batch of 16"):
        Batches(np.arange(10), as_it_is, batch_size=16)


def test_the_arrays_of_a_tuple_keep_their_images_together():
    labels = 100 + np.arange(64)
    batches = Batches((np.arange(64), labels), lambda x, y, rng: (x, y), batch_size=16, seed=3)
    images, found = batches[2]
    np.testing.assert_array_equal(found, images + 100)


def test_low_and_high_are_the_block_means_and_the_truth():
    truth = np.random.default_rng(0).random((3, 8, 12, 1), "float32")
    low_res, target = pipeline.low_and_high(2)(truth, None)
    np.testing.assert_array_equal(low_res, block_mean(truth, 2))
    np.testing.assert_array_equal(target, truth)


def test_the_targets_of_a_supervised_upscaler_are_the_images_and_their_labels():
    images = np.random.default_rng(0).random((5, 28, 28, 1), "float32")
    labels = np.arange(5, dtype="uint8")
    low_res, target = pipeline.low_and_targets(7, head="clothes")(images, labels, None)
    np.testing.assert_array_equal(low_res, block_mean(images, 7))
    assert set(target) == {"high_res", "clothes"}
    np.testing.assert_array_equal(target["high_res"], images)
    np.testing.assert_array_equal(target["clothes"], labels)
    assert target["clothes"].dtype == np.int32


def test_shifted_moves_each_image_whole_and_by_at_most_one_pixel():
    truth = np.zeros((2000, 12, 12, 1), "float32")
    truth[:, 5, 6] = 1.0
    low_res, target = pipeline.shifted()(truth, np.random.default_rng(0))
    np.testing.assert_array_equal(low_res, block_mean(target))
    assert np.all(target.sum(axis=(1, 2, 3)) == 1)
    rows, columns = np.nonzero(target[..., 0])[1:]
    shifts = np.stack([rows - 5, columns - 6])
    assert set(np.unique(shifts)) == {-1, 0, 1}
    assert len({tuple(shift) for shift in shifts.T}) == 9  # both axes are independent
    for axis in shifts:  # probability 1/2 for 0, 1/4 each for -1 and 1
        np.testing.assert_allclose(np.bincount(axis + 1) / 2000, [0.25, 0.5, 0.25], atol=0.04)


def counted(start):
    """Eight images in batches of two; all pixels of image i are ``start`` + i."""
    values = np.arange(start, start + 8, dtype="float32")
    return Batches(np.broadcast_to(values[:, None, None, None], (8, 4, 4, 1)),
                   pipeline.low_and_high(4), batch_size=2, seed=start)


def test_turns_take_one_batch_from_each_part_and_go_through_all_images():
    turns = pipeline.Turns([counted(0), counted(100)], per_epoch=5)
    assert len(turns) == 4
    seen = []
    for epoch in range(2):
        turns.epoch = epoch
        seen += [turns[i][0].ravel() for i in range(len(turns))]
    assert all((batch < 100).all() for batch in seen[::2])
    assert all((batch >= 100).all() for batch in seen[1::2])
    assert sorted(np.concatenate(seen[::2])) == list(range(8))
    np.testing.assert_array_equal(turns[1][0], turns[1][0])


def test_turns_go_on_in_the_next_epoch():
    turns = pipeline.Turns([counted(0), counted(100)], per_epoch=4)
    first = [turns[i][0].ravel() for i in range(4)]
    turns.on_epoch_end()
    second = [turns[i][0].ravel() for i in range(4)]
    assert sorted(np.concatenate(first[::2] + second[::2])) == list(range(8))


def edges(n=6):
    pictures = np.zeros((n, 112, 112, 1), "uint8")
    pictures[:, 30:, 40:] = 255
    return pictures


def test_a_crop_is_the_block_mean_of_its_truth_and_is_never_empty():
    low_res, truth = pipeline.drawing_crops()(edges(), np.random.default_rng(0))
    assert truth.shape == (6, 64, 64, 1) and truth.dtype == low_res.dtype == np.float32
    assert (truth.max(axis=(1, 2, 3)) == 1).all()
    np.testing.assert_allclose(low_res, block_mean(truth, 4), atol=1e-6)


def test_a_crop_contains_something_even_if_the_picture_is_almost_empty():
    pictures = np.zeros((300, 112, 112, 1), "uint8")
    pictures[:, 3, 100] = 255  # near a corner
    low_res, truth = pipeline.drawing_crops(side=16)(pictures, np.random.default_rng(0))
    assert (truth.sum(axis=(1, 2, 3)) == 1).all()
    positions = {tuple(np.argwhere(crop)[0]) for crop in truth}
    assert len(positions) > 50  # the lit pixel is not always at the same place of the crop


def test_crops_are_seen_in_all_eight_orientations():
    picture = np.random.default_rng(0).integers(1, 256, (1, 16, 16, 1), "uint8")
    truth = pipeline.drawing_crops(side=16)(picture.repeat(100, 0), np.random.default_rng(0))[1]
    found = {np.rint(255 * crop).astype("uint8").tobytes() for crop in truth}
    wanted = {np.rot90(start, k).tobytes()
              for start in (picture[0], picture[0][:, ::-1]) for k in range(4)}
    assert found == wanted and len(found) == 8


def test_crops_are_the_same_for_the_same_generator_and_differ_for_another():
    first, again, other = (pipeline.drawing_crops()(edges(), np.random.default_rng(seed))[1]
                           for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_blur_and_noise_change_the_input_alone():
    plain = pipeline.drawing_crops()(edges(), np.random.default_rng(3))[1]
    low_res, truth = pipeline.drawing_crops(blur=3.0, noise=0.2)(edges(), np.random.default_rng(3))
    np.testing.assert_array_equal(truth[0], plain[0])
    assert set(np.unique(truth)) <= {0, 1} and low_res.min() >= 0 and low_res.max() <= 1
    assert np.abs(low_res - block_mean(truth, 4)).max() > 0.05
    noisy, truth = pipeline.drawing_crops(noise=0.2)(edges(), np.random.default_rng(3))
    exact = block_mean(truth, 4)
    clean = (exact == 0) | (exact == 1)
    np.testing.assert_array_equal(noisy[clean], exact[clean])


def test_darker_crops_keep_black():
    low_res, truth = pipeline.drawing_crops(darken=0.5)(edges(), np.random.default_rng(0))
    white = truth.max(axis=(1, 2, 3))
    assert (white > 0.49).all() and white.min() < 0.95 and (truth.min(axis=(1, 2, 3)) == 0).any()
    np.testing.assert_allclose(low_res, block_mean(truth, 4), atol=1e-6)


def test_warping_by_nothing_changes_nothing_and_labels_stay_with_their_images(labelled_digits):
    images, labels = labelled_digits
    still = pipeline.warped(angle=0, scale=0, shear=0, move=0)
    found, kept = still(images, labels, np.random.default_rng(0))
    np.testing.assert_allclose(found, images, atol=1e-6)
    np.testing.assert_array_equal(kept, labels)
    assert kept.dtype == np.int32 and found.dtype == np.float32


def test_warping_moves_by_as_much_as_it_says_and_follows_from_its_generator():
    images = np.zeros((300, 28, 28, 1), "float32")
    images[:, 13:15, 13:15] = 1.0
    move = pipeline.warped(angle=0, scale=0, shear=0, move=2)
    found, again = (move(images, np.zeros(300), np.random.default_rng(3))[0] for _ in range(2))
    np.testing.assert_array_equal(found, again)
    rows = np.arange(28)
    centre = (found[..., 0].sum(axis=2) * rows).sum(axis=1) / found.sum(axis=(1, 2, 3)) - 13.5
    assert np.abs(centre).max() <= 2.01 and centre.min() < -1.8 and centre.max() > 1.8


def moments(images):
    """The variances of rows and of columns and their covariance, weighted by brightness: (n, 3)."""
    rows, columns = np.mgrid[:28, :28] - 13.5
    mass = images[..., 0].astype("float64")
    weights = mass / mass.sum(axis=(1, 2), keepdims=True)
    return np.stack([(weights * rows * rows).sum((1, 2)), (weights * columns * columns).sum((1, 2)),
                     (weights * rows * columns).sum((1, 2))], axis=1)


def bars():
    """400 equal images of a wide bar in the centre."""
    images = np.zeros((400, 28, 28, 1), "float32")
    images[:, 12:16, 6:22] = 1.0
    return ndimage.gaussian_filter(images, (0, 1, 1, 0))


def test_warping_rotates_by_at_most_the_angle_to_both_sides():
    rotate = pipeline.warped(angle=12, scale=0, shear=0, move=0)
    found = moments(rotate(bars(), np.zeros(400), np.random.default_rng(0))[0])
    angle = np.degrees(np.arctan2(2 * found[:, 2], found[:, 1] - found[:, 0]) / 2)
    assert -12.3 < angle.min() < -11 and 11 < angle.max() < 12.3
    assert np.mean(np.abs(angle) < 6) == pytest.approx(0.5, abs=0.1)  # uniform


def test_warping_scales_width_and_height_independently_by_at_most_its_fraction():
    scale = pipeline.warped(angle=0, scale=0.2, shear=0, move=0)
    rows, columns, _ = np.sqrt(np.abs(moments(
        scale(bars(), np.zeros(400), np.random.default_rng(0))[0]))).T
    plain = np.sqrt(moments(bars())[0])
    for size, before in ((rows, plain[0]), (columns, plain[1])):
        # Pixels are read at positions multiplied by 0.8 to 1.2, so sizes are divided by that;
        # interpolation blurs, which widens the bar a little.
        ratio = size / before
        assert 1 / 1.2 < ratio.min() < 1 / 1.1 and 1 / 0.83 < ratio.max() < 1.05 / 0.8
    assert abs(np.corrcoef(rows, columns)[0, 1]) < 0.2


def test_warping_shears_by_at_most_so_many_pixels_per_row():
    shear = pipeline.warped(angle=0, scale=0, shear=0.12, move=0)
    found = moments(shear(bars(), np.zeros(400), np.random.default_rng(0))[0])
    slope = found[:, 2] / found[:, 0]  # columns per row
    assert -0.121 < slope.min() < -0.11 and 0.11 < slope.max() < 0.121


def test_mirroring_flips_half_of_the_images(labelled_digits):
    images, labels = labelled_digits
    mirror = pipeline.warped(angle=0, scale=0, shear=0, move=0, mirror=True)
    found = mirror(images, labels, np.random.default_rng(0))[0]
    same = np.isclose(found, images, atol=1e-5).all(axis=(1, 2, 3))
    flipped = np.isclose(found, images[:, :, ::-1], atol=1e-5).all(axis=(1, 2, 3))
    assert np.all(same | flipped) and 0.3 < flipped.mean() < 0.7

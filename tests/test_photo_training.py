"""What the photo networks learn from, and the protocol by which they are measured."""

import keras
import numpy as np
import pytest
from PIL import Image

from shared import anatomy, drawn, luma, patches, photo_models, photo_training


@pytest.fixture
def bicubic():
    low_res = keras.Input((None, None, 1))
    return keras.Model(low_res, photo_models.Bicubic()(low_res))


@pytest.fixture
def few(monkeypatch):
    """Two small photographs in the place of the 31."""
    rng = np.random.default_rng(0)
    pictures = {name: rng.integers(0, 256, (200, 220, 3), dtype="uint8") for name in "ab"}
    monkeypatch.setattr(photo_training, "photos", lambda split: pictures)
    return pictures


def test_the_material_is_photographs_at_three_sizes_and_drawings_of_each_kind(few):
    photos = photo_training.material(kinds=())
    assert len(photos) == 2 * 3
    both = photo_training.material(kinds=("gratings", "lettering"), drawings=2)
    assert len(both) == 2 * 3 + 2 * 2
    assert {pair.truth.shape for pair in both[6:]} == {(photo_training.SIDE,) * 2 + (1,)}
    again = photo_training.material(kinds=("gratings", "lettering"), drawings=2)
    assert all(np.array_equal(a.truth, b.truth) for a, b in zip(both, again, strict=True))


def test_chance_sizes_begin_with_the_photo_as_it_is_and_end_above_the_least(few):
    pairs = photo_training.material(kinds=(), splits=("train", "more"), sizes=5)
    heights = [pair.truth.shape[0] for pair in pairs]
    assert heights.count(200) == 2 * 2  # each of the two, in two splits
    assert len(set(heights)) > 5
    # Below 96 pixels no crop of 48x48 at low resolution fits: such sizes are left out.
    assert min(heights) >= 96 and len(pairs) <= 2 * 2 * 6
    again = photo_training.material(kinds=(), splits=("train", "more"), sizes=5)
    assert heights == [pair.truth.shape[0] for pair in again]


def test_a_batch_holds_crops_of_the_asked_size_and_number(few):
    batches = photo_training.batches(per_epoch=3, batch_size=4, side=24, kinds=("gratings",),
                                     drawings=1)
    low_res, truth = batches[2]
    assert len(batches) == 3
    assert low_res.shape == (4, 24, 24, 1) and truth.shape == (4, 48, 48, 1)


def test_the_score_is_the_mean_over_photos_by_the_protocol(few, bicubic):
    psnr, ssim = photo_training.score(bicubic, few.values())
    wanted = []
    for picture in few.values():
        truth = luma.luma(picture)
        image = photo_training.enlarge(bicubic, luma.reduce(truth))
        wanted.append((luma.psnr_y(truth, image), luma.ssim_y(truth, image)))
    np.testing.assert_allclose((psnr, ssim), np.mean(wanted, axis=0))
    assert 5 < psnr < 20 and 0 < ssim < 1  # noise cannot be enlarged


def test_the_enlargement_is_luma_of_twice_the_size(bicubic):
    low_res = np.full((9, 13, 1), 77, "uint8")
    np.testing.assert_allclose(photo_training.enlarge(bicubic, low_res),
                               np.full((18, 26, 1), 77), atol=1e-3)


def test_set5_is_read_from_the_folder_that_is_named_and_has_five(monkeypatch, tmp_path):
    monkeypatch.delenv("ZOOM_SET5", raising=False)
    assert photo_training.set5() is None
    monkeypatch.setenv("ZOOM_SET5", str(tmp_path))
    assert photo_training.set5() is None
    for number in range(5):
        Image.new("RGB", (8, 6 + number)).save(tmp_path / f"{number}_HR.png")
        Image.new("RGB", (4, 3)).save(tmp_path / f"{number}_LR.png")
    assert [picture.shape[0] for picture in photo_training.set5()] == [6, 7, 8, 9, 10]
    (tmp_path / "0_HR.png").unlink()
    with pytest.raises(ValueError, match="4 pictures"):
        photo_training.set5()


def test_the_card_has_figures_of_every_set_that_is_there(few, bicubic, monkeypatch):
    monkeypatch.setattr(photo_training, "set5", lambda: None)
    found = photo_training.measure(bicubic)
    assert set(found) == {"psnr_test", "ssim_test", "psnr_validation", "ssim_validation",
                          "macs_512", "seconds_512"}
    monkeypatch.setattr(photo_training, "set5", lambda: list(few.values()))
    assert photo_training.measure(bicubic)["psnr_set5"] == found["psnr_test"]


def test_the_seconds_are_the_median_after_a_first_time_that_does_not_count(bicubic, monkeypatch):
    clock = iter([0, 50, 100, 103, 200, 201, 300, 302])  # 50 to warm up, then 3, 1 and 2
    monkeypatch.setattr(anatomy.time, "perf_counter", lambda: next(clock))
    assert photo_training.seconds(bicubic, side=8, repeats=3) == 2


def test_all_kinds_of_drawings_are_learned_from_by_default(few, monkeypatch):
    asked = []
    monkeypatch.setattr(drawn, "KINDS", {name: lambda rng, side, name=name: asked.append(name)
                                         or np.zeros((side, side, 1), "uint8")
                                         for name in drawn.KINDS})
    assert all(isinstance(pair, patches.Pair) for pair in photo_training.material(drawings=1))
    assert set(asked) == set(drawn.KINDS)

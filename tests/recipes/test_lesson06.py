"""The recipes of lesson 06: the protocol by which photo networks are measured, their training."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from shared.data import photos
from shared.images import luma
from shared.measures import cost, metrics, timing
from shared.models import layers
from shared.recipes import RECIPES, lesson06
from shared.training.optimizers import Muon


@pytest.fixture
def bicubic():
    low_res = keras.Input((None, None, 1))
    return keras.Model(low_res, layers.Bicubic()(low_res))


@pytest.fixture
def noise_photos(monkeypatch):
    """Two small photographs of noise in every split, one with an odd height."""
    rng = np.random.default_rng(0)
    pictures = {name: rng.integers(0, 256, (height, 120, 3), dtype="uint8")
                for name, height in (("even", 100), ("odd", 101))}
    monkeypatch.setattr(photos, "load_photos", lambda split: pictures)
    return pictures


def test_the_enlargement_is_luma_of_twice_the_size(bicubic):
    low_res = np.full((9, 13, 1), 77, "uint8")
    enlarged = lesson06.enlarge_luma(bicubic, low_res)
    assert enlarged.dtype == np.float32
    np.testing.assert_allclose(enlarged, np.full((18, 26, 1), 77), atol=1e-3)


def test_the_scores_are_means_over_the_photographs_and_not_over_their_pixels():
    """A network that answers 10 grey levels too high and one 20 too high, by constant photos."""
    grey = np.full((40, 40, 1), 100, "uint8")
    large = np.full((120, 120, 1), 100, "uint8")

    class Brighter(keras.Model):
        def call(self, low_res):
            step = 10 if low_res.shape[1] == 20 else 20
            return keras.ops.repeat(keras.ops.repeat(low_res, 2, 1), 2, 2) + step / 255

    psnr, ssim = lesson06.mean_psnr_and_ssim(Brighter(), [grey, large])
    wanted = [10 * np.log10(255**2 / step**2) for step in (10, 20)]
    assert psnr == pytest.approx(np.mean(wanted), abs=1e-3)
    assert 0 < ssim < 1


def test_an_exact_enlargement_has_a_perfect_score_also_of_a_photo_of_odd_size(noise_photos):
    """The network knows the luma of the photograph, cropped to an even height."""
    truth = luma.luma(noise_photos["odd"])[:100]

    class Oracle(keras.Model):
        def call(self, low_res):
            assert low_res.shape[1:3] == (50, 60)
            return keras.ops.convert_to_tensor(truth[None] / np.float32(255))

    psnr, ssim = lesson06.mean_psnr_and_ssim(Oracle(), [noise_photos["odd"]])
    assert ssim == pytest.approx(1) and psnr >= 100  # as high as it goes


def test_the_low_resolution_is_rounded_bicubic_luma_and_the_border_does_not_count(
        noise_photos, bicubic):
    """By the definition of both in ``images.luma``, one step after the other."""
    psnr, ssim = [], []
    for picture in noise_photos.values():
        truth = luma.crop_to_multiple(luma.luma(picture), 2)
        image = lesson06.enlarge_luma(bicubic, luma.reduce(truth, 2))
        error = (truth.astype(float) - np.clip(np.rint(image), 0, 255))[2:-2, 2:-2]
        psnr.append(10 * np.log10(255**2 / np.mean(error**2)))
        ssim.append(metrics.ssim_y(truth, image, 2))
    found = lesson06.mean_psnr_and_ssim(bicubic, noise_photos.values())
    assert found == pytest.approx((np.mean(psnr), np.mean(ssim)), abs=1e-3)
    assert 5 < found[0] < 20 and 0 < found[1] < 1  # noise cannot be enlarged


def clock(monkeypatch, times):
    """Let the stopwatch read these times, one after the other."""
    times = iter(times)
    monkeypatch.setattr(timing, "time", SimpleNamespace(perf_counter=lambda: next(times)))


def test_the_seconds_are_the_median_after_a_first_call_that_does_not_count(bicubic, monkeypatch):
    clock(monkeypatch, [0, 50, 100, 103, 200, 201, 300, 302])  # 50 to warm up, then 3, 1 and 2
    assert lesson06.seconds_to_enlarge(bicubic, side=8, repeats=3) == 2


def test_the_seconds_are_those_of_an_enlargement_of_the_side_that_was_asked_for(
        bicubic, monkeypatch):
    sides = []
    monkeypatch.setattr(lesson06, "enlarge_luma",
                        lambda model, low_res: sides.append(low_res.shape))
    clock(monkeypatch, range(12))
    lesson06.seconds_to_enlarge(bicubic)
    assert sides == 6 * [(256, 256, 1)]  # five, and one before


def test_the_card_has_figures_of_every_set_that_is_there(noise_photos, bicubic, monkeypatch):
    monkeypatch.setattr(photos, "set5", lambda: None)
    monkeypatch.setattr(lesson06, "seconds_to_enlarge", lambda model: 1.5)
    figures = lesson06.measure_photo_network(bicubic)
    assert set(figures) == {"psnr_test", "ssim_test", "psnr_validation", "ssim_validation",
                            "macs_512", "seconds_512"}
    assert figures["macs_512"] == cost.macs(bicubic, 512, 512)
    assert figures["seconds_512"] == 1.5
    monkeypatch.setattr(photos, "set5", lambda: list(noise_photos.values()))
    assert lesson06.measure_photo_network(bicubic)["psnr_set5"] == figures["psnr_test"]


def test_each_figure_is_of_its_own_photographs(bicubic, monkeypatch):
    monkeypatch.setattr(photos, "load_photos", lambda split: {"one": split})
    monkeypatch.setattr(photos, "set5", lambda: ["set5"])
    monkeypatch.setattr(lesson06, "mean_psnr_and_ssim",
                        lambda model, pictures: (f"psnr of {[*pictures]}", f"ssim {[*pictures]}"))
    monkeypatch.setattr(lesson06, "seconds_to_enlarge", lambda model: 1.5)
    figures = lesson06.measure_photo_network(bicubic)
    for name in ("test", "validation", "set5"):
        assert figures[f"psnr_{name}"] == f"psnr of ['{name}']"
        assert figures[f"ssim_{name}"] == f"ssim ['{name}']"


# --- what the recipes do beyond what the cards say -------------------------------------------

def test_the_last_layer_of_srcnn_is_trained_by_muon_and_a_narrow_one_of_vdsr_by_adam():
    for name, muon in (("srcnn", True), ("vdsr", False)):
        recipe = RECIPES[name]
        *_, kernel, bias = recipe.new_network({}).trainable_variables
        optimizer = recipe.optimizer(1e-3)
        assert isinstance(optimizer, Muon)
        assert optimizer._should_use_adamw(kernel) != muon
        assert optimizer._should_use_adamw(bias)


@pytest.mark.parametrize("name", ["vdsr", "ircnn", "unet", "zoom"])
def test_the_last_part_of_each_training_goes_on_with_squared_errors(name):
    first, last, *more = RECIPES[name].cycles()
    assert (first.loss, last.loss, last.continues) == ("mae", "mse", True)
    share = last.epochs / (first.epochs + last.epochs)
    assert share == pytest.approx(0.25 if name == "zoom" else 0.3, abs=0.04)
    optimizer = first.optimizer(1e-3)
    assert optimizer.use_ema and optimizer.ema_momentum == 0.999
    assert all(cycle.loss == "mse" and not cycle.continues for cycle in more)


def test_ircnn_and_srcnn_are_finished_in_the_form_of_their_papers():
    ircnn = RECIPES["ircnn"].new_network({})
    assert any(isinstance(layer, keras.layers.BatchNormalization) for layer in ircnn.layers)
    finished = RECIPES["ircnn"].finish(ircnn)
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in finished.layers)
    srcnn = RECIPES["srcnn"].finish(RECIPES["srcnn"].new_network({}))
    kernels = [weights.shape for weights in srcnn.get_weights() if weights.ndim == 4]
    assert kernels == [(9, 9, 1, 64), (5, 5, 64, 32), (5, 5, 32, 1)]

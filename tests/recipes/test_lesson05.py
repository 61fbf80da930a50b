"""The network of lesson 05: two classifiers in its loss, batches in turn, its test figures."""

import keras
import numpy as np
import pytest

from shared import runtime
from shared.data import datasets, drawings
from shared.images.degrade import block_mean
from shared.measures import metrics
from shared.models import classifiers, flow, upscalers
from shared.models.classifiers import fingerprint
from shared.recipes import RECIPES, lesson05
from shared.training import loop, store

COMBINED = RECIPES["combined"]


@pytest.fixture(scope="module")
def networks():
    """The trained networks that the recipe needs, by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("ZOOM_DATA", raising=False)
        return {name: store.load(name) for name in COMBINED.needs}


@pytest.fixture
def small():
    keras.utils.set_random_seed(0)
    return upscalers.residual_network(4, width=6, blocks=2, name="small")


@pytest.fixture
def splits(digits, clothes, monkeypatch):
    """Digits and clothes are read once, and no drawing is drawn."""
    splits = {"mnist": digits, "fashion_mnist": clothes}
    monkeypatch.setattr(datasets, "_split", lambda name, first: splits[name])
    monkeypatch.setattr(drawings, "training_drawings",
                        lambda n, digits: np.full((40, 112, 112, 1), 255, "uint8"))
    return splits


# --- the network -----------------------------------------------------------------------------

def test_the_network_begins_with_the_output_of_baseline_and_has_more_channels():
    keras.utils.set_random_seed(0)
    baseline = upscalers.residual_network(4, width=4, blocks=8)
    network = lesson05.network(baseline, width=6)
    low_res = np.random.default_rng(0).random((2, 7, 7, 1), "float32")
    np.testing.assert_allclose(runtime.predict(network, low_res),
                               runtime.predict(baseline, low_res), atol=1e-6)
    assert network.get_weights()[0].shape == (3, 3, 1, 6)


def test_the_classifier_of_digits_reads_even_images_and_that_of_clothes_odd_ones(small, networks):
    model = lesson05.supervised_by_both(small, networks)
    low_res = np.random.default_rng(0).random((6, 7, 7, 1), "float32")
    output = model.predict_on_batch(low_res)
    image = runtime.predict(small, low_res)
    np.testing.assert_allclose(output["high_res"], image, atol=1e-5)
    for head, name, first in (("digit", "classifier_a", 0), ("clothes", "clothes_a", 1)):
        wanted = runtime.predict(networks[name], image[first::2])
        np.testing.assert_allclose(output[head], wanted, atol=1e-3)


def test_of_a_larger_image_the_classifiers_read_the_top_left_corner(small, networks):
    model = lesson05.supervised_by_both(small, networks)
    low_res = np.random.default_rng(0).random((2, 16, 16, 1), "float32")
    output = model.predict_on_batch(low_res)
    assert output["high_res"].shape == (2, 64, 64, 1)
    wanted = runtime.predict(networks["classifier_a"], output["high_res"][::2, :28, :28])
    np.testing.assert_allclose(output["digit"], wanted, atol=1e-3)


@pytest.mark.slow
def test_training_in_turns_moves_the_network_and_no_classifier(small, networks, splits):
    model = lesson05.supervised_by_both(small, networks)
    in_loss = [model.get_layer(name) for name in lesson05.HEADS.values()]
    before = [fingerprint(part) for part in (*in_loss, small)]
    turns = lesson05.mixed_batches(drawing_count=16, per_epoch=6)
    loop.compile_model(model, 6, COMBINED.loss, loss_weights=COMBINED.loss_weights)
    history = loop.fit(model, turns, progress=False)
    assert np.isfinite(history["loss"]).all()
    after = [fingerprint(part) for part in (*in_loss, small)]
    assert after[:2] == before[:2] and after[2] != before[2]


def test_the_finished_network_is_consistent_and_has_no_classifier(networks):
    model = lesson05.supervised_by_both(lesson05.network(networks["baseline"]), networks)
    finished = COMBINED.finish(model)
    low_res = np.random.default_rng(0).random((2, 7, 7, 1), "float32")
    answer = runtime.predict(finished, low_res)
    np.testing.assert_allclose(block_mean(answer, 4), low_res, atol=1e-5)
    assert finished.count_params() == model.get_layer("combined_network").count_params()


# --- the batches -----------------------------------------------------------------------------

def test_a_mixed_batch_has_digits_at_even_indices_and_clothes_at_odd_ones_with_their_labels():
    digits, clothes = np.zeros((4, 28, 28, 1), "float32"), np.ones((4, 28, 28, 1), "float32")
    low_res, target, weight = lesson05.mixed(digits, np.arange(4), clothes, np.arange(4) + 5,
                                             np.random.default_rng(0))
    assert low_res.shape == (8, 7, 7, 1)
    assert (target["high_res"][0::2] == 0).all() and (target["high_res"][1::2] == 1).all()
    assert target["digit"].tolist() == [0, 1, 2, 3] and target["clothes"].tolist() == [5, 6, 7, 8]
    assert [weight[key].tolist() for key in ("high_res", "digit", "clothes")] == [
        [1] * 8, [1] * 4, [1] * 4]


def test_the_images_of_a_mixed_batch_are_shifted_and_their_block_means_are_the_input():
    truth = np.zeros((50, 28, 28, 1), "float32")
    truth[:, 10, 10] = 1
    low_res, target, _ = lesson05.mixed(truth, np.arange(50), truth, np.arange(50),
                                        np.random.default_rng(0))
    places = {tuple(np.argwhere(image[..., 0])[0] - 10) for image in target["high_res"]}
    assert places == {(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)}
    np.testing.assert_allclose(low_res, block_mean(target["high_res"], 4), atol=1e-6)


def test_a_distilled_batch_has_targets_halfway_from_the_truth_to_the_specialists_answers():
    rng = np.random.default_rng(0)
    digits, clothes, *answers = rng.integers(0, 256, (4, 3, 28, 28, 1)).astype("uint8")
    low_res, target, weight = lesson05.distilled(digits, np.arange(3), clothes, np.arange(3) + 5,
                                                 *answers, rng)
    np.testing.assert_allclose(low_res[0::2], block_mean(digits / np.float32(255), 4), atol=1e-6)
    np.testing.assert_allclose(low_res[1::2], block_mean(clothes / np.float32(255), 4), atol=1e-6)
    for first, truth, answer in ((0, digits, answers[0]), (1, clothes, answers[1])):
        np.testing.assert_allclose(target["high_res"][first::2],
                                   (truth.astype(float) + answer) / 510, atol=1e-6)
    assert target["digit"].tolist() == [0, 1, 2] and target["clothes"].tolist() == [5, 6, 7]
    assert all(weight[key].all() for key in ("high_res", "digit", "clothes"))


def test_clothes_alone_have_targets_halfway_too_and_no_classifier_counts():
    clothes, answer = np.random.default_rng(0).integers(0, 256, (2, 6, 28, 28, 1)).astype("uint8")
    low_res, target, weight = lesson05.distilled_clothes(clothes, answer, None)
    np.testing.assert_allclose(low_res, block_mean(clothes / np.float32(255), 4), atol=1e-6)
    np.testing.assert_allclose(target["high_res"], (clothes.astype(float) + answer) / 510,
                               atol=1e-6)
    assert not weight["digit"].any() and not weight["clothes"].any() and weight["high_res"].all()


def test_no_classifier_counts_for_a_drawing():
    pictures = np.full((4, 112, 112, 1), 255, "uint8")
    low_res, target, weight = lesson05.unlabelled_drawings(pictures, np.random.default_rng(0))
    assert low_res.shape == (4, 16, 16, 1) and target["high_res"].shape == (4, 64, 64, 1)
    assert not weight["digit"].any() and not weight["clothes"].any() and weight["high_res"].all()


def kind(batch):
    """What a batch has: "drawings", "clothes" alone, or digits and clothes, "both"."""
    low_res, _, weights = batch
    if low_res.shape[1] == 16:
        return "drawings"
    return "both" if weights["digit"].all() else "clothes"


def test_mixed_batches_take_turns_with_drawings(splits):
    turns = lesson05.mixed_batches(per_epoch=6)
    batches = [turns[index] for index in range(6)]
    assert [kind(batch) for batch in batches] == 2 * ["both", "drawings", "both"]
    assert [len(batch[0]) for batch in batches] == 2 * [64, 16, 64]
    mixed = [batch[0].tobytes() for batch in batches if kind(batch) == "both"]
    assert len(set(mixed)) == 4  # none comes twice


def test_the_labels_of_mixed_batches_are_those_of_the_images(splits, networks):
    _, targets, _ = lesson05.mixed_batches()[0]
    for head, name, first in (("digit", "classifier_a", 0), ("clothes", "clothes_a", 1)):
        images = targets["high_res"][first::2]
        assert classifiers.accuracy(networks[name], images, targets[head]) > 0.8


def test_both_of_the_long_cycles_learn_from_mixed_batches(splits):
    first, second, _ = COMBINED.cycles()
    for cycle in (first, second):
        assert [kind(cycle.batches({})[index]) for index in range(3)] == [
            "both", "drawings", "both"]


@pytest.fixture
def distillation(splits, monkeypatch):
    """The batches of the last cycle; the specialists' answers are the truth, half as bright."""
    def answers(truth, upscaler, move):
        assert move == 0
        return (images := np.rint(255 * truth).astype("uint8")), images // 2

    monkeypatch.setattr(flow, "training_pairs", answers)
    *_, last = COMBINED.cycles()
    turns = last.batches({"baseline": None, "fashion": None})
    return [turns[index] for index in range(5)]


def test_distillation_has_three_times_as_many_clothes_as_digits(distillation):
    kinds = [kind(batch) for batch in distillation]
    assert kinds == ["both", "drawings", "clothes", "both", "clothes"]
    digits = sum(len(batch[0]) // 2 for batch in distillation if kind(batch) == "both")
    clothes = digits + sum(len(batch[0]) for batch in distillation if kind(batch) == "clothes")
    assert clothes == 3 * digits


def test_distillation_aims_halfway_to_the_answers_and_keeps_images_and_labels_together(
        distillation, networks):
    for batch in distillation:
        low_res, targets, _ = batch
        if kind(batch) != "drawings":  # half of the truth, and half of its half
            np.testing.assert_allclose(block_mean(targets["high_res"], 4), 0.75 * low_res,
                                       atol=0.01)
        if kind(batch) == "both":
            for head, name, first in (("digit", "classifier_a", 0), ("clothes", "clothes_a", 1)):
                images = targets["high_res"][first::2] / 0.75
                assert classifiers.accuracy(networks[name], images, targets[head]) > 0.8


# --- the figures -----------------------------------------------------------------------------

def test_the_figures_are_of_each_kind_of_image_by_its_own_judges(
        networks, digits, clothes, monkeypatch):
    """By an upscaler whose answer is known: each pixel repeated."""
    low_res = keras.Input((None, None, 1))
    repeat = keras.Model(low_res, keras.layers.UpSampling2D(4)(low_res))
    fonts = np.zeros((3, 112, 112, 1), "float32")
    fonts[:, 31:80, 41:72] = 1
    monkeypatch.setattr(drawings, "font_digits", lambda: (fonts, np.arange(3)))
    splits = [split._replace(x_test=split.x_test[:300], y_test=split.y_test[:300])
              for split in (digits, clothes)]
    figures = lesson05.measure_combined(repeat, networks, splits)
    kinds = {"digits": splits[0].x_test, "clothes": splits[1].x_test, "fonts": fonts}
    for name, truth in kinds.items():
        image = block_mean(truth, 4).repeat(4, axis=1).repeat(4, axis=2)
        psnr = 10 * np.log10(1 / ((image - truth) ** 2).mean(axis=(1, 2, 3)))
        assert figures[f"psnr_{name}"] == pytest.approx(psnr.mean(), abs=1e-3)
        assert figures[f"ssim_{name}"] == pytest.approx(metrics.ssim(truth, image).mean(),
                                                        abs=1e-4)
    for judge, split in (("classifier_a", splits[0]), ("classifier_b", splits[0]),
                         ("clothes_a", splits[1]), ("clothes_b", splits[1])):
        image = block_mean(split.x_test, 4).repeat(4, axis=1).repeat(4, axis=2)
        assert figures[f"accuracy_{judge}"] == pytest.approx(
            classifiers.accuracy(networks[judge], image, split.y_test), abs=0.01)
    assert figures.keys() == store.read_card("combined")["test"].keys()

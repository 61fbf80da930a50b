"""The stored runs of lesson 04: how each is trained and judged, and that all of them are there."""

import json

import keras
import numpy as np
import pytest
from conftest import ROOT

from shared import runtime, weights
from shared.data import datasets, pipeline
from shared.images.degrade import block_mean
from shared.models import classifiers, upscalers
from shared.studies import tradeoff
from shared.studies.tradeoff import UpscalerRun
from shared.training import store

SHIPPED = ROOT / "data" / "tradeoff.json"


def invented(digits, run, a, b, progress=False):
    """In place of ``train_and_judge_upscaler``: figures that follow from the run alone."""
    return None, run._asdict() | {name: round(10 + run.weight + run.seed / 7 + number, 4)
                                  for number, name in enumerate(tradeoff.FIGURES)}


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A data folder of its own, and runs that take no time; the fixture is the file of the runs."""
    cards = {"classifier_a": {"sha256": "aaa"}, "classifier_b": {"sha256": "bbb"}}
    monkeypatch.setenv("ZOOM_DATA", str(tmp_path))
    monkeypatch.setattr(weights, "read_card", cards.__getitem__)
    monkeypatch.setattr(weights, "frozen", lambda name: None)
    monkeypatch.setattr(datasets, "mnist", lambda: None)
    monkeypatch.setattr(runtime, "use_fast_precision", lambda: None)
    monkeypatch.setattr(tradeoff, "train_and_judge_upscaler", invented)
    return tmp_path / "tradeoff.json"


# --- the stored runs -------------------------------------------------------------------------

@pytest.fixture
def shipped(monkeypatch):
    monkeypatch.delenv("ZOOM_DATA", raising=False)
    return tradeoff.load_runs()  # raises if runs are missing or were made with other settings


def test_the_shipped_runs_are_complete_and_judged_by_the_shipped_classifiers(shipped):
    assert json.loads(SHIPPED.read_text())["judges"] == {
        name: store.read_card(name)["sha256"] for name in ("classifier_a", "classifier_b")}


@pytest.mark.parametrize("scale, start", [(7, ""), (4, ""), (4, "baseline")])
def test_every_shipped_weight_has_three_seeds_and_one_weight_is_zero(scale, start, shipped):
    seeds = {}
    for entry in shipped:
        if (entry["scale"], entry["start"], entry["inside"]) == (scale, start, True):
            seeds.setdefault(entry["weight"], []).append(entry["seed"])
    assert min(seeds) == 0 and len(seeds) >= (3 if start else 6)
    assert all(sorted(found) == [1, 2, 3] for found in seeds.values())


def test_every_weight_that_is_projected_after_training_was_also_trained_with_it_inside(shipped):
    late = [entry for entry in shipped if not entry["inside"]]
    assert len(late) >= 3
    for entry in late:
        inside = tradeoff.find(shipped, 7, entry["weight"], entry["seed"])
        assert inside["weight"] == entry["weight"] and inside["psnr"] != entry["psnr"]


@pytest.mark.parametrize("constant", ["STEPS", "WIDTH", "BLOCKS", "PEAK_RATE", "FINE_TUNING_RATE"])
def test_the_shipped_runs_are_refused_if_a_setting_is_changed(constant, monkeypatch, shipped):
    monkeypatch.setattr(tradeoff, constant, 2 * getattr(tradeoff, constant))
    with pytest.raises(ValueError, match="other settings"):
        tradeoff.load_runs()


def test_the_shipped_runs_are_refused_if_the_batch_size_is_changed(monkeypatch, shipped):
    monkeypatch.setattr(pipeline, "BATCH_SIZE", 32)
    with pytest.raises(ValueError, match="other settings"):
        tradeoff.load_runs()


def test_the_command_makes_every_run_and_says_what_it_is(desk, capsys):
    tradeoff.main([])
    entries = tradeoff.load_runs()
    assert [tradeoff.find(entries, *run) for run in tradeoff.PLAN] == entries
    assert all(set(tradeoff.FIGURES) < set(entry) for entry in entries)
    _, *lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(set(lines)) == len(tradeoff.PLAN)
    assert lines[1] == ("x7, weight 0.01, seed 1: 10.15 dB, accuracy of A 11.15%, of B 12.15%")
    late, tuned = (lines[tradeoff.PLAN.index(run)] for run in (
        UpscalerRun(7, 0.1, 1, inside=False), UpscalerRun(4, 0.1, 1, start="baseline")))
    assert ", projected after training: " in late and ", from baseline: " in tuned
    assert [path.name for path in desk.parent.iterdir()] == ["tradeoff.json"]


def test_runs_judged_by_other_classifiers_are_made_again(desk, monkeypatch, capsys):
    tradeoff.main([])
    monkeypatch.setattr(weights, "read_card", lambda name: {"sha256": "other"})
    capsys.readouterr()
    tradeoff.main([])
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(tradeoff.PLAN)


def test_points_have_one_row_per_weight_and_one_column_per_seed(desk):
    tradeoff.main([])
    table, values = tradeoff.points(tradeoff.load_runs(), 7, "psnr"), np.array(tradeoff.WEIGHTS[7])
    np.testing.assert_allclose(table, 10 + values[:, None] + np.arange(1, 4) / 7, atol=1e-4)


# --- one run ---------------------------------------------------------------------------------

@pytest.fixture
def some_digits(digits, monkeypatch):
    """Some digits, and settings for short runs of a tiny network."""
    for name, value in {"STEPS": 10, "WIDTH": 4, "BLOCKS": 1}.items():
        monkeypatch.setattr(tradeoff, name, value)
    return datasets.Split(*(part[:320] for part in digits))


def simple_classifier():
    """The smallest network that can stand in for a classifier."""
    keras.utils.set_random_seed(2)
    image = keras.Input((28, 28, 1))
    x = keras.layers.BatchNormalization()(keras.layers.Flatten()(image))
    return keras.Model(image, keras.layers.Dense(10)(x))


def train(digits, *fields, classifier=None, **named_fields):
    return tradeoff.train_upscaler(digits, UpscalerRun(*fields, **named_fields),
                                   classifier or simple_classifier())


@pytest.mark.slow
def test_a_run_follows_from_its_fields_and_leaves_the_classifier_as_it_was(some_digits):
    classifier = simple_classifier()
    before = classifiers.fingerprint(classifier)
    first, again, *others = (
        train(some_digits, 7, *fields, classifier=classifier).get_weights()
        for fields in ((0.3, 1), (0.3, 1), (0.3, 2), (3.0, 1), (0.3, 1, False)))
    for wanted, found in zip(first, again, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-3)  # threads add in any order
    for other in others:
        assert max(np.abs(x - y).max() for x, y in zip(first, other, strict=True)) > 5e-3
    assert classifiers.fingerprint(classifier) == before


def peak_rate(model):
    """The highest learning rate of the training of a compiled model of ten steps."""
    rates = []
    for step in range(11):
        model.optimizer.iterations.assign(step)
        rates.append(float(model.optimizer.learning_rate))
    return max(rates)


@pytest.mark.slow
def test_a_trained_network_is_fine_tuned_at_the_lower_of_two_learning_rates(
        some_digits, compiled, monkeypatch):
    baseline = upscalers.residual_network(4, width=4, blocks=1)
    monkeypatch.setattr(weights, "load_or_train", {"baseline": baseline}.__getitem__)
    train(some_digits, 4, 0.1, 1)
    train(some_digits, 4, 0.1, 1, start="baseline")
    assert [peak_rate(model) for model in compiled] == pytest.approx([2e-3, 3e-4], rel=1e-4)
    assert tradeoff.settings()["peak_rate"] == pytest.approx(peak_rate(compiled[0]), rel=1e-4)
    assert tradeoff.settings()["fine_tuning_rate"] == pytest.approx(peak_rate(compiled[1]),
                                                                    rel=1e-4)


@pytest.mark.slow
def test_fine_tuning_begins_with_the_weights_of_the_trained_network_and_leaves_it_as_it_was(
        some_digits, monkeypatch):
    baseline = upscalers.residual_network(4, width=5, blocks=1)
    before = baseline.get_weights()
    monkeypatch.setattr(weights, "load_or_train", {"baseline": baseline}.__getitem__)
    monkeypatch.setattr(tradeoff, "FINE_TUNING_RATE", 0.0)
    tuned = train(some_digits, 4, 0.1, 1, start="baseline").get_weights()
    monkeypatch.setattr(tradeoff, "FINE_TUNING_RATE", 3e-4)
    train(some_digits, 4, 0.1, 1, start="baseline")
    for wanted, found, now in zip(before, tuned, baseline.get_weights(), strict=True):
        np.testing.assert_array_equal(found, wanted)
        np.testing.assert_array_equal(now, wanted)


@pytest.mark.slow
def test_the_loss_is_log_mse_plus_the_weighted_cross_entropy(some_digits, compiled):
    classifier = simple_classifier()
    upscaler = train(some_digits, 7, 0.3, 1, classifier=classifier)
    truth, labels = some_digits.x_train[:64], some_digits.y_train[:64]
    low_res = block_mean(truth, 7)
    loss = compiled[0].evaluate(low_res, {"high_res": truth, "digit": labels.astype("int32")},
                                batch_size=64, verbose=0, return_dict=True)["loss"]
    image = runtime.predict(upscaler, low_res)
    log_mse = np.log(((image - truth) ** 2).mean(axis=(1, 2, 3)) + 1e-5).mean()
    logits = runtime.predict(classifier, image).astype("float64")
    right = logits[np.arange(64), labels]
    cross_entropy = (np.log(np.exp(logits).sum(axis=1)) - right).mean()
    assert loss == pytest.approx(log_mse + 0.3 * cross_entropy, abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("inside", [True, False])
def test_an_answer_is_consistent_by_its_last_layer_or_by_projection(some_digits, inside):
    upscaler = train(some_digits, 7, 1.0, 1, inside)
    clipped, final = tradeoff.answers(upscaler, some_digits.x_test, 7)
    low_res = block_mean(some_digits.x_test, 7)
    np.testing.assert_allclose(block_mean(final, 7), low_res, atol=1e-5)
    assert np.allclose(block_mean(clipped, 7), low_res, atol=1e-4) == inside


def test_the_figures_are_those_of_the_answers_by_their_definition(some_digits):
    """By an upscaler whose answer is known: each pixel repeated, which is consistent."""
    low_res = keras.Input((None, None, 1))
    repeat = keras.Model(low_res, keras.layers.UpSampling2D(7)(low_res))
    a, b = classifiers.classifier_a(), classifiers.classifier_b()
    figures = tradeoff.judge_upscaler(repeat, some_digits, UpscalerRun(7, 0.0, 1, inside=False),
                                      a, b)
    assert tuple(figures) == tradeoff.FIGURES
    for end, truth, labels in (("", some_digits.x_test, some_digits.y_test),
                               ("_val", some_digits.x_val, some_digits.y_val)):
        image = block_mean(truth, 7).repeat(7, axis=1).repeat(7, axis=2)
        psnr = 10 * np.log10(1 / ((image - truth) ** 2).mean(axis=(1, 2, 3)))
        assert figures[f"psnr{end}"] == pytest.approx(psnr.mean(), abs=1e-3)
        assert figures[f"a{end}"] == pytest.approx(
            100 * classifiers.accuracy(a, image, labels), abs=0.7)
    for name in ("psnr", "a", "b"):  # projection changes nothing here, beyond rounding
        assert figures[f"{name}_before"] == pytest.approx(figures[name], abs=0.7)


def test_the_figures_before_are_those_of_the_answers_before_projection(some_digits):
    """By an upscaler that is too bright, which the projection corrects."""
    low_res = keras.Input((None, None, 1))
    large = keras.layers.UpSampling2D(7)(low_res)
    bright = keras.Model(low_res, keras.layers.Rescaling(1.0, 0.2)(large))
    a, b = simple_classifier(), simple_classifier()
    late, inside = (tradeoff.judge_upscaler(bright, some_digits, UpscalerRun(7, 0, 1, inside), a, b)
                    for inside in (False, True))
    assert late["psnr_before"] < late["psnr"] - 1
    assert late["psnr"] == inside["psnr"] == inside["psnr_before"]


@pytest.mark.slow
def test_an_upscaler_is_returned_with_its_entry(some_digits):
    run = UpscalerRun(7, 0.3, 1)
    a, b = simple_classifier(), classifiers.classifier_b()
    upscaler, entry = tradeoff.train_and_judge_upscaler(some_digits, run, a, b)
    assert tuple(entry) == (*UpscalerRun._fields, *tradeoff.FIGURES)
    assert tradeoff.STORE.key(entry) == run
    assert entry == run._asdict() | tradeoff.judge_upscaler(upscaler, some_digits, run, a, b)

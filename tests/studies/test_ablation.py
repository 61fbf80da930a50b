"""The stored runs of lesson 05: how each is trained and measured, and that none is missing."""

import json

import keras
import numpy as np
import pytest
from conftest import ROOT

from shared import runtime, weights
from shared.models import upscalers
from shared.recipes import lesson05
from shared.studies import ablation
from shared.studies.ablation import AblationRun, Material
from shared.training import store

SHIPPED = ROOT / "data" / "ablation.json"


@pytest.fixture
def shipped(monkeypatch):
    monkeypatch.delenv("ZOOM_DATA", raising=False)
    return ablation.load_runs()  # raises if runs are missing or were made with other settings


# --- the stored runs -------------------------------------------------------------------------

def test_the_shipped_runs_are_complete_and_made_with_the_shipped_networks(shipped):
    assert json.loads(SHIPPED.read_text())["judges"] == {
        name: store.read_card(name)["sha256"] for name in weights.recipes.recipe("combined").needs}
    assert len(shipped) == len(ablation.PLAN)


def test_every_variant_has_two_seeds_and_each_part_is_left_out_once(shipped):
    seeds = {}
    for run in shipped:
        seeds.setdefault((run["weight"], run["teachers"]), []).append(run["seed"])
    assert all(sorted(found) == [1, 2] for found in seeds.values())
    assert {(0.0, False), (0.1, False), (0.0, True), (0.1, True)} <= set(seeds)


def test_lesson_05_reads_the_stored_runs():
    (lesson,) = (ROOT / "notebooks").glob("05_*.ipynb")
    cells = json.loads(lesson.read_text(encoding="utf-8"))["cells"]
    assert any("ablation.load_runs()" in "".join(cell["source"]) for cell in cells)


@pytest.mark.parametrize("constant", ["STEPS", "PEAK_RATE", "IMAGES", "DRAWINGS", "TEST_IMAGES"])
def test_the_shipped_runs_are_refused_if_a_setting_is_changed(constant, monkeypatch, shipped):
    monkeypatch.setattr(ablation, constant, 2 * getattr(ablation, constant))
    with pytest.raises(ValueError, match="other settings"):
        ablation.load_runs()


def test_the_command_makes_every_run_and_says_what_it_is(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ZOOM_DATA", str(tmp_path))
    monkeypatch.setattr(weights, "read_card", lambda name: {"sha256": name})
    monkeypatch.setattr(runtime, "use_fast_precision", lambda: None)
    monkeypatch.setattr(ablation, "material", lambda: None)
    monkeypatch.setattr(ablation, "train_combined", lambda run, material: run)
    monkeypatch.setattr(ablation, "measure", lambda run, material: dict.fromkeys(
        ablation.FIGURES, run.weight + run.seed))
    ablation.main([])
    entries = ablation.load_runs()
    assert [ablation.STORE.key(entry) for entry in entries] == ablation.PLAN
    _, *lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(set(lines)) == len(ablation.PLAN)
    assert lines[0] == "weight 0, targets from the truth, seed 1: digits 1.00 dB, clothes 1.00 dB"
    assert [path.name for path in tmp_path.iterdir()] == ["ablation.json"]


# --- one run ---------------------------------------------------------------------------------

@pytest.fixture
def tiny(digits, clothes, monkeypatch):
    """What the runs share, with a tiny baseline and classifiers, and short runs."""
    monkeypatch.setattr(ablation, "STEPS", 6)
    keras.utils.set_random_seed(5)
    networks = {"baseline": upscalers.residual_network(4, width=4, blocks=8)}
    for name in ("classifier_a", "classifier_b", "clothes_a", "clothes_b"):
        image = keras.Input((28, 28, 1))
        logits = keras.layers.Dense(10)(keras.layers.Flatten()(image))
        networks[name] = keras.Model(image, logits, name=name)
    network = lesson05.network
    monkeypatch.setattr(lesson05, "network", lambda baseline: network(baseline, width=5))
    truth = [np.rint(255 * split.x_train[:100]).astype("uint8") for split in (digits, clothes)]
    answers = [images // 2 for images in truth]  # half as bright
    tests = tuple(split._replace(x_test=split.x_test[:20], y_test=split.y_test[:20])
                  for split in (digits, clothes))
    return Material(networks, (truth[0], digits.y_train[:100], truth[1], clothes.y_train[:100],
                               *answers), np.full((40, 112, 112, 1), 200, "uint8"), tests)


def test_teachers_change_the_targets_of_digits_and_clothes_and_nothing_else(tiny):
    alone, taught = (ablation.batches(AblationRun(0.1, teachers, 1), tiny)
                     for teachers in (False, True))
    assert len(alone) == len(taught) == 6
    for index in range(6):
        (low_res, targets, counts), (same, others, as_well) = alone[index], taught[index]
        np.testing.assert_array_equal(same, low_res)
        truth = targets.pop("high_res")
        lower = 1 if index % 3 == 1 else 0.75  # half of the truth, half of half the truth
        np.testing.assert_allclose(others.pop("high_res"), lower * truth, atol=0.01)
        for found, wanted in ((others, targets), (as_well, counts)):
            assert {name: values.tolist() for name, values in found.items()} == {
                name: values.tolist() for name, values in wanted.items()}
        assert counts["digit"].any() == counts["clothes"].any() == (index % 3 != 1)


def test_runs_of_other_seeds_see_other_batches(tiny):
    first, other = (ablation.batches(AblationRun(0.1, False, seed), tiny)[0][0] for seed in (1, 2))
    assert not np.array_equal(first, other)


@pytest.mark.slow
def test_a_run_trains_by_its_weight_and_is_consistent(tiny, compiled):
    network = ablation.train_combined(AblationRun(0.3, True, 1), tiny)
    assert [model.get_compile_config()["loss_weights"] for model in compiled] == [
        {"high_res": 1.0, "digit": 0.3, "clothes": 0.3}]
    low_res = np.random.default_rng(0).random((2, 7, 7, 1), "float32")
    output = runtime.predict(network, low_res)
    means = output.reshape(2, 7, 4, 7, 4).mean(axis=(2, 4))
    np.testing.assert_allclose(means, low_res[..., 0], atol=1e-5)
    figures = ablation.measure(network, tiny)
    assert tuple(figures) == ablation.FIGURES
    assert 5 < figures["psnr_digits"] < 40 and 0 <= figures["accuracy_clothes_b"] <= 100

"""The stored runs of lesson 04: whole, checked, taken up after an interruption, and true."""

import json

import keras
import numpy as np
import pytest
from conftest import ROOT

from shared import classifiers, datasets, runs, tradeoff, weights
from shared.degrade import block_mean

SHIPPED = ROOT / "data" / "tradeoff.json"


def figures(digits, key, a, b, progress=False):
    """In the place of ``tradeoff.run``: figures that follow from the key alone."""
    return None, key._asdict() | {name: round(10 + key.weight + key.seed / 7 + place, 4)
                                  for place, name in enumerate(tradeoff.FIGURES)}


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A data folder of its own, runs that take no time; gives the file of the runs."""
    cards = {"classifier_a": {"sha256": "aaa"}, "classifier_b": {"sha256": "bbb"}}
    monkeypatch.setenv("ZOOM_DATA", str(tmp_path))
    monkeypatch.setattr(tradeoff.weights, "read_card", cards.__getitem__)
    monkeypatch.setattr(tradeoff.classifiers, "frozen", lambda name: None)
    monkeypatch.setattr(tradeoff.datasets, "mnist", lambda: None)
    monkeypatch.setattr(tradeoff.training, "use_fast_precision", lambda: None)
    monkeypatch.setattr(tradeoff, "run", figures)
    return tmp_path / "tradeoff.json"


def stop_after(count):
    """``figures`` that the user interrupts at run number ``count`` + 1."""
    calls = []

    def run(*arguments):
        calls.append(arguments[1])
        if len(calls) > count:
            raise KeyboardInterrupt
        return figures(*arguments)

    return run, calls


def test_there_are_six_weights_or_more_at_each_scale_from_zero_and_three_seeds_of_each():
    for scale in (4, 7):
        values = tradeoff.WEIGHTS[scale]
        assert len(values) >= 6 and values[0] == 0 and list(values) == sorted(values)
    assert len(tradeoff.SEEDS) == 3
    assert len(set(tradeoff.PLAN)) == len(tradeoff.PLAN)


def test_the_command_makes_every_run_and_load_gives_them_in_order(desk, capsys):
    tradeoff.main([])
    entries = tradeoff.load()
    assert [tradeoff.find(entries, *key) for key in tradeoff.PLAN] == entries
    assert all(set(tradeoff.FIGURES) < set(entry) for entry in entries)
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(tradeoff.PLAN)
    assert [path.name for path in desk.parent.iterdir()] == ["tradeoff.json"]


def test_an_interrupted_command_goes_on_with_the_run_it_was_at(desk, monkeypatch, capsys):
    tradeoff.main([])
    whole = desk.read_bytes()
    desk.unlink()
    run, calls = stop_after(5)
    monkeypatch.setattr(tradeoff, "run", run)
    with pytest.raises(SystemExit, match="python -m shared.tradeoff"):
        tradeoff.main([])
    with pytest.raises(ValueError, match=f"lacks {len(tradeoff.PLAN) - 5} of"):
        tradeoff.load()
    run, calls = stop_after(1000)
    monkeypatch.setattr(tradeoff, "run", run)
    tradeoff.main([])
    assert calls == tradeoff.PLAN[5:]
    assert desk.read_bytes() == whole


def test_runs_that_are_there_are_not_made_again_unless_asked(desk, monkeypatch):
    tradeoff.main([])
    run, calls = stop_after(1000)
    monkeypatch.setattr(tradeoff, "run", run)
    tradeoff.main([])
    assert calls == []
    tradeoff.main(["--again"])
    assert calls == tradeoff.PLAN


def test_runs_judged_by_other_classifiers_are_made_again(desk, monkeypatch):
    tradeoff.main([])
    monkeypatch.setattr(tradeoff.weights, "read_card", lambda name: {"sha256": "other"})
    run, calls = stop_after(1000)
    monkeypatch.setattr(tradeoff, "run", run)
    tradeoff.main([])
    assert calls == tradeoff.PLAN


def test_runs_made_with_other_settings_are_refused_and_made_again(desk, monkeypatch):
    tradeoff.main([])
    monkeypatch.setattr(tradeoff, "STEPS", tradeoff.STEPS + 1)
    with pytest.raises(ValueError, match="other settings"):
        tradeoff.load()
    tradeoff.main([])
    assert len(tradeoff.load()) == len(tradeoff.PLAN)


def change_a_figure(text):
    content = json.loads(text)
    content["runs"][0]["psnr"] += 0.1
    return json.dumps(content)


DAMAGE = {"missing": None, "empty": lambda text: "", "half": lambda text: text[:len(text) // 2],
          "a list": lambda text: "[1, 2]", "a figure was changed": change_a_figure,
          "not a number": lambda text: text.replace('"psnr": ', '"psnr": "x", "y": ', 1),
          "no runs": lambda text: '{"sha256": ""}'}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_says_what_is_damaged_and_which_command_mends_it(desk, kind):
    tradeoff.main([])
    if kind == "missing":
        desk.unlink()
    else:
        desk.write_text(DAMAGE[kind](desk.read_text()))
    with pytest.raises(FileNotFoundError if kind == "missing" else ValueError) as error:
        tradeoff.load()
    for word in ("tradeoff.json", "git checkout data/tradeoff.json", "python -m shared.tradeoff"):
        assert word in str(error.value)
    tradeoff.main([])  # which it does
    assert len(tradeoff.load()) == len(tradeoff.PLAN)


def test_an_interruption_while_writing_leaves_the_old_file(desk, monkeypatch):
    tradeoff.main([])
    before = desk.read_bytes()

    def full(*arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(runs.os, "replace", full)
        with pytest.raises(OSError, match="No space"):
            tradeoff.main(["--again"])
    assert desk.read_bytes() == before


def test_points_are_a_row_a_weight_and_a_column_a_seed(desk):
    tradeoff.main([])
    table, values = tradeoff.points(tradeoff.load(), 7, "psnr"), np.array(tradeoff.WEIGHTS[7])
    np.testing.assert_allclose(table, 10 + values[:, None] + np.arange(1, 4) / 7, atol=1e-4)


@pytest.fixture
def few(digits, monkeypatch):
    """Some digits, and settings for short runs of a tiny network."""
    for name, value in {"STEPS": 10, "WIDTH": 4, "BLOCKS": 1}.items():
        monkeypatch.setattr(tradeoff, name, value)
    return datasets.Split(*(part[:320] for part in digits))


def simple_reader():
    """The smallest network that can stand in for a classifier."""
    keras.utils.set_random_seed(2)
    image = keras.Input((28, 28, 1))
    x = keras.layers.BatchNormalization()(keras.layers.Flatten()(image))
    return keras.Model(image, keras.layers.Dense(10)(x))


def test_a_run_follows_from_its_key_and_leaves_the_classifier_as_it_was(few):
    reader = simple_reader()
    before = classifiers.fingerprint(reader)
    first, again, *others = (
        tradeoff.train(few, tradeoff.Key(7, *key), reader).get_weights()
        for key in ((0.3, 1), (0.3, 1), (0.3, 2), (3.0, 1), (0.3, 1, False)))
    for wanted, found in zip(first, again, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-3)  # threads add in any order
    for other in others:
        assert max(np.abs(x - y).max() for x, y in zip(first, other, strict=True)) > 5e-3
    assert classifiers.fingerprint(reader) == before


@pytest.mark.parametrize("inside", [True, False])
def test_an_answer_is_consistent_by_its_last_layer_or_by_projection(few, inside):
    upscaler = tradeoff.train(few, tradeoff.Key(7, 1.0, 1, inside), simple_reader())
    clipped, final = tradeoff.answers(upscaler, few.x_test, 7)
    low_res = block_mean(few.x_test, 7)
    np.testing.assert_allclose(block_mean(final, 7), low_res, atol=1e-5)
    assert np.allclose(block_mean(clipped, 7), low_res, atol=1e-4) == inside


def test_the_figures_are_those_of_the_answers_by_their_definition(few):
    """By an upscaler whose answer is known: each pixel repeated, which is consistent."""
    low_res = keras.Input((None, None, 1))
    repeat = keras.Model(low_res, keras.layers.UpSampling2D(7)(low_res))
    a, b = classifiers.classifier_a(), classifiers.classifier_b()
    found = tradeoff.judge(repeat, few, tradeoff.Key(7, 0.0, 1, inside=False), a, b)
    assert tuple(found) == tradeoff.FIGURES
    for end, truth, labels in (("", few.x_test, few.y_test), ("_val", few.x_val, few.y_val)):
        image = block_mean(truth, 7).repeat(7, axis=1).repeat(7, axis=2)
        psnr = 10 * np.log10(1 / ((image - truth) ** 2).mean(axis=(1, 2, 3)))
        assert found[f"psnr{end}"] == pytest.approx(psnr.mean(), abs=1e-3)
        assert found[f"a{end}"] == pytest.approx(
            100 * classifiers.accuracy(a, image, labels), abs=0.7)
    for name in ("psnr", "a", "b"):  # projection changes nothing here, beyond rounding
        assert found[f"{name}_before"] == pytest.approx(found[name], abs=0.7)


def test_the_shipped_runs_were_judged_by_the_shipped_classifiers(monkeypatch):
    monkeypatch.delenv("ZOOM_DATA", raising=False)
    assert len(tradeoff.load()) == len(tradeoff.PLAN)
    assert json.loads(SHIPPED.read_text())["judges"] == {
        name: weights.read_card(name)["sha256"] for name in ("classifier_a", "classifier_b")}

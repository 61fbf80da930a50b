"""Saved networks: what is saved is loaded, damage is reported, an interruption does no harm."""

import hashlib
import io
import json
import os
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from shared.models import upscalers
from shared.training import loop, store

CARD = {"name": "small", "seed": 1, "test": {"psnr": 20.5}}


def answer(model):
    x = np.random.default_rng(0).random((2, 7, 7, 1), "float32")
    return keras.ops.convert_to_numpy(model(x))


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)
    return upscalers.residual_network(4, width=8, blocks=1)


@pytest.fixture
def saved(model, tmp_path, monkeypatch):
    """A data folder with one saved network; the fixture is its folder of weights."""
    monkeypatch.setenv("ZOOM_DATA", str(tmp_path))
    assert store.save(model, "small", CARD) == tmp_path / "weights" / "small.keras"
    return tmp_path / "weights"


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_saved_is_loaded_up_to_the_rounding(model, saved):
    for exact, found in zip(model.get_weights(), store.load("small").get_weights(),
                            strict=True):
        np.testing.assert_allclose(found, exact, rtol=2.0**-11, atol=0)  # 4.9e-4
    np.testing.assert_allclose(answer(store.load("small")), answer(model), atol=2e-3)


def test_saving_leaves_the_model_itself_unrounded(model, saved):
    before = model.get_weights()
    store.save(model, "small", CARD)
    for exact, found in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(found, exact)
    assert any(np.any(a != b) for a, b in
               zip(before, store.load("small").get_weights(), strict=True))


def test_rounding_keeps_zero_signs_and_powers_of_two():
    values = np.float32([0, 1, -1, 0.5, -2, 1e-30, 1 + 2.0**-10, 1 + 2.0**-13])
    wanted = np.float32([0, 1, -1, 0.5, -2, 1e-30, 1 + 2.0**-10, 1])
    rounded = store._rounded(values, bits=11)
    np.testing.assert_allclose(rounded, wanted, rtol=2.0**-11)
    np.testing.assert_array_equal(rounded[[0, 1, 2, 3, 4, 6, 7]], wanted[[0, 1, 2, 3, 4, 6, 7]])
    noise = np.random.default_rng(0).normal(size=10_000).astype("float32")
    assert np.max(np.abs(store._rounded(noise, bits=11) / noise - 1)) < 1e-3


def test_the_optimizer_of_a_compiled_network_is_not_saved(model, saved):
    trained = keras.models.clone_model(model)
    loop.compile_model(trained, 1)
    trained.optimizer.build(trained.trainable_variables)
    path = store.save(trained, "trained", CARD)
    with zipfile.ZipFile(path) as file:
        assert json.loads(file.read("config.json"))["compile_config"] == {}
        with h5py.File(io.BytesIO(file.read("model.weights.h5"))) as content:
            assert "optimizer" not in content
    assert not store.load("trained").compiled
    assert trained.compiled  # the model that was handed in stays as it was


def test_the_card_holds_what_it_was_given_and_the_facts_of_the_file(model, saved):
    card = store.read_card("small")
    assert card == json.loads((saved / "small.json").read_text())
    assert CARD.items() <= card.items()
    assert card["parameters"] == sum(w.size for w in model.get_weights())
    assert card["sha256"] == hashlib.sha256((saved / "small.keras").read_bytes()).hexdigest()


@pytest.fixture
def half(saved):
    """A network that computes in bfloat16, saved as "half"."""
    policy = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    try:
        network = upscalers.residual_network(4, width=8, blocks=1)
    finally:
        keras.mixed_precision.set_dtype_policy(policy)
    store.save(network, "half", CARD)
    return network


def test_a_network_trained_in_bfloat16_is_saved_to_compute_in_float32(half):
    assert half.layers[1].compute_dtype == "bfloat16"
    found = store.load("half")
    assert {layer.compute_dtype for layer in found.layers} == {"float32"}
    np.testing.assert_allclose(answer(found), answer(half), atol=0.03)


def test_weights_of_a_network_that_computes_in_bfloat16_keep_eight_bits(half):
    for exact, found in zip(half.get_weights(), store.load("half").get_weights(), strict=True):
        np.testing.assert_allclose(found, exact, rtol=2.0**-8, atol=0)
        seen = keras.ops.cast(keras.ops.cast(exact, "bfloat16"), "float32")
        np.testing.assert_array_equal(found, keras.ops.convert_to_numpy(seen))


def test_missing_weights_say_how_to_get_them(saved):
    with pytest.raises(FileNotFoundError, match="other.keras is missing") as error:
        store.load("other")
    assert "git checkout data/weights" in str(error.value)
    assert "python -m shared.train other" in str(error.value)


def flip(content):
    return content[:50] + bytes([content[50] ^ 0xFF]) + content[51:]


DAMAGE = {"truncated": lambda content: content[:len(content) // 2],
          "altered": flip, "empty": lambda content: b"", "not text": lambda content: b"\xff\xfe{",
          "a list": lambda content: b"[1, 2]", "no sha256": lambda content: b'{"test": {}}',
          "no figures": lambda content: b'{"sha256": ""}', "missing": None}


@pytest.mark.parametrize("file, kind", [
    *(("small.keras", kind) for kind in ("truncated", "altered", "empty")),
    *(("small.json", kind) for kind in DAMAGE if kind != "altered")])
def test_damage_says_what_is_damaged_and_how_to_fix_it(file, kind, saved):
    path = saved / file
    if kind == "missing":
        path.unlink()
    else:
        path.write_bytes(DAMAGE[kind](path.read_bytes()))
    with pytest.raises(FileNotFoundError if kind == "missing" else ValueError) as error:
        store.load("small")
    assert file in str(error.value)
    assert "git checkout data/weights" in str(error.value)
    assert "python -m shared.train small" in str(error.value)


def full(*arguments, **keywords):
    raise OSError(28, "No space left on device")


def interrupt(*arguments, **keywords):
    raise KeyboardInterrupt


@pytest.mark.parametrize("trouble, raised", [(full, OSError), (interrupt, KeyboardInterrupt)])
@pytest.mark.parametrize("place", ["Model.save", "os.replace", "Path.write_text"])
def test_an_interrupted_save_leaves_the_old_files_and_no_others(
        place, trouble, raised, model, saved, monkeypatch):
    before, exact = contents(saved), model.get_weights()
    owner = {"Model": keras.Model, "os": os, "Path": Path}[place.split(".")[0]]
    with monkeypatch.context() as patch:
        patch.setattr(owner, place.split(".")[1], trouble)
        with pytest.raises(raised):
            store.save(model, "small", {**CARD, "seed": 2})
    assert contents(saved) == before
    assert sorted(path.name for path in saved.iterdir()) == ["small.json", "small.keras"]
    for old, now in zip(exact, model.get_weights(), strict=True):
        np.testing.assert_array_equal(now, old)


@pytest.mark.parametrize("trouble, raised", [(full, OSError), (interrupt, KeyboardInterrupt)])
@pytest.mark.parametrize("name, left", [("small", ["small.json", "small.keras"]),
                                        ("new", ["small.json", "small.keras"])])
def test_a_network_whose_card_cannot_be_put_in_place_is_taken_back(
        name, left, trouble, raised, model, saved, monkeypatch):
    before, replace = contents(saved), os.replace

    def replace_all_but_the_card(source, target):
        if target == saved / f"{name}.json":
            trouble()
        replace(source, target)

    other = upscalers.residual_network(4, width=4, blocks=1)
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace_all_but_the_card)
        with pytest.raises(raised):
            store.save(other, name, CARD)
    assert contents(saved) == before
    assert sorted(path.name for path in saved.iterdir()) == left


def test_what_exists_is_what_was_saved(saved):
    assert store.exists("small") and not store.exists("other")

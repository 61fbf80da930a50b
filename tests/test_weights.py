"""Saved networks: what was saved is loaded, damage is told, an interruption does no harm."""

import hashlib
import io
import json
import lzma
import os
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from conftest import ROOT

from shared import models, recipes, weights

SHIPPED = ROOT / "data" / "weights"
CARD = {"name": "small", "seed": 1, "test": {"psnr": 20.5}}


def answer(model):
    x = np.random.default_rng(0).random((2, 7, 7, 1), "float32")
    return keras.ops.convert_to_numpy(model(x))


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)
    return models.residual_network(4, width=8, blocks=1)


@pytest.fixture
def saved(model, tmp_path, monkeypatch):
    """A data folder of its own with one saved network; gives the folder of the weights."""
    monkeypatch.setenv("ZOOM_DATA", str(tmp_path))
    assert weights.save(model, "small", CARD) == tmp_path / "weights" / "small.keras"
    return tmp_path / "weights"


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_saved_is_loaded_up_to_the_rounding(model, saved):
    for exact, found in zip(model.get_weights(), weights.load("small").get_weights(),
                            strict=True):
        np.testing.assert_allclose(found, exact, rtol=2.0**-11, atol=0)  # 4.9e-4
    np.testing.assert_allclose(answer(weights.load("small")), answer(model), atol=2e-3)


def test_saving_leaves_the_model_itself_unrounded(model, saved):
    before = model.get_weights()
    weights.save(model, "small", CARD)
    for exact, found in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(found, exact)
    assert any(np.any(a != b) for a, b in
               zip(before, weights.load("small").get_weights(), strict=True))


def test_rounding_keeps_zero_signs_and_powers_of_two():
    values = np.float32([0, 1, -1, 0.5, -2, 1e-30, 1 + 2.0**-10, 1 + 2.0**-13])
    wanted = np.float32([0, 1, -1, 0.5, -2, 1e-30, 1 + 2.0**-10, 1])
    np.testing.assert_allclose(weights._round(values), wanted, rtol=2.0**-11)
    np.testing.assert_array_equal(weights._round(values)[[0, 1, 2, 3, 4, 6, 7]],
                                  wanted[[0, 1, 2, 3, 4, 6, 7]])
    noise = np.random.default_rng(0).normal(size=10_000).astype("float32")
    assert np.max(np.abs(weights._round(noise) / noise - 1)) < 1e-3


def test_the_card_holds_what_was_given_and_the_files_own_facts(model, saved):
    card = weights.read_card("small")
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
        network = models.residual_network(4, width=8, blocks=1)
    finally:
        keras.mixed_precision.set_dtype_policy(policy)
    weights.save(network, "half", CARD)
    return network


def test_a_network_trained_in_bfloat16_is_saved_to_compute_in_float32(half):
    assert half.layers[1].compute_dtype == "bfloat16"
    found = weights.load("half")
    assert {layer.compute_dtype for layer in found.layers} == {"float32"}
    np.testing.assert_allclose(answer(found), answer(half), atol=0.03)


def test_weights_of_a_network_that_computes_in_bfloat16_keep_eight_digits(half):
    for exact, found in zip(half.get_weights(), weights.load("half").get_weights(), strict=True):
        np.testing.assert_allclose(found, exact, rtol=2.0**-8, atol=0)
        seen = keras.ops.cast(keras.ops.cast(exact, "bfloat16"), "float32")
        np.testing.assert_array_equal(found, keras.ops.convert_to_numpy(seen))


def test_the_bytes_of_weights_are_stored_apart_and_pack_better_so(model, saved, tmp_path):
    with zipfile.ZipFile(saved / "small.keras") as file:
        packed = {item.filename: item.compress_size for item in file.infolist()}
        arrays = []
        with h5py.File(io.BytesIO(file.read("model.weights.h5"))) as content:
            content.visititems(lambda _, item: arrays.append(item)
                               if isinstance(item, h5py.Dataset) and item.size > 1 else None)
            assert arrays and all(item.shuffle for item in arrays)
    weights.plain(model).save(tmp_path / "plain.keras")
    with zipfile.ZipFile(tmp_path / "plain.keras") as file:
        content = file.read("model.weights.h5")
    whole = len(lzma.compress(content, lzma.FORMAT_ALONE))
    assert packed["model.weights.h5"] < 0.99 * whole


def test_missing_weights_say_how_to_get_them(saved):
    with pytest.raises(FileNotFoundError, match="other.keras is missing") as error:
        weights.load("other")
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
def test_damage_says_what_is_damaged_and_how_to_mend_it(file, kind, saved):
    path = saved / file
    if kind == "missing":
        path.unlink()
    else:
        path.write_bytes(DAMAGE[kind](path.read_bytes()))
    with pytest.raises(FileNotFoundError if kind == "missing" else ValueError) as error:
        weights.load("small")
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
            weights.save(model, "small", {**CARD, "seed": 2})
    assert contents(saved) == before
    assert sorted(path.name for path in saved.iterdir()) == ["small.json", "small.keras"]
    for old, now in zip(exact, model.get_weights(), strict=True):
        np.testing.assert_array_equal(now, old)


def test_weights_that_are_there_are_not_trained_again(saved, monkeypatch):
    from shared import train

    monkeypatch.setattr(train, "train", interrupt)
    assert weights.load_or_train("small").count_params() == weights.read_card(
        "small")["parameters"]


def test_weights_that_are_missing_are_trained_by_the_recipe_of_that_name(
        model, saved, monkeypatch):
    from shared import train

    asked = []

    def learn(name, progress):
        asked.append((name, progress))
        weights.save(model, name, CARD)

    monkeypatch.setattr(train, "train", learn)
    found = weights.load_or_train("other", progress=False)
    assert asked == [("other", False)]
    np.testing.assert_allclose(answer(found), answer(model), atol=2e-3)


def test_without_a_data_folder_weights_go_to_the_users_own(monkeypatch, tmp_path):
    monkeypatch.setenv("ZOOM_DATA", str(tmp_path / "nowhere"))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert weights.folder() == tmp_path / ".keras" / "zoom_and_enhance"


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_the_network_of_every_recipe_is_shipped_as_its_card_says(name, monkeypatch):
    monkeypatch.delenv("ZOOM_DATA", raising=False)
    assert (SHIPPED / f"{name}.keras").is_file(), f"run `python -m shared.train {name}`"
    card = json.loads((SHIPPED / f"{name}.json").read_text())
    sha256 = hashlib.sha256((SHIPPED / f"{name}.keras").read_bytes()).hexdigest()
    assert card["sha256"] == sha256
    recipe = recipes.RECIPES[name]
    epochs = recipe.epochs + sum(cycle.epochs for cycle in recipe.more)
    assert (card["name"], card["epochs"], card["seed"]) == (name, epochs, recipe.seed)
    assert (card["about"], card["data"]) == (recipe.about, recipe.data)
    assert card["parameters"] == weights.load(name).count_params()
    assert card["parameters"] == recipe.finish(recipes.build(name)).count_params()
    assert all(np.isfinite(value).all() for value in card["test"].values())


def test_every_network_is_loaded_by_who_imports_nothing_else(run_python, monkeypatch):
    monkeypatch.delenv("ZOOM_DATA", raising=False)
    run_python("import sys\nfrom shared import weights\n"
               "for name in sys.argv[1:]:\n    weights.load(name)\n", *recipes.RECIPES)


def test_nothing_is_shipped_without_a_recipe_and_a_card():
    networks = {path.stem for path in SHIPPED.glob("*.keras")}
    assert networks <= set(recipes.RECIPES)
    assert networks == {path.stem for path in SHIPPED.glob("*.json")}

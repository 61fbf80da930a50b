"""Saved networks: what is saved is loaded, damage is reported, an interruption does no harm."""

import hashlib
import io
import json
import os
import sys
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from killing import killed_at_each_step

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
          "no figures": lambda content: b'{"sha256": "", "parameters": 1}',
          "no parameters": lambda content: b'{"sha256": "", "test": {}}', "missing": None}


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


def assert_refused(match):
    with pytest.raises(ValueError, match=match) as error:
        store.load("small")
    assert "small.keras" in str(error.value) and "git checkout data/weights" in str(error.value)


def put_in_place_of(path, content):
    """Put other content into a network's file, with its sum on the card."""
    path.write_bytes(content)
    card = json.loads(path.with_suffix(".json").read_text())
    card["sha256"] = hashlib.sha256(content).hexdigest()
    path.with_suffix(".json").write_text(json.dumps(card))


def test_a_network_with_weights_that_are_not_finite_is_refused(model, saved, tmp_path):
    broken = keras.models.clone_model(model)
    broken.set_weights([*broken.get_weights()[:-1], np.full_like(model.get_weights()[-1], np.nan)])
    broken.save(tmp_path / "broken.keras")
    put_in_place_of(saved / "small.keras", (tmp_path / "broken.keras").read_bytes())
    assert_refused("not all of its weights are finite")


def test_a_network_that_would_run_python_code_of_its_own_is_refused(saved, tmp_path):
    """As a ``Lambda`` layer would, whose function Keras stores as Python code."""
    image = keras.Input((7, 7, 1))
    model = keras.Model(image, keras.layers.Lambda(lambda x: 2 * x)(image))
    model.save(tmp_path / "code.keras")
    put_in_place_of(saved / "small.keras", (tmp_path / "code.keras").read_bytes())
    assert_refused("arbitrary code")


def test_a_network_that_diverged_is_not_saved_in_place_of_a_good_one(model, saved):
    before = contents(saved)
    broken = keras.models.clone_model(model)
    weights = broken.get_weights()
    weights[-1][...] = np.inf
    broken.set_weights(weights)
    with pytest.raises(ValueError, match="not all weights of small are finite"):
        store.save(broken, "small", CARD)
    assert contents(saved) == before


def test_another_network_with_a_fitting_sum_is_refused(model, saved):
    other = store.save(upscalers.residual_network(4, width=4, blocks=1), "other", CARD)
    put_in_place_of(saved / "small.keras", other.read_bytes())
    assert_refused("another network: it has [0-9]+ parameters, its card says [0-9]+")


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + bytes(18)])
def test_a_file_that_keras_cannot_load_is_refused_with_the_advice(content, saved):
    put_in_place_of(saved / "small.keras", content)
    assert_refused("cannot be used")


def test_an_error_of_the_decompressor_comes_with_the_advice(saved):
    with zipfile.ZipFile(saved / "small.keras") as archive:
        entry = archive.getinfo("config.json")
    content = bytearray((saved / "small.keras").read_bytes())
    content[entry.header_offset + 30 + len(entry.filename) + 40] ^= 0xFF
    put_in_place_of(saved / "small.keras", bytes(content))
    assert_refused("cannot be used")


def test_a_python_without_lzma_says_so_and_not_that_the_file_is_damaged(model, saved, monkeypatch):
    before = contents(saved)
    monkeypatch.setitem(sys.modules, "lzma", None)
    for use in (lambda: store.load("small"), lambda: store.save(model, "small", CARD)):
        with pytest.raises(ValueError, match="without liblzma.*python.org.*liblzma-dev") as error:
            use()
        assert "git checkout" not in str(error.value)
    assert contents(saved) == before


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


class Prepared:
    """A network that is saved without TensorFlow, which a forked process cannot use."""

    def __init__(self, model, file):
        model.save(file)
        self.content, self.parameters = file.read_bytes(), model.count_params()

    def save(self, path):
        path.write_bytes(self.content)

    def count_params(self):
        return self.parameters

    def get_weights(self):
        return []


@pytest.fixture
def two(model, saved, tmp_path, monkeypatch):
    """Two networks as ``Prepared``; their sizes are 8 and 4. The first one is stored."""
    networks = [Prepared(model, tmp_path / "8.keras"),
                Prepared(upscalers.residual_network(4, width=4, blocks=1), tmp_path / "4.keras")]
    monkeypatch.setattr(store, "plain", lambda model: model)
    store.save(networks[0], "small", {**CARD, "size": 8})
    return networks


def assert_sizes_agree(network, card):
    """The network is the one of the card, whose ``size`` is its number of channels."""
    assert network.count_params() == card["parameters"]
    assert network.layers[1].get_weights()[0].shape[-1] == card["size"]


forking = pytest.mark.skipif(sys.platform != "linux", reason="forks a process that has threads")


@forking
@pytest.mark.slow
def test_a_process_killed_at_any_step_of_saving_leaves_the_old_or_the_new_network(two, saved):
    start, sizes = contents(saved), []
    for step in killed_at_each_step(lambda: store.save(two[1], "small", {**CARD, "size": 4}),
                                    saved):
        assert store.exists("small")
        assert_sizes_agree(store.load("small"), store.read_card("small"))
        sizes.append(store.read_card("small")["size"])
        assert sorted(path.name for path in saved.iterdir()) == ["small.json", "small.keras"], step
        for name, content in start.items():
            (saved / name).write_bytes(content)
    assert sizes == sorted(sizes, reverse=True) and set(sizes) == {8, 4} and len(sizes) >= 8


@forking
@pytest.mark.slow
def test_a_process_killed_at_any_step_of_the_first_saving_leaves_a_network_or_none(two, saved):
    for step in killed_at_each_step(lambda: store.save(two[1], "new", {**CARD, "size": 4}), saved):
        if store.exists("new"):
            assert_sizes_agree(store.load("new"), store.read_card("new"))
            (saved / "new.keras").unlink()
            (saved / "new.json").unlink()
        store.load("small")
        assert sorted(path.name for path in saved.iterdir()) == ["small.json", "small.keras"], step


@forking
@pytest.mark.slow
def test_readers_beside_two_writers_always_find_a_network_and_its_card(two, saved):
    writers = []
    for first in (0, 1):
        if not (child := os.fork()):
            try:
                for number in range(40):
                    choice = (first + number) % 2
                    store.save(two[choice], "small", {**CARD, "size": (8, 4)[choice]})
                os._exit(0)
            finally:
                os._exit(1)
        writers.append(child)
    looks, loads, running = 0, 0, set(writers)
    while running:
        card, path = store._card_and_network("small")
        assert path is not None
        looks += 1
        if looks % 20 == 0:
            store.load("small")
            loads += 1
        for child in list(running):
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                assert os.WEXITSTATUS(status) == 0
                running.remove(child)
    assert looks > 40 and loads > 2
    assert_sizes_agree(store.load("small"), store.read_card("small"))
    assert sorted(path.name for path in saved.iterdir()) == ["small.json", "small.keras"]


def test_a_network_that_cannot_be_moved_beside_its_card_is_loaded_from_where_it_waits(
        two, saved, monkeypatch):
    """On Windows, a file that another process reads cannot be replaced."""
    replace = os.replace

    def replace_only_cards(source, target):
        if target.suffix == ".keras":
            raise PermissionError(13, "in use")
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace_only_cards)
        store.save(two[1], "small", {**CARD, "size": 4})
        assert store.exists("small")
        assert_sizes_agree(store.load("small"), {**store.read_card("small"), "size": 4})
        assert (saved / "new.part" / "small.keras").exists()
    assert_sizes_agree(store.load("small"), store.read_card("small"))
    assert sorted(path.name for path in saved.iterdir()) == ["small.json", "small.keras"]


def test_what_exists_is_what_was_saved(saved):
    assert store.exists("small") and not store.exists("other")

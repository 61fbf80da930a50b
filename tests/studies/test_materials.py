"""The stored runs of lesson 07: what the networks are trained on, and how they are measured."""

import functools
import json

import keras
import numpy as np
import pytest
from conftest import ROOT

from shared import runtime
from shared.data import patches, photos, synthetic
from shared.recipes import lesson06
from shared.studies import materials
from shared.studies.materials import MaterialRun
from shared.training.optimizers import Muon


@pytest.fixture
def small(monkeypatch):
    """Short runs of a tiny network on one small photograph; the splits that are asked for."""
    for name, value in {"STEPS": 10, "WIDTH": 4, "BLOCKS": 1, "DRAWINGS": 1}.items():
        monkeypatch.setattr(materials, name, value)
    photo = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype="uint8")
    splits = []

    def load(split):
        splits.append(split)
        return {"one": photo}

    for module in (photos, patches):  # patches imports the function itself
        monkeypatch.setattr(module, "load_photos", load)
    return splits


# --- the stored runs -------------------------------------------------------------------------

@pytest.fixture
def shipped(monkeypatch):
    monkeypatch.delenv("ZOOM_DATA", raising=False)
    return materials.load_runs()  # raises if runs are missing or were made with other settings


def test_every_shipped_material_has_three_seeds(shipped):
    seeds = {}
    for entry in shipped:
        seeds.setdefault(entry["material"], []).append(entry["seed"])
    assert all(sorted(found) == [1, 2, 3] for found in seeds.values())
    # The photographs alone, and with each kind of drawing; all kinds, more photographs twice,
    # mixtures, contrasts, turns.
    assert len(seeds) == 1 + len(synthetic.KINDS) + 6


@pytest.mark.parametrize("constant, value", [
    ("STEPS", 501), ("WIDTH", 24), ("BLOCKS", 5), ("EXPANSION", 4), ("DRAWINGS", 41),
    ("OPTIMIZER", keras.optimizers.Adam), ("OPTIMIZER", functools.partial(Muon, narrow=1))])
def test_the_shipped_runs_are_refused_if_a_setting_is_changed(
        constant, value, monkeypatch, shipped):
    monkeypatch.setattr(materials, constant, value)
    with pytest.raises(ValueError, match="other settings"):
        materials.load_runs()


def test_the_command_makes_every_run_and_says_what_it_is(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("ZOOM_DATA", str(tmp_path))
    monkeypatch.setattr(runtime, "use_fast_precision", lambda: None)
    monkeypatch.setattr(materials, "train_small_network", lambda run: run)
    monkeypatch.setattr(materials, "measure_on_each", lambda run: {
        name: 30.0 + run.seed for name in materials.FIGURES})
    materials.main([])
    _, *lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(set(lines)) == len(materials.PLAN)
    assert lines[0] == ("photos, seed 1: validation 31.00 dB, test 31.00 dB, drawn 31.00 dB")
    entries = materials.load_runs()
    assert [materials.STORE.key(entry) for entry in entries] == materials.PLAN
    assert entries[0]["psnr_test"] == 31.0
    settings = json.loads((tmp_path / "materials.json").read_text())["settings"]
    assert settings == json.loads((ROOT / "data" / "materials.json").read_text())["settings"]


# --- one run ---------------------------------------------------------------------------------

@pytest.mark.slow
def test_a_run_follows_from_its_seed_and_its_material(small):
    first, again, *others = (
        materials.train_small_network(MaterialRun(*fields)).get_weights()
        for fields in (("photos", 1), ("photos", 1), ("photos", 2), ("+ gratings", 1)))
    for wanted, found in zip(first, again, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-3)  # threads add in any order
    for other in others:
        assert max(np.abs(x - y).max() for x, y in zip(first, other, strict=True)) > 2e-3


@pytest.mark.slow
def test_a_run_is_trained_by_the_optimizer_that_the_settings_name(small, compiled):
    materials.train_small_network(MaterialRun("photos", 1))
    assert type(compiled[0].optimizer).__name__ == materials.settings()["optimizer"]
    assert compiled[0].loss == "mae" and int(compiled[0].optimizer.iterations) == 10


def test_each_material_is_the_photographs_and_what_its_name_adds(small, monkeypatch):
    """One photograph at three sizes, and one drawing of each kind that is drawn."""
    drawn, cut = [], []
    tiles = patches.cut_tiles
    monkeypatch.setattr(patches, "cut_tiles", lambda pairs: cut.extend(pairs) or tiles(pairs))
    monkeypatch.setattr(synthetic, "KINDS", {
        kind: lambda rng, side, kind=kind: drawn.append(kind) or np.zeros((side, side, 1), "uint8")
        for kind in synthetic.KINDS})
    kinds = list(synthetic.KINDS)
    added = {"photos": (["train"], []), "+ 59 photos": (["train", "extra"], []),
             "+ 183 photos": (["train", "extra", "more"], []),
             "+ all drawings": (["train"], kinds), "mixed in pairs": (["train"], []),
             "at other contrasts": (["train"], []), materials.EQUIVARIANT: (["train"], []),
             **{f"+ {kind.replace('_', ' ')}": (["train"], [kind]) for kind in kinds}}
    assert added.keys() == materials.MATERIALS.keys()
    for material, (splits, drawings) in added.items():
        small.clear()
        drawn.clear()
        cut.clear()
        patches.photo_batches(drawings=1, **materials.MATERIALS[material])
        assert (small, drawn) == (splits, drawings), material
        assert len(cut) == 3 * len(splits) + len(drawings)


@pytest.mark.slow
def test_only_the_equivariant_run_gives_a_mirrored_photo_the_mirrored_output(small, monkeypatch):
    monkeypatch.setattr(materials, "WIDTH", 8)
    photo = np.random.default_rng(1).random((1, 24, 32, 1), "float32")
    off = []
    for material in (materials.EQUIVARIANT, "photos"):
        model = materials.train_small_network(MaterialRun(material, 1))
        answer, mirrored = (runtime.predict(model, x) for x in (photo, photo[:, :, ::-1]))
        off.append(np.abs(mirrored[:, :, ::-1] - answer).max())
    assert off[0] < 1e-4 < off[1]


def test_a_network_is_measured_on_validation_and_test_photographs_and_on_new_drawings(
        monkeypatch):
    monkeypatch.setattr(photos, "load_photos", lambda split: {"one": split})
    monkeypatch.setattr(materials, "unseen_drawings", lambda: ["drawn"])
    scores = {"validation": 40.12347, "test": 32.0, "drawn": 30.0}
    monkeypatch.setattr(lesson06, "mean_psnr_and_ssim", lambda model, pictures: (
        scores[[*pictures][0]], 0.9))
    assert materials.measure_on_each("a network") == {
        "psnr_validation": 40.1235, "psnr_test": 32.0, "psnr_drawn": 30.0}


def test_new_drawings_are_of_every_kind_and_not_those_of_training():
    new = materials.unseen_drawings(side=64, each=1)
    assert len(new) == len(synthetic.KINDS)
    rng = np.random.default_rng(1)  # the seed of ``patches.training_tiles``
    old = [draw(rng, 64) for draw in synthetic.KINDS.values()]
    assert not any(np.array_equal(a, b) for a, b in zip(new, old, strict=True))

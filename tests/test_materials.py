"""The stored runs of lesson 06: what the networks learned from."""

import numpy as np
import pytest
from conftest import ROOT

from shared import drawn, materials, photo_training, training


@pytest.fixture
def small(monkeypatch):
    """Short runs of a tiny network on one small photograph."""
    for name, value in {"STEPS": 10, "WIDTH": 4, "BLOCKS": 1, "DRAWINGS": 1}.items():
        monkeypatch.setattr(materials, name, value)
    photo = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype="uint8")
    for module in (materials, photo_training):
        monkeypatch.setattr(module, "photos", lambda split: {"one": photo})


def test_every_kind_is_added_alone_and_all_of_them_together():
    kinds = {name: choice["kinds"] for name, choice in materials.MATERIALS.items()}
    assert list(kinds)[0] == "photos" and kinds["photos"] == ()
    alone = [kind for kind in kinds.values() if len(kind) == 1]
    assert sorted(alone) == sorted((kind,) for kind in drawn.KINDS)
    assert tuple(drawn.KINDS) in kinds.values()
    assert kinds["+ more photos"] == () and kinds[materials.TURNED] == ()
    assert len(materials.SEEDS) == 3 and len(set(materials.PLAN)) == len(materials.PLAN)


def test_a_run_follows_from_its_seed_and_its_material(small):
    first, again, *others = (
        materials.train(materials.Key(*key)).get_weights()
        for key in (("photos", 1), ("photos", 1), ("photos", 2), ("+ gratings", 1)))
    for wanted, found in zip(first, again, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-3)  # threads add in any order
    for other in others:
        assert max(np.abs(x - y).max() for x, y in zip(first, other, strict=True)) > 2e-3


def test_one_run_learns_from_more_photographs(small, monkeypatch):
    asked = []
    known = photo_training.photos
    monkeypatch.setattr(photo_training, "photos", lambda split: asked.append(split) or known(split))
    for material in ("photos", "+ more photos"):
        materials.train(materials.Key(material, 1))
    assert asked == ["train", "train", "more"]


def test_one_run_has_kernels_in_eight_turns(small, monkeypatch):
    monkeypatch.setattr(materials, "WIDTH", 8)
    photo = np.random.default_rng(1).random((1, 24, 32, 1), "float32")
    off = []
    for material in (materials.TURNED, "photos"):
        model = materials.train(materials.Key(material, 1))
        answer, mirrored = (training.predict(model, x) for x in (photo, photo[:, :, ::-1]))
        off.append(np.abs(mirrored[:, :, ::-1] - answer).max())
    assert off[0] < 1e-4 < off[1]


def test_the_command_makes_every_run(small, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("ZOOM_DATA", str(tmp_path))
    monkeypatch.setattr(materials.training, "use_fast_precision", lambda: None)
    monkeypatch.setattr(materials, "train", lambda key: key)
    monkeypatch.setattr(materials, "judge",
                        lambda key: {name: 30.0 + key.seed for name in materials.FIGURES})
    materials.main([])
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(materials.PLAN)
    assert [materials.STORE.key(entry) for entry in materials.load()] == materials.PLAN
    assert materials.load()[0]["psnr_test"] == 31.0


def test_new_drawings_are_of_every_kind_and_not_those_of_training():
    new = materials.unseen(side=64, each=1)
    assert len(new) == len(drawn.KINDS)
    rng = np.random.default_rng(1)  # the seed of ``photo_training.material``
    old = [draw(rng, 64) for draw in drawn.KINDS.values()]
    assert not any(np.array_equal(a, b) for a, b in zip(new, old, strict=True))


@pytest.mark.skipif(not (ROOT / "data" / "materials.json").is_file(), reason="not made yet")
def test_the_shipped_runs_are_whole(monkeypatch):
    monkeypatch.delenv("ZOOM_DATA", raising=False)
    assert len(materials.load()) == len(materials.PLAN)

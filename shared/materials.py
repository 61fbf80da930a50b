"""What is worth learning from? One small network, trained on photographs and more besides.

    python -m shared.materials            makes the runs that data/materials.json lacks
    python -m shared.materials --again    makes all of them anew

Each run trains a small network of ``photo_models.zoom``'s shape for the same number of batches
on another material, and measures it on photographs and on drawings that it has not seen. What
is added are photographs of other subjects, or drawings of each kind. One learns from the first
photographs alone, but by kernels in eight turns (``photo_models.TurnedConv2D``).
"""

from typing import NamedTuple

import keras
import numpy as np

from shared import drawn, muon, photo_models, photo_training, runs, training
from shared.photos import photos

STEPS, DRAWINGS = 500, 40  # batches of 16 crops; drawings of each kind
WIDTH, BLOCKS, WIDE = 16, 4, 48  # as ``photo_models.zoom`` has them
SEEDS = (1, 2, 3)
TURNED = "in eight turns"  # photographs alone, and ``photo_models.zoom_of_turns``
# What each differs in, as ``photo_training.material`` has it.
MATERIALS = {"photos": {"kinds": ()}, "+ more photos": {"kinds": (), "splits": ("train", "more")},
             **{f"+ {kind.replace('_', ' ')}": {"kinds": (kind,)} for kind in drawn.KINDS},
             "+ all of them": {"kinds": tuple(drawn.KINDS)}, TURNED: {"kinds": ()}}


class Key(NamedTuple):
    """What tells one run from another: a name of ``MATERIALS``, and the seed."""

    material: str
    seed: int


PLAN = [Key(material, seed) for seed in SEEDS for material in MATERIALS]
# PSNR-Y in dB on the validation photographs, on the test ones, on new drawings of all kinds.
FIGURES = ("psnr_validation", "psnr_test", "psnr_drawn")
STORE = runs.Store("materials", PLAN, FIGURES, settings=lambda: {
    "steps": STEPS, "width": WIDTH, "blocks": BLOCKS, "wide": WIDE, "drawings": DRAWINGS,
    "optimizer": "Muon"})
load = STORE.load


def train(key, progress=False):
    """The small network, trained on that material."""
    keras.utils.set_random_seed(key.seed)
    if key.material == TURNED:
        model = photo_models.zoom_of_turns(WIDTH, BLOCKS, WIDE)
    else:
        model = photo_models.zoom(WIDTH, BLOCKS, WIDE, ways=1)
    batches = photo_training.batches(per_epoch=STEPS, seed=key.seed, drawings=DRAWINGS,
                                     **MATERIALS[key.material])
    training.compile(model, STEPS, "mae", optimizer=muon.Muon)
    training.fit(model, batches, progress=progress)
    return model


def unseen(side=192, each=3):
    """Drawings of every kind that no training has used."""
    rng = np.random.default_rng(99)
    return [draw(rng, side) for draw in drawn.KINDS.values() for _ in range(each)]


def judge(model):
    """The figures of a trained network: see ``FIGURES``."""
    sets = photos("validation").values(), photos("test").values(), unseen()
    return {name: round(photo_training.score(model, pictures)[0], 4)
            for name, pictures in zip(FIGURES, sets, strict=True)}


def run(key):
    """Train and judge: the figures, and a line that says them."""
    figures = judge(train(key))
    return figures, f"{key.material}, seed {key.seed}: " + ", ".join(
        f"{name.removeprefix('psnr_')} {value:.2f} dB" for name, value in figures.items())


def main(arguments=None):
    STORE.main(__doc__, lambda: run, arguments)


if __name__ == "__main__":
    main()

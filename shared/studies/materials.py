"""Which training data helps most? One small network, trained on different kinds of it.

    python -m shared.studies.materials            makes the runs that data/materials.json lacks
    python -m shared.studies.materials --again    makes all of them again

Each run trains a small ``zoom`` for the same number of batches on different data, and measures
it on photographs and on drawings that it has not seen. The data are 31 photographs, to which the
runs add photographs of other subjects, or drawings of one kind or of all. Other runs use the 31
photographs alone, but mix them or change their contrast, or train equivariant convolutions
(``models.layers.TurnedConv2D``). Introduced in lesson 07, which shows the results.
"""

from typing import NamedTuple

import keras
import numpy as np

from shared.data import patches, photos, synthetic
from shared.models import zoom_network
from shared.recipes import lesson06
from shared.studies import runs
from shared.training import loop
from shared.training.optimizers import Muon
from shared.training.recipe import optimizer_name

STEPS, DRAWINGS = 1000, 40  # batches of 16 crops; drawings of each kind
WIDTH, BLOCKS, EXPANSION = 16, 4, 3  # of the small ``zoom``
OPTIMIZER = Muon
SEEDS = (1, 2, 3)
EQUIVARIANT = "in eight turns"  # photographs alone, with equivariant convolutions
# The training data of each name, as for ``patches.photo_batches``.
MATERIALS = {
    "photos": {"kinds": ()},
    "+ 59 photos": {"kinds": (), "splits": ("train", "extra")},
    "+ 183 photos": {"kinds": (), "splits": ("train", "extra", "more")},
    **{f"+ {kind.replace('_', ' ')}": {"kinds": (kind,)} for kind in synthetic.KINDS},
    "+ all drawings": {"kinds": tuple(synthetic.KINDS)},
    "mixed in pairs": {"kinds": (), "change": patches.blended},
    "at other contrasts": {"kinds": (), "change": patches.at_random_contrast},
    EQUIVARIANT: {"kinds": ()}}


class MaterialRun(NamedTuple):
    """What distinguishes one run from another: a name of ``MATERIALS``, and the seed."""

    material: str
    seed: int


PLAN = [MaterialRun(material, seed) for seed in SEEDS for material in MATERIALS]
# PSNR-Y in dB on the validation photographs, on the test photographs, and on new drawings.
FIGURES = ("psnr_validation", "psnr_test", "psnr_drawn")


def settings():
    """What all runs have in common."""
    return {"steps": STEPS, "width": WIDTH, "blocks": BLOCKS, "expansion": EXPANSION,
            "drawings": DRAWINGS, "optimizer": optimizer_name(OPTIMIZER)}


STORE = runs.RunStore("materials", PLAN, FIGURES, settings)
load_runs = STORE.load


def train_small_network(run, progress=False):
    """A small network, trained on the material of ``run`` (a ``MaterialRun``)."""
    keras.utils.set_random_seed(run.seed)
    if run.material == EQUIVARIANT:
        model = zoom_network.equivariant_zoom(WIDTH, BLOCKS, EXPANSION)
    else:
        model = zoom_network.zoom(WIDTH, BLOCKS, EXPANSION)
    batches = patches.photo_batches(per_epoch=STEPS, seed=run.seed, drawings=DRAWINGS,
                                    **MATERIALS[run.material])
    loop.compile_model(model, STEPS, "mae", optimizer=OPTIMIZER)
    loop.fit(model, batches, progress=progress)
    return model


def unseen_drawings(side=192, each=3):
    """``each`` drawings of every kind, none used for training: uint8 arrays (side, side, 1)."""
    rng = np.random.default_rng(99)
    return [draw(rng, side) for draw in synthetic.KINDS.values() for _ in range(each)]


def measure_on_each(model):
    """The ``FIGURES`` of a trained network: a dict."""
    sets = (photos.load_photos("validation").values(), photos.load_photos("test").values(),
            unseen_drawings())
    return {name: round(lesson06.mean_psnr_and_ssim(model, pictures)[0], 4)
            for name, pictures in zip(FIGURES, sets, strict=True)}


def make_run(run):
    """Train and measure one run; returns its figures, a dict, and a line to print."""
    figures = measure_on_each(train_small_network(run))
    return figures, f"{run.material}, seed {run.seed}: " + ", ".join(
        f"{name.removeprefix('psnr_')} {value:.2f} dB" for name, value in figures.items())


def main(arguments=None):
    runs.command_line(STORE, __doc__, lambda: make_run, arguments)


if __name__ == "__main__":
    main()

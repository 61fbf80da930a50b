"""The recipes of lesson 06: networks that double the size of photographs, working on luma."""

import dataclasses
import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from shared import runtime
from shared.data import div2k, patches, photos, pipeline
from shared.images import luma
from shared.measures import cost, metrics, timing
from shared.models import papers, zoom_network
from shared.training.optimizers import Muon
from shared.training.recipe import Cycle, Recipe


def enlarge_luma(model, low_res):
    """Luma enlarged by ``model``: uint8 (height, width, 1) becomes float32, twice the size.

    Both range from 0 to 255; the output is not clipped.
    """
    return 255 * runtime.predict(model, low_res[None] / np.float32(255), 1)[0]


def mean_psnr_and_ssim(model, photographs, scale=2):
    """Mean PSNR-Y in dB and mean SSIM-Y over photographs, by the protocol of ``images.luma``.

    Args:
        model: a network that enlarges luma, such as those of this lesson.
        photographs: uint8 arrays (height, width, 3), RGB, or (height, width, 1), luma.
        scale: by how much the model enlarges.
    """
    scores = []
    for photograph in photographs:
        truth = luma.crop_to_multiple(luma.luma(photograph), scale)
        image = enlarge_luma(model, luma.reduce(truth, scale))
        scores.append((metrics.psnr_y(truth, image, scale), metrics.ssim_y(truth, image, scale)))
    psnr, ssim = np.mean(scores, axis=0)
    return float(psnr), float(ssim)


def seconds_to_enlarge(model, side=256, repeats=5):
    """Seconds that ``model`` needs to enlarge luma of ``side`` x ``side`` pixels.

    The median of ``repeats`` calls, after one more as a warm-up.
    """
    low_res = np.random.default_rng(0).integers(0, 256, (side, side, 1), dtype="uint8")
    return float(np.median(timing.timed(repeats, lambda: enlarge_luma(model, low_res))))


class Photographs(NamedTuple):
    """Photographs to train on and to measure with.

    Args:
        words: the training data in words, for the card.
        tiles: zero-argument function that returns the tiles to train on, a ``patches.Pair``.
        measured: zero-argument function that returns the pictures to measure with: a dict of
            iterables of uint8 arrays (height, width, 3), RGB, by the name of the set.
    """

    words: str
    tiles: Callable
    measured: Callable


def course_sets():
    """The pictures that each photo network is measured with; Set5 only if it is there."""
    sets = {split: photos.load_photos(split).values() for split in ("test", "validation")}
    set5 = photos.set5()
    return sets if set5 is None else sets | {"set5": set5}


@functools.lru_cache(maxsize=1)  # cycles of a training that use the same tiles make them once
def course_tiles(*further_splits):
    """Tiles of the photographs of the course at eight sizes, and of 80 drawings.

    ``further_splits`` are used beside "train" and "extra".
    """
    return patches.training_tiles(("dead_leaves", "lettering"), drawings=40, random_sizes=7,
                                  splits=("train", "extra", *further_splits))


COURSE = Photographs(
    "90 photographs, each at its own size and at seven random ones; 40 drawings of dead leaves "
    "and 40 of lettering", course_tiles, course_sets)
DIV2K = Photographs(
    "DIV2K, 800 photographs, each at its own size and at two random ones", div2k.div2k_tiles,
    lambda: {"div2k": div2k.load_div2k("test"), **course_sets()})


def measure_photo_network(model, photographs=COURSE):
    """The figures of a photo network for its card: a dict.

    They are PSNR-Y in dB and SSIM-Y on each set of pictures of ``photographs``; and for an
    output of 512x512 pixels, the multiplications, and the seconds on this machine.
    """
    figures = {}
    for name, pictures in photographs.measured().items():
        psnr, ssim = mean_psnr_and_ssim(model, pictures)
        figures[f"psnr_{name}"], figures[f"ssim_{name}"] = psnr, ssim
    figures["macs_512"] = cost.macs(model, 512, 512)
    figures["seconds_512"] = seconds_to_enlarge(model)
    return figures


EPOCH = 500  # batches


def photo_recipe(about, build, photographs, steps, side, batch_size, squared=0.3, **fields):
    """The recipe of a photo network, trained by Muon on crops of photographs.

    The loss is the mean absolute error; for the last part of the training, in which the learning
    rate becomes small, it is the squared error, which the PSNR is made of.

    Args:
        about: what the network is, a few words for the card.
        build: zero-argument function that returns the network.
        photographs: the ``Photographs``.
        steps: batches in the whole training, a multiple of ``EPOCH``.
        side: height and width of a crop in pixels of the low resolution.
        batch_size: crops per batch.
        squared: the fraction of the training with the squared error.
        fields: further fields of the ``Recipe``.
    """
    epochs = steps // EPOCH
    last = round(squared * epochs)

    def batches(networks):
        return pipeline.Batches(photographs.tiles(), patches.tile_crops(side), batch_size,
                                per_epoch=EPOCH, seed=1)

    cycle = Cycle(last, None, batches, loss="mse", continues=True)
    return Recipe(
        about=f"luma of photographs x2, {about} (lesson 06)", data=photographs.words,
        build=lambda networks: build(), batches=batches,
        measure=lambda model, networks: measure_photo_network(model, photographs),
        epochs=epochs - last, loss="mae",
        further_cycles=(cycle,), **({"optimizer": MUON} | fields))


# The running mean of the weights is what is kept (Polyak and Juditsky 1992).
MUON = functools.partial(Muon, use_ema=True, ema_momentum=0.999)
MUON_WITH_DECAY = functools.partial(MUON, adam_lr_ratio=0.1, weight_decay=0.1)


def photo_recipes(photographs):
    """The recipes of all photo networks for some ``Photographs``: a dict by name."""
    return {
        # Adam is not used for SRCNN's last layer. It would change all 775 weights that make a
        # pixel by the same amount at each step, and the whole picture would become lighter or
        # darker.
        "srcnn": photo_recipe(
            "three convolutions, 9-5-5", papers.srcnn_with_shortcut, photographs, steps=20_000,
            side=32, batch_size=8, peak_rate=1e-3, optimizer=functools.partial(MUON, narrow=1),
            finish=papers.absorb),
        "vdsr": photo_recipe("twenty convolutions and a shortcut", papers.vdsr, photographs,
                             steps=25_000, side=32, batch_size=16),
        "ircnn": photo_recipe(
            "seven dilated convolutions and a shortcut", papers.ircnn, photographs, steps=7_500,
            side=32, batch_size=16, finish=papers.fold),
        "unet": photo_recipe("a U-Net of five layers", papers.unet, photographs, steps=6_000,
                             side=48, batch_size=16, optimizer=MUON_WITH_DECAY),
        "zoom": photo_recipe(
            "residual sub-pixel network of 16 blocks, 32 and 96 wide", zoom_network.zoom,
            photographs, steps=67_500, side=48, batch_size=32, squared=0.25,
            optimizer=MUON_WITH_DECAY)}


def _srcnn_batches(networks):
    """What the shipped ``srcnn`` has learned from: fewer photographs, at three sizes."""
    return patches.photo_batches(EPOCH, batch_size=8, side=32, drawings=40,
                                 kinds=("dead_leaves", "lettering"))


def _more_batches(networks):
    """What ``zoom`` learns from in the end: 124 photographs of many further kinds as well."""
    return pipeline.Batches(course_tiles("more"), patches.tile_crops(48), 64, per_epoch=EPOCH,
                            seed=2)


RECIPES = photo_recipes(COURSE)
RECIPES["srcnn"] = dataclasses.replace(
    RECIPES["srcnn"], epochs=40, further_cycles=(), batches=_srcnn_batches,
    optimizer=functools.partial(Muon, narrow=1),
    data="31 photographs at three sizes, 40 drawings of dead leaves and 40 of lettering")
RECIPES["zoom"] = dataclasses.replace(
    RECIPES["zoom"], data=f"{COURSE.words}; in the last cycle 124 photographs more",
    further_cycles=(*RECIPES["zoom"].further_cycles, Cycle(4, 1e-3, _more_batches, "mse")))
# The same networks, trained on DIV2K: ``python -m shared.train zoom --photos div2k``.
DIV2K_RECIPES = {f"{name}_div2k": recipe for name, recipe in photo_recipes(DIV2K).items()}

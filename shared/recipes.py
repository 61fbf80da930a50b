"""Every trained network of the course: how it is built, trained and measured.

One registry, ``RECIPES``, is what the lessons, ``shared.weights``, ``python -m shared.train``
and the tests read.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import keras
import numpy as np
from scipy import ndimage

from shared import (
    classifiers,
    combined,
    datasets,
    flow,
    losses,
    metrics,
    models,
    muon,
    photo_models,
    photo_training,
    training,
    uncertainty,
    vector,
    weights,
)
from shared.degrade import block_mean, project
from shared.resize import upscale

WITH_DECAY = functools.partial(muon.Muon, adam_lr_ratio=0.1, weight_decay=0.1)
CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


class Cycle(NamedTuple):
    """One cycle of training: a cosine rate over ``epochs`` (warm restarts, Loshchilov and
    Hutter 2017). ``loss`` and ``optimizer`` are the recipe's where there is none. A cycle of
    fewer epochs than ``fall`` ends while the cosine, made for that many, is still high: for
    weights that are averaged (Izmailov et al. 2018)."""

    epochs: int
    peak: float
    batches: Callable
    loss: str | Callable | dict | None = None
    optimizer: Callable | None = None
    fall: int | None = None


@dataclass(frozen=True)
class Recipe:
    """What it takes to train one network again.

    Args:
        about: one line for the card.
        build: function of nothing that returns the new ``keras.Model``.
        batches: function of nothing that returns the ``training.Batches``.
        measure: function of the trained model that returns its test figures, a dict of numbers
            and lists of them.
        epochs, peak, loss, optimizer, seed: as in ``training``.
        more: further cycles of training, each a ``Cycle``.
        loss_weights: one for each loss where ``loss`` is a dict.
        finish: function of the trained model that returns the one to ship; itself if absent.
        data: names of the data, for the card.
    """

    about: str
    build: Callable
    batches: Callable
    measure: Callable
    epochs: int
    data: str
    peak: float = 2e-3
    loss: str | Callable | dict = "mse"
    loss_weights: dict | None = None
    optimizer: Callable = keras.optimizers.Adam
    finish: Callable = lambda model: model  # noqa: E731
    seed: int = 1
    more: tuple = ()


def measure_upscaler(dataset, scale=4):
    """Figures on the 10,000 test images: PSNR and SSIM, as they come and after projection."""

    def measure(model):
        truth = dataset().x_test
        low_res = block_mean(truth, scale)
        raw = np.clip(training.predict(model, low_res), 0.0, 1.0)
        final = project(raw, low_res)
        return {"psnr_clipped": float(metrics.psnr(truth, raw).mean()),
                "psnr": float(metrics.psnr(truth, final).mean()),
                "ssim": float(metrics.ssim(truth, final).mean())}

    return measure


def measure_hd(model):
    """Figures on 480 digits of fonts, 28x28 to 112x112, after projection; blurred ones too."""
    truth, _ = vector.font_digits()
    low_res = block_mean(truth, 4)
    final = project(np.clip(training.predict(model, low_res, 32), 0, 1), low_res)
    blurred = block_mean(ndimage.gaussian_filter(truth, (0, 2, 2, 0)), 4)
    deblurred = np.clip(training.predict(model, blurred, 32), 0, 1)
    return {"psnr": float(metrics.psnr(truth, final).mean()),
            "ssim": float(metrics.ssim(truth, final).mean()),
            "psnr_blurred": float(metrics.psnr(truth, deblurred).mean())}


def continued(name, start):
    """A network of 64 wide and 8 blocks that begins with the trained weights of ``start``."""
    model = models.residual_network(4, width=64, blocks=8, name=name)
    model.set_weights(weights.load_or_train(start).get_weights())
    return model


def labelled(dataset, **change):
    """Batches of training images, warped at random, and their labels."""

    def batches():
        split = dataset()
        return training.Batches((split.x_train, split.y_train), classifiers.warped(**change),
                                seed=1)

    return batches


def measure_classifier(dataset):
    """Accuracy on the 10,000 test images, and what it reads in their bicubic enlargement."""

    def measure(model):
        split = dataset()
        bicubic = upscale(block_mean(split.x_test, 4), 4)
        return {"accuracy": classifiers.accuracy(model, split.x_test, split.y_test),
                "accuracy_bicubic": classifiers.accuracy(model, bicubic, split.y_test)}

    return measure


def classifier(name, about, shape, dataset, data, epochs, seed, **change):
    """The recipe of a classifier of the shape ``shape``, a function of ``classifiers``."""
    return Recipe(
        about=about, build=lambda: shape(name), batches=labelled(dataset, **change),
        measure=measure_classifier(dataset), epochs=epochs, data=data, seed=seed,
        loss=CROSS_ENTROPY)


def low_reader(side):
    """The recipe of a network that reads digits of ``side`` x ``side`` pixels as they are."""
    scale = 28 // side
    warp = classifiers.warped(angle=6.0, scale=0.06, shear=0.06, move=1.0)

    def make(images, labels, rng):
        images, labels = warp(images, labels, rng)
        return block_mean(images, scale), labels

    def batches():
        split = datasets.mnist()
        return training.Batches((split.x_train, split.y_train), make, batch_size=128, seed=1)

    def measure(model):
        split = datasets.mnist()
        return {"accuracy": classifiers.accuracy(model, block_mean(split.x_test, scale),
                                                 split.y_test)}

    name = f"reads_{side}x{side}"
    return Recipe(
        about=f"reads digits of {side}x{side} pixels as they are (lesson 04)",
        build=lambda: classifiers.low_reader(side, name), batches=batches, measure=measure,
        epochs=15, data="MNIST, 50,000 training images, warped a little, then block means",
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))


def photo(name, about, epochs, side=24, batch_size=16, more=(), **change):
    """The recipe of a network of lesson 06, on crops of ``side`` pixels at low resolution.

    An epoch is 4,000 crops. ``more`` are further cycles, for each a dict: ``epochs`` and
    ``peak``, what else of a ``Cycle`` there is to say, and ``choice``, what differs in
    ``photo_training.material``. ``change`` is what else differs from the others.
    """
    def batches(**choice):
        return photo_training.batches(
            per_epoch=4000 // batch_size, batch_size=batch_size, side=side,
            kinds=("dead_leaves", "lettering"), drawings=40, **choice)

    def cycle(choice=(), **settings):
        return Cycle(batches=functools.partial(batches, **dict(choice)), **settings)

    usual = {"build": photo_models.MODELS[name], "loss": "mae", "peak": 2e-3,
             "optimizer": muon.Muon,
             "data": "31 photographs at three sizes, 40 drawings of dead leaves and 40 of "
                     "lettering"}
    return Recipe(
        about=f"luma of photographs x2, {about} (lesson 06)",
        batches=batches, measure=photo_training.measure, epochs=epochs,
        more=tuple(cycle(**settings) for settings in more),
        **(usual | change))


RECIPES = {
    "baseline": Recipe(
        about="7x7 digit to 28x28, residual network of 64 wide and 8 blocks (lesson 01)",
        build=lambda: models.residual_network(4, width=64, blocks=8, name="baseline"),
        batches=lambda: training.Batches(datasets.mnist().x_train, training.shifted(), seed=1),
        measure=measure_upscaler(datasets.mnist),
        epochs=30,
        loss=losses.log_mse,
        peak=1.5e-3,
        data="MNIST, 50,000 training images, moved by up to one pixel",
    ),
    "fashion": Recipe(
        about="7x7 clothes to 28x28, the network of lesson 01 (lesson 02)",
        build=lambda: models.residual_network(4, width=64, blocks=8, name="fashion"),
        batches=lambda: training.Batches(datasets.fashion_mnist().x_train, training.shifted(),
                                         seed=1),
        measure=measure_upscaler(datasets.fashion_mnist),
        epochs=30,
        loss=losses.log_mse,
        peak=1.5e-3,
        data="Fashion-MNIST, 55,000 training images, moved by up to one pixel",
    ),
    "hd": Recipe(
        about="28x28 to 112x112, goes on from baseline with drawings (lesson 03)",
        build=lambda: continued("hd", "baseline"),
        batches=lambda: training.Batches(vector.pictures(12_000, datasets.mnist().x_train),
                                         training.crops(), batch_size=32, per_epoch=1000, seed=1),
        measure=measure_hd,
        epochs=6,
        loss=losses.log_mse,
        peak=1e-3,
        data="12,000 drawings: strokes, outlines traced from MNIST, filled shapes",
    ),
    "hd_blind": Recipe(
        about="28x28 to 112x112 for an unknown blur and noise (lesson 03)",
        build=lambda: continued("hd_blind", "hd"),
        batches=lambda: training.Batches(
            vector.pictures(12_000, datasets.mnist().x_train),
            training.crops(blur=3.0, noise=0.2, darken=0.2), batch_size=32, per_epoch=1000, seed=2),
        measure=measure_hd,
        epochs=3,
        loss=losses.log_mse,
        peak=5e-4,
        data="the drawings of hd, blurred by up to 3 pixels of 112, their greys off by up to 0.2",
    ),
    "combined": Recipe(
        about="digits, clothes and drawings x4, one network, exactly consistent (lesson 05)",
        build=lambda: combined.supervised(combined.network()),
        batches=combined.batches,
        finish=lambda model: models.consistent(model.get_layer("combined_network"), 4,
                                               "combined"),
        measure=combined.measure,
        epochs=24,
        loss={"high_res": losses.log_mse, "digit": CROSS_ENTROPY, "clothes": CROSS_ENTROPY},
        loss_weights={"high_res": 1.0, "digit": 0.1, "clothes": 0.1},
        peak=1e-3,
        more=(Cycle(24, 5e-4, combined.batches), Cycle(5, 3e-4, combined.taught_batches)),
        data="MNIST and Fashion-MNIST, 50,000 training images each; the drawings of hd; in the "
             "last cycle also the answers of baseline and fashion",
    ),
    "classifier_a": classifier(
        "classifier_a", "reads digits; strides, batch normalisation (lesson 04)",
        classifiers.classifier_a, datasets.mnist,
        "MNIST, 50,000 training images, warped at random", epochs=12, seed=1),
    "classifier_b": classifier(
        "classifier_b", "reads digits; 5x5 convolutions, pooling (lesson 04)",
        classifiers.classifier_b, datasets.mnist,
        "MNIST, 50,000 training images, warped at random", epochs=12, seed=2),
    "clothes_a": classifier(
        "clothes_a", "reads clothes; the shape of classifier_a (lesson 05)",
        classifiers.classifier_a, datasets.fashion_mnist,
        "Fashion-MNIST, 55,000 training images, warped at random", epochs=12, seed=1,
        angle=4, scale=0.06, shear=0.03, move=1.0, mirror=True),
    "clothes_b": classifier(
        "clothes_b", "reads clothes; the shape of classifier_b (lesson 05)",
        classifiers.classifier_b, datasets.fashion_mnist,
        "Fashion-MNIST, 55,000 training images, warped at random", epochs=12, seed=2,
        angle=4, scale=0.06, shear=0.03, move=1.0, mirror=True),
    "reads_7x7": low_reader(7),
    "reads_4x4": low_reader(4),
    "samples": Recipe(
        about="draws 28x28 digits given 7x7 by conditional flow matching (lesson 07)",
        build=lambda: flow.velocity_network(name="samples"),
        batches=lambda: training.Batches(
            flow.pairs(datasets.mnist().x_train, weights.load_or_train("baseline"), copies=4,
                       seed=1), flow.noisy, per_epoch=781, seed=1),
        measure=uncertainty.measure,
        epochs=20,
        data="MNIST, 50,000 training images, four times, each moved by up to two pixels, with "
             "the answers of baseline",
    ),
    # Its last layer, 775 weights a pixel, is not for Adam: each step it moves them all by as
    # much, and the whole picture grows lighter or darker.
    "srcnn": photo("srcnn", "three convolutions, 9-5-5", epochs=40, side=32, batch_size=8,
                   build=photo_models.srcnn_with_shortcut, peak=1e-3,
                   optimizer=functools.partial(muon.Muon, narrow=1),
                   finish=photo_models.absorb),
    "vdsr": photo("vdsr", "twenty convolutions and a shortcut", epochs=14),
    "ircnn": photo("ircnn", "seven dilated convolutions and a shortcut", epochs=28,
                   finish=photo_models.fold),
    "unet": photo("unet", "a U-Net of five layers", epochs=10, side=48),
    # The last cycle is for PSNR on any kind of photo: more of them, squared errors, and what is
    # kept is the running mean of the weights.
    "zoom": photo(
        "zoom", "residual sub-pixel network of 8 blocks, 32 and 96 wide", epochs=72, side=40,
        batch_size=8, peak=1.5e-3, optimizer=WITH_DECAY,
        build=functools.partial(photo_models.zoom, ways=1), finish=photo_models.both_ways,
        more=(dict(epochs=150, peak=1e-3),
              dict(epochs=5, fall=9, peak=6e-4, loss="mse",
                   optimizer=functools.partial(WITH_DECAY, use_ema=True, ema_momentum=0.9995),
                   choice=dict(splits=("train", "more"), sizes=6))),
        data="31 photographs at three sizes, 40 drawings of dead leaves and 40 of lettering; in "
             "the last cycle 90 photographs at seven sizes"),
}


def recipe(name):
    """The recipe of that name; KeyError with the names there are."""
    if name not in RECIPES:
        raise KeyError(f"no recipe is called {name!r}: choose from {', '.join(RECIPES)}")
    return RECIPES[name]


def build(name):
    """A new, untrained model of that recipe, its first weights drawn with its seed."""
    keras.utils.set_random_seed(recipe(name).seed)
    return recipe(name).build()

"""Every trained network of the course: how it is built, trained and measured.

One registry, ``RECIPES``, is what the lessons, ``shared.weights``, ``python -m shared.train``
and the tests read.
"""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

from shared import datasets, losses, metrics, models, training
from shared.degrade import block_mean, project


@dataclass(frozen=True)
class Recipe:
    """What it takes to train one network again.

    Args:
        about: one line for the card.
        build: function of nothing that returns the new ``keras.Model``.
        batches: function of nothing that returns the ``training.Batches``.
        measure: function of the trained model that returns its test figures, a flat dict.
        epochs, peak, loss, seed: as in ``training``.
        data: names of the data, for the card.
    """

    about: str
    build: Callable
    batches: Callable
    measure: Callable
    epochs: int
    data: str
    peak: float = 2e-3
    loss: str | Callable = "mse"
    seed: int = 1


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

"""The recipe of lesson 01: digits from 7x7 to 28x28."""

import numpy as np

from shared import runtime
from shared.data import datasets, pipeline
from shared.images.degrade import block_mean, project
from shared.measures import metrics
from shared.models import upscalers
from shared.training.losses import log_mse
from shared.training.recipe import Recipe


def upscaler(name):
    """The network of lessons 01 to 03: 64 channels, 8 residual blocks, x4."""
    return upscalers.residual_network(4, width=64, blocks=8, name=name)


def measure_upscaler(truth, model, batch_size=250):
    """The test figures of an upscaler: a dict of numbers.

    "psnr_clipped" is the mean PSNR in dB of its output, clipped to [0, 1]. "psnr" and "ssim"
    are means after the output is also projected onto the images that fit the low resolution.

    Args:
        truth: test images, array (n, height, width, 1) in [0, 1].
        model: a network that enlarges them by 4.
        batch_size: images to enlarge at a time.
    """
    low_res = block_mean(truth, 4)
    clipped = np.clip(runtime.predict(model, low_res, batch_size), 0.0, 1.0)
    projected = project(clipped, low_res)
    return {"psnr_clipped": float(metrics.psnr(truth, clipped).mean()),
            "psnr": float(metrics.psnr(truth, projected).mean()),
            "ssim": float(metrics.ssim(truth, projected).mean())}


RECIPES = {
    "baseline": Recipe(
        about="7x7 digit to 28x28, residual network of 64 wide and 8 blocks (lesson 01)",
        data="MNIST, 50,000 training images, moved by up to one pixel",
        build=lambda networks: upscaler("baseline"),
        batches=lambda networks: pipeline.Batches(
            datasets.mnist().x_train, pipeline.shifted(), seed=1),
        measure=lambda model, networks: measure_upscaler(datasets.mnist().x_test, model),
        epochs=30, peak_rate=1.5e-3, loss=log_mse),
}

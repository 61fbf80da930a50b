"""The recipes of lesson 03: digits from 28x28 to 112x112, and for an unknown blur and noise."""

import numpy as np
from scipy import ndimage

from shared import runtime
from shared.data import datasets, drawings, pipeline
from shared.images.degrade import block_mean
from shared.measures import metrics
from shared.models import upscalers
from shared.recipes import lesson01
from shared.training.losses import log_mse
from shared.training.recipe import Recipe

BLUR = 3  # largest blur of the inputs of ``hd_blind``, in pixels of the high resolution
NOISE = 0.2  # largest standard deviation of their noise, where white is 1


def drawing_batches(seed, **damage):
    """Batches of 32 crops from 12,000 drawings, 1,000 batches per epoch.

    ``damage``: blur, noise and darken as for ``pipeline.drawing_crops``.
    """
    pictures = drawings.training_drawings(12_000, datasets.mnist().x_train)
    return pipeline.Batches(pictures, pipeline.drawing_crops(**damage), batch_size=32,
                            per_epoch=1000, seed=seed)


def measure_hd(model):
    """The test figures of a network from 28x28 to 112x112 on 480 digits of fonts: a dict.

    "psnr" (dB) and "ssim" are means over sharp digits, where the output is projected.
    "psnr_blurred" is the mean PSNR if the low resolution is made from digits blurred by a
    Gaussian of 2 pixels; that output is not projected, since the truth is sharp.
    """
    truth, _ = drawings.font_digits()
    sharp = lesson01.measure_upscaler(truth, model, 32)
    blurred = block_mean(ndimage.gaussian_filter(truth, (0, 2, 2, 0)), 4)
    deblurred = np.clip(runtime.predict(model, blurred, 32), 0, 1)
    return {"psnr": sharp["psnr"], "ssim": sharp["ssim"],
            "psnr_blurred": float(metrics.psnr(truth, deblurred).mean())}


RECIPES = {
    "hd": Recipe(
        about="28x28 to 112x112, goes on from baseline with drawings (lesson 03)",
        data="12,000 drawings: strokes, outlines traced from MNIST, filled shapes",
        needs=("baseline",),
        build=lambda networks: upscalers.copied(networks["baseline"], "hd"),
        batches=lambda networks: drawing_batches(seed=1),
        measure=lambda model, networks: measure_hd(model),
        epochs=6, peak_rate=1e-3, loss=log_mse),
    "hd_blind": Recipe(
        about="28x28 to 112x112 for an unknown blur and noise (lesson 03)",
        data=f"the drawings of hd, blurred by up to {BLUR} pixels of 112, their greys off by up "
             f"to {NOISE}",
        needs=("hd",),
        build=lambda networks: upscalers.copied(networks["hd"], "hd_blind"),
        batches=lambda networks: drawing_batches(seed=2, blur=BLUR, noise=NOISE, darken=0.2),
        measure=lambda model, networks: measure_hd(model),
        epochs=3, peak_rate=5e-4, loss=log_mse),
}

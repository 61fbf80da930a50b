"""Draws the picture at the head of each lesson again, from the data and the shipped weights.

    python notebooks/images/make_images.py
"""

from pathlib import Path

import numpy as np

from shared import datasets, figures, metrics, training, weights
from shared.degrade import block_mean, project
from shared.resize import upscale

HERE = Path(__file__).resolve().parent


def baseline():
    """Lesson 01: 7x7, bicubic, the baseline and the truth for a few test digits."""
    digits = datasets.mnist()
    chosen = [np.flatnonzero(digits.y_test == c)[1] for c in (2, 3, 4, 5, 6, 8, 9)]
    truth = digits.x_test[chosen]
    low_res = block_mean(truth)
    network = np.clip(training.predict(weights.load("baseline"), low_res), 0, 1)
    rows = {"7x7": low_res, "bicubic": upscale(low_res, 4),
            "enhanced": project(network, low_res), "truth": truth}
    notes = {name: [f"{value:.1f} dB" for value in metrics.psnr(truth, rows[name])]
             for name in ("bicubic", "enhanced")}
    figure = figures.panels(rows, notes, size=1.2)
    figure.savefig(HERE / "01_before_after.png", dpi=110, bbox_inches="tight", pad_inches=0.05)


def fashion():
    """Lesson 02: 7x7, bicubic, the digits network, ours and the truth for a few test clothes."""
    clothes = datasets.fashion_mnist()
    truth = clothes.x_test[[*(np.flatnonzero(clothes.y_test == c)[3] for c in (0, 1, 3, 5, 8, 9)),
                            9067]]  # the last one is striped
    low_res = block_mean(truth)
    rows = {"7x7": low_res, "bicubic": project(upscale(low_res, 4), low_res)}
    for label, name in (("digits network", "baseline"), ("clothes network", "fashion")):
        image = np.clip(training.predict(weights.load(name), low_res), 0, 1)
        rows[label] = project(image, low_res)
    notes = {name: [f"{value:.1f} dB" for value in metrics.psnr(truth, rows[name])]
             for name in list(rows)[1:]}
    figure = figures.panels(rows | {"truth": truth}, notes, size=1.2)
    figure.savefig(HERE / "02_before_after.png", dpi=110, bbox_inches="tight", pad_inches=0.05)


if __name__ == "__main__":
    baseline()
    fashion()

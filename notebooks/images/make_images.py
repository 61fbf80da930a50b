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


if __name__ == "__main__":
    baseline()

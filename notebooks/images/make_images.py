"""Draws the picture at the head of each lesson again, from the data and the shipped weights.

    python notebooks/images/make_images.py
"""

import functools
import io
from pathlib import Path

import numpy as np
from PIL import Image

from shared import figures, runtime, weights, zoom
from shared.data import datasets
from shared.data.photos import load_photos
from shared.images import luma
from shared.images.degrade import block_mean, project
from shared.images.resize import upscale
from shared.measures import metrics
from shared.models import classifiers, flow
from shared.studies import tradeoff

HERE = Path(__file__).resolve().parent


def save(figure, name):
    """Write the figure as a PNG of at most 256 colours, which keeps the file small."""
    picture = Image.open(io.BytesIO(figures.packed(figure)[0]))
    if picture.mode == "RGB":
        picture = picture.quantize(256)
    picture.save(HERE / name, optimize=True)


def baseline():
    """Lesson 01: 7x7, bicubic, the baseline and the truth for a few test digits."""
    digits = datasets.mnist()
    chosen = [np.flatnonzero(digits.y_test == c)[1] for c in (2, 3, 4, 5, 6, 8, 9)]
    truth = digits.x_test[chosen]
    low_res = block_mean(truth)
    network = np.clip(runtime.predict(weights.load("baseline"), low_res), 0, 1)
    rows = {"7x7": low_res, "bicubic": upscale(low_res, 4),
            "enhanced": project(network, low_res), "truth": truth}
    notes = {name: [f"{value:.1f} dB" for value in metrics.psnr(truth, rows[name])]
             for name in ("bicubic", "enhanced")}
    figure = figures.panels(rows, notes, size=1.2)
    save(figure, "01_before_after.png")


def fashion():
    """Lesson 02: 7x7, bicubic, the clothes network and the truth for a few test clothes.

    The digits network and striped clothes are left out: the lesson asks what becomes of them.
    """
    clothes = datasets.fashion_mnist()
    chosen = [np.flatnonzero(clothes.y_test == c)[3] for c in (0, 1, 2, 3, 5, 8, 9)]
    truth = clothes.x_test[chosen]
    low_res = block_mean(truth)
    network = np.clip(runtime.predict(weights.load("fashion"), low_res), 0, 1)
    rows = {"7x7": low_res, "bicubic": project(upscale(low_res, 4), low_res),
            "enhanced": project(network, low_res), "truth": truth}
    notes = {name: [f"{value:.1f} dB" for value in metrics.psnr(truth, rows[name])]
             for name in ("bicubic", "enhanced")}
    figure = figures.panels(rows, notes, size=1.2)
    save(figure, "02_before_after.png")


def hd():
    """Lesson 03: five digits as MNIST has them, by bicubic, and by our networks, all to 448."""
    truth = datasets.mnist().x_test[[3, 35, 18, 61, 9]]
    model = weights.load("hd_blind")
    large = np.clip(runtime.predict(model, truth), 0, 1)
    rows = {"28x28": truth, "bicubic\n448x448": upscale(truth, 16),
            "enhanced\n448x448": np.clip(runtime.predict(model, large, 1), 0, 1)}
    figure = figures.panels(rows, size=1.2)
    save(figure, "03_before_after.png")


def classifier_loss():
    """Lesson 04: 4x4, three small networks that differ in one weight, read by A and by B."""
    runtime.use_fast_precision()
    digits = datasets.mnist()
    a, b = (weights.frozen(name) for name in ("classifier_a", "classifier_b"))
    low_res = block_mean(digits.x_test, 7)
    images = {}
    for label, weight in {"no classifier": 0.0, "a little": 0.03, "too much": 10.0}.items():
        run = tradeoff.UpscalerRun(7, weight, seed=1)
        images[label] = runtime.predict(tradeoff.train_upscaler(digits, run, a), low_res)
    right = {(name, label): classifiers.classify(reader, image) == digits.y_test
             for name, reader in (("a", a), ("b", b)) for label, image in images.items()}
    by_a, by_b = right["a", "too much"], right["b", "too much"]
    # In proportion: A reads about four of five digits in all rows, and B half of the last row.
    # No class twice.
    chosen = []
    for kind in (*[by_a & by_b] * 2, *[by_a & ~by_b] * 2, ~np.any(list(right.values()), axis=0)):
        seen = digits.y_test[chosen]
        chosen.append(np.flatnonzero(kind & ~np.isin(digits.y_test, seen))[0])
    rows = {"4x4": low_res, **images, "truth": digits.x_test}
    readers = {"read by A, which was in the loss": functools.partial(classifiers.classify, a),
               "read by B, which was not": functools.partial(classifiers.classify, b)}
    figure = figures.readings({name: row[chosen] for name, row in rows.items()}, readers,
                              digits.y_test[chosen], unread=["4x4"])
    save(figure, "04_before_after.png")


def combined():
    """Lesson 05: a digit and a sneaker from 7x7 to 448x448, all by one network."""
    truth = np.stack([datasets.mnist().x_test[4], datasets.fashion_mnist().x_test[12]])
    model, steps = weights.load("combined"), [block_mean(truth)]
    for _ in range(3):
        steps.append(runtime.predict(model, steps[-1], 1))
    names = ["7x7", "28x28", "112x112", "448x448", "truth, 28x28"]
    rows = {name: [step[i] for step in (*steps, truth)]
            for i, name in enumerate(("digit", "sneaker"))}
    figure = figures.panels(rows, {"sneaker": names}, size=2.0)
    save(figure, "05_before_after.png")


def photo():
    """Lesson 06: parts of two photographs at half their size, by bicubic, by zoom, in truth."""
    rows, model = {}, weights.load("zoom")
    for name, (x, y, side) in {"motorcycle": (252, 150, 64), "page": (14, 32, 48)}.items():
        truth = load_photos("test")[name]
        low_res, part = luma.reduce(truth), (x, y, side, side)
        rows[name] = [low_res[y:y + side, x:x + side],
                      zoom.enhance(low_res, "bicubic", region=part),
                      zoom.enhance(low_res, model, region=part),
                      truth[2 * y:2 * (y + side), 2 * x:2 * (x + side)]]
    names = ["low resolution", "bicubic", "zoom", "truth"]
    save(figures.panels(rows, {"page": names}, size=1.92), "06_before_after.png")


def limits():
    """Lesson 07: an edge comes back, a pattern finer than the low resolution carries does not."""
    rows, model = {}, weights.load("zoom")
    y, x = np.mgrid[:160, :160] + 0.5
    radius = np.hypot(x, y)
    patterns = {"an edge": np.tanh(80 - radius),
                "a pattern": np.cos(np.pi * radius**2 / 320)}
    places = {"an edge": (0, 48), "a pattern": (0, 72)}
    for name, pattern in patterns.items():
        truth = luma.rounded(127.5 + 107.5 * pattern)[..., None]
        low_res = luma.reduce(truth)
        network = runtime.predict(model, low_res[None] / np.float32(255))[0]
        top, left = places[name]
        images = [truth / 255, low_res.repeat(2, 0).repeat(2, 1) / 255,
                  upscale(low_res[None] / 255, 2)[0], np.clip(network, 0, 1)]
        rows[name] = [image[top:top + 64, left:left + 64] for image in images]
    names = ["truth", "half the size", "bicubic", "zoom"]
    save(figures.panels(rows, {"a pattern": names}, size=1.92), "07_before_after.png")


def many_answers():
    """Lesson 08: the 7x7, the single answer, four samples and the truth, one digit per row."""
    truth = datasets.mnist().x_test[[9700, 3475, 5975, 4950]]
    low_res = block_mean(truth)
    guess = flow.projected_answer(weights.load("baseline"), low_res)
    samples = flow.sample(weights.load("samples"), low_res, guess, count=4)
    rows = {" " * n: [low_res[n], guess[n], *samples[:, n], truth[n]] for n in range(len(truth))}
    headings = {"7x7": 1, "one answer": 1, "four samples": 4, "truth": 1}
    save(figures.panels(rows, groups=headings, size=1.12), "08_before_after.png")


if __name__ == "__main__":
    for draw in (baseline, fashion, hd, classifier_loss, combined, photo, limits,
                 many_answers):
        draw()

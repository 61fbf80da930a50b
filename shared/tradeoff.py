"""How much likeness does legibility cost? One small network, trained with many weights.

    python -m shared.tradeoff            makes the runs that data/tradeoff.json lacks
    python -m shared.tradeoff --again    makes all of them anew

Each run trains a small upscaler with the loss ln(MSE) + weight x cross-entropy of the frozen
classifier A, from the same seed the same way, and measures it on all test digits: PSNR, and
what A and the independent classifier B read. The file is written after each run, so a run
of the command that was interrupted goes on where it was.
"""

from typing import NamedTuple

import keras
import numpy as np

from shared import (
    classifiers,
    datasets,
    losses,
    metrics,
    models,
    recipes,
    runs,
    training,
    weights,
)
from shared.degrade import block_mean, project

STEPS, WIDTH, BLOCKS = 300, 32, 4  # batches of 64 digits; the size of the upscaler
SEEDS = (1, 2, 3)
WEIGHTS = {7: (0.0, 0.01, 0.03, 0.1, 0.3, 1.0, 10.0),  # of the cross-entropy, by scale
           4: (0.0, 0.01, 0.03, 0.1, 0.3, 1.0)}


class Key(NamedTuple):
    """What tells one run from another.

    ``inside``: the projection is the network's last layer, so that A reads the final answer;
    else A reads what comes before it, and the answer is projected after training.
    ``start``: the trained network that it begins with, a large one; "" is a small new one.
    """

    scale: int
    weight: float
    seed: int
    inside: bool = True
    start: str = ""


PLAN = [Key(scale, weight, seed)
        for scale in WEIGHTS for seed in SEEDS for weight in WEIGHTS[scale]]
PLAN += [Key(7, weight, 1, inside=False) for weight in (0.0, 0.03, 0.1, 1.0)]
PLAN += [Key(4, weight, seed, start="baseline")
         for seed in SEEDS for weight in (0.0, 0.1, 0.3)]
# PSNR in dB, and what A and B read in per cent: of the final answers to the test digits; of
# the answers before projection, clipped; of the final answers to the validation digits.
FIGURES = ("psnr", "a", "b", "psnr_before", "a_before", "b_before", "psnr_val", "a_val")
STORE = runs.Store(
    "tradeoff", PLAN, FIGURES,
    settings=lambda: {"steps": STEPS, "batch": training.BATCH, "width": WIDTH, "blocks": BLOCKS},
    judges=lambda: {name: weights.read_card(name)["sha256"]
                    for name in ("classifier_a", "classifier_b")})
load = STORE.load


def train(digits, key, reader, progress=False):
    """A small upscaler, trained by its error and by what ``reader`` reads in its answers.

    The loss is ln(MSE) + ``key.weight`` times the cross-entropy of ``reader``, a classifier.
    ``digits`` is a ``datasets.Split``. Returns the upscaler alone, without the classifier.
    """
    keras.utils.set_random_seed(key.seed)
    if key.start:
        upscaler = recipes.continued("tuned", key.start)
    else:
        upscaler = models.residual_network(key.scale, WIDTH, BLOCKS)
    if key.inside:
        upscaler = models.consistent(upscaler, key.scale, "consistent")
    model = classifiers.supervised(upscaler, digit=reader)
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    training.compile(model, STEPS, {"high_res": losses.log_mse, "digit": cross_entropy},
                     peak=3e-4 if key.start else 2e-3,
                     loss_weights={"high_res": 1.0, "digit": key.weight})
    batches = training.Batches((digits.x_train, digits.y_train),
                               classifiers.low_and_targets(key.scale), per_epoch=STEPS,
                               seed=key.seed)
    training.fit(model, batches, progress=progress)
    return upscaler


def answers(upscaler, truth, scale):
    """What ``upscaler`` makes of the block means of ``truth``: clipped, and projected."""
    low_res = block_mean(truth, scale)
    clipped = np.clip(training.predict(upscaler, low_res), 0.0, 1.0)
    return clipped, project(clipped, low_res)


def judge(upscaler, digits, key, a, b):
    """The figures of a trained upscaler by the classifiers ``a`` and ``b``: see ``FIGURES``."""

    def measure(images, end=""):
        return {f"psnr{end}": metrics.psnr(digits.x_test, images).mean(),
                f"a{end}": 100 * classifiers.accuracy(a, images, digits.y_test),
                f"b{end}": 100 * classifiers.accuracy(b, images, digits.y_test)}

    clipped, final = answers(upscaler, digits.x_test, key.scale)
    found = measure(final)
    if key.inside:  # nothing is left to project
        found |= {f"{name}_before": value for name, value in found.items()}
    else:
        found |= measure(clipped, "_before")
    final = answers(upscaler, digits.x_val, key.scale)[1]
    found["psnr_val"] = metrics.psnr(digits.x_val, final).mean()
    found["a_val"] = 100 * classifiers.accuracy(a, final, digits.y_val)
    return {name: round(float(found[name]), 4) for name in FIGURES}


def run(digits, key, a, b, progress=False):
    """Train and judge one upscaler; returns it and its entry as in ``load``."""
    upscaler = train(digits, key, a, progress)
    return upscaler, key._asdict() | judge(upscaler, digits, key, a, b)


def find(entries, *key, **more):
    """The entry of the run of ``Key(*key, **more)``."""
    return next(entry for entry in entries if STORE.key(entry) == Key(*key, **more))


def points(entries, scale, figure):
    """``figure`` of the small networks at ``scale``, projection inside: an array of shape
    (weights of ``WEIGHTS[scale]``, seeds)."""
    return np.array([[find(entries, scale, weight, seed)[figure] for seed in SEEDS]
                     for weight in WEIGHTS[scale]])


def prepare():
    """What ``STORE.make`` calls for each run."""
    a, b = (classifiers.frozen(name) for name in ("classifier_a", "classifier_b"))
    digits = datasets.mnist()

    def made(key):
        found = run(digits, key, a, b)[1]
        return {name: found[name] for name in FIGURES}, (
            f"x{key.scale}, weight {key.weight:g}, seed {key.seed}"
            f"{'' if key.inside else ', projected after training'}"
            f"{key.start and f', from {key.start}'}: {found['psnr']:.2f} dB, "
            f"A reads {found['a']:.2f}%, B {found['b']:.2f}%")

    return made


def main(arguments=None):
    STORE.main(__doc__, prepare, arguments)


if __name__ == "__main__":
    main()

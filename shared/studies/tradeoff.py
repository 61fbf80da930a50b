"""What does legibility cost in PSNR? One small network, trained with many loss weights.

    python -m shared.studies.tradeoff            makes the runs that data/tradeoff.json lacks
    python -m shared.studies.tradeoff --again    makes all of them again

Each run trains an upscaler with the loss ln(MSE) + weight x cross-entropy of the frozen
classifier A. Runs of one seed differ only in the weight. The upscaler is then measured on all
test digits: PSNR, and the accuracy of A and of the independent classifier B. Introduced in
lesson 04, which shows the results.
"""

from typing import NamedTuple

import keras
import numpy as np

from shared import runtime, weights
from shared.data import datasets, pipeline
from shared.images.degrade import block_mean, project
from shared.measures import metrics
from shared.models import classifiers, upscalers
from shared.studies import runs
from shared.training import loop, losses

STEPS, WIDTH, BLOCKS = 300, 32, 4  # batches of 64 digits; channels and blocks of the upscaler
# Peak learning rates, for a new upscaler and for one that is already trained.
PEAK_RATE, FINE_TUNING_RATE = 2e-3, 3e-4
SEEDS = (1, 2, 3)
WEIGHTS = {7: (0.0, 0.01, 0.03, 0.1, 0.3, 1.0, 10.0),  # of the cross-entropy, by scale
           4: (0.0, 0.01, 0.03, 0.1, 0.3, 1.0)}


class UpscalerRun(NamedTuple):
    """What distinguishes one run from another.

    Args:
        scale: by how much the upscaler enlarges.
        weight: weight of the cross-entropy in the loss.
        seed: seed of the initial weights and of the batches.
        inside: the projection is the last layer of the network, so A reads the final answer.
            Otherwise A reads the answer before the projection, which follows after training.
        start: name of the trained network that training starts from; "" for a small new one.
    """

    scale: int
    weight: float
    seed: int
    inside: bool = True
    start: str = ""


PLAN = [
    *(UpscalerRun(scale, weight, seed)
      for scale in WEIGHTS for seed in SEEDS for weight in WEIGHTS[scale]),
    *(UpscalerRun(7, weight, 1, inside=False) for weight in (0.0, 0.03, 0.1, 1.0)),
    *(UpscalerRun(4, weight, seed, start="baseline")
      for seed in SEEDS for weight in (0.0, 0.1, 0.3))]
# PSNR in dB, and accuracy of A and of B in percent: first on the final answers to the test
# digits, then on the answers before projection, clipped, then on those to validation digits.
FIGURES = ("psnr", "a", "b", "psnr_before", "a_before", "b_before", "psnr_val", "a_val")


def settings():
    """What all runs have in common."""
    return {"steps": STEPS, "batch": pipeline.BATCH_SIZE, "width": WIDTH, "blocks": BLOCKS,
            "peak_rate": PEAK_RATE, "fine_tuning_rate": FINE_TUNING_RATE}


def judges():
    """The sha256 of the classifiers that judge, by name."""
    return {name: weights.read_card(name)["sha256"] for name in ("classifier_a", "classifier_b")}


STORE = runs.RunStore("tradeoff", PLAN, FIGURES, settings, judges)
load_runs = STORE.load


def train_upscaler(digits, run, classifier, progress=False):
    """Train an upscaler by its error and by what ``classifier`` reads in its output.

    The loss is ln(MSE) + ``run.weight`` times the cross-entropy of ``classifier``. ``digits``
    is a ``datasets.Split`` and ``run`` an ``UpscalerRun``. Returns the upscaler alone, without
    the classifier.
    """
    keras.utils.set_random_seed(run.seed)
    if run.start:
        upscaler = upscalers.copied(weights.load_or_train(run.start), "tuned")
    else:
        upscaler = upscalers.residual_network(run.scale, WIDTH, BLOCKS)
    if run.inside:
        upscaler = upscalers.consistent(upscaler, run.scale, "consistent")
    model = classifiers.supervised(upscaler, digit=classifier)
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    loop.compile_model(model, STEPS, {"high_res": losses.log_mse, "digit": cross_entropy},
                       FINE_TUNING_RATE if run.start else PEAK_RATE,
                       loss_weights={"high_res": 1.0, "digit": run.weight})
    batches = pipeline.Batches((digits.x_train, digits.y_train),
                               pipeline.low_and_targets(run.scale), per_epoch=STEPS,
                               seed=run.seed)
    loop.fit(model, batches, progress=progress)
    return upscaler


def answers(upscaler, truth, scale):
    """Two answers of ``upscaler`` to the block means of ``truth``: clipped, and projected.

    ``truth`` is an array (n, 28, 28, 1) in [0, 1], and so are both answers.
    """
    low_res = block_mean(truth, scale)
    clipped = np.clip(runtime.predict(upscaler, low_res), 0.0, 1.0)
    return clipped, project(clipped, low_res)


def judge_upscaler(upscaler, digits, run, a, b):
    """The ``FIGURES`` of a trained upscaler, judged by the classifiers ``a`` and ``b``: a dict."""

    def measure(images, end=""):
        return {f"psnr{end}": metrics.psnr(digits.x_test, images).mean(),
                f"a{end}": 100 * classifiers.accuracy(a, images, digits.y_test),
                f"b{end}": 100 * classifiers.accuracy(b, images, digits.y_test)}

    clipped, final = answers(upscaler, digits.x_test, run.scale)
    figures = measure(final)
    if run.inside:  # the projection is part of the network and changes nothing more
        figures |= {f"{name}_before": value for name, value in figures.items()}
    else:
        figures |= measure(clipped, "_before")
    final = answers(upscaler, digits.x_val, run.scale)[1]
    figures["psnr_val"] = metrics.psnr(digits.x_val, final).mean()
    figures["a_val"] = 100 * classifiers.accuracy(a, final, digits.y_val)
    return {name: round(float(figures[name]), 4) for name in FIGURES}


def train_and_judge_upscaler(digits, run, a, b, progress=False):
    """Train and judge one upscaler; returns it and its entry, a dict as in ``load_runs``."""
    upscaler = train_upscaler(digits, run, a, progress)
    return upscaler, run._asdict() | judge_upscaler(upscaler, digits, run, a, b)


def find(entries, *fields, **named_fields):
    """The entry of ``entries`` that belongs to ``UpscalerRun(*fields, **named_fields)``."""
    wanted = UpscalerRun(*fields, **named_fields)
    return next(entry for entry in entries if STORE.key(entry) == wanted)


def points(entries, scale, figure):
    """One of the ``FIGURES`` of the small networks at ``scale`` with the projection inside.

    Returns an array with one row per weight of ``WEIGHTS[scale]`` and one column per seed.
    """
    return np.array([[find(entries, scale, weight, seed)[figure] for seed in SEEDS]
                     for weight in WEIGHTS[scale]])


def prepare():
    """Load the classifiers and the digits once; returns the function that makes one run."""
    a, b = (weights.frozen(name) for name in ("classifier_a", "classifier_b"))
    digits = datasets.mnist()

    def make_run(run):
        entry = train_and_judge_upscaler(digits, run, a, b)[1]
        line = f"x{run.scale}, weight {run.weight:g}, seed {run.seed}"
        if not run.inside:
            line += ", projected after training"
        if run.start:
            line += f", from {run.start}"
        line += (f": {entry['psnr']:.2f} dB, accuracy of A {entry['a']:.2f}%, "
                 f"of B {entry['b']:.2f}%")
        return {name: entry[name] for name in FIGURES}, line

    return make_run


def main(arguments=None):
    runs.command_line(STORE, __doc__, prepare, arguments)


if __name__ == "__main__":
    main()

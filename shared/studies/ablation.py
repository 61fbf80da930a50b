"""What did the two classifiers and the teachers bring? One network, trained with and without them.

    python -m shared.studies.ablation            makes the runs that data/ablation.json lacks
    python -m shared.studies.ablation --again    makes all of them again

Each run begins with the network of lesson 05, 96 channels wide and with the weights of
``baseline``, and trains it on batches of digits and clothes, and of drawings, in turn. Runs of one
seed see the same batches in the same order. They differ in the weight of the two classifiers in
the loss, and in the targets: the truth, or the mean of the truth and the answer of a specialist.
The budget is small: 420 batches, where the network that the course ships had 54,000.

Introduced in lesson 05, which shows the results.
"""

from typing import NamedTuple

import keras
import numpy as np

from shared import weights
from shared.data import datasets, drawings, pipeline
from shared.models import flow, upscalers
from shared.recipes import lesson05
from shared.studies import runs
from shared.training import loop, losses

STEPS, PEAK_RATE = 420, 5e-4
IMAGES, DRAWINGS = 20_000, 4000  # training digits, and as many clothes; drawings
TEST_IMAGES = 4000  # test digits, and as many clothes, that each run is measured on
SEEDS = (1, 2)


class AblationRun(NamedTuple):
    """What distinguishes one run from another.

    Args:
        weight: weight of each classifier's cross-entropy in the loss.
        teachers: whether the targets of digits and clothes are halfway to the specialists' answers.
        seed: seed of the new channels and of the batches.
    """

    weight: float
    teachers: bool
    seed: int


VARIANTS = ((0.0, False), (0.1, False), (0.0, True), (0.1, True))
PLAN = [AblationRun(*variant, seed) for seed in SEEDS for variant in VARIANTS]
# PSNR in dB, and the accuracy of each classifier in percent.
FIGURES = ("psnr_digits", "psnr_clothes", "psnr_fonts", "accuracy_classifier_a",
           "accuracy_classifier_b", "accuracy_clothes_a", "accuracy_clothes_b")


def settings():
    """What all runs have in common."""
    return {"steps": STEPS, "peak_rate": PEAK_RATE, "images": IMAGES, "drawings": DRAWINGS,
            "test_images": TEST_IMAGES}


def judges():
    """The sha256 of the networks that the runs begin with, learn from and are judged by."""
    return {name: weights.read_card(name)["sha256"]
            for name in ("baseline", "fashion", "classifier_a", "classifier_b", "clothes_a",
                         "clothes_b")}


STORE = runs.RunStore("ablation", PLAN, FIGURES, settings, judges)
load_runs = STORE.load


class Material(NamedTuple):
    """What all runs share.

    Args:
        networks: dict with the networks that the recipe of ``combined`` needs.
        arrays: truth and labels of digits, truth and labels of clothes, then the specialists'
            answers for the digits and for the clothes. Images are uint8.
        pictures: drawings, uint8 (n, 112, 112, 1).
        tests: the ``datasets.Split`` of digits and that of clothes to be measured on.
    """

    networks: dict
    arrays: tuple
    pictures: np.ndarray
    tests: tuple


def material():
    """Load the networks and the images once, and let the specialists answer."""
    networks = weights.needed_by("combined")
    for name in lesson05.HEADS.values():
        networks[name] = weights.frozen(name)  # in the precision of the training
    digits, clothes = datasets.mnist(), datasets.fashion_mnist()
    truth, answers, labels = [], [], []
    for split, name in ((digits, "baseline"), (clothes, "fashion")):
        pair = flow.training_pairs(split.x_train[:IMAGES], networks[name], move=0)
        truth.append(pair[0])
        answers.append(pair[1])
        labels.append(split.y_train[:IMAGES])
    return Material(
        networks, (truth[0], labels[0], truth[1], labels[1], *answers),
        drawings.training_drawings(DRAWINGS, digits.x_train),
        tuple(split._replace(x_test=split.x_test[:TEST_IMAGES], y_test=split.y_test[:TEST_IMAGES])
              for split in (digits, clothes)))


def train_combined(run, material, progress=False):
    """Train one network; returns it with the consistent layer behind it.

    ``run`` is a ``AblationRun`` and ``material`` a ``Material``.
    """
    keras.utils.set_random_seed(run.seed)
    upscaler = lesson05.network(material.networks["baseline"])
    model = lesson05.supervised_by_both(upscaler, material.networks)
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    loop.compile_model(
        model, STEPS, {"high_res": losses.log_mse} | dict.fromkeys(lesson05.HEADS, cross_entropy),
        PEAK_RATE, loss_weights={"high_res": 1.0} | dict.fromkeys(lesson05.HEADS, run.weight))
    loop.fit(model, batches(run, material), progress=progress)
    return upscalers.consistent(upscaler, 4, "consistent")


def batches(run, material):
    """The batches of one run: two of digits and clothes, and one of crops of drawings, in turn."""

    def make(digits, digit_labels, clothes, clothes_labels, by_baseline, by_fashion, rng):
        if not run.teachers:  # halfway from the truth to the truth is the truth
            by_baseline, by_fashion = digits, clothes
        return lesson05.distilled(digits, digit_labels, clothes, clothes_labels,
                                  by_baseline, by_fashion, rng)

    return pipeline.Turns([
        pipeline.Batches(material.arrays, make, batch_size=32, seed=run.seed),
        pipeline.Batches(material.pictures, lesson05.unlabelled_drawings, batch_size=16,
                         seed=run.seed),
        pipeline.Batches(material.arrays, make, batch_size=32, seed=run.seed + 100)], STEPS)


def measure(network, material):
    """The ``FIGURES`` of a trained network: a dict."""
    found = lesson05.measure_combined(network, material.networks, material.tests)
    return {name: round(found[name] * (100 if name.startswith("accuracy") else 1), 4)
            for name in FIGURES}


def prepare_ablation():
    """Load what the runs share; returns the function that makes one run."""
    shared = material()

    def make_run(run):
        figures = measure(train_combined(run, shared), shared)
        targets = "teachers" if run.teachers else "the truth"
        return figures, (f"weight {run.weight:g}, targets from {targets}, seed {run.seed}: "
                         f"digits {figures['psnr_digits']:.2f} dB, "
                         f"clothes {figures['psnr_clothes']:.2f} dB")

    return make_run


def main(arguments=None):
    runs.command_line(STORE, __doc__, prepare_ablation, arguments)


if __name__ == "__main__":
    main()

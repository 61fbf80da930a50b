"""The recipe of lesson 08: a network that draws many possible digits for one 7x7 image."""

import numpy as np

from shared.data import datasets, pipeline
from shared.images.degrade import block_mean
from shared.measures import metrics, uncertainty
from shared.models import flow
from shared.training.recipe import Recipe


def sample_batches(networks):
    """Digits with the baseline's answers to them; each digit occurs four times, shifted."""
    digits, guesses = flow.training_pairs(datasets.mnist().x_train, networks["baseline"],
                                          copies=4, seed=1)
    return pipeline.Batches((digits, guesses), flow.flow_batch, per_epoch=781, seed=1)


def measure_samples(model, networks, count=10, steps=4):
    """The figures of a velocity network on the 10,000 test digits, for its card: a dict.

    ``count`` samples are drawn for each digit. One further sample takes the place of the true
    digit: it comes from the same distribution as the others, so it shows how well calibrated a
    perfect sampler would look. Distances between distributions are measured from the images at
    even indices to the true digits at odd indices. The distance of the true digits at even
    indices is the smallest that can be expected.

    Args:
        model: a trained ``flow.velocity_network``.
        networks: dict with "baseline", "classifier_a" and "classifier_b".
        count: samples per digit that are judged.
        steps: as for ``flow.sample``.
    """
    digits = datasets.mnist()
    truth, labels = digits.x_test, digits.y_test
    low_res = block_mean(truth, flow.SCALE)
    baseline = flow.projected_answer(networks["baseline"], low_res)
    extra, *samples = flow.sample(model, low_res, baseline, count + 1, steps)
    means = np.cumsum(samples, axis=0)
    means /= np.arange(1, count + 1, dtype="float32").reshape(-1, 1, 1, 1, 1)

    figures = {}
    answers = {"single": samples[0], "mean": means[-1], "baseline": baseline}
    for name, images in answers.items():
        figures[f"psnr_{name}"] = float(metrics.psnr(truth, images).mean())
        figures[f"ssim_{name}"] = float(metrics.ssim(truth, images).mean())
    figures["mse_baseline"] = float(metrics.mse(truth, baseline).mean())
    figures["mse_of_means"] = [float(metrics.mse(truth, mean).mean()) for mean in means]
    # If the spread of the samples is right, this equals the MSE of the posterior mean.
    figures["variance"] = float(np.var(samples, axis=0, ddof=1).mean())

    classifier_a, classifier_b = networks["classifier_a"], networks["classifier_b"]
    even, odd = slice(0, None, 2), slice(1, None, 2)
    reference = truth[odd]
    reference_features = uncertainty.features(classifier_a, reference)
    for name, images in (answers | {"truth": truth}).items():
        figures[f"frechet_{name}"] = uncertainty.frechet(
            uncertainty.features(classifier_a, images[even]), reference_features)
        figures[f"pixels_{name}"] = uncertainty.pixel_distance(images[even], reference)
        figures[f"spectrum_{name}"] = uncertainty.spectrum_distance(images[even], reference)

    votes_a = uncertainty.classify_samples(classifier_a, samples)
    votes_b = uncertainty.classify_samples(classifier_b, samples)
    figures["accuracy_a"] = float((votes_a[0] == labels).mean())
    figures["accuracy_b"] = float((votes_b[0] == labels).mean())
    seen = uncertainty.seen_by_both(votes_a, votes_b)
    figures["two_classes"] = float((seen.sum(axis=1) > 1).mean())

    bins = count + 1  # one for each fraction of the votes: 0, 1/10, 2/10, ...
    actual = uncertainty.reliability(votes_a, labels, bins)
    extra_labels = uncertainty.classify_samples(classifier_a, [extra])[0]
    ideal = uncertainty.reliability(votes_a, extra_labels, bins)
    figures["calibration_error"] = actual.error
    figures["calibration_error_ideal"] = ideal.error
    figures["reliability"] = [
        [confidence, accuracy, ideal_accuracy, int(n)]
        for confidence, accuracy, ideal_accuracy, n in zip(
            actual.confidence, actual.accuracy, ideal.accuracy, actual.digits, strict=True) if n]
    return figures


RECIPES = {
    "samples": Recipe(
        about="draws 28x28 digits given 7x7 by conditional flow matching (lesson 08)",
        data="MNIST, 50,000 training images, four times, each moved by up to two pixels, with "
             "the answers of baseline",
        needs=("baseline", "classifier_a", "classifier_b"),
        build=lambda networks: flow.velocity_network(name="samples"),
        batches=sample_batches, measure=measure_samples, epochs=20),
}

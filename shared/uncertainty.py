"""How good are many answers: realism, the price of it, and whether their doubts are right.

Lesson 07. Samples are arrays (count, n, 28, 28, 1) as ``flow.sample`` gives them.
"""

from typing import NamedTuple

import keras
import numpy as np

from shared import classifiers, datasets, flow, metrics, training, weights
from shared.degrade import block_mean
from shared.spectrum import radial_power

# ---- Realism: does a set of pictures look like a set of true ones?


def features(classifier, images):
    """What ``classifier`` computes just before its ten logits, (n, channels)."""
    dense = [layer for layer in classifier.layers if isinstance(layer, keras.layers.Dense)][-1]
    return training.predict(keras.Model(classifier.input, dense.input), images)


def frechet(features_a, features_b):
    """The squared Fréchet distance between Gaussians fitted to two sets of features.

    |mean_a - mean_b|^2 + tr(A + B - 2 (A^1/2 B A^1/2)^1/2) with covariances A and B, in
    units of the features squared (Dowson and Landau 1982; with an Inception network's
    features it is the FID of Heusel et al. 2017). Finite sets are never at distance 0: state
    beside it the distance between two sets of true pictures of these sizes.

    Args: arrays (n, channels) and (m, channels), n and m above the channels for a covariance
    of full rank. Raises ValueError on other shapes, or fewer than two rows.
    """
    a, b = (np.asarray(x, "float64") for x in (features_a, features_b))
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ValueError(f"expected two sets of features (n, channels) of the same channels, "
                         f"two rows or more each, found {a.shape} and {b.shape}")
    cov_a, cov_b = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b))
    root = _root(cov_a)
    # Both have the same eigenvalues, but A^1/2 B A^1/2 is symmetric and A B is not.
    across = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ cov_b @ root), 0)).sum()
    distance = np.square(a.mean(axis=0) - b.mean(axis=0)).sum()
    return float(distance + np.trace(cov_a) + np.trace(cov_b) - 2 * across)


def _root(covariance):
    """The symmetric square root; rounding may make an eigenvalue of 0 a little negative."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T


def log_spectrum(images):
    """Power in each ring from 1 on in dB, 10 log10 of ``radial_power``, mean over images.

    ``images`` (n, side, side, 1); 1e-12 keeps the dB of an empty ring finite.
    """
    return (10 * np.log10(radial_power(images)[:, 1:] + 1e-12)).mean(axis=0)


def spectrum_distance(images_a, images_b):
    """Root mean square over the rings of the difference of two ``log_spectrum``, in dB."""
    return float(np.sqrt(np.mean(np.square(log_spectrum(images_a) - log_spectrum(images_b)))))


def pixel_distance(images_a, images_b, side=4):
    """How far two crowds of pictures are apart in grey levels, root mean square a pixel.

    Pictures are cut into blocks of ``side`` x ``side``; this is the root of ``frechet`` of the
    blocks' pixels, divided by pixels a block. It is at most the Wasserstein-2 distance of the
    pictures (Gelbrich 1990) and obeys the triangle inequality, so ``least_mse`` bounds the
    MSE by it as well, less tightly. Larger blocks need more pictures: 400 digits are 0.005
    away from other digits in blocks of 4 and 0.03 in blocks of 14.

    Args: arrays (n, height, width, 1) whose height and width divide by ``side``.
    """
    a, b = (_blocks(images, side) for images in (images_a, images_b))
    return float(np.sqrt(max(frechet(a, b), 0) / side**2))


def _blocks(images, side):
    n, height, width, channels = images.shape
    if height % side or width % side or channels != 1:
        raise ValueError(f"expected grey images whose sides divide by {side}, found shape "
                         f"{images.shape}")
    cut = images.reshape(n, height // side, side, width // side, side)
    return cut.transpose(0, 1, 3, 2, 4).reshape(-1, side**2)


# ---- The price: what theory says about the MSE of samples
#
# Given y, truth x and a sample z of a perfect sampler are independent draws of the same
# distribution, with mean m. The mean is the best answer; call its MSE d_min.


def mse_of_mean(d_min, count):
    """MSE of the mean of ``count`` perfect samples: d_min (1 + 1/count).

    The truth is off m by d_min, the mean of the samples by d_min / count, independently. A
    single sample has 2 d_min, 3.01 dB less PSNR (Blau and Michaeli 2018).
    """
    return d_min * (1 + 1 / np.asarray(count))


def mse_of_blend(d_min, share):
    """MSE of (1 - share) m + share z with z a perfect sample: d_min (1 + share^2).

    Its Wasserstein-2 distance from true pictures is at most (1 - share) sqrt(d_min), as it is
    that far from z; so these blends lie on the curve of ``least_mse``, or on its near side.
    """
    return d_min * (1 + np.square(share))


def least_mse(d_min, distance, mean_distance=None):
    """The least MSE that allows a given distance from the distribution of true pictures.

    D(P) = d_min + max(P* - P, 0)^2 for the Wasserstein-2 distance P, where P* is that of the
    means m (Freirich, Michaeli and Meir 2021). No method has less at that distance.

    Args:
        d_min: MSE of the posterior mean, a pixel.
        distance: P, root mean square a pixel; an array or a number, 0 or more.
        mean_distance: P*. It is at most sqrt(d_min), the default, with which the curve lies
            on or above the least.
    """
    worst = np.sqrt(d_min) if mean_distance is None else mean_distance
    if worst**2 > d_min * (1 + 1e-6):
        raise ValueError(f"the means are {np.sqrt(d_min):.4g} away from the truth itself, so no "
                         f"more from its distribution; found mean_distance {worst:.4g}")
    return d_min + np.square(np.maximum(worst - np.asarray(distance), 0))


# ---- Doubts: when 8 of 10 samples say "7", how often is it a 7?


def read(classifier, samples):
    """The class that ``classifier`` reads in each of samples (count, n, ...): (count, n)."""
    return np.stack([classifiers.read(classifier, images) for images in samples])


def shares(votes, classes=10):
    """What share of the votes (count, n) each class has, (n, classes)."""
    votes = np.asarray(votes)
    if votes.ndim != 2:
        raise ValueError(f"expected votes of shape (count, n), found {votes.shape}")
    return (votes[..., None] == np.arange(classes)).mean(axis=0)


def witnessed(votes, other_votes, classes=10):
    """Which classes two readers both see in one and the same sample: bool (n, classes).

    ``votes`` and ``other_votes`` are what two classifiers ``read``, (count, n).
    """
    both = np.where(np.equal(votes, other_votes), votes, -1)
    return (both[..., None] == np.arange(classes)).any(axis=0)


class Reliability(NamedTuple):
    """Of each bin: mean share of the votes for the winner, how often it was right, and how
    many digits; then the expected calibration error. Empty bins are NaN, NaN, 0."""

    confidence: np.ndarray
    accuracy: np.ndarray
    digits: np.ndarray
    error: float


def reliability(votes, labels, bins=10):
    """The reliability diagram of votes (DeGroot and Fienberg 1983; Guo et al. 2017).

    Each digit goes to a bin by the share of votes that its most frequent class has (of equal
    ones the smallest): bin i holds shares from i/bins up to, not with, (i+1)/bins, the last
    one also 1. The error is the mean over digits of |accuracy - confidence| of their bin.

    Shares of few votes scatter, so even a perfect sampler is not on the diagonal. For what it
    would show, take one sample's class for the truth: ``reliability(votes[1:], votes[0])``.

    Args: ``votes`` integers (count, n), classes 0 to 9, as from ``read``; ``labels`` (n,).
    Raises ValueError on other shapes.
    """
    share, labels = shares(votes), np.asarray(labels)
    if labels.shape != (len(share),):
        raise ValueError(f"votes on {len(share)} digits need as many labels, found labels of "
                         f"shape {labels.shape}")
    confidence, right = share.max(axis=1), share.argmax(axis=1) == labels
    # 0.7 * 10 is 7.000000000000001 and 0.57 * 100 is 56.99999999999999: mend the rounding.
    place = np.minimum((confidence * bins + 1e-9).astype(int), bins - 1)
    digits = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):  # 0/0 in an empty bin
        mean = np.bincount(place, confidence, bins) / digits
        hits = np.bincount(place, right, bins) / digits
    error = np.nansum(digits * np.abs(hits - mean)) / len(share)
    return Reliability(mean, hits, digits, float(error))


# ---- The figures of the card


def measure(model, count=10, steps=4):
    """Figures of a velocity network on the 10,000 test digits, for its card.

    ``count`` samples of each are judged together; one more stands for a truth that is drawn as
    they are, to tell what a perfect sampler's doubts would look like. Distances are from the
    even test digits to the odd ones, true ones among the even too: that is their floor.
    """
    digits = datasets.mnist()
    truth, labels = digits.x_test, digits.y_test
    low_res = block_mean(truth, flow.SCALE)
    guess = flow.answer(weights.load_or_train("baseline"), low_res)
    extra, *samples = flow.sample(model, low_res, guess, count + 1, steps)
    means = np.cumsum(samples, axis=0)
    means /= np.arange(1, count + 1, dtype="float32").reshape(-1, 1, 1, 1, 1)
    crowds = {"single": samples[0], "mean": means[-1], "baseline": guess, "truth": truth}
    found = {}
    for name in ("single", "mean", "baseline"):
        found[f"psnr_{name}"] = float(metrics.psnr(truth, crowds[name]).mean())
        found[f"ssim_{name}"] = float(metrics.ssim(truth, crowds[name]).mean())
    found["mse_baseline"] = float(metrics.mse(truth, guess).mean())
    found["mse_of_means"] = [float(metrics.mse(truth, mean).mean()) for mean in means]
    # Equal to the MSE of the posterior mean where the spread is right.
    found["variance"] = float(np.var(samples, axis=0, ddof=1).mean())

    judge, other = (weights.load_or_train(f"classifier_{name}") for name in "ab")
    even, odd = slice(0, None, 2), slice(1, None, 2)
    wanted = features(judge, truth[odd])
    for name, images in crowds.items():
        found[f"frechet_{name}"] = frechet(features(judge, images[even]), wanted)
        found[f"pixels_{name}"] = pixel_distance(images[even], truth[odd])
        found[f"spectrum_{name}"] = spectrum_distance(images[even], truth[odd])

    votes, others = read(judge, samples), read(other, samples)
    found["accuracy_a"], found["accuracy_b"] = (float((v[0] == labels).mean())
                                                for v in (votes, others))
    found["two_classes"] = float((witnessed(votes, others).sum(axis=1) > 1).mean())
    right = reliability(votes, labels, count + 1)  # a bin for each share: 0, 1/10, 2/10, ...
    ideal = reliability(votes, read(judge, [extra])[0], count + 1)
    found["calibration_error"], found["calibration_error_ideal"] = right.error, ideal.error
    found["reliability"] = [[share, a, b, int(n)] for share, a, b, n in zip(
        right.confidence, right.accuracy, ideal.accuracy, right.digits, strict=True) if n]
    return found

"""How good many samples are: how realistic, and how well calibrated.

Samples are arrays (count, n, 28, 28, 1), as ``flow.sample`` returns them. Introduced in
lesson 08.
"""

from typing import NamedTuple

import keras
import numpy as np

from shared import runtime
from shared.measures.spectrum import radial_power
from shared.models import classifiers

# ---- Realism: is a set of images distributed like a set of true images?


def features(classifier, images):
    """The input of the last dense layer of ``classifier``, from which it computes the logits.

    Takes ``images`` (n, height, width, 1) and returns float32 (n, channels).
    """
    dense = [layer for layer in classifier.layers if isinstance(layer, keras.layers.Dense)]
    return runtime.predict(keras.Model(classifier.input, dense[-1].input), images)


def frechet(features_a, features_b):
    """The squared Fréchet distance between Gaussians fitted to two sets of features.

    It is |mean_a - mean_b|^2 + tr(A + B - 2 (A^1/2 B A^1/2)^1/2) with covariances A and B, in
    squared units of the features (Dowson and Landau 1982). With the features of an Inception
    network it is the FID of Heusel et al. (2017). Even two different sets of true images are not
    at distance 0, so report their distance, for sets of the same sizes, next to it.

    Args:
        features_a, features_b: arrays (n, channels) and (m, channels). For covariances of full
            rank, n and m must be larger than the number of channels.

    Returns a float. Raises ValueError for other shapes, or for fewer than two rows.
    """
    a, b = (np.asarray(x, "float64") for x in (features_a, features_b))
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ValueError(f"expected two sets of features (n, channels) with equally many channels "
                         f"and at least two rows each, found {a.shape} and {b.shape}")
    cov_a, cov_b = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b))
    root = _root(cov_a)
    # A^1/2 B A^1/2 and A B have the same eigenvalues, but only the first is symmetric.
    overlap = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ cov_b @ root), 0)).sum()
    distance = np.square(a.mean(axis=0) - b.mean(axis=0)).sum()
    return float(distance + np.trace(cov_a) + np.trace(cov_b) - 2 * overlap)


def _root(covariance):
    """The symmetric square root. Rounding may make an eigenvalue of 0 slightly negative."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T


def log_spectrum(images):
    """The power in each ring from 1 on, in dB: the mean over images of 10 log10 of the power.

    ``images`` has shape (n, side, side, 1). Returns float64 (rings - 1,). An offset of 1e-12
    keeps the dB of an empty ring finite. See ``spectrum.radial_power``.
    """
    return (10 * np.log10(radial_power(images)[:, 1:] + 1e-12)).mean(axis=0)


def spectrum_distance(images_a, images_b):
    """The difference of two ``log_spectrum`` in dB: its root mean square over the rings."""
    return float(np.sqrt(np.mean(np.square(log_spectrum(images_a) - log_spectrum(images_b)))))


def pixel_distance(images_a, images_b, side=4):
    """The distance of two distributions of images in grey levels, root mean square per pixel.

    The images are cut into blocks of ``side`` x ``side`` pixels. The result is the square root
    of ``frechet`` of these blocks, divided by the number of pixels per block. It is at most the
    Wasserstein-2 distance of the images (Gelbrich 1990) and satisfies the triangle inequality.
    Larger blocks need more images: 400 digits are 0.005 away from other digits with blocks of
    4x4 pixels, but 0.03 with blocks of 14x14.

    Args:
        images_a, images_b: arrays (n, height, width, 1).
        side: height and width of a block; must divide those of the images.

    Returns a float. Raises ValueError if ``side`` does not divide the size of the images.
    """
    a, b = (_blocks(images, side) for images in (images_a, images_b))
    return float(np.sqrt(max(frechet(a, b), 0) / side**2))


def _blocks(images, side):
    """All blocks of all images, (blocks, side^2)."""
    n, height, width, channels = images.shape
    if height % side or width % side or channels != 1:
        raise ValueError(f"expected images (n, height, width, 1) whose height and width are "
                         f"multiples of {side}, found {images.shape}")
    blocks = images.reshape(n, height // side, side, width // side, side)
    return blocks.transpose(0, 1, 3, 2, 4).reshape(-1, side**2)


# ---- Calibration: if 8 of 10 samples show a 7, how often is it a 7?


def classify_samples(classifier, samples):
    """The most probable class of each of samples (count, n, height, width, 1): (count, n)."""
    return np.stack([classifiers.classify(classifier, images) for images in samples])


def vote_fractions(votes, classes=10):
    """The fraction of the votes that each class has.

    ``votes`` holds classes as integers, one row per sample and one column per image: (count, n).
    Returns float64 (n, classes). Raises ValueError for another shape.
    """
    votes = np.asarray(votes)
    if votes.ndim != 2:
        raise ValueError(f"expected votes of shape (count, n), found {votes.shape}")
    return (votes[..., None] == np.arange(classes)).mean(axis=0)


def seen_by_both(votes, other_votes, classes=10):
    """Which classes two classifiers both see in the same sample, for at least one sample.

    ``votes`` and ``other_votes`` are the classes by two classifiers, (count, n), as from
    ``classify_samples``. Returns bool (n, classes).
    """
    agreed = np.where(np.equal(votes, other_votes), votes, -1)
    return (agreed[..., None] == np.arange(classes)).any(axis=0)


def differing_samples(votes, other_votes, classes=10):
    """Pairs of samples of one image in which two classifiers agree on two different classes.

    Args:
        votes, other_votes: as for ``seen_by_both``.
        classes: how many there are.

    Returns three integer arrays of one length: the numbers of the images for which there is such
    a pair, in ascending order, and the numbers of the first samples that show the smallest and
    the second smallest of the classes seen.
    """
    votes, other_votes = np.asarray(votes), np.asarray(other_votes)
    agreed = np.where(votes == other_votes, votes, -1)
    images = np.flatnonzero(seen_by_both(votes, other_votes, classes).sum(axis=1) > 1)
    pairs = [[np.flatnonzero(agreed[:, image] == label)[0]
              for label in np.unique(agreed[:, image][agreed[:, image] >= 0])[:2]]
             for image in images]
    one, another = np.reshape(np.array(pairs, int), (-1, 2)).T
    return images, one, another


class Reliability(NamedTuple):
    """The result of ``reliability``: three arrays (bins,) and a number.

    confidence: the mean fraction of the votes for the winning class, NaN in an empty bin.
    accuracy: the fraction of digits whose winning class is right, NaN in an empty bin.
    digits: the number of digits.
    error: the expected calibration error.
    """

    confidence: np.ndarray
    accuracy: np.ndarray
    digits: np.ndarray
    error: float


def reliability(votes, labels, bins=10):
    """The reliability diagram of votes (DeGroot and Fienberg 1983; Guo et al. 2017).

    The winning class of a digit is the one with the most votes, or the smallest of these classes.
    Its fraction of the votes is the confidence, which determines the bin of the digit: bin i
    holds confidences from i/bins up to, but not including, (i+1)/bins; the last bin includes 1.
    The error is the mean over digits of |accuracy - confidence| of their bins.

    With few votes, the fractions vary by chance, so even a perfect sampler is not on the
    diagonal. To see what it would look like, use the class of one sample as the true label:
    ``reliability(votes[1:], votes[0])``.

    Args:
        votes: integers (count, n), classes 0 to 9, as from ``classify_samples``.
        labels: the true classes, (n,).
        bins: how many bins.

    Returns a ``Reliability``. Raises ValueError for other shapes.
    """
    fractions, labels = vote_fractions(votes), np.asarray(labels)
    if labels.shape != (len(fractions),):
        raise ValueError(f"votes on {len(fractions)} digits need as many labels, found labels of "
                         f"shape {labels.shape}")
    confidence, right = fractions.max(axis=1), fractions.argmax(axis=1) == labels
    # 0.57 * 100 is 56.99999999999999: the small number keeps rounding out of the choice of a bin.
    bin_numbers = np.minimum((confidence * bins + 1e-9).astype(int), bins - 1)
    digits = np.bincount(bin_numbers, minlength=bins)
    with np.errstate(invalid="ignore"):  # 0/0 in an empty bin
        mean_confidence = np.bincount(bin_numbers, confidence, bins) / digits
        accuracy = np.bincount(bin_numbers, right, bins) / digits
    error = np.nansum(digits * np.abs(accuracy - mean_confidence)) / len(fractions)
    return Reliability(mean_confidence, accuracy, digits, float(error))

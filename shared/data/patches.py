"""Training data for lesson 06: aligned crops of photographs, in low and high resolution.

The low resolution is made once from each whole photo, by the protocol of ``images.luma``, and
cut together with its truth, so that a batch costs no more than copying it::

    pairs = patches.cut_pairs(photos.load_photos("train").values())
    batches = pipeline.Batches(patches.picture_numbers(pairs), patches.photo_crops(pairs),
                               batch_size=16, per_epoch=200)
"""

from typing import NamedTuple

import numpy as np

from shared.data import pipeline, synthetic
from shared.data.photos import load_photos
from shared.images import luma
from shared.images.resize import resize
from shared.images.turns import turned

DRAWING_SIDE = 320  # pixels
SMALLEST_SIZE = 0.3  # the smallest random size, as a fraction of a photo's height and width


class Pair(NamedTuple):
    """Luma, uint8: ``low_res`` (h, w, 1) and its ``truth`` (scale * h, scale * w, 1)."""

    low_res: np.ndarray
    truth: np.ndarray


def cut_pairs(pictures, sizes=(1.0, 0.75, 0.5), scale=2, side=48):
    """A list of ``Pair``, one for each picture and each of ``sizes``.

    Args:
        pictures: uint8 arrays (height, width, 3), RGB, or (height, width, 1), luma.
        sizes: the sizes at which each picture is used, as fractions of its own height and
            width. Shrinking (antialiased bicubic) makes details smaller, and sharper than any
            camera records them.
        scale: the factor by which the truth is reduced.
        side: pictures too small for a crop of this low-resolution side, in pixels, are left out.
    """
    result = []
    for picture in pictures:
        whole = luma.luma(picture)
        for size in sizes:
            truth = luma.crop_to_multiple(_at_size(whole, size), scale)
            if min(truth.shape[:2]) >= scale * side:
                result.append(Pair(luma.reduce(truth, scale), truth))
    return result


def _at_size(image, size):
    if size == 1:
        return image
    height, width = (max(1, round(size * length)) for length in image.shape[:2])
    return luma.rounded(resize(image[None].astype("float32"), (height, width))[0])


def picture_numbers(pairs, side=48):
    """What ``pipeline.Batches`` shuffles: indices into ``pairs``, an int array (n,).

    Each index appears as often as crops of ``side`` x ``side`` fit next to each other into its
    low resolution, so that a pass takes crops from every picture in proportion to its area.
    Raises ValueError if there are no pairs, or if a crop does not fit into one of them.
    """
    fit = [(pair.low_res.shape[0] // side) * (pair.low_res.shape[1] // side) for pair in pairs]
    if not pairs or min(fit) == 0:
        raise ValueError(f"there must be at least one picture, and a crop of {side}x{side} must "
                         f"fit into the low resolution of each: use cut_pairs(..., side={side})")
    return np.repeat(np.arange(len(pairs)), fit)


def photo_crops(pairs, side=48):
    """Returns a function ``make(numbers, rng)`` for ``pipeline.Batches`` of ``picture_numbers``.

    ``make`` returns the low resolution (n, side, side, 1) and the truth (n, scale * side,
    scale * side, 1), float32 in [0, 1]. Both are cut from the same place, which is random, and
    rotated and flipped alike, at random.
    """
    scale = pairs[0].truth.shape[0] // pairs[0].low_res.shape[0]

    def make(numbers, rng):
        low_res = np.empty((len(numbers), side, side, 1), "uint8")
        truth = np.empty((len(numbers), scale * side, scale * side, 1), "uint8")
        positions = rng.random((len(numbers), 2))
        turns = rng.integers(8, size=len(numbers))
        for i, number in enumerate(numbers):
            pair = pairs[number]
            height, width = pair.low_res.shape[:2]
            top = int(positions[i, 0] * (height - side + 1))
            left = int(positions[i, 1] * (width - side + 1))
            low_crop = pair.low_res[top:top + side, left:left + side]
            true_crop = pair.truth[scale * top:scale * (top + side),
                                   scale * left:scale * (left + side)]
            low_res[i] = turned(low_crop, turns[i])
            truth[i] = turned(true_crop, turns[i])
        return _to_unit_range(low_res), _to_unit_range(truth)

    return make


def _to_unit_range(images):
    return np.divide(images, np.float32(255), dtype="float32")


def training_material(kinds=tuple(synthetic.KINDS), drawings=12, seed=1, splits=("train",),
                      random_sizes=None):
    """Photographs at several sizes, and drawings: a list of ``Pair``.

    Args:
        kinds: kinds of drawings from ``synthetic.KINDS``; an empty tuple for photographs alone.
        drawings: how many drawings of each kind.
        seed: decides the drawings and the random sizes.
        splits: which photographs, as for ``photos.load_photos``.
        random_sizes: use each photo at its own size and at this many smaller sizes, which are
            log-uniform between ``SMALLEST_SIZE`` and 1. If None, use the three sizes of
            ``cut_pairs``.
    """
    rng = np.random.default_rng(seed)
    drawn = [synthetic.KINDS[kind](rng, DRAWING_SIDE) for kind in kinds for _ in range(drawings)]
    photographs = [photo for split in splits for photo in load_photos(split).values()]
    if random_sizes is None:
        pairs = cut_pairs(photographs)
    else:
        pairs = []
        sizes = SMALLEST_SIZE ** rng.random((len(photographs), random_sizes))
        for photo, smaller in zip(photographs, sizes, strict=True):
            pairs += cut_pairs([photo], (1.0, *smaller))
    return pairs + cut_pairs(drawn, sizes=(1.0,))


def photo_batches(per_epoch=500, batch_size=16, side=48, seed=1, **material):
    """Crops of ``side`` x ``side`` pixels with their truth, as ``pipeline.Batches``.

    Args:
        per_epoch, batch_size, seed: as for ``pipeline.Batches``.
        side: height and width of a crop, in pixels of the low resolution.
        material: as for ``training_material``.
    """
    pairs = training_material(**material)
    return pipeline.Batches(picture_numbers(pairs, side), photo_crops(pairs, side),
                            batch_size=batch_size, per_epoch=per_epoch, seed=seed)

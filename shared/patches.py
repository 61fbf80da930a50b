"""Training material for lesson 06: aligned crops of photographs, large and small.

The low resolution is made once of each whole photo, by the protocol of ``shared.luma``, and
cut together with its truth, so that a batch costs no more than copying it::

    pictures = patches.pairs(photos.photos("train").values())
    batches = training.Batches(patches.places(pictures), patches.crops(pictures),
                               batch_size=16, per_epoch=200)
"""

from typing import NamedTuple

import numpy as np

from shared.luma import crop, luma, reduce, rounded
from shared.resize import resize


class Pair(NamedTuple):
    """Luma, uint8: ``low_res`` (h, w, 1) and its ``truth`` (scale * h, scale * w, 1)."""

    low_res: np.ndarray
    truth: np.ndarray


def pairs(pictures, shrinks=(1.0, 0.75, 0.5), scale=2, side=48):
    """A list of ``Pair``, one for each picture and each of ``shrinks``.

    Args:
        pictures: uint8 arrays (height, width, 3), RGB, or (height, width, 1), luma.
        shrinks: each picture is taken at these sizes, 1 for as it is: the same things, smaller,
            and sharper than any camera sees them (antialiased bicubic).
        scale: what the truth is reduced by.
        side: what is smaller than crops of this low-resolution side is left out.
    """
    result = []
    for picture in pictures:
        whole = luma(picture)
        for shrink in shrinks:
            truth = crop(_shrunk(whole, shrink), scale)
            if min(truth.shape[:2]) >= scale * side:
                result.append(Pair(reduce(truth, scale), truth))
    return result


def _shrunk(image, shrink):
    if shrink == 1:
        return image
    size = [max(1, round(shrink * length)) for length in image.shape[:2]]
    return rounded(resize(image[None].astype("float32"), size)[0])


def places(pictures, side=48):
    """What ``training.Batches`` shuffles: numbers of ``pictures`` (``Pair``), int array (n,).

    Each appears as often as crops of ``side`` fit beside each other into its low resolution,
    so a pass takes about as much from a square inch of every photo.
    """
    fit = [(p.low_res.shape[0] // side) * (p.low_res.shape[1] // side) for p in pictures]
    if not pictures or min(fit) == 0:
        raise ValueError(f"a crop of {side}x{side} must fit into the low resolution of every "
                         f"picture, and there must be one: use pairs(..., side={side})")
    return np.repeat(np.arange(len(pictures)), fit)


def turned(image, turn):
    """One of the eight flips and rotations, ``turn`` 0 to 7, of (height, width, ...): a view."""
    if turn & 1:
        image = image[:, ::-1]
    if turn & 2:
        image = image[::-1]
    return image.swapaxes(0, 1) if turn & 4 else image


def crops(pictures, side=48):
    """A function ``make(numbers, rng)`` for ``training.Batches`` over ``places``.

    It returns low resolution (n, side, side, 1) and truth (n, scale * side, scale * side, 1),
    float32 in [0, 1], cut at random where they belong together, turned and mirrored at random.
    """
    scale = pictures[0].truth.shape[0] // pictures[0].low_res.shape[0]

    def make(numbers, rng):
        low_res = np.empty((len(numbers), side, side, 1), "uint8")
        truth = np.empty((len(numbers), scale * side, scale * side, 1), "uint8")
        chance = rng.random((len(numbers), 2))
        turns = rng.integers(8, size=len(numbers))
        for place, number in enumerate(numbers):
            pair = pictures[number]
            height, width = pair.low_res.shape[:2]
            top = int(chance[place, 0] * (height - side + 1))
            left = int(chance[place, 1] * (width - side + 1))
            low_res[place] = turned(pair.low_res[top:top + side, left:left + side], turns[place])
            top, left, wide = scale * top, scale * left, scale * side
            truth[place] = turned(pair.truth[top:top + wide, left:left + wide], turns[place])
        return _unit(low_res), _unit(truth)

    return make


def _unit(images):
    return np.divide(images, np.float32(255), dtype="float32")

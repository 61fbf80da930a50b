"""Training data for lesson 06: aligned crops of photographs, in low and high resolution.

The low resolution is made once from each whole photo, by the protocol of ``images.luma``. Then
both are cut into tiles of one size, so that a batch costs no more than copying crops of them::

    pairs = patches.cut_pairs(photos.load_photos("train").values())
    batches = pipeline.Batches(patches.cut_tiles(pairs), patches.tile_crops(side=48),
                               batch_size=16, per_epoch=200)
"""

from typing import NamedTuple

import numpy as np
from PIL import Image

from shared.data import pipeline, synthetic
from shared.data.photos import load_photos
from shared.images import luma
from shared.images.turns import turned

TILE_SIDE = 64  # pixels of the low resolution
DRAWING_SIDE = 320  # pixels
SMALLEST_SIZE = 0.3  # the smallest random size, as a fraction of a photo's height and width


class Pair(NamedTuple):
    """Luma, uint8: ``low_res`` (..., h, w, 1) and its ``truth`` (..., scale * h, scale * w, 1)."""

    low_res: np.ndarray
    truth: np.ndarray


def cut_pairs(pictures, sizes=(1.0, 0.75, 0.5), scale=2, side=TILE_SIDE):
    """A list of ``Pair``, one for each picture and each of ``sizes``.

    Args:
        pictures: uint8 arrays (height, width, 3), RGB, or (height, width, 1), luma.
        sizes: the sizes at which each picture is used, as fractions of its own height and
            width. Shrinking (antialiased bicubic) makes details smaller, and sharper than any
            camera records them.
        scale: the factor by which the truth is reduced.
        side: pictures too small for a tile of this low-resolution side, in pixels, are left out.
    """
    result = []
    for picture in pictures:
        whole = luma.luma(picture)
        for size in sizes:
            height, width = (max(1, round(size * length)) for length in whole.shape[:2])
            truth = luma.crop_to_multiple(shrunk(whole, height, width), scale)
            height, width = (length // scale for length in truth.shape[:2])
            if min(height, width) >= side:
                result.append(Pair(shrunk(truth, height, width), truth))
    return result


def shrunk(image, height, width):
    """Luma, uint8 (h, w, 1), at another size: antialiased bicubic, rounded to 8 bits.

    This is Pillow's, ten times as fast as ``resize.resize``. A value half way between two grey
    levels may be rounded to the other one.
    """
    if (height, width) == image.shape[:2]:
        return image
    picture = Image.fromarray(image[..., 0].astype("float32"))
    return luma.rounded(picture.resize((width, height), Image.Resampling.BICUBIC))[..., None]


def cut_tiles(pairs, side=TILE_SIDE):
    """All pairs cut into tiles of one size: a ``Pair`` of arrays (n, ...), for ``Batches``.

    As many tiles as cover a picture are spread evenly over it, so they overlap a little, and a
    large picture has more of them than a small one.

    Args:
        pairs: an iterable of ``Pair``.
        side: height and width of a tile in pixels of the low resolution.

    Raises ValueError if a tile does not fit into one of the pictures, or if there are none.
    """
    tiles = [tile for pair in pairs for tile in _tiles_of(pair, side)]
    if not tiles:
        raise ValueError("there must be at least one picture to cut tiles from")
    return Pair(*map(np.stack, zip(*tiles, strict=True)))


def _tiles_of(pair, side):
    height, width = pair.low_res.shape[:2]
    if min(height, width) < side:
        raise ValueError(f"a tile of {side}x{side} must fit into the low resolution of each "
                         f"picture, found {height}x{width}: use cut_pairs(..., side={side})")
    scale = pair.truth.shape[0] // height
    for top in _starts(height, side):
        for left in _starts(width, side):
            rows, columns = slice(top, top + side), slice(left, left + side)
            true_rows = slice(scale * top, scale * (top + side))
            true_columns = slice(scale * left, scale * (left + side))
            yield pair.low_res[rows, columns], pair.truth[true_rows, true_columns]


def _starts(length, side):
    """Where tiles of ``side`` start that cover ``length``, evenly spread."""
    return np.linspace(0, length - side, -(-length // side)).round().astype(int)


def tile_crops(side=48):
    """Returns a function ``make(low_res, truth, rng)`` for ``pipeline.Batches`` of tiles.

    ``make`` takes a crop from each tile and returns the low resolution (n, side, side, 1) and
    the truth (n, scale * side, scale * side, 1), float32 in [0, 1]. Both are cut from the same
    place, which is random, and rotated and flipped alike, at random.
    """

    def make(low_tiles, true_tiles, rng):
        scale = true_tiles.shape[1] // low_tiles.shape[1]
        places = rng.integers(low_tiles.shape[1] - side + 1, size=(len(low_tiles), 2))
        turns = rng.integers(8, size=len(low_tiles))
        low_res = np.empty((len(low_tiles), side, side, 1), "float32")
        truth = np.empty((len(low_tiles), scale * side, scale * side, 1), "float32")
        for i, (top, left) in enumerate(places):
            low_crop = low_tiles[i, top:top + side, left:left + side]
            true_crop = true_tiles[i, scale * top:scale * (top + side),
                                   scale * left:scale * (left + side)]
            low_res[i] = turned(low_crop, turns[i])
            truth[i] = turned(true_crop, turns[i])
        return low_res / np.float32(255), truth / np.float32(255)

    return make


def blended(make):
    """As ``make`` of ``tile_crops``, with half of the crops mixed with another one of their batch.

    A mixture has 50 to 90% of the crop and the rest of the other one, in the low resolution and
    in the truth alike. Since a reduction is linear, the pair still fits together.
    """

    def mix(low_tiles, true_tiles, rng):
        pair = make(low_tiles, true_tiles, rng)
        share = _random_for_half(len(low_tiles), 0.5, 0.9, rng)
        other = rng.permutation(len(low_tiles))
        return tuple(share * images + (1 - share) * images[other] for images in pair)

    return mix


def at_random_contrast(make):
    """As ``make`` of ``tile_crops``, with the contrast of half of the crops changed.

    Low resolution and truth are multiplied by the same factor, from 0.5 to 1. Larger factors
    would make values that no photo has.
    """

    def scale(low_tiles, true_tiles, rng):
        pair = make(low_tiles, true_tiles, rng)
        factor = _random_for_half(len(low_tiles), 0.5, 1.0, rng)
        return tuple(factor * images for images in pair)

    return scale


def _random_for_half(count, lowest, highest, rng):
    """Random numbers for half of the images and 1 for the others, float32 (count, 1, 1, 1)."""
    numbers = np.where(rng.random(count) < 0.5, rng.uniform(lowest, highest, count), 1.0)
    return numbers.astype("float32")[:, None, None, None]


def at_random_sizes(pictures, count, rng):
    """Yields the pairs of each picture at its own size and at ``count`` random ones.

    Random sizes are log-uniform between ``SMALLEST_SIZE`` and 1. ``rng`` is a NumPy generator.
    """
    for picture in pictures:
        yield from cut_pairs([picture], (1.0, *SMALLEST_SIZE ** rng.random(count)))


def training_tiles(kinds=tuple(synthetic.KINDS), drawings=12, seed=1, splits=("train",),
                   random_sizes=None):
    """Tiles of photographs at several sizes, and of drawings: a ``Pair`` of arrays (n, ...).

    Args:
        kinds: kinds of drawings from ``synthetic.KINDS``; an empty tuple for photographs alone.
        drawings: how many drawings of each kind.
        seed: decides the drawings and the random sizes.
        splits: which photographs, as for ``photos.load_photos``.
        random_sizes: use each photo at its own size and at this many smaller ones, as
            ``at_random_sizes``. If None, use the three sizes of ``cut_pairs``.
    """
    rng = np.random.default_rng(seed)
    drawn = [synthetic.KINDS[kind](rng, DRAWING_SIDE) for kind in kinds for _ in range(drawings)]
    photographs = [photo for split in splits for photo in load_photos(split).values()]
    pairs = (cut_pairs(photographs) if random_sizes is None
             else at_random_sizes(photographs, random_sizes, rng))
    return cut_tiles([*pairs, *cut_pairs(drawn, sizes=(1.0,))])


def photo_batches(per_epoch=500, batch_size=16, side=48, seed=1, change=None, **data):
    """Crops of ``side`` x ``side`` pixels with their truth, as ``pipeline.Batches``.

    Args:
        per_epoch, batch_size, seed: as for ``pipeline.Batches``.
        side: height and width of a crop, in pixels of the low resolution.
        change: ``blended`` or ``at_random_contrast``, or None.
        data: as for ``training_tiles``.
    """
    make = tile_crops(side) if change is None else change(tile_crops(side))
    return pipeline.Batches(training_tiles(**data), make, batch_size=batch_size,
                            per_epoch=per_epoch, seed=seed)

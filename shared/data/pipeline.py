"""Batches to train on, and the functions that make inputs and targets for them.

Lesson 01 introduces ``Batches``, ``low_and_high`` and ``shifted``, lesson 03 ``drawing_crops``,
lesson 04 ``warped`` and ``low_and_targets``, lesson 05 ``Turns``.
"""

import functools

import keras
import numpy as np
from scipy import ndimage

from shared.images.degrade import block_mean

BATCH_SIZE = 64


class Batches(keras.utils.PyDataset):
    """Batches of ``make(truth, rng)``, shuffled anew in each pass and equal in each run.

    Args:
        truth: array (n, ...), the high-resolution images; or a tuple of arrays of one length,
            such as images and labels.
        make: function of a batch of ``truth`` (for a tuple, a batch of each array) and a NumPy
            generator. It returns (input, target) or (input, target, sample weight), as
            ``keras.Model.fit`` takes them.
        batch_size: images per batch. Images left over at the end of a pass are dropped.
        per_epoch: batches per epoch of ``fit``; a whole pass over ``truth`` if None.
        seed: decides the order of each pass and the random numbers of ``make``.

    Raises ValueError if the images do not fill one batch.

    This is a ``PyDataset`` because Keras' own pipeline for arrays is tuned by TensorFlow while it
    runs, and ``fit`` waits for the tuner at the end of each epoch. With short epochs that can
    take half of the whole time.
    """

    def __init__(self, truth, make, batch_size=BATCH_SIZE, per_epoch=None, seed=0):
        super().__init__(workers=2, max_queue_size=20)
        self.arrays = truth if isinstance(truth, tuple) else (truth,)
        self.images = len(self.arrays[0])
        if self.images < batch_size:
            raise ValueError(f"{self.images} images do not fill one batch of {batch_size}")
        self.make, self.batch_size, self.seed = make, batch_size, seed
        self.per_pass = self.images // batch_size
        self.per_epoch = per_epoch or self.per_pass
        self.epoch = 0
        self._order = functools.lru_cache(maxsize=2)(self._draw)

    def __len__(self):
        return self.per_epoch

    def _draw(self, pass_number):
        return np.random.default_rng([self.seed, pass_number]).permutation(self.images)

    def on_epoch_end(self):
        self.epoch += 1

    def __getitem__(self, index):
        return self.batch(self.epoch * self.per_epoch + index)

    def batch(self, position):
        """Batch number ``position`` of the whole training, counted from 0."""
        pass_number, index = divmod(position, self.per_pass)
        chosen = self._order(pass_number)[index * self.batch_size:(index + 1) * self.batch_size]
        return self.make(*(array[chosen] for array in self.arrays),
                         np.random.default_rng([self.seed, position]))


class Turns(keras.utils.PyDataset):
    """Batches from several sources in turn: one from each, then the next one from each.

    Args:
        parts: the sources, a list of ``Batches``.
        per_epoch: batches per epoch of ``fit``, rounded down to a multiple of the number of
            parts.
    """

    def __init__(self, parts, per_epoch):
        super().__init__(workers=2, max_queue_size=20)
        self.parts, self.batch_size = parts, max(part.batch_size for part in parts)
        self.per_epoch = per_epoch - per_epoch % len(parts)
        self.epoch = 0

    def __len__(self):
        return self.per_epoch

    def on_epoch_end(self):
        self.epoch += 1

    def __getitem__(self, index):
        position, part = divmod(self.epoch * self.per_epoch + index, len(self.parts))
        return self.parts[part].batch(position)


def low_and_high(scale=4):
    """For ``Batches``: the block means of the truth as input, the truth itself as target."""
    return lambda truth, rng: (block_mean(truth, scale), truth)


def shifted(scale=4):
    """As ``low_and_high``, with the truth first shifted by -1, 0 or 1 pixel along each axis.

    A shift of 0 has probability 1/2, the two others 1/4 each. The same stroke at another
    position on the coarse grid gives another low-resolution image. So each image becomes nine
    different training examples, and none of them is blurred by interpolation.
    """

    def make(truth, rng):
        shifts = rng.choice((-1, 0, 0, 1), size=(len(truth), 2))
        truth = np.stack([np.roll(image, shift, axis=(0, 1))
                          for image, shift in zip(truth, shifts, strict=True)])
        return block_mean(truth, scale), truth

    return make


def drawing_crops(side=64, scale=4, blur=0.0, noise=0.0, darken=0.0):
    """For ``Batches`` of large pictures, uint8: input and target from random crops.

    Each crop contains at least one pixel that is not black. It is rotated by a random multiple
    of 90 degrees, and half of the crops are flipped.

    Args:
        side: height and width of a crop in pixels of the high resolution.
        scale: the factor between the two resolutions.
        blur: the input is made from a blurred crop, and the target stays sharp. The standard
            deviation of the Gaussian is uniform between 0 and ``blur`` pixels of the high
            resolution. With 0, the input is the block mean of the target.
        noise: the input gets Gaussian noise that is strongest in mid-grey pixels and absent in
            black and white ones, since scans are clean there. Its standard deviation in
            mid-grey is uniform between 0 and ``noise``.
        darken: white becomes darker by up to this fraction, in input and target.

    Returns a function of (pictures, rng) that returns (input, target), float32 in [0, 1].
    """

    def make(pictures, rng):
        truth = np.empty((len(pictures), side, side, 1), "float32")
        for picture, target in zip(pictures, truth, strict=True):
            lit = np.flatnonzero(picture)  # one of these pixels will be inside the crop
            pixel = np.unravel_index(rng.choice(lit), picture.shape)[:2]
            top, left = (int(np.clip(position - rng.integers(side), 0, size - side))
                         for position, size in zip(pixel, picture.shape, strict=False))
            crop = np.rot90(picture[top:top + side, left:left + side], rng.integers(4))
            target[:] = crop[:, ::-1] if rng.random() < 0.5 else crop
            target *= rng.uniform(1 - darken, 1) / 255
        seen = truth
        if blur:
            seen = np.stack([ndimage.gaussian_filter(image, (sigma, sigma, 0)) for image, sigma
                             in zip(truth, rng.uniform(0, blur, len(truth)), strict=True)])
        low_res = block_mean(seen, scale)
        if noise:
            deviation = rng.uniform(0, noise, (len(truth), 1, 1, 1)) * 4 * low_res * (1 - low_res)
            low_res = np.clip(low_res + deviation * rng.standard_normal(low_res.shape), 0, 1)
        return low_res.astype("float32"), truth

    return make


def warped(angle=12.0, scale=0.12, shear=0.12, move=2.0, mirror=False):
    """For ``Batches`` of images and labels: rotates, scales, shears and shifts images at random.

    Args:
        angle: largest rotation, in degrees.
        scale: largest change of width and of height, as a fraction.
        shear: largest shear, in pixels per row.
        move: largest shift along each axis, in pixels.
        mirror: flip half of the images, left to right.

    Returns a function of (images, labels, rng) that returns (images, labels), float32 as the
    images are and int32.
    """

    def make(images, labels, rng):
        out = np.empty_like(images)
        centre = (np.array(images.shape[1:3]) - 1) / 2
        for image, target in zip(images, out, strict=True):
            turn = np.radians(rng.uniform(-angle, angle))
            factors = rng.uniform(1 - scale, 1 + scale, 2)
            matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
            matrix = matrix @ [[1, 0], [rng.uniform(-shear, shear), 1]] @ np.diag(factors)
            offset = centre - matrix @ (centre + rng.uniform(-move, move, 2))
            target[..., 0] = ndimage.affine_transform(image[..., 0], matrix, offset, order=1)
            if mirror and rng.random() < 0.5:
                target[:] = target[:, ::-1].copy()
        return out, labels.astype("int32")

    return make


def low_and_targets(scale, head="digit"):
    """For ``Batches`` of images and labels: the input and the targets of a supervised upscaler.

    The input is the block means of the images. The targets are a dict of the images under
    "high_res" and of the labels, int32, under ``head``, as ``classifiers.supervised`` needs.
    """
    return lambda images, labels, rng: (
        block_mean(images, scale), {"high_res": images, head: labels.astype("int32")})

"""How much of a picture is coarse, and how much is fine: the radial power spectrum.

The Fourier transform writes a picture as a sum of waves. A wave is named by its cycles per
image along each axis; the length of that pair, rounded, is its ring. Ring 1 holds the waves
that cross the picture once, in whatever direction; half of the side is the finest ring that
a grid carries along its axes, and the corners of the spectrum reach out to 1.41 times as far.

Two things to know when reading such a spectrum:

- **The mean.** Each image's mean is taken away first. It is one number, in ring 0, larger
  than all the others together, and says nothing about detail.
- **The border.** The transform takes the picture for a tile that repeats. Where the left
  border does not meet the right one, or the top the bottom, that seam is an edge, and adds
  power to every ring. ``window=True`` fades the picture out towards its borders (Hann), so
  that there is no seam; the middle of the picture then counts for more, and a wave spreads
  into the two rings beside its own. Digits stand on an empty ground and need no window.
"""

import numpy as np


def rings(side):
    """The ring of each place of a spectrum of ``side`` x ``side``, in the order of ``np.fft``.

    Returns integers of shape (side, side): the distance from frequency 0 in cycles per image,
    rounded.
    """
    cycles = np.fft.fftfreq(side, 1 / side)
    return np.rint(np.hypot(cycles[:, None], cycles)).astype(int)


def ring_sizes(side):
    """How many waves each ring holds: integers (rings,), which sum to side^2."""
    return np.bincount(rings(side).ravel())


def radial_power(images, window=False):
    """The power of each image in each ring.

    Args:
        images: array (n, side, side) or (n, side, side, 1), any range; for the spectrum of
            an error give the difference of two sets.
        window: fade the borders out, see above. The power is scaled so that noise keeps its
            own.

    Returns float64 (n, rings), in units of the image's squared: without a window, an image's
    rings sum to the variance of its pixels (Parseval), and to the MSE where ``images`` is an
    error of mean 0. Divide by ``ring_sizes(side)`` for the power of a single wave, which is
    the same in all rings for white noise. Raises ValueError on another shape.
    """
    images = np.asarray(images)
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    if images.ndim != 3 or images.shape[1] != images.shape[2]:
        raise ValueError(f"expected square grey images of shape (n, side, side) or "
                         f"(n, side, side, 1), found {images.shape}")
    side = images.shape[1]
    fade = _hann(side) if window else np.ones((side, side))
    ring, count = rings(side).ravel(), ring_sizes(side)
    power = np.empty((len(images), len(count)))
    for i in range(0, len(images), 1000):  # bounds the memory of a large array
        part = images[i:i + 1000].astype("float64")
        mean = (part * fade).sum(axis=(1, 2), keepdims=True) / fade.sum()
        waves = np.fft.fft2((part - mean) * fade) / side**2
        square = (waves.real**2 + waves.imag**2).reshape(len(part), -1) / (fade**2).mean()
        for number, line in enumerate(square, i):
            power[number] = np.bincount(ring, line)
    return power


def restored(truth, image, beyond):
    """How much of the power of ``truth`` in the rings beyond ``beyond`` cycles ``image`` has, too.

    Args:
        truth, image: arrays (side, side) or (side, side, 1), any range.
        beyond: the first ring that counts is the one after it.

    Returns a number: 1 where all waves are there in their places, 0 where there are none of
    them, below 0 where false ones stand instead. The borders are faded out.
    """
    pair = np.stack([np.asarray(truth, "float64"), np.asarray(truth, "float64") - image])
    fine, lost = radial_power(pair, window=True)[:, beyond + 1:].sum(axis=1)
    return 1 - lost / fine


def _hann(side):
    """A window of (side, side): 1 in the middle, falling to 0 half a pixel beyond the border."""
    line = np.sin(np.pi * (np.arange(side) + 0.5) / side) ** 2
    return np.outer(line, line)

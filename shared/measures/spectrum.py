"""How much of an image is coarse, and how much is fine: the radial power spectrum.

The Fourier transform writes an image as a sum of waves. A wave is described by its cycles per
image along each axis. The length of this pair, rounded, is the ring of the wave. Ring 1 holds
the waves with one cycle per image, in any direction. Along its axes, a grid can carry waves of
up to half as many cycles as it has pixels per row; in the corners of the spectrum, the rings go
1.41 times as far.

Two things matter when you read such a spectrum:

- **The mean.** The mean of each image is subtracted first. It would be the only entry of ring
  0, usually larger than all others together, and it says nothing about detail.
- **The border.** The transform treats the image as a tile that repeats. If the left border does
  not match the right one, or the top the bottom, this seam is an edge and adds power to every
  ring. ``window=True`` fades the image out towards its borders (Hann), which removes the seam.
  Then the middle of the image counts for more, and each wave spreads into the two rings next to
  its own. Digits have an empty background and need no window.

Introduced in lesson 02.
"""

import numpy as np


def rings(side):
    """The ring of each entry of a spectrum of ``side`` x ``side``, in the order of ``np.fft``.

    Returns integers (side, side): the distance from frequency 0 in cycles per image, rounded.
    """
    cycles = np.fft.fftfreq(side, 1 / side)
    return np.rint(np.hypot(cycles[:, None], cycles)).astype(int)


def ring_sizes(side):
    """The number of waves in each ring: integers (rings,), whose sum is side^2."""
    return np.bincount(rings(side).ravel())


def radial_power(images, window=False):
    """The power of each image in each ring.

    Args:
        images: array (n, side, side) or (n, side, side, 1), any range. For the spectrum of an
            error, pass the difference of two sets of images.
        window: fade the borders out, see above. The power is scaled so that white noise has the
            same power with and without a window.

    Returns float64 (n, rings), in squared units of ``images``. Without a window, the rings of an
    image sum to the variance of its pixels (Parseval), and to the MSE if ``images`` is an error
    of mean 0. Divided by ``ring_sizes(side)``, it is the power per wave, which is equal in all
    rings for white noise. Raises ValueError for another shape.
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
    for start in range(0, len(images), 1000):  # in chunks, to bound the memory
        chunk = images[start:start + 1000].astype("float64")
        mean = (chunk * fade).sum(axis=(1, 2), keepdims=True) / fade.sum()
        waves = np.fft.fft2((chunk - mean) * fade) / side**2
        square = (waves.real**2 + waves.imag**2).reshape(len(chunk), -1) / (fade**2).mean()
        for i, wave_powers in enumerate(square, start):
            power[i] = np.bincount(ring, wave_powers)
    return power


def up_to_ring(images, limit):
    """Images rebuilt from their waves of at most ``limit`` cycles per image.

    Args:
        images: array (n, side, side) or (n, side, side, 1), any range.
        limit: cycles per image, as a distance from frequency 0; it need not be a whole number.

    Returns float64 of the shape of ``images``, not clipped. The rest, ``images`` minus the
    result, has only finer waves. Raises ValueError for another shape.
    """
    images = np.asarray(images)
    if images.ndim not in (3, 4) or images.shape[1] != images.shape[2]:
        raise ValueError(f"expected square images of shape (n, side, side) or "
                         f"(n, side, side, 1), found {images.shape}")
    cycles = np.fft.fftfreq(images.shape[1], 1 / images.shape[1])
    kept = np.hypot(cycles[:, None], cycles) <= limit
    if images.ndim == 4:
        kept = kept[..., None]
    return np.fft.ifft2(np.fft.fft2(images, axes=(1, 2)) * kept, axes=(1, 2)).real


def restored(truth, image, beyond):
    """The fraction of the fine detail of ``truth`` that ``image`` contains.

    It is 1 minus the power of the error divided by the power of ``truth``, both with faded
    borders and only in the rings after ``beyond``.

    Args:
        truth, image: arrays (side, side) or (side, side, 1), any range.
        beyond: the last ring, in cycles per image, that does not count.

    Returns a number: 1 if ``image`` has all these waves as ``truth`` has them, 0 if it has none
    of them, and below 0 if it has wrong ones instead.
    """
    pair = np.stack([np.asarray(truth, "float64"), np.asarray(truth, "float64") - image])
    true_power, error_power = radial_power(pair, window=True)[:, beyond + 1:].sum(axis=1)
    return 1 - error_power / true_power


def _hann(side):
    """A window (side, side): 1 in the middle, and 0 at half a pixel outside the border."""
    line = np.sin(np.pi * (np.arange(side) + 0.5) / side) ** 2
    return np.outer(line, line)

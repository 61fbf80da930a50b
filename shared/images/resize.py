"""Resizing with a kernel: nearest, bilinear, bicubic and Lanczos, up and down.

Each output pixel is a weighted mean of input pixels. The weights come from a kernel that is
centred on the output pixel. Rows and columns are resized one after the other, so that a resize
is two matrix products. Introduced in lesson 01; ``bicubic``, its form as a convolution, in
lesson 06.
"""

import numpy as np
from keras import ops


def box(x):
    """1 on [-1/2, 1/2): nearest neighbour going up, the mean of the covered pixels going down."""
    return ((x >= -0.5) & (x < 0.5)).astype("float64")


def triangle(x):
    """1 - abs(x) on [-1, 1]: the bilinear kernel."""
    return np.maximum(0.0, 1.0 - np.abs(x))


def keys_cubic(x, a=-0.5):
    """The cubic convolution kernel of Keys (1981), equations 4 and 15, with a = -0.5."""
    x = np.abs(x)
    inner = (a + 2) * x**3 - (a + 3) * x**2 + 1
    outer = a * (x**3 - 5 * x**2 + 8 * x - 4)
    return np.where(x < 1, inner, np.where(x < 2, outer, 0.0))


def lanczos3(x):
    """sinc(x) sinc(x/3) on [-3, 3]: the Lanczos kernel of three lobes (Duchon 1979)."""
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)


KERNELS = {"nearest": box, "bilinear": triangle, "bicubic": keys_cubic, "lanczos": lanczos3}


def weight_matrix(size_in, size_out, method="bicubic", antialias=True):
    """The matrix that resizes a line of ``size_in`` pixels to ``size_out``.

    Pixel centres lie at half integers. With ``antialias`` the kernel is widened by the factor
    of reduction, as in MATLAB's ``imresize``. This removes the frequencies that the smaller grid
    cannot represent; without it they would appear as other, lower ones (aliasing). For
    enlarging, ``antialias`` makes no difference. Weights that fall outside the line are dropped,
    and the weights of each output pixel are scaled to sum to 1.

    Args:
        size_in, size_out: lengths in pixels.
        method: "nearest", "bilinear", "bicubic" or "lanczos".

    Returns a float32 array of shape (size_out, size_in). Raises ValueError on an unknown
    ``method`` or a size below 1.
    """
    if method not in KERNELS:
        raise ValueError(f"unknown method {method!r}: choose one of {', '.join(KERNELS)}")
    if size_in < 1 or size_out < 1:
        raise ValueError(f"both sizes must be at least 1 pixel, found {size_in} to {size_out}")
    kernel = KERNELS[method]
    step = size_in / size_out  # input pixels per output pixel
    width = max(step, 1.0) if antialias else 1.0  # of the kernel
    centre = (np.arange(size_out) + 0.5) * step
    distance = np.arange(size_in) + 0.5 - centre[:, None]
    weights = kernel(distance / width)
    total = weights.sum(axis=1, keepdims=True)
    return (weights / np.where(total == 0, 1.0, total)).astype("float32")


def resize(images, size, method="bicubic", antialias=True):
    """Resizes a batch of images with a kernel.

    Args:
        images: array or tensor of shape (n, height, width, channels), any range.
        size: (height, width) of the result.
        method: "nearest", "bilinear", "bicubic" (Keys, a = -0.5) or "lanczos" (3 lobes).
        antialias: widen the kernel when reducing (see ``weight_matrix``).

    Returns an array for an array and a tensor for a tensor: float32, of shape (n, *size,
    channels). Bicubic and Lanczos overshoot at edges, so clip the result if it is to stay in
    the range. Raises ValueError on another shape, an unknown ``method`` or a size below 1.
    """
    if len(images.shape) != 4:
        raise ValueError(f"expected images of shape (n, height, width, channels), "
                         f"found {tuple(images.shape)}")
    rows = weight_matrix(images.shape[1], size[0], method, antialias)
    columns = weight_matrix(images.shape[2], size[1], method, antialias)
    if isinstance(images, np.ndarray):
        return _apply(_einsum, images.astype("float32"), rows, columns)
    return _apply(ops.einsum, ops.cast(images, "float32"), rows, columns)


def _einsum(*arguments):
    return np.einsum(*arguments, optimize=True)  # uses matrix products: much faster


def _apply(einsum, images, rows, columns):
    return einsum("jw,nywc->nyjc", columns, einsum("yh,nhwc->nywc", rows, images))


def upscale(images, scale, method="bicubic"):
    """Images of ``scale`` times the height and width, clipped to [0, 1]; see ``resize``."""
    size = (images.shape[1] * scale, images.shape[2] * scale)
    result = resize(images, size, method)
    clip = np.clip if isinstance(result, np.ndarray) else ops.clip
    return clip(result, 0.0, 1.0)


def bicubic(images, scale=2):
    """Bicubic enlargement as one convolution, for use inside a network.

    It computes the same as ``resize``. Each input pixel becomes a block of ``scale`` x
    ``scale`` output pixels, and each position in the block has its own 5x5 weights. So the
    enlargement is a convolution with ``scale``^2 kernels, whose outputs are then arranged in
    blocks. As in ``resize``, weights that fall outside the image are dropped, and the others
    are scaled to sum to 1.

    Args:
        images: tensor (n, height, width, channels), any range and any size.

    Returns a float32 tensor (n, height * scale, width * scale, channels), not clipped.
    """
    images = ops.cast(images, "float32")
    height, width = ops.shape(images)[1:3]
    channels = images.shape[3]
    centre = (np.arange(scale) + 0.5) / scale - 0.5  # of new pixels, relative to the old
    line = keys_cubic(np.arange(-2, 3)[:, None] - centre).astype("float32")  # (tap, position)
    plane = np.einsum("yi,xj->yxij", line, line).reshape(5, 5, 1, scale**2)

    x = ops.reshape(ops.transpose(images, (0, 3, 1, 2)), (-1, height, width, 1))
    x = ops.conv(x, plane, padding="same", data_format="channels_last")
    x = ops.reshape(x, (-1, height, width, scale, scale))
    x = ops.transpose(x, (0, 1, 3, 2, 4))  # rows of a block next to rows of the image
    x = x / ops.reshape(_weight_inside(height, line), (1, height, scale, 1, 1))
    x = x / ops.reshape(_weight_inside(width, line), (1, 1, 1, width, scale))
    x = ops.reshape(x, (-1, channels, height * scale, width * scale))
    return ops.transpose(x, (0, 2, 3, 1))


def _weight_inside(size, line):
    """The sum of the weights inside a line of ``size`` pixels, as a tensor (1, size, positions)."""
    return ops.conv(ops.ones((1, size, 1)), line[:, None], padding="same",
                    data_format="channels_last")

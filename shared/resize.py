"""Resizing by a kernel: nearest, bilinear, bicubic and Lanczos, up and down.

Each output pixel is a weighted mean of input pixels; the weights come from a kernel that
is laid over the input at the output pixel's centre. Height and width are treated one after
the other, so a resize is two matrix products.
"""

import numpy as np
from keras import ops


def box(x):
    """1 on [-1/2, 1/2): nearest neighbour up, mean of the pixels covered down."""
    return ((x >= -0.5) & (x < 0.5)).astype("float64")


def triangle(x):
    """1 - |x| on [-1, 1]: bilinear."""
    return np.maximum(0.0, 1.0 - np.abs(x))


def keys_cubic(x, a=-0.5):
    """The cubic convolution kernel of Keys (1981), equations 4 and 15, with a = -0.5."""
    x = np.abs(x)
    near = (a + 2) * x**3 - (a + 3) * x**2 + 1
    far = a * (x**3 - 5 * x**2 + 8 * x - 4)
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def lanczos3(x):
    """sinc(x) sinc(x/3) on [-3, 3] (Duchon 1979)."""
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)


KERNELS = {"nearest": box, "bilinear": triangle, "bicubic": keys_cubic, "lanczos": lanczos3}


def weight_matrix(size_in, size_out, method="bicubic", antialias=True):
    """The matrix that resizes a line of ``size_in`` pixels to ``size_out``.

    Pixel centres lie at half integers. With ``antialias`` the kernel is widened by the
    factor of reduction, as MATLAB's ``imresize`` does, so that what the smaller grid cannot
    hold is removed instead of folded back; enlarging is the same with and without. Weights
    that fall outside the line are dropped, and each row is scaled to sum to 1.

    Returns a float32 array of shape (size_out, size_in). Raises ValueError on an unknown
    ``method`` or a size below 1.
    """
    if method not in KERNELS:
        raise ValueError(f"unknown method {method!r}: choose one of {', '.join(KERNELS)}")
    if size_in < 1 or size_out < 1:
        raise ValueError(f"sizes must be at least 1 pixel, found {size_in} to {size_out}")
    kernel = KERNELS[method]
    step = size_in / size_out  # input pixels per output pixel
    widen = max(step, 1.0) if antialias else 1.0
    centre = (np.arange(size_out) + 0.5) * step
    distance = np.arange(size_in) + 0.5 - centre[:, None]
    weights = kernel(distance / widen)
    total = weights.sum(axis=1, keepdims=True)
    return (weights / np.where(total == 0, 1.0, total)).astype("float32")


def resize(images, size, method="bicubic", antialias=True):
    """Resize a batch of images by a kernel.

    Args:
        images: array or tensor of shape (n, height, width, channels), any range.
        size: (height, width) of the result.
        method: "nearest", "bilinear", "bicubic" (Keys, a = -0.5) or "lanczos" (3 lobes).
        antialias: widen the kernel when reducing (see ``weight_matrix``).

    Returns the same kind as ``images``, float32, shape (n, *size, channels). Bicubic and
    Lanczos overshoot at edges: clip the result to the range if it is to be an image.
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
    return np.einsum(*arguments, optimize=True)  # by matrix products, many times faster


def _apply(einsum, images, rows, columns):
    return einsum("jw,nywc->nyjc", columns, einsum("yh,nhwc->nywc", rows, images))


def upscale(images, scale, method="bicubic"):
    """``resize`` to ``scale`` times the height and width, clipped to [0, 1]."""
    size = (images.shape[1] * scale, images.shape[2] * scale)
    result = resize(images, size, method)
    clip = np.clip if isinstance(result, np.ndarray) else ops.clip
    return clip(result, 0.0, 1.0)

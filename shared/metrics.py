"""How close is an image to the truth: MSE, PSNR and SSIM, per image.

All take ``truth`` and ``image`` of shape (n, height, width, channels), arrays or tensors,
range [0, data_range], and give one value per image, shape (n,): an array for arrays, a
tensor for tensors. Means over a set are means of these.
"""

import functools

import keras
import numpy as np
from keras import ops


def _checked(metric):
    """Compare shapes; give NumPy for NumPy, in parts so that a large set fits in memory."""

    @functools.wraps(metric)
    def wrapper(truth, image, *args, **kwargs):
        if tuple(truth.shape) != tuple(image.shape) or len(truth.shape) != 4:
            raise ValueError(f"expected two batches of one shape (n, height, width, channels), "
                             f"found {tuple(truth.shape)} and {tuple(image.shape)}")
        if not (isinstance(truth, np.ndarray) and isinstance(image, np.ndarray)):
            return metric(ops.cast(truth, "float32"), ops.cast(image, "float32"),
                          *args, **kwargs)
        return np.concatenate([ops.convert_to_numpy(metric(
            ops.convert_to_tensor(truth[i:i + 1000], "float32"),
            ops.convert_to_tensor(image[i:i + 1000], "float32"), *args, **kwargs))
            for i in range(0, max(len(truth), 1), 1000)])

    return wrapper


@_checked
def mse(truth, image):
    """Mean squared error of each image."""
    return ops.mean(ops.square(image - truth), axis=(1, 2, 3))


@_checked
def psnr(truth, image, data_range=1.0):
    """Peak signal-to-noise ratio of each image in dB: 10 log10(data_range^2 / MSE).

    Identical images give 100 dB instead of infinity, so that a mean stays a number.
    """
    error = mse.__wrapped__(truth, image) / data_range**2
    return -10.0 * ops.log10(ops.maximum(error, 1e-10))


@_checked
def ssim(truth, image, data_range=1.0):
    """Structural similarity of each image, 1 for identical ones (Wang et al. 2004).

    Their settings: a Gaussian window of 11x11 with sigma 1.5, K1 = 0.01, K2 = 0.03,
    population covariance, mean over the windows that lie wholly inside the image and over
    channels. Images must be at least 11x11.
    """
    if min(truth.shape[1:3]) < 11:
        raise ValueError(f"SSIM needs images of at least 11x11, found "
                         f"{truth.shape[1]}x{truth.shape[2]}")
    mean_t, mean_i = _blur(truth), _blur(image)
    var_t = _blur(truth * truth) - mean_t * mean_t
    var_i = _blur(image * image) - mean_i * mean_i
    covariance = _blur(truth * image) - mean_t * mean_i
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    luminance = (2 * mean_t * mean_i + c1) / (mean_t**2 + mean_i**2 + c1)
    structure = (2 * covariance + c2) / (var_t + var_i + c2)
    return ops.mean(luminance * structure, axis=(1, 2, 3))


def _blur(images):
    """Gaussian window, rows then columns, only where it lies wholly inside."""
    window = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    window = (window / window.sum()).astype("float32")
    channels = images.shape[-1]
    for shape in ((11, 1, 1, 1), (1, 11, 1, 1)):
        kernel = np.tile(window.reshape(shape), (1, 1, channels, 1))
        images = ops.depthwise_conv(images, kernel, padding="valid")
    return images


@keras.saving.register_keras_serializable(package="zoom_enhance")
class PSNR(keras.metrics.MeanMetricWrapper):
    """``psnr`` of the clipped prediction as a Keras metric: the mean over images, in dB."""

    def __init__(self, name="psnr", dtype=None):
        super().__init__(_clipped_psnr, name=name, dtype=dtype)
        self._direction = "up"

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}


@keras.saving.register_keras_serializable(package="zoom_enhance")
class SSIM(keras.metrics.MeanMetricWrapper):
    """``ssim`` of the clipped prediction as a Keras metric: the mean over images."""

    def __init__(self, name="ssim", dtype=None):
        super().__init__(_clipped_ssim, name=name, dtype=dtype)
        self._direction = "up"

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}


def _clipped_psnr(truth, image):
    return psnr(truth, ops.clip(image, 0.0, 1.0))


def _clipped_ssim(truth, image):
    return ssim(truth, ops.clip(image, 0.0, 1.0))

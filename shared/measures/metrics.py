"""How close an image is to the truth: MSE, PSNR and SSIM, per image. Introduced in lesson 01.

``mse``, ``psnr`` and ``ssim`` take ``truth`` and ``image`` of shape (n, height, width,
channels), arrays or tensors, range [0, data_range], and return one value per image, shape (n,):
an array for arrays, a tensor for tensors. A mean over a set is the mean of these.

``psnr_y`` and ``ssim_y`` measure one photograph by the protocol of ``images.luma``, as the
papers of lesson 06 do.
"""

import functools

import keras
import numpy as np
from keras import ops

from shared.images import luma

CHUNK = 1000  # images at a time, so that a large set fits in memory


def _checked(metric):
    """Compare the shapes; return NumPy for NumPy, computed ``CHUNK`` images at a time."""

    @functools.wraps(metric)
    def wrapper(truth, image, *args, **kwargs):
        if tuple(truth.shape) != tuple(image.shape) or len(truth.shape) != 4:
            raise ValueError(f"expected two batches of one shape (n, height, width, channels), "
                             f"found {tuple(truth.shape)} and {tuple(image.shape)}")
        if not (isinstance(truth, np.ndarray) and isinstance(image, np.ndarray)):
            return metric(ops.cast(truth, "float32"), ops.cast(image, "float32"),
                          *args, **kwargs)
        values = []
        for start in range(0, max(len(truth), 1), CHUNK):
            pair = (ops.convert_to_tensor(images[start:start + CHUNK], "float32")
                    for images in (truth, image))
            values.append(ops.convert_to_numpy(metric(*pair, *args, **kwargs)))
        return np.concatenate(values)

    return wrapper


@_checked
def mse(truth, image):
    """Mean squared error of each image."""
    return ops.mean(ops.square(image - truth), axis=(1, 2, 3))


@_checked
def psnr(truth, image, data_range=1.0):
    """Peak signal-to-noise ratio of each image in dB: 10 log10(data_range^2 / MSE).

    Identical images give 100 dB instead of infinity, so that a mean stays finite.
    """
    error = mse.__wrapped__(truth, image) / data_range**2
    return -10.0 * ops.log10(ops.maximum(error, 1e-10))


@_checked
def ssim(truth, image, data_range=1.0):
    """Structural similarity of each image, 1 for identical ones (Wang et al. 2004).

    With their settings, by ``keras.ops.image.ssim``: a Gaussian window of 11x11 with sigma 1.5,
    K1 = 0.01, K2 = 0.03, the mean over the windows that are wholly inside the image and over
    channels. Raises ValueError for images smaller than 11x11.
    """
    if min(truth.shape[1:3]) < 11:
        raise ValueError(f"SSIM needs images of at least 11x11, found "
                         f"{truth.shape[1]}x{truth.shape[2]}")
    return ops.image.ssim(truth, image, max_val=data_range, data_format="channels_last")


@keras.saving.register_keras_serializable(package="zoom_enhance")
class PSNR(keras.metrics.MeanMetricWrapper):
    """``psnr`` of the clipped prediction as a Keras metric: the mean over images, in dB.

    Callbacks that monitor it need ``mode="max"``.
    """

    def __init__(self, name="psnr", dtype=None):
        super().__init__(_clipped_psnr, name=name, dtype=dtype)

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}


@keras.saving.register_keras_serializable(package="zoom_enhance")
class SSIM(keras.metrics.MeanMetricWrapper):
    """``ssim`` of the clipped prediction as a Keras metric: the mean over images.

    Callbacks that monitor it need ``mode="max"``.
    """

    def __init__(self, name="ssim", dtype=None):
        super().__init__(_clipped_ssim, name=name, dtype=dtype)

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}


def _clipped_psnr(truth, image):
    return psnr(truth, ops.clip(image, 0.0, 1.0))


def _clipped_ssim(truth, image):
    return ssim(truth, ops.clip(image, 0.0, 1.0))


def psnr_y(truth, image, scale=2):
    """PSNR in dB of the luma of ``image``, rounded to 8 bits, without its border. A float.

    Args:
        truth, image: arrays of one shape (height, width, 3), RGB, or (height, width, 1), luma,
            range 0 to 255. If ``scale`` does not divide the size, both are cropped first.
        scale: by how much ``image`` was enlarged; as many pixels are left out on each side.

    Raises ValueError if the sizes differ or nothing is left inside the border.
    """
    return float(psnr(*_without_border(truth, image, scale), data_range=255)[0])


def ssim_y(truth, image, scale=2):
    """As ``psnr_y``: the structural similarity (see ``ssim``) of the luma of ``image``."""
    return float(ssim(*_without_border(truth, image, scale), data_range=255)[0])


def _without_border(truth, image, scale):
    pair = [luma.crop_to_multiple(luma.luma(picture), scale).astype("float32")
            for picture in (truth, image)]
    if pair[0].shape != pair[1].shape:
        raise ValueError(f"the truth is {truth.shape[0]}x{truth.shape[1]} pixels, the image "
                         f"{image.shape[0]}x{image.shape[1]}: they must be of one size")
    if min(pair[0].shape[:2]) <= 2 * scale:
        raise ValueError(f"nothing is left of {truth.shape[0]}x{truth.shape[1]} pixels without "
                         f"a border of {scale}")
    return [picture[None, scale:-scale, scale:-scale] for picture in pair]

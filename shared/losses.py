"""Losses of the course that Keras does not have."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="zoom_enhance")
def log_mse(truth, image):
    """ln(MSE) of each image, shape (n,): the mean PSNR as a loss, 10/ln 10 dB a unit.

    Where the plain MSE follows the worst images of a batch, this weighs each by how well it
    is answered already, as the mean of the PSNR does. 1e-5 (50 dB) keeps it finite.
    """
    return ops.log(ops.mean(ops.square(image - truth), axis=(1, 2, 3)) + 1e-5)

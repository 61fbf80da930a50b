"""Losses that Keras does not have."""

import keras
import numpy as np

from shared.measures import metrics
from shared.training import losses


def test_log_mse_is_the_psnr_of_each_image_in_other_units(digits):
    truth = digits.x_test[:20]
    image = np.clip(truth + np.linspace(0.05, 0.3, 20, dtype="float32")[:, None, None, None], 0, 1)
    wanted = -metrics.psnr(truth, image) * np.log(10) / 10
    loss = keras.ops.convert_to_numpy(losses.log_mse(truth, image))
    assert loss.shape == (20,)
    np.testing.assert_allclose(loss, wanted, atol=5e-3)


def test_log_mse_of_a_perfect_image_is_finite(digits):
    truth = digits.x_test[:20]
    perfect = keras.ops.convert_to_numpy(losses.log_mse(truth, truth))
    np.testing.assert_allclose(perfect, np.log(1e-5), rtol=1e-5)  # 50 dB


def test_a_model_compiled_with_log_mse_can_be_loaded_again(tmp_path):
    image = keras.Input((4, 4, 1))
    model = keras.Model(image, keras.layers.Conv2D(1, 1)(image))
    model.compile("adam", losses.log_mse)
    model.save(tmp_path / "model.keras")
    assert keras.saving.load_model(tmp_path / "model.keras").loss is losses.log_mse

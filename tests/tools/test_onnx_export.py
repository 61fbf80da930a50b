"""Networks as ONNX files: those that come out right, and those that are refused."""

import keras
import numpy as np
import pytest

from shared.models import papers, upscalers, zoom_network
from shared.tools import onnx_export

for name in ("onnx", "onnxruntime", "tf2onnx"):
    pytest.importorskip(name)
if keras.backend.backend() != "tensorflow":
    pytest.skip("tf2onnx needs TensorFlow", allow_module_level=True)


def filled(model):
    """The model with random weights, none of them zero as biases are at first."""
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(0, np.prod(array.shape[:-1], initial=1.0)**-0.5, array.shape)
                       for array in model.get_weights()])
    return model


def small():
    return upscalers.residual_network(2, width=4, blocks=1, name="small")


@pytest.mark.parametrize("model", [
    lambda: zoom_network.zoom(width=8, blocks=1, expansion=2),
    lambda: papers.unet((4, 8, 16, 64)),
    papers.srcnn,
    papers.vdsr,
    lambda: upscalers.residual_network(4, width=8, blocks=1),
], ids=["zoom", "unet", "srcnn", "vdsr", "residual_network"])
def test_an_exported_network_computes_what_ours_does(model, tmp_path):
    model = filled(model())
    session = onnx_export.export_onnx(model, tmp_path / "network.onnx")
    images = np.random.default_rng(1).random((1, 19, 26, 1), "float32")
    wanted = keras.ops.convert_to_numpy(model(images))
    assert wanted.std() > 0.01
    np.testing.assert_allclose(onnx_export.run_onnx(session, images), wanted, atol=1e-5)
    assert (tmp_path / "network.onnx").stat().st_size > 1000


def test_a_network_of_another_shape_after_export_is_refused(tmp_path, monkeypatch):
    run_onnx = onnx_export.run_onnx
    monkeypatch.setattr(onnx_export, "run_onnx", lambda *arguments: run_onnx(*arguments)[None])
    with pytest.raises(ValueError, match=r"small was exported wrongly: for an input of shape "
                       r"\(1, 16, 24, 1\) it returns \(1, 1, 32, 48, 1\) instead of "
                       r"\(1, 32, 48, 1\)$"):
        onnx_export.export_onnx(small(), tmp_path / "network.onnx")


@pytest.mark.parametrize("error", [2e-4, np.nan])
def test_a_network_of_other_values_after_export_is_refused(error, tmp_path, monkeypatch):
    run_onnx = onnx_export.run_onnx

    def one_pixel_off(session, images):
        output = run_onnx(session, images).copy()
        if images.shape[1:3] == onnx_export.SIZES[-1]:
            output[0, -1, -1, 0] += error
        return output

    monkeypatch.setattr(onnx_export, "run_onnx", one_pixel_off)
    with pytest.raises(ValueError, match=r"differs by up to (0\.0002|nan), and 1e-05 is allowed"):
        onnx_export.export_onnx(small(), tmp_path / "network.onnx")
    if error == 2e-4:
        onnx_export.export_onnx(small(), tmp_path / "network.onnx", tolerance=1e-3)


def test_a_network_that_takes_a_dict_is_compared_by_the_names_of_its_inputs(tmp_path):
    first, second = (keras.Input((None, None, 1), name=name) for name in ("first", "second"))
    model = keras.Model({"first": first, "second": second},
                        keras.layers.Subtract()([first, second]), name="difference")
    images = np.random.default_rng(1).random((2, 3, 4, 5, 1), "float32")
    inputs = {"second": images[1], "first": images[0]}
    session = onnx_export.export_onnx(model, tmp_path / "network.onnx", inputs=[inputs])
    np.testing.assert_allclose(onnx_export.run_onnx(session, inputs), images[0] - images[1])


def test_storing_as_float16_halves_the_file_and_rounds_weights_to_eleven_digits(tmp_path):
    model = upscalers.residual_network(2, width=16, blocks=2, name="small")
    model.set_weights([np.float32(np.float16(array)) for array in filled(model).get_weights()])
    full, half = tmp_path / "full.onnx", tmp_path / "half.onnx"
    session = onnx_export.export_onnx(model, full)
    onnx_export.store_as_float16(full, half)
    assert half.stat().st_size < 0.75 * full.stat().st_size
    images, = onnx_export.random_images(model)[:1]
    exact = onnx_export.run_onnx(onnx_export.compared(model, half, 1e-5), images)
    np.testing.assert_array_equal(exact, onnx_export.run_onnx(session, images))

    model.set_weights([array * np.float32(1.01) for array in model.get_weights()])
    onnx_export.export_onnx(model, full)
    onnx_export.store_as_float16(full, half)
    with pytest.raises(ValueError, match="differs by up to .* and 1e-06 is allowed"):
        onnx_export.compared(model, half, 1e-6)
    onnx_export.compared(model, half, 1e-2)


def test_tf2onnx_is_left_as_it_was(tmp_path):
    from tf2onnx import optimizer

    before = dict(optimizer._optimizers)
    onnx_export.export_onnx(small(), tmp_path / "network.onnx")
    assert "reshape_optimizer" in before and optimizer._optimizers == before

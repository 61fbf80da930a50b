"""Networks as ONNX files, each compared with its original before it is used.

Keras writes the file with tf2onnx, whose conversion is not always right. So ONNX Runtime and
Keras both run every exported network once. The export needs the packages onnx, onnxruntime and
tf2onnx, and Keras on TensorFlow.
"""

from unittest import mock

import keras
import numpy as np

SIZES = ((16, 24), (33, 21))  # height and width of the inputs for which outputs are compared


def export_onnx(model, path, tolerance=1e-5):
    """Write ``model`` to the file ``path`` and return an ONNX Runtime session of it.

    Args:
        model: a ``keras.Model`` with one input (n, height, width, channels) of any size.
        tolerance: the largest difference allowed, for inputs in [0, 1].

    Raises ValueError if ONNX Runtime returns another shape or other values than Keras.
    """
    import onnxruntime  # here, because the course itself does not need it

    channels = model.input_shape[3]
    # Keras exports only a model that was called before; one that was loaded was not.
    model(np.zeros((1, *SIZES[0], channels), "float32"))
    with _without_constant_shapes():
        model.export(str(path), format="onnx", verbose=False)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    for size in SIZES:
        image = rng.random((1, *size, channels), "float32")
        expected = keras.ops.convert_to_numpy(model(image))
        exported = run_onnx(session, image)
        if exported.shape != expected.shape:
            raise ValueError(f"{model.name} was exported wrongly: for an input of shape "
                             f"{image.shape} it returns {exported.shape} instead of "
                             f"{expected.shape}")
        difference = np.abs(exported - expected).max()
        if not difference <= tolerance:
            raise ValueError(f"{model.name} was exported wrongly: its output differs by up to "
                             f"{difference:.3g}, and {tolerance:g} is allowed")
    return session


def run_onnx(session, images):
    """The output of an ONNX Runtime session for images (n, height, width, channels), float32."""
    return session.run(None, {session.get_inputs()[0].name: images})[0]


def _without_constant_shapes():
    """Leaves out the step of tf2onnx that makes the shapes of ``Reshape`` constant.

    It writes 0 for a length that is copied from the input. Where a later step merges two
    ``Reshape``s, the 0 then copies from the wrong input. Whether that happens depends on the
    order of a set, so without this the same network is sometimes exported wrongly.
    """
    from tf2onnx import optimizer

    steps = {name: step for name, step in optimizer._optimizers.items()
             if name != "reshape_optimizer"}
    return mock.patch.object(optimizer, "_optimizers", steps)

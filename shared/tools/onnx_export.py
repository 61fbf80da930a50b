"""Networks as ONNX files, each compared with its original before it is used.

Keras writes the file with tf2onnx, whose conversion is not always right. So ONNX Runtime and
Keras both run every exported network once. The export needs the packages onnx, onnxruntime and
tf2onnx, and Keras on TensorFlow.
"""

from unittest import mock

import keras
import numpy as np

SIZES = ((16, 24), (33, 21))  # height and width of the inputs for which outputs are compared


def export_onnx(model, path, tolerance=1e-5, inputs=None):
    """Write ``model`` to the file ``path`` and return an ONNX Runtime session of it.

    Args:
        model: a ``keras.Model`` with one output.
        tolerance: the largest difference allowed.
        inputs: a list of inputs for which outputs are compared: arrays, or dicts of arrays for a
            network that takes a dict. If None, the network takes images (n, height, width,
            channels) of any size, and random ones in [0, 1] are compared.

    Raises ValueError if ONNX Runtime returns another shape or other values than Keras.
    """
    inputs = random_images(model) if inputs is None else inputs
    # Keras exports only a model that was called before; one that was loaded was not.
    model(inputs[0])
    with _without_constant_shapes():
        model.export(str(path), format="onnx", verbose=False)
    return compared(model, path, tolerance, inputs)


def compared(model, path, tolerance, inputs=None):
    """An ONNX Runtime session of the file ``path``, compared with ``model``.

    Takes and raises the same as ``export_onnx``.
    """
    import onnxruntime  # here, because the course itself does not need it

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for given in random_images(model) if inputs is None else inputs:
        expected = keras.ops.convert_to_numpy(model(given))
        exported = run_onnx(session, given)
        if exported.shape != expected.shape:
            shapes = keras.tree.map_structure(np.shape, given)
            raise ValueError(f"{model.name} was exported wrongly: for an input of shape "
                             f"{shapes} it returns {exported.shape} instead of {expected.shape}")
        difference = np.abs(exported - expected).max()
        if not difference <= tolerance:
            raise ValueError(f"{model.name} was exported wrongly: its output differs by up to "
                             f"{difference:.3g}, and {tolerance:g} is allowed")
    return session


def random_images(model):
    """Random images for a network that takes images of any size: one array for each of SIZES."""
    rng = np.random.default_rng(0)
    return [rng.random((1, *size, model.input_shape[3]), "float32") for size in SIZES]


def run_onnx(session, inputs):
    """The output of an ONNX Runtime session.

    Args:
        inputs: images (n, height, width, channels), float32, or a dict of such arrays by the
            names of the network's inputs.
    """
    if not isinstance(inputs, dict):
        inputs = {session.get_inputs()[0].name: inputs}
    return session.run(None, inputs)[0]


def store_as_float16(path, target, least=64):
    """Copy an ONNX file, with its weights stored as float16: half the size.

    The weights are cast back to float32 when the file is loaded, so the network still computes
    in float32. Weights with at most 11 significant binary digits, as the shipped networks have
    them, do not change at all; others change by at most one part in 2,048.

    Args:
        path, target: the file that is read, and the file that is written.
        least: arrays with fewer numbers than this stay as they are.
    """
    import onnx
    from onnx import numpy_helper

    model = onnx.load(str(path))
    casts = []
    for tensor in model.graph.initializer:
        weights = numpy_helper.to_array(tensor)
        if weights.dtype != np.float32 or weights.size < least or np.abs(weights).max() > 65_504:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(weights.astype("float16"), f"{name}_float16"))
        casts.append(onnx.helper.make_node("Cast", [f"{name}_float16"], [name],
                                           name=f"{name}_cast", to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, str(target))


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

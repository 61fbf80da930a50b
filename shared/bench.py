"""Measures the course's speed against PyTorch and ONNX Runtime, as ratios within one run.

    python -m shared.bench [--repeats 5] [--side 512]

Neither is needed by the course: what is not installed is skipped (`pip install torch`,
`pip install onnx onnxruntime`). Both sides take turns, so that a machine that is busy for a
while is busy for both; each line gives the medians, and the median of the ratios.
"""

import argparse
import statistics
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
from keras import layers

from shared import anatomy, flow, models, photo_models, training, zoom

STEPS, BATCH = 20, training.BATCH


def take_turns(ours, theirs, repeats):
    """Seconds of both functions and how many times as fast ours is: three medians."""
    turns = anatomy.timed(repeats, ours, theirs)
    return (*map(statistics.median, zip(*turns, strict=True)),
            statistics.median(b / a for a, b in turns))


def torch_network(torch, width=64, blocks=8, scale=4):
    """``models.residual_network`` with one channel in PyTorch, layer by layer."""
    nn = torch.nn

    def conv(inward, outward):
        return nn.Conv2d(inward, outward, 3, padding=1)

    class Shortcut(nn.Module):
        def __init__(self, *inside):
            super().__init__()
            self.inside = nn.Sequential(*inside)

        def forward(self, x):
            return x + self.inside(x)

    body = [Shortcut(conv(width, width), nn.ReLU(), conv(width, width)) for _ in range(blocks)]
    return nn.Sequential(conv(1, width), Shortcut(*body, conv(width, width)),
                         conv(width, scale**2), nn.PixelShuffle(scale))


def bench_training(repeats):
    """Training images a second: the network of lesson 01, as the course trains it."""
    import torch

    truth = np.random.default_rng(0).random((STEPS * BATCH, 28, 28, 1), "float32")
    training.use_fast_precision()
    model = training.compile(models.residual_network(4, 64, 8), 1000)
    keras.mixed_precision.set_dtype_policy("float32")
    batches = training.Batches(truth, training.low_and_high(4))
    network = torch_network(torch).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    if sum(p.numel() for p in network.parameters()) != model.count_params():
        raise AssertionError("the two networks are not the same")
    pairs = [[torch.from_numpy(part).permute(0, 3, 1, 2) for part in batches.batch(step)]
             for step in range(STEPS)]

    def theirs():
        for low_res, high_res in pairs:
            with torch.autocast("cpu", torch.bfloat16, enabled=training.fast_bfloat16()):
                answer = network(low_res)
            loss = torch.nn.functional.mse_loss(answer.float(), high_res)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    ours, other, ratio = take_turns(lambda: training.fit(model, batches, progress=False),
                                    theirs, repeats)
    return (f"training, images/s       Keras {len(truth) / ours:8.0f}    PyTorch      "
            f"{len(truth) / other:8.0f}    ratio {ratio:.2f}")


def to_onnx(model, onnx):
    """A ``zoom`` of one way as an ONNX model: all kinds of layers that it has, and no others.

    Takes and gives (1, 1, height, width). Written out here, since Keras' own export needs a
    converter that does not know today's NumPy.
    """
    node, nodes, constants = onnx.helper.make_node, [], []

    def constant(name, array):
        constants.append(onnx.numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    for layer in model.layers:
        inputs = [tensor.name for tensor in keras.tree.flatten(layer.input)]
        name, output = layer.name, layer.output.name
        if isinstance(layer, layers.InputLayer):
            continue
        # A convolution of another kind, or with an activation inside, is not one of ``zoom``'s.
        if type(layer) is layers.Conv2D and layer.activation is keras.activations.linear:
            kernel, bias = layer.get_weights()
            nodes.append(node("Conv", [*inputs, constant(name + "_kernel", kernel.transpose(
                3, 2, 0, 1)), constant(name + "_bias", bias)], [output],
                pads=[layer.kernel_size[0] // 2] * 4))
        elif isinstance(layer, layers.LeakyReLU):
            nodes.append(node("LeakyRelu", inputs, [output], alpha=layer.negative_slope))
        elif isinstance(layer, layers.Rescaling):
            nodes.append(node("Mul", [*inputs, constant(name + "_scale", np.float32(layer.scale))],
                              [output + "_scaled"]))
            nodes.append(node("Add", [output + "_scaled", constant(
                name + "_offset", np.float32(layer.offset))], [output]))
        elif isinstance(layer, layers.Add):
            nodes.append(node("Add", inputs, [output]))
        elif isinstance(layer, models.PixelShuffle):
            nodes.append(node("DepthToSpace", inputs, [output], blocksize=layer.scale))
        elif isinstance(layer, photo_models.Bicubic):
            scales = constant(name + "_scales", np.array([1, 1, layer.scale, layer.scale], "f4"))
            nodes.append(node("Resize", [*inputs, "", scales], [output], mode="cubic",
                              cubic_coeff_a=-0.5, exclude_outside=1))
        else:
            raise ValueError(f"{name} is a {type(layer).__name__}, which is not written here")
    values = [onnx.helper.make_tensor_value_info(tensor.name, onnx.TensorProto.FLOAT,
                                                 [1, 1, None, None])
              for tensor in (model.input, model.output)]
    graph = onnx.helper.make_graph(nodes, "zoom", values[:1], values[1:], constants)
    made = onnx.helper.make_model(graph, ir_version=10,
                                  opset_imports=[onnx.helper.make_opsetid("", 18)])
    onnx.checker.check_model(made)
    return made


def bench_enhance(repeats, side):
    """Megapixels of photo a second: ``enhance``, colours and all, against the network alone.

    The network is a ``zoom`` of one way; of two it takes twice as long on either side.
    """
    import onnx
    import onnxruntime

    keras.utils.set_random_seed(0)
    model = photo_models.zoom(ways=1)
    model.set_weights([array if array.any() else np.full_like(array, 1e-3)
                       for array in model.get_weights()])
    image = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype="uint8")
    low_res = np.random.default_rng(0).random((1, 1, side, side), "float32")
    session = onnxruntime.InferenceSession(to_onnx(model, onnx).SerializeToString(),
                                           providers=["CPUExecutionProvider"])

    def run(array):
        return session.run(None, {session.get_inputs()[0].name: array})[0]

    part = low_res[:, :, :32, :40]
    wanted = keras.ops.convert_to_numpy(model(part.transpose(0, 2, 3, 1)))
    np.testing.assert_allclose(run(part).transpose(0, 2, 3, 1), wanted, atol=1e-3)
    ours, other, ratio = take_turns(lambda: zoom.enhance(image, model), lambda: run(low_res),
                                    repeats)
    size = side * side / 1e6
    return (f"enhance, megapixels/s    Keras {size / ours:8.3f}    ONNX Runtime "
            f"{size / other:8.3f}    ratio {ratio:.2f}")


def bench_sampling(repeats, limit=10.0):
    """Seconds to draw 64 digits with the network of lesson 07, in parts of the ten allowed."""
    model, rng = flow.velocity_network(), np.random.default_rng(0)
    low_res = rng.random((64, 7, 7, 1), "float32")
    turns = anatomy.timed(repeats, lambda: flow.sample(model, low_res, flow.enlarge(low_res)))
    middle = statistics.median(seconds for seconds, in turns)
    return (f"64 digits drawn, s        Keras {middle:8.2f}    allowed      {limit:8.2f}    "
            f"ratio {middle / limit:.2f}")


MEMORY = """
import resource, sys
import numpy as np
from shared import photo_models, zoom
height = int(sys.argv[1])
image = np.zeros((height, 1000, 3), "uint8")
zoom.enhance(image, photo_models.zoom(blocks=1))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(peak * (1 if sys.platform == "darwin" else 1024))
"""


def bench_memory(repeats=None):
    """Peak memory of ``enhance`` in a process of its own, for one and for four megapixels.

    The network has one block; more of them take longer, but no more memory.
    """
    import resource  # noqa: F401  Windows has none

    small, large = (int(subprocess.run(
        [sys.executable, "-c", MEMORY, str(height)], check=True, capture_output=True, text=True,
        cwd=Path(__file__).resolve().parent.parent).stdout) / 1e6 for height in (1000, 4000))
    return (f"peak memory, MB          1 megapixel {small:.0f}    4 megapixels {large:.0f}    "
            f"{(large - small) / 3:.0f} more a megapixel; the picture in and out has 15")


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m shared.bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="turns of each side (5)")
    parser.add_argument("--side", type=int, default=512,
                        help="height and width of the photo for enhance (512)")
    options = parser.parse_args(arguments)
    for bench in (lambda: bench_training(options.repeats),
                  lambda: bench_enhance(options.repeats, options.side),
                  lambda: bench_sampling(options.repeats), bench_memory):
        try:
            print(bench(), flush=True)
        except ImportError as error:
            print(f"skipped: {error.name} is not installed", flush=True)


if __name__ == "__main__":
    main()

"""Compare the speed of the course with that of PyTorch and ONNX Runtime, and its backends.

    python -m shared.tools.bench [--repeats 5] [--side 512] [--megapixels 12]

What is not installed is skipped (`pip install torch`, `pip install jax`). Both sides of a line
take turns, so that a machine that is busy for a while is busy for both. Each line shows the
median of each side and the median of the ratios of single rounds.
"""

import argparse
import contextlib
import importlib.util
import io
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
from PIL import Image

from shared import paths, runtime, zoom
from shared.data import pipeline
from shared.enlarging.enhance import SIDE
from shared.measures import timing
from shared.models import flow, upscalers, zoom_network
from shared.tools import onnx_export
from shared.training import loop, store

STEPS, BATCH_SIZE = 20, pipeline.BATCH_SIZE
SAMPLING_LIMIT = 10.0  # seconds that lesson 08 allows for drawing 64 samples


def take_turns(ours, theirs, repeats):
    """Seconds of both functions, and how many times as fast ours is: three medians.

    ``ours`` and ``theirs`` are zero-argument functions.
    """
    rounds = timing.timed(repeats, ours, theirs)
    our_seconds, their_seconds = zip(*rounds, strict=True)
    ratios = [their / our for our, their in rounds]
    return tuple(map(statistics.median, (our_seconds, their_seconds, ratios)))


def torch_network(torch, width=64, blocks=8, scale=4):
    """``upscalers.residual_network`` for one channel in PyTorch, layer by layer."""
    nn = torch.nn

    def conv(channels_in, channels_out):
        return nn.Conv2d(channels_in, channels_out, 3, padding=1)

    class Residual(nn.Module):
        def __init__(self, *body):
            super().__init__()
            self.body = nn.Sequential(*body)

        def forward(self, x):
            return x + self.body(x)

    blocks = [Residual(conv(width, width), nn.ReLU(), conv(width, width)) for _ in range(blocks)]
    return nn.Sequential(conv(1, width), Residual(*blocks, conv(width, width)),
                         conv(width, scale**2), nn.PixelShuffle(scale))


def training_of_lesson01(steps=STEPS):
    """The network of lesson 01, compiled, and that many batches of noise to train it on."""
    truth = np.random.default_rng(0).random((steps * BATCH_SIZE, 28, 28, 1), "float32")
    runtime.use_fast_precision()
    model = loop.compile_model(upscalers.residual_network(4, 64, 8), 1000)
    keras.mixed_precision.set_dtype_policy("float32")
    return model, pipeline.Batches(truth, pipeline.low_and_high(4))


def bench_training(repeats):
    """A line with the training images per second, for the network of lesson 01.

    Raises ImportError if PyTorch is missing.
    """
    # Triton, which comes with PyTorch, crashes beside TensorFlow. On a CPU it is not needed.
    sys.modules.setdefault("triton", None)
    import torch

    model, batches = training_of_lesson01()
    network = torch_network(torch).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    if sum(p.numel() for p in network.parameters()) != model.count_params():
        raise AssertionError("the two networks are not the same")
    pairs = [[torch.from_numpy(part).permute(0, 3, 1, 2) for part in batches.batch(step)]
             for step in range(STEPS)]

    def train_torch():
        for low_res, high_res in pairs:
            with torch.autocast("cpu", torch.bfloat16, enabled=runtime.fast_bfloat16()):
                answer = network(low_res)
            loss = torch.nn.functional.mse_loss(answer.float(), high_res)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    ours, theirs, ratio = take_turns(lambda: loop.fit(model, batches, progress=False),
                                     train_torch, repeats)
    images = STEPS * BATCH_SIZE
    return (f"training, images/s       Keras {images / ours:8.0f}    PyTorch      "
            f"{images / theirs:8.0f}    ratio {ratio:.2f}")


def random_zoom():
    """A ``zoom`` with random weights, none zero."""
    keras.utils.set_random_seed(0)
    model = zoom_network.zoom()
    model.set_weights([array if array.any() else np.full_like(array, 1e-3)
                       for array in model.get_weights()])
    return model


def noise(height, width):
    """A picture of noise: uint8 (height, width, 3)."""
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype="uint8")


def onnx_session(model):
    """``model`` in ONNX Runtime."""
    with tempfile.TemporaryDirectory() as folder:
        return onnx_export.export_onnx(model, Path(folder, "zoom.onnx"), tolerance=1e-3)


def bench_enhance(repeats, side):
    """A line with the megapixels of photo per second: ``enhance`` against the network alone.

    ``enhance`` also enlarges the colours. Raises ImportError if ONNX Runtime is missing.
    """
    import onnxruntime  # noqa: F401  if it is missing, stop before the network is built

    model, image = random_zoom(), noise(side, side)
    low_res = image[None, ..., :1] / np.float32(255)
    session = onnx_session(model)
    ours, theirs, ratio = take_turns(lambda: zoom.enhance(image, model),
                                     lambda: onnx_export.run_onnx(session, low_res), repeats)
    megapixels = side * side / 1e6
    return (f"enhance, megapixels/s    Keras {megapixels / ours:8.3f}    ONNX Runtime "
            f"{megapixels / theirs:8.3f}    ratio {ratio:.2f}")


def bench_file(megapixels):
    """A line with the seconds that the command needs from file to file, for a JPEG of that size.

    The other side is ONNX Runtime, which runs the network alone on as many pixels, tile by tile.
    Raises ImportError if it is missing.
    """
    import onnxruntime  # noqa: F401  if it is missing, stop before the network is built

    side = round((megapixels * 1e6) ** 0.5)
    session = onnx_session(store.load("zoom"))
    tile = noise(SIDE, SIDE)[None, ..., :1] / np.float32(255)

    def theirs():
        for _ in range(round(side * side / SIDE**2) or 1):
            onnx_export.run_onnx(session, tile)

    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder, "photo.jpg")
        Image.fromarray(noise(side, side)).save(photo, quality=90)

        def ours():
            command = [str(photo), "--overwrite", "--max-megapixels", "1000"]
            with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
                zoom.main(command)
            if not Path(folder, "photo_x2.jpg").is_file():
                raise RuntimeError("the command has written no file")

        ours_seconds, theirs_seconds, ratio = take_turns(ours, theirs, repeats=1)
    return (f"{megapixels:g} megapixels, file to file, s   Keras {ours_seconds:6.1f}    "
            f"ONNX Runtime, the network alone {theirs_seconds:6.1f}    ratio {ratio:.2f}")


# The backends to compare, each with the variables that choose it. All but the first are skipped
# if their package is missing.
BACKENDS = {
    "TensorFlow": ("tensorflow", {}),
    "TensorFlow without oneDNN": ("tensorflow", {"TF_ENABLE_ONEDNN_OPTS": "0"}),
    "JAX": ("jax", {}),
    "PyTorch": ("torch", {})}
SPEEDS = """
import sys
from shared.tools import bench
print(*bench.speeds(*map(int, sys.argv[1:])))
"""


def speeds(repeats, side, steps=STEPS):
    """Images per second in training, and megapixels per second in ``enhance``, both medians."""
    model, batches = training_of_lesson01(steps)
    network, image = random_zoom(), noise(side, side)
    rounds = timing.timed(repeats, lambda: loop.fit(model, batches, progress=False),
                          lambda: zoom.enhance(image, network))
    training, enhance = (statistics.median(seconds) for seconds in zip(*rounds, strict=True))
    return steps * BATCH_SIZE / training, side * side / 1e6 / enhance


def bench_backends(repeats, side, steps=STEPS):
    """Lines with the speed of Keras on each backend that is installed, as ratios to the first.

    Each is measured in a process of its own, one after the other.
    """
    lines, first = [], None
    for name, (package, variables) in BACKENDS.items():
        if importlib.util.find_spec(package) is None:
            lines.append(f"skipped: {package} is not installed")
            continue
        result = subprocess.run(
            [sys.executable, "-c", SPEEDS, *map(str, (repeats, side, steps))], check=True,
            text=True, capture_output=True, cwd=paths.ROOT,
            env=os.environ | {"KERAS_BACKEND": package} | variables)
        found = np.array(result.stdout.split()[-2:], float)
        first = found if first is None else first
        lines.append(f"{name:25s} training, images/s {found[0]:8.0f}    ratio "
                     f"{found[0] / first[0]:.2f}    enhance, megapixels/s {found[1]:8.3f}    "
                     f"ratio {found[1] / first[1]:.2f}")
    return "\n".join(lines)


def bench_sampling(repeats, limit=SAMPLING_LIMIT):
    """A line with the seconds that drawing 64 samples takes in lesson 08, and their limit."""
    model, rng = flow.velocity_network(), np.random.default_rng(0)
    low_res = rng.random((64, 7, 7, 1), "float32")
    guess = flow.repeat_pixels(low_res)
    rounds = timing.timed(repeats, lambda: flow.sample(model, low_res, guess))
    seconds = statistics.median(round_[0] for round_ in rounds)
    return (f"64 digits drawn, s        Keras {seconds:8.2f}    allowed      {limit:8.2f}    "
            f"ratio {seconds / limit:.2f}")


MEMORY = """
import resource, sys
import numpy as np
from shared import zoom
from shared.models import zoom_network
height = int(sys.argv[1])
image = np.zeros((height, 1000, 3), "uint8")
zoom.enhance(image, zoom_network.zoom(blocks=1))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(peak * (1 if sys.platform == "darwin" else 1024))
"""


def bench_memory():
    """A line with the peak memory of ``enhance``, for one and for four megapixels.

    Each is measured in a process of its own. The network has one block; more blocks take
    longer, but no more memory. Raises ImportError on Windows, which has no ``resource``.
    """
    import resource  # noqa: F401  if it is missing, stop before the processes start

    peaks = []
    for height in (1000, 4000):
        result = subprocess.run([sys.executable, "-c", MEMORY, str(height)], check=True,
                                capture_output=True, text=True, cwd=paths.ROOT)
        peaks.append(int(result.stdout) / 1e6)
    small, large = peaks
    return (f"peak memory, MB          1 megapixel {small:.0f}    4 megapixels {large:.0f}    "
            f"{(large - small) / 3:.0f} more per megapixel; the picture in and out has 15")


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m shared.tools.bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="rounds of each side (5)")
    parser.add_argument("--side", type=int, default=512,
                        help="height and width of the photo for enhance (512)")
    parser.add_argument("--megapixels", type=float, default=12,
                        help="size of the photo from file to file (12)")
    options = parser.parse_args(arguments)
    for bench in (lambda: bench_training(options.repeats),
                  lambda: bench_enhance(options.repeats, options.side),
                  lambda: bench_file(options.megapixels),
                  lambda: bench_sampling(options.repeats), bench_memory,
                  lambda: bench_backends(options.repeats, options.side)):
        try:
            print(bench(), flush=True)
        except ImportError as error:
            print(f"skipped: {error.name} is not installed", flush=True)


if __name__ == "__main__":
    main()

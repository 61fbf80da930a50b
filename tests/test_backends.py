"""JAX and PyTorch give the numbers of TensorFlow."""

import importlib.util

import keras
import numpy as np
import pytest

from shared.images.degrade import project
from shared.measures import metrics
from shared.models import upscalers, zoom_network

CODE = """
import pathlib, sys
import keras, numpy as np
from shared.images.degrade import block_mean, project
from shared.measures import metrics
from shared.models import upscalers, zoom_network
given = dict(np.load(pathlib.Path(sys.argv[1]) / "given.npz"))
assert keras.backend.backend() == sys.argv[2]
found = {}
for upsampler in upscalers.UPSAMPLERS:
    model = upscalers.residual_network(4, width=8, blocks=2, upsampler=upsampler)
    model.set_weights([given.pop(f"{upsampler}{i}") for i in range(len(model.weights))])
    found[upsampler] = keras.ops.convert_to_numpy(model(given["low_res"]))
for name, network in {"zoom": zoom_network.zoom(4, 2, 2),
                      "turned": zoom_network.equivariant_zoom(8, 2, 2)}.items():
    network.set_weights([given.pop(f"{name}{i}") for i in range(len(network.weights))])
    found[name] = keras.ops.convert_to_numpy(network(given["low_res"], training=False))
found["project"] = project(given["image"], given["low_res"])
tensors = [keras.ops.convert_to_tensor(given[name]) for name in ("image", "low_res")]
found["tensor"] = keras.ops.convert_to_numpy(project(*tensors))
found["block_mean"] = keras.ops.convert_to_numpy(block_mean(tensors[0], 4))
found["psnr"] = metrics.psnr(given["truth"], given["image"])
found["ssim"] = metrics.ssim(given["truth"], given["image"])
np.savez(pathlib.Path(sys.argv[1]) / "found.npz", **found)
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_another_backend_gives_the_numbers_of_tensorflow(backend, tmp_path, run_python):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("these tests themselves run on another backend than TensorFlow")
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    rng = np.random.default_rng(0)
    given = {"low_res": rng.random((3, 5, 7, 1), "float32"),
             "image": rng.normal(0.5, 0.5, (3, 20, 28, 1)).astype("float32"),
             "truth": rng.random((3, 20, 28, 1), "float32")}
    wanted = {}
    for upsampler in upscalers.UPSAMPLERS:
        model = upscalers.residual_network(4, width=8, blocks=2, upsampler=upsampler)
        given |= {f"{upsampler}{i}": w for i, w in enumerate(model.get_weights())}
        wanted[upsampler] = keras.ops.convert_to_numpy(model(given["low_res"]))
    for name, network in {"zoom": zoom_network.zoom(4, 2, 2),
                          "turned": zoom_network.equivariant_zoom(8, 2, 2)}.items():
        network.set_weights([rng.normal(0, 0.2, w.shape) for w in network.get_weights()])
        given |= {f"{name}{i}": w for i, w in enumerate(network.get_weights())}
        wanted[name] = keras.ops.convert_to_numpy(network(given["low_res"], training=False))
    wanted["project"] = wanted["tensor"] = project(given["image"], given["low_res"])
    wanted["block_mean"] = given["image"].reshape(3, 5, 4, 7, 4, 1).mean(axis=(2, 4))
    wanted["psnr"] = metrics.psnr(given["truth"], given["image"])
    wanted["ssim"] = metrics.ssim(given["truth"], given["image"])
    np.savez(tmp_path / "given.npz", **given)
    run_python(CODE, tmp_path, backend, KERAS_BACKEND=backend)
    found = np.load(tmp_path / "found.npz")
    assert set(found) == set(wanted)
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, atol=1e-4, err_msg=name)

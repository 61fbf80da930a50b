"""Training on several devices gives the weights of training on one. JAX on virtual CPU devices."""

import importlib.util
import os
import socket
import subprocess
import sys

import numpy as np
import pytest

from shared import paths
from shared.data import pipeline
from shared.training import devices

CODE = """
import pathlib, sys
import keras, numpy as np
from shared import runtime, train, weights
from shared.training import devices, trainer
from shared.data import pipeline
from shared.models import papers
from shared.training.recipe import Cycle, Recipe
from shared.training.optimizers import Muon
folder = pathlib.Path(sys.argv[1])
runtime.fast_bfloat16 = lambda: False
trainer.checkpoint_folder = lambda name: folder / "training" / name
devices.connect()
assert len(keras.distribution.list_devices()) == int(sys.argv[2])
images = np.random.default_rng(0).random((16, 24, 24, 1), "float32")

def batches(networks):
    return pipeline.Batches(images, pipeline.low_and_high(2), batch_size=4, seed=1)

def build(networks):
    layout = keras.distribution.distribution()
    assert (layout.device_mesh.devices.size if layout else 1) == int(sys.argv[2])
    return papers.ircnn(16, (1, 2, 1))

recipe = Recipe(about="for a test", data="noise", epochs=2, build=build, batches=batches,
                measure=lambda model, networks: {"parameters": 1.0 * model.count_params()},
                optimizer=Muon, finish=papers.fold,
                further_cycles=(Cycle(1, None, batches, loss="mae", continues=True),))
trainer.train_by_recipe("small", recipe, {}, progress=True)
"""


def trained(folder, count, processes=1):
    """The weights after training on ``count`` devices, in one or several processes."""
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed")
    folder.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    flags = f"--xla_force_host_platform_device_count={count // processes}"
    running = []
    for number in range(processes):
        environment = os.environ | {"KERAS_BACKEND": "jax", "ZOOM_DATA": str(folder),
                                    "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}
        if processes > 1:
            environment |= {devices.JOBS: address,
                            "KERAS_DISTRIBUTION_NUM_PROCESSES": str(processes),
                            "KERAS_DISTRIBUTION_PROCESS_ID": str(number)}
        running.append(subprocess.Popen(
            [sys.executable, "-c", CODE, folder, str(count)], cwd=paths.ROOT, env=environment,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    for number, process in enumerate(running):
        printed, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
        assert printed.count("epoch") == (3 if number == 0 else 0)  # only the first one prints
    from shared.training import store

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOOM_DATA", str(folder))
        return store.load("small").get_weights()


@pytest.fixture(scope="module")
def on_one(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("devices") / "one", 1)


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_two_devices_give_the_weights_of_one(processes, on_one, tmp_path):
    on_two = trained(tmp_path / "two", 2, processes)
    for one, two in zip(on_one, on_two, strict=True):
        np.testing.assert_allclose(two, one, atol=1e-5)


def test_the_parts_of_a_batch_make_up_the_batch():
    truth = np.random.default_rng(0).random((24, 8, 8, 1), "float32")
    whole, *others = (pipeline.Batches(truth, pipeline.low_and_high(4), batch_size=6, seed=1)
                      for _ in range(4))
    parts = [devices.Part(batches, number, 3) for number, batches in enumerate(others)]
    for part in parts:
        assert len(part) == len(whole) and part.batch_size == 6
        part.epoch = 1
        part.on_epoch_end()
        assert part.epoch == 2
    whole.epoch = 2
    for arrays in zip(whole[2], *(part[2] for part in parts), strict=True):
        batch, *shares = arrays
        assert [len(share) for share in shares] == [2, 2, 2]
        np.testing.assert_array_equal(np.concatenate(shares), batch)


def test_a_process_alone_trains_on_whole_batches_and_one_of_several_on_its_own_part(monkeypatch):
    truth = np.zeros((24, 8, 8, 1), "float32")
    batches = pipeline.Batches(truth, pipeline.low_and_high(4), batch_size=6)
    assert devices.own_part(batches) is batches
    monkeypatch.setattr(devices, "_processes", lambda: 3)
    monkeypatch.setattr(devices, "_process", lambda: 2)
    part = devices.own_part(batches)
    assert (part.batches, part.number, part.count) == (batches, 2, 3)


def test_a_batch_that_cannot_be_divided_is_refused_before_training(monkeypatch):
    truth = np.zeros((24, 8, 8, 1), "float32")
    batches = pipeline.Batches(truth, pipeline.low_and_high(4), batch_size=6)
    monkeypatch.setattr(devices, "_count", lambda: 4)
    with pytest.raises(ValueError, match="batch of 6 cannot be divided among 4 devices"):
        devices.own_part(batches)


def test_several_machines_need_jax(monkeypatch):
    monkeypatch.setenv(devices.JOBS, "127.0.0.1:1234")
    with pytest.raises(RuntimeError, match="set KERAS_BACKEND=jax, or unset"):
        devices.connect()

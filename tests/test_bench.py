"""The benchmark: its medians, its networks, and what it says of a library that is missing."""

import importlib.util
import re

import keras
import numpy as np
import pytest

from shared import anatomy, bench, models, photo_models

needs_torch = pytest.mark.skipif(not importlib.util.find_spec("torch"),
                                 reason="PyTorch is not installed")
needs_onnx = pytest.mark.skipif(
    not (importlib.util.find_spec("onnx") and importlib.util.find_spec("onnxruntime")),
    reason="onnx and onnxruntime are not installed")


def test_both_sides_take_turns_and_the_first_turn_does_not_count(monkeypatch):
    clock, calls = [0.0], []

    def side(name, seconds):
        def function():
            calls.append(name)
            clock[0] += seconds[calls.count(name) - 1]
        return function

    monkeypatch.setattr(anatomy.time, "perf_counter", lambda: clock[0])
    ours, theirs, ratio = bench.take_turns(
        side("ours", [100, 1, 2, 9]), side("theirs", [100, 4, 4, 9]), repeats=3)
    assert calls == ["ours", "theirs"] * 4
    assert (ours, theirs, ratio) == (2, 4, 2)  # ratios 4, 2 and 1


def test_what_is_not_installed_is_skipped_and_the_rest_is_measured(monkeypatch, capsys):
    def missing(*_):
        raise ImportError("no", name="torch")

    monkeypatch.setattr(bench, "bench_training", missing)
    monkeypatch.setattr(bench, "bench_enhance", missing)
    monkeypatch.setattr(bench, "bench_memory", lambda: "memory")
    monkeypatch.setattr(bench, "bench_sampling", lambda repeats: f"sampling {repeats}")
    bench.main(["--repeats", "2"])
    assert capsys.readouterr().out.splitlines() == [
        "skipped: torch is not installed", "skipped: torch is not installed", "sampling 2",
        "memory"]


def test_the_seconds_of_64_digits_stand_beside_their_limit(monkeypatch):
    clock, seconds = [0.0], iter([100, 1, 9, 2])

    def sample(model, low_res, guess):
        assert low_res.shape == (64, 7, 7, 1) and guess.shape == (64, 28, 28, 1)
        clock[0] += next(seconds)

    monkeypatch.setattr(anatomy.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(bench.flow, "sample", sample)
    line = bench.bench_sampling(3)
    assert line.split()[:3] == ["64", "digits", "drawn,"]
    assert re.findall(r"\d+\.\d+", line) == ["2.00", "10.00", "0.20"]


@needs_torch
def test_the_network_in_pytorch_computes_what_ours_does():
    import torch

    ours = models.residual_network(4, width=8, blocks=2)
    theirs = bench.torch_network(torch, width=8, blocks=2)
    kernels = iter(ours.get_weights())
    with torch.no_grad():
        for parameter in theirs.parameters():  # kernel, bias, kernel, ... in the same order
            array = next(kernels)
            array = array.transpose(3, 2, 0, 1) if array.ndim == 4 else array
            parameter.copy_(torch.from_numpy(array))
        x = np.random.default_rng(0).random((2, 7, 9, 1), "float32")
        found = theirs(torch.from_numpy(x.transpose(0, 3, 1, 2))).numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(found, keras.ops.convert_to_numpy(ours(x)), atol=1e-5)


@needs_onnx
def test_the_exported_network_computes_what_ours_does():
    import onnx
    import onnxruntime

    keras.utils.set_random_seed(0)
    model = photo_models.zoom(width=8, blocks=1, wide=12, ways=1)
    rng = np.random.default_rng(0)
    model.set_weights([w + 0.1 * rng.standard_normal(w.shape) for w in model.get_weights()])
    x = rng.random((1, 12, 10, 1), "float32")
    session = onnxruntime.InferenceSession(bench.to_onnx(model, onnx).SerializeToString(),
                                           providers=["CPUExecutionProvider"])
    found = session.run(None, {session.get_inputs()[0].name: x.transpose(0, 3, 1, 2)})[0]
    np.testing.assert_allclose(found.transpose(0, 2, 3, 1), keras.ops.convert_to_numpy(model(x)),
                               atol=1e-4)


@needs_onnx
@pytest.mark.parametrize("model", [photo_models.srcnn, lambda: photo_models.zoom_of_turns(8, 1, 8)],
                         ids=["an activation inside", "turned kernels"])
def test_a_network_with_other_convolutions_is_refused_not_exported_wrongly(model):
    import onnx

    with pytest.raises(ValueError, match="Conv2D, which is not written here"):
        bench.to_onnx(model(), onnx)

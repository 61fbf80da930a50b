"""The benchmark: its medians, its networks, and what it says of a library that is missing."""

import importlib.util
import re
import sys

import keras
import numpy as np
import pytest

from shared.measures import timing
from shared.models import upscalers
from shared.tools import bench


def installed(*names):
    return all(importlib.util.find_spec(name) for name in names)


needs_torch = pytest.mark.skipif(not installed("torch"), reason="PyTorch is not installed")
needs_onnx = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow" or not installed("onnx", "onnxruntime", "tf2onnx"),
    reason="onnx, onnxruntime and tf2onnx are not installed, or Keras is not on TensorFlow")


def numbers(line):
    return [float(text) for text in re.findall(r"\d+\.\d+", line)]


def test_the_ratio_is_the_median_of_the_rounds_not_that_of_the_medians(monkeypatch):
    monkeypatch.setattr(timing, "timed", lambda repeats, *sides: [(1, 4), (2, 2), (4, 6)])
    assert bench.take_turns(None, None, repeats=3) == (2, 4, 1.5)  # of 4, 1 and 1.5


@pytest.mark.slow
def test_what_is_not_installed_is_skipped_and_the_rest_is_measured(monkeypatch, capsys):
    for name in ("torch", "onnxruntime", "resource"):
        monkeypatch.setitem(sys.modules, name, None)  # an import of it fails
    monkeypatch.setattr(bench, "BACKENDS", {"None": ("no_such_backend", {})})
    bench.main(["--repeats", "1"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "skipped: torch is not installed"
    assert lines[1] == lines[2] == "skipped: onnxruntime is not installed"
    assert lines[4:] == ["skipped: resource is not installed",
                         "skipped: no_such_backend is not installed"]
    seconds, limit, ratio = numbers(lines[3])
    assert lines[3].startswith("64 digits drawn") and limit == bench.SAMPLING_LIMIT
    assert ratio == pytest.approx(seconds / limit, abs=0.006)


@pytest.mark.slow
@needs_onnx
def test_enhance_is_compared_with_the_network_in_onnx_runtime():
    line = bench.bench_enhance(repeats=1, side=96)
    assert line.startswith("enhance, megapixels/s") and "ONNX Runtime" in line
    ours, theirs, ratio = numbers(line)  # of one round; printed with 3, 3 and 2 decimals
    lowest = (ours - 0.0005) / (theirs + 0.0005)
    highest = (ours + 0.0005) / max(theirs - 0.0005, 1e-9)
    assert lowest - 0.006 < ratio < highest + 0.006


@pytest.mark.slow
@needs_onnx
def test_from_file_to_file_is_compared_with_the_network_alone():
    line = bench.bench_file(megapixels=0.02)
    assert line.startswith("0.02 megapixels, file to file, s") and "network alone" in line
    ours, theirs, ratio = numbers(line)[-3:]
    assert ours > 0 and theirs > 0 and ratio > 0


@pytest.mark.slow
def test_each_backend_is_measured_in_a_process_of_its_own_against_the_first(monkeypatch):
    monkeypatch.setattr(bench, "BACKENDS", {
        "TensorFlow": ("tensorflow", {}), "None": ("no_such_backend", {}),
        "again": ("tensorflow", {"TF_ENABLE_ONEDNN_OPTS": "0"})})
    first, missing, again = bench.bench_backends(1, 64, steps=2).splitlines()
    assert first.startswith("TensorFlow ") and first.count("ratio 1.00") == 2
    assert missing == "skipped: no_such_backend is not installed"
    assert again.startswith("again ") and all(number > 0 for number in numbers(again))


@needs_torch
def test_the_network_in_pytorch_computes_what_ours_does():
    import torch

    ours = upscalers.residual_network(4, width=8, blocks=2)
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

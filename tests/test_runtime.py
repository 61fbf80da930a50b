"""What depends on the machine: number formats, the compiler, prediction in bounded memory."""

import builtins
import io

import keras
import numpy as np
import pytest

from shared import runtime
from shared.models import upscalers


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    return upscalers.residual_network(2, width=4, blocks=1)


def test_predict_in_batches_equals_the_whole_with_a_last_batch_that_is_not_full(model):
    x = np.random.default_rng(0).random((7, 5, 6, 1), "float32")
    found = runtime.predict(model, x, batch_size=3)
    assert found.shape == (7, 10, 12, 1) and found.dtype == np.float32
    np.testing.assert_allclose(found, keras.ops.convert_to_numpy(model(x)), atol=1e-6)


def test_predict_computes_no_more_images_at_a_time_than_it_was_told(model, monkeypatch):
    sizes, whole = [], model.predict_on_batch
    monkeypatch.setattr(model, "predict_on_batch",
                        lambda images: sizes.append(len(images)) or whole(images))
    runtime.predict(model, np.zeros((7, 4, 4, 1), "float32"), batch_size=3)
    assert sizes == [3, 3, 1]


def test_predict_prints_nothing(model, capsys):
    runtime.predict(model, np.zeros((2, 4, 4, 1), "float32"))
    assert capsys.readouterr() == ("", "")


@pytest.fixture
def processor(monkeypatch):
    """Whether bfloat16 is fast on a processor with these flags, and without a GPU."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("looks for a GPU by TensorFlow")
    import tensorflow as tf

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])

    def fast(flags):
        def open_cpuinfo(path, *rest):
            assert path == "/proc/cpuinfo"
            if flags is None:
                raise FileNotFoundError(path)
            return io.StringIO(f"processor : 0\nflags : fpu {flags} avx2\n")

        with monkeypatch.context() as patch:
            patch.setattr(builtins, "open", open_cpuinfo)
            return runtime.fast_bfloat16.__wrapped__()

    return fast


@pytest.mark.parametrize("flags, fast", [("amx_bf16", True), ("avx512_bf16", True),
                                         ("avx512f", False), (None, False)])
def test_bfloat16_is_fast_on_processors_that_compute_in_it(flags, fast, processor):
    assert processor(flags) is fast


@pytest.mark.parametrize("capability, fast", [((7, 5), False), ((8, 0), True), ((9, 0), True),
                                              (None, False)])
def test_bfloat16_is_fast_on_gpus_from_2020(capability, fast, processor, monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["a GPU"])
    monkeypatch.setattr(tf.config.experimental, "get_device_details",
                        lambda gpu: {"compute_capability": capability})
    assert processor("amx_bf16") is fast


@pytest.mark.parametrize("fast, policy", [(True, "mixed_bfloat16"), (False, "float32")])
def test_new_models_compute_in_bfloat16_where_it_is_fast_and_keep_float32_weights(
        fast, policy, monkeypatch):
    before = keras.mixed_precision.dtype_policy()
    monkeypatch.setattr(runtime, "fast_bfloat16", lambda: fast)
    try:
        runtime.use_fast_precision()
        layer = keras.layers.Dense(1)
        assert layer.dtype_policy.name == policy and layer.variable_dtype == "float32"
    finally:
        keras.mixed_precision.set_dtype_policy(before)


@pytest.mark.parametrize("gpus, xla", [([], False), (["a GPU"], True)])
def test_xla_is_switched_off_only_without_a_gpu(gpus, xla, model, monkeypatch):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("only TensorFlow's XLA is slow here")
    import tensorflow as tf

    model.jit_compile = True
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus)
    assert runtime.choose_compiler(model) is model
    assert model.jit_compile == xla

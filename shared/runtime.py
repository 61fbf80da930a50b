"""What depends on the machine: number formats, the compiler, prediction in bounded memory.

Introduced in lesson 01.
"""

import functools
import os
import platform
import re

import keras
import numpy as np


@functools.cache
def fast_bfloat16():
    """Whether the machine computes fast in bfloat16.

    Processors with AMX or AVX-512 BF16 do, and GPUs of compute capability 8.0 (2020) or higher.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        for gpu in tf.config.list_physical_devices("GPU"):
            capability = tf.config.experimental.get_device_details(gpu).get("compute_capability")
            return bool(capability) and capability >= (8, 0)
    if keras.backend.backend() == "torch":
        import torch

        if torch.cuda.is_available():
            return torch.cuda.get_device_capability() >= (8, 0)
    if keras.backend.backend() == "jax":
        import jax

        device = jax.devices()[0]
        if device.platform == "gpu":  # "8.0"
            return float(device.compute_capability) >= 8
        if device.platform == "tpu":
            return True
    try:
        with open("/proc/cpuinfo") as file:
            flags = file.read()
            return "amx_bf16" in flags or "avx512_bf16" in flags
    except OSError:
        return False


def accelerators():
    """The names of the GPUs and TPUs that the backend uses: a list of strings."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return [device.device_kind for device in jax.devices() if device.platform != "cpu"]
    if backend == "torch":
        import torch

        return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    import tensorflow as tf

    return [tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
            for gpu in tf.config.list_physical_devices("GPU")]


def hardware():
    """The machine in words, for the card of a network that was trained on it."""
    names = accelerators()
    used = [f"{names.count(name)} x {name}" for name in dict.fromkeys(names)]
    return ", ".join([*used, f"{os.cpu_count()} cores", platform.machine(), platform.system()])


def use_fast_precision():
    """Let new models compute in bfloat16 if the machine is fast at it; weights stay float32.

    This sets Keras' global dtype policy.
    """
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16" if fast_bfloat16() else "float32")


def jit_compile():
    """The ``jit_compile`` for ``keras.Model.compile`` that is fast on this machine.

    It is False for TensorFlow on a CPU, where XLA halves the speed of these networks, and "auto"
    elsewhere.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        if not tf.config.list_physical_devices("GPU"):
            return False
    return "auto"


def choose_compiler(model):
    """Switch XLA off in ``model`` where ``jit_compile`` says so; returns ``model``."""
    if jit_compile() is False:
        model.jit_compile = False
    return model


def predict(model, images, batch_size=250):
    """The output of ``model`` for ``images``, computed for ``batch_size`` images at a time.

    Unlike ``model.predict`` it prints nothing and, on a CPU, does not use XLA.

    Args:
        model: a ``keras.Model`` with one input and one output.
        images: array (n, ...), n at least 1.
        batch_size: images at a time; it bounds the memory that is needed.

    Returns a float32 array (n, ...).
    """
    choose_compiler(model)
    outputs = []
    for start in range(0, len(images), batch_size):
        output = model.predict_on_batch(images[start:start + batch_size])
        outputs.append(np.asarray(keras.ops.convert_to_numpy(output), "float32"))
    return np.concatenate(outputs)


def is_out_of_memory(error):
    """Whether this is the error that NumPy or one of Keras' backends raises for it."""
    return isinstance(error, MemoryError) or bool(
        re.search("ResourceExhausted|OutOfMemory", type(error).__name__)
        or re.search("RESOURCE_EXHAUSTED|out of memory|can't allocate memory", str(error)))

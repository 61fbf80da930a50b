"""The package of *Zoom & Enhance*, which the lessons import.

A map, from the commands down. A module imports only from packages below its own.

    tools/      for teachers and maintainers: course (run lessons), editions (copies for
                students and teachers), grade (check handed-in notebooks), site (the lessons as
                a web site, with slides, sheets of exercises and the demo), colab, bench,
                onnx_export, cells (names in notebooks)
    exercises/  the checks of the exercises, one module per lesson
    studies/    experiments of many short trainings: tradeoff (04), ablation (05), materials
                (07)
    train.py    the command `python -m shared.train`
    zoom.py     the command `python -m shared.zoom`, and `enhance` for photos of any size
    enlarging/  what zoom.py consists of: command_line (its options), jobs (which photos, and where
                results go), enhance (tile by tile), messages
    weights.py  the trained networks: load, load_or_train, frozen
    figures.py  the pictures of the lessons: its docstring shows how each is drawn
    recipes/    how each network is built, trained and measured, one module per lesson
    training/   loop (compile, fit), losses, optimizers, recipe, checkpoint,
                store (files and cards), devices (several GPUs), trainer
    drawing/    what figures.py is made of: roles, page, panels, charts, diagrams, motion, text
    measures/   metrics (PSNR, SSIM), spectrum, uncertainty, cost (operations, receptive field),
                timing
    models/     layers, upscalers (01 to 05), papers and zoom_network (06), classifiers (04),
                flow (08)
    data/       datasets, pipeline (batches), drawings (03), photos, patches and div2k (06),
                synthetic (07)
    images/     degrade, resize, luma, turns (01 to 06); for photos of any kind and size: alpha,
                tiles, compare, and files (read and write), which calls png, tiff,
                pillow_formats, metadata (EXIF), new_files (no half of one), pictures
    runtime.py  number formats, compiler, prediction in bounded memory
    paths.py    where files are

Importing the package sets two environment variables that TensorFlow reads when it is imported,
unless you have set them already. It then imports Keras without log lines, and sets the defaults
that the networks need, whatever ``~/.keras/keras.json`` says; that file stays as it is.
"""

import json
import os
import sys
import traceback
from pathlib import Path

# 3 means errors only, so that no log line gets into a lesson's output.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# By itself, TensorFlow uses oneDNN only on processors with VNNI or newer instructions. On older
# processors with AVX-512, oneDNN trains the larger networks of this course up to twice as fast.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


def _import_keras():
    """Import Keras and set its defaults: layers built later read them."""
    import keras

    if int(keras.__version__.split(".")[0]) < 3:
        raise ModuleNotFoundError(name="keras")
    if keras.backend.backend() not in ("tensorflow", "jax", "torch"):
        raise ImportError("it does not train networks")
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.get_logger().setLevel("ERROR")  # without advice on retracing
        tensorflow.config.list_logical_devices()
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)


def _import_keras_quietly():
    """Import Keras without the lines that TensorFlow 2.21 logs before it reads its log level."""
    try:
        error_stream = os.dup(2)
    except OSError:
        # There is no standard error, as under pythonw or after `2>&-`. The next file to be opened
        # would get its number and with it all log lines, so from now on they go nowhere.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        if nowhere != 2:
            os.dup2(nowhere, 2)
            os.close(nowhere)
        _import_keras()
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    if sys.stderr is not None:
        sys.stderr.flush()
    os.dup2(nowhere, 2)
    try:
        _import_keras()
    finally:
        os.dup2(error_stream, 2)
        os.close(error_stream)
        os.close(nowhere)


def _advice(error):
    """One sentence on how to make Keras importable after ``error``, or "" for unknown reasons."""
    file = Path(os.environ.get("KERAS_HOME", "~/.keras"), "keras.json").expanduser()
    *_, frame = traceback.extract_tb(error.__traceback__)
    if Path(frame.filename).parts[-2:] == ("backend", "config.py"):  # where Keras reads the file
        return f"Keras cannot use its settings ({error}): correct or remove {file}"
    backend, place = os.environ.get("KERAS_BACKEND"), "the environment variable KERAS_BACKEND"
    if not backend:
        place = f'"backend" in {file}'
        try:
            backend = json.loads(file.read_text(encoding="utf-8")).get("backend", "tensorflow")
        except (OSError, ValueError):  # no file, or one that Keras ignores
            backend = "tensorflow"
    missing = error.name if isinstance(error, ModuleNotFoundError) else ""
    if missing == "keras" or missing == backend == "tensorflow":
        package = {"keras": "Keras 3", "tensorflow": "TensorFlow"}[missing]
        return (f"the Python in {sys.prefix} has no {package}: use that of the course's "
                "environment, .venv, which `make lab` sets up; in a notebook, choose it as kernel")
    if backend != "tensorflow":
        return (f"Keras cannot use its backend {backend!r} here ({error}): "
                f"set {place} to tensorflow")
    return ""


def _in_one_line_if_stopped(kind, error, trace):
    """Replace the traceback of Ctrl-C by a line. Python then ends as after the signal."""
    if issubclass(kind, KeyboardInterrupt):
        if sys.stderr is not None:
            print("stopped", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


_is_command = sys.argv[:1] == ["-m"]  # as `python -m shared.zoom`, which no one can catch
if _is_command:
    sys.excepthook = _in_one_line_if_stopped
try:
    if "tensorflow" in sys.modules:  # it has logged what it logs
        _import_keras()
    else:
        _import_keras_quietly()
except Exception as error:
    sentence = _advice(error)
    if not sentence:
        raise
    if _is_command:
        sys.exit(sentence)
    raise ImportError(sentence) from None

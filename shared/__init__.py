"""The package of *Zoom & Enhance*, which the lessons import.

A map, from the commands down. A module imports only from packages below its own.

    tools/      for teachers and maintainers: course (run and hand out lessons), colab, bench,
                onnx_export
    exercises/  the checks of the exercises, one module per lesson
    studies/    experiments of many short trainings: tradeoff (04), materials (06)
    train.py    the command `python -m shared.train`
    zoom.py     the command `python -m shared.zoom`, and `enhance` for photos of any size
    weights.py  the trained networks: load, load_or_train, frozen
    recipes/    how each network is built, trained and measured, one module per lesson
    training/   loop (compile, fit), losses, optimizers, recipe, store (files and cards), trainer
    measures/   metrics (PSNR, SSIM), spectrum, uncertainty, cost (operations, receptive field),
                timing
    models/     layers, upscalers (01 to 05), papers and zoom_network (06), classifiers (04),
                flow (07)
    data/       datasets, pipeline (batches), drawings (03), photos, patches and synthetic (06),
                div2k
    images/     degrade, resize, luma, turns, tiles, files
    figures.py  the pictures of the lessons
    runtime.py  number formats, compiler, prediction in bounded memory
    paths.py    where files are

Importing the package sets two environment variables that TensorFlow reads when it is imported,
unless you have set them already. It then imports Keras without log lines.
"""

import os
import sys

# 3 means errors only, so that no log line gets into a lesson's output.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# By itself, TensorFlow uses oneDNN only on processors with VNNI or newer instructions. On older
# processors with AVX-512, oneDNN trains the larger networks of this course up to twice as fast.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


def _import_keras_quietly():
    """Import Keras without the lines that TensorFlow 2.21 logs before it reads its log level."""
    sys.stderr.flush()
    error_stream, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        import keras

        if keras.backend.backend() == "tensorflow":
            import tensorflow

            tensorflow.config.list_logical_devices()
            tensorflow.get_logger().setLevel("ERROR")  # without advice on retracing
    finally:
        os.dup2(error_stream, 2)
        os.close(error_stream)
        os.close(nowhere)


if "tensorflow" not in sys.modules:
    _import_keras_quietly()

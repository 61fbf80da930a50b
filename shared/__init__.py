"""The package that the lessons of *Zoom & Enhance* import: one small module a concept.

Importing it sets two switches of TensorFlow, which must stand before TensorFlow is imported
(whoever has set them already keeps their choice), and imports Keras without a word.
"""

import os
import sys

# 3 = errors only: no log line in a lesson's output.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# TensorFlow turns oneDNN on by itself only where the processor has VNNI or newer. On an
# older one with AVX-512 it trains the larger networks of this course up to twice as fast.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


def _import_keras_quietly():
    """TensorFlow 2.21 logs a few lines before it looks at its log level: drop those."""
    sys.stderr.flush()
    screen, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        import keras

        if keras.backend.backend() == "tensorflow":
            import tensorflow

            tensorflow.config.list_logical_devices()
            tensorflow.get_logger().setLevel("ERROR")  # no advice on retracing either
    finally:
        os.dup2(screen, 2)
        os.close(screen)
        os.close(nowhere)


if "tensorflow" not in sys.modules:
    _import_keras_quietly()

"""The package that the lessons of *Zoom & Enhance* import: one small module a concept.

Importing it sets two switches of TensorFlow, which must stand before TensorFlow is
imported; whoever has set them already keeps their choice. It imports nothing itself.
"""

import os

# 3 = errors only: no log line in a lesson's output.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# TensorFlow turns oneDNN on by itself only where the processor has VNNI or newer. On an
# older one with AVX-512 it trains the networks of this course up to twice as fast.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

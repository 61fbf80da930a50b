"""The pictures of all lessons: the learner's door to ``shared.drawing``.

Introduced in lesson 01. ``from shared import figures`` is all that a lesson needs.
"""

from matplotlib import pyplot as plt

from shared.drawing.charts import (
    bars,
    cost_chart,
    curves,
    dots,
    flow_lines,
    histogram,
    kernels_on_row,
    planes,
    spectra,
)
from shared.drawing.diagrams import (
    flow_steps,
    frozen_classifier,
    network,
    pixel_shuffle,
    projection,
    receptive_fields,
    waves,
)
from shared.drawing.motion import animation
from shared.drawing.page import DPI, WIDTH, packed, show
from shared.drawing.panels import (
    half_and_half,
    lens,
    panels,
    photographs,
    poster,
    strip,
    whole_pixels,
)
from shared.drawing.roles import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, RED, ROLES
from shared.drawing.text import source, table

__all__ = [
    "BLUE", "DPI", "GREEN", "GREY", "INK", "ORANGE", "PURPLE", "RED", "ROLES", "WIDTH",
    "animation", "bars", "cost_chart", "curves", "dots", "flow_lines", "flow_steps",
    "frozen_classifier", "half_and_half", "histogram", "kernels_on_row", "lens", "network",
    "packed", "panels", "photographs", "pixel_shuffle", "planes", "plt", "poster", "projection",
    "receptive_fields", "show", "source", "spectra", "strip", "table", "waves", "whole_pixels"]

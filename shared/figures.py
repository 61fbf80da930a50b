"""The pictures of all lessons, the learner's door to ``shared.drawing``. Introduced in lesson 01.

For authors of lessons. Functions return a matplotlib figure, which ``show`` puts on the page:

    figure = figures.panels({"7x7": low_res, "truth": digits})
    figures.show(figure, "Two rows of digits: grey blocks above, ...", "Fig. 1. What is lost.")

The alternative text (second argument) says what a reader who cannot see the picture must know.
The caption (third) says to everybody what it shows; it is an output of its own below. Functions
marked * take both themselves and show at once, without loss.

Images, in [0, 1] or uint8:

    panels({"truth": truth, "error": error}, cmaps={"error": "magma"})     rows, with a scale
    panels(rows, {"bicubic": ["reads 8", "reads 4"]}, wrong={"bicubic": [True, False]})
    readings(rows, {"A": read_by_a, "B": read_by_b}, labels)      each image once per reader
    panels(rows, groups={"better": 5, "worse": 5}, boxes={"truth": [(4, 4, 9, 9), None, ...]})
  * strip({"bicubic": a, "zoom": b, "truth": c}, alt, caption, box=(8, 16, 80, 80),
          notes={"zoom": "31.2 dB"})                        one crop by every method
  * lens({"bicubic": a, "zoom": b, "truth": c}, (8, 16, 80, 80), alt, caption,
         notes={"zoom": "31.2 dB"})                         the whole, and the box enlarged
  * photographs({"photo": photo, "half": half}, alt, columns=2, caption=caption)
  * poster(half_and_half(low_res, high_res), 5, alt, caption=caption)
  * animation({"t = 0.00": [x0], "t = 0.10": [x1], ...}, alt, caption, still={"7x7": [low_res]})

Charts. Lines are named at their ends, and roles have their colours: truth, bicubic, live,
shipped and samples. The usual names have a role; of others, say ``roles={"U-Net": "live"}``:

    curves({"live network": psnr}, "epoch", "PSNR (dB)", levels={"bicubic": 14.6})
    curves({"truth": hits}, "probability", "how often right", x=bins, errors={"truth": bars},
           diagonal=True, counts=counts)
    spectra({"clothes": {"truth": power, "bicubic": other}})
    dots({"boot": {"bicubic": 18.2, "fashion": 22.1}, ...}, "PSNR (dB)")
    histogram({"digits": gains}, "gain (dB)", zero=("worse", "better"))
    cost_chart({"zoom": (5.8e10, 33.5, 444868)}, papers={...}, levels={"bicubic": 30.1})
    planes({"realism": {"draw": (10.8, 0.5), ...}}, "MSE", impossible=5.3, thumbnails={...})
    kernels_on_row(resize.KERNELS, [0.1, 0.1, 0.3, 0.9, 0.8, 0.4, 0.4], 3.375)
    flow_lines(times, walkers, velocity=mean_velocity)
    widened_kernel(kernel, 64)                              trained, zero and new weights
    bars({"a": 1.0, "b": 2.0}, "seconds")                   where zero means something

Diagrams, stored as SVG with text that is read aloud:

    projection()            pixel_shuffle()            frozen_classifier(weight="0.03")
    network_diagram(weights.load("baseline"), (7, 7))       blocks and sizes, from the model
    network_diagram(samples, {"x_t": (28, 28), "guess": (28, 28), "low_res": (7, 7), "t": ()},
                    fold=True)

Images with something drawn on them:

    receptive_fields(photo, {"srcnn": 17, "vdsr": 41}, at=(224, 110))
    waves(boot, limits=(1, 2, 3.5, 5, 8, 14))               rebuilt ring by ring
    flow_steps([0, 0.5, 1], samples, guesses)               a digit drawn along its flow

Text, shown at once:

    table({"PSNR (dB)": [14.63, 23.46]}, "Mean over 10,000 digits.", best="max")
    source(upscalers.residual_block, PixelShuffle)          in colours, docstrings shortened

Nothing is wider than 900 pixels of the page. All is stored with two dots per pixel.
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
    widened_kernel,
)
from shared.drawing.diagrams import (
    flow_steps,
    frozen_classifier,
    network_diagram,
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
    readings,
    strip,
    whole_pixels,
)
from shared.drawing.roles import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, RED, ROLES
from shared.drawing.text import source, table

__all__ = [
    "BLUE", "DPI", "GREEN", "GREY", "INK", "ORANGE", "PURPLE", "RED", "ROLES", "WIDTH",
    "animation", "bars", "cost_chart", "curves", "dots", "flow_lines", "flow_steps",
    "frozen_classifier", "half_and_half", "histogram", "kernels_on_row", "lens", "network_diagram",
    "packed", "panels", "photographs", "pixel_shuffle", "planes", "plt", "poster", "projection",
    "readings", "receptive_fields", "show", "source", "spectra", "strip", "table", "waves",
    "whole_pixels", "widened_kernel"]

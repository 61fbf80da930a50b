"""Diagrams that are drawn by code: the projection, the shuffle, networks, a loss, waves.

Each function returns a matplotlib figure for ``show``, which stores it as SVG with real text,
and as PNG for front ends that show no SVG.
"""

import collections
import math

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, PathPatch, Rectangle
from matplotlib.path import Path

from shared.drawing.charts import apart
from shared.drawing.page import DIAGRAM, WIDTH
from shared.drawing.panels import HAIRLINE, panels, text_width
from shared.drawing.roles import BLUE, FRAME, GREY, INK, ORANGE, PURPLE, SHADE
from shared.measures import spectrum
from shared.models.layers import Bicubic, CropLike, PixelShuffle

TINTS = {BLUE: "#cfe3f6", ORANGE: "#f6dcc4", PURPLE: "#ecd2e5", GREY: SHADE}
SMALL = 9


def canvas(title, width, height):
    """A figure and axes of ``width`` x ``height`` inches, whose unit is an inch, without frame.

    ``title`` is the title of the SVG.
    """
    if width * 100 > WIDTH:
        raise ValueError(f"a diagram is at most {WIDTH / 100:g} inches wide, found {width:g}")
    figure = plt.figure(figsize=(width, height), label=title)
    figure.set_gid(DIAGRAM)
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set(xlim=(0, width), ylim=(0, height), aspect="equal")
    axis.axis("off")
    return figure, axis


def arrow(axis, start, end, colour=INK, dash="-", curve=0.0, style="-|>", width=1.4):
    """An arrow from ``start`` to ``end``; ``curve`` bends it to its left."""
    axis.add_patch(FancyArrowPatch(
        start, end, arrowstyle=style, mutation_scale=11, color=colour, linestyle=dash,
        linewidth=width, shrinkA=0, shrinkB=0, connectionstyle=f"arc3,rad={curve}", zorder=3))


def projection():
    """The projection onto a convex set: why P(z) is never further from the truth than z.

    The set is what the low-resolution image allows, z a result, P(z) the closest
    point of the set, x the truth, which lies in the set.
    """
    figure, axis = canvas("The projection onto a convex set", 6.6, 3.7)
    foot = np.array((3.35, 2.12))  # P(z)
    normal = np.array((0.62, 0.785)) / np.hypot(0.62, 0.785)
    along = np.array((normal[1], -normal[0]))
    z, x = foot + 1.35 * normal, np.array((1.75, 1.05))
    # The outline leaves P(z) along the tangent on both sides, so it is smooth there.
    points = [foot, foot + 0.9 * along, (4.75, 0.62), (3.9, 0.35), (3.0, 0.08), (0.75, 0.12),
              (0.55, 1.0), (0.38, 1.85), foot - 1.1 * along, foot]
    codes = [Path.MOVETO] + [Path.CURVE4] * 9
    axis.add_patch(PathPatch(Path(points, codes), facecolor=TINTS[BLUE], edgecolor=BLUE,
                             linewidth=1.6, zorder=1))
    start, end = foot - 1.75 * along, foot + 1.75 * along
    axis.plot(*np.transpose([start, end]), color=GREY, linewidth=1.1, linestyle=(0, (5, 3)))
    corner = 0.17 * np.array([along, along + normal, normal])
    axis.plot(*(foot + corner).T, color=INK, linewidth=1.1, zorder=4)
    axis.plot(*np.transpose([z, x]), color=ORANGE, linewidth=2, zorder=2)
    axis.plot(*np.transpose([foot, x]), color=BLUE, linewidth=2, zorder=2)
    arrow(axis, z, foot + 0.07 * normal)
    for place, text, colour, move, side in (
            (z, "z: a result", ORANGE, (0.14, 0.08), "left"),
            (foot, "P(z): the closest point of the set", BLUE, (0.34, 0.0), "left"),
            (x, "x: the truth", INK, (-0.02, -0.24), "center")):
        axis.plot(*place, "o", color=colour, markersize=7, zorder=5)
        axis.text(*(place + move), text, color=colour, ha=side, va="center")
    axis.text(*(z + 0.22 * (x - z) + (-0.12, 0.1)), "longer", color=ORANGE, ha="right",
              fontsize=SMALL)
    axis.text(*((foot + x) / 2 + (0.13, -0.2)), "shorter", color=BLUE, fontsize=SMALL)
    axis.text(2.95, 0.42, "all consistent images", color=BLUE, fontsize=SMALL,
              ha="center")
    return figure


def pixel_shuffle(scale=2, side=3):
    """How scale^2 channels of side x side become one image of (scale side) x (scale side)."""
    cell, channels = 0.34, scale**2
    colours = _cycle(channels)
    grid = scale * side * cell
    columns = scale
    left_width = columns * side * cell + (columns - 1) * 0.3
    figure, axis = canvas("The pixel shuffle", left_width + grid + 2.2,
                          grid + (scale - 1) * 0.42 + 0.75)
    height = figure.get_figheight()

    def square(left, top, colour, text):
        axis.add_patch(Rectangle((left, top - cell), cell, cell, facecolor=colour,
                                 edgecolor="#ffffff", linewidth=1))
        axis.text(left + cell / 2, top - cell / 2, text, ha="center", va="center",
                  fontsize=SMALL - 1, color="#ffffff", fontweight="bold")

    for channel in range(channels):
        row, column = divmod(channel, scale)
        left = 0.1 + column * (side * cell + 0.3)
        top = height - 0.35 - row * (side * cell + 0.42)
        axis.text(left, top + 0.06, f"channel {channel}", fontsize=SMALL, color=colours[channel],
                  va="bottom")
        for y in range(side):
            for x in range(side):
                square(left + x * cell, top - y * cell, colours[channel], f"{y * side + x + 1}")
    right = left_width + 1.6
    top = height - 0.35 - (scale - 1) * 0.21
    for y in range(scale * side):
        for x in range(scale * side):
            channel = y % scale * scale + x % scale
            square(right + x * cell, top - y * cell, colours[channel],
                   f"{y // scale * side + x // scale + 1}")
    for y in range(side):  # a line round each block
        for x in range(side):
            axis.add_patch(Rectangle((right + x * scale * cell, top - (y + 1) * scale * cell),
                                     scale * cell, scale * cell, fill=False, edgecolor=INK,
                                     linewidth=1.4, zorder=4))
    middle = top - grid / 2
    arrow(axis, (left_width + 0.35, middle), (right - 0.25, middle), width=2)
    axis.text(left_width / 2 + 0.1, 0.12, f"{side}x{side}x{channels}", ha="center")
    axis.text(right + grid / 2, 0.12, f"{scale * side}x{scale * side}x1", ha="center")
    return figure


def _cycle(count):
    """Colours of equal contrast to white text: the four of the roles first."""
    base = [BLUE, ORANGE, PURPLE, "#22744a"]
    return [base[number % 4] for number in range(count)]


ATTACHED = (layers.ReLU, layers.LeakyReLU, layers.BatchNormalization, layers.Dropout,
            layers.Activation, layers.Rescaling)
# Such layers change no more than the border of an image, or nothing.
LEFT_OUT = (layers.Identity, layers.ZeroPadding2D, CropLike)
JOINS = (layers.Add, layers.Concatenate, layers.Multiply, layers.Average)


def network_diagram(model, size, title=None, fold=False):
    """A network as blocks with the sizes of their outputs, read from the model itself.

    Layers stand in their order from left to right, with arcs for every connection that skips
    layers. Activations and normalisations are written at the layer before them; padding and
    cropping are left out. Layers that repeat are drawn once, in a bracket with their number.

    Args:
        model: a functional ``keras.Model``.
        size: (height, width) of the input image, for example (7, 7); or, for a model with
            several inputs, a dict of the input's name to its size, () for a number.
        title: of the diagram; the name of the model if None.
        fold: draw each residual block as one step.
    """
    steps = steps_of(model, size)
    steps = repeated(folded(steps) if fold else steps)
    spacing = min(1.06, (WIDTH / 100 - 0.3) / len(steps))
    turned = spacing < 0.8
    arcs = [(source, number) for number, step in enumerate(steps) for source in step["inputs"]
            if source != number - 1]
    levels = _arc_levels(arcs)
    above = 0.24 * (max(levels.values(), default=-1) + 1) + (0.1 if arcs else 0)
    texts = [_shown_label(step) for step in steps]
    tallest = 1.15
    label = 0.14 + max(text_width(text, SMALL) if turned else 0.15 * len(text.split("\n"))
                       for text in texts)
    brackets = 0.32 if any(step["times"] for step in steps) else 0
    below = 0.2 + (max(text_width(shape_text(step["shape"]), SMALL) for step in steps) if turned
                   else 0.2)
    height = below + brackets + tallest + label + above
    figure, axis = canvas(title or f"The network {model.name}",
                          spacing * len(steps) + 0.2, height)
    base = below + brackets
    largest = max(step["shape"][0] for step in steps if len(step["shape"]) > 1)
    xs = [0.1 + spacing * (number + 0.5) for number in range(len(steps))]
    tops, halves = [], []
    for step, x, words in zip(steps, xs, texts, strict=True):
        tall, wide = _block_size(step["shape"], largest, tallest, spacing)
        colour = {"input": INK, "join": GREY, "conv": BLUE, "grow": ORANGE}.get(step["kind"],
                                                                              PURPLE)
        middle = base + tallest / 2
        if step["kind"] == "join":
            tall = wide = 0.3
            axis.add_patch(Circle((x, middle), 0.15, facecolor="#ffffff", edgecolor=GREY,
                                  linewidth=1.4, zorder=4))
            sign = {"Add": "+", "Multiply": "\N{MULTIPLICATION SIGN}"}.get(step["label"], "|")
            axis.text(x, middle - 0.01, sign, ha="center", va="center", fontsize=12, zorder=5)
        else:
            axis.add_patch(Rectangle((x - wide / 2, middle - tall / 2), wide, tall, zorder=4,
                                     facecolor=TINTS.get(colour, "#ffffff"), edgecolor=colour,
                                     linewidth=1.4))
        tops.append(middle + tall / 2)
        halves.append(wide / 2)
        axis.text(x, base + tallest + 0.08, words, ha="center", va="bottom", fontsize=SMALL - 0.5,
                  rotation=90 if turned else 0, linespacing=1.1)
        axis.text(x, base - 0.08, shape_text(step["shape"]),
                  ha="center", va="top", fontsize=SMALL - 0.5, rotation=90 if turned else 0)
    for number, step in enumerate(steps):
        if number - 1 in step["inputs"]:
            arrow(axis, (xs[number - 1] + halves[number - 1] + 0.02, base + tallest / 2),
                  (xs[number] - halves[number] - 0.02, base + tallest / 2), width=1.2)
    for source, target in arcs:
        bottom = base + tallest + label
        y = bottom + 0.24 * levels[source, target] + 0.2
        line = [(xs[source] + 0.06, bottom), (xs[source] + 0.06, y),
                (xs[target] - 0.06, y), (xs[target] - 0.06, bottom)]
        axis.plot(*np.transpose(line[:3]), color=GREY, linewidth=1.3, solid_joinstyle="round")
        arrow(axis, line[2], line[3], GREY, width=1.3)
    for number, step in enumerate(steps):
        if step["times"]:
            count, length = step["times"]
            x0, x1 = xs[number] - 0.42 * spacing, xs[number + length - 1] + 0.42 * spacing
            y = 0.28
            axis.plot((x0, x0, x1, x1), (y + 0.08, y, y, y + 0.08), color=PURPLE, linewidth=1.4)
            axis.text((x0 + x1) / 2, y - 0.06, f"\N{MULTIPLICATION SIGN} {count}", ha="center",
                      va="top", color=PURPLE, fontsize=SMALL)
    return figure


def shape_text(shape):
    """(28, 28, 1) as "28x28x1"; (10,) as "10"."""
    return "x".join(str(length) for length in shape)


def steps_of(model, size):
    """What ``network_diagram`` draws, before repetitions are found.

    Returns a list of dicts: "label", "kind" ("input", "conv", "grow", "join" or "other"),
    "shape" of the output without the batch, "inputs" (places in the list) and "times" (None).
    Raises ValueError if an input has no size.
    """
    steps = []
    names = _input_names(model)
    given = size if isinstance(size, dict) else dict.fromkeys(names, size)
    for name in names:
        if name not in given:
            raise ValueError(f"the input {name!r} has no size: pass a dict with "
                             f"{', '.join(map(repr, names))}")
    starts = {}
    for name, tensor in zip(names, model.inputs, strict=True):
        shape = tensor.shape[1:]
        shape = (*given[name], shape[-1]) if len(shape) == 3 else tuple(shape)
        label = "image" if name.endswith("_image") else name
        starts[name] = (len(steps), shape)
        steps.append({"label": label, "kind": "input", "shape": shape, "inputs": [],
                      "times": None})
    _walk(model, starts, steps)
    return steps


def _walk(model, starts, steps):
    """Append the layers of ``model`` to ``steps``; those of a model inside it one by one.

    ``starts`` has (place, shape) by the name of each input; returns that of the output.
    """
    known = {}
    nodes = {id(node.operation): node for depth in model._nodes_by_depth.values()
             for node in depth}
    for node in _in_order(model, nodes):
        layer = node.operation
        if isinstance(layer, layers.InputLayer):
            known[id(node.outputs[0])] = starts[layer.name]
            continue
        tensors = node.input_tensors
        if isinstance(layer, keras.Model):
            inner = dict(zip(_input_names(layer), [known[id(t)] for t in tensors], strict=True))
            result = _walk(layer, inner, steps)
        else:
            result = _add(layer, [known[id(t)] for t in tensors], steps)
        known.update((id(tensor), result) for tensor in node.outputs)
    return known[id(model.outputs[0])]


def _in_order(model, nodes):
    """The nodes of a model, each branch whole before the next, the shorter branches first."""
    makers = {id(tensor): node for node in nodes.values() for tensor in node.outputs}
    done, order, depths = set(), [], {}

    def depth(node):
        if id(node) not in depths:
            depths[id(node)] = 1 + max((depth(makers[id(tensor)])
                                        for tensor in node.input_tensors), default=0)
        return depths[id(node)]

    def visit(node):
        if id(node) in done:
            return
        done.add(id(node))
        for maker in sorted((makers[id(tensor)] for tensor in node.input_tensors), key=depth):
            visit(maker)
        order.append(node)

    for tensor in model.inputs:
        visit(makers[id(tensor)])
    uses = collections.Counter(id(tensor) for node in nodes.values()
                               for tensor in node.input_tensors)
    for node in nodes.values():  # a vector for several blocks, such as the time, comes first
        if len(node.outputs[0].shape) == 2 and uses[id(node.outputs[0])] > 1:
            visit(node)
    visit(makers[id(model.outputs[0])])
    return order


def _shown_label(step):
    return step["label"].lower() if step["kind"] == "join" else step["label"]


def folded(steps):
    """Steps with each residual block, up to its addition, replaced by one step."""
    number = 0
    while number < len(steps):
        start = _start_of_block(steps, number)
        if start is None:
            number += 1
            continue
        inside = range(start + 1, number + 1)
        outside = sorted({source for place in inside for source in steps[place]["inputs"]
                          if source not in inside})
        block = {"label": "residual\nblock", "kind": "block", "shape": steps[number]["shape"],
                 "inputs": outside, "times": None}
        gone = number - start - 1
        later = [dict(step, inputs=[source - gone if source > start else source
                                    for source in step["inputs"]])
                 for step in steps[number + 1:]]
        steps = [*steps[:start + 1], block, *later]
        number = start + 2
    return steps


def _start_of_block(steps, number):
    """The step whose output the addition ``number`` adds to a block of layers, or None."""
    if steps[number]["label"] != "Add":
        return None
    for start in steps[number]["inputs"]:
        inside = range(start + 1, number)
        if (any(steps[place]["kind"] == "conv" and len(steps[place]["shape"]) == 3
                for place in inside) and steps[start]["shape"] == steps[number]["shape"]
                and not any(steps[place]["kind"] in ("block", "input", "grow")
                            for place in inside)
                # From before the start, a block reads vectors, such as a time, but no images.
                and all(source >= start or len(steps[source]["shape"]) == 1
                        for place in inside for source in steps[place]["inputs"])
                and not any(source in inside for step in steps[number + 1:]
                            for source in step["inputs"])):
            return start
    return None


def _add(layer, sources, steps):
    """Append one layer, or write it at the layer before; returns its (place, shape)."""
    inputs, given = [place for place, _ in sources], [(1, *shape) for _, shape in sources]
    shape = tuple(layer.compute_output_shape(given if len(given) > 1 else given[0])[1:])
    follows = inputs == [len(steps) - 1]
    if isinstance(layer, LEFT_OUT):
        return inputs[0], shape
    if (isinstance(layer, ATTACHED) and follows and steps[-1]["kind"] != "input"
            and steps[-1]["kind"] != "join" and steps[-1]["shape"] == shape):
        steps[-1]["label"] += f"\n{_words(layer)}"
        return inputs[0], shape
    kind = ("conv" if isinstance(layer, layers.Conv2D | layers.Dense) else
            "grow" if isinstance(layer, PixelShuffle | Bicubic | layers.UpSampling2D
                                 | layers.Conv2DTranspose) else
            "join" if isinstance(layer, JOINS) else "other")
    steps.append({"label": _words(layer), "kind": kind, "shape": shape, "inputs": inputs,
                  "times": None})
    return len(steps) - 1, shape


def _input_names(model):
    return [tensor._keras_history.operation.name for tensor in model.inputs]


def _words(layer):
    """What is written at a layer: its kind, its kernel, its activation."""
    activation = getattr(getattr(layer, "activation", None), "__name__", "linear")
    words = type(layer).__name__
    if isinstance(layer, layers.Conv2D | layers.Conv2DTranspose):
        words = "up conv" if isinstance(layer, layers.Conv2DTranspose) else "conv"
        words += f"\n{layer.kernel_size[0]}x{layer.kernel_size[1]}"
        if layer.strides != (1, 1):
            words += f", stride {layer.strides[0]}"
        if layer.dilation_rate != (1, 1):
            words += f"\ndilation {layer.dilation_rate[0]}"
    elif isinstance(layer, PixelShuffle):
        words = f"shuffle\nx{layer.scale}"
    elif isinstance(layer, Bicubic):
        words = f"bicubic\nx{layer.scale}"
    elif isinstance(layer, layers.UpSampling2D):
        words = f"repeat\nx{layer.size[0]}"
    elif isinstance(layer, layers.MaxPooling2D):
        words = f"max pool\n{layer.pool_size[0]}x{layer.pool_size[1]}"
    else:
        words = {"BatchNormalization": "batch norm", "GlobalAveragePooling2D": "mean over\nplaces",
                 "ZeroPadding2D": "pad", "CropLike": "crop", "WithRotatedCopy": "rotated\ncopy",
                 "MeanOfRotated": "mean of\nboth", "Dense": "dense", "Flatten": "flatten",
                 "Dropout": "dropout", "Consistent": "projection", "LeakyReLU": "leaky ReLU",
                 "Rescaling": "shift", "TimeWaves": "waves of t", "Reshape": "reshape",
                 "VelocityAboutGuess": "velocity"}.get(words, words)
    if activation != "linear" and not isinstance(layer, ATTACHED):
        words += "\n" + {"relu": "ReLU"}.get(activation, activation)
    return words


def repeated(steps):
    """Steps with each run of equal parts replaced by its first part, with "times" set.

    "times" of the first step of such a part is (how often it stands there, its length).
    """
    def alike(number, other):
        """Equal layers, fed by equal places before them or by one and the same step."""
        one, two = steps[number], steps[other]
        return ((one["label"], one["shape"], len(one["inputs"]))
                == (two["label"], two["shape"], len(two["inputs"]))
                and all(a == b or number - a == other - b
                        for a, b in zip(one["inputs"], two["inputs"], strict=True)))

    def again(number, period, count):
        """Whether the part after ``count`` copies is one more copy, fed by the last."""
        start = number + count * period
        return (start + period <= len(steps) and start - 1 in steps[start]["inputs"]
                and all(alike(number + offset, start + offset) for offset in range(period)))

    result, renamed, number = [], {}, 0
    while number < len(steps):
        best = (0, 0, 0)
        for period in range(1, 9):
            count = 1
            while again(number, period, count):
                count += 1
            best = max(best, ((count - 1) * period, -period, count))
        saved, period, count = best[0], -best[1], best[2]
        if not saved:
            period, count = 1, 1
        start = len(result)
        for offset in range(period):
            step = dict(steps[number + offset])
            step["inputs"] = [renamed[source] for source in step["inputs"]]
            step["times"] = (count, period) if offset == 0 and count > 1 else None
            result.append(step)
            renamed[number + offset] = start + offset
        for extra in range(period, count * period):
            renamed[number + extra] = start + extra % period
        number += count * period
    return result


def _arc_levels(arcs):
    """The height of each arc, so that arcs over the same place do not lie on one another."""
    levels = {}
    for arc in sorted(arcs, key=lambda arc: arc[1] - arc[0]):
        taken = {levels[other] for other in levels
                 if max(arc[0], other[0]) < min(arc[1], other[1])}
        levels[arc] = next(level for level in range(len(arcs)) if level not in taken)
    return levels


def _block_size(shape, largest, tallest, spacing):
    if len(shape) == 1:
        return 0.35 + 0.15 * math.log10(max(shape[0], 1)), 0.14
    tall = tallest * (0.3 + 0.7 * math.log2(shape[0] + 1) / math.log2(largest + 1))
    return tall, min(0.62 * spacing, 0.08 + 0.06 * math.log2(shape[-1] + 1))


def frozen_classifier(upscaler="upscaler", classifier="classifier", image_loss="log MSE",
                      label_loss="cross-entropy", weight="0.03", projected=False):
    """A frozen classifier in the loss of an upscaler: data to the right, gradients back.

    Args:
        upscaler, classifier: their names.
        image_loss, label_loss: names of the two losses.
        weight: of the second loss, as text.
        projected: whether a projection stands behind the upscaler.
    """
    snow, times = "\N{SNOWFLAKE}", "\N{MULTIPLICATION SIGN}"
    figure, axis = canvas("A frozen classifier in a loss", 8.6 if projected else 8.0, 3.1)
    row, wide, data, back = 1.95, 1.2, 2.03, 1.79  # data arrows run above gradients

    def block(x, text, colour, y=row, dashed=False, width=wide):
        axis.add_patch(FancyBboxPatch((x, y - 0.3), width, 0.6, facecolor=TINTS.get(
            colour, "#ffffff"), edgecolor=colour, linewidth=1.5, zorder=2,
            linestyle=(0, (4, 2)) if dashed else "-",
            boxstyle="round,pad=0,rounding_size=0.06"))
        axis.text(x + width / 2, y, text, ha="center", va="center", linespacing=1.3)

    def gradient(*ends):
        arrow(axis, *ends, ORANGE, (0, (3, 2)), width=1.2)

    axis.text(0.42, data, "low_res", ha="center", va="center")
    arrow(axis, (0.75, data), (1.0, data))
    block(1.0, f"{upscaler}\n(trained)", ORANGE)
    x = 1.0 + wide
    if projected:
        arrow(axis, (x, data), (x + 0.35, data))
        gradient((x + 0.35, back), (x, back))
        block(x + 0.35, "projection\n(no weights)", GREY)
        x += 0.35 + wide
    image = x + 0.7
    axis.text(image, data, "high_res", ha="center", va="center")
    arrow(axis, (x, data), (image - 0.36, data))
    arrow(axis, (image + 0.36, data), (image + 0.7, data))
    block(image + 0.7, f"{classifier} {snow}\n(frozen)", BLUE, dashed=True)
    last = image + 0.7 + wide
    arrow(axis, (last, data), (last + 0.65, data))
    axis.text(last + 0.32, data + 0.12, "logits", ha="center", va="bottom", fontsize=SMALL)
    block(last + 0.65, f"{label_loss}\nwith the label", PURPLE, width=1.3)
    total = last + 0.65 + 0.65
    gradient((last + 0.65, back), (last, back))
    gradient((image + 0.7, back), (x, back))

    block(image - 0.65, f"{image_loss}\nwith the truth", PURPLE, y=0.6, width=1.3)
    arrow(axis, (image - 0.13, data - 0.13), (image - 0.13, 0.9))
    gradient((image + 0.13, 0.9), (image + 0.13, back))
    arrow(axis, (image + 0.65, 0.6), (total - 0.9, 0.6))
    arrow(axis, (total, row - 0.3), (total, 0.92))
    axis.text(total, 0.6, f"loss = {image_loss} +\n{weight} {times} {label_loss}", ha="center",
              va="center", linespacing=1.4)

    y = 2.75
    arrow(axis, (1.0, y), (1.5, y))
    axis.text(1.58, y, "data", va="center", fontsize=SMALL)
    gradient((2.75, y), (2.25, y))
    axis.text(2.83, y, "gradient: it passes through frozen layers and changes the upscaler only",
              va="center", fontsize=SMALL, color=ORANGE)
    return figure


def receptive_fields(photo, fields, at=None, magnify=4):
    """What one pixel of each network's output depends on, as nested squares on a photo.

    Args:
        photo: uint8 (height, width, 3) or (height, width), or floats in [0, 1].
        fields: dict of name to the side of the square in pixels of the photo.
        at: (x, y) of the pixel; the middle of the photo if None.
        magnify: pixels of the page per pixel of the photo.
    """
    photo = np.asarray(photo).squeeze()
    x, y = at or (photo.shape[1] // 2, photo.shape[0] // 2)
    reach = max(fields.values()) // 2 + 8
    left, top = max(x - reach, 0), max(y - reach, 0)
    part = photo[top:y + reach + 1, left:x + reach + 1]
    high, wide = part.shape[0] * magnify / 100, part.shape[1] * magnify / 100
    figure = plt.figure(figsize=(wide + 2.4, high))
    axis = figure.add_axes((0, 0, wide / (wide + 2.4), 1))
    axis.imshow(part, vmin=0, vmax=255 if part.dtype == np.uint8 else 1, cmap="gray")
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set(visible=True, color=FRAME, linewidth=HAIRLINE)
    ends = []
    for (name, side), colour in zip(sorted(fields.items(), key=lambda field: -field[1]),
                                    ("#ffffff", "#ffd08a", "#8fd3ff", "#ffb3e6", "#b6f0c2") * 9,
                                    strict=False):
        corner = (x - left - side / 2, y - top - side / 2)
        for width, shade in ((4, INK), (2, colour)):
            axis.add_patch(Rectangle(corner, side, side, fill=False, edgecolor=shade,
                                     linewidth=width * HAIRLINE))
        ends.append((f"{name}: {side}x{side}", corner[0] + side, corner[1]))
    axis.plot(x - left, y - top, "s", color="#ffffff", markeredgecolor=INK, markersize=4)
    # Labels right of the photo, joined to the upper right corner of their squares.
    unit = part.shape[0] / high
    places = apart([place for _, _, place in ends], 0.24 * unit)
    for (text, corner_x, corner_y), place in zip(ends, places, strict=True):
        axis.annotate(text, (corner_x, corner_y), (part.shape[1] + 0.25 * unit, place),
                      va="center", annotation_clip=False,
                      arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.9,
                                  "relpos": (0, 0.5), "shrinkA": 2, "shrinkB": 0})
    return figure


def waves(image, limits=(1, 2, 3.5, 5, 8, 14), size=1.15):
    """An image rebuilt ring by ring, with what each step adds, and the rings on its spectrum.

    Args:
        image: (side, side) or (side, side, 1) in [0, 1].
        limits: cycles per image up to which waves are kept, ascending.
        size: approximate side of a tile in inches.
    """
    image = np.asarray(image, float).squeeze()
    kept = [spectrum.up_to_ring(image[None], limit)[0] for limit in limits]
    added = [kept[0] - image.mean(), *(b - a for a, b in zip(kept[:-1], kept[1:], strict=True))]
    power = np.abs(np.fft.fftshift(np.fft.fft2(image - image.mean())))
    decibel = 20 * np.log10(np.maximum(power, power.max() * 1e-3) / power.max())
    top = max(np.abs(part).max() for part in added)
    notes = [f"up to {limit:g}" for limit in limits]
    steps = [f"0 to {limits[0]:g}", *(f"{a:g} to {b:g}" for a, b in
                                      zip(limits[:-1], limits[1:], strict=True))]
    rows = {"rebuilt": [np.clip(part, 0, 1) for part in kept], "waves\nadded": added,
            "spectrum\n(dB)": [decibel] * len(limits)}
    figure = panels(rows, {"rebuilt": notes, "waves\nadded": steps}, size=size,
                    cmaps={"waves\nadded": "RdBu_r", "spectrum\n(dB)": "magma"},
                    ranges={"waves\nadded": (-top, top), "spectrum\n(dB)": (-60, 0)})
    side, count = len(image), len(limits)
    for number, limit in enumerate(limits):
        axis = figure.axes[2 * count + number]
        axis.add_patch(Circle((side // 2, side // 2), limit + 0.5, fill=False,
                              edgecolor="#ffffff", linewidth=1.6, clip_on=True))
        axis.set(xlim=(-0.5, side - 0.5), ylim=(side - 0.5, -0.5))
    return figure


def flow_steps(times, samples, guesses=None, size=1.05):
    """A digit that is drawn along its flow: x_t at some times, and where it heads.

    Args:
        times: the times, ascending from 0 to 1.
        samples: (times, height, width), x_t.
        guesses: (times, height, width), x_t + (1 - t) v, where the network believes it ends.
        size: approximate side of a tile in inches.
    """
    rows = {"x at time t": np.asarray(samples).squeeze()}
    if guesses is not None:
        rows["where\nit heads"] = np.asarray(guesses).squeeze()
    figure = panels(rows, {list(rows)[-1]: [f"t = {time:.2g}" for time in times]}, size=size)
    return figure

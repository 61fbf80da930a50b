"""The pictures of all lessons: pixels drawn as pixels, one grey scale, alternative text.

Introduced in lesson 01. Lesson 02 introduces ``spectra``, lesson 03 ``poster``, lesson 06
``photographs`` and lesson 07 ``planes``.
"""

import io
import itertools
import math

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Image, display
from matplotlib import font_manager
from matplotlib.ticker import MaxNLocator
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

DPI = 200  # shown at 100 dots per inch, so that text and pixels are sharp on a dense screen
INK, BLUE, ORANGE, GREEN, RED, GREY = (
    "#1b1f24", "#2563a8", "#d9822b", "#2f855a", "#c0392b", "#8a929c")

plt.rcParams.update({
    "font.size": 10, "axes.titlesize": 11, "axes.labelsize": 10, "axes.edgecolor": GREY,
    "axes.spines.top": False, "axes.spines.right": False, "axes.titleweight": "bold",
    "axes.prop_cycle": plt.cycler(color=[BLUE, ORANGE, GREEN, RED, GREY, INK]),
    "image.cmap": "gray", "image.interpolation": "nearest", "legend.frameon": False,
    "lines.linewidth": 2, "figure.dpi": 100,
})


def show(figure, alt):
    """Show a matplotlib figure in the notebook with alternative text ``alt``, and close it."""
    data, width = packed(figure)
    # As metadata, because the IPython of Google Colab (7.34) has no argument `alt`.
    display(Image(data=data, metadata={"alt": alt}, width=width * 100 // DPI))


def packed(figure):
    """Draw a matplotlib figure as a PNG and close it; returns its bytes and its width in pixels.

    The PNG has one channel if the figure has no colours, and a palette of 256 colours
    otherwise, which keeps the lessons small.
    """
    drawn, file = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, dpi=DPI, bbox_inches="tight", pad_inches=0.08, facecolor="white")
    plt.close(figure)
    picture = Picture.open(drawn).convert("RGB")
    reduced = picture.convert("L")
    if reduced.convert("RGB") != picture:
        reduced = picture.quantize(256, dither=Picture.Dither.NONE)
    reduced.save(file, "PNG", optimize=True)
    return file.getvalue(), picture.width


def poster(images, columns, alt, width=1000):
    """Show images side by side, pixel by pixel, as one picture.

    Nothing is resampled: the picture holds every pixel. It has 64 levels of grey, which keeps
    the lessons small.

    Args:
        images: (n, height, width, 1) in [0, 1]; n is a multiple of ``columns``.
        columns: images per row.
        alt: alternative text.
        width: width of the picture on the page in pixels.
    """
    rows = [np.hstack(images[i:i + columns, ..., 0]) for i in range(0, len(images), columns)]
    greys = np.round(np.vstack(rows) * 63) * (255 / 63)
    file = io.BytesIO()
    Picture.fromarray(np.round(greys).astype("uint8")).save(file, "PNG", optimize=True)
    display(Image(data=file.getvalue(), metadata={"alt": alt}, width=width))


def photographs(images, alt, columns):
    """Show photographs side by side as a JPEG, which keeps lessons with colours small.

    A pixel of a photograph is a pixel of the page: nothing is resampled.

    Args:
        images: dict of name to uint8 (height, width, 3), with the name written above the
            photograph; or a list of photographs without names. The pixels of a photograph that
            is smaller than the largest are repeated a whole number of times.
        alt: alternative text.
        columns: photographs per row.
    """
    if not isinstance(images, dict):
        names, images = [""] * len(images), list(images)
    else:
        names, images = list(images), list(images.values())
    height, width = np.max([image.shape[:2] for image in images], axis=0)
    gap = 8
    title = 26 if any(names) else 0
    rows = -(-len(images) // columns)
    sheet = Picture.new("RGB", (int(columns * (width + gap) - gap),
                                int(rows * (height + title + gap) - gap)), "white")
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.truetype(font_manager.findfont("DejaVu Sans:bold"), 16)
    for number, (name, image) in enumerate(zip(names, images, strict=True)):
        times = max(1, height // image.shape[0])
        image = image.repeat(times, axis=0).repeat(times, axis=1)
        row, column = divmod(number, columns)
        left, top = int(column * (width + gap)), int(row * (height + title + gap))
        pen.text((left, top), name, fill=INK, font=font)
        sheet.paste(Picture.fromarray(image), (left, top + int(title)))
    file = io.BytesIO()
    # Without subsampling, every pixel has a colour of its own.
    sheet.save(file, "JPEG", quality=78, subsampling=0, optimize=True)
    display(Image(data=file.getvalue(), format="jpeg", metadata={"alt": alt}, width=sheet.width))


def panels(rows, notes=None, cmaps=None, size=0.95, ranges=None):
    """A table of images: one row per label, one column per image, all drawn at the same size.

    Args:
        rows: dict of label to images (n, height, width) or (n, height, width, 1). The rows may
            differ in resolution.
        notes: dict of label to n short texts, which are written below the images of that row.
        cmaps: dict of label to a colour map; grey for labels that are missing.
        size: approximate side of an image in inches. Each pixel of each image becomes a whole
            number of pixels on the page, so that no pixel is drawn wider than another.
        ranges: dict of label to (lowest, highest) value; (0, 1) for labels that are missing, so
            that all rows have one grey scale.

    Returns the matplotlib figure, for ``show``.
    """
    notes, cmaps, ranges = notes or {}, cmaps or {}, ranges or {}
    columns = max(len(images) for images in rows.values())
    side = whole_pixels(size, {np.shape(images[0])[0] for images in rows.values()})
    dots = round(side * DPI)
    gap, note_height = 12 / DPI, 0.2  # inches
    heights = [side + (note_height if label in notes else 0.0) for label in rows]
    figure, axes = plt.subplots(
        len(rows), columns, squeeze=False,
        figsize=(columns * side + (columns - 1) * gap, sum(heights) + (len(rows) - 1) * gap),
        gridspec_kw={"height_ratios": heights, "wspace": gap / side, "left": 0, "right": 1,
                     "hspace": gap / np.mean(heights), "bottom": 0, "top": 1})
    for row_axes, (label, images) in zip(axes, rows.items(), strict=True):
        low, high = ranges.get(label, (0, 1))
        for column, axis in enumerate(row_axes):
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
            axis.set_anchor("N")
            if column >= len(images):
                continue
            image = np.asarray(images[column]).squeeze()
            axis.imshow(image, vmin=low, vmax=high, cmap=cmaps.get(label, "gray"),
                        interpolation="nearest" if len(image) <= dots else "antialiased")
            if label in notes:
                axis.set_xlabel(notes[label][column], fontsize=9, labelpad=2)
        row_axes[0].set_ylabel(label, rotation=0, ha="right", va="center", labelpad=8)
    return figure


def whole_pixels(size, sides):
    """The length in inches, close to ``size``, that shows images of ``sides`` pixels evenly.

    Each pixel of an image becomes a whole number of pixels of the page, which are 1/100 inch.
    If no such length is close enough, it becomes a whole number of dots of the stored picture,
    which has ``DPI`` dots per inch. If that fails too, the result is ``size``. Images with more
    pixels than there are dots are left out; they are averaged when they are drawn.

    Args:
        size: the wanted length in inches.
        sides: a set of the images' sides in pixels.
    """
    dots = size * DPI
    common = math.lcm(*(side for side in sides if side <= 1.2 * dots))
    for step in (common * DPI // 100, common):
        if step <= 1.8 * dots:
            return max(1, round(dots / step)) * step / DPI
    return size


def curves(series, xlabel, ylabel, x=None, size=(6.6, 3.0), marker="o", levels=None):
    """Named lines in one diagram.

    Args:
        series: dict of name to y values.
        xlabel, ylabel: labels of the axes.
        x: the x values of all lines; 1, 2, 3, ... if None.
        size: (width, height) in inches.
        marker: matplotlib's marker of a point.
        levels: dict of name to one y value, drawn as a dashed line with the name at its end.

    Returns the matplotlib figure, for ``show``.
    """
    figure, axis = plt.subplots(figsize=size)
    for name, values in series.items():
        x_values = np.arange(1, len(values) + 1) if x is None else x
        axis.plot(x_values, values, marker=marker, markersize=5, label=name)
    axis.set(xlabel=xlabel, ylabel=ylabel)
    if x is None:
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(alpha=0.25)
    for name, value in (levels or {}).items():
        axis.axhline(value, color=GREY, linestyle="--", linewidth=1.2)
        axis.annotate(name, (1, value), xycoords=("axes fraction", "data"), va="center",
                      xytext=(4, 0), textcoords="offset points", color=GREY)
    if len(series) > 1:
        axis.legend()
    return figure


def spectra(parts, ylabel="power", limit=3.5, log=True, last=14, size=(4.1, 3.0)):
    """Radial spectra side by side, with a dashed line at the finest wave of a grid.

    Args:
        parts: dict of title to a dict of name to one value per ring. Ring 0 comes first and is
            not drawn, since the mean of an image is no detail.
        ylabel: label of the vertical axis.
        limit: cycles per image that the low-resolution grid can carry: half of its side.
        log: whether the vertical axis is logarithmic.
        last: the last ring that is drawn: half of the image's side.
        size: (width, height) of one diagram in inches.

    Returns the matplotlib figure, for ``show``.
    """
    figure, axes = plt.subplots(1, len(parts), sharey=True, squeeze=False, layout="constrained",
                                figsize=(size[0] * len(parts), size[1]))
    for axis, (title, series) in zip(axes[0], parts.items(), strict=True):
        for name, values in series.items():
            axis.plot(np.arange(1, last + 1), values[1:last + 1], marker="o", markersize=4,
                      label=name)
        axis.axvline(limit, color=GREY, linestyle="--", linewidth=1.2)
        axis.set(title=title, xlabel="ring: cycles per image", xlim=(0.5, last + 0.5),
                 yscale="log" if log else "linear")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.grid(alpha=0.25)
        if len(series) > 1:
            axis.legend(fontsize=9)
    axes[0, 0].set_ylabel(ylabel)
    return figure


def planes(parts, xlabel, beyond=(), size=(4.9, 3.7)):
    """Named points and lines in diagrams side by side, whose vertical axes begin at 0.

    Args:
        parts: dict of the label of the vertical axis to a dict of name to (x, y). Two numbers
            are a point with its name above it. Two sequences are a line with its name in the
            legend; lines are solid and dashed in turn.
        xlabel: label of the horizontal axes.
        beyond: names of points that are not drawn, since they lie far outside to the upper
            right. An arrow points to them, with their x and y.
        size: (width, height) of one diagram in inches.

    Returns the matplotlib figure, for ``show``.
    """
    figure, axes = plt.subplots(1, len(parts), squeeze=False, layout="constrained",
                                figsize=(size[0] * len(parts), size[1]))
    for axis, (ylabel, named) in zip(axes[0], parts.items(), strict=True):
        axis.set(xlabel=xlabel, ylabel=ylabel)
        styles = itertools.cycle(("-", "--"))
        for name, (x, y) in named.items():
            if np.ndim(x):
                axis.plot(x, y, next(styles), label=name)
                continue
            if name in beyond:
                axis.annotate(f"{name}: {x:.3g}, {y:.2g}", (0.99, 0.62), (0.64, 0.5), fontsize=9,
                              xycoords="axes fraction", textcoords="axes fraction",
                              arrowprops={"arrowstyle": "->", "color": INK})
                continue
            axis.plot(x, y, "o", color=INK, markersize=6)
            axis.annotate(name, (x, y), xytext=(6, 6), fontsize=9, textcoords="offset points")
        axis.margins(0.12)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.25)
        axis.legend(fontsize=9, loc="upper right")
    return figure


def bars(values, ylabel, xlabel="", size=(6.6, 2.8), form="{:.2f}"):
    """One bar per name, with its value written above it.

    Args:
        values: dict of name to number.
        ylabel, xlabel: labels of the axes.
        size: (width, height) in inches.
        form: how values are written, as for ``str.format``.

    Returns the matplotlib figure, for ``show``.
    """
    figure, axis = plt.subplots(figsize=size)
    container = axis.bar([str(name) for name in values], list(values.values()), color=BLUE,
                         width=0.7)
    axis.bar_label(container, [form.format(value) for value in values.values()], padding=2,
                   fontsize=9)
    axis.set(xlabel=xlabel, ylabel=ylabel, ylim=(0, max(values.values()) * 1.12))
    return figure

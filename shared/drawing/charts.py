"""Charts with the roles' colours and markers, whose lines are labelled at their ends."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.offsetbox import AnnotationBbox, OffsetImage, TextArea, VPacker
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Affine2D

from shared.drawing.roles import (
    FRAME,
    GREEN,
    GREY,
    INK,
    NAMES,
    PURPLE,
    ROLES,
    SHADE,
    Role,
    looks,
)

DENSE = 30  # a line of more points has no markers
SMALL = 9  # points


def curves(series, xlabel, ylabel, x=None, size=(6.6, 3.0), marker=None, levels=None, roles=None,
           errors=None, diagonal=False, counts=None):
    """Named lines in one diagram, each with its name at its end.

    Args:
        series: dict of name to y values.
        xlabel, ylabel: labels of the axes.
        x: the x values of all lines; 1, 2, 3, ... if None.
        size: (width, height) in inches.
        marker: matplotlib's marker of a point; that of the role if None, and none for lines of
            more than 30 points.
        levels: dict of name to one y value, drawn as a dashed line with the name at its end.
        roles: dict of name to a role, see ``roles.looks``.
        errors: dict of name to half lengths of error bars, one per point or (2, points).
        diagonal: draw the line on which y is x, and give both axes one scale.
        counts: one number per point, written above the points: how many cases each stands for.

    Returns the matplotlib figure, for ``show``.
    """
    figure, axis = plt.subplots(figsize=size)
    levels = levels or {}
    known = NAMES | (roles or {})
    look = looks([*series, *(name for name in levels if name in known)], roles)
    look |= {name: Role(GREY, "", ":") for name in levels if name not in known}
    ends = []
    for name, values in series.items():
        x_values = np.arange(1, len(values) + 1) if x is None else x
        colour, shape, dash = look[name]
        if marker is not None or len(values) > DENSE:
            shape = marker or ""
        axis.plot(x_values, values, linestyle=dash, marker=shape, markersize=5.5, color=colour,
                  label=name)
        if errors and name in errors:
            axis.errorbar(x_values, values, errors[name], fmt="none", ecolor=colour, capsize=3,
                          elinewidth=1.2)
        last = np.flatnonzero(np.isfinite(values))[-1]
        ends.append((name, np.asarray(x_values)[last], np.asarray(values)[last], colour))
    axis.set(xlabel=xlabel, ylabel=ylabel)
    if diagonal:
        limits = (min(axis.get_xlim()[0], axis.get_ylim()[0]),
                  max(axis.get_xlim()[1], axis.get_ylim()[1]))
        axis.set(xlim=limits, ylim=limits, aspect="equal")
        axis.plot(limits, limits, color=GREY, linewidth=1, zorder=0)
    if x is None:
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(alpha=0.25)
    for name, value in levels.items():
        dash = "--" if name in known else look[name].dash
        axis.axhline(value, color=look[name].colour, linestyle=dash, linewidth=1.2)
        ends.append((name, None, value, look[name].colour))
    if counts is not None:
        x_values = np.arange(1, len(counts) + 1) if x is None else x
        for place, count in zip(x_values, counts, strict=True):
            axis.annotate(f"{count:,}", (place, 1.02), xycoords=("data", "axes fraction"),
                          ha="center", va="bottom", fontsize=8, color=GREY)
    label_ends(axis, ends)
    return figure


def label_ends(axis, ends, size=SMALL):
    """Write the name of each line at its end, right of the axes, without overlaps.

    The places are found when the figure is drawn, so limits and scales may still change.

    Args:
        axis: matplotlib axes.
        ends: list of (name, x, y, colour) of the last point of a line; x is None for a line
            that runs through to the right edge. A line that leaves the picture is labelled at
            the edge where it does.
        size: of the text in points.
    """
    order = sorted(range(len(ends)), key=lambda number: ends[number][2])

    def points():
        right = axis.get_xlim()[1]
        places = axis.transData.transform([(right if x is None else x, y) for _, x, y, _ in ends])
        return np.clip(places, (axis.bbox.x0, axis.bbox.y0), (axis.bbox.x1, axis.bbox.y1))

    def end_of(number):
        return lambda renderer: Affine2D().translate(*points()[number])

    def label_of(number):
        def place(renderer):
            gap = size * 1.35 / 72 * axis.figure.dpi
            heights = apart(points()[order, 1], gap)
            return Affine2D().translate(axis.bbox.x1 + 0.12 * axis.figure.dpi,
                                        heights[order.index(number)])

        return place

    for number, (name, _, _, colour) in enumerate(ends):
        axis.annotate(name, (0, 0), (0, 0), xycoords=end_of(number), textcoords=label_of(number),
                      va="center", ha="left", color=colour, fontsize=size, annotation_clip=False,
                      arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.7,
                                  "relpos": (0, 0.5), "shrinkA": 1, "shrinkB": 3})


def apart(values, gap):
    """Sorted numbers moved as little as possible so that neighbours are at least ``gap`` apart.

    Crowded ones form a group about the mean of where they wanted to be.
    """
    groups = []  # of (sum of wanted positions of the first one, count)
    for value in values:
        groups.append([value, 1])
        while len(groups) > 1:
            (low, n), (high, m) = groups[-2:]
            if low / n + n * gap <= high / m:
                break
            # The first of the merged group wants to be where its members, shifted back, want it.
            groups[-2:] = [[low + high - m * n * gap, n + m]]
    return np.concatenate([total / count + gap * np.arange(count) for total, count in groups])


def spectra(parts, ylabel="power", limit=3.5, log=True, last=14, size=(4.1, 3.0), roles=None,
            beyond="not in the input"):
    """Radial spectra side by side; the waves that a coarser grid cannot carry are shaded.

    Args:
        parts: dict of title to a dict of name to one value per ring. Ring 0 comes first and is
            not drawn, since the mean of an image is no detail.
        ylabel: label of the vertical axis.
        limit: cycles per image that the low-resolution grid can carry: half of its side.
        log: whether the vertical axis is logarithmic.
        last: the last ring that is drawn: half of the image's side.
        size: (width, height) of one diagram in inches.
        roles: dict of name to a role, see ``roles.looks``.
        beyond: what is written in the shaded region.

    Returns the matplotlib figure, for ``show``.
    """
    figure, axes = plt.subplots(1, len(parts), sharey=True, squeeze=False, layout="constrained",
                                figsize=(size[0] * len(parts), size[1]))
    look = looks(list(dict.fromkeys(name for series in parts.values() for name in series)), roles)
    for axis, (title, series) in zip(axes[0], parts.items(), strict=True):
        ends = []
        for name, values in series.items():
            rings = np.arange(1, last + 1)
            shown = np.asarray(values[1:last + 1], float)
            axis.plot(rings, shown, linestyle=look[name].dash, color=look[name].colour,
                      marker=look[name].marker if last <= DENSE else "", markersize=4.5,
                      label=name)
            end = np.flatnonzero(np.isfinite(shown))[-1]
            ends.append((name, rings[end], shown[end], look[name].colour))
        axis.axvspan(limit, last + 0.5, color=SHADE, zorder=0)
        axis.annotate(beyond, (limit, 1), xycoords=("data", "axes fraction"), xytext=(3, -3),
                      textcoords="offset points", va="top", fontsize=8, color=GREY)
        axis.set(title=title, xlabel="ring: cycles per image", xlim=(0.5, last + 0.5),
                 yscale="log" if log else "linear")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.grid(alpha=0.25)
        label_ends(axis, ends)
    axes[0, 0].set_ylabel(ylabel)
    return figure


def planes(parts, xlabel, beyond=(), size=(4.9, 3.7), roles=None, thumbnails=None,
           impossible=None):
    """Named points and lines in diagrams side by side, whose vertical axes begin at 0.

    Args:
        parts: dict of the label of the vertical axis to a dict of name to (x, y). Two numbers
            are a point with its name beside it. Two sequences are a line with its name at its
            end.
        xlabel: label of the horizontal axes.
        beyond: names of points that are not drawn, since they lie far outside to the upper
            right. An arrow points to them, with their x and y.
        size: (width, height) of one diagram in inches.
        roles: dict of name to a role, see ``roles.looks``.
        thumbnails: dict of name to an image (height, width), drawn beside the point.
        impossible: x value; the region left of it is shaded and called impossible. Or a curve
            (x values, y values), the region left of which is.

    Returns the matplotlib figure, for ``show``.
    """
    figure, axes = plt.subplots(1, len(parts), squeeze=False, layout="constrained",
                                figsize=(size[0] * len(parts), size[1]))
    look = looks(list(dict.fromkeys(name for named in parts.values() for name in named)), roles)
    for axis, (ylabel, named) in zip(axes[0], parts.items(), strict=True):
        axis.set(xlabel=xlabel, ylabel=ylabel)
        ends, points = [], {}
        for name, (x, y) in named.items():
            if np.ndim(x):
                axis.plot(x, y, linestyle=look[name].dash, color=look[name].colour, label=name,
                          zorder=1.5)
                ends.append((name, x[-1], y[-1], look[name].colour))
            elif name in beyond:
                axis.annotate(f"{name}: {x:.3g}, {y:.3g}", (0.99, 0.93), (0.6, 0.93),
                              fontsize=SMALL, xycoords="axes fraction", color=look[name].colour,
                              textcoords="axes fraction", va="center",
                              arrowprops={"arrowstyle": "->", "color": look[name].colour})
            else:
                axis.plot(x, y, look[name].marker, color=look[name].colour, markersize=7)
                points[name] = (x, y)
        axis.margins(0.18)
        axis.set_ylim(bottom=0)
        if impossible is not None:
            _shade_left_of(axis, impossible)
        axis.grid(alpha=0.25)
        label_ends(axis, ends)
        name_points(axis, points, {name: look[name].colour for name in points}, thumbnails)
    return figure


def _shade_left_of(axis, limit):
    """Shade what is left of an x value or of a curve (x values, y values)."""
    curved = np.ndim(limit) > 0
    x, y = limit if curved else ([limit, limit], axis.get_ylim())
    axis.set_xlim(left=min(axis.get_xlim()[0], 0.9 * np.min(x)))
    left, bottom = axis.get_xlim()[0], axis.get_ylim()[0]
    if curved:
        axis.fill_betweenx(y, left, x, color=SHADE, linewidth=0, zorder=0)
        axis.plot(x, y, color=GREY, linewidth=1.2, zorder=1)
    else:
        axis.axvspan(left, limit, color=SHADE, zorder=0)
    # Inside the region, beside the place where it is narrowest.
    axis.annotate("impossible", (np.min(x), bottom), xytext=(-4, 6), rotation=90,
                  textcoords="offset points", ha="right", va="bottom", fontsize=SMALL, color=GREY)


def name_points(axis, points, colours, thumbnails=None, radii=None):
    """Write names beside points where they cover neither points nor other names.

    Args:
        axis: matplotlib axes with its final limits and scales.
        points: dict of name to (x, y).
        colours: dict of name to the colour of the text.
        thumbnails: dict of name to an image (height, width) that stands above the name.
        radii: dict of name to the radius of its point, in typographic points.
    """
    thumbnails, radii = thumbnails or {}, radii or {}
    figure = axis.figure
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    spots = axis.transData.transform(list(points.values())) if points else []
    line_points = [axis.transData.transform(line.get_xydata()) for line in axis.lines
                   if len(line.get_xydata()) > 1]
    taken = []
    step = 7 * figure.dpi / 72
    sizes = [max(3.0, radii.get(name, 0) * figure.dpi / 72) for name in points]

    def cost(box):
        dots = sum(box.x0 - r < x < box.x1 + r and box.y0 - r < y < box.y1 + r
                   for (x, y), r in zip(spots, sizes, strict=True))
        lines = sum(((box.x0 < line[:, 0]) & (line[:, 0] < box.x1)
                     & (box.y0 < line[:, 1]) & (line[:, 1] < box.y1)).any()
                    for line in map(_denser, line_points))
        outside = sum((box.x0 < axis.bbox.x0, box.y0 < axis.bbox.y0, box.y1 > axis.bbox.y1,
                       box.x1 > axis.bbox.x1))
        return 10 * sum(box.overlaps(other) for other in taken) + 6 * dots + 3 * outside + lines

    for (name, (x, y)), spot in zip(points.items(), spots, strict=True):
        best = None
        for reach in (1, 2, 3.5):
            for across, along in ((1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1),
                                  (1, -1)):
                artist = _named(axis, name, (x, y), (across, along),
                                7 * reach + max(0, radii.get(name, 0) - 3), colours[name],
                                thumbnails.get(name))
                box = artist.get_window_extent(renderer)
                price = cost(box) + 0.5 * reach
                if best is None or price < best[0]:
                    if best:
                        best[1].remove()
                    best = price, artist, box
                else:
                    artist.remove()
        taken.append(best[2].padded(1))
        middle = np.array([np.clip(spot[0], best[2].x0, best[2].x1),
                           np.clip(spot[1], best[2].y0, best[2].y1)])
        if np.hypot(*(middle - spot)) > 2 * step + radii.get(name, 0) * figure.dpi / 72:
            ends = axis.transData.inverted().transform([spot, middle])
            axis.plot(*ends.T, color=GREY, linewidth=0.7, zorder=0.9)


def _named(axis, name, place, direction, reach, colour, image):
    across, along = direction
    if image is None:
        return axis.annotate(name, place, (reach * across, reach * along),
                             textcoords="offset points", fontsize=SMALL, color=colour,
                             ha={1: "left", 0: "center", -1: "right"}[across],
                             va={1: "bottom", 0: "center", -1: "top"}[along])
    image = np.asarray(image).squeeze()
    zoom = max(1, round(56 / len(image))) * 72 / 100
    picture = OffsetImage(image, zoom=zoom, cmap="gray", interpolation="nearest")
    picture.image.set_clim(0, 1)
    packed = VPacker(children=[picture, TextArea(name, textprops={"color": colour,
                                                                  "fontsize": SMALL})],
                     align="center", pad=2, sep=2)
    artist = AnnotationBbox(packed, place, (1.3 * reach * across, 1.3 * reach * along),
                            boxcoords="offset points", pad=0.1,
                            box_alignment=((1 - across) / 2, (1 - along) / 2),
                            bboxprops={"edgecolor": FRAME, "linewidth": 0.72})
    return axis.add_artist(artist)


def _denser(line):
    """Points along a polyline, close together."""
    parts = [np.linspace(a, b, 24) for a, b in zip(line[:-1], line[1:], strict=True)]
    return np.concatenate(parts)


def cost_chart(networks, papers=None, levels=None, xlabel="multiplications per output image",
               ylabel="PSNR-Y (dB)", size=(7.4, 4.2), roles=None):
    """PSNR against multiplications, on a logarithmic axis.

    Args:
        networks: dict of name to (multiplications, PSNR in dB, number of parameters). The area
            of a point is proportional to the parameters.
        papers: the same for values that others have published, drawn hollow.
        levels: dict of name to a PSNR without multiplications, such as bicubic.
        xlabel, ylabel: labels of the axes.
        size: (width, height) in inches.
        roles: dict of name to a role, see ``roles.looks``; networks are shipped ones if it says
            nothing else.

    Returns the matplotlib figure, for ``show``.
    """
    figure, axis = plt.subplots(figsize=size)
    papers, levels = papers or {}, levels or {}
    look = {name: ROLES[(roles or {}).get(name, "shipped")] for name in networks}
    look |= looks(list(levels), roles)
    largest = max(size for _, _, size in (*networks.values(), *papers.values()))

    def area(size):
        return 20 + 300 * size / largest

    axis.set(xscale="log", xlabel=xlabel, ylabel=ylabel)
    for name, (multiplications, psnr, size) in networks.items():
        axis.scatter(multiplications, psnr, area(size), look[name].colour, zorder=3)
    for multiplications, psnr, size in papers.values():
        axis.scatter(multiplications, psnr, area(size), "white", zorder=2, edgecolors=INK)
    axis.margins(0.14)
    for name, level in levels.items():
        axis.axhline(level, color=look[name].colour, linestyle="--", linewidth=1.2)
    axis.grid(alpha=0.25)
    label_ends(axis, [(name, None, level, look[name].colour) for name, level in levels.items()])
    points = {name: point[:2] for name, point in (networks | papers).items()}
    name_points(axis, points, dict.fromkeys(papers, INK)
                | {name: look[name].colour for name in networks},
                radii={name: (area(point[2]) / np.pi) ** 0.5
                       for name, point in (networks | papers).items()})
    return figure


def bars(values, ylabel, xlabel="", size=(6.6, 2.8), form="{:.2f}"):
    """One bar per name, with its value written above it.

    For values whose zero means nothing, such as PSNR, ``dots`` is the better chart.

    Args:
        values: dict of name to number.
        ylabel, xlabel: labels of the axes.
        size: (width, height) in inches.
        form: how values are written, as for ``str.format``.

    Returns the matplotlib figure, for ``show``.
    """
    figure, axis = plt.subplots(figsize=size)
    container = axis.bar([str(name) for name in values], list(values.values()), width=0.7)
    axis.bar_label(container, [form.format(value) for value in values.values()], padding=2,
                   fontsize=SMALL)
    axis.set(xlabel=xlabel, ylabel=ylabel, ylim=(0, max(values.values()) * 1.12))
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in axis.get_xticklabels()]
    if any(a.x1 + 4 > b.x0 for a, b in zip(boxes[:-1], boxes[1:], strict=True)):
        axis.tick_params(axis="x", rotation=30)
        for label in axis.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")
    return figure


def dots(values, xlabel, sort=True, form="{:.1f}", width=6.6, roles=None, thumbnails=None):
    """One row per name with a dot at its value; with several values, a line joins them.

    Args:
        values: dict of name to a number, or to a dict of what (such as "bicubic") to a number.
        xlabel: label of the horizontal axis.
        sort: put the row with the largest (last) value on top.
        form: how values are written, as for ``str.format``.
        width: in inches; the height follows from the number of rows.
        roles: dict of what to a role, see ``roles.looks``.
        thumbnails: dict of name to an image, drawn before the name.

    Returns the matplotlib figure, for ``show``.
    """
    rows = {str(name): value if isinstance(value, dict) else {"": value}
            for name, value in values.items()}
    if sort:
        rows = dict(sorted(rows.items(), key=lambda row: -list(row[1].values())[-1]))
    tall = 0.62 if thumbnails else 0.3
    figure, axis = plt.subplots(figsize=(width, 0.6 + tall * len(rows)))
    whats = list(dict.fromkeys(what for row in rows.values() for what in row))
    look = {"": ROLES["shipped"]} if whats == [""] else looks(whats, roles)
    for number, (name, row) in enumerate(rows.items()):
        places = sorted(row.values())
        axis.plot(places[::len(places) - 1 or 1], [number] * min(2, len(places)), "-",
                  color=FRAME, linewidth=3, zorder=1)
        for what, value in row.items():
            axis.plot(value, number, look[what].marker, color=look[what].colour, markersize=7)
        ends = {places[0]: ("right", -7), places[-1]: ("left", 7)} if len(places) > 1 else {
            places[0]: ("left", 7)}
        for value, (side, move) in ends.items():
            axis.annotate(form.format(value), (value, number), (move, 0), ha=side, va="center",
                          textcoords="offset points", fontsize=SMALL)
        if thumbnails:
            picture = OffsetImage(np.asarray(thumbnails[name]).squeeze(), cmap="gray",
                                  zoom=54 / np.shape(thumbnails[name])[0] * 72 / 100)
            axis.add_artist(AnnotationBbox(
                picture, (0, number), (-4, 0), xycoords=("axes fraction", "data"),
                boxcoords="offset points", box_alignment=(1, 0.5), pad=0, annotation_clip=False,
                bboxprops={"edgecolor": FRAME, "linewidth": 0.72}))
    axis.set(yticks=range(len(rows)), yticklabels=list(rows), xlabel=xlabel)
    axis.tick_params(axis="y", length=0, pad=48 if thumbnails else 4)
    axis.spines["left"].set_visible(False)
    axis.invert_yaxis()
    axis.margins(x=0.14)
    axis.grid(axis="x", alpha=0.25)
    top = list(rows.values())[0]
    if len(whats) > 1:  # the names of the dots stand above those of the first row
        low, high = min(top, key=top.get), max(top, key=top.get)
        for what, value in top.items():
            side = {low: "right", high: "left"}.get(what, "center")
            axis.annotate(what, (value, 0), (0, 9), ha=side, va="bottom", fontsize=SMALL,
                          textcoords="offset points", color=look[what].colour)
    return figure


def histogram(series, xlabel, ylabel="images", bins=40, size=(6.6, 2.6), roles=None, zero=None):
    """How often each value occurs, one outline per name.

    Args:
        series: dict of name to values.
        xlabel, ylabel: labels of the axes.
        bins: their number, or their edges.
        size: (width, height) in inches.
        roles: dict of name to a role, see ``roles.looks``.
        zero: (text left of 0, text right of 0); the line at 0 is drawn if it is given.

    Returns the matplotlib figure, for ``show``.
    """
    figure, axis = plt.subplots(figsize=size)
    look = looks(list(series), roles)
    everything = np.concatenate([np.ravel(values) for values in series.values()])
    edges = np.histogram_bin_edges(everything, bins)
    tops = {}
    for name, values in series.items():
        counts, _ = np.histogram(values, edges)
        axis.stairs(counts, edges, color=look[name].colour, linewidth=2,
                    linestyle=look[name].dash, fill=len(series) == 1,
                    alpha=0.75 if len(series) == 1 else None)
        tops[name] = ((edges[counts.argmax()] + edges[counts.argmax() + 1]) / 2, counts.max())
    axis.set(xlabel=xlabel, ylabel=ylabel)
    axis.set_ylim(0, max(top for _, top in tops.values()) * 1.2)
    if zero:
        axis.axvline(0, color=INK, linewidth=1)
        for text, side, move in zip(zero, ("right", "left"), (-5, 5), strict=True):
            axis.annotate(text, (0, 1), xycoords=("data", "axes fraction"), xytext=(move, 0),
                          textcoords="offset points", ha=side, va="top", fontsize=SMALL,
                          color=GREY)
    if len(series) > 1:
        order = sorted(tops, key=lambda name: tops[name][0])  # the outer names stand outside
        sides = ["right", *["center"] * (len(order) - 2), "left"]
        for name, side in zip(order, sides, strict=True):
            axis.annotate(name, tops[name], ({"right": -8, "left": 8}.get(side, 0), 4), ha=side,
                          textcoords="offset points", fontsize=SMALL, color=look[name].colour)
    return figure


def widened_kernel(kernel, trained, size=(5.4, 4.1)):
    """Which weights of a widened convolution are trained, zero, and new: a map with a scale.

    Each point of the map stands for one input channel and one output channel. Its grey is the
    root mean square of the weights between the two, up to the 98th percentile.

    Args:
        kernel: array (height, width, inputs, outputs).
        trained: how many inputs, and how many outputs, were there before the network was widened.
        size: (width, height) in inches.

    Returns the matplotlib figure, for ``show``.
    """
    strength = np.sqrt((np.asarray(kernel) ** 2).mean(axis=(0, 1)))
    inputs, outputs = strength.shape
    figure, axis = plt.subplots(figsize=size, layout="constrained")
    drawn = axis.imshow(strength, cmap="gray", vmin=0, vmax=np.quantile(strength, 0.98),
                        extent=(0, outputs, inputs, 0), interpolation="nearest")
    axis.axvline(trained, color=ROLES["live"].colour, linewidth=2)
    axis.plot([0, trained], [trained, trained], color=ROLES["live"].colour, linewidth=2)
    middle = trained / 2
    for text, x, y in (("trained", middle, middle), ("zeros", middle, (trained + inputs) / 2),
                       ("new", (trained + outputs) / 2, inputs / 2)):
        axis.text(x, y, text, ha="center", va="center", fontsize=SMALL + 1,
                  bbox={"facecolor": "white", "edgecolor": "none", "boxstyle": "round,pad=0.25"})
    axis.set(xlabel="output channel", ylabel="input channel", xticks=[0, trained, outputs],
             yticks=[0, trained, inputs])
    axis.xaxis.tick_top()
    axis.xaxis.set_label_position("top")
    figure.colorbar(drawn, ax=axis, label="root mean square weight", shrink=0.9)
    return figure


def kernels_on_row(kernels, row, position, size=(8.6, 2.9)):
    """How each kernel makes one new pixel from a row of pixels: small charts side by side.

    The pixels stand as grey bars, the kernel is laid over them about the new pixel, dots are
    its weights at the centres of the pixels, and the new pixel is their weighted mean.

    Args:
        kernels: dict of name to a function of distances in pixels that returns weights.
        row: the pixels' values in [0, 1].
        position: of the new pixel, in pixels; pixel i covers i to i + 1.
        size: (width, height) of all charts in inches.

    Returns the matplotlib figure, for ``show``.
    """
    figure, axes = plt.subplots(1, len(kernels), sharey=True, squeeze=False, figsize=size,
                                layout="constrained")
    centres = np.arange(len(row)) + 0.5
    colour = looks(["live"])["live"].colour
    for axis, (name, kernel) in zip(axes[0], kernels.items(), strict=True):
        weights = kernel(centres - position)
        weights = weights / weights.sum()
        new = float(weights @ np.asarray(row))
        axis.bar(centres, row, width=1, color=[str(value) for value in np.clip(row, 0, 1)],
                 edgecolor=GREY, linewidth=0.72)
        x = np.linspace(0, len(row), 40 * len(row) + 1)
        axis.plot(x, kernel(x - position), color=colour, linewidth=1.8)
        used = weights != 0
        axis.plot(centres[used], weights[used], "o", color=colour, markersize=5,
                  markeredgecolor="white", markeredgewidth=0.8)
        axis.plot(position, new, "D", color=INK, markersize=7, markeredgecolor="white")
        axis.axvline(position, color=INK, linewidth=0.8, linestyle=":")
        axis.set(title=name, xlim=(0, len(row)), xticks=centres,
                 xticklabels=range(1, len(row) + 1), xlabel=f"new pixel: {new:.2f}")
        axis.tick_params(axis="x", length=0)
        axis.axhline(0, color=GREY, linewidth=0.72)
    axes[0, 0].set_ylabel("grey value, weight")
    handles = [plt.Line2D([], [], color=colour),
               plt.Line2D([], [], color=colour, marker="o", linestyle="", markersize=5),
               plt.Line2D([], [], color=INK, marker="D", linestyle="", markersize=7)]
    figure.legend(handles, ["kernel about the new pixel", "weight of a pixel",
                            "the new pixel, the weighted mean"],
                  loc="outside lower center", ncols=3, fontsize=SMALL)
    return figure


def flow_lines(times, walkers, ends=(-1.0, 1.0), velocity=None, size=(6.6, 3.4)):
    """Paths of a flow from noise to the truths, with the velocity as arrows.

    Args:
        times: (steps,), from 0 to 1.
        walkers: (steps, n), where each of n paths is at each time. A path takes the colour of
            the end that it reaches; one that reaches none is dashed.
        ends: where paths may end.
        velocity: function of arrays x and t; arrows show it if it is given.
        size: (width, height) in inches.

    Returns the matplotlib figure, for ``show``.
    """
    figure, axis = plt.subplots(figsize=size)
    walkers = np.asarray(walkers)
    limit = 1.15 * np.abs(walkers).max()
    if velocity is not None:
        t, x = np.meshgrid(np.linspace(0.03, 0.93, 13), np.linspace(-0.9, 0.9, 11) * limit)
        v = velocity(x, t)
        length = np.hypot(1, v / 2)
        axis.quiver(t, x, 1 / length, v / 2 / length, color=GREY, alpha=0.6, width=0.0022,
                    scale=30, pivot="mid", angles="uv")
    colours = (GREEN, PURPLE)
    for path in walkers.T:
        near = np.abs(np.asarray(ends) - path[-1])
        reached = near.min() < 0.2 * np.ptp(ends)
        axis.plot(times, path, "-" if reached else "--",
                  color=colours[near.argmin() % 2] if reached else INK, linewidth=1.8)
    for end in ends:
        axis.plot(1, end, "D", color=INK, markersize=7, clip_on=False, zorder=4)
    axis.set(xlabel="time t", ylabel="grey value", xlim=(0, 1), ylim=(-limit, limit))
    label_ends(axis, [(f"truth {end:g}", 1, end, INK) for end in ends])
    return figure

"""Images as tiles: rows of panels, strips, a lens, photographs, posters. Pixels stay pixels."""

import math

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import font_manager
from matplotlib.patches import Rectangle
from matplotlib.textpath import TextPath
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

from shared.drawing.page import DPI, PER_INCH, WIDTH, png, show_image, show_sheet
from shared.drawing.roles import FRAME, GREY, INK, ORANGE, WRONG

ON_PAGE = DPI // PER_INCH  # dots per pixel of the page
CROSS, TICK = "\N{BALLOT X}", "\N{CHECK MARK}"
LINE = 0.17  # the height of a line of notes, in inches
HAIRLINE = 72 / PER_INCH  # one pixel of the page, in points


def panels(rows, notes=None, cmaps=None, size=0.95, ranges=None, wrong=None, groups=None,
           boxes=None):
    """A table of images: one row per label, one column per image, all drawn at the same size.

    The figure is at most 900 pixels of the page wide; if ``size`` would make it wider, the
    images are smaller.

    Args:
        rows: dict of label to images (n, height, width) or (n, height, width, 1). The rows may
            differ in resolution.
        notes: dict of label to n short texts, which are written below the images of that row.
        cmaps: dict of label to a colour map; grey for labels that are missing. Such a row has a
            scale at its end.
        size: approximate side of an image in inches. Each pixel of each image becomes a whole
            number of pixels on the page, so that no pixel is drawn wider than another.
        ranges: dict of label to (lowest, highest) value; (0, 1) for labels that are missing, so
            that all rows have one grey scale.
        wrong: dict of label to n booleans, for notes that are readings: wrong ones get a cross
            and a frame in red, right ones a tick.
        groups: dict of heading to a number of columns, from left to right. The headings stand
            above their columns, and the groups stand apart.
        boxes: dict of label to n boxes (left, top, width, height) in pixels of the image, or
            None for images without one.

    Returns the matplotlib figure, for ``show``.
    """
    notes, cmaps, ranges = notes or {}, cmaps or {}, ranges or {}
    wrong, boxes = wrong or {}, boxes or {}
    columns = max(len(images) for images in rows.values())
    gap = 12 / DPI  # inches
    starts = np.cumsum([0, *(groups or {}).values()]).tolist()
    apart = [0.2 * sum(0 < start <= column for start in starts[:-1]) for column in range(columns)]
    margin = 0.16 + max(text_width(label) for label in rows) + apart[-1] + (columns - 1) * gap
    margin += 0.45 if cmaps else 0.0
    sides = {np.shape(images[0])[0] for images in rows.values()}
    side = _fitting(size, sides, (WIDTH / PER_INCH - 0.16 - margin) / columns)
    dots = round(side * DPI)
    lines = {label: max(len(_wrapped(text, side + gap)) for text in notes[label])
             for label in notes}
    heights = [side + LINE * lines.get(label, 0) + (0.04 if label in lines else 0)
               for label in rows]
    head = 0.3 if groups else 0.0
    width = columns * side + (columns - 1) * gap + apart[-1]
    height = head + sum(heights) + (len(rows) - 1) * gap
    figure = plt.figure(figsize=(width, height))

    top = height - head
    for (label, images), row_height in zip(rows.items(), heights, strict=True):
        for column in range(columns):
            left = column * (side + gap) + apart[column]
            axis = figure.add_axes((left / width, (top - side) / height,
                                    side / width, side / height), anchor="N")
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
            if column == 0:
                axis.set_ylabel(label, rotation=0, ha="right", va="center", labelpad=8)
            if column >= len(images):
                continue
            image = np.asarray(images[column]).squeeze()
            low, high = ranges.get(label, (0, 1))
            drawn = axis.imshow(image, vmin=low, vmax=high, cmap=cmaps.get(label, "gray"),
                                interpolation="nearest" if len(image) <= dots else "antialiased")
            bad = label in wrong and bool(wrong[label][column])
            _frame(axis, WRONG if bad else FRAME, 2 if bad else 1)
            if boxes.get(label) is not None and boxes[label][column] is not None:
                box_on(axis, boxes[label][column])
            if label in notes:
                _note(axis, notes[label][column], side + gap,
                      wrong[label][column] if label in wrong else None)
            if label in cmaps and column == len(images) - 1:
                _scale(axis, drawn, low, high)
        top -= row_height + gap
    for (heading, count), start in zip((groups or {}).items(), starts, strict=False):
        first, last = figure.axes[start], figure.axes[start + count - 1]
        x0, x1 = first.get_position().x0, last.get_position().x1
        y = (height - head + 0.07) / height
        figure.add_artist(plt.Line2D([x0, x1], [y, y], color=GREY, linewidth=1))
        figure.text((x0 + x1) / 2, y + 0.05 / height, heading, ha="center", va="bottom")
    return figure


def readings(rows, readers, labels, unread=(), **options):
    """The same images side by side for several readers, each with what that reader reads.

    Args:
        rows: dict of label to images, as for ``panels``.
        readers: dict of heading to a function of images (n, height, width, 1) that returns n
            integers.
        labels: the n true integers; other readings are marked as wrong.
        unread: labels of rows that nobody reads, such as low-resolution images.
        options: as for ``panels``.

    Returns the matplotlib figure, for ``show``.
    """
    labels = np.asarray(labels)
    repeated = {name: [*images] * len(readers) for name, images in rows.items()}
    read = {name: np.concatenate([reader(np.asarray(images)) for reader in readers.values()])
            for name, images in rows.items() if name not in unread}
    wrong = {name: found != np.tile(labels, len(readers)) for name, found in read.items()}
    return panels(repeated, read, wrong=wrong, groups=dict.fromkeys(readers, len(labels)),
                  **options)


def text_width(text, size=10):
    """The width of a text of one or more lines in inches, at ``size`` points."""
    return max((TextPath((0, 0), line, size=size).get_extents().width
                for line in str(text).split("\n") if line.strip()), default=0.0) / 72


def _fitting(size, sides, most):
    """The length in inches, at most ``most``, that shows images of ``sides`` pixels evenly."""
    side = whole_pixels(size, sides)
    if side <= most:
        return side
    dots = math.floor(most * DPI)
    common = math.lcm(*(side for side in sides if side <= dots))
    return (dots // common * common or dots) / DPI


def _wrapped(text, width):
    """The lines of a note that must not be wider than ``width`` inches, at most three."""
    lines = []
    for word in str(text).split(" "):
        if lines and text_width(f"{lines[-1]} {word}", 9) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _note(axis, text, width, is_wrong):
    mark = "" if is_wrong is None else f"{CROSS if is_wrong else TICK} "
    lines = _wrapped(mark + str(text), width)
    widest = max(text_width(line, 9) for line in lines)
    axis.set_xlabel("\n".join(lines), fontsize=9 * min(1, width / max(widest, 1e-6)), labelpad=3,
                    color={None: INK, False: GREY}.get(is_wrong, WRONG), linespacing=1.15,
                    fontweight="bold" if is_wrong else "normal")


def _frame(axis, colour, pixels):
    """A line of whole page pixels round the outside of a tile; it covers nothing of it."""
    axis.spines[:].set(visible=True, color=colour, linewidth=pixels * HAIRLINE)
    for spine in axis.spines.values():
        spine.set_position(("outward", pixels * HAIRLINE / 2))


def box_on(axis, box, colour=ORANGE):
    """A box (left, top, width, height), in pixels of the image, that is seen on any image."""
    left, top, width, height = box
    for line, shade in ((4, "white"), (2, colour)):
        axis.add_patch(Rectangle((left - 0.5, top - 0.5), width, height, fill=False,
                                 edgecolor=shade, linewidth=line * HAIRLINE, clip_on=False))


def _scale(axis, drawn, low, high):
    bar = axis.inset_axes((1.09, 0, 0.07, 1))
    bar.imshow(np.linspace(1, 0, 256)[:, None], cmap=drawn.cmap, aspect="auto",
               extent=(0, 1, 0, 1))
    bar.set(xticks=[], yticks=[0, 1], yticklabels=[f"{low:.2g}", f"{high:.2g}"])
    bar.yaxis.tick_right()
    bar.tick_params(length=0, labelsize=8, pad=3)
    for tick, where in zip(bar.get_yticklabels(), ("bottom", "top"), strict=True):
        tick.set_verticalalignment(where)
    bar.spines[:].set(visible=True, color=FRAME, linewidth=HAIRLINE)


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
    for step in (common * DPI // PER_INCH, common):
        if step <= 1.8 * dots:
            return max(1, round(dots / step)) * step / DPI
    return size


def poster(images, columns, alt, width=WIDTH, caption=None):
    """Show images side by side, pixel by pixel, as one picture.

    Nothing is resampled: the picture holds every pixel. It has 64 levels of grey, which keeps
    the lessons small.

    Args:
        images: (n, height, width, 1) in [0, 1]; n is a multiple of ``columns``.
        columns: images per row.
        alt: alternative text.
        width: width of the picture on the page in pixels, at most 900.
        caption: as for ``show``.
    """
    rows = [np.hstack(images[i:i + columns, ..., 0]) for i in range(0, len(images), columns)]
    greys = np.round(np.vstack(rows) * 63) * (255 / 63)
    data = png(Picture.fromarray(np.round(greys).astype("uint8")))
    show_image(data, min(width, WIDTH) * ON_PAGE, alt, caption)


def half_and_half(low_res, high_res):
    """Images whose left half is ``low_res``, with hard pixels, and whose right is ``high_res``.

    Args:
        low_res: array (n, height, width, 1).
        high_res: array (n, k height, k width, 1), k a whole number.

    Returns an array of the shape of ``high_res``, for ``poster``.
    """
    times = high_res.shape[1] // low_res.shape[1]
    large = low_res.repeat(times, axis=1).repeat(times, axis=2)
    if large.shape != high_res.shape:
        raise ValueError(f"{high_res.shape[1:3]} is no whole multiple of {low_res.shape[1:3]}: "
                         "pass two resolutions of the same images")
    middle = high_res.shape[2] // 2
    return np.concatenate([large[:, :, :middle], high_res[:, :, middle:]], axis=2)


def photographs(images, alt, columns, caption=None, lossless=True):
    """Show photographs side by side, without loss: no pixel is resampled.

    Args:
        images: dict of name to uint8 (height, width, 3), with the name written above the
            photograph; or a list of photographs without names. The pixels of a photograph that
            is smaller than the largest are repeated a whole number of times.
        alt: alternative text.
        columns: photographs per row; fewer if they would be wider than 900 pixels. A photograph
            that is wider than that alone has two of its pixels in one pixel of the page.
        caption: as for ``show``.
        lossless: with False, a JPEG takes the place of a PNG, for sheets of many photographs
            that are not there to be compared. It is a tenth of the size.
    """
    names = list(images) if isinstance(images, dict) else [""] * len(images)
    images = [as_rgb(image) for image in
              (images.values() if isinstance(images, dict) else images)]
    width = max(image.shape[1] for image in images)
    times = ON_PAGE if width <= WIDTH - 2 else 1
    # Each has a frame of one pixel and a gap of eight.
    columns = max(1, min(columns, (WIDTH + 8) * ON_PAGE // (times * width + 10 * ON_PAGE)))
    tall = max(image.shape[0] for image in images)
    tiles = [(magnified(image, times * max(1, tall // len(image))), name, "", None)
             for name, image in zip(names, images, strict=True)]
    show_sheet(sheet_of(tiles, columns), alt, caption, lossless)


def strip(images, alt, caption=None, box=None, side=None, notes=None, wrong=None, columns=None):
    """Show one crop by every method, side by side, enlarged by a whole number.

    Args:
        images: dict of name to the whole image by that method: uint8 or floats in [0, 1], of
            shape (height, width), (height, width, 1) or (height, width, 3). Images that are
            smaller by a whole factor, such as the low resolution, show the same part.
        alt, caption: as for ``show``.
        box: (left, top, width, height) of the crop in pixels of the largest image; the whole
            image if None.
        side: approximate width of a crop on the page in pixels; as large as fits in one row of
            900 pixels if None, or in rows of ``columns``.
        notes: dict of name to a short text below the crop, such as "31.2 dB".
        wrong: dict of name to whether that text is a wrong reading, which is marked.
        columns: crops per row; all in one row if None.
    """
    crops = cut(images, box)
    columns = columns or len(crops)
    widest = max(crop.shape[1] for crop in crops.values())
    room = (WIDTH * ON_PAGE - (columns - 1) * 8 * ON_PAGE) // columns
    wanted = min(room, side * ON_PAGE) if side else room
    tiles = _scored(crops, widest, wanted, notes or {}, wrong or {})
    show_sheet(sheet_of(tiles, columns), alt, caption)


def lens(images, box, alt, caption=None, whole="truth", notes=None, columns=None):
    """Show a whole image with a box in it, and what is in the box by every method, enlarged.

    Args:
        images: as for ``strip``.
        box: (left, top, width, height) in pixels of the largest image.
        alt, caption: as for ``show``.
        whole: the name of the image that is shown whole.
        notes: dict of name to a short text below the enlarged part, such as "31.2 dB".
        columns: enlarged parts per row; two if there are four or fewer, three if there are more.
    """
    if whole not in images:
        raise ValueError(f"there is no image {whole!r} to show whole: pass the name of one of "
                         f"{', '.join(images)} as `whole`")
    crops = cut(images, box)
    columns = columns or (2 if len(crops) <= 4 else 3)
    rows = -(-len(crops) // columns)
    picture = as_rgb(images[whole])
    largest = max(len(as_rgb(image)) for image in images.values())
    times = max(1, 560 // picture.shape[1])  # about 300 pixels of the page
    picture = magnified(picture, times)
    gap = 16 * ON_PAGE
    room = WIDTH * ON_PAGE - picture.shape[1] - gap - (columns - 1) * 8 * ON_PAGE
    widest = max(crop.shape[1] for crop in crops.values())
    wanted = min(room // columns, max(picture.shape[0] * 2 / rows, 240))
    inset = sheet_of(_scored(crops, widest, wanted, notes or {}, {}), columns)
    left = framed(picture)
    top = _font_height() + 4
    sheet = Picture.new("RGB", (left.width + gap + inset.width,
                                max(left.height + top, inset.height)), "white")
    sheet.paste(left, (0, top))
    sheet.paste(inset, (left.width + gap, 0))
    pen = ImageDraw.Draw(sheet)
    pen.text((ON_PAGE, 0), f"{whole}, whole", fill=INK, font=_font())
    factor = times * len(as_rgb(images[whole])) / largest
    x, y, wide, high = (round(value * factor) for value in box)
    for grow, colour in ((6, "white"), (4, ORANGE)):
        pen.rectangle((x + ON_PAGE - grow, y + top + ON_PAGE - grow,
                       x + wide + ON_PAGE + grow - 1, y + high + top + ON_PAGE + grow - 1),
                      outline=colour, width=grow if colour != ORANGE else 4)
    show_sheet(sheet, alt, caption)


def cut(images, box=None):
    """The part of each image in ``box``: dict of name to uint8 (height, width, 3).

    Arguments as for ``strip``. Raises ValueError if an image is not smaller than the largest by
    a whole number, or if the box does not lie in it on whole pixels.
    """
    images = {name: as_rgb(image) for name, image in images.items()}
    height, width = np.max([image.shape[:2] for image in images.values()], axis=0).tolist()
    left, top, wide, high = box or (0, 0, width, height)
    if min(left, top) < 0 or left + wide > width or top + high > height or min(wide, high) < 1:
        raise ValueError(f"the box {(left, top, wide, high)} does not lie in an image of "
                         f"{width}x{height} pixels (width x height)")
    crops = {}
    for name, image in images.items():
        factor = round(height / len(image))
        if (len(image) * factor, image.shape[1] * factor) != (height, width):
            raise ValueError(f"{name!r} has {image.shape[1]}x{len(image)} pixels, which {width}x"
                             f"{height} is no whole multiple of: pass images of one scene")
        if any(value % factor for value in (left, top, wide, high)):
            raise ValueError(f"the box {(left, top, wide, high)} does not lie on whole pixels of "
                             f"{name!r}: choose multiples of {factor}")
        part = image[top // factor:(top + high) // factor, left // factor:(left + wide) // factor]
        crops[name] = magnified(part, factor)
    return crops


def as_rgb(image):
    """An image as uint8 (height, width, 3): from uint8 or floats in [0, 1], grey or RGB."""
    image = np.asarray(image)
    if image.dtype != np.uint8:
        if not (-1e-3 <= image.min() and image.max() <= 1.001):
            raise ValueError(f"expected uint8 or values in [0, 1], found {image.dtype} from "
                             f"{image.min():.3g} to {image.max():.3g}: divide by 255, or clip")
        image = np.rint(np.clip(image, 0, 1) * 255).astype("uint8")
    if image.ndim == 2:
        image = image[..., None]
    if image.ndim != 3 or image.shape[2] not in (1, 3):
        raise ValueError(f"expected an image of shape (height, width), (height, width, 1) or "
                         f"(height, width, 3), found {image.shape}")
    return image.repeat(3, axis=2) if image.shape[2] == 1 else image


def magnified(image, times):
    """An array (height, width, ...) with each pixel repeated ``times`` times along both axes."""
    return image.repeat(times, axis=0).repeat(times, axis=1)


def framed(image, colour=FRAME, pixels=1):
    """uint8 (height, width, 3) as a Pillow image with a line round its outside."""
    border = pixels * ON_PAGE
    result = Picture.new("RGB", (image.shape[1] + 2 * border, image.shape[0] + 2 * border), colour)
    result.paste(Picture.fromarray(image), (border, border))
    return result


def sheet_of(tiles, columns):
    """Tiles in rows as one Pillow image, two dots per pixel of the page.

    Args:
        tiles: list of (uint8 (height, width, 3) in dots, name above it, note below it, whether
            the note is a wrong reading or None if it is no reading).
        columns: tiles per row.
    """
    gap, line = 8 * ON_PAGE, _font_height()
    above = line + 4 if any(name for _, name, _, _ in tiles) else 0
    below = line + 2 if any(note for _, _, note, _ in tiles) else 0
    high, wide = np.max([tile.shape[:2] for tile, _, _, _ in tiles], axis=0).tolist()
    high, wide = high + 2 * ON_PAGE, wide + 2 * ON_PAGE
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    step = above + high + below + gap
    sheet = Picture.new("RGB", (columns * (wide + gap) - gap, rows * step - gap), "white")
    pen = ImageDraw.Draw(sheet)
    for number, (tile, name, note, is_wrong) in enumerate(tiles):
        row, column = divmod(number, columns)
        left, top = column * (wide + gap), row * step
        sheet.paste(framed(tile, WRONG if is_wrong else FRAME), (left, top + above))
        _write(pen, (left + ON_PAGE, top), name, wide, INK)
        mark = "" if is_wrong is None else f"{CROSS if is_wrong else TICK} "
        _write(pen, (left + ON_PAGE, top + above + high + 2), mark + note if note else "", wide,
               WRONG if is_wrong else GREY, bool(is_wrong))
    return sheet


def _scored(crops, widest, wanted, notes, wrong):
    times = max(1, int(wanted - 2 * ON_PAGE) // widest)
    return [(magnified(crop, times), name, notes.get(name, ""), wrong.get(name))
            for name, crop in crops.items()]


def _write(pen, place, text, width, colour, bold=False):
    """Write one line, smaller if it would be wider than ``width`` dots."""
    size = 26
    while size > 14 and pen.textlength(text, _font(size, bold)) > width:
        size -= 1
    pen.text(place, text, fill=colour, font=_font(size, bold))


def _font(size=26, bold=False):
    family = "DejaVu Sans:bold" if bold else "DejaVu Sans"
    return ImageFont.truetype(font_manager.findfont(family), size)


def _font_height():
    return sum(_font().getmetrics())

"""Put a picture on the page: its size, its alternative text and its caption.

Every picture is at most ``WIDTH`` pixels of the page wide and is stored with two dots per pixel,
so that text and pixels are sharp on a dense screen. It carries an alternative text, which is
read aloud in its place, and may have a caption, which everybody sees. The caption is an output
of its own below the picture: a paragraph of the class "figure-caption" in HTML, which
JupyterLab, VS Code, Colab, GitHub and Sphinx all show, and the same words as plain text. nbval
compares those words and skips the pixels.

Diagrams are stored twice, as SVG with real text and as PNG: a front end shows the SVG if it
trusts the notebook, and the PNG otherwise.
"""

import base64
import html
import io
import re

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Image, display
from PIL import Image as Picture

from shared.drawing.roles import BLUE, FRAME, GREEN, GREY, INK, ORANGE, PURPLE, RED, SHADE

PER_INCH = 100  # pixels of the page
DPI = 2 * PER_INCH  # dots of the stored picture
WIDTH = 900  # of the widest figure, in pixels of the page
INVISIBLE = 0.003  # mean change of a picture by its palette, of 255
DIAGRAM = "diagram"  # the gid of figures that are stored as SVG too
# The colours of diagrams on a dark page.
DARK = {"#ffffff": "#14181d", INK: "#e6e9ed", GREY: "#a3abb5", BLUE: "#6db3f2",
        ORANGE: "#f0a35e", PURPLE: "#e58ccb", GREEN: "#6fcf9a", RED: "#ff8a80",
        SHADE: "#2a3038", FRAME: "#4a525c", "#cfe3f6": "#173a5a", "#f6dcc4": "#4f2f12",
        "#ecd2e5": "#4a1640", "#d3ead9": "#173c28"}

plt.rcParams.update({
    "font.family": "DejaVu Sans", "font.size": 10, "axes.titlesize": 11, "axes.labelsize": 10,
    "axes.edgecolor": GREY, "axes.labelcolor": INK, "text.color": INK, "xtick.color": INK,
    "ytick.color": INK, "axes.spines.top": False, "axes.spines.right": False,
    "axes.titleweight": "bold",
    "axes.prop_cycle": plt.cycler(color=[BLUE, ORANGE, PURPLE, GREEN, GREY, INK]),
    "image.cmap": "gray", "image.interpolation": "nearest", "legend.frameon": False,
    "lines.linewidth": 2, "figure.dpi": PER_INCH, "svg.fonttype": "none",
    "svg.hashsalt": "zoom-and-enhance",
})


def show(figure, alt, caption=None):
    """Show a matplotlib figure in the notebook and close it.

    Args:
        figure: what a function of ``shared.figures`` returns, or any matplotlib figure.
        alt: alternative text: what a reader who cannot see the figure must know.
        caption: what the figure shows, in a sentence below it; no caption if None.
    """
    if figure.get_gid() == DIAGRAM:
        vector = svg(figure, alt)
        data, width = packed(figure)
        words = {"alt": alt, "width": width * PER_INCH // DPI}
        display({"image/svg+xml": vector, "image/png": base64.b64encode(data).decode("ascii"),
                 "text/plain": f"<diagram: {figure.get_label()}>"},
                metadata={"image/png": words, "image/svg+xml": words}, raw=True)
        show_caption(caption)
        return
    data, width = packed(figure)
    show_image(data, width, alt, caption)


def show_image(data, width, alt, caption=None):
    """Show the bytes of a PNG or JPEG of ``width`` dots, two for each pixel of the page."""
    # As metadata, because the IPython of Google Colab (7.34) has no argument `alt`.
    display(Image(data=data, metadata={"alt": alt}, width=width * PER_INCH // DPI))
    show_caption(caption)


def show_sheet(sheet, alt, caption=None, lossless=True):
    """Show a Pillow image: dot by dot as a PNG, or as a JPEG with one dot per pixel of the page."""
    show_image(png(sheet) if lossless else jpeg(sheet), sheet.width, alt, caption)


def jpeg(sheet):
    """A Pillow image at half its size as the bytes of a JPEG that keeps the colours of pixels."""
    file = io.BytesIO()
    sheet.reduce(2).save(file, "JPEG", quality=80, subsampling=0, optimize=True)
    return file.getvalue()


def png(sheet):
    """A Pillow image as the bytes of a PNG; few colours get a palette, if no more changes by it
    than some dots on the smooth edge of a mark."""
    if sheet.mode == "RGB" and sheet.getcolors(512):
        palette = sheet.quantize(256, kmeans=2, dither=Picture.Dither.NONE)
        change = np.asarray(palette.convert("RGB"), float) - np.asarray(sheet)
        if np.abs(change).mean() < INVISIBLE:
            sheet = palette
    file = io.BytesIO()
    sheet.save(file, "PNG", optimize=True)
    return file.getvalue()


def show_caption(caption):
    """Show a caption as an output of its own, or nothing for None."""
    if caption is None:
        return
    text = html.escape(caption, quote=False)
    # No colour: it takes that of the page, light or dark.
    paragraph = (f'<p class="figure-caption" style="max-width: {WIDTH}px; margin: 0 0 1em; '
                 f'font-size: 0.95em; font-style: italic">{text}</p>')
    display({"text/html": paragraph, "text/plain": caption}, raw=True)


def packed(figure):
    """Draw a matplotlib figure as a PNG and close it; returns its bytes and its width in dots.

    A figure that would be wider than ``WIDTH`` pixels of the page is drawn smaller. The PNG has
    one channel if the figure has no colours, and no visible loss if it holds an image. A chart
    has a palette of 256 colours, which keeps the lessons small.
    """
    holds_image = any(axis.images for axis in figure.axes)
    picture = drawn(figure)
    plt.close(figure)
    reduced = picture.convert("L")
    if reduced.convert("RGB") == picture:
        return png(reduced), picture.width
    if not holds_image:
        picture = picture.quantize(256, dither=Picture.Dither.NONE)
    return png(picture), picture.width


def drawn(figure):
    """A matplotlib figure as a Pillow image with ``DPI`` dots per inch, RGB."""
    dpi, most = DPI, WIDTH * DPI // PER_INCH
    while True:
        file = io.BytesIO()
        figure.savefig(file, dpi=dpi, bbox_inches="tight", pad_inches=0.08, facecolor="white")
        picture = Picture.open(file).convert("RGB")
        if picture.width <= most:
            return picture
        dpi = dpi * most / picture.width - 0.5


def svg(figure, alt):
    """A matplotlib figure as SVG with real text, a title and a description.

    Its title is the figure's label. On a dark page (or where a parent has the attribute
    ``data-theme="dark"``) it takes the colours of ``DARK``.
    """
    file = io.StringIO()
    figure.savefig(file, format="svg", bbox_inches="tight", pad_inches=0.08, facecolor="white",
                   metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = file.getvalue()
    text = text[text.index("<svg"):]
    head, body = text.split(">", 1)
    width, height = (float(size) * PER_INCH / 72 for size in
                     re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"|$', head).groups())
    box = re.search(r'viewBox="[^"]*"', head)[0]
    name = re.sub(r"\W+", "-", figure.get_label().lower()).strip("-")
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.S)
    # On a page with several diagrams every id must be another one.
    body = re.sub(r'( id="|url\(#|href="#)', rf"\g<1>{name}-", body)
    # A reader's machine may lack the font; others are narrower, so the text fits.
    body = body.replace("'DejaVu Sans'", "'DejaVu Sans', Verdana, sans-serif")
    title = html.escape(figure.get_label(), quote=False)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'width="{width:.0f}" height="{height:.0f}" {box} '
            f'style="max-width: 100%; height: auto" role="img" '
            f'aria-labelledby="{name}-title {name}-desc">\n'
            f'<title id="{name}-title">{title}</title>\n'
            f'<desc id="{name}-desc">{html.escape(alt, quote=False)}</desc>\n'
            f"<style>{_dark_style()}</style>{body}")


def _dark_style():
    """The rules for a dark page: inside an <img> the SVG is the root, on a page it is not."""
    def rules(*places):
        return "\n".join(
            ", ".join(f'{place} [style*="{kind}: {light}"]' for place in places)
            + f" {{ {kind}: {dark} !important }}"
            for light, dark in DARK.items() for kind in ("fill", "stroke"))

    automatic = rules("svg[role=img]:root", ":root:not([data-theme=light]) svg[role=img]")
    return (f"@media (prefers-color-scheme: dark) {{\n{automatic}\n}}\n"
            + rules("[data-theme=dark] svg[role=img]"))

"""Two enlargements of one photo to compare: side by side, or in a page under a slider.

Introduced in lesson 06.
"""

import base64
import html

import numpy as np
from PIL import Image, ImageDraw, ImageFont

PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>{title}</title>
<style>
body {{ margin: 1rem auto; padding: 0 1rem; max-width: {width}px; color: #222; background: #fff;
  font: 1rem/1.5 system-ui, sans-serif; }}
h1 {{ font-size: 1.2rem; overflow-wrap: anywhere; }}
.pair {{ position: relative; }}
.pair img {{ display: block; width: 100%; image-rendering: pixelated; }}
.pair img + img {{ position: absolute; inset: 0; clip-path: inset(0 0 0 var(--at, 50%)); }}
.line {{ position: absolute; top: 0; bottom: 0; left: var(--at, 50%); width: 2px;
  margin-left: -1px; background: #fff; box-shadow: 0 0 0 1px #222; pointer-events: none; }}
.names {{ display: flex; justify-content: space-between; margin: 0.3rem 0; }}
input {{ width: 100%; margin: 0.3rem 0; accent-color: #0b62a4; }}
</style>
<h1>{title}</h1>
<div class="pair" id="pair">
<img src="{left}" alt="{left_alt}">
<img src="{right}" alt="{right_alt}">
<div class="line"></div>
</div>
<input type="range" id="slider" min="0" max="100" step="0.5" value="50"
 aria-label="How much of the picture shows {left_name} (left of the line)">
<p class="names"><span>{left_name}</span><span>{right_name}</span></p>
<script>
const slider = document.getElementById("slider"), pair = document.getElementById("pair");
const move = () => pair.style.setProperty("--at", slider.value + "%");
slider.addEventListener("input", move);
pair.addEventListener("pointermove", event => {{
  const box = pair.getBoundingClientRect();
  slider.value = 100 * (event.clientX - box.left) / box.width;
  move();
}});
move();
</script>
</html>
"""


def side_by_side(left, right, names, gap=8):
    """One picture of two with a gap between them, under a strip with their names.

    Args:
        left, right: arrays (height, width, 3 or 4) of the same shape, uint8 or uint16.
        names: the two names that are written above them.
        gap: pixels between the two; it is white and opaque, as the strip is.

    Returns an array (height + strip, 2 * width + gap, channels); ``size`` tells its size.
    """
    height, width = left.shape[:2]
    both_width, both_height = size(width, height, gap)
    white = np.iinfo(left.dtype).max
    both = np.full((both_height, both_width, left.shape[2]), white, left.dtype)
    strip = both_height - height
    both[strip:, :width], both[strip:, width + gap:] = left, right
    font = ImageFont.load_default(max(min(0.7 * strip, 0.2 * width), 5))
    for name, x in zip(names, (0, width + gap), strict=True):
        label = Image.new("L", (width, strip), 255)
        ImageDraw.Draw(label).text((width / 2, strip / 2), name, 0, font, anchor="mm")
        both[:strip, x:x + width, :3] = np.asarray(label, left.dtype)[..., None] * (white // 255)
    return both


def size(width, height, gap=8):
    """(width, height) of ``side_by_side`` for two pictures of ``width`` x ``height`` pixels."""
    return 2 * width + gap, height + min(max(width // 20, 16), 64)


def page(title, left, right, names, kind, width):
    """A page (HTML) with two pictures on one another and a slider between them.

    The page holds the pictures and asks for nothing else. Its slider works by pointer and by
    keyboard.

    Args:
        title: of the page.
        left, right: the contents of the two picture files, as bytes.
        names: what made the two.
        kind: the format of both: "png", "jpeg" or "webp".
        width: of the pictures in pixels.
    """
    left, right = (f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"
                   for picture in (left, right))
    names = [html.escape(name) for name in names]
    title = html.escape(title)
    return PAGE.format(title=title, width=width, left=left, right=right, left_name=names[0],
                       right_name=names[1], left_alt=f"{title}, enlarged by {names[0]}",
                       right_alt=f"{title}, enlarged by {names[1]}")

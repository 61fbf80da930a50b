"""Two enlargements of one photo to compare: side by side, or in a page under a slider.

Introduced in lesson 06.
"""

import base64
import html
import string

import numpy as np
from PIL import Image, ImageDraw, ImageFont

PAGE = string.Template("""<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<link rel="icon" href="data:,">
<title>$title: $left_name and $right_name</title>
<style>
:root { color-scheme: light dark; --ink: #222; --ground: #fff; --accent: #0b62a4; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e6e6; --ground: #191919; --accent: #7cbcf0; }
}
body { margin: 1rem; color: var(--ink); background: var(--ground);
  font: 1rem/1.5 system-ui, sans-serif; }
main { width: fit-content; min-width: min(22rem, 100%); max-width: 100%; margin: auto; }
h1 { margin: 0; font-size: 1.2rem; overflow-wrap: anywhere; }
p { margin: 0.3rem 0; }
.names { display: flex; justify-content: space-between; gap: 1rem; font-weight: 600; }
.frame { overflow: auto; max-height: 80vh; width: fit-content; max-width: 100%; }
.pair { position: relative; width: fit-content; cursor: ew-resize; touch-action: pan-y;
  user-select: none; }
.pair img { display: block; max-width: 100%; max-height: 80vh; }
.pair .right { position: absolute; inset: 0; width: 100%; height: 100%;
  clip-path: inset(0 0 0 var(--at, 50%)); }
.pair .left { clip-path: inset(0 calc(100% - var(--at, 50%)) 0 0); }
.pair.full { touch-action: auto; }
.pair.full img { max-width: none; max-height: none; }
.pair.sharp img { image-rendering: pixelated; }
.line { position: absolute; top: 0; bottom: 0; left: var(--at, 50%); width: 2px;
  margin-left: -1px; background: #fff; box-shadow: 0 0 0 1px #222; pointer-events: none; }
input { accent-color: var(--accent); }
#slider { display: block; box-sizing: border-box; width: 100%; height: 2rem; margin: 0.3rem 0; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
</style>
<main>
<h1>$title</h1>
<p class="names"><span>&larr; <span id="left-name">$left_name</span></span>
<span>$right_name &rarr;</span></p>
<div class="frame" id="frame">
<div class="pair" id="pair">
<img class="left" src="$left" alt="$title, enlarged by $left_name" draggable="false">
<img class="right" src="$right" alt="$title, enlarged by $right_name" draggable="false">
<div class="line"></div>
</div>
</div>
<input type="range" id="slider" min="0" max="100" step="0.5" value="50"
 aria-label="How much of the picture shows $left_name, the rest $right_name">
<p><label><input type="checkbox" id="full"> Actual size</label></p>
</main>
<script>
const [slider, pair, frame, full] =
  ["slider", "pair", "frame", "full"].map(id => document.getElementById(id));
const image = pair.querySelector("img");
const leftName = document.getElementById("left-name").textContent;
const move = () => {
  pair.style.setProperty("--at", slider.value + "%");
  slider.setAttribute("aria-valuetext", Math.round(slider.value) + "% " + leftName);
};
const moveTo = event => {
  const box = pair.getBoundingClientRect();
  slider.value = 100 * (event.clientX - box.left) / box.width;
  move();
};
const fit = () => {
  pair.classList.toggle("full", full.checked);
  image.style.width = full.checked ? image.naturalWidth / devicePixelRatio + "px" : "";
  // Smaller than they are, pictures look wrong if pixels are left out.
  pair.classList.toggle("sharp", image.clientWidth * devicePixelRatio >= image.naturalWidth - 1);
};
slider.addEventListener("input", () => {
  move();
  const line = pair.offsetWidth * slider.value / 100;
  if (line < frame.scrollLeft || line > frame.scrollLeft + frame.clientWidth)
    frame.scrollLeft = line - frame.clientWidth / 2;
});
pair.addEventListener("pointerdown", event => {
  if (event.button !== 0) return;
  pair.setPointerCapture(event.pointerId);
  moveTo(event);
});
pair.addEventListener("pointermove", event => {
  if (pair.hasPointerCapture(event.pointerId)) moveTo(event);
});
full.addEventListener("change", fit);
addEventListener("resize", fit);
addEventListener("load", fit);
move();
</script>
</html>
""")


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


def page(title, left, right, names, kind):
    """A page (HTML) with two pictures on one another and a slider between them.

    The page holds the pictures and asks for nothing else. Its slider works by pointer and by
    keyboard. Pictures larger than the window are shown smaller, or as they are in a frame that
    scrolls.

    Args:
        title: of the page.
        left, right: the contents of the two picture files, as bytes.
        names: what made the two.
        kind: the format of both: "png", "jpeg", "webp" or "avif".
    """
    left, right = (f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"
                   for picture in (left, right))
    return PAGE.substitute(title=html.escape(title), left=left, right=right,
                           left_name=html.escape(names[0]), right_name=html.escape(names[1]))

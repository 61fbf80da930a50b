"""The two pictures under the slider of the first page.

    python -m shared.tools.site.pictures    write before.webp and after.webp to images/

The astronaut Eileen Collins (NASA, public domain), a test photograph of lesson 06, is reduced to
half its size as in the lesson. A part of that is enlarged again, by bicubic interpolation and by
the network ``zoom``, which has never seen the photograph.
"""

from pathlib import Path

from PIL import Image

from shared import zoom
from shared.data import photos
from shared.images import luma

FOLDER = Path(__file__).resolve().parent / "images"
REGION = (30, 0, 180, 120)  # x, y, width, height in pixels of the reduced photograph


def main():
    small = luma.reduce(photos.load_photos("test")["astronaut"])
    FOLDER.mkdir(exist_ok=True)
    for name, network in (("before", "bicubic"), ("after", "zoom")):
        large = zoom.enhance(small, network, region=REGION)
        # Two pixels of the page for each, so that the difference is seen on any screen.
        doubled = large.repeat(2, axis=0).repeat(2, axis=1)
        Image.fromarray(doubled).save(FOLDER / f"{name}.webp", lossless=True, quality=100)


if __name__ == "__main__":
    main()

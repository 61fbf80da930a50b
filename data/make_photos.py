"""Makes the photographs of data/photos/ again from the Debian packages that carry them.

    python data/make_photos.py

It needs a Debian system with apt-get, or the packages' .deb files beside this script. Each
photo is shrunk by two or more, which removes noise and what JPEG leaves behind, and stored as
WebP. Another version of Pillow may pack the same picture in other bytes; the table in
data/README.md and shared/photos.py hold those of the shipped files, and this script says
which of them came out different.
"""

import hashlib
import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from shared.photos import SHA256  # noqa: E402

LOMIRI = "lomiri-wallpapers-16.04", "usr/share/backgrounds/{}.jpg"
LOMIRI_20 = "lomiri-wallpapers-20.04", "usr/share/backgrounds/{}.jpg"
MATE = "mate-backgrounds", "usr/share/backgrounds/mate/nature/{}.jpg"
PLASMA = ("plasma-workspace-wallpapers",
          "usr/share/wallpapers/{}/contents/images/2560x1600.jpg")

# Name in data/photos: package and folder, name there.
SOURCES = {
    "bridge": (LOMIRI, "Bridge_by_Sander_Klootwijk"),
    "brushes": (LOMIRI, "Picture_1A_by_freespace"),
    "clock": (LOMIRI, "greentock_by_Peter_Nerlich"),
    "dandelion": (LOMIRI, "seeding_by_Clements_Engelhardt"),
    "dogs": (LOMIRI, "friends_by_Aitzol_Berasategi"),
    "dragonfly": (LOMIRI, "Dragonfly_by_Bolly"),
    "fig": (LOMIRI, "Picture_0B_by_freespace"),
    "hills": (LOMIRI, "aitzgorri_by_Aitzol_Berasategi"),
    "lamp": (LOMIRI, "free_by_Peter_Nerlich"),
    "mountains": (LOMIRI, "picosdeeuropa_by_Aitzol_Berasategi"),
    "stream": (LOMIRI, "life_by_Aitzol_Berasategi"),
    "sunset": (LOMIRI, "sunset_by_Aitzol_Berasategi"),
    "wine": (LOMIRI, "Wine_by_Jakkub_Mede"),
    "nuthatch": (LOMIRI_20, "Kleiber_by_Lukas_Baubkus"),
    "drop": (MATE, "Aqua"),
    "dune": (MATE, "Dune"),
    "grass": (MATE, "GreenMeadow"),
    "ladybird": (MATE, "LadyBird"),
    "leaf": (MATE, "Blinds"),
    "marigold": (MATE, "Garden"),
    "petals": (MATE, "FreshFlower"),
    "rain": (MATE, "RainDrops"),
    "road": (MATE, "Storm"),
    "seeds": (MATE, "TwoWings"),
    "sunflower": (MATE, "YellowFlower"),
    "wood": (MATE, "Wood"),
    "boats": (PLASMA, "EveningGlow"),
    "cups": (PLASMA, "ColorfulCups"),
    "facade": (PLASMA, "Grey"),
    "forest": (PLASMA, "Path"),
    "jetty": (PLASMA, "ColdRipple"),
    "kite": (PLASMA, "Kite"),
    "lake": (PLASMA, "summer_1am"),
    "maple": (PLASMA, "FallenLeaf"),
    "moss": (PLASMA, "OneStandsOut"),
    "planks": (PLASMA, "BytheWater"),
}
PIXELS, QUALITY = 900_000, 90


def unpack(package, work):
    """The folder with a package's files, fetched where there is no .deb beside this script."""
    folder = Path(work) / package
    if not folder.is_dir():
        debs = list(HERE.glob(f"{package}_*.deb"))
        if not debs:
            subprocess.run(["apt-get", "download", package], cwd=work, check=True,
                           stderr=subprocess.DEVNULL)
            debs = list(Path(work).glob(f"{package}_*.deb"))
        subprocess.run(["dpkg", "-x", str(debs[0]), str(folder)], check=True)
    return folder


def shrunk(picture):
    """RGB, shrunk by two or more to about ``PIXELS``, both sides even.

    Lanczos, after block means where the photo is shrunk by six or more: each new pixel is an
    average over many old ones, in which noise and the blocks of JPEG are lost.
    """
    width, height = picture.size
    factor = max(2, (width * height / PIXELS) ** 0.5)
    size = (round(width / factor / 2) * 2, round(height / factor / 2) * 2)
    return picture.convert("RGB").resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def packed(picture):
    """The bytes of the WebP file."""
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=QUALITY, method=6)
    return file.getvalue()


def main():
    folder = HERE / "photos"
    folder.mkdir(exist_ok=True)
    total = 0
    with tempfile.TemporaryDirectory() as work:
        for name, ((package, place), there) in SOURCES.items():
            path = unpack(package, work) / place.format(there)
            with Image.open(path) as picture:
                content = packed(shrunk(picture))
            part = folder / f"{name}.webp.part"
            part.write_bytes(content)
            os.replace(part, folder / f"{name}.webp")
            sha256, total = hashlib.sha256(content).hexdigest(), total + len(content)
            note = "" if SHA256.get(name) == sha256 else "  not the shipped one"
            print(f"{name}.webp  {len(content):7,}  {sha256}{note}")
    print(f"{len(SOURCES)} photos, {total:,} bytes")


if __name__ == "__main__":
    main()

"""Makes the photographs of data/photos/ again from the Debian packages that contain them.

    python data/make_photos.py [--sums]

It needs a Debian system with apt-get, or the packages' .deb files next to this script. Each
photo is shrunk by a factor of two or more, which removes noise and JPEG artefacts, and is stored
as WebP: the large ones in data/photos/, smaller ones of other subjects in data/photos/extra/.
Another version of Pillow may encode the same picture in other bytes. The checksums of the
shipped files are in data/README.md and data/photos/SHA256SUMS, and this script says which files
differ from them. With `--sums` it writes a new SHA256SUMS.
"""

import hashlib
import io
import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from shared.data.photos import SUMS, sums  # noqa: E402

LOMIRI = "lomiri-wallpapers-16.04", "usr/share/backgrounds/{}.jpg"
LOMIRI_20 = "lomiri-wallpapers-20.04", "usr/share/backgrounds/{}.jpg"
MATE = "mate-backgrounds", "usr/share/backgrounds/mate/nature/{}.jpg"
PLASMA = ("plasma-workspace-wallpapers",
          "usr/share/wallpapers/{}/contents/images/2560x1600.jpg")

# The name in data/photos: the package and folder, and the name there.
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

# GCompris is a collection of activities for children. Its photographs are in Qt resource files,
# one file per activity, together with a README that names the author and licence of each.
GCOMPRIS = "gcompris-qt-data", "usr/share/gcompris-qt/rcc/{}.rcc"
# The activity, and for each name in data/photos/extra: the folder and name there.
EXTRA = {
    "erase": {
        "alpaca": "alpaca", "bee": "bee", "butterfly": "butterfly", "calf": "calf",
        "camels": "camels", "caterpillar": "caterpillar", "chamaeleon": "chamaeleon",
        "cheetah": "cheetah", "crab": "crab", "flying_fox": "flying_fox", "gibbon": "gibbon",
        "giraffe": "giraffe", "goat": "goat", "gosling": "gosling",
        "harrier": "northern_harrier", "heron": "heron", "ibex": "nubian_ibex",
        "kingfisher": "kingfisher", "kitten": "kitten", "macaque": "macaque",
        "meerkats": "meerkats", "penguin": "penguin", "pony": "horse",
        "proboscis_monkey": "long_nosed_monkey", "red_panda": "red_panda",
        "rhinoceros": "rhinoceros", "spoonbills": "spoonbills", "squirrel": "squirrel",
        "swans": "swans", "toucan": "toucan"},
    "explore_monuments": {
        "arena": "france/arlesAmphitheater", "basilica": "germany/aulaPalatina",
        "brandenburg_gate": "germany/brandenburgGate", "cathedral": "france/reimsCathedral",
        "chambord": "france/chateaudeChambord", "charminar": "india/charminar",
        "chenonceau": "france/chateaudeChenonceau", "chichen_itza": "wonders/chichenItza",
        "colosseum": "wonders/colosseum", "dome": "germany/berlinCathedral",
        "eiffel_tower": "france/eiffelTower", "hawa_mahal": "india/hawaMahal",
        "liberty": "usa/statueofLiberty", "lincoln_memorial": "usa/lincolnMemorial",
        "mysore_palace": "india/mysorePalace", "neuschwanstein": "germany/neuschwansteinCastle",
        "papal_palace": "france/palaisdesPapes", "petra": "wonders/petra",
        "qutub_minar": "india/qutubMinar", "taj_mahal": "wonders/tajMahal"},
    "explore_farm_animals": {"duck": "animals/duck", "owl": "animals/owl"},
    "explore_world_animals": {"lemurs": "animals/lemur",
                              "macaw": "animals/scarlet_macaw",
                              "panda": "animals/panda"},
    "explore_world_music": {"drums": "music/africa", "mariachi": "music/mexico",
                            "opera": "music/italy", "session": "music/ireland"},
}
EXTRA_PIXELS, EXTRA_QUALITY = 200_000, 85


def unpack(package, work):
    """The folder with a package's files; downloads it if its .deb is not next to this script."""
    folder = Path(work) / package
    if not folder.is_dir():
        debs = list(HERE.glob(f"{package}_*.deb"))
        if not debs:
            subprocess.run(["apt-get", "download", package], cwd=work, check=True,
                           stderr=subprocess.DEVNULL)
            debs = list(Path(work).glob(f"{package}_*.deb"))
        subprocess.run(["dpkg", "-x", str(debs[0]), str(folder)], check=True)
    return folder


def resources(path):
    """The files inside a Qt resource file, by name: a dict of bytes.

    Numbers are big-endian. The header says where the tree, the contents and the names start. A
    node of the tree (22 bytes) is a file, or a folder with the number of its first child. The
    photographs are stored without compression; compressed files are left out.
    """
    content = path.read_bytes()
    magic, _, tree, data, names = struct.unpack_from(">4s4I", content)
    if magic != b"qres":
        sys.exit(f"{path} is not a Qt resource file")
    files = {}

    def walk(number, folder):
        node = tree + 22 * number
        name, flags, first, second = struct.unpack_from(">IHII", content, node)
        if number:
            length, = struct.unpack_from(">H", content, names + name)
            start = names + name + 6  # after the length and a hash
            folder += "/" + content[start:start + 2 * length].decode("utf-16-be")
        if flags & 2:  # a folder: how many children, and where they start
            for child in range(second, second + first):
                walk(child, folder)
        elif not flags & 5:  # a file: its language, and where it is
            length, = struct.unpack_from(">I", content, data + second)
            files[folder] = content[data + second + 4:data + second + 4 + length]

    walk(0, "")
    return files


def shrunk(picture, pixels):
    """The picture as RGB, shrunk by a factor of two or more to about ``pixels``, with even sides.

    The filter is Lanczos; if the factor is six or more, block means come first. Each new pixel
    is a mean of many old ones, which removes noise and the blocks of JPEG.
    """
    width, height = picture.size
    factor = max(2, (width * height / pixels) ** 0.5)
    size = (round(width / factor / 2) * 2, round(height / factor / 2) * 2)
    return picture.convert("RGB").resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def packed(picture, quality):
    """The picture as the bytes of a WebP file."""
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=quality, method=6)
    return file.getvalue()


def made(work):
    """Yields each file of data/photos: its name there and its bytes."""
    for name, ((package, place), there) in SOURCES.items():
        with Image.open(unpack(package, work) / place.format(there)) as picture:
            yield f"{name}.webp", packed(shrunk(picture, PIXELS), QUALITY)
    package, place = GCOMPRIS
    for activity, names in EXTRA.items():
        files = resources(unpack(package, work) / place.format(activity))
        for name, there in names.items():
            content = files[f"/gcompris/src/activities/{activity}/resource/{there}.webp"]
            with Image.open(io.BytesIO(content)) as picture:
                yield f"extra/{name}.webp", packed(shrunk(picture, EXTRA_PIXELS), EXTRA_QUALITY)


def write(path, content):
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(content)
    os.replace(part, path)


def main():
    folder = HERE / "photos"
    (folder / "extra").mkdir(parents=True, exist_ok=True)
    new_sums = "--sums" in sys.argv
    shipped, lines, total = {} if new_sums else sums(), [], 0
    with tempfile.TemporaryDirectory() as work:
        for name, content in made(work):
            write(folder / name, content)
            sha256, total = hashlib.sha256(content).hexdigest(), total + len(content)
            lines.append(f"{sha256}  {name}\n")
            same = new_sums or shipped.get(name) == sha256
            note = "" if same else "  differs from the shipped file"
            print(f"{name}  {len(content):7,}  {sha256}{note}")
    print(f"{len(lines)} photos, {total:,} bytes")
    if new_sums:
        write(folder / SUMS, "".join(lines).encode())


if __name__ == "__main__":
    main()

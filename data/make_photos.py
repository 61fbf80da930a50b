"""Makes the photographs of data/photos/ again from the Debian packages that contain them.

    python data/make_photos.py [--sums]

It needs a Debian 12 system with apt-get, or the packages' .deb files next to this script. Each
photo is shrunk, which removes noise and JPEG artefacts, and is stored as WebP in the folder of
its split: data/photos/train, extra, more or validation.
Another version of Pillow may encode the same picture in other bytes. The checksums of the
shipped files are in data/README.md and data/photos/SHA256SUMS, and this script says which files
differ from them. With `--sums` it writes a new SHA256SUMS.
"""

import hashlib
import io
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from shared.data.photos import SUMS, sums  # noqa: E402
from shared.paths import written_beside  # noqa: E402


class Source(NamedTuple):
    """Where photographs are inside a Debian package, and how they are made smaller."""

    package: str
    place: str  # the path of a photo in the package; {} is its name there
    pixels: int  # the most that a photo has in the course
    quality: int  # of WebP
    factor: float = 2  # the least factor by which a photo is shrunk


LOMIRI = Source("lomiri-wallpapers-16.04", "usr/share/backgrounds/{}.jpg", 900_000, 90)
LOMIRI_20 = Source("lomiri-wallpapers-20.04", "usr/share/backgrounds/{}.jpg", 900_000, 90)
MATE = Source("mate-backgrounds", "usr/share/backgrounds/mate/nature/{}.jpg", 900_000, 90)
PLASMA = Source("plasma-workspace-wallpapers",
                "usr/share/wallpapers/{}/contents/images/2560x1600.jpg", 900_000, 90)


def gcompris(activity, pixels=300_000, quality=88, factor=2):
    """The photographs of an activity of GCompris, a collection of activities for children.

    They are in a Qt resource file, together with a README that names the author and licence of
    each. The path after the colon is the path inside that file.
    """
    return Source("gcompris-qt-data", f"usr/share/gcompris-qt/rcc/{activity}.rcc:"
                  f"/gcompris/src/activities/{activity}/resource/{{}}.webp",
                  pixels, quality, factor)


def small(package, place, factor=2.0):
    """Photographs of a package, shrunk to at most 0.3 megapixels.

    A factor of 1.5 is enough for photos that their package already shrank much.
    """
    return Source(package, place, 300_000, 88, factor)


SKY = small("endless-sky-data", "usr/share/games/endless-sky/images/{}.jpg", 1.5)
ALBUM = small("kphotoalbum", "usr/share/kphotoalbum/demo/{}.jpg")
PALAPELI = small("palapeli-data", "usr/share/palapeli/collection/{}.jpg")
SCIKIT_LEARN = small("python3-sklearn",
                     "usr/lib/python3/dist-packages/sklearn/datasets/images/{}.jpg", 1.5)
SCRATCH = small("scratch", "usr/share/scratch/Media/Backgrounds/{}.jpg", 1.5)
TUX_PAINT = small("tuxpaint-data", "usr/share/tuxpaint/templates/{}.jpg")

# The split, the source, and for each name in the folder of the split: the name in the source.
PHOTOS = [
    ("train", LOMIRI, {
        "bridge": "Bridge_by_Sander_Klootwijk", "brushes": "Picture_1A_by_freespace",
        "clock": "greentock_by_Peter_Nerlich", "dandelion": "seeding_by_Clements_Engelhardt",
        "dragonfly": "Dragonfly_by_Bolly", "fig": "Picture_0B_by_freespace",
        "hills": "aitzgorri_by_Aitzol_Berasategi", "lamp": "free_by_Peter_Nerlich",
        "stream": "life_by_Aitzol_Berasategi", "sunset": "sunset_by_Aitzol_Berasategi",
        "wine": "Wine_by_Jakkub_Mede"}),
    ("train", LOMIRI_20, {
        "nuthatch": "Kleiber_by_Lukas_Baubkus"}),
    ("train", MATE, {
        "drop": "Aqua", "dune": "Dune", "grass": "GreenMeadow", "leaf": "Blinds",
        "marigold": "Garden", "petals": "FreshFlower", "rain": "RainDrops", "road": "Storm",
        "seeds": "TwoWings", "sunflower": "YellowFlower", "wood": "Wood"}),
    ("train", PLASMA, {
        "boats": "EveningGlow", "facade": "Grey", "forest": "Path", "jetty": "ColdRipple",
        "kite": "Kite", "lake": "summer_1am", "maple": "FallenLeaf", "moss": "OneStandsOut"}),
    ("extra", gcompris("erase", 200_000, 85), {
        "alpaca": "alpaca", "bee": "bee", "butterfly": "butterfly", "calf": "calf",
        "camels": "camels", "caterpillar": "caterpillar", "chamaeleon": "chamaeleon",
        "cheetah": "cheetah", "crab": "crab", "flying_fox": "flying_fox", "gibbon": "gibbon",
        "giraffe": "giraffe", "goat": "goat", "gosling": "gosling", "harrier": "northern_harrier",
        "heron": "heron", "ibex": "nubian_ibex", "kingfisher": "kingfisher", "kitten": "kitten",
        "macaque": "macaque", "meerkats": "meerkats", "penguin": "penguin", "pony": "horse",
        "proboscis_monkey": "long_nosed_monkey", "red_panda": "red_panda",
        "rhinoceros": "rhinoceros", "spoonbills": "spoonbills", "squirrel": "squirrel",
        "swans": "swans", "toucan": "toucan"}),
    ("extra", gcompris("explore_monuments", 200_000, 85), {
        "arena": "france/arlesAmphitheater", "basilica": "germany/aulaPalatina",
        "brandenburg_gate": "germany/brandenburgGate", "cathedral": "france/reimsCathedral",
        "chambord": "france/chateaudeChambord", "charminar": "india/charminar",
        "chenonceau": "france/chateaudeChenonceau", "chichen_itza": "wonders/chichenItza",
        "colosseum": "wonders/colosseum", "dome": "germany/berlinCathedral",
        "eiffel_tower": "france/eiffelTower", "hawa_mahal": "india/hawaMahal",
        "liberty": "usa/statueofLiberty", "lincoln_memorial": "usa/lincolnMemorial",
        "mysore_palace": "india/mysorePalace", "neuschwanstein": "germany/neuschwansteinCastle",
        "papal_palace": "france/palaisdesPapes", "petra": "wonders/petra",
        "qutub_minar": "india/qutubMinar", "taj_mahal": "wonders/tajMahal"}),
    ("extra", gcompris("explore_farm_animals", 200_000, 85), {
        "duck": "animals/duck", "owl": "animals/owl"}),
    ("extra", gcompris("explore_world_animals", 200_000, 85), {
        "lemurs": "animals/lemur", "macaw": "animals/scarlet_macaw", "panda": "animals/panda"}),
    ("extra", gcompris("explore_world_music", 200_000, 85), {
        "drums": "music/africa", "mariachi": "music/mexico", "opera": "music/italy",
        "session": "music/ireland"}),
    ("more", gcompris("explore_monuments"), {
        "ajanta": "india/ajantaCave", "canyon": "usa/canyondeChelly",
        "carcassonne": "france/citedeCarcassonne", "castillo": "usa/castillodeSanMarcos",
        "cliff_dwellings": "usa/navajo", "fort_sumter": "usa/fortSumter",
        "gateway": "india/gatewayofIndia", "golden_temple": "india/goldenTemple",
        "great_wall": "wonders/greatWallofChina", "machu_picchu": "wonders/machuPicchu",
        "mont_saint_michel": "france/montStMichel", "pyramid": "egypt/greatPyramidOfGiza",
        "redeemer": "wonders/christTheRedeemer", "rocamadour": "france/rocamadour",
        "roman_baths": "germany/trierImperialBaths", "rushmore": "usa/mountRushmore",
        "schwerin": "germany/schwerinPalace", "sun_temple": "india/konarkSunTemple",
        "victoria_memorial": "india/victoriaMemorial", "worms": "germany/wormsCathedral"}),
    ("more", gcompris("details", factor=1.5), {
        "egeskov": "image/EgeskovSlotSpejling_background",
        "eilean_donan": "image/EilanDonanCastle_background",
        "louvre": "image/Louvre_2007_02_24_c_background", "notre_dame": "image/NDP_background",
        "opera_house": "image/OperaSidney_background",
        "tower_bridge": "image/TowerBridgeLondon_background",
        "windmill": "image/FanoeWindmill_background"}),
    ("more", gcompris("explore_world_animals"), {
        "bison": "animals/bison", "crocodile": "animals/crocodile", "hedgehog": "animals/hedgehog",
        "jaguars": "animals/jaguar", "kangaroos": "animals/kangaroo", "koala": "animals/koala",
        "komodo_dragon": "animals/dragon", "lizard": "animals/chameleon", "moose": "animals/moose",
        "narwhals": "animals/narwhal"}),
    ("more", gcompris("explore_farm_animals"), {
        "cow": "animals/cow", "horses": "animals/horse",
        "pig": "animals/pig", "sheep": "animals/sheep", "shepherd_dog": "animals/dog",
        "wool": "animals/cat"}),
    ("more", gcompris("explore_world_music"), {
        "didgeridoo": "music/australia", "dutar": "music/middleeast"}),
    ("more", gcompris("clickgame"), {
        "basket_star": "sea6", "coral": "sea3"}),
    ("more", gcompris("erase"), {
        "gorilla": "gorilla", "pika": "pika"}),
    ("more", SKY, {
        "acacia": "land/bwerner7", "alps": "land/mountain16-striker",
        "azure_window": "land/bwerner1",
        "breakers": "land/sea15-harro", "busbars": "land/loc2", "chalk_cliffs": "land/myrabella4",
        "cowling": "scene/loc7", "crater": "land/lava0", "dam_site": "scene/loc3",
        "estuary": "land/water11-harro", "fjord": "land/canyon10-harro",
        "frost": "land/mountain25-spfld",
        "furrows": "land/fields10-sfiera", "harbour": "land/city13-sfiera",
        "highlands": "land/mountain19-harro", "hillside": "land/myrabella3",
        "ironworker": "scene/loc2", "lathes": "land/loc1", "launch_pad": "land/nasa3",
        "lava": "land/lava5", "massif": "land/dmottl0", "mechanics": "scene/loc6",
        "osaka": "land/city16-sfiera", "pebble_desert": "land/desert10-harro",
        "quay": "land/city17-sfiera", "rail_yard": "land/industrial0-iridium",
        "rock_face": "land/dmottl2", "rocket_hall": "land/station4", "sandstone": "land/bwerner4",
        "smelter": "scene/loc8", "soldier": "scene/loc4", "space_station": "land/station3",
        "spaceport": "land/nasa4", "spring": "land/dmottl3", "spruces": "land/snow11-sfiera",
        "steam": "land/mountain11-sfiera", "surf": "land/beach7-sfiera", "tarn": "land/myrabella8",
        "terraces": "land/valley11-harro",
        "towers": "land/city18-iridium", "winter_forest": "land/snow10-sfiera",
        "workshop": "scene/loc9"}),
    ("more", SCRATCH, {
        "baseball": "Sports/baseball-field", "bricks": "Outdoors/brick-wall2",
        "cinema": "Outdoors/the-movies", "corridor": "Outdoors/hallway_outdoors",
        "crowd": "Sports/football-field", "fireproof": "Outdoors/building-fireproof",
        "flower_bed": "Nature/flower-bed", "foyer": "Indoors/the-movies-inside",
        "grid": "Outdoors/building-at-mit", "hostas": "Nature/tree", "huts": "Outdoors/houses",
        "kitchen": "Indoors/kitchen", "log_cabin": "Outdoors/wooden-house",
        "parking": "Outdoors/parking-ramp",
        "rails": "Outdoors/train-tracks1",
        "rock_garden": "Nature/garden-rock", "route_66": "Outdoors/route66"}),
    ("more", TUX_PAINT, {
        "burnt_bark": "burnt_bark", "cliff": "cliff", "corn_maze": "corn_maze", "flock": "sheep",
        "gears": "wool_mill_machine", "lighthouse": "lighthouse", "mossy_log": "mossy_log",
        "mudstone": "mudstone", "pebbles": "rocks", "redwoods": "redwoods_above",
        "spiders_web": "spiders_web", "spray": "ocean_splash",
        "sunlit_leaves": "sun_behind_leaves", "treetops": "trees_above", "twigs": "trees_at_dusk",
        "waves": "ocean_waves"}),
    ("validation", LOMIRI, {
        "dogs": "friends_by_Aitzol_Berasategi", "mountains": "picosdeeuropa_by_Aitzol_Berasategi"}),
    ("validation", MATE, {
        "ladybird": "LadyBird"}),
    ("validation", PLASMA, {
        "cups": "ColorfulCups", "planks": "BytheWater"}),
    ("validation", gcompris("explore_monuments"), {
        "aqueduct": "france/pontduGard", "battery_park": "usa/castleClinton"}),
    ("validation", gcompris("details", factor=1.5), {
        "nagoya_castle": "image/Nagoya_background"}),
    ("validation", gcompris("explore_world_animals"), {
        "giraffes": "animals/giraffe", "polar_bear": "animals/polar_bear"}),
    ("validation", gcompris("explore_farm_animals"), {
        "chickens": "animals/chicken"}),
    ("validation", gcompris("explore_world_music"), {
        "drum_kit": "music/america", "festival": "music/japan", "orchestra": "music/orchestra"}),
    ("validation", SKY, {
        "night_city": "land/mfield1"}),
    ("validation", ALBUM, {
        "airport": "snow", "bar": "bar55_2", "billiards": "pool"}),
    ("validation", PALAPELI, {
        "citrus": "citrus-fruits", "honey_bee": "european-honey-bee",
        "suspension_bridge": "cincinnati-bridge"}),
    ("validation", SCIKIT_LEARN, {
        "dahlia": "flower", "pagoda": "china"}),
]


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


def shrunk(picture, pixels, factor):
    """The picture as RGB, shrunk by ``factor`` or more to at most about ``pixels``, even sides.

    The filter is Lanczos; if the factor is six or more, block means come first. Each new pixel
    is a mean of several old ones, which removes noise and the blocks of JPEG.
    """
    width, height = picture.size
    factor = max(factor, (width * height / pixels) ** 0.5)
    size = (round(width / factor / 2) * 2, round(height / factor / 2) * 2)
    return picture.convert("RGB").resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def packed(picture, quality):
    """The picture as the bytes of a WebP file."""
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=quality, method=6)
    return file.getvalue()


def made(work):
    """Yields each file of data/photos: its name there, with the folder, and its bytes."""
    for split, source, names in PHOTOS:
        folder = unpack(source.package, work)
        file, _, inside = source.place.partition(":")
        files = resources(folder / file) if inside else None
        for name, there in names.items():
            if inside:
                place = io.BytesIO(files[inside.format(there)])
            else:
                place = folder / file.format(there)
            with Image.open(place) as picture:
                content = packed(shrunk(picture, source.pixels, source.factor), source.quality)
            yield f"{split}/{name}.webp", content


def write(path, content):
    with written_beside(path) as file:
        file.write(content)


def main():
    folder = HERE / "photos"
    for split, _, _ in PHOTOS:
        (folder / split).mkdir(parents=True, exist_ok=True)
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

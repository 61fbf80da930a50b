"""Photographs: those of the course to train on, those of scikit-image to measure with.

``data/photos/`` holds 36 of free licence, shrunk by two or more so that neither noise nor
JPEG is left in them; who took each, and its licence, stands in ``data/README.md``. The test
photographs come with scikit-image and are never trained on.
"""

import hashlib
import io

import numpy as np
from PIL import Image

from shared.datasets import folder

# Five of different kinds: a pattern, animals and boards, a plant, rocks, texture.
VALIDATION = ("cups", "dogs", "ladybird", "mountains", "planks")

# Name here, and function of skimage.data. All of them are inside its wheel.
TEST = {"astronaut": "astronaut", "brick": "brick", "camera": "camera", "cat": "chelsea",
        "coffee": "coffee", "coins": "coins", "grass": "grass", "gravel": "gravel",
        "motorcycle": "stereo_motorcycle", "page": "page", "rocket": "rocket"}

# sha256 of each file data/photos/NAME.webp.
SHA256 = {
    "boats": "72ca50ce14997e96e9c73ed2df355af0590ef9cf78f88dbde5cd163e41ea4375",
    "bridge": "dafeb0a1e3eef49ca5d21c69809e92b077137a3df600ffa96e1237284004a07d",
    "brushes": "7bb549260a91c4a08d444d7d3500be0bb85cc1c9039382e0434c72278d81df06",
    "clock": "feb0c76ae8831a4bb12f480f87b604c968bf0d8b7e974f87df87abf8014009ba",
    "cups": "ddaf1c92c3a8f3e31d8339a001bc82d153775725ef9662542625fdc542a531a0",
    "dandelion": "062a3d1d3c14d4c8985c091000574d77fa698238fcdd4c8e8ee70f0ba1d9915f",
    "dogs": "cdc2c6771e2f03d343a4b9caf4424c9d044c9242d01f6a05c58408be0ab17fd8",
    "dragonfly": "c821357b874b9ab467479d8c893e70e24366e3cb7e427ff42519d698e37983cf",
    "drop": "4bbfeb6b291ae428fc94a03dd535e0defee89e7179814cd255610d91c2285441",
    "dune": "10c686e808dd4336c365370fba982fa0e8f5674c4e83642f2196ed122835be8d",
    "facade": "b899197e4e015f6d0bebc082fd0c6c4dd073582f126747101b1a5b220c1226f1",
    "fig": "343c4f3b77b7aa64b76f3f1ba0528653b9fb3e73665434dca9c10b55b19400b2",
    "forest": "e468085f05d92915be96a2588e177855d9b4ba2e6745324abb38057daec7c6c0",
    "grass": "c18c2072e3d7e398a817d069249191ba9fec9a53a0198b061405383db65ded1e",
    "hills": "0bd21440e5b9277324be079955ed6c4c8304b18d0e0b4d0b20944d7a76804bc1",
    "jetty": "926fdde9c32005ed5c41cc6bc29ae7fdaa6fffd2e10ba594df0a47090dfb891e",
    "kite": "b937e619fb16e8f999d7df415451812ac98ee2dd761546b5bbf7d8e7b5956a1a",
    "ladybird": "59e7892a9485a542fd53fa3040b96e7a50462fe49f7e0930e63ed9b201404c3a",
    "lake": "79d9ce7da5782898255d28a18734ad119ed7f701fad591cecee456a60828c75f",
    "lamp": "a951d8cef40a23cec5b2f7b1fac8c2753067ffbf51b8707f98577b008739117e",
    "leaf": "915bf3af267a03e09d5bf16f6a5e0693d578d5f571b405806bc953955de4fa83",
    "maple": "e5ddd4a365a27220eef26f51f14326d9ff973ad97d553023efe60a0cf4f0ab54",
    "marigold": "960e6fa317d33dacc6dd81c9637824a62d3f291ecf460e08367a645c98bc5de7",
    "moss": "6ca34527407e9002d4f3eed5a32d3cf4eaa8ead3227e651c6690d115dc99aea4",
    "mountains": "b7357fcce68bc1c48c7aa6b447590753d03a4153bfaf167c697c3bc1cb8e41d3",
    "nuthatch": "041a93414a7075edfabf4b26dd3212b9d543549770cd740dd7f0ce5bcc3ff1e6",
    "petals": "79a5bb886b0db3419b8a00837d5db62f6c3e32e2387b271ad65e68866516cd34",
    "planks": "48a076b07e2a71affce97cbfa4d854cdc37e15273b25c4c8585184337eda7dbf",
    "rain": "6c846400078504399a85d9b6d721dad304f3c0716dcfde7d029d3fbd8478eb24",
    "road": "118c891e15843f7abfe4acd9eb73d2cbe110024e4c77a2f7c5b1372906e3d473",
    "seeds": "e6efefbb327856df2ed97dc291e644b9e21087caf72312b5ab7d82198d037b9e",
    "stream": "68a775ea8cca25733d5a60588a141326ae9fe70da908bccb0cc79d5f8f169726",
    "sunflower": "2aa8c1ca350e4416cb19bdd41ddb9098a07318b4ff9fcd1a9b53f58895d1b248",
    "sunset": "86958541489895bbe87f481c2bb46b4cff237ab696a94bb01a36797eb5ab99a9",
    "wine": "dc3548d7538d3f65203d1c1b8353172a5648301af9220b084299f621f337daeb",
    "wood": "fecf81f5d7d95cf1b940a1af200b31dfef4125e7b42ac4b6a3431785236ed0dc",
}


def photos(split):
    """The photographs of a split, by name: uint8 arrays (height, width, 3), RGB.

    Args:
        split: "train" (31 photos) or "validation" (``VALIDATION``), 0.3 to 0.9 megapixels
            each; "test": 11 of scikit-image, six of which are grey, 0.07 to 0.4 megapixels.

    Raises FileNotFoundError or ValueError, with the command that mends it, where a file of
    ``data/photos/`` is missing or is not what it was.
    """
    if split == "test":
        return {name: _of_scikit_image(function) for name, function in TEST.items()}
    if split not in ("train", "validation"):
        raise ValueError(f"unknown split {split!r}: choose train, validation or test")
    return {name: _read(name) for name in SHA256 if (name in VALIDATION) == (split != "train")}


def _read(name):
    path = folder() / "photos" / f"{name}.webp"
    mend = (f"run `git checkout data/photos/{name}.webp`, or `python data/make_photos.py` to "
            f"make all of them again from their sources")
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: {mend}")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256[name]:
        raise ValueError(f"{path} ({len(content):,} bytes) is cut off or altered, not the photo "
                         f"this course was made with: {mend}")
    with Image.open(io.BytesIO(content)) as picture:
        return np.asarray(picture.convert("RGB"))


def _of_scikit_image(function):
    from skimage import data

    picture = getattr(data, function)()
    if isinstance(picture, tuple):  # two views of a motorcycle and its depth: the left view
        picture = picture[0]
    if picture.ndim == 2:
        picture = np.stack([picture] * 3, axis=-1)
    return np.ascontiguousarray(picture[..., :3])

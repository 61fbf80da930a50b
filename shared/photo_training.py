"""What the networks of lesson 06 learn from, and how they are measured on photographs."""

import os
from pathlib import Path

import numpy as np

from shared import anatomy, drawn, luma, patches, pictures, training
from shared.photos import photos

SIDE = 320  # of a drawing, pixels
LEAST = 0.3  # of a photo's height and width


def material(kinds=tuple(drawn.KINDS), drawings=12, seed=1, splits=("train",), sizes=None):
    """Photographs at several sizes, and drawings: a list of ``patches.Pair``.

    Args:
        kinds: of ``drawn.KINDS``, ``drawings`` of each; none: photographs alone.
        splits: of ``photos.photos``, which photographs.
        sizes: each photo as it is, and so many times smaller, by a chance factor down to
            ``LEAST``; None: at the three fixed sizes of ``patches.pairs``.
    """
    rng = np.random.default_rng(seed)
    made = [drawn.KINDS[kind](rng, SIDE) for kind in kinds for _ in range(drawings)]
    pictures = [picture for split in splits for picture in photos(split).values()]
    if sizes is None:
        taken = patches.pairs(pictures)
    else:
        factors = LEAST ** rng.random((len(pictures), sizes))
        taken = [pair for picture, smaller in zip(pictures, factors, strict=True)
                 for pair in patches.pairs([picture], (1.0, *smaller))]
    return taken + patches.pairs(made, shrinks=(1.0,))


def batches(per_epoch=500, batch_size=16, side=48, seed=1, **choice):
    """Crops of ``side`` x ``side`` with their truth; ``choice`` as for ``material``."""
    pairs = material(**choice)
    return training.Batches(patches.places(pairs, side), patches.crops(pairs, side),
                            batch_size=batch_size, per_epoch=per_epoch, seed=seed)


def enlarge(model, low_res):
    """Luma, uint8 (height, width, 1), enlarged by ``model`` in one piece: float32, 0 to 255."""
    return 255 * training.predict(model, low_res[None] / np.float32(255), 1)[0]


def score(model, photographs, scale=2):
    """Mean PSNR-Y in dB and SSIM-Y over photographs, by the protocol of ``shared.luma``.

    ``photographs``: RGB arrays of uint8, any size; ``model``: a network of ``photo_models``.
    """
    found = []
    for photograph in photographs:
        truth = luma.crop(luma.luma(photograph), scale)
        image = enlarge(model, luma.reduce(truth, scale))
        found.append((luma.psnr_y(truth, image, scale), luma.ssim_y(truth, image, scale)))
    return tuple(float(mean) for mean in np.mean(found, axis=0))


def set5():
    """The five pictures of Set5 (Bevilacqua et al. 2012), RGB, or None where they are absent.

    They are no part of the course. The environment variable ``ZOOM_SET5`` names a folder with
    them, large, as PNG files whose names have HR in them, or no others.
    """
    folder = os.environ.get("ZOOM_SET5")
    files = sorted(Path(folder).glob("*.png")) if folder else []
    files = [file for file in files if "HR" in file.name] or files
    if not files:
        return None
    if len(files) != 5:
        raise ValueError(f"{folder} has {len(files)} pictures, Set5 has five")
    return [pictures.read(file).pixels[..., :3] for file in files]


def seconds(model, side=256, repeats=5):
    """Seconds to enlarge ``side`` x ``side`` pixels, the median of a few, after one to warm up."""
    low_res = np.random.default_rng(0).integers(0, 256, (side, side, 1), dtype="uint8")
    return float(np.median(anatomy.timed(repeats, lambda: enlarge(model, low_res))))


def measure(model):
    """Figures of a network for its card: test and validation photographs, Set5 where it is.

    What it takes to make 512x512 pixels: multiplications, and seconds on this machine.
    """
    found = {}
    sets = {"test": photos("test").values(), "validation": photos("validation").values(),
            "set5": set5()}
    for name, photographs in sets.items():
        if photographs is not None:
            found[f"psnr_{name}"], found[f"ssim_{name}"] = score(model, photographs)
    return found | {"macs_512": anatomy.macs(model, 512, 512),
                    "seconds_512": seconds(model)}

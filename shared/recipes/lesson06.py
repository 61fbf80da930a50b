"""The recipes of lesson 06: networks that double the size of photographs, working on luma."""

import functools

import numpy as np

from shared import runtime
from shared.data import patches, photos
from shared.images import luma
from shared.measures import cost, metrics, timing
from shared.models import papers, zoom_network
from shared.training.optimizers import Muon
from shared.training.recipe import Cycle, Recipe


def enlarge_luma(model, low_res):
    """Luma enlarged by ``model``: uint8 (height, width, 1) becomes float32, twice the size.

    Both range from 0 to 255; the output is not clipped.
    """
    return 255 * runtime.predict(model, low_res[None] / np.float32(255), 1)[0]


def mean_psnr_and_ssim(model, photographs, scale=2):
    """Mean PSNR-Y in dB and mean SSIM-Y over photographs, by the protocol of ``images.luma``.

    Args:
        model: a network that enlarges luma, such as those of this lesson.
        photographs: uint8 arrays (height, width, 3), RGB, or (height, width, 1), luma.
        scale: by how much the model enlarges.
    """
    scores = []
    for photograph in photographs:
        truth = luma.crop_to_multiple(luma.luma(photograph), scale)
        image = enlarge_luma(model, luma.reduce(truth, scale))
        scores.append((metrics.psnr_y(truth, image, scale), metrics.ssim_y(truth, image, scale)))
    psnr, ssim = np.mean(scores, axis=0)
    return float(psnr), float(ssim)


def seconds_to_enlarge(model, side=256, repeats=5):
    """Seconds that ``model`` needs to enlarge luma of ``side`` x ``side`` pixels.

    The median of ``repeats`` calls, after one more as a warm-up.
    """
    low_res = np.random.default_rng(0).integers(0, 256, (side, side, 1), dtype="uint8")
    return float(np.median(timing.timed(repeats, lambda: enlarge_luma(model, low_res))))


def measure_photo_network(model):
    """The figures of a photo network for its card: a dict.

    They are PSNR-Y in dB and SSIM-Y on the test and validation photographs, and on Set5 if it
    is there; and for an output of 512x512 pixels, the multiplications, and the seconds on this
    machine.
    """
    figures = {}
    sets = {"test": photos.load_photos("test").values(),
            "validation": photos.load_photos("validation").values(), "set5": photos.set5()}
    for name, photographs in sets.items():
        if photographs is not None:
            psnr, ssim = mean_psnr_and_ssim(model, photographs)
            figures[f"psnr_{name}"], figures[f"ssim_{name}"] = psnr, ssim
    figures["macs_512"] = cost.macs(model, 512, 512)
    figures["seconds_512"] = seconds_to_enlarge(model)
    return figures


def photo_recipe(about, build, epochs, peak_rate=2e-3, side=24, batch_size=16, **fields):
    """The recipe of a photo network, by default trained by Muon on the mean absolute error.

    Args:
        about: what the network is, a few words for the card.
        build: zero-argument function that returns the network.
        epochs, peak_rate: as for ``Recipe``.
        side, batch_size: as for ``crop_batches``, for the first cycle.
        fields: further fields of the ``Recipe``.
    """
    defaults = {"loss": "mae", "optimizer": Muon, "data": PHOTOS_AND_DRAWINGS}
    return Recipe(
        about=f"luma of photographs x2, {about} (lesson 06)",
        build=lambda networks: build(), batches=crop_batches(side, batch_size),
        measure=lambda model, networks: measure_photo_network(model),
        epochs=epochs, peak_rate=peak_rate, **(defaults | fields))


def crop_batches(side, batch_size, **photographs):
    """The field ``batches`` of a ``Recipe``: crops of photographs and of drawings.

    An epoch has 4,000 crops.

    Args:
        side: height and width of a crop in pixels of the low resolution.
        batch_size: crops per batch.
        photographs: which photographs, and at what sizes, as for ``patches.training_material``.
    """
    return lambda networks: patches.photo_batches(
        per_epoch=4000 // batch_size, batch_size=batch_size, side=side,
        kinds=("dead_leaves", "lettering"), drawings=40, **photographs)


PHOTOS_AND_DRAWINGS = ("31 photographs at three sizes, 40 drawings of dead leaves and 40 of "
                       "lettering")
MUON_WITH_DECAY = functools.partial(Muon, adam_lr_ratio=0.1, weight_decay=0.1)
MUON_AVERAGED = functools.partial(MUON_WITH_DECAY, use_ema=True, ema_momentum=0.9995)

RECIPES = {
    # Adam is not used for SRCNN's last layer. It would change all 775 weights that make a pixel
    # by the same amount at each step, and the whole picture would become lighter or darker.
    "srcnn": photo_recipe(
        "three convolutions, 9-5-5", papers.srcnn_with_shortcut, epochs=40, peak_rate=1e-3,
        side=32, batch_size=8, optimizer=functools.partial(Muon, narrow=1),
        finish=papers.absorb),
    "vdsr": photo_recipe("twenty convolutions and a shortcut", papers.vdsr, epochs=14),
    "ircnn": photo_recipe(
        "seven dilated convolutions and a shortcut", papers.ircnn, epochs=28,
        finish=papers.fold),
    "unet": photo_recipe("a U-Net of five layers", papers.unet, epochs=10, side=48),
    # The last cycle raises the PSNR on photographs of all kinds: it has more photographs, the
    # loss is the squared error, and the network keeps the running mean of its weights.
    "zoom": photo_recipe(
        "residual sub-pixel network of 8 blocks, 32 and 96 wide",
        functools.partial(zoom_network.zoom, self_ensemble=False), epochs=72, peak_rate=1.5e-3,
        side=40, batch_size=8, optimizer=MUON_WITH_DECAY, finish=zoom_network.self_ensembled,
        data=f"{PHOTOS_AND_DRAWINGS}; in the last cycle 90 photographs at seven sizes",
        further_cycles=(
            Cycle(150, 1e-3, crop_batches(40, 8)),
            Cycle(5, 6e-4, crop_batches(40, 8, splits=("train", "extra"), random_sizes=6),
                  loss="mse", optimizer=MUON_AVERAGED, schedule_epochs=9))),
}

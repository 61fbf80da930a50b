"""Checks of lesson 06."""

import functools

import numpy as np

from shared import runtime, weights
from shared.data.photos import load_photos
from shared.exercises.verdicts import Right, wrong_form
from shared.images import luma
from shared.measures import metrics


def check_seen_cycles(answer):
    for cycles, side in ((3, 16), (8, 16), (42, 16), (10, 16), (16, 16), (21, 16), (100, 64)):
        result = answer(cycles, side)
        if problem := wrong_form(result, ()):
            return problem
        sampled = np.exp(2j * np.pi * cycles * np.arange(side) / side)
        wanted = int(abs(np.fft.fftfreq(side, 1 / side)[abs(np.fft.fft(sampled)).argmax()]))
        if result == wanted:
            continue
        given = f"{cycles} cycles on {side} pixels look like {wanted}, you give {result}"
        if result == cycles:
            return f"{given}: {side} pixels show at most {side // 2}"
        if result == side // 2:
            return f"{given}: finer waves do not stop at the limit, they are folded back"
        if result == 0:
            return f"{given}: without antialiasing nothing is removed, only mistaken"
        if result == cycles % side:
            return (f"{given}: whole cycles between two pixels cannot be seen, that is right; of "
                    f"what is left, more than half of a cycle looks like less, run backwards")
        if result == -wanted:
            return f"{given}: count cycles without their direction"
        if abs(result) == abs(side - cycles):
            return (f"{given}: one fold is not always right, for waves that fit need none and very "
                    f"fine ones several")
        return given
    return None


CHAINS = {
    "three convolutions of 3x3": [(3, 1, 1)] * 3,
    "kernels of 9, 5 and 5": [(9, 1, 1), (5, 1, 1), (5, 1, 1)],
    "the seven dilated layers of ircnn": [(3, d, 1) for d in (1, 2, 3, 4, 3, 2, 1)],
    "a convolution, pooling, a convolution": [(3, 1, 1), (2, 1, 2), (3, 1, 1)],
    "the way down of unet": [(3, 1, 1), (2, 1, 2)] * 3 + [(3, 1, 1)],
    "no layer at all": [],
}


def _seen(layers, first=1, stretch=True, grid=True):
    """Side of the square that a pixel sees. Other arguments make the usual mistakes."""
    side, pixel = first, 1
    for kernel, dilation, step in layers:
        side += (kernel - 1) * (dilation if stretch else 1) * (pixel if grid else 1)
        pixel *= step
    return side


def check_receptive_field(answer):
    for name, layers in CHAINS.items():
        result = answer(list(layers))
        if problem := wrong_form(result, ()):
            return problem
        wanted = _seen(layers)
        if result == wanted:
            continue
        given = f"for {name} you give {result}, and one pixel sees {wanted}"
        if result == _seen(layers, first=0):
            return f"{given}: without any layer a pixel sees one pixel, itself"
        if result == sum(kernel for kernel, _, _ in layers):
            return f"{given}: a kernel of k adds k - 1 pixels to what is seen already"
        if result == sum((kernel - 1) * dilation + 1 for kernel, dilation, _ in layers):
            return f"{given}: a layer adds to what is seen already; count the middle pixel once"
        if result == _seen(layers, stretch=False):
            return f"{given}: a dilation of d puts the weights of a kernel d pixels apart"
        if result == _seen(layers, grid=False):
            return (f"{given}: behind a step of 2 each pixel stands for two of the input, so all "
                    f"layers that follow see twice as far")
        wide, pixel = 1, 1
        for kernel, dilation, step in layers:
            pixel *= step
            wide += (kernel - 1) * dilation * pixel
        if result == wide:
            return f"{given}: a layer's own step counts for the layers behind it, not for itself"
        return given
    return None


SIDE = 40  # pixels of a low-resolution crop
CALLS = 16  # how often the network may be called for all crops
LIMIT = 0.05  # dB that must be gained


@functools.cache
def _crops():
    """Crops of the validation photographs: low resolution in [0, 1], truth in 0 to 255.

    It is the crop of each photograph that varies most: in smooth ones there is nothing to gain.
    """
    chosen = []
    for photo in load_photos("validation").values():
        truth = luma.crop_to_multiple(luma.luma(photo))
        low_res = luma.reduce(truth)
        height, width = low_res.shape[:2]
        crops = [(low_res[top:top + SIDE, left:left + SIDE] / np.float32(255),
                  truth[2 * top:2 * (top + SIDE), 2 * left:2 * (left + SIDE)])
                 for top in range(0, height - SIDE + 1, SIDE)
                 for left in range(0, width - SIDE + 1, SIDE)]
        chosen.append(max(crops, key=lambda crop: np.std(crop[0])))
    return tuple(np.stack(parts) for parts in zip(*chosen, strict=True))


@functools.cache
def _network():
    """The network as a function, and its own answer to the low-resolution crops."""
    model = weights.load_or_train("ircnn", progress=False)

    def enlarge(images):
        return runtime.predict(model, np.ascontiguousarray(images, "float32"))

    return enlarge, enlarge(_crops()[0])


def _psnr(images):
    """Mean PSNR-Y of luma images in [0, 1] for the crops."""
    return np.mean([metrics.psnr_y(truth, 255 * image)
                    for truth, image in zip(_crops()[1], images, strict=True)])


def check_better(answer):
    network, own = _network()
    low_res, truth = _crops()
    calls = []

    def enlarge(images):
        calls.append(len(images))
        if sum(calls) > CALLS * len(low_res):
            raise RuntimeError(f"`enlarge` may be called for all {len(low_res)} crops {CALLS} "
                               f"times, not more often")
        return network(images)

    result = answer(enlarge, low_res.copy())
    if problem := wrong_form(result, truth.shape):
        return problem
    result = np.asarray(result, "float64")
    if result.max() > 4:
        return "give luma in [0, 1], as `enlarge` does, not 0 to 255"
    if np.allclose(result, own, rtol=0, atol=1e-4):
        return "that is the network's own answer; make it better"
    gain = _psnr(result) - _psnr(own)
    if gain < LIMIT:
        given = f"{abs(gain):.2f} dB {'more' if gain > 0 else 'less'} than `enlarge(low_res)`"
        if gain < -3:
            return (f"{given}: are the parts in their places? What goes in turned or mirrored has "
                    f"to be turned back")
        return (f"{given}; reach {LIMIT:g} dB more, by what can be done to a photo before and "
                f"undone after")
    times = -(-sum(calls) // len(low_res))
    return Right(f"{gain:.2f} dB more than `enlarge(low_res)`, at {times} times its work")


CHECKS = {"06.1": check_seen_cycles, "06.2": check_receptive_field, "06.3": check_better}

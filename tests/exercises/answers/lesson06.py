"""Right answers and usual mistakes for the exercises of lesson 06."""

import numpy as np


def folded(cycles, side):
    rest = cycles % side
    return min(rest, side - rest)


def field(layers):
    side, pixel = 1, 1
    for kernel, dilation, step in layers:
        side += (kernel - 1) * dilation * pixel
        pixel *= step
    return side


def late_step(layers):
    side, pixel = 1, 1
    for kernel, dilation, step in layers:
        pixel *= step
        side += (kernel - 1) * dilation * pixel
    return side


def ensemble(enlarge, low_res, back=True, times=1):
    total = 0
    for down, across, swap in list(np.ndindex(2, 2, 2)) * times:
        order = (slice(None), slice(None, None, 1 - 2 * down), slice(None, None, 1 - 2 * across))
        image = low_res[order]
        image = enlarge(image.swapaxes(1, 2)).swapaxes(1, 2) if swap else enlarge(image)
        total = total + (image[order] if back else image)
    return total / 8 / times


RIGHT = {"06.1": folded, "06.2": field, "06.3": ensemble}

# What the learner wrote, and a word of the message that must help.
MISTAKES = {
    "06.1": {
        "sees them all": (lambda cycles, side: cycles, "at most"),
        "stops at the limit": (lambda cycles, side: min(cycles, side // 2), "folded back"),
        "takes them for removed": (lambda c, side: c if c <= side // 2 else 0, "removed"),
        "forgets the half": (lambda cycles, side: cycles % side, "backwards"),
        "folds once": (lambda c, side: c if c <= side // 2 else abs(side - c), "several"),
        "folds always": (lambda cycles, side: side - cycles, "need none"),
        "gives it a direction": (lambda c, side: (c + side // 2 - 1) % side - side // 2 + 1,
                                 "without their direction"),
        "gives a pair": (lambda cycles, side: (cycles, side), "shape"),
    },
    "06.2": {
        "sees nothing at first": (lambda layers: field(layers) - 1, "itself"),
        "adds the kernels": (lambda layers: sum(k for k, _, _ in layers), "k - 1"),
        "leaves the dilation out": (lambda layers: field([(k, 1, s) for k, _, s in layers]),
                                    "apart"),
        "leaves the step out": (lambda layers: field([(k, d, 1) for k, d, _ in layers]),
                                "twice as far"),
        "takes the step too early": (late_step, "not for itself"),
        "multiplies": (lambda layers: int(np.prod([k for k, _, _ in layers])), "one pixel sees"),
    },
    "06.3": {
        "gives the network's answer": (lambda enlarge, low_res: enlarge(low_res), "own answer"),
        "forgets to turn back": (lambda e, y: ensemble(e, y, back=False), "turned back"),
        "asks too often": (lambda e, y: ensemble(e, y, times=3), "not more often"),
        "gives low resolution": (lambda enlarge, low_res: low_res, "shape"),
        "gives 0 to 255": (lambda enlarge, low_res: 255 * enlarge(low_res), "not 0 to 255"),
        "blurs": (lambda e, y: (e(y) + np.roll(e(y), 1, axis=1)) / 2, "less than"),
    },
}

"""Checks of lesson 03."""

import numpy as np

from shared.data import drawings
from shared.exercises.verdicts import Right, wrong_form
from shared.images.degrade import block_mean, project
from shared.images.resize import resize
from shared.measures import metrics


def check_edge_pixels(answer):
    for edge, n in ((2.25, 5), (0.0, 3), (4.0, 4), (6.5, 8)):
        result = answer(edge, n)
        if problem := wrong_form(result, (n,)):
            return problem
        result = np.asarray(result, "float64")
        wanted = np.clip(edge - np.arange(n), 0, 1)
        if np.allclose(result, wanted, atol=1e-6):
            continue
        if np.allclose(result, 1 - wanted, atol=1e-6):
            return "black and white are exchanged: white is left of the edge"
        if set(np.unique(result)) <= {0.0, 1.0}:
            return (f"for edge {edge} every pixel is black or white; the one that holds the edge "
                    f"is grey, as much as it is covered")
        if np.allclose(result, np.clip(edge - np.arange(n) + 0.5, 0, 1), atol=1e-6):
            return "half a pixel off: pixel i reaches from i to i + 1"
        if result.max() > 1 or result.min() < 0:
            return "some greys leave the range from 0 (black) to 1 (white)"
        return f"for edge {edge} you give {np.round(result, 2).tolist()}"
    return None


def check_find_edge(answer):
    for edge in (3.25, 5.0, 6.75):
        greys = np.clip(edge - np.arange(12.0), 0, 1)
        result = answer(greys.copy())
        if problem := wrong_form(result, ()):
            return problem
        if abs(result - edge) > 1e-4:
            if float(result).is_integer():
                return (f"the edge at {edge} is placed at {result}: the grey of the pixel that "
                        f"holds it tells how far in it lies")
            return f"the edge at {edge} is placed at {float(result):.2f}"
        row = np.pad(greys, 1, mode="edge")
        softened = (row[:-2] + 2 * row[1:-1] + row[2:]) / 4
        result = float(answer(softened))
        if abs(result - edge) > 1e-4:
            return (f"sharp rows are right, but of a softened one the edge at {edge} is placed at "
                    f"{result:.2f}: mixing neighbours moves ink, and keeps its amount")
    return None


def check_own_enlarger(answer):
    truth = drawings.font_digits()[0][::7]
    low_res = block_mean(truth, 4)
    result = answer(low_res.copy())
    if problem := wrong_form(result, truth.shape):
        return problem
    soft = resize(low_res, truth.shape[1:3], "lanczos")
    sharp = np.clip(4 * (soft - 0.5) + 0.5, 0, 1)
    reference = metrics.psnr(truth, project(sharp, low_res)).mean()
    score = metrics.psnr(truth, project(np.asarray(result, "float32"), low_res)).mean()
    if score < reference + 0.5:
        return (f"after projection it scores {score:.2f} dB, Lanczos sharpened by 4 has "
                f"{reference:.2f}; be at least 0.5 dB above")
    return Right(f"{score:.2f} dB after projection, Lanczos sharpened by 4 {reference:.2f}")


CHECKS = {"03.1": check_edge_pixels, "03.2": check_find_edge, "03.3": check_own_enlarger}

"""Right answers and usual mistakes for the exercises of lesson 04."""

import numpy as np


def softmax(logits):
    share = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return share / share.sum(axis=-1, keepdims=True)


def naive(logits):
    return np.exp(logits) / np.exp(logits).sum()


def cross_entropy(logits, labels):
    return -np.log(softmax(logits)[np.arange(len(labels)), labels])


def log_mse(truth, image):
    return np.log(((image - truth) ** 2).mean(axis=(1, 2, 3)) + 1e-5)


def jury(truth, image, readings, labels, weight):
    return log_mse(truth, image) + weight * np.mean([cross_entropy(r, labels) for r in readings], 0)


def means(runs, name):
    """Mean over seeds by weight."""
    return {w: np.mean([run[name] for run in runs if run["weight"] == w])
            for w in sorted({run["weight"] for run in runs})}


def affordable(runs):
    """The weight that A reads best, of those within 0.15 dB of the best PSNR."""
    psnr, read = means(runs, "psnr_val"), means(runs, "a_val")
    return max((w for w in psnr if psnr[w] > max(psnr.values()) - 0.15), key=read.get)


RIGHT = {
    "04.1": lambda logits, label: softmax(logits) - np.eye(10)[label],
    "04.2": jury,
    "04.3": affordable,
}

# What the learner wrote, and a word of the message that must help.
MISTAKES = {
    "04.1": {
        "stops at the softmax": (lambda z, label: softmax(z), "one more term"),
        "turns the sign": (lambda z, label: np.eye(10)[label] - softmax(z), "sign"),
        "takes the logits for shares": (lambda z, label: z - np.eye(10)[label], "softmax first"),
        "moves the label's logit alone": (
            lambda z, label: (softmax(z) - 1) * np.eye(10)[label], "other nine"),
        "uses the squared error": (
            lambda z, label: 2 * softmax(z) * (softmax(z) - np.eye(10)[label]), "squared"),
        "overflows": (lambda z, label: naive(z) - np.eye(10)[label], "overflow"),
        "returns the loss": (lambda z, label: -np.log(softmax(z)[label]), "shape"),
        "forgets to return": (lambda z, label: None, "return"),
    },
    "04.2": {
        "sums over the jury": (
            lambda t, i, r, y, w: log_mse(t, i) + w * sum(cross_entropy(x, y) for x in r),
            "summed"),
        "hears one of them": (
            lambda t, i, r, y, w: log_mse(t, i) + w * cross_entropy(r[0], y), "first"),
        "weighs both parts": (lambda t, i, r, y, w: w * jury(t, i, r, y, 1), "alone"),
        "forgets the weight": (lambda t, i, r, y, w: jury(t, i, r, y, 1), "missing"),
        "takes the MSE over the batch": (
            lambda t, i, r, y, w: np.log(((i - t) ** 2).mean() + 1e-5)
            + w * np.mean([cross_entropy(x, y) for x in r], axis=0), "by itself"),
        "averages the logits": (
            lambda t, i, r, y, w: log_mse(t, i) + w * cross_entropy(np.mean(r, axis=0), y),
            "averaged"),
        "averages over the images": (lambda t, i, r, y, w: jury(t, i, r, y, w).mean(), "(n,)"),
        "takes the MSE as it is": (
            lambda t, i, r, y, w: np.exp(log_mse(t, i)) + jury(t, i, r, y, w) - log_mse(t, i),
            "logarithm"),
        "turns the sign": (lambda t, i, r, y, w: jury(t, i, r, y, -w), "sign"),
    },
    "04.3": {
        "takes what A reads best, at any price": (
            lambda runs: max(means(runs, "a_val"), key=means(runs, "a_val").get), "costs"),
        "stays at zero": (lambda runs: 0.0, "more to gain"),
        "takes the largest": (lambda runs: max(run["weight"] for run in runs), "costs"),
        "takes the best PSNR": (
            lambda runs: max(means(runs, "psnr_val"), key=means(runs, "psnr_val").get), "gain"),
        "gives a weight that was not tried": (lambda runs: 0.5, "none of the weights"),
        "gives a run instead of its weight": (lambda runs: runs[0], "none of the weights"),
    },
}

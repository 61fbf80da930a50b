"""Right answers and usual mistakes for the exercises of lesson 04."""

import math

import keras
import numpy as np
from keras import ops

from shared.studies import tradeoff


def softmax(logits):
    probabilities = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return probabilities / probabilities.sum(axis=-1, keepdims=True)


def naive(logits):
    return np.exp(logits) / np.exp(logits).sum()


def in_place(logits, label):
    logits -= logits.max()
    np.exp(logits, out=logits)
    logits /= logits.sum()
    logits[label] -= 1
    return logits


def by_loops(logits, label):
    top = max(logits)
    total = sum(math.exp(z - top) for z in logits)
    return [math.exp(z - top) / total - (k == label) for k, z in enumerate(logits)]


def by_differences(logits, label, step=1e-3):
    def loss(z):
        return np.log(np.exp(z - z.max()).sum()) + z.max() - z[label]

    return [(loss(logits + step * e) - loss(logits - step * e)) / (2 * step) for e in np.eye(10)]


def by_large_differences(logits, label):
    """Steps as large as the lesson's for pixels, in float32."""
    steps = 0.05 * np.eye(10, dtype="float32")
    both = np.concatenate([logits + steps, logits - steps]).astype("float32")
    top = both.max(axis=1)
    loss = np.log(np.exp(both - top[:, None]).sum(axis=1)) + top - both[:, label]
    return (loss[:10] - loss[10:]) / 0.1


def cross_entropy(labels, logits):
    return keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)


def log_mse(y, image):
    return ops.log(ops.mean(ops.square(y["high_res"] - image), axis=(1, 2, 3)) + 1e-5)


def readings(jury, image):
    return [judge(image, training=False) for judge in jury]


def jury_loss(y, image, jury, weight):
    """One number per image."""
    each = [cross_entropy(y["digit"], logits) for logits in readings(jury, image)]
    return log_mse(y, image) + weight * ops.mean(ops.stack(each), axis=0)


def model_of(loss, freeze=True):
    """A ``JuryModel`` whose ``compute_loss`` is ``loss(y, image, jury, weight)``."""

    class JuryModel(keras.Model):
        def __init__(self, upscaler, jury, weight):
            super().__init__()
            for judge in jury:
                judge.trainable = not freeze
            self.upscaler, self.jury, self.weight = upscaler, jury, weight

        def call(self, low_res):
            return self.upscaler(low_res)

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return loss(y, y_pred, self.jury, self.weight)

    return JuryModel


def mean_of(loss):
    return lambda y, image, jury, weight: ops.mean(loss(y, image, jury, weight))


ours = model_of(mean_of(jury_loss))


class ByLoops(keras.Model):
    """Sums and a softmax by hand, other names of the arguments, and ``call`` with a mode."""

    def __init__(self, upscaler, jury, weight):
        super().__init__(autocast=False)
        self.upscaler = upscaler
        self.jury = jury
        self.weight = weight
        for judge in self.jury:
            judge.trainable = False

    def call(self, low_res, training=False):
        return self.upscaler(low_res, training=training)

    def compute_loss(self, x, y, image, weights=None, **options):
        total = 0.0
        for judge in self.jury:
            logits = judge(image, training=False)
            logits = logits - ops.max(logits, axis=1, keepdims=True)
            chosen = ops.sum(logits * ops.one_hot(y["digit"], 10), axis=1)
            total = total + ops.logsumexp(logits, axis=1) - chosen
        return ops.mean(log_mse(y, image) + self.weight * total / len(self.jury))


def functional(upscaler, jury, weight):
    """Two outputs, the second with the logits of all classifiers."""
    for judge in jury:
        judge.trainable = False

    class Reading(keras.layers.Layer):
        def call(self, image):
            return ops.stack(readings(jury, image), axis=1)

    def mean_cross_entropy(labels, logits):
        labels = ops.repeat(ops.reshape(labels, (-1, 1)), logits.shape[1], axis=1)
        return ops.mean(cross_entropy(labels, logits), axis=1)

    def error(truth, image):
        return log_mse({"high_res": truth}, image)

    low_res = keras.Input((4, 4, 1))
    image = upscaler(low_res)
    model = keras.Model(low_res, {"high_res": image, "digit": Reading()(image)})
    model.compile("adam", {"high_res": error, "digit": mean_cross_entropy},
                  loss_weights={"high_res": 1.0, "digit": weight})
    return model


class OneLossEach(keras.Model):
    """An object of Keras for the loss, and the jury as a tuple."""

    def __init__(self, upscaler, jury, weight):
        super().__init__()
        self.upscaler, self.jury, self.weight = upscaler, tuple(jury), float(weight)
        for judge in jury:
            judge.trainable = False
        self.digit_loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def call(self, low_res):
        return self.upscaler(low_res)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        weight = self.weight / len(self.jury)
        loss = ops.mean(log_mse(y, y_pred))
        for judge in self.jury:
            loss += weight * self.digit_loss(y["digit"], judge(y_pred, training=False))
        return loss


class ByImages(keras.Model):
    """Freezes layer by layer, returns a dict from ``call``, and goes through the images."""

    def __init__(self, upscaler, jury, weight):
        super().__init__()
        self.upscaler, self.jury, self.weight = upscaler, jury, weight
        for judge in jury:
            for layer in judge.layers:
                layer.trainable = False

    def call(self, low_res):
        return {"high_res": self.upscaler(low_res)}

    def compute_loss(self, x, y, y_pred, *_, **__):
        images = y_pred["high_res"]
        total = 0.0
        for k in range(images.shape[0]):
            one = {"high_res": y["high_res"][k:k + 1], "digit": y["digit"][k:k + 1]}
            total += jury_loss(one, images[k:k + 1], self.jury, self.weight)[0]
        return total / images.shape[0]


class OfCopies(ours):
    """Copies of the classifiers are frozen instead of the classifiers."""

    def __init__(self, upscaler, jury, weight):
        copies = [keras.models.clone_model(judge) for judge in jury]
        for copy, judge in zip(copies, jury, strict=True):
            copy.set_weights(judge.get_weights())
        super().__init__(upscaler, copies, weight)


class FreezesOne(ours):
    def __init__(self, upscaler, jury, weight):
        super().__init__(upscaler, jury, weight)
        for judge in jury[1:]:
            judge.trainable = True


def of_the_worst(y, image, jury, weight):
    each = [cross_entropy(y["digit"], logits) for logits in readings(jury, image)]
    return log_mse(y, image) + weight * ops.max(ops.stack(each), axis=0)


def in_numpy(y, image, jury, weight):
    image = np.array(image)
    error = ((np.array(y["high_res"]) - image) ** 2).mean(axis=(1, 2, 3))
    logits = np.array([np.array(judge(image, training=False)) for judge in jury])
    logits -= logits.max(axis=-1, keepdims=True)
    each = np.log(np.exp(logits).sum(axis=-1, keepdims=True)) - logits
    chosen = each[:, np.arange(len(image)), np.array(y["digit"])]
    return (np.log(error + 1e-5) + weight * chosen.mean(axis=0)).mean()


def batch_mse(y, image, jury, weight):
    error = ops.log(ops.mean(ops.square(y["high_res"] - image)) + 1e-5)
    return error + jury_loss(y, image, jury, weight) - log_mse(y, image)


def of_probabilities(y, image, jury, weight):
    p = ops.mean(ops.stack([ops.softmax(z) for z in readings(jury, image)]), axis=0)
    return log_mse(y, image) + weight * keras.losses.sparse_categorical_crossentropy(y["digit"], p)


def of_logits(y, image, jury, weight):
    z = ops.mean(ops.stack(readings(jury, image)), axis=0)
    return log_mse(y, image) + weight * cross_entropy(y["digit"], z)


def with_naive_softmax(y, image, jury, weight):
    each = []
    for logits in readings(jury, image):
        e = ops.exp(logits)
        p = ops.sum(e * ops.one_hot(y["digit"], 10), axis=1) / ops.sum(e, axis=1)
        each.append(-ops.log(p))
    return log_mse(y, image) + weight * ops.mean(ops.stack(each), axis=0)


def part(y, image, jury, weight):
    return jury_loss(y, image, jury, weight) - log_mse(y, image)


def mse_of(y, image):
    return ops.mean(ops.square(y["high_res"] - image), axis=(1, 2, 3))


def with_dropout(y, image, jury, weight):
    each = [cross_entropy(y["digit"], judge(image, training=True)) for judge in jury]
    return log_mse(y, image) + weight * ops.mean(ops.stack(each), axis=0)


def means(runs, name):
    """Mean over seeds by weight."""
    return {w: np.mean([run[name] for run in runs if run["weight"] == w])
            for w in sorted({run["weight"] for run in runs})}


def affordable(runs):
    """The weight that A reads best, of those within 0.15 dB of the best PSNR."""
    psnr, read = means(runs, "psnr_val"), means(runs, "a_val")
    return max((w for w in psnr if psnr[w] > max(psnr.values()) - 0.15), key=read.get)


def affordable_at_a_tenth(runs):
    """As above, with a limit so low that one study leaves only weight 0."""
    psnr, read = means(runs, "psnr_val"), means(runs, "a_val")
    return max((w for w in psnr if psnr[w] > psnr[0.0] - 0.1), key=read.get)


def by_price(runs):
    """One point of A's may cost 0.1 dB."""
    psnr, read = means(runs, "psnr_val"), means(runs, "a_val")
    return max(psnr, key=lambda w: read[w] + 10 * psnr[w])


def by_medians(runs):
    weights = sorted({run["weight"] for run in runs})

    def median(w, name):
        return np.median([run[name] for run in runs if run["weight"] == w])

    cheap = [w for w in weights if median(w, "psnr_val") > median(0.0, "psnr_val") - 0.15]
    return np.float32(max(cheap, key=lambda w: median(w, "a_val")))


def cautious(runs):
    """The best ratio of points gained to decibels lost."""
    psnr, read = means(runs, "psnr_val"), means(runs, "a_val")
    return max(psnr, key=lambda w: (read[w] - read[0.0]) / (0.02 + abs(psnr[0.0] - psnr[w])))


def last_step(runs):
    """The largest weight up to which each step costs little; as an array."""
    psnr = means(runs, "psnr_val")
    chosen = 0.0
    for w in sorted(psnr):
        if psnr[w] < psnr[0.0] - 0.16:
            break
        chosen = w
    return np.array([chosen])


def by_extreme_runs(extreme):
    """Each weight by its worst run (``min``) or by its best (``max``)."""
    def choose(runs):
        def value(w, name):
            return extreme(run[name] for run in runs if run["weight"] == w)

        weights = {run["weight"] for run in runs}
        cheap = [w for w in weights if value(w, "psnr_val") > value(0.0, "psnr_val") - 0.2]
        return max(cheap, key=lambda w: value(w, "a_val"))

    return choose


def by_single_runs(runs):
    limit = max(run["psnr_val"] for run in runs) - 0.2
    return max((run for run in runs if run["psnr_val"] > limit),
               key=lambda run: run["a_val"])["weight"]


def looked_up(runs):
    stored = [run for run in tradeoff.load_runs() if run["scale"] == 7 and run["inside"]]
    return max((run for run in stored if run["psnr"] > 15.9), key=lambda run: run["b"])["weight"]


RIGHT = {
    "04.1": {
        "NumPy": lambda logits, label: softmax(logits) - np.eye(10)[label],
        "in place": in_place,
        "loops and lists": by_loops,
        "small differences": by_differences,
        "differences in float32": by_large_differences,
        "Keras": lambda logits, label: ops.softmax(
            ops.convert_to_tensor(logits, "float32")) - ops.one_hot(label, 10),
        "float32": lambda logits, label: (softmax(logits) - np.eye(10)[label]).astype("float32"),
    },
    "04.2": {
        "our class": ours,
        "loops, and a softmax by hand": ByLoops,
        "a functional model": functional,
        "loss objects": OneLossEach,
        "image by image": ByImages,
        "frozen copies": OfCopies,
        "a function that builds it": lambda upscaler, jury, weight: ours(upscaler, jury, weight),
    },
    "04.3": {
        "affordable": affordable,
        "a price for each point": by_price,
        "medians": by_medians,
        "a smaller limit": affordable_at_a_tenth,
        "worst runs": by_extreme_runs(min),
        "most points per decibel": cautious,
        "the largest that is cheap": last_step,
    },
}

# What the learner wrote, and a word of the message that must help.
MISTAKES = {
    "04.1": {
        "stops at the softmax": (lambda z, label: softmax(z), "one more term"),
        "turns the sign": (lambda z, label: np.eye(10)[label] - softmax(z), "sign"),
        "takes the logits for probabilities": (lambda z, label: z - np.eye(10)[label],
                                               "softmax first"),
        "moves the label's logit alone": (
            lambda z, label: (softmax(z) - 1) * np.eye(10)[label], "other nine"),
        "uses the squared error": (
            lambda z, label: 2 * softmax(z) * (softmax(z) - np.eye(10)[label]), "squared"),
        "overflows": (lambda z, label: naive(z) - np.eye(10)[label], "overflow"),
        "cuts large logits": (
            lambda z, label: naive(np.clip(z, -50, 50)) - np.eye(10)[label], "overflow"),
        "returns the loss": (lambda z, label: -np.log(softmax(z)[label]), "shape"),
        "keeps a batch": (lambda z, label: (softmax(z) - np.eye(10)[label])[None], "shape"),
        "stops at the probabilities": (
            lambda z, label: -np.eye(10)[label] / softmax(z), "one step further"),
        "takes the derivative of the logit alone": (lambda z, label: -np.eye(10)[label], "sum"),
        "divides by half the change": (
            lambda z, label: 2 * (softmax(z) - np.eye(10)[label]), "twice"),
        "uses a sigmoid": (lambda z, label: 1 / (1 + np.exp(-z)) - np.eye(10)[label], "sigmoids"),
        "takes a mean over classes": (
            lambda z, label: (softmax(z) - np.eye(10)[label]) / 10, "a tenth"),
        "ignores the label": (lambda z, label: softmax(z) - np.eye(10)[3], "raise that logit"),
        "returns NaN": (lambda z, label: softmax(z) * np.nan, "NaN"),
        "forgets to return": (lambda z, label: None, "return"),
    },
    "04.2": {
        "sums over the jury": (model_of(lambda y, i, jury, w: ops.mean(
            log_mse(y, i) + len(jury) * part(y, i, jury, w))), "larger jury"),
        "lets the first one judge": (model_of(mean_of(
            lambda y, i, jury, w: jury_loss(y, i, jury[:1], w))), "first"),
        "lets the last one judge": (model_of(mean_of(
            lambda y, i, jury, w: jury_loss(y, i, jury[-1:], w))), "last"),
        "divides by three": (model_of(mean_of(lambda y, i, jury, w: log_mse(y, i)
            + len(jury) / 3 * part(y, i, jury, w))), "divided by 3"),
        "weighs both parts": (model_of(mean_of(
            lambda y, i, jury, w: w * jury_loss(y, i, jury, 1.0))), "alone"),
        "weighs the image": (model_of(mean_of(
            lambda y, i, jury, w: w * log_mse(y, i) + part(y, i, jury, 1.0))), "before"),
        "forgets the weight": (model_of(mean_of(
            lambda y, i, jury, w: jury_loss(y, i, jury, 1.0))), "missing"),
        "sets the weight to 0.7": (model_of(mean_of(
            lambda y, i, jury, w: jury_loss(y, i, jury, 0.7))), "of two classifiers"),
        "takes the MSE over the batch": (model_of(mean_of(batch_mse)), "whole batch"),
        "averages the logits": (model_of(mean_of(of_logits)), "logits are averaged"),
        "averages the probabilities": (
            model_of(mean_of(of_probabilities)), "probabilities are averaged"),
        "returns one number per image": (model_of(jury_loss), "one number"),
        "sums over the images": (model_of(lambda y, i, jury, w: ops.sum(
            jury_loss(y, i, jury, w))), "over the images"),
        "takes the MSE as it is": (model_of(mean_of(
            lambda y, i, jury, w: mse_of(y, i) + part(y, i, jury, w))), "not the MSE"),
        "takes the logarithm to base 10": (model_of(mean_of(
            lambda y, i, jury, w: ops.log10(mse_of(y, i) + 1e-5) + part(y, i, jury, w))),
            "natural"),
        "turns the sign": (model_of(mean_of(
            lambda y, i, jury, w: jury_loss(y, i, jury, -w))), "sign"),
        "takes logits for probabilities": (model_of(mean_of(
            lambda y, i, jury, w: log_mse(y, i) + w * sum(
                keras.losses.sparse_categorical_crossentropy(y["digit"], z)
                for z in readings(jury, i)) / len(jury))), "from_logits"),
        "adds nothing to the MSE": (model_of(mean_of(
            lambda y, i, jury, w: ops.log(mse_of(y, i)) + part(y, i, jury, w))), "1e-5"),
        "adds the 1e-5 to the logarithm": (model_of(mean_of(
            lambda y, i, jury, w: ops.log(mse_of(y, i)) + 1e-5 + part(y, i, jury, w))), "1e-5"),
        "takes 1e-5 as the smallest MSE": (model_of(mean_of(
            lambda y, i, jury, w: ops.log(ops.maximum(mse_of(y, i), 1e-5))
            + part(y, i, jury, w))), "1e-5"),
        "overflows": (model_of(mean_of(with_naive_softmax)), "overflow"),
        "lets the jury learn": (model_of(mean_of(jury_loss), freeze=False), "a step of training"),
        "freezes one classifier of three": (FreezesOne, "a step of training"),
        "lets the strictest one judge": (model_of(mean_of(of_the_worst)), "worst"),
        "reads the truth": (model_of(mean_of(lambda y, i, jury, w: log_mse(y, i)
            + part(y, y["high_res"], jury, w))), "truth"),
        "moves the batch statistics": (
            model_of(mean_of(with_dropout), freeze=False), "batch statistics"),
        "lets the kindest one judge": (model_of(mean_of(
            lambda y, i, jury, w: log_mse(y, i) + w * ops.min(ops.stack(
                [cross_entropy(y["digit"], z) for z in readings(jury, i)]), axis=0))), "best"),
        "takes the readings for labels": (model_of(mean_of(
            lambda y, i, jury, w: log_mse(y, i) + w * sum(
                cross_entropy(ops.argmax(z, axis=1), z) for z in readings(jury, i)) / len(jury))),
            "label"),
        "takes the root": (model_of(mean_of(
            lambda y, i, jury, w: log_mse(y, i) / 2 + part(y, i, jury, w))), "root"),
        "sums the squared errors": (model_of(mean_of(
            lambda y, i, jury, w: ops.log(64 * mse_of(y, i) + 1e-5) + part(y, i, jury, w))),
            "squared errors of an image are summed"),
        "counts the image three times": (model_of(mean_of(
            lambda y, i, jury, w: len(jury) * jury_loss(y, i, jury, w))), "once"),
        "turns the sign of all": (model_of(mean_of(
            lambda y, i, jury, w: -jury_loss(y, i, jury, w))), "whole"),
        "leaves dropout on": (model_of(mean_of(with_dropout)), "dropout"),
        "stops the gradient": (model_of(mean_of(
            lambda y, i, jury, w: log_mse(y, i) + part(y, ops.stop_gradient(i), jury, w))),
            "gradient"),
        "uses NumPy": (model_of(in_numpy), "keras.ops"),
        "forgets to return": (model_of(lambda *_: None), "return"),
        "returns no model": (lambda upscaler, jury, weight: 3.0, "keras.Model"),
    },
    "04.3": {
        "takes what A reads best, at any price": (
            lambda runs: max(means(runs, "a_val"), key=means(runs, "a_val").get), "costs"),
        "stays at zero": (lambda runs: 0.0, "to gain"),
        "always says 0.03": (lambda runs: 0.03, "none of the weights"),
        "takes the third weight": (
            lambda runs: sorted({run["weight"] for run in runs})[2], "costs"),
        "takes the second": (lambda runs: sorted({run["weight"] for run in runs})[1], "tiny"),
        "looks at the best runs": (by_extreme_runs(max), "lucky"),
        "takes the largest": (lambda runs: max(run["weight"] for run in runs), "costs"),
        "takes the best PSNR": (
            lambda runs: max(means(runs, "psnr_val"), key=means(runs, "psnr_val").get), "gain"),
        "looks at single runs": (by_single_runs, "lucky"),
        "looks the answer up": (looked_up, "none of the weights"),
        "gives a weight that was not tried": (lambda runs: 0.5, "none of the weights"),
        "gives a run instead of its weight": (lambda runs: runs[0], "return its weight"),
        "returns text": (lambda runs: "0.03", "numbers"),
        "forgets to return": (lambda runs: None, "return"),
    },
}

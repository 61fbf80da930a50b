"""Checks of lesson 04."""

import inspect

import keras
import numpy as np
from keras import layers, ops

from shared.exercises.verdicts import NotYet, Right, array, call, number, words
from shared.studies import tradeoff

SIDE = 8  # pixels of the enlarged images in the check of the jury
ACCURACY = 2e-3  # of its loss
LIMIT = 0.2  # dB that a choice of weight may cost in any study
GAIN = 0.8  # percentage points of the accuracy of B that the choices must gain on average at x7


def _softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def _cross_entropy(logits, labels):
    top = logits.max(axis=-1, keepdims=True)
    total = np.log(np.exp(logits - top).sum(axis=-1)) + top[..., 0]
    return total - np.take_along_axis(logits, labels[:, None], axis=-1)[:, 0]


def check_logit_gradient(answer):
    """Check a function of (logits, label) that gives ten derivatives."""
    first = np.array([2.0, -1.0, 0.5, 3.0, 0.0, 1.0, -2.0, 0.3, 1.5, -0.7])
    for logits, label in ((first, 3), (first, 8), (0.7 * first[::-1] - 4, 0)):
        result = array(call(answer, logits, label), (10,))
        probabilities, one_hot = _softmax(logits), np.eye(10)[label]
        expected = probabilities - one_hot
        likely = {
            "those are the probabilities; the derivative with respect to the logit of the label "
            "needs one more term": probabilities,
            "the sign is wrong: a higher logit of a wrong class raises the loss, so its "
            "derivative is positive": -expected,
            "that is the derivative of the sum of squared errors, not of the cross-entropy":
                2 * probabilities * expected,
            "logits are not probabilities: apply the softmax first": logits - one_hot,
            "the label's number is right, but the other nine logits count as well: each of them "
            "has a probability": expected * one_hot,
            "the first part of the loss, the logarithm of the sum, depends on all ten logits as "
            "well": -one_hot,
            "that is twice the derivative: divide each change of the loss by the whole change of "
            "the logit": 2 * expected,
            "those are sigmoids; the ten probabilities of a softmax add up to 1":
                1 / (1 + np.exp(-logits)) - one_hot,
            "that is a tenth of the derivative: the loss of one image is not a mean over classes":
                expected / 10,
            "that is the derivative with respect to the probabilities; go one step further, to "
            "the logits": -one_hot / probabilities}
        for message, mistake in likely.items():
            if np.allclose(result, mistake, atol=1e-5):
                raise NotYet(message)
        if not np.allclose(result, expected, atol=2e-3):
            worst = np.abs(result - expected).argmax()
            raise NotYet(f"for label {label} your derivative with respect to logit {worst} is "
                         f"{result[worst]:.4f}: raise that logit by 0.001, and the loss changes "
                         f"by {0.001 * expected[worst]:.2g}")
    with np.errstate(all="ignore"):
        large = call(answer, 500 * first, 3)
    problem = NotYet("logits of 1,000 overflow: subtract the largest from all before you compute "
                     "the exponentials")
    try:
        large = array(large, (10,))
    except NotYet:
        raise problem from None
    if np.abs(large).max() > 0.2:
        raise problem


def _judge(seed, size=1.0):
    """A classifier of images of 8x8 with batch normalisation and dropout, not frozen."""
    image = keras.Input((SIDE, SIDE, 1))
    x = layers.Conv2D(4, 3)(image)
    x = layers.BatchNormalization()(x)
    x = layers.Dropout(0.5)(layers.Flatten()(x))
    x = layers.Dense(10)(x)
    judge = keras.Model(image, x, name=f"judge_{seed}")
    rng = np.random.default_rng(seed)
    judge.set_weights([size * rng.normal(0, 0.3, w.shape) if w.ndim > 1
                       else rng.uniform(0.5, 1.5, w.shape) for w in judge.get_weights()])
    return judge


def _upscaler(perfect=False):
    """4x4 to 8x8: pixels repeated, then, unless that is ``perfect``, a convolution."""
    low_res = keras.Input((None, None, 1))
    x = layers.UpSampling2D(2)(low_res)
    if not perfect:
        x = layers.Conv2D(1, 3, padding="same")(x)
    upscaler = keras.Model(low_res, x)
    rng = np.random.default_rng(8)
    upscaler.set_weights([rng.normal(0.1, 0.2, w.shape) for w in upscaler.get_weights()])
    return upscaler


class _OurJury(keras.Model):
    """Our answer, for the gradient of one step of training."""

    def __init__(self, upscaler, jury, weight):
        super().__init__(autocast=False)
        for judge in jury:
            judge.trainable = False
        self.upscaler, self.jury, self.weight = upscaler, jury, weight

    def call(self, low_res):
        return self.upscaler(low_res)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        mse = ops.mean(ops.square(y["high_res"] - y_pred), axis=(1, 2, 3))
        parts = [keras.losses.sparse_categorical_crossentropy(
            y["digit"], judge(y_pred, training=False), from_logits=True) for judge in self.jury]
        return ops.mean(ops.log(mse + 1e-5)) + self.weight * ops.mean(ops.stack(parts))


def _loss_of(model, low_res, targets):
    """The loss of a batch in training, by ``compute_loss`` of the answer, and its images."""
    if not isinstance(model, keras.Model):
        raise NotYet(f"expected a keras.Model, found {type(model).__name__}")
    if not model.compiled:
        call(model.compile, "sgd", jit_compile=False)
    tensors = {name: ops.convert_to_tensor(value) for name, value in targets.items()}
    x = ops.convert_to_tensor(low_res)
    y_pred = call(model, x, training=True)
    known = inspect.signature(model.compute_loss).parameters
    mode = {"training": True} if "training" in known else {}
    loss = call(model.compute_loss, x, tensors, y_pred, None, **mode)
    if loss is None:
        raise NotYet("compute_loss returns None; it needs a `return`")
    image = y_pred.get("high_res", y_pred) if isinstance(y_pred, dict) else y_pred
    return loss, array(image, targets["high_res"].shape)


def _examples(count, seed):
    """Images of 4x4 pixels, and their targets: noisy images of 8x8, and labels at random."""
    rng = np.random.default_rng(seed)
    low_res = rng.integers(0, 129, (count, 4, 4, 1)).astype("float32") / 128
    truth = low_res.repeat(2, axis=1).repeat(2, axis=2)
    noise = rng.normal(0, 0.2, truth.shape) * np.arange(1, count + 1)[:, None, None, None]
    labels = rng.integers(0, 10, count).astype("int32")
    return low_res, {"high_res": (truth + noise).astype("float32"), "digit": labels}


def check_jury_model(answer):
    """Check the class of a model, or a function that builds it from (upscaler, jury, weight)."""
    jury = [_judge(seed) for seed in (1, 2, 3)]
    before = [judge.get_weights() for judge in jury]
    upscaler = _upscaler()
    low_res, targets = _examples(6, seed=4)
    targets["digit"][:2] = 6, 1  # so that each of the three reads one image best
    model = call(answer, upscaler, list(jury), 0.7)
    loss, image = _loss_of(model, low_res, targets)
    if not np.allclose(image, array(upscaler(low_res)), atol=ACCURACY):
        raise NotYet("the model does not return the images of the upscaler")
    again = _loss_of(model, low_res, targets)[0]
    if _has_changed(jury, before):
        raise NotYet("computing the loss has changed the batch statistics of a classifier: freeze "
                     "each of them with `trainable = False`")
    _compare(loss, image, targets, jury, 0.7, again=again)

    # Other numbers of images and classifiers, another weight, and large logits.
    low_res, targets = _examples(3, seed=5)
    jury_of_two = [_judge(6, 40.0), _judge(7)]
    model = call(answer, _upscaler(), list(jury_of_two), 2.0)
    loss, image = _loss_of(model, low_res, targets)
    _compare(loss, image, targets, jury_of_two, 2.0, " of two classifiers")

    # A perfect image and one that nearly is, each by itself.
    low_res, targets = _examples(1, seed=6)
    perfect = low_res.repeat(2, axis=1).repeat(2, axis=2)
    for offset in (0.0, 1e-5 ** 0.5):
        nearly = {"high_res": perfect + np.float32(offset), "digit": targets["digit"]}
        model = call(answer, _upscaler(perfect=True), jury[:2], 1.0)
        loss, image = _loss_of(model, low_res, nearly)
        error = _mean(loss) - np.mean([_cross_entropy(_logits(judge, image), targets["digit"])
                                       for judge in jury[:2]])
        wanted = np.log(offset**2 + 1e-5)
        if not np.isclose(error, wanted, atol=10 * ACCURACY):
            raise NotYet(f"for an MSE of {offset**2:.2g} the part of the image is {error:.2f}, "
                         f"expected ln({offset**2:.2g} + 1e-5) = {wanted:.2f}: the 1e-5 is added "
                         "to the MSE, inside the logarithm")
    _check_training(answer)


def _has_changed(jury, before):
    """Are the weights of the classifiers different from those ``before``?"""
    return any(not np.array_equal(now, old) for judge, weights in zip(jury, before, strict=True)
               for now, old in zip(judge.get_weights(), weights, strict=True))


def _mean(value):
    return float(np.mean(ops.convert_to_numpy(value)))


def _logits(judge, image):
    return array(judge(image.astype("float32"), training=False))


def _compare(loss, image, targets, jury, weight, which="", again=None):
    """Raise NotYet unless ``loss`` is that of our formula, and ``again`` the same."""
    truth, labels = targets["high_res"].astype("float64"), targets["digit"]
    if not np.isfinite(_mean(loss)):
        raise NotYet(f"the loss{which} is NaN or infinite: with large logits the exponentials "
                     "overflow; let Keras compute the cross-entropy from logits, or subtract the "
                     "largest logit first")
    mse = ((image - truth) ** 2).mean(axis=(1, 2, 3))
    error = np.log(mse + 1e-5).mean()
    logits = np.stack([_logits(judge, image) for judge in jury])
    each = np.array([_cross_entropy(one, labels) for one in logits])
    if np.shape(loss) != ():
        raise NotYet(f"the loss has shape {tuple(np.shape(loss))}; `compute_loss` returns one "
                     "number, the mean over the images")
    loss = number(loss)
    if again is not None and abs(loss - number(again)) > 1e-3:
        raise NotYet("the loss of one batch differs from call to call: the dropout of the jury "
                     "acts; call each classifier with training=False")
    expected = error + weight * each.mean()
    tolerance = ACCURACY * max(1.0, abs(expected))
    if abs(loss - expected) < tolerance:
        return
    keras_loss = keras.losses.sparse_categorical_crossentropy
    from_raw = np.mean([_mean(keras_loss(labels, one.astype("float32"))) for one in logits])
    of_truth = np.mean([_cross_entropy(_logits(judge, targets["high_res"]), labels)
                        for judge in jury])
    of_own = np.mean([_cross_entropy(one, one.argmax(axis=-1)) for one in logits])
    likely = {
        "the classifiers read the truth; they must read the image of the upscaler":
            error + weight * of_truth,
        "only the worst reading of each image counts; take the mean over the jury":
            error + weight * each.max(axis=0).mean(),
        "only the best reading of each image counts; take the mean over the jury":
            error + weight * each.min(axis=0).mean(),
        "the MSE is taken over the whole batch: take the logarithm of the MSE of each image, and "
        "then the mean": np.log(mse.mean() + 1e-5) + weight * each.mean(),
        "the logits are averaged; average the cross-entropies instead, one for each classifier":
            error + weight * _cross_entropy(logits.mean(axis=0), labels).mean(),
        "the probabilities are averaged; average the cross-entropies instead, one for each "
        "classifier": error - weight * np.log(np.take_along_axis(
            _softmax(logits).mean(axis=0), labels[:, None], axis=-1)).mean(),
        "the cross-entropies are summed; take their mean, so that a larger jury does not count "
        "more": error + weight * each.sum(axis=0).mean(),
        "everything is summed over the images; take the mean":
            len(mse) * (error + weight * each.mean()),
        "the cross-entropies are summed over the images; take the mean":
            error + weight * each.mean(axis=0).sum(),
        "only the first classifier counts": error + weight * each[0].mean(),
        "only the last classifier counts": error + weight * each[-1].mean(),
        "the weight belongs to the cross-entropy alone": weight * (error + each.mean()),
        "the weight stands before the part of the image instead of the cross-entropy":
            weight * error + each.mean(),
        "the part of the image is the logarithm of the MSE, not the MSE":
            mse.mean() + weight * each.mean(),
        "use the natural logarithm, not that to base 10":
            np.log10(mse + 1e-5).mean() + weight * each.mean(),
        "the weight is missing": error + each.mean(),
        "the part of the jury is missing": error,
        "the part of the image is missing": weight * each.mean(),
        "the sign of the cross-entropy is wrong": error - weight * each.mean(),
        "the sign of the whole loss is wrong": -(error + weight * each.mean()),
        "the squared errors of an image are summed; take their mean":
            np.log(mse * truth[0].size + 1e-5).mean() + weight * each.mean(),
        "the part of the image is the logarithm of the MSE, not of its root":
            error / 2 + weight * each.mean(),
        "the part of the image is the logarithm of the mean of the squared errors, not of the "
        "absolute errors": np.log(np.abs(image - truth).mean(axis=(1, 2, 3)) + 1e-5).mean()
            + weight * each.mean(),
        "the part of the image counts once, and not once for each classifier":
            len(jury) * error + weight * each.sum(axis=0).mean(),
        "the sum over the jury is divided by 3; divide by the number of classifiers":
            error + weight * each.sum(axis=0).mean() / 3,
        "what a classifier reads is taken for the label; the label is y[\"digit\"]":
            error + weight * of_own,
        "the classifiers return logits, and Keras took them for probabilities: use "
        "from_logits=True": error + weight * from_raw}
    nearest = min(likely, key=lambda message: abs(loss - likely[message]))
    if abs(loss - likely[nearest]) < tolerance:
        raise NotYet(nearest)
    raise NotYet(f"the loss{which} is {loss:.4f}, expected {expected:.4f}")


def _check_training(answer):
    """One step of training must move the upscaler as ours does, and nothing else."""
    results = []
    for build in (_OurJury, answer):
        jury, upscaler = [_judge(seed) for seed in (1, 2, 3)], _upscaler()
        start = [judge.get_weights() for judge in jury]
        low_res, targets = _examples(6, seed=7)
        model = call(build, upscaler, list(jury), 0.5)
        if not model.compiled:
            model.compile("sgd", run_eagerly=build is _OurJury, jit_compile=False)
        model.optimizer = keras.optimizers.SGD(0.01)
        try:
            model.train_on_batch(low_res, targets)
        except Exception as error:
            raise NotYet("the loss is right, but the model cannot be trained: compute with "
                         "`keras.ops` and Keras' losses instead of NumPy "
                         f"({words(error)})") from error
        if _has_changed(jury, start):
            raise NotYet("a step of training has changed a classifier of the jury: freeze each of "
                         "them with `trainable = False`")
        first = _upscaler().get_weights()
        results.append([now - old for now, old in
                        zip(upscaler.get_weights(), first, strict=True)])
    for ours, theirs in zip(*results, strict=True):
        if not np.allclose(ours, theirs, rtol=0.02, atol=0.02 * np.abs(ours).max()):
            raise NotYet("the loss is right, but its gradient does not reach the upscaler as it "
                         "should: keep everything in tensors, and stop no gradient")


def _studies():
    """Studies of many runs: dicts with the runs that a rule is shown, and the test figures.

    The first two are the stored ones. The others are made from that at x7: with other names of
    the weights, with fewer weights, with fewer seeds, with one run that was lucky, and with a
    weight so small that it changes nothing.
    """
    entries = [entry for entry in tradeoff.load_runs() if entry["inside"] and not entry["start"]]

    def study(title, scale, keep, factor=1.0, seeds=tradeoff.SEEDS, lucky=None, tiny=None):
        shown, figures = [], {}
        for weight in keep:
            runs = [entry for entry in entries
                    if (entry["scale"], entry["weight"]) == (scale, weight)
                    and entry["seed"] in seeds]
            name = round(weight * factor, 6)
            figures[name] = {key: np.mean([run[key] for run in runs]) for key in ("psnr", "b")}
            shown += [{"weight": name, "seed": run["seed"], "psnr_val": run["psnr_val"],
                       "a_val": run["a_val"]} for run in runs]
            if weight == lucky:  # one run of three; the mean is still far below the others
                shown[-1] |= {"psnr_val": 16.2, "a_val": 89.0}
        if tiny:
            figures[tiny] = figures[0.0]
            shown += [run | {"weight": tiny} for run in shown if run["weight"] == 0.0]
        np.random.default_rng(scale).shuffle(shown)
        return {"title": title, "shown": shown, "figures": figures, "scale": scale}

    w7, w4 = tradeoff.WEIGHTS[7], tradeoff.WEIGHTS[4]
    return [study("the stored runs at x7", 7, w7),
            study("the stored runs at x4", 4, w4),
            study("runs at x7 whose weights are in other units", 7, w7, factor=20),
            study("runs at x7 without the weight 0.01", 7, (0.0, 0.03, 0.1, 0.3, 1.0), factor=0.3),
            study("runs at x7 with two seeds", 7, w7, seeds=(2, 3)),
            study("runs at x7 of which one was lucky", 7, w7, factor=7, lucky=0.3),
            study("runs at x7 with a tiny weight", 7, w7, tiny=0.0005)]


def check_choose_weight(answer):
    """The rule sees validation figures only; its choices are measured on the test digits."""
    gains, costs, best = [], [], []
    for study in _studies():
        figures = study["figures"]
        result = call(answer, [dict(run) for run in study["shown"]])
        if isinstance(result, dict):
            raise NotYet("your answer returns a run; return its weight")
        weight = number(result)
        near = min(figures, key=lambda name: abs(name - weight))
        if abs(near - weight) > 1e-5 * max(1.0, near):
            raise NotYet(f"for {study['title']} it chose {weight:g}, which is none of the weights "
                         f"{list(figures)}")
        cost = {name: figures[0.0]["psnr"] - value["psnr"] for name, value in figures.items()}
        gain = {name: value["b"] - figures[0.0]["b"] for name, value in figures.items()}
        if cost[near] > LIMIT:
            reason = f"; at most {LIMIT} dB are allowed"
            if "lucky" in study["title"]:
                reason = ": one run of three was lucky, so look at all runs of a weight together"
            raise NotYet(f"for {study['title']} it chose {near:g}, which costs {cost[near]:.2f} dB "
                         f"on the test digits{reason}")
        if study["scale"] == 7:
            possible = max(gain[name] for name in gain if cost[name] <= LIMIT)
            if near and gain[near] < 0.1:
                raise NotYet(f"for {study['title']} it chose {near:g}, with which B reads no "
                             f"more than with weight 0; there are {possible:.1f} points to gain "
                             f"for {LIMIT} dB")
            gains.append(gain[near])
            costs.append(cost[near])
            best.append(possible)
    if np.mean(gains) < GAIN:
        raise NotYet(f"by its choices at x7, B reads {np.mean(gains):.1f} points more than at "
                     f"weight 0; there are {np.mean(best):.1f} points to gain for {LIMIT} dB")
    return Right(f"in six studies at x7 B reads {np.mean(gains):.1f} points more for "
                 f"{np.mean(costs):.2f} dB; the best choices gain {np.mean(best):.1f} points")


CHECKS = {"04.1": check_logit_gradient, "04.2": check_jury_model, "04.3": check_choose_weight}

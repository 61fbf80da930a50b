"""Checks of lesson 04."""

import numpy as np

from shared.exercises.verdicts import Right, wrong_form
from shared.studies import tradeoff


def _softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def _cross_entropy(logits, labels):
    return -np.log(_softmax(logits)[np.arange(len(labels)), labels])


def check_logit_gradient(answer):
    logits = np.array([2.0, -1.0, 0.5, 3.0, 0.0, 1.0, -2.0, 0.3, 1.5, -0.7])
    for label in (3, 8):
        result = answer(logits.copy(), label)
        if problem := wrong_form(result, (10,)):
            return problem
        result = np.asarray(result, "float64")
        probabilities, one_hot = _softmax(logits), np.eye(10)[label]
        wanted = probabilities - one_hot
        likely = {
            "that is the softmax; the logit of the label needs one more term": probabilities,
            "the sign is turned: where the share is too high, the gradient is positive": -wanted,
            "that is the gradient of the sum of errors squared, not of the cross-entropy":
                2 * probabilities * (probabilities - one_hot),
            "the logits themselves are no shares: pass them through the softmax first":
                logits - one_hot,
            "the label's place is right, but the other nine logits count as well: each of them "
            "takes a share": wanted * one_hot}
        for message, mistake in likely.items():
            if np.allclose(result, mistake, atol=1e-6):
                return message
        if not np.allclose(result, wanted, atol=1e-4):
            return (f"for label {label} the first logit's gradient is {result[0]:.4f}, expected "
                    f"{wanted[0]:.4f}; you can find it by moving that logit by 0.001")
    with np.errstate(all="ignore"):
        large = np.asarray(answer(logits * 500, 3), "float64")
    if not np.isfinite(large).all():
        return "logits of 1,000 overflow: take the largest away from all before you exponentiate"
    return None


def check_jury_loss(answer):
    rng = np.random.default_rng(4)
    truth = rng.random((6, 28, 28, 1), "float32")
    image = np.clip(truth + rng.normal(0, 0.2, truth.shape) * np.arange(1, 7)[:, None, None, None],
                    0, 1).astype("float32")
    jury_logits = [rng.normal(0, 3, (6, 10)).astype("float32") for _ in range(3)]
    labels = np.array([3, 1, 4, 1, 5, 9])
    result = answer(truth.copy(), image.copy(), [logits.copy() for logits in jury_logits],
                    labels.copy(), 0.5)
    if np.shape(result) == () and result is not None:
        return "that is one number; give one for each image, shape (n,)"
    if problem := wrong_form(result, (6,)):
        return problem
    result = np.asarray(result, "float64")
    mse = ((image - truth) ** 2).mean(axis=(1, 2, 3))
    error = np.log(mse + 1e-5)
    jury_logits = np.array(jury_logits, "float64")
    each = np.array([_cross_entropy(logits, labels) for logits in jury_logits])
    likely = {
        "the MSE is taken over all images: take it of each image by itself":
            np.log(mse.mean() + 1e-5) + 0.5 * each.mean(axis=0),
        "the logits are averaged; average the cross-entropies instead, one for each classifier":
            error + 0.5 * _cross_entropy(jury_logits.mean(axis=0), labels),
        "the cross-entropies are summed: with three in the jury each counts too much":
            error + 0.5 * each.sum(axis=0),
        "only the first classifier is heard": error + 0.5 * each[0],
        "the weight belongs to the cross-entropy alone": 0.5 * (error + each.mean(axis=0)),
        "the weight stands at the reconstruction instead of the cross-entropy":
            0.5 * error + each.mean(axis=0),
        "the reconstruction is the logarithm of the MSE, not the MSE":
            mse + 0.5 * each.mean(axis=0),
        "the logarithm of the reconstruction is the natural one":
            np.log10(mse + 1e-5) + 0.5 * each.mean(axis=0),
        "the weight is missing": error + each.mean(axis=0),
        "the sign of the cross-entropy is turned: it falls where the label is read":
            error - 0.5 * each.mean(axis=0)}
    for message, mistake in likely.items():
        if np.allclose(result, mistake, atol=1e-3):
            return message
    wanted = error + 0.5 * each.mean(axis=0)
    if not np.allclose(result, wanted, atol=1e-3):
        return f"the loss of the first image is {result[0]:.4f}, expected {wanted[0]:.4f}"
    return None


LIMIT = 0.2  # dB that the choice may cost
GAIN = 1.5  # percentage points of the accuracy of B that the choice must gain at x7


def check_choose_weight(answer):
    """The rule is given validation figures only; its choice is measured on the test digits."""
    runs, choices = tradeoff.load_runs(), {}
    for scale in (7, 4):
        offered = [{name: entry[name] for name in ("weight", "seed", "psnr_val", "a_val")}
                   for entry in runs if entry["scale"] == scale and not entry["start"]
                   and entry["inside"]]
        np.random.default_rng(scale).shuffle(offered)
        weight = answer(offered)
        values = tradeoff.WEIGHTS[scale]
        if weight is None:
            return "your function returns None; it needs a `return`"
        if not isinstance(weight, int | float | np.number) or float(weight) not in values:
            return f"it chose {weight!r} at x{scale}, which is none of the weights {list(values)}"
        place = values.index(float(weight))
        cost, gain = (tradeoff.points(runs, scale, name).mean(axis=1) for name in ("psnr", "b"))
        choices[scale] = float(weight), cost[0] - cost[place], gain[place] - gain[0]
    for scale, (weight, cost, _) in choices.items():
        if cost > LIMIT:
            return (f"at x{scale} it chose {weight:g}, which costs {cost:.2f} dB on the test "
                    f"digits; at most {LIMIT} dB are allowed")
    weight, cost, gain = choices[7]
    if gain < GAIN:
        return (f"at x7 it chose {weight:g}, by which B reads {gain:.1f} points more than at "
                f"weight 0; there is more to gain for {LIMIT} dB")
    return Right(f"weight {weight:g} at x7: B reads {gain:.1f} points more, for {cost:.2f} dB")


CHECKS = {"04.1": check_logit_gradient, "04.2": check_jury_loss, "04.3": check_choose_weight}

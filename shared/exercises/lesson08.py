"""Checks of lesson 08."""

import functools

import keras
import numpy as np
from keras import ops

from shared import weights
from shared.data import datasets
from shared.exercises.verdicts import NotYet, Right, array, call, number
from shared.images.degrade import block_mean, project
from shared.measures import metrics
from shared.models import flow

# ---- 08.1: the loss of a network that predicts the clean digit


def check_digit_loss(answer):
    # An answer may compute in float16, whose 1 - t is rough when t is close to 1.
    for shape, times, accuracy in (
            ((4, 28, 28, 1), (0.1, 0.4, 0.5, 0.9), 5e-3), ((3, 12, 20, 1), (0.7, 0.0, 0.2), 3e-3),
            ((1, 28, 28, 1), (0.6,), 3e-3), ((1, 28, 28, 1), (0.98,), 0.05)):
        rng = np.random.default_rng(len(times))
        x0, x1 = rng.normal(size=(2, *shape)).astype("float32")
        x1 = 0.5 * x1 + 1
        _check_digit_loss(answer, x0, x1, np.float32(times)[:, None], accuracy)


def _check_digit_loss(answer, x0, x1, t, accuracy):
    asked = []

    def predict(x_t, t):
        asked.append(_digit_prediction(x_t, t))
        return asked[-1]

    try:
        result = call(answer, predict, x0, x1, t)
    except NotYet as problem:
        if "broadcast" in str(problem) or "ncompatible shapes" in str(problem):
            raise NotYet("the shapes do not fit together: give `t` two more axes, "
                         "`t[:, :, None, None]`, so that each image has its own time") from None
        raise
    if np.size(result) > 1 and np.shape(result)[0] == len(t):
        raise NotYet("that is more than one number: take the mean over everything, over the "
                     "digits too")
    result = number(result)
    expected, mistakes = _digit_losses(x0, x1, t)
    if np.isclose(result, expected, rtol=accuracy):
        return
    if not asked:
        raise NotYet("your loss never asks `predict(x_t, t)` for the digit")
    for problem, value in mistakes.items():
        if np.isclose(result, value, rtol=1e-3):
            raise NotYet(problem)
    if t.max() > 0.95:
        raise NotYet(f"at t = {t.max():.2f} you give {result:.1f}, expected {expected:.1f}: divide "
                     "by exactly 1 - t, also where it is small")
    raise NotYet(f"for {len(t)} image{'s' if len(t) > 1 else ''} of {x0.shape[1]}x{x0.shape[2]} "
                 f"pixels you give {result:.4f}, expected {expected:.4f}")


def _digit_prediction(x_t, time):
    """A digit that depends on x_t and on the time; arrays or tensors, whole batches or parts."""
    as_tensor = ops.is_tensor(x_t)
    try:
        x, t = array(x_t), array(time).ravel()
    except NotYet:
        raise NotYet("`predict` needs two arrays, x_t and t; you give it a "
                     f"{type(x_t).__name__} and a {type(time).__name__}") from None
    images = len(x) if x.ndim == 4 else 1
    if x.ndim not in (3, 4) or t.size not in (1, images):
        raise NotYet(f"you ask `predict` for x_t of shape {x.shape} and t of shape "
                     f"{np.shape(time)}: expected (n, height, width, 1) and (n, 1)")
    t = t.reshape((-1, 1, 1, 1) if x.ndim == 4 else (1, 1, 1))
    digit = (0.5 * x + np.sin(3 * x + 4 * t) + t).astype("float32")
    return ops.convert_to_tensor(digit) if as_tensor else digit


def _digit_losses(x0, x1, t):
    """The loss, and what it is after usual mistakes: a dict of the sentence to the number."""
    x0, x1 = x0.astype("float64"), x1.astype("float64")
    time = t[:, :, None, None].astype("float64")
    x_t, exchanged = (1 - time) * x0 + time * x1, (1 - time) * x1 + time * x0
    digit, line = _digit_prediction(x_t, time), x1 - x0
    way = digit - x_t  # from x_t to the digit
    velocity = way / (1 - time)
    other = (_digit_prediction(exchanged, time) - exchanged) / (1 - time)

    def mean_square(error):
        return float(np.mean(np.square(error)))

    error = velocity - line
    expected = mean_square(error)
    mistakes = {
        "noise and digit are exchanged: x_t is x0 at t = 0 and x1 at t = 1":
            mean_square(other - line),
        "noise and digit are exchanged everywhere: x_t is x0 at t = 0, and the velocity is x1 - x0":
            mean_square(other + line),
        "one of the two velocities has the wrong sign: both lead towards the digit":
            mean_square(velocity + line),
        "that is the error of the digit; the loss compares velocities, and from x_t the network's "
        "digit must be reached in the time that is left": mean_square(digit - x1),
        "`predict` returns a digit, not a velocity": mean_square(digit - line),
        "from x_t to the predicted digit only the time 1 - t is left: divide by it":
            mean_square(way - line),
        "the time that is left is 1 - t, not t": mean_square(way / np.maximum(time, 1e-9) - line),
        "divide by the time that is left, do not multiply by it":
            mean_square(way * (1 - time) - line),
        "compare with the velocity of the line, x1 - x0, not with the digit":
            mean_square(velocity - x1),
        "the way begins at x_t, not at x0": mean_square((digit - x0) / (1 - time) - line),
        "the velocity of the line is x1 - x0 at every t, not the rest of the way":
            mean_square(velocity - (x1 - x_t)),
        "divide by the time that is left before you take the square":
            float(np.mean(np.square(digit - x1) / (1 - time))),
        "take the square of each error first, then the mean": float(np.square(error.mean())),
        "take the mean of the squares, not their sum": expected * x0.size,
        "that is the sum over the pixels: take the mean": expected * x0[0].size,
        "that is half of the mean square": expected / 2,
        "that is the root of the mean square": np.sqrt(expected),
        "take squares, not absolute values": float(np.mean(np.abs(error))),
        "ask `predict` with the time t, not 1 - t":
            mean_square((_digit_prediction(x_t, 1 - time) - x_t) / (1 - time) - line),
        "ask `predict` with the times t, not with 0":
            mean_square((_digit_prediction(x_t, 0 * time) - x_t) / (1 - time) - line),
        "ask `predict` for the digit at x_t, not at x0":
            mean_square((_digit_prediction(x0, time) - x_t) / (1 - time) - line),
        "ask `predict` for the digit at x_t, not at x1":
            mean_square((_digit_prediction(x1, time) - x_t) / (1 - time) - line),
        "each image has its own time: do not use their mean": _of_one_time(x0, x1, time.mean()),
        "each image has its own time: do not use the first for all":
            _of_one_time(x0, x1, time.ravel()[0]),
    }
    return expected, mistakes


def _of_one_time(x0, x1, time):
    time = np.full((len(x0), 1, 1, 1), time)
    x_t = (1 - time) * x0 + time * x1
    return float(np.mean(np.square((_digit_prediction(x_t, time) - x_t) / (1 - time) - x1 + x0)))


# ---- 08.2: Heun's method as a Keras model


class KnownVelocity(keras.Model):
    """In the place of a velocity network: a velocity that bends in x and in t.

    ``problems`` collects what is wrong with how it was called. ``changed`` collects the names of
    inputs that it did not receive as they were ``given``: a right sampler may pass parts of them,
    so they only explain a wrong result.
    """

    def __init__(self, **given):
        super().__init__(dtype="float32")
        self.given = given
        self.problems = []
        self.changed = set()
        self.built = True

    def call(self, inputs):
        needed = ("x_t", "t", "low_res", "guess")
        if not isinstance(inputs, dict) or not set(inputs) >= set(needed):
            found = sorted(inputs) if isinstance(inputs, dict) else type(inputs).__name__
            self.problems.append(f"give the network a dict with {', '.join(needed)}; found {found}")
            raise ValueError(self.problems[-1])
        t = inputs["t"]
        if len(t.shape) != 2 or t.shape[1] != 1:
            self.problems.append(f"the network needs t of shape (n, 1), one time per image; found "
                                 f"{tuple(t.shape)}")
        self.changed |= {name for name, value in self.given.items()
                         if _is_another(inputs[name], value)}
        t = ops.cast(ops.reshape(t, (-1, 1, 1, 1)), "float32")
        low_res = ops.repeat(ops.repeat(inputs["low_res"], 4, axis=1), 4, axis=2)
        return (2 * ops.sin(3 * inputs["x_t"] + 4 * t) + 1.5 * t**2
                + 2 * t * inputs["guess"] - low_res)


def _is_another(tensor, value):
    try:
        return not np.allclose(ops.convert_to_numpy(tensor), value, atol=0.01)
    except Exception:  # without values while a graph is built, or of another shape
        return False


def _velocity(condition):
    """The same in NumPy: a function of x and of a number t."""
    low_res = condition["low_res"].astype("float64").repeat(4, axis=1).repeat(4, axis=2)
    guess = condition["guess"].astype("float64")
    return lambda x, t: 2 * np.sin(3 * x + 4 * t) + 1.5 * t**2 + 2 * t * guess - low_res


def check_heun_sampler(answer):
    for images, steps in ((3, 2), (5, 3), (2, 1)):
        rng = np.random.default_rng(steps)
        inputs = {"x0": rng.normal(size=(images, 28, 28, 1)), "low_res": rng.random(
            (images, 7, 7, 1)), "guess": rng.random((images, 28, 28, 1))}
        inputs = {name: value.astype("float32") for name, value in inputs.items()}
        network = KnownVelocity(low_res=inputs["low_res"], guess=inputs["guess"])
        sampler = call(answer, network, steps)
        if not callable(sampler):
            raise NotYet("hand over the class itself (or a function of network and steps that "
                         "returns the model), without calling it")
        # A model made after `use_fast_precision` may compute with 8 bits of precision.
        reduced = getattr(sampler, "compute_dtype", "float32") != "float32"
        accuracy = 0.03 if reduced else 3e-4
        tensors = {name: ops.convert_to_tensor(value) for name, value in inputs.items()}
        try:
            result = array(call(sampler, tensors), inputs["x0"].shape)
        except NotYet:
            _raise_first(network.problems)
            raise
        _raise_first(network.problems)
        _say_which_method(result, inputs, steps, accuracy, network.changed)
        _check_in_a_graph(sampler, inputs, result, 2 * accuracy)


def _raise_first(problems):
    if problems:
        raise NotYet(problems[0])


class AsModel(keras.Model):
    """A function or a layer as a model, so that it has a ``predict_on_batch``."""

    def __init__(self, function):
        super().__init__(dtype="float32")
        self.function = function

    def call(self, inputs):
        return self.function(inputs)


def _check_in_a_graph(sampler, inputs, expected, accuracy):
    model = sampler if isinstance(sampler, keras.Model) else AsModel(sampler)
    try:
        inside = model.predict_on_batch(inputs)
    except Exception as error:
        raise NotYet("called with tensors it is right, but `predict` fails: compute with "
                     "`keras.ops` (`ops.shape(x)[0]` instead of `len(x)`), and call the network "
                     "itself, not its `predict`") from error
    if not _close(array(inside, expected.shape), expected, accuracy):
        raise NotYet("called with tensors it is right, but its `predict` returns something else")


def _close(result, expected, accuracy):
    """Close on average, and nowhere far off: rounding grows along the steps."""
    distance = np.abs(result - expected)
    return distance.mean() <= accuracy and distance.max() <= 30 * accuracy


def _heun(velocity, x, steps, last=0):
    """x at t = 1, or without the ``last`` steps."""
    h = 1 / steps
    for i in range(steps - last):
        first = velocity(x, i * h)
        x = x + h / 2 * (first + velocity(x + h * first, i * h + h))
    return x


def _say_which_method(result, inputs, steps, accuracy, changed):
    """Raise NotYet unless ``result`` is that of Heun's method."""
    velocity = _velocity(inputs)
    x0 = inputs["x0"].astype("float64")
    h = 1 / steps
    expected = _heun(velocity, x0, steps)
    if _close(result, expected, accuracy):
        return

    def follow(step):
        x = x0
        for i in range(steps):
            x = step(x, i * h)
        return x

    def second(x, t):  # the velocity at the end of an Euler step
        return velocity(x + h * velocity(x, t), t + h)

    methods = {
        "that is Euler's method: go a whole step, ask again there, and take the mean of both "
        "velocities": flow.euler(velocity, x0, steps),
        "that is the midpoint method: Heun's method asks at the end of the step, and takes the "
        "mean of both velocities": flow.midpoint(velocity, x0, steps),
        "the second velocity is that at the end of the step, at the time t + 1 / steps":
            follow(lambda x, t: x + h / 2 * (velocity(x, t) + velocity(x + h * velocity(x, t), t))),
        "the second velocity is asked at x as the first one was; go the whole step first":
            follow(lambda x, t: x + h / 2 * (velocity(x, t) + velocity(x, t + h))),
        "take the mean of the two velocities, not their sum":
            follow(lambda x, t: x + h * (velocity(x, t) + second(x, t))),
        "you go the step with the second velocity alone: take the mean of both":
            follow(lambda x, t: x + h * second(x, t)),
        "the step begins where the last one ended, not where the second velocity is asked":
            follow(lambda x, t: x + h * velocity(x, t) + h / 2 * (velocity(x, t) + second(x, t))),
        "go half a step for the midpoint method; Heun's method goes the whole step before it asks "
        "again": follow(lambda x, t: x + h / 2 * (
            velocity(x, t) + velocity(x + h / 2 * velocity(x, t), t + h / 2))),
        "the velocity must be divided by the number of steps":
            follow(lambda x, t: x + (velocity(x, t) + velocity(x + velocity(x, t), t + h)) / 2),
        "the velocity must be divided by the number of steps, also on the way to where you ask "
        "again": follow(lambda x, t: x + h / 2 * (
            velocity(x, t) + velocity(x + velocity(x, t), t + h))),
        "the times go from 0 to 1: the step with number n begins at n / steps":
            follow(lambda x, t: x + h / 2 * (
                velocity(x, t / h) + velocity(x + h * velocity(x, t / h), t / h + 1))),
        "the last step is missing": _heun(velocity, x0, steps, last=1),
        "the start comes back unchanged": x0,
        "it was right before you clipped it: return x as it is": np.clip(expected, 0, 1),
        "it was right before you projected it: return x as it is":
            project(expected.astype("float32"), inputs["low_res"]),
    }
    for other in {1, 2, 3, 4, 8, 10} - {steps}:
        methods[f"it takes {other} step{'s' if other > 1 else ''} where `steps` is "
                f"{steps}"] = _heun(velocity, x0, other)
    for problem, outcome in methods.items():
        if _close(result, outcome, accuracy):
            raise NotYet(problem)
    if changed:
        raise NotYet(f"give the network the {' and the '.join(sorted(changed))} of the inputs, "
                     "unchanged, at each call")
    raise NotYet(f"with {steps} step{'s' if steps > 1 else ''} it differs from Heun's method by "
                 f"{np.abs(result - expected).mean():.3f} on average: compute a small example by "
                 "hand")


# ---- 08.3: few calls of the network

MOST_CALLS = 6
TOO_MANY = f"that asks for the velocity more than {MOST_CALLS} times"
# In dB. One Euler step has 23.8 and samples of other noise 20.9; two Euler steps have 28.1, Heun's
# method 32.8 with three steps, Euler's 36.3 with six, and the best that we know 45.1.
LOWEST, EULER, HIGHEST = 27.0, 36.3, 60.0


@functools.cache
def _case():
    """For 200 test digits that the lesson does not sample: four things.

    The low resolution, the start, the velocity as a function, and the samples of 32 calls.
    """
    low_res = block_mean(datasets.mnist().x_test[7::50])
    guess = flow.projected_answer(weights.load_or_train("baseline", progress=False), low_res)
    model = weights.load_or_train("samples", progress=False)
    velocity = flow.velocity_function(model, low_res, guess)
    x0 = flow.noisy_start(low_res, np.random.default_rng(5))
    return low_res, x0, velocity, project(flow.midpoint(velocity, x0, 16), low_res)


def check_few_calls(answer):
    low_res, x0, network_velocity, reference = _case()
    calls = 0

    def velocity(x, t):
        nonlocal calls
        x, t = array(x).astype("float32"), array(t).ravel()
        if x.shape != x0.shape:
            raise NotYet(f"you ask for the velocity of an x of shape {x.shape}; ask for all "
                         f"{len(x0)} images at once, {x0.shape}")
        if np.ptp(t) > 0 or not -1e-6 <= t[0] <= 1 + 1e-6:
            raise NotYet(f"you ask for the velocity at t = {t[0]:.3g}; t is one number from 0 to 1")
        calls += 1
        if calls > MOST_CALLS:
            raise NotYet(TOO_MANY)
        return network_velocity(x, float(t[0]))

    result = array(call(answer, velocity, x0), x0.shape).astype("float32")
    if not calls:
        raise NotYet("it never asks for the velocity")
    if calls > MOST_CALLS:  # the answer caught the error
        raise NotYet(TOO_MANY)
    score = metrics.psnr(reference, project(result, low_res)).mean()
    if score < LOWEST:
        hint = "samples of other noise have 20.9 dB"
        if score <= 22:
            hint += (": do the lengths of your steps add up to 1, from the x where the last step "
                     "ended, and does each ask at its own time?")
        raise NotYet(f"{_calls(calls)} {score:.1f} dB against the samples of 32 calls from "
                     f"the same noise; reach {LOWEST:g} dB ({hint})")
    if score > HIGHEST:
        raise NotYet(f"{score:.0f} dB are only possible with more calls than {MOST_CALLS}: ask "
                     "nothing but `velocity`")
    grade = ("less than Euler's method has with six" if score < EULER - 0.1 else
             "as much as Euler's method has with six" if score < EULER + 0.2 else
             "good" if score < 41 else "very good" if score < 47 else
             "more than any method that the course has tried")
    return Right(f"{_calls(calls)} {score:.1f} dB against 32 calls from the same noise: "
                 f"{grade} (Euler's method has {EULER} dB with 6 calls; 45 dB are possible)")


def _calls(count):
    return "1 call gives" if count == 1 else f"{count} calls give"


CHECKS = {"08.1": check_digit_loss, "08.2": check_heun_sampler, "08.3": check_few_calls}

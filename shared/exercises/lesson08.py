"""Checks of lesson 08."""

import functools

import numpy as np

from shared import weights
from shared.data import datasets
from shared.exercises.verdicts import Right, wrong_form
from shared.images.degrade import block_mean
from shared.measures import metrics
from shared.models import flow

AXES = "give `t` two more axes, `t[:, :, None, None]`, so that each image has its own time"
LIMIT = 42.0  # dB that samples of a few calls must reach against those of 32 calls


def check_flow_loss(answer):
    rng = np.random.default_rng(0)
    x0, x1 = (rng.normal(size=(4, 28, 28, 1)).astype("float32") for _ in range(2))
    t = np.float32([[0.1], [0.4], [0.5], [0.9]])
    asked = []

    def velocity(x, time):
        asked.append(np.array(x))
        return 0.5 * x

    try:
        result = answer(velocity, x0.copy(), x1.copy(), t.copy())
    except ValueError as error:
        if "broadcast" in str(error):
            return f"{error}: {AXES}"
        raise
    if np.shape(result) == (4,):
        return "that is one number a digit: take the mean over the digits, too"
    if problem := wrong_form(result, ()):
        return problem
    if not asked:
        return "ask `velocity(x_t, t)` for the velocity at x_t"
    x_t, forward = flow.interpolate(x0, x1, t)
    x_exchanged, backward = flow.interpolate(x1, x0, t)
    if np.shape(asked[0]) != x_t.shape:
        return f"x_t has shape {np.shape(asked[0])}, expected {x_t.shape}: {AXES}"
    if not np.allclose(asked[0], x_t, atol=1e-5):
        if np.allclose(asked[0], x_exchanged, atol=1e-5):
            return "noise and digit are exchanged: x_t is x0 at t = 0 and x1 at t = 1"
        return "x_t does not lie on the line (1 - t) x0 + t x1"

    def mean_square(x):
        return float(np.mean(np.square(0.5 * x_t - x)))

    likely = {
        "the velocity is turned round: it leads from x0 to x1": mean_square(backward),
        "that compares with the digit; compare with the velocity, x1 - x0": mean_square(x1),
        "that compares with what is left of the way; the velocity is x1 - x0 at every t":
            mean_square(x1 - x_t),
        "take the mean of the squares, not their sum": mean_square(forward) * x_t.size,
        "take squares, not absolute values": float(np.mean(abs(0.5 * x_t - forward))),
    }
    wanted = mean_square(forward)
    if np.isclose(result, wanted, rtol=1e-4):
        return None
    for problem, mistake in likely.items():
        if np.isclose(result, mistake, rtol=1e-4):
            return problem
    return f"for the check's lines you give {float(result):.4f}, expected {wanted:.4f}"


def check_euler(answer):
    times = []

    def velocity(x, t):
        times.append(float(t))
        return t + 0.1 * x

    for steps in (4, 1):
        times.clear()
        start = np.ones((2, 28, 28, 1), "float32")
        result = answer(velocity, start.copy(), steps)
        if problem := wrong_form(result, start.shape):
            return problem
        wanted = flow.euler(lambda x, t: t + 0.1 * x, start, steps)
        if np.allclose(result, wanted, atol=1e-5):
            continue
        if len(times) == 2 * steps:
            return "two calls a step: that is the midpoint method; Euler calls once"
        if len(times) != steps:
            return f"{steps} steps call the velocity {steps} times, you {len(times)} times"
        if np.allclose(times, np.arange(1, steps + 1) / steps):
            return "each step takes the velocity where it begins: the first at t = 0"
        if np.allclose(times, np.arange(steps)):
            return "t runs from 0 to 1: step i begins at i / steps"
        if not np.allclose(times, np.arange(steps) / steps):
            return (f"the velocity is asked at t = {np.round(times, 3).tolist()}, expected "
                    f"{np.round(np.arange(steps) / steps, 3).tolist()}")
        return ("each step goes the velocity divided by the number of steps, from where the last "
                "ended")
    return None


@functools.cache
def _drawn(method=flow.midpoint, steps=16):
    """One sample for each of 200 test digits that the lesson has not used."""
    low_res = block_mean(datasets.mnist().x_test[7::50])
    guess = flow.projected_answer(weights.load_or_train("baseline", progress=False), low_res)
    model = weights.load_or_train("samples", progress=False)
    return flow.sample(model, low_res, guess, 1, steps, 5, method)[0]


def check_few_calls(answer):
    choice = answer()
    if not isinstance(choice, tuple) or len(choice) != 2:
        return "return two things: a method and a number of steps"
    method, steps = choice
    if method not in (flow.euler, flow.midpoint):
        return "the method is `flow.euler` or `flow.midpoint`"
    if not isinstance(steps, int) or steps < 1:
        return f"the number of steps is {steps!r}; give a whole number from 1"
    calls = steps * (2 if method is flow.midpoint else 1)
    if calls > 6:
        return f"that calls the network {calls} times; at most 6 are allowed"
    psnr = metrics.psnr(_drawn(), _drawn(method, steps)).mean()
    if psnr < LIMIT:
        return (f"{calls} calls give {psnr:.1f} dB against the draws of 32 calls from the same "
                f"noise; reach {LIMIT:g} dB")
    return Right(f"{calls} calls give {psnr:.1f} dB against 32 calls from the same noise")


CHECKS = {"08.1": check_flow_loss, "08.2": check_euler, "08.3": check_few_calls}

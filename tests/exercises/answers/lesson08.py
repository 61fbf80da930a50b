"""Right answers and usual mistakes for the exercises of lesson 08."""

import keras
import numpy as np
from keras import ops

from shared import weights
from shared.images.degrade import block_mean
from shared.models import flow

# ---- 08.1


def axes(t):
    return t[:, :, None, None]


def point(x0, x1, t):
    return (1 - axes(t)) * x0 + axes(t) * x1


def loss(predict, x0, x1, t):
    x_t = point(x0, x1, t)
    velocity = (predict(x_t, t) - x_t) / (1 - axes(t))
    return np.mean((velocity - (x1 - x0)) ** 2)


def weighted(predict, x0, x1, t):
    return float((((predict(point(x0, x1, t), t) - x1) / (1 - axes(t))) ** 2).mean())


def one_at_a_time(predict, x0, x1, t):
    return np.mean([loss(predict, x0[n:n + 1], x1[n:n + 1], t[n:n + 1]) for n in range(len(t))])


def without_the_batch_axis(predict, x0, x1, t):
    total = 0
    for digit, noise, (time,) in zip(x1, x0, t, strict=True):
        x_t = (1 - time) * noise + time * digit
        total += np.mean(((predict(x_t, time) - x_t) / (1 - time) - digit + noise) ** 2)
    return total / len(t)


def in_tensors(predict, x0, x1, t):
    x0, x1, t = (ops.convert_to_tensor(values) for values in (x0, x1, t))
    time = ops.reshape(t, (-1, 1, 1, 1))
    x_t = x0 + time * (x1 - x0)
    velocity = (predict(x_t, t) - x_t) / (1 - time)
    return ops.mean(ops.square(velocity - (x1 - x0)))


def in_place(predict, x0, x1, t):
    x1 -= x0
    x_t = x0 + t.reshape(-1, 1, 1, 1) * x1
    x0[:] = predict(x_t, t)
    x0 -= x_t
    x0 /= 1 - t.reshape(-1, 1, 1, 1)
    return ((x0 - x1) ** 2).sum() / x0.size


def with_velocity(way):
    """The loss of the velocity way(predict, x0, x1, t, x_t)."""
    return lambda predict, x0, x1, t: np.mean(
        (way(predict, x0, x1, t, point(x0, x1, t)) - (x1 - x0)) ** 2)


def exchanged(predict, x0, x1, t):
    x_t = point(x1, x0, t)
    return np.mean(((predict(x_t, t) - x_t) / (1 - axes(t)) - (x1 - x0)) ** 2)


def no_axes(predict, x0, x1, t):
    x_t = (1 - t) * x0 + t * x1
    return np.mean(((predict(x_t, t) - x_t) / (1 - t) - (x1 - x0)) ** 2)


def one_time(predict, x0, x1, t):
    return loss(predict, x0, x1, np.full_like(t, t.mean()))


# ---- 08.2


class Heun(keras.Model):
    def __init__(self, network, steps):
        super().__init__(dtype="float32")
        self.network = network
        self.steps = steps

    def velocity(self, x, t, inputs):
        t = ops.full((ops.shape(x)[0], 1), t)
        return self.network({"x_t": x, "t": t, "low_res": inputs["low_res"],
                             "guess": inputs["guess"]})

    def call(self, inputs):
        x = inputs["x0"]
        h = 1 / self.steps
        for step in range(self.steps):
            x = self.go(x, step * h, h, inputs)
        return x

    def go(self, x, t, h, inputs):
        first = self.velocity(x, t, inputs)
        second = self.velocity(x + h * first, t + h, inputs)
        return x + h * (first + second) / 2


def stepping(rule):
    """A sampler whose step is rule(velocity, x, t, h), with a function velocity(x, t)."""

    class Sampler(Heun):
        def go(self, x, t, h, inputs):
            return rule(lambda x, t: self.velocity(x, t, inputs), x, t, h)

    return Sampler


class Loop(Heun):
    """In a loop of the backend, with times as tensors."""

    def call(self, inputs):
        h = 1 / self.steps

        def body(step, x):
            return self.go(x, ops.cast(step, "float32") * h, h, inputs)

        return ops.fori_loop(0, self.steps, body, inputs["x0"])


class Weights(keras.layers.Layer):
    """A layer in the place of a model, with times of shape (1, 1)."""

    def __init__(self, network, steps):
        super().__init__(dtype="float32")
        self.network, self.times = network, np.linspace(0, 1, steps + 1, dtype="float32")

    def call(self, inputs):
        x, rest = inputs["x0"], {name: inputs[name] for name in ("low_res", "guess")}
        for start, end in zip(self.times[:-1], self.times[1:], strict=True):
            one = self.network({"x_t": x, "t": ops.full((1, 1), start), **rest})
            two = self.network({"x_t": x + (end - start) * one, "t": ops.full((1, 1), end), **rest})
            x = x + (end - start) * 0.5 * (one + two)
        return x


def functional(network, steps):
    inputs = {"x0": keras.Input((28, 28, 1), name="x0"),
              "low_res": keras.Input((7, 7, 1), name="low_res"),
              "guess": keras.Input((28, 28, 1), name="guess")}
    return keras.Model(inputs, Heun(network, steps)(inputs))


class InMixedPrecision(Heun):
    def __init__(self, network, steps):
        keras.Model.__init__(self, dtype="mixed_bfloat16")
        self.network, self.steps = network, steps

    def go(self, x, t, h, inputs):
        first = self.velocity(x, t, inputs)
        second = self.velocity(ops.add(x, h * first), t + h, inputs)
        return ops.add(x, h / 2 * (first + second))


class WholeNumbers(Heun):
    def velocity(self, x, t, inputs):
        t = int(t) if t == int(t) else t  # so the first and the last time are integers
        times = ops.full((ops.shape(x)[0], 1), t)
        return self.network({**inputs, "x_t": x, "t": times})


class OneStep(Heun):
    def call(self, inputs):
        return self.go(inputs["x0"], 0, 1, inputs)


class InNumPy(Heun):
    def velocity(self, x, t, inputs):
        t = np.full((len(x), 1), t, "float32")
        return np.array(self.network({"x_t": x, "t": t, "low_res": np.array(inputs["low_res"]),
                                      "guess": np.array(inputs["guess"])}))

    def call(self, inputs):
        return super().call({name: np.array(value) for name, value in inputs.items()})


class NumberAsTime(Heun):
    def velocity(self, x, t, inputs):
        return self.network({"x_t": x, "t": ops.full((ops.shape(x)[0],), t),
                             "low_res": inputs["low_res"], "guess": inputs["guess"]})


class NoGuess(Heun):
    def velocity(self, x, t, inputs):
        return self.network({"x_t": x, "t": ops.full((ops.shape(x)[0], 1), t),
                             "low_res": inputs["low_res"]})


class GuessOfTheStart(Heun):
    def call(self, inputs):
        return super().call({**inputs, "guess": inputs["x0"]})


class OneStepLess(Heun):
    def call(self, inputs):
        x = inputs["x0"]
        for step in range(self.steps - 1):
            x = self.go(x, step / self.steps, 1 / self.steps, inputs)
        return x


class Clipped(Heun):
    def call(self, inputs):
        return ops.clip(super().call(inputs), 0, 1)


# ---- 08.3


def heun(velocity, x):
    for i in range(3):
        one = velocity(x, i / 3)
        x = x + (one + velocity(x + one / 3, (i + 1) / 3)) / 6
    return x


def third_order(velocity, x):  # Kutta's method
    for t in (0, 0.5):
        one = velocity(x, t)
        two = velocity(x + one / 4, t + 0.25)
        three = velocity(x - one / 2 + two, t + 0.5)
        x = x + (one + 4 * two + three) / 12
    return x


def with_memory(velocity, x):  # Adams and Bashforth: the velocity of the last step is used again
    before = velocity(x, 0)
    x = x + before / 6
    for i in range(1, 6):
        now = velocity(x, i / 6)
        x = x + (1.5 * now - 0.5 * before) / 6
        before = now
    return x


def uneven(velocity, x):
    times = 1 - (1 - np.linspace(0, 1, 4)) ** 1.2
    for start, end in zip(times[:-1], times[1:], strict=True):
        middle = np.float64((start + end) / 2)
        half = x + (middle - start) * velocity(x, np.float32(start))
        x = x + (end - start) * velocity(half, middle)
    return x


def tensors_and_lists(velocity, x):
    x = ops.convert_to_tensor(x)
    for i in np.arange(3):
        half = x + ops.convert_to_tensor(velocity(x, i / 3)) / 6
        x = x + ops.convert_to_tensor(velocity(half, ops.convert_to_tensor((i + 0.5) / 3))) / 3
    return [list(image) for image in ops.convert_to_numpy(x)]


def by_other_means(velocity, x):
    velocity(x, 0)
    low_res = block_mean(x)
    guess = flow.projected_answer(weights.load("baseline"), low_res)
    return flow.midpoint(flow.velocity_function(weights.load("samples"), low_res, guess), x, 16)


def other_noise(velocity, x):
    return flow.midpoint(velocity, flow.noisy_start(block_mean(x), np.random.default_rng(6)), 3)


def one_image_at_a_time(velocity, x):
    return np.concatenate([flow.midpoint(velocity, x[n:n + 1], 3) for n in range(len(x))])


RIGHT = {
    "08.1": {
        "by the text": loss, "shortened": weighted, "one image at a time": one_at_a_time,
        "without the batch axis": without_the_batch_axis, "in tensors": in_tensors,
        "in place": in_place,
        "with named arguments": lambda predict, x0, x1, t: loss(
            lambda x_t, t: predict(t=t, x_t=x_t), x0, x1, t),
        "both velocities turned round": lambda p, x0, x1, t: np.mean(
            ((point(x0, x1, t) - p(point(x0, x1, t), t)) / (1 - axes(t)) - (x0 - x1)) ** 2),
        "by the loss of Keras": lambda p, x0, x1, t: keras.losses.MeanSquaredError()(
            x1 - x0, (p(point(x0, x1, t), t) - point(x0, x1, t)) / (1 - axes(t))),
        "in float16": lambda predict, *arrays: loss(
            predict, *(values.astype("float16") for values in arrays)),
        "float32, an array of one number": lambda *given: np.array([loss(*given)], "float32"),
    },
    "08.2": {
        "a model": Heun, "a loop of the backend": Loop, "a layer": Weights,
        "a functional model": functional, "whole numbers as times": WholeNumbers,
        "mixed precision": InMixedPrecision,
        "a function": lambda network, steps: Heun(network, steps).call,
        "one step at the start": stepping(lambda v, x, t, h: (
            (x + h * v(x, t)) + x + h * v(x + h * v(x, t), t + h)) / 2),
    },
    "08.3": {
        "three midpoint steps": lambda velocity, x: flow.midpoint(velocity, x, 3),
        "two midpoint steps": lambda velocity, x: flow.midpoint(velocity, x, np.int64(2)),
        "six steps by Euler": lambda velocity, x: flow.euler(velocity, x, 6),
        "Heun": heun, "a method of third order": third_order, "with memory": with_memory,
        "uneven steps": uneven, "tensors in, lists out": tensors_and_lists,
    },
}

# What the learner wrote, and a word of the message that must help.
MISTAKES = {
    "08.1": {
        "exchanges noise and digit": (exchanged, "exchanged: x_t"),
        "exchanges them everywhere": (lambda p, x0, x1, t: loss(p, x1, x0, t), "everywhere"),
        "turns the velocity round": (
            lambda p, x0, x1, t: np.mean(((p(point(x0, x1, t), t) - point(x0, x1, t))
                                          / (1 - axes(t)) + x1 - x0) ** 2), "sign"),
        "compares digits": (
            lambda p, x0, x1, t: np.mean((p(point(x0, x1, t), t) - x1) ** 2), "compares velocit"),
        "turns the predicted velocity round": (
            with_velocity(lambda p, x0, x1, t, x_t: (x_t - p(x_t, t)) / (1 - axes(t))), "sign"),
        "compares with the digit": (
            lambda p, x0, x1, t: np.mean(((p(point(x0, x1, t), t) - point(x0, x1, t))
                                          / (1 - axes(t)) - x1) ** 2), "not with the digit"),
        "multiplies": (
            with_velocity(lambda p, x0, x1, t, x_t: (p(x_t, t) - x_t) * (1 - axes(t))), "multiply"),
        "limits the time": (
            with_velocity(lambda p, x0, x1, t, x_t: (p(x_t, t) - x_t)
                          / np.maximum(1 - axes(t), 0.05)), "exactly 1 - t"),
        "adds a small number": (
            with_velocity(lambda p, x0, x1, t, x_t: (p(x_t, t) - x_t) / (1.01 - axes(t))),
            "expected"),
        "takes the mean before the square": (
            lambda p, x0, x1, t: np.mean((p(point(x0, x1, t), t) - x1) / (1 - axes(t))) ** 2,
            "first, then"),
        "takes the digit for a velocity": (
            with_velocity(lambda p, x0, x1, t, x_t: p(x_t, t)), "not a velocity"),
        "does not divide": (with_velocity(lambda p, x0, x1, t, x_t: p(x_t, t) - x_t), "only the"),
        "divides by t": (
            with_velocity(lambda p, x0, x1, t, x_t: (p(x_t, t) - x_t) / axes(t)), "1 - t, not t"),
        "begins at x0": (
            with_velocity(lambda p, x0, x1, t, x_t: (p(x_t, t) - x0) / (1 - axes(t))), "begins"),
        "asks with the time left": (
            with_velocity(lambda p, x0, x1, t, x_t: (p(x_t, 1 - t) - x_t) / (1 - axes(t))),
            "with the time t"),
        "asks with no time": (
            with_velocity(lambda p, x0, x1, t, x_t: (p(x_t, 0 * t) - x_t) / (1 - axes(t))),
            "not with 0"),
        "asks with None": (
            with_velocity(lambda p, x0, x1, t, x_t: (p(x_t, None) - x_t) / (1 - axes(t))),
            "two arrays"),
        "asks at the noise": (
            with_velocity(lambda p, x0, x1, t, x_t: (p(x0, t) - x_t) / (1 - axes(t))), "not at x0"),
        "asks at the truth": (
            with_velocity(lambda p, x0, x1, t, x_t: (p(x1, t) - x_t) / (1 - axes(t))), "not at x1"),
        "uses one time for all": (one_time, "not use their mean"),
        "uses the first time for all": (
            lambda p, x0, x1, t: loss(p, x0, x1, 0 * t + t[0]), "the first"),
        "divides after the square": (
            lambda p, x0, x1, t: np.mean((p(point(x0, x1, t), t) - x1) ** 2 / (1 - axes(t))),
            "before"),
        "forgets the axes of t": (no_axes, "axes"),
        "gives one number per digit": (
            lambda p, x0, x1, t: [loss(p, x0[n:n + 1], x1[n:n + 1], t[n:n + 1])
                                  for n in range(len(t))], "over everything"),
        "sums": (lambda *given: loss(*given) * given[1].size, "their sum"),
        "sums over pixels": (lambda *given: loss(*given) * given[1][0].size, "sum over the pixels"),
        "takes the root": (lambda *given: np.sqrt(loss(*given)), "root"),
        "halves": (lambda *given: loss(*given) / 2, "half"),
        "takes the first digit": (
            lambda p, x0, x1, t: loss(p, x0[:1], x1[:1], t[:1]), "expected"),
        "knows the batch size": (
            lambda p, x0, x1, t: one_at_a_time(p, x0, x1, t) * len(t) / 4, "expected"),
        "never asks": (lambda p, x0, x1, t: np.mean((x1 - x0) ** 2), "never asks"),
        "returns NaN": (lambda *given: np.nan * loss(*given), "NaN"),
        "returns a constant": (lambda *given: 1.0, "never asks"),
    },
    "08.2": {
        "is Euler's method": (stepping(lambda v, x, t, h: x + h * v(x, t)), "Euler's method:"),
        "is the midpoint method": (
            stepping(lambda v, x, t, h: x + h * v(x + h / 2 * v(x, t), t + h / 2)),
            "is the midpoint method"),
        "does not move the time": (
            stepping(lambda v, x, t, h: x + h / 2 * (v(x, t) + v(x + h * v(x, t), t))),
            "t + 1 / steps"),
        "does not move x": (
            stepping(lambda v, x, t, h: x + h / 2 * (v(x, t) + v(x, t + h))), "whole step first"),
        "sums": (
            stepping(lambda v, x, t, h: x + h * (v(x, t) + v(x + h * v(x, t), t + h))), "sum"),
        "takes the second alone": (
            stepping(lambda v, x, t, h: x + h * v(x + h * v(x, t), t + h)), "alone"),
        "goes on from the end": (
            stepping(lambda v, x, t, h: x + h * v(x, t) + h / 2 * (
                v(x, t) + v(x + h * v(x, t), t + h))), "step begins where"),
        "goes half a step": (
            stepping(lambda v, x, t, h: x + h / 2 * (
                v(x, t) + v(x + h / 2 * v(x, t), t + h / 2))), "go half a step"),
        "does not divide": (
            stepping(lambda v, x, t, h: x + (v(x, t) + v(x + v(x, t), t + h)) / 2),
            "number of steps."),
        "turns the sign": (
            stepping(lambda v, x, t, h: x - h / 2 * (v(x, t) + v(x - h * v(x, t), t + h))),
            "differs"),
        "does not divide on the way": (
            stepping(lambda v, x, t, h: x + h / 2 * (v(x, t) + v(x + v(x, t), t + h))),
            "also on the way"),
        "counts the time in steps": (
            stepping(lambda v, x, t, h: x + h / 2 * (
                v(x, t / h) + v(x + h * v(x, t / h), t / h + 1))), "n / steps"),
        "leaves out a step": (OneStepLess, "missing"),
        "passes another guess": (GuessOfTheStart, "guess of the inputs"),
        "takes one step": (OneStep, "1 step"),
        "takes four steps": (lambda network, steps: Heun(network, 4), "4 steps"),
        "stays": (stepping(lambda v, x, t, h: x), "unchanged"),
        "clips": (Clipped, "clipped"),
        "uses NumPy": (InNumPy, "keras.ops"),
        "gives times without an axis": (NumberAsTime, "(n, 1)"),
        "forgets the guess": (NoGuess, "a dict with"),
        "returns the low resolution": (
            lambda network, steps: lambda inputs: inputs["low_res"], "shape"),
        "hands over an object": (lambda network, steps: 3, "class itself"),
        "returns NaN": (stepping(lambda v, x, t, h: x * np.nan), "NaN"),
    },
    "08.3": {
        "calls too often": (lambda velocity, x: flow.midpoint(velocity, x, 4), "more than 6"),
        "takes one step": (lambda velocity, x: flow.euler(velocity, x, 1), "reach"),
        "takes one of Heun's steps": (
            lambda velocity, x: x + (velocity(x, 0) + velocity(x + velocity(x, 0), 1)) / 2,
            "reach"),
        "starts from other noise": (other_noise, "other noise"),
        "never asks": (lambda velocity, x: x, "never asks"),
        "asks other networks": (by_other_means, "only possible"),
        "goes backwards in time": (
            lambda velocity, x: flow.euler(lambda x, t: velocity(x, 1 - t), x, 6), "own time"),
        "asks for one image": (one_image_at_a_time, "all 200 images"),
        "counts the time in steps": (
            lambda velocity, x: x + (velocity(x, 0) + velocity(x, 2)) / 2, "from 0 to 1"),
        "returns half": (lambda velocity, x: flow.midpoint(velocity, x, 3)[:100], "shape"),
        "gives a method and a number": (lambda velocity, x: (flow.midpoint, 3), "numbers"),
        "returns NaN": (lambda velocity, x: np.nan * velocity(x, 0), "NaN"),
    },
}

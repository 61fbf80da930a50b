"""Right answers and usual mistakes for the exercises of lesson 08."""

import numpy as np

from shared.models import flow


def loss(velocity, x0, x1, t):
    x_t, wanted = flow.interpolate(x0, x1, t)
    return np.mean((velocity(x_t, t) - wanted) ** 2)


def exchanged(velocity, x0, x1, t):
    x_t, _ = flow.interpolate(x1, x0, t)
    return np.mean((velocity(x_t, t) - (x1 - x0)) ** 2)


def no_axes(velocity, x0, x1, t):
    x_t = (1 - t) * x0 + t * x1
    return np.mean((velocity(x_t, t) - (x1 - x0)) ** 2)


def to_the_digit(velocity, x0, x1, t):
    return np.mean((velocity(flow.interpolate(x0, x1, t)[0], t) - x1) ** 2)


def what_is_left(velocity, x0, x1, t):
    x_t, _ = flow.interpolate(x0, x1, t)
    return np.mean((velocity(x_t, t) - (x1 - x_t)) ** 2)


def late(velocity, x, steps):
    for i in range(steps):
        x = x + velocity(x, (i + 1) / steps) / steps
    return x


def inclusive(velocity, x, steps):
    for t in np.linspace(0, 1, steps):
        x = x + velocity(x, t) / steps
    return x


def whole_steps(velocity, x, steps):
    for i in range(steps):
        x = x + velocity(x, i / steps)
    return x


def counts_time(velocity, x, steps):
    for i in range(steps):
        x = x + velocity(x, i) / steps
    return x


def stays(velocity, x, steps):
    moved = x
    for i in range(steps):
        moved = moved + velocity(x, i / steps) / steps
    return moved


RIGHT = {"08.1": loss, "08.2": flow.euler, "08.3": lambda: (flow.midpoint, 3)}

# What the learner wrote, and a word of the message that must help.
MISTAKES = {
    "08.1": {
        "exchanges noise and digit": (exchanged, "exchanged"),
        "turns the velocity round": (
            lambda v, x0, x1, t: np.mean((v(flow.interpolate(x0, x1, t)[0], t) - (x0 - x1)) ** 2),
            "turned"),
        "compares with the digit": (to_the_digit, "digit"),
        "compares with what is left": (what_is_left, "left"),
        "forgets the axes of t": (no_axes, "axes"),
        "gives a number a digit": (
            lambda v, x0, x1, t: np.mean((v(*flow.interpolate(x0, x1, t)[:1], t) - (x1 - x0)) ** 2,
                                         axis=(1, 2, 3)), "over the digits"),
        "sums": (lambda v, x0, x1, t: loss(v, x0, x1, t) * x0.size, "sum"),
        "never asks": (lambda v, x0, x1, t: np.mean((x1 - x0) ** 2), "ask"),
    },
    "08.2": {
        "takes the midpoint": (flow.midpoint, "midpoint"),
        "asks too late": (late, "begins"),
        "asks from 0 to 1 inclusive": (inclusive, "expected"),
        "takes whole steps": (whole_steps, "divided"),
        "counts the time in steps": (counts_time, "0 to 1"),
        "asks where it began": (stays, "last ended"),
    },
    "08.3": {
        "calls too often": (lambda: (flow.midpoint, 4), "at most 6"),
        "takes one step": (lambda: (flow.euler, 1), "reach"),
        "gives a number alone": (lambda: 6, "two things"),
        "gives a name": (lambda: ("euler", 6), "method"),
        "gives half a step": (lambda: (flow.euler, 2.5), "whole"),
    },
}

"""A recipe holds everything that is needed to train one network of the course again.

Recipes are data. A recipe only names the other trained networks that it needs, and
``shared.weights`` loads them. The recipes themselves are in ``shared.recipes``, one module per
lesson. Introduced in lesson 01.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import keras


class Cycle(NamedTuple):
    """One cycle of training with its own cosine schedule (warm restarts, Loshchilov and
    Hutter 2017), or a part of the cycle before with another loss.

    Args:
        epochs: how many epochs the cycle lasts.
        peak_rate: the learning rate after warm-up.
        batches: as in ``Recipe``.
        loss, optimizer: as in ``Recipe``; those of the recipe if None.
        continues: whether the optimizer and the schedule of the cycle before go on, and only the
            loss and the batches change. ``peak_rate`` and ``optimizer`` are not used then.
    """

    epochs: int
    peak_rate: float | None
    batches: Callable
    loss: str | Callable | dict | None = None
    optimizer: Callable | None = None
    continues: bool = False


@dataclass(frozen=True)
class Recipe:
    """How one network is built, trained, and measured.

    ``build``, ``batches`` and ``measure`` receive ``networks``, a dict of the trained networks
    that ``needs`` names, so that no recipe has to load anything.

    Args:
        about: one line that says what the network is, for the card.
        data: the training data in words, for the card.
        build: ``build(networks)`` returns a new ``keras.Model``.
        batches: ``batches(networks)`` returns the ``pipeline.Batches`` or ``pipeline.Turns``
            to train on.
        measure: ``measure(model, networks)`` returns the test figures of the trained model, a
            dict of numbers and lists.
        epochs, peak_rate: those of the first cycle.
        needs: names of the trained networks that the recipe uses.
        loss, loss_weights: as for ``keras.Model.compile``.
        optimizer: function of the learning rate that returns an optimizer.
        finish: ``finish(model)`` returns the network to save; the model itself by default.
        seed: seed of the initial weights.
        further_cycles: cycles of training after the first, each a ``Cycle``.
    """

    about: str
    data: str
    build: Callable
    batches: Callable
    measure: Callable
    epochs: int
    peak_rate: float = 2e-3
    needs: tuple[str, ...] = ()
    loss: str | Callable | dict = "mse"
    loss_weights: dict | None = None
    optimizer: Callable = keras.optimizers.Adam
    finish: Callable = lambda model: model  # noqa: E731
    seed: int = 1
    further_cycles: tuple[Cycle, ...] = ()

    def cycles(self, epochs=None):
        """All cycles in order, the first included: a list of ``Cycle`` with no field None.

        ``epochs`` shortens each to that many epochs.
        """
        cycles = [Cycle(self.epochs, self.peak_rate, self.batches), *self.further_cycles]
        return [cycle._replace(epochs=epochs or cycle.epochs, loss=cycle.loss or self.loss,
                               optimizer=cycle.optimizer or self.optimizer)
                for cycle in cycles]

    def new_network(self, networks):
        """A new, untrained network with the initial weights that ``seed`` determines."""
        keras.utils.set_random_seed(self.seed)
        return self.build(networks)

    def summary(self):
        """The part of the card that follows from the recipe: a dict that JSON can hold.

        "epochs" is the sum over the cycles. "peak_rate" is a number, or a list with one number
        per schedule if there are several.
        """
        cycles = self.cycles()
        rates = [cycle.peak_rate for cycle in cycles if not cycle.continues]
        return {
            "about": self.about, "data": self.data,
            "loss": _in_order(loss_name(cycle.loss, self.loss_weights) for cycle in cycles),
            "optimizer": _in_order(optimizer_name(cycle.optimizer) for cycle in cycles),
            "epochs": sum(cycle.epochs for cycle in cycles),
            "peak_rate": rates[0] if len(rates) == 1 else rates,
            "seed": self.seed}


def loss_name(loss, loss_weights=None):
    """A loss in words: "log_mse", or "1.0 log_mse (high_res) + ..." for a dict of losses."""
    if isinstance(loss, dict):
        loss_weights = loss_weights or dict.fromkeys(loss, 1.0)  # as Keras does
        return " + ".join(f"{loss_weights[key]} {loss_name(part)} ({key})"
                          for key, part in loss.items())
    return getattr(loss, "__name__", getattr(loss, "name", loss))


def optimizer_name(optimizer):
    """An optimizer in words: "Adam", or "Muon(narrow=1)" for a ``functools.partial``."""
    if isinstance(optimizer, functools.partial):
        settings = ", ".join(f"{key}={value}" for key, value in optimizer.keywords.items())
        return f"{optimizer.func.__name__}({settings})"
    return optimizer.__name__


def _in_order(names):
    """What the cycles of a training used: "mae, then mse", or "mae" if all used the same."""
    return ", then ".join(dict.fromkeys(names))

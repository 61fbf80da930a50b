"""The trained networks of the course: load them, or train them if they are missing.

Introduced in lesson 01; lesson 04 introduces ``frozen``. This is the only module that knows
both the recipes and the files: it looks up which networks a recipe needs and hands them in.
"""

from shared import recipes
from shared.models import classifiers
from shared.training import devices, store, trainer
from shared.training.store import load, read_card  # what lessons need of the store

__all__ = ["frozen", "load", "load_or_train", "needed_by", "read_card", "train", "untrained"]


def load_or_train(name, progress=True):
    """The trained ``keras.Model`` of that name; if its file is missing, train and save it first.

    Raises as ``load``, and KeyError if there is neither a file nor a recipe of that name.
    """
    if not store.exists(name):
        train(name, progress)
    return load(name)


def train(name, progress=True, epochs=None):
    """Train the network ``name`` by its recipe and save it.

    Networks that it needs are trained first if they are missing. ``epochs`` shortens each cycle
    to that many epochs, for a test. Returns the test figures of its card, a dict. Raises
    KeyError if there is no such recipe.
    """
    recipe = recipes.recipe(name)
    for need in recipe.needs:  # outside ``all_devices``: a training measures on one device
        if not store.exists(need):
            train(need, progress)
    with devices.all_devices():
        networks = {need: load(need) for need in recipe.needs}
    return trainer.train_by_recipe(name, recipe, networks, progress, epochs)


def needed_by(name, progress=True):
    """The trained networks that the recipe ``name`` needs: a dict by name."""
    return {need: load_or_train(need, progress) for need in recipes.recipe(name).needs}


def untrained(name):
    """The network ``name`` as it is when its training begins: built by its recipe, not trained.

    The networks that it needs are loaded, or trained if they are missing.
    """
    return recipes.recipe(name).new_network(needed_by(name))


def frozen(name):
    """The trained classifier ``name`` with fixed weights, as lesson 04 puts it into a loss.

    Its weights are those of ``load_or_train(name)``, bit for bit. It computes in the current
    number format (see ``runtime.use_fast_precision``), whereas a loaded network computes in
    float32.
    """
    classifier = untrained(name)
    classifier.set_weights(load_or_train(name).get_weights())
    return classifiers.freeze(classifier)

"""How much likeness does legibility cost? One small network, trained with many weights.

    python -m shared.tradeoff            makes the runs that data/tradeoff.json lacks
    python -m shared.tradeoff --again    makes all of them anew

Each run trains a small upscaler with the loss ln(MSE) + weight x cross-entropy of the frozen
classifier A, from the same seed the same way, and measures it on all test digits: PSNR, and
what A and the independent classifier B read. The file is written after each run, so a run
of the command that was interrupted goes on where it was.
"""

import argparse
import hashlib
import json
import os
import sys
from typing import NamedTuple

import keras
import numpy as np

from shared import classifiers, datasets, losses, metrics, models, recipes, training, weights
from shared.degrade import block_mean, project

STEPS, WIDTH, BLOCKS = 300, 32, 4  # batches of 64 digits; the size of the upscaler
SEEDS = (1, 2, 3)
WEIGHTS = {7: (0.0, 0.01, 0.03, 0.1, 0.3, 1.0, 10.0),  # of the cross-entropy, by scale
           4: (0.0, 0.01, 0.03, 0.1, 0.3, 1.0)}


class Key(NamedTuple):
    """What tells one run from another.

    ``inside``: the projection is the network's last layer, so that A reads the final answer;
    else A reads what comes before it, and the answer is projected after training.
    ``start``: the trained network that it begins with, a large one; "" is a small new one.
    """

    scale: int
    weight: float
    seed: int
    inside: bool = True
    start: str = ""


PLAN = [Key(scale, weight, seed)
        for scale in WEIGHTS for seed in SEEDS for weight in WEIGHTS[scale]]
PLAN += [Key(7, weight, 1, inside=False) for weight in (0.0, 0.03, 0.1, 1.0)]
PLAN += [Key(4, weight, seed, start="baseline")
         for seed in SEEDS for weight in (0.0, 0.1, 0.3)]
# PSNR in dB, and what A and B read in per cent: of the final answers to the test digits; of
# the answers before projection, clipped; of the final answers to the validation digits.
FIGURES = ("psnr", "a", "b", "psnr_before", "a_before", "b_before", "psnr_val", "a_val")


def train(digits, key, reader, progress=False):
    """A small upscaler, trained by its error and by what ``reader`` reads in its answers.

    The loss is ln(MSE) + ``key.weight`` times the cross-entropy of ``reader``, a classifier.
    ``digits`` is a ``datasets.Split``. Returns the upscaler alone, without the classifier.
    """
    keras.utils.set_random_seed(key.seed)
    if key.start:
        upscaler = recipes.continued("tuned", key.start)
    else:
        upscaler = models.residual_network(key.scale, WIDTH, BLOCKS)
    if key.inside:
        upscaler = models.consistent(upscaler, key.scale, "consistent")
    model = classifiers.supervised(upscaler, digit=reader)
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    training.compile(model, STEPS, {"high_res": losses.log_mse, "digit": cross_entropy},
                     peak=3e-4 if key.start else 2e-3,
                     loss_weights={"high_res": 1.0, "digit": key.weight})
    batches = training.Batches((digits.x_train, digits.y_train),
                               classifiers.low_and_targets(key.scale), per_epoch=STEPS,
                               seed=key.seed)
    training.fit(model, batches, progress=progress)
    return upscaler


def answers(upscaler, truth, scale):
    """What ``upscaler`` makes of the block means of ``truth``: clipped, and projected."""
    low_res = block_mean(truth, scale)
    clipped = np.clip(training.predict(upscaler, low_res), 0.0, 1.0)
    return clipped, project(clipped, low_res)


def judge(upscaler, digits, key, a, b):
    """The figures of a trained upscaler by the classifiers ``a`` and ``b``: see ``FIGURES``."""

    def measure(images, end=""):
        return {f"psnr{end}": metrics.psnr(digits.x_test, images).mean(),
                f"a{end}": 100 * classifiers.accuracy(a, images, digits.y_test),
                f"b{end}": 100 * classifiers.accuracy(b, images, digits.y_test)}

    clipped, final = answers(upscaler, digits.x_test, key.scale)
    found = measure(final)
    if key.inside:  # nothing is left to project
        found |= {f"{name}_before": value for name, value in found.items()}
    else:
        found |= measure(clipped, "_before")
    final = answers(upscaler, digits.x_val, key.scale)[1]
    found["psnr_val"] = metrics.psnr(digits.x_val, final).mean()
    found["a_val"] = 100 * classifiers.accuracy(a, final, digits.y_val)
    return {name: round(float(found[name]), 4) for name in FIGURES}


def run(digits, key, a, b, progress=False):
    """Train and judge one upscaler; returns it and its entry as in ``load``."""
    upscaler = train(digits, key, a, progress)
    return upscaler, key._asdict() | judge(upscaler, digits, key, a, b)


def load():
    """The stored runs in the order of ``PLAN``: dicts with what is in ``Key`` and ``FIGURES``.

    Raises FileNotFoundError where there is no file, ValueError where it is damaged or not
    whole; both say which command mends it.
    """
    content = _read()
    missing = [key for key in PLAN if key not in map(_key, content["runs"])]
    if missing or content["settings"] != _settings():
        raise ValueError(f"{path()} lacks {len(missing)} of {len(PLAN)} runs, or they were made "
                         f"with other settings: {_MEND}")
    return content["runs"]


def find(runs, *key, **more):
    """The entry of the run of ``Key(*key, **more)``."""
    return next(entry for entry in runs if _key(entry) == Key(*key, **more))


def points(runs, scale, figure):
    """``figure`` of the small networks at ``scale``, projection inside: an array of shape
    (weights of ``WEIGHTS[scale]``, seeds)."""
    return np.array([[find(runs, scale, weight, seed)[figure] for seed in SEEDS]
                     for weight in WEIGHTS[scale]])


def path():
    """Where the runs are stored: ``data/tradeoff.json``, or beside the user's own weights."""
    folder = datasets.folder() if datasets.folder().is_dir() else weights.folder()
    return folder / "tradeoff.json"


_MEND = ("run `git checkout data/tradeoff.json` for the shipped runs, or `python -m "
         "shared.tradeoff` to make them again")


def _key(entry):
    return Key(*(entry[field] for field in Key._fields))


def _settings():
    return {"steps": STEPS, "batch": training.BATCH, "width": WIDTH, "blocks": BLOCKS}


def _readers():
    """The files of the classifiers that judge: runs judged by others do not compare."""
    return {name: weights.read_card(name)["sha256"] for name in ("classifier_a", "classifier_b")}


def _digest(content):
    rest = {key: value for key, value in content.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _read():
    try:
        content = json.loads(path().read_text(encoding="utf-8"))
        whole = content["sha256"] == _digest(content) and all(
            np.isfinite([entry[name] for name in FIGURES]).all() and _key(entry)
            for entry in content["runs"]) and content["settings"] and content["readers"]
    except FileNotFoundError:
        raise FileNotFoundError(f"{path()} is missing: {_MEND}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path()} cannot be read ({error}): {_MEND}") from error
    if not whole:
        raise ValueError(f"{path()} was altered or is damaged: {_MEND}")
    return content


def _write(runs):
    """All runs so far, in the order of ``PLAN``; the old file stays until the new is whole."""
    content = {"settings": _settings(), "readers": _readers(),
               "runs": sorted(runs, key=lambda entry: PLAN.index(_key(entry)))}
    part = path().with_name(path().name + ".part")
    path().parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content | {"sha256": _digest(content)}, indent=1)
    part.write_text(text.replace('\n   ', ' ').replace('\n  }', ' }') + "\n", encoding="utf-8")
    os.replace(part, path())


def _begun():
    """The stored runs that are still of use: made by these settings, judged by these readers."""
    try:
        content = _read()
    except (FileNotFoundError, ValueError):
        return []
    if content["settings"] != _settings() or content["readers"] != _readers():
        return []
    return [entry for entry in content["runs"] if _key(entry) in PLAN]


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m shared.tradeoff", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--again", action="store_true", help="make all of them anew")
    options = parser.parse_args(arguments)
    training.use_fast_precision()
    a, b = (classifiers.frozen(name) for name in ("classifier_a", "classifier_b"))
    digits = datasets.mnist()
    runs = [] if options.again else _begun()
    due = [key for key in PLAN if key not in map(_key, runs)]
    print(f"{len(runs)} of {len(PLAN)} runs are in {path()}")
    for key in due:
        try:
            entry = run(digits, key, a, b)[1]
        except KeyboardInterrupt:
            sys.exit("\nstopped; `python -m shared.tradeoff` goes on with this run")
        runs.append(entry)
        _write(runs)
        print(f"x{key.scale}, weight {key.weight:g}, seed {key.seed}"
              f"{'' if key.inside else ', projected after training'}"
              f"{key.start and f', from {key.start}'}: {entry['psnr']:.2f} dB, "
              f"A reads {entry['a']:.2f}%, B {entry['b']:.2f}%", flush=True)


if __name__ == "__main__":
    main()

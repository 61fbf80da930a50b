"""Trained networks on disk, each with a card. Introduced in lesson 01.

``data/weights/NAME.keras`` is the network and ``NAME.json`` is its card: recipe, data, seed,
number of parameters, seconds, hardware, test figures, and the sha256 of the network's file.
A network that a learner trains and saves replaces the shipped one, and later lessons use it;
``git checkout data/weights`` brings the shipped ones back.
"""

import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from pathlib import Path

import keras
import numpy as np

from shared import runtime
from shared.models import flow, layers
from shared.paths import weights_folder

# Every layer of the course's own that a saved network may hold.
LAYERS = {keras.saving.get_registered_name(layer): layer
          for layer in (*layers.LAYERS, *flow.LAYERS)}


def exists(name):
    """Whether a trained network of that name is stored."""
    return _network_file(name).is_file()


def load(name):
    """The trained ``keras.Model`` of that name, ready to predict, not compiled.

    Raises FileNotFoundError if its file or its card is missing, and ValueError if the file is
    not the one that the card describes. The message names the command that fixes it.
    """
    path = _network_file(name)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: {_how_to_fix(name)}")
    if _sha256(path) != read_card(name)["sha256"]:
        raise ValueError(f"{path} is not the file that {name}.json describes; it may be damaged: "
                         f"{_how_to_fix(name)}")
    return runtime.choose_compiler(keras.saving.load_model(
        path, custom_objects=LAYERS, compile=False, safe_mode=True))


def read_card(name):
    """The card of a trained network: a dict.

    Raises FileNotFoundError if it is missing, and ValueError if it cannot be read. The message
    names the command that fixes it.
    """
    path = _card_file(name)
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        card["sha256"], card["test"]  # raises KeyError if either is missing
        return card
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is missing: {_how_to_fix(name)}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not a card ({error}): {_how_to_fix(name)}") from error


def save(model, name, card):
    """Save ``model`` with its ``card`` (a dict) as ``name``; returns the network's file.

    Weights are rounded and the file is compressed, which makes it less than half as large.
    Weights keep 11 significant bits, the precision of float16. If the network computes in
    bfloat16 they keep 8, since training has seen no more of them. Both files are written beside
    the old ones and moved into place once they are complete, so an interruption or a full disk
    leaves the old ones as they were.
    """
    path, card_path = _network_file(name), _card_file(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as work:
        saved, packed, new_card = (Path(work, part) for part in ("saved.keras", "packed", "card"))
        plain(model).save(saved)
        _compress(saved, packed)
        content = {**card, "parameters": model.count_params(), "sha256": _sha256(packed)}
        new_card.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        old = Path(work, "old.keras")
        if path.exists():
            shutil.copyfile(path, old)
        os.replace(packed, path)
        try:
            os.replace(new_card, card_path)
        except BaseException:  # a network without its card is useless: put the old one back
            os.replace(old, path) if old.exists() else path.unlink()
            raise
    return path


def plain(model):
    """The copy of ``model`` that ``save`` writes: weights rounded, computing in float32."""
    config = keras.saving.serialize_keras_object(model)
    config.pop("compile_config", None)  # otherwise the optimizer's state is saved as well
    text = json.dumps(config)
    bits = 8 if '"mixed_bfloat16"' in text else 11
    config = json.loads(text.replace('"mixed_bfloat16"', '"float32"'))
    copy = keras.saving.deserialize_keras_object(config)
    copy.set_weights([_rounded(array, bits) for array in model.get_weights()])
    return copy


def _compress(source, target):
    """Repack a .keras file with LZMA, which compresses it better than Keras does."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for item in old.infolist():
            entry = zipfile.ZipInfo(item.filename, (2000, 1, 1, 0, 0, 0))
            new.writestr(entry, old.read(item), zipfile.ZIP_LZMA)


def _rounded(array, bits):
    """Round to ``bits`` significant bits; such numbers compress well."""
    mantissa, exponent = np.frexp(array)
    step = 2.0**bits
    return np.ldexp(np.round(mantissa * step) / step, exponent).astype(array.dtype)


def _network_file(name):
    return weights_folder() / f"{name}.keras"


def _card_file(name):
    return weights_folder() / f"{name}.json"


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _how_to_fix(name):
    return (f"run `git checkout data/weights` to bring the shipped networks back, or "
            f"`python -m shared.train {name}` to train this one again")

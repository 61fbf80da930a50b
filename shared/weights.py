"""Trained networks on disk: load, load or train, save with a card.

``data/weights/NAME.keras`` is the network, ``NAME.json`` its card: recipe, data, seed,
parameters, seconds, hardware, test figures and the sha256 of the network's file. A network
that a learner trains and saves takes the place of the shipped one, and later lessons use it;
``git checkout data/weights`` brings the shipped ones back.
"""

import hashlib
import io
import json
import os
import shutil
import tempfile
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np

# All that define layers are imported, so that every network can be loaded.
from shared import datasets, flow, metrics, models, photo_models, training  # noqa: F401


def folder():
    """``data/weights``, or a folder of the user's where there is no ``data/``."""
    if datasets.folder().is_dir():
        return datasets.folder() / "weights"
    return Path.home() / ".keras" / "zoom_and_enhance"


def load(name):
    """The trained ``keras.Model`` of that name, ready to predict; its layers are fixed.

    Raises FileNotFoundError where there is none, ValueError where the file is not the one
    that its card describes; both say which command mends it.
    """
    path, card = _paths(name)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: {_mend(name)}")
    if _sha256(path) != read_card(name)["sha256"]:
        raise ValueError(f"{path} is not the file that {card.name} describes; it may be damaged: "
                         f"{_mend(name)}")
    return training.choose_compiler(keras.saving.load_model(path, compile=False, safe_mode=True))


def load_or_train(name, progress=True):
    """``load``; where there are no such weights, train them by their recipe and save them."""
    if not _paths(name)[0].is_file():
        from shared import train  # here, because it imports this module

        train.train(name, progress=progress)
    return load(name)


def read_card(name):
    """The card of a trained network as a dict."""
    path = _paths(name)[1]
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        card["sha256"], card["test"]
        return card
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is missing: {_mend(name)}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no card ({error}): {_mend(name)}") from error


def save(model, name, card):
    """Write ``model`` and its ``card`` (a dict) under ``name``; returns the network's path.

    Weights are rounded and the file is compressed, to half its size and less: to eleven
    significant binary digits, the precision of float16; those of a network that computes in
    bfloat16 to eight, for its training saw no more of them. Both files are written beside the
    old ones and moved into place when they are whole, so an interruption or a full disk leaves
    the old ones as they were.
    """
    path, card_path = _paths(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as work:
        large, packed, text = (Path(work) / part for part in ("large.keras", "n.keras", "c.json"))
        plain(model).save(large)
        with zipfile.ZipFile(large) as source, zipfile.ZipFile(packed, "w") as target:
            for item in source.infolist():
                content = source.read(item)
                if item.filename.endswith(".h5"):
                    content = _shuffled(content)
                target.writestr(zipfile.ZipInfo(item.filename, (2000, 1, 1, 0, 0, 0)), content,
                                zipfile.ZIP_LZMA)
        full = {**card, "parameters": model.count_params(), "sha256": _sha256(packed)}
        text.write_text(json.dumps(full, indent=1) + "\n", encoding="utf-8")
        old = Path(work) / "old.keras"
        if path.exists():
            shutil.copyfile(path, old)
        os.replace(packed, path)
        try:
            os.replace(text, card_path)
        except OSError:  # a network without its card is worth nothing: put the old one back
            os.replace(old, path) if old.exists() else path.unlink()
            raise
    return path


def plain(model):
    """The copy that ``save`` writes: weights rounded, computing in float32."""
    config = keras.saving.serialize_keras_object(model)
    config.pop("compile_config", None)  # else the optimizer's state is saved as well
    text = json.dumps(config)
    digits = 8 if '"mixed_bfloat16"' in text else 11
    text = text.replace('"mixed_bfloat16"', '"float32"')
    copy = keras.saving.deserialize_keras_object(json.loads(text))
    copy.set_weights([_round(weights, digits) for weights in model.get_weights()])
    return copy


def _shuffled(content):
    """The same HDF5 file with each array's first bytes together, then its second ones, and so on.

    HDF5 puts them back when it reads. A weight's last bytes are zeros once it is rounded, its
    first ones nearly always the same: apart from the others they compress better.
    """
    file = io.BytesIO()
    with h5py.File(io.BytesIO(content)) as source, h5py.File(file, "w", libver="latest") as target:

        def copy(name, item):
            if isinstance(item, h5py.Dataset):
                apart = {"chunks": item.shape, "shuffle": True} if item.size > 1 else {}
                there = target.create_dataset(name, data=item[()], **apart)
            else:
                there = target.require_group(name)
            there.attrs.update(item.attrs)

        source.visititems(copy)
        target.attrs.update(source.attrs)
    return file.getvalue()


def _round(weights, digits=11):
    """Round to so many significant binary digits; such numbers compress well."""
    mantissa, exponent = np.frexp(weights)
    step = 2.0**digits
    return np.ldexp(np.round(mantissa * step) / step, exponent).astype(weights.dtype)


def _paths(name):
    return folder() / f"{name}.keras", folder() / f"{name}.json"


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _mend(name):
    return (f"run `git checkout data/weights` for the shipped ones, or `python -m shared.train "
            f"{name}` to train it again")

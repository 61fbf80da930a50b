"""Trained networks on disk, each with a card. Introduced in lesson 01.

``data/weights/NAME.keras`` is the network and ``NAME.json`` is its card: recipe, data, seed,
number of parameters, seconds, hardware, test figures, and the sha256 of the network's file.
A network that a learner trains and saves replaces the shipped one, and later lessons use it;
``git checkout data/weights`` brings the shipped ones back.

The card decides which network counts. A new network first waits in the folder ``new.part``, and
counts from the moment when its card replaces the old one. Then it is moved beside its card. So
there is a network for the card at any time, whenever a process is killed.
"""

import contextlib
import hashlib
import io
import json
import os
import shutil
import zipfile

import keras
import numpy as np

from shared import runtime
from shared.data import datasets
from shared.models import flow, layers
from shared.paths import weights_folder

# Every layer of the course's own that a saved network may hold.
LAYERS = {keras.saving.get_registered_name(layer): layer
          for layer in (*layers.LAYERS, *flow.LAYERS)}


def exists(name):
    """Whether a trained network of that name is stored."""
    if _waiting_file(name).is_file():
        with contextlib.suppress(FileNotFoundError, ValueError):
            return _card_and_network(name)[1] is not None
    return _network_file(name).is_file()


def load(name):
    """The trained ``keras.Model`` of that name, ready to predict, not compiled.

    Raises FileNotFoundError if its file or its card is missing, and ValueError if the file is
    not the one that the card describes, cannot be read, or holds weights that are not finite.
    The message names the command that fixes it.
    """
    _tidy_if_alone()
    if not exists(name):
        raise FileNotFoundError(f"{_network_file(name)} is missing: {_how_to_fix(name)}")
    datasets.require_lzma()
    pair, before = _card_and_network(name), None
    while pair != before:  # until no other process has replaced it while it was read
        card, path = pair
        if path is None:
            raise ValueError(f"{_network_file(name)} is not the file that {name}.json describes; "
                             f"it may be damaged: {_how_to_fix(name)}")
        try:
            model, trouble = _checked(path, card), None
        except MemoryError:
            raise
        except Exception as error:  # of zipfile, of a decompressor, of HDF5, or of Keras
            trouble = error
        before, pair = pair, _card_and_network(name)
    if trouble:
        raise ValueError(f"{path} cannot be used ({trouble}): {_how_to_fix(name)}") from trouble
    return runtime.choose_compiler(model)


def _checked(path, card):
    """The network of the file ``path``; raises ValueError if it is not that of its card."""
    model = keras.saving.load_model(path, custom_objects=LAYERS, compile=False, safe_mode=True)
    if model.count_params() != card["parameters"]:
        raise ValueError(f"it is another network: it has {model.count_params()} parameters, its "
                         f"card says {card['parameters']}")
    if not _finite(model):
        raise ValueError("not all of its weights are finite")
    return model


def _finite(model):
    return all(np.isfinite(array).all() for array in model.get_weights())


def _card_and_network(name):
    """The card and the file of the network that it describes; None if there is no such file.

    Raises as ``read_card``.
    """
    while True:
        card = read_card(name)
        for path in (_waiting_file(name), _network_file(name)):  # the way that it goes
            if _fits(path, card):
                return card, path
        if read_card(name) == card:  # otherwise another process has replaced both
            return card, None


def read_card(name):
    """The card of a trained network: a dict.

    Raises FileNotFoundError if it is missing, and ValueError if it cannot be read. The message
    names the command that fixes it.
    """
    path = _card_file(name)
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        card["sha256"], card["test"], card["parameters"]  # raises KeyError if one is missing
        return card
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is missing: {_how_to_fix(name)}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not a card ({error}): {_how_to_fix(name)}") from error


def save(model, name, card):
    """Save ``model`` with its ``card`` (a dict) as ``name``; returns the network's file.

    Weights are rounded and the file is compressed, which makes it less than half as large.
    Weights keep 11 significant bits, the precision of float16. If the network computes in
    bfloat16 they keep 8, since training has seen no more of them. Network and card replace the
    old ones in one step, once they are complete. Until then an interruption, a full disk or the
    end of the process leaves the old ones as they were.

    Raises ValueError if not all weights are finite.
    """
    if not _finite(model):
        raise ValueError(f"not all weights of {name} are finite: its training diverged, and it is "
                         f"not saved. Train it with a lower peak rate")
    datasets.require_lzma()
    path = _network_file(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _only_writer():
        _tidy()
        waiting = _waiting_file(name)
        waiting.parent.mkdir(exist_ok=True)
        try:
            plain(model).save(waiting)
            packed = _compressed(waiting)
            waiting.write_bytes(packed)
            content = {**card, "parameters": model.count_params(),
                       "sha256": hashlib.sha256(packed).hexdigest()}
            new_card = waiting.with_suffix(".json")
            new_card.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8",
                                newline="\n")
            for file in (waiting, new_card):
                _flush(file)
            os.replace(new_card, _card_file(name))  # from here on the new network counts
        finally:
            with contextlib.suppress(OSError):  # where it waits, it can be loaded as well
                _tidy()
    return path


def _tidy():
    """Move a waiting network beside its card if it has one, and remove what else is left.

    Only for the only writer, who thereby completes or undoes what a killed process has begun.
    Raises OSError if a network cannot be moved; it then stays where it is.
    """
    folder = _waiting_file("any").parent
    for waiting in folder.glob("*.keras"):
        with contextlib.suppress(FileNotFoundError, ValueError):  # no card, or one without a file
            card, network = read_card(waiting.stem), _network_file(waiting.stem)
            if _fits(waiting, card) and not _fits(network, card):
                os.replace(waiting, network)
    shutil.rmtree(folder, ignore_errors=True)


def _tidy_if_alone():
    """``_tidy``, unless another process is writing, or the folder must not be changed."""
    if _waiting_file("any").parent.is_dir():
        with contextlib.suppress(OSError), _only_writer(wait=False):
            _tidy()


@contextlib.contextmanager
def _only_writer(wait=True):
    """While it lasts, no other process writes networks; the operating system ends it with the
    process.

    Raises OSError if another process writes, or if it cannot be told, and ``wait`` is false. On
    file systems that cannot lock, a writer that waits goes ahead alone.
    """
    folder = weights_folder()
    if os.name == "nt":
        lock_file = folder / "lock.part"
        handle = os.open(lock_file, os.O_RDWR | os.O_CREAT)
    else:
        handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            _lock(handle, wait)
        except OSError:
            if not wait:
                raise
        yield
    finally:
        os.close(handle)
        if os.name == "nt":
            with contextlib.suppress(OSError):  # another process has opened it
                lock_file.unlink()


def _lock(handle, wait):
    """Lock an open file until it is closed. Raises OSError if it cannot be locked."""
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


def _flush(path):
    """Wait until the content of a file is on the disk, before its name takes another's place."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


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


def _compressed(path):
    """The bytes of a .keras file with LZMA, which compresses it better than Keras does."""
    packed = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(packed, "w") as new:
        for item in old.infolist():
            entry = zipfile.ZipInfo(item.filename, (2000, 1, 1, 0, 0, 0))
            new.writestr(entry, old.read(item), zipfile.ZIP_LZMA)
    return packed.getvalue()


def _rounded(array, bits):
    """Round to ``bits`` significant bits; such numbers compress well."""
    mantissa, exponent = np.frexp(array)
    step = 2.0**bits
    return np.ldexp(np.round(mantissa * step) / step, exponent).astype(array.dtype)


def _network_file(name):
    return weights_folder() / f"{name}.keras"


def _waiting_file(name):
    """Where a network is until its card is in place."""
    return weights_folder() / "new.part" / f"{name}.keras"


def _card_file(name):
    return weights_folder() / f"{name}.json"


def _fits(path, card):
    """Whether ``path`` is a file, and the one that the card describes."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == card["sha256"]
    except FileNotFoundError:
        return False


def _how_to_fix(name):
    return (f"run `git checkout data/weights` to bring the shipped networks back, or "
            f"`python -m shared.train {name}` to train this one again")

"""Settings of all tests, and a comparison of decimals for nbval.

nbval compares the stored output of a lesson with the one computed anew, character by
character. Trained numbers do not repeat to the last digit on another processor, so here
decimals (a point or an exponent: 14.63, -0.5, 1.2e-3) are compared within a tolerance, and
all the rest, integers too, exactly. The tolerance is one unit in the last digit of the
stored number, since rounding alone can move it that far, or where it is larger the
``"tolerance"`` in the cell's metadata, an absolute number. Of a diagram (SVG) the words are
compared, not the lines.
"""

import base64
import contextlib
import io
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shared import runtime
from shared.data import datasets
from shared.models import zoom_network
from shared.training import loop, trainer

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # no log line in a compared output
ROOT = Path(__file__).resolve().parent.parent

# Not 3.15.1 (a version), not conv2d_1.5 (a name), not "3." (an integer that ends a sentence).
# A unit may follow (14.63dB), but not on a bare exponent, which would be part of a checksum.
DECIMAL = re.compile(r"((?<![\w.])[-+]?(?:\d+\.\d+(?:[eE][-+]?\d{1,3})?(?!\.?\d)"
                     r"|\d+[eE][-+]?\d{1,3}(?![\w.])))")


def same(reference, found, tolerance=0.0):
    """Is the text ``found`` the text ``reference``, its decimals within the tolerance?"""
    reference, found = DECIMAL.split(reference), DECIMAL.split(found)
    if len(reference) != len(found):
        return False
    # A number that gains a sign or a digit moves the padding beside it: that is no difference.
    if [text.strip(" \t") for text in reference[::2]] != [text.strip(" \t") for text in found[::2]]:
        return False
    return all(abs(a - b) <= max(Decimal(str(tolerance)), Decimal(1).scaleb(a.as_tuple().exponent))
               for a, b in zip(map(Decimal, reference[1::2]), map(Decimal, found[1::2]),
                               strict=True))


class Output(str):
    """An output's text, equal to another one within a tolerance; the left one is stored."""

    tolerance = 0.0
    __hash__ = str.__hash__

    def __eq__(self, other):
        return str(self) == str(other) or same(str(self), str(other), self.tolerance)

    def __ne__(self, other):
        return not self == other


def pytest_collection_modifyitems(items):
    """Let every cell of a lesson compare its outputs as ``Output``."""
    for item in items:
        if type(item).__name__ == "IPyNbCell":
            item.sanitize = _as_output(item.sanitize, item.cell.metadata.get("tolerance", 0.0))


def _as_output(sanitize, tolerance):
    def wrapper(value):
        value = sanitize(value)
        if isinstance(value, str) and value.startswith("<svg"):
            value = words_of(value)
        if isinstance(value, str):  # images and the like come as other kinds
            value = Output(value)
            value.tolerance = tolerance
        return value

    return wrapper


def words_of(svg):
    """The texts of an SVG, its title and description among them, one per line."""
    nodes = ElementTree.fromstring(svg).iter()
    return "\n".join(node.text for node in nodes
                     if node.tag.endswith(("}title", "}desc", "}text")) and node.text)


def pytest_assertrepr_compare(op, left, right):
    """Show the lines that differ by more than the tolerance, and no others."""
    if op != "==" or not isinstance(left, Output):
        return None
    lines = [f"more than the tolerance ({left.tolerance:g}, or one unit in the last digit) apart:"]
    pairs = zip_longest(left.splitlines(), right.splitlines())
    for number, (stored, found) in enumerate(pairs, 1):
        if stored is None or found is None or not same(stored, found, left.tolerance):
            lines += [f"line {number} stored: {stored!r}", f"line {number} found:  {found!r}"]
    return lines


@pytest.fixture(scope="session")
def run_python():
    """Run lines of Python in a process of its own that can import ``shared``."""

    def run(code, *arguments, **environment):
        result = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)], cwd=ROOT, text=True,
            capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT), **environment})
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run


@pytest.fixture
def after_loading(tmp_path, run_python):
    """The output of models for ``inputs`` after a new process has loaded them, safe mode on.

    A function of a dict of models, their inputs (an array, or a dict of arrays) and the module
    of ``shared`` that registers their layers, for example "models.layers". Returns a dict of
    arrays.
    """

    def after_loading(models, inputs, module):
        several = isinstance(inputs, dict)
        np.savez(tmp_path / "inputs.npz", **(inputs if several else {"only": inputs}))
        for name, model in models.items():
            model.save(tmp_path / f"{name}.keras")
        run_python("""
import importlib, pathlib, sys
import keras, numpy as np
importlib.import_module("shared." + sys.argv[2])
work = pathlib.Path(sys.argv[1])
inputs = dict(np.load(work / "inputs.npz"))
for path in work.glob("*.keras"):
    model = keras.saving.load_model(path, safe_mode=True)
    answer = model(inputs.get("only", inputs), training=False)
    np.save(path.with_suffix(".npy"), keras.ops.convert_to_numpy(answer))
""", tmp_path, module)
        return {name: np.load(tmp_path / f"{name}.npy") for name in models}

    return after_loading


@pytest.fixture
def mixed_bfloat16():
    """New layers compute in bfloat16 during the test; their weights stay float32."""
    import keras  # only here: ``shared`` must set its switches before Keras is imported

    policy = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    yield
    keras.mixed_precision.set_dtype_policy(policy)


@contextlib.contextmanager
def workplace(folder):
    """Networks, cards and the states of trainings are in ``folder``; training is in float32."""
    import keras

    policy = keras.mixed_precision.dtype_policy()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOOM_DATA", str(folder))
        # In bfloat16 on several threads, two equal runs can differ in the last bits.
        patch.setattr(runtime, "fast_bfloat16", lambda: False)
        patch.setattr(trainer, "checkpoint_folder", lambda name: folder / "training" / name)
        yield patch
    keras.mixed_precision.set_dtype_policy(policy)


@pytest.fixture
def desk(tmp_path):
    """The folder of a ``workplace``, empty at first."""
    with workplace(tmp_path):
        yield tmp_path


@pytest.fixture
def compiled(monkeypatch):
    """The models that are compiled during the test, as they are after it."""
    models, compile_model = [], loop.compile_model

    def note(model, *arguments, **keywords):
        models.append(compile_model(model, *arguments, **keywords))
        return models[-1]

    monkeypatch.setattr(loop, "compile_model", note)
    return models


@pytest.fixture(scope="session")
def random_photo_network():
    """A function of a name of ``PHOTO_NETWORKS`` (and a seed): a narrow network of that name.

    All its weights are random, none is zero, except that normalisation neither scales nor
    shrinks.
    """
    narrow = {"srcnn": {}, "vdsr": {"width": 2}, "ircnn": {"width": 2},
              "unet": {"widths": (2, 4, 16, 64)}, "zoom": {"width": 2, "blocks": 8, "expansion": 2}}

    def random_photo_network(name, seed=0):
        rng = np.random.default_rng(seed)

        def random_like(weights):
            if (weights == 1).all():  # factors and variances of a normalisation
                return weights
            if weights.ndim == 4:
                deviation = np.prod(weights.shape[:-1], initial=1.0) ** -0.5
                return rng.normal(0, deviation, weights.shape)
            return rng.uniform(0.01, 0.05, weights.shape)

        model = zoom_network.PHOTO_NETWORKS[name](**narrow[name])
        model.set_weights([random_like(weights) for weights in model.get_weights()])
        return model

    return random_photo_network


@pytest.fixture(scope="session")
def digits():
    """MNIST, read once for all tests."""

    return datasets.mnist()


@pytest.fixture(scope="session")
def clothes():
    """Fashion-MNIST, read once for all tests."""

    return datasets.fashion_mnist()


class Page(list):
    """What was shown: Image objects of IPython, and dicts of MIME type to data."""

    @property
    def images(self):
        return [thing for thing in self if hasattr(thing, "data")]

    @property
    def picture(self):
        """The only image as a Pillow image."""
        (image,) = self.images
        return Image.open(io.BytesIO(image.data))

    @property
    def diagram(self):
        """The PNG of the only diagram as a Pillow image."""
        (data,) = self.of("image/png")
        return Image.open(io.BytesIO(base64.b64decode(data)))

    def of(self, kind):
        """What was shown in this MIME type."""
        return [thing[kind] for thing in self if isinstance(thing, dict) and kind in thing]


@pytest.fixture
def shown(monkeypatch):
    """The ``Page`` on which ``shared.drawing`` shows things during a test, empty at first."""
    import matplotlib.pyplot as plt

    from shared.drawing import page, text

    result = Page()
    for module in (page, text):
        monkeypatch.setattr(module, "display",
                            lambda thing, metadata=None, raw=False: result.append(thing))
    yield result
    plt.close("all")

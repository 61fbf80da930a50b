"""The text of the cells that ``shared.tools.colab`` writes; it fills in the names in braces."""


# The first code cell of every lesson.
FETCH = """\
#@title Google Colab: fetch the course (anywhere else this cell does nothing)
import sys

if "google.colab" in sys.modules:
    import os
    import subprocess
    import zipfile
    from pathlib import Path

    home, first = Path("/content/course"), "notebooks/01_*.ipynb"
    address = "{address}"  # [tool.zoom] in pyproject.toml; while empty, you are asked for a file
    if not list(home.rglob(first)) and address:
        subprocess.run(["git", "clone", "--depth", "1", address, str(home)], check=True)
    elif not list(home.rglob(first)):
        from google.colab import files

        print("This lesson needs the files of its course. Choose the course's zip file:")
        for name in files.upload():
            zipfile.ZipFile(name).extractall(home)
    if not list(home.rglob(first)):
        raise FileNotFoundError("no course was found in that file: run this cell again")
    pip = [sys.executable, "-m", "pip", "install", "-q"]
    subprocess.run([*pip, "{keras}"], check=True)  # where Colab's own is too old
    os.chdir(next(home.rglob(first)).parent)"""
# The cells of the one notebook, in order.
INTRO = """\
# Zoom & Enhance

A hands-on course in image super-resolution with Keras 3: build the networks that enhance,
measure what they bring back, and learn to tell it from what they only invent.
This notebook holds these lessons complete, and needs no other file:

{contents}

**Runtime, Run all** takes under 15 minutes on two cores; no GPU is needed.
Numbers may differ in their last digits from those in the text.
To work on one lesson alone, run **Set-up**, then that lesson from its top: each lesson begins
with a fresh start.

Code: MIT licence. Text and figures: CC BY 4.0. MNIST: LeCun, Cortes and Burges, CC BY-SA 3.0.
Fashion-MNIST: Zalando SE, MIT.

# Set-up

The set-up checks the version of Keras, writes the course's package and its trained networks to
the folder `zoom_and_enhance_files`, and fetches the images.
If you run it again, it writes the trained networks as they were at first."""
CHECK = """\
import importlib.metadata
import subprocess
import sys

from packaging.requirements import Requirement

needed = "{keras}"
if "google.colab" in sys.modules:  # fetches a newer Keras if Colab's own is too old
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", needed], check=True)
found = getattr(sys.modules.get("keras"), "__version__", importlib.metadata.version("keras"))
if found not in Requirement(needed).specifier:
    raise RuntimeError(f"this is Keras {{found}}, the course needs {{needed}}: run "
                       f"`%pip install '{{needed}}'`, then restart the session and run all")
print("Keras", found)"""
FOLDERS = """\
import os
from pathlib import Path

if Path.cwd().name != "zoom_and_enhance_files":
    Path("zoom_and_enhance_files").mkdir(exist_ok=True)
    os.chdir("zoom_and_enhance_files")
for folder in {folders}:
    Path(folder).mkdir(parents=True, exist_ok=True)
sys.path.insert(0, os.getcwd())"""
PACKAGE = """\
## The package `shared`

The modules of the course, one per cell.
The lessons show the parts that matter; open the cells to read the rest."""
FILES = """\
## Images and trained networks

The networks were trained for longer than a lesson can wait.
Each has a card, a small file beside it, which says how it was trained."""
DATA = """\
import shutil

import shared  # before Keras, because it keeps TensorFlow's log out of the notebook
import keras
import numpy as np

assert Path("shared").samefile(Path(shared.__file__).parent), "another package is called shared"
given = os.environ.pop("ZOOM_DATA", None)  # to work offline: a folder with the two files
for name, first in {"mnist": 5000, "fashion_mnist": 0}.items():  # as in shared/data/datasets.py
    part, file = Path("data", f"part_{name}.npz"), Path("data", f"{name}.npz")
    if given:
        shutil.copyfile(Path("..", given, file.name), part)
    elif not file.exists():
        (x_train, y_train), (x_test, y_test) = getattr(keras.datasets, name).load_data()
        np.savez(part, x_train=x_train[first:], y_train=y_train[first:],
                 x_test=x_test, y_test=y_test)
    if part.exists():
        os.replace(part, file)  # so that a file is complete or missing
    print(file, f"{file.stat().st_size / 1e6:.0f} MB")"""
UNPACK = """\
import base64
import hashlib

def unpack(name, sha256, text):
    data = base64.b64decode(text)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ValueError(f"{name} is damaged: fetch this notebook again")
    Path(name).write_bytes(data)
    print("unpacked", name)"""
# This cell replaces the set-up cell of each lesson, whose imports are filled in.
START = """\
%reset -f
# A fresh start, without the variables and networks of an earlier lesson.
{imports}
import gc

gc.collect()
keras.utils.clear_session()"""

"""The package on machines as people have them: foreign settings, missing parts, other kernels."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap

import keras
import nbformat
import pytest
from conftest import ROOT

SHOW = ("import shared, keras; config = keras.config; print(config.floatx(), config.epsilon(), "
        "config.image_data_format(), config.dtype_policy().name, keras.backend.backend())")
# Imports the package where the import of a module named ``name`` raises ``error``.
FINDER = """
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "{name}":
            raise {error}
sys.meta_path.insert(0, Finder())
import shared
"""
OURS = "float32 1e-07 channels_last float32 tensorflow\n"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A function that runs Python in the course's folder, with ``keras.json`` as given.

    Keywords are environment variables. It returns the finished process, whose output is text.
    """
    (tmp_path / "keras").mkdir()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)

    def run(*arguments, settings=None, **environment):
        if settings is not None:
            run.file.write_text(settings, encoding="utf-8")
        return subprocess.run([sys.executable, *arguments], cwd=ROOT, text=True,
                              env=os.environ | environment, capture_output=True)

    run.file = tmp_path / "keras" / "keras.json"
    return run


@pytest.mark.slow
def test_foreign_settings_of_keras_change_nothing_and_stay_in_their_file(run):
    settings = json.dumps({"image_data_format": "channels_first", "floatx": "float16",
                           "epsilon": 1e-3, "backend": "tensorflow"})
    for first in ("", "import keras; ", "import tensorflow; "):
        assert run("-c", first + SHOW, settings=settings).stdout == OURS
    assert run.file.read_text(encoding="utf-8") == settings


@pytest.mark.parametrize("backend, reason", [
    ("absent", "Unable to import backend"), ("theano", "Unable to import"), ("numpy", "")])
def test_a_backend_that_cannot_be_used_is_named_with_the_place_to_change(run, backend, reason):
    settings = json.dumps({"backend": backend})
    for environment, place in (({}, f'"backend" in {run.file}'),
                               ({"KERAS_BACKEND": backend}, "variable KERAS_BACKEND")):
        found = run("-c", "import shared", settings=settings, **environment)
        *trace, sentence = found.stderr.splitlines()
        assert found.returncode == 1 and sentence.startswith("ImportError: Keras cannot use")
        assert repr(backend) in sentence and reason in sentence
        assert f"set {place} to tensorflow" in sentence.replace("the environment ", "")
        assert not [line for line in trace if "site-packages" in line]
    assert run.file.read_text(encoding="utf-8") == settings


@pytest.mark.slow
def test_the_environment_variable_goes_before_the_settings_of_keras(run):
    found = run("-c", SHOW, settings='{"backend": "theano"}', KERAS_BACKEND="tensorflow")
    assert found.stdout == OURS


def test_a_command_says_in_one_line_what_is_wrong_with_the_backend(run):
    found = run("-m", "shared.zoom", "--help", KERAS_BACKEND="theano")
    assert found.returncode == 1 and found.stdout == ""
    (line,) = found.stderr.splitlines()
    assert line.startswith("Keras cannot use its backend 'theano'")


@pytest.mark.parametrize("name", [
    "keras", pytest.param("shared.enlarging", marks=pytest.mark.slow)])
def test_ctrl_c_while_a_command_is_imported_is_one_line(run, tmp_path, name):
    lines = FINDER.format(name=name, error="KeyboardInterrupt").replace("import shared\n", "")
    (tmp_path / "sitecustomize.py").write_text(lines)
    found = run("-m", "shared.zoom", "--help",
                PYTHONPATH=f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    assert (found.stdout, found.stderr) == ("", "stopped\n")
    assert found.returncode in (-signal.SIGINT, 130, 0xC000013A)  # of a shell, of Windows


@pytest.mark.parametrize("settings", ['{"floatx": "bfloat16"}', '{"epsilon": "small"}', "[1]"])
def test_settings_that_keras_refuses_are_named_with_their_file(run, settings):
    found = run("-c", "import shared", settings=settings)
    sentence = found.stderr.splitlines()[-1]
    assert sentence.startswith("ImportError: Keras cannot use its settings (")
    assert sentence.endswith(f"correct or remove {run.file}")


@pytest.mark.slow
def test_settings_that_keras_ignores_are_ignored(run):
    assert run("-c", SHOW, settings="{").stdout == OURS


@pytest.mark.parametrize("name, said", [("keras", "Keras 3"), ("tensorflow", "TensorFlow")])
def test_a_python_without_the_libraries_is_told_which_one_to_use(run, name, said):
    sentence = run("-c", FINDER.format(
        name=name, error=f"ModuleNotFoundError(name={name!r})")).stderr.splitlines()[-1]
    assert sentence.startswith(f"ImportError: the Python in {sys.prefix} has no {said}: ")
    assert ".venv" in sentence and "kernel" in sentence


def test_keras_2_is_as_good_as_none(run):
    old = "import sys, types; sys.modules['keras'] = types.SimpleNamespace(__version__='2.15.0')"
    assert "has no Keras 3: " in run("-c", old + "; import shared").stderr.splitlines()[-1]


def test_an_error_of_another_kind_comes_through(run):
    broken = FINDER.format(name="tensorflow", error="ValueError('numpy.dtype size changed')")
    found = run("-c", broken, settings='{"backend": "tensorflow"}')
    assert found.stderr.splitlines()[-1] == "ValueError: numpy.dtype size changed"


@pytest.mark.slow
def test_the_package_needs_no_lzma(run):
    hidden = "import sys; sys.modules['lzma'] = sys.modules['_lzma'] = None; "
    assert run("-c", hidden + SHOW).stdout == OURS


@pytest.mark.slow
@pytest.mark.parametrize("stream", ["None", "Stream()"])
def test_the_package_needs_no_usual_standard_error(run, stream):
    # None under pythonw, an object without a descriptor in IDLE.
    code = textwrap.dedent(f"""
        import sys
        class Stream:
            write = flush = lambda *_: None
        sys.stderr = {stream}
        """)
    found = run("-c", code + SHOW)
    assert (found.stdout, found.stderr) == (OURS, "")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="closes standard error by a POSIX shell")
def test_without_standard_error_no_file_gets_its_number_and_its_log_lines(run, tmp_path):
    code = SHOW + "; print(open('picture', 'wb').fileno())"
    command = f'cd "$1" && "{sys.executable}" -c "$2" 2>&-'
    found = subprocess.run(["sh", "-c", command, "sh", str(tmp_path), code], text=True,
                           env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True)
    settings, number = found.stdout.splitlines()
    assert settings + "\n" == OURS and int(number) > 2


def setup_cell():
    cells = nbformat.read(ROOT / "notebooks" / "01_baseline.ipynb", as_version=4).cells
    (cell,) = (cell for cell in cells if "setup" in cell.metadata.get("tags", []))
    return cell.source


@pytest.mark.parametrize("name", ["keras", "shared"])
def test_the_setup_cell_says_which_kernel_to_choose_where_a_package_is_missing(name, monkeypatch):
    find = "importlib.util.find_spec"
    monkeypatch.setattr(find, lambda wanted: None if wanted == name else object())
    monkeypatch.setattr("sys.path", list(sys.path))
    with pytest.raises(ModuleNotFoundError) as error:
        exec(setup_cell(), {})
    assert str(error.value).startswith(f"{sys.prefix} has no {name}: choose the course's ")
    assert "kernel" in str(error.value) and "\n" not in str(error.value)


def test_the_setup_cell_restores_the_precision(mixed_bfloat16, monkeypatch):
    monkeypatch.setattr("sys.path", list(sys.path))
    exec(setup_cell(), {})
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make")
@pytest.mark.parametrize("user, allowed", [("0", True), ("1000", False)])
def test_make_lab_lets_jupyter_run_as_root_only_for_root(user, allowed, tmp_path):
    fake = tmp_path / "id"
    fake.write_text(f"#!/bin/sh\necho {user}\n")
    fake.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    found = subprocess.run(["make", "-n", "lab"], cwd=ROOT, text=True, capture_output=True,
                           check=True, env=os.environ | {"PATH": path})
    (line,) = (line for line in found.stdout.splitlines() if "jupyterlab" in line)
    assert ("--allow-root" in line) == allowed

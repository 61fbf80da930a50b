"""Where the files of the course are looked for, with and without the course's data folder."""

from pathlib import Path

from conftest import ROOT

from shared import paths


def test_the_data_are_beside_the_package_unless_zoom_data_names_another_folder(monkeypatch,
                                                                               tmp_path):
    monkeypatch.delenv("ZOOM_DATA", raising=False)
    assert paths.data_folder() == ROOT / "data"
    monkeypatch.setenv("ZOOM_DATA", str(tmp_path))
    assert paths.data_folder() == tmp_path


def test_the_weights_are_in_the_data_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("ZOOM_DATA", raising=False)
    assert paths.weights_folder() == ROOT / "data" / "weights"
    monkeypatch.setenv("ZOOM_DATA", str(tmp_path))
    assert paths.weights_folder() == tmp_path / "weights"


def test_without_a_data_folder_the_weights_are_in_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("ZOOM_DATA", str(tmp_path / "missing"))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert paths.weights_folder() == tmp_path / ".keras" / "zoom_and_enhance"


def test_each_network_has_a_folder_of_its_own_for_interrupted_training():
    first, second = (paths.checkpoint_folder(name) for name in ("baseline", "zoom"))
    assert first == ROOT / "build" / "training" / "baseline" and first != second

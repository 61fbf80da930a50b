"""Stored runs: made once, checked, continued after an interruption, made again if asked."""

import json
import os
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from shared import runtime
from shared.paths import beside
from shared.studies import runs


class SmallRun(NamedTuple):
    size: int
    seed: int
    late: bool = False


PLAN = [SmallRun(size, seed) for size in (3, 1) for seed in (1, 2, 3)] + [SmallRun(1, 1, True)]


class Desk:
    """A study whose runs take no time, in a folder of its own; some of it can be changed."""

    def __init__(self, folder):
        self.file = folder / "small.json"
        self.settings, self.judges = {"steps": 10}, {"a": "aaa", "b": "bbb"}
        self.store = runs.RunStore("small", PLAN, ("psnr", "a"), lambda: self.settings,
                                   lambda: self.judges)
        self.made, self.stop_after = [], len(PLAN)

    def make_run(self, run):
        """Figures that follow from the run alone; the user interrupts after ``stop_after``."""
        if len(self.made) == self.stop_after:
            raise KeyboardInterrupt
        self.made.append(run)
        return {"psnr": 10 + run.size + run.seed / 8, "a": 50.0 + run.late}, f"made {tuple(run)}"

    def main(self, *arguments):
        """The command; returns the runs that it made."""
        self.made = []
        runs.command_line(self.store, "About the study.", lambda: self.make_run, [*arguments])
        return self.made


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOOM_DATA", str(tmp_path))
    monkeypatch.setattr(runtime, "use_fast_precision", lambda: None)
    return Desk(tmp_path)


def test_the_command_makes_every_run_and_load_returns_them_in_order(desk, capsys):
    assert desk.main() == PLAN
    entries = desk.store.load()
    assert [desk.store.key(entry) for entry in entries] == PLAN
    assert entries[4] == {"size": 1, "seed": 2, "late": False, "psnr": 11.25, "a": 50.0}
    first, *lines = capsys.readouterr().out.splitlines()
    assert first.startswith(f"0 of {len(PLAN)} runs are in ")
    assert lines == [f"made {tuple(run)}" for run in PLAN]
    assert [path.name for path in desk.file.parent.iterdir()] == ["small.json"]


def test_an_interrupted_command_says_how_to_continue_and_continues_with_that_run(desk):
    desk.main()
    whole = desk.file.read_bytes()
    desk.file.unlink()
    desk.stop_after = 5
    with pytest.raises(SystemExit, match="`python -m shared.studies.small` continues"):
        desk.main()
    with pytest.raises(ValueError, match=f"lacks {len(PLAN) - 5} of {len(PLAN)} runs"):
        desk.store.load()
    desk.stop_after = len(PLAN)
    assert desk.main() == PLAN[5:]
    assert desk.file.read_bytes() == whole


def test_runs_that_are_there_are_not_made_again_unless_asked(desk):
    desk.main()
    assert desk.main() == []
    assert desk.main("--again") == PLAN


def test_a_run_added_to_the_plan_is_made_alone_and_stored_in_its_place(desk):
    desk.main()
    added = SmallRun(2, 1)
    desk.store.plan = [*PLAN[:3], added, *PLAN[3:]]
    assert desk.main() == [added]
    assert [desk.store.key(entry) for entry in desk.store.load()] == desk.store.plan


def test_a_run_that_has_left_the_plan_is_not_returned(desk):
    desk.main()
    desk.store.plan = PLAN[2:]
    assert [desk.store.key(entry) for entry in desk.store.load()] == PLAN[2:]
    assert desk.main() == []


def test_runs_judged_by_other_networks_can_be_read_and_are_made_again(desk):
    desk.main()
    desk.judges = {"a": "other", "b": "bbb"}
    assert len(desk.store.load()) == len(PLAN)
    assert desk.main() == PLAN


def test_runs_made_with_other_settings_are_refused_and_made_again(desk):
    desk.main()
    desk.settings = {"steps": 11}
    with pytest.raises(ValueError, match="other settings: expected {'steps': 11}, found "
                                         "{'steps': 10}.*python -m shared.studies.small"):
        desk.store.load()
    assert desk.main() == PLAN
    assert len(desk.store.load()) == len(PLAN)


def change_a_figure(text):
    content = json.loads(text)
    content["runs"][0]["psnr"] += 0.1
    return json.dumps(content)


def signed(change):
    """A change of the content that also has the right checksum."""
    def changed(text):
        content = json.loads(text)
        change(content)
        return json.dumps(content | {"sha256": runs._digest(content)})

    return changed


DAMAGE = {
    "missing": None, "empty": lambda text: "", "half": lambda text: text[:len(text) // 2],
    "a list": lambda text: "[1, 2]", "a figure was changed": change_a_figure,
    "not a number": lambda text: text.replace('"psnr": ', '"psnr": "x", "y": ', 1),
    "no runs": lambda text: '{"sha256": ""}',
    "NaN": signed(lambda content: content["runs"][1].update(psnr=float("nan"))),
    "a figure is missing": signed(lambda content: content["runs"][1].pop("psnr")),
    "a field is missing": signed(lambda content: content["runs"][1].pop("seed")),
    "no settings": signed(lambda content: content.pop("settings")),
    "no judges": signed(lambda content: content.pop("judges"))}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_says_what_is_damaged_and_which_command_fixes_it(desk, kind):
    desk.main()
    if kind == "missing":
        desk.file.unlink()
    else:
        desk.file.write_text(DAMAGE[kind](desk.file.read_text()))
    with pytest.raises(FileNotFoundError if kind == "missing" else ValueError) as error:
        desk.store.load()
    for words in ("small.json", "git checkout data/small.json", "python -m shared.studies.small"):
        assert words in str(error.value)
    desk.main()  # which it does
    assert len(desk.store.load()) == len(PLAN)


def test_an_interruption_while_writing_leaves_the_old_file(desk, monkeypatch):
    desk.main()
    before = desk.file.read_bytes()

    def full(*arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(OSError, match="No space"):
            desk.main("--again")
    assert desk.file.read_bytes() == before
    assert [path.name for path in desk.file.parent.iterdir()] == ["small.json"]


def test_what_a_killed_command_left_is_removed_at_the_next_start(desk):
    desk.main()
    beside(desk.file).write_text("half a fi")
    assert desk.main() == []
    assert [path.name for path in desk.file.parent.iterdir()] == ["small.json"]


def test_without_a_data_folder_the_runs_lie_beside_the_users_own_weights(
        desk, tmp_path, monkeypatch):
    monkeypatch.setenv("ZOOM_DATA", str(tmp_path / "nowhere"))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    desk.main()
    assert desk.store.path().is_file() and len(desk.store.load()) == len(PLAN)
    assert desk.store.path().parent == tmp_path / ".keras" / "zoom_and_enhance"


def test_a_run_is_one_line_of_the_file(desk):
    desk.main()
    lines = [line for line in desk.file.read_text().splitlines() if '"size"' in line]
    assert len(lines) == len(PLAN)


@pytest.mark.parametrize("name", ["tradeoff", "ablation", "materials"])
def test_writing_the_shipped_runs_again_changes_no_byte(name, tmp_path, monkeypatch):
    monkeypatch.delenv("ZOOM_DATA", raising=False)
    module = __import__(f"shared.studies.{name}", fromlist=["STORE"])
    shipped = module.STORE.path()
    entries = module.STORE.load()
    shutil.copytree(shipped.parent / "weights", tmp_path / "weights",  # the cards of the judges
                    ignore=shutil.ignore_patterns("*.keras"))
    monkeypatch.setenv("ZOOM_DATA", str(tmp_path))
    module.STORE._write(entries)
    assert (tmp_path / shipped.name).read_bytes() == shipped.read_bytes()


def test_the_help_is_about_the_study(desk, capsys):
    with pytest.raises(SystemExit):
        desk.main("--help")
    assert "About the study." in capsys.readouterr().out

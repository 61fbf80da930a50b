"""Handed-in notebooks: which answer counts, what it is given, and what its code cannot do."""

import csv
import json
import socket
import subprocess
import sys

import nbformat
import psutil
import pytest
from conftest import ROOT

from shared import exercises
from shared.exercises.verdicts import NotYet, call
from shared.tools import editions
from shared.tools.grade import __main__ as command
from shared.tools.grade import answers, guard, worker

STUB = "def double(x):\n    raise NotImplementedError\n\nexercises.check('90.1', double)"
DOUBLE = "def double(x):\n    return two * x\n\nexercises.check('90.1', double)"
ADD = "def add(x, y):\n    return x + y\n\nexercises.check('90.2', add)"
LESSON = ["import numpy as np\nfrom shared import exercises", "two = 2", "ran.append('training')"]


def write(path, *sources):
    """A notebook of code cells, each a source or a (source, tag)."""
    cells = [nbformat.v4.new_code_cell(source) if isinstance(source, str) else
             nbformat.v4.new_code_cell(source[0], metadata={"tags": [source[1]]})
             for source in sources]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


@pytest.fixture
def school(tmp_path, monkeypatch):
    """A course of one lesson, 90, with two exercises."""
    def doubles(answer):
        if call(answer, 4) != 8:
            raise NotYet(f"you give {answer(4)}")

    def adds(answer):
        if call(answer, 1, 2) != 3:
            raise NotYet("that is no sum")

    checks = {"90.1": doubles, "90.2": adds}
    monkeypatch.setattr(answers, "CHECKS", checks)
    monkeypatch.setattr(exercises, "CHECKS", checks)
    monkeypatch.setattr(answers, "NOTEBOOKS", tmp_path / "notebooks")
    write(tmp_path / "notebooks" / "90_double.ipynb", *LESSON, (STUB, "exercise"),
          ("def double(x):\n    return x + x", "solution"),
          (ADD.replace("return x + y", "raise NotImplementedError"), "exercise"))
    return tmp_path


def graded(path):
    """The verdicts on the notebook at ``path``, in this process."""
    return {number: worker.first_verdict(number, candidates, exercises.verdict)
            for number, candidates in answers.plan(path).items()}


NOTHING = ("no answer", "")
RIGHT = ("correct", "")


@pytest.mark.parametrize("sources, expected", [
    ([*LESSON, DOUBLE], RIGHT),
    ([*LESSON, STUB], NOTHING),
    ([DOUBLE], RIGHT),  # cells that were deleted
    ([DOUBLE, "two = 2", "import numpy as np"], RIGHT),  # cells in another order
    # The learner's own cell counts, wherever it is, and not the lesson's.
    (["two = 3", DOUBLE], ("not yet", "you give 12")),
    ([DOUBLE, "two = 3"], ("not yet", "you give 12")),
    ([*LESSON, *LESSON, DOUBLE, DOUBLE], RIGHT),
    ([DOUBLE.replace("two", "3"), DOUBLE], RIGHT),  # the last one counts
    ([DOUBLE, DOUBLE.replace("two", "3")], ("not yet", "you give 12")),
    ([DOUBLE, STUB], RIGHT),  # if it is an answer
    ([STUB, DOUBLE.partition("exercises")[0]], RIGHT),  # a definition without a check
    ([DOUBLE.partition("exercises")[0]], RIGHT),
    (["def mine(x):\n    return 2 * x", "check = exercises.check\ncheck('90.1', answer=mine)"],
     RIGHT),
    (["exercises.check(' 90.1', lambda x: 2 * x)"], RIGHT),
    (["%time exercises.check('90.1', lambda x: 2 * x)"], RIGHT),
    (["if True:\n    f = lambda x: 2 * x\n    exercises.check('90.1', f)"], RIGHT),
    (["def double(x):\n    return help_me(x)", STUB.partition("\n\n")[2],
      "def help_me(x):\n    return two * x"], RIGHT),
    (["double = ...\nexercises.check('90.1', double)"], NOTHING),
    ([ADD], NOTHING)])
def test_the_last_answer_counts_wherever_it_is(school, sources, expected):
    assert graded(write(school / "in.ipynb", *sources))["90.1"] == expected


def test_answers_in_the_cell_of_another_exercise_count(school):
    both = DOUBLE.partition("exercises")[0] + ADD
    assert graded(write(school / "in.ipynb", STUB, both)) == {"90.1": RIGHT, "90.2": RIGHT}


def test_an_answer_of_another_exercise_is_not_taken_for_its_own(school):
    path = write(school / "in.ipynb", ADD.replace("90.2", "90.1"))
    state, says = graded(path)["90.1"]
    assert state == "not yet" and "TypeError" in says


def test_the_solution_of_the_stored_lesson_is_no_answer(school):
    assert graded(write(school / "in.ipynb", STUB))["90.1"][0] == "no answer"
    assert graded(write(school / "in.ipynb", "exercises.check('90.1', double)"))["90.1"] == (
        "not yet", "the answer stopped with NameError: name 'double' is not defined")


def test_what_the_lesson_itself_binds_is_no_answer(school):
    stub = "exercises.check('90.1', two)"
    write(school / "notebooks" / "90_double.ipynb", *LESSON, (stub, "exercise"))
    assert graded(write(school / "in.ipynb", *LESSON, ADD))["90.1"] == NOTHING


def test_cells_that_an_answer_does_not_need_are_not_run(school):
    path = write(school / "in.ipynb", *LESSON, "1 / 0", "def f(:", "while True: pass", DOUBLE, ADD,
                 "double(1 / 0)", "two = 1 / 0")
    assert graded(path) == {"90.1": RIGHT, "90.2": RIGHT}


def test_a_needed_cell_that_fails_is_named(school):
    path = write(school / "in.ipynb", "import sys", "two = sys.exit('over')", DOUBLE)
    assert graded(path)["90.1"] == ("not yet", "code cell 2 stopped with SystemExit: over")
    path = write(school / "in.ipynb", "x = 1", DOUBLE.replace("return", "return return"))
    assert graded(path)["90.1"] == (
        "not yet", "code cell 2 cannot be read: SyntaxError: invalid syntax, line 2")


def test_an_answer_that_stops_is_not_yet_right(school):
    path = write(school / "in.ipynb", "import sys\nexercises.check('90.1', lambda x: sys.exit(3))")
    assert graded(path)["90.1"] == ("not yet", "your answer stopped with SystemExit: 3")


def test_the_calls_of_checks_in_the_notebook_are_not_run(school, capsys):
    source = "for i in range(2):\n    f = lambda x: 2 * x\n    exercises.check('90.1', f)"
    assert graded(write(school / "in.ipynb", source))["90.1"] == RIGHT
    assert capsys.readouterr().out == ""


def test_the_check_is_not_the_one_that_the_notebook_puts_in_its_place(school):
    path = write(school / "in.ipynb", "exercises.check = lambda *a: print('correct')",
                 "exercises.CHECKS['90.1'] = lambda answer: None",
                 "exercises.check('90.1', lambda x: 5)")
    assert graded(path)["90.1"] == ("not yet", "you give 5")


def test_keras_can_read_the_source_of_a_function(school):
    path = write(school / "in.ipynb", "def double(x):\n    assert '# here' in "
                 "inspect.getsource(double)  # here\n    return 2 * x", "import inspect")
    assert graded(path)["90.1"] == RIGHT


def test_a_notebook_belongs_to_the_lesson_whose_exercises_or_answers_it_has(school):
    for sources in ([ADD], ["def add(x, y):\n    return x + y"]):
        assert graded(write(school / "01_zoom.ipynb", *sources)) == {"90.1": NOTHING, "90.2": RIGHT}
    with pytest.raises(answers.Unreadable, match="no exercise of the course"):
        answers.plan(write(school / "01_zoom.ipynb", "x = 1", "check('91.1', x)"))


@pytest.mark.parametrize("content, reason", [
    (b'{"cells": [', "it is no notebook"), (b"\xff\xfe", "it is no notebook"),
    (b"[1, 2]", "no list of cells"), (b'{"cells": 3}', "no list of cells"),
    (b'{"cells": [{"cell_type": "code", "source": [1]}]}', "no list of cells"),
    (b"[" * 100_000, "it is no notebook"), (b'{"cells": []}', "no exercise of the course")])
def test_a_file_that_is_no_notebook_is_named_with_the_reason(school, content, reason):
    (school / "in.ipynb").write_bytes(content)
    with pytest.raises(answers.Unreadable, match=reason):
        answers.plan(school / "in.ipynb")


def test_lists_of_lines_and_a_mark_of_utf_8_are_read(tmp_path):
    notebook = {"cells": [{"cell_type": "markdown", "source": "text"},
                          {"cell_type": "code", "source": ["a\n", "b"]}]}
    (tmp_path / "in.ipynb").write_bytes(b"\xef\xbb\xbf" + json.dumps(notebook).encode())
    assert answers.code_cells(tmp_path / "in.ipynb") == ["a\nb"]


def test_functions_that_a_notebook_replaces_are_found(monkeypatch):
    import numpy as np

    originals = worker.functions()
    assert list(worker.changed(originals)) == []
    monkeypatch.setattr(np, "allclose", lambda *a: True)
    assert list(worker.changed(originals)) == ["numpy.allclose"]


def test_what_a_process_has_too_much_of_is_said(monkeypatch):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert guard.Guard(9, 10**12).excess(process) == ""
        assert guard.Guard(9, 1000).excess(process) == "it used more than 1e-06 GB of memory"
        monkeypatch.setattr(guard, "PROCESSES", 0)
        assert guard.Guard(9, 10**12).excess(process) == "it started more than 0 processes"


@pytest.mark.parametrize("code, words", [
    (3, "exit code 3"), (-9, "by SIGKILL, perhaps because the machine ran out of memory"),
    (137, "by SIGKILL, perhaps"), (139, "by SIGSEGV"), (3221225477, "exit code 3221225477")])
def test_how_a_process_ended_is_said(code, words):
    assert words in guard.ending(code)


class Pretended:
    """A guard that runs nothing: the verdicts are those of a plan."""

    seconds, size, apart = 60, 2e9, False

    def __init__(self, *_):
        pass

    def run(self, plan):
        return plan


@pytest.fixture
def class_of_two(tmp_path, monkeypatch):
    """A folder of notebooks with verdicts, and nothing to run."""
    verdicts = {
        "anna": {"01.1": RIGHT, "01.2": ("not yet", "a\n\x1b[2Jb" + "c" * 500)},
        "=ben": {"01.1": ("not judged", "it took longer than 9 seconds"), "01.2": NOTHING},
        "zoe": {"02.1": ("correct", "17.3 dB")}}

    def plan(path):
        if path.stem not in verdicts:
            raise answers.Unreadable("it is no notebook: héllo")
        return verdicts[path.stem]

    monkeypatch.setattr(command.answers, "plan", plan)
    monkeypatch.setattr(command, "Guard", Pretended)
    for name in ("anna", "=ben", "zoe", "other", ".ipynb_checkpoints/anna", "__MACOSX/zoe"):
        write(tmp_path / "in" / "deep" / f"{name}.ipynb")
    (tmp_path / "in" / "notes.txt").write_text("no notebook")
    return tmp_path / "in"


def test_the_table_has_a_row_per_notebook_and_a_column_per_exercise(class_of_two, capsys):
    command.main([str(class_of_two)])
    text = (class_of_two / "grades.csv").read_text(encoding="utf-8-sig")
    head, *rows = csv.reader(text.splitlines())
    assert head == ["notebook", "01.1", "01.2", "02.1", "correct", "note"]
    found = {row[0]: row[1:] for row in rows}
    assert list(found) == ["deep/=ben.ipynb", "deep/anna.ipynb", "deep/other.ipynb",
                           "deep/zoe.ipynb"]
    assert found["deep/anna.ipynb"][0] == "correct"
    assert found["deep/anna.ipynb"][1].startswith("not yet: a [2Jbccc")
    assert len(found["deep/anna.ipynb"][1]) <= command.LONGEST + len("not yet: ")
    assert found["deep/anna.ipynb"][2:] == ["", "1", ""]
    assert found["deep/=ben.ipynb"][3] == "0"
    assert found["deep/zoe.ipynb"] == ["", "", "correct: 17.3 dB", "1", ""]
    assert found["deep/other.ipynb"] == ["", "", "", "", "it is no notebook: héllo"]
    said = capsys.readouterr().out
    assert "\x1b" not in said
    lines = [line.split("  ") for line in said.splitlines()]
    table = {line[0]: [cell.strip() for cell in line[1:] if cell.strip()] for line in lines}
    assert table["Lesson 01"] == ["01.1", "01.2"] and table["Lesson 02"] == ["02.1"]
    assert ["deep/=ben.ipynb", "not judged", "no answer"] in [
        [cell.strip() for cell in line if cell.strip()] for line in lines]
    assert f"written to {class_of_two / 'grades.csv'}" in said
    starts = {line.index("01.1") for line in said.splitlines() if line.startswith("Lesson 01")}
    assert starts == {line.index("correct") for line in said.splitlines()
                      if line.startswith("deep/anna") and "correct" in line}


def test_it_says_what_protects_the_machine_and_what_does_not(class_of_two, capsys, monkeypatch):
    command.main([str(class_of_two)])
    said = " ".join(capsys.readouterr().out.split())
    assert "runs the code of the notebooks" in said and "Not protected: the files" in said
    assert "60 seconds" in said and "2 GB" in said and "no way to keep other programs" in said
    monkeypatch.setattr(Pretended, "apart", True)
    command.main([str(class_of_two)])
    assert "no way to keep" not in capsys.readouterr().out
    monkeypatch.setattr(sys, "platform", "win32")
    command.main([str(class_of_two)])
    assert "no limit on memory" in " ".join(capsys.readouterr().out.split())


def test_a_name_that_a_spreadsheet_would_compute_is_text(class_of_two):
    command.main([str(class_of_two / "deep"), "--csv", str(class_of_two / "a.csv")])
    assert "'=ben.ipynb" in (class_of_two / "a.csv").read_text(encoding="utf-8-sig")
    assert not (class_of_two / "deep" / "grades.csv").exists()


def test_a_table_that_cannot_be_written_leaves_the_old_one(class_of_two, monkeypatch):
    target = class_of_two / "grades.csv"
    target.write_text("old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SystemExit, match="No space left"):
        command.main([str(class_of_two)])
    assert target.read_text() == "old" and not list(class_of_two.glob("*.part"))


@pytest.mark.parametrize("arguments, reason", [
    (["nowhere"], "is not a folder"), (["."], "holds no notebook"),
    ([".", "--seconds", "0"], "--seconds"), ([".", "--gigabytes", "0.1"], "--gigabytes"),
    ([".", "--csv", "nowhere/a.csv"], "cannot be written")])
def test_wrong_arguments_are_refused_with_what_to_do(
        tmp_path, monkeypatch, capsys, arguments, reason):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        command.main(arguments)
    assert end.value.code == 2 and reason in capsys.readouterr().err


def handed_in(folder, *sources):
    """Lesson 01 with its solutions to 01.1 and 01.2, and more cells at the end."""
    path = folder / "in.ipynb"
    notebook = nbformat.read(next((ROOT / "notebooks").glob("01_*.ipynb")), 4)
    notebook.cells = [cell for cell in notebook.cells if "01.3" not in cell.source]
    notebook.cells += map(nbformat.v4.new_code_cell, sources)
    nbformat.write(notebook, path)
    return path


def answer(number, *lines):
    """A cell with an answer of these lines, whatever it is called with."""
    body = "\n    ".join(lines)
    return f"import os, socket, subprocess, sys\ndef evil(*given, **named):\n    {body}\n" \
           f"exercises.check('{number}', evil)"


@pytest.fixture(params=["apart", "together"])
def guarded(request):
    """A guard with namespaces, where there are any, and one without."""
    found = guard.Guard(seconds=60, size=int(2e9))
    if request.param == "together":
        found.apart = False
    elif not found.apart:
        pytest.skip("this system allows no namespaces")
    return found


def states(results):
    return [state for state, _ in results.values()]


@pytest.mark.slow
def test_an_endless_loop_costs_one_exercise(tmp_path, guarded):
    path = handed_in(tmp_path, answer("01.1", "while True: pass"))
    guarded.seconds = 15
    results = guarded.run(answers.plan(path))
    assert results["01.1"] == ("not judged", "it took longer than 15 seconds")
    assert states(results)[1:] == ["correct", "no answer"]


@pytest.mark.slow
def test_code_that_ends_its_process_or_takes_all_memory_costs_one_exercise(tmp_path, guarded):
    path = handed_in(
        tmp_path, answer("01.1", "os._exit(3)"),
        answer("01.3", "kept = []", "while True: kept.append(bytearray(b'x') * 10**7)"))
    results = guarded.run(answers.plan(path))
    assert results["01.1"] == ("not judged", "the code ended the process, with exit code 3")
    assert states(results)[1] == "correct"
    assert states(results)[2] in ("not yet", "not judged") and "emory" in results["01.3"][1]


@pytest.mark.slow
def test_what_the_code_starts_ends_with_it_and_what_it_prints_is_not_seen(
        tmp_path, guarded, capfd):
    path = handed_in(
        tmp_path,
        answer("01.1", "for i in range(50):", "    print('Exercise 01.1: correct.' * 40_000)",
               "    os.write(2, b'x' * 10**6)", "return given[0]"),
        answer("01.2", "for i in range(3):", "    subprocess.Popen(['sleep', '7654.321'])",
               "return given[0]"),
        answer("01.3", "os.fork()", "return given[0]"))
    results = guarded.run(answers.plan(path))
    assert states(results) == ["not yet"] * 3, results
    assert capfd.readouterr() == ("", "")
    assert not [one for one in psutil.process_iter(["cmdline"])
                if "7654.321" in (one.info["cmdline"] or [])]


@pytest.mark.slow
def test_a_verdict_cannot_be_printed_or_made_by_replacing_functions(tmp_path, guarded):
    path = handed_in(
        tmp_path,
        answer("01.1", "import numpy as np", "np.allclose = lambda *a, **k: True",
               "return given[0]"),
        answer("01.2", "from shared import exercises",
               "exercises.CHECKS['01.3'] = lambda answer: None", "return 1 / 0"),
        answer("01.3", """line = b'\\n{"ends": "01.3", "state": "correct", "says": ""}\\n'""",
               "for descriptor in range(3, 50):", "    try: os.write(descriptor, line)",
               "    except OSError: pass", "return 1 / 0"))
    results = guarded.run(answers.plan(path))
    assert states(results) == ["not judged", "not yet", "not yet"]
    assert "replaces numpy.allclose" in results["01.1"][1]
    assert "ZeroDivisionError" in results["01.2"][1]


@pytest.mark.slow
def test_there_is_no_network_and_no_secret_of_the_environment(tmp_path, guarded, monkeypatch):
    monkeypatch.setenv("PASSWORD_OF_THE_TEACHER", "x")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.01)
        port = server.getsockname()[1]
        path = handed_in(
            tmp_path, answer("01.1", f"socket.create_connection(('127.0.0.1', {port}), timeout=5)"),
            answer("01.2", "raise KeyError(os.environ.get('PASSWORD_OF_THE_TEACHER', 'nothing'))"))
        results = guarded.run(answers.plan(path))
        with pytest.raises(TimeoutError):
            server.accept()
    assert results["01.1"][0] == "not yet" and "stopped with" in results["01.1"][1]
    assert "nothing" in results["01.2"][1]


@pytest.mark.slow
def test_a_worker_that_does_not_begin_says_why(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "nonsense")
    results = guard.Guard(60, int(2e9)).run(answers.plan(handed_in(tmp_path)))
    assert states(results) == ["not judged"] * 3 and "KERAS_BACKEND" in results["01.1"][1]


@pytest.mark.slow
@pytest.mark.parametrize("lesson", sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")),
                         ids=lambda path: path.stem)
def test_every_solution_is_correct_and_the_students_copies_hold_no_answer(lesson, tmp_path):
    editions.hand_out([lesson], tmp_path)
    numbers = [number for number in exercises.CHECKS if number.startswith(lesson.name[:2])]
    right = guard.Guard(300, int(4e9)).run(answers.plan(lesson))
    empty = guard.Guard(300, int(4e9)).run(answers.plan(tmp_path / "notebooks" / lesson.name))
    assert {number: state for number, (state, _) in right.items()} == dict.fromkeys(
        numbers, "correct"), right
    assert {number: state for number, (state, _) in empty.items()} == dict.fromkeys(
        numbers, "no answer"), empty

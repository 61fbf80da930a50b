"""Names in the cells of notebooks, and what of the cells an answer needs."""

import ast

import pytest

from shared.tools import cells


@pytest.mark.parametrize("source, taken, bound, changed", [
    ("b = a\na = 1", {"a"}, {"a", "b"}, set()),
    ("a = 1\nb = a", set(), {"a", "b"}, set()),
    ("a += 1", {"a"}, {"a"}, set()),
    ("for a in b:\n    c[a] = 1", {"b", "c"}, {"a"}, {"c"}),
    ("c = {}\nc[0].d = 1\ndel e.f", {"e"}, {"c"}, {"e"}),
    ("def f(a):\n    c = [g(b, i) for i in a]\n    c[0] = 1", {"b", "g"}, {"f"}, set()),
    ("import a.b as c\nc.d = print(len(c))", set(), {"c"}, set())])
def test_the_names_of_a_cell_are_found(source, taken, bound, changed):
    assert cells.used_by(source) == (taken, bound, changed)


@pytest.mark.parametrize("source, expected", [
    ("%time f(1)", "f(1)"),
    ("%%time\nf(1)", "\nf(1)"),
    ("%%timeit -n 3\nf(1)", "\nf(1)"),
    ("!pip install x\nif a:\n    %cd x\nf?", "pass\nif a:\n    pass\npass"),
    ("%%bash\nrm x", ""),
    ("a = 7 \\\n  % 3", "a = 7 \\\n  % 3"),
    ("a = '''\n%cd x\n'''", "a = '''\n%cd x\n'''")])
def test_what_only_jupyter_understands_is_left_out(source, expected):
    assert cells.python(source) == expected


@pytest.mark.parametrize("source", ["def f(:", "x = '\0'", "(" * 2000 + ")" * 2000])
def test_a_cell_that_cannot_be_read_is_a_syntax_error(source):
    with pytest.raises(SyntaxError):
        cells.parse(source)


def lines(*sources, wanted="f"):
    """The statements, in order, that ``wanted`` needs; one string per segment, the last first."""
    segments = [[cells.statement(0, place, node) for place, node in enumerate(cells.parse(source))]
                for source in sources[::-1]]
    return [ast.unparse(one.node) for one in cells.statements_for({wanted}, set(), segments)]


def test_only_what_an_answer_needs_is_run():
    assert lines("import a\nb = a.load()\nlive = a.train(b)\nprint(b)\nc = 2\n"
                 "f = lambda x: c * x\nf(1)\nwhile True:\n    pass") == [
        "c = 2", "f = lambda x: c * x"]


def test_the_last_statement_that_binds_a_name_counts():
    assert lines("c = 1 / 0\nc = 2\nc = 3\nf = c\nc = 4") == ["c = 3", "f = c"]
    assert lines("c = 2\nc = c + 1\nf = c") == ["c = 2", "c = c + 1", "f = c"]
    assert lines("c = 2\nc += 1\nf = c") == ["c = 2", "c += 1", "f = c"]
    assert lines("c = 2\nif a:\n    c = 3\nf = c") == ["c = 2", "if a:\n    c = 3", "f = c"]


def test_what_a_function_reads_may_be_bound_after_it():
    f, g = "def f():\n    return g()", "def g():\n    return c"
    assert lines(f"{f}\n{g}\nc = 1\nd = 2") == [f, g, "c = 1"]
    assert lines(f"c = 1\n{g}\n{f}") == ["c = 1", g, f]


@pytest.mark.parametrize("change", [
    "f.compile('adam')", "history = f.fit(x)", "log = loop.fit(f, x)", "f.layers[0].rate = 1",
    "f[0] = 1", "freeze(f)", "del f.a", "f.a.append(x)", "for x in x:\n    f.train_on_batch(x)"])
def test_what_changes_an_answer_is_a_part_of_it(change):
    rest = "x = 1\nloop = 2\n\ndef freeze(a):\n    pass"
    found = lines(f"f = []\n{rest}\n{change}")
    assert found[0] == "f = []" and change in found


@pytest.mark.parametrize("use", [
    "y = f.predict(x)", "print(f)", "plt.plot(f)", "display(f)", "y = f + 1", "f == x",
    "assert f", "def g():\n    f.a = 1"])
def test_what_only_uses_an_answer_is_not(use):
    assert lines(f"x = 1\nimport plt\nf = []\n{use}") == ["f = []"]


def test_a_function_of_a_module_is_called_for_its_own_sake_only_if_it_needs_nothing_else():
    start, end = "import loop\nimport keras\nlive = 1", "f = loop.g(keras)"
    assert lines(f"{start}\nloop.fit(live)\nkeras.seed(0)\nloop.check = 3\n{end}") == [
        "import loop", "import keras", "keras.seed(0)", end]


def test_a_name_is_looked_for_in_later_cells_and_then_in_the_lesson():
    # The segments: up to the check of the answer, after it, the lesson.
    found = lines("f = c + d", "d = 2\nf = 0", "c = 1\nd = 0\nf = 0")
    assert found == ["c = 1", "d = 2", "f = c + d"]
    # What a loop binds is not looked for again.
    assert lines("for f in range(3):\n    pass", "", "f = 1") == ["for f in range(3):\n    pass"]


def test_a_star_import_is_always_needed():
    assert lines("from a import *\nb = 1\nf = c") == ["from a import *", "f = c"]

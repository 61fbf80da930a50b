"""The code cells of notebooks: their statements, the names they use, and what an answer needs.

The analysis is of names alone; nothing is executed.
"""

import ast
import builtins
import re
import symtable
import warnings
from typing import NamedTuple

BUILTINS = frozenset(dir(builtins))
# A call by one of these names changes what it is called on, or what it is given.
TRAINS = re.compile(r"fit|train|^(append|extend|insert|pop|popitem|setdefault|update)")
TIMED = re.compile(r"^([ \t]*)(?:%%(?:time|timeit|capture)\b.*"
                   r"|%(?:time|timeit)\b(?:[ \t]+-\w+(?:[ \t]+\d+)?)*[ \t]*)", re.M)
MAGIC = re.compile(r"^([ \t]*)(?:[%!?].*|[\w.]+\?{1,2}[ \t]*)$", re.M)


def python(source):
    """The source of a cell without what only Jupyter understands, line by line as before.

    Of ``%time statement`` the statement stays. Other commands (``%...``, ``!...``, ``name?``)
    become ``pass``. Nothing is left of a cell in another language or for a file (``%%bash``,
    ``%%writefile``).
    """
    source = TIMED.sub(r"\1", source)
    if source.lstrip().startswith("%%"):
        return ""
    try:
        compile(source, "cell", "exec", ast.PyCF_ONLY_AST)
    except SyntaxError:
        return MAGIC.sub(r"\1pass", source)
    return source


def parse(source):
    """The statements of a cell, as a list of ``ast`` nodes. Raises SyntaxError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as that of an invalid "\d"
        try:
            return ast.parse(python(source)).body
        except (RecursionError, MemoryError, ValueError) as error:
            raise SyntaxError(f"it cannot be read: {error}") from None


def names_in(statement):
    """The global names that a statement reads, those that it binds, and those of the reads that
    are in functions, which read them when they are called: three sets.
    """
    reads, binds, late = set(), set(), set()
    tables = [symtable.symtable(ast.unparse(statement), "cell", "exec")]
    for table in tables:
        tables += table.get_children()
        for symbol in table.get_symbols():
            if table is not tables[0]:  # a function, a comprehension
                found = {symbol.get_name()} if symbol.is_global() else set()
                reads |= found
                late |= found if table.get_type() == "function" else set()
            else:
                reads |= {symbol.get_name()} if symbol.is_referenced() else set()
                bound = symbol.is_assigned() or symbol.is_imported()
                binds |= {symbol.get_name()} if bound else set()
    return reads, binds, late


def root(node):
    """The name ``a`` of ``a.b[c].d``, or None."""
    while isinstance(node, ast.Subscript | ast.Attribute | ast.Starred):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def outside_functions(statement):
    """The nodes of a statement that are executed with it: not those in functions."""
    nodes = [statement]
    for node in nodes:
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            nodes += ast.iter_child_nodes(node)


def parts_in(statement):
    """The names of which a statement replaces or deletes a part: ``a[0] = 1``, ``del a.b``."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load):
            if root(node):
                yield root(node)


def simple_statements(body):
    """The statements of ``body`` in order; a loop, for example, as its head and then its body."""
    for statement in body:
        if isinstance(statement, ast.For):
            yield ast.Assign(targets=[statement.target], value=statement.iter, lineno=0)
        elif isinstance(statement, ast.If | ast.While):
            yield ast.Expr(statement.test)
        else:
            yield statement
            continue
        yield from simple_statements([*statement.body, *statement.orelse])


def used_by(source):
    """What a cell takes from other cells, what it binds, and of what it changes a part."""
    taken, bound, changed = set(), set(), set()
    for statement in simple_statements(parse(source)):
        reads, binds, _ = names_in(statement)
        if isinstance(statement, ast.AugAssign):  # `a += 1` reads as well
            reads |= binds
        if not isinstance(statement, ast.FunctionDef | ast.ClassDef):  # what it changes is its own
            changed |= set(parts_in(statement)) - bound
        taken |= reads - bound - BUILTINS
        bound |= binds
    return taken, bound, changed


class Statement(NamedTuple):
    """A top-level statement of a notebook, and the names that it uses.

    ``cell`` and ``place`` count cells and, in the cell, statements from 0. ``calls`` are names on
    which a method is called as a statement of its own, ``changes`` those that it may change.
    """

    cell: int
    place: int
    node: ast.stmt
    reads: set
    binds: set
    late: set
    calls: set
    changes: set

    @property
    def always_binds(self):
        """Does it bind its names however it runs? A loop or an ``if`` may not."""
        return not isinstance(self.node, ast.For | ast.AsyncFor | ast.While | ast.If | ast.Try
                              | ast.TryStar | ast.Match)

    @property
    def defines(self):
        """Does it bind modules, functions and classes alone?"""
        return isinstance(self.node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef)


def statement(cell, place, node):
    """The ``Statement`` of an ``ast`` node."""
    reads, binds, late = names_in(node)
    calls, changes = set(), set()
    for part in outside_functions(node):
        if isinstance(part, ast.AugAssign):
            reads.add(root(part.target))
        elif isinstance(part, ast.Subscript | ast.Attribute) and not isinstance(part.ctx, ast.Load):
            changes.add(root(part))
        elif isinstance(part, ast.Expr) and isinstance(part.value, ast.Call):
            function, given = part.value.func, part.value.args
            if isinstance(function, ast.Attribute):
                calls.add(root(function))
            elif root(function) not in BUILTINS - {"setattr", "next"} | {"display"}:
                changes |= {root(argument) for argument in given}
        if isinstance(part, ast.Call):
            name = getattr(part.func, "attr", getattr(part.func, "id", ""))
            if TRAINS.search(name):
                changes |= {root(argument) for argument in (part.func, *part.args)}
    nothing = {None}
    return Statement(cell, place, node, reads - BUILTINS - nothing, binds, late - BUILTINS,
                     calls - nothing, changes - nothing)


def statements_for(wanted, late, segments):
    """The statements, in order, that have to be run so that the names ``wanted`` have a value.

    Args:
        wanted: names, a set. ``late`` are those of them, a set, that functions read.
        segments: lists of ``Statement``. A name that the last one does not bind is looked for in
            the one before. Of several statements that bind a name the last one counts.
    """
    all_of_them = [one for segment in segments for one in segment]
    fixed = set().union(*(one.binds for one in all_of_them if one.defines))
    late = set(late)
    while True:
        open_names, found_late, chosen = set(wanted) | late, set(late), []
        for segment in reversed(segments):
            perhaps = set()
            for one in reversed(segment):
                if not (one.binds & open_names or _changes(one, open_names, fixed)
                        or isinstance(one.node, ast.ImportFrom) and one.node.names[0].name == "*"):
                    continue
                chosen.append(one)
                found_late |= one.late
                if one.always_binds:
                    open_names -= one.binds
                else:
                    perhaps |= one.binds
                open_names |= one.reads
            open_names -= perhaps
        if found_late == late:
            return chosen[::-1]
        late = found_late


def _changes(one, names, fixed):
    """May the statement change what has one of these names?

    A function of a module is called for its own sake only if that needs nothing else, as
    ``keras.utils.set_random_seed(0)`` does.
    """
    if (one.changes | one.calls) & (names - fixed):
        return True
    return bool(one.calls & names & fixed) and one.reads <= names

"""Tables and source code in colours, in HTML that needs no style sheet and no trust."""

import ast
import html
import inspect
import re
import textwrap

import numpy as np
import pandas as pd
from IPython.display import display
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from pygments.style import Style
from pygments.token import Comment, Keyword, Name, Number, Operator, String

from shared.drawing.roles import BLUE, GREEN, GREY, INK, ORANGE, PURPLE


class CourseStyle(Style):
    """The colours of source code: the roles' own, with a contrast of at least 4.5 on white."""

    background_color = "#ffffff"
    styles = {Comment: f"italic {GREY}", Keyword: f"bold {PURPLE}", Operator.Word: PURPLE,
              Name.Function: f"bold {BLUE}", Name.Class: f"bold {BLUE}", Name.Builtin: BLUE,
              Name.Decorator: ORANGE, String: GREEN, Number: ORANGE}


def table(frame, caption=None, digits=2, best=None):
    """Show a pandas DataFrame as a table.

    Args:
        frame: a DataFrame, or what ``pandas.DataFrame`` accepts. Put units into the names of
            its columns.
        caption: a sentence below the table.
        digits: decimals of floats; or a dict of column to decimals.
        best: "max" or "min" prints the best number of each column in bold; or a dict of column
            to one of the two.

    Integers are written with commas at thousands, zero without a minus. Missing numbers stay
    empty.
    """
    frame = pd.DataFrame(frame)
    if not isinstance(best, dict):
        best = dict.fromkeys(frame.columns, best) if best else {}
    if set(best.values()) - {"max", "min"}:
        raise ValueError(f"expected \"max\" or \"min\" as best, found {best}")
    shown, plain = frame.astype(object).copy(), frame.astype(object).copy()
    for place, column in enumerate(frame.columns):
        values = frame.iloc[:, place]
        places = digits.get(column, 2) if isinstance(digits, dict) else digits
        words = [_written(value, places) for value in values]
        bold = set()
        if column in best and pd.api.types.is_numeric_dtype(values) and values.notna().any():
            winner = values.max() if best[column] == "max" else values.min()
            bold = {_written(winner, places)}  # what is equal as written is equally good
        plain.isetitem(place, words)
        shown.isetitem(place, [f"<b>{html.escape(word)}</b>" if word in bold
                               else html.escape(word) for word in words])
    shown.columns = [html.escape(str(name)) for name in frame.columns]
    shown.index = [html.escape(str(name)) for name in frame.index]
    index = not isinstance(frame.index, pd.RangeIndex)
    page = shown.to_html(border=0, escape=False, index=index, justify="right")
    page = page.replace("<td>", '<td style="text-align: right">')
    if caption:
        mark = ('<caption style="caption-side: bottom; text-align: left; font-style: italic">'
                f"{html.escape(caption, quote=False)}</caption>")
        page = re.sub(r"(<table[^>]*>)", lambda head: f"{head[1]}\n  {mark}", page, count=1)
    text = plain.to_string(index=index) + (f"\n{caption}" if caption else "")
    display({"text/html": page, "text/plain": text}, raw=True)


def _written(value, places):
    if value is None or (isinstance(value, float | np.floating) and np.isnan(value)):
        return ""
    if isinstance(value, bool | np.bool_ | str):
        return str(value)
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    if isinstance(value, float | np.floating):
        return f"{value:z,.{places}f}"  # z: no minus before zero
    return str(value)


def source(*objects, docstrings=False):
    """Show the source of functions and classes in colours.

    Args:
        objects: functions, classes or methods, shown in this order.
        docstrings: show docstrings whole. If False, of each only the first line is left.

    It is stored as HTML with its colours in it, since IPython's ``Code`` brings a style sheet
    that JupyterLab drops until the notebook is trusted, and unreadable letters on a dark page.
    """
    text = "\n\n".join(listing(thing, docstrings) for thing in objects)
    formatter = HtmlFormatter(
        style=CourseStyle, noclasses=True, cssclass="source-code",
        prestyles=f"color: {INK}; padding: 0.6em 0.8em; margin: 0; overflow-x: auto; "
                  "line-height: 1.35")
    display({"text/html": highlight(text, PythonLexer(), formatter), "text/plain": text},
            raw=True)


def listing(thing, docstrings=False):
    """The source of one function or class as a string, without the details of its docstrings."""
    text = textwrap.dedent(inspect.getsource(thing)).rstrip("\n")
    if docstrings:
        return text + "\n"
    lines = text.split("\n")
    for node in sorted(ast.walk(ast.parse(text)), key=lambda node: -getattr(node, "lineno", 0)):
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or not ast.get_docstring(node):
            continue
        string = node.body[0]
        summary = ast.get_docstring(node).split("\n\n")[0].split("\n")
        if string.end_lineno - string.lineno < len(summary):
            continue  # it is a summary already
        indent = " " * string.col_offset
        words = "\n".join([summary[0], *(indent + line for line in summary[1:])])
        lines[string.lineno - 1:string.end_lineno] = f'{indent}"""{words}"""'.split("\n")
    return "\n".join(lines) + "\n"

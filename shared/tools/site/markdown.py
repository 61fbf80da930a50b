"""Markdown with formulas as HTML with MathML: for slides and quizzes, outside Sphinx's pages."""

import re

from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

# Bars and brackets are as high as what they enclose, as \left and \right ask for; elsewhere a
# browser would stretch each of them by itself, a bar beside a hat for example only on one side.
FIXED = re.compile(r"<mo(?: stretchy=\"false\")?>(&#x0007C;|&#x02016;|\||‖)</mo>")


def mathml(formula, block=False):
    """The LaTeX ``formula`` as MathML, in a line of its own if ``block`` is set."""
    text = convert(formula, display="block" if block else "inline")
    return FIXED.sub(r'<mo stretchy="false">\1</mo>', text)


def _renderer():
    parser = MarkdownIt("commonmark").enable("table")
    parser.use(dollarmath_plugin,
               renderer=lambda text, options: mathml(text.strip(), options["display_mode"]))
    return parser


def to_html(text):
    """Markdown as HTML: paragraphs, lists, tables."""
    return _renderer().render(text)


def inline(text):
    """One paragraph of Markdown as HTML without its <p>."""
    return _renderer().renderInline(text)

"""Markdown with formulas as HTML with MathML: for slides and quizzes, outside Sphinx's pages."""

import re

from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

# What a browser would set otherwise than TeX does: (pattern, replacement) in MathML.
CORRECTIONS = [
    # Bars that grow beside a hat, on one side only, and their gaps.
    (r"<mo[^>]*>(&#x0007C;|&#x02016;)</mo>",
     r'<mo stretchy="false" lspace="0" rspace="0">\1</mo>'),
    # A hat far above its letter.
    (r'<mover accent="true">(.*?)<mo>&#x0005E;</mo></mover>',
     r'<mover>\1<mo stretchy="false">&#x02C6;</mo></mover>'),
    # Gaps on both sides of a slash, and of a minus sign after an equals sign.
    (r"<mo>/</mo>|<mo>&#x0002F;</mo>", '<mo lspace="0" rspace="0">/</mo>'),
    (r"(<mo>&#x0003D;</mo>)<mo>&#x02212;</mo>", r'\1<mo form="prefix">&#x02212;</mo>'),
    # No gap between the name of a function and what is beside it.
    (r"(<mn>[^<]*</mn>)(?=(?:<msub>)?<mi>(?:log|ln)</mi>)", r'\1<mspace width="0.167em"/>'),
    (r"(<mi>(?:log|ln)</mi>|<msub><mi>log</mi>(?:<mn>\d+</mn>|<mrow><mn>\d+</mn></mrow>)</msub>)"
     r"(?=<m(?:frac|i|n|sub|under|row>(?!<mo)))", r'\1<mspace width="0.167em"/>'),
]


def mathml(formula, block=False):
    """The LaTeX ``formula`` as MathML, in a line of its own if ``block`` is set."""
    text = convert(formula, display="block" if block else "inline")
    for pattern, replacement in CORRECTIONS:
        text = re.sub(pattern, replacement, text)
    return text


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

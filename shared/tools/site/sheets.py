"""One sheet per lesson to print: the exercises with room for notes, and no solution.

A sheet takes two sides of A4 when it is printed: the first two exercises are on the first side,
the third is on the second, and lines to write on fill the rest of each side.
"""

import html
import re

from shared.tools.site import lessons, markdown

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - exercises</title>
<link rel="stylesheet" href="../_static/sheets.css">
</head>
<body>
<nav aria-label="This sheet"><a href="../{name}.html">Lesson</a> <a href="../teaching.html">For
teachers</a> <span>Print this page: it takes two sides of A4.</span></nav>
<main>
<div class="side">
<header>
<p class="course">Zoom &amp; Enhance: exercises</p>
<h1>{title}</h1>
<p class="who"><span>Name</span> <span>Date</span></p>
</header>
{first}
</div>
<div class="side">
{others}
</div>
</main>
</body>
</html>
"""
HEADING = re.compile(r"^### Exercise \d: (.+)$", re.M)
PICTURE = re.compile(r"!\[[^\]]*\]\([^)]*\)|<img\b[^>]*>")
LINES = 30  # to write on; those that do not fit on the side of paper are cut off


def page(name):
    """The sheet of the lesson ``name`` as one HTML page."""
    notebook = lessons.read(name)
    sections = [section(number, *found) for number, found in enumerate(exercises(notebook), 1)]
    return PAGE.format(title=html.escape(lessons.title(notebook)), name=name,
                       first="\n".join(sections[:2]), others="\n".join(sections[2:]))


def exercises(notebook):
    """(heading, text, code) of each exercise, Markdown and what of its cell is given.

    The text is what stands between "### Exercise 1: heading" and the exercise's cell. Raises
    ValueError for an exercise without such a heading.
    """
    texts = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            texts.append(cell.source)
        elif "exercise" in lessons.tags(cell):
            parts = HEADING.split("\n\n".join(texts))
            if len(parts) != 3:
                raise ValueError("expected one heading such as '### Exercise 1: build it' above "
                                 f"the exercise's cell, found {len(parts) // 2}:\n{cell.source}")
            yield parts[1], parts[2].strip(), given(cell.source)
            texts = []
        elif "solution" in lessons.tags(cell):
            texts = []


def given(source):
    """The code of an exercise's cell without the call of its check."""
    code = re.sub(r"^exercises\.check\(.*$", "", source, flags=re.M)
    return code.replace("raise NotImplementedError", "...").strip()


def section(number, heading, text, code):
    """One exercise as HTML, with lines to write on."""
    text = PICTURE.sub("", lessons.LINK.sub(r"\1", text))
    heading = markdown.inline(f"Exercise {number}: {heading}")
    return (f"<section>\n<h2>{heading}</h2>\n{markdown.to_html(text)}"
            f"<pre>{html.escape(code)}</pre>\n"
            f'<div class="notes" aria-hidden="true">{"<i></i>" * LINES}</div>\n</section>')


def links():
    """The list of all sheets for the page for teachers, Markdown with HTML."""
    items = "".join(f'<li><a href="sheets/{name}.html">'
                    f"{html.escape(lessons.title(lessons.read(name)))}</a></li>\n"
                    for name in lessons.names())
    return f"```{{only}} builder_html\n<ul>\n{items}</ul>\n```"

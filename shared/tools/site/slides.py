"""One set of slides per lesson, from its headings, questions, formulas, figures and tables.

A page shows one slide at a time. It needs no other host, works with keys, by touch and with a
screen reader, and shows all slides one below the other where there is no script.
"""

import html
import itertools
import re

from shared.tools.site import lessons, markdown

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - slides</title>
<link rel="stylesheet" href="../_static/slides.css">
<script src="../_static/slides.js" defer></script>
</head>
<body>
<main id="slides">
{slides}
</main>
<nav aria-label="Slides">
<a href="../{name}.html">Lesson</a>
<button type="button" id="previous" aria-label="Previous slide">&#8592;</button>
<output id="place" aria-live="polite"></output>
<button type="button" id="next" aria-label="Next slide">&#8594;</button>
<button type="button" id="full">Full screen</button>
</nav>
</body>
</html>
"""
QUESTION = re.compile(r"^(?:> ?)?(?:.*?)(\*\*Predict\b.*?)(?=\n\s*\n|\Z)", re.M | re.S)
FORMULA = re.compile(r"\$\$.+?\$\$", re.S)
LONGEST = 14  # lines of an output that one can still read on a wall
MOST_LETTERS, MOST_CELLS = 430, 36  # of a slide, and of its table; with more, letters are smaller


def page(name):
    """The slides of the lesson ``name`` as one HTML page."""
    notebook = lessons.read(name)
    title = lessons.title(notebook)
    shown = "\n".join(slides(name, notebook))
    return PAGE.format(title=html.escape(title), name=name, slides=shown)


def slides(name, notebook):
    """The slides of a lesson in order, each the HTML of a <section>."""
    title, section = lessons.title(notebook), ""
    yield slide("title", title, _hero(notebook), level=1)
    will = re.search(r"\*\*You will\*\*\s*\n+((?:- .*\n?)+)", notebook.cells[0].source)
    if will:
        yield slide("list", "You will", markdown.to_html(will[1]))
    for number, cell in enumerate(notebook.cells[1:], 1):
        if cell.cell_type == "markdown":
            for heading, text in _sections(lessons.relinked(cell.source, "notebooks"), section):
                section = heading
                yield from _of_text(section, text)
        elif not {"setup", "colab", "exercise", "solution"} & set(lessons.tags(cell)):
            yield from _of_outputs(section, cell, f"{name}-{number:02}")
    for number, question in enumerate(lessons.quiz(name), 1):
        yield slide("quiz", "Quiz", '<div class="quiz">' + lessons.question_html(
            question, number, f"quiz-{number}") + "</div>")


def slide(kind, heading, content, level=2):
    """One slide; ``heading`` is Markdown, ``content`` is HTML."""
    letters = len(re.sub(r"<[^>]*>|\s", "", content))
    cells = len(re.findall("<t[dr]", content))  # and one for the heading of each row
    if kind != "quiz" and (letters > MOST_LETTERS or cells > MOST_CELLS):
        kind += " full"
    return (f'<section class="slide {kind}"><h{level}>{markdown.inline(heading)}</h{level}>\n'
            f"{content}</section>")


def _sections(text, section):
    """(heading, text below it) of each part of a cell; ``section`` is the heading before it."""
    parts = re.split(r"^##+ (.+)$", text, flags=re.M)
    if parts[0].strip():
        yield section, parts[0]
    yield from zip(parts[1::2], parts[2::2], strict=True)


def _of_text(section, text):
    """Slides of what stands below one heading in one cell."""
    if section in ("Further reading", "Next"):
        return
    if section == "Recap":
        yield slide("list", section, markdown.to_html(text))
        return
    for formula in _formulas(text):
        yield slide("formula", section, markdown.to_html(formula))
    for question in QUESTION.findall(text):
        yield slide("predict", section, markdown.to_html(question.replace("\n> ", "\n")))
    if re.match(r"Exercise \d", section):
        yield slide("exercise", section, markdown.to_html(text))


def _formulas(text):
    """Each formula, or several in a row, with the paragraph before, which names its letters."""
    paragraphs = re.split(r"\n\s*\n", text.strip())
    groups = [list(group) for _, group in itertools.groupby(
        paragraphs, lambda paragraph: bool(FORMULA.fullmatch(paragraph)))]
    for before, group in itertools.pairwise([[], *groups]):
        if FORMULA.fullmatch(group[0]):
            yield "\n\n".join(before[-1:] + group)


def _of_outputs(section, cell, name):
    """A slide for each picture of a cell, and for each table that is short enough."""
    for number, output in enumerate(lessons.captioned(cell.outputs)):
        picture = lessons.picture_of(output)
        if picture:
            kind, _, alt, caption, width = picture
            size = f' width="{width}"' if width else ""
            said = f"<figcaption>{markdown.inline(caption)}</figcaption>" if caption else ""
            yield slide("figure", section, (
                f'<figure><img src="../_images/{name}-{number}{lessons.SUFFIXES[kind]}" '
                f'alt="{html.escape(" ".join(alt.split()))}"{size}>{said}</figure>'))
        elif "text/html" in output.get("data", {}) and not lessons.source_code(output, cell):
            yield slide("table", section, output.data["text/html"])
        elif output.output_type == "stream":
            # The progress of a training is for the one who waits for it.
            text = re.sub(r"^.*\bepoch \d.*\n?", "", output.text, flags=re.M)
            if _is_a_table(text):
                yield slide("table", section, f'<pre tabindex="0">{html.escape(text)}</pre>')


def _is_a_table(text):
    """Are these lines numbers to look at, and few enough?"""
    lines = text.rstrip("\n").splitlines()
    return (3 <= len(lines) <= LONGEST and max(map(len, lines)) <= 90 and "####" not in text
            and sum(bool(re.search(r"\d\.\d|\d%", line)) for line in lines) > len(lines) / 2)


def _hero(notebook):
    found = lessons.hero(notebook)
    if not found:
        return ""
    file, alt = found
    return (f'<figure><img src="../_images/{file.rsplit("/", 1)[-1]}" '
            f'alt="{html.escape(alt)}"></figure>')

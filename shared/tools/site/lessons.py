"""The stored lessons as Sphinx reads them: outputs as figures and code, folded cells, a quiz."""

import ast
import base64
import copy
import functools
import html
import json
import re
import tomllib
from pathlib import Path

import nbformat
from nbformat.v4 import new_markdown_cell, new_output

from shared.paths import ROOT
from shared.tools.site import markdown

HERE = Path(__file__).resolve().parent
NOTEBOOKS = ROOT / "notebooks"
SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp",
            "image/svg+xml": ".svg", "image/gif": ".gif"}
# What the line says that unfolds a cell, by the cell's tag.
FOLDED = {"colab": "Cell for Google Colab", "setup": "Set-up", "solution": "Solution"}
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)")
# Files outside notebooks/ that have a page of their own.
PAGES = {"README.md": "index.md", "TEACHING.md": "teaching.md", "data/README.md": "data.md",
         "data/LICENSES.md": "licences.md"}


def names():
    """The names of the lessons in order, such as "01_baseline"."""
    return [path.stem for path in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))]


def read(name):
    """The stored lesson ``name``, a notebook."""
    return nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)


@functools.cache
def address():
    """Where the course is kept, from [tool.zoom] in pyproject.toml, or ""."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return project["tool"]["zoom"]["course"].removesuffix(".git").rstrip("/")


def tags(cell):
    """The tags of a notebook's cell, a list."""
    return cell.metadata.get("tags", [])


def title(notebook):
    """The text of the first heading."""
    return re.search(r"^# (.+)$", notebook.cells[0].source, re.M)[1].strip()


def hero(notebook):
    """(target, alternative text) of the first picture, or None."""
    found = re.search(r"!\[([^\]]*)\]\(([^)\s]+)\)", notebook.cells[0].source)
    if found:
        return found[2], found[1]
    tag = re.search(r"<img\b[^>]*>", notebook.cells[0].source)
    if not tag:
        return None
    source, alt = (re.search(rf"""{name}=(["'])(.*?)\1""", tag[0], re.S) for name in ("src", "alt"))
    return (source[2], html.unescape(alt[2])) if source and alt else None


def page(name, folder):
    """Write the lesson ``name`` to ``folder`` as Sphinx is to read it, with its pictures."""
    notebook = read(name)
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            cell.source = relinked(cell.source, "notebooks")
        elif cell.cell_type == "code":
            _prepare(cell, f"{name}-{number:02}", folder)
    first, *others = notebook.cells
    heading, _, rest = first.source.partition("\n")
    first.source = f"{heading}\n\n{_bar(name)}\n{rest}"
    quiz = quiz_html(name)
    if quiz:
        _insert_quiz(others, f"## Quiz\n\n{quiz}")
    notebook.cells = [first, *others]
    notebook.metadata["mystnb"] = {"execution_mode": "off"}
    nbformat.write(notebook, folder / f"{name}.ipynb")


def relinked(text, place):
    """Markdown ``text`` of a file in the folder ``place`` of the course, for a page of the site.

    A link to a file that has a page leads there. A link to another file of the course leads to
    the course's address, or becomes plain text where there is none.
    """
    def link(found):
        words, target = found.groups()
        file, mark, anchor = target.partition("#")
        if not file or re.match(r"[a-z]+:", target):
            return found[0]
        path = (ROOT / place / file).resolve()
        if not path.is_relative_to(ROOT):
            return words
        path = path.relative_to(ROOT).as_posix()
        if path in PAGES:
            return f"[{words}]({PAGES[path]}{mark}{anchor})"
        if re.fullmatch(r"notebooks/\d\d_\w+\.ipynb", path):
            return f"[{words}]({Path(path).name}{mark}{anchor})"
        return f"[{words}]({address()}/blob/main/{path})" if address() else words

    return LINK.sub(link, text)


def _bar(name):
    """Links at the top of a lesson; the EPUB leaves them out."""
    links = [f'<a href="slides/{name}.html">Slides</a>', '<a href="#quiz">Quiz</a>',
             f'<a href="notebooks/{name}.ipynb" download>Notebook</a>']
    colab = colab_address(name)
    if colab:
        links.append(f'<a href="{html.escape(colab)}">Open in Colab</a>')
    items = "".join(f"<li>{link}</li>" for link in links)
    return ('```{only} builder_html\n<nav class="lesson-bar" aria-label="This lesson">'
            f"<ul>{items}</ul></nav>\n```\n")


def colab_address(name):
    """Where Google Colab opens the lesson; "" unless the course is kept on GitHub."""
    found = re.fullmatch(r"https://github\.com/([^/]+/[^/]+)", address())
    return found and (f"https://colab.research.google.com/github/{found[1]}/blob/main/notebooks/"
                      f"{name}.ipynb") or ""


def _insert_quiz(cells, text):
    """Put the quiz before "Further reading", or at the end."""
    for cell in cells:
        place = re.search(r"^## Further reading", cell.source, re.M)
        if cell.cell_type == "markdown" and place:
            cell.source = f"{cell.source[:place.start()]}{text}\n\n{cell.source[place.start():]}"
            return
    cells.append(new_markdown_cell(text))


def _prepare(cell, name, folder):
    """Fold a code cell by its tags, and make figures and coloured code of its outputs."""
    folded = [tag for tag in FOLDED if tag in tags(cell)]
    if folded:
        cell.metadata["tags"] = [*tags(cell), "hide-cell"]
        prompt = FOLDED[folded[0]]
        cell.metadata["mystnb"] = {"code_prompt_show": prompt, "code_prompt_hide": prompt}
    if "exercise" in tags(cell):
        cell.outputs = []  # the check of an empty answer
    outputs = [_output(output, cell, f"{name}-{number}", folder)
               for number, output in enumerate(captioned(cell.outputs))]
    pictures = [output for output in outputs if "{figure}" in output.get("data", {}).get(
        "text/markdown", "")]
    if "slider" in tags(cell) and len(pictures) == 2:
        for output in pictures:
            outputs.remove(output)
        text = "\n\n".join(output.data["text/markdown"] for output in pictures)
        outputs.append(_markdown_output(f"::::{{container}} slider\n{text}\n::::"))
    cell.outputs = outputs


def _markdown_output(text):
    return new_output("display_data", {"text/markdown": text})


def _output(output, cell, name, folder):
    """One output: pictures as figures, source code in colours, all else as it is."""
    listing = source_code(output, cell)
    if listing is not None:
        return _markdown_output(f"```python\n{listing}\n```")
    picture = picture_of(output)
    if picture:
        kind, content, alt, caption, width = picture
        file = folder / "figures" / (name + SUFFIXES[kind])
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
        options = [f":alt: {json.dumps(' '.join(alt.split()), ensure_ascii=False)}"]
        options += [f":width: {width}px"] if width else []
        # "/" is the folder of the pages, wherever the notebook's text is thought to be.
        return _markdown_output("\n".join(
            [f":::{{figure}} /figures/{file.name}", *options, "", caption, ":::"]))
    return output


def captioned(outputs):
    """The outputs of a cell; a caption, an output of its own there, goes into its picture."""
    found = []
    for output in outputs:
        if 'class="figure-caption"' not in output.get("data", {}).get("text/html", ""):
            found.append(copy.deepcopy(output))
            continue
        for kind in SUFFIXES:
            if found and kind in found[-1].get("data", {}):
                found[-1].metadata.setdefault(kind, {})["caption"] = output.data["text/plain"]
    return found


def picture_of(output):
    """The picture of an output as (kind, bytes, alternative text, caption, width), or None.

    The texts are "" and the width is None where the output does not name them.
    """
    for kind in SUFFIXES:
        data = output.get("data", {}).get(kind)
        if data:
            said = output.metadata.get(kind, {})
            content = data.encode() if kind == "image/svg+xml" else base64.b64decode(data)
            return kind, content, said.get("alt", ""), said.get("caption", ""), said.get("width")
    return None


def source_code(output, cell):
    """The Python code that an output lists, by ``Code`` of IPython or by printing, or None."""
    data = output.get("data", {})
    if re.search('class="(highlight|source-code)"', data.get("text/html", "")):
        return data.get("text/plain", "").strip("\n")
    if output.output_type == "stream" and "getsource(" in cell.source:
        try:
            ast.parse(output.text)
        except SyntaxError:
            return None
        return output.text.strip("\n")
    return None


def quiz(name):
    """The questions of a lesson's quiz from quiz/NAME.toml; none if there is no such file."""
    file = HERE / "quiz" / f"{name}.toml"
    if not file.is_file():
        return []
    return tomllib.loads(file.read_text(encoding="utf-8"))["question"]


def quiz_html(name):
    """The quiz of a lesson; each answer unfolds what is right or wrong about it."""
    parts = [question_html(question, number, f"quiz-{number}")
             for number, question in enumerate(quiz(name), 1)]
    return f'<div class="quiz">\n{"".join(parts)}</div>' if parts else ""


def question_html(question, number, anchor):
    """One question of a quiz with its answers."""
    answers = []
    for answer in question["answer"]:
        right = answer.get("right", False)
        kind, verdict = ("right", "Right.") if right else ("wrong", "Not so.")
        answers.append(
            f'<details class="{kind}"><summary>{markdown.inline(answer["text"])}</summary>'
            f'<p><strong>{verdict}</strong> {markdown.inline(answer["because"])}</p></details>\n')
    return (f'<div class="question" role="group" aria-labelledby="{anchor}">\n'
            f'<p id="{anchor}"><span class="number">{number}</span> '
            f'{markdown.inline(question["ask"])}</p>\n{"".join(answers)}</div>\n')

"""What Sphinx does with the pages of the site beyond its own: formulas, questions, links.

- Formulas become MathML, which browsers and readers of EPUB draw themselves.
- A paragraph that begins with **Predict** becomes a question. The outputs that follow it, and the
  first paragraph after them, are its answer: the script of the site hides them until asked.
- The first use of a term of the glossary, and of another lesson's number, becomes a link.
- A title under "Further reading" becomes a link to the paper, by papers.toml.
"""

import re
import tomllib
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

from shared.tools.site import markdown

HERE = Path(__file__).resolve().parent
LESSON = re.compile(r"\d\d_\w+")
NUMBER = re.compile(r"\b[Ll]esson (\d\d)\b")
logger = logging.getLogger(__name__)


def setup(app):
    app.add_html_math_renderer("mathml", (inline_formula, None), (block_formula, None))
    app.add_post_transform(Links)
    app.connect("doctree-read", mark)
    app.connect("html-page-context", without_missing_style)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def without_missing_style(app, page, template, context, doctree):
    """Take out of the EPUB the link to MyST-NB's style, which it writes when the book is closed."""
    if app.builder.name == "epub":
        context["css_files"] = [file for file in context["css_files"] if "mystnb" not in str(file)]


def inline_formula(translator, node):
    translator.body.append(markdown.mathml(node.astext()))
    raise nodes.SkipNode


def block_formula(translator, node):
    formula = markdown.mathml(node.astext(), block=True)
    translator.body.append(f'<div class="formula">{formula}</div>\n')
    raise nodes.SkipNode


def mark(app, doctree):
    """Mark the questions of a lesson with their answers, and link its papers."""
    if LESSON.fullmatch(app.env.docname):
        mark_predictions(doctree)
        link_papers(doctree)


def mark_predictions(doctree):
    """Put each question to predict into a box, and name what answers it by a class.

    The box has the classes "predict" and "predict-N", what answers it "answer" and "answer-N".
    """
    strong = [node for node in doctree.findall(nodes.strong)
              if re.match(r"Predict\b", node.astext())
              and isinstance(node.parent, nodes.paragraph)]
    for number, word in enumerate(strong, 1):
        question = _split(word)
        if isinstance(question.parent, nodes.block_quote):
            question = question.parent
        place = question.parent.index(question)
        following = question.parent.children[place + 1:]
        box = nodes.container("", classes=["predict", f"predict-{number}"])
        question.replace_self(box)
        box += question.children if isinstance(question, nodes.block_quote) else [question]
        for answer in _answers(following):
            answer["classes"] += ["answer", f"answer-{number}"]


def _split(word):
    """The paragraph that begins with the node ``word``; what is before it stays one of its own."""
    paragraph = word.parent
    place = paragraph.index(word)
    if not place:
        return paragraph
    question = nodes.paragraph("", "", *paragraph.children[place:])
    del paragraph[place:]
    parent = paragraph.parent
    parent.insert(parent.index(paragraph) + 1, question)
    return question


def _answers(following):
    """Outputs after a question, and the text up to the next cell, heading or question."""
    outputs = text = False
    for node in following:
        is_cell = "cell" in node.get("classes", [])
        if isinstance(node, nodes.section) or (is_cell and text):
            return
        if is_cell:
            outputs = True
            for output in node.findall(nodes.container):
                if output.get("nb_element") == "cell_code_output" and not _lists_code(output):
                    yield output
        elif outputs:
            if node.astext().startswith("Predict"):
                return
            text = True
            yield node


def _lists_code(output):
    """Does an output only list code, which one may want to read before one predicts?"""
    blocks = list(output.findall(nodes.literal_block))
    return bool(blocks) and all(block.get("language") == "python" for block in blocks)


def papers():
    """Title, in small letters without punctuation, to address."""
    known = tomllib.loads((HERE / "papers.toml").read_text(encoding="utf-8"))
    return {_plain(title): address for title, address in known.items()}


def _plain(title):
    return " ".join(re.findall(r"\w+", title.lower()))


def link_papers(doctree):
    """Make a link of each title in the list of "Further reading"."""
    known = papers()
    for section in doctree.findall(nodes.section):
        if section.next_node(nodes.title).astext() != "Further reading":
            continue
        for title in list(section.findall(nodes.emphasis)):
            if isinstance(title.parent, nodes.reference):
                continue
            address = known.get(_plain(title.astext()))
            if address is None:
                logger.warning("papers.toml has no address of %r: add one, or a link to the lesson",
                               title.astext(), location=title)
                continue
            link = nodes.reference("", "", refuri=address, internal=False)
            title.replace_self(link)
            link += title


class Links(SphinxPostTransform):
    """Links to the glossary and to other lessons, each at the first place that names it."""

    default_priority = 5  # before references are resolved

    def run(self):
        name = self.env.docname
        if not LESSON.fullmatch(name):
            return
        pages = {page[:2]: page for page in self.env.all_docs if LESSON.fullmatch(page)}
        pages.pop(name[:2], None)
        terms = Glossary(self.env) if "glossary" in self.env.all_docs else None
        seen = set()
        for text in list(self.document.findall(nodes.Text)):
            if _may_hold_links(text):
                pieces = self.linked(text.astext(), pages, terms, seen)
                if len(pieces) > 1:
                    text.parent.replace(text, pieces)

    def linked(self, text, pages, terms, seen):
        """``text`` as a list of nodes: texts, and links that are not in ``seen`` yet."""
        found = [(match, pages[match[1]], "") for match in NUMBER.finditer(text)
                 if match[1] in pages]
        if terms:
            found += [(match, *terms.place(match)) for match in terms.pattern.finditer(text)]
        pieces, end = [], 0
        for match, page, anchor in sorted(found, key=lambda item: item[0].start()):
            if (page, anchor) in seen or match.start() < end:
                continue
            seen.add((page, anchor))
            pieces.append(nodes.Text(text[end:match.start()]))
            address = self.app.builder.get_relative_uri(self.env.docname, page)
            link = nodes.reference("", match[0], internal=True, refuri=address)
            if anchor:
                link["refuri"] += f"#{anchor}"
                link["classes"] = ["term"]
                link["reftitle"] = terms.meanings[anchor]
            pieces.append(link)
            end = match.end()
        return [*pieces, nodes.Text(text[end:])]


# What holds no links: headings, links, code, formulas, and outputs.
WITHOUT_LINKS = (nodes.title, nodes.reference, addnodes.pending_xref, nodes.literal,
                 nodes.literal_block, nodes.raw, nodes.math, nodes.caption,
                 nodes.FixedTextElement, nodes.Invisible)


def _may_hold_links(text):
    """Is this text in a paragraph, and in nothing of ``WITHOUT_LINKS``?"""
    node, in_paragraph = text.parent, False
    while node is not None:
        if isinstance(node, WITHOUT_LINKS) or "cell" in node.get("classes", []):
            return False
        in_paragraph |= isinstance(node, nodes.paragraph)
        node = node.parent
    return in_paragraph


class Glossary:
    """The terms of the glossary, once they have been read.

    Attributes:
        pattern: finds a term, also in the plural.
        meanings: dict of the anchor of an entry to its first sentence.
    """

    def __init__(self, env):
        doctree = env.get_doctree("glossary")
        self.anchors, self.meanings = {}, {}
        for item in doctree.findall(nodes.definition_list_item):
            words = list(item.findall(nodes.term))
            anchor = words[0]["ids"][0]
            meaning = item.next_node(nodes.definition).astext()
            self.meanings[anchor] = " ".join(meaning.split())
            self.anchors |= {word.astext().lower(): anchor for word in words}
        words = sorted(map(re.escape, self.anchors), key=len, reverse=True)
        self.pattern = re.compile(rf"(?<![\w-])({'|'.join(words)})s?(?![\w-])", re.I)

    def place(self, match):
        """(page, anchor) of the entry that explains a match of ``pattern``."""
        return "glossary", self.anchors[match[1].lower()]

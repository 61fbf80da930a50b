"""The site of the course: what Sphinx reads, what it makes of it, and what is beside it."""

import importlib
import importlib.util
import re
import shutil
import sys
import tempfile
from pathlib import Path

from sphinx.cmd.build import build_main

from shared.paths import ROOT
from shared.tools.site import lessons, sheets, slides

HERE = Path(__file__).resolve().parent
EPUB = "zoom_and_enhance.epub"
SHEETS = "<!-- the sheets of exercises are listed here on the site -->"  # in TEACHING.md
START = ("Start", "Other ways to install", "Going on")  # headings of README.md


def build(target, demo=True):
    """Write the site to the folder ``target``, which is replaced.

    ``demo`` adds the live demo, if it is a part of this course and can be built here. Returns 0,
    or 1 if Sphinx has warned.
    """
    with tempfile.TemporaryDirectory() as work:
        sources, pages, book, live = (
            Path(work, name) for name in ("sources", "pages", "book", "demo"))
        demo = demo and write_demo(live)
        write_sources(sources, demo)
        options = ["-q", "-W", "-c", str(HERE), "-d", str(Path(work, "doctrees"))]
        failed = build_main([*options, "-b", "html", str(sources), str(pages)])
        failed |= build_main([*options, "-b", "epub", str(sources), str(book)])
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(pages, target)
        for file in book.glob("*.epub"):
            shutil.copy(file, target / EPUB)
        if demo:
            shutil.copytree(live, target / "demo")
    for folder in ("slides", "sheets", "notebooks"):
        (target / folder).mkdir()
    for name in lessons.names():
        for folder, page in (("slides", slides.page), ("sheets", sheets.page)):
            (target / folder / f"{name}.html").write_text(page(name), encoding="utf-8")
        shutil.copy(lessons.NOTEBOOKS / f"{name}.ipynb", target / "notebooks")
    shutil.copytree(lessons.NOTEBOOKS / "images", target / "notebooks" / "images",
                    ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    (target / ".nojekyll").touch()  # GitHub Pages then serves folders that begin with "_"
    return failed


def write_demo(folder):
    """Write the live demo to ``folder``. Returns whether it is there; says why it is not."""
    if importlib.util.find_spec("shared.tools.site.demo") is None:
        return False
    try:
        importlib.import_module("shared.tools.site.demo").build(folder)
    except (FileNotFoundError, ImportError, RuntimeError, ValueError) as error:
        print(f"the site is written without the demo: {error}", file=sys.stderr)
        return False
    return True


def write_sources(folder, demo=False):
    """Write all that Sphinx reads into ``folder``."""
    folder.mkdir(parents=True)
    shutil.copytree(lessons.NOTEBOOKS / "images", folder / "images",
                    ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for name in lessons.names():
        lessons.page(name, folder)
    shutil.copy(HERE / "glossary.md", folder)
    shutil.copytree(HERE / "images", folder / "site_images")
    for file, page in lessons.PAGES.items():
        if page != "index.md":
            text = (ROOT / file).read_text(encoding="utf-8")
            text = lessons.relinked(text, Path(file).parent)
            text = text.replace(SHEETS, sheets.links())
            (folder / page).write_text(text, encoding="utf-8")
    (folder / "start.md").write_text(start(), encoding="utf-8")
    (folder / "index.md").write_text(index(demo), encoding="utf-8")


def index(demo=False):
    """The first page: what the course is, and each lesson with its picture and result."""
    rows = results()
    cards = []
    for name in lessons.names():
        if name not in rows:
            sys.exit(f"README.md has no line for {name} in its table of lessons: add one")
        notebook = lessons.read(name)
        target, alt = lessons.hero(notebook)
        row = rows[name]
        cards.append(f"### [{lessons.title(notebook)}]({name}.ipynb)\n\n![{alt}]({target})\n\n"
                     f"**You** {row['what you do']}.\n\n**Result:** {row['result']}.\n\n"
                     f"**Time:** {row['minutes']} minutes.\n")
    text = (HERE / "index.md").read_text(encoding="utf-8")
    demo_text = (HERE / "demo.md").read_text(encoding="utf-8") if demo else ""
    return (text.replace("DEMO", demo_text).replace("LESSONS", "\n".join(cards))
            .replace("TOC", "\n".join(lessons.names())))


def start():
    """The page on how to start: what README.md says on installing and on going on."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    parts = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", text, re.M | re.S))
    found = "\n".join(f"## {title}\n{parts[title]}" for title in START)
    return "# How to start\n\n" + lessons.relinked(found, ".")


def results():
    """The table of lessons in README.md: dict of a lesson's name to a dict of its columns."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = [[cell.strip() for cell in line.strip("| ").split(" | ")]
             for line in text.splitlines() if line.startswith("|")]
    head = next(row for row in table if row[0] == "lesson")
    found = {}
    for row in table:
        link = re.search(r"\(notebooks/(\w+)\.ipynb\)", row[0])
        if link:
            found[link[1]] = dict(zip(head, row, strict=True))
    return found

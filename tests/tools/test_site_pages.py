"""The built site in a real browser: nothing from elsewhere, no fault, all that moves works.

Needs Chromium or Chrome (`apt-get install chromium`) and the packages of requirements-site.txt;
without them these tests are skipped.
"""

import html
import json
import re
import zipfile
from xml.etree import ElementTree

import pytest
from browsing import HEIGHT, NEEDED, Watched, browser_fixture, serious  # noqa: F401

pytestmark = pytest.mark.slow
pytest.importorskip("myst_nb", reason=NEEDED)

from shared.tools.site import lessons  # noqa: E402
from shared.tools.site.build import EPUB, build  # noqa: E402

NAMES = lessons.names()
PAGES = ["index", *NAMES, "start", "glossary", "teaching", "data", "licences", "search"]
WIDTHS = (400, 1100, 1920)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the site, in one with a space in its name."""
    folder = tmp_path_factory.mktemp("a stick") / "site"
    assert build(folder, demo=False) == 0, "Sphinx has warned: see above"
    return folder


@pytest.fixture
def watched(browser):
    """A page of its own for each test; it must not have found a fault when the test ends."""
    watched = Watched(browser)
    yield watched
    watched.end()


def look(page, scheme):
    """Show a page of the site light or dark, as its button does, and at once."""
    page.add_style_tag(content="* { transition: none !important; }")
    page.emulate_media(color_scheme=scheme)
    page.evaluate("scheme => { document.documentElement.dataset.theme = scheme; }", scheme)


WIDER = """() => {
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (wide <= 0) return [];
  return [...document.querySelectorAll("body *")].filter(
    e => e.getBoundingClientRect().right > innerWidth + 1).slice(0, 5).map(
    e => e.tagName + "." + e.className);
}"""
CUT = """() => {
  const slide = document.querySelector(".slide.shown");
  const heading = slide.querySelector("h1, h2").getBoundingClientRect().bottom;
  return [slide, ...slide.querySelectorAll("*")].filter(e =>
    (["auto", "hidden"].includes(getComputedStyle(e).overflowX) &&
      (e.scrollHeight > e.clientHeight + 1 || e.scrollWidth > e.clientWidth + 1)) ||
    (e.matches("img, table") && e.getBoundingClientRect().top < heading)
  ).map(e => e.className || e.tagName);
}"""
NAMELESS = """() => [...document.images].filter(
  image => !image.closest("[aria-hidden=true]") && image.alt.trim().length < 10).map(i => i.src)"""
BROKEN = "() => [...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_for_nothing_fits_every_width_and_is_accessible(site, watched, name):
    page = watched.go(site / f"{name}.html")
    faults = [*page.evaluate(NAMELESS), *page.evaluate(BROKEN)]
    for scheme in ("light", "dark"):
        look(page, scheme)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": HEIGHT})
            faults += [f"{width} {scheme}: {part}" for part in page.evaluate(WIDER)]
    page.set_viewport_size({"width": 1100, "height": HEIGHT})
    # Code has the colours of one style, which the first lesson stands for.
    left_out = [] if name == NAMES[0] else [[".highlight"]]
    faults += [f"dark: {fault}" for fault in serious(page, left_out, runOnly=["color-contrast"])]
    look(page, "light")
    assert faults + serious(page, left_out) == []


@pytest.mark.parametrize("name", NAMES)
def test_slides_fit_on_a_phone_and_on_a_wall_and_describe_their_pictures(site, watched, name):
    page = watched.go(site / "slides" / f"{name}.html")
    faults = [*page.evaluate(NAMELESS), *page.evaluate(BROKEN)]
    for width in (400, 1920):
        page.set_viewport_size({"width": width, "height": HEIGHT})
        for number in range(page.locator(".slide").count()):
            page.evaluate("number => go(number)", number)
            faults += [f"{width}, slide {number + 1}: {part}" for part in page.evaluate(WIDER)]
    assert faults == []


@pytest.mark.parametrize("name", NAMES)
def test_each_of_the_slides_is_seen_whole_on_a_wall_and_on_a_page_of_paper(site, watched, name):
    page = watched.go(site / "slides" / f"{name}.html")
    page.set_viewport_size({"width": 1280, "height": 720})
    count, faults = page.locator(".slide").count(), []
    for number in range(count):
        page.evaluate("number => go(number)", number)
        faults += [f"slide {number + 1}: {part}" for part in page.evaluate(CUT)]
    assert faults == []
    paper = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) == count
    (width, height), *_ = re.findall(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", paper)
    assert float(width) / float(height) == pytest.approx(16 / 9, rel=0.01)


def test_slides_turn_by_keys_and_by_address_and_are_accessible(site, watched):
    page = watched.go(site / "slides" / f"{NAMES[0]}.html", "#3")
    count = page.locator(".slide").count()
    for key, number in ((None, 3), ("ArrowRight", 4), (" ", 5), ("ArrowLeft", 4), ("End", count),
                        ("ArrowRight", count), ("Home", 1), ("PageDown", 2)):
        if key:
            page.keyboard.press(key)
        assert page.locator("#place").inner_text() == f"{number} of {count}"
        assert page.locator(".slide.shown").count() == 1
    faults = serious(page)
    page.emulate_media(color_scheme="dark")
    assert faults + serious(page) == []


def test_every_link_leads_somewhere_and_nothing_is_loaded_from_elsewhere(site):
    pages = {file: file.read_text(encoding="utf-8")
             for file in [*site.glob("*.html"), *site.glob("slides/*.html")]}
    anchors = {file: set(re.findall(r'\bid="([^"]+)"', text)) for file, text in pages.items()}
    assert len(pages) == len(PAGES) + len(NAMES)
    lost = []
    for file, text in pages.items():
        for tag, target in re.findall(
                r'<(a|link|img|script|iframe)\b[^>]*?\b(?:href|src)="([^"]+)"', text):
            path, _, anchor = html.unescape(target).partition("#")
            if re.match(r"https?:|//", path):
                assert tag == "a", f"{file.name} loads {target}"
                continue
            place = (file.parent / path.partition("?")[0]).resolve() if path else file
            if not place.exists() or (anchor and place in anchors
                                      and anchor not in anchors[place]):
                lost.append(f"{file.name}: {target}")
    assert lost == []


def test_previous_and_next_lead_through_all_lessons(site, watched):
    page = watched.go(site / f"{NAMES[0]}.html")
    for name in NAMES[1:]:
        page.locator("a.right-next").click()
        page.wait_for_url(f"**/{name}.html")
    page.locator("a.left-prev").click()
    page.wait_for_url(f"**/{NAMES[-2]}.html")


def test_search_finds_a_word_of_a_lesson(site, watched):
    page = watched.go(site / "search.html")
    page.goto(page.url + "?q=checkerboard")
    page.locator("#search-results li a").first.wait_for()
    found = page.locator("#search-results li a").evaluate_all("links => links.map(l => l.href)")
    assert any(re.search(r"/01_\w+\.html", link) for link in found)
    assert any("/glossary.html" in link for link in found)


def test_solutions_and_set_up_are_folded_until_asked(site, watched):
    page = watched.go(site / f"{NAMES[0]}.html")
    folded = page.locator("details.hide")
    names = folded.locator("summary").all_inner_texts()
    assert names.count("Solution") == 3 and "Set-up" in names and "Cell for Google Colab" in names
    solution = folded.filter(has_text="BEGIN SOLUTION").first
    assert not solution.locator("pre").first.is_visible()
    solution.locator("summary").click()
    assert solution.locator("pre").first.is_visible()


def test_answers_are_hidden_until_asked_and_the_choice_to_see_all_is_kept(site, watched):
    page = watched.go(site / f"{NAMES[0]}.html")
    first, second = page.locator(".answer-1").last, page.locator(".answer-2").last
    button = page.locator(".predict-1 button")
    assert not first.is_visible() and button.get_attribute("aria-expanded") == "false"
    button.press("Enter")
    assert first.is_visible() and not second.is_visible()
    button.click()
    assert not first.is_visible()
    page.get_by_role("button", name="Show all answers").click()
    assert first.is_visible() and second.is_visible()
    page.reload()
    assert second.is_visible()
    page.get_by_role("button", name="Hide all answers").click()
    assert not second.is_visible()


def test_without_a_script_every_answer_and_every_slide_is_there(site, browser):
    watched = Watched(browser, java_script_enabled=False)
    page = watched.go(site / f"{NAMES[0]}.html")
    assert all(answer.is_visible() for answer in page.locator(".answer").all())
    page = watched.go(site / "slides" / f"{NAMES[0]}.html")
    assert all(slide.is_visible() for slide in page.locator(".slide").all())
    watched.context.close()


def test_a_quiz_says_what_is_right_and_what_is_wrong_about_an_answer(site, watched):
    page = watched.go(site / f"{NAMES[0]}.html")
    question = page.locator(".quiz .question").first
    for kind, verdict in (("wrong", "Not so."), ("right", "Right.")):
        answer = question.locator(f"details.{kind}").first
        assert not answer.get_by_text(verdict).is_visible()
        answer.locator("summary").press("Enter")
        assert answer.get_by_text(verdict).is_visible()


def test_a_term_is_linked_once_with_its_meaning(site, watched):
    page = watched.go(site / f"{NAMES[0]}.html")
    terms = page.locator("a.term")
    links = terms.evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert len(links) == len(set(links)) > 10
    psnr = page.locator("a.term[href='glossary.html#term-PSNR']")
    assert "decibels" in psnr.get_attribute("title")
    psnr.click()
    page.locator("#term-PSNR").wait_for()  # the page has to open first


def test_two_pictures_share_a_slider_that_keys_move(site, watched):
    page = watched.go(site / "index.html")
    knob, pair = page.locator(".slider input"), page.locator(".slider .pair")
    assert pair.locator("img").count() == 2 and knob.get_attribute("aria-label")
    at = "pair => pair.style.getPropertyValue('--at')"
    before = pair.evaluate(at)
    knob.press("ArrowRight")
    assert float(pair.evaluate(at)[:-1]) > float(before[:-1])


def test_the_dark_page_is_dark_and_its_menu_turns_it_light(site, browser):
    watched = Watched(browser, color_scheme="dark")
    page = watched.go(site / "index.html")
    ink = """() => Math.max(...getComputedStyle(
      document.querySelector(".bd-article p")).color.match(/\\d+/g).slice(0, 3).map(Number))"""
    assert page.evaluate(ink) > 160  # the text is light
    page.locator("button.theme-switch-button").click()
    page.locator(".theme-change-button[data-mode=light]").click()
    page.wait_for_function(f"({ink})() < 96")
    watched.context.close()


def test_a_line_of_text_has_65_to_80_characters(site, watched):
    page = watched.go(site / f"{NAMES[0]}.html")
    for width in (1100, 1920):
        page.set_viewport_size({"width": width, "height": HEIGHT})
        lines, size = page.evaluate("""() => {
          const long = [...document.querySelectorAll(".bd-article p")].filter(p =>
            p.offsetHeight && p.innerText.length > 250 && !p.querySelector("math"));
          const style = getComputedStyle(long[0]);
          return [long.map(p => p.innerText.length * parseFloat(style.lineHeight) / p.offsetHeight),
                  parseFloat(style.fontSize)];
        }""")
        # The last line of a paragraph is shorter than the others.
        assert len(lines) >= 2 and 60 <= max(lines) <= 82 and 16 <= size <= 17.5


def test_the_book_holds_every_lesson_as_valid_xml_with_formulas_and_pictures(site):
    with zipfile.ZipFile(site / EPUB) as book:
        assert book.read("mimetype") == b"application/epub+zip"
        inside = set(book.namelist())
        for name in NAMES:
            text = book.read(f"{name}.xhtml").decode()
            tree = ElementTree.fromstring(re.sub(r"<!DOCTYPE[^>]*>", "", text).replace(
                "&nbsp;", "\u00a0"))
            pictures = [e.attrib for e in tree.iter("{http://www.w3.org/1999/xhtml}img")]
            assert pictures and all(p["src"] in inside and p["alt"] for p in pictures)
            assert "lesson-bar" not in text
            styles = [e.attrib["href"] for e in tree.iter("{http://www.w3.org/1999/xhtml}link")
                      if e.attrib["rel"] == "stylesheet"]
            assert "_static/book.css" in styles and inside.issuperset(styles)
        assert b"<math" in book.read(f"{NAMES[0]}.xhtml")


def test_the_stored_notebooks_are_there_to_take_away(site):
    for name in NAMES:
        json.loads((site / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))
        assert (site / "notebooks" / lessons.hero(lessons.read(name))[0]).is_file()

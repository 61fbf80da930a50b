"""A real browser, and a page in it that notes every fault.

Needs Chromium or Chrome (`apt-get install chromium`) and the packages of requirements-site.txt;
without them the tests that use it are skipped.
"""

import shutil

import pytest

NEEDED = "the site's packages are missing: make site, or pip install -r requirements-site.txt"
playwright = pytest.importorskip("playwright.sync_api", reason=NEEDED)
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason=NEEDED)

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
HEIGHT = 900  # pixels of a window


@pytest.fixture(name="browser", scope="module")
def browser_fixture():
    """A browser for the tests of a module that imports this function."""
    with playwright.sync_playwright() as runner:
        place = next(filter(None, map(shutil.which, BROWSERS)), None)
        try:
            found = runner.chromium.launch(executable_path=place) if place else (
                runner.chromium.launch(channel="chrome"))
        except playwright.Error:
            pytest.skip("there is no Chromium or Chrome: apt-get install chromium")
        yield found
        found.close()


class Watched:
    """A page that notes every request to another place, and every error, in ``faults``.

    Args:
        browser: the fixture ``browser``.
        own: what the address of everything that may be asked for begins with.
        patience: milliseconds to wait for anything on the page.
        options: as for Playwright's ``new_context``.
    """

    def __init__(self, browser, own="file:", patience=10_000, **options):
        self.context = browser.new_context(viewport={"width": 1100, "height": HEIGHT}, **options)
        self.page, self.own, self.faults = self.context.new_page(), own, []
        self.page.set_default_timeout(patience)
        self.page.on("request", self.asked)
        self.page.on("console", self.said)
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))

    def asked(self, request):
        if not request.url.startswith((self.own, "data:", "blob:")):
            self.faults.append(f"request: {request.url}")

    def said(self, message):
        if message.type in ("error", "warning"):
            self.faults.append(f"{message.type}: {message.text}")

    def go(self, file, anchor=""):
        """Open a file anew, at an anchor; returns the page."""
        self.page.goto("about:blank")
        self.page.goto(file.as_uri() + anchor)
        return self.page

    def end(self):
        """Close the page, which must not have found a fault."""
        self.context.close()
        assert self.faults == []


def serious(page, left_out=(), **options):
    """What axe-core calls serious or critical on a page, but for the elements left out."""
    # "preload" would fetch the style sheets, which a browser forbids for files.
    found = axe.Axe().run(page, context={"exclude": [*left_out]} if left_out else None,
                          options={"preload": False, "resultTypes": ["violations"], **options})
    return [f"{fault['id']}: {node['target']} {node['failureSummary']}"
            for fault in found.response["violations"] if fault["impact"] in ("serious", "critical")
            for node in fault["nodes"][:3]]

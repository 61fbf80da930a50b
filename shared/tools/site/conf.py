"""Settings of Sphinx for the site of the course; ``shared.tools.site`` runs it."""

import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent

project = "Zoom & Enhance"
author = "the Zoom & Enhance authors"
copyright = f"2026 {author}"
version = tomllib.loads(
    (HERE.parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
language = "en"

extensions = ["myst_nb", "shared.tools.site.extension"]
nb_execution_mode = "off"
nb_mime_priority_overrides = [("*", "text/markdown", 1)]
nb_render_markdown_format = "myst"
nb_number_source_lines = False
myst_enable_extensions = ["dollarmath", "colon_fence", "html_image"]
myst_heading_anchors = 3

html_math_renderer = "mathml"
html_theme = "sphinx_book_theme"
html_title = project
html_static_path = [str(HERE / "static")]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_copy_source = False
html_show_sourcelink = False
html_show_search_summary = False  # it fetches pages, which a browser forbids for files
html_use_index = False
html_domain_indices = False
html_context = {"default_mode": "auto"}
html_theme_options = {
    **dict.fromkeys(("navbar_start", "navbar_center", "navbar_end", "navbar_persistent"), []),
    "home_page_in_toc": True,
    "show_navbar_depth": 1,
    "show_toc_level": 2,
    "use_download_button": False,
    "navigation_with_keys": False,
    "extra_footer": "Code and trained weights: MIT License. Text and figures: CC BY 4.0.",
    "logo": {"text": project},
}

epub_show_urls = "no"
epub_description = "A hands-on course in image super-resolution with Keras 3"
epub_theme = "epub"
epub_css_files = ["book.css"]
epub_exclude_files = [f"_static/{page}.css" for page in ("site", "slides", "sheets")]
epub_identifier = "zoom-and-enhance"
epub_uid = "BookId"
epub_contributor = author
epub_tocdepth = 2
epub_cover = ()
epub_use_index = False
epub_tocscope = "includehidden"
suppress_warnings = ["epub.unknown_project_files"]

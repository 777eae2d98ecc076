import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from edgepack.report.content import sections
from edgepack.report.html import render_html

_VOID = {"meta", "br"}


class _Page(HTMLParser):
    """Checks that tags close in order, and keeps text and tag names."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.words = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def _read(html):
    page = _Page()
    page.feed(html)
    page.close()
    assert page.open == []
    return page


@pytest.mark.parametrize("name", ["good", "bad"])
def test_the_page_stands_alone_and_says_all(request, name):
    report = request.getfixturevalue(name)
    html = render_html(report)
    page = _read(html)
    assert not {"script", "link", "img", "iframe", "base", "object"} & set(page.tags)
    assert not re.search(r"https?:|//|url\(|@import|\bsrc=|\bhref=", html)
    words = "".join(page.words)
    for section in sections(report):
        assert section.title in words
        for item in section.items:
            assert item.text in words
            assert item.log in words
            assert all(note in words for note in item.notes)
    for result in report.results:
        for verdict in result.comparisons:
            assert f"<td>{verdict.output}</td>" in html


def test_nothing_from_outside_becomes_markup(bad):
    html = render_html(bad)
    assert "&lt;b&gt;tf&lt;/b&gt;: operator Foo &amp; co" in html
    assert "<script" not in html
    assert not set(html) & {chr(code) for code in range(32)} - {"\n"}


def test_light_and_dark_are_both_cared_for(good):
    html = render_html(good)
    assert "color-scheme: light dark" in html
    assert '<h1 class="good">tiny for android: passed' in html


def test_reports_and_bundles_need_no_heavy_package():
    code = (
        "import sys, edgepack.bundle, edgepack.cache, edgepack.report.html, edgepack.report.json, "
        "edgepack.report.text; print(sorted({'numpy', 'torch', 'jsonschema'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

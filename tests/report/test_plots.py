"""Plots stand inside the page: no names, links or colours of their own."""

import re
from html.parser import HTMLParser

import pytest

from edgepack.report.html import render_html
from edgepack.report.plots import Plot, draw_plots, wanted_plots


def test_only_what_has_something_to_show_is_wanted(good, quantised):
    assert len(wanted_plots(quantised)) == 2
    assert wanted_plots(good) == (), "one size, and no layers"


def test_a_plot_that_is_missing_says_why(quantised):
    plot = Plot("Sizes", missing="matplotlib is not installed <yet>")
    html = render_html(quantised, [plot])
    assert "<figcaption>Sizes</figcaption>" in html
    assert "<p>matplotlib is not installed &lt;yet&gt;</p>" in html


def test_drawings_show_every_artifact_and_bring_nothing_from_outside(quantised):
    pytest.importorskip("matplotlib", reason="the plots extra is not installed")
    plots = draw_plots(quantised, wanted_plots(quantised))
    assert plots == draw_plots(quantised, wanted_plots(quantised)), "the same report gives the same page"
    html = render_html(quantised, plots)
    assert html.count("<svg") == 2
    for result in quantised.results:
        assert f">{result.artifact_id}</text>" in plots[0].svg
    assert "currentColor" in html
    assert not re.search(r"https?:|//|url\((?!#)|@import|\bsrc=|\bhref=\"[^#]", html)
    assert not re.search(r"#000000|fill: *black", html), "black is unreadable in dark mode"


def test_names_become_no_markup_and_no_formula(quantised):
    pytest.importorskip("matplotlib", reason="the plots extra is not installed")
    from dataclasses import replace

    strange = "x$<b>/int8$"
    results = (replace(quantised.results[2], artifact_id=strange), *quantised.results)
    report = replace(quantised, results=results)
    _, layers = draw_plots(report, wanted_plots(report))
    page = HTMLParser()
    words = []
    page.handle_data = words.append
    page.feed(layers.svg)
    assert strange in words

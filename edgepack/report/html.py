"""A report as one page that stands alone: no script, no font, no image file, nothing from the network."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from edgepack.report.content import Item, Section, headline, labelled_lines, sections
from edgepack.report.model import Report
from edgepack.report.plots import Plot
from edgepack.report.tables import Row, Table, main_table, output_table

_STYLE = """
:root { color-scheme: light dark; --good: light-dark(#0a6b2d, #6fd68c); --bad: light-dark(#b3161b, #ff8f8a);
  --line: light-dark(#d5d9de, #454b52); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); }
.scroll { overflow-x: auto; }
.good { color: var(--good); font-weight: 600; }
.bad { color: var(--bad); font-weight: 600; }
pre { overflow-x: auto; padding: .6rem; border-left: 3px solid var(--line); font-size: .85rem; }
figure { margin: 1.5rem 0; }
figcaption { font-weight: 600; }
svg { max-width: 100%; height: auto; }
footer { font-size: .9rem; border-top: 1px solid var(--line); margin-top: 2rem; }
"""


def render_html(report: Report, plots: Sequence[Plot] = ()) -> str:
    """Give the report as an HTML page that follows the reader's light or dark mode.

    Args:
        report: What to show.
        plots: What `edgepack.report.plots` drew of it.
    """
    title = escape(headline(report))
    body = [
        f'<h1 class="{_class(passed=report.passed)}">{title}</h1>',
        _table(main_table(report)),
        *(_plot(plot) for plot in plots),
        *(_section(section) for section in sections(report)),
        "<h2>Every output</h2>",
        _table(output_table(report)),
        "<footer>",
        *(f"<p>{label}: {escape(line)}</p>" for label, line in labelled_lines(report)),
        "</footer>",
    ]
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
            f"<title>{title}</title>",
            f"<style>{_STYLE}</style></head>",
            "<body>",
            *body,
            "</body>",
            "</html>\n",
        ]
    )


def _plot(plot: Plot) -> str:
    # The drawing is our own library's, with all text in it escaped.
    shown = plot.svg or f"<p>{escape(plot.missing)}</p>"
    return f"<figure><figcaption>{escape(plot.title)}</figcaption>\n{shown}</figure>"


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in table.headings)
    lines = "\n".join(_row(row) for row in table.rows)
    return f'<div class="scroll"><table>\n<tr>{head}</tr>\n{lines}\n</table></div>'


def _row(row: Row) -> str:
    *cells, verdict = map(escape, row.cells)
    plain = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr>{plain}<td class="{_class(passed=row.passed)}">{verdict}</td></tr>'


def _section(section: Section) -> str:
    items = "\n".join(_item(item) for item in section.items)
    return f"<h2>{escape(section.title)}</h2>\n<ul>\n{items}\n</ul>"


def _item(item: Item) -> str:
    notes = "".join(f"<br>{escape(note)}" for note in item.notes)
    log = f"<pre>{escape(item.log)}</pre>" if item.log else ""
    return f"<li>{escape(item.text)}{notes}{log}</li>"


def _class(*, passed: bool) -> str:
    return "good" if passed else "bad"

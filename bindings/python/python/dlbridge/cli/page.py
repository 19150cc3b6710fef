"""The table as a page: one HTML file that needs nothing else, not even a script."""

from html import escape

from . import colours
from .exchange import ABSENT
from .frameworks import FRAMEWORKS
from .table import MEANINGS, Table

_STYLE = """
body { margin: 2.5rem auto; padding: 0 1.5rem; max-width: 88rem;
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  background: var(--page); color: var(--ink) }
h1 { margin: 0; font-size: 1.8rem; letter-spacing: -0.01em }
p { margin: 0.3rem 0 1.2rem; color: var(--faint) }
ul { display: flex; flex-wrap: wrap; gap: 0.4rem 1.4rem; margin: 0 0 1.4rem; padding: 0;
  list-style: none; font-size: 0.9rem }
ul span { display: inline-block; min-width: 1.1rem; margin-right: 0.4rem; padding: 0 0.4rem;
  border-radius: 6px; text-align: center }
.scroll { overflow-x: auto }
table { width: 100%; min-width: 70rem; table-layout: fixed; border-spacing: 4px;
  border-collapse: separate }
th { padding: 0.2rem 0.3rem; font-weight: 600; white-space: nowrap }
th small { display: block; font-weight: 400; color: var(--faint) }
tbody th { position: sticky; left: 0; background: var(--page); text-align: right }
td { height: 2.3rem; border-radius: 7px; text-align: center;
  font-size: 0.86rem }
td a { color: inherit; text-decoration: none; font-size: 0.7rem; vertical-align: super;
  padding: 0.2rem }
td a:hover { text-decoration: underline }
td:hover { outline: 2px solid var(--faint) }
ol { columns: 30rem; column-gap: 3rem; margin-top: 1.8rem; padding-left: 1.8rem;
  font-size: 0.88rem }
li { break-inside: avoid; margin-bottom: 0.4rem; padding-left: 0.3rem }
li::marker { color: var(--faint) }
ol li:target { background: var(--line); border-radius: 6px }
"""


def html(table: Table) -> str:
    """The page."""
    head = "".join(
        f'<th scope="col">{escape(title)}<small>{escape(version)}</small></th>'
        for title, version in table.titles().values()
    )
    body = "\n".join(_row(table, source) for source in table.names)
    reasons = "\n".join(
        f'<li id="reason-{number}">{escape(reason)}</li>'
        for number, reason in enumerate(table.reasons, 1)
    )
    notes = "\n".join(f"<p>{escape(note)}</p>" for note in table.notes + table.problems)
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Who shares with whom: dlbridge</title>
<style>{_colours()}{_STYLE}</style>
<h1>Who shares with whom</h1>
<p>{escape(table.heading())}</p>
<ul>{_legend(table)}</ul>
<div class="scroll"><table>
<thead><tr><th style="width: 8rem"></th>{head}</tr></thead>
<tbody>
{body}
</tbody>
</table></div>
<ol>
{reasons}
</ol>
{notes}
</html>
"""


def _colours() -> str:
    def sheet(night: int) -> str:
        surfaces = " ".join(f"--{name}: {pair[night]};" for name, pair in colours.SURFACES.items())
        cells = "\n".join(
            f".{outcome} {{ background: {shades[2 * night]}; color: {shades[2 * night + 1]} }}"
            for outcome, shades in colours.CELLS.items()
        )
        return f":root {{ {surfaces} }}\n{cells}"

    return "\n" + colours.rules(sheet(0), sheet(1))


def _legend(table: Table) -> str:
    return "".join(
        f'<li><span class="{outcome}">{"–" if outcome == ABSENT else outcome} {count}</span>'  # noqa: RUF001
        f"{escape(MEANINGS[outcome])}</li>"
        for outcome, count in table.counts().items()
    )


def _row(table: Table, source: str) -> str:
    cells = []
    for target in table.names:
        cell = table.cell(source, target)
        number = table.number(cell)
        said = f"{FRAMEWORKS[source].title} to {FRAMEWORKS[target].title}: {cell.outcome}"
        said += f" ({cell.reason})" if cell.reason else ""
        words = "–" if cell.outcome == ABSENT else cell.outcome  # noqa: RUF001
        link = f'<a href="#reason-{number}">{number}</a>' if number else ""
        cells.append(f'<td class="{cell.outcome}" title="{escape(said)}">{words}{link}</td>')
    title = escape(FRAMEWORKS[source].title)
    return f'<tr><th scope="row">{title}</th>{"".join(cells)}</tr>'

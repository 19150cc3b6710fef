"""The table as a picture: one SVG file that needs nothing else."""

import textwrap
from xml.sax.saxutils import escape

from . import colours
from .exchange import ABSENT
from .frameworks import FRAMEWORKS
from .table import MEANINGS, Table

_CELL_WIDTH, _CELL_HEIGHT, _GAP = 84, 38, 4
_MARGIN, _HEADER, _ROW_TITLES = 32, 164, 132
_CHARACTERS_A_LINE, _LINE = 84, 17
_FONT = "font-family: system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"


def svg(table: Table) -> str:
    """The picture."""
    size = len(table.names)
    grid = size * (_CELL_WIDTH + _GAP)
    width = max(2 * _MARGIN + _ROW_TITLES + grid, 760)
    bottom = _HEADER + size * (_CELL_HEIGHT + _GAP)
    notes, end = _reasons(table, bottom + 44, width)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {end + _MARGIN}" '
        f'width="{width}" height="{end + _MARGIN}" role="img" aria-labelledby="title">',
        f'<title id="title">{escape(table.heading())}</title>',
        f"<style>{_style()}</style>",
        '<rect class="page" width="100%" height="100%"/>',
        _text(_MARGIN, 52, "Who shares with whom", "ink", "font-size:26px;font-weight:700"),
        _text(_MARGIN, 78, table.heading(), "faint", "font-size:14px"),
        *_legend(table),
        *_column_titles(table),
        *_rows(table),
        *notes,
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _style() -> str:
    def sheet(night: int) -> str:
        lines = [f".{name} {{ fill: {pair[night]} }}" for name, pair in colours.SURFACES.items()]
        for outcome, shades in colours.CELLS.items():
            fill, word = shades[2 * night : 2 * night + 2]
            lines += [f".{outcome} {{ fill: {fill} }}", f".on-{outcome} {{ fill: {word} }}"]
        return "\n".join(lines)

    return f"\ntext {{ {_FONT} }}\n{colours.rules(sheet(0), sheet(1))}\n"


def _text(x: float, y: float, words: str, kind: str, style: str, anchor: str = "start") -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" class="{kind}" text-anchor="{anchor}" style="{style}">'
        f"{escape(words)}</text>"
    )


def _legend(table: Table) -> list[str]:
    parts, x = [], float(_MARGIN)
    for outcome, count in table.counts().items():
        words = "no such array" if outcome == ABSENT else outcome
        meaning = escape(MEANINGS[outcome])
        parts.append(
            f'<rect x="{x:g}" y="94" width="16" height="16" rx="5" class="{outcome}">'
            f"<title>{meaning}</title></rect>"
        )
        parts.append(_text(x + 22, 107, f"{words} {count}", "ink", "font-size:13px"))
        x += 22 + 7.2 * len(f"{words} {count}") + 24
    return parts


def _column_titles(table: Table) -> list[str]:
    parts = []
    for column, (title, version) in enumerate(table.titles().values()):
        x = _x(column) + _CELL_WIDTH / 2
        style = f"font-size:{13 if len(title) < 10 else 11.5}px;font-weight:600"
        parts.append(_text(x, _HEADER - 22, title, "ink", style, "middle"))
        parts.append(_text(x, _HEADER - 8, version, "faint", "font-size:10px", "middle"))
    return parts


def _rows(table: Table) -> list[str]:
    parts = []
    for row, source in enumerate(table.names):
        y = _HEADER + row * (_CELL_HEIGHT + _GAP)
        x, middle = _MARGIN + _ROW_TITLES - 14, y + _CELL_HEIGHT / 2 + 5
        title = FRAMEWORKS[source].title
        parts.append(_text(x, middle, title, "ink", "font-size:14px;font-weight:600", "end"))
        for column, target in enumerate(table.names):
            parts += _cell(table, source, target, _x(column), y)
    return parts


def _cell(table: Table, source: str, target: str, x: float, y: float) -> list[str]:
    cell = table.cell(source, target)
    number = table.number(cell)
    said = f"{FRAMEWORKS[source].title} to {FRAMEWORKS[target].title}: {cell.outcome}"
    said += f" ({cell.reason})" if cell.reason else ""
    words = "–" if cell.outcome == ABSENT else cell.outcome  # noqa: RUF001
    raised = f'<tspan dy="-4" dx="3" style="font-size:10px">{number}</tspan>' if number else ""
    return [
        f"<g><title>{escape(said)}</title>",
        f'<rect x="{x:g}" y="{y:g}" width="{_CELL_WIDTH}" height="{_CELL_HEIGHT}" rx="7" '
        f'class="{cell.outcome}"/>',
        f'<text x="{x + _CELL_WIDTH / 2:g}" y="{y + _CELL_HEIGHT / 2 + 5:g}" '
        f'class="on-{cell.outcome}" text-anchor="middle" style="font-size:13px">'
        f"{words}{raised}</text></g>",
    ]


def _x(column: int) -> float:
    return _MARGIN + _ROW_TITLES + column * (_CELL_WIDTH + _GAP)


def _reasons(table: Table, top: float, width: float) -> tuple[list[str], float]:
    """The reasons in two columns, each filled from the top, and where they end."""
    blocks = [(f"{number}", reason) for number, reason in enumerate(table.reasons, 1)]
    blocks += [("note", note) for note in table.notes]
    blocks += [("problem", problem) for problem in table.problems]
    wrapped = [(mark, textwrap.wrap(words, _CHARACTERS_A_LINE)) for mark, words in blocks]
    columns = 2 if width > 1000 else 1
    half = (sum(len(lines) for _, lines in wrapped) + columns - 1) // columns
    parts, y, used, lowest, x = [], top, 0, top, float(_MARGIN)
    for mark, lines in wrapped:
        if columns == 2 and used >= half and x == _MARGIN:
            x, y = width / 2 + 8, top
        indent = 26 if mark.isdigit() else 52
        parts.append(_text(x + indent - 8, y, mark, "faint", "font-size:12px", "end"))
        for line in lines:
            parts.append(_text(x + indent, y, line, "ink", "font-size:12px"))
            y += _LINE
        y += 5
        used += len(lines)
        lowest = max(lowest, y)
    return parts, lowest

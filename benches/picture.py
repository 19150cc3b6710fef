"""The figures as a picture: one SVG file, for light and dark pages."""

import textwrap
from dataclasses import dataclass
from xml.sax.saxutils import escape

from .copies import LIBRARIES, Shares
from .measure import Ratio

_WIDTH, _MARGIN = 920, 28
_LABELS = 256  # where the bars begin
_SCALE = 300  # pixels for a ratio of 1
_LONGEST = 1.4  # the longest bar
_WORDS = _LABELS + _LONGEST * _SCALE + 16
_ROW, _BAR = 40, 16
_KINDS = {"dlbridge": "met"}
_TITLE = "font-size:22px;font-weight:700"
_FONT = "font-family: system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"

# name: (by day, by night)
_COLOURS = {
    "page": ("#ffffff", "#0f1419"),
    "ink": ("#1b2430", "#e6eaf0"),
    "faint": ("#66717f", "#93a0b0"),
    "peer": ("#e3e7ec", "#2a3440"),
    "met": ("#1f9d6b", "#3fbf8b"),
    "missed": ("#c98a12", "#e0a93a"),
    "NumPy": ("#8aa0c0", "#6f86a8"),
    "torch": ("#c9a59a", "#9c7468"),
}


def svg(heading: str, ratios: list[Ratio], shares: list[Shares]) -> str:
    """The picture: first the ratios, then the copies."""
    page = _Page([], 44)
    page.text(_MARGIN, "Time a call, beside each peer's", "ink", _TITLE)
    page.top += 24
    page.text(_MARGIN, "the grey bar is the peer, the line what was wanted", "faint")
    page.top += 22
    for ratio in ratios:
        _ratio(page, ratio)
    page.top += 46
    page.text(
        _MARGIN, "Strided copies, as a share of memcpy", "ink", "font-size:22px;font-weight:700"
    )
    page.top += 24
    page.text(_MARGIN, "longer is faster; the grey bar is memcpy; one thread", "faint")
    _legend(page)
    page.top += 22
    for share in shares:
        _share(page, share)
    page.top += 30
    for line in textwrap.wrap(heading, 140):
        page.text(_MARGIN, line, "faint", "font-size:11px")
        page.top += 16
    height = page.top + 8
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:g}" '
            f'width="{_WIDTH}" height="{height:g}" role="img" aria-labelledby="title">',
            '<title id="title">Time a call and speed of copies, beside peers</title>',
            f"<style>{_style()}</style>",
            '<rect class="page" width="100%" height="100%"/>',
            *page.parts,
            "</svg>\n",
        ]
    )


@dataclass
class _Page:
    parts: list[str]
    top: float

    def text(
        self, x: float, words: str, kind: str, style: str = "font-size:13px", anchor: str = "start"
    ) -> None:
        self.parts.append(
            f'<text x="{x:g}" y="{self.top:g}" class="{kind}" text-anchor="{anchor}" '
            f'style="{style}">{escape(words)}</text>'
        )

    def bar(self, kind: str, length: float, below: float, height: float, meaning: str) -> None:
        width = min(length, _LONGEST) * _SCALE
        self.parts.append(
            f'<rect x="{_LABELS}" y="{self.top + below:g}" width="{width:g}" height="{height:g}" '
            f'rx="3" class="{kind}"><title>{escape(meaning)}</title></rect>'
        )

    def mark(self, place: float, below: float, height: float) -> None:
        x = _LABELS + place * _SCALE
        y = self.top + below
        self.parts.append(
            f'<rect x="{x - 1:g}" y="{y:g}" width="2" height="{height:g}" class="ink"/>'
        )


def _ratio(page: _Page, ratio: Ratio) -> None:
    job = ratio.job
    page.top += 15
    page.text(_LABELS - 12, job.what, "ink", "font-size:14px;font-weight:600", "end")
    page.bar("peer", 1, -11, _BAR + 4, f"{job.peer}: {job.theirs}, {ratio.theirs:.0f} ns")
    kind = "missed" if ratio.met is False else "met"
    page.bar(kind, ratio.middle, -9, _BAR, f"dlbridge: {job.ours}, {ratio.ours:.0f} ns")
    if job.wanted is not None:
        page.mark(job.wanted, -14, _BAR + 10)
    page.text(_WORDS, f"{ratio.middle:.2f} x {job.peer}", "ink", "font-size:13px;font-weight:600")
    page.top += 14
    page.text(_LABELS - 12, job.ours, "faint", "font-size:11px", "end")
    page.text(_WORDS, f"{ratio.ours:,.0f} ns to {ratio.theirs:,.0f} ns", "faint", "font-size:11px")
    page.top += _ROW - 29


def _legend(page: _Page) -> None:
    x = _WORDS - 150
    for library in LIBRARIES:
        y = page.top - 10
        kind = _KINDS.get(library, library)
        page.parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="12" height="12" rx="3" class="{kind}"/>'
        )
        page.text(x + 18, library, "ink")
        x += 18 + 7.5 * len(library) + 20


def _share(page: _Page, share: Shares) -> None:
    page.top += 15
    page.text(_LABELS - 12, share.what, "ink", "font-size:14px;font-weight:600", "end")
    page.bar("peer", 1, -11, 30, "memcpy: 1")
    for place, library in enumerate(LIBRARIES):
        kind = _KINDS.get(library, library)
        value = share.shares[library]
        page.bar(kind, value, -9 + 9 * place, 8, f"{library}: {value:.2f}")
    words = " / ".join(f"{share.shares[library]:.2f}" for library in LIBRARIES)
    page.text(_WORDS, words, "ink", "font-size:13px")
    page.top += _ROW - 12


def _style() -> str:
    def sheet(night: int) -> str:
        return "\n".join(f".{name} {{ fill: {pair[night]} }}" for name, pair in _COLOURS.items())

    dark = f"@media (prefers-color-scheme: dark) {{\n{sheet(1)}\n}}"
    return f"\ntext {{ {_FONT} }}\n{sheet(0)}\n{dark}\n"

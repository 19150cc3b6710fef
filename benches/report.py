"""What `make bench` leaves: docs/performance.md, its picture, and the ratios of the test."""

import json

from . import machine, picture, table
from .build import ROOT
from .copies import LIBRARIES, Shares
from .measure import Ratio

PAGE = ROOT / "docs/performance.md"
PICTURE = ROOT / "docs/performance.svg"
RATIOS = ROOT / "benches/ratios.json"
_BEGIN, _END = "<!-- figures: written by `make bench` -->", "<!-- end of figures -->"

Sections = dict[str, list[Ratio]]


def write(sections: Sections, shares: list[Shares]) -> None:
    """Writes all three. The first section is drawn."""
    targets = next(iter(sections.values()))
    PICTURE.write_text(picture.svg(machine.heading(), targets, shares))
    before, _, rest = PAGE.read_text().partition(_BEGIN)
    _, _, after = rest.partition(_END)
    PAGE.write_text(f"{before}{_BEGIN}\n{_figures(sections, shares)}{_END}{after}")
    found = {ratio.job.key: round(ratio.middle, 3) for ratio in targets}
    RATIOS.write_text(json.dumps(found, indent=2) + "\n")


def _figures(sections: Sections, shares: list[Shares]) -> str:
    parts = [f"Measured {machine.heading()}\n"]
    for title, ratios in sections.items():
        parts += [f"### {title}\n", table.markdown(table.COLUMNS, table.ratio_rows(ratios))]
        parts += (
            ["".join(f"- {note}\n" for note in notes)] if (notes := table.notes(ratios)) else []
        )
    parts += [
        "### Strided copies, as a share of memcpy\n",
        table.markdown(("copy", *LIBRARIES), table.share_rows(shares), left=1),
    ]
    return "\n".join(parts)

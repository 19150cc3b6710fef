"""The colours of both drawings, by day and by night.

They differ in lightness too, for those who cannot tell red from green, and every
cell says its outcome in a word.
"""

from .exchange import ABSENT, COPIES, CRASHES, HANGS, REFUSES, SHARES

# name: (by day, by night)
SURFACES = {
    "page": ("#ffffff", "#0f1419"),
    "ink": ("#1b2430", "#e6eaf0"),
    "faint": ("#66717f", "#93a0b0"),
    "line": ("#e3e7ec", "#242d38"),
}

# outcome: (fill by day, word by day, fill by night, word by night)
CELLS = {
    SHARES: ("#bfe8d4", "#0b5138", "#1c5a44", "#c5f5de"),
    COPIES: ("#fde3a7", "#6b4a00", "#5f4a17", "#ffe6a8"),
    REFUSES: ("#f7d3d0", "#7d1f1a", "#512a2c", "#ffc9c5"),
    CRASHES: ("#7a1fa2", "#ffffff", "#8e3fb8", "#ffffff"),
    HANGS: ("#7a1fa2", "#ffffff", "#8e3fb8", "#ffffff"),
    ABSENT: ("#f1f3f6", "#8b95a1", "#1a2129", "#66717f"),
}


def rules(day: str, night: str) -> str:
    """CSS from a template of one rule a colour, which is filled for both."""
    return f"{day}\n@media (prefers-color-scheme: dark) {{\n{night}\n}}"

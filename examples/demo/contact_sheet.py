"""A contact sheet: labelled pictures on a grid, as one image."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

CELL = (312, 208)
GAP = 16
LABEL = 28
HEADING = 64
PAPER, INK, GREY, SHADE = "#fbfaf7", "#1d1d1f", "#6e6e73", "#efede7"


class ContactSheet:
    def __init__(self, columns, rows, title):
        self._image = Image.new("RGB", self._corner(columns, rows), PAPER)
        self._draw = ImageDraw.Draw(self._image)
        self._write((GAP, GAP), title, 26, INK)

    def add(self, column, row, label, pixels, span=1):
        """Put a picture on the grid: an array of uint8, height x width x channels.

        `span` is how many cells it is wide and high.
        """
        left, top = self._corner(column, row)
        right, bottom = (end - GAP for end in self._corner(column + span, row + span))
        bottom -= LABEL
        picture = Image.fromarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))
        scale = min((right - left) / picture.width, (bottom - top) / picture.height)
        size = round(picture.width * scale), round(picture.height * scale)
        centred = (left + right - size[0]) // 2, (top + bottom - size[1]) // 2
        self._draw.rectangle((left, top, right - 1, bottom - 1), SHADE)
        self._image.paste(picture.resize(size, Image.Resampling.LANCZOS), centred)
        self._write((left, bottom + 5), label, 15, GREY)

    def save(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._image.save(path)

    def _corner(self, column, row):
        return GAP + column * (CELL[0] + GAP), HEADING + row * (CELL[1] + LABEL + GAP)

    def _write(self, position, text, size, colour):
        self._draw.text(position, text, colour, ImageFont.load_default(size))

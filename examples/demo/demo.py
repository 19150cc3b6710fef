"""One photograph, one plain C function, every kind of array, and no copy.

usage: demo.py libfilters.so demo.png
"""

import sys
import timeit
from pathlib import Path

import dlbridge
import filters
import numpy as np
import torch
from contact_sheet import ContactSheet
from rich import box
from rich.console import Console
from rich.table import Table
from skimage import data


def main(library_path, picture_path):
    library = filters.load(library_path)
    photo = data.chelsea()
    sheet = ContactSheet(5, 3, "dlbridge: one C function, every kind of array, and no copy")
    exchanges = [
        *sketch_photo(library, photo, sheet),
        *paint_together(library, photo.shape[:2], sheet),
        *between_frameworks(photo),
    ]
    sheet.save(picture_path)
    Console().print(table(exchanges))
    refuse_with_reasons(library, photo)
    print("The picture:", picture_path)


def sketch_photo(library, photo, sheet):
    """Run one C function on arrays and views of NumPy and torch."""
    sheet.add(0, 0, "the photograph, from scikit-image", photo, span=2)
    tensor = torch.tensor(photo)
    pictures = [
        ("NumPy array", photo),
        ("NumPy, transposed", photo.swapaxes(0, 1)),
        ("NumPy, halved and flipped", photo[::-2, ::2]),
        ("torch tensor", tensor),
        ("torch, transposed", tensor.swapaxes(0, 1)),
        ("torch, green channel", tensor[:, :, 1:2]),
    ]
    for i, (label, picture) in enumerate(pictures):
        sheet.add(2 + i % 3, i // 3, label, sketch(library, picture))
        yield measure(f"{label} → C", picture, library.first_element)


def sketch(library, source):
    """Let C draw `source` into an array of the same kind; return that for NumPy."""
    target = np.empty_like(source) if isinstance(source, np.ndarray) else torch.empty_like(source)
    library.sketch(source, target)
    drawn = np.asarray(target)
    assert np.array_equal(drawn, sketch_by_numpy(np.asarray(source))), "C and NumPy differ"
    return drawn


def sketch_by_numpy(source):
    """What sketch() of filters.c must draw."""
    padded = np.pad(source.astype(int), [(1, 1), (1, 1), (0, 0)], mode="edge")
    smooth_down = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    smooth_across = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    across = abs(smooth_down[:, 2:] - smooth_down[:, :-2])
    down = abs(smooth_across[2:] - smooth_across[:-2])
    return np.maximum(255 - across - down, 0)


def paint_together(library, size, sheet):
    """Let C, NumPy and torch paint into one picture, and check that all see it."""
    height, width = size
    picture = library.make_sky(height, width)
    in_numpy = np.from_dlpack(picture)
    in_torch = torch.from_dlpack(picture)
    yield measure("C picture → np.from_dlpack", picture, np.from_dlpack)
    yield measure("C picture → torch.from_dlpack", picture, torch.from_dlpack)

    states = []

    def painted(label):
        seen = in_numpy.copy()
        assert not any(np.array_equal(seen, state) for state in states), f"{label}: unseen by NumPy"
        assert torch.equal(in_torch, torch.tensor(seen)), f"{label}: unseen by torch"
        sketch_by_c = np.empty_like(seen)
        library.sketch(picture, sketch_by_c)
        assert np.array_equal(sketch_by_c, sketch_by_numpy(seen)), f"{label}: unseen by C"
        sheet.add(len(states), 2, label, seen)
        states.append(seen)

    painted("C made a sky")
    add_sun(in_numpy)
    painted("NumPy added the sun")
    add_hills(in_torch)
    painted("torch added the hills")
    library.add_stars(picture)
    painted("C added the stars")
    sheet.add(4, 2, "C sketched it, for torch", sketch(library, in_torch))


def add_sun(picture):
    height, width, _ = picture.shape
    y, x = np.ogrid[:height, :width]
    disc = (y - 0.62 * height) ** 2 + (x - 0.5 * width) ** 2 < (0.16 * height) ** 2
    picture[disc] = 255, 226, 140


def add_hills(picture):
    height, width, _ = picture.shape
    y, x = torch.arange(height)[:, None] / height, torch.arange(width) / width
    for i, colour in enumerate([(110, 62, 96), (62, 42, 84), (24, 24, 48)]):
        ridge = 0.7 + 0.1 * i + 0.06 * torch.sin(9 * x + 2 * i) * torch.cos(4 * x - i)
        picture[y > ridge] = torch.tensor(colour, dtype=torch.uint8)


def between_frameworks(photo):
    def to_torch(array):
        return dlbridge.convert(array, "torch")

    def to_numpy(tensor):
        return dlbridge.convert(tensor, "numpy")

    def to_torch_by_copy(array):
        return dlbridge.convert(array, "torch", copy=None)

    yield measure("NumPy array → torch", photo, to_torch)
    yield measure("torch tensor → NumPy", torch.tensor(photo), to_numpy)
    yield measure("NumPy, flipped → torch, copied", photo[::-1], to_torch_by_copy, shares=False)


def refuse_with_reasons(library, photo):
    cases = {
        "NumPy, flipped → torch": lambda: dlbridge.convert(photo[::-1], "torch"),
        "NumPy, float32 → C": lambda: library.sketch(photo.astype("float32"), photo),
    }
    print("What cannot be shared is refused, with the reason:")
    for name, exchange in cases.items():
        try:
            exchange()
        except (BufferError, ValueError) as error:
            print(f"  {name}: {error}")
        else:
            raise AssertionError(f"{name} was not refused")


def measure(name, source, exchange, shares=True):
    """A row of the table. `exchange(source)` gives an array, or the address that C saw."""
    same = address(exchange(source)) == address(source)
    assert same == shares, f"{name}: {'shared' if same else 'copied'}"
    copied = 0 if same else source.nbytes
    seconds = min(timeit.repeat(lambda: exchange(source), number=100, repeat=10)) / 100
    return name, "yes" if same else "no", f"{copied:,}", f"{seconds * 1e6:.1f} µs"


def address(x):
    """Where the first element lies, by what each library itself says."""
    if isinstance(x, np.ndarray):
        return x.__array_interface__["data"][0]
    if isinstance(x, torch.Tensor):
        return x.data_ptr()
    return x.ptr if isinstance(x, dlbridge.Tensor) else x


def table(exchanges):
    result = Table("exchange", "same address?", box=box.SIMPLE_HEAD)
    result.add_column("bytes copied", justify="right")
    result.add_column("time", justify="right")
    for exchange in exchanges:
        result.add_row(*exchange)
    return result


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]))

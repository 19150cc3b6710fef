"""Gives a framework arrays whose strides of short axes are not those of C order, and takes
them back.

Run as a program: python stride_cases.py NAME prints a JSON list for each case.
"""

import json
import sys

import dlbridge
import numpy as np
from dlbridge.cli.frameworks import FRAMEWORKS

# Shapes, and strides in elements.
LAYOUTS = {
    "one image in channels_last": ((1, 3, 4, 5), (60, 1, 15, 3)),
    "an image of one channel": ((2, 1, 4, 5), (20, 1, 5, 1)),
    "C order": ((1, 3, 4), (12, 4, 1)),
    "a row of a wider array": ((1, 12), (100, 1)),
    "a column of a wider array": ((3, 1), (1, 100)),
    "zero": ((1, 3, 4), (0, 4, 1)),
    "one element": ((1, 1), (28, 36)),
    "reversed": ((1, 3, 4), (-12, 4, 1)),
    "reversed in the middle": ((3, 1, 4), (4, -7, 1)),
    "reversed and one element": ((1, 1), (-28, 36)),
    "without elements": ((0, 3), (30, 1)),
    "without elements, reversed": ((3, 0), (-30, -2)),
}


def memory(shape, strides):
    """An array of float32 at a multiple of 64 bytes, where all frameworks take it."""
    room = np.zeros(2000, np.uint8)
    start = -room.ctypes.data % 64
    flat = room[start : start + 1600].view(np.float32)
    flat[...] = range(400)
    strides = [4 * stride for stride in strides]
    return np.lib.stride_tricks.as_strided(flat, shape, strides)


def main(name):
    framework = FRAMEWORKS[name]
    framework.load()
    for title, (shape, strides) in LAYOUTS.items():
        array = memory(shape, strides)
        for source in (array, dlbridge.asarray(array)):
            plan = dlbridge.plan(source, name)
            try:
                there = dlbridge.convert(source, name, copy=None)
            except BufferError as error:
                print(json.dumps([title, "refuses", str(error), plan.refuses]))
                continue
            did = "shares" if plan.shares else "copies"
            look = framework.look(there)
            np.testing.assert_array_equal(framework.read(there).reshape(shape), array)
            back = dlbridge.asarray(there)
            print(json.dumps([title, did, look.strides, back.strides]))


if __name__ == "__main__":
    main(sys.argv[1])

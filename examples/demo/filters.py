"""libfilters.so for Python: what filters.h says."""

import ctypes

from dlbridge import capi


def load(path):
    library = ctypes.CDLL(path)
    library.sketch.argtypes = [capi.arg("[...]"), capi.arg("out [...]")]
    library.add_stars.argtypes = [capi.arg("out [...]")]
    library.make_sky.argtypes = [ctypes.c_int64, ctypes.c_int64]
    library.make_sky.restype = capi.OwnedTensor
    library.first_element.argtypes = [capi.arg("[...]")]
    library.first_element.restype = ctypes.c_void_p
    library.dlbridge_last_error.restype = ctypes.c_char_p

    def check(status, _function, _arguments):
        if status:
            raise ValueError(library.dlbridge_last_error().decode())

    library.sketch.errcheck = library.add_stars.errcheck = check
    return library

"""Official dlpack.h headers: those of earlier versions as far as their names go, made of
our own definitions, and the copies that installed packages carry."""

import importlib.util
import re
from pathlib import Path

import toolchain

# Package, and where its copy lies in it.
COPIES = {
    "tvm_ffi": "include/dlpack/dlpack.h",
    "tensorflow": "include/external/dlpack/include/dlpack/dlpack.h",
    "cupy": "_core/include/cupy/_dlpack/dlpack.h",
    "pyarrow": "include/arrow/c/dlpack_abi.h",
    # The same file under other paths: only its guard tells.
    "torch": "include/ATen/dlpack.h",
}
VERSIONS = ["1.0", "1.1", "1.3"]


def standing_in(version, folder):
    """A header with the names that the official one of a version has."""
    minor = int(version.split(".")[1])
    ours = (toolchain.INCLUDE / "dlbridge/abi.h").read_text()
    text = ours[
        ours.index("#ifndef DLPACK_DLPACK_H_") : ours.index("#endif /* DLPACK_DLPACK_H_ */")
    ]
    text = re.sub(r"(DLPACK_MINOR_VERSION) 3", rf"\1 {minor}", text)
    if minor < 3:
        text = re.sub(r",\n    kDLTrn = 18", "", text)
        start = text.index("/** Allocates a tensor of the prototype's")
        text = text[:start] + text[text.index("#ifdef __cplusplus\n}") :]
    if minor < 2:
        managed = r"typedef (struct DLManagedTensorVersioned \{.*?\n\}) DLManagedTensorVersioned;"
        text = re.sub(managed, r"\1;", text, flags=re.DOTALL)
    if minor < 1:
        text = re.sub(r"(kDLBool = 6U),.*?(\n\} DLDataTypeCode)", r"\1\2", text, flags=re.DOTALL)
        text = re.sub(r"#define DLPACK_FLAG_BITMASK_IS_SUBBYTE_TYPE_PADDED.*\n", "", text)
    path = Path(folder, "dlpack/dlpack.h")
    path.parent.mkdir(parents=True)
    path.write_text(f"#include <stddef.h>\n#include <stdint.h>\n{text}#endif\n")
    return path


def copy_of(package):
    """The copy that a package carries, or None."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        return None
    path = Path(found.submodule_search_locations[0], COPIES[package])
    return path if path.is_file() else None

// The functions of functions.c, bound by nanobind.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

namespace nb = nanobind;

using Reading = nb::ndarray<const float, nb::ndim<2>, nb::device::cpu>;
using Writing = nb::ndarray<float, nb::ndim<2>, nb::device::cpu>;

NB_MODULE(with_nanobind, module) {
    module.def(
        "add3",
        [](const Reading &a, const Reading &b, const Writing &dst) {
            *dst.data() = *a.data() + *b.data();
        },
        nb::arg().noconvert(), nb::arg().noconvert(), nb::arg().noconvert());
    module.def(
        "read1", [](const Reading &a) { return static_cast<int>(*a.data()); },
        nb::arg().noconvert());
}

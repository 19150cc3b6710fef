// The functions of functions.c, bound by pybind11.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <stdexcept>

namespace py = pybind11;

using Array = py::array_t<float, 0>;

static void check(const Array &array) {
    if (array.ndim() != 2)
        throw std::invalid_argument("the array must have 2 dimensions");
}

PYBIND11_MODULE(with_pybind11, module) {
    module.def(
        "add3",
        [](const Array &a, const Array &b, Array &dst) {
            check(a);
            check(b);
            check(dst);
            *dst.mutable_data() = *a.data() + *b.data();
        },
        py::arg().noconvert(), py::arg().noconvert(), py::arg().noconvert());
    module.def(
        "read1",
        [](const Array &a) {
            check(a);
            return static_cast<int>(*a.data());
        },
        py::arg().noconvert());
}

// Functions bound by nanobind that look at what they are given.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <vector>

namespace nb = nanobind;

using Any = nb::ndarray<nb::device::cpu>;
using Reading = nb::ndarray<const float, nb::ndim<2>, nb::device::cpu>;
using Writing = nb::ndarray<float, nb::ndim<2>, nb::device::cpu>;

NB_MODULE(nanobind_functions, module) {
    module.def("address",
               [](const Any &array) { return reinterpret_cast<std::uintptr_t>(array.data()); });
    module.def("shape", [](const Any &array) {
        std::vector<std::size_t> shape;
        for (std::size_t axis = 0; axis < array.ndim(); ++axis)
            shape.push_back(array.shape(axis));
        return shape;
    });
    module.def("strides", [](const Any &array) {
        std::vector<std::int64_t> strides;
        for (std::size_t axis = 0; axis < array.ndim(); ++axis)
            strides.push_back(array.stride(axis));
        return strides;
    });
    module.def("dtype", [](const Any &array) {
        return std::vector<int>{array.dtype().code, array.dtype().bits, array.dtype().lanes};
    });
    module.def("values", [](const Reading &array) {
        std::vector<float> values;
        for (std::size_t row = 0; row < array.shape(0); ++row)
            for (std::size_t column = 0; column < array.shape(1); ++column)
                values.push_back(array(row, column));
        return values;
    });
    module.def(
        "double_all",
        [](const Writing &array) {
            for (std::size_t row = 0; row < array.shape(0); ++row)
                for (std::size_t column = 0; column < array.shape(1); ++column)
                    array(row, column) *= 2;
        },
        nb::arg("array").noconvert());
    // Owns its tensor until it is told to forget it.
    static Any kept;
    module.def("keep", [](const Any &array) { kept = array; });
    module.def("forget", []() { kept = Any(); });
}

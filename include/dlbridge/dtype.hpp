/// \file
/// Which element type of DLPack a C++ type is.
#ifndef DLBRIDGE_DTYPE_HPP_
#define DLBRIDGE_DTYPE_HPP_

#include <complex>
#include <cstddef>
#include <string>
#include <type_traits>

#include "dlbridge/dlbridge.h"

namespace dlbridge {

/// An element type of DLPack: the base for specialisations of dtype_of.
/// \tparam Bits the width of one lane, both parts of a complex number together.
template <DLDataTypeCode Code, unsigned Bits, unsigned Lanes = 1>
struct dtype {
    /// The type as DLPack's struct.
    static constexpr DLDataType value = {Code, Bits, Lanes};
};

/// The element type of a C++ type. Types from elsewhere get theirs by a
/// specialisation in one line:
///
///     template <>
///     struct dlbridge::dtype_of<__nv_bfloat16> : dlbridge::dtype<kDLBfloat, 16> {};
///
/// There is none for types that DLPack 1.3 lacks, such as long double.
template <class T, class = void>
struct dtype_of;

/// Truth values, one byte each.
template <>
struct dtype_of<bool> : dtype<kDLBool, 8> {
    static_assert(sizeof(bool) == 1);
};

/// Integers, by their size; characters are integers too.
template <class T>
struct dtype_of<T, std::enable_if_t<std::is_integral_v<T> && sizeof(T) <= 8>>
    : dtype<std::is_signed_v<T> ? kDLInt : kDLUInt, 8 * sizeof(T)> {};

/// Raw bytes are unsigned integers.
template <>
struct dtype_of<std::byte> : dtype<kDLUInt, 8> {};

/// IEEE 754 numbers; C++23 counts std::float16_t and its like among them.
template <class T>
struct dtype_of<T, std::enable_if_t<std::is_floating_point_v<T> && sizeof(T) <= 8>>
    : dtype<kDLFloat, 8 * sizeof(T)> {};

#ifdef __FLT16_MANT_DIG__
/// Half precision; where there is a std::float16_t it is this type.
template <>
struct dtype_of<_Float16> : dtype<kDLFloat, 16> {};
#endif

#if defined(__BFLT16_MANT_DIG__) ||                                                                \
    (__clang_major__ >= 17 && (defined(__SSE2__) || defined(__aarch64__)))
/// The upper half of a float; where there is a std::bfloat16_t it is this type.
template <>
struct dtype_of<__bf16> : dtype<kDLBfloat, 16> {};
#endif

/// Complex numbers.
template <class Part>
struct dtype_of<std::complex<Part>> : dtype<kDLComplex, 2 * dtype_of<Part>::value.bits> {
    static_assert(dtype_of<Part>::value.code == kDLFloat);
};

/// The element type of a C++ type, const or not.
template <class T>
inline constexpr DLDataType dtype_of_v = dtype_of<std::remove_cv_t<T>>::value;

/// Whether two element types are the same. (Not operator==: the DLPack structs
/// are not ours, and other libraries define it.)
constexpr bool same(DLDataType a, DLDataType b) noexcept {
    return a.code == b.code && a.bits == b.bits && a.lanes == b.lanes;
}

namespace detail {

/// The name of an element type, on the stack.
struct Name {
    explicit Name(DLDataType dtype) noexcept { dlbridge_dtype_name(dtype, text, sizeof text); }

    char text[DLBRIDGE_NAME_SIZE] = "unknown";
};

} // namespace detail

/// The name that NumPy and ml_dtypes give an element type, such as "float32";
/// "unknown" for what DLPack 1.3 does not have.
inline std::string name(DLDataType dtype) { return detail::Name(dtype).text; }

} // namespace dlbridge

#endif // DLBRIDGE_DTYPE_HPP_

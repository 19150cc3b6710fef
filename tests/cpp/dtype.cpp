/* Which element type each C++ type is. */
#include "test.hpp"

#if defined(__has_include) && __has_include(<stdfloat>)
#include <stdfloat>
#endif

/* A type from elsewhere, as CUDA's __nv_bfloat16 is. */
struct brain16 {
    std::uint16_t bits;
};
template <>
struct dlbridge::dtype_of<brain16> : dlbridge::dtype<kDLBfloat, 16> {};

/* A type of several lanes. */
struct float4 {
    float x, y, z, w;
};
template <>
struct dlbridge::dtype_of<float4> : dlbridge::dtype<kDLFloat, 32, 4> {};

static void check_dtype(DLDataType dtype, DLDataType of_const, std::size_t size, const char *name) {
    CHECK(dlbridge::name(dtype) == name && dlbridge::same(dtype, of_const));
    CHECK(dtype.bits * dtype.lanes == static_cast<int>(8 * size));
    CHECK(TAKE(dlbridge::try_empty(dtype, {2, 3})).nbytes() == static_cast<std::int64_t>(6 * size));
}

template <class T>
static void check_dtype(const char *name) {
    check_dtype(dlbridge::dtype_of_v<T>, dlbridge::dtype_of_v<const T>, sizeof(T), name);
}

TEST(dtype_fixed_width) {
    check_dtype<bool>("bool");
    check_dtype<std::int8_t>("int8");
    check_dtype<std::int16_t>("int16");
    check_dtype<std::int32_t>("int32");
    check_dtype<std::int64_t>("int64");
    check_dtype<std::uint8_t>("uint8");
    check_dtype<std::uint16_t>("uint16");
    check_dtype<std::uint32_t>("uint32");
    check_dtype<std::uint64_t>("uint64");
    check_dtype<float>("float32");
    check_dtype<double>("float64");
    check_dtype<std::complex<float>>("complex64");
    check_dtype<std::complex<double>>("complex128");
}

TEST(dtype_by_size) {
    check_dtype<char>(std::is_signed_v<char> ? "int8" : "uint8");
    check_dtype<signed char>("int8");
    check_dtype<unsigned char>("uint8");
    check_dtype<std::byte>("uint8");
    check_dtype<char16_t>("uint16");
    check_dtype<char32_t>("uint32");
    check_dtype<long>(sizeof(long) == 8 ? "int64" : "int32");
    check_dtype<unsigned long>(sizeof(long) == 8 ? "uint64" : "uint32");
    check_dtype<long long>("int64");
    check_dtype<unsigned long long>("uint64");
    check_dtype<std::size_t>(sizeof(std::size_t) == 8 ? "uint64" : "uint32");
}

TEST(dtype_of_the_user) {
    check_dtype<brain16>("bfloat16");
    check_dtype<float4>("float32x4");
    const auto tensor = TAKE(dlbridge::try_empty<float4>({2}));
    CHECK(tensor.holds<const float4>() && !tensor.holds<float>());
    TAKE(tensor.try_at<float4>(1))->w = 4;
    CHECK(TAKE(tensor.try_span<const float4>())[1].w == 4);
}

TEST(dtype_where_the_compiler_has_it) {
#ifdef __FLT16_MANT_DIG__
    check_dtype<_Float16>("float16");
#endif
#ifdef __STDCPP_FLOAT16_T__
    check_dtype<std::float16_t>("float16");
#endif
#ifdef __STDCPP_BFLOAT16_T__
    check_dtype<std::bfloat16_t>("bfloat16");
#endif
#ifdef __STDCPP_FLOAT32_T__
    check_dtype<std::float32_t>("float32");
#endif
#ifdef __STDCPP_FLOAT64_T__
    check_dtype<std::float64_t>("float64");
#endif
#if __clang_major__ >= 17 && defined(__SSE2__)
    check_dtype<__bf16>("bfloat16");
#endif
}

TEST(dtype_has_no_value_where_dlpack_has_no_type) {
    const DLDataType strange = {200, 8, 1};
    CHECK(dlbridge::name(strange) == "unknown");
    CHECK(dlbridge::name(DLDevice{kDLCUDA, 1}) == "cuda:1");
    CHECK(dlbridge::name(DLDevice{static_cast<DLDeviceType>(99), 0}) == "unknown");
}

/* Elements by their indices, for any strides. */
#include "test.hpp"

#include <numeric>

using dlbridge::open;
using dlbridge::Tensor;

#ifdef __cpp_multidimensional_subscript
#define AT(view, ...) (view)[__VA_ARGS__]
#else
#define AT(view, ...) (view)(__VA_ARGS__)
#endif

/* 0, 1, 2 ... in C order. */
static Tensor counting(const dlbridge::Shape &shape) {
    auto tensor = TAKE(dlbridge::try_empty<int>(shape));
    const auto elements = TAKE(tensor.try_span<int>());
    std::iota(elements.begin(), elements.end(), 0);
    return tensor;
}

/* Every element is where at() finds it, and the mapping keeps to its promises. */
static void check_elements(const Tensor &tensor) {
    const auto view = TAKE(tensor.try_mdspan<const int, 2>());
    const auto &mapping = view.mapping();
    std::int64_t highest = -1;
    for (std::int64_t i = 0; i < view.extent(0); ++i)
        for (std::int64_t j = 0; j < view.extent(1); ++j) {
            CHECK(&AT(view, i, j) == TAKE(tensor.try_at<const int>(i, j)));
            CHECK(mapping(i, j) >= 0);
            highest = std::max(highest, mapping(i, j));
        }
    CHECK(mapping.required_span_size() == highest + 1);
    CHECK(mapping == TAKE(tensor.try_mdspan<const int, 2>()).mapping());
    CHECK(view.rank() == 2 && view.size() == static_cast<std::size_t>(tensor.size()));
}

TEST(mdspan_of_any_strides) {
    const Tensor tensor = counting({4, 6});
    check_elements(tensor);
    check_elements(TAKE(tensor.try_permute({1, 0})));
    check_elements(TAKE(tensor.try_slice({{1, 3}, {open, open, 2}})));
    check_elements(TAKE(tensor.try_slice({{open, open, -1}})));
    check_elements(TAKE(tensor.try_slice({{}, {open, open, -2}})));
    check_elements(TAKE(tensor.try_slice({{3, 0, -2}, {4, 1, -1}})));
    check_elements(TAKE(TAKE(tensor.try_slice({{2, 3}})).try_expand({5, 6})));
    check_elements(TAKE(tensor.try_slice({{2, 2}})));
}

TEST(mdspan_of_a_sliding_window) {
    static int numbers[] = {0, 1, 2, 3, 4};
    const auto windows = TAKE(dlbridge::try_wrap(numbers, {3, 3}, {1, 1}, [] {}));
    check_elements(windows);
    const auto view = TAKE(windows.try_mdspan<int, 2>());
    AT(view, 0, 2) = 20;
    CHECK(AT(view, 1, 1) == 20 && AT(view, 2, 0) == 20);
}

TEST(mdspan_writes) {
    const Tensor tensor = counting({2, 3});
    const auto flipped = TAKE(tensor.try_slice({{}, {open, open, -1}}));
    const auto view = TAKE(flipped.try_mdspan<int, 2>());
    AT(view, 1, 0) = 50;
    CHECK(*TAKE(tensor.try_at<int>(1, 2)) == 50);
    CHECK(view.stride(1) == -1 && view.extent(1) == 3);
}

TEST(mdspan_of_one_element_and_of_none) {
    const Tensor one = counting({}), none = counting({3, 0, 2});
    const auto scalar = TAKE(one.try_mdspan<int, 0>());
    CHECK(scalar.size() == 1 && scalar.mapping().required_span_size() == 1);
    const auto empty = TAKE(none.try_mdspan<int, 3>());
    CHECK(empty.empty() && empty.data_handle() == nullptr);
    CHECK(empty.mapping().required_span_size() == 0);
    const dlbridge::mdspan<int, 2> by_default;
    CHECK(by_default.empty());
}

TEST(mdspan_ignores_the_stride_of_an_extent_of_one) {
    static int numbers[] = {0, 1, 2};
    const auto tensor = TAKE(dlbridge::try_wrap(numbers, {1, 3}, {-1000000, 1}, [] {}));
    check_elements(tensor);
    CHECK(TAKE(tensor.try_mdspan<int, 2>()).data_handle() == numbers);
}

TEST(mdspan_computes_nothing_with_strides_that_are_not_used) {
    const std::int64_t least = INT64_MIN, most = INT64_MAX;
    static int number = 7;
    const auto one = TAKE(dlbridge::try_wrap(&number, {1, 1}, {least, most}, [] {}));
    check_elements(one);
    const auto none = TAKE(dlbridge::try_wrap(&number, {0, 3}, {least, most}, [] {}));
    check_elements(none);
    REFUSED(STRIDES, "", dlbridge::try_wrap(&number, {2, 3}, {least, most}, [] {}));
}

TEST(mdspan_checks_the_rank) {
    const Tensor tensor = counting({2, 3});
    REFUSED(NDIM, "its dimensions must be 3", tensor.try_mdspan<int, 3>());
}

#ifdef DLBRIDGE_MINIMAL_MDSPAN_

TEST(mdspan_with_parentheses) {
    const Tensor tensor = counting({2, 3});
    CHECK(TAKE(tensor.try_mdspan<int, 2>())(1, 2) == 5);
}

#else

namespace md = DLBRIDGE_MDSPAN;

template <class Layout>
static auto as(const Tensor &tensor) {
    return tensor.try_mdspan<const int, 2, Layout>();
}

TEST(mdspan_of_the_layouts_of_std) {
    const Tensor tensor = counting({4, 7}), turned = TAKE(tensor.try_permute({1, 0}));
    CHECK(AT(TAKE(as<md::layout_right>(tensor)), 1, 2) == 9);
    CHECK(AT(TAKE(as<md::layout_left>(turned)), 2, 1) == 9);
    CHECK(AT(TAKE(as<md::layout_stride>(turned)), 2, 1) == 9);
    REFUSED(LAYOUT, "C order", as<md::layout_right>(turned));
    REFUSED(LAYOUT, "Fortran order", as<md::layout_left>(tensor));
}

TEST(mdspan_of_layout_stride_only_where_that_is_defined) {
    const Tensor tensor = counting({4, 7});
    using Strided = md::layout_stride;
    CHECK(TAKE(as<Strided>(TAKE(tensor.try_slice({{}, {0, 6, 3}})))).stride(1) == 3);
    CHECK(TAKE(as<Strided>(TAKE(tensor.try_slice({{2, 3}, {1, 2}})))).size() == 1);
    CHECK(TAKE(as<Strided>(TAKE(tensor.try_slice({{2, 2}, {open, open, -1}})))).empty());
    const auto single = TAKE(tensor.try_slice({{3, 2, -1}, {}})); // a stride of -7, never used
    CHECK(AT(TAKE(as<Strided>(single)), 0, 1) == 22);
    REFUSED(LAYOUT, "positive", as<Strided>(TAKE(tensor.try_slice({{open, open, -1}}))));
    const auto row = TAKE(tensor.try_slice({{0, 1}}));
    REFUSED(LAYOUT, "positive", as<Strided>(TAKE(row.try_expand({3, 7}))));
    const auto columns =
        TAKE(tensor.try_slice({{}, {open, open, 2}})); // strides 7 and 2, 4 columns
    REFUSED(LAYOUT, "times its extent", as<Strided>(columns));
    check_elements(columns);
}

#endif

/* The test suite says which mdspan it means to test. */
#ifdef DLBRIDGE_MDSPAN_MUST_BE
static_assert(std::is_same_v<DLBRIDGE_MDSPAN::dextents<std::int64_t, 2>,
                             DLBRIDGE_MDSPAN_MUST_BE::dextents<std::int64_t, 2>>);
#endif

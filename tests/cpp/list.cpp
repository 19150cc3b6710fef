/* Shapes, axes and ranges, from whatever they are written as. */
#include "test.hpp"

#include <array>

using dlbridge::Axes;
using dlbridge::Range;
using dlbridge::Shape;

TEST(list_from_braces_of_mixed_integers) {
    const std::size_t height = 480;
    const int width = 640;
    const std::uint8_t channels = 3;
    const Shape shape = {height, width, channels, 1L, 2ull};
    CHECK(shape.size() == 5 && shape.ndim() == 5);
    CHECK(shape[0] == 480 && shape[1] == 640 && shape[2] == 3 && shape[3] == 1 && shape[4] == 2);
    CHECK(shape == Shape({480, 640, 3, 1, 2}));
    CHECK(shape != Shape{480, 640});
    CHECK(Shape{}.size() == 0 && Shape({}) == Shape());
}

TEST(list_from_containers) {
    const std::vector<int> numbers = {2, 3};
    const std::array<std::size_t, 2> array = {2, 3};
    const std::int16_t plain[] = {2, 3};
    CHECK(Shape(numbers) == Shape{2, 3});
    CHECK(Shape(array) == Shape{2, 3});
    CHECK(Shape(plain) == Shape{2, 3});
    CHECK(Axes(numbers)[1] == 3);
    std::int64_t sum = 0;
    for (const std::int64_t extent : Shape(numbers))
        sum += extent;
    CHECK(sum == 5);
}

TEST(list_from_memory) {
    std::int64_t numbers[] = {4, 5};
    const std::int64_t *first = numbers;
    CHECK(Shape(numbers, 2) == Shape{4, 5} && Shape(first, 1) == Shape{4});
    CHECK(Shape(static_cast<const std::int64_t *>(nullptr), 0) == Shape());
    CHECK(Shape{0, 2}.size() == 2 && Axes({0, 2})[1] == 2);
    const dlbridge::Ranges one = {{0, 2}};
    CHECK(one.size() == 1 && one[0].start == 0 && one[0].stop == 2);
}

TEST(list_too_long_is_refused_where_it_is_used) {
    const Shape shape = std::vector<int>(100, 1);
    CHECK(shape.size() == 100);
    CHECK(shape.end() - shape.begin() == DLBRIDGE_MAX_NDIM);
    REFUSED(NDIM, "100", dlbridge::try_empty<float>(shape));
    CHECK(TAKE(dlbridge::try_empty<float>(std::vector<int>(64, 1))).ndim() == 64);
}

TEST(list_number_too_large_is_refused_where_it_is_used) {
    REFUSED(SHAPE, "-1", dlbridge::try_empty<float>({SIZE_MAX, 2}));
}

TEST(list_of_ranges) {
    const std::int64_t some = 7;
    const dlbridge::Ranges ranges = {{}, {1, some}, {dlbridge::open, 2u, -1}};
    CHECK(ranges.size() == 3);
    CHECK(ranges[0].start == DLBRIDGE_OPEN && ranges[0].stop == DLBRIDGE_OPEN &&
          ranges[0].step == 1);
    CHECK(ranges[1].start == 1 && ranges[1].stop == 7 && ranges[1].step == 1);
    CHECK(ranges[2].start == DLBRIDGE_OPEN && ranges[2].stop == 2 && ranges[2].step == -1);
    CHECK(dlbridge::Ranges(std::vector<Range>(2)).size() == 2);
}

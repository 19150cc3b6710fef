/* Tensors over memory that is there already, released exactly once. */
#include "test.hpp"

#include <array>
#include <functional>
#include <memory>
#include <numeric>
#include <thread>

using dlbridge::Shape;
using dlbridge::Tensor;
using dlbridge::try_wrap;
using test::Counted;

/* An image class with elements inside and outside, whose destruction is counted. */
struct Image {
    std::vector<std::uint8_t> pixels;
    Counted counted;

    std::uint8_t *data() { return pixels.data(); }
    std::size_t size() const { return pixels.size(); }
};

struct Inline {
    std::array<short, 4> numbers{1, 2, 3, 4};
    Counted counted;

    const short *data() const { return numbers.data(); }
    std::size_t size() const { return numbers.size(); }
};

TEST(wrap_a_vector_without_copying_it) {
    std::vector<float> numbers(6);
    std::iota(numbers.begin(), numbers.end(), 0.f);
    const float *first = numbers.data();
    const std::size_t rows = 2;
    const Tensor tensor = TAKE(try_wrap(std::move(numbers), {rows, 3}));
    CHECK(tensor.data() == first && tensor.shape() == Shape{2, 3} && !tensor.is_read_only());
    CHECK(*TAKE(tensor.try_at<float>(1, 2)) == 5);
    CHECK(TAKE(try_wrap(std::vector<int>(4))).shape() == Shape{4});
    CHECK(TAKE(try_wrap(std::vector<int>())).shape() == Shape{0});
    CHECK(TAKE(try_wrap(std::string("text"))).holds<char>());
}

TEST(wrap_an_owner_of_the_user) {
    int count = 0;
    {
        const Tensor tensor =
            TAKE(try_wrap(Image{std::vector<std::uint8_t>(12), Counted(count)}, {2, 2, 3}));
        const Tensor row = TAKE(tensor.try_select(0, 0));
        CHECK(count == 0 && tensor.nbytes() == 12);
    }
    CHECK(count == 1);
}

TEST(wrap_elements_that_move_with_their_owner) {
    int count = 0;
    {
        const Tensor tensor = TAKE(try_wrap(Inline{{1, 2, 3, 4}, Counted(count)}));
        CHECK(*TAKE(tensor.try_at<const short>(3)) == 4 && count == 0);
        CHECK(tensor.is_read_only()); // since its data() gives them as const
    }
    CHECK(count == 1);
    const Tensor array = TAKE(try_wrap(std::array<int, 3>{7, 8, 9}));
    CHECK(*TAKE(array.try_at<int>(2)) == 9);
}

TEST(wrap_smart_pointers) {
    auto array = std::make_unique<std::array<double, 6>>();
    const double *first = array->data();
    CHECK(TAKE(try_wrap(std::move(array), {3, 2})).data() == first);

    const auto shared = std::make_shared<std::vector<int>>(5);
    {
        const Tensor tensor = TAKE(try_wrap(shared));
        CHECK(tensor.data() == shared->data() && shared.use_count() == 2);
    }
    CHECK(shared.use_count() == 1);
    CHECK(TAKE(try_wrap(std::shared_ptr<const std::vector<int>>(shared))).is_read_only());

    CHECK(TAKE(try_wrap(std::make_unique<float[]>(6), {2, 3})).size() == 6);
    const std::shared_ptr<const float> floats(new float[2]{1, 2}, std::default_delete<float[]>());
    CHECK(*TAKE(TAKE(try_wrap(floats, {2})).try_at<const float>(1)) == 2);
    REFUSED(NULL, "empty", try_wrap(std::unique_ptr<std::vector<int>>()));
    REFUSED(NULL, "empty", try_wrap(std::shared_ptr<float>(), {2}));
}

TEST(wrap_that_fails_destroys_the_owner_once) {
    int count = 0;
    REFUSED(SIZE, "the shape has 10 elements; it must have as many as the owner: 12",
            try_wrap(Image{std::vector<std::uint8_t>(12), Counted(count)}, {2, 5}));
    CHECK(count == 1);
    REFUSED(SHAPE, "-2", try_wrap(Image{std::vector<std::uint8_t>(12), Counted(count)}, {-2, -6}));
    CHECK(count == 2);
}

TEST(wrap_memory_with_a_deleter) {
    int count = 0;
    {
        const Tensor tensor = TAKE(try_wrap(new long[6]{}, {3, 2}, [&count](long *numbers) {
            delete[] numbers;
            ++count;
        }));
        CHECK(!tensor.is_read_only() && count == 0);
    }
    CHECK(count == 1);
    TAKE(try_wrap(static_cast<int *>(std::calloc(2, sizeof(int))), {2}, std::free));
    TAKE(try_wrap(new int(1), {}, std::default_delete<int>()));
    TAKE(try_wrap(new int(1), {},
                  std::function<void(int *)>([&](int *one) { count += *one, delete one; })));
    CHECK(count == 2);
}

TEST(wrap_memory_with_a_deleter_that_owns_something) {
    int count = 0;
    static const std::uint16_t table[] = {1, 2, 3};
    Tensor tensor = TAKE(try_wrap(table, {3}, [keep = std::make_unique<Counted>(count)] {}));
    CHECK(tensor.is_read_only() && tensor.data() == table && count == 0);
    std::thread([moved = std::move(tensor)]() mutable { moved = {}; }).join();
    CHECK(count == 1);
}

/* An image class like cv::Mat of OpenCV 4: it counts its owners, and its move is not
 * noexcept. */
struct Matrix {
    std::shared_ptr<float[]> numbers{new float[6]{0, 1, 2, 3, 4, 5}};
    bool throws = false;

    Matrix() = default;
    Matrix(const Matrix &) = default;
    Matrix(Matrix &&other) noexcept(false) : throws(other.throws) {
#ifndef DLBRIDGE_NO_EXCEPTIONS
        if (throws)
            throw std::runtime_error("moved");
#endif
        numbers.swap(other.numbers);
    }
    float *data() { return numbers.get(); }
    std::size_t size() const { return 6; }
};

TEST(wrap_what_may_throw_when_it_is_moved) {
    const Matrix matrix;
    {
        const Tensor view = TAKE(try_wrap(matrix.numbers.get(), {2, 3}, [matrix] {}));
        CHECK(matrix.numbers.use_count() == 2 && view.data() == matrix.numbers.get());
        const Tensor rows = TAKE(try_wrap(matrix.numbers.get(), {2, 2}, {3, 1}, [matrix] {}));
        CHECK(*TAKE(rows.try_at<float>(1, 0)) == 3);
        const Tensor again = TAKE(try_wrap(*view.dl_tensor(), 0, [matrix](void *) {}));
        const Tensor whole = TAKE(try_wrap(Matrix(matrix), {3, 2}));
        CHECK(matrix.numbers.use_count() == 5 && whole.data() == view.data());
        REFUSED(SHAPE, "-1", try_wrap(matrix.numbers.get(), {-1}, [matrix] {}));
        REFUSED(SIZE, "7", try_wrap(Matrix(matrix), {7}));
        CHECK(matrix.numbers.use_count() == 5);
    }
    CHECK(matrix.numbers.use_count() == 1);
}

TEST(wrap_memory_with_strides) {
    static float image[4 * 8];
    const Tensor rows = TAKE(try_wrap(image, {4, 5}, {8, 1}, [] {}));
    CHECK(rows.strides() == dlbridge::Strides{8, 1} && !rows.is_c_contiguous());
    CHECK(TAKE(rows.try_at<float>(3, 4)) == image + 28);
    int count = 0;
    REFUSED(STRIDES, "there are 1 strides; there must be as many as extents: 2",
            try_wrap(image, {4, 5}, {8}, [&count] { ++count; }));
    CHECK(count == 1);
}

TEST(wrap_that_fails_calls_the_deleter_once) {
    int count = 0;
    int number = 0;
    const auto deleter = [&count](int *) { ++count; };
    REFUSED(SHAPE, "-1", try_wrap(&number, {-1}, deleter));
    CHECK(count == 1);
    REFUSED(DATA, "NULL", try_wrap(static_cast<int *>(nullptr), {1}, deleter));
    CHECK(count == 2);
    TAKE(try_wrap(static_cast<int *>(nullptr), {0}, deleter));
    CHECK(count == 3);
}

TEST(wrap_a_descriptor_on_any_device) {
    int count = 0;
    {
        std::int64_t shape[] = {2, 2};
        int memory[4] = {};
        DLTensor descriptor{};
        descriptor.data = memory;
        descriptor.device = {kDLCUDA, 1};
        descriptor.ndim = 2;
        descriptor.dtype = {kDLFloat, 16, 1};
        descriptor.shape = shape;
        const Tensor tensor =
            TAKE(try_wrap(descriptor, DLPACK_FLAG_BITMASK_READ_ONLY, [&](void *data) {
                CHECK(data == memory);
                ++count;
            }));
        CHECK(tensor.describe() == "float16 [2, 2] with strides [2, 1] on cuda:1");
        CHECK(tensor.is_read_only() && tensor.data() == memory);
        REFUSED(FLAGS, "0x80", try_wrap(descriptor, 0x80, [&count] { ++count; }));
        CHECK(count == 1);
    }
    CHECK(count == 2);
}

#ifndef DLBRIDGE_NO_EXCEPTIONS
TEST(wrap_calls_a_deleter_whose_move_throws) {
    Matrix matrix;
    matrix.throws = true;
    int count = 0;
    float *first = matrix.numbers.get();
    const auto passes = [&](auto &&wrap) {
        const int before = count;
        try {
            wrap();
        } catch (const std::runtime_error &error) {
            return std::string(error.what()) == "moved" && count == before + 1;
        }
        return false;
    };
    CHECK(passes([&] { dlbridge::wrap(first, {2, 3}, [matrix, &count] { ++count; }); }));
    CHECK(passes([&] { dlbridge::wrap(first, {2}, {2}, [matrix, &count] { ++count; }); }));
    CHECK(passes([&] { TAKE(try_wrap(first, {6}, [matrix, &count](float *) { ++count; })); }));
    const Tensor tensor = dlbridge::wrap(first, {6}, [] {});
    CHECK(passes([&] { dlbridge::wrap(*tensor.dl_tensor(), 0, [matrix, &count] { ++count; }); }));
    CHECK(matrix.numbers.use_count() == 1);
}

TEST(wrap_throwing_forms) {
    int count = 0, numbers[4] = {};
    CHECK(dlbridge::wrap(std::vector<int>(4)).size() == 4);
    CHECK(dlbridge::wrap(std::vector<int>(4), {2, 2}).size() == 4);
    CHECK(dlbridge::wrap(numbers, {2, 2}, [&count] { ++count; }).size() == 4);
    CHECK(dlbridge::wrap(numbers, {2}, {2}, [&count] { ++count; }).size() == 2);
    const Tensor tensor = dlbridge::wrap(numbers, {4}, [] {});
    CHECK(dlbridge::wrap(*tensor.dl_tensor(), 0, [&count] { ++count; }).size() == 4);
    CHECK(count == 3);
    try {
        dlbridge::wrap(numbers, {-4}, [&count] { ++count; });
        CHECK(false);
    } catch (const dlbridge::Error &error) {
        CHECK(error.status() == DLBRIDGE_ERROR_SHAPE && count == 4);
    }
}
#endif

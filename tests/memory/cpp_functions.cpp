/* Every C++ function that can fail, with every allocation that it makes failing: one alone,
 * and all from one on. An Expected has an error with the status MEMORY then, and the form
 * that throws throws it; nothing is thrown otherwise, and nothing leaks. */
#include "failures.h"

#include <dlbridge/cuda.hpp>
#include <dlbridge/dlbridge.hpp>

#include <cstring>
#include <memory>
#include <vector>

using dlbridge::Expected;
using dlbridge::open;
using dlbridge::Tensor;
using dlbridge::TensorView;

static long all_failures;

static void check(dlbridge_status status, dlbridge_status expected, const char *name) {
    all_failures += failures();
    if (failures() == 0)
        FAILURES_EXPECT(status == expected, name);
    else if (expected != DLBRIDGE_ERROR_NO_CUDA || status != expected)
        FAILURES_EXPECT(status == DLBRIDGE_ERROR_MEMORY, name);
}

template <class T>
dlbridge_status status_of(const Expected<T> &result) {
    return result ? DLBRIDGE_OK : result.error().status();
}

/* Calls `call` with what `make` makes, which may allocate. */
template <class Make, class Call>
void each(const char *name, dlbridge_status expected, Make make, Call call) {
    for (const int and_later : {0, 1}) {
        long nth = 0;
        do {
            {
                auto made = make();
                arm(++nth, and_later);
                const auto result = call(made);
                disarm();
                check(status_of(result), expected, name);
            }
            FAILURES_EXPECT(live_blocks() == 0, name);
        } while (failures() > 0);
    }
}

template <class Call>
void each(const char *name, dlbridge_status expected, Call call) {
    each(name, expected, [] { return 0; }, [&](int) { return call(); });
}

/* The form that throws. */
template <class Call>
void each_throws(const char *name, dlbridge_status expected, Call call) {
#ifdef DLBRIDGE_NO_EXCEPTIONS
    static_cast<void>(name), static_cast<void>(expected), static_cast<void>(call);
#else
    for (const int and_later : {0, 1}) {
        long nth = 0;
        do {
            dlbridge_status status = DLBRIDGE_OK;
            arm(++nth, and_later);
            try {
                call();
                disarm();
            } catch (const dlbridge::Error &error) {
                disarm();
                status = error.status();
                FAILURES_EXPECT(std::strlen(error.what()) > 0, name);
            } catch (const std::bad_alloc &) {
                disarm();
                status = DLBRIDGE_ERROR_MEMORY;
            }
            // What is thrown has a reserve of memory of its own.
            if (failures() == 0 || expected == DLBRIDGE_OK || status != expected)
                check(status, expected, name);
            FAILURES_EXPECT(live_blocks() == 0, name);
        } while (failures() > 0);
    }
#endif
}

#define OK(...) each(#__VA_ARGS__, DLBRIDGE_OK, [&] { return __VA_ARGS__; })
#define FAILS(status, ...) each(#__VA_ARGS__, DLBRIDGE_ERROR_##status, [&] { return __VA_ARGS__; })
#ifdef DLBRIDGE_NO_EXCEPTIONS
#define OK_OR_THROWS(...)
#define THROWS(status, ...)
#else
#define OK_OR_THROWS(...)                                                                          \
    each_throws(#__VA_ARGS__, DLBRIDGE_OK, [&] { static_cast<void>(__VA_ARGS__); })
#define THROWS(status, ...)                                                                        \
    each_throws(#__VA_ARGS__, DLBRIDGE_ERROR_##status, [&] { static_cast<void>(__VA_ARGS__); })
#endif

static int deleted;

static void count_delete(DLManagedTensorVersioned *) { ++deleted; }
static void count_delete_legacy(DLManagedTensor *) { ++deleted; }

/* What is given is taken, also where it fails. */
template <class Make, class Call>
void each_takes(const char *name, dlbridge_status expected, Make make, Call call) {
    int before = 0;
    each(
        name, expected,
        [&] {
            before = deleted;
            return make();
        },
        [&](auto &made) {
            auto result = call(made);
            if (!result)
                FAILURES_EXPECT(deleted == before + 1, name);
            return result;
        });
}

struct Counted {
    bool counts = true;
    Counted() = default;
    Counted(Counted &&other) noexcept : counts(std::exchange(other.counts, false)) {}
    void operator()() const noexcept { ++deleted; }
    ~Counted() = default;
};

static void test_wrap() {
    static float numbers[12];
    const dlbridge::Shape few = {3, 4};
    const auto vector = [] { return std::vector<float>(12); };
    const auto pointer = [] { return std::make_unique<float[]>(12); };
    const auto deleter = [] { return Counted(); };
    each("wrap a vector", DLBRIDGE_OK, vector,
         [](auto &made) { return dlbridge::try_wrap(std::move(made)); });
    each("wrap a vector with a shape", DLBRIDGE_OK, vector,
         [&](auto &made) { return dlbridge::try_wrap(std::move(made), few); });
    each("wrap a vector with a wrong shape", DLBRIDGE_ERROR_SIZE, vector,
         [&](auto &made) { return dlbridge::try_wrap(std::move(made), {7}); });
    each("wrap a pointer", DLBRIDGE_OK, pointer,
         [&](auto &made) { return dlbridge::try_wrap(std::move(made), few); });
    each(
        "wrap an empty pointer", DLBRIDGE_ERROR_NULL, [] { return std::unique_ptr<float[]>(); },
        [&](auto &made) { return dlbridge::try_wrap(std::move(made), few); });
    each_takes("wrap memory", DLBRIDGE_OK, deleter,
               [&](auto &made) { return dlbridge::try_wrap(numbers, few, std::move(made)); });
    each_takes("wrap memory with strides", DLBRIDGE_OK, deleter, [&](auto &made) {
        return dlbridge::try_wrap(numbers, few, {1, 3}, std::move(made));
    });
    each_takes("wrap memory with wrong strides", DLBRIDGE_ERROR_STRIDES, deleter,
               [&](auto &made) { return dlbridge::try_wrap(numbers, few, {1}, std::move(made)); });
    DLTensor descriptor{};
    descriptor.device = {kDLCPU, 0};
    descriptor.dtype = dlbridge::dtype_of_v<float>;
    descriptor.data = numbers;
    each_takes("wrap a descriptor", DLBRIDGE_OK, deleter,
               [&](auto &made) { return dlbridge::try_wrap(descriptor, 0, std::move(made)); });
    descriptor.ndim = -1;
    each_takes("wrap a wrong descriptor", DLBRIDGE_ERROR_NDIM, deleter,
               [&](auto &made) { return dlbridge::try_wrap(descriptor, 0, std::move(made)); });
}

static void test_adopt(const Tensor &few) {
    DLManagedTensorVersioned managed{};
    managed.version = {1, 3};
    managed.deleter = count_delete;
    managed.dl_tensor = *few.dl_tensor();
    DLManagedTensor legacy{};
    legacy.deleter = count_delete_legacy;
    legacy.dl_tensor = *few.dl_tensor();
    const auto nothing = [] { return 0; };
    each_takes("adopt", DLBRIDGE_OK, nothing, [&](int) { return Tensor::try_adopt(&managed); });
    each_takes("adopt a legacy tensor", DLBRIDGE_OK, nothing,
               [&](int) { return Tensor::try_adopt(&legacy, 0); });
    managed.dl_tensor.ndim = -1;
    each_takes("adopt a wrong tensor", DLBRIDGE_ERROR_NDIM, nothing,
               [&](int) { return Tensor::try_adopt(&managed); });
    each(
        "the legacy form", DLBRIDGE_OK, [&] { return *few.try_share(); },
        [](Tensor &made) { return std::move(made).try_to_legacy(); });
    each(
        "the legacy form of what is read-only", DLBRIDGE_ERROR_READ_ONLY,
        [&] { return *few.try_share_read_only(); },
        [](Tensor &made) { return std::move(made).try_to_legacy(); });
}

static void test_views(const Tensor &few, const Tensor &many, const Tensor &permuted) {
    const dlbridge::Shape many_shape = many.shape();
    const Tensor target = *permuted.try_copy(), read_only = *few.try_share_read_only();
    OK(few.try_share());
    OK(few.try_share_read_only());
    FAILS(NULL, Tensor().try_share());
    OK(few.try_slice({{0, 2}, {open, open, -1}}));
    FAILS(INDEX, few.try_slice({{}, {}, {}, {}}));
    OK(few.try_select(0, 1));
    OK(many.try_select(0, 1));
    FAILS(INDEX, few.try_select(0, 9));
    OK(few.try_permute({2, 1, 0}));
    FAILS(INDEX, few.try_permute({0, 0, 0}));
    OK(few.try_reshape({-1}));
    OK(many.try_reshape(many_shape));
    FAILS(SHAPE, few.try_reshape({7}));
    OK(few.try_expand({2, 4, 5, 3}));
    FAILS(SHAPE, few.try_expand({7}));
    OK(few.try_copy());
    OK(permuted.try_copy());
    OK(permuted.try_copy_into(target));
    FAILS(SHAPE, few.try_copy_into(many));
    FAILS(READ_ONLY, few.try_copy_into(read_only));
    OK_OR_THROWS(few.share());
    OK_OR_THROWS(few.slice({{0, 2}, {open, open, -1}}));
    OK_OR_THROWS(permuted.copy());
    OK_OR_THROWS(few.describe());
    THROWS(SHAPE, few.reshape({7}));
    THROWS(DTYPE, few.span<int>());
}

static void test_elements(const Tensor &few, const Tensor &permuted) {
    const TensorView view = few.view(), other = permuted.view();
    DLTensor wrong = *few.dl_tensor();
    const DLTensor *wrong_pointer = &wrong;
    wrong.ndim = -1;
    DLManagedTensorVersioned managed{};
    const DLManagedTensorVersioned *managed_pointer = &managed;
    FAILS(NDIM, TensorView::try_from(&wrong));
    FAILS(NDIM, TensorView::try_from(wrong_pointer));
    FAILS(VERSION, TensorView::try_from(&managed));
    FAILS(VERSION, TensorView::try_from(managed_pointer));
    OK(TensorView::try_from(few.get()));
    OK(view.try_data<float>());
    FAILS(DTYPE, view.try_data<int>());
    FAILS(NULL, TensorView().try_data<int>());
    OK(view.try_span<float>());
    FAILS(LAYOUT, other.try_span<float>());
    OK(view.try_mdspan<float, 3>());
    FAILS(NDIM, (view.try_mdspan<float, 2>()));
    FAILS(NDIM, (other.try_mdspan<float, 2>()));
    OK(view.try_at<float>(1, 1, 1));
    FAILS(INDEX, view.try_at<float>(1));
    FAILS(INDEX, view.try_at<float>(1, 1, 3));
    OK(dlbridge::try_empty<float>({3, 4}));
    FAILS(SHAPE, dlbridge::try_empty<float>({-1}));
    OK(dlbridge::try_check(view, "f32[h, w, 3] c cpu"));
    FAILS(DTYPE, dlbridge::try_check(view, "u8|u16|u32|i8|i16|i32[h, w, 3]"));
    FAILS(NDIM, dlbridge::try_check(&wrong, "f32"));
    OK(dlbridge::try_check_all("a: f32[h, w, _], b: f32[h, w, _]", view, view));
    FAILS(SHAPE, dlbridge::try_check_all("f32[a, b, _], f32[b, a, _]", view, view));
    THROWS(INDEX, view.at<float>(1, 1, 3));
    THROWS(NDIM, TensorView(&wrong));
}

static void test_cuda(const Tensor &few) {
    const DLDevice gpu = dlbridge::cuda::gpu(0), metal = {kDLMetal, 0};
    FAILS(DEVICE, dlbridge::cuda::try_empty<float>({3}, metal, nullptr));
    FAILS(DEVICE, dlbridge::cuda::try_copy(few, metal, nullptr));
    FAILS(DEVICE, dlbridge::cuda::try_copy_into(few, few, nullptr));
    if (dlbridge::cuda::try_device_count())
        return; // the others are for machines without
    FAILS(NO_CUDA, dlbridge::cuda::try_device_count());
    FAILS(NO_CUDA, dlbridge::cuda::try_device_of(&gpu));
    FAILS(NO_CUDA, dlbridge::cuda::try_check(few));
    FAILS(NO_CUDA, dlbridge::cuda::try_synchronize(nullptr, gpu));
    FAILS(NO_CUDA, dlbridge::try_stream_wait(nullptr, reinterpret_cast<void *>(2), gpu));
}

/* An error is copied and thrown without an allocation. */
static void test_errors() {
    const dlbridge::Error error(DLBRIDGE_ERROR_SHAPE, "a sentence");
    arm(1, 1);
    const dlbridge::Error copy = error, lost(DLBRIDGE_ERROR_SHAPE, "another");
    disarm();
    FAILURES_EXPECT(std::strcmp(copy.what(), "a sentence") == 0, "copy");
    FAILURES_EXPECT(lost.status() == DLBRIDGE_ERROR_MEMORY, "lost");
    FAILURES_EXPECT(std::strstr(lost.what(), "memory") != nullptr, "lost");
#ifndef DLBRIDGE_NO_EXCEPTIONS
    arm(0, 0);
    const dlbridge_status status = dlbridge::guard([] { throw std::bad_alloc(); });
    disarm();
    FAILURES_EXPECT(status == DLBRIDGE_ERROR_MEMORY && live_blocks() == 0, "guard");
#endif
}

int main() {
    failures_find();
    dlbridge::Shape many_shape;
    dlbridge::Axes reversed;
    for (int axis = 0; axis != DLBRIDGE_MAX_NDIM; ++axis) {
        many_shape.push(axis < 10 ? 2 : 1);
        reversed.push(DLBRIDGE_MAX_NDIM - 1 - axis);
    }
    {
        const Tensor few = *dlbridge::try_empty<float>({4, 5, 3});
        const Tensor many = *dlbridge::try_empty<float>(many_shape);
        const Tensor permuted = *many.try_permute(reversed);
        std::memset(*many.view().try_data<float>(), 0, sizeof(float) << 10);
        test_wrap();
        test_adopt(few);
        test_views(few, many, permuted);
        test_elements(few, permuted);
        test_cuda(few);
        test_errors();
    }
    FAILURES_EXPECT(all_failures > 100, "too few allocations failed");
}

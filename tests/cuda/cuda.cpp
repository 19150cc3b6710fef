/* The C++ side, on the fake driver. */
#include "fake.h"
#include "test.hpp"

#include <numeric>
#include <vector>

namespace cuda = dlbridge::cuda;
using dlbridge::Shape;
using dlbridge::Tensor;

TEST(copy_there_and_back) {
    void *stream = fake_stream(1, 0);
    std::vector<float> numbers(12);
    std::iota(numbers.begin(), numbers.end(), 0.f);
    const Tensor host = TAKE(dlbridge::try_wrap(std::move(numbers), {3, 4}));
    const Tensor turned = TAKE(host.try_permute({1, 0}));
    {
        const Tensor there = TAKE(cuda::try_copy(turned, cuda::gpu(1), stream));
        CHECK(there.shape() == Shape{4, 3} && there.device().device_id == 1);
        CHECK(dlbridge::same(TAKE(cuda::try_device_of(there.data())), cuda::gpu(1)));
        TAKE(cuda::try_check(there));
        const Tensor back = TAKE(cuda::try_empty<float>({4, 3}, cuda::pinned, nullptr));
        TAKE(cuda::try_copy_into(there, back, stream));
        TAKE(cuda::try_synchronize(stream, cuda::gpu(1)));
        CHECK(*TAKE(back.try_at<float>(3, 1)) == 7);
    }
    CHECK(fake_allocations() == 0);
}

TEST(order_streams) {
    CHECK(TAKE(cuda::try_device_count()) == 2);
    void *consumer = fake_stream(0, 0);
    fake_log();
    TAKE(dlbridge::try_stream_wait(consumer, nullptr, cuda::gpu(0)));
    CHECK(std::string(fake_log()).find("record legacy0\nwait s") != std::string::npos);
}

TEST(refuse_what_cannot_be) {
    const Tensor managed = TAKE(cuda::try_empty<int>({2}, cuda::managed, nullptr));
    const Tensor locked = TAKE(managed.try_share_read_only());
    REFUSED(READ_ONLY, "read-only", cuda::try_copy_into(managed, locked, nullptr));
    REFUSED(DEVICE, "cuda:7", cuda::try_empty<int>({2}, cuda::gpu(7), nullptr));
    REFUSED(DEVICE, "rocm:0", dlbridge::try_stream_wait(nullptr, nullptr, {kDLROCM, 0}));
    REFUSED(DEVICE, "must be one of CUDA", cuda::try_synchronize(nullptr, {kDLMetal, 0}));
}

#ifndef DLBRIDGE_NO_EXCEPTIONS
TEST(throw) {
    const Tensor tensor = cuda::empty<double>({2, 2}, cuda::gpu(0), nullptr);
    const Tensor copy = cuda::copy(tensor, cuda::managed, nullptr);
    cuda::copy_into(copy, tensor, nullptr);
    cuda::check(tensor);
    dlbridge::stream_wait(nullptr, nullptr, cuda::gpu(0));
    cuda::synchronize(nullptr, cuda::gpu(0));
    CHECK(cuda::device_count() == 2);
    CHECK(cuda::device_of(&copy).device_type == kDLCPU);
    try {
        cuda::empty(dlbridge::dtype_of_v<int>, {-1}, cuda::gpu(0), nullptr);
        CHECK(false);
    } catch (const dlbridge::Error &error) {
        CHECK(error.status() == DLBRIDGE_ERROR_SHAPE);
    }
}
#endif

TEST(nothing_is_left) { CHECK(fake_allocations() == 0); }

/* One-line checks of arguments. */
#include "test.hpp"

using dlbridge::Tensor;
using dlbridge::try_check;
using dlbridge::try_check_all;

TEST(check_one_tensor) {
    const Tensor image = TAKE(dlbridge::try_empty<float>({4, 5, 3}));
    TAKE(try_check(image, "f32[h, w, 3] c cpu"));
    TAKE(try_check(image.view(), "f32[h, w, 3] writable"));
    TAKE(try_check(image.get(), "f32"));
    TAKE(try_check(image.dl_tensor(), "f32"));
    REFUSED(DTYPE, "float32 [4, 5, 3] with strides [15, 3, 1] on cpu",
            try_check(image, "u8[h, w, 3]"));
    REFUSED(SHAPE, "[h, w, 4]", try_check(image, "f32[h, w, 4]"));
    REFUSED(SPEC, "", try_check(image, "f32["));
    REFUSED(NULL, "NULL", try_check(static_cast<const DLTensor *>(nullptr), "f32"));
}

TEST(check_read_only) {
    const Tensor tensor = TAKE(dlbridge::try_empty<float>({2}));
    const Tensor constant = TAKE(tensor.try_share_read_only());
    TAKE(try_check(constant, "readonly"));
    REFUSED(READ_ONLY, "read-only", try_check(constant, "writable"));
    REFUSED(READ_ONLY, "read-only", try_check(tensor.dl_tensor(), "writable")); // const DLTensor *
    DLTensor descriptor = *tensor.dl_tensor();
    TAKE(try_check(&descriptor, "writable"));
}

TEST(check_all_tensors) {
    const Tensor source = TAKE(dlbridge::try_empty<float>({4, 5}));
    const Tensor target = TAKE(dlbridge::try_empty<float>({4, 6}));
    TAKE(try_check_all("source: f32[h, w], target: f32[h, v]", source, target.dl_tensor()));
    TAKE(try_check_all("f32[h, _], f32[h, _], f32", source.get(), target.view(), source));
    REFUSED(SHAPE, "argument 2 (target)",
            try_check_all("source: f32[h, w], target: f32[h, w]", source, target));
    REFUSED(ARGUMENT, "", try_check_all("f32", source, target));
    REFUSED(NULL, "tensors[1]", try_check_all("f32, f32", source, dlbridge::TensorView()));
}

#ifndef DLBRIDGE_NO_EXCEPTIONS
TEST(check_throwing_forms) {
    const Tensor tensor = dlbridge::empty<float>({4, 5});
    dlbridge::check(tensor, "f32[4, 5]");
    dlbridge::check(tensor.dl_tensor(), "f32[4, 5]");
    dlbridge::check_all("f32[a, b], f32[a, b]", tensor, tensor);
    CHECK(dlbridge::guard([&] { dlbridge::check(tensor, "f64"); }) == DLBRIDGE_ERROR_DTYPE);
}
#endif

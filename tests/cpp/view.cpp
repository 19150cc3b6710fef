/* Views of descriptors from anywhere, and typed access to their elements. */
#include "test.hpp"

#include <numeric>

using dlbridge::Shape;
using dlbridge::Strides;
using dlbridge::TensorView;

/* A descriptor of six numbers that a test changes. */
struct Descriptor {
    float numbers[6] = {0, 1, 2, 3, 4, 5};
    std::int64_t shape[3] = {2, 3, 1};
    std::int64_t strides[3] = {3, 1, 1};
    DLTensor tensor{};

    Descriptor() {
        tensor.data = numbers;
        tensor.device = {kDLCPU, 0};
        tensor.ndim = 2;
        tensor.dtype = dlbridge::dtype_of_v<float>;
        tensor.shape = shape;
        tensor.strides = strides;
    }
    Descriptor(const Descriptor &) = delete;

    TensorView view() { return TAKE(TensorView::try_from(&tensor)); }
};

TEST(view_tells_what_the_descriptor_says) {
    Descriptor d;
    const TensorView view = d.view();
    CHECK(view && view.dl_tensor() == &d.tensor && view.flags() == 0);
    CHECK(view.ndim() == 2 && view.shape() == Shape{2, 3} && view.strides() == Strides{3, 1});
    CHECK(view.size() == 6 && view.nbytes() == 24 && view.data() == d.numbers);
    CHECK(dlbridge::same(view.dtype(), dlbridge::dtype_of_v<float>));
    CHECK(dlbridge::same(view.device(), DLDevice{kDLCPU, 0}));
    CHECK(view.holds<float>() && !view.holds<int>());
    CHECK(view.is_c_contiguous() && !view.is_f_contiguous() && !view.is_read_only());
    CHECK(view.describe() == "float32 [2, 3] with strides [3, 1] on cpu");
}

TEST(view_of_bad_descriptors_is_refused) {
    Descriptor d;
    d.tensor.ndim = -1;
    REFUSED(NDIM, "-1", TensorView::try_from(&d.tensor));
    d.tensor.ndim = 2;
    d.tensor.dtype.lanes = 0;
    REFUSED(DTYPE, "lanes", TensorView::try_from(&d.tensor));
    DLManagedTensorVersioned managed{};
    managed.version = {2, 0};
    REFUSED(VERSION, "2", TensorView::try_from(&managed));
    REFUSED(NULL, "NULL",
            TensorView::try_from(static_cast<const DLManagedTensorVersioned *>(nullptr)));
}

TEST(view_without_strides_is_in_c_order) {
    Descriptor d;
    d.tensor.strides = nullptr;
    const TensorView view = d.view();
    CHECK(view.strides() == Strides{3, 1});
    CHECK(*TAKE(view.try_at<float>(1, 2)) == 5);
    CHECK(TAKE(view.try_span<float>())[4] == 4);
    CHECK(*TAKE(view.try_mdspan<float, 2>()).data_handle() == 0);
}

TEST(view_adds_the_byte_offset) {
    Descriptor d;
    d.shape[0] = 1;
    d.tensor.byte_offset = 3 * sizeof(float);
    CHECK(d.view().data() == d.numbers + 3);
    CHECK(*TAKE(d.view().try_at<float>(0, 1)) == 4);
}

TEST(view_of_a_const_descriptor_is_read_only) {
    Descriptor d;
    const DLTensor *tensor = &d.tensor;
    const TensorView view = TAKE(TensorView::try_from(tensor));
    CHECK(view.is_read_only());
    CHECK(TAKE(view.try_span<const float>())[1] == 1);
    CHECK(TAKE(view.try_data<const float>()) == d.numbers);
    CHECK(*TAKE(view.try_at<const float>(0, 1)) == 1);
    REFUSED(READ_ONLY, "const", view.try_data<float>());
    REFUSED(READ_ONLY, "const", view.try_span<float>());
    REFUSED(READ_ONLY, "const", view.try_mdspan<float, 2>());
    REFUSED(READ_ONLY, "const", view.try_at<float>(0, 0));
}

TEST(view_of_a_managed_tensor_has_its_flags) {
    Descriptor d;
    DLManagedTensorVersioned managed{};
    managed.version = {1, 3};
    managed.dl_tensor = d.tensor;
    CHECK(!TAKE(TensorView::try_from(&managed)).is_read_only());
    managed.flags = DLPACK_FLAG_BITMASK_READ_ONLY;
    CHECK(TAKE(TensorView::try_from(&managed)).is_read_only());
    managed.flags = 0;
    const DLManagedTensorVersioned *constant = &managed;
    CHECK(TAKE(TensorView::try_from(constant)).is_read_only());
}

TEST(view_checks_the_type) {
    Descriptor d;
    REFUSED(DTYPE, "float32 [2, 3] with strides [3, 1] on cpu; its dtype must be int32",
            d.view().try_span<int>());
    REFUSED(DTYPE, "float64", d.view().try_at<double>(0, 0));
    REFUSED(DTYPE, "uint8", d.view().try_mdspan<const std::uint8_t, 2>());
}

TEST(view_checks_the_alignment) {
    Descriptor d;
    d.shape[0] = 1;
    d.tensor.byte_offset = 2;
    REFUSED(ALIGNMENT, "2 bytes behind a multiple of 4", d.view().try_span<float>());
    REFUSED(ALIGNMENT, "", d.view().try_data<float>());
}

TEST(view_checks_the_layout_for_spans) {
    Descriptor d;
    d.strides[0] = 1;
    d.strides[1] = 2;
    CHECK(d.view().is_f_contiguous());
    REFUSED(LAYOUT, "strides [1, 2] on cpu; it must be contiguous in C order",
            d.view().try_span<float>());
    CHECK(*TAKE(d.view().try_at<float>(1, 2)) == 5 && *TAKE(d.view().try_at<float>(0, 1)) == 2);
}

TEST(view_ignores_the_stride_of_an_extent_of_one) {
    Descriptor d;
    d.tensor.ndim = 3;
    for (const std::int64_t stride : {INT64_C(-999), INT64_C(0), INT64_C(77)}) {
        d.strides[2] = stride;
        CHECK(d.view().is_c_contiguous());
        CHECK(TAKE(d.view().try_span<float>()).size() == 6);
        CHECK(TAKE(d.view().try_at<float>(1, 2, 0)) == d.numbers + 5);
    }
}

TEST(view_without_elements_has_no_address) {
    Descriptor d;
    d.shape[0] = 0;
    for (void *data : {static_cast<void *>(nullptr), static_cast<void *>(d.numbers)}) {
        d.tensor.data = data;
        const TensorView view = d.view();
        CHECK(view.size() == 0 && view.nbytes() == 0 && view.data() == nullptr);
        CHECK(TAKE(view.try_span<float>()).empty());
        CHECK(TAKE(view.try_data<float>()) == nullptr);
        REFUSED(INDEX, "index 0 of axis 0", view.try_at<float>(0, 0));
    }
}

TEST(view_of_a_single_element) {
    Descriptor d;
    d.tensor.ndim = 0;
    d.tensor.shape = d.tensor.strides = nullptr;
    const TensorView view = d.view();
    CHECK(view.size() == 1 && view.shape() == Shape() && view.strides() == Strides());
    *TAKE(view.try_at<float>()) = 9;
    CHECK(TAKE(view.try_span<float>())[0] == 9);
    REFUSED(INDEX, "as many indices as dimensions, not 1", view.try_at<float>(0));
}

TEST(view_checks_every_index) {
    Descriptor d;
    d.tensor.data = d.numbers + 5;
    d.strides[0] = -3;
    d.strides[1] = -1;
    const TensorView view = d.view();
    CHECK(*TAKE(view.try_at<float>(0u, 0L)) == 5);
    CHECK(*TAKE(view.try_at<float>(std::int8_t{1}, std::size_t{2})) == 0);
    REFUSED(INDEX, "index 2 of axis 0 must be 0 to 1", view.try_at<float>(2, 0));
    REFUSED(INDEX, "index -1 of axis 1 must be 0 to 2", view.try_at<float>(0, -1));
    REFUSED(INDEX, "index -1", view.try_at<float>(0, SIZE_MAX));
    REFUSED(INDEX, "not 1", view.try_at<float>(0));
    REFUSED(INDEX, "not 3", view.try_at<float>(0, 0, 0));
}

/* The list of devices that the host can use is in the library too: copies show it. */
TEST(view_is_on_the_host_where_the_library_says_so) {
    Descriptor d;
    int known = 0;
    for (std::int32_t type = 0; type < 32; ++type) {
        d.tensor.device = {static_cast<DLDeviceType>(type), 0};
        const auto view = TensorView::try_from(&d.tensor);
        if (!view)
            continue;
        ++known;
        const auto copy = view->try_copy();
        CHECK(dlbridge::is_host_accessible(view->device()) == static_cast<bool>(copy));
        CHECK(TAKE(view->try_data<float>()) == d.numbers);
        if (copy) {
            CHECK(TAKE(view->try_span<float>()).size() == 6);
        } else {
            CHECK(copy.error().status() == DLBRIDGE_ERROR_DEVICE);
            REFUSED(DEVICE, "must be on the host", view->try_span<float>());
            REFUSED(DEVICE, "must be on the host", view->try_mdspan<float, 2>());
            REFUSED(DEVICE, "must be on the host", view->try_at<float>(0, 0));
        }
    }
    CHECK(known == 16);
}

TEST(view_counts_bytes_of_parts_of_bytes) {
    Descriptor d;
    d.tensor.dtype = {kDLFloat4_e2m1fn, 4, 1};
    d.tensor.ndim = 1;
    d.shape[0] = 5;
    d.strides[0] = 1;
    CHECK(d.view().nbytes() == 3);
    DLManagedTensorVersioned managed{};
    managed.version = {1, 3};
    managed.flags = DLPACK_FLAG_BITMASK_IS_SUBBYTE_TYPE_PADDED;
    managed.dl_tensor = d.tensor;
    CHECK(TAKE(TensorView::try_from(&managed)).nbytes() == 5);
}

TEST(view_copies) {
    Descriptor d;
    std::swap(d.shape[0], d.shape[1]);
    d.strides[0] = 1;
    d.strides[1] = 3;
    const auto copy = TAKE(d.view().try_copy());
    CHECK(copy.shape() == Shape{3, 2} && copy.is_c_contiguous());
    CHECK(TAKE(copy.try_span<float>())[1] == 3 && copy.data() != d.numbers);

    const auto target = TAKE(dlbridge::try_empty<float>({3, 2}));
    TAKE(d.view().try_copy_into(target));
    CHECK(*TAKE(target.try_at<float>(2, 1)) == 5);
    REFUSED(READ_ONLY, "target", d.view().try_copy_into(TAKE(target.try_share_read_only())));
    REFUSED(SHAPE, "[3, 2]", d.view().try_copy_into(TAKE(dlbridge::try_empty<float>({3, 1}))));
}

TEST(view_of_nothing_fails_and_does_not_crash) {
    const TensorView nothing;
    CHECK(!nothing && nothing.dl_tensor() == nullptr && nothing.describe() == "no tensor");
    REFUSED(NULL, "no tensor", nothing.try_data<float>());
    REFUSED(NULL, "no tensor", nothing.try_span<float>());
    REFUSED(NULL, "no tensor", nothing.try_mdspan<float, 1>());
    REFUSED(NULL, "no tensor", nothing.try_at<float>(0));
    REFUSED(NULL, "NULL", nothing.try_copy());
    REFUSED(NULL, "NULL", nothing.try_copy_into(nothing));
    REFUSED(NULL, "NULL", dlbridge::try_check(nothing, "f32"));
}

#ifndef DLBRIDGE_NO_EXCEPTIONS
TEST(view_throwing_forms) {
    Descriptor d;
    const TensorView view(&d.tensor);
    view.at<float>(1, 1) = 40;
    CHECK(view.span<float>()[4] == 40 && view.data<const float>()[4] == 40);
    CHECK(view.copy().at<float>(1, 1) == 40);
    view.copy_into(view);
    CHECK(view.mdspan<const float, 2>().extent(1) == 3);
    try {
        view.span<int>();
        CHECK(false);
    } catch (const dlbridge::Error &error) {
        CHECK(error.status() == DLBRIDGE_ERROR_DTYPE);
    }
}
#endif

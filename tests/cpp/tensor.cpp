/* Owners: made, shared, moved, viewed, adopted and given up. */
#include "test.hpp"

#include <thread>

using dlbridge::open;
using dlbridge::Shape;
using dlbridge::Strides;
using dlbridge::Tensor;
using dlbridge::TensorView;

/* Numbers whose release is counted. */
static Tensor counted(int &count) {
    return TAKE(dlbridge::try_wrap(new int[6]{0, 1, 2, 3, 4, 5}, {2, 3}, [&count](int *numbers) {
        delete[] numbers;
        ++count;
    }));
}

TEST(empty_by_type_and_by_dtype) {
    const Tensor image = TAKE(dlbridge::try_empty<float>({480, 640}));
    CHECK(image.shape() == Shape{480, 640} && image.strides() == Strides{640, 1});
    CHECK(image.holds<float>() && !image.is_read_only());
    CHECK(reinterpret_cast<std::uintptr_t>(image.data()) % DLBRIDGE_ALIGNMENT == 0);
    const Tensor brain = TAKE(dlbridge::try_empty({kDLBfloat, 16, 1}, {3}));
    CHECK(brain.describe() == "bfloat16 [3] with strides [1] on cpu" && brain.nbytes() == 6);
    REFUSED(SHAPE, "-2", dlbridge::try_empty<float>({-2}));
    REFUSED(DTYPE, "int4", dlbridge::try_empty({kDLInt, 4, 1}, {2}));
}

TEST(tensor_moves) {
    int count = 0;
    {
        Tensor first = counted(count), second;
        CHECK(first && !second);
        second = std::move(first);
        CHECK(!first && first.get() == nullptr && first.dl_tensor() == nullptr && second);
        Tensor third(std::move(second));
        Tensor &self = third;
        third = std::move(self);
        CHECK(third.size() == 6 && count == 0);
        third = TAKE(dlbridge::try_empty<int>({1}));
        CHECK(count == 1);
        std::vector<Tensor> many;
        for (int i = 0; i < 5; ++i)
            many.push_back(counted(count));
        many.erase(many.begin());
        CHECK(count == 2);
    }
    CHECK(count == 6);
}

TEST(tensor_moved_from_fails_and_does_not_crash) {
    Tensor tensor = TAKE(dlbridge::try_empty<int>({1}));
    const Tensor taken = std::move(tensor);
    REFUSED(NULL, "NULL", tensor.try_share());
    REFUSED(NULL, "NULL", tensor.try_slice({}));
    REFUSED(NULL, "no tensor", tensor.try_span<int>());
    REFUSED(NULL, "NULL", std::move(tensor).try_to_legacy());
    CHECK(!tensor.view() && tensor.release() == nullptr);
}

TEST(shared_memory_lives_until_the_last_owner) {
    int count = 0;
    Tensor first = counted(count);
    Tensor second = TAKE(first.try_share());
    const Tensor third = TAKE(second.try_share_read_only());
    CHECK(first.data() == third.data() && third.is_read_only() && !second.is_read_only());
    REFUSED(READ_ONLY, "const", third.try_span<int>());
    first = {};
    second = {};
    CHECK(count == 0 && *TAKE(third.try_at<const int>(1, 2)) == 5);
    CHECK(TAKE(third.try_share()).is_read_only());
    Tensor last = TAKE(third.try_share());
    std::thread([moved = std::move(last)] {}).join();
    CHECK(count == 0);
}

TEST(extents_are_where_the_descriptor_is) {
    const Tensor tensor = TAKE(dlbridge::try_empty<float>({2, 3}));
    const std::vector<std::int64_t> copy(tensor.shape().begin(), tensor.shape().end());
    CHECK(copy == std::vector<std::int64_t>{2, 3});
    CHECK(std::vector<std::int64_t>(std::begin(tensor.shape()), std::end(tensor.shape())) == copy);
    const auto &width = tensor.shape()[1];
    CHECK(&width == &tensor.dl_tensor()->shape[1]);
    const dlbridge::span<const std::int64_t> extents = tensor.shape();
    CHECK(extents.data() == tensor.shape().data() && extents.size() == 2);
    CHECK(tensor.shape() == tensor.view().shape() && tensor.shape().ndim() == 2);
    CHECK(tensor.shape() != Shape{2} && Shape{2, 4} != tensor.shape());
    const Tensor turned = TAKE(tensor.try_permute({1, 0}));
    CHECK(tensor.shape() != turned.shape());
}

/* A loop over what a Tensor that ends has; the sanitizers and valgrind look on. */
TEST(what_ends_gives_copies) {
    int count = 0;
    std::int64_t sum = 0;
    for (const std::int64_t extent : TAKE(counted(count).try_share()).shape())
        sum = 10 * sum + extent;
    CHECK(sum == 23 && count == 1);
    const auto shape = TAKE(counted(count).try_share()).shape();
    const auto strides = TAKE(counted(count).try_share()).strides();
    CHECK(shape == Shape{2, 3} && strides == Strides{3, 1} && count == 3);
    for (const std::int64_t stride : TAKE(counted(count).try_share()).strides())
        sum += stride;
    CHECK(sum == 27);
    const auto &height = TAKE(counted(count).try_share()).shape()[0];
    CHECK(height == 2);
    const auto element = TAKE(TAKE(counted(count).try_share()).try_at<int>(1, 2));
    CHECK(*element == 5);
    REFUSED(INDEX, "index 3", TAKE(counted(count).try_share()).try_at<int>(1, 3));
    REFUSED(DTYPE, "int8", TAKE(counted(count).try_share()).try_at<signed char>(1, 2));
    Tensor &&kept = *counted(count).try_share(); // named, it lives on
    CHECK(count == 8 && *TAKE(kept.try_at<int>(0, 1)) == 1);
}

TEST(a_view_may_be_emptied_and_given_another_tensor) {
    const Tensor first = TAKE(dlbridge::try_empty<float>({2}));
    TensorView view = first;
    view = {};
    CHECK(!view);
    view = first;
    CHECK(view && view.shape() == Shape{2});
    view = TensorView();
    CHECK(!view);
}

TEST(the_last_owner_may_be_on_another_thread) {
    int count = 0;
    Tensor tensor = counted(count);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([share = TAKE(tensor.try_share())] {
            for (int j = 0; j < 100; ++j)
                TAKE(TAKE(share.try_share()).try_select(0, 1));
        });
    tensor = {};
    for (std::thread &thread : threads)
        thread.join();
    CHECK(count == 1);
}

TEST(views_share_the_memory) {
    int count = 0;
    Tensor tensor = counted(count);
    const Tensor part = TAKE(tensor.try_slice({{}, {1, open}}));
    const Tensor row = TAKE(tensor.try_select(0, -1));
    const Tensor turned = TAKE(tensor.try_permute({1, 0}));
    const Tensor flat = TAKE(tensor.try_reshape({-1}));
    const Tensor wide = TAKE(row.try_expand({4, 3}));
    tensor = {};
    CHECK(count == 0);
    CHECK(part.shape() == Shape{2, 2} && *TAKE(part.try_at<int>(1, 0)) == 4);
    CHECK(row.shape() == Shape{3} && *TAKE(row.try_at<int>(0)) == 3);
    CHECK(turned.strides() == Strides{1, 3} && *TAKE(turned.try_at<int>(2, 1)) == 5);
    CHECK(flat.shape() == Shape{6} && *TAKE(flat.try_at<int>(4)) == 4);
    CHECK(wide.shape() == Shape{4, 3} && wide.strides() == Strides{0, 1} && wide.is_read_only());
    CHECK(*TAKE(wide.try_at<const int>(3, 1)) == 4);
    REFUSED(LAYOUT, "", turned.try_reshape({6}));
    REFUSED(INDEX, "", row.try_select(1, 0));
    REFUSED(SHAPE, "", row.try_expand({4}));
    REFUSED(ARGUMENT, "0", row.try_slice({{0, 1, 0}}));
}

TEST(views_of_views_release_once) {
    int count = 0;
    {
        const Tensor element = TAKE(TAKE(counted(count).try_select(0, 1)).try_slice({{2, 3}}));
        CHECK(count == 0 && *TAKE(element.try_at<int>(0)) == 5);
    }
    CHECK(count == 1);
}

TEST(released_and_adopted_again) {
    int count = 0;
    Tensor tensor = counted(count);
    DLManagedTensorVersioned *raw = tensor.release();
    CHECK(!tensor && raw != nullptr && count == 0);
    Tensor again = TAKE(Tensor::try_adopt(raw));
    CHECK(again.get() == raw && again.size() == 6 && count == 0);
    again = {};
    CHECK(count == 1);
}

/* A tensor of somebody else, in either form, whose deleter counts. */
template <class Managed>
struct Foreign {
    Managed managed{};
    std::int64_t shape[2] = {2, 3};
    float numbers[6] = {0, 1, 2, 3, 4, 5};
    int deleted = 0;

    Foreign() {
        if constexpr (std::is_same_v<Managed, DLManagedTensorVersioned>)
            managed.version = {1, 0};
        managed.manager_ctx = this;
        managed.deleter = [](Managed *self) {
            ++static_cast<Foreign *>(self->manager_ctx)->deleted;
        };
        managed.dl_tensor.data = numbers;
        managed.dl_tensor.device = {kDLCPU, 0};
        managed.dl_tensor.ndim = 2;
        managed.dl_tensor.dtype = dlbridge::dtype_of_v<float>;
        managed.dl_tensor.shape = shape;
    }
};

TEST(adopted_tensors_are_deleted_once) {
    Foreign<DLManagedTensorVersioned> foreign;
    {
        const Tensor tensor = TAKE(Tensor::try_adopt(&foreign.managed));
        CHECK(tensor.strides() == Strides{3, 1} && tensor.data() == foreign.numbers);
        const Tensor row = TAKE(tensor.try_select(0, 1));
        CHECK(*TAKE(row.try_at<float>(2)) == 5 && foreign.deleted == 0);
    }
    CHECK(foreign.deleted == 1);
}

TEST(adopted_legacy_tensors_have_the_flags_given) {
    Foreign<DLManagedTensor> foreign;
    {
        const Tensor tensor =
            TAKE(Tensor::try_adopt(&foreign.managed, DLPACK_FLAG_BITMASK_READ_ONLY));
        CHECK(tensor.is_read_only() && foreign.deleted == 0);
    }
    CHECK(foreign.deleted == 1);
}

TEST(what_cannot_be_adopted_is_deleted_once) {
    Foreign<DLManagedTensorVersioned> versioned;
    versioned.managed.version.major = 2;
    REFUSED(VERSION, "2", Tensor::try_adopt(&versioned.managed));
    CHECK(versioned.deleted == 1);
    Foreign<DLManagedTensor> legacy;
    legacy.shape[0] = -1;
    REFUSED(SHAPE, "-1", Tensor::try_adopt(&legacy.managed, 0));
    CHECK(legacy.deleted == 1);
    REFUSED(NULL, "NULL", Tensor::try_adopt(static_cast<DLManagedTensorVersioned *>(nullptr)));
}

TEST(given_away_in_the_legacy_form) {
    int count = 0;
    {
        Tensor tensor = counted(count);
        const dlbridge::LegacyTensor legacy = TAKE(std::move(tensor).try_to_legacy());
        CHECK(!tensor && legacy->dl_tensor.ndim == 2 && count == 0);
    }
    CHECK(count == 1);
    Tensor kept = TAKE(counted(count).try_share_read_only());
    REFUSED(READ_ONLY, "", std::move(kept).try_to_legacy());
    CHECK(kept && kept.size() == 6 && count == 1);
    kept = {};
    CHECK(count == 2);
}

#ifndef DLBRIDGE_NO_EXCEPTIONS
TEST(tensor_throwing_forms) {
    int count = 0;
    {
        Tensor tensor = counted(count);
        tensor = Tensor::adopt(tensor.share().release());
        tensor = Tensor::adopt(tensor.share().to_legacy().release(), 0);
        CHECK(tensor.slice({{1, 2}})
                  .select(0, 0)
                  .permute({0})
                  .reshape({3, 1})
                  .expand({3, 2})
                  .shape() == Shape{3, 2});
        CHECK(tensor.share_read_only().is_read_only() && tensor.copy().size() == 6);
        CHECK(dlbridge::empty({kDLInt, 8, 1}, {2}).holds<signed char>());
        CHECK(tensor.share().at<int>(1, 2) == 5 && tensor.share_read_only().at<int>(0, 0) == 0);
        const int &element = tensor.share().at<int>(1, 1);
        CHECK(element == 4);
        Foreign<DLManagedTensorVersioned> foreign;
        foreign.managed.version.major = 3;
        try {
            Tensor::adopt(&foreign.managed);
            CHECK(false);
        } catch (const dlbridge::Error &error) {
            CHECK(error.status() == DLBRIDGE_ERROR_VERSION && foreign.deleted == 1);
        }
    }
    CHECK(count == 1);
}
#endif

/* Mistakes that must not compile, each behind a name, with what the compiler has
 * to say about it; without a name this compiles. */
#include <dlbridge/dlbridge.hpp>

#include <vector>

#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wunused-variable"
#endif

const dlbridge::Tensor constant();

[[maybe_unused]] static void mistake(dlbridge::Tensor &tensor, std::vector<float> &numbers) {
#ifdef COPY_A_TENSOR // deleted
    dlbridge::Tensor copy = tensor;
#endif
#ifdef VIEW_A_TENSOR_THAT_ENDS // deleted
    dlbridge::TensorView view = dlbridge::Tensor();
#endif
#ifdef SPAN_OF_A_TENSOR_THAT_ENDS // deleted
    static_cast<void>(tensor.share().span<float>());
#endif
#ifdef MDSPAN_OF_A_TENSOR_THAT_ENDS // deleted
    static_cast<void>((*tensor.try_share()).try_mdspan<float, 2>());
#endif
#ifdef SPAN_OF_A_CONST_TENSOR_THAT_ENDS // deleted
    static_cast<void>(constant().try_span<const float>());
#endif
#ifdef DATA_OF_A_TENSOR_THAT_ENDS // deleted
    static_cast<void>(tensor.share().data<float>());
#endif
#ifdef TRY_DATA_OF_A_TENSOR_THAT_ENDS // deleted
    static_cast<void>(tensor.share().try_data<float>());
#endif
#ifdef WRITE_TO_AN_ELEMENT_OF_A_TENSOR_THAT_ENDS // lvalue required|not assignable
    tensor.share().at<float>(0) = 1;
#endif
#ifdef REFER_TO_AN_ELEMENT_OF_A_TENSOR_THAT_ENDS // cannot bind non-const lvalue|cannot bind
    float &element = tensor.share().at<float>(0);
#endif
#ifdef ADDRESS_OF_AN_ELEMENT_OF_A_TENSOR_THAT_ENDS // no match for|cannot convert|no viable
    float *element = *tensor.share().try_at<float>(0);
#endif
#ifdef VIEW_OF_A_TENSOR_THAT_ENDS // deleted
    const auto view = tensor.share().view();
#endif
#ifdef ASSIGN_A_TENSOR_THAT_ENDS_TO_A_VIEW // deleted
    dlbridge::TensorView view;
    view = tensor.share();
#endif
#ifdef ASSIGN_A_CONST_TENSOR_THAT_ENDS_TO_A_VIEW // deleted
    dlbridge::TensorView view;
    view = constant();
#endif
#ifdef DESCRIPTOR_OF_A_TENSOR_THAT_ENDS // deleted
    const DLTensor *descriptor = tensor.share().dl_tensor();
#endif
#ifdef HANDLE_OF_A_TENSOR_THAT_ENDS // deleted
    const DLManagedTensorVersioned *handle = tensor.share().get();
#endif
#ifdef SPAN_IN_AN_EXPECTED_THAT_ENDS // deleted
    static_cast<void>(tensor.try_share()->try_span<float>());
#endif
#ifdef CHANGE_AN_EXTENT // read-only|const
    tensor.shape()[0] = 3;
#endif
#ifdef REFER_TO_AN_EXTENT_TO_CHANGE_IT // const
    std::int64_t &extent = tensor.shape()[0];
#endif
#ifdef REFER_TO_AN_EXTENT_OF_A_TENSOR_THAT_ENDS // cannot bind
    auto &extent = tensor.share().shape()[0];
#endif
#ifdef ITERATE_OVER_A_SHAPE_THAT_ENDS // deleted
    const auto first = tensor.share().shape().begin();
#endif
#ifdef REFER_TO_A_STRIDE_THAT_ENDS // cannot bind
    auto &stride = tensor.strides()[0];
#endif
#ifdef ITERATE_OVER_STRIDES_THAT_END // deleted
    const std::vector<std::int64_t> copy(tensor.strides().begin(), tensor.strides().end());
#endif
#ifdef ADDRESS_OF_STRIDES_THAT_END // deleted
    const std::int64_t *strides = tensor.strides().data();
#endif
#ifdef ADDRESS_OF_A_SHAPE_THAT_ENDS // deleted
    const std::int64_t *extents = dlbridge::Shape{2, 3}.data();
#endif
#ifdef SLICE_WITH_A_BRACE_TOO_FEW // no match|could not convert|no viable|cannot convert
    static_cast<void>(tensor.try_slice({0, 2}));
#endif
#ifdef RANGES_WITH_A_BRACE_TOO_FEW // could not convert|no matching
    const dlbridge::Ranges ranges = {0, 2};
#endif
#ifdef SPAN_AT_NO_ADDRESS // no matching|could not convert|cannot convert
    const dlbridge::span<float> elements = {0, 2};
#endif
#ifdef IGNORE_AN_EXPECTED // nodiscard
    tensor.try_share();
#endif
#ifdef IGNORE_WHAT_IS_RELEASED // nodiscard
    tensor.release();
#endif
#ifdef OWN_A_POINTER_BY_ACCIDENT // Tensor
    dlbridge::Tensor owner = tensor.release();
#endif
#ifdef GIVE_A_TENSOR_AWAY_UNAWARES // rvalue|lvalue|discards
    static_cast<void>(tensor.try_to_legacy());
#endif
#ifdef A_TYPE_THAT_DLPACK_LACKS // dtype_of<long double
    static_cast<void>(tensor.try_span<long double>());
#endif
#ifdef COPY_A_VECTOR_UNAWARES // a copy would copy the elements
    static_cast<void>(dlbridge::try_wrap(numbers));
#endif
#ifdef WRAP_WHAT_OWNS_NOTHING // this owns nothing
    static_cast<void>(dlbridge::try_wrap(dlbridge::span<float>(numbers.data(), numbers.size())));
#endif
#ifdef WRAP_WHAT_A_POINTER_DOES_NOT_OWN // an owner has data
    static_cast<void>(dlbridge::try_wrap(&numbers));
#endif
#ifdef WRAP_BITS // a std::vector<bool> has no elements in memory
    static_cast<void>(dlbridge::try_wrap(std::vector<bool>(8)));
#endif
#ifdef WRAP_A_POINTER_OF_UNKNOWN_SIZE // give the shape too
    static_cast<void>(dlbridge::try_wrap(std::unique_ptr<float[]>()));
#endif
    static_cast<void>(tensor);
    static_cast<void>(numbers);
}

/* Mistakes that must not compile, each behind a name, with what the compiler has
 * to say about it; without a name this compiles. */
#include <dlbridge/dlbridge.hpp>

#include <vector>

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

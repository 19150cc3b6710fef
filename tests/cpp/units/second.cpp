#define DLBRIDGE_NO_EXCEPTIONS
#include <dlbridge/dlbridge.hpp>

dlbridge::Expected<dlbridge::Tensor> make();

dlbridge::Expected<dlbridge::Tensor> make() {
    auto tensor = dlbridge::try_empty<float>({2});
    if (tensor)
        **tensor->try_at<float>(1) = 7;
    return tensor;
}

/* One program of two translation units, of which the other has no exceptions. */
#include <dlbridge/dlbridge.hpp>

dlbridge::Expected<dlbridge::Tensor> make();

int main() { return make().value().at<float>(1) == 7 ? 0 : 1; }

// A std::vector as a tensor: its elements are not copied, and it goes when nobody
// uses them any more.
#include <dlbridge/dlbridge.hpp>

#include <cstdio>
#include <utility>
#include <vector>

int main() {
    std::vector<float> samples = {1, 2, 3, 4, 5, 6};
    const float *first = samples.data();

    dlbridge::Tensor tensor = dlbridge::wrap(std::move(samples), {2, 3});
    std::printf("copied: %s\n", tensor.data() == first ? "no" : "yes");

    dlbridge::Tensor backwards = tensor.slice({{}, {dlbridge::open, dlbridge::open, -1}});
    tensor = {}; // the vector still has an owner: backwards
    backwards.at<float>(0, 0) = 30;

    const auto view = backwards.mdspan<const float, 2>();
    for (std::int64_t row = 0; row < view.extent(0); ++row)
        std::printf("%g %g %g\n", view(row, 0), view(row, 1), view(row, 2));

    try {
        backwards.span<double>();
    } catch (const dlbridge::Error &error) {
        std::printf("%s\n", error.what());
    }
}

// Heat that spreads over a plate: one step of a stencil, on the arrays of any
// framework, in any layout. C++23, for its to[y, x]; before that it is to(y, x).
#include <dlbridge/dlbridge.hpp>

/// Each point becomes the mean of its neighbours; the edge stays as it is in after.
extern "C" dlbridge_status spread(const DLTensor *before, DLTensor *after) {
    return dlbridge::guard([&] {
        dlbridge::check_all("before: f32[h, w] host, after: f32[h, w] host", before, after);
        const auto from = dlbridge::TensorView(before).mdspan<const float, 2>();
        const auto to = dlbridge::TensorView(after).mdspan<float, 2>();
        for (std::int64_t y = 1; y < to.extent(0) - 1; ++y)
            for (std::int64_t x = 1; x < to.extent(1) - 1; ++x)
                to[y, x] = (from[y - 1, x] + from[y + 1, x] + from[y, x - 1] + from[y, x + 1]) / 4;
    });
}

// Makes an image, for NumPy, PyTorch and all others that read DLPack.
#include <dlbridge/dlbridge.hpp>

#include <complex>

/// How long each point near the origin stays there under z = z * z + point. The
/// caller owns the image; NULL means that dlbridge_last_error() says why not.
extern "C" DLManagedTensorVersioned *mandelbrot(std::int64_t height, std::int64_t width) {
    auto image = dlbridge::try_empty<std::uint8_t>({height, width});
    if (!image)
        return nullptr;

    std::uint8_t *pixel = image->try_span<std::uint8_t>()->data();
    for (std::int64_t y = 0; y < height; ++y)
        for (std::int64_t x = 0; x < width; ++x) {
            const std::complex<double> point(3.0 * double(x) / double(width) - 2.2,
                                             2.4 * double(y) / double(height) - 1.2);
            std::complex<double> z = 0;
            std::uint8_t steps = 0;
            while (std::norm(z) < 4 && steps < 255) {
                z = z * z + point;
                ++steps;
            }
            *pixel++ = steps;
        }
    return image->release();
}

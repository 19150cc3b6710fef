/* The kernels of strided_copy.cu, run on the processor: what CUDA C++ has beyond C++
 * is defined here, and the source is included as it is. */
#ifndef KERNELS_HPP_
#define KERNELS_HPP_

#include <csetjmp>
#include <cstdint>
#include <cstring>
#include <functional>

struct Index {
    unsigned x;
};
inline Index threadIdx, blockIdx;

/* A block runs in two phases. In the first, each thread stops where it waits for the
 * others; in the second, it does the same again and goes on. */
inline std::jmp_buf at_barrier;
inline bool first_phase, met_barrier;

inline void wait_for_the_block() {
    met_barrier = true;
    if (first_phase)
        std::longjmp(at_barrier, 1);
}

struct alignas(16) uint4 {
    std::uint32_t x, y, z, w;
};

inline unsigned min(unsigned a, unsigned b) { return a < b ? a : b; }
inline unsigned multiply_high(unsigned a, unsigned b) {
    return unsigned((std::uint64_t(a) * b) >> 32);
}

#define __device__
#define __global__
#define __forceinline__ inline
#define __launch_bounds__(threads)
#define __shared__ static
#define __syncthreads wait_for_the_block
#define __umulhi multiply_high

namespace kernels {
#include "../../src/cuda/strided_copy.cu"
}

/* Runs a number of blocks on two memories. */
using Run = std::function<void(void *, void *, unsigned)>;

struct Kernel {
    const char *name;
    std::size_t unit;
    std::function<Run(void **parameters)> prepare;
};

template <class T>
T read(const void *parameter) {
    T value;
    std::memcpy(&value, parameter, sizeof value);
    return value;
}

/* A function of its own: what longjmp() skips must not hold variables that change. */
template <class Call>
void run_thread(const Call &call) {
    if (setjmp(at_barrier) == 0)
        call();
}

template <class Call>
void run_blocks(unsigned blocks, const Call &call) {
    for (unsigned block = 0; block < blocks; ++block) {
        met_barrier = false;
        for (int phase = 0; phase < 2 && (phase == 0 || met_barrier); ++phase)
            for (unsigned thread = 0; thread < kernels::THREADS; ++thread) {
                first_phase = phase == 0;
                blockIdx.x = block;
                threadIdx.x = thread;
                run_thread(call);
            }
    }
}

template <class Unit, class Third>
Kernel describe(const char *name, void (*kernel)(const Unit *, Unit *, Third, kernels::Axes)) {
    return {name, sizeof(Unit), [=](void **parameters) -> Run {
                const Third third = read<Third>(parameters[2]);
                const auto axes = read<kernels::Axes>(parameters[3]);
                return [=](void *source, void *target, unsigned blocks) {
                    run_blocks(blocks, [&] {
                        kernel(static_cast<const Unit *>(source), static_cast<Unit *>(target),
                               third, axes);
                    });
                };
            }};
}

#define KERNEL(name) describe(#name, kernels::name)
#define FOUR(bytes)                                                                                \
    KERNEL(dlbridge_any_##bytes##_32), KERNEL(dlbridge_any_##bytes##_64),                          \
        KERNEL(dlbridge_tile_##bytes##_32), KERNEL(dlbridge_tile_##bytes##_64)

inline const Kernel *find_kernel(const char *name) {
    static const Kernel all[] = {FOUR(1), FOUR(2), FOUR(4), FOUR(8), FOUR(16)};
    for (const Kernel &kernel : all)
        if (std::strcmp(kernel.name, name) == 0)
            return &kernel;
    return nullptr;
}

#endif

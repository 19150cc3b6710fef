// Copies elements between two strided layouts: the kernels. `make ptx` compiles
// them to strided_copy.ptx; the tests run this same text on the processor.
//
// Units are 1, 2, 4, 8 or 16 bytes, steps are in units. Each kernel exists twice:
// with steps of 32 bits, and of 64 for tensors that reach further. A launch has
// fewer than 2^31 units; larger copies are several launches.

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

enum { MAX_AXES = 65, THREADS = 256, UNITS_PER_THREAD = 4 };
static const u32 NOWHERE = ~0u;

// Divides numbers below 2^31 by a number that is known before the launch, in four
// instructions instead of twenty.
struct Divisor {
    u32 value, factor, shift;
};

// Axes to walk in order, the first one fastest.
struct Axes {
    u32 count;
    Divisor extents[MAX_AXES];
    i64 source[MAX_AXES], target[MAX_AXES];
};

// Two axes that cross: `x` is the fastest in the target, `y` in the source. A
// block copies `width` times `height` units through shared memory, so that it
// reads along `y` and writes along `x`.
struct Tile {
    u32 x, y;
    u32 width, height;
    // Odd, else the units along `x` would all lie in one bank.
    u32 pitch;
    Divisor tiles_x, tiles_y;
    i64 source_x, source_y, target_x, target_y;
};

template <class Step>
struct Place {
    Step source, target;
};

static __device__ __forceinline__ u32 divide(u32 number, Divisor by) {
    return (__umulhi(number, by.factor) + number) >> by.shift;
}

// Takes the remainder off `number` as an index, and leaves the quotient there.
static __device__ __forceinline__ u32 take_index(u32 &number, Divisor by) {
    const u32 quotient = divide(number, by);
    const u32 index = number - quotient * by.value;
    number = quotient;
    return index;
}

template <class Step>
static __device__ __forceinline__ Place<Step> locate(u32 number, const Axes &axes) {
    Place<Step> place = {0, 0};
#pragma unroll 1 // else the PTX is four times as long
    for (u32 axis = 0; axis < axes.count; ++axis) {
        const u32 index = take_index(number, axes.extents[axis]);
        place.source += Step(index) * Step(axes.source[axis]);
        place.target += Step(index) * Step(axes.target[axis]);
    }
    return place;
}

template <class Unit, class Step>
static __device__ __forceinline__ void copy_any(const Unit *__restrict__ source,
                                                Unit *__restrict__ target, u32 count,
                                                const Axes &axes) {
    const u32 first = blockIdx.x * (THREADS * UNITS_PER_THREAD) + threadIdx.x;
    Unit units[UNITS_PER_THREAD];
    Step places[UNITS_PER_THREAD];
#pragma unroll
    for (u32 i = 0; i < UNITS_PER_THREAD; ++i) {
        const u32 number = first + i * THREADS;
        if (number < count) {
            const Place<Step> place = locate<Step>(number, axes);
            units[i] = source[place.source];
            places[i] = place.target;
        }
    }
#pragma unroll
    for (u32 i = 0; i < UNITS_PER_THREAD; ++i)
        if (first + i * THREADS < count)
            target[places[i]] = units[i];
}

// Walks the units of a tile in rows of `length`; a thread takes every THREADS-th.
struct Walk {
    u32 length, row, column;

    __device__ __forceinline__ explicit Walk(u32 length)
        : length(length), row(threadIdx.x / length), column(threadIdx.x % length) {}

    __device__ __forceinline__ void next(u32 rows, u32 columns) {
        row += rows;
        column += columns;
        if (column >= length) {
            column -= length;
            ++row;
        }
    }
};

template <class Unit, class Step, u32 Side>
static __device__ __forceinline__ void copy_tile(const Unit *__restrict__ source,
                                                 Unit *__restrict__ target, const Tile &tile,
                                                 const Axes &axes) {
    __shared__ Unit units[Side * (Side + 1)];
    u32 block = blockIdx.x;
    const u32 x = take_index(block, tile.tiles_x) * tile.width;
    const u32 y = take_index(block, tile.tiles_y) * tile.height;
    const Place<Step> place = locate<Step>(block, axes);
    const u32 width = min(tile.width, tile.x - x), height = min(tile.height, tile.y - y);
    const Step source_x = Step(tile.source_x), source_y = Step(tile.source_y);
    const Step target_x = Step(tile.target_x), target_y = Step(tile.target_y);
    source += place.source + Step(x) * source_x + Step(y) * source_y;
    target += place.target + Step(x) * target_x + Step(y) * target_y;

    // All reads of a round come before its writes, else each would wait for memory.
    u32 rows = THREADS / tile.height, columns = THREADS % tile.height;
    Walk along_y(tile.height);
    while (along_y.row < tile.width) {
        Unit round[UNITS_PER_THREAD];
        u32 places[UNITS_PER_THREAD];
#pragma unroll
        for (u32 i = 0; i < UNITS_PER_THREAD; ++i) {
            places[i] = NOWHERE;
            if (along_y.row < width && along_y.column < height) {
                places[i] = along_y.row * tile.pitch + along_y.column;
                round[i] = source[Step(along_y.row) * source_x + Step(along_y.column) * source_y];
            }
            along_y.next(rows, columns);
        }
#pragma unroll
        for (u32 i = 0; i < UNITS_PER_THREAD; ++i)
            if (places[i] != NOWHERE)
                units[places[i]] = round[i];
    }
    __syncthreads();
    rows = THREADS / tile.width, columns = THREADS % tile.width;
    Walk along_x(tile.width);
    while (along_x.row < tile.height) {
#pragma unroll
        for (u32 i = 0; i < UNITS_PER_THREAD; ++i) {
            if (along_x.row < height && along_x.column < width)
                target[Step(along_x.row) * target_y + Step(along_x.column) * target_x] =
                    units[along_x.column * tile.pitch + along_x.row];
            along_x.next(rows, columns);
        }
    }
}

#define KERNELS(unit, bytes, side, step, bits)                                                     \
    extern "C" __global__ void __launch_bounds__(THREADS) dlbridge_any_##bytes##_##bits(           \
        const unit *source, unit *target, u32 count, Axes axes) {          \
        copy_any<unit, step>(source, target, count, axes);                                         \
    }                                                                                              \
    extern "C" __global__ void __launch_bounds__(THREADS) dlbridge_tile_##bytes##_##bits(          \
        const unit *source, unit *target, Tile tile,                       \
        Axes axes) {                                                       \
        copy_tile<unit, step, side>(source, target, tile, axes);                                   \
    }

#define BOTH_STEPS(unit, bytes, side)                                                              \
    KERNELS(unit, bytes, side, int, 32)                                                            \
    KERNELS(unit, bytes, side, i64, 64)

BOTH_STEPS(u8, 1, 64)
BOTH_STEPS(u16, 2, 64)
BOTH_STEPS(u32, 4, 32)
BOTH_STEPS(u64, 8, 32)
BOTH_STEPS(uint4, 16, 32)

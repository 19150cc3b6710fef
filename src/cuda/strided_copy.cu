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

// The numbers that wrap around, else a step beyond the tile could overflow.
template <class Step>
struct Wrapping;
template <>
struct Wrapping<int> {
    typedef u32 Type;
};
template <>
struct Wrapping<i64> {
    typedef u64 Type;
};

// Walks the units of a tile in rows of `length`; a thread takes every THREADS-th. It
// keeps the place of a unit in the tensor, and its slot in shared memory, by adding:
// products would cost more than the copy.
template <class Step>
struct Walk {
    typedef typename Wrapping<Step>::Type Sum;

    u32 length, row, column, slot;
    Sum place;
    u32 rows, columns, slot_step, slot_wrap;
    Sum place_step, place_wrap;

    __device__ __forceinline__ Walk(u32 length, Step place_row, Step place_column, u32 slot_row,
                                    u32 slot_column)
        : length(length), row(threadIdx.x / length), column(threadIdx.x % length),
          slot(row * slot_row + column * slot_column),
          place(Sum(row) * Sum(place_row) + Sum(column) * Sum(place_column)),
          rows(THREADS / length), columns(THREADS % length),
          slot_step(rows * slot_row + columns * slot_column),
          slot_wrap(slot_row - length * slot_column),
          place_step(Sum(rows) * Sum(place_row) + Sum(columns) * Sum(place_column)),
          place_wrap(Sum(place_row) - Sum(length) * Sum(place_column)) {}

    __device__ __forceinline__ void next() {
        row += rows;
        column += columns;
        slot += slot_step;
        place += place_step;
        if (column >= length) {
            column -= length;
            ++row;
            slot += slot_wrap;
            place += place_wrap;
        }
    }
};

// A tile of any extents; `width` and `height` are less at the edge of the tensor.
template <class Unit, class Step>
static __device__ __forceinline__ void copy_odd_tile(const Unit *__restrict__ source,
                                                     Unit *__restrict__ target, const Tile &tile,
                                                     u32 width, u32 height, Unit *units) {
    // All reads of a round come before its writes, else each would wait for memory.
    Walk<Step> along_y(tile.height, tile.source_x, tile.source_y, tile.pitch, 1);
    while (along_y.row < tile.width) {
        Unit round[UNITS_PER_THREAD];
        u32 slots[UNITS_PER_THREAD];
#pragma unroll
        for (u32 i = 0; i < UNITS_PER_THREAD; ++i) {
            slots[i] = NOWHERE;
            if (along_y.row < width && along_y.column < height) {
                slots[i] = along_y.slot;
                round[i] = source[Step(along_y.place)];
            }
            along_y.next();
        }
#pragma unroll
        for (u32 i = 0; i < UNITS_PER_THREAD; ++i)
            if (slots[i] != NOWHERE)
                units[slots[i]] = round[i];
    }
    __syncthreads();
    Walk<Step> along_x(tile.width, tile.target_y, tile.target_x, 1, tile.pitch);
    while (along_x.row < tile.height) {
#pragma unroll
        for (u32 i = 0; i < UNITS_PER_THREAD; ++i) {
            if (along_x.row < height && along_x.column < width)
                target[Step(along_x.place)] = units[along_x.slot];
            along_x.next();
        }
    }
}

// A tile of `Side` by `Side`: as above, with less to compute for each unit.
template <class Unit, class Step, u32 Side>
static __device__ __forceinline__ void copy_square_tile(const Unit *__restrict__ source,
                                                        Unit *__restrict__ target, const Tile &tile,
                                                        u32 width, u32 height, Unit *units) {
    const u32 ROWS = THREADS / Side, PITCH = Side + 1;
    const u32 column = threadIdx.x % Side, first = threadIdx.x / Side;
    const Step source_x = Step(tile.source_x), target_y = Step(tile.target_y);
    if (column < height) {
        source += Step(column) * Step(tile.source_y);
#pragma unroll 1
        for (u32 row = first; row < width; row += ROWS * UNITS_PER_THREAD) {
            Unit round[UNITS_PER_THREAD];
#pragma unroll
            for (u32 i = 0; i < UNITS_PER_THREAD; ++i)
                if (row + i * ROWS < width)
                    round[i] = source[Step(row + i * ROWS) * source_x];
#pragma unroll
            for (u32 i = 0; i < UNITS_PER_THREAD; ++i)
                if (row + i * ROWS < width)
                    units[(row + i * ROWS) * PITCH + column] = round[i];
        }
    }
    __syncthreads();
    if (column < width) {
        target += Step(column) * Step(tile.target_x);
#pragma unroll 1
        for (u32 row = first; row < height; row += ROWS * UNITS_PER_THREAD)
#pragma unroll
            for (u32 i = 0; i < UNITS_PER_THREAD; ++i)
                if (row + i * ROWS < height)
                    target[Step(row + i * ROWS) * target_y] =
                        units[column * PITCH + row + i * ROWS];
    }
}

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
    source += place.source + Step(x) * Step(tile.source_x) + Step(y) * Step(tile.source_y);
    target += place.target + Step(x) * Step(tile.target_x) + Step(y) * Step(tile.target_y);
    if (tile.width == Side && tile.height == Side)
        copy_square_tile<Unit, Step, Side>(source, target, tile, width, height, units);
    else
        copy_odd_tile<Unit, Step>(source, target, tile, width, height, units);
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
BOTH_STEPS(u32, 4, 64)
BOTH_STEPS(u64, 8, 32)
BOTH_STEPS(uint4, 16, 32)

/* Copies between every two kinds of memory and any two layouts, against the copy on
 * the host. */
#include "cuda.h"

enum { MEMORY = 1 << 15, MOST_AXES = 4 };

/* A layout in one kind of memory, with the same layout on the host to fill and to
 * compare. */
typedef struct Place {
    DLManagedTensorVersioned *memory;
    DLTensor there, here;
    int64_t shape[MOST_AXES], strides[MOST_AXES];
    unsigned char *bytes, *sent;
} Place;

static const DLDevice devices[] = {
    {kDLCPU, 0}, {kDLCUDAHost, 0}, {kDLCUDAManaged, 0}, {kDLCUDA, 0}, {kDLCUDA, 1}};

static bool is_cpu(DLDevice device) { return device.device_type == kDLCPU; }

typedef enum Kind { GAPS, DENSE, ROWS } Kind;

/* The axes in a random order, some of them backwards; or in C order with gaps between
 * the rows. */
static void lay_out(Place *place, int32_t ndim, size_t item, Kind kind) {
    int64_t stride = kind == GAPS ? 1 + random_below(2) : 1, offset = 0;
    int32_t order[MOST_AXES], i;
    random_order(order, ndim);
    for (i = 0; i < ndim; ++i) {
        const int32_t axis = kind == ROWS ? ndim - 1 - i : order[i];
        const int64_t extent = place->shape[axis];
        place->strides[axis] = stride;
        if (kind != ROWS && random_below(4) == 0) {
            place->strides[axis] = -stride;
            offset += extent > 0 ? stride * (extent - 1) : 0;
        }
        stride *= extent > 1 ? extent : 1;
        stride += kind == GAPS || axis == ndim - 1 ? random_below(2) : 0;
    }
    CHECK((size_t)stride * item <= MEMORY - 4);
    /* Elements may lie at any byte. */
    place->there.byte_offset = (uint64_t)offset * item + (random_below(3) ? 0 : random_below(5));
}

/* Memory of MEMORY bytes on a device. */
static void allocate(Place *place, DLDevice device, void *stream) {
    int64_t size = MEMORY;
    CHECK_OK(dlbridge_cuda_empty(dtype_of(kDLUInt, 8), 1, &size, device, stream, &place->memory));
    if (device.device_type == kDLCUDA) {
        CHECK_OK(dlbridge_cuda_synchronize(stream, device));
    }
    place->bytes = malloc(MEMORY);
    place->sent = malloc(MEMORY);
}

/* The memory goes in the order of the stream on which it came, which is another. */
static void free_place(Place *place, void *stream) {
    if (!is_cpu(place->memory->dl_tensor.device)) {
        CHECK_OK(dlbridge_cuda_synchronize(stream, place->memory->dl_tensor.device));
    }
    dlbridge_release(place->memory);
    free(place->bytes);
    free(place->sent);
}

static void describe(Place *place, int32_t ndim, DLDataType dtype) {
    const uint64_t offset = place->there.byte_offset;
    place->here = tensor_of(place->bytes, ndim, place->shape, place->strides);
    place->here.dtype = dtype;
    place->here.byte_offset = offset;
    place->there = place->here;
    place->there.data = place->memory->dl_tensor.data;
    place->there.device = place->memory->dl_tensor.device;
}

/* All bytes of a memory to or from the host. */
static void move(Place *place, bool from_host, void *stream) {
    DLTensor host = place->memory->dl_tensor;
    host.data = place->bytes;
    host.device.device_type = kDLCPU;
    host.device.device_id = 0;
    if (place->memory->dl_tensor.device.device_type == kDLCPU) {
        void *data = place->memory->dl_tensor.data;
        memcpy(from_host ? data : place->bytes, from_host ? place->bytes : data, MEMORY);
    } else if (from_host) {
        /* It may be read later, when the host has gone on. */
        host.data = memcpy(place->sent, place->bytes, MEMORY);
        CHECK_OK(dlbridge_cuda_copy_into(&host, &place->memory->dl_tensor, stream));
    } else {
        CHECK_OK(dlbridge_cuda_copy_into(&place->memory->dl_tensor, &host, stream));
    }
}

static void finish(const Place *place, void *stream) {
    if ((uintptr_t)stream <= 2 && !is_cpu(place->there.device)) {
        CHECK_OK(dlbridge_cuda_synchronize(stream, place->there.device));
    }
}

/* One copy on a stream of one of the two GPUs, or on a default stream. */
static void check_copy(Place *source, Place *target, int32_t ndim, DLDataType dtype, void *stream) {
    size_t i;
    describe(source, ndim, dtype);
    describe(target, ndim, dtype);
    for (i = 0; i < MEMORY; ++i) {
        source->bytes[i] = (unsigned char)random_below(256);
        target->bytes[i] = (unsigned char)random_below(256);
    }
    move(source, true, stream);
    move(target, true, stream);
    CHECK_OK(dlbridge_copy_into(&source->here, &target->here));
    /* A default stream is another one for pinned memory than for that of GPU 1. */
    finish(source, stream);
    finish(target, stream);
    CHECK_OK(dlbridge_cuda_copy_into(&source->there, &target->there, stream));
    memcpy(source->bytes, target->bytes, MEMORY);
    finish(source, stream);
    finish(target, stream);
    move(target, false, stream);
    CHECK(memcmp(source->bytes, target->bytes, MEMORY) == 0);
}

static void *stream_for(DLDevice source, DLDevice target) {
    static void *streams[2];
    const bool first = (source.device_type == kDLCUDA && source.device_id == 0);
    const DLDevice *other = random_below(2) ? &source : &target;
    int i;
    for (i = 0; i < 2; ++i) {
        streams[i] = streams[i] != NULL ? streams[i] : fake_stream(i, 0);
    }
    if (random_below(3) == 0) {
        return (void *)(uintptr_t)(source.device_type == kDLCUDA ? random_below(3) : 1);
    }
    if (source.device_type == kDLCUDA && target.device_type == kDLCUDA) {
        return streams[other->device_id];
    }
    if (source.device_type == kDLCUDA) {
        return streams[first ? 0 : 1];
    }
    return streams[target.device_type == kDLCUDA ? target.device_id : (int)random_below(2)];
}

static void check_round(DLDevice from, DLDevice to) {
    static const uint8_t bits[] = {8, 16, 32, 64, 128, 32};
    static const uint16_t lanes[] = {1, 1, 1, 1, 1, 3};
    const uint32_t kind = random_below(COUNT(bits));
    const int32_t ndim = (int32_t)random_below(MOST_AXES + 1);
    DLDataType dtype = dtype_of(bits[kind] == 128 ? kDLComplex : kDLUInt, bits[kind]);
    const size_t item = (size_t)bits[kind] / 8 * lanes[kind];
    void *stream = stream_for(from, to);
    Place source, target;
    int32_t axis;
    int64_t room = MEMORY / 4 / (int64_t)item / 3;
    memset(&source, 0, sizeof source);
    memset(&target, 0, sizeof target);
    dtype.lanes = lanes[kind];
    for (axis = ndim - 1; axis >= 0; --axis) {
        const int64_t most = axis == ndim - 1 && random_below(2) ? 90 : 16;
        int64_t extent = 1 + random_below((uint32_t)(most < room ? most : room));
        extent = random_below(40) == 0 ? 0 : extent;
        source.shape[axis] = target.shape[axis] = extent;
        room /= extent > 0 ? 2 * extent : 1;
        room = room > 1 ? room : 1;
    }
    /* On its own default stream, the memory of each GPU is allocated there. */
    allocate(&source, from, from.device_type == kDLCUDA ? NULL : stream);
    allocate(&target, to, to.device_type == kDLCUDA ? NULL : stream);
    lay_out(&source, ndim, item, (Kind)random_below(3));
    lay_out(&target, ndim, item, (Kind)random_below(3));
    check_copy(&source, &target, ndim, dtype, stream);
    free_place(&source, stream);
    free_place(&target, stream);
}

/* The ways that copies went, so that none is left out by chance. */
static const char *const ways[] = {
    "launch dlbridge_any_1_32",
    "launch dlbridge_tile_1_32",
    "launch dlbridge_any_2_32",
    "launch dlbridge_tile_2_32",
    "launch dlbridge_any_4_32",
    "launch dlbridge_tile_4_32",
    "launch dlbridge_any_8_32",
    "launch dlbridge_tile_8_32",
    "launch dlbridge_any_16_32",
    "launch dlbridge_tile_16_32",
    "x",
    "call legacy",
    "record stream0",
    "record stream1",
};
static bool seen[COUNT(ways)];

static void note_ways(void) {
    const char *log = fake_log();
    int way;
    for (way = 0; way < COUNT(ways); ++way) {
        seen[way] = seen[way] || strstr(log, ways[way]) != NULL;
    }
}

static void test_any_memory_to_any_other(void) {
    int from, to, round, way;
    for (from = 0; from < COUNT(devices); ++from) {
        for (to = 0; to < COUNT(devices); ++to) {
            for (round = 0; round < 60 && !(from == 0 && to == 0); ++round) {
                check_round(devices[from], devices[to]);
                note_ways();
            }
        }
    }
    for (way = 0; way < COUNT(ways); ++way) {
        CHECK(seen[way] || (puts(ways[way]), false));
    }
    CHECK(fake_allocations() == 0);
}

/* A tensor that needs 64 bits for its steps: its memory is never touched but at both
 * ends. */
static void test_far(void) {
    int64_t size = ((int64_t)1 << 31) + 4096, shape[] = {2, 80}, strides[2];
    unsigned char rows[2][80], back[80][2], expected[80][2];
    int64_t turned[] = {1, 2};
    DLManagedTensorVersioned *memory = NULL;
    DLTensor far_apart, near_by = tensor_of(rows, 2, shape, NULL);
    DLTensor there = tensor_of(back, 2, shape, turned);
    int i;
    strides[0] = (int64_t)1 << 31;
    strides[1] = -3;
    for (i = 0; i < 160; ++i) {
        rows[i / 80][i % 80] = expected[i % 80][i / 80] = (unsigned char)i;
    }
    CHECK_OK(dlbridge_cuda_empty(dtype_of(kDLUInt, 8), 1, &size, devices[3], NULL, &memory));
    far_apart = memory->dl_tensor;
    far_apart.ndim = 2;
    far_apart.shape = shape;
    far_apart.strides = strides;
    far_apart.byte_offset = 1000;
    near_by.dtype = there.dtype = far_apart.dtype;
    fake_log();
    CHECK_OK(dlbridge_cuda_copy_into(&near_by, &far_apart, NULL));
    CHECK_LOG("allocate 160 legacy0\ncopy 160 legacy0\nlaunch dlbridge_any_1_64 legacy0\n"
              "free 160 legacy0\n");
    CHECK_OK(dlbridge_cuda_copy_into(&far_apart, &there, NULL));
    CHECK_LOG("allocate 160 legacy0\nlaunch dlbridge_tile_1_64 legacy0\ncopy 160 legacy0\n"
              "free 160 legacy0\nsynchronize legacy0\n");
    CHECK(memcmp(back, expected, sizeof back) == 0);
    dlbridge_release(memory);
}

/* Transposes so large that whole tiles come out, and parts of tiles at the edges. */
static void test_large_transposes(void) {
    static const uint8_t bits[] = {8, 16, 32, 64, 128};
    static unsigned char bytes[150 * 100 * 16];
    int64_t shape[] = {150, 100}, strides[] = {1, 150};
    size_t i;
    for (i = 0; i < sizeof bytes; ++i) {
        bytes[i] = (unsigned char)random_below(256);
    }
    for (i = 0; i < COUNT(bits); ++i) {
        DLTensor host = tensor_of(bytes, 2, shape, strides);
        DLManagedTensorVersioned *expected = NULL, *there = NULL, *back = NULL;
        host.dtype = dtype_of(bits[i] == 128 ? kDLComplex : kDLUInt, bits[i]);
        CHECK_OK(dlbridge_copy(&host, &expected));
        CHECK_OK(dlbridge_cuda_copy(&host, devices[3], NULL, &there));
        CHECK_OK(dlbridge_cuda_copy(&there->dl_tensor, devices[0], NULL, &back));
        CHECK(memcmp(expected->dl_tensor.data, back->dl_tensor.data,
                     (size_t)bits[i] / 8 * 150 * 100) == 0);
        dlbridge_release(expected);
        dlbridge_release(there);
        dlbridge_release(back);
    }
    CHECK(strstr(fake_log(), "launch dlbridge_tile_1_32") != NULL);
}

int main(void) {
    test_large_transposes();
    test_far();
    test_any_memory_to_any_other();
    return 0;
}

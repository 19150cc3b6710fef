/* Every function of the C header with every allocation that it makes failing: one alone, and
 * all from one on. It returns DLBRIDGE_ERROR_MEMORY then, leaks nothing, and leaves its
 * outputs as they were; and when none fails any more it does what it shall.
 *
 * With the argument "list" the names of the functions are printed, for the test that compares
 * them with the symbols of the library. With "cold" the search for the CUDA driver is what
 * has no memory, which a process does once. */
#define _GNU_SOURCE
#include "../c/check.h"
#include "failures.h"
#include <pthread.h>

enum { MANY = DLBRIDGE_MAX_NDIM, LONG = 10 };

/* What the functions read. Tensors of many axes do not fit in what lies on the stack. */
static DLManagedTensorVersioned *few, *many, *permuted, *reversed, *target, *given, *changed, other;
static DLManagedTensor other_legacy;
static DLTensor wrong, on_metal;
static const DLTensor *tensors[12];
static dlbridge_array_interface array, many_array;
static dlbridge_array_struct *array_struct, *many_array_struct;
static int64_t few_shape[] = {4, 5, 3}, many_shape[MANY], longer_shape[MANY], far[MANY];
static int64_t minus_one = -1, number = 7;
static int32_t few_axes[] = {2, 1, 0}, many_axes[MANY];
static dlbridge_range ranges[MANY];
static int releases, has_cuda;
static long all_failures;
static char many_names[1024], many_checks[1024], long_text[10000];
static const DLDataType float32 = {kDLFloat, 32, 1}, unknown = {99, 32, 1};
static const DLDevice gpu = {kDLCUDA, 0}, cpu = {kDLCPU, 0}, metal = {kDLMetal, 0};

/* What they write to. */
static struct outputs {
    DLManagedTensorVersioned *tensor;
    DLManagedTensor *legacy;
    dlbridge_array_struct *array_struct;
    dlbridge_array_interface array;
    DLDataType dtype;
    DLDevice device;
    void *lowest, *end;
    int64_t number;
    int32_t count;
    bool answer;
    char text[8 * DLBRIDGE_TEXT_SIZE];
} out, untouched;

static dlbridge_status export_given(DLManagedTensor **legacy) {
    const dlbridge_status status = dlbridge_export_legacy(given, legacy);
    if (status == DLBRIDGE_OK)
        given = NULL;
    return status;
}

#define MANY_TYPES "u8|u16|u32|u64|i8|i16|i32|i64|f16|f64|bf16|c64|c128|bool[h, w, 3]"

/* What a call returns when no allocation fails, the function, and its arguments. */
#define CASES(CALL, VIA, PLAIN)                                                                    \
    CALL(OK, dlbridge_empty, (float32, 3, few_shape, &out.tensor))                                 \
    CALL(OK, dlbridge_empty, (float32, MANY, many_shape, &out.tensor))                             \
    CALL(ERROR_SHAPE, dlbridge_empty, (float32, 1, &minus_one, &out.tensor))                       \
    CALL(ERROR_DTYPE, dlbridge_empty, (unknown, 3, few_shape, &out.tensor))                        \
    CALL(OK, dlbridge_wrap, (&few->dl_tensor, 0, &releases, count_release, &out.tensor))           \
    CALL(OK, dlbridge_wrap, (&many->dl_tensor, 0, &releases, count_release, &out.tensor))          \
    CALL(ERROR_STRIDES, dlbridge_wrap, (&wrong, 0, &releases, count_release, &out.tensor))         \
    CALL(OK, dlbridge_share, (few, 0, &out.tensor))                                                \
    CALL(OK, dlbridge_share, (many, DLPACK_FLAG_BITMASK_READ_ONLY, &out.tensor))                   \
    CALL(ERROR_FOREIGN, dlbridge_share, (&other, 0, &out.tensor))                                  \
    CALL(ERROR_FLAGS, dlbridge_share, (few, 77, &out.tensor))                                      \
    CALL(OK, dlbridge_import, (&other, &out.tensor))                                               \
    CALL(ERROR_NDIM, dlbridge_import, (changed, &out.tensor))                                      \
    CALL(OK, dlbridge_import_legacy, (&other_legacy, 0, &out.tensor))                              \
    CALL(ERROR_FLAGS, dlbridge_import_legacy, (&other_legacy, 1u << 9, &out.tensor))               \
    VIA(OK, dlbridge_export_legacy, export_given(&out.legacy))                                     \
    CALL(OK, dlbridge_export_legacy, (&other, &out.legacy))                                        \
    CALL(ERROR_NDIM, dlbridge_export_legacy, (changed, &out.legacy))                               \
    CALL(OK, dlbridge_validate, (&many->dl_tensor))                                                \
    CALL(ERROR_STRIDES, dlbridge_validate, (&wrong))                                               \
    CALL(OK, dlbridge_validate_managed, (many))                                                    \
    CALL(ERROR_NDIM, dlbridge_validate_managed, (changed))                                         \
    CALL(OK, dlbridge_check, (&few->dl_tensor, "f32|u8|i8|i16|u16|f64[h, w, 3] c cpu"))            \
    CALL(OK, dlbridge_check, (&many->dl_tensor, many_names))                                       \
    CALL(ERROR_DTYPE, dlbridge_check, (&few->dl_tensor, MANY_TYPES))                               \
    CALL(ERROR_SHAPE, dlbridge_check, (&few->dl_tensor, "x: f32[n, n, 3]"))                        \
    CALL(ERROR_DEVICE, dlbridge_check, (&few->dl_tensor, "f32 cuda:1"))                            \
    CALL(ERROR_LAYOUT, dlbridge_check, (&permuted->dl_tensor, "f32 c"))                            \
    CALL(ERROR_SPEC, dlbridge_check, (&few->dl_tensor, "f32[a] nonsense"))                         \
    CALL(ERROR_SPEC, dlbridge_check, (&few->dl_tensor, "f32 writable"))                            \
    CALL(OK, dlbridge_check_managed, (few, "f32[h, w, 3] c cpu writable"))                         \
    CALL(ERROR_READ_ONLY, dlbridge_check_managed, (few, "readonly"))                               \
    CALL(ERROR_NDIM, dlbridge_check_managed, (changed, "f32"))                                     \
    CALL(OK, dlbridge_check_all, (12, tensors, many_checks))                                       \
    CALL(ERROR_ARGUMENT, dlbridge_check_all, (2, tensors, "f32"))                                  \
    CALL(ERROR_SPEC, dlbridge_check_all, (1, tensors, "x: y.dtype"))                               \
    CALL(ERROR_SHAPE, dlbridge_check_all, (2, tensors, "f32[a, b, 3], f32[b, _, a]"))              \
    CALL(OK, dlbridge_element_count, (&many->dl_tensor, &out.number))                              \
    CALL(ERROR_STRIDES, dlbridge_element_count, (&wrong, &out.number))                             \
    CALL(OK, dlbridge_byte_count, (&many->dl_tensor, &out.number))                                 \
    CALL(ERROR_STRIDES, dlbridge_byte_count, (&wrong, &out.number))                                \
    CALL(OK, dlbridge_is_c_contiguous, (&many->dl_tensor, &out.answer))                            \
    CALL(ERROR_STRIDES, dlbridge_is_c_contiguous, (&wrong, &out.answer))                           \
    CALL(OK, dlbridge_is_f_contiguous, (&many->dl_tensor, &out.answer))                            \
    CALL(ERROR_STRIDES, dlbridge_is_f_contiguous, (&wrong, &out.answer))                           \
    CALL(OK, dlbridge_byte_range, (&permuted->dl_tensor, &out.lowest, &out.end))                   \
    CALL(ERROR_STRIDES, dlbridge_byte_range, (&wrong, &out.lowest, &out.end))                      \
    CALL(OK, dlbridge_describe, (&permuted->dl_tensor, out.text, sizeof out.text))                 \
    CALL(ERROR_ARGUMENT, dlbridge_describe, (&many->dl_tensor, out.text, 9))                       \
    CALL(OK, dlbridge_slice, (few, 1, ranges, &out.tensor))                                        \
    CALL(OK, dlbridge_slice, (many, MANY, ranges, &out.tensor))                                    \
    CALL(ERROR_INDEX, dlbridge_slice, (few, MANY, ranges, &out.tensor))                            \
    CALL(OK, dlbridge_select, (few, 1, -1, &out.tensor))                                           \
    CALL(OK, dlbridge_select, (many, 0, 1, &out.tensor))                                           \
    CALL(ERROR_INDEX, dlbridge_select, (few, 1, 5, &out.tensor))                                   \
    CALL(OK, dlbridge_permute, (few, 3, few_axes, &out.tensor))                                    \
    CALL(OK, dlbridge_permute, (many, MANY, many_axes, &out.tensor))                               \
    CALL(ERROR_INDEX, dlbridge_permute, (few, MANY, many_axes, &out.tensor))                       \
    CALL(OK, dlbridge_reshape, (few, 1, &minus_one, &out.tensor))                                  \
    CALL(OK, dlbridge_reshape, (many, 1, &minus_one, &out.tensor))                                 \
    CALL(OK, dlbridge_reshape, (many, MANY, many_shape, &out.tensor))                              \
    CALL(ERROR_SHAPE, dlbridge_reshape, (many, 3, few_shape, &out.tensor))                         \
    CALL(ERROR_LAYOUT, dlbridge_reshape, (permuted, 1, &minus_one, &out.tensor))                   \
    CALL(OK, dlbridge_expand, (few, 3, few_shape, &out.tensor))                                    \
    CALL(OK, dlbridge_expand, (many, MANY, longer_shape, &out.tensor))                             \
    CALL(ERROR_SHAPE, dlbridge_expand, (many, 3, few_shape, &out.tensor))                          \
    CALL(OK, dlbridge_copy, (&few->dl_tensor, &out.tensor))                                        \
    CALL(OK, dlbridge_copy, (&permuted->dl_tensor, &out.tensor))                                   \
    CALL(ERROR_DEVICE, dlbridge_copy, (&on_metal, &out.tensor))                                    \
    CALL(OK, dlbridge_copy_into, (&permuted->dl_tensor, &target->dl_tensor))                       \
    CALL(ERROR_SHAPE, dlbridge_copy_into, (&many->dl_tensor, &few->dl_tensor))                     \
    CALL(ERROR_OVERLAP, dlbridge_copy_into, (&many->dl_tensor, &reversed->dl_tensor))              \
    CALL(OK, dlbridge_dtype_name, (float32, out.text, sizeof out.text))                            \
    CALL(ERROR_DTYPE, dlbridge_dtype_name, (unknown, out.text, sizeof out.text))                   \
    CALL(ERROR_ARGUMENT, dlbridge_dtype_name, (float32, out.text, 3))                              \
    CALL(OK, dlbridge_dtype_from_name, ("float32x4", &out.dtype))                                  \
    CALL(ERROR_DTYPE, dlbridge_dtype_from_name, ("float33", &out.dtype))                           \
    CALL(OK, dlbridge_dtype_typestr, (float32, out.text, sizeof out.text))                         \
    CALL(ERROR_DTYPE, dlbridge_dtype_typestr, (unknown, out.text, sizeof out.text))                \
    CALL(OK, dlbridge_dtype_from_typestr, ("<f4", &out.dtype))                                     \
    CALL(ERROR_DTYPE, dlbridge_dtype_from_typestr, ("<M8", &out.dtype))                            \
    CALL(OK, dlbridge_device_name, (gpu, out.text, sizeof out.text))                               \
    CALL(ERROR_ARGUMENT, dlbridge_device_name, (gpu, out.text, 3))                                 \
    CALL(OK, dlbridge_device_from_name, ("cuda:3", &out.device))                                   \
    CALL(ERROR_DEVICE, dlbridge_device_from_name, ("toaster", &out.device))                        \
    CALL(OK, dlbridge_to_array_interface, (few, &out.array))                                       \
    CALL(OK, dlbridge_to_array_interface, (many, &out.array))                                      \
    CALL(ERROR_FOREIGN, dlbridge_to_array_interface, (&other, &out.array))                         \
    CALL(OK, dlbridge_from_array_interface, (&array, &releases, count_release, &out.tensor))       \
    CALL(OK, dlbridge_from_array_interface, (&many_array, &releases, count_release, &out.tensor))  \
    CALL(ERROR_NULL, dlbridge_from_array_interface, (NULL, &releases, NULL, &out.tensor))          \
    CALL(OK, dlbridge_to_array_struct, (few, &out.array_struct))                                   \
    CALL(OK, dlbridge_to_array_struct, (many, &out.array_struct))                                  \
    CALL(ERROR_FOREIGN, dlbridge_to_array_struct, (&other, &out.array_struct))                     \
    CALL(OK, dlbridge_from_array_struct, (array_struct, &releases, NULL, &out.tensor))             \
    CALL(OK, dlbridge_from_array_struct, (many_array_struct, &releases, NULL, &out.tensor))        \
    CALL(ERROR_NULL, dlbridge_from_array_struct, (NULL, &releases, NULL, &out.tensor))             \
    CALL(ERROR_ARGUMENT, dlbridge_fail, (DLBRIDGE_ERROR_ARGUMENT, "sigma must be positive"))       \
    CALL(ERROR_ARGUMENT, dlbridge_fail, (DLBRIDGE_ERROR_ARGUMENT, long_text))                      \
    CALL(ERROR_NO_CUDA, dlbridge_cuda_device_count, (&out.count))                                  \
    CALL(ERROR_NO_CUDA, dlbridge_cuda_empty, (float32, 3, few_shape, gpu, NULL, &out.tensor))      \
    CALL(ERROR_DEVICE, dlbridge_cuda_empty, (float32, 3, few_shape, metal, NULL, &out.tensor))     \
    CALL(OK, dlbridge_cuda_empty, (float32, MANY, many_shape, cpu, NULL, &out.tensor))             \
    CALL(ERROR_NO_CUDA, dlbridge_cuda_pointer_device, (&releases, &out.device))                    \
    CALL(ERROR_NO_CUDA, dlbridge_cuda_check, (&few->dl_tensor))                                    \
    CALL(ERROR_NO_CUDA, dlbridge_cuda_copy, (&many->dl_tensor, gpu, NULL, &out.tensor))            \
    CALL(ERROR_DEVICE, dlbridge_cuda_copy_into, (&many->dl_tensor, &few->dl_tensor, NULL))         \
    CALL(ERROR_NO_CUDA, dlbridge_stream_wait, (NULL, (void *)2, gpu))                              \
    CALL(ERROR_NO_CUDA, dlbridge_cuda_synchronize, (NULL, gpu))                                    \
    PLAIN(dlbridge_last_error, ())                                                                 \
    PLAIN(dlbridge_status_name, (DLBRIDGE_OK))                                                     \
    PLAIN(dlbridge_version, ())                                                                    \
    PLAIN(dlbridge_abi_version, ())                                                                \
    PLAIN(dlbridge_release, (NULL))                                                                \
    PLAIN(dlbridge_release_legacy, (NULL))                                                         \
    PLAIN(dlbridge_release_array_struct, (NULL))

static dlbridge_status call(int index) {
#define RUN(expected, function, arguments)                                                         \
    if (index-- == 0)                                                                              \
        return function arguments;
#define RUN_VIA(expected, function, expression)                                                    \
    if (index-- == 0)                                                                              \
        return expression;
#define RUN_PLAIN(function, arguments)                                                             \
    if (index-- == 0)                                                                              \
        return (void)function arguments, DLBRIDGE_OK;
    CASES(RUN, RUN_VIA, RUN_PLAIN)
    return DLBRIDGE_ERROR_INTERNAL;
}

static const struct {
    const char *name;
    dlbridge_status expected;
} cases[] = {
#define ENTRY(expected, function, arguments) {#function, DLBRIDGE_##expected},
#define PLAIN_ENTRY(function, arguments) {#function, DLBRIDGE_OK},
    CASES(ENTRY, ENTRY, PLAIN_ENTRY)};

static int memory_was_missing(int index, dlbridge_status status) {
    const dlbridge_status expected = cases[index].expected;
    if (status == DLBRIDGE_ERROR_MEMORY)
        return strstr(dlbridge_last_error(), "memory") != NULL ||
               strstr(dlbridge_last_error(), "could not be allocated") != NULL;
    /* The function did what it shall: then it was the dynamic linker that missed it. */
    return expected == DLBRIDGE_ERROR_NO_CUDA && status == expected;
}

static void release_outputs(void) {
    if (out.tensor != untouched.tensor)
        dlbridge_release(out.tensor);
    if (out.legacy != untouched.legacy)
        dlbridge_release_legacy(out.legacy);
    if (out.array_struct != untouched.array_struct)
        dlbridge_release_array_struct(out.array_struct);
}

static void test(int index, int and_later) {
    const char *name = cases[index].name;
    long nth = 0, released;
    dlbridge_status status;
    if (given == NULL)
        CHECK_OK(dlbridge_copy(&permuted->dl_tensor, &given));
    do {
        out = untouched;
        released = releases;
        arm(++nth, and_later);
        status = call(index);
        disarm();
        all_failures += failures();
        if (failures() > 0) {
            FAILURES_EXPECT(memory_was_missing(index, status), name);
            FAILURES_EXPECT(memcmp(&out, &untouched, sizeof out) == 0, name);
            FAILURES_EXPECT(releases == released, name);
            FAILURES_EXPECT(live_blocks() == 0, name);
        }
    } while (failures() > 0);
    FAILURES_EXPECT(status == cases[index].expected, name);
    if (status != DLBRIDGE_OK) {
        FAILURES_EXPECT(memcmp(&out, &untouched, sizeof out) == 0, name);
        FAILURES_EXPECT(calls() < 10, name);
    }
    release_outputs();
    FAILURES_EXPECT(live_blocks() == 0, name);
}

static void test_all(void) {
    int index, and_later;
    for (index = 0; index < COUNT(cases); ++index)
        for (and_later = 0; and_later < 2; ++and_later)
            if (!has_cuda || cases[index].expected != DLBRIDGE_ERROR_NO_CUDA)
                test(index, and_later);
}

static void prepare(void) {
    int32_t axis, count = 0;
    char *end = many_names, *check = many_checks;
    end += sprintf(end, "f32[a0");
    for (axis = 0; axis < MANY; ++axis) {
        many_shape[axis] = axis < LONG ? 2 : 1;
        longer_shape[axis] = axis == LONG ? 3 : many_shape[axis];
        far[axis] = INT64_MAX;
        many_axes[axis] = MANY - 1 - axis;
        ranges[axis].start = ranges[axis].stop = DLBRIDGE_OPEN;
        ranges[axis].step = -1;
        if (axis > 0)
            end += sprintf(end, ", a%d", (int)axis);
    }
    sprintf(end, "]");
    memset(long_text, 'x', sizeof long_text - 1);
    memset(&untouched, 0x5a, sizeof untouched);
    CHECK_OK(dlbridge_empty(float32, 3, few_shape, &few));
    CHECK_OK(dlbridge_empty(float32, MANY, many_shape, &many));
    memset(many->dl_tensor.data, 0, sizeof(float) << LONG);
    CHECK_OK(dlbridge_permute(many, MANY, many_axes, &permuted));
    CHECK_OK(dlbridge_slice(many, MANY, ranges, &reversed));
    CHECK_OK(dlbridge_copy(&permuted->dl_tensor, &target));
    CHECK_OK(dlbridge_to_array_interface(few, &array));
    CHECK_OK(dlbridge_to_array_interface(permuted, &many_array));
    CHECK_OK(dlbridge_to_array_struct(few, &array_struct));
    CHECK_OK(dlbridge_to_array_struct(permuted, &many_array_struct));
    CHECK_OK(dlbridge_share(few, 0, &changed));
    changed->dl_tensor.ndim = MANY;
    other = foreign(permuted->dl_tensor, &count);
    other.manager_ctx = &releases;
    other_legacy.dl_tensor = permuted->dl_tensor;
    wrong = tensor_of(&number, MANY, many_shape, far);
    on_metal = few->dl_tensor;
    on_metal.device = metal;
    for (count = 0; count < COUNT(tensors); ++count) {
        tensors[count] = &few->dl_tensor;
        check += sprintf(check, "%st%d: f32[h, w, _]", count > 0 ? ", " : "", (int)count);
    }
    has_cuda = dlbridge_cuda_device_count(&count) == DLBRIDGE_OK;
}

static void clean_up(void) {
    changed->dl_tensor.ndim = 3;
    dlbridge_release(few);
    dlbridge_release(many);
    dlbridge_release(permuted);
    dlbridge_release(reversed);
    dlbridge_release(target);
    dlbridge_release(given);
    dlbridge_release(changed);
    dlbridge_release_array_struct(array_struct);
    dlbridge_release_array_struct(many_array_struct);
}

/* Threads that keep their sentences, more than have room for it beforehand. */
enum { THREADS = 20 };
static pthread_barrier_t all_have_failed, all_may_end;

static void *fail_and_wait(void *unused) {
    dlbridge_fail(DLBRIDGE_ERROR_ARGUMENT, "kept");
    pthread_barrier_wait(&all_have_failed);
    pthread_barrier_wait(&all_may_end);
    CHECK(strcmp(dlbridge_last_error(), "kept") == 0);
    return unused;
}

static void *fail_without_memory(void *unused) {
    dlbridge_status status;
    CHECK(strcmp(dlbridge_last_error(), "") == 0);
    arm(1, 1);
    status = dlbridge_fail(DLBRIDGE_ERROR_ARGUMENT, "lost");
    disarm();
    CHECK(failures() == 1 && status == DLBRIDGE_ERROR_MEMORY);
    CHECK_ERROR_MENTIONS("memory");
    CHECK_STATUS(dlbridge_fail(DLBRIDGE_ERROR_ARGUMENT, "kept"), DLBRIDGE_ERROR_ARGUMENT);
    CHECK_ERROR_MENTIONS("kept");
    return unused;
}

static void test_many_threads(void) {
    pthread_t threads[THREADS], last;
    int i;
    CHECK(pthread_barrier_init(&all_have_failed, NULL, THREADS + 1) == 0);
    CHECK(pthread_barrier_init(&all_may_end, NULL, THREADS + 1) == 0);
    for (i = 0; i < THREADS; ++i)
        CHECK(pthread_create(&threads[i], NULL, fail_and_wait, NULL) == 0);
    pthread_barrier_wait(&all_have_failed);
    CHECK(pthread_create(&last, NULL, fail_without_memory, NULL) == 0);
    CHECK(pthread_join(last, NULL) == 0);
    pthread_barrier_wait(&all_may_end);
    for (i = 0; i < THREADS; ++i)
        CHECK(pthread_join(threads[i], NULL) == 0);
}

static void test_search_for_the_driver(void) {
    int32_t count = 77;
    int and_later;
    for (and_later = 1; and_later >= 0; --and_later) {
        long nth = 0;
        do {
            dlbridge_status status;
            arm(++nth, and_later);
            status = dlbridge_cuda_device_count(&count);
            disarm();
            CHECK(status == DLBRIDGE_ERROR_MEMORY || status == DLBRIDGE_ERROR_NO_CUDA);
        } while (failures() > 0);
    }
    CHECK_STATUS(dlbridge_cuda_device_count(&count), DLBRIDGE_ERROR_NO_CUDA);
    CHECK(count == 77 && strstr(dlbridge_last_error(), "memory") == NULL);
}

int main(int count, char **arguments) {
    int index;
    if (count > 1 && strcmp(arguments[1], "list") == 0) {
        for (index = 0; index < COUNT(cases); ++index)
            puts(cases[index].name);
        return 0;
    }
    failures_find();
    if (count > 1 && strcmp(arguments[1], "cold") == 0) {
        test_search_for_the_driver();
        return 0;
    }
    prepare();
    test_all();
    FAILURES_EXPECT(all_failures > 100, "too few allocations failed");
    test_many_threads();
    clean_up();
    return 0;
}

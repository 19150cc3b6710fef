/* Tensors of others, taken in without trusting them, and the legacy form. */
#define _DEFAULT_SOURCE
#include "check.h"
#include <sys/mman.h>
#include <unistd.h>

static int32_t numbers[24];
static int64_t shape[] = {2, 3};
static int64_t strides[] = {3, 1};

static DLTensor tensor(void) { return tensor_of(numbers, 2, shape, strides); }

static void test_import(void) {
    int deleted = 0;
    int64_t extents[] = {2, 3};
    DLManagedTensorVersioned managed = foreign(tensor_of(numbers, 2, extents, NULL), &deleted);
    DLManagedTensorVersioned *imported = NULL, *second = NULL;
    managed.flags = DLPACK_FLAG_BITMASK_READ_ONLY | DLPACK_FLAG_BITMASK_IS_COPIED;
    managed.version.minor = 99;
    managed.dl_tensor.byte_offset = 8;
    CHECK_OK(dlbridge_import(&managed, &imported));
    CHECK(imported != &managed);
    CHECK(imported->version.major == 1 && imported->version.minor == 3);
    CHECK(imported->flags == managed.flags);
    CHECK(imported->dl_tensor.data == &numbers[2] && imported->dl_tensor.byte_offset == 0);
    /* What the producer does to his shape is nothing to us any more. */
    extents[0] = extents[1] = -1;
    CHECK_LIST(imported->dl_tensor.shape, 2, 3);
    CHECK_LIST(imported->dl_tensor.strides, 3, 1);
    CHECK_OK(dlbridge_share(imported, 0, &second));
    dlbridge_release(imported);
    CHECK(deleted == 0);
    dlbridge_release(second);
    CHECK(deleted == 1);
}

static void test_import_of_our_own(void) {
    DLTensor described = tensor();
    int released = 0;
    DLManagedTensorVersioned *own = wrap(&described, 0, &released), *imported = NULL;
    CHECK_OK(dlbridge_import(own, &imported));
    CHECK(imported->dl_tensor.data == numbers && released == 0);
    dlbridge_release(imported);
    CHECK(released == 1);
}

static void test_null_deleter(void) {
    DLManagedTensorVersioned managed = foreign(tensor(), NULL), *imported = NULL;
    DLManagedTensor legacy;
    managed.deleter = NULL;
    dlbridge_release(&managed);
    CHECK_OK(dlbridge_import(&managed, &imported));
    dlbridge_release(imported);

    memset(&legacy, 0, sizeof legacy);
    legacy.dl_tensor = tensor();
    dlbridge_release_legacy(&legacy);
    CHECK_OK(dlbridge_import_legacy(&legacy, 0, &imported));
    dlbridge_release(imported);
}

static void test_refused_tensors_stay_the_callers(void) {
    int deleted = 0;
    DLManagedTensorVersioned managed = foreign(tensor(), &deleted), *out = UNTOUCHED;
    DLManagedTensor *legacy = UNTOUCHED;
    managed.dl_tensor.ndim = -1;
    CHECK_ERROR(dlbridge_import(&managed, &out), DLBRIDGE_ERROR_NDIM, "-1");
    CHECK_ERROR(dlbridge_export_legacy(&managed, &legacy), DLBRIDGE_ERROR_NDIM, "-1");
    managed.dl_tensor.ndim = 2;
    managed.flags = 16;
    CHECK_ERROR(dlbridge_import(&managed, &out), DLBRIDGE_ERROR_FLAGS, "0x10");
    managed.flags = 0;
    CHECK_ERROR(dlbridge_import(&managed, NULL), DLBRIDGE_ERROR_NULL, "out");
    CHECK_ERROR(dlbridge_import(NULL, &out), DLBRIDGE_ERROR_NULL, "tensor");
    CHECK_ERROR(dlbridge_export_legacy(&managed, NULL), DLBRIDGE_ERROR_NULL, "out");
    CHECK_ERROR(dlbridge_export_legacy(NULL, &legacy), DLBRIDGE_ERROR_NULL, "tensor");
    CHECK(deleted == 0 && out == UNTOUCHED && legacy == UNTOUCHED);
    dlbridge_release(&managed);
    CHECK(deleted == 1);
}

/* Of another major version only version, context, deleter and flags may be
 * touched: the rest of this one is behind the end of the readable memory. */
static void test_another_major_version(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE),
           head = offsetof(DLManagedTensorVersioned, dl_tensor);
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int deleted = 0;
    DLManagedTensorVersioned future = foreign(tensor(), &deleted);
    DLManagedTensorVersioned *managed, *out = UNTOUCHED;
    DLManagedTensor *legacy = UNTOUCHED;
    CHECK(pages != MAP_FAILED && mprotect(pages + page, page, PROT_NONE) == 0);
    managed = (void *)(pages + page - head);
    future.version.major = 2;
    future.version.minor = 7;
    future.flags = UINT64_MAX;
    memcpy(managed, &future, head);

    CHECK_ERROR(dlbridge_import(managed, &out), DLBRIDGE_ERROR_VERSION, "2.7");
    CHECK_ERROR(dlbridge_validate_managed(managed), DLBRIDGE_ERROR_VERSION, "version");
    CHECK_STATUS(dlbridge_export_legacy(managed, &legacy), DLBRIDGE_ERROR_VERSION);
    CHECK_STATUS(dlbridge_share(managed, 0, &out), DLBRIDGE_ERROR_FOREIGN);
    CHECK(deleted == 0 && out == UNTOUCHED && legacy == UNTOUCHED);
    dlbridge_release(managed);
    CHECK(deleted == 1);
    CHECK(munmap(pages, 2 * page) == 0);
}

static void test_views_and_shares_of_a_foreign_tensor_are_refused(void) {
    int deleted = 0;
    DLManagedTensorVersioned managed = foreign(tensor(), &deleted), *out = UNTOUCHED;
    dlbridge_array_interface interface;
    dlbridge_array_struct *array = UNTOUCHED;
    const dlbridge_range all = {DLBRIDGE_OPEN, DLBRIDGE_OPEN, 1};
    const int32_t axes[] = {1, 0};
    const int64_t flat[] = {6};
    CHECK_ERROR(dlbridge_share(&managed, 0, &out), DLBRIDGE_ERROR_FOREIGN, "import");
    CHECK_STATUS(dlbridge_slice(&managed, 1, &all, &out), DLBRIDGE_ERROR_FOREIGN);
    CHECK_STATUS(dlbridge_select(&managed, 0, 0, &out), DLBRIDGE_ERROR_FOREIGN);
    CHECK_STATUS(dlbridge_permute(&managed, 2, axes, &out), DLBRIDGE_ERROR_FOREIGN);
    CHECK_STATUS(dlbridge_reshape(&managed, 1, flat, &out), DLBRIDGE_ERROR_FOREIGN);
    CHECK_STATUS(dlbridge_expand(&managed, 2, shape, &out), DLBRIDGE_ERROR_FOREIGN);
    CHECK_STATUS(dlbridge_to_array_interface(&managed, &interface), DLBRIDGE_ERROR_FOREIGN);
    CHECK_STATUS(dlbridge_to_array_struct(&managed, &array), DLBRIDGE_ERROR_FOREIGN);
    CHECK(out == UNTOUCHED && array == UNTOUCHED && deleted == 0);
}

/* Somebody changed the descriptor of a tensor that we made: it is checked as any
 * other one. */
static void test_a_changed_descriptor_is_foreign(void) {
    DLTensor described = tensor();
    int released = 0;
    DLManagedTensorVersioned *own = wrap(&described, 0, &released), *out = UNTOUCHED;
    int64_t *shape_before = own->dl_tensor.shape, other[] = {3, 2};
    own->dl_tensor.shape = other;
    CHECK_STATUS(dlbridge_share(own, 0, &out), DLBRIDGE_ERROR_FOREIGN);
    own->dl_tensor.shape = shape_before;
    own->version.major = 2;
    CHECK_STATUS(dlbridge_share(own, 0, &out), DLBRIDGE_ERROR_FOREIGN);
    own->version.major = 1;
    own->dl_tensor.shape[0] = -4;
    CHECK_ERROR(dlbridge_share(own, 0, &out), DLBRIDGE_ERROR_SHAPE, "-4");
    CHECK(out == UNTOUCHED);
    own->dl_tensor.shape = other;
    CHECK_OK(dlbridge_import(own, &out));
    CHECK_LIST(out->dl_tensor.shape, 3, 2);
    CHECK(released == 0);
    dlbridge_release(out);
    CHECK(released == 1);
}

/* What others can do to a tensor that we made: nothing is read beyond the block in which it
 * lies (valgrind sees to that), and the memory is released once. */
enum { CHANGES = 24 };

static void change(DLManagedTensorVersioned *own, int number) {
    static const int32_t ndims[] = {0, 1, 3, DLBRIDGE_MAX_NDIM, -1, 65, INT32_MIN, INT32_MAX};
    DLTensor *tensor = &own->dl_tensor;
    if (number < 16) {
        tensor->ndim = ndims[number / 2];
        if (number % 2 == 1 && tensor->ndim >= 0 && tensor->ndim <= DLBRIDGE_MAX_NDIM) {
            tensor->strides = tensor->shape + tensor->ndim;
        }
        return;
    }
    switch (number) {
    case 16:
        tensor->shape[1] = -1;
        break;
    case 17:
        tensor->shape[0] = tensor->strides[0] = INT64_MAX;
        break;
    case 18:
        tensor->dtype.code = 99;
        break;
    case 19:
        tensor->device.device_type = (DLDeviceType)99;
        break;
    case 20:
        own->flags = ~UINT64_C(0);
        break;
    case 21:
        tensor->data = NULL;
        tensor->byte_offset = UINT64_MAX;
        break;
    case 22:
        own->manager_ctx = NULL;
        tensor->ndim = DLBRIDGE_MAX_NDIM;
        break;
    default:
        own->version.minor = 99;
        tensor->strides = tensor->shape + 3;
        tensor->ndim = 3;
        break;
    }
}

static dlbridge_status use(DLManagedTensorVersioned *own, int way, DLManagedTensorVersioned **out,
                           dlbridge_array_struct **array) {
    static dlbridge_array_interface interface;
    const dlbridge_range all = {DLBRIDGE_OPEN, DLBRIDGE_OPEN, -1};
    const int32_t axes[] = {1, 0};
    const int64_t flat[] = {6}, wider[] = {4, 2, 3};
    switch (way) {
    case 0:
        return dlbridge_share(own, 0, out);
    case 1:
        return dlbridge_slice(own, 1, &all, out);
    case 2:
        return dlbridge_select(own, 0, 0, out);
    case 3:
        return dlbridge_permute(own, 2, axes, out);
    case 4:
        return dlbridge_reshape(own, 1, flat, out);
    case 5:
        return dlbridge_expand(own, 3, wider, out);
    case 6:
        return dlbridge_to_array_interface(own, &interface);
    case 7:
        return dlbridge_to_array_struct(own, array);
    case 8:
        return dlbridge_validate_managed(own);
    case 9:
        return dlbridge_check_managed(own, "i32[2, 3] c cpu writable");
    default:
        return dlbridge_import(own, out);
    }
}

static void test_changed_fields_are_not_trusted(void) {
    int number, way;
    for (number = 0; number < CHANGES; ++number) {
        for (way = 0; way < 12; ++way) {
            DLTensor described = tensor();
            int released = 0;
            DLManagedTensorVersioned *own = wrap(&described, 0, &released), *out = UNTOUCHED;
            DLManagedTensor *legacy = UNTOUCHED;
            dlbridge_array_struct *array = UNTOUCHED;
            dlbridge_status status;
            change(own, number);
            status = way < 11 ? use(own, way, &out, &array) : dlbridge_export_legacy(own, &legacy);
            if (status != DLBRIDGE_OK) {
                CHECK(out == UNTOUCHED && array == UNTOUCHED && legacy == UNTOUCHED);
                CHECK(strlen(dlbridge_last_error()) > 0);
            }
            CHECK(released == 0);
            if (way < 10 || status != DLBRIDGE_OK) {
                dlbridge_release(own);
            }
            if (out != UNTOUCHED) {
                CHECK_OK(dlbridge_validate_managed(out));
                CHECK(way == 5 ? out->dl_tensor.ndim == 3 : out->dl_tensor.ndim <= 2);
                dlbridge_release(out);
            }
            if (array != UNTOUCHED) {
                CHECK(array->nd == 2);
                dlbridge_release_array_struct(array);
            }
            if (legacy != UNTOUCHED) {
                dlbridge_release_legacy(legacy);
            }
            CHECK(released == 1);
        }
    }
}

/* A copy of the struct is not the tensor: there is no block behind it. */
static void test_a_copy_of_the_struct_is_foreign(void) {
    DLTensor described = tensor();
    int released = 0;
    DLManagedTensorVersioned *own = wrap(&described, 0, &released), *out = UNTOUCHED;
    DLManagedTensorVersioned *copy = malloc(sizeof *copy);
    CHECK(copy != NULL);
    *copy = *own;
    CHECK_STATUS(dlbridge_share(copy, 0, &out), DLBRIDGE_ERROR_FOREIGN);
    CHECK_OK(dlbridge_validate_managed(copy));
    CHECK(out == UNTOUCHED);
    free(copy);
    dlbridge_release(own);
    CHECK(released == 1);
}

static void count_delete_legacy(DLManagedTensor *self) { count_release(self->manager_ctx); }

static DLManagedTensor foreign_legacy(int *deleted) {
    DLManagedTensor legacy;
    legacy.dl_tensor = tensor();
    legacy.manager_ctx = deleted;
    legacy.deleter = count_delete_legacy;
    return legacy;
}

static void test_import_legacy(void) {
    static const uint64_t flags[] = {0, DLPACK_FLAG_BITMASK_READ_ONLY,
                                     DLPACK_FLAG_BITMASK_IS_COPIED,
                                     DLPACK_FLAG_BITMASK_READ_ONLY | DLPACK_FLAG_BITMASK_IS_COPIED};
    int i;
    for (i = 0; i < COUNT(flags); ++i) {
        int deleted = 0;
        DLManagedTensor legacy = foreign_legacy(&deleted);
        DLManagedTensorVersioned *imported = NULL;
        CHECK_OK(dlbridge_import_legacy(&legacy, flags[i], &imported));
        CHECK(imported->flags == flags[i] && imported->dl_tensor.data == numbers);
        CHECK(imported->version.major == 1);
        CHECK(deleted == 0);
        dlbridge_release(imported);
        CHECK(deleted == 1);
    }
}

static void test_import_legacy_refuses(void) {
    int deleted = 0;
    DLManagedTensor legacy = foreign_legacy(&deleted);
    DLManagedTensorVersioned *out = UNTOUCHED;
    CHECK_ERROR(dlbridge_import_legacy(&legacy, 8, &out), DLBRIDGE_ERROR_FLAGS, "0x8");
    CHECK_ERROR(dlbridge_import_legacy(NULL, 0, &out), DLBRIDGE_ERROR_NULL, "tensor");
    CHECK_ERROR(dlbridge_import_legacy(&legacy, 0, NULL), DLBRIDGE_ERROR_NULL, "out");
    legacy.dl_tensor.data = NULL;
    CHECK_ERROR(dlbridge_import_legacy(&legacy, 0, &out), DLBRIDGE_ERROR_DATA, "data");
    CHECK(deleted == 0 && out == UNTOUCHED);
    dlbridge_release_legacy(&legacy);
    CHECK(deleted == 1);
}

static void test_export_legacy(void) {
    DLTensor described = tensor();
    int released = 0, by_function;
    for (by_function = 0; by_function < 2; ++by_function) {
        DLManagedTensorVersioned *own = wrap(&described, DLPACK_FLAG_BITMASK_IS_COPIED, &released);
        DLManagedTensor *legacy = NULL;
        CHECK_OK(dlbridge_export_legacy(own, &legacy));
        CHECK(legacy->dl_tensor.data == numbers);
        CHECK_LIST(legacy->dl_tensor.shape, 2, 3);
        CHECK_LIST(legacy->dl_tensor.strides, 3, 1);
        CHECK_OK(dlbridge_validate(&legacy->dl_tensor));
        CHECK(released == by_function);
        if (by_function) {
            dlbridge_release_legacy(legacy);
        } else {
            legacy->deleter(legacy);
        }
        CHECK(released == by_function + 1);
    }
}

static void test_to_legacy_and_back(void) {
    int deleted = 0;
    DLManagedTensorVersioned managed = foreign(tensor(), &deleted), *back = NULL;
    DLManagedTensor *legacy = NULL;
    CHECK_OK(dlbridge_export_legacy(&managed, &legacy));
    CHECK_OK(dlbridge_import_legacy(legacy, DLPACK_FLAG_BITMASK_READ_ONLY, &back));
    CHECK(back->dl_tensor.data == numbers && back->flags == DLPACK_FLAG_BITMASK_READ_ONLY);
    CHECK(deleted == 0);
    dlbridge_release(back);
    CHECK(deleted == 1);
}

static void test_what_the_legacy_form_cannot_say_is_refused(void) {
    DLTensor described = tensor();
    int released = 0, deleted = 0;
    DLManagedTensorVersioned *own = wrap(&described, DLPACK_FLAG_BITMASK_READ_ONLY, &released);
    DLManagedTensorVersioned managed = foreign(tensor(), &deleted);
    DLManagedTensor *legacy = UNTOUCHED;
    CHECK_ERROR(dlbridge_export_legacy(own, &legacy), DLBRIDGE_ERROR_READ_ONLY, "read-only");
    CHECK(own->dl_tensor.data == numbers && released == 0);
    dlbridge_release(own);
    CHECK(released == 1);

    managed.flags = DLPACK_FLAG_BITMASK_READ_ONLY;
    CHECK_STATUS(dlbridge_export_legacy(&managed, &legacy), DLBRIDGE_ERROR_READ_ONLY);
    managed.flags = DLPACK_FLAG_BITMASK_IS_SUBBYTE_TYPE_PADDED;
    managed.dl_tensor.dtype = dtype_of(kDLFloat4_e2m1fn, 4);
    CHECK_ERROR(dlbridge_export_legacy(&managed, &legacy), DLBRIDGE_ERROR_FLAGS, "padded");
    CHECK(deleted == 0 && legacy == UNTOUCHED);
}

int main(void) {
    test_import();
    test_import_of_our_own();
    test_null_deleter();
    test_refused_tensors_stay_the_callers();
    test_another_major_version();
    test_views_and_shares_of_a_foreign_tensor_are_refused();
    test_a_changed_descriptor_is_foreign();
    test_changed_fields_are_not_trusted();
    test_a_copy_of_the_struct_is_foreign();
    test_import_legacy();
    test_import_legacy_refuses();
    test_export_legacy();
    test_to_legacy_and_back();
    test_what_the_legacy_form_cannot_say_is_refused();
    return 0;
}

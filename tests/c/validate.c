/* Each field of a foreign descriptor has a status of its own, and a sentence that
 * names it, what it was and what it must be. */
#include "check.h"

static int32_t data[24];
static int64_t shape[] = {2, 3};
static int64_t strides[] = {3, 1};

static DLTensor good(void) { return tensor_of(data, 2, shape, strides); }

static void refuse(DLTensor tensor, dlbridge_status status, const char *field, const char *was,
                   const char *must_be) {
    CHECK_STATUS(dlbridge_validate(&tensor), status);
    CHECK_ERROR_MENTIONS(field);
    CHECK_ERROR_MENTIONS(was);
    CHECK_ERROR_MENTIONS(must_be);
}

static void test_ndim(void) {
    static const int32_t bad[] = {-1, INT32_MIN, DLBRIDGE_MAX_NDIM + 1, INT32_MAX};
    int i;
    for (i = 0; i < COUNT(bad); ++i) {
        DLTensor tensor = good();
        char was[16];
        snprintf(was, sizeof was, "%d", (int)bad[i]);
        tensor.ndim = bad[i];
        refuse(tensor, DLBRIDGE_ERROR_NDIM, "ndim", was, "0 to 64");
    }
}

static void test_shape(void) {
    int64_t negative[] = {2, -3}, least[] = {INT64_MIN, 3};
    DLTensor tensor = good();
    tensor.shape = NULL;
    refuse(tensor, DLBRIDGE_ERROR_SHAPE, "shape", "NULL", "2 extents");
    tensor.shape = negative;
    refuse(tensor, DLBRIDGE_ERROR_SHAPE, "shape[1]", "-3", "0 or more");
    tensor.shape = least;
    refuse(tensor, DLBRIDGE_ERROR_SHAPE, "shape[0]", "-9223372036854775808", "0 or more");
}

static void test_size(void) {
    int64_t elements[] = {(int64_t)1 << 40, (int64_t)1 << 40};
    int64_t behind_zero[] = {0, INT64_MAX, 4}, bytes[] = {(int64_t)1 << 61};
    DLTensor tensor = good();
    tensor.strides = NULL;
    tensor.shape = elements;
    refuse(tensor, DLBRIDGE_ERROR_SIZE, "shape", "1099511627776", "at most");
    tensor.ndim = 3;
    tensor.shape = behind_zero;
    refuse(tensor, DLBRIDGE_ERROR_SIZE, "shape", "9223372036854775807", "at most");
    tensor.ndim = 1;
    tensor.shape = bytes;
    refuse(tensor, DLBRIDGE_ERROR_SIZE, "bytes", "32 bits", "at most");
}

static void test_strides(void) {
    int64_t far[] = {(int64_t)1 << 62, 1}, below[] = {3, INT64_MIN};
    int64_t together[] = {(int64_t)1 << 60, (int64_t)1 << 60};
    DLTensor tensor = good();
    tensor.strides = far;
    refuse(tensor, DLBRIDGE_ERROR_STRIDES, "strides", "4611686018427387904", "must be within");
    tensor.strides = below;
    refuse(tensor, DLBRIDGE_ERROR_STRIDES, "strides", "-9223372036854775808", "must be within");
    tensor.strides = together;
    refuse(tensor, DLBRIDGE_ERROR_STRIDES, "strides", "1152921504606846976", "must be within");
}

static void test_data(void) {
    DLTensor tensor = good();
    tensor.data = NULL;
    refuse(tensor, DLBRIDGE_ERROR_DATA, "data", "NULL", "must be");
}

static void test_byte_offset(void) {
    int64_t backwards[] = {-3, 1};
    DLTensor tensor = good();
    tensor.byte_offset = UINT64_MAX;
    refuse(tensor, DLBRIDGE_ERROR_BYTE_OFFSET, "byte_offset", "18446744073709551615", "must be");
    tensor = good();
    tensor.data = (void *)(UINTPTR_MAX - 4);
    refuse(tensor, DLBRIDGE_ERROR_BYTE_OFFSET, "data", "0xffff", "must be");
    /* A negative stride may not lead below address 0. */
    tensor.data = (void *)(uintptr_t)8;
    tensor.strides = backwards;
    refuse(tensor, DLBRIDGE_ERROR_BYTE_OFFSET, "data", "0x8", "must be");
}

static void refuse_dtype(unsigned code, unsigned bits, unsigned lanes, const char *field,
                         const char *was) {
    DLTensor tensor = good();
    tensor.dtype.code = (uint8_t)code;
    tensor.dtype.bits = (uint8_t)bits;
    tensor.dtype.lanes = (uint16_t)lanes;
    refuse(tensor, DLBRIDGE_ERROR_DTYPE, field, was, "must be");
}

static void test_dtype(void) {
    refuse_dtype(18, 8, 1, "dtype.code", "18");
    refuse_dtype(255, 8, 1, "dtype.code", "255");
    refuse_dtype(kDLFloat, 80, 1, "dtype.bits", "80");
    refuse_dtype(kDLFloat, 0, 1, "dtype.bits", "0");
    refuse_dtype(kDLBool, 1, 1, "dtype.bits", "1");
    refuse_dtype(kDLComplex, 96, 1, "dtype.bits", "96");
    refuse_dtype(kDLFloat8_e5m2, 16, 1, "dtype.bits", "16");
    refuse_dtype(kDLInt, 32, 0, "dtype.lanes", "0");
}

static void test_device(void) {
    static const int bad[] = {0, 5, 6, 19, -1};
    DLTensor tensor = good();
    int i;
    for (i = 0; i < COUNT(bad); ++i) {
        const int32_t type = bad[i];
        memcpy(&tensor.device.device_type, &type, sizeof type);
        refuse(tensor, DLBRIDGE_ERROR_DEVICE, "device.device_type", "is", "must be");
    }
    tensor.device.device_type = kDLCUDA;
    tensor.device.device_id = -2;
    refuse(tensor, DLBRIDGE_ERROR_DEVICE, "device.device_id", "-2", "0 or more");
}

static void test_what_is_accepted(void) {
    int64_t ones[DLBRIDGE_MAX_NDIM], none[] = {0, 3}, wild[] = {INT64_MAX, INT64_MIN};
    int64_t one[] = {1, 3}, anything[] = {INT64_MAX, 1}, zero[] = {0, 0};
    DLTensor tensor = good();
    int axis;
    CHECK_OK(dlbridge_validate(&tensor));
    tensor.strides = NULL;
    CHECK_OK(dlbridge_validate(&tensor));
    tensor.strides = zero;
    CHECK_OK(dlbridge_validate(&tensor));
    tensor.byte_offset = 3;
    CHECK_OK(dlbridge_validate(&tensor));
    /* Nothing is reached along an axis of 1, nor without elements. */
    tensor.shape = one;
    tensor.strides = anything;
    CHECK_OK(dlbridge_validate(&tensor));
    tensor.shape = none;
    tensor.strides = wild;
    tensor.data = NULL;
    CHECK_OK(dlbridge_validate(&tensor));
    tensor = tensor_of(data, 0, NULL, NULL);
    CHECK_OK(dlbridge_validate(&tensor));
    for (axis = 0; axis < DLBRIDGE_MAX_NDIM; ++axis) {
        ones[axis] = 1;
    }
    tensor = tensor_of(data, DLBRIDGE_MAX_NDIM, ones, ones);
    CHECK_OK(dlbridge_validate(&tensor));
}

static void test_managed(void) {
    DLManagedTensorVersioned managed = foreign(good(), NULL);
    CHECK_OK(dlbridge_validate_managed(&managed));
    managed.version.minor = UINT32_MAX;
    CHECK_OK(dlbridge_validate_managed(&managed));
    managed.flags = 7;
    CHECK_OK(dlbridge_validate_managed(&managed));
    managed.flags = 8;
    CHECK_ERROR(dlbridge_validate_managed(&managed), DLBRIDGE_ERROR_FLAGS, "flags is 0x8");
    CHECK_ERROR_MENTIONS("must have");
    managed.flags = 0;
    managed.dl_tensor.ndim = -9;
    CHECK_ERROR(dlbridge_validate_managed(&managed), DLBRIDGE_ERROR_NDIM, "-9");
    managed.version.major = 0;
    CHECK_ERROR(dlbridge_validate_managed(&managed), DLBRIDGE_ERROR_VERSION, "version is 0.");
    CHECK_ERROR_MENTIONS("must be 1");
    CHECK_ERROR(dlbridge_validate_managed(NULL), DLBRIDGE_ERROR_NULL, "tensor is NULL");
    CHECK_ERROR(dlbridge_validate(NULL), DLBRIDGE_ERROR_NULL, "tensor is NULL");
}

/* Where several fields are wrong, the first of them in the order that the header has. */
static void test_order(void) {
    int64_t extents[] = {-1, 2}, far[] = {INT64_MAX, 1};
    DLManagedTensorVersioned managed = foreign(tensor_of(NULL, -1, NULL, far), NULL);
    DLTensor *tensor = &managed.dl_tensor;
    managed.version.major = 2;
    managed.flags = ~UINT64_C(0);
    tensor->dtype.code = 99;
    tensor->device.device_type = (DLDeviceType)99;
    tensor->byte_offset = UINT64_MAX;
    CHECK_STATUS(dlbridge_validate_managed(&managed), DLBRIDGE_ERROR_VERSION);
    managed.version.major = 1;
    CHECK_STATUS(dlbridge_validate_managed(&managed), DLBRIDGE_ERROR_FLAGS);
    managed.flags = 0;
    CHECK_STATUS(dlbridge_validate(tensor), DLBRIDGE_ERROR_NDIM);
    tensor->ndim = 2;
    CHECK_STATUS(dlbridge_validate(tensor), DLBRIDGE_ERROR_SHAPE);
    tensor->shape = extents;
    CHECK_STATUS(dlbridge_validate(tensor), DLBRIDGE_ERROR_SHAPE);
    extents[0] = INT64_MAX;
    CHECK_STATUS(dlbridge_validate(tensor), DLBRIDGE_ERROR_DTYPE);
    tensor->dtype.code = kDLInt;
    CHECK_STATUS(dlbridge_validate(tensor), DLBRIDGE_ERROR_DEVICE);
    tensor->device.device_type = kDLCPU;
    CHECK_STATUS(dlbridge_validate(tensor), DLBRIDGE_ERROR_SIZE);
    extents[0] = 2;
    CHECK_STATUS(dlbridge_validate(tensor), DLBRIDGE_ERROR_STRIDES);
    far[0] = (INT64_MAX >> 2) - 3;
    CHECK_STATUS(dlbridge_validate(tensor), DLBRIDGE_ERROR_DATA);
    tensor->data = (void *)(uintptr_t)8;
    CHECK_STATUS(dlbridge_validate(tensor), DLBRIDGE_ERROR_BYTE_OFFSET);
    tensor->byte_offset = 0;
    CHECK_STATUS(dlbridge_validate(tensor), DLBRIDGE_ERROR_DATA);
    tensor->data = data;
    CHECK_OK(dlbridge_validate_managed(&managed));
}

int main(void) {
    test_order();
    test_ndim();
    test_shape();
    test_size();
    test_strides();
    test_data();
    test_byte_offset();
    test_dtype();
    test_device();
    test_what_is_accepted();
    test_managed();
    return 0;
}

/* The library of a user who has never heard of Python: its functions take and
 * give DLPack tensors. It links nothing of dlbridge. */
#include <dlbridge/abi.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static int deletions = 0;

int count_deletions(void) { return deletions; }

void *address(const DLTensor *tensor) {
    return tensor == NULL ? NULL : (char *)tensor->data + tensor->byte_offset;
}

static double *element(const DLTensor *tensor, int64_t row, int64_t column) {
    return (double *)address(tensor) + row * tensor->strides[0] + column * tensor->strides[1];
}

/* The sum of each element of a matrix of doubles times its place in C order. */
double weigh(const DLTensor *tensor) {
    double sum = 0;
    int64_t row, column;
    for (row = 0; row < tensor->shape[0]; ++row) {
        for (column = 0; column < tensor->shape[1]; ++column) {
            sum += (double)(row * tensor->shape[1] + column) * *element(tensor, row, column);
        }
    }
    return sum;
}

void set(const DLTensor *tensor, int64_t row, int64_t column, double value) {
    *element(tensor, row, column) = value;
}

void *address_after(void (*callback)(void), const DLTensor *tensor) {
    callback();
    return address(tensor);
}

/* A tensor with its shape, strides and elements in one allocation. */
typedef struct Made {
    DLManagedTensorVersioned managed;
    int64_t shape[2], strides[2];
    double elements[];
} Made;

static void delete(DLManagedTensorVersioned *self) {
    ++deletions;
    free(self);
}

/* rows x columns in Fortran order; the elements are 0, 1, 2 ... as they lie. */
DLManagedTensorVersioned *make(int64_t rows, int64_t columns) {
    const size_t count = (size_t)(rows * columns);
    Made *made = calloc(1, sizeof *made + count * sizeof(double));
    DLTensor *tensor = &made->managed.dl_tensor;
    size_t i;
    if (made == NULL) {
        return NULL;
    }
    for (i = 0; i < count; ++i) {
        made->elements[i] = (double)i;
    }
    made->shape[0] = rows;
    made->shape[1] = columns;
    made->strides[0] = 1;
    made->strides[1] = rows;
    made->managed.version.major = DLPACK_MAJOR_VERSION;
    made->managed.version.minor = DLPACK_MINOR_VERSION;
    made->managed.deleter = delete;
    tensor->data = made->elements;
    tensor->device.device_type = kDLCPU;
    tensor->ndim = 2;
    tensor->dtype.code = kDLFloat;
    tensor->dtype.bits = 64;
    tensor->dtype.lanes = 1;
    tensor->shape = made->shape;
    tensor->strides = made->strides;
    return &made->managed;
}

DLManagedTensorVersioned *make_read_only(int64_t rows, int64_t columns) {
    DLManagedTensorVersioned *made = make(rows, columns);
    made->flags = DLPACK_FLAG_BITMASK_READ_ONLY;
    return made;
}

DLManagedTensorVersioned *make_malformed(void) {
    DLManagedTensorVersioned *made = make(1, 1);
    made->dl_tensor.ndim = -1;
    return made;
}

DLManagedTensorVersioned *make_nothing(void) { return NULL; }

int32_t make_into(int64_t rows, int64_t columns, DLManagedTensorVersioned **out) {
    if (rows < 0) {
        return 6; /* DLBRIDGE_ERROR_NDIM */
    }
    *out = make(rows, columns);
    return 0;
}

/* Takes over a tensor. */
double consume(DLManagedTensorVersioned *tensor) {
    const double result = weigh(&tensor->dl_tensor);
    tensor->deleter(tensor);
    return result;
}

static void *delete_it(void *tensor) {
    DLManagedTensorVersioned *managed = tensor;
    managed->deleter(managed);
    return NULL;
}

/* The deleter runs on a thread that Python does not know. */
int consume_on_another_thread(DLManagedTensorVersioned *tensor) {
    pthread_t thread;
    return pthread_create(&thread, NULL, delete_it, tensor) || pthread_join(thread, NULL);
}

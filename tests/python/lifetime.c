/* Tensors whose releases are counted, for the lifetime tests: loaded with ctypes,
 * without the GIL, as a user's own library would be. */
#include <dlbridge/abi.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static atomic_int made, released;

struct counted {
    DLManagedTensorVersioned managed;
    int64_t dims[4];
    float values[6];
};

static void release(DLManagedTensorVersioned *managed) {
    atomic_fetch_add(&released, 1);
    free(managed->manager_ctx);
}

/* A float32 tensor of shape (2, 3) with the values 0 to 5. */
DLManagedTensorVersioned *make_counted(void) {
    struct counted *counted = calloc(1, sizeof *counted);
    if (counted == NULL)
        return NULL;
    int64_t dims[4] = {2, 3, 3, 1};
    for (int i = 0; i < 4; i++)
        counted->dims[i] = dims[i];
    for (int i = 0; i < 6; i++)
        counted->values[i] = (float)i;
    counted->managed.version.major = 1;
    counted->managed.version.minor = 3;
    counted->managed.manager_ctx = counted;
    counted->managed.deleter = release;
    DLTensor *tensor = &counted->managed.dl_tensor;
    tensor->data = counted->values;
    tensor->device.device_type = kDLCPU;
    tensor->ndim = 2;
    tensor->dtype.code = kDLFloat;
    tensor->dtype.bits = 32;
    tensor->dtype.lanes = 1;
    tensor->shape = counted->dims;
    tensor->strides = counted->dims + 2;
    atomic_fetch_add(&made, 1);
    return &counted->managed;
}

int made_count(void) { return atomic_load(&made); }

int released_count(void) { return atomic_load(&released); }

static void report(void) {
    printf("made %d, released %d\n", atomic_load(&made), atomic_load(&released));
    fflush(stdout);
}

void report_at_exit(void) { atexit(report); }

static void *delete_here(void *managed) {
    DLManagedTensorVersioned *tensor = managed;
    tensor->deleter(tensor);
    return NULL;
}

/* Calls the deleter on a thread that Python has never seen. */
int delete_on_thread(DLManagedTensorVersioned *managed) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, delete_here, managed) != 0)
        return 1;
    return pthread_join(thread, NULL);
}

static DLManagedTensorVersioned *held_here, *held_there;

static void delete_both(void) {
    delete_here(held_here);
    delete_on_thread(held_there);
    printf("deleted after Python\n");
    fflush(stdout);
}

/* Calls the deleters of two tensors after Python has ended, one on this thread and
 * one on another. */
void delete_after_python(DLManagedTensorVersioned *here, DLManagedTensorVersioned *there) {
    held_here = here;
    held_there = there;
    atexit(delete_both);
}

/* Of Python, which is there when this is called. */
void PyErr_SetString(void *type, const char *text);
extern void *PyExc_RuntimeError;

/* A function of DLPack's exchange API that fails. */
int fail_to_export(void *object, DLManagedTensorVersioned **out) {
    (void)object;
    (void)out;
    PyErr_SetString(PyExc_RuntimeError, "not today");
    return -1;
}

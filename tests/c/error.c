/* Status names, and the last error of each thread. */
#include "check.h"
#include <pthread.h>

static void fail(int32_t ndim) {
    DLTensor tensor = tensor_of(NULL, ndim, NULL, NULL);
    CHECK_STATUS(dlbridge_validate(&tensor), DLBRIDGE_ERROR_NDIM);
}

static void *in_another_thread(void *context) {
    (void)context;
    CHECK(strcmp(dlbridge_last_error(), "") == 0);
    fail(-7);
    CHECK_ERROR_MENTIONS("-7");
    return NULL;
}

static void test_each_thread_has_its_own(void) {
    pthread_t thread;
    CHECK(strcmp(dlbridge_last_error(), "") == 0);
    fail(-3);
    CHECK(pthread_create(&thread, NULL, in_another_thread, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK_ERROR_MENTIONS("-3");
}

static void test_success_leaves_it(void) {
    int64_t shape[] = {2}, count;
    int32_t data[2];
    DLTensor tensor = tensor_of(data, 1, shape, NULL);
    fail(-5);
    CHECK_OK(dlbridge_element_count(&tensor, &count));
    CHECK_ERROR_MENTIONS("-5");
}

static void test_names(void) {
    int32_t status;
    CHECK(strcmp(dlbridge_status_name(DLBRIDGE_OK), "DLBRIDGE_OK") == 0);
    CHECK(strcmp(dlbridge_status_name(DLBRIDGE_ERROR_NULL), "DLBRIDGE_ERROR_NULL") == 0);
    CHECK(strcmp(dlbridge_status_name(DLBRIDGE_ERROR_BYTE_OFFSET), "DLBRIDGE_ERROR_BYTE_OFFSET") ==
          0);
    for (status = 1; strcmp(dlbridge_status_name(status), "unknown") != 0; ++status) {
        CHECK(strncmp(dlbridge_status_name(status), "DLBRIDGE_ERROR_", 15) == 0);
    }
    CHECK(status > DLBRIDGE_ERROR_INTERNAL);
    CHECK(strcmp(dlbridge_status_name(-1), "unknown") == 0);
    CHECK(strcmp(dlbridge_status_name(INT32_MAX), "unknown") == 0);
}

static void test_errors_of_others(void) {
    char sentence[] = "sigma must be positive";
    CHECK_STATUS(dlbridge_fail(DLBRIDGE_ERROR_USER + 1, sentence), DLBRIDGE_ERROR_USER + 1);
    sentence[0] = 'S'; /* the library has its own copy */
    CHECK(strcmp(dlbridge_last_error(), "sigma must be positive") == 0);
    CHECK_STATUS(dlbridge_fail(DLBRIDGE_ERROR_SHAPE, dlbridge_last_error()), DLBRIDGE_ERROR_SHAPE);
    CHECK(strcmp(dlbridge_last_error(), "sigma must be positive") == 0);
    CHECK_STATUS(dlbridge_fail(DLBRIDGE_ERROR_SHAPE, NULL), DLBRIDGE_ERROR_SHAPE);
    CHECK(strcmp(dlbridge_last_error(), "") == 0);
}

int main(void) {
    test_each_thread_has_its_own();
    test_success_leaves_it();
    test_names();
    test_errors_of_others();
    return 0;
}

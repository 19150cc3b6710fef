/* A library that says by dlbridge why it failed. */
#include <dlbridge/dlbridge.h>
#include <errno.h>
#include <stddef.h>

/* Fails with a sentence, with one that is empty, or with none. */
dlbridge_status refuse(int how) {
    switch (how) {
    case 0:
        return DLBRIDGE_OK;
    case 1:
        return dlbridge_fail(DLBRIDGE_ERROR_ARGUMENT, "sigma must be positive");
    case 2:
        return dlbridge_fail(DLBRIDGE_ERROR_USER + 1, NULL);
    case 3:
        return DLBRIDGE_ERROR_USER + 2;
    default:
        return DLBRIDGE_ERROR_SHAPE;
    }
}

/* NULL, with a sentence or without. */
DLManagedTensorVersioned *give(int how) {
    refuse(how);
    return NULL;
}

dlbridge_status give_into(int how, DLManagedTensorVersioned **out) {
    refuse(how);
    (void)out;
    return DLBRIDGE_OK;
}

/* Fails inside, and then not. */
dlbridge_status recover(void) {
    dlbridge_validate(NULL);
    return DLBRIDGE_OK;
}

/* The sentence of this copy of the library. */
const char *last(void) { return dlbridge_last_error(); }

/* What errno was, and what it is from now on. */
int change_errno(int value) {
    const int before = errno;
    errno = value;
    return before;
}

/* A library of a user, linked with libdlbridge. */
#include <dlbridge/dlbridge.h>

dlbridge_status user_fails(void) { return dlbridge_validate(NULL); }

const char *user_last_error(void) { return dlbridge_last_error(); }

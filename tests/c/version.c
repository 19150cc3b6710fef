/* Versions of the library and of its ABI. */
#include "check.h"

int main(void) {
    int major, minor, patch;
    char end;
    CHECK(dlbridge_abi_version() == DLBRIDGE_ABI_VERSION);
    CHECK(sscanf(dlbridge_version(), "%d.%d.%d%c", &major, &minor, &patch, &end) == 3);
    CHECK(dlbridge_version() == dlbridge_version());
    return 0;
}

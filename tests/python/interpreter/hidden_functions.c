/* A `dlsym` that does not find the functions named in HIDDEN, to be preloaded. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *dlsym(void *handle, const char *name) {
    typedef void *(*Lookup)(void *, const char *);
    static Lookup real;
    if (!real) {
        const char *versions[] = {"GLIBC_2.34", "GLIBC_2.2.5", "GLIBC_2.17"};
        for (size_t i = 0; !real && i < sizeof versions / sizeof *versions; ++i) {
            void *found = dlvsym(RTLD_NEXT, "dlsym", versions[i]);
            memcpy(&real, &found, sizeof real);
        }
    }
    const char *hidden = getenv("HIDDEN");
    if (hidden && strstr(hidden, name)) {
        fprintf(stderr, "hidden: %s\n", name);
        return NULL;
    }
    return real(handle, name);
}

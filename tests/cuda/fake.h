/* What tests may ask of the fake driver. */
#ifndef FAKE_H_
#define FAKE_H_

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A GPU that does not exist, and streams on it. */
int cuCtxPushCurrent_v2(void *context);
int cuCtxPopCurrent_v2(void **context);
int cuCtxGetCurrent(void **context);
int cuDevicePrimaryCtxRetain(void **context, int device);
int cuStreamCreate(void **stream, unsigned flags);
int cuStreamSynchronize(void *stream);
int cuMemHostAlloc(void **pointer, size_t bytes, unsigned flags);
int cuMemFreeHost(void *pointer);

/* A stream of the GPU's primary context; a blocking one waits for the legacy stream. */
void *fake_stream(int device, int blocking);
/* A context that is not primary. */
void *fake_context(int device);
/* What was done since the last call, one call a line; streams are named by it. */
const char *fake_log(void);
/* Lets the calls of a function fail with this error, from now on; 0 ends it. */
void fake_fail(const char *function, unsigned error);
/* From now on the stream is captured, or no longer. */
void fake_capture(void *stream, int on);
/* Whether a call that was not allowed spoiled a capture. */
int fake_spoiled(void);
/* The number of allocations that have not been freed, after all work is done. */
int fake_allocations(void);
/* As at the end of a process: the memory goes, and all calls fail. */
void fake_shut_down(void);

#ifdef __cplusplus
}
#endif

#endif /* FAKE_H_ */

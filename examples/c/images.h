/* Grey images: tensors of float32, height x width, in rows without gaps. */
#ifndef IMAGES_H_
#define IMAGES_H_

#include <dlbridge/dlbridge.h>

/* Rings around the first pixel. The caller owns the image; NULL where there is
 * no memory for it, or where a side is not 1 to 32768. */
DLManagedTensorVersioned *make_rings(int64_t height, int64_t width);

/* Sets each pixel of target to the mean of those around it in source. The images
 * have the same size and share no memory; both are borrowed. */
dlbridge_status blur(const DLTensor *source, DLTensor *target);

#endif /* IMAGES_H_ */

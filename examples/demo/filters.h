/* A small library of picture filters, in plain C.
 *
 * A picture is a tensor of uint8 on the host, height x width x channels, in any
 * layout: transposed, with steps, upside down. Who calls, from which language
 * and with arrays of which framework, makes no difference.
 *
 * Failures have their reason in dlbridge_last_error().
 */
#ifndef FILTERS_H_
#define FILTERS_H_

#include <dlbridge/dlbridge.h>

/* Draws the outlines of source into target, as if with coloured pencils. Both
 * have the same shape and share no memory. */
dlbridge_status sketch(const DLTensor *source, DLTensor *target);

/* Makes a picture of an evening sky, in red, green and blue, which the caller
 * owns. NULL if it fails. */
DLManagedTensorVersioned *make_sky(int64_t height, int64_t width);

/* Draws stars into the upper half of a picture. */
dlbridge_status add_stars(DLTensor *picture);

/* The address of the first element, as C sees it. */
void *first_element(const DLTensor *tensor);

#endif

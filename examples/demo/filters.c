#include "filters.h"

#include <stdlib.h>

typedef struct {
    uint8_t *first;
    int64_t height, width, channels;
    int64_t row, column, channel; /* strides; an element has one byte */
} Picture;

void *first_element(const DLTensor *tensor) { return (char *)tensor->data + tensor->byte_offset; }

static Picture picture_of(const DLTensor *tensor) {
    const int64_t *shape = tensor->shape, *strides = tensor->strides;
    const int64_t c_order[3] = {shape[1] * shape[2], shape[2], 1};
    if (strides == NULL)
        strides = c_order;
    return (Picture){
        .first = first_element(tensor),
        .height = shape[0],
        .width = shape[1],
        .channels = shape[2],
        .row = strides[0],
        .column = strides[1],
        .channel = strides[2],
    };
}

static uint8_t *at(const Picture *picture, int64_t y, int64_t x, int64_t channel) {
    return picture->first + y * picture->row + x * picture->column + channel * picture->channel;
}

static int64_t within(int64_t index, int64_t extent) {
    return index < 0 ? 0 : index < extent ? index : extent - 1;
}

/* How steep the picture is at a point, by the Sobel operator. */
static int slope(const Picture *picture, int64_t y, int64_t x, int64_t channel) {
    static const int weights[3] = {1, 2, 1};
    const int64_t above = within(y - 1, picture->height), below = within(y + 1, picture->height);
    const int64_t left = within(x - 1, picture->width), right = within(x + 1, picture->width);
    int down = 0, across = 0;
    for (int i = 0; i < 3; i++) {
        const int64_t row = within(y + i - 1, picture->height);
        const int64_t column = within(x + i - 1, picture->width);
        const int up = *at(picture, above, column, channel);
        const int back = *at(picture, row, left, channel);
        down += weights[i] * (*at(picture, below, column, channel) - up);
        across += weights[i] * (*at(picture, row, right, channel) - back);
    }
    return abs(down) + abs(across);
}

dlbridge_status sketch(const DLTensor *source, DLTensor *target) {
    static const char wanted[] = "source: u8[height, width, channels] host, "
                                 "target: u8[height, width, channels] host";
    const DLTensor *given[2] = {source, target};
    const dlbridge_status status = dlbridge_check_all(2, given, wanted);
    if (status != DLBRIDGE_OK)
        return status;

    const Picture photo = picture_of(source), paper = picture_of(target);
    for (int64_t y = 0; y < photo.height; y++)
        for (int64_t x = 0; x < photo.width; x++)
            for (int64_t channel = 0; channel < photo.channels; channel++) {
                const int pencil = slope(&photo, y, x, channel);
                *at(&paper, y, x, channel) = (uint8_t)(pencil < 255 ? 255 - pencil : 0);
            }
    return DLBRIDGE_OK;
}

DLManagedTensorVersioned *make_sky(int64_t height, int64_t width) {
    static const int64_t zenith[3] = {18, 20, 74}, horizon[3] = {255, 150, 96};
    const DLDataType uint8 = {kDLUInt, 8, 1};
    const int64_t shape[3] = {height, width, 3};
    DLManagedTensorVersioned *sky;
    if (dlbridge_empty(uint8, 3, shape, &sky) != DLBRIDGE_OK)
        return NULL;
    uint8_t *next = first_element(&sky->dl_tensor);
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++)
            for (int i = 0; i < 3; i++)
                *next++ = (uint8_t)((zenith[i] * (height - y) + horizon[i] * y) / height);
    return sky;
}

dlbridge_status add_stars(DLTensor *picture) {
    const dlbridge_status status = dlbridge_check(picture, "u8[height, width, channels] host");
    if (status != DLBRIDGE_OK)
        return status;

    const Picture sky = picture_of(picture);
    uint32_t random = 1;
    for (int64_t y = 0; y < sky.height / 2 - 1; y++)
        for (int64_t x = 0; x < sky.width - 1; x++) {
            random = random * 1664525u + 1013904223u;
            if (random >> 22 != 0) /* a star at one pixel in 1024 */
                continue;
            for (int64_t channel = 0; channel < sky.channels; channel++)
                for (int i = 0; i < 4; i++)
                    *at(&sky, y + i / 2, x + i % 2, channel) = 255;
        }
    return DLBRIDGE_OK;
}

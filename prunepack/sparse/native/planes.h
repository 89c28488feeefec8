/* The input of a convolution as planes, and the places of its output. */
#ifndef PRUNEPACK_PLANES_H
#define PRUNEPACK_PLANES_H

#include "work.h"

/* A convolution seen as one of stride 1 on flat planes: the input, padded and separated into one
 * plane per phase of the stride, with rows of `row` elements and images of `image_rows` rows one
 * after the other. Rows and images share their padding. Output position (b, y, x) is element
 * ((b * image_rows) + y) * row + x of a plane, and tap (i, j) is a constant offset from there. */
typedef struct Plan {
    Window window;
    int64_t channels, height, width, out_h, out_w;
    int64_t row, image_rows, plane, phases_h, phases_w;
    int taps, direct; /* direct: the input itself serves as planes */
} Plan;

/* Elements from `first` to `end` of the lines of a plane. */
typedef struct {
    int64_t first, end;
} Range;

Plan plan_conv(const Layer *, int64_t channels, int64_t height, int64_t width, int64_t out_h, int64_t out_w);
/* Positions that one run of flat positions covers, for `images` images. */
int64_t flat_count(const Plan *, int64_t images);
/* Elements from a position to the last tap of its window. */
int64_t reach_of(const Plan *);
int64_t tap_offset(const Plan *, int i, int j);
/* Copy the elements of one channel in a range of flat positions into its planes, which begin there. */
void copy_channel(const Plan *, const Kernels *, const float *input, int64_t image_stride, int64_t images, Range flat,
                  float *planes);

enum { MAX_SEGMENTS = MAX_TILE * MAX_LANES };
/* List the parts of a tile that are outputs. `position` counts flat positions; `rows` is the number of
 * channels of an output. Returns their number. */
int tile_segments(const Plan *, int64_t rows, int64_t position, int64_t count, int64_t images, Segment *);
Finish make_finish(const Work *, const Segment *, int segments, int64_t channel, int64_t at);
/* Run a depthwise convolution. Returns 0 without memory. */
int run_depthwise(Work *, Plan *, Pool *, const Parallel *, int64_t batch);

#endif

/* The work of one run of a layer, and its distribution over threads. */
#ifndef PRUNEPACK_WORK_H
#define PRUNEPACK_WORK_H

#include "kernel.h"
#include "layer.h"

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static inline const float *shifted(const float *pointer, int64_t by) { return pointer ? pointer + by : 0; }

typedef struct Work {
    const Layer *layer;
    const Kernels *kernels;
    void (*unit)(const struct Work *, int64_t unit, char *scratch);
    int64_t units, slots;
    size_t slot_bytes;
    char *scratch; /* of all slots */
    const float *input, *residual;
    float *output;
    int fetch_ahead, write_around; /* as in Finish */
    /* positions, and their tiles of at most `vectors` vectors; there is one set of tiles, or one per image */
    int64_t count, tiles, vectors, sets;
    /* convolution */
    const struct Plan *plan;
    int64_t images, chunk; /* chunk: tiles whose planes are copied at a time */
    const int64_t *offset;
    /* depthwise: the segments of tile t are those from begin[t] to begin[t + 1] */
    Segment *segment;
    int32_t *begin;
} Work;

/* A unit is a share of the tiles, one after the other, in panels: the first and the last tile may be
 * shared with other units. So a thread finds most of its input in its own cache, where it wrote it as
 * the output of the layer before. */
typedef struct {
    int64_t begin, end; /* panels of all tiles */
    int panels;         /* per tile */
} Share;

/* Run all units. Slot i has the same share of them in each layer, and most often the same thread. */
void work_all(Work *, const Parallel *);
/* The number of slots for so many units; each needs scratch memory. */
int64_t slots_for(const Parallel *, int64_t units);
/* Cut each of `sets` runs of `count` positions into as few tiles as possible, or into so many more that
 * no thread shares one with another, where they do not get narrow by that. Also sets the units: one
 * share of the tiles per thread. */
void cut_tiles(Work *, int64_t sets, int64_t count, int threads);
/* Tiles of nearly equal size: the first vector of each, where tile `tiles` is the end. */
int64_t first_vector(const Work *, int64_t tile);
Share find_share(const Work *, int64_t unit);
int64_t first_tile(const Share *);
int64_t end_tile(const Share *);
/* The panels of a tile that belong to a share. */
int first_panel(const Share *, int64_t tile);
int end_panel(const Share *, int64_t tile);

#endif

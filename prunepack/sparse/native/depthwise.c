/* A depthwise convolution: each channel by itself, with dense weights. */
#include "planes.h"
#include "scratch.h"

/* One unit is one channel of one image. */
static void depthwise_unit(const Work *work, int64_t unit, char *scratch)
{
    const Layer *layer = work->layer;
    const Kernels *k = work->kernels;
    const Plan *p = work->plan;
    int64_t channel = unit % layer->rows, size = p->height * p->width;
    float *planes = (float *)scratch;
    copy_channel(p, k, work->input + unit * size, 0, 1, (Range){0, p->plane}, planes);
    for (int64_t tile = 0; tile < work->tiles; tile++) {
        const Segment *segment = work->segment + work->begin[tile];
        const Finish finish = make_finish(work, segment, work->begin[tile + 1] - work->begin[tile], channel,
                                          unit * p->out_h * p->out_w);
        k->depthwise(planes + tile * DEPTHWISE_TILE * k->lanes, work->offset, layer->depthwise + channel * p->taps, p->taps,
                     &finish);
    }
}

static void depthwise_lines_unit(const Work *work, int64_t unit, char *scratch)
{
    (void)scratch;
    const Layer *layer = work->layer;
    const Plan *p = work->plan;
    const int64_t channel = unit % layer->rows, at = unit * p->out_h * p->out_w;
    const Finish finish = {.bias = shifted(layer->bias, channel), .residual = shifted(work->residual, at),
                           .output = work->output + at, .end = &layer->epilogue, .fetch_ahead = work->fetch_ahead};
    work->kernels->depthwise_lines(work->input + unit * p->height * p->width, layer->depthwise + channel * p->taps,
                                   &p->window, p->height, p->width, p->out_h, p->out_w, &finish);
}

/* List the segments of all tiles. Each line of the output begins one, and each tile at most one. */
static size_t segment_capacity(const Plan *p, int64_t tiles) { return (size_t)(p->out_h + tiles + 1); }

static void list_segments(Work *work)
{
    int used = 0;
    for (int64_t tile = 0; tile < work->tiles; tile++) {
        int64_t from = first_vector(work, tile) * work->kernels->lanes;
        int64_t to = first_vector(work, tile + 1) * work->kernels->lanes;
        work->begin[tile] = used;
        used += tile_segments(work->plan, 1, from, to - from, 1, work->segment + used);
    }
    work->begin[work->tiles] = used;
}

int run_depthwise(Work *work, Plan *p, Pool *pool, const Parallel *parallel, int64_t batch)
{
    const int lanes = work->kernels->lanes;
    work->units = batch * work->layer->rows;
    if (p->window.stride_w <= 2 && p->window.kernel_w <= 7 && work->kernels->depthwise_lines) {
        work->unit = depthwise_lines_unit;
        work_all(work, parallel);
        return 1;
    }
    p->direct = 0; /* the kernel reads whole vectors beyond the end */
    work->tiles = ceil_div(flat_count(p, 1), DEPTHWISE_TILE * lanes);
    work->count = work->tiles * DEPTHWISE_TILE * lanes; /* so that all tiles have the same size */
    p->plane = work->count + reach_of(p);
    work->unit = depthwise_unit;
    work->slot_bytes = aligned((size_t)(p->phases_h * p->phases_w * p->plane) * 4);
    size_t offsets = aligned((size_t)p->taps * sizeof(int64_t)), begins = aligned((size_t)(work->tiles + 1) * 4);
    size_t segments = aligned(segment_capacity(p, work->tiles) * sizeof(Segment));
    Scratch *scratch = scratch_take(pool, offsets + begins + segments + work->slot_bytes * (size_t)slots_for(parallel, work->units));
    if (!scratch)
        return 0;
    int64_t *offset = (int64_t *)scratch->memory;
    for (int t = 0; t < p->taps; t++)
        offset[t] = tap_offset(p, t / p->window.kernel_w, t % p->window.kernel_w);
    work->offset = offset;
    work->begin = (int32_t *)(scratch->memory + offsets);
    work->segment = (Segment *)(scratch->memory + offsets + begins);
    work->scratch = scratch->memory + offsets + begins + segments;
    list_segments(work);
    work_all(work, parallel);
    scratch_give_back(pool, scratch);
    return 1;
}

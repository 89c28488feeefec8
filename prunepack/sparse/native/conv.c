/* A convolution: tiles of flat positions, packed row by row, times the weights. */
#include <string.h>

#include "planes.h"
#include "scratch.h"

/* Bytes of planes that a thread copies at a time; inputs of fewer elements than ALONE share planes. */
enum { COPY_BYTES = 768 * 1024, ALONE = 128 };
/* Bytes of all tensors from which they come from memory, and of an output that no cache keeps. */
enum { FETCH_BYTES = 8 << 20, WRITE_BYTES = 16 << 20 };

static void pack_conv(const Work *work, const float *source, int64_t size, const int64_t *offset, int32_t rows,
                      int64_t from, int vectors, float *packed)
{
    int64_t wide = (int64_t)vectors * work->kernels->lanes;
    int32_t safe = rows;
    while (safe && offset[safe - 1] + from + wide > size)
        safe--;
    work->kernels->copy_rows(packed, source + from, offset, safe, vectors, work->fetch_ahead && work->plan->direct);
    for (int32_t i = safe; i < rows; i++) { /* a whole tile would end beyond the input */
        int64_t there = least(size - offset[i] - from, wide);
        there = there > 0 ? there : 0;
        memcpy(packed + i * wide, source + offset[i] + from, (size_t)there * 4);
        memset(packed + i * wide + there, 0, (size_t)(wide - there) * 4);
    }
}

/* Elements of the planes of all channels. */
static int64_t planes_size(const Plan *p) { return p->channels * p->phases_h * p->phases_w * p->plane; }

/* The planes of one group, from flat position `begin` on, and the tile that is made from them. */
typedef struct {
    const float *source;
    int64_t size, begin, image, group, tile;
} Place;

static void conv_tile(const Work *work, const Place *place, int first, int end, float *packed)
{
    const Layer *layer = work->layer;
    const Kernels *k = work->kernels;
    const Plan *p = work->plan;
    const int64_t from = first_vector(work, place->tile) * k->lanes;
    const int vectors = (int)(first_vector(work, place->tile + 1) - first_vector(work, place->tile));
    const Matrix *matrix = &layer->matrix[place->group * layer->panels];
    float *sums = packed + aligned((size_t)widest_block(layer) * (size_t)(work->vectors * k->lanes) * 4) / 4;
    Segment segment[MAX_SEGMENTS];
    const int segments =
        tile_segments(p, layer->rows, from, (int64_t)vectors * k->lanes, p->direct ? 1 : work->images, segment);
    for (int32_t b = 0; b < matrix->blocks; b++) {
        const Block *block = &matrix->block[b];
        pack_conv(work, place->source, place->size, work->offset + block->first, block->width, from - place->begin, vectors,
                  packed);
        for (int panel = first; panel < end; panel++) {
            const int32_t row = panel_begin(layer, panel);
            const int64_t channel = place->group * (layer->rows / layer->window.groups) + row;
            const int64_t at = (place->image * layer->rows + channel) * p->out_h * p->out_w;
            const Finish finish = make_finish(work, segment, segments, channel, at);
            k->multiply(&matrix[panel].block[b], packed, sums + (int64_t)row * vectors * k->lanes, vectors, b == 0,
                        b + 1 < matrix->blocks ? 0 : &finish);
        }
    }
}

/* Copy what the tiles from `tile` to `end` need. */
static void copy_planes(const Work *work, int64_t tile, int64_t end, float *planes)
{
    const Plan *p = work->plan;
    const int lanes = work->kernels->lanes;
    const Range flat = {first_vector(work, tile) * lanes, first_vector(work, end) * lanes + reach_of(p)};
    const int64_t size = p->height * p->width;
    for (int64_t c = 0; c < p->channels; c++)
        copy_channel(p, work->kernels, work->input + c * size, p->channels * size, work->images, flat,
                     planes + c * p->phases_h * p->phases_w * p->plane);
}

/* Multiply the tiles from `tile` to `end` of the planes, group by group. */
static void multiply_chunk(const Work *work, const Share *share, int64_t tile, int64_t end, const float *planes, float *packed)
{
    const Plan *p = work->plan;
    const int64_t groups = work->layer->window.groups;
    const int64_t all = planes_size(p);
    const int64_t begin = p->direct ? 0 : first_vector(work, tile) * work->kernels->lanes;
    for (int64_t group = 0; group < groups; group++)
        for (int64_t t = tile; t < end; t++) {
            const int64_t image = p->direct ? t / work->tiles : 0;
            const Place place = {planes + image * all + group * (all / groups), all - group * (all / groups), begin,
                                 image, group, p->direct ? t % work->tiles : t};
            conv_tile(work, &place, first_panel(share, t), end_panel(share, t), packed);
        }
}

static void conv_unit(const Work *work, int64_t unit, char *scratch)
{
    const Share share = find_share(work, unit);
    const Plan *p = work->plan;
    const int64_t first = first_tile(&share), tiles = end_tile(&share) - first;
    const int64_t chunks = p->direct ? 1 : ceil_div(tiles, work->chunk);
    float *planes = (float *)scratch;
    const size_t copy = p->direct ? 0 : aligned((size_t)planes_size(p) * 4);
    for (int64_t i = 0; i < chunks; i++) {
        const int64_t tile = first + tiles * i / chunks, end = first + tiles * (i + 1) / chunks;
        if (!p->direct)
            copy_planes(work, tile, end, planes);
        multiply_chunk(work, &share, tile, end, p->direct ? work->input : planes, (float *)(scratch + copy));
    }
}

static void fill_offsets(const Layer *layer, const Plan *p, int64_t *offset)
{
    const int64_t channel = p->phases_h * p->phases_w * p->plane;
    for (int t = 0; t < p->taps; t++) {
        int64_t at = tap_offset(p, t / p->window.kernel_w, t % p->window.kernel_w);
        for (int32_t k = t; k < layer->columns; k += p->taps, at += channel)
            offset[k] = at;
    }
}

/* Choose the tiles, and how many of them are copied at a time. */
static void plan_tiles(Work *work, Plan *p, int64_t batch, int threads)
{
    p->direct &= batch == 1 || p->height * p->width >= ALONE;
    work->images = batch;
    cut_tiles(work, p->direct ? batch : 1, flat_count(p, p->direct ? 1 : batch), threads);
    const int64_t tile = work->vectors * work->kernels->lanes;
    const int64_t position_bytes = p->channels * p->phases_h * p->phases_w * 4;
    const int64_t fitting = (COPY_BYTES / (position_bytes ? position_bytes : 1) - reach_of(p)) / tile;
    work->chunk = least(fitting > 1 ? fitting : 1, work->tiles);
    p->plane = p->direct ? p->height * p->width : work->chunk * tile + reach_of(p);
}

int layer_run_conv(const Layer *layer, Pool *pool, const Parallel *parallel, const float *input, const float *residual,
                   float *output, int64_t batch, int64_t channels, int64_t height, int64_t width, int64_t out_h,
                   int64_t out_w)
{
    const Kernels *k = kernels();
    if (!batch || !layer->rows || !out_h || !out_w)
        return 1;
    Plan plan = plan_conv(layer, channels, height, width, out_h, out_w), *p = &plan;
    Work work = {.layer = layer, .kernels = k, .plan = p, .input = input, .residual = residual, .output = output};
    const int64_t in = batch * channels * height * width, out = batch * layer->rows * out_h * out_w;
    work.fetch_ahead = (in + out * (residual ? 2 : 1)) * 4 > FETCH_BYTES;
    work.write_around = out * 4 > WRITE_BYTES;
    if (layer->depthwise)
        return run_depthwise(&work, p, pool, parallel, batch);
    plan_tiles(&work, p, batch, parallel->threads);
    work.unit = conv_unit;
    const size_t wide = (size_t)(work.vectors * k->lanes) * 4, offsets = aligned((size_t)layer->columns * sizeof(int64_t));
    const size_t copy = p->direct ? 0 : aligned((size_t)planes_size(p) * 4);
    work.slot_bytes = copy + aligned((size_t)widest_block(layer) * wide) + aligned((size_t)(layer->rows / layer->window.groups) * wide);
    Scratch *scratch = scratch_take(pool, offsets + work.slot_bytes * (size_t)work.units);
    if (!scratch)
        return 0;
    fill_offsets(layer, p, (int64_t *)scratch->memory);
    work.offset = (int64_t *)scratch->memory;
    work.scratch = scratch->memory + offsets;
    work_all(&work, parallel);
    scratch_give_back(pool, scratch);
    return 1;
}

/* A linear layer: tiles of input rows, transposed, times the weights. */
#include "scratch.h"
#include "work.h"

static void vector_unit(const Work *work, int64_t unit, char *scratch)
{
    (void)scratch;
    const Layer *layer = work->layer;
    int panel = (int)(unit % layer->panels);
    int32_t begin = panel_begin(layer, panel), rows = panel_begin(layer, panel + 1) - begin;
    int64_t at = unit / layer->panels * layer->rows + begin;
    float *output = work->output + at;
    work->kernels->vector(&layer->matrix[panel], work->input + unit / layer->panels * layer->columns, output);
    work->kernels->finish_vector(output, rows, shifted(layer->bias, begin), shifted(work->residual, at), &layer->epilogue);
}

static void linear_tile(const Work *work, int64_t tile, int panel, int end, char *scratch)
{
    const Layer *layer = work->layer;
    const Kernels *k = work->kernels;
    int64_t from = first_vector(work, tile) * k->lanes;
    int vectors = (int)(first_vector(work, tile + 1) - first_vector(work, tile));
    int present = (int)least(work->count - from, (int64_t)vectors * k->lanes);
    int32_t begin = panel_begin(layer, panel), rows = panel_begin(layer, end) - begin;
    float *packed = (float *)scratch;
    float *sums = (float *)(scratch + aligned((size_t)widest_block(layer) * (size_t)(work->vectors * k->lanes) * 4));
    for (int32_t b = 0; b < layer->matrix->blocks; b++) {
        const Block *block = &layer->matrix->block[b];
        k->transpose(packed, work->input + from * layer->columns + block->first, layer->columns, block->width, present,
                     vectors);
        for (int i = panel; i < end; i++)
            k->multiply(&layer->matrix[i].block[b], packed,
                        sums + (int64_t)(panel_begin(layer, i) - begin) * vectors * k->lanes, vectors, b == 0, 0);
    }
    int64_t at = from * layer->rows + begin;
    k->finish_linear(sums, rows, vectors, present, layer->rows, shifted(layer->bias, begin),
                     shifted(work->residual, at), work->output + at, &layer->epilogue);
}

static void linear_unit(const Work *work, int64_t unit, char *scratch)
{
    const Share share = find_share(work, unit);
    for (int64_t tile = first_tile(&share); tile < end_tile(&share); tile++)
        linear_tile(work, tile, first_panel(&share, tile), end_panel(&share, tile), scratch);
}

int layer_run_linear(const Layer *layer, Pool *pool, const Parallel *parallel, const float *input,
                     const float *residual, float *output, int64_t count)
{
    const Kernels *k = kernels();
    Work work = {.layer = layer, .kernels = k, .input = input, .residual = residual, .output = output};
    if (!count || !layer->rows)
        return 1;
    if (count < 4) {
        work.unit = vector_unit;
        work.units = count * layer->panels;
        work_all(&work, parallel);
        return 1;
    }
    cut_tiles(&work, 1, count, parallel->threads);
    work.unit = linear_unit;
    size_t wide = (size_t)(work.vectors * k->lanes) * 4;
    work.slot_bytes = aligned((size_t)widest_block(layer) * wide) + aligned((size_t)layer->rows * wide);
    Scratch *scratch = scratch_take(pool, work.slot_bytes * (size_t)slots_for(parallel, work.units));
    if (!scratch)
        return 0;
    work.scratch = scratch->memory;
    work_all(&work, parallel);
    scratch_give_back(pool, scratch);
    return 1;
}

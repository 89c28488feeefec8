/* How a layer is run: scratch memory, tiles, and their distribution over threads. */
#include "layer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

enum { ALIGN = 64, COPY_BYTES = 768 * 1024, ALONE = 128 };
/* Vectors per tile below which reading the weights takes more time than sharing a tile. */
enum { NARROW = 4 };
/* Bytes of all tensors from which they come from memory, and of an output that no cache keeps. */
enum { FETCH_BYTES = 8 << 20, WRITE_BYTES = 16 << 20 };

/* ---- scratch memory -------------------------------------------------------------------------- */

typedef struct Scratch {
    struct Scratch *next;
    size_t size;
    char *memory;
} Scratch;

struct Pool {
    pthread_mutex_t lock;
    Scratch *free;
};

Pool *pool_create(void)
{
    Pool *pool = calloc(1, sizeof *pool);
    if (pool)
        pthread_mutex_init(&pool->lock, 0);
    return pool;
}

void pool_free(Pool *pool)
{
    if (!pool)
        return;
    for (Scratch *s = pool->free, *next; s; s = next) {
        next = s->next;
        free(s->memory);
        free(s);
    }
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

static void give_back(Pool *pool, Scratch *scratch)
{
    pthread_mutex_lock(&pool->lock);
    scratch->next = pool->free;
    pool->free = scratch;
    pthread_mutex_unlock(&pool->lock);
}

static Scratch *take(Pool *pool, size_t size)
{
    pthread_mutex_lock(&pool->lock);
    Scratch *scratch = pool->free;
    if (scratch)
        pool->free = scratch->next;
    pthread_mutex_unlock(&pool->lock);
    if (!scratch && !(scratch = calloc(1, sizeof *scratch)))
        return 0;
    if (scratch->size < size) {
        free(scratch->memory);
        size_t rounded = (size + size / 4 + ALIGN) / ALIGN * ALIGN;
        scratch->memory = aligned_alloc(ALIGN, rounded);
        scratch->size = scratch->memory ? rounded : 0;
        if (!scratch->memory) {
            free(scratch);
            return 0;
        }
    }
    return scratch;
}

static size_t aligned(size_t bytes) { return (bytes + ALIGN - 1) / ALIGN * ALIGN; }
static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* ---- units of work --------------------------------------------------------------------------- */

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

static void work_slot(void *argument, size_t slot)
{
    const Work *work = argument;
    const int64_t end = work->units * ((int64_t)slot + 1) / work->slots;
    for (int64_t unit = work->units * (int64_t)slot / work->slots; unit < end; unit++)
        work->unit(work, unit, work->scratch + slot * work->slot_bytes);
}

static int64_t slots_for(const Parallel *parallel, int64_t units)
{
    return units < parallel->threads ? (units > 0 ? units : 1) : parallel->threads;
}

/* Slot i has the same share of the work in each layer, and most often the same thread. */
static void work_all(Work *work, const Parallel *parallel)
{
    work->slots = slots_for(parallel, work->units);
    if (work->slots > 1)
        parallel->run(parallel->context, work_slot, (size_t)work->slots, work);
    else
        work_slot(work, 0);
}

/* Tiles of nearly equal size: the first vector of each, where tile `tiles` is the end. */
static int64_t first_vector(const Work *work, int64_t tile)
{
    return ceil_div(work->count, work->kernels->lanes) * tile / work->tiles;
}

/* As few tiles as possible, or so many more that no thread shares one with another, where they do not
 * get narrow by that. */
static void cut_tiles(Work *work, int64_t sets, int64_t count, int threads)
{
    const int64_t all = ceil_div(count, work->kernels->lanes);
    int64_t tiles = ceil_div(all, work->kernels->tile), whole = tiles;
    while (sets * whole % threads)
        whole++;
    if (whole * NARROW <= all)
        tiles = whole;
    work->sets = sets;
    work->count = count;
    work->tiles = tiles;
    work->vectors = tiles ? ceil_div(all, tiles) : 1;
    work->units = least(threads, sets * tiles * work->layer->panels);
}

static int32_t widest_block(const Layer *layer)
{
    return layer->matrix[0].blocks ? layer->matrix[0].block[0].width : 1;
}

static int32_t panel_begin(const Layer *layer, int panel)
{
    return (int32_t)((int64_t)(layer->rows / layer->window.groups) * panel / layer->panels);
}

/* A unit is a share of the tiles, one after the other, in panels: the first and the last tile may be
 * shared with other units. So a thread finds most of its input in its own cache, where it wrote it as
 * the output of the layer before. */
typedef struct {
    int64_t begin, end; /* panels of all tiles */
    int panels;         /* per tile */
} Share;

static Share find_share(const Work *work, int64_t unit)
{
    const int panels = work->layer->panels;
    const int64_t all = work->sets * work->tiles * panels;
    return (Share){all * unit / work->units, all * (unit + 1) / work->units, panels};
}

static int64_t first_tile(const Share *share) { return share->begin / share->panels; }
static int64_t end_tile(const Share *share) { return ceil_div(share->end, share->panels); }
static int first_panel(const Share *share, int64_t tile)
{
    const int64_t first = share->begin - tile * share->panels;
    return first > 0 ? (int)first : 0;
}
static int end_panel(const Share *share, int64_t tile)
{
    return (int)least(share->panels, share->end - tile * share->panels);
}

/* ---- linear ---------------------------------------------------------------------------------- */

static const float *shifted(const float *pointer, int64_t by) { return pointer ? pointer + by : 0; }

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
    Scratch *scratch = take(pool, work.slot_bytes * (size_t)slots_for(parallel, work.units));
    if (!scratch)
        return 0;
    work.scratch = scratch->memory;
    work_all(&work, parallel);
    give_back(pool, scratch);
    return 1;
}

/* ---- convolution ----------------------------------------------------------------------------- */

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

static int64_t shared_padding(int64_t size, int64_t before, int64_t after, int stride, int64_t out, int64_t reach)
{
    int64_t shared = size + (before > after ? before : after);
    return stride > 1 ? out + reach : shared > out ? shared : out;
}

static Plan plan_conv(const Layer *layer, int64_t channels, int64_t height, int64_t width, int64_t out_h, int64_t out_w)
{
    const Window *w = &layer->window;
    Plan p = {.window = *w, .channels = channels, .height = height, .width = width, .out_h = out_h, .out_w = out_w};
    p.row = shared_padding(width, w->pad_left, w->pad_right, w->stride_w, out_w, (w->kernel_w - 1) * w->dilation_w / w->stride_w);
    p.image_rows =
        shared_padding(height, w->pad_top, w->pad_bottom, w->stride_h, out_h, (w->kernel_h - 1) * w->dilation_h / w->stride_h);
    p.phases_h = w->kernel_h == 1 ? 1 : w->stride_h;
    p.phases_w = w->kernel_w == 1 ? 1 : w->stride_w;
    p.taps = w->kernel_h * w->kernel_w;
    p.direct = w->stride_h == 1 && w->stride_w == 1 && !w->pad_top && !w->pad_left && !w->pad_bottom && !w->pad_right;
    return p;
}

/* Positions that one run of flat positions covers, for `images` images. */
static int64_t flat_count(const Plan *p, int64_t images)
{
    return ((images - 1) * p->image_rows + p->out_h - 1) * p->row + p->out_w;
}

/* Elements from a position to the last tap of its window. */
static int64_t reach_of(const Plan *p)
{
    const Window *w = &p->window;
    return (w->kernel_h - 1) * w->dilation_h / w->stride_h * p->row + (w->kernel_w - 1) * w->dilation_w / w->stride_w;
}

static int64_t tap_offset(const Plan *p, int i, int j)
{
    const Window *w = &p->window;
    int64_t y = i * w->dilation_h, x = j * w->dilation_w;
    int64_t phase = y % w->stride_h % p->phases_h * p->phases_w + x % w->stride_w % p->phases_w;
    return phase * p->plane + y / w->stride_h * p->row + x / w->stride_w;
}

/* Elements from `first` to `end` of the lines of a plane. */
typedef struct {
    int64_t first, end;
} Range;

static int64_t clamp(int64_t value, Range range)
{
    return value < range.first ? range.first : least(value, range.end);
}

/* Copy the elements of a line that belong to one phase: to[i] = from[i * stride + phase - pad]. */
static void copy_phase(const Kernels *k, float *to, const float *from, int64_t width, Range range, int64_t pad, int64_t phase,
                       int stride)
{
    int64_t begin = clamp(pad > phase ? ceil_div(pad - phase, stride) : 0, range);
    int64_t end = clamp(ceil_div(width + pad - phase, stride), (Range){begin, range.end});
    for (int64_t i = range.first; i < begin; i++)
        to[i] = 0;
    if (stride == 1)
        k->copy_line(to + begin, from + begin + phase - pad, end - begin);
    else
        for (int64_t i = begin; i < end; i++)
            to[i] = from[i * stride + phase - pad];
    for (int64_t i = end; i < range.end; i++)
        to[i] = 0;
}

/* Copy a line into both phases of stride 2. */
static void copy_pairs(const Kernels *k, float *even, float *odd, const float *from, int64_t width, Range range, int64_t pad)
{
    const int64_t begin = clamp((pad + 1) / 2, range), end = clamp((width + pad) / 2, (Range){begin, range.end});
    const Range before = {range.first, begin}, after = {end, range.end};
    copy_phase(k, even, from, width, before, pad, 0, 2);
    copy_phase(k, odd, from, width, before, pad, 1, 2);
    k->split_pairs(even + begin, odd + begin, from + 2 * begin - pad, end - begin);
    copy_phase(k, even, from, width, after, pad, 0, 2);
    copy_phase(k, odd, from, width, after, pad, 1, 2);
}

/* Copy the elements of a line into the planes of all phases along it; a line of the padding has no `from`. */
static void copy_phases(const Plan *p, const Kernels *k, float *to, const float *from, Range range)
{
    const Window *w = &p->window;
    if (from && p->phases_w == 2 && w->stride_w == 2) {
        copy_pairs(k, to, to + p->plane, from, p->width, range, w->pad_left);
        return;
    }
    for (int64_t f = 0; f < p->phases_w; f++)
        if (from)
            copy_phase(k, to + f * p->plane, from, p->width, range, w->pad_left, f, w->stride_w);
        else
            memset(to + f * p->plane + range.first, 0, (size_t)(range.end - range.first) * 4);
}

/* Copy the elements of one channel in a range of flat positions into its planes, which begin there. */
static void copy_channel(const Plan *p, const Kernels *k, const float *input, int64_t image_stride, int64_t images,
                         Range flat, float *planes)
{
    const Window *w = &p->window;
    for (int64_t q = 0; q < p->phases_h; q++)
        for (int64_t line = flat.first / p->row; line * p->row < flat.end; line++) {
            const int64_t b = line / p->image_rows, y = line % p->image_rows * w->stride_h + q - w->pad_top;
            const int inside = b < images && y >= 0 && y < p->height;
            const Range range = {clamp(0, (Range){flat.first - line * p->row, p->row}),
                                 least(flat.end - line * p->row, p->row)};
            copy_phases(p, k, planes + q * p->phases_w * p->plane + (line * p->row - flat.first),
                        inside ? input + b * image_stride + y * p->width : 0, range);
        }
}

/* The parts of a tile that are outputs. `position` counts flat positions. */
static int tile_segments(const Plan *p, int64_t rows, int64_t position, int64_t count, int64_t images, Segment *segment)
{
    int used = 0;
    const int64_t end = position + count;
    const int64_t whole = p->row == p->out_w ? p->out_h * p->out_w : p->out_w;
    for (int64_t at = position; at < end;) {
        int64_t line = at / p->row, b = line / p->image_rows, y = line % p->image_rows, x = at % p->row;
        if (b >= images)
            break;
        if (y >= p->out_h || x >= p->out_w) {
            at = y >= p->out_h ? (b + 1) * p->image_rows * p->row : (line + 1) * p->row;
            continue;
        }
        int64_t left = (whole == p->out_w ? p->out_w : whole - y * p->row) - x;
        int64_t length = least(left, end - at);
        segment[used++] = (Segment){(int32_t)(at - position), (int32_t)length,
                                    (b * rows * p->out_h + y) * p->out_w + x};
        at += length;
    }
    return used;
}

enum { MAX_SEGMENTS = MAX_TILE * MAX_LANES };

static Finish make_finish(const Work *work, const Segment *segment, int segments, int64_t channel, int64_t at)
{
    return (Finish){segment,
                    segments,
                    work->plan->out_h * work->plan->out_w,
                    shifted(work->layer->bias, channel),
                    shifted(work->residual, at),
                    work->output + at,
                    &work->layer->epilogue,
                    work->fetch_ahead,
                    work->write_around};
}

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
    const int64_t all = p->channels * p->phases_h * p->phases_w * p->plane;
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
    const size_t copy = p->direct ? 0 : aligned((size_t)(p->channels * p->phases_h * p->phases_w * p->plane) * 4);
    for (int64_t i = 0; i < chunks; i++) {
        const int64_t tile = first + tiles * i / chunks, end = first + tiles * (i + 1) / chunks;
        if (!p->direct)
            copy_planes(work, tile, end, planes);
        multiply_chunk(work, &share, tile, end, p->direct ? work->input : planes, (float *)(scratch + copy));
    }
}

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
                                   &layer->window, p->height, p->width, p->out_h, p->out_w, &finish);
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

static int run_depthwise(Work *work, Plan *p, Pool *pool, const Parallel *parallel, int64_t batch)
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
    Scratch *scratch = take(pool, offsets + begins + segments + work->slot_bytes * (size_t)slots_for(parallel, work->units));
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
    give_back(pool, scratch);
    return 1;
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
    const size_t copy = p->direct ? 0 : aligned((size_t)(channels * p->phases_h * p->phases_w * p->plane) * 4);
    work.slot_bytes = copy + aligned((size_t)widest_block(layer) * wide) + aligned((size_t)(layer->rows / layer->window.groups) * wide);
    Scratch *scratch = take(pool, offsets + work.slot_bytes * (size_t)work.units);
    if (!scratch)
        return 0;
    fill_offsets(layer, p, (int64_t *)scratch->memory);
    work.offset = (int64_t *)scratch->memory;
    work.scratch = scratch->memory + offsets;
    work_all(&work, parallel);
    give_back(pool, scratch);
    return 1;
}

/* ---- making and freeing ---------------------------------------------------------------------- */

static int compress_depthwise(Layer *layer, const Nonzeros *nonzeros, float scale)
{
    layer->depthwise = calloc((size_t)layer->rows * (size_t)layer->columns + 1, sizeof *layer->depthwise);
    for (int64_t i = 0; layer->depthwise && i < nonzeros->count; i++)
        layer->depthwise[nonzeros->index[i]] = nonzeros->value[i] * scale;
    return layer->depthwise != 0;
}

/* Fill the places where lines begin; start has lines + 1 elements. */
static void find_lines(const Nonzeros *nonzeros, uint32_t *start, int64_t lines, int64_t inner)
{
    int64_t at = 0;
    for (int64_t line = 0; line <= lines; line++) {
        while (at < nonzeros->count && nonzeros->index[at] < line * inner)
            at++;
        start[line] = (uint32_t)at;
    }
}

static int compress_panels(Layer *layer, const Lines *lines, int32_t width, float scale)
{
    const int groups = layer->window.groups;
    for (int g = 0; g < groups; g++)
        for (int p = 0; p < layer->panels; p++) {
            const int32_t begin = panel_begin(layer, p), end = panel_begin(layer, p + 1);
            if (!matrix_create(&layer->matrix[g * layer->panels + p], lines, g * (int64_t)(layer->rows / groups) + begin,
                               end - begin, layer->columns, width, scale))
                return 0;
        }
    return 1;
}

int layer_compress(Layer *layer, const Nonzeros *nonzeros, int by_rows, float scale, int threads)
{
    const int groups = layer->window.groups;
    const int32_t rows = layer->rows / groups;
    if (layer->is_conv && groups > 1 && rows == 1 && layer->columns == layer->window.kernel_h * layer->window.kernel_w)
        return compress_depthwise(layer, nonzeros, scale);
    layer->panels = threads < rows / 64 ? threads : rows / 64 > 1 ? rows / 64 : 1;
    layer->matrix = calloc((size_t)(groups * layer->panels), sizeof *layer->matrix);
    const int64_t size = (int64_t)layer->rows * layer->columns, lines = by_rows ? layer->rows : layer->columns;
    uint32_t *start = malloc(sizeof *start * (size_t)(lines + 1));
    const int32_t width = block_width_for(size ? (double)nonzeros->count / (double)size : 0, layer->columns);
    const Lines source = {*nonzeros, start, by_rows, by_rows ? layer->columns : layer->rows};
    if (start)
        find_lines(nonzeros, start, lines, source.inner);
    const int done = start && layer->matrix && compress_panels(layer, &source, width, scale);
    free(start);
    return done;
}

void layer_free(Layer *layer)
{
    for (int i = 0; layer->matrix && i < layer->window.groups * layer->panels; i++)
        matrix_free(&layer->matrix[i]);
    free(layer->matrix);
    free(layer->depthwise);
    free(layer->bias);
    *layer = (Layer){0};
}

/* ---- the processor --------------------------------------------------------------------------- */

static int allowed(const char *name)
{
    const char *limit = getenv("PRUNEPACK_SPARSE_ARCH");
    return !limit || !*limit || !strcmp(limit, name) || (!strcmp(limit, "avx512") && !strcmp(name, "avx2"));
}

const Kernels *kernels(void)
{
    static const Kernels *chosen;
    const Kernels *best = __atomic_load_n(&chosen, __ATOMIC_RELAXED);
    if (best)
        return best;
    best = &kernels_portable;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && allowed("avx2"))
        best = &kernels_avx2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && allowed("avx512"))
        best = &kernels_avx512;
#endif
    __atomic_store_n(&chosen, best, __ATOMIC_RELAXED);
    return best;
}

#include "work.h"

/* Vectors per tile below which reading the weights takes more time than sharing a tile. */
enum { NARROW = 3 };

static void work_slot(void *argument, size_t slot)
{
    const Work *work = argument;
    const int64_t end = work->units * ((int64_t)slot + 1) / work->slots;
    for (int64_t unit = work->units * (int64_t)slot / work->slots; unit < end; unit++)
        work->unit(work, unit, work->scratch + slot * work->slot_bytes);
}

int64_t slots_for(const Parallel *parallel, int64_t units)
{
    return units < parallel->threads ? (units > 0 ? units : 1) : parallel->threads;
}

void work_all(Work *work, const Parallel *parallel)
{
    work->slots = slots_for(parallel, work->units);
    if (work->slots > 1)
        parallel->run(parallel->context, work_slot, (size_t)work->slots, work);
    else
        work_slot(work, 0);
}

int64_t first_vector(const Work *work, int64_t tile)
{
    return ceil_div(work->count, work->kernels->lanes) * tile / work->tiles;
}

void cut_tiles(Work *work, int64_t sets, int64_t count, int threads)
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

Share find_share(const Work *work, int64_t unit)
{
    const int panels = work->layer->panels;
    const int64_t all = work->sets * work->tiles * panels;
    return (Share){all * unit / work->units, all * (unit + 1) / work->units, panels};
}

int64_t first_tile(const Share *share) { return share->begin / share->panels; }
int64_t end_tile(const Share *share) { return ceil_div(share->end, share->panels); }
int first_panel(const Share *share, int64_t tile)
{
    const int64_t first = share->begin - tile * share->panels;
    return first > 0 ? (int)first : 0;
}
int end_panel(const Share *share, int64_t tile)
{
    return (int)least(share->panels, share->end - tile * share->panels);
}

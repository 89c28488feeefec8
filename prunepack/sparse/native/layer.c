/* Weights of a layer in the format of the kernels, and the choice of the kernels. */
#include "layer.h"

#include <stdlib.h>
#include <string.h>

#include "kernel.h"

int32_t widest_block(const Layer *layer)
{
    return layer->matrix[0].blocks ? layer->matrix[0].block[0].width : 1;
}

int32_t panel_begin(const Layer *layer, int panel)
{
    return (int32_t)((int64_t)(layer->rows / layer->window.groups) * panel / layer->panels);
}

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

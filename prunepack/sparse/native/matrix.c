/* Sparse matrices in the kernels' format, made from dense ones. */
#include <stdlib.h>
#include <string.h>

#include "layer.h"

enum { MAX_WIDTH = 65536, LEAST_WIDTH = 96, MOST_WIDTH = 320, NONZEROS = 16 };

int32_t block_width_for(double density, int32_t columns)
{
    double wanted = density > 0 ? NONZEROS / density : MOST_WIDTH;
    int32_t width = wanted < LEAST_WIDTH ? LEAST_WIDTH : wanted > MOST_WIDTH ? MOST_WIDTH : (int32_t)wanted;
    int32_t blocks = (columns + width - 1) / width;
    return blocks ? (columns + blocks - 1) / blocks : 1; /* blocks of equal width */
}

int64_t count_nonzeros(const float *values, int64_t count)
{
    int64_t nonzeros = 0;
    for (int64_t at = 0; at < count;) {
        int32_t part = 0;
        int64_t end = count - at < 4096 ? count : at + 4096;
        for (; at < end; at++)
            part += values[at] != 0;
        nonzeros += part;
    }
    return nonzeros;
}

typedef struct {
    Run *run;
    uint32_t *row;
    uint16_t *index;
    float *value;
} Cursor;

/* Sort rows by count: fills runs and rows, and turns counts into the rows' first positions. */
static int32_t sort_rows(Cursor *at, uint32_t *count, int32_t rows, uint32_t *bucket, int32_t width)
{
    int32_t runs = 0;
    memset(bucket, 0, sizeof *bucket * ((size_t)width + 2));
    for (int32_t r = 0; r < rows; r++)
        bucket[count[r] + 1]++;
    for (int32_t n = 0; n <= width; n++) {
        if (bucket[n + 1])
            at->run[runs++] = (Run){(uint32_t)n, bucket[n + 1]};
        bucket[n + 1] += bucket[n];
    }
    for (int32_t r = 0; r < rows; r++)
        at->row[bucket[count[r]]++] = (uint32_t)r;
    uint32_t position = 0;
    for (int32_t i = 0; i < rows; i++) {
        uint32_t nonzeros = count[at->row[i]];
        count[at->row[i]] = position;
        position += nonzeros;
    }
    return runs;
}

/* Element (r, c) is base[r * row_stride + c * column_stride]; one of the strides is 1. */
typedef struct {
    const float *base;
    int32_t rows;
    int64_t row_stride, column_stride;
} Dense;

static void count_block(const Dense *d, const Block *block, uint32_t *count)
{
    memset(count, 0, sizeof *count * (size_t)d->rows);
    if (d->column_stride == 1)
        for (int32_t r = 0; r < d->rows; r++)
            count[r] = (uint32_t)count_nonzeros(d->base + r * d->row_stride + block->first, block->width);
    else
        for (int32_t c = 0; c < block->width; c++) {
            const float *line = d->base + (block->first + c) * d->column_stride;
            for (int32_t r = 0; r < d->rows; r++)
                count[r] += line[r] != 0;
        }
}

/* Store the nonzeros; count has each row's first position, and becomes its last. */
static uint32_t store_block(const Dense *d, const Block *block, const Cursor *at, uint32_t *count, float scale)
{
    uint32_t total = 0;
    const int by_rows = d->column_stride == 1;
    const int32_t outer = by_rows ? d->rows : block->width, inner = by_rows ? block->width : d->rows;
    for (int32_t o = 0; o < outer; o++) {
        const float *line = by_rows ? d->base + o * d->row_stride + block->first : d->base + (block->first + o) * d->column_stride;
        for (int32_t i = 0; i < inner; i++)
            if (line[i] != 0) {
                uint32_t position = count[by_rows ? o : i]++;
                at->index[position] = (uint16_t)(by_rows ? i : o);
                at->value[position] = line[i] * scale;
                total++;
            }
    }
    return total;
}

static void fill_block(const Dense *d, Block *block, Cursor *at, float scale, uint32_t *count, uint32_t *bucket)
{
    count_block(d, block, count);
    block->runs = sort_rows(at, count, d->rows, bucket, block->width);
    block->run = at->run;
    block->row = at->row;
    block->index = at->index;
    block->value = at->value;
    uint32_t total = store_block(d, block, at, count, scale);
    at->run += block->runs;
    at->row += d->rows;
    at->index += total;
    at->value += total;
}

static int64_t count_all(const Dense *d, int32_t columns)
{
    const int by_rows = d->column_stride == 1;
    int64_t nonzeros = 0;
    for (int64_t o = 0; o < (by_rows ? d->rows : columns); o++)
        nonzeros += count_nonzeros(d->base + o * (by_rows ? d->row_stride : d->column_stride), by_rows ? columns : d->rows);
    return nonzeros;
}

int matrix_create(Matrix *matrix, const float *weights, int32_t rows, int32_t columns, int64_t row_stride,
                  int64_t column_stride, int32_t block_width, float scale)
{
    *matrix = (Matrix){.rows = rows, .columns = columns};
    if (block_width > MAX_WIDTH)
        block_width = MAX_WIDTH;
    const int32_t blocks = columns ? (columns + block_width - 1) / block_width : 0;
    const Dense dense = {weights, rows, row_stride, column_stride};
    const size_t nonzeros = (size_t)count_all(&dense, columns);
    const size_t each = (size_t)rows * (size_t)blocks, most_runs = each;
    uint32_t *count = malloc(sizeof *count * ((size_t)rows + (size_t)block_width + 3));
    matrix->block = calloc((size_t)blocks + 1, sizeof *matrix->block);
    char *memory = malloc(most_runs * sizeof(Run) + each * 4 + nonzeros * 6 + 64);
    matrix->memory = memory;
    if (!count || !matrix->block || !memory) {
        free(count);
        matrix_free(matrix);
        return 0;
    }
    Cursor at = {.value = (float *)memory};
    at.run = (Run *)(at.value + nonzeros);
    at.row = (uint32_t *)(at.run + most_runs);
    at.index = (uint16_t *)(at.row + each);
    for (int32_t b = 0; b < blocks; b++) {
        Block *block = &matrix->block[b];
        block->first = b * block_width;
        block->width = columns - block->first < block_width ? columns - block->first : block_width;
        fill_block(&dense, block, &at, scale, count, count + rows);
    }
    matrix->blocks = blocks;
    matrix->nonzeros = (int64_t)nonzeros;
    free(count);
    return 1;
}

void matrix_free(Matrix *matrix)
{
    free(matrix->block);
    free(matrix->memory);
    *matrix = (Matrix){0};
}

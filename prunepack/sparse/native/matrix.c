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

/* Visit element (r, c) of rows x [first, first + width) in the order of memory. */
#define EACH(ROW, COLUMN)                                                                         \
    for (int64_t outer_ = 0; outer_ < (by_rows ? rows : width); outer_++)                         \
        for (int64_t inner_ = 0, ROW = by_rows ? outer_ : 0, COLUMN = by_rows ? 0 : outer_;       \
             inner_ < (by_rows ? width : rows);                                                   \
             inner_++, by_rows ? COLUMN++ : ROW++)

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

static void fill_block(Block *block, Cursor *at, const float *weights, int32_t rows, int64_t row_stride,
                       int64_t column_stride, float scale, uint32_t *count, uint32_t *bucket)
{
    const int by_rows = row_stride >= column_stride;
    const int32_t width = block->width;
    const float *base = weights + block->first * column_stride;
    memset(count, 0, sizeof *count * (size_t)rows);
    EACH(r, c) count[r] += base[r * row_stride + c * column_stride] != 0;
    block->runs = sort_rows(at, count, rows, bucket, width);
    block->run = at->run;
    block->row = at->row;
    block->index = at->index;
    block->value = at->value;
    uint32_t total = 0;
    EACH(r, c)
    {
        float value = base[r * row_stride + c * column_stride];
        if (value != 0) {
            at->index[count[r]] = (uint16_t)c;
            at->value[count[r]++] = value * scale;
            total++;
        }
    }
    at->run += block->runs;
    at->row += rows;
    at->index += total;
    at->value += total;
}

static int64_t count_nonzeros(const float *weights, int32_t rows, int32_t width, int64_t row_stride, int64_t column_stride)
{
    const int by_rows = row_stride >= column_stride;
    int64_t nonzeros = 0;
    EACH(r, c) nonzeros += weights[r * row_stride + c * column_stride] != 0;
    return nonzeros;
}

int matrix_create(Matrix *matrix, const float *weights, int32_t rows, int32_t columns, int64_t row_stride,
                  int64_t column_stride, int32_t block_width, float scale)
{
    *matrix = (Matrix){.rows = rows, .columns = columns};
    if (block_width > MAX_WIDTH)
        block_width = MAX_WIDTH;
    const int32_t blocks = columns ? (columns + block_width - 1) / block_width : 0;
    const size_t nonzeros = (size_t)count_nonzeros(weights, rows, columns, row_stride, column_stride);
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
        fill_block(block, &at, weights, rows, row_stride, column_stride, scale, count, count + rows);
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

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

int nonzeros_collect(Nonzeros *nonzeros, const float *values, int64_t size)
{
    const int64_t count = count_nonzeros(values, size);
    float *value = malloc(((size_t)count + 1) * (sizeof(float) + sizeof(uint32_t)));
    if (!value)
        return 0;
    uint32_t *index = (uint32_t *)(value + count);
    *nonzeros = (Nonzeros){count, index, value, value};
    for (int64_t i = 0, used = 0; used < count; i++)
        if (values[i] != 0) {
            index[used] = (uint32_t)i;
            value[used++] = values[i];
        }
    return 1;
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

/* Rows first .. first + rows of a tensor. For a tensor by rows, `next` has the first nonzero of each
 * row that is in no block yet. */
typedef struct {
    const Lines *lines;
    int64_t first;
    int32_t rows;
    uint32_t *next;
} Part;

/* Within the row's nonzeros, the end of those before column `end`. */
static uint32_t row_end(const Part *p, int32_t row, int64_t end)
{
    const Lines *l = p->lines;
    const int64_t line = p->first + row, limit = line * l->inner + end;
    uint32_t i = p->next[row];
    while (i < l->start[line + 1] && l->nonzeros.index[i] < limit)
        i++;
    return i;
}

static void count_block(const Part *p, const Block *block, uint32_t *count)
{
    const Lines *l = p->lines;
    memset(count, 0, sizeof *count * (size_t)p->rows);
    if (l->by_rows)
        for (int32_t r = 0; r < p->rows; r++)
            count[r] = row_end(p, r, block->first + block->width) - p->next[r];
    else
        for (int64_t c = block->first; c < block->first + block->width; c++)
            for (uint32_t i = l->start[c]; i < l->start[c + 1]; i++) {
                const int64_t r = l->nonzeros.index[i] - c * l->inner - p->first;
                if (r >= 0 && r < p->rows)
                    count[r]++;
            }
}

/* Store the nonzeros; position has each row's first place, and becomes its last. */
static void store_block(const Part *p, const Block *block, const Cursor *at, uint32_t *position, float scale)
{
    const Lines *l = p->lines;
    const uint32_t *index = l->nonzeros.index;
    const float *value = l->nonzeros.value;
    if (l->by_rows)
        for (int32_t r = 0; r < p->rows; r++) {
            const int64_t begin = (p->first + r) * l->inner + block->first;
            const uint32_t end = row_end(p, r, block->first + block->width);
            for (uint32_t i = p->next[r]; i < end; i++, position[r]++) {
                at->index[position[r]] = (uint16_t)(index[i] - begin);
                at->value[position[r]] = value[i] * scale;
            }
            p->next[r] = end;
        }
    else
        for (int64_t c = block->first; c < block->first + block->width; c++)
            for (uint32_t i = l->start[c]; i < l->start[c + 1]; i++) {
                const int64_t r = index[i] - c * l->inner - p->first;
                if (r < 0 || r >= p->rows)
                    continue;
                at->index[position[r]] = (uint16_t)(c - block->first);
                at->value[position[r]++] = value[i] * scale;
            }
}

static void fill_block(const Part *p, Block *block, Cursor *at, float scale, uint32_t *count, uint32_t *bucket)
{
    count_block(p, block, count);
    uint32_t total = 0;
    for (int32_t r = 0; r < p->rows; r++)
        total += count[r];
    block->runs = sort_rows(at, count, p->rows, bucket, block->width);
    block->run = at->run;
    block->row = at->row;
    block->index = at->index;
    block->value = at->value;
    store_block(p, block, at, count, scale);
    at->run += block->runs;
    at->row += p->rows;
    at->index += total;
    at->value += total;
}

static int64_t count_part(const Part *p, int32_t columns)
{
    const Lines *l = p->lines;
    if (l->by_rows)
        return l->start[p->first + p->rows] - l->start[p->first];
    int64_t count = 0;
    for (int64_t c = 0; c < columns; c++)
        for (uint32_t i = l->start[c]; i < l->start[c + 1]; i++) {
            const int64_t r = l->nonzeros.index[i] - c * l->inner - p->first;
            count += r >= 0 && r < p->rows;
        }
    return count;
}

int matrix_create(Matrix *matrix, const Lines *lines, int64_t first, int32_t rows, int32_t columns, int32_t block_width,
                  float scale)
{
    *matrix = (Matrix){.rows = rows, .columns = columns};
    if (block_width > MAX_WIDTH)
        block_width = MAX_WIDTH;
    const int32_t blocks = columns ? (columns + block_width - 1) / block_width : 0;
    const size_t each = (size_t)rows * (size_t)blocks, most_runs = each;
    uint32_t *count = malloc(sizeof *count * (2 * (size_t)rows + (size_t)block_width + 3));
    const Part part = {lines, first, rows, count ? count + rows + block_width + 3 : 0};
    const size_t nonzeros = (size_t)count_part(&part, columns);
    matrix->block = calloc((size_t)blocks + 1, sizeof *matrix->block);
    char *memory = malloc(most_runs * sizeof(Run) + each * 4 + nonzeros * 6 + 64);
    matrix->memory = memory;
    if (!count || !matrix->block || !memory) {
        free(count);
        matrix_free(matrix);
        return 0;
    }
    for (int32_t r = 0; lines->by_rows && r < rows; r++)
        part.next[r] = lines->start[first + r];
    Cursor at = {.value = (float *)memory};
    at.run = (Run *)(at.value + nonzeros);
    at.row = (uint32_t *)(at.run + most_runs);
    at.index = (uint16_t *)(at.row + each);
    for (int32_t b = 0; b < blocks; b++) {
        Block *block = &matrix->block[b];
        block->first = b * block_width;
        block->width = columns - block->first < block_width ? columns - block->first : block_width;
        fill_block(&part, block, &at, scale, count, count + rows);
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

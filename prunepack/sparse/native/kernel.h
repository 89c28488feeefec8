/* The table of inner loops, one per architecture, and the choice between them. */
#ifndef PRUNEPACK_KERNEL_H
#define PRUNEPACK_KERNEL_H

#include "layer.h"

enum { MAX_TILE = 8, MAX_LANES = 16 };

/* A run of output positions that are adjacent both in a tile and in memory. */
typedef struct {
    int32_t from, count; /* position in the tile, number of positions */
    int64_t to;          /* element of the output of row 0 */
} Segment;

/* How finished sums become a convolution's output: row r is r * plane elements further. */
typedef struct {
    const Segment *segment;
    int segments;
    int64_t plane;
    const float *bias, *residual;
    float *output;
    const Epilogue *end;
    /* For tensors larger than a cache: fetch the output and the residual of the next tile, and write
     * whole lines to memory without reading them before. */
    int fetch_ahead, write_around;
} Finish;

enum { DEPTHWISE_TILE = 4 }; /* vectors per tile of a depthwise convolution */

typedef struct {
    const char *name;
    int lanes, tile; /* floats per vector, most vectors per tile */
    /* Multiply a block with a packed tile of `vectors` vectors. The first block starts the sums;
     * the last one, which has a Finish, writes the output. Without Finish the sums are kept. */
    void (*multiply)(const Block *, const float *tile, float *sums, int vectors, int first, const Finish *);
    /* Copy rows of `vectors` vectors: row i starts at source + offset[i]. Also fetch those of the next
     * tile, if wanted. */
    void (*copy_rows)(float *tile, const float *source, const int64_t *offset, int32_t rows, int vectors, int fetch_ahead);
    void (*copy_line)(float *to, const float *from, int64_t count);
    /* Separate pairs: even[i] = from[2 * i], odd[i] = from[2 * i + 1]. */
    void (*split_pairs)(float *even, float *odd, const float *from, int64_t pairs);
    /* Pack columns of row-major input, transposed: tile[k][n] = input[n * stride + k]. */
    void (*transpose)(float *tile, const float *input, int64_t stride, int32_t width, int count, int vectors);
    /* Finish sums, transposed, into row-major output: output[n * stride + r]. */
    void (*finish_linear)(const float *sums, int32_t rows, int vectors, int count, int64_t stride, const float *bias,
                          const float *residual, float *output, const Epilogue *);
    /* One input vector: output[r] for all rows of a matrix, r as in the blocks. */
    void (*vector)(const Matrix *, const float *input, float *output);
    void (*finish_vector)(float *values, int32_t rows, const float *bias, const float *residual, const Epilogue *);
    /* A tile of a depthwise convolution; offset has `taps` positions. */
    /* A plane of a depthwise convolution whose stride along lines is 1 or 2, without a padded copy; null
     * where the processor has no masks. */
    void (*depthwise_lines)(const float *input, const float *weights, const Window *, int64_t height, int64_t width,
                            int64_t out_h, int64_t out_w, const Finish *);
    void (*depthwise)(const float *plane, const int64_t *offset, const float *weights, int taps, const Finish *);
} Kernels;

/* The best table for this processor; PRUNEPACK_SPARSE_ARCH (avx512, avx2, portable) lowers it. */
const Kernels *kernels(void);
extern const Kernels kernels_portable;
#if defined(__x86_64__)
extern const Kernels kernels_avx2, kernels_avx512;
#endif

#endif

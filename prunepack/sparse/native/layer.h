/* A layer with sparse constant weights: its weights in the kernels' format, and how to run it.
 *
 * Nothing here knows onnxruntime or Python, so that the fuzz driver can be built without either.
 */
#ifndef PRUNEPACK_LAYER_H
#define PRUNEPACK_LAYER_H

#include <stddef.h>
#include <stdint.h>

/* Rows of one block of columns that have the same number of nonzeros. */
typedef struct {
    uint32_t nonzeros, rows;
} Run;

/* A block of columns of a sparse matrix. Rows are sorted by their count of nonzeros, so that the
 * processor predicts the ends of the inner loops. `row` lists the rows in that order; `index`
 * (within the block, ascending) and `value` list their nonzeros in that order. */
typedef struct {
    int32_t first, width, runs;
    const Run *run;
    const uint32_t *row;
    const uint16_t *index;
    const float *value;
} Block;

typedef struct {
    int32_t rows, columns, blocks;
    int64_t nonzeros;
    Block *block;
    void *memory;
} Matrix;

int64_t count_nonzeros(const float *values, int64_t count);

/* The nonzeros of a tensor: their flat positions, ascending, and their values. */
typedef struct {
    int64_t count;
    const uint32_t *index;
    const float *value;
    void *memory; /* to be freed, or null */
} Nonzeros;

/* Collect the nonzeros of a dense tensor of at most 2^32 elements. Returns 0 without memory. */
int nonzeros_collect(Nonzeros *, const float *values, int64_t size);

/* A tensor whose lines of `inner` elements are the rows of a matrix (by_rows) or its columns.
 * Line i has the nonzeros from start[i] to start[i + 1]. */
typedef struct {
    Nonzeros nonzeros;
    const uint32_t *start;
    int by_rows;
    int64_t inner;
} Lines;

/* Compress `rows` rows from row `first` on. `block_width` is the number of columns per block, at most
 * 65536. Returns 0 without memory. */
int matrix_create(Matrix *, const Lines *, int64_t first, int32_t rows, int32_t columns, int32_t block_width, float scale);
void matrix_free(Matrix *);
/* The width of a block for this density: 16 nonzeros per row, within 96 to 320. */
int32_t block_width_for(double density, int32_t columns);

/* ReLU and Clip are clamps; quick GELU is x * sigmoid(1.702 * x). */
typedef enum { ACT_CLAMP, ACT_GELU, ACT_SILU, ACT_GELU_TANH, ACT_QUICK_GELU } Activation;

typedef struct {
    float low, high;
    Activation activation;
} Epilogue;

typedef struct {
    int kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
    int pad_top, pad_left, pad_bottom, pad_right;
    int groups;
} Window;

typedef struct {
    int is_conv, rows, columns; /* output channels or features; inputs per group */
    Window window;
    Epilogue epilogue;
    int panels;     /* each group's rows are cut into this many panels, for threads to share */
    Matrix *matrix; /* groups * panels of them; null for depthwise */
    float *depthwise; /* dense weights of a depthwise convolution, else null */
    float *bias;      /* rows values, or null */
} Layer;

/* Scratch memory, kept between runs. Runs of several threads at once each take their own. */
typedef struct Pool Pool;
Pool *pool_create(void);
void pool_free(Pool *);

/* Calls task(argument, i) for i from 0 to count - 1, in any order, on any thread. */
typedef struct {
    void (*run)(void *context, void (*task)(void *, size_t), size_t count, void *argument);
    void *context;
    int threads;
} Parallel;

/* Return 0 without memory. Shapes: input (batch, channels, height, width), output and residual (batch, rows,
 * out_h, out_w); residual may be null. */
int layer_run_conv(const Layer *, Pool *, const Parallel *, const float *input, const float *residual,
                   float *output, int64_t batch, int64_t channels, int64_t height, int64_t width,
                   int64_t out_h, int64_t out_w);
/* Shapes: input (count, columns), output and residual (count, rows). */
int layer_run_linear(const Layer *, Pool *, const Parallel *, const float *input,
                     const float *residual, float *output, int64_t count);
/* Compress the weights of a layer whose other fields are set: the nonzeros of a tensor of all rows of
 * all groups (by_rows), or of its transposed matrix. Returns 0 without memory. */
int layer_compress(Layer *, const Nonzeros *, int by_rows, float scale, int threads);
void layer_free(Layer *);
/* The widest block of columns, and the first row of a panel within its group. */
int32_t widest_block(const Layer *);
int32_t panel_begin(const Layer *, int panel);

#endif

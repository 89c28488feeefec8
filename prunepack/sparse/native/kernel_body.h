/* The inner loops, compiled once per architecture: LANES floats per vector, TILE vectors per
 * tile at most; TABLE is the result. */
#include <math.h>
#include <string.h>

#include "kernel.h"

typedef float vec __attribute__((vector_size(LANES * 4)));
typedef int32_t ivec __attribute__((vector_size(LANES * 4)));
typedef float loose __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

INLINE vec load(const float *at) { return *(const loose *)at; }
INLINE void store(float *at, vec value) { *(loose *)at = value; }
INLINE vec splat(float value) { return value - (vec){0}; }
INLINE vec pick(ivec mask, vec yes, vec no) { return (vec)(((ivec)yes & mask) | ((ivec)no & ~mask)); }

/* The lesser and the greater of two vectors; where x is NaN, the result is x. */
#ifndef LOWER
#define LOWER(A, X) pick((X) > (A), A, X)
#define UPPER(A, X) pick((X) < (A), A, X)
#endif

/* The first `count` lanes of memory, fewer than LANES. */
#ifndef LOAD_PART
#define LOAD_PART(AT, COUNT) load_part(AT, COUNT)
#define STORE_PART(AT, X, COUNT) store_part(AT, X, COUNT)
INLINE vec load_part(const float *at, int count)
{
    vec x = {0};
    for (int i = 0; i < count; i++)
        x[i] = at[i];
    return x;
}
INLINE void store_part(float *at, vec x, int count)
{
    for (int i = 0; i < count; i++)
        at[i] = x[i];
}
#endif

/* Write an aligned vector to memory without reading its line; other threads see it after a fence. */
#ifndef STREAM
#define STREAM(AT, X) store(AT, X)
#define STREAM_FENCE()
#endif

#define BY_VECTORS(CALL)                                                                          \
    switch (vectors) {                                                                            \
    case 1: CALL(1); break;                                                                       \
    case 2: CALL(2); break;                                                                       \
    case 3: CALL(3); break;                                                                       \
    case 4: CALL(4); break;                                                                       \
    case 5: CALL(5); break;                                                                       \
    case 6: CALL(6); break;                                                                       \
    case 7: CALL(7); break;                                                                       \
    default: CALL(8);                                                                             \
    }

/* ---- packing --------------------------------------------------------------------------------- */

/* Fetch what the next tile needs: `vectors` vectors from here on. */
INLINE void fetch(const float *at, const int vectors, const int to_write)
{
    UNROLL for (int t = 0; t < vectors * LANES; t += 16)
    {
        if (to_write)
            __builtin_prefetch(at + t, 1);
        else
            __builtin_prefetch(at + t);
    }
}

INLINE void copy_tile(float *tile, const float *source, const int64_t *offset, int32_t rows, const int vectors, int fetch_ahead)
{
    for (int32_t i = 0; i < rows; i++, tile += vectors * LANES) {
        if (fetch_ahead)
            fetch(source + offset[i] + vectors * LANES, vectors, 0);
        UNROLL for (int t = 0; t < vectors; t++)
            *(vec *)(tile + t * LANES) = load(source + offset[i] + t * LANES);
    }
}

static void copy_rows(float *tile, const float *source, const int64_t *offset, int32_t rows, int vectors, int fetch_ahead)
{
#define COPY(N) copy_tile(tile, source, offset, rows, N, fetch_ahead)
    BY_VECTORS(COPY)
}

static void copy_line(float *to, const float *from, int64_t count)
{
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES)
        store(to + i, load(from + i));
    if (i < count)
        STORE_PART(to + i, LOAD_PART(from + i, count - i), count - i);
}

static void split_pairs(float *even, float *odd, const float *from, int64_t pairs)
{
    ivec evens, odds;
    UNROLL for (int i = 0; i < LANES; i++) evens[i] = 2 * i, odds[i] = 2 * i + 1;
    int64_t i = 0;
    for (; i + LANES <= pairs; i += LANES) {
        vec a = load(from + 2 * i), b = load(from + 2 * i + LANES);
        store(even + i, __builtin_shuffle(a, b, evens));
        store(odd + i, __builtin_shuffle(a, b, odds));
    }
    for (; i < pairs; i++) {
        even[i] = from[2 * i];
        odd[i] = from[2 * i + 1];
    }
}

/* Transpose LANES vectors in place: log2(LANES) exchanges of halves, quarters and so on. */
INLINE void transpose_square(vec *v)
{
    UNROLL for (int step = 1; step < LANES; step *= 2) {
        ivec low, high;
        UNROLL for (int i = 0; i < LANES; i++) {
            low[i] = i & step ? LANES + (i ^ step) : i;
            high[i] = i & step ? LANES + i : (i ^ step);
        }
        UNROLL for (int i = 0; i < LANES; i++)
        {
            if (i & step)
                continue;
            vec a = v[i], b = v[i + step];
            v[i] = __builtin_shuffle(a, b, low);
            v[i + step] = __builtin_shuffle(a, b, high);
        }
    }
}

static void transpose(float *tile, const float *input, int64_t stride, int32_t width, int count, int vectors)
{
    const int wide = vectors * LANES;
    for (int n = 0; n < wide; n += LANES) {
        int present = count - n < LANES ? count - n : LANES;
        int32_t k = 0;
        for (; k + LANES <= width && present > 0; k += LANES) {
            vec square[LANES];
            for (int i = 0; i < LANES; i++)
                square[i] = i < present ? load(input + (n + i) * stride + k) : (vec){0};
            transpose_square(square);
            for (int i = 0; i < LANES; i++)
                *(vec *)(tile + (size_t)(k + i) * wide + n) = square[i];
        }
        for (; k < width; k++)
            for (int i = 0; i < LANES; i++)
                tile[(size_t)k * wide + n + i] = i < present ? input[(n + i) * stride + k] : 0;
    }
}

/* ---- the end of a layer: bias, residual, activation ------------------------------------------ */

/* exp(x) for x <= 0, by Cody and Waite's reduction and a polynomial of degree 6; 2 ulp. */
INLINE vec exp_negative(vec x)
{
    x = pick(x < splat(-87.0f), splat(-87.0f), x);
    vec scaled = x * 1.44269504f + 12582912.0f; /* 1.5 * 2^23: rounds to an integer */
    ivec power = (ivec)scaled - 0x4B400000;
    vec whole = scaled - 12582912.0f;
    vec r = x - whole * 0.693359375f + whole * 2.12194440e-4f;
    vec p = splat(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    return (vec)((ivec)p + (power << 23));
}

/* x * (1 + erf(x / sqrt 2)) / 2, where erf(z) / z is a quotient of two polynomials of degree 5 in
 * z * z, fitted for |z| <= 4 by least squares, weighted until the errors were equal; error below
 * 3e-7 * |x|. */
INLINE vec gelu(vec x)
{
    const vec zero = {0};
    const vec z = LOWER(splat(4.0f), UPPER(splat(-4.0f), x * 0.70710678f)), t = z * z;
    vec p = t * 1.9748306e-6f + 2.88041588e-4f, q = t * 3.7480878e-5f + 1.21636075e-3f;
    p = p * t + 4.00364814e-3f;
    q = q * t + 1.54444251e-2f;
    p = p * t + 5.34674823e-2f;
    q = q * t + 1.16476442e-1f;
    p = p * t + 1.96249017e-1f;
    q = q * t + 5.07252321e-1f;
    p = p * t + 1.12837898f;
    q = q * t + 1.0f;
    vec result = x * 0.5f * (z * p / q + 1.0f);
    return pick(x < splat(-5.8f), zero, result); /* also for minus infinity */
}

/* x * sigmoid(z), where z has the sign of x and at least its size. */
INLINE vec gate(vec x, vec z)
{
    const vec zero = {0};
    vec a = pick(z < zero, z, zero - z), e = exp_negative(a);
    vec result = x * pick(z < zero, e, splat(1.0f)) / (e + 1.0f);
    return pick(x < splat(-100.0f), zero, result);
}

INLINE vec activate(vec x, const Epilogue *end)
{
    if (end->activation == ACT_GELU)
        return gelu(x);
    if (end->activation == ACT_SILU)
        return gate(x, x);
    if (end->activation == ACT_GELU_TANH) /* (1 + tanh z) / 2 is sigmoid(2 z) */
        return gate(x, x * (x * x * 0.0713548163f + 1.59576912f));
    if (end->activation == ACT_QUICK_GELU)
        return gate(x, x * 1.702f);
    return LOWER(splat(end->high), UPPER(splat(end->low), x));
}

INLINE float activate_scalar(float x, const Epilogue *end)
{
    if (end->activation == ACT_CLAMP) {
        x = x < end->low ? end->low : x;
        return x > end->high ? end->high : x;
    }
    return activate(splat(x), end)[0];
}

/* ---- block times tile, up to the output of a convolution ------------------------------------- */

/* Write the outputs of row r from its sums, which have the bias already. */
INLINE void finish_segments(const float *sums, int64_t shift, const Finish *f)
{
    for (int s = 0; s < f->segments; s++) {
        const float *from = sums + f->segment[s].from;
        const int64_t at = f->segment[s].to + shift;
        const int count = f->segment[s].count;
        int i = 0;
        for (; i + LANES <= count; i += LANES) {
            vec x = load(from + i);
            if (f->residual)
                x = activate(x + load(f->residual + at + i), f->end);
            store(f->output + at + i, x);
        }
        if (i < count) {
            vec x = LOAD_PART(from + i, count - i);
            if (f->residual)
                x = activate(x + LOAD_PART(f->residual + at + i, count - i), f->end);
            STORE_PART(f->output + at + i, x, count - i);
        }
    }
}

/* Fetch the output and the residual of a row in the next tile. */
INLINE void fetch_row(int64_t shift, const Finish *f, const int vectors, int stream)
{
    const Segment *last = f->segment + f->segments - 1;
    const int64_t next = last->to + last->count + shift;
    if (!stream)
        fetch(f->output + next, vectors, 1);
    if (f->residual)
        fetch(f->residual + next, vectors, 0);
}

INLINE void finish_row(vec *part, uint32_t row, const Finish *f, const int vectors)
{
    float sums[MAX_TILE * LANES] __attribute__((aligned(64)));
    const vec bias = splat(f->bias ? f->bias[row] : 0);
    const int64_t shift = (int64_t)row * f->plane;
    const int whole = f->segments == 1 && f->segment->count == vectors * LANES;
    float *to = whole ? f->output + f->segment->to + shift : sums;
    const int stream = whole && f->write_around && !((uintptr_t)to % (4 * LANES));
    if (f->fetch_ahead && f->segments)
        fetch_row(shift, f, vectors, stream);
    UNROLL for (int t = 0; t < vectors; t++) part[t] += bias;
    if (f->residual && whole)
        UNROLL for (int t = 0; t < vectors; t++) part[t] += load(f->residual + f->segment->to + shift + t * LANES);
    if (!f->residual || whole)
        UNROLL for (int t = 0; t < vectors; t++) part[t] = activate(part[t], f->end);
    if (stream)
        UNROLL for (int t = 0; t < vectors; t++) STREAM(to + t * LANES, part[t]);
    else
        UNROLL for (int t = 0; t < vectors; t++) store(to + t * LANES, part[t]);
    if (!whole)
        finish_segments(sums, shift, f);
}

INLINE void multiply_tile(const Block *block, const float *tile, float *sums, int first, const Finish *finish,
                          const int vectors)
{
    const uint16_t *index = block->index;
    const float *value = block->value;
    const uint32_t *row = block->row;
    for (int32_t r = 0; r < block->runs; r++) {
        const uint32_t nonzeros = block->run[r].nonzeros;
        if (!nonzeros && !first && !finish) {
            row += block->run[r].rows;
            continue;
        }
        for (uint32_t i = block->run[r].rows; i; i--, row++) {
            vec *sum = (vec *)(sums + (size_t)*row * (size_t)(vectors * LANES)), part[MAX_TILE];
            UNROLL for (int t = 0; t < vectors; t++) part[t] = first ? (vec){0} : sum[t];
            for (uint32_t j = 0; j < nonzeros; j++) {
                const vec *x = (const vec *)(tile + (size_t)index[j] * (size_t)(vectors * LANES));
                const float w = value[j];
                UNROLL for (int t = 0; t < vectors; t++) part[t] += w * x[t];
            }
            if (finish)
                finish_row(part, *row, finish, vectors);
            else
                UNROLL for (int t = 0; t < vectors; t++) sum[t] = part[t];
            index += nonzeros;
            value += nonzeros;
        }
    }
}

static void multiply(const Block *block, const float *tile, float *sums, int vectors, int first, const Finish *finish)
{
#define MULTIPLY(N)                                                                               \
    if (finish)                                                                                   \
        first ? multiply_tile(block, tile, sums, 1, finish, N) : multiply_tile(block, tile, sums, 0, finish, N); \
    else                                                                                          \
        first ? multiply_tile(block, tile, sums, 1, 0, N) : multiply_tile(block, tile, sums, 0, 0, N)
    BY_VECTORS(MULTIPLY)
    if (finish && finish->write_around)
        STREAM_FENCE();
}

/* ---- the output of a linear layer ------------------------------------------------------------ */

static void finish_linear(const float *sums, int32_t rows, int vectors, int count, int64_t stride, const float *bias,
                          const float *residual, float *output, const Epilogue *end)
{
    const int wide = vectors * LANES;
    for (int n = 0; n < count; n += LANES) {
        const int present = count - n < LANES ? count - n : LANES;
        int32_t r = 0;
        for (; r + LANES <= rows; r += LANES) {
            const vec b = bias ? load(bias + r) : (vec){0};
            vec square[LANES];
            for (int i = 0; i < LANES; i++)
                square[i] = *(const vec *)(sums + (size_t)(r + i) * wide + n);
            transpose_square(square);
            for (int i = 0; i < present; i++) {
                vec x = square[i] + b;
                if (residual)
                    x += load(residual + (n + i) * stride + r);
                store(output + (n + i) * stride + r, activate(x, end));
            }
        }
        for (; r < rows; r++)
            for (int i = 0; i < present; i++) {
                float x = sums[(size_t)r * wide + n + i] + (bias ? bias[r] : 0);
                if (residual)
                    x += residual[(n + i) * stride + r];
                output[(n + i) * stride + r] = activate_scalar(x, end);
            }
    }
}

/* ---- one input vector ------------------------------------------------------------------------ */

static void vector(const Matrix *matrix, const float *input, float *output)
{
    for (int32_t b = 0; b < matrix->blocks; b++) {
        const Block *block = &matrix->block[b];
        const float *x = input + block->first, *value = block->value;
        const uint16_t *index = block->index;
        const uint32_t *row = block->row;
        for (int32_t r = 0; r < block->runs; r++) {
            const uint32_t nonzeros = block->run[r].nonzeros;
            for (uint32_t i = block->run[r].rows; i; i--, row++) {
                float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
                uint32_t j = 0;
                for (; j + 4 <= nonzeros; j += 4) {
                    s0 += value[j] * x[index[j]];
                    s1 += value[j + 1] * x[index[j + 1]];
                    s2 += value[j + 2] * x[index[j + 2]];
                    s3 += value[j + 3] * x[index[j + 3]];
                }
                for (; j < nonzeros; j++)
                    s0 += value[j] * x[index[j]];
                output[*row] = (b ? output[*row] : 0) + ((s0 + s1) + (s2 + s3));
                index += nonzeros;
                value += nonzeros;
            }
        }
    }
}

static void finish_vector(float *values, int32_t rows, const float *bias, const float *residual, const Epilogue *end)
{
    int32_t r = 0;
    for (; r + LANES <= rows; r += LANES) {
        vec x = load(values + r);
        if (bias)
            x += load(bias + r);
        if (residual)
            x += load(residual + r);
        store(values + r, activate(x, end));
    }
    for (; r < rows; r++)
        values[r] = activate_scalar(values[r] + (bias ? bias[r] : 0) + (residual ? residual[r] : 0), end);
}

/* ---- depthwise ------------------------------------------------------------------------------- */

static void depthwise(const float *plane, const int64_t *offset, const float *weights, int taps, const Finish *finish)
{
    vec part[MAX_TILE] = {0};
    for (int k = 0; k < taps; k++)
        UNROLL for (int t = 0; t < DEPTHWISE_TILE; t++) part[t] += weights[k] * load(plane + offset[k] + t * LANES);
    finish_row(part, 0, finish, DEPTHWISE_TILE);
}

#ifdef LOAD_MASK
enum { MAX_TAPS = 7 };

/* Lane i is at[stride * i] if that element's bit is set, else zero; the stride is 1 or 2. */
INLINE vec load_mask(const float *at, uint32_t mask, const int stride)
{
    if (stride == 1)
        return LOAD_MASK(at, mask);
    ivec evens;
    UNROLL for (int i = 0; i < LANES; i++) evens[i] = 2 * i;
    return __builtin_shuffle(LOAD_MASK(at, mask), LOAD_MASK(at + LANES, mask >> LANES), evens);
}

/* One vector of every line, from position x on. The lanes that a tap reads are the same in all
 * lines; those in the padding read zero. */
INLINE void depthwise_column(const float *input, const float *weights, const Window *w, int64_t height, int64_t width,
                             int64_t out_h, int64_t out_w, int64_t x, const Finish *f, const int taps_h, const int taps_w,
                             const int stride)
{
    const vec bias = splat(f->bias ? *f->bias : 0);
    const int count = out_w - x < LANES ? (int)(out_w - x) : LANES;
    const int reach = stride * (count - 1) + 1;
    int64_t from[MAX_TAPS] = {0};
    uint32_t mask[MAX_TAPS] = {0};
    UNROLL for (int j = 0; j < taps_w; j++) {
        from[j] = x * stride + j * w->dilation_w - w->pad_left;
        const int64_t end = width - from[j] < reach ? width - from[j] : reach, begin = from[j] < 0 ? -from[j] : 0;
        mask[j] = end > begin ? (uint32_t)((1ull << end) - (1ull << begin)) : 0;
    }
    for (int64_t y = 0; y < out_h; y++) {
        vec sums = bias;
        const int64_t first = y * w->stride_h - w->pad_top, at = y * out_w + x;
        if (f->fetch_ahead && stride == 1) { /* the same places of the next plane */
            __builtin_prefetch(f->output + out_h * out_w + at, 1);
            __builtin_prefetch(input + height * width + y * w->stride_h * width + x);
        }
        UNROLL for (int i = 0; i < taps_h; i++) {
            const int64_t line = first + i * w->dilation_h;
            if (line < 0 || line >= height)
                continue;
            UNROLL for (int j = 0; j < taps_w; j++)
                sums += weights[i * taps_w + j] * load_mask(input + line * width + from[j], mask[j], stride);
        }
        if (f->residual)
            sums += LOAD_PART(f->residual + at, count);
        sums = activate(sums, f->end);
        if (count == LANES)
            store(f->output + at, sums);
        else
            STORE_PART(f->output + at, sums, count);
    }
}

static void depthwise_lines(const float *input, const float *weights, const Window *w, int64_t height, int64_t width,
                            int64_t out_h, int64_t out_w, const Finish *f)
{
    const int square = w->kernel_h == 3 && w->kernel_w == 3;
#define COLUMN(H, W, STRIDE) depthwise_column(input, weights, w, height, width, out_h, out_w, x, f, H, W, STRIDE)
    for (int64_t x = 0; x < out_w; x += LANES)
        if (w->stride_w == 1)
            square ? COLUMN(3, 3, 1) : COLUMN(w->kernel_h, w->kernel_w, 1);
        else
            square ? COLUMN(3, 3, 2) : COLUMN(w->kernel_h, w->kernel_w, 2);
}
#else
#define depthwise_lines 0
#endif

const Kernels TABLE = {NAME, LANES, TILE, multiply,      copy_rows, copy_line, split_pairs, transpose,
                       finish_linear, vector, finish_vector, depthwise_lines, depthwise};

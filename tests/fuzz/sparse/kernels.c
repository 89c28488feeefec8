/* A fuzz driver for the kernels: random layers against plain loops, without Python.
 *
 * Usage: fuzz SEED COUNT. It is no part of the library; a test builds it with the sanitizers.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "layer.h"

static uint64_t state;

static uint32_t draw(uint32_t bound)
{
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(state >> 33) % bound;
}

static float draw_float(void) { return (float)draw(2001) / 1000 - 1; }

/* A buffer of exactly this size, so that the sanitizer sees every access beyond it. */
static float *draw_buffer(size_t count, int density)
{
    float *buffer = malloc(count * sizeof *buffer);
    for (size_t i = 0; i < count; i++)
        buffer[i] = (int)draw(100) < density ? draw_float() : 0;
    return buffer;
}

static void in_turn(void *context, void (*task)(void *, size_t), size_t count, void *argument)
{
    (void)context;
    for (size_t i = count; i--;)
        task(argument, i);
}

typedef struct {
    Layer layer;
    int64_t batch, channels, height, width, out_h, out_w;
    float *weights, *input, *residual, *output;
} Case;

static double expected_conv(const Case *c, int64_t b, int m, int64_t y, int64_t x)
{
    const Window *w = &c->layer.window;
    const int64_t per_group = c->channels / w->groups, group = m / (c->layer.rows / w->groups);
    double sum = 0;
    for (int64_t k = 0; k < c->layer.columns; k++) {
        const int64_t channel = group * per_group + k / (w->kernel_h * w->kernel_w);
        const int64_t i = k / w->kernel_w % w->kernel_h, j = k % w->kernel_w;
        const int64_t iy = y * w->stride_h + i * w->dilation_h - w->pad_top, ix = x * w->stride_w + j * w->dilation_w - w->pad_left;
        if (iy >= 0 && iy < c->height && ix >= 0 && ix < c->width)
            sum += (double)c->weights[m * c->layer.columns + k] *
                   c->input[((b * c->channels + channel) * c->height + iy) * c->width + ix];
    }
    return sum;
}

static double expected_linear(const Case *c, int64_t b, int m)
{
    double sum = 0;
    for (int64_t k = 0; k < c->layer.columns; k++)
        sum += (double)c->weights[m * c->layer.columns + k] * c->input[b * c->layer.columns + k];
    return sum;
}

static double expected_end(const Epilogue *end, double x)
{
    switch (end->activation) {
    case ACT_GELU: return x * (1 + erf(x / sqrt(2))) / 2;
    case ACT_SILU: return x / (1 + exp(-x));
    case ACT_GELU_TANH: return x * (1 + tanh(0.7978845608 * (x + 0.044715 * x * x * x))) / 2;
    case ACT_QUICK_GELU: return x / (1 + exp(-1.702 * x));
    default: return fmin(fmax(x, end->low), end->high);
    }
}

static int check(const Case *c)
{
    const int64_t positions = c->layer.is_conv ? c->out_h * c->out_w : 1;
    for (int64_t i = 0; i < c->batch * c->layer.rows * positions; i++) {
        const int m = (int)(i / positions % c->layer.rows);
        const int64_t b = i / positions / c->layer.rows, p = i % positions;
        double sum = c->layer.is_conv ? expected_conv(c, b, m, p / c->out_w, p % c->out_w) : expected_linear(c, b, m);
        sum += (c->layer.bias ? c->layer.bias[m] : 0) + (c->residual ? c->residual[i] : 0);
        sum = expected_end(&c->layer.epilogue, sum);
        if (!(fabs(sum - c->output[i]) <= 1e-4 * (1 + fabs(sum)))) {
            printf("output %lld: %g instead of %g\n", (long long)i, c->output[i], sum);
            return 0;
        }
    }
    return 1;
}

static void draw_window(Case *c)
{
    Window *w = &c->layer.window;
    const int depthwise = draw(4) == 0;
    *w = (Window){1 + (int)draw(4), 1 + (int)draw(8), 1 + (int)draw(3), 1 + (int)draw(3), 1 + (int)draw(2), 1 + (int)draw(2),
                  (int)draw(4),     (int)draw(4),     (int)draw(4),     (int)draw(4),     depthwise ? 2 + (int)draw(9) : 1 + (int)draw(3)};
    if (draw(2))
        w->kernel_h = w->kernel_w = draw(2) ? 1 : 3;
    if (draw(3) == 0)
        w->pad_top = w->pad_left = w->pad_bottom = w->pad_right = 0;
    const int column = draw(6) == 0;
    if (column)
        w->kernel_w = 1, w->pad_left = w->pad_right = 0;
    const int inside = depthwise ? 1 : 1 + (int)draw(20), outside = depthwise ? 1 : 1 + (int)draw(90);
    c->channels = inside * w->groups;
    c->layer.rows = outside * w->groups;
    c->layer.columns = inside * w->kernel_h * w->kernel_w;
    const int64_t least_h = (w->kernel_h - 1) * w->dilation_h + 1, least_w = (w->kernel_w - 1) * w->dilation_w + 1;
    c->height = least_h + draw(20);
    c->width = column ? 1 : least_w + draw(40);
    c->out_h = (c->height + w->pad_top + w->pad_bottom - least_h) / w->stride_h + 1;
    c->out_w = (c->width + w->pad_left + w->pad_right - least_w) / w->stride_w + 1;
}

/* Compress the weights as they are, or transposed as the weights of MatMul are. */
static int compress(Case *c, int threads)
{
    const size_t rows = (size_t)c->layer.rows, columns = (size_t)c->layer.columns;
    const int by_rows = c->layer.is_conv || draw(2);
    Nonzeros nonzeros;
    float *turned = malloc((rows * columns + 1) * sizeof *turned);
    for (size_t r = 0; r < rows; r++)
        for (size_t k = 0; k < columns; k++)
            turned[by_rows ? r * columns + k : k * rows + r] = c->weights[r * columns + k];
    int done = nonzeros_collect(&nonzeros, turned, (int64_t)(rows * columns));
    free(turned);
    done = done && layer_compress(&c->layer, &nonzeros, by_rows, 1, threads);
    free(nonzeros.memory);
    return done;
}

static int run_case(Pool *pool)
{
    Case c = {.batch = draw(4)};
    c.layer = (Layer){.is_conv = (int)draw(2), .panels = 1, .window = {.groups = 1}};
    c.layer.epilogue = (Epilogue){draw(2) ? 0 : -INFINITY, draw(2) ? 6 : INFINITY, draw(2) ? ACT_CLAMP : (Activation)draw(5)};
    if (c.layer.is_conv)
        draw_window(&c);
    else {
        c.batch = draw(70);
        c.layer.rows = 1 + (int)draw(300);
        c.layer.columns = 1 + (int)draw(400);
    }
    const size_t in = (size_t)(c.layer.is_conv ? c.channels * c.height * c.width : c.layer.columns);
    const size_t out = (size_t)(c.layer.rows * (c.layer.is_conv ? c.out_h * c.out_w : 1));
    c.weights = draw_buffer((size_t)c.layer.rows * (size_t)c.layer.columns, (int[]){0, 5, 20, 60, 100}[draw(5)]);
    c.input = draw_buffer((size_t)c.batch * in, 100);
    c.residual = draw(2) ? draw_buffer((size_t)c.batch * out, 100) : 0;
    c.layer.bias = draw(2) ? draw_buffer((size_t)c.layer.rows, 100) : 0;
    c.output = malloc((size_t)c.batch * out * sizeof *c.output);
    const Parallel parallel = {in_turn, 0, 1 + (int)draw(4)};
    int done = compress(&c, parallel.threads);
    if (done && c.layer.is_conv)
        done = layer_run_conv(&c.layer, pool, &parallel, c.input, c.residual, c.output, c.batch, c.channels, c.height, c.width,
                              c.out_h, c.out_w);
    else if (done)
        done = layer_run_linear(&c.layer, pool, &parallel, c.input, c.residual, c.output, c.batch);
    done = done && check(&c);
    layer_free(&c.layer);
    free(c.weights);
    free(c.input);
    free(c.residual);
    free(c.output);
    return done;
}

int main(int count, char **arguments)
{
    const int cases = count > 2 ? atoi(arguments[2]) : 100;
    state = count > 1 ? strtoull(arguments[1], 0, 10) : 0;
    Pool *pool = pool_create();
    int done = 1;
    for (int i = 0; done && i < cases; i++)
        done = run_case(pool);
    pool_free(pool);
    printf("%s: %s\n", kernels()->name, done ? "ok" : "failed");
    return !done;
}

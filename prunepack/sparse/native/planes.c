#include "planes.h"

#include <string.h>

static int64_t shared_padding(int64_t size, int64_t before, int64_t after, int stride, int64_t out, int64_t reach)
{
    int64_t shared = size + (before > after ? before : after);
    return stride > 1 ? out + reach : shared > out ? shared : out;
}

/* Take a single column for a line, so that its elements are copied together. */
static void lay_column_down(Plan *p)
{
    Window *w = &p->window;
    if (p->width != 1 || p->out_w != 1 || w->kernel_w != 1 || w->pad_left || w->pad_right)
        return;
    *w = (Window){1, w->kernel_h, 1, w->stride_h, 1, w->dilation_h, 0, w->pad_top, 0, w->pad_bottom, w->groups};
    p->width = p->height;
    p->out_w = p->out_h;
    p->height = p->out_h = 1;
}

Plan plan_conv(const Layer *layer, int64_t channels, int64_t height, int64_t width, int64_t out_h, int64_t out_w)
{
    Plan p = {.window = layer->window, .channels = channels, .height = height, .width = width, .out_h = out_h, .out_w = out_w};
    lay_column_down(&p);
    const Window *w = &p.window;
    p.row = shared_padding(p.width, w->pad_left, w->pad_right, w->stride_w, p.out_w,
                           (w->kernel_w - 1) * w->dilation_w / w->stride_w);
    p.image_rows = shared_padding(p.height, w->pad_top, w->pad_bottom, w->stride_h, p.out_h,
                                  (w->kernel_h - 1) * w->dilation_h / w->stride_h);
    p.phases_h = w->kernel_h == 1 ? 1 : w->stride_h;
    p.phases_w = w->kernel_w == 1 ? 1 : w->stride_w;
    p.taps = w->kernel_h * w->kernel_w;
    p.direct = w->stride_h == 1 && w->stride_w == 1 && !w->pad_top && !w->pad_left && !w->pad_bottom && !w->pad_right;
    return p;
}

int64_t flat_count(const Plan *p, int64_t images)
{
    return ((images - 1) * p->image_rows + p->out_h - 1) * p->row + p->out_w;
}

int64_t reach_of(const Plan *p)
{
    const Window *w = &p->window;
    return (w->kernel_h - 1) * w->dilation_h / w->stride_h * p->row + (w->kernel_w - 1) * w->dilation_w / w->stride_w;
}

int64_t tap_offset(const Plan *p, int i, int j)
{
    const Window *w = &p->window;
    int64_t y = i * w->dilation_h, x = j * w->dilation_w;
    int64_t phase = y % w->stride_h % p->phases_h * p->phases_w + x % w->stride_w % p->phases_w;
    return phase * p->plane + y / w->stride_h * p->row + x / w->stride_w;
}

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

void copy_channel(const Plan *p, const Kernels *k, const float *input, int64_t image_stride, int64_t images,
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

int tile_segments(const Plan *p, int64_t rows, int64_t position, int64_t count, int64_t images, Segment *segment)
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

Finish make_finish(const Work *work, const Segment *segment, int segments, int64_t channel, int64_t at)
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

/* Native loops where numpy is too slow.
 *
 * Each function here has a reference implementation in Python (context_coder.py, placing.py) with
 * the same results; without this module the package is slower, but complete. Only the limited API
 * of Python 3.11 is used, so that one build serves every later version. All loops run without the
 * interpreter lock.
 *
 * Data from a file is not trusted: callers check lengths, and every index is checked here before
 * it is used to write.
 */
#define Py_LIMITED_API 0x030b0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- placing nonzero values ------------------------------------------------------------------ */

#define DEFINE_SCATTER(NAME, GAP, VALUE)                                                          \
    static int64_t NAME(const GAP *gaps, const VALUE *values, int64_t count, VALUE *out,          \
                        int64_t size)                                                             \
    {                                                                                             \
        int64_t at = -1;                                                                          \
        for (int64_t i = 0; i < count; i++) {                                                     \
            at += (int64_t)gaps[i] + 1;                                                           \
            if (at >= size || values[i] == 0)                                                     \
                return i;                                                                         \
            out[at] = values[i];                                                                  \
        }                                                                                         \
        return -1;                                                                                \
    }

#define DEFINE_EXPAND(NAME, VALUE)                                                                \
    static int64_t NAME(const uint8_t *bitmap, const VALUE *values, int64_t count, VALUE *out,    \
                        int64_t size)                                                             \
    {                                                                                             \
        int64_t taken = 0;                                                                        \
        for (int64_t start = 0; start < size; start += 64) {                                      \
            uint64_t word = 0;                                                                    \
            int64_t left = size - start;                                                          \
            memcpy(&word, bitmap + start / 8, left < 64 ? (size_t)(left + 7) / 8 : 8);            \
            if (__builtin_popcountll(word) > count - taken)                                       \
                return taken;                                                                     \
            for (; word; word &= word - 1) {                                                      \
                int64_t at = start + __builtin_ctzll(word);                                       \
                if (at >= size || values[taken] == 0)                                             \
                    return taken;                                                                 \
                out[at] = values[taken++];                                                        \
            }                                                                                     \
        }                                                                                         \
        return taken == count ? -1 : taken;                                                       \
    }

#define DEFINE_FOR(VALUE, BITS)                                                                   \
    DEFINE_SCATTER(scatter16_##BITS, uint16_t, VALUE)                                             \
    DEFINE_SCATTER(scatter32_##BITS, uint32_t, VALUE)                                             \
    DEFINE_EXPAND(expand_##BITS, VALUE)

DEFINE_FOR(uint8_t, 8)
DEFINE_FOR(uint16_t, 16)
DEFINE_FOR(uint32_t, 32)
DEFINE_FOR(uint64_t, 64)

#define BY_WIDTH(FUNCTION, WIDTH, ...)                                                            \
    ((WIDTH) == 1   ? FUNCTION##_8(__VA_ARGS__)                                                   \
     : (WIDTH) == 2 ? FUNCTION##_16(__VA_ARGS__)                                                  \
     : (WIDTH) == 4 ? FUNCTION##_32(__VA_ARGS__)                                                  \
                    : FUNCTION##_64(__VA_ARGS__))

/* ---- the context coder ----------------------------------------------------------------------- */

enum { TOP_BITS = 12, INPUTS = 5, LIMIT = 255, LONG_LIMIT = 1023, RATE = 6 };

/* 65536 / (1 + exp(-x)) for x from -8 to 8 in steps of a half, rounded. */
static const int32_t KNOTS[33] = {
    22,    36,    60,    98,    162,   267,   439,   720,   1179,  1921,  3108,
    4971,  7812,  11955, 17625, 24743, 32768, 40793, 47911, 53581, 57724, 60565,
    62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476, 65500, 65514};

static int32_t squash_table[4096], stretch_table[4096], rate_table[LONG_LIMIT + 1];

static void fill_tables(void)
{
    for (int32_t x = 0; x < 4096; x++) {
        int32_t knot = x >> 7, part = x & 127;
        squash_table[x] = (KNOTS[knot] * (128 - part) + KNOTS[knot + 1] * part) >> 7;
    }
    for (int32_t x = 0, p = 0; p < 4096; p++) {
        while (x < 4095 && squash_table[x] >> 4 < p)
            x++;
        stretch_table[p] = x - 2048;
    }
    for (int32_t n = 0; n <= LONG_LIMIT; n++)
        rate_table[n] = 131072 / (2 * n + 3);
}

/* A binary arithmetic coder of 32 bits; `writing` is 1 to encode and 0 to decode. */
typedef struct {
    uint32_t low, high, code;
    int writing;
    uint8_t *data;
    int64_t at, size; /* next byte; bytes of the code, or room for them */
} Coder;

static uint8_t next_byte(Coder *c)
{
    uint8_t byte = c->at < c->size ? c->data[c->at] : 0;
    c->at++;
    return byte;
}

static int code_bit(Coder *c, int bit, uint32_t one)
{
    uint32_t middle = c->low + (uint32_t)(((uint64_t)(c->high - c->low) * one) >> 16);
    if (!c->writing)
        bit = c->code <= middle;
    if (bit)
        c->high = middle;
    else
        c->low = middle + 1;
    while (!((c->low ^ c->high) & 0xff000000u)) {
        if (!c->writing)
            c->code = c->code << 8 | next_byte(c);
        else {
            if (c->at < c->size)
                c->data[c->at] = (uint8_t)(c->high >> 24);
            c->at++;
        }
        c->low <<= 8;
        c->high = c->high << 8 | 255;
    }
    return bit;
}

/* Initial value of a counter. Counters are stored exclusive-or this value, so that memory of zeros
 * is initial counters, and pages of unused counters cost nothing. */
#define INITIAL (1u << 31)

/* Codes the next bit by the mixed chance of a few counters, which then learn it. */
static int mix_bit(Coder *c, int bit, int count, uint32_t *const *counters, int32_t *weights,
                   uint32_t limit)
{
    int32_t inputs[INPUTS];
    int64_t sum = 0;
    for (int i = 0; i < count; i++) {
        inputs[i] = stretch_table[(*counters[i] ^ INITIAL) >> 20];
        sum += (int64_t)weights[i] * inputs[i];
    }
    sum >>= 16;
    sum = sum > 2047 ? 2047 : sum < -2048 ? -2048 : sum;
    int32_t one = squash_table[sum + 2048];
    bit = code_bit(c, bit, (uint32_t)one);
    int64_t error = (int64_t)((bit << 16) - one) * RATE;
    for (int i = 0; i < count; i++) {
        weights[i] += (int32_t)((inputs[i] * error + (1 << 19)) >> 20);
        int64_t chance = (*counters[i] ^ INITIAL) >> 10, seen = *counters[i] & 1023;
        int64_t target = bit ? (1 << 22) - 1 : 0;
        chance += (target - chance) * rate_table[seen] >> 16;
        seen += seen < limit;
        *counters[i] = (uint32_t)(chance << 10 | seen) ^ INITIAL;
    }
    return bit;
}

typedef struct {
    int64_t size, start, row, kernel_size;
} Span; /* the fields of ElementSpan */

/* Counters and weights of the whole chunk. */
typedef struct {
    uint32_t past[1 << 12], around[1 << 8], signs[81];
    uint32_t *by_crowd, *by_left, *by_above;
    int32_t mask_weights[8][INPUTS], sign_weights[4][INPUTS], top_weights[TOP_BITS][INPUTS];
    int top, level_shift;
} Shared;

/* Counters of one span, and the elements of the span that were coded so far. */
typedef struct {
    uint32_t *by_row, *by_column, *by_filter, *sign_by_filter, *sign_by_column;
    uint8_t *memory, *signs, *levels; /* per element: 0 for a zero, else 1 or 2; 8 to 15 */
    int64_t row, kernel_size, line, column, filter;
    uint32_t history;
} Place;

static uint32_t *new_counters(int64_t count)
{
    return calloc((size_t)count, sizeof(uint32_t));
}

static void fill_weights(int32_t *weights, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        weights[i] = 20000;
}

static int open_shared(Shared *s, int top, int level_shift)
{
    s->top = top;
    s->level_shift = level_shift;
    fill_weights(s->mask_weights[0], 8 * INPUTS);
    fill_weights(s->sign_weights[0], 4 * INPUTS);
    fill_weights(s->top_weights[0], TOP_BITS * INPUTS);
    s->by_crowd = new_counters((int64_t)16 << top);
    s->by_left = new_counters((int64_t)256 << top);
    s->by_above = new_counters((int64_t)256 << top);
    return s->by_crowd && s->by_left && s->by_above;
}

static void close_shared(Shared *s)
{
    free(s->by_crowd);
    free(s->by_left);
    free(s->by_above);
}

static int open_place(Place *p, Span span)
{
    int64_t lines = (span.start % span.row + span.size + span.row - 1) / span.row;
    int64_t filters = span.row / span.kernel_size, lead = 2 * span.row + 4;
    p->row = span.row;
    p->kernel_size = span.kernel_size;
    p->line = 0;
    p->column = span.start % span.row;
    p->history = 0;
    p->by_row = new_counters(lines);
    p->by_column = new_counters(span.row);
    p->by_filter = new_counters(span.kernel_size > 1 ? lines * filters : 1);
    p->sign_by_filter = new_counters(lines * (span.kernel_size > 1 ? filters : 1) * 3);
    p->sign_by_column = new_counters(span.row * 3);
    p->memory = calloc((size_t)(lead + span.size), 2);
    p->signs = p->memory + lead;
    p->levels = p->signs + span.size + lead;
    return p->by_row && p->by_column && p->by_filter && p->sign_by_filter && p->sign_by_column &&
           p->memory;
}

static void close_place(Place *p)
{
    free(p->by_row);
    free(p->by_column);
    free(p->by_filter);
    free(p->sign_by_filter);
    free(p->sign_by_column);
    free(p->memory);
}

static int code_mask(Coder *c, Shared *s, Place *p, int64_t i, int bit)
{
    const uint8_t *here = p->signs + i;
    int left = here[-1] != 0, above = here[-p->row] != 0;
    int before = p->column >= p->kernel_size && here[-p->kernel_size] != 0;
    int around = left | (here[-2] != 0) << 1 | (here[-3] != 0) << 2 | above << 3 |
                 (here[-p->row - 1] != 0) << 4 | (p->row > 1 && here[1 - p->row] != 0) << 5 |
                 (here[-2 * p->row] != 0) << 6 | before << 7;
    uint32_t *counters[INPUTS] = {p->by_row + p->line, p->by_column + p->column,
                                  s->past + (p->history & 0xfff), s->around + around,
                                  p->by_filter + p->filter};
    bit = mix_bit(c, bit, p->kernel_size > 1 ? 5 : 4, counters,
                  s->mask_weights[left | above << 1 | before << 2], LIMIT);
    p->history = p->history << 1 | (uint32_t)bit;
    return bit;
}

static int code_sign(Coder *c, Shared *s, Place *p, int64_t i, int bit)
{
    const uint8_t *here = p->signs + i;
    int64_t group = p->kernel_size > 1 ? p->filter : p->line;
    uint32_t *counters[INPUTS] = {
        s->signs + ((here[-1] * 3 + here[-2]) * 3 + here[-3]) * 3 + here[-4],
        p->sign_by_filter + group * 3 + here[-1], p->sign_by_column + p->column * 3 + here[-1]};
    int seen = (here[-1] != 0) | (here[-p->row] != 0) << 1;
    return mix_bit(c, bit, 3, counters, s->sign_weights[seen], LIMIT);
}

static uint32_t code_top(Coder *c, Shared *s, Place *p, int64_t i, uint32_t top)
{
    const uint8_t *here = p->levels + i;
    uint32_t crowd = (uint32_t)__builtin_popcount(p->history & 0x7fff);
    uint32_t beside = (uint32_t)here[-1] << 4 | here[-2];
    uint32_t over = (uint32_t)here[-p->row] << 4;
    uint32_t node = 1;
    over |= p->column >= p->kernel_size ? here[-p->kernel_size] : 0;
    for (int b = s->top - 1; b >= 0; b--) {
        uint32_t *counters[INPUTS] = {s->by_crowd + (node << 4 | crowd),
                                      s->by_left + (node << 8 | beside),
                                      s->by_above + (node << 8 | over)};
        node = node << 1 |
               (uint32_t)mix_bit(c, top >> b & 1, 3, counters, s->top_weights[b], LONG_LIMIT);
    }
    return node - (1u << s->top);
}

/* Codes the symbols of a span: 0 for a zero, else 1 + (sign << top | top bits of magnitude). */
static int code_span(Coder *c, Shared *s, Span span, uint16_t *symbols)
{
    Place p;
    int sound = open_place(&p, span);
    uint32_t mask = (1u << s->top) - 1;
    for (int64_t i = 0; sound && i < span.size; i++) {
        p.filter = p.line * (span.row / span.kernel_size) + p.column / span.kernel_size;
        uint32_t value = symbols[i] ? symbols[i] - 1u : 0;
        if (code_mask(c, s, &p, i, symbols[i] != 0)) {
            uint32_t sign = (uint32_t)code_sign(c, s, &p, i, value >> s->top & 1);
            uint32_t top = code_top(c, s, &p, i, value & mask);
            symbols[i] = (uint16_t)(1 + (sign << s->top | top));
            p.signs[i] = (uint8_t)(1 + sign);
            p.levels[i] = (uint8_t)(8 | (top >> s->level_shift & 7));
        }
        if (++p.column == span.row) {
            p.column = 0;
            p.line++;
        }
    }
    close_place(&p);
    return sound;
}

/* Returns 0 if memory runs out. Before decoding, all `symbols` are zero. */
static int code_spans(Coder *c, const Span *spans, int64_t count, int top, int level_shift,
                     uint16_t *symbols)
{
    Shared *s = calloc(1, sizeof *s);
    if (!s)
        return 0;
    int sound = open_shared(s, top, level_shift);
    for (int byte = 0; !c->writing && byte < 4; byte++)
        c->code = c->code << 8 | next_byte(c);
    for (int64_t r = 0; sound && r < count; r++) {
        sound = code_span(c, s, spans[r], symbols);
        symbols += spans[r].size;
    }
    for (int byte = 0; c->writing && byte < 4; byte++) {
        if (c->at < c->size)
            c->data[c->at] = (uint8_t)(c->low >> 24);
        c->at++;
        c->low <<= 8;
    }
    close_shared(s);
    free(s);
    return sound;
}

/* ---- the interface to Python ----------------------------------------------------------------- */

static void release(Py_buffer *buffers, int count)
{
    while (count--)
        PyBuffer_Release(buffers + count);
}

/* Gets contiguous buffers of the objects in `args`; the bits of `writable` name those to write. */
static int acquire(PyObject *const *args, int count, unsigned writable, Py_buffer *buffers)
{
    for (int i = 0; i < count; i++) {
        int flags = PyBUF_C_CONTIGUOUS | (writable >> i & 1 ? PyBUF_WRITABLE : 0);
        if (PyObject_GetBuffer(args[i], buffers + i, flags)) {
            release(buffers, i);
            return 0;
        }
    }
    return 1;
}

static PyObject *wrong_lengths(void)
{
    PyErr_SetString(PyExc_ValueError, "arrays of wrong lengths or widths");
    return NULL;
}

static int is_width(int64_t width)
{
    return width == 1 || width == 2 || width == 4 || width == 8;
}

static PyObject *py_scatter(PyObject *self, PyObject *args)
{
    PyObject *objects[3];
    int gap_width, width;
    Py_buffer b[3];
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOii", objects, objects + 1, objects + 2, &gap_width, &width) ||
        !acquire(objects, 3, 4, b))
        return NULL;
    if ((gap_width != 2 && gap_width != 4) || !is_width(width) ||
        b[0].len / gap_width != b[1].len / width) {
        release(b, 3);
        return wrong_lengths();
    }
    int64_t count = b[1].len / width, size = b[2].len / width, failed;
    Py_BEGIN_ALLOW_THREADS
    failed = gap_width == 2 ? BY_WIDTH(scatter16, width, b[0].buf, b[1].buf, count, b[2].buf, size)
                            : BY_WIDTH(scatter32, width, b[0].buf, b[1].buf, count, b[2].buf, size);
    Py_END_ALLOW_THREADS
    release(b, 3);
    return PyLong_FromLongLong(failed);
}

static PyObject *py_expand(PyObject *self, PyObject *args)
{
    PyObject *objects[3];
    int width;
    Py_buffer b[3];
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOi", objects, objects + 1, objects + 2, &width) ||
        !acquire(objects, 3, 4, b))
        return NULL;
    if (!is_width(width) || b[0].len != (b[2].len / width + 7) / 8) {
        release(b, 3);
        return wrong_lengths();
    }
    int64_t count = b[1].len / width, size = b[2].len / width, failed;
    Py_BEGIN_ALLOW_THREADS
    failed = BY_WIDTH(expand, width, b[0].buf, b[1].buf, count, b[2].buf, size);
    Py_END_ALLOW_THREADS
    release(b, 3);
    return PyLong_FromLongLong(failed);
}

/* Returns whether the spans are valid and have as many elements as there are symbols. */
static int are_spans(const Py_buffer *spans, int64_t symbols, int top, int level_shift)
{
    const Span *span = spans->buf;
    int64_t total = 0;
    for (int64_t r = 0; r < (int64_t)(spans->len / sizeof *span); r++, span++) {
        if (span->size < 1 || span->row < 1 || span->row > span->size || span->kernel_size < 1 ||
            span->row % span->kernel_size || span->start < 0 || span->size > symbols - total)
            return 0;
        total += span->size;
    }
    return total == symbols && spans->len % sizeof *span == 0 && top >= 1 && top <= TOP_BITS &&
           level_shift >= 0 && level_shift < 32;
}

static PyObject *code_buffers(PyObject *const *objects, int top, int level_shift, int writing)
{
    Py_buffer b[3]; /* symbols, spans, code */
    if (!acquire(objects, 3, writing ? 4 : 1, b))
        return NULL;
    if (!are_spans(b + 1, b[0].len / 2, top, level_shift)) {
        release(b, 3);
        return wrong_lengths();
    }
    Coder c = {0, 0xffffffffu, 0, writing, b[2].buf, 0, b[2].len};
    int sound;
    Py_BEGIN_ALLOW_THREADS
    sound = code_spans(&c, b[1].buf, (int64_t)(b[1].len / sizeof(Span)), top, level_shift,
                       b[0].buf);
    Py_END_ALLOW_THREADS
    release(b, 3);
    return sound ? PyLong_FromLongLong(c.at) : PyErr_NoMemory();
}

static PyObject *py_encode(PyObject *self, PyObject *args)
{
    PyObject *objects[3];
    int top, level_shift;
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOii", objects, objects + 1, objects + 2, &top, &level_shift))
        return NULL;
    return code_buffers(objects, top, level_shift, 1);
}

static PyObject *py_decode(PyObject *self, PyObject *args)
{
    PyObject *objects[3];
    int top, level_shift;
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOii", objects, objects + 1, objects + 2, &top, &level_shift))
        return NULL;
    return code_buffers(objects, top, level_shift, 0);
}

static PyMethodDef methods[] = {
    {"scatter", py_scatter, METH_VARARGS, "See prunepack.coding.native.placing.scatter."},
    {"expand", py_expand, METH_VARARGS, "See prunepack.coding.native.placing.expand."},
    {"encode", py_encode, METH_VARARGS, "See prunepack.coding.native.context_coder.encode."},
    {"decode", py_decode, METH_VARARGS, "See prunepack.coding.native.context_coder.decode."},
    {NULL, NULL, 0, NULL}};

static int on_exec(PyObject *module)
{
    (void)module;
    fill_tables();
    return 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, on_exec}, {0, NULL}};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_native", NULL, 0, methods, slots,
                                    NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModuleDef_Init(&module);
}

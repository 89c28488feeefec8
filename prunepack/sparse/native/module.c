/* The Python module: the kernels on buffers, for tests and calibration, and the provider's decisions. */
#define Py_LIMITED_API 0x030b0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "description.h"
#include "held.h"
#include "kernel.h"
#include "layer.h"
#include "provider.h"

static void run_in_turn(void *context, void (*task)(void *, size_t), size_t count, void *argument)
{
    (void)context;
    for (size_t i = 0; i < count; i++)
        task(argument, i);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

typedef struct {
    Py_buffer weights, bias, input, residual, output;
    Layer layer;
    Pool *pool;
    long long batch, channels, height, width, out_h, out_w;
    int repeats, threads;
} Call;

static int is_floats(const Py_buffer *buffer, long long count)
{
    return !buffer->buf || buffer->len == count * 4;
}

static const char *run_call(Call *call, double *best)
{
    Layer *layer = &call->layer;
    const Parallel parallel = {run_in_turn, 0, call->threads};
    const long long columns = layer->columns, rows = layer->rows;
    const long long in = layer->is_conv ? call->channels * call->height * call->width : columns;
    const long long out = layer->is_conv ? rows * call->out_h * call->out_w : rows;
    if (!is_floats(&call->weights, rows * columns) || !is_floats(&call->bias, rows) || !is_floats(&call->input, call->batch * in) ||
        !is_floats(&call->residual, call->batch * out) || !is_floats(&call->output, call->batch * out))
        return "a buffer has another size than the layer's shapes say";
    if (call->bias.buf) {
        layer->bias = malloc((size_t)call->bias.len + 4);
        memcpy(layer->bias, call->bias.buf, (size_t)call->bias.len);
    }
    Nonzeros nonzeros;
    if (!call->pool || !nonzeros_collect(&nonzeros, call->weights.buf, rows * columns))
        return "out of memory";
    const int compressed = layer_compress(layer, &nonzeros, 1, 1, call->threads);
    free(nonzeros.memory);
    if (!compressed)
        return "out of memory";
    for (int i = 0; i < call->repeats; i++) {
        double start = now();
        int done = layer->is_conv ? layer_run_conv(layer, call->pool, &parallel, call->input.buf, call->residual.buf, call->output.buf,
                                                   call->batch, call->channels, call->height, call->width, call->out_h, call->out_w)
                                  : layer_run_linear(layer, call->pool, &parallel, call->input.buf, call->residual.buf, call->output.buf, call->batch);
        if (!done)
            return "out of memory";
        double took = now() - start;
        *best = took < *best ? took : *best;
    }
    return 0;
}

static PyObject *run_layer(PyObject *module, PyObject *args)
{
    (void)module;
    Call c = {.pool = 0};
    Layer *l = &c.layer;
    Window *w = &l->window;
    double best = INFINITY;
    int activation;
    l->panels = 1;
    if (!PyArg_ParseTuple(args, "y*z*y*z*w*iii(LLLLLL)(iiiiiiiiiii)(ffi)ii", &c.weights, &c.bias, &c.input, &c.residual, &c.output,
                          &l->is_conv, &l->rows, &l->columns, &c.batch, &c.channels, &c.height, &c.width, &c.out_h, &c.out_w,
                          &w->kernel_h, &w->kernel_w, &w->stride_h, &w->stride_w, &w->dilation_h, &w->dilation_w, &w->pad_top,
                          &w->pad_left, &w->pad_bottom, &w->pad_right, &w->groups, &l->epilogue.low, &l->epilogue.high, &activation,
                          &c.repeats, &c.threads))
        return 0;
    l->epilogue.activation = (Activation)activation;
    const char *error;
    Py_BEGIN_ALLOW_THREADS;
    c.pool = pool_create();
    error = run_call(&c, &best);
    layer_free(l);
    pool_free(c.pool);
    Py_END_ALLOW_THREADS;
    Py_buffer *buffers[] = {&c.weights, &c.bias, &c.input, &c.residual, &c.output};
    for (int i = 0; i < 5; i++)
        if (buffers[i]->obj)
            PyBuffer_Release(buffers[i]);
    if (error) {
        PyErr_SetString(PyExc_ValueError, error);
        return 0;
    }
    return PyFloat_FromDouble(best);
}

/* ---- weights that onnxruntime does not get ---------------------------------------------------- */

typedef struct {
    Held held; /* first */
    Py_buffer index, value;
} HeldBuffers;

static void free_held(HeldBuffers *h)
{
    if (h->index.obj)
        PyBuffer_Release(&h->index);
    if (h->value.obj)
        PyBuffer_Release(&h->value);
    free(h->held.name);
    free(h);
}

static PyObject *hold_weight(PyObject *module, PyObject *args)
{
    (void)module;
    const char *name;
    HeldBuffers *h = calloc(1, sizeof *h);
    if (!h)
        return PyErr_NoMemory();
    Held *held = &h->held;
    long long session;
    if (!PyArg_ParseTuple(args, "Lsy*y*", &session, &name, &h->index, &h->value)) {
        free_held(h);
        return 0;
    }
    held->session = session;
    held->nonzeros = (Nonzeros){h->index.len / 4, h->index.buf, h->value.buf, 0};
    if (h->index.len != h->value.len || h->index.len % 4 || !(held->name = strdup(name))) {
        free_held(h);
        PyErr_SetString(PyExc_ValueError, "the buffers of a weight differ in their lengths");
        return 0;
    }
    held_add(held);
    Py_RETURN_NONE;
}

static PyObject *release_weights(PyObject *module, PyObject *args)
{
    (void)module;
    long long session;
    if (!PyArg_ParseTuple(args, "L", &session))
        return 0;
    PyObject *used = PyList_New(0);
    for (Held *held; (held = held_remove(session)); free_held((HeldBuffers *)held)) {
        PyObject *name = used && held->used ? PyUnicode_FromString(held->name) : 0;
        if (name && PyList_Append(used, name) < 0)
            Py_CLEAR(used);
        Py_XDECREF(name);
    }
    return used;
}

static void append_decision(const Decision *d, void *list)
{
    const Shape *s = &d->shape;
    PyObject *row = Py_BuildValue("(ssiiiiLLLLLdd)", d->name, d->op, d->fused, d->sparse, s->is_conv, s->is_depthwise,
                                  (long long)s->rows, (long long)s->columns, (long long)s->groups, (long long)s->positions,
                                  (long long)s->nonzeros, d->dense_ns, d->sparse_ns);
    if (row) {
        PyList_Append(list, row);
        Py_DECREF(row);
    }
}

static PyObject *list_decisions(PyObject *module, PyObject *args)
{
    (void)module;
    long long session;
    if (!PyArg_ParseTuple(args, "L", &session))
        return 0;
    PyObject *list = PyList_New(0);
    if (list)
        decisions_visit(session, append_decision, list);
    if (PyErr_Occurred()) {
        Py_XDECREF(list);
        return 0;
    }
    if (list)
        PyList_Reverse(list);
    return list;
}

static PyObject *take_graph(PyObject *module, PyObject *args)
{
    (void)module;
    long long session;
    if (!PyArg_ParseTuple(args, "L", &session))
        return 0;
    char *text = description_take(session);
    PyObject *bytes = PyBytes_FromString(text ? text : "");
    free(text);
    return bytes;
}

static PyObject *architecture(PyObject *module, PyObject *args)
{
    (void)module, (void)args;
    return PyUnicode_FromString(kernels()->name);
}

static PyMethodDef methods[] = {
    {"run_layer", run_layer, METH_VARARGS, "Run one layer on buffers of float32; returns the least nanoseconds of all repeats."},
    {"decisions", list_decisions, METH_VARARGS, "The decisions about the layers of a session, in the order of the graph."},
    {"take_graph", take_graph, METH_VARARGS, "The graph of the newest session with this number as JSON, once; empty if there is none."},
    {"hold_weight", hold_weight, METH_VARARGS, "Keep the nonzeros of a weight for a session: uint32 positions, float32 values."},
    {"release_weights", release_weights, METH_VARARGS, "Release the weights of a session; returns the names of those that run sparse."},
    {"architecture", architecture, METH_NOARGS, "The architecture whose kernels run here."},
    {0, 0, 0, 0},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_sparse", 0, -1, methods, 0, 0, 0, 0};

PyMODINIT_FUNC PyInit__sparse(void) { return PyModule_Create(&definition); }

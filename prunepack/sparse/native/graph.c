#include "graph.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "activation.h"

/* ---- reading values and attributes ----------------------------------------------------------- */

int ok(OrtStatus *status)
{
    if (status)
        API(ReleaseStatus)(status);
    return !status;
}

static int shape_dims(const OrtShape *shape, Dims *dims)
{
    size_t rank = 0;
    int type = 0;
    if (!ok(API(GetTensorElementType)(shape, &type)) || type != ORT_FLOAT ||
        !ok(API(GetDimensionsCount)(shape, &rank)) || rank > MAX_RANK)
        return 0;
    dims->rank = (int)rank;
    memset(dims->symbol, 0, sizeof dims->symbol);
    return ok(API(GetDimensions)(shape, dims->size, rank)) &&
           (!rank || ok(API(GetSymbolicDimensions)(shape, dims->symbol, rank)));
}

int value_dims(const OrtValueInfo *value, Dims *dims)
{
    const OrtType *type = 0;
    const OrtShape *shape = 0;
    return ok(API(GetValueInfoTypeInfo)(value, &type)) && type && ok(API(CastTypeInfoToTensorInfo)(type, &shape)) && shape &&
           shape_dims(shape, dims);
}

const char *value_name(const OrtValueInfo *value)
{
    const char *name = 0;
    return value && ok(API(GetValueInfoName)(value, &name)) && name ? name : "";
}

int64_t count_elements(const Dims *dims)
{
    int64_t count = 1;
    for (int i = 0; i < dims->rank; i++)
        count *= dims->size[i];
    return count;
}

int constant_dims(const OrtValueInfo *value, Dims *dims)
{
    bool constant = false;
    return value && ok(API(IsConstantInitializer)(value, &constant)) && constant && value_dims(value, dims) &&
           count_elements(dims) >= 0;
}

const float *constant_data(const OrtValueInfo *value, Dims *dims)
{
    bool constant = false;
    const OrtValue *tensor = 0;
    OrtShape *shape = 0;
    void *data = 0;
    if (!value || !ok(API(IsConstantInitializer)(value, &constant)) || !constant ||
        !ok(API(GetInitializerValue)(value, &tensor)) || !tensor || !ok(API(GetTensorTypeAndShape)(tensor, &shape)))
        return 0;
    int readable = shape_dims(shape, dims);
    API(ReleaseTensorTypeAndShapeInfo)(shape);
    return readable && ok(API(GetTensorMutableData)((OrtValue *)tensor, &data)) ? data : 0;
}

int node_inputs(const OrtNode *node, const OrtValueInfo **inputs)
{
    size_t count = 0;
    memset(inputs, 0, sizeof *inputs * MAX_INPUTS);
    if (!ok(API(Node_GetNumInputs)(node, &count)) || count > MAX_INPUTS || !ok(API(Node_GetInputs)(node, inputs, count)))
        return 0;
    return (int)count;
}

const OrtValueInfo *node_output(const OrtNode *node)
{
    const OrtValueInfo *output = 0;
    size_t count = 0;
    if (!ok(API(Node_GetNumOutputs)(node, &count)) || count != 1 || !ok(API(Node_GetOutputs)(node, &output, 1)))
        return 0;
    return output;
}

int is_op(const OrtNode *node, const char *op)
{
    const char *type = 0, *domain = 0;
    return ok(API(Node_GetOperatorType)(node, &type)) && ok(API(Node_GetDomain)(node, &domain)) && !strcmp(type, op) &&
           (!*domain || !strcmp(domain, "ai.onnx"));
}

static const OrtAttr *attribute(const OrtNode *node, const char *name)
{
    const OrtAttr *attr = 0;
    return ok(API(Node_GetAttributeByName)(node, name, &attr)) ? attr : 0;
}

static int64_t int_of(const OrtNode *node, const char *name, int64_t otherwise)
{
    const OrtAttr *attr = attribute(node, name);
    size_t size;
    if (attr && !ok(API(ReadOpAttr)(attr, ATTR_INT, &otherwise, sizeof otherwise, &size)))
        return INT64_MIN;
    return otherwise;
}

static float float_of(const OrtNode *node, const char *name, float otherwise)
{
    const OrtAttr *attr = attribute(node, name);
    size_t size;
    if (attr && !ok(API(ReadOpAttr)(attr, ATTR_FLOAT, &otherwise, sizeof otherwise, &size)))
        return NAN;
    return otherwise;
}

/* Returns the number of integers read, 0 if the attribute is absent, -1 if it is not readable. */
static int ints_of(const OrtNode *node, const char *name, int64_t *values, size_t capacity)
{
    const OrtAttr *attr = attribute(node, name);
    size_t size = 0;
    if (!attr)
        return 0;
    return ok(API(ReadOpAttr)(attr, ATTR_INTS, values, capacity * sizeof *values, &size)) ? (int)(size / sizeof *values) : -1;
}

static int string_of(const OrtNode *node, const char *name, char *text, size_t capacity)
{
    const OrtAttr *attr = attribute(node, name);
    size_t size = 0;
    memset(text, 0, capacity);
    return !attr || ok(API(ReadOpAttr)(attr, ATTR_STRING, text, capacity - 1, &size));
}

/* ---- the operators with weights -------------------------------------------------------------- */

/* Read one value per spatial axis into (height, width); a convolution over one axis has height 1. */
static int read_axes(const OrtNode *node, const char *name, int axes, int *height, int *width)
{
    int64_t values[2] = {1, 1};
    int count = ints_of(node, name, values, 2);
    if (count != 0 && count != axes)
        return 0;
    *height = axes == 2 ? (int)values[0] : 1;
    *width = (int)values[count ? axes - 1 : 0];
    return *height > 0 && *width > 0;
}

static int read_pads(const OrtNode *node, int axes, Match *match)
{
    char text[16];
    int64_t pads[4] = {0};
    int count = ints_of(node, "pads", pads, 4);
    if (!string_of(node, "auto_pad", text, sizeof text) || (count && count != 2 * axes))
        return 0;
    static const char *const names[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"};
    int found = *text ? -1 : PAD_EXPLICIT;
    for (int i = 0; i < 4; i++)
        if (!strcmp(text, names[i]))
            found = i;
    if (found < 0)
        return 0;
    match->auto_pad = (AutoPad)found;
    Window *w = &match->window;
    if (found != PAD_EXPLICIT || !count)
        return 1;
    w->pad_top = axes == 2 ? (int)pads[0] : 0;
    w->pad_bottom = axes == 2 ? (int)pads[2] : 0;
    w->pad_left = (int)pads[axes - 1];
    w->pad_right = (int)pads[2 * axes - 1];
    return w->pad_top >= 0 && w->pad_bottom >= 0 && w->pad_left >= 0 && w->pad_right >= 0;
}

static int match_conv(const OrtNode *node, Match *match)
{
    Dims dims, bias;
    Window *w = &match->window;
    if (!constant_dims(match->weights, &dims) || dims.rank < 3 || dims.rank > 4)
        return 0;
    const int axes = dims.rank - 2;
    match->is_conv = 1;
    match->rows = (int)dims.size[0];
    w->kernel_h = axes == 2 ? (int)dims.size[2] : 1;
    w->kernel_w = (int)dims.size[axes + 1];
    match->columns = (int)(dims.size[1] * w->kernel_h * w->kernel_w);
    int64_t groups = int_of(node, "group", 1);
    if (groups < 1 || groups > match->rows || match->rows % groups || w->kernel_h < 1 || w->kernel_w < 1)
        return 0;
    w->groups = (int)groups;
    if (!read_axes(node, "strides", axes, &w->stride_h, &w->stride_w) ||
        !read_axes(node, "dilations", axes, &w->dilation_h, &w->dilation_w) || !read_pads(node, axes, match))
        return 0;
    if (match->bias && (!constant_data(match->bias, &bias) || count_elements(&bias) != match->rows))
        return 0;
    return match->input_dims.rank == dims.rank;
}

/* Whether a constant is one value per output, with no more axes than the output, which it would give to the sum. */
static int is_vector_of(const OrtValueInfo *value, int size, int most_axes)
{
    Dims dims;
    return constant_data(value, &dims) && dims.rank > 0 && dims.rank <= most_axes && count_elements(&dims) == size && dims.size[dims.rank - 1] == size;
}

static int match_gemm(const OrtNode *node, Match *match)
{
    Dims dims;
    if (!constant_dims(match->weights, &dims) || dims.rank != 2 || int_of(node, "transA", 0) != 0)
        return 0;
    match->by_columns = int_of(node, "transB", 0) == 0;
    match->scale = float_of(node, "alpha", 1);
    match->bias_scale = float_of(node, "beta", 1);
    match->rows = (int)dims.size[match->by_columns ? 1 : 0];
    match->columns = (int)dims.size[match->by_columns ? 0 : 1];
    if (match->bias && !is_vector_of(match->bias, match->rows, 2))
        return 0;
    return match->input_dims.rank == 2 && isfinite(match->scale) && isfinite(match->bias_scale);
}

static int match_matmul(Match *match)
{
    Dims dims;
    if (!constant_dims(match->weights, &dims) || dims.rank != 2 || match->input_dims.rank < 2)
        return 0;
    match->by_columns = 1;
    match->rows = (int)dims.size[1];
    match->columns = (int)dims.size[0];
    return 1;
}

/* ---- what follows ---------------------------------------------------------------------------- */

int value_consumers(const OrtValueInfo *value, const OrtNode **nodes, size_t capacity)
{
    bool is_output = true;
    size_t count = 0;
    int64_t index[MAX_INPUTS];
    if (!ok(API(IsGraphOutput)(value, &is_output)) || is_output || !ok(API(GetValueNumConsumers)(value, &count)) ||
        count > capacity || count > MAX_INPUTS || !ok(API(GetValueConsumers)(value, nodes, index, count)))
        return -1;
    return (int)count;
}

/* Shapes are known to be equal: each dimension has the same size or the same symbol. */
static int same_dims(const Dims *a, const Dims *b)
{
    if (a->rank != b->rank)
        return 0;
    for (int i = 0; i < a->rank; i++) {
        const char *s = a->symbol[i], *t = b->symbol[i];
        int known = a->size[i] >= 0 && a->size[i] == b->size[i];
        if (!known && !(a->size[i] < 0 && b->size[i] < 0 && s && t && *s && !strcmp(s, t)))
            return 0;
    }
    return 1;
}

static int take_add(const OrtNode *node, Match *match)
{
    const OrtValueInfo *inputs[MAX_INPUTS];
    Dims dims, other_dims;
    if (node_inputs(node, inputs) != 2 || match->residual || inputs[0] == inputs[1])
        return 0;
    const OrtValueInfo *other = strcmp(value_name(inputs[0]), value_name(match->output)) ? inputs[0] : inputs[1];
    if (!match->is_conv && !match->bias && is_vector_of(other, match->rows, match->input_dims.rank)) {
        match->bias = other;
        return 1;
    }
    bool constant = true;
    if (!ok(API(IsConstantInitializer)(other, &constant)) || constant || !value_dims(match->output, &dims) ||
        !value_dims(other, &other_dims) || !same_dims(&dims, &other_dims))
        return 0;
    match->residual = other;
    return 1;
}

static int scalar_of(const OrtValueInfo *value, float *number)
{
    Dims dims;
    const char *name = value_name(value);
    if (!value || !*name)
        return 1;
    const float *data = constant_data(value, &dims);
    if (!data || count_elements(&dims) != 1)
        return 0;
    *number = *data;
    return 1;
}

static int take_clip(const OrtNode *node, Match *match)
{
    const OrtValueInfo *inputs[MAX_INPUTS];
    int count = node_inputs(node, inputs);
    float low = float_of(node, "min", -INFINITY), high = float_of(node, "max", INFINITY);
    if (!count || (count > 1 && !scalar_of(inputs[1], &low)) || (count > 2 && !scalar_of(inputs[2], &high)) || !(low <= high))
        return 0;
    match->epilogue = (Epilogue){low, high, ACT_CLAMP};
    return 1;
}

static int take_gelu(const OrtNode *node, Match *match)
{
    char text[8];
    if (!string_of(node, "approximate", text, sizeof text))
        return 0;
    const int is_exact = !*text || !strcmp(text, "none");
    match->epilogue.activation = is_exact ? ACT_GELU : ACT_GELU_TANH;
    return is_exact || !strcmp(text, "tanh");
}

/* Returns 2 if nothing can follow this node, 1 if more can, 0 if it does not belong. */
static int take_next(const OrtNode *node, Match *match)
{
    if (is_op(node, "Add"))
        return take_add(node, match);
    if (is_op(node, "Relu")) {
        match->epilogue.low = 0;
        return 2;
    }
    if (is_op(node, "Clip"))
        return take_clip(node, match) ? 2 : 0;
    if (is_op(node, "Gelu"))
        return take_gelu(node, match) ? 2 : 0;
    return 0;
}

int is_taken(const Taken *taken, const OrtNode *node)
{
    for (size_t i = 0; i < taken->count; i++)
        if (taken->node[i] == node)
            return 1;
    return 0;
}

/* Take the only reader of the output, if it belongs. Returns what take_next does. */
static int take_reader(const Taken *taken, Match *match)
{
    const OrtNode *next = 0;
    const OrtValueInfo *output = 0;
    if (value_consumers(match->output, &next, 1) == 1 && !is_taken(taken, next))
        output = node_output(next);
    const int more = output ? take_next(next, match) : 0;
    if (more) {
        match->node[match->nodes++] = next;
        match->output = output;
    }
    return more;
}

static void take_followers(const Taken *taken, Match *match)
{
    int more = 1;
    while (more == 1 && match->nodes < MAX_FUSED)
        more = take_reader(taken, match);
    if (!more)
        take_activation(taken, match);
}

int match_layer(const OrtNode *node, const Taken *taken, Match *match)
{
    const OrtValueInfo *inputs[MAX_INPUTS];
    *match = (Match){.nodes = 1, .scale = 1, .bias_scale = 1};
    match->epilogue = (Epilogue){-INFINITY, INFINITY, ACT_CLAMP};
    match->window.groups = 1;
    const int conv = is_op(node, "Conv"), gemm = is_op(node, "Gemm"), matmul = is_op(node, "MatMul");
    if (!conv && !gemm && !matmul)
        return match->nodes = 0;
    match->op = conv ? "Conv" : gemm ? "Gemm" : "MatMul";
    match->node[0] = node;
    match->output = node_output(node);
    int count = node_inputs(node, inputs);
    if (count < 2 || !match->output || !ok(API(Node_GetName)(node, &match->name)) || !value_dims(inputs[0], &match->input_dims))
        return match->nodes = 0;
    match->input = inputs[0];
    match->weights = inputs[1];
    match->bias = count > 2 && *value_name(inputs[2]) ? inputs[2] : 0;
    if (!(conv ? match_conv(node, match) : gemm ? match_gemm(node, match) : match_matmul(match)) || !match->rows ||
        !match->columns)
        return match->nodes = 0;
    take_followers(taken, match);
    return 1;
}

/* ---- padding --------------------------------------------------------------------------------- */

static int fit_axis(AutoPad mode, int64_t size, int kernel, int stride, int dilation, int *before, int *after, int64_t *out)
{
    const int64_t extent = (int64_t)(kernel - 1) * dilation + 1;
    if (mode == PAD_VALID)
        *before = *after = 0;
    if (mode == PAD_SAME_UPPER || mode == PAD_SAME_LOWER) {
        int64_t count = (size + stride - 1) / stride;
        int64_t missing = (count - 1) * stride + extent - size;
        int half = missing > 0 ? (int)missing / 2 : 0, rest = missing > 0 ? (int)missing - half : 0;
        *before = mode == PAD_SAME_UPPER ? half : rest;
        *after = mode == PAD_SAME_UPPER ? rest : half;
    }
    int64_t room = size + *before + *after - extent;
    *out = room < 0 ? 0 : room / stride + 1;
    return room >= 0;
}

int fit_window(Window *w, AutoPad mode, int64_t height, int64_t width, int64_t *out_h, int64_t *out_w)
{
    return fit_axis(mode, height, w->kernel_h, w->stride_h, w->dilation_h, &w->pad_top, &w->pad_bottom, out_h) &
           fit_axis(mode, width, w->kernel_w, w->stride_w, w->dilation_w, &w->pad_left, &w->pad_right, out_w);
}

#include "activation.h"

#include <math.h>
#include <string.h>

/* Exporters write one activation in many ways. So the nodes that depend on the layer's output and on
 * scalars alone are evaluated for some numbers; their results tell which function they compute. */

typedef enum { OP_ADD, OP_MUL, OP_DIV, OP_POW, OP_ERF, OP_TANH, OP_SIGMOID, OPS } Op;
static const char *const op_names[OPS] = {"Add", "Mul", "Div", "Pow", "Erf", "Tanh", "Sigmoid"};

enum { PROBES = 49, MAX_STEPS = 10, SCALAR = -1 };

/* An operand: the value of an earlier step, or a scalar. */
typedef struct {
    int value;
    double scalar;
} Operand;

/* Value 0 is the layer's output, and value i + 1 is the output of step i. */
typedef struct {
    const OrtNode *node[MAX_STEPS];
    const OrtValueInfo *value[MAX_STEPS + 1];
    double result[MAX_STEPS + 1][PROBES];
    int steps;
} Function;

static double apply(Op op, double a, double b)
{
    switch (op) {
    case OP_ADD: return a + b;
    case OP_MUL: return a * b;
    case OP_DIV: return a / b;
    case OP_POW: return pow(a, b);
    case OP_ERF: return erf(a);
    case OP_TANH: return tanh(a);
    default: return 1 / (1 + exp(-a));
    }
}

static double activation_of(Activation activation, double x)
{
    switch (activation) {
    case ACT_GELU: return x * (1 + erf(x / sqrt(2))) / 2;
    case ACT_GELU_TANH: return x / (1 + exp(-2 * sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x)));
    case ACT_QUICK_GELU: return x / (1 + exp(-1.702 * x));
    default: return x / (1 + exp(-x));
    }
}

/* The activation whose values these are, up to the rounding of float constants; ACT_CLAMP if none. */
static Activation identify(const double *x, const double *y)
{
    static const Activation known[] = {ACT_GELU, ACT_GELU_TANH, ACT_QUICK_GELU, ACT_SILU};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        int same = 1;
        for (int p = 0; p < PROBES && same; p++) {
            const double expected = activation_of(known[i], x[p]);
            same = fabs(y[p] - expected) <= 2e-6 * fabs(expected) + 1e-8;
        }
        if (same)
            return known[i];
    }
    return ACT_CLAMP;
}

static int is_step(const Function *f, const OrtNode *node)
{
    for (int i = 0; i < f->steps; i++)
        if (f->node[i] == node)
            return 1;
    return 0;
}

/* Read an input of a node; a scalar of more axes than the layer's output would change its shape. */
static int read_operand(const Function *f, const OrtValueInfo *input, Operand *operand)
{
    Dims dims;
    for (operand->value = f->steps; operand->value >= 0; operand->value--)
        if (!strcmp(value_name(f->value[operand->value]), value_name(input)))
            return 1;
    const float *scalar = constant_data(input, &dims);
    if (!scalar || dims.rank > 2 || count_elements(&dims) != 1)
        return 0;
    *operand = (Operand){SCALAR, *scalar};
    return 1;
}

/* Add a node whose inputs are all known, and its results. Returns 0 if it cannot be a step. */
static int add_step(Function *f, const OrtNode *node)
{
    const OrtValueInfo *inputs[MAX_INPUTS], *output = node_output(node);
    Operand operand[2] = {{SCALAR, 0}, {SCALAR, 0}};
    int op = 0, count = node_inputs(node, inputs);
    while (op < OPS && !is_op(node, op_names[op]))
        op++;
    if (op == OPS || !output || count < 1 || count > 2)
        return 0;
    for (int i = 0; i < count; i++)
        if (!read_operand(f, inputs[i], &operand[i]))
            return 0;
    f->node[f->steps++] = node;
    f->value[f->steps] = output;
    for (int p = 0; p < PROBES; p++) {
        double x[2];
        for (int i = 0; i < 2; i++)
            x[i] = operand[i].value == SCALAR ? operand[i].scalar : f->result[operand[i].value][p];
        f->result[f->steps][p] = apply((Op)op, x[0], x[1]);
    }
    return 1;
}

/* Add one more node that reads a known value. Returns 0 if there is none. */
static int extend(const Taken *taken, Function *f)
{
    const OrtNode *reader[MAX_INPUTS];
    for (int v = 0; v <= f->steps && f->steps < MAX_STEPS; v++) {
        const int count = value_consumers(f->value[v], reader, MAX_INPUTS);
        for (int i = 0; i < count; i++)
            if (!is_taken(taken, reader[i]) && !is_step(f, reader[i]) && add_step(f, reader[i]))
                return 1;
    }
    return 0;
}

/* Only steps read the values before the last one. */
static int is_closed(const Function *f)
{
    const OrtNode *reader[MAX_INPUTS];
    for (int v = 0; v < f->steps; v++) {
        const int count = value_consumers(f->value[v], reader, MAX_INPUTS);
        if (count < 1)
            return 0;
        for (int i = 0; i < count; i++)
            if (!is_step(f, reader[i]))
                return 0;
    }
    return 1;
}

int take_activation(const Taken *taken, Match *match)
{
    Function f;
    f.steps = 0;
    f.value[0] = match->output;
    for (int p = 0; p < PROBES; p++)
        f.result[0][p] = 0.25 * (p - PROBES / 2);
    while (extend(taken, &f)) {
        if (match->nodes + f.steps > MAX_FUSED)
            return 0;
        const Activation found = is_closed(&f) ? identify(f.result[0], f.result[f.steps]) : ACT_CLAMP;
        if (found == ACT_CLAMP)
            continue;
        for (int i = 0; i < f.steps; i++)
            match->node[match->nodes++] = f.node[i];
        match->output = f.value[f.steps];
        match->epilogue.activation = found;
        return 1;
    }
    return 0;
}

/* Which nodes of a graph become one sparse layer. */
#ifndef PRUNEPACK_GRAPH_H
#define PRUNEPACK_GRAPH_H

#include "layer.h"
#include "ort.h"

enum { MAX_FUSED = 14, MAX_RANK = 8, MAX_INPUTS = 8 };

typedef enum { PAD_EXPLICIT, PAD_SAME_UPPER, PAD_SAME_LOWER, PAD_VALID } AutoPad;

typedef struct {
    int rank;
    int64_t size[MAX_RANK]; /* -1: unknown */
    const char *symbol[MAX_RANK];
} Dims;

/* A layer as the graph has it. Values belong to the graph. */
typedef struct {
    const OrtNode *node[MAX_FUSED];
    int nodes;
    const char *name, *op;
    const OrtValueInfo *input, *weights, *bias, *residual, *output;
    Dims input_dims;
    int is_conv, by_columns, rows, columns; /* by_columns: element (row, column) is [column][row] */
    float scale, bias_scale;
    AutoPad auto_pad;
    Window window;
    Epilogue epilogue;
} Match;

/* Nodes that belong to a layer already. */
typedef struct {
    const OrtNode **node;
    size_t count;
} Taken;

int ok(OrtStatus *); /* whether a call succeeded; releases its status */
int is_taken(const Taken *, const OrtNode *);
/* Fill a match that begins at this node. Returns 0, and a match of no nodes, if there is none. */
int match_layer(const OrtNode *, const Taken *, Match *);
/* Fill the dimensions of a constant of float32. Returns 0 for any other value. */
int constant_dims(const OrtValueInfo *, Dims *);
const float *constant_data(const OrtValueInfo *, Dims *); /* null if it is no such constant */
int value_dims(const OrtValueInfo *, Dims *);
const char *value_name(const OrtValueInfo *);
int64_t count_elements(const Dims *);
/* The nodes that read a value, once per input. Returns their number; -1 if they are more than
 * `capacity`, or if the value is an output of the graph. */
int value_consumers(const OrtValueInfo *, const OrtNode **nodes, size_t capacity);
/* Fill the inputs, of which there may be MAX_INPUTS. Returns their number, 0 if they are more. */
int node_inputs(const OrtNode *, const OrtValueInfo **inputs);
const OrtValueInfo *node_output(const OrtNode *); /* null unless it has exactly one */
int is_op(const OrtNode *, const char *op);       /* an operator of ONNX itself */
/* Set padding for these sizes, and tell the output's size. Returns 0 if the kernel is too large. */
int fit_window(Window *, AutoPad, int64_t height, int64_t width, int64_t *out_h, int64_t *out_w);

#endif

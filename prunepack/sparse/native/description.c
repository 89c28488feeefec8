#include "description.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph.h"

/* ---- a growing text of JSON ------------------------------------------------------------------ */

typedef struct {
    char *data;
    size_t size, capacity;
    int failed;
} Text;

static void append(Text *text, const char *bytes, size_t count)
{
    if (text->size + count + 1 > text->capacity) {
        const size_t capacity = 2 * (text->capacity + count + 1);
        char *data = realloc(text->data, capacity);
        if (!data) {
            text->failed = 1;
            return;
        }
        text->data = data;
        text->capacity = capacity;
    }
    memcpy(text->data + text->size, bytes, count);
    text->data[text->size += count] = 0;
}

static void write_raw(Text *text, const char *raw) { append(text, raw, strlen(raw)); }

static void write_format(Text *text, const char *format, ...)
{
    char number[64];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(number, sizeof number, format, arguments);
    va_end(arguments);
    write_raw(text, number);
}

static void write_string(Text *text, const char *string)
{
    write_raw(text, "\"");
    for (; string && *string; string++) {
        const unsigned char c = (unsigned char)*string;
        if (c < 0x20)
            write_format(text, "\\u%04x", c);
        else {
            if (c == '"' || c == '\\')
                write_raw(text, "\\");
            append(text, string, 1);
        }
    }
    write_raw(text, "\"");
}

static void write_ints(Text *text, const int64_t *values, size_t count)
{
    write_raw(text, "[");
    for (size_t i = 0; i < count; i++)
        write_format(text, "%s%" PRId64, i ? "," : "", values[i]);
    write_raw(text, "]");
}

/* ---- values ---------------------------------------------------------------------------------- */

enum { MAX_NUMBERS = 64, TYPE_INT32 = 6, TYPE_INT64 = 7 };

static void write_numbers(Text *text, const void *data, int type, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        write_raw(text, i ? "," : "[");
        if (type == TYPE_INT64)
            write_format(text, "%" PRId64, ((const int64_t *)data)[i]);
        else if (type == TYPE_INT32)
            write_format(text, "%" PRId32, ((const int32_t *)data)[i]);
        else if (isfinite(((const float *)data)[i]))
            write_format(text, "%.9g", (double)((const float *)data)[i]);
        else
            write_raw(text, "null");
    }
    write_raw(text, count ? "]" : "[]");
}

/* Write the elements of a small constant of int32, int64 or float32; null for any other value. */
static void write_constant(Text *text, const OrtValueInfo *value, int type, size_t count)
{
    const OrtValue *tensor = 0;
    void *data = 0;
    if (count <= MAX_NUMBERS && (type == TYPE_INT64 || type == TYPE_INT32 || type == ORT_FLOAT) &&
        ok(API(GetInitializerValue)(value, &tensor)) && tensor && ok(API(GetTensorMutableData)((OrtValue *)tensor, &data)) && data)
        write_numbers(text, data, type, count);
    else
        write_raw(text, "null");
}

/* Write the dimensions: a number, a name, or null. Returns their product; SIZE_MAX if unknown. */
static size_t write_dims(Text *text, const OrtShape *shape, size_t rank)
{
    int64_t size[MAX_RANK] = {0};
    const char *symbol[MAX_RANK] = {0};
    size_t count = 1;
    if (rank > MAX_RANK ||
        (rank && (!ok(API(GetDimensions)(shape, size, rank)) || !ok(API(GetSymbolicDimensions)(shape, symbol, rank))))) {
        write_raw(text, "null");
        return SIZE_MAX;
    }
    write_raw(text, "[");
    for (size_t i = 0; i < rank; i++) {
        write_raw(text, i ? "," : "");
        if (size[i] >= 0)
            write_format(text, "%" PRId64, size[i]);
        else if (symbol[i] && *symbol[i])
            write_string(text, symbol[i]);
        else
            write_raw(text, "null");
        count = size[i] < 0 || count == SIZE_MAX ? SIZE_MAX : count * (size_t)size[i];
    }
    write_raw(text, "]");
    return count;
}

/* Write [name, element type, dimensions, whether it is constant, elements]. */
static void write_value(Text *text, const OrtValueInfo *value)
{
    const OrtType *info = 0;
    const OrtShape *shape = 0;
    size_t rank = 0, count = SIZE_MAX;
    int type = 0;
    bool constant = false;
    if (!*value_name(value))
        return;
    write_raw(text, text->data[text->size - 1] == '[' ? "[" : ",[");
    write_string(text, value_name(value));
    if (ok(API(GetValueInfoTypeInfo)(value, &info)) && info && ok(API(CastTypeInfoToTensorInfo)(info, &shape)) && shape &&
        ok(API(GetTensorElementType)(shape, &type)) && ok(API(GetDimensionsCount)(shape, &rank))) {
        write_format(text, ",%d,", type);
        count = write_dims(text, shape, rank);
    } else
        write_raw(text, ",0,null");
    if (ok(API(IsConstantInitializer)(value, &constant)) && constant) {
        write_raw(text, ",true,");
        write_constant(text, value, type, count);
        write_raw(text, "]");
    } else
        write_raw(text, ",false,null]");
}

typedef void (*WriteValue)(Text *, const OrtValueInfo *);

static void write_name(Text *text, const OrtValueInfo *value)
{
    if (text->data[text->size - 1] != '[')
        write_raw(text, ",");
    write_string(text, value_name(value));
}

typedef OrtStatus *(*CountValues)(const void *, size_t *);
typedef OrtStatus *(*GetValues)(const void *, const OrtValueInfo **, size_t);

/* Write all values of a kind that a graph or a node has, without brackets. */
static void write_all(Text *text, const void *owner, CountValues count_values, GetValues get_values, WriteValue write)
{
    size_t count = 0;
    if (!ok(count_values(owner, &count))) {
        text->failed = 1;
        return;
    }
    const OrtValueInfo **values = calloc(count + 1, sizeof *values);
    if (!values || (count && !ok(get_values(owner, values, count))))
        text->failed = 1;
    for (size_t i = 0; i < count && !text->failed; i++)
        write(text, values[i]);
    free(values);
}

/* ---- nodes ----------------------------------------------------------------------------------- */

/* Write the value of an attribute; null if it is neither a number, nor some integers, nor short text. */
static void write_attribute(Text *text, const OrtAttr *attribute, int type)
{
    int64_t ints[MAX_NUMBERS];
    char string[256] = {0};
    float number = NAN;
    size_t size = 0;
    if (type == ATTR_INT && ok(API(ReadOpAttr)(attribute, type, ints, sizeof *ints, &size)))
        write_format(text, "%" PRId64, ints[0]);
    else if (type == ATTR_INTS && ok(API(ReadOpAttr)(attribute, type, ints, sizeof ints, &size)))
        write_ints(text, ints, size / sizeof *ints);
    else if (type == ATTR_FLOAT && ok(API(ReadOpAttr)(attribute, type, &number, sizeof number, &size)) && isfinite(number))
        write_format(text, "%.9g", (double)number);
    else if (type == ATTR_STRING && ok(API(ReadOpAttr)(attribute, type, string, sizeof string - 1, &size)))
        write_string(text, string);
    else
        write_raw(text, "null");
}

static void write_attributes(Text *text, const OrtNode *node)
{
    size_t count = 0;
    const OrtAttr **attributes = 0;
    if (!ok(API(Node_GetNumAttributes)(node, &count)) || !(attributes = calloc(count + 1, sizeof *attributes)) ||
        (count && !ok(API(Node_GetAttributes)(node, attributes, count))))
        text->failed = 1;
    for (size_t i = 0; i < count && !text->failed; i++) {
        const char *name = 0;
        int type = 0;
        if (!attributes[i] || !ok(API(OpAttr_GetName)(attributes[i], &name)) || !ok(API(OpAttr_GetType)(attributes[i], &type))) {
            text->failed = 1; /* an attribute that cannot be read might change what the node does */
            break;
        }
        write_raw(text, i ? "," : "");
        write_string(text, name);
        write_raw(text, ":");
        write_attribute(text, attributes[i], type);
    }
    free(attributes);
}

static void write_node(Text *text, const OrtNode *node)
{
    const char *op = 0, *domain = 0;
    int version = 0;
    size_t subgraphs = 0, implicit = 0;
    if (!ok(API(Node_GetOperatorType)(node, &op)) || !ok(API(Node_GetDomain)(node, &domain)) ||
        !ok(API(Node_GetSinceVersion)(node, &version)) || !ok(API(Node_GetNumSubgraphs)(node, &subgraphs)) ||
        !ok(API(Node_GetNumImplicitInputs)(node, &implicit)))
        text->failed = 1;
    write_raw(text, "[");
    write_string(text, op);
    write_raw(text, ",");
    write_string(text, domain);
    write_format(text, ",%d,%d,[", version, subgraphs + implicit > 0);
    write_all(text, node, (CountValues)API(Node_GetNumInputs), (GetValues)API(Node_GetInputs), write_name);
    write_raw(text, "],[");
    write_all(text, node, (CountValues)API(Node_GetNumOutputs), (GetValues)API(Node_GetOutputs), write_name);
    write_raw(text, "],{");
    write_attributes(text, node);
    write_raw(text, "}]");
}

static void write_graph(Text *text, const OrtGraph *graph, const OrtNode **nodes, size_t count)
{
    write_raw(text, "{\"inputs\":[");
    write_all(text, graph, (CountValues)API(Graph_GetNumInputs), (GetValues)API(Graph_GetInputs), write_name);
    write_raw(text, "],\"outputs\":[");
    write_all(text, graph, (CountValues)API(Graph_GetNumOutputs), (GetValues)API(Graph_GetOutputs), write_name);
    write_raw(text, "],\"nodes\":[");
    for (size_t i = 0; i < count && !text->failed; i++) {
        write_raw(text, i ? "," : "");
        write_node(text, nodes[i]);
    }
    write_raw(text, "],\"values\":[");
    write_all(text, graph, (CountValues)API(Graph_GetNumInputs), (GetValues)API(Graph_GetInputs), write_value);
    write_all(text, graph, (CountValues)API(Graph_GetNumInitializers), (GetValues)API(Graph_GetInitializers), write_value);
    for (size_t i = 0; i < count && !text->failed; i++)
        write_all(text, nodes[i], (CountValues)API(Node_GetNumOutputs), (GetValues)API(Node_GetOutputs), write_value);
    write_raw(text, "]}");
}

/* Returns null if a part of the graph cannot be read. */
static char *describe(const OrtGraph *graph)
{
    Text text = {0};
    size_t count = 0;
    const OrtNode **nodes = 0;
    if (ok(API(Graph_GetNumNodes)(graph, &count)) && (nodes = calloc(count + 1, sizeof *nodes)) &&
        ok(API(Graph_GetNodes)(graph, nodes, count)))
        write_graph(&text, graph, nodes, count);
    else
        text.failed = 1;
    free(nodes);
    if (text.failed) {
        free(text.data);
        return 0;
    }
    return text.data;
}

/* ---- the descriptions of all sessions -------------------------------------------------------- */

typedef struct Description {
    struct Description *next;
    const void *provider;
    int64_t session;
    char *text;
} Description;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Description *all;

static int belongs(const Description *d, const void *provider, int64_t session)
{
    return provider ? d->provider == provider : d->session == session;
}

/* Remove what belongs to a provider, or without one to a session. Returns the text of the newest. */
static char *remove_all(const void *provider, int64_t session)
{
    char *newest = 0;
    pthread_mutex_lock(&lock);
    for (Description **at = &all, *d; (d = *at);) {
        if (!belongs(d, provider, session)) {
            at = &d->next;
            continue;
        }
        *at = d->next;
        if (newest)
            free(d->text);
        else
            newest = d->text;
        free(d);
    }
    pthread_mutex_unlock(&lock);
    return newest;
}

void description_keep(const void *provider, int64_t session, const OrtGraph *graph)
{
    free(description_take(session));
    Description *d = calloc(1, sizeof *d);
    if (!d || !(d->text = describe(graph))) {
        free(d);
        return;
    }
    d->provider = provider;
    d->session = session;
    pthread_mutex_lock(&lock);
    d->next = all;
    all = d;
    pthread_mutex_unlock(&lock);
}

char *description_take(int64_t session) { return remove_all(0, session); }

void description_forget(const void *provider) { free(remove_all(provider, 0)); }

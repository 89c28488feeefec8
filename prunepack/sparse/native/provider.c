/* An execution provider that runs convolutions and matrix products with sparse constant weights. */
#include "provider.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "description.h"
#include "graph.h"
#include "held.h"
#include "kernel.h"
#include "layer.h"
#include "ort.h"

const OrtFunction *ort_api, *ort_ep_api;

static OrtStatus *failure(const char *message) { return API(CreateStatus)(ORT_FAIL, message); }

#define CHECK(CALL)                                                                               \
    do {                                                                                          \
        OrtStatus *status_ = (CALL);                                                              \
        if (status_)                                                                              \
            return status_;                                                                       \
    } while (0)

/* ---- decisions ------------------------------------------------------------------------------- */

static pthread_mutex_t decisions_lock = PTHREAD_MUTEX_INITIALIZER;
static Decision *decisions;

static void decisions_add(const Decision *decision)
{
    Decision *copy = malloc(sizeof *copy);
    if (!copy)
        return;
    *copy = *decision;
    copy->name = strdup(decision->name);
    copy->op = strdup(decision->op);
    pthread_mutex_lock(&decisions_lock);
    copy->next = decisions;
    decisions = copy;
    pthread_mutex_unlock(&decisions_lock);
}

void decisions_visit(int64_t session, void (*visit)(const Decision *, void *), void *argument)
{
    const void *newest = 0;
    pthread_mutex_lock(&decisions_lock);
    for (Decision *d = decisions; d; d = d->next)
        if (d->session == session && (!newest || d->provider == newest)) {
            newest = d->provider;
            visit(d, argument);
        }
    pthread_mutex_unlock(&decisions_lock);
}

static void decisions_forget(const void *provider)
{
    pthread_mutex_lock(&decisions_lock);
    for (Decision **at = &decisions, *d; (d = *at);) {
        if (d->provider != provider) {
            at = &d->next;
            continue;
        }
        *at = d->next;
        free(d->name);
        free(d->op);
        free(d);
    }
    pthread_mutex_unlock(&decisions_lock);
}

/* Sparse must be this many times faster by estimate, and gain this share of the whole. */
#define MARGIN 1.15
#define LEAST_GAIN 0.25

/* ---- the provider of one session ------------------------------------------------------------- */

typedef struct {
    Provider interface; /* first: onnxruntime sees only this */
    Pool *pool;
    int threads, always, describes;
    int64_t session;
    Rates rates;
} Sparse;

static const char *provider_name(const Provider *provider)
{
    (void)provider;
    return PROVIDER_NAME;
}

static int64_t positions_of(const Match *match)
{
    const Dims *dims = &match->input_dims;
    int64_t count = dims->size[0] > 0 ? dims->size[0] : 1;
    if (!match->is_conv) {
        for (int i = 1; i < dims->rank - 1; i++)
            count *= dims->size[i] > 0 ? dims->size[i] : 1;
        return count;
    }
    Window window = match->window;
    int64_t out_h = 1, out_w = 1;
    int64_t width = dims->size[dims->rank - 1], height = dims->rank == 4 ? dims->size[2] : 1;
    if (width <= 0 || height <= 0 || !fit_window(&window, match->auto_pad, height, width, &out_h, &out_w))
        return count * 64; /* unknown sizes: a small map */
    return count * out_h * out_w;
}

/* The number of nonzero weights; -1 if they cannot be read. */
static int64_t count_weights(const Sparse *ep, const Match *match)
{
    Dims dims;
    const int64_t size = (int64_t)match->rows * match->columns;
    const Held *held = held_find(ep->session, value_name(match->weights));
    const float *weights = held ? 0 : constant_data(match->weights, &dims);
    if (size > UINT32_MAX)
        return -1;
    return held ? held->nonzeros.count : weights ? count_nonzeros(weights, size) : -1;
}

/* Returns 0 if the layer cannot run sparse. */
static int decide(const Sparse *ep, const Match *match, Decision *decision)
{
    Shape *shape = &decision->shape;
    *decision = (Decision){.provider = ep, .session = ep->session, .name = (char *)match->name, .op = (char *)match->op, .fused = match->nodes};
    *shape = (Shape){.is_conv = match->is_conv, .rows = match->rows, .columns = match->columns,
                     .groups = match->window.groups, .positions = positions_of(match), .lanes = kernels()->lanes};
    const int64_t size = shape->rows * shape->columns;
    shape->nonzeros = count_weights(ep, match);
    shape->is_depthwise = match->is_conv && shape->groups > 1 && shape->rows == shape->groups &&
                          shape->columns == match->window.kernel_h * match->window.kernel_w;
    int32_t width = block_width_for(size ? (double)shape->nonzeros / (double)size : 0, match->columns);
    shape->blocks = (match->columns + width - 1) / width;
    decision->dense_ns = dense_ns(&ep->rates, shape);
    decision->sparse_ns = sparse_ns(&ep->rates, shape);
    decision->sparse = ep->always || decision->sparse_ns * MARGIN <= decision->dense_ns;
    return shape->nonzeros >= 0;
}

static int follows_sparse(const Match *match, const Taken *taken)
{
    const OrtNode *producer = 0;
    size_t index = 0;
    OrtStatus *status = API(GetValueProducer)(match->input, &producer, &index);
    if (status)
        API(ReleaseStatus)(status);
    return !status && producer && is_taken(taken, producer);
}

/* Decide about the layer that begins at this node, if there is one, and take its nodes if it gains.
 * Returns the nanoseconds that are gained. A depthwise convolution runs densely either way: between
 * sparse layers it saves a change of the memory layout. */
static double consider(const Sparse *ep, const OrtNode *node, Taken *taken, Match *match, Decision *decision)
{
    if (!match_layer(node, taken, match) || !decide(ep, match, decision))
        return match->nodes = 0;
    if (decision->shape.is_depthwise && !ep->always)
        decision->sparse = follows_sparse(match, taken);
    for (int i = 0; decision->sparse && i < match->nodes; i++)
        taken->node[taken->count++] = match->node[i];
    return decision->sparse ? decision->dense_ns - decision->sparse_ns : 0;
}

/* Returns the number of layers found; matches and decisions have room for `count`. */
static size_t consider_all(const Sparse *ep, const OrtNode **nodes, size_t count, Match *matches, Decision *found)
{
    Taken taken = {nodes + count, 0};
    double gain = 0, dense = 0;
    size_t layers = 0;
    for (size_t i = 0; i < count; i++) {
        gain += consider(ep, nodes[i], &taken, &matches[layers], &found[layers]);
        dense += matches[layers].nodes ? found[layers].dense_ns : 0;
        layers += matches[layers].nodes > 0;
    }
    for (size_t i = 0; i < layers && !ep->always && gain < dense * LEAST_GAIN; i++)
        found[i].sparse = 0; /* changes of the memory layout may cost as much */
    return layers;
}

static OrtStatus *claim_all(const Sparse *ep, const OrtNode **nodes, size_t count, Match *matches, Decision *found,
                            OrtSupport *support)
{
    const FusionOptions options = {ORT_API, true};
    const size_t layers = consider_all(ep, nodes, count, matches, found);
    for (size_t i = 0; i < layers; i++) {
        decisions_add(&found[i]);
        if (!found[i].sparse)
            continue;
        Held *held = held_find(ep->session, value_name(matches[i].weights));
        if (held)
            held->used = 1;
        CHECK(EP_API(AddNodesToFuse)(support, matches[i].node, (size_t)matches[i].nodes, &options));
    }
    return 0;
}

static OrtStatus *get_capability(Provider *provider, const OrtGraph *graph, OrtSupport *support)
{
    size_t count = 0;
    if (!((const Sparse *)provider)->session)
        return 0; /* chosen by its name alone, as the providers that are registered may be, without our options */
    CHECK(API(Graph_GetNumNodes)(graph, &count));
    if (((const Sparse *)provider)->describes)
        description_keep(provider, ((const Sparse *)provider)->session, graph);
    const OrtNode **nodes = calloc(2 * count + 1, sizeof *nodes);
    Match *matches = calloc(count + 1, sizeof *matches);
    Decision *found = calloc(count + 1, sizeof *found);
    OrtStatus *status = nodes && matches && found ? API(Graph_GetNodes)(graph, nodes, count) : failure("out of memory");
    if (!status)
        status = claim_all((const Sparse *)provider, nodes, count, matches, found, support);
    free(nodes);
    free(matches);
    free(found);
    return status;
}

/* ---- a compiled layer ------------------------------------------------------------------------ */

typedef struct {
    Compute interface;
    Sparse *ep;
    Layer layer;
    AutoPad auto_pad;
    size_t input, residual; /* inputs of the fused node; residual is SIZE_MAX if there is none */
} Compiled;

static void run_parallel(void *context, void (*task)(void *, size_t), size_t count, void *argument)
{
    OrtStatus *status = API(KernelContext_ParallelFor)(context, task, count, 0, argument);
    if (!status)
        return;
    API(ReleaseStatus)(status);
    for (size_t i = 0; i < count; i++)
        task(argument, i);
}

typedef struct {
    const float *data;
    size_t rank;
    int64_t size[MAX_RANK];
} Tensor;

static OrtStatus *read_input(const OrtContext *context, size_t index, Tensor *tensor)
{
    const OrtValue *value = 0;
    OrtShape *shape = 0;
    CHECK(API(KernelContext_GetInput)(context, index, &value));
    CHECK(API(GetTensorTypeAndShape)(value, &shape));
    OrtStatus *status = API(GetDimensionsCount)(shape, &tensor->rank);
    if (!status && tensor->rank <= MAX_RANK)
        status = API(GetDimensions)(shape, tensor->size, tensor->rank);
    API(ReleaseTensorTypeAndShapeInfo)(shape);
    return status ? status : API(GetTensorMutableData)((OrtValue *)value, (void **)&tensor->data);
}

/* Set the data of the output; null if no node reads it, or if it is empty. */
static OrtStatus *open_output(OrtContext *context, const Tensor *like, float **data)
{
    OrtValue *value = 0;
    CHECK(API(KernelContext_GetOutput)(context, 0, like->size, like->rank, &value));
    *data = 0;
    return !value ? 0 : API(GetTensorMutableData)(value, (void **)data);
}

static int same_shape(const Tensor *a, const Tensor *b)
{
    return a->rank == b->rank && !memcmp(a->size, b->size, a->rank * sizeof *a->size);
}

/* Fill the output's shape from the input's, and the padding for it. */
static int output_shape(const Compiled *c, const Tensor *input, Tensor *output, Layer *layer)
{
    *output = *input;
    if (!c->layer.is_conv) {
        output->size[output->rank - 1] = layer->rows;
        return input->size[input->rank - 1] == layer->columns;
    }
    const int flat = input->rank == 3;
    int64_t out_h, out_w, height = flat ? 1 : input->size[2], width = input->size[input->rank - 1];
    Window *w = &layer->window;
    if (input->size[1] * w->kernel_h * w->kernel_w != (int64_t)layer->columns * w->groups ||
        !fit_window(w, c->auto_pad, height, width, &out_h, &out_w))
        return 0;
    output->size[1] = layer->rows;
    output->size[output->rank - 1] = out_w;
    if (!flat)
        output->size[2] = out_h;
    return 1;
}

static int run_layer(const Compiled *c, const Layer *layer, const Parallel *parallel, const Tensor *x,
                     const float *residual, const Tensor *shape, float *output)
{
    if (!layer->is_conv) {
        int64_t count = 1;
        for (size_t i = 0; i + 1 < x->rank; i++)
            count *= x->size[i];
        return layer_run_linear(layer, c->ep->pool, parallel, x->data, residual, output, count);
    }
    const int flat = x->rank == 3;
    return layer_run_conv(layer, c->ep->pool, parallel, x->data, residual, output, x->size[0], x->size[1],
                          flat ? 1 : x->size[2], x->size[x->rank - 1], flat ? 1 : shape->size[2], shape->size[x->rank - 1]);
}

static OrtStatus *compute(Compute *interface, void *state, OrtContext *context)
{
    (void)state;
    const Compiled *c = (const Compiled *)interface;
    Layer layer = c->layer; /* padding may depend on the input */
    Tensor x, y, residual = {0};
    float *output = 0;
    CHECK(read_input(context, c->input, &x));
    if (x.rank > MAX_RANK || x.rank < 2 || !output_shape(c, &x, &y, &layer))
        return failure("the input's shape does not fit the layer's weights");
    if (c->residual != SIZE_MAX) {
        CHECK(read_input(context, c->residual, &residual));
        if (!same_shape(&residual, &y))
            return failure("the shapes of the addends differ");
    }
    CHECK(open_output(context, &y, &output));
    if (!output)
        return 0;
    const Parallel parallel = {run_parallel, context, c->ep->threads};
    if (!run_layer(c, &layer, &parallel, &x, residual.data, &y, output))
        return failure("out of memory");
    return 0;
}

static OrtStatus *create_state(Compute *interface, void *context, void **state)
{
    (void)context;
    *state = interface; /* never null, and never used */
    return 0;
}

static void release_state(Compute *interface, void *state)
{
    (void)interface;
    (void)state;
}

static OrtStatus *find_input(const OrtNode *fused, const OrtValueInfo *value, size_t *index)
{
    const OrtValueInfo *inputs[64];
    size_t count = 0;
    *index = SIZE_MAX;
    if (!value)
        return 0;
    CHECK(API(Node_GetNumInputs)(fused, &count));
    if (count > 64)
        return failure("a fused node has more than 64 inputs");
    CHECK(API(Node_GetInputs)(fused, inputs, count));
    for (size_t i = 0; i < count && *index == SIZE_MAX; i++)
        if (!strcmp(value_name(inputs[i]), value_name(value)))
            *index = i;
    return *index == SIZE_MAX ? failure("a fused node lacks its input") : 0;
}

static int compress_weights(const Sparse *ep, const Match *match, Layer *layer)
{
    Dims dims;
    Nonzeros nonzeros = {0};
    const Held *held = held_find(ep->session, value_name(match->weights));
    const float *weights = held ? 0 : constant_data(match->weights, &dims);
    if (held)
        return layer_compress(layer, &held->nonzeros, !match->by_columns, match->scale, ep->threads);
    if (!weights || !nonzeros_collect(&nonzeros, weights, (int64_t)match->rows * match->columns))
        return 0;
    const int done = layer_compress(layer, &nonzeros, !match->by_columns, match->scale, ep->threads);
    free(nonzeros.memory);
    return done;
}

static int fill_layer(const Sparse *ep, const Match *match, Layer *layer)
{
    Dims dims;
    const float *bias = constant_data(match->bias, &dims);
    *layer = (Layer){.is_conv = match->is_conv, .rows = match->rows, .columns = match->columns, .window = match->window,
                     .epilogue = match->epilogue, .panels = 1};
    if (bias && (layer->bias = malloc(sizeof *bias * (size_t)(match->rows + 1))))
        for (int i = 0; i < match->rows; i++)
            layer->bias[i] = bias[i] * match->bias_scale;
    if ((bias && !layer->bias) || (match->bias && !bias))
        return 0;
    return compress_weights(ep, match, layer);
}

static OrtStatus *first_match(const OrtGraph *graph, Match *match)
{
    const OrtNode *nodes[MAX_FUSED];
    const Taken none = {0, 0};
    size_t count = 0;
    CHECK(API(Graph_GetNumNodes)(graph, &count));
    if (count > MAX_FUSED)
        return failure("a fused graph has more nodes than were claimed");
    CHECK(API(Graph_GetNodes)(graph, nodes, count));
    for (size_t i = 0; i < count; i++)
        if (match_layer(nodes[i], &none, match) && (size_t)match->nodes == count)
            return 0;
    return failure("a fused graph is not the layer that was claimed");
}

static OrtStatus *compile_layer(Sparse *ep, const OrtGraph *graph, const OrtNode *fused, Compiled *c)
{
    Match match;
    CHECK(first_match(graph, &match));
    c->interface = (Compute){ORT_API, create_state, compute, release_state};
    c->ep = ep;
    c->auto_pad = match.auto_pad;
    CHECK(find_input(fused, match.input, &c->input));
    CHECK(find_input(fused, match.residual, &c->residual));
    return fill_layer(ep, &match, &c->layer) ? 0 : failure("a layer's weights cannot be compressed: out of memory");
}

static void release_computes(Provider *provider, Compute **computes, size_t count)
{
    (void)provider;
    for (size_t i = 0; i < count; i++) {
        if (computes[i])
            layer_free(&((Compiled *)computes[i])->layer);
        free(computes[i]);
        computes[i] = 0;
    }
}

static OrtStatus *compile(Provider *provider, const OrtGraph **graphs, const OrtNode **fused, size_t count,
                          Compute **computes, OrtNode **context_nodes)
{
    (void)context_nodes;
    for (size_t i = 0; i < count; i++) {
        Compiled *c = calloc(1, sizeof *c);
        computes[i] = (Compute *)c;
        OrtStatus *status = c ? compile_layer((Sparse *)provider, graphs[i], fused[i], c) : failure("out of memory");
        if (status) {
            release_computes(provider, computes, i + 1);
            return status;
        }
    }
    return 0;
}

/* ---- the factory ----------------------------------------------------------------------------- */

static void read_option(const OrtOptions *options, const char *name, char *text, size_t capacity)
{
    char key[64];
    snprintf(key, sizeof key, "ep.prunepacksparse.%s", name);
    OrtStatus *status = API(GetSessionConfigEntry)(options, key, text, &capacity);
    if (status) {
        API(ReleaseStatus)(status);
        *text = 0;
    }
}

/* For a machine that was not measured: dense as on a fast one, sparse as on a slow one. */
static const Rates default_rates = {0.016, 0.016, 0.12, 0.1, 0.7, 1.2, 3, 4, 3000};

static Provider *new_provider(const OrtOptions *options)
{
    char text[512];
    Sparse *ep = calloc(1, sizeof *ep);
    if (!ep || !(ep->pool = pool_create())) {
        free(ep);
        return 0;
    }
    ep->interface = (Provider){ORT_API, provider_name, get_capability, compile, release_computes, {0}};
    read_option(options, "threads", text, sizeof text);
    ep->threads = atoi(text) > 0 ? atoi(text) : (int)sysconf(_SC_NPROCESSORS_ONLN);
    read_option(options, "session", text, sizeof text);
    ep->session = atoll(text);
    read_option(options, "layers", text, sizeof text);
    ep->always = !strcmp(text, "all");
    read_option(options, "describe", text, sizeof text);
    ep->describes = atoi(text);
    read_option(options, "rates", text, sizeof text);
    ep->rates = default_rates;
    double *rate = (double *)&ep->rates;
    char *at = text, *end;
    for (int i = 0; i < RATES; i++, at = end) {
        double value = strtod(at, &end);
        if (end == at)
            break;
        rate[i] = value;
    }
    return &ep->interface;
}

static const char *factory_name(const Factory *factory)
{
    (void)factory;
    return PROVIDER_NAME;
}

static const char *factory_vendor(const Factory *factory)
{
    (void)factory;
    return "prunepack";
}

static const char *factory_version(const Factory *factory)
{
    (void)factory;
    return "1.0.0";
}

static uint32_t factory_vendor_id(const Factory *factory)
{
    (void)factory;
    return 0;
}

static OrtStatus *supported_devices(Factory *factory, const OrtDevice *const *devices, size_t count,
                                    OrtEpDevice **found, size_t capacity, size_t *used)
{
    *used = 0;
    for (size_t i = 0; i < count && *used < capacity && *used < 1; i++)
        if (API(HardwareDevice_Type)(devices[i]) == ORT_CPU_DEVICE) {
            CHECK(EP_API(CreateEpDevice)(factory, devices[i], 0, 0, &found[*used]));
            ++*used;
        }
    return 0;
}

static OrtStatus *create_ep(Factory *factory, const OrtDevice *const *devices, const OrtPairs *const *metadata,
                            size_t count, const OrtOptions *options, const OrtLogger *logger, Provider **provider)
{
    (void)factory, (void)devices, (void)metadata, (void)count, (void)logger;
    *provider = new_provider(options);
    return *provider ? 0 : failure("out of memory");
}

static void release_ep(Factory *factory, Provider *provider)
{
    (void)factory;
    Sparse *ep = (Sparse *)provider;
    decisions_forget(ep);
    description_forget(ep);
    pool_free(ep->pool);
    free(ep);
}

static OrtStatus *no_allocator(Factory *factory, const void *memory, const OrtPairs *options, void **allocator)
{
    (void)factory, (void)memory, (void)options;
    *allocator = 0; /* onnxruntime's own, of the CPU */
    return 0;
}

static void keep_allocator(Factory *factory, void *allocator) { (void)factory, (void)allocator; }

static OrtStatus *no_transfer(Factory *factory, void **transfer)
{
    (void)factory;
    *transfer = 0;
    return 0;
}

static bool not_stream_aware(const Factory *factory)
{
    (void)factory;
    return false;
}

#define EXPORT __attribute__((visibility("default")))

EXPORT OrtStatus *CreateEpFactories(const char *name, const OrtBase *base, const OrtLogger *logger, Factory **factories,
                                    size_t capacity, size_t *count);
EXPORT OrtStatus *ReleaseEpFactory(Factory *factory);

OrtStatus *CreateEpFactories(const char *name, const OrtBase *base, const OrtLogger *logger, Factory **factories,
                             size_t capacity, size_t *count)
{
    (void)name, (void)logger;
    ort_api = base->get_api(ORT_API);
    ort_ep_api = API(GetEpApi)();
    Factory *factory = capacity ? calloc(1, sizeof *factory) : 0;
    if (!factory)
        return failure("out of memory");
    *factory = (Factory){ORT_API, factory_name, factory_vendor, supported_devices, create_ep, release_ep, factory_vendor_id,
                         factory_version, 0, no_allocator, keep_allocator, no_transfer, not_stream_aware, 0, {0}};
    factories[0] = factory;
    *count = 1;
    return 0;
}

OrtStatus *ReleaseEpFactory(Factory *factory)
{
    free(factory);
    return 0;
}

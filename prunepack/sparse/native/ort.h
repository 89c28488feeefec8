/* The part of onnxruntime's C interface that the execution provider uses.
 *
 * onnxruntime hands over tables of function pointers, and their order never changes: later versions
 * only append. So each function is declared here by its position in a table and by its type, and
 * tests/unit/sparse/test_slots.py checks each position against the installed version. OrtApi and
 * OrtEpApi are tables of functions alone; the structures that a provider fills are given in full,
 * as of API version 23 (onnxruntime 1.23), which is also the version that is asked for.
 */
#ifndef PRUNEPACK_ORT_H
#define PRUNEPACK_ORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ORT_API = 23 };

typedef struct OrtStatus OrtStatus;
typedef struct OrtValue OrtValue;
typedef struct OrtShape OrtShape; /* OrtTensorTypeAndShapeInfo */
typedef struct OrtType OrtType;   /* OrtTypeInfo */
typedef struct OrtValueInfo OrtValueInfo;
typedef struct OrtNode OrtNode;
typedef struct OrtGraph OrtGraph;
typedef struct OrtAttr OrtAttr; /* OrtOpAttr */
typedef struct OrtOptions OrtOptions; /* OrtSessionOptions */
typedef struct OrtContext OrtContext; /* OrtKernelContext */
typedef struct OrtPairs OrtPairs;     /* OrtKeyValuePairs */
typedef struct OrtDevice OrtDevice;   /* OrtHardwareDevice */
typedef struct OrtEpDevice OrtEpDevice;
typedef struct OrtLogger OrtLogger;
typedef struct OrtSupport OrtSupport; /* OrtEpGraphSupportInfo */

enum { ORT_FAIL = 1, ORT_FLOAT = 1, ORT_CPU_DEVICE = 0 };
enum { ATTR_INT = 1, ATTR_INTS = 2, ATTR_FLOAT = 3, ATTR_STRING = 5 };

typedef void (*OrtFunction)(void);
typedef struct {
    const void *(*get_api)(uint32_t version);
    const char *(*get_version)(void);
} OrtBase;

extern const OrtFunction *ort_api, *ort_ep_api; /* set when the library is registered */

#define ORT_SLOT(TABLE, INDEX, RESULT, NAME, ...)                                                 \
    enum { SLOT_##NAME = INDEX };                                                                 \
    typedef RESULT (*type_##NAME)(__VA_ARGS__);

#define API(NAME) ((type_##NAME)ort_api[SLOT_##NAME])
#define EP_API(NAME) ((type_##NAME)ort_ep_api[SLOT_##NAME])

ORT_SLOT(api, 0, OrtStatus *, CreateStatus, int code, const char *message)
ORT_SLOT(api, 51, OrtStatus *, GetTensorMutableData, OrtValue *, void **)
ORT_SLOT(api, 55, OrtStatus *, CastTypeInfoToTensorInfo, const OrtType *, const OrtShape **)
ORT_SLOT(api, 60, OrtStatus *, GetTensorElementType, const OrtShape *, int *)
ORT_SLOT(api, 61, OrtStatus *, GetDimensionsCount, const OrtShape *, size_t *)
ORT_SLOT(api, 62, OrtStatus *, GetDimensions, const OrtShape *, int64_t *, size_t)
ORT_SLOT(api, 63, OrtStatus *, GetSymbolicDimensions, const OrtShape *, const char **, size_t)
ORT_SLOT(api, 65, OrtStatus *, GetTensorTypeAndShape, const OrtValue *, OrtShape **)
ORT_SLOT(api, 90, OrtStatus *, KernelContext_GetInput, const OrtContext *, size_t, const OrtValue **)
ORT_SLOT(api, 91, OrtStatus *, KernelContext_GetOutput, OrtContext *, size_t, const int64_t *, size_t,
         OrtValue **)
ORT_SLOT(api, 93, void, ReleaseStatus, OrtStatus *)
ORT_SLOT(api, 99, void, ReleaseTensorTypeAndShapeInfo, OrtShape *)
ORT_SLOT(api, 238, OrtStatus *, GetSessionConfigEntry, const OrtOptions *, const char *, char *,
         size_t *)
ORT_SLOT(api, 272, OrtStatus *, ReadOpAttr, const OrtAttr *, int, void *, size_t, size_t *)
ORT_SLOT(api, 274, OrtStatus *, KernelContext_ParallelFor, const OrtContext *,
         void (*)(void *, size_t), size_t, size_t, void *)
ORT_SLOT(api, 289, OrtStatus *, GetValueInfoName, const OrtValueInfo *, const char **)
ORT_SLOT(api, 290, OrtStatus *, GetValueInfoTypeInfo, const OrtValueInfo *, const OrtType **)
ORT_SLOT(api, 307, int, HardwareDevice_Type, const OrtDevice *)
ORT_SLOT(api, 317, const OrtFunction *, GetEpApi, void)
ORT_SLOT(api, 323, OrtStatus *, GetValueProducer, const OrtValueInfo *, const OrtNode **, size_t *)
ORT_SLOT(api, 324, OrtStatus *, GetValueNumConsumers, const OrtValueInfo *, size_t *)
ORT_SLOT(api, 325, OrtStatus *, GetValueConsumers, const OrtValueInfo *, const OrtNode **, int64_t *,
         size_t)
ORT_SLOT(api, 326, OrtStatus *, GetInitializerValue, const OrtValueInfo *, const OrtValue **)
ORT_SLOT(api, 330, OrtStatus *, IsGraphOutput, const OrtValueInfo *, bool *)
ORT_SLOT(api, 331, OrtStatus *, IsConstantInitializer, const OrtValueInfo *, bool *)
ORT_SLOT(api, 338, OrtStatus *, Graph_GetNumInputs, const OrtGraph *, size_t *)
ORT_SLOT(api, 339, OrtStatus *, Graph_GetInputs, const OrtGraph *, const OrtValueInfo **, size_t)
ORT_SLOT(api, 340, OrtStatus *, Graph_GetNumOutputs, const OrtGraph *, size_t *)
ORT_SLOT(api, 341, OrtStatus *, Graph_GetOutputs, const OrtGraph *, const OrtValueInfo **, size_t)
ORT_SLOT(api, 342, OrtStatus *, Graph_GetNumInitializers, const OrtGraph *, size_t *)
ORT_SLOT(api, 343, OrtStatus *, Graph_GetInitializers, const OrtGraph *, const OrtValueInfo **, size_t)
ORT_SLOT(api, 344, OrtStatus *, Graph_GetNumNodes, const OrtGraph *, size_t *)
ORT_SLOT(api, 345, OrtStatus *, Graph_GetNodes, const OrtGraph *, const OrtNode **, size_t)
ORT_SLOT(api, 349, OrtStatus *, Node_GetName, const OrtNode *, const char **)
ORT_SLOT(api, 350, OrtStatus *, Node_GetOperatorType, const OrtNode *, const char **)
ORT_SLOT(api, 351, OrtStatus *, Node_GetDomain, const OrtNode *, const char **)
ORT_SLOT(api, 352, OrtStatus *, Node_GetSinceVersion, const OrtNode *, int *)
ORT_SLOT(api, 353, OrtStatus *, Node_GetNumInputs, const OrtNode *, size_t *)
ORT_SLOT(api, 354, OrtStatus *, Node_GetInputs, const OrtNode *, const OrtValueInfo **, size_t)
ORT_SLOT(api, 355, OrtStatus *, Node_GetNumOutputs, const OrtNode *, size_t *)
ORT_SLOT(api, 356, OrtStatus *, Node_GetOutputs, const OrtNode *, const OrtValueInfo **, size_t)
ORT_SLOT(api, 357, OrtStatus *, Node_GetNumImplicitInputs, const OrtNode *, size_t *)
ORT_SLOT(api, 359, OrtStatus *, Node_GetNumAttributes, const OrtNode *, size_t *)
ORT_SLOT(api, 360, OrtStatus *, Node_GetAttributes, const OrtNode *, const OrtAttr **, size_t)
ORT_SLOT(api, 361, OrtStatus *, Node_GetAttributeByName, const OrtNode *, const char *,
         const OrtAttr **)
ORT_SLOT(api, 363, OrtStatus *, OpAttr_GetType, const OrtAttr *, int *)
ORT_SLOT(api, 364, OrtStatus *, OpAttr_GetName, const OrtAttr *, const char **)
ORT_SLOT(api, 365, OrtStatus *, Node_GetNumSubgraphs, const OrtNode *, size_t *)

typedef struct Provider Provider; /* OrtEp */
typedef struct Factory Factory;   /* OrtEpFactory */
typedef struct Compute Compute;   /* OrtNodeComputeInfo */

typedef struct {
    uint32_t version;
    bool drop_constant_initializers;
} FusionOptions; /* OrtNodeFusionOptions */

ORT_SLOT(ep_api, 0, OrtStatus *, CreateEpDevice, Factory *, const OrtDevice *, const OrtPairs *,
         const OrtPairs *, OrtEpDevice **)
ORT_SLOT(ep_api, 2, OrtStatus *, AddNodesToFuse, OrtSupport *, const OrtNode *const *, size_t,
         const FusionOptions *)

struct Compute {
    uint32_t version;
    OrtStatus *(*create_state)(Compute *, void *context, void **state);
    OrtStatus *(*compute)(Compute *, void *state, OrtContext *);
    void (*release_state)(Compute *, void *state);
};

struct Provider {
    uint32_t version;
    const char *(*get_name)(const Provider *);
    OrtStatus *(*get_capability)(Provider *, const OrtGraph *, OrtSupport *);
    OrtStatus *(*compile)(Provider *, const OrtGraph **, const OrtNode **fused, size_t count,
                          Compute **, OrtNode **);
    void (*release_computes)(Provider *, Compute **, size_t count);
    OrtFunction optional[8]; /* layouts, dynamic options, run hooks, allocators, streams: not used */
};

struct Factory {
    uint32_t version;
    const char *(*get_name)(const Factory *);
    const char *(*get_vendor)(const Factory *);
    OrtStatus *(*get_supported_devices)(Factory *, const OrtDevice *const *, size_t count,
                                        OrtEpDevice **, size_t capacity, size_t *used);
    OrtStatus *(*create_ep)(Factory *, const OrtDevice *const *, const OrtPairs *const *, size_t,
                            const OrtOptions *, const OrtLogger *, Provider **);
    void (*release_ep)(Factory *, Provider *);
    uint32_t (*get_vendor_id)(const Factory *);
    const char *(*get_version)(const Factory *);
    OrtFunction validate_compiled_model; /* not used */
    OrtStatus *(*create_allocator)(Factory *, const void *memory, const OrtPairs *, void **allocator);
    void (*release_allocator)(Factory *, void *allocator);
    OrtStatus *(*create_data_transfer)(Factory *, void **transfer);
    bool (*is_stream_aware)(const Factory *);
    OrtFunction create_stream; /* not used */
    OrtFunction later[6];      /* appended by later versions: null */
};

#endif

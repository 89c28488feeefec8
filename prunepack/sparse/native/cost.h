/* How long a layer takes, dense and sparse: a linear model whose rates are measured per machine. */
#ifndef PRUNEPACK_COST_H
#define PRUNEPACK_COST_H

#include <stdint.h>

/* Nanoseconds, of one thread; a vector is 16 floats. Names and order are those of `Rates` in prunepack/sparse/rates.py. */
typedef struct {
    double dense_conv;   /* per multiplication of a convolution in onnxruntime */
    double dense_many;   /* per multiplication of a matrix product with 32 or more input vectors */
    double dense_few;    /* per weight and 4 input vectors, if they are fewer than 32 */
    double dense_one;    /* per weight, one input vector */
    double sparse_many;  /* per nonzero weight and vector of positions */
    double sparse_one;   /* per nonzero weight, one input vector */
    double pack;         /* per vector of packed inputs */
    double finish;       /* per vector of sums, each block */
    double call;         /* per layer */
} Rates;

enum { RATES = sizeof(Rates) / sizeof(double) };

typedef struct {
    int is_conv, is_depthwise;
    int64_t rows, columns, groups; /* of the layer; columns per group */
    int64_t positions;             /* output positions or input vectors */
    int64_t nonzeros, blocks;
    int lanes;
} Shape;

double dense_ns(const Rates *, const Shape *);
double sparse_ns(const Rates *, const Shape *);

#endif

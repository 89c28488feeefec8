/* Activations that a graph writes as several nodes. */
#ifndef PRUNEPACK_ACTIVATION_H
#define PRUNEPACK_ACTIVATION_H

#include "graph.h"

/* Take the nodes that compute an activation of the match's output, as exporters write it: SiLU as
 * Sigmoid and Mul, GELU as Div, Erf, Add and Mul, and so on. Returns 0 if there are none. */
int take_activation(const Taken *, Match *);

#endif

#include "cost.h"

/* A tap of a depthwise convolution takes longer than one of many channels, in any kernel. */
static double depthwise_ns(const Rates *r, const Shape *s)
{
    return 4 * (double)s->rows * (double)s->columns * (double)s->positions * r->dense_conv;
}

double dense_ns(const Rates *r, const Shape *s)
{
    const double weights = (double)s->rows * (double)s->columns, n = (double)s->positions;
    if (s->is_depthwise)
        return depthwise_ns(r, s);
    if (s->is_conv)
        return weights * n * r->dense_conv;
    if (s->positions == 1)
        return weights * r->dense_one;
    double few = weights * r->dense_few * (double)((s->positions + 3) / 4), many = weights * n * r->dense_many;
    return s->positions >= 32 || many > few ? many : few;
}

double sparse_ns(const Rates *r, const Shape *s)
{
    if (s->is_depthwise)
        return depthwise_ns(r, s);
    if (!s->is_conv && s->positions < 4)
        return r->call + (double)s->nonzeros * (double)s->positions * r->sparse_one;
    const double vectors = (double)((s->positions + s->lanes - 1) / s->lanes * s->lanes) / 16;
    const double packed = (double)s->columns * (double)s->groups, sums = (double)s->rows * (double)(s->blocks + 1);
    return r->call + vectors * ((double)s->nonzeros * r->sparse_many + packed * r->pack + sums * r->finish);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Drawn requests for models, and how often the best cache that there can be would hit. */
#ifndef TESTS_CACHE_TRACE_H
#define TESTS_CACHE_TRACE_H

enum { TRACE_MODELS = 20, TRACE_PLACES = 5, TRACE_LENGTH = 20000 };

struct trace {
	int models[TRACE_LENGTH]; /* which one each request is for, from 0 on */
};

/* Draws requests by Zipf's law: model i is asked for as often as 1 / (i + 1)^s. */
void trace_draw_zipf(struct trace *t, double s);
/* Draws requests of which 97% go to four models, and the others to all others. */
void trace_draw_four(struct trace *t);

/*
 * The part of the requests that hit if whoever is needed latest leaves: Belady, "A study of
 * replacement algorithms for a virtual-storage computer" (1966). No cache that loads what is
 * asked for does better.
 */
double trace_optimum(const struct trace *t);

#endif

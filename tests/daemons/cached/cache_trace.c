/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_trace.h"

#include <math.h>
#include <stdint.h>

/* xorshift64*, so that every run draws the same trace. */
static double draw(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return (double)((*seed * 2685821657736338717u) >> 11) / 9007199254740992.0;
}

static void draw_trace(const double *weights, struct trace *trace)
{
	uint64_t seed = 20240120;
	double total = 0;

	for (int i = 0; i < TRACE_MODELS; i++)
		total += weights[i];
	for (int t = 0; t < TRACE_LENGTH; t++) {
		double at = draw(&seed) * total;
		int model = 0;
		while (model < TRACE_MODELS - 1 && at >= weights[model])
			at -= weights[model++];
		trace->models[t] = model;
	}
}

void trace_draw_zipf(struct trace *t, double s)
{
	double weights[TRACE_MODELS];

	for (int i = 0; i < TRACE_MODELS; i++)
		weights[i] = 1 / pow(i + 1, s);
	draw_trace(weights, t);
}

void trace_draw_four(struct trace *t)
{
	double weights[TRACE_MODELS];

	for (int i = 0; i < TRACE_MODELS; i++)
		weights[i] = i < 4 ? 0.97 / 4 : 0.03 / (TRACE_MODELS - 4);
	draw_trace(weights, t);
}

/* The place of a model, or the number of those that are taken. */
static int place_of(const int *held, int count, int model)
{
	int i = 0;

	while (i < count && held[i] != model)
		i++;
	return i;
}

static int next_use(const struct trace *t, int from, int model)
{
	while (from < TRACE_LENGTH && t->models[from] != model)
		from++;
	return from;
}

/* Whose next use is latest, of all places. */
static int latest(const struct trace *t, int from, const int *held)
{
	int at = 0, use = -1;

	for (int i = 0; i < TRACE_PLACES; i++) {
		int next = next_use(t, from, held[i]);
		if (next > use) {
			use = next;
			at = i;
		}
	}
	return at;
}

double trace_optimum(const struct trace *t)
{
	int held[TRACE_PLACES], count = 0, hits = 0;

	for (int i = 0; i < TRACE_LENGTH; i++) {
		int at = place_of(held, count, t->models[i]);
		hits += at < count;
		if (at == count && count < TRACE_PLACES)
			count++;
		else if (at == count)
			at = latest(t, i, held);
		held[at] = t->models[i];
	}
	return (double)hits / TRACE_LENGTH;
}

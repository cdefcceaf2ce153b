/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events: from the workers through the fleet's queue to the listener, on the caller's thread.
 * What a worker posts is a copy in an arena of its own, so that the worker goes on at once.
 */
#include "play/run_state.h"

struct posted {
	struct arena arena;
	struct run_event event;
};

static void posted_free(void *data)
{
	struct posted *p = data;

	arena_release(&p->arena);
	free(p);
}

void run_tell(const struct run *run, struct run_event e)
{
	if (e.at_ns == 0)
		e.at_ns = clock_ns();
	if (run->o->listener)
		run->o->listener(run->o->listener_data, &e);
}

void runner_post(struct runner *r, struct run_event e)
{
	if (!r->run->o->listener || !r->worker)
		return;
	struct posted *p = xcalloc(1, sizeof(*p));
	p->event = e;
	p->event.host = r->host;
	p->event.play = r->playing ? r->playing->play : NULL;
	p->event.title = arena_strdup(&p->arena, e.title);
	p->event.label = arena_strdup(&p->arena, e.label);
	p->event.text = arena_strdup(&p->arena, e.text);
	p->event.delegate = arena_strdup(&p->arena, e.delegate);
	p->event.result = e.result ? value_copy(&p->arena, e.result) : NULL;
	if (e.step)
		p->event.place = include_place_of(&r->place, e.step->index);
	p->event.at_ns = clock_ns();
	fleet_post(r->worker, (int)e.kind, p, posted_free);
}

void runner_warn(struct runner *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	autofree char *text = xvasprintf(fmt, ap);
	va_end(ap);
	runner_post(r, (struct run_event){.kind = RUN_WARNING, .text = text});
}

/* The host whose worker an event is of. */
static struct run_host *host_of(const struct fleet_event *e)
{
	return e->host ? e->host->data : NULL;
}

void run_listen(void *data, const struct fleet_event *e)
{
	struct playing *p = data;
	struct run_event out = {.play = p->play,
		.host = host_of(e),
		.number = e->number,
		.total = e->total,
		.text = e->text,
		.at_ns = e->at_ns};

	if (out.host && (e->kind == FLEET_EVENT_START || e->kind == FLEET_EVENT_END))
		out.host->fleet = e->kind == FLEET_EVENT_START ? e->host : NULL;
	switch (e->kind) {
	case FLEET_EVENT_BATCH:
		p->batches[e->number].size = (unsigned)e->total;
		meet_begin(p, (unsigned)e->number);
		playing_batch_magic(p, (unsigned)e->number);
		out.kind = RUN_BATCH;
		break;
	case FLEET_EVENT_START: out.kind = RUN_HOST; break;
	case FLEET_EVENT_PHASE:
		out.kind = RUN_PHASE;
		out.text = e->phase;
		break;
	case FLEET_EVENT_RESULT: run_tell(p->run, ((struct posted *)e->payload)->event); return;
	case FLEET_EVENT_END: out.kind = RUN_HOST_END; break;
	case FLEET_EVENT_STOP:
		p->run->stopped = true;
		out.kind = RUN_STOP;
		break;
	case FLEET_EVENT_TICK: run_tick(p); return;
	default: return;
	}
	run_tell(p->run, out);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "play/run_state.h"

#include <unistd.h>

#define TICK_SECONDS 0.2 /* how soon a second interrupt is noticed */

/* ---- while workers work ---- */

void run_tick(struct playing *p)
{
	const struct run *run = p->run;

	if (cancel_level(run->o->cancel) > 1 && cancel_level(&run->shared->hard) == 0)
		cancel_request(&run->shared->hard);
	if (run->o->tick > 0)
		run_tell(run, (struct run_event){.kind = RUN_TICK, .play = p->play});
}

static struct fleet_options fleet_options_of(const struct playing *p)
{
	const struct run_options *o = p->run->o;

	return (struct fleet_options){
		.forks = o->forks,
		.serial = p->serial,
		.serial_count = p->serial_count,
		.max_fail_percentage = p->max_fail_percentage,
		.any_errors_fatal = p->any_errors_fatal,
		.host_timeout = o->host_timeout,
		.tick = o->tick > 0 && o->tick < TICK_SECONDS ? o->tick : TICK_SECONDS,
		.cancel = o->cancel,
	};
}

/* ---- a play ---- */

/* Ends the run, saying why, unless that was said already. */
static void stop(struct playing *p, const char *why)
{
	if (!p->run->stopped)
		run_tell(p->run,
			(struct run_event){.kind = RUN_STOP, .play = p->play, .text = why});
	p->run->stopped = true;
}

/* A play of one batch whose failure is no business of the plays that follow. */
static bool stands_alone(const struct playing *p, const struct batch *b)
{
	return p->run->o->plays_apart && b->size == p->count;
}

/* The limits once more when a play is over: those of its last batch. */
static void judge(struct playing *p)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct batch *b = &p->batches[i];
		if (b->size > 0 && (unsigned)b->failed >= b->size && !stands_alone(p, b))
			stop(p, "all hosts of the batch failed");
		else if (b->over)
			stop(p, "more hosts of the batch failed than the play allows");
	}
	if (cancel_level(p->run->o->cancel) > 0)
		stop(p, "interrupted");
}

int play_run(struct playing *p, struct err *err)
{
	struct fleet_options o = fleet_options_of(p);

	for (size_t i = 0; i < p->count; i++)
		p->hosts[i]->runner->playing = p;
	if (fleet_run(p->fleet, p->count, &o, runner_work, run_listen, p, err) < 0)
		return -1;
	judge(p);
	return 0;
}

static int run_one_play(struct run *run, size_t number, struct err *err)
{
	AUTO(playing_release) struct playing p = {.number = run->shared->plays++};
	const struct play *play = run->playbook->plays[number];

	if (playing_init(&p, run, play, err) < 0)
		return -1;
	run_tell(run, (struct run_event){.kind = RUN_PLAY, .play = play, .title = p.title});
	int result = 0;
	if (p.count > 0)
		result = play_run(&p, err);
	else if (p.selected == 0)
		run_tell(run, (struct run_event){.kind = RUN_WARNING,
				      .play = play,
				      .text = "skipping the play: no hosts matched"});
	run_tell(run, (struct run_event){.kind = RUN_PLAY_END, .play = play});
	return result;
}

/* ---- taking back what was confirmed ---- */

/* The hosts whose last confirmed transaction was of the play. */
static void list_confirmed(struct playing *p)
{
	struct run *run = p->run;

	pthread_mutex_init(&p->names_lock, NULL);
	p->hosts = arena_array(&p->arena, run->count + 1, sizeof(*p->hosts));
	p->fleet = arena_array(&p->arena, run->count + 1, sizeof(*p->fleet));
	p->batches = arena_array(&p->arena, run->count + 1, sizeof(*p->batches));
	p->all_names = value_new_list(&p->arena);
	p->title = p->play->name ? p->play->name : "";
	for (size_t i = 0; i < run->count; i++) {
		struct run_host *h = &run->hosts[i];
		if (h->runner->confirmed_play != p->play)
			continue;
		p->fleet[p->count] = (struct fleet_host){.name = h->name, .data = h};
		p->hosts[p->count++] = h;
		h->runner->playing = p;
	}
}

/* Takes back the hosts that have confirmed a play, and forgets that they had. */
static int take_back_play(struct run *run, const struct play *play, struct err *err)
{
	AUTO(playing_release) struct playing p = {.run = run, .play = play};
	struct fleet_options o = {
		.forks = run->o->forks,
		.max_fail_percentage = -1,
		.tick = TICK_SECONDS,
		.cancel = &run->shared->hard,
	};

	list_confirmed(&p);
	int result = fleet_run(p.fleet, p.count, &o, runner_take_back, run_listen, &p, err);
	for (size_t i = 0; i < p.count; i++) {
		p.hosts[i]->runner->confirmed_play = NULL;
		p.hosts[i]->runner->playing = NULL;
	}
	return result < 0 ? -1 : 0;
}

int play_take_back(struct run *run, struct err *err)
{
	for (size_t i = 0; i < run->count; i++) {
		const struct play *play = run->hosts[i].runner->confirmed_play;
		if (play && take_back_play(run, play, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- the run ---- */

static int run_plays(struct run *run, struct err *err)
{
	for (size_t i = 0; i < run->playbook->count && !run->stopped; i++) {
		if (cancel_level(run->o->cancel) > 0) {
			run->stopped = true;
			break;
		}
		if (run_one_play(run, i, err) < 0)
			return -1;
	}
	return 0;
}

/* Makes what all playbooks of a run share, before the first of them. */
static int prepare(struct run *run, struct err *err)
{
	if (run->shared)
		return 0;
	run->shared = run_shared_new(err);
	if (!run->shared)
		return -1;
	for (size_t i = 0; i < run->count; i++)
		run->hosts[i].runner = runner_new(run, &run->hosts[i]);
	return 0;
}

int run_playbook(struct run *run, struct err *err)
{
	if (prepare(run, err) < 0 || run_plays(run, err) < 0)
		return -1;
	/* An interrupt leaves alone what was finished before it. */
	if (run->stopped && run->o->rollback_on_abort && cancel_level(run->o->cancel) == 0)
		return play_take_back(run, err);
	return 0;
}

/* Ends a host's links and frees its runner. */
static int end_host(struct fleet_worker *w, void *data, struct err *err)
{
	struct run_host *h = data;

	(void)w;
	(void)err;
	runner_free(STEAL(h->runner));
	return 0;
}

/* All hosts at once: the end of a link is round trips, too. */
static void end_hosts(struct run *run)
{
	autofree struct fleet_host *fleet = xcalloc(run->count + 1, sizeof(*fleet));
	const struct fleet_options o = {.max_fail_percentage = -1};
	size_t count = 0;

	for (size_t i = 0; i < run->count; i++)
		if (run->hosts[i].runner)
			fleet[count++] = (struct fleet_host){
				.name = run->hosts[i].name, .data = &run->hosts[i]};
	fleet_run(fleet, count, &o, end_host, NULL, NULL, NULL);
	for (size_t i = 0; i < run->count; i++)
		end_host(NULL, &run->hosts[i], NULL); /* who got no worker */
}

void run_release(struct run *run)
{
	end_hosts(run);
	run_part(run);
	run_shared_free(run->shared);
	run->shared = NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of a play's lines (play_text.h tells which): a key for each task, a position for
 * each host, and the lines that are held back until all hosts have come to their task. Internal
 * to cli/.
 */
#ifndef CLI_PLAY_ORDER_H
#define CLI_PLAY_ORDER_H

#include "cli/show.h"

/* Behind all keys. */
#define PLAY_ORDER_END UINT64_MAX

/* The parts of a play in their order; after each of the first, its handlers. */
enum section {
	SECTION_PRE = 1,
	SECTION_TASKS = 3,
	SECTION_POST = 5,
	SECTION_UNDO = 7 /* taken back: health checks, then what became of it */
};

/* One task's lines. */
struct task_lines {
	uint64_t key;
	char *banner;
	bool shown; /* the banner is printed */
	struct strbuf lines;
	struct strbuf errors; /* that go to standard error */
};

/* How far a host is in the play. */
struct place_of_host {
	uint64_t key;
	enum section section;
	uint64_t task; /* number of its last task that is no handler */
	bool flushed;  /* that task was a flush_handlers */
	bool begun, ended;
};

struct play_order {
	bool hides;           /* a task without lines has no heading */
	uint64_t batch_hosts; /* hosts of the batch */
	struct place_of_host *hosts;
	uint64_t floor; /* all hosts of the batch have reached this key */
	uint64_t last;  /* the key whose banner was printed last */
	struct {
		struct task_lines *items; /* sorted by key */
		size_t count, cap;
	} groups;
};

/* Makes it for the hosts of a run. */
void play_order_init(struct play_order *o, const struct show *s);
/* Frees what it holds. */
void play_order_release(struct play_order *o);
/* The key of a section's task and handler. */
uint64_t play_order_key(unsigned section, uint64_t task, uint64_t handler);
/*
 * The key of the task that a host works on now. Handlers come behind the task that flushed
 * them, else behind all tasks of their section, whichever of those this host did.
 */
uint64_t play_order_key_of(struct place_of_host *h, const struct run_event *e);
/* Where a host is. */
struct place_of_host *play_order_place(
	struct play_order *o, const struct show *s, const struct run_host *h);
/* The group of a key, made where it is new. */
struct task_lines *play_order_group(struct play_order *o, uint64_t key);
/* Prints what all hosts have reached. */
void play_order_flush(struct play_order *o, struct strbuf *out);
/* The same once a host has moved. */
void play_order_advance(struct play_order *o, const struct show *s, struct strbuf *out);
/* Prints all, and forgets where the hosts were. */
void play_order_end(struct play_order *o, const struct show *s, struct strbuf *out);

#endif

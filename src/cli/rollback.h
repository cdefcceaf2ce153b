/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of `modelfleet rollback` share. Internal to cli/.
 *
 * A rollback's life: rollback_look reads the site as it is and opens the store without its
 * lock; rollback_plan says what would change where; then, under the lock, the move is written
 * and committed (history/move.h), and a deploy of that model is run with the site loaded anew.
 * What was looked at lives to the end: the move, and a lease on a store of another host, refer
 * to it.
 */
#ifndef CLI_ROLLBACK_H
#define CLI_ROLLBACK_H

#include "cli/deploy.h"
#include "history/move.h"
#include "registry/reports.h"

struct rollback_options {
	const char *hosts; /* --hosts: pins instead of moving all */
	const char *note;
	bool previous, unpin, yes, no_deploy, push, undo_on_failure;
};

/* One version of a model, and who has to do with it. */
struct rollback_version {
	char *name;
	bool stored, current, previous;
	bool sized; /* bytes are known */
	uint64_t bytes;
	struct strlist pinned; /* hosts whose overrides name it */
	struct strlist runs;   /* hosts that run it, by their last reports */
};

/* A model of the registry, or of the store alone, with all its versions, newest first. */
struct rollback_model {
	const char *name;
	const struct model *model; /* NULL: the registry does not have it */
	struct {
		struct rollback_version *items;
		size_t count, cap;
	} versions;
};

struct rollback_models {
	struct rollback_model *items;
	size_t count, cap;
};

/* The site and its store as they are before anything is changed. */
struct rollback_look {
	struct site site;
	struct registry_site registry; /* of all hosts; does not open the store */
	struct store *store;
};

/* What happens to a host that has the model. */
struct rollback_host {
	const char *name;
	const char *from,
		*to;      /* the same where its pin keeps it, or where only the pin moves */
	bool pinned;      /* now */
	bool moves;       /* is deployed to */
	const char *runs; /* as far as deploys have said so far; NULL: not known */
	struct vars_view *view;
	struct place place; /* where its version is said */
};

/* How many hosts something is about. */
struct rollback_touched {
	struct strmap configs;  /* destination -> number of hosts as a pointer */
	struct strmap services; /* name -> likewise */
};

struct rollback_plan {
	const struct model *model;
	const char *to;          /* NULL: pins are taken away */
	struct strlist selected; /* the hosts of --hosts that have the model */
	struct {
		struct rollback_host *items;
		size_t count, cap;
	} hosts;
	struct rollback_touched touched;
	struct move move;
};

struct rollback {
	struct deploy deploy; /* its engine is the command's */
	struct rollback_options o;
	struct rollback_look look;
	struct rollback_plan plan;
	struct arena arena;
};

/* ---- looking (rollback_look.c) ---- */

/*
 * Reads the site, and opens the store without taking its lock. -1 with err, or without a text
 * in it when findings that were printed say what is wrong. Warnings are printed with
 * `warnings`: a deploy prints them itself.
 */
int rollback_look(struct rollback *r, bool warnings, struct err *err);
/* Takes the store's lock, or the lease where it lies on another host; held to the end. */
int rollback_lock(struct rollback *r, struct err *err);
/* Closes what it opened; also one that failed. */
void rollback_look_release(struct rollback_look *l);
/*
 * The model of a name. ERR_NOTFOUND with the nearest name; ERR_UNSUPPORTED where hosts have
 * registries that say its version in several places.
 */
const struct model *rollback_find(
	const struct rollback_look *l, const char *name, struct err *err);
/* Appends the versions of a model that the store has, newest first, between commas. */
void rollback_describe_versions(
	const struct rollback_look *l, const char *model, struct strbuf *out);

/* ---- listing (rollback_list.c, rollback_print.c) ---- */

/* Lists all models, or one. The exit code, or -1 with err. */
int rollback_list(struct rollback *r, const char *only, struct err *err);
/* Prints the list: for people, with names of hosts where there is one model. */
void rollback_print_models(
	const struct rollback *r, const struct rollback_models *models, bool one);
/* Prints one JSON object a model. */
void rollback_print_models_json(const struct rollback *r, const struct rollback_models *models);

/* ---- planning (rollback_plan.c, rollback_touched.c, rollback_show.c) ---- */

/*
 * Finds out what would change where, and prepares the move without writing. `version` NULL:
 * --previous, or --unpin. Whatever speaks against it is told here. -1 with err.
 */
int rollback_plan(struct rollback *r, const char *model, const char *version, struct err *err);
/* Frees it. */
void rollback_plan_release(struct rollback_plan *p);
/* Notes the configs and services that a host's variables name with the model. */
void rollback_note_touched(
	struct rollback_touched *t, struct vars_view *view, const char *model);
/* Frees both maps. */
void rollback_touched_release(struct rollback_touched *t);
/* Prints the plan, as words or as JSON. */
void rollback_show_plan(const struct rollback *r);

/* ---- doing (rollback_go.c, rollback_state.c) ---- */

/* Shows what would cross the links and change. The exit code, or -1 with err. */
int rollback_check(struct rollback *r, struct err *err);
/* Asks, locks, commits, deploys, and undoes. The exit code, or -1 with err. */
int rollback_go(struct rollback *r, struct err *err);
/* Says how a move that was only committed comes to the hosts. */
void rollback_show_way_on(const struct rollback *r);
/* Notes what hosts run now that a deploy is over; with `undone` it was the way back. */
void rollback_note_state(struct rollback *r, bool undone);
/* Says which hosts run what after a deploy that did not do all, and how to go on or back. */
void rollback_show_state(const struct rollback *r, bool undone);
/* Says that something happened: a line for people, or an event. */
void rollback_say(const struct rollback *r, const char *event, const char *commit,
	const char *fmt, ...) PRINTF_LIKE(4, 5);

#endif

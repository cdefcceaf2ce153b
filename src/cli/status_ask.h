/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to one node, sent behind each other without waiting; answers are taken in their
 * order. Internal to fleet-status.
 */
#ifndef CLI_STATUS_ASK_H
#define CLI_STATUS_ASK_H

#include "cli/status.h"

#define ASK_ROOT 0  /* the number that sync_host gives the models' directory */
#define ASK_MAX  16 /* questions under way: their answers wait in memory */

struct asker;
struct question;
/*
 * Takes an answer, or the node's error in `why`. -1 with err for what cannot be understood.
 * NULL in its place: the answer does not matter.
 */
typedef int (*question_take)(struct asker *a, const struct question *q, struct err *err);

struct question {
	uint32_t id;
	question_take take;
	struct strbuf answer;
	struct err why; /* the node's ERROR, if that was the answer */
	/* What it is about, as far as its kind needs it: */
	size_t number;
	const char *path, *model;
	const struct value *models;
};

/* One host that is asked. */
struct asker {
	struct status_host *host;
	struct line *line;
	uint16_t ctx; /* of the user who owns the models */
	deadline until;
	const struct cancel *cancel;
	double stall; /* seconds without a sign of life */
	struct question questions[ASK_MAX];
	size_t count;
	struct {
		struct question *items;
		size_t count, cap;
	} denied; /* configs that the login user may not read */
};

/* Sends a question; `about` (may be NULL) says what it is about. */
int ask_later(struct asker *a, uint8_t kind, uint16_t ctx, const void *data, size_t n,
	question_take take, const struct question *about, struct err *err);
/* The same for a module of the node; args live in the host's arena. */
int ask_module(struct asker *a, uint16_t ctx, const char *module, const struct value *args,
	question_take take, const struct question *about, struct err *err);
/* Waits for all answers. -1 with err when the line broke. */
int ask_settle(struct asker *a, struct err *err);
/* Frees what the asker holds. */
void ask_release(struct asker *a);

/* Asks for the configs that name models, and for the links that lead to them. */
int ask_configs(struct asker *a, struct err *err);
/* Asks again, by another user's helper, for configs that the login user may not read. */
int ask_denied_configs(struct asker *a, uint16_t ctx, struct err *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module ensure: a state that only programs of the node know and make (rules of a firewall,
 * answers to debconf). A step asks a program, and has others run where its answer is not the
 * one that is wanted. The engine has put the words together; nothing here knows what they mean.
 */
#include <string.h>

#include "node/module.h"

#define STEPS_MAX  64
#define ANSWER_MAX (256u << 10) /* bytes of what a program answers */
#define STATUS_MAX 255

const struct node_arg ensure_args[] = {
	{"steps", ARG_LIST | ARG_REQUIRED},
	{"note", ARG_TEXT},
	{"environment", ARG_DICT},
	{NULL, 0},
};

static const char *const environment[] = {"LC_ALL=C.UTF-8",
	"LANGUAGE=", "DEBIAN_FRONTEND=noninteractive", "DEBCONF_NONINTERACTIVE_SEEN=true",
	NULL};

struct step {
	struct node_call *call;
	const struct item *item;
	const char *const *query;
	const char *says; /* what an answer that means yes contains; NULL: its status tells */
	bool want;
	int64_t no_max; /* a query's status beyond it is a failure, not a no */
};

/* The words of a list, NULL-terminated; NULL with err when it has none. */
static const char *const *read_words(
	struct node_call *c, const struct item *list, struct err *err)
{
	uint32_t count = list && list->type == ITEM_LIST ? list->count : 0;
	const char **words = arena_array(c->arena, count + 1u, sizeof(*words));

	for (uint32_t i = 0; i < count; i++) {
		const struct item *it = &list->items[i];
		if (it->type != ITEM_STRING || memchr(it->text, 0, it->len)) {
			err_set(err, ERR_INPUT, "a command holds what is no text");
			return NULL;
		}
		words[i] = arena_strndup(c->arena, it->text, it->len);
	}
	if (count == 0)
		err_set(err, ERR_INPUT, "a command has no words");
	return count > 0 ? words : NULL;
}

static int read_step(
	struct step *s, struct node_call *c, const struct item *item, struct err *err)
{
	*s = (struct step){.call = c,
		.item = item,
		.query = read_words(c, item_get(item, "query"), err),
		.says = item_text(c->arena, item, "says"),
		.want = item_bool(item, "want", true),
		.no_max = item_int(item, "no_max", STATUS_MAX)};
	return s->query ? 0 : -1;
}

static int run_program(struct node_call *c, struct call_program *p, struct err *err)
{
	p->env = call_environment(c, environment, err);
	if (!p->env)
		return -1;
	p->output_max = ANSWER_MAX;
	if (call_run(c, p, err) == 0)
		return 0;
	if (err->code == ERR_NOTFOUND)
		return err_set(err, ERR_NOTFOUND,
			"Failed to find required executable \"%s\": is it installed on the "
			"node?",
			p->argv[0]);
	return -1;
}

static int complain(struct node_call *c, const struct call_program *p, struct err *err)
{
	const char *said = call_program_says(c->arena, p);

	return err_set(err, ERR_SYSTEM, "%s ended with %d: %s", p->argv[0], p->status,
		said ? said : "it gave no reason");
}

/* 1 when the program's answer is the one that is wanted, 0 when not, -1 with err. */
static int ask(struct step *s, struct err *err)
{
	AUTO(call_program_release) struct call_program p = {.argv = s->query};

	if (run_program(s->call, &p, err) < 0)
		return -1;
	if (p.status > s->no_max)
		return complain(s->call, &p, err);
	item_put_stringn(s->call->out, NULL, p.out.data, p.out.len);
	bool yes = p.status == 0 && (!s->says || strstr(p.out.data, s->says));
	return yes == s->want;
}

/* Runs what makes it so. */
static int act(struct step *s, struct err *err)
{
	const struct item *change = item_get(s->item, "change");
	const char *input = item_text(s->call->arena, s->item, "input");
	uint32_t count = change && change->type == ITEM_LIST ? change->count : 0;

	for (uint32_t i = 0; i < count; i++) {
		AUTO(call_program_release)
		struct call_program p = {.argv = read_words(s->call, &change->items[i], err),
			.input = input,
			.input_len = input ? strlen(input) : 0};
		if (!p.argv || run_program(s->call, &p, err) < 0)
			return -1;
		if (p.status != 0)
			return complain(s->call, &p, err);
	}
	return 0;
}

/* In words, for the report of a transaction that cannot take this back. */
static int note(struct step *s, struct err *err)
{
	const char *text = call_text_or_null(s->call, "note");

	return transaction_record_note(call_transaction(s->call),
		text ? text : arena_printf(s->call->arena, "ran %s", s->query[0]), err);
}

/* 1 when the step changes something, 0 when all is as it should be, -1 with err. */
static int ensure(struct node_call *c, const struct item *item, struct err *err)
{
	struct step s;

	if (read_step(&s, c, item, err) < 0)
		return -1;
	int fits = ask(&s, err);
	if (fits != 0)
		return fits < 0 ? -1 : 0;
	if (c->check)
		return 1;
	return note(&s, err) < 0 || act(&s, err) < 0 ? -1 : 1;
}

int node_ensure(struct node_call *c, struct err *err)
{
	const struct item *steps = item_get(c->args, "steps");
	bool changed = false;

	if (steps->count > STEPS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d steps", STEPS_MAX);
	item_open_list(c->out, "answers");
	for (uint32_t i = 0; i < steps->count; i++) {
		int result = ensure(c, &steps->items[i], err);
		if (result < 0)
			return -1;
		changed |= result > 0;
	}
	item_close(c->out);
	item_put_bool(c->out, "changed", changed);
	return 0;
}

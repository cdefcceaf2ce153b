/* SPDX-License-Identifier: Apache-2.0 */
#include "play/keywords.h"

#include <ctype.h>

#include "base/suggest.h"
#include "play/parse.h"
#include "play/readers.h"

enum {
	PLAY = KEYWORD_PLAY,
	BLOCK = KEYWORD_BLOCK,
	STEP = KEYWORD_TASK | KEYWORD_HANDLER,
	INNER = BLOCK | STEP | KEYWORD_TASK_IMPORT,
	ROLE = KEYWORD_ROLE,
	ALL = PLAY | INNER | ROLE
};

#define OF_PLAY(member)  .read = read_play_value, .detail = offsetof(struct play, member)
#define OF_STEPS(member) .read = read_play_steps, .detail = offsetof(struct play, member)
#define OF_BLOCK(member) .read = read_block_steps, .detail = offsetof(struct block, member)
#define OF_TASK(member)  .read = read_task_value, .detail = offsetof(struct task, member)
#define OF_TRANSACTION(member)                                                                 \
	.read = read_play_value, .detail = offsetof(struct play, transaction.member)
#define ATTRIBUTE(which) .read = read_attribute, .detail = ATTRIBUTE_##which

/* The steps of a play and a block are read in this order, which is the order they run in. */
static const struct keyword keywords[] = {
	{"name", ALL | KEYWORD_IMPORT, KEYWORD_TEXT, .read = read_name},
	{"hosts", PLAY, KEYWORD_TEXTS, .read = read_hosts},
	{"vars", ALL | KEYWORD_IMPORT, KEYWORD_ANY, .read = read_vars},
	{"vars_files", PLAY, KEYWORD_ANY, .read = read_vars_files},
	{"vars_prompt", PLAY, KEYWORD_ANY, .read = read_vars_prompt},
	{"tags", ALL | KEYWORD_IMPORT, KEYWORD_TAGS, .read = read_tags},
	{"when", INNER | ROLE | KEYWORD_IMPORT, KEYWORD_CONDITIONS, .read = read_when},

	{"collections", ALL, KEYWORD_TEXTS, ATTRIBUTE(COLLECTIONS)},

	/* Inherited. */
	{"become", ALL, KEYWORD_BOOL, ATTRIBUTE(BECOME)},
	{"become_user", ALL, KEYWORD_TEXT, ATTRIBUTE(BECOME_USER)},
	{"become_method", ALL, KEYWORD_TEXT, ATTRIBUTE(BECOME_METHOD)},
	{"become_flags", ALL, KEYWORD_TEXT, ATTRIBUTE(BECOME_FLAGS)},
	{"remote_user", ALL, KEYWORD_TEXT, ATTRIBUTE(REMOTE_USER)},
	{"user", PLAY, KEYWORD_TEXT, ATTRIBUTE(REMOTE_USER)},
	{"port", ALL, KEYWORD_INT, ATTRIBUTE(PORT)},
	{"connection", ALL, KEYWORD_TEXT, ATTRIBUTE(CONNECTION)},
	{"check_mode", ALL, KEYWORD_BOOL, ATTRIBUTE(CHECK_MODE)},
	{"diff", ALL, KEYWORD_BOOL, ATTRIBUTE(DIFF)},
	{"no_log", ALL, KEYWORD_BOOL, ATTRIBUTE(NO_LOG)},
	{"ignore_errors", ALL, KEYWORD_BOOL, ATTRIBUTE(IGNORE_ERRORS)},
	{"ignore_unreachable", ALL, KEYWORD_BOOL, ATTRIBUTE(IGNORE_UNREACHABLE)},
	{"any_errors_fatal", ALL, KEYWORD_BOOL, ATTRIBUTE(ANY_ERRORS_FATAL)},
	{"environment", ALL, KEYWORD_ENVIRONMENT, .read = read_environment},
	{"timeout", ALL, KEYWORD_INT, ATTRIBUTE(TIMEOUT)},
	{"run_once", ALL, KEYWORD_BOOL, ATTRIBUTE(RUN_ONCE)},
	{"throttle", ALL, KEYWORD_INT, ATTRIBUTE(THROTTLE)},
	{"become_exe", ALL, KEYWORD_TEXT, ATTRIBUTE(BECOME_EXE)},
	{"delegate_facts", INNER | ROLE, KEYWORD_BOOL, ATTRIBUTE(DELEGATE_FACTS)},
	{"module_defaults", ALL, KEYWORD_ANY, .read = read_module_defaults},
	{"debugger", ALL, KEYWORD_TEXT, .read = read_debugger},
	{"delegate_to", INNER | ROLE, KEYWORD_TEXT, ATTRIBUTE(DELEGATE_TO)},
	{"notify", INNER, KEYWORD_TEXTS, ATTRIBUTE(NOTIFY)},

	/* A play's. */
	{"gather_facts", PLAY, KEYWORD_BOOL, OF_PLAY(gather_facts)},
	{"gather_subset", PLAY, KEYWORD_TEXTS, OF_PLAY(gather_subset)},
	{"gather_timeout", PLAY, KEYWORD_INT, OF_PLAY(gather_timeout)},
	{"fact_path", PLAY, KEYWORD_TEXT, OF_PLAY(fact_path)},
	{"serial", PLAY, KEYWORD_PERCENTS, OF_PLAY(serial)},
	{"max_fail_percentage", PLAY, KEYWORD_PERCENT, OF_PLAY(max_fail_percentage)},
	{"force_handlers", PLAY, KEYWORD_BOOL, OF_PLAY(force_handlers)},
	{"order", PLAY, KEYWORD_TEXT, .read = read_order},
	{"strategy", PLAY, KEYWORD_TEXT, .read = read_strategy},
	{"transaction", PLAY, KEYWORD_ANY, .read = read_transaction},
	{"confirm_timeout", KEYWORD_TRANSACTION, KEYWORD_NUMBER,
		OF_TRANSACTION(confirm_timeout)},
	{"soak", KEYWORD_TRANSACTION, KEYWORD_NUMBER, OF_TRANSACTION(soak)},
	{"pre_tasks", PLAY, KEYWORD_STEPS, OF_STEPS(pre_tasks)},
	{"roles", PLAY, KEYWORD_STEPS, .read = read_roles},
	{"tasks", PLAY, KEYWORD_STEPS, OF_STEPS(tasks)},
	{"post_tasks", PLAY, KEYWORD_STEPS, OF_STEPS(post_tasks)},
	{"handlers", PLAY, KEYWORD_STEPS, OF_STEPS(handlers)},

	/* A block's. */
	{"block", BLOCK, KEYWORD_STEPS, OF_BLOCK(block)},
	{"rescue", BLOCK, KEYWORD_STEPS, OF_BLOCK(rescue)},
	{"always", BLOCK, KEYWORD_STEPS, OF_BLOCK(always)},

	/* A task's; parse_action reads the first three. */
	{"action", STEP, KEYWORD_ANY, .read = read_elsewhere},
	{"local_action", STEP, KEYWORD_ANY, .read = read_elsewhere},
	{"args", STEP | KEYWORD_TASK_IMPORT, KEYWORD_ANY, .read = read_elsewhere},
	{"register", STEP, KEYWORD_NAME, .read = read_register},
	{"loop", STEP, KEYWORD_ANY, .read = read_loop},
	{"loop_control", STEP, KEYWORD_ANY, .read = read_loop_control},
	{"until", STEP, KEYWORD_CONDITIONS, OF_TASK(until)},
	{"retries", STEP, KEYWORD_INT, OF_TASK(retries)},
	{"delay", STEP, KEYWORD_NUMBER, OF_TASK(delay)},
	{"async", STEP, KEYWORD_INT, OF_TASK(async)},
	{"poll", STEP, KEYWORD_INT, OF_TASK(poll)},
	{"changed_when", STEP, KEYWORD_CONDITIONS, OF_TASK(changed_when)},
	{"failed_when", STEP, KEYWORD_CONDITIONS, OF_TASK(failed_when)},
	{"listen", KEYWORD_HANDLER, KEYWORD_TEXTS, .read = read_listen},

	/* A role's; other keys are its parameters. */
	{"role", ROLE, KEYWORD_TEXT, .read = read_elsewhere},

	{"loop_var", KEYWORD_LOOP_CONTROL, KEYWORD_NAME, .read = read_elsewhere},
	{"index_var", KEYWORD_LOOP_CONTROL, KEYWORD_NAME, .read = read_elsewhere},
	{"label", KEYWORD_LOOP_CONTROL, KEYWORD_ANY, .read = read_elsewhere},
	{"pause", KEYWORD_LOOP_CONTROL, KEYWORD_NUMBER, .read = read_elsewhere},
	{"extended", KEYWORD_LOOP_CONTROL, KEYWORD_BOOL, .read = read_elsewhere},
	{"extended_allitems", KEYWORD_LOOP_CONTROL, KEYWORD_BOOL, .read = read_elsewhere},
	{"break_when", KEYWORD_LOOP_CONTROL, KEYWORD_CONDITIONS, .read = read_elsewhere},
};

const struct keyword *keyword_at(size_t i)
{
	return i < ARRAY_SIZE(keywords) ? &keywords[i] : NULL;
}

const struct keyword *keyword_find(const char *name, unsigned where)
{
	for (size_t i = 0; i < ARRAY_SIZE(keywords); i++)
		if ((keywords[i].where & where) && strcmp(keywords[i].name, name) == 0)
			return &keywords[i];
	return NULL;
}

bool variable_name_valid(const char *name)
{
	static const char *const reserved[] = {"False", "None", "True", "and", "as", "assert",
		"async", "await", "break", "class", "continue", "def", "del", "elif", "else",
		"except", "finally", "for", "from", "global", "if", "import", "in", "is",
		"lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while",
		"with", "yield"};

	if (*name == '\0' || isdigit((unsigned char)*name))
		return false;
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '_')
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
		if (strcmp(name, reserved[i]) == 0)
			return false;
	return true;
}

const char *keyword_home(const struct keyword *k)
{
	static const struct {
		unsigned where;
		const char *title;
	} homes[] = {{PLAY, "a play"}, {KEYWORD_TASK, "a task"}, {BLOCK, "a block"},
		{KEYWORD_LOOP_CONTROL, "loop_control"}, {KEYWORD_TRANSACTION, "transaction"},
		{ROLE, "a role"}};

	for (size_t i = 0; i < ARRAY_SIZE(homes); i++)
		if (k->where & homes[i].where)
			return homes[i].title;
	return "a handler";
}

static void report_unknown(struct parser *p, const struct target *t, const struct value *key)
{
	const struct keyword *elsewhere = keyword_find(key->text, ~0u);
	struct suggestion near = {0};
	char found[FOUND_MAX];

	found_string(key->text, found);
	if (elsewhere) {
		diag_error(p->diags, &key->place, "%s is a keyword of %s, not of %s", found,
			keyword_home(elsewhere), t->title);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(keywords); i++)
		if (keywords[i].where & t->where)
			suggest_add(&near, key->text, keywords[i].name);
	if (near.word)
		diag_error(p->diags, &key->place,
			"%s is no keyword of %s; did you mean \"%s\"?", found, t->title,
			near.word);
	else
		diag_error(p->diags, &key->place, "%s is no keyword of %s", found, t->title);
}

/* True for what needs the variables that stand beside it. */
static bool is_late(const struct keyword *k)
{
	return k->type == KEYWORD_STEPS || k->type == KEYWORD_TAGS;
}

static void read_one(struct parser *p, struct target *t, const struct value_pair *pair,
	bool (*other)(struct target *t, const char *name))
{
	const char *name = value_text(pair->key);
	char found[FOUND_MAX];

	if (!name) {
		diag_error(p->diags, &pair->key->place, "found %s, expected a keyword of %s",
			found_text(pair->key, found), t->title);
		return;
	}
	const struct keyword *k = keyword_find(name, t->where);
	if (!k) {
		if (!other || !other(t, name))
			report_unknown(p, t, pair->key);
		return;
	}
	if (!k->read)
		diag_error(p->diags, &pair->key->place, "\"%s\" is not supported yet", name);
	else if (!is_late(k) && keyword_check(p, k, pair))
		k->read(p, t, k, pair->value);
}

void keywords_read(
	struct parser *p, struct target *t, bool (*other)(struct target *t, const char *name))
{
	value_dict_foreach (pair, t->source)
		read_one(p, t, pair, other);
	for (size_t i = 0; i < ARRAY_SIZE(keywords); i++) {
		const struct keyword *k = &keywords[i];
		const struct value *v;
		if (!is_late(k) || !(k->where & t->where))
			continue;
		v = value_dict_get(t->source, k->name);
		if (v)
			k->read(p, t, k, v);
	}
}

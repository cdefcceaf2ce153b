/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module `pip`. What is installed is learnt from the Python's own records, so that a
 * second run needs no network and changes nothing.
 */
#include "node/pip.h"

#include <string.h>

#include "node/words.h"

const struct node_arg pip_args[] = {
	{"names", ARG_LIST},
	{"wheels", ARG_LIST},
	{"requirements", ARG_TEXT},
	{"virtualenv", ARG_TEXT},
	{"virtualenv_command", ARG_TEXT},
	{"virtualenv_python", ARG_TEXT},
	{"virtualenv_site_packages", ARG_BOOL},
	{"executable", ARG_TEXT},
	{"state", ARG_TEXT},
	{"extra_args", ARG_TEXT},
	{"editable", ARG_BOOL},
	{"chdir", ARG_TEXT},
	{"umask", ARG_TEXT},
	{0},
};

/* A state: what pip is told, and whether that is needed although all is there. */
static const struct state {
	const char *name;
	const char *words[4];
	bool always;
	bool removes;
} states[] = {
	{"present", {"install"}, false, false},
	{"latest", {"install", "--upgrade"}, true, false},
	{"forcereinstall", {"install", "--upgrade", "--force-reinstall"}, true, false},
	{"absent", {"uninstall", "--yes"}, false, true},
};

static const struct state *find_state(const char *name, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		if (strcmp(states[i].name, name) == 0)
			return &states[i];
	}
	err_set(err, ERR_INPUT,
		"no state %s of a package: present, latest, forcereinstall, absent", name);
	return NULL;
}

const char *pip_wheel_requirement(struct arena *a, const char *file, struct err *err)
{
	AUTO(strlist_release) struct strlist parts = {0};

	if (str_ends(file, ".whl") && !strchr(file, '/'))
		strlist_split(&parts, file, "-");
	if (parts.count < 5 || parts.count > 6) {
		err_set(err, ERR_INPUT,
			"%s is no wheel's name: NAME-VERSION-PYTHON-ABI-PLATFORM.whl", file);
		return NULL;
	}
	return arena_printf(a, "%s==%s", parts.items[0], parts.items[1]);
}

static int add_wheel(struct pip_task *t, const struct item *given, struct err *err)
{
	const char *file = item_text(t->call->arena, given, "name");

	if (!file)
		return err_set(err, ERR_INPUT, "a wheel is a dict with name and content");
	const char *text = pip_wheel_requirement(t->call->arena, file, err);
	if (!text)
		return -1;
	*VEC_PUSH(&t->wants) = (struct pip_want){.text = text, .wheel = file, .given = given};
	return 0;
}

int pip_read_wants(struct pip_task *t, struct err *err)
{
	const char *const *names = call_list(t->call, "names", err);
	const struct item *wheels = item_get(t->call->args, "wheels");
	const char *requirements;

	if (!names || call_path_or_null(t->call, "requirements", &requirements, err) < 0)
		return -1;
	for (; *names; names++) {
		if (**names == '-' || !**names)
			return err_set(err, ERR_INPUT, "\"%s\" names no package", *names);
		*VEC_PUSH(&t->wants) = (struct pip_want){.text = *names};
	}
	for (uint32_t i = 0; wheels && wheels->type == ITEM_LIST && i < wheels->count; i++) {
		if (add_wheel(t, &wheels->items[i], err) < 0)
			return -1;
	}
	if (requirements)
		*VEC_PUSH(&t->wants) = (struct pip_want){.text = requirements, .is_file = true};
	if (t->wants.count > PIP_NAMES_MAX)
		return err_set(
			err, ERR_LIMIT, "more than %d packages in one task", PIP_NAMES_MAX);
	return 0;
}

static int task_init(struct pip_task *t, struct node_call *c, struct err *err)
{
	const char *extra = call_text_or_null(c, "extra_args");
	const char *state = call_text_or_null(c, "state");

	*t = (struct pip_task){.call = c,
		.state = state ? state : "present",
		.out = STRBUF_INIT,
		.err = STRBUF_INIT};
	if (call_path_or_null(c, "virtualenv", &t->virtualenv, err) < 0 ||
		call_path_or_null(c, "chdir", &t->chdir, err) < 0 || pip_read_wants(t, err) < 0)
		return -1;
	if (t->virtualenv)
		t->python = arena_printf(c->arena, "%s/bin/python", t->virtualenv);
	if (!extra || !extra[strspn(extra, " ")])
		return 0;
	t->extra = words_split(c->arena, extra, NULL, err);
	return t->extra ? 0 : err_wrap(err, "extra_args");
}

static void task_release(struct pip_task *t)
{
	strlist_release(&t->pip);
	free(t->wants.items);
	strmap_release(&t->before, NULL);
	scratch_release(&t->scratch);
	strlist_release(&t->command);
	strbuf_release(&t->out);
	strbuf_release(&t->err);
}

/* True for a want that the state needs pip for. */
static bool is_open(const struct state *s, const struct pip_want *w)
{
	if (s->removes)
		return w->answer != PIP_UNMET;
	return s->always || w->answer != PIP_MET;
}

static bool has_work(const struct pip_task *t, const struct state *s)
{
	for (size_t i = 0; i < t->wants.count; i++) {
		if (is_open(s, &t->wants.items[i]))
			return true;
	}
	return false;
}

/* True when a wheel that is to be installed has only its name yet. */
static bool needs_content(const struct pip_task *t, const struct state *s)
{
	for (size_t i = 0; !s->removes && i < t->wants.count; i++) {
		const struct pip_want *w = &t->wants.items[i];
		const struct item *content = w->wheel ? item_get(w->given, "content") : NULL;
		if (w->wheel && is_open(s, w) && (!content || content->type == ITEM_NULL))
			return true;
	}
	return false;
}

/* The word that names a want to pip: a wheel's file where it is to be installed. */
static int add_want(
	struct pip_task *t, const struct state *s, const struct pip_want *w, struct err *err)
{
	struct node_call part = *t->call;
	struct change_content content;

	if (w->is_file)
		strlist_add(&t->command, "-r");
	if (!w->wheel || s->removes || !is_open(s, w)) {
		strlist_add(&t->command, w->text);
		return 0;
	}
	part.args = w->given;
	if (call_content(&part, "content", &content, err) < 0)
		return -1;
	const char *path = scratch_put(&t->scratch, part.arena, w->wheel, &content, err);
	if (!path)
		return -1;
	strlist_add(&t->command, path);
	return 0;
}

static int build_command(struct pip_task *t, const struct state *s, struct err *err)
{
	for (size_t i = 0; i < t->pip.count; i++)
		strlist_add(&t->command, t->pip.items[i]);
	for (const char *const *w = s->words; *w; w++)
		strlist_add(&t->command, *w);
	for (const char *const *w = t->extra; w && *w; w++)
		strlist_add(&t->command, *w);
	if (item_bool(t->call->args, "editable", false))
		strlist_add(&t->command, "--editable");
	for (size_t i = 0; i < t->wants.count; i++) {
		if (s->removes && !is_open(s, &t->wants.items[i]))
			continue;
		if (add_want(t, s, &t->wants.items[i], err) < 0)
			return -1;
	}
	return 0;
}

static int note(struct pip_task *t, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	strbuf_addstr(&text, "packages are not taken back:");
	for (size_t i = 0; i < t->command.count; i++)
		strbuf_addf(&text, " %s", t->command.items[i]);
	return transaction_record_note(call_transaction(t->call), text.data, err);
}

static bool put_difference(
	struct item_writer *out, const char *name, const char *before, const char *after)
{
	if (str_cmp0(before, after) == 0)
		return false;
	item_open_dict(out, NULL);
	item_put_string(out, "name", name);
	item_put_string(out, "before", before);
	item_put_string(out, "after", after);
	item_close(out);
	return true;
}

/* Asks again what is installed and writes what differs: how many, or -1. */
static int put_differences(struct pip_task *t, struct err *err)
{
	struct strmap after = {0};
	int count = 0;

	if (pip_probe(t, &after, false, err) < 0) {
		strmap_release(&after, NULL);
		return -1;
	}
	item_open_list(t->call->out, "packages");
	strmap_foreach (e, &after)
		count += put_difference(
			t->call->out, e->key, strmap_get(&t->before, e->key), e->value);
	strmap_foreach (e, &t->before) {
		if (!strmap_has(&after, e->key))
			count += put_difference(t->call->out, e->key, e->value, NULL);
	}
	item_close(t->call->out);
	strmap_release(&after, NULL);
	return count;
}

static void put_result(struct pip_task *t, bool changed)
{
	struct item_writer *out = t->call->out;

	item_put_bool(out, "changed", changed);
	item_open_list(out, "cmd");
	for (size_t i = 0; i < t->command.count; i++)
		item_put_string(out, NULL, t->command.items[i]);
	item_close(out);
	item_put_stringn(out, "stdout", t->out.data, t->out.len);
	item_put_stringn(out, "stderr", t->err.data, t->err.len);
}

/* What is left once the environment is there: 0, or -1 with err. */
static int work(struct pip_task *t, const struct state *s, bool made, struct err *err)
{
	int changes;

	pip_find(t);
	if (pip_probe(t, &t->before, true, err) < 0)
		return -1;
	if (!has_work(t, s) || t->call->check) {
		item_open_list(t->call->out, "packages");
		item_close(t->call->out);
		put_result(t, made || has_work(t, s));
		return 0;
	}
	if (needs_content(t, s)) {
		item_put_bool(t->call->out, "need", true);
		put_result(t, made);
		return 0;
	}
	if (build_command(t, s, err) < 0 || note(t, err) < 0 ||
		pip_run(t, &t->command, err) < 0 || (changes = put_differences(t, err)) < 0)
		return -1;
	put_result(t, made || changes > 0 || strcmp(s->name, "forcereinstall") == 0);
	return 0;
}

static int run_task(struct node_call *c, struct err *err)
{
	AUTO(task_release) struct pip_task t = {0};

	if (task_init(&t, c, err) < 0)
		return -1;
	const struct state *s = find_state(t.state, err);
	if (!s)
		return -1;
	bool make = pip_lacks_virtualenv(&t);
	if (make && (c->check || s->removes)) {
		put_result(&t, !s->removes);
		return 0;
	}
	if (make && pip_make_virtualenv(&t, err) < 0)
		return -1;
	return work(&t, s, make, err);
}

/* The umask that the programs of this call get: the login's, unless the argument says. */
static int read_umask(struct node_call *c, mode_t *mask, struct err *err)
{
	const char *text = call_text_or_null(c, "umask");
	char *end;

	if (!text)
		return 0;
	unsigned long value = strtoul(text, &end, 8);
	if (!*text || *end || value > 0777)
		return err_set(err, ERR_INPUT, "umask must be an octal integer");
	*mask = (mode_t)value;
	return 0;
}

int node_pip(struct node_call *c, struct err *err)
{
	mode_t of_login = c->node->login_umask;

	if (read_umask(c, &c->node->login_umask, err) < 0)
		return -1;
	int result = run_task(c, err);
	c->node->login_umask = of_login;
	return result;
}

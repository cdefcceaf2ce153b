/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module `sysctl`: a value of the kernel, in a file of `sysctl -p` and, where that is asked
 * for, in the kernel. The file is put back by a transaction, what the kernel was told is not.
 */
#include <ctype.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "node/tools.h"
#include "node/change.h"

#define SYSCTL_FILE     "/etc/sysctl.conf"
#define SYSCTL_FILE_MAX (4u << 20)
#define BLANKS          " \t\n\v\f\r"

const struct node_arg sysctl_args[] = {
	{"name", ARG_TEXT | ARG_REQUIRED},
	{"value", ARG_TEXT},
	{"state", ARG_TEXT},
	{"reload", ARG_BOOL},
	{"sysctl_set", ARG_BOOL},
	{"ignoreerrors", ARG_BOOL},
	{"sysctl_file", ARG_TEXT},
	{0},
};

struct sysctl_work {
	struct node_call *call;
	const char *name, *value, *file;
	bool present, reload, set, ignore;
	const char *in_file;   /* the last value that the file gives it; NULL: none */
	bool known;            /* the kernel knows the name, */
	const char *in_kernel; /* and this is its value */
	struct strbuf fixed;   /* the file as it should be */
	bool changed, write, tell_kernel;
};

/* A text without white space around it, in the arena. */
static const char *stripped(struct arena *a, const char *text, size_t n)
{
	while (n > 0 && isspace((unsigned char)text[n - 1]))
		n--;
	while (n > 0 && isspace((unsigned char)*text)) {
		text++;
		n--;
	}
	return arena_strndup(a, text, n);
}

/* "yes" and its kin are 1, "no" and its kin 0. */
static const char *value_of(struct arena *a, const char *text)
{
	static const struct {
		const char *word, *value;
	} words[] = {{"y", "1"}, {"yes", "1"}, {"on", "1"}, {"1", "1"}, {"true", "1"},
		{"t", "1"}, {"1.0", "1"}, {"n", "0"}, {"no", "0"}, {"off", "0"}, {"0", "0"},
		{"false", "0"}, {"f", "0"}, {"0.0", "0"}};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcasecmp(words[i].word, text) == 0)
			return words[i].value;
	}
	return stripped(a, text, strlen(text));
}

static int read_work(struct sysctl_work *w, struct err *err)
{
	struct node_call *c = w->call;
	const char *name = call_text(c, "name", err), *value = call_text_or_null(c, "value");
	const char *state = call_text_or_null(c, "state");

	if (!name || call_path_or_null(c, "sysctl_file", &w->file, err) < 0)
		return -1;
	w->name = stripped(c->arena, name, strlen(name));
	w->value = value ? value_of(c->arena, value) : "";
	w->present = !state || strcmp(state, "present") == 0;
	w->file = w->file ? w->file : SYSCTL_FILE;
	w->reload = item_bool(c->args, "reload", true);
	w->set = item_bool(c->args, "sysctl_set", false);
	w->ignore = item_bool(c->args, "ignoreerrors", false);
	if (!*w->name)
		return err_set(err, ERR_INPUT, "name cannot be blank");
	if (w->present && !*w->value)
		return err_set(err, ERR_INPUT,
			value ? "value cannot be blank" : "value cannot be None");
	if (strpbrk(w->name, "\n=") || strchr(w->value, '\n'))
		return err_set(err, ERR_INPUT,
			"name and value are one line, and the name has no \"=\"");
	return 0;
}

/* ---- the file ---- */

/* Splits a line at its "="; false for comments, blank lines and those without one. */
static bool read_setting(
	struct arena *a, const char *line, size_t n, const char **key, const char **value)
{
	const char *equals = memchr(line, '=', n);

	if (n == 0 || *line == '#' || *line == ';' || !equals)
		return false;
	*key = stripped(a, line, (size_t)(equals - line));
	*value = stripped(a, equals + 1, n - (size_t)(equals + 1 - line));
	return true;
}

/* One line of the file; what was set before in it is left out. */
static void fix_line(struct sysctl_work *w, const char *text, size_t n, struct strlist *seen)
{
	struct arena *a = w->call->arena;
	const char *line = stripped(a, text, n), *key, *value;

	if (!read_setting(a, line, strlen(line), &key, &value)) {
		strbuf_addf(&w->fixed, "%s\n", line);
		return;
	}
	bool ours = strcmp(key, w->name) == 0, again = strlist_has(seen, key);
	if (ours)
		w->in_file = value;
	if (again)
		return;
	strlist_add(seen, key);
	if (!ours)
		strbuf_addf(&w->fixed, "%s=%s\n", key, value);
	else if (w->present)
		strbuf_addf(&w->fixed, "%s=%s\n", key, w->value);
}

static int read_file(struct sysctl_work *w, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(strlist_release) struct strlist seen = {0};
	struct stat st;

	if (stat(w->file, &st) == 0 && S_ISREG(st.st_mode) &&
		file_read(w->file, SYSCTL_FILE_MAX, &text, err) < 0)
		return err_wrap(err, "Failed to open %s", w->file);
	for (const char *line = text.data; *line;) {
		size_t n = strcspn(line, "\n");
		fix_line(w, line, n, &seen);
		line += n + (line[n] == '\n');
	}
	if (w->present && !strlist_has(&seen, w->name))
		strbuf_addf(&w->fixed, "%s=%s\n", w->name, w->value);
	return 0;
}

/* ---- the kernel ---- */

/* Values are the same when their words are. */
static bool same_words(const char *a, const char *b)
{
	for (;;) {
		a += strspn(a, BLANKS);
		b += strspn(b, BLANKS);
		size_t n = strcspn(a, BLANKS);
		if (n != strcspn(b, BLANKS) || memcmp(a, b, n) != 0)
			return false;
		if (n == 0)
			return true;
		a += n;
		b += n;
	}
}

static void read_kernel(struct sysctl_work *w)
{
	AUTO(strlist_release) struct strlist argv = {0};
	AUTO(tools_release) struct tools r = TOOLS_INIT(w->call);
	const char *words[] = {"sysctl", "-e", "-n", w->name};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		strlist_add(&argv, words[i]);
	w->known = tools_ask(&r, &argv, NULL) == 0 && r.rc == 0;
	w->in_kernel = arena_strdup(w->call->arena, r.out.data);
}

/* What sysctl complains of although it ends with 0. */
static bool complains(const char *text)
{
	static const char *const ends[] = {": Invalid argument", ": Read-only file system"};

	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		size_t n = strcspn(text, "\n");
		if (!str_starts(text, "sysctl: setting key \""))
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
			size_t len = strlen(ends[i]);
			if (n > len && memcmp(text + n - len, ends[i], len) == 0)
				return true;
		}
	}
	return false;
}

/* Runs sysctl with up to three words; `what` begins the error. */
static int run_sysctl(
	struct sysctl_work *w, const char *a, const char *b, const char *what, struct err *err)
{
	AUTO(strlist_release) struct strlist argv = {0};
	AUTO(tools_release) struct tools r = TOOLS_INIT(w->call);

	strlist_add(&argv, "sysctl");
	if (w->ignore)
		strlist_add(&argv, "-e");
	strlist_add(&argv, a);
	strlist_add(&argv, b);
	if (tools_run(&r, &argv, NULL, err) < 0)
		return -1;
	if (r.rc == 0 && !complains(r.err.data))
		return 0;
	return err_set(err, ERR_SYSTEM, "%s: %s%s", what, r.out.data, r.err.data);
}

/* ---- what follows ---- */

static void decide(struct sysctl_work *w)
{
	bool differs = w->present && !(w->known && same_words(w->in_kernel, w->value));

	w->write = w->present ? !w->in_file || strcmp(w->in_file, w->value) != 0
			      : w->in_file && *w->in_file;
	/* What is gone from the file was never asked of the kernel. */
	bool compared = !w->write && w->in_file && w->reload;
	w->changed = w->write || (compared && differs) || (w->set && differs);
	w->tell_kernel = w->set && differs && w->known;
}

static int write_file(struct sysctl_work *w, struct err *err)
{
	struct change_write write = {.call = w->call,
		.path = w->file,
		.content = {.data = w->fixed.data, .len = w->fixed.len},
		.umask = 022};

	return change_write(call_transaction(w->call), &write, err);
}

static int apply(struct sysctl_work *w, struct err *err)
{
	struct arena *a = w->call->arena;

	if (w->tell_kernel && run_sysctl(w, "-w", arena_printf(a, "%s=%s", w->name, w->value),
				      arena_printf(a, "setting %s failed", w->name), err) < 0)
		return -1;
	if (w->write && write_file(w, err) < 0)
		return -1;
	if (!w->changed || !w->reload)
		return 0;
	return run_sysctl(w, "-p", w->file, "Failed to reload sysctl", err);
}

int node_sysctl(struct node_call *c, struct err *err)
{
	struct sysctl_work w = {.call = c, .fixed = STRBUF_INIT};
	int result = read_work(&w, err);

	if (result == 0)
		result = tools_need(c, "sysctl", err);
	if (result == 0)
		result = read_file(&w, err);
	if (result == 0) {
		read_kernel(&w);
		decide(&w);
		item_put_bool(c->out, "changed", w.changed);
		result = c->check ? 0 : apply(&w, err);
	}
	strbuf_release(&w.fixed);
	return result;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module `hostname`: what the node is called now, and what it will be called after a boot.
 * Where systemd runs, hostnamectl knows both; elsewhere a file has the name for the next boot,
 * whole or in one of its lines, and a transaction puts that file back.
 */
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"
#include "node/facts.h"
#include "node/tools.h"

#define NAME_MAX_SYSTEMD 64
#define FILE_MAX         (1u << 20)

const struct node_arg hostname_args[] = {
	{"name", ARG_TEXT | ARG_REQUIRED},
	{"use", ARG_TEXT},
	{0},
};

/* Where the name stands. Without a file: hostnamectl is asked. */
struct strategy {
	const char *use;    /* as the argument has it; NULL: found by the family alone */
	const char *family; /* of distributions that have it where systemd does not run */
	const char *file;
	const char *key; /* the name stands in the line that begins so; NULL: it is the file */
	const char *quote; /* around the name */
	bool tell_kernel;  /* by hostname -F */
};

static const struct strategy strategies[] = {
	{"systemd", NULL, NULL, NULL, "", false},
	{"debian", NULL, NULL, NULL, "", false},
	{NULL, "Debian", "/etc/hostname", NULL, "", false},
	{"alpine", "Alpine", "/etc/hostname", NULL, "", true},
	{"redhat", "RedHat", "/etc/sysconfig/network", "HOSTNAME=", "", false},
	{"openrc", "Gentoo", "/etc/conf.d/hostname", "hostname=", "\"", false},
	{"sles", "Suse", "/etc/HOSTNAME", NULL, "", false},
};

struct hostname_work {
	struct node_call *call;
	const char *name;
	const struct strategy *strategy;
	const char *current, *permanent; /* as they were */
	struct strbuf file;              /* the file as it was */
};

/* ---- which strategy ---- */

/* The node's distribution and family; what else is found with them is not told. */
static int read_distribution(struct facts *f, struct err *err)
{
	AUTO(strbuf_release) struct strbuf unused = STRBUF_INIT;
	struct item_writer out;

	item_begin(&out, &unused);
	f->out = &out;
	return facts_distribution(f, err);
}

static int strategy_of_node(struct hostname_work *w, struct err *err)
{
	struct facts f = facts_begin(w->call);

	if (facts_program(&f, "systemctl") && access("/run/systemd/system", F_OK) == 0) {
		w->strategy = &strategies[0];
		return 0;
	}
	if (read_distribution(&f, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(strategies); i++)
		if (str_cmp0(strategies[i].family, f.family) == 0)
			w->strategy = &strategies[i];
	if (w->strategy)
		return 0;
	return err_set(err, ERR_UNSUPPORTED,
		"hostname module cannot be used on platform Linux (%s)", f.distribution);
}

static int strategy_by_name(struct hostname_work *w, const char *use, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(strategies); i++)
		if (str_cmp0(strategies[i].use, use) == 0)
			w->strategy = &strategies[i];
	if (w->strategy)
		return 0;
	return err_set(err, ERR_UNSUPPORTED,
		"use: %s is no way to name this node: it runs Linux; there are alpine, debian, "
		"openrc, redhat, sles and systemd",
		use);
}

static int read_work(struct hostname_work *w, struct err *err)
{
	const char *use = call_text_or_null(w->call, "use");

	w->name = call_text(w->call, "name", err);
	if (!w->name)
		return -1;
	if (!*w->name || strpbrk(w->name, "\n\""))
		return err_set(err, ERR_INPUT, "name is one line that is not empty");
	return use ? strategy_by_name(w, use, err) : strategy_of_node(w, err);
}

/* ---- hostnamectl ---- */

static int complain(const struct tools *r, struct err *err)
{
	return err_set(err, ERR_SYSTEM, "Command failed rc=%d, out=%s, err=%s", r->rc,
		r->out.data, r->err.data);
}

static const char *ask_systemd(struct hostname_work *w, const char *which, struct err *err)
{
	AUTO(strlist_release) struct strlist argv = {0};
	AUTO(tools_release) struct tools r = TOOLS_INIT(w->call);

	strlist_add(&argv, "hostnamectl");
	strlist_add(&argv, which);
	strlist_add(&argv, "status");
	if (tools_ask(&r, &argv, err) < 0)
		return NULL;
	if (r.rc != 0) {
		complain(&r, err);
		return NULL;
	}
	strbuf_rtrim(&r.out);
	return arena_strdup(w->call->arena, r.out.data);
}

static int read_systemd(struct hostname_work *w, struct err *err)
{
	w->permanent = ask_systemd(w, "--static", err);
	w->current = w->permanent ? ask_systemd(w, "--transient", err) : NULL;
	return w->current ? 0 : -1;
}

static int tell_systemd(struct hostname_work *w, bool permanent, struct err *err)
{
	AUTO(strlist_release) struct strlist argv = {0};
	AUTO(tools_release) struct tools r = TOOLS_INIT(w->call);

	strlist_add(&argv, "hostnamectl");
	strlist_add(&argv, permanent ? "--pretty" : "--transient");
	if (permanent)
		strlist_add(&argv, "--static");
	strlist_add(&argv, "set-hostname");
	strlist_add(&argv, w->name);
	if (tools_run(&r, &argv, NULL, err) < 0)
		return -1;
	return r.rc == 0 ? 0 : complain(&r, err);
}

static int set_systemd(struct hostname_work *w, struct err *err)
{
	if (w->call->check)
		return 0;
	if (strlen(w->name) > NAME_MAX_SYSTEMD)
		return err_set(err, ERR_INPUT,
			"name cannot be longer than %d characters on systemd servers, try a "
			"shorter name",
			NAME_MAX_SYSTEMD);
	/* The permanent one first: a network manager would complain of the other. */
	if (strcmp(w->permanent, w->name) != 0 && tell_systemd(w, true, err) < 0)
		return -1;
	return strcmp(w->current, w->name) != 0 ? tell_systemd(w, false, err) : 0;
}

/* ---- files ---- */

/* The line of the file that has the name, and its length; NULL when there is none. */
static const char *find_line(const struct hostname_work *w, size_t *n)
{
	const char *line = w->file.data;

	while (*line && !str_starts(line, w->strategy->key)) {
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	*n = strcspn(line, "\n");
	return *line ? line : NULL;
}

/* The name in a text: without white space and quotes around it. */
static const char *name_in(struct hostname_work *w, const char *text, size_t n)
{
	const char *around = *w->strategy->quote ? " \t\"" : " \t\n";

	while (n > 0 && strchr(around, text[n - 1]))
		n--;
	while (n > 0 && strchr(around, *text)) {
		text++;
		n--;
	}
	return arena_strndup(w->call->arena, text, n);
}

static int read_name_file(struct hostname_work *w, struct err *err)
{
	const struct strategy *s = w->strategy;
	const char *line = NULL;
	struct stat st;
	size_t n = 0;

	if (stat(s->file, &st) == 0 && file_read(s->file, FILE_MAX, &w->file, err) < 0)
		return err_wrap(err, "failed to read hostname");
	if (!s->key)
		w->permanent = name_in(w, w->file.data, w->file.len);
	else if ((line = find_line(w, &n)))
		w->permanent = name_in(w, line + strlen(s->key), n - strlen(s->key));
	else
		w->permanent = "";
	w->current = w->permanent;
	return 0;
}

/* The file with the new name in it. */
static void compose(struct hostname_work *w, struct strbuf *out)
{
	const struct strategy *s = w->strategy;
	const char *line = NULL;
	size_t n = 0;

	if (s->key && (line = find_line(w, &n)))
		strbuf_add(out, w->file.data, (size_t)(line - w->file.data));
	else if (s->key)
		strbuf_add(out, w->file.data, w->file.len);
	if (s->key && !line && out->len > 0 && out->data[out->len - 1] != '\n')
		strbuf_addch(out, '\n');
	strbuf_addf(out, "%s%s%s%s", s->key ? s->key : "", s->quote, w->name, s->quote);
	strbuf_addstr(out, line ? line + n : "\n");
}

static int tell_kernel(struct hostname_work *w, struct err *err)
{
	AUTO(strlist_release) struct strlist argv = {0};
	AUTO(tools_release) struct tools r = TOOLS_INIT(w->call);

	strlist_add(&argv, "hostname");
	strlist_add(&argv, "-F");
	strlist_add(&argv, w->strategy->file);
	if (tools_run(&r, &argv, NULL, err) < 0)
		return -1;
	return r.rc == 0 ? 0 : complain(&r, err);
}

static int set_file(struct hostname_work *w, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (w->call->check || strcmp(w->permanent, w->name) == 0)
		return 0;
	compose(w, &text);
	struct change_write write = {.call = w->call,
		.path = w->strategy->file,
		.content = {.data = text.data, .len = text.len},
		.umask = 022};
	if (change_write(call_transaction(w->call), &write, err) < 0)
		return err_wrap(err, "failed to update hostname");
	return w->strategy->tell_kernel ? tell_kernel(w, err) : 0;
}

/* ---- what came of it ---- */

static int tell_facts(struct hostname_work *w, struct err *err)
{
	struct facts f = facts_begin(w->call);
	struct item_writer *out = w->call->out;
	const char *fqdn;
	struct utsname u;

	if (uname(&u) < 0)
		return err_sys(err, "uname");
	if (facts_fqdn(&f, u.nodename, &fqdn, err) < 0)
		return -1;
	const char *dot = strchr(fqdn, '.');
	item_open_dict(out, "ansible_facts");
	item_put_stringn(out, "ansible_hostname", w->name, strcspn(w->name, "."));
	item_put_string(out, "ansible_nodename", w->name);
	item_put_string(out, "ansible_fqdn", fqdn);
	item_put_string(out, "ansible_domain", dot ? dot + 1 : "");
	item_close(out);
	return 0;
}

static void tell_diff(const struct hostname_work *w)
{
	struct item_writer *out = w->call->out;
	const char *before = strcmp(w->name, w->current) != 0 ? w->current : w->permanent;

	item_open_dict(out, "diff");
	item_put_stringf(out, "after", "hostname = %s\n", w->name);
	item_put_stringf(out, "before", "hostname = %s\n", before);
	item_close(out);
}

static int ensure(struct hostname_work *w, struct err *err)
{
	bool by_file = w->strategy->file;

	if ((by_file ? read_name_file(w, err) : read_systemd(w, err)) < 0)
		return -1;
	bool changed = strcmp(w->current, w->name) != 0 || strcmp(w->permanent, w->name) != 0;
	if (changed && (by_file ? set_file(w, err) : set_systemd(w, err)) < 0)
		return -1;
	item_put_bool(w->call->out, "changed", changed);
	item_put_string(w->call->out, "name", w->name);
	if (changed)
		tell_diff(w);
	return tell_facts(w, err);
}

int node_hostname(struct node_call *c, struct err *err)
{
	struct hostname_work w = {.call = c, .file = STRBUF_INIT};
	int result = read_work(&w, err) < 0 ? -1 : ensure(&w, err);

	strbuf_release(&w.file);
	return result;
}

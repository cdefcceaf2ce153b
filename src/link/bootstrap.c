/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What runs on the node before there is a helper is a line for its login shell. It may be
 * any shell, so the line is `sh -c '...'` with a text that all of them leave alone: no single
 * quote, no newline, no backslash, no exclamation mark; values come in double quotes and
 * hold nothing that a shell would expand.
 */
#include "link/bootstrap.h"

#include <sys/utsname.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/vec.h"

#define UPLOAD_MAX (64u << 20)

const char *const link_default_remote_dirs[] = {"~/.cache/modelfleet",
	"/var/tmp/modelfleet-UID", "/tmp/modelfleet-UID", "/run/user/UID/modelfleet", NULL};

/* A directory of the node, and what its attempt to run a program there gave. */
struct node_dir {
	char *path;
	char *verdict; /* "runs", "noexec" or "denied" */
};

/* What the node said of itself. */
struct probe {
	char *machine; /* uname -m */
	char *system;  /* uname -s */
	struct node_dir *items;
	size_t count;
	size_t cap;
};

static void probe_release(struct probe *p)
{
	for (size_t i = 0; i < p->count; i++) {
		free(p->items[i].path);
		free(p->items[i].verdict);
	}
	free(p->items);
	free(p->machine);
	free(p->system);
}

/* True if a path can stand in double quotes inside single quotes, in every shell. */
static bool is_plain_path(const char *path)
{
	for (const char *c = path; *c; c++)
		if ((unsigned char)*c < ' ' || strchr("\"'$`\\!", *c))
			return false;
	return *path == '/' || str_starts(path, "~/");
}

static const char *const *remote_dirs(const struct bootstrap *b)
{
	return b->options->remote_dirs ? b->options->remote_dirs : link_default_remote_dirs;
}

/* The command that runs a file; a leading "~/" is for the login shell to expand. */
static char *run_command(const char *file)
{
	AUTO(strbuf_release) struct strbuf command = STRBUF_INIT;
	bool home = str_starts(file, "~/");

	strbuf_addstr(&command, home ? "exec ~/" : "exec ");
	strbuf_addshell(&command, home ? file + 2 : file);
	return strbuf_detach(&command, NULL);
}

/* Adds to an error what the login shell printed in place of a helper. */
static void add_noise(const struct pump *pump, struct err *err)
{
	AUTO(strbuf_release) struct strbuf said = STRBUF_INIT;

	if (pump->greeted || pump->scanner.noise.len == 0)
		return;
	transport_quote(&pump->scanner.noise, &said);
	autofree char *before = xstrdup(err->text);
	err_set(err, err->code, "%s; the login shell printed: %s", before, said.data);
}

/* True when the connection is well and only the program could not be run. */
static bool is_missing(const struct pump *pump)
{
	return !pump->greeted && pump->input_ended &&
	       pump->exit_code != pump->transport->ops->exit_lost;
}

/* Starts one helper: 0 with its HELLO received, 1 when it cannot be run, -1 for the rest. */
static int try_helper(struct bootstrap *b, deadline until, struct err *err)
{
	autofree char *command = run_command(b->file);
	struct frame hello = {.id = HELLO_ID, .kind = WIRE_HELLO};

	log_debug("%s: %s", b->options->name, command);
	if (b->transport->ops->start(b->transport, command, until, err) < 0)
		return -1;
	struct pump *pump = xmalloc(sizeof(*pump));
	pump_init(pump, b->transport, b->options->limiter, b->cancel);
	int failed = pump_control(pump, &hello, err);
	while (!failed && !pump->first)
		failed = pump_step(pump, until, err);
	if (!failed) {
		b->pump = pump;
		return 0;
	}
	int result = is_missing(pump) ? 1 : -1;
	add_noise(pump, err);
	b->transport->ops->stop(b->transport, 0);
	pump_release(pump);
	free(pump);
	return result;
}

/* Appends one directory to the probe's line, with what the node itself has to fill in. */
static void add_probe_dir(struct strbuf *out, const char *dir)
{
	bool home = str_starts(dir, "~/");
	const char *uid = strstr(dir, "UID");

	strbuf_addstr(out, " t \"");
	if (home)
		strbuf_addf(out, "$HOME/%s", dir + 2);
	else if (uid)
		strbuf_addf(out, "%.*s$u%s", (int)(uid - dir), dir, uid + 3);
	else
		strbuf_addstr(out, dir);
	strbuf_addf(out, "\" %s;", home ? "home" : "");
}

/*
 * The line that asks the node what it is and tries to run a program in each directory. One
 * that others could have made (in /tmp) must be a real directory of this user. Those that
 * were made for the attempt are removed again, except the first that can run programs.
 */
static void probe_command(const struct bootstrap *b, struct strbuf *out)
{
	strbuf_addstr(out,
		"sh -c 'umask 077; u=$(id -u); echo modelfleet-probe $(uname -m) $(uname -s);"
		" t() { f=\"$1/.probe-$$\"; v=denied; mkdir -p \"$1\" 2>/dev/null;"
		" if [ -h \"$1\" ] && [ -z \"$2\" ]; then :;"
		" elif [ -d \"$1\" ] && [ -O \"$1\" ] && chmod go-w \"$1\" &&"
		" printf \"#\\041/bin/sh\\nexit 0\\n\" 2>/dev/null >\"$f\";"
		" then chmod 700 \"$f\"; v=noexec; \"$f\" 2>/dev/null && v=runs; rm -f \"$f\"; "
		"fi;"
		" echo $v \"$1\";"
		" if [ -z \"$r\" ] && [ $v = runs ]; then r=1; else rmdir \"$1\" 2>/dev/null; "
		"fi; };"
		" r=;");
	for (const char *const *dir = remote_dirs(b); *dir; dir++)
		if (is_plain_path(*dir))
			add_probe_dir(out, *dir);
	strbuf_addch(out, '\'');
}

/* Takes the node's answer apart; lines before "modelfleet-probe" are the shell's noise. */
static bool probe_parse(struct probe *p, char *text)
{
	char *state = NULL;

	for (char *line = strtok_r(text, "\n", &state); line;
		line = strtok_r(NULL, "\n", &state)) {
		char *value = strchr(line, ' ');
		if (!value)
			continue;
		*value++ = '\0';
		if (strcmp(line, "modelfleet-probe") == 0 && !p->machine) {
			size_t n = strcspn(value, " ");
			p->machine = xstrndup(value, n);
			p->system = xstrdup(value[n] ? value + n + 1 : "");
		} else if (p->machine && p->count < 64 && is_plain_path(value)) {
			*VEC_PUSH(p) = (struct node_dir){xstrdup(value), xstrdup(line)};
		}
	}
	return p->machine != NULL;
}

/* Asks the node what it is. */
static int probe_node(struct bootstrap *b, struct probe *p, deadline until, struct err *err)
{
	AUTO(strbuf_release) struct strbuf command = STRBUF_INIT;
	AUTO(transport_result_release) struct transport_result r = {0};
	AUTO(strbuf_release) struct strbuf said = STRBUF_INIT;

	probe_command(b, &command);
	if (transport_run(b->transport, command.data, NULL, 0, until, b->cancel, &r, err) < 0)
		return err_wrap(err, "cannot ask the node what it is");
	transport_quote(r.errors.len ? &r.errors : &r.out, &said);
	if (probe_parse(p, r.out.data))
		return 0;
	if (r.exit_code == b->transport->ops->exit_lost)
		return b->transport->ops->lost(b->transport, r.exit_code, said.data, err);
	return err_set(err, ERR_UNSUPPORTED,
		"the login shell does not run commands (exit code %d)%s%s", r.exit_code,
		said.len ? "; it said: " : "", said.data);
}

/* The line that stores its input as the helper, in one step. */
static void upload_command(
	const char *dir, const struct link_helper *helper, struct strbuf *out)
{
	strbuf_addf(out,
		"sh -c 'umask 077; d=\"%s\"; t=\"$d/.upload-$$\"; mkdir -p \"$d\";"
		" [ -O \"$d\" ] || exit 1; cat >\"$t\"; n=$(wc -c <\"$t\");"
		" if [ \"$n\" -eq %zu ] && chmod 700 \"$t\" &&"
		" { sync \"$t\" 2>/dev/null || sync; } && mv -f \"$t\" \"$d/node-%s\";"
		" then echo modelfleet-installed; else rm -f \"$t\"; fi'",
		dir, helper->size, helper->digest);
}

/* Puts the helper into a directory of the node. */
static int upload(struct bootstrap *b, const char *dir, const struct link_helper *helper,
	deadline until, struct err *err)
{
	AUTO(strbuf_release) struct strbuf command = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf program = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf said = STRBUF_INIT;
	AUTO(transport_result_release) struct transport_result r = {0};

	if (file_read(helper->path, UPLOAD_MAX, &program, err) < 0)
		return -1;
	upload_command(dir, helper, &command);
	if (transport_run(b->transport, command.data, program.data, program.len, until,
		    b->cancel, &r, err) < 0)
		return err_wrap(err, "cannot upload the node helper");
	if (strstr(r.out.data, "modelfleet-installed"))
		return 0;
	transport_quote(&r.errors, &said);
	return err_set(err, ERR_UNSUPPORTED, "cannot store the node helper in %s%s%s", dir,
		said.len ? ": " : "", said.data);
}

/* Runs the helper from one directory that can run programs, uploading it if need be. */
static int install_into(struct bootstrap *b, const char *dir, const struct link_helper *helper,
	deadline until, struct err *err)
{
	autofree char *file = xasprintf("%s/node-%s", dir, helper->digest);
	bool tried = b->file && strcmp(b->file, file) == 0;

	free(b->file);
	b->file = STEAL(file);
	int result = tried ? 1 : try_helper(b, until, err);
	if (result != 1)
		return result;
	if (upload(b, dir, helper, until, err) < 0)
		return err->code == ERR_UNSUPPORTED ? 1 : -1;
	b->installed = true;
	return try_helper(b, until, err);
}

/* Says what was tried, and why each did not do. */
static int fail_tried(const struct probe *p, const char *last, struct err *err)
{
	AUTO(strbuf_release) struct strbuf tried = STRBUF_INIT;

	for (size_t i = 0; i < p->count; i++) {
		const struct node_dir *dir = &p->items[i];
		const char *why = "the helper did not start there";
		if (strcmp(dir->verdict, "noexec") == 0)
			why = "programs cannot run there (noexec?)";
		else if (strcmp(dir->verdict, "denied") == 0)
			why = "cannot write there";
		strbuf_addf(&tried, "%s%s: %s", i ? "; " : "", dir->path, why);
	}
	return err_set(err, ERR_UNSUPPORTED,
		"no directory of the node can run the helper (%s)%s%s; set "
		"modelfleet_remote_dirs to one that can",
		tried.data, *last ? "; last: " : "", last);
}

/* Names the machine, what there are helpers for, and where one for this machine is, if it is.
 */
static int fail_machine(const struct bootstrap *b, const struct probe *p, struct err *err)
{
	AUTO(strbuf_release) struct strbuf here = STRBUF_INIT;
	bool linux = str_cmp0(p->system, "Linux") == 0;

	link_helpers_list(b->options->helpers, &here);
	return err_set(err, ERR_UNSUPPORTED,
		"there is no node helper for a %s machine that runs %s; helpers here are for "
		"Linux on %s%s",
		p->machine, p->system, here.data,
		linux && link_helpers_exist_for(p->machine)
			? "; install the package modelfleet-node-helpers"
			: "");
}

/* The slow way: ask, upload, run, directory by directory. */
static int install(struct bootstrap *b, deadline until, struct err *err)
{
	AUTO(probe_release) struct probe p = {0};
	struct err last = {0};

	if (probe_node(b, &p, until, err) < 0)
		return -1;
	const struct link_helper *helper = link_helpers_find(b->options->helpers, p.machine);
	if (str_cmp0(p.system, "Linux") != 0 || !helper)
		return fail_machine(b, &p, err);
	for (size_t i = 0; i < p.count; i++) {
		if (strcmp(p.items[i].verdict, "runs") != 0)
			continue;
		int result = install_into(b, p.items[i].path, helper, until, &last);
		if (result < 0)
			return err_set(err, last.code, "%s", last.text);
		if (result == 0) {
			host_memory_set_helper(b->memory, helper->machine, p.items[i].path);
			return 0;
		}
	}
	return fail_tried(&p, last.text, err);
}

/* The helper that this host most likely needs. */
static const struct link_helper *guess_helper(const struct bootstrap *b)
{
	const struct link_helpers *h = b->options->helpers;
	const struct link_helper *found = NULL;
	struct utsname here;

	if (b->memory->machine)
		found = link_helpers_find(h, b->memory->machine);
	if (!found && uname(&here) == 0)
		found = link_helpers_find(h, here.machine);
	return found ? found : &h->items[0];
}

int bootstrap_run(struct bootstrap *b, deadline until, struct err *err)
{
	/* What was learnt about the usual directories says nothing about others. */
	bool usual = !b->options->remote_dirs;
	const char *dir = usual && b->memory->dir ? b->memory->dir : remote_dirs(b)[0];

	if (!b->options->helpers || b->options->helpers->count == 0)
		return err_set(err, ERR_NOTFOUND, "there is no node helper to run");
	if (dir && is_plain_path(dir) && !strstr(dir, "UID")) {
		b->file = xasprintf("%s/node-%s", dir, guess_helper(b)->digest);
		int result = try_helper(b, until, err);
		if (result != 1)
			return result;
	}
	err_clear(err);
	return install(b, until, err);
}

void bootstrap_release(struct bootstrap *b)
{
	free(b->file);
	b->file = NULL;
}

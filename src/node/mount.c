/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module `mount`: entries of fstab, and what is mounted. A transaction puts fstab back, and
 * removes directories that were made; a mount stays as it is, and is noted.
 */
#include "node/mount.h"

#include <errno.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"

#define FSTAB_MAX     (4u << 20)
#define MOUNTINFO_MAX (16u << 20)
#define FSTAB         "/etc/fstab"

const struct node_arg mount_args[] = {
	{"path", ARG_TEXT | ARG_REQUIRED},
	{"state", ARG_TEXT | ARG_REQUIRED},
	{"src", ARG_TEXT},
	{"fstype", ARG_TEXT},
	{"opts", ARG_TEXT},
	{"dump", ARG_TEXT},
	{"passno", ARG_TEXT},
	{"boot", ARG_BOOL},
	{"fstab", ARG_TEXT},
	{"backup", ARG_BOOL},
	{0},
};

struct mount_work {
	struct node_call *call;
	struct fstab_entry entry;
	const char *fstab, *backup, *boot, *warning;
	bool ephemeral, remounted;
	bool changed;
	struct strbuf former; /* fstab as it was */
	bool had_fstab;
	const char *mountinfo;
	struct strlist made; /* directories, the outer ones first */
	struct tools tools;
};

/* ---- reading ---- */

static bool has_option(const char *options, const char *option)
{
	AUTO(strlist_release) struct strlist words = {0};

	strlist_split(&words, options, ",");
	return strlist_has(&words, option);
}

/* What is not mounted at boot has the option noauto, unless the options say it another way. */
static void read_options(struct mount_work *w)
{
	const char *opts = call_text_or_null(w->call, "opts");
	bool boot = item_bool(w->call->args, "boot", true);

	w->entry.opts = opts ? opts : "defaults";
	w->boot = "yes";
	if (has_option(w->entry.opts, "noauto")) {
		w->warning = "Ignore the 'boot' due to 'opts' contains 'noauto'.";
	} else if (!boot) {
		w->boot = "no";
		if (has_option(w->entry.opts, "defaults"))
			w->warning = "Ignore the 'boot' due to 'opts' contains 'defaults'.";
		else
			w->entry.opts =
				arena_printf(w->call->arena, "%s,noauto", w->entry.opts);
	}
}

static int read_work(struct mount_work *w, struct err *err)
{
	struct node_call *c = w->call;
	const char *dump = call_text_or_null(c, "dump");
	const char *passno = call_text_or_null(c, "passno");
	AUTO(strbuf_release) struct strbuf info = STRBUF_INIT;

	w->entry.path = call_expand(c, call_text(c, "path", err));
	if (!w->entry.path || call_path_or_null(c, "fstab", &w->fstab, err) < 0)
		return -1;
	w->fstab = w->fstab ? w->fstab : FSTAB;
	w->entry.src = call_expand(c, call_text_or_null(c, "src"));
	w->entry.fstype = call_text_or_null(c, "fstype");
	w->entry.dump = dump ? dump : "0";
	w->entry.passno = passno ? passno : "0";
	w->backup = "";
	read_options(w);
	if (strpbrk(w->entry.path, "\n") || (w->entry.src && strpbrk(w->entry.src, "\n")))
		return err_set(err, ERR_INPUT, "path and src have no line breaks in them");
	w->had_fstab = path_exists(w->fstab);
	if (w->had_fstab && file_read(w->fstab, FSTAB_MAX, &w->former, err) < 0)
		return -1;
	(void)!file_read("/proc/self/mountinfo", MOUNTINFO_MAX, &info, NULL);
	w->mountinfo = arena_strdup(c->arena, info.data);
	return 0;
}

/* ---- fstab ---- */

static int write_fstab(
	struct mount_work *w, const struct strbuf *text, bool backup, struct err *err)
{
	struct change_write write = {.call = w->call,
		.path = w->fstab,
		.content = {.data = text->data, .len = text->len},
		.want_backup = backup,
		.umask = 022};
	struct transaction *t = call_transaction(w->call);
	autofree char *directory = path_dirname(w->fstab);

	if (change_directory(t, directory, NULL, 022, err) < 0 ||
		change_write(t, &write, err) < 0)
		return -1;
	if (write.backup)
		w->backup = arena_strdup(w->call->arena, write.backup);
	free(write.backup);
	return 0;
}

typedef bool (*fstab_edit)(
	struct arena *a, const char *text, const struct fstab_entry *e, struct strbuf *out);

static int edit_fstab(struct mount_work *w, fstab_edit edit, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	bool backup = item_bool(w->call->args, "backup", false);

	w->changed = edit(w->call->arena, w->former.data, &w->entry, &text);
	if (!w->changed || w->call->check)
		return 0;
	return write_fstab(w, &text, backup, err);
}

/* ---- mounting ---- */

static bool is_mounted(struct mount_work *w)
{
	return mount_is_point(w->entry.path) ||
	       mount_source(w->call->arena, w->mountinfo, w->entry.path, false);
}

/* True if what is mounted there is what was asked for: as a directory, or as a device. */
static bool has_source(struct mount_work *w, bool device)
{
	const char *source = mount_source(w->call->arena, w->mountinfo, w->entry.path, device);

	return source && w->entry.src && strcmp(source, w->entry.src) == 0;
}

static void add_fstab(const struct mount_work *w, struct strlist *argv)
{
	if (w->ephemeral || strcmp(w->fstab, FSTAB) == 0)
		return;
	strlist_add(argv, "-T");
	strlist_add(argv, w->fstab);
}

static void add_ephemeral(const struct mount_work *w, struct strlist *argv)
{
	if (!w->ephemeral)
		return;
	strlist_add(argv, "-t");
	strlist_add(argv, w->entry.fstype);
	if (strcmp(w->entry.opts, "defaults") != 0) {
		strlist_add(argv, "-o");
		strlist_add(argv, w->entry.opts);
	}
	strlist_add(argv, w->entry.src);
}

/* Runs a program for the path; its exit status and words are in w->tools. */
static int run_for_path(struct mount_work *w, struct strlist *argv, struct err *err)
{
	strlist_add(argv, w->entry.path);
	strbuf_clear(&w->tools.out);
	strbuf_clear(&w->tools.err);
	return tools_run(&w->tools, argv, NULL, err);
}

static int run_umount(struct mount_work *w, struct err *err)
{
	AUTO(strlist_release) struct strlist argv = {0};

	strlist_add(&argv, "umount");
	return run_for_path(w, &argv, err);
}

static int run_mount(struct mount_work *w, struct err *err)
{
	AUTO(strlist_release) struct strlist argv = {0};

	strlist_add(&argv, "mount");
	add_fstab(w, &argv);
	add_ephemeral(w, &argv);
	return run_for_path(w, &argv, err);
}

/* Mounts again with other options; what cannot do that is unmounted and mounted. */
static int run_remount(struct mount_work *w, struct err *err)
{
	AUTO(strlist_release) struct strlist argv = {0};
	bool options = w->remounted && strcmp(w->entry.opts, "defaults") != 0;

	strlist_add(&argv, "mount");
	strlist_add(&argv, "-o");
	strlist_addf(&argv, "remount%s%s", options ? "," : "", options ? w->entry.opts : "");
	add_fstab(w, &argv);
	add_ephemeral(w, &argv);
	if (run_for_path(w, &argv, err) < 0)
		return -1;
	if (w->tools.rc == 0)
		return 0;
	if (options)
		return err_set(err, ERR_SYSTEM,
			"Options were specified with remounted, but the remount command "
			"failed. Failing in order to prevent an unexpected mount result. Try "
			"replacing this command with a \"state: unmounted\" followed by a "
			"\"state: mounted\" using the full desired mount options instead.");
	if (run_umount(w, err) < 0)
		return -1;
	return w->tools.rc == 0 ? run_mount(w, err) : 0;
}

/* An error with what a program said, if it failed. */
static int judge(struct mount_work *w, const char *doing, struct err *err)
{
	if (w->tools.rc == 0)
		return 0;
	return err_set(err, ERR_SYSTEM, "Error %s %s: %s%s", doing, w->entry.path,
		w->tools.out.data, w->tools.err.data);
}

static int unmount(struct mount_work *w, struct err *err)
{
	return run_umount(w, err) < 0 ? -1 : judge(w, "unmounting", err);
}

/* Makes the mount point, and remembers which directories are new. */
static int make_point(struct mount_work *w, struct err *err)
{
	struct strlist missing = {0};
	autofree char *at = xstrdup(w->entry.path);

	while (!path_exists(at)) {
		strlist_add(&missing, at);
		char *above = path_dirname(at);
		free(at);
		at = above;
	}
	for (size_t i = missing.count; i > 0; i--)
		strlist_add(&w->made, missing.items[i - 1]);
	strlist_release(&missing);
	if (w->made.count == 0)
		return 0;
	if (change_directory(call_transaction(w->call), w->entry.path, NULL, 022, err) < 0)
		return err_wrap(err, "Error making dir %s", w->entry.path);
	return 0;
}

/* A mount that failed must not wait for the next boot. */
static void take_back(struct mount_work *w)
{
	struct err ignored = {0};

	if (w->changed && !w->ephemeral) {
		if (w->had_fstab)
			(void)write_fstab(w, &w->former, false, &ignored);
		else
			(void)change_remove(call_transaction(w->call), w->fstab, &ignored);
	}
	for (size_t i = w->made.count; i > 0; i--)
		(void)!rmdir(w->made.items[i - 1]);
}

/* ---- states ---- */

static int ensure_present(struct mount_work *w, struct err *err)
{
	return edit_fstab(w, fstab_set, err);
}

static int ensure_absent_from_fstab(struct mount_work *w, struct err *err)
{
	int result = edit_fstab(w, fstab_unset, err);

	w->backup = "";
	return result;
}

static int ensure_absent(struct mount_work *w, struct err *err)
{
	struct transaction *t = call_transaction(w->call);

	if (ensure_absent_from_fstab(w, err) < 0)
		return -1;
	if (!w->changed || w->call->check)
		return 0;
	if (is_mounted(w) && unmount(w, err) < 0)
		return -1;
	if (!path_exists(w->entry.path))
		return 0;
	/* Not with all below it: what it holds was not what was mounted. */
	if (transaction_record_path(t, w->entry.path, err) < 0)
		return -1;
	if (rmdir(w->entry.path) < 0)
		return err_set(err, ERR_SYSTEM, "Error rmdir %s: [Errno %d] %s: '%s'",
			w->entry.path, errno, strerror(errno), w->entry.path);
	return 0;
}

static int ensure_unmounted(struct mount_work *w, struct err *err)
{
	w->changed = is_mounted(w);
	return w->changed && !w->call->check ? unmount(w, err) : 0;
}

static int ensure_remounted(struct mount_work *w, struct err *err)
{
	w->changed = w->remounted = true;
	if (w->call->check)
		return 0;
	return run_remount(w, err) < 0 ? -1 : judge(w, "remounting", err);
}

/* Mounts what is not mounted, and again what is, but in another way than fstab says now. */
static int bring_mounted(struct mount_work *w, struct err *err)
{
	bool there = mount_is_point(w->entry.path) || has_source(w, false);
	bool again = there && (w->changed || w->ephemeral);

	if (there && w->ephemeral && !has_source(w, false) && !has_source(w, true))
		return err_set(err, ERR_EXISTS,
			"Ephemeral mount point is already mounted with a different source than "
			"the specified one. Failing in order to prevent an unwanted unmount or "
			"override operation. Try replacing this command with a \"state: "
			"unmounted\" followed by a \"state: ephemeral\", or use a different "
			"destination path.");
	w->changed |= again || !there;
	if (w->call->check || (there && !again))
		return 0;
	return again ? run_remount(w, err) : run_mount(w, err);
}

static int ensure_mounted(struct mount_work *w, struct err *err)
{
	if (!w->call->check && make_point(w, err) < 0)
		return -1;
	if (!w->ephemeral && edit_fstab(w, fstab_set, err) < 0)
		return -1;
	bool fstab = w->changed;
	int result = bring_mounted(w, err) < 0 ? -1 : judge(w, "mounting", err);
	if (result < 0) {
		w->changed = fstab;
		take_back(w);
	}
	return result;
}

static int ensure_ephemeral(struct mount_work *w, struct err *err)
{
	w->ephemeral = true;
	return ensure_mounted(w, err);
}

static const struct {
	const char *name;
	int (*ensure)(struct mount_work *w, struct err *err);
} states[] = {
	{"absent", ensure_absent},
	{"absent_from_fstab", ensure_absent_from_fstab},
	{"ephemeral", ensure_ephemeral},
	{"mounted", ensure_mounted},
	{"present", ensure_present},
	{"remounted", ensure_remounted},
	{"unmounted", ensure_unmounted},
};

static void tell(struct mount_work *w)
{
	struct item_writer *out = w->call->out;

	item_put_bool(out, "changed", w->changed);
	item_put_string(out, "name", w->entry.path);
	if (w->entry.src)
		item_put_string(out, "src", w->entry.src);
	if (w->entry.fstype)
		item_put_string(out, "fstype", w->entry.fstype);
	item_put_string(out, "opts", w->entry.opts);
	item_put_string(out, "dump", w->entry.dump);
	item_put_string(out, "passno", w->entry.passno);
	item_put_string(out, "fstab", w->fstab);
	item_put_string(out, "boot", w->boot);
	item_put_string(out, "backup_file", w->backup);
	if (!w->warning)
		return;
	item_open_list(out, "warnings");
	item_put_string(out, NULL, w->warning);
	item_close(out);
}

static int ensure(struct mount_work *w, struct err *err)
{
	const char *state = call_text(w->call, "state", err);

	for (size_t i = 0; state && i < ARRAY_SIZE(states); i++) {
		if (strcmp(states[i].name, state) != 0)
			continue;
		if (states[i].ensure(w, err) < 0)
			return -1;
		tell(w);
		return 0;
	}
	return state ? err_set(err, ERR_INPUT, "there is no state \"%s\" of a mount", state)
		     : -1;
}

int node_mount(struct node_call *c, struct err *err)
{
	struct mount_work w = {.call = c, .former = STRBUF_INIT, .tools = TOOLS_INIT(c)};
	int result = read_work(&w, err) < 0 ? -1 : ensure(&w, err);

	strbuf_release(&w.former);
	strlist_release(&w.made);
	tools_release(&w.tools);
	return result;
}

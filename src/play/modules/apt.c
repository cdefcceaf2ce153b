/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apt: packages of Debian on the node. A .deb of this machine (`debs`) is sent only where
 * another version is installed than its own: the node is shown its head first.
 */
#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "base/path.h"
#include "play/modules/forward.h"
#include "play/modules/modules.h"
#include "play/modules/packages.h"
#include "play/modules/web_file.h"
#include "play/runner.h"

#define HEAD_MAX (1u << 20) /* bytes up to the end of a control member */

static const char *const name_aliases[] = {"package", "pkg", NULL};
static const char *const update_aliases[] = {"update-cache", NULL};
static const char *const recommends_aliases[] = {"install-recommends", NULL};
static const char *const release_aliases[] = {"default-release", NULL};
static const char *const downgrade_aliases[] = {
	"allow-downgrade", "allow_downgrades", "allow-downgrades", NULL};
static const char *const unauthenticated_aliases[] = {"allow-unauthenticated", NULL};
static const char *const upgrades[] = {"dist", "full", "no", "safe", "yes", NULL};
static const char *const states[] = {"absent", "build-dep", "fixed", "latest", "present", NULL};

static const struct argument arguments[] = {
	{.name = "name", .type = ARGUMENT_LIST, .aliases = name_aliases},
	{.name = "deb", .type = ARGUMENT_PATH},
	{.name = "debs", .type = ARGUMENT_LIST},
	{.name = "state", .fallback = "present", .choices = states},
	{.name = "update_cache", .type = ARGUMENT_BOOL, .aliases = update_aliases},
	{.name = "cache_valid_time", .type = ARGUMENT_INT, .fallback = "0"},
	{.name = "purge", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "autoremove", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "only_upgrade", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "install_recommends", .type = ARGUMENT_BOOL, .aliases = recommends_aliases},
	{.name = "allow_downgrade",
		.type = ARGUMENT_BOOL,
		.fallback = "false",
		.aliases = downgrade_aliases},
	{.name = "force", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "force_apt_get", .type = ARGUMENT_BOOL},
	{.name = "default_release", .aliases = release_aliases},
	{.name = "dpkg_options",
		.type = ARGUMENT_LIST,
		.fallback = "force-confdef,force-confold"},
	{.name = "lock_timeout", .type = ARGUMENT_INT, .fallback = "60"},
	{.name = "upgrade", .choices = upgrades},
	{.name = "clean", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "autoclean", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "fail_on_autoremove", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "policy_rc_d", .type = ARGUMENT_INT},
	{.name = "allow_unauthenticated",
		.type = ARGUMENT_BOOL,
		.fallback = "false",
		.aliases = unauthenticated_aliases},
	{.name = "allow_change_held_packages", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "update_cache_retries", .type = ARGUMENT_INT, .fallback = "5"},
	{.name = "update_cache_retry_max_delay", .type = ARGUMENT_INT, .fallback = "12"},
	{0},
};

static const char *const forwarded[] = {"state", "update_cache", "cache_valid_time", "purge",
	"autoremove", "only_upgrade", "install_recommends", "allow_downgrade", "force",
	"default_release", "dpkg_options", "lock_timeout", "clean", "autoclean",
	"fail_on_autoremove", "policy_rc_d", "allow_unauthenticated",
	"allow_change_held_packages", "update_cache_retries", "update_cache_retry_max_delay",
	NULL};

/* Adds the bytes of one member of an ar archive to the head; its name tells which it was. */
static int read_member(int fd, struct strbuf *head, char name[17])
{
	char digits[11] = {0};
	int64_t size;

	strbuf_reserve(head, 60);
	if (fd_read_full(fd, head->data + head->len, 60) != 60)
		return -1;
	memcpy(name, head->data + head->len, 16);
	name[16] = '\0';
	memcpy(digits, head->data + head->len + 48, 10);
	digits[strcspn(digits, " ")] = '\0';
	strbuf_truncate(head, head->len + 60);
	if (!parse_int(digits, 0, HEAD_MAX, &size) || head->len + (size_t)size > HEAD_MAX)
		return -1;
	size_t padded = (size_t)size + (size_t)(size & 1);
	strbuf_reserve(head, padded);
	if (fd_read_full(fd, head->data + head->len, padded) != (ssize_t)padded)
		return -1;
	strbuf_truncate(head, head->len + padded);
	return 0;
}

/* Reads a .deb up to the end of its control member: deb(5), an archive of ar(5). */
static int read_head(const char *path, struct strbuf *head, struct err *err)
{
	char name[17] = "";
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "open %s", path);
	strbuf_reserve(head, 8);
	if (fd_read_full(fd, head->data, 8) != 8 || memcmp(head->data, "!<arch>\n", 8) != 0)
		return err_set(err, ERR_INPUT, "%s is no Debian package", path);
	strbuf_truncate(head, 8);
	while (!str_starts(name, "control.tar")) {
		if (read_member(fd, head, name) < 0)
			return err_set(err, ERR_INPUT, "%s is no whole Debian package", path);
	}
	return 0;
}

static int add_head(struct module_call *c, struct value *deb, const char *path, struct err *err)
{
	AUTO(strbuf_release) struct strbuf head = STRBUF_INIT;

	if (read_head(path, &head, err) < 0)
		return -1;
	return runner_put_content(c, deb, "head", head.data, head.len, err);
}

/* Adds the .debs of `deb`, paths of the node with commas between them, or one URL. */
static int add_deb(struct module_call *c, struct value *all, struct packages *files,
	struct web_file *fetched, struct err *err)
{
	const char *deb = argument_text(c, "deb");

	if (!deb)
		return 0;
	if (strcmp(argument_text(c, "state"), "present") != 0)
		return err_set(err, ERR_INPUT, "deb only supports state=present");
	if (strstr(deb, "://")) {
		if (web_file_fetch(fetched, c, deb, true, err) < 0)
			return err_wrap(err, "deb");
		return packages_add(c, files, fetched->path, add_head, err);
	}
	AUTO(strlist_release) struct strlist paths = {0};
	strlist_split(&paths, deb, ",");
	for (size_t i = 0; i < paths.count; i++)
		value_list_add(c->arena, all, value_new_string(c->arena, paths.items[i]));
	return 0;
}

/* The .debs of the task: those of this machine by their heads, then the node's own. */
static int add_debs(struct module_call *c, struct value *args, struct packages *files,
	struct web_file *fetched, struct err *err)
{
	struct value *own = value_new_list(c->arena), *all = value_new_list(c->arena);

	if (add_deb(c, own, files, fetched, err) < 0)
		return -1;
	value_list_foreach (file, files->files)
		value_list_add(c->arena, all, file);
	value_list_foreach (path, own)
		value_list_add(c->arena, all, path);
	if (all->count > 0)
		value_dict_set(c->arena, args, "debs", all);
	return 0;
}

static int check_given(struct module_call *c, struct err *err)
{
	const char *upgrade = argument_text(c, "upgrade");
	const struct value *name = argument_value(c, "name");
	const char *deb = argument_text(c, "deb");

	if (!name + !deb + !upgrade < 2)
		return err_set(err, ERR_INPUT,
			"parameters are mutually exclusive: deb|package|upgrade");
	return 0;
}

/*
 * Adds the names. The name "*" stands for all that is installed: nothing has to be done for
 * it but with state latest, where it is an upgrade.
 */
static int add_names(struct module_call *c, struct value *args, struct err *err)
{
	const struct value *given = argument_value(c, "name");
	struct value *names = value_new_list(c->arena);
	const char *upgrade = argument_text(c, "upgrade");
	bool all = false;

	if (given) {
		value_list_foreach (name, given) {
			if (value_text(name) && strcmp(value_text(name), "*") == 0)
				all = true;
			else
				value_list_add(c->arena, names, name);
		}
	}
	if (all && strcmp(argument_text(c, "state"), "latest") == 0) {
		if (names->count > 0)
			return err_set(err, ERR_INPUT,
				"unable to install additional packages when upgrading all "
				"installed packages");
		upgrade = "yes";
	}
	if (names->count > 0)
		value_dict_set(c->arena, args, "names", names);
	if (upgrade)
		value_dict_set(c->arena, args, "upgrade", value_new_string(c->arena, upgrade));
	return 0;
}

static int run(struct module_call *c, struct err *err)
{
	AUTO(web_file_release) struct web_file fetched = {0};
	struct value *args = forward_arguments(c, forwarded);
	struct packages files;

	if (check_given(c, err) < 0 || add_names(c, args, err) < 0 ||
		packages_find(c, "debs", add_head, &files, err) < 0 ||
		add_debs(c, args, &files, &fetched, err) < 0)
		return -1;
	return packages_run(c, "apt", args, &files, err);
}

const struct module module_apt = {
	.name = "apt",
	.arguments = arguments,
	.flags = MODULE_CHECKS | MODULE_CANNOT_UNDO | MODULE_JOB,
	.run = run,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module package_facts: all that is installed, with the keys that Ansible has for a
 * package manager. The databases of apt and apk are read, rpm and pacman are asked.
 */
#include "node/package_facts.h"

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "node/dpkg.h"

#define APK_DATABASE "/lib/apk/db/installed"

const struct node_arg package_facts_args[] = {
	{"managers", ARG_LIST},
	{"strategy", ARG_TEXT},
	{NULL, 0},
};

/* A package manager; `read` adds what it has. -1 with err. */
struct manager {
	const char *name;
	bool (*is_there)(const struct facts *f);
	int (*read)(struct facts *f, struct err *err);
};

/* Opens an entry; each package has a list, since several versions may be installed. */
static void open_package(struct facts *f, const char *key, const char *name)
{
	item_open_list(f->out, key);
	item_open_dict(f->out, NULL);
	facts_put(f, "name", name);
}

static void close_package(struct facts *f, const char *manager)
{
	facts_put(f, "source", manager);
	item_close(f->out);
	item_close(f->out);
}

/* ---- apt ---- */

static bool has_apt(const struct facts *f)
{
	return facts_exists(f, DPKG_STATUS_FILE) && facts_program(f, "apt-get");
}

static void tell_apt(struct facts *f, const struct apt_package *p, const char *native)
{
	bool own = strcmp(p->architecture, native) == 0 || strcmp(p->architecture, "all") == 0;
	const char *name =
		own ? p->name : arena_printf(f->arena, "%s:%s", p->name, p->architecture);

	open_package(f, name, name);
	facts_put(f, "version", p->version);
	facts_put(f, "arch", p->architecture);
	facts_put(f, "category", p->section);
	facts_put(f, "origin", p->origin);
	close_package(f, "apt");
}

static int read_apt(struct facts *f, struct err *err)
{
	struct apt_packages all = {.facts = f};
	int result = apt_packages_read(&all, err);

	if (result == 0)
		apt_packages_find_origins(&all);
	for (size_t i = 0; result == 0 && i < all.count; i++)
		tell_apt(f, &all.items[i], all.native);
	free(all.items);
	strmap_release(&all.by_key, NULL);
	return result;
}

/* ---- apk ---- */

static bool has_apk(const struct facts *f)
{
	return facts_exists(f, APK_DATABASE);
}

/* "1.2.3-r4" is version and release. */
static void tell_apk(struct facts *f, const char *name, const char *version)
{
	const char *dash = strrchr(version, '-');

	open_package(f, name, name);
	item_put_stringn(
		f->out, "version", version, dash ? (size_t)(dash - version) : strlen(version));
	facts_put(f, "release", dash ? dash + 1 : "");
	close_package(f, "apk");
}

static int read_apk(struct facts *f, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const char *line, *at, *name = NULL;

	if (file_read(facts_path(f, APK_DATABASE), DPKG_STATUS_MAX, &text, err) < 0)
		return -1;
	for (at = text.data; (line = facts_next_line(f->arena, &at));) {
		if (str_starts(line, "P:"))
			name = line + 2;
		else if (str_starts(line, "V:") && name)
			tell_apk(f, name, line + 2);
	}
	return 0;
}

/* ---- rpm ---- */

static bool has_rpm(const struct facts *f)
{
	return facts_program(f, "rpm") && facts_exists(f, "/var/lib/rpm");
}

static void tell_rpm(struct facts *f, const char *const fields[5])
{
	int64_t epoch;

	item_open_dict(f->out, NULL);
	facts_put(f, "name", fields[0]);
	facts_put(f, "version", fields[1]);
	facts_put(f, "release", fields[2]);
	if (parse_int(fields[3], 0, INT32_MAX, &epoch))
		item_put_int(f->out, "epoch", epoch);
	else
		item_put_null(f->out, "epoch");
	facts_put(f, "arch", fields[4]);
	facts_put(f, "source", "rpm");
	item_close(f->out);
}

/* Versions that are installed side by side stand together: rpm is told to sort. */
static int read_rpm(struct facts *f, struct err *err)
{
	const char *const argv[] = {"sh", "-c",
		"rpm -qa --qf '%{NAME} %{VERSION} %{RELEASE} %{EPOCH} %{ARCH}\\n' | sort",
		NULL};
	const char *said, *line, *open = NULL;

	if (facts_run(f, argv, &said, err) < 0)
		return -1;
	while (said && (line = facts_next_line(f->arena, &said))) {
		const char *const *words = facts_words(f->arena, line);
		if (!words[0] || !words[1] || !words[2] || !words[3] || !words[4])
			continue;
		if (!open || strcmp(open, words[0]) != 0) {
			if (open)
				item_close(f->out);
			item_open_list(f->out, words[0]);
			open = words[0];
		}
		tell_rpm(f, words);
	}
	if (open)
		item_close(f->out);
	return 0;
}

/* ---- pacman ---- */

static bool has_pacman(const struct facts *f)
{
	return facts_program(f, "pacman") != NULL;
}

static int read_pacman(struct facts *f, struct err *err)
{
	const char *const argv[] = {"pacman", "-Q", NULL};
	const char *said, *line;

	if (facts_run(f, argv, &said, err) < 0)
		return -1;
	while (said && (line = facts_next_line(f->arena, &said))) {
		const char *const *words = facts_words(f->arena, line);
		if (!words[0] || !words[1])
			continue;
		open_package(f, words[0], words[0]);
		facts_put(f, "version", words[1]);
		close_package(f, "pacman");
	}
	return 0;
}

static const struct manager managers[] = {
	{"apt", has_apt, read_apt},
	{"rpm", has_rpm, read_rpm},
	{"apk", has_apk, read_apk},
	{"pacman", has_pacman, read_pacman},
};

static bool is_asked(const char *const *names, const char *name)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (strcmp(*names, "auto") == 0 || strcmp(*names, name) == 0)
			return true;
	return false;
}

int node_package_facts(struct node_call *c, struct err *err)
{
	const char *const *names = call_list(c, "managers", err);
	const char *strategy = call_text_or_null(c, "strategy");
	bool every = strategy && strcmp(strategy, "all") == 0;
	struct facts f = facts_begin(c);
	unsigned found = 0;
	int result = names ? 0 : -1;

	item_put_bool(c->out, "changed", false);
	item_open_dict(c->out, "ansible_facts");
	item_open_dict(c->out, "packages");
	for (size_t i = 0; result == 0 && i < ARRAY_SIZE(managers); i++) {
		if (!is_asked(names, managers[i].name) || !managers[i].is_there(&f) ||
			(found && !every))
			continue;
		found++;
		result = managers[i].read(&f, err);
	}
	item_close(c->out);
	item_close(c->out);
	facts_end(&f);
	if (result == 0 && !found)
		return err_set(err, ERR_NOTFOUND,
			"Could not detect a supported package manager: there is none of apt, "
			"rpm, apk and pacman on this host that was asked for");
	return result;
}

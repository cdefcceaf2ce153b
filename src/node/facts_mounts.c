/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is mounted, and how full it is.
 */
#include "node/facts_mounts.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/path.h"
#include "base/str.h"
#include "node/facts.h"

#define BY_UUID "/dev/disk/by-uuid"

/* "\040" in a field is a space. */
static const char *unescape(struct arena *a, const char *field)
{
	char *out = arena_strdup(a, field), *to = out;

	for (const char *at = field; *at;) {
		if (*at == '\\' && strspn(at + 1, "01234567") >= 3) {
			char digits[4] = {at[1], at[2], at[3], '\0'};
			*to++ = (char)strtoul(digits, NULL, 8);
			at += 4;
		} else {
			*to++ = *at++;
		}
	}
	*to = '\0';
	return out;
}

bool mount_parse(struct arena *a, const char *line, struct mount_entry *entry)
{
	const char *const *words = facts_words(a, line);
	const char *fields[6] = {NULL};

	for (size_t i = 0; i < ARRAY_SIZE(fields) && words[i]; i++)
		fields[i] = unescape(a, words[i]);
	if (!fields[3] || *fields[0] == '#')
		return false;
	*entry = (struct mount_entry){.device = fields[0],
		.mount = fields[1],
		.type = fields[2],
		.options = fields[3],
		.dump = fields[4],
		.pass = fields[5]};
	return true;
}

/* True if a link leads to a device of that name. */
static bool leads_to(const char *link, const char *device)
{
	char target[4096];
	ssize_t n = readlink(link, target, sizeof(target) - 1);

	if (n <= 0)
		return false;
	target[n] = '\0';
	return strcmp(path_basename(target), path_basename(device)) == 0;
}

const char *mount_uuid(struct arena *a, const char *root, const char *device)
{
	autofree char *real = *root ? NULL : realpath(device, NULL);
	const char *directory = arena_printf(a, "%s" BY_UUID, root), *uuid = NULL;
	DIR *d = str_starts(device, "/dev/") ? opendir(directory) : NULL;

	for (struct dirent *e; d && !uuid && (e = readdir(d));)
		if (leads_to(arena_printf(a, "%s/%s", directory, e->d_name),
			    real ? real : device))
			uuid = arena_strdup(a, e->d_name);
	if (d)
		closedir(d);
	return uuid;
}

/* Mount points at which a part of a file system lies, one a word. */
static struct strlist bind_mounts(struct facts *f)
{
	const char *text = facts_text_or_empty(f, "/proc/self/mountinfo"), *line;
	struct strlist places = {0};

	/* proc(5): the fourth field is the root of the mount in its file system. */
	while ((line = facts_next_line(f->arena, &text))) {
		const char *const *words = facts_words(f->arena, line);
		if (words[0] && words[1] && words[2] && words[3] && words[4] &&
			strcmp(words[3], "/") != 0)
			strlist_add(&places, unescape(f->arena, words[4]));
	}
	return places;
}

/* Those that lie on a device or another host: the rest is the kernel's own. */
static bool is_real(const struct mount_entry *m)
{
	return (*m->device == '/' || *m->device == '\\' || strstr(m->device, ":/")) &&
	       strcmp(m->type, "none") != 0;
}

static void tell_mount(struct facts *f, const struct mount_entry *m, bool bind)
{
	const char *uuid = mount_uuid(f->arena, f->root, m->device);

	item_open_dict(f->out, NULL);
	facts_put(f, "mount", m->mount);
	facts_put(f, "device", m->device);
	facts_put(f, "fstype", m->type);
	item_put_stringf(f->out, "options", "%s%s", m->options, bind ? ",bind" : "");
	if (mount_put_size(f->call, facts_path(f, m->mount), m->type, f->timeout) < 0) {
		facts_put(f, "note", "Could not get extra information due to timeout");
		strlist_addf(&f->warnings, "Timeout exceeded when getting mount info for %s",
			m->mount);
	} else {
		facts_put(f, "uuid", uuid ? uuid : "N/A");
	}
	item_close(f->out);
}

/* A place that something else is mounted over counts once, as the last says. */
static bool is_covered(struct facts *f, const char *rest, const char *place)
{
	struct mount_entry later;
	const char *line;

	while ((line = facts_next_line(f->arena, &rest)))
		if (mount_parse(f->arena, line, &later) && is_real(&later) &&
			strcmp(later.mount, place) == 0)
			return true;
	return false;
}

int facts_mounts(struct facts *f, struct err *err)
{
	AUTO(strlist_release) struct strlist binds = bind_mounts(f);
	const char *text = *f->root ? NULL : facts_text(f, "/etc/mtab"), *line;
	struct mount_entry m;

	(void)err;
	if (!text)
		text = facts_text_or_empty(f, "/proc/mounts");
	item_open_list(f->out, "ansible_mounts");
	while ((line = facts_next_line(f->arena, &text)))
		if (mount_parse(f->arena, line, &m) && is_real(&m) &&
			!is_covered(f, text, m.mount))
			tell_mount(f, &m, strlist_has(&binds, m.mount));
	item_close(f->out);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "node/package_facts.h"

#include <stdio.h>

#include "base/fd.h"
#include "base/str.h"
#include "base/vec.h"
#include "node/dpkg.h"

#define LISTS "/var/lib/apt/lists"

/* A stanza of dpkg's status or of a list of packages. */
struct stanza {
	char name[256], version[256], architecture[64], section[256], status[64];
};

static void take_field(struct stanza *s, const char *line)
{
	const struct {
		const char *key;
		char *to;
		size_t size;
	} fields[] = {{"Package", s->name, sizeof(s->name)},
		{"Version", s->version, sizeof(s->version)},
		{"Architecture", s->architecture, sizeof(s->architecture)},
		{"Section", s->section, sizeof(s->section)},
		{"Status", s->status, sizeof(s->status)}};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const char *value = facts_value(line, fields[i].key, ':');
		if (value)
			snprintf(fields[i].to, fields[i].size, "%s", value);
	}
}

/* Reads stanzas, and gives each to a function. */
static void each_stanza(
	FILE *file, void (*take)(void *data, const struct stanza *s), void *data)
{
	struct stanza s = {0};
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	while ((n = getline(&line, &cap, file)) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		if (*line) {
			take_field(&s, line);
			continue;
		}
		take(data, &s);
		s = (struct stanza){0};
	}
	if (*s.name)
		take(data, &s);
	free(line);
}

static const char *key_of(const struct stanza *s, char out[600])
{
	snprintf(out, 600, "%s %s %s", s->name, s->version, s->architecture);
	return out;
}

static void take_installed(void *data, const struct stanza *s)
{
	struct apt_packages *all = data;
	struct arena *a = all->facts->arena;
	const char *state = strrchr(s->status, ' ');
	char key[600];

	if (!*s->name || !*s->version || !state || strcmp(state, " config-files") == 0 ||
		strcmp(state, " not-installed") == 0)
		return;
	*VEC_PUSH(all) = (struct apt_package){.name = arena_strdup(a, s->name),
		.version = arena_strdup(a, s->version),
		.architecture = arena_strdup(a, s->architecture),
		.section = arena_strdup(a, s->section),
		.origin = ""};
	strmap_set(&all->by_key, key_of(s, key), (void *)(uintptr_t)all->count);
	if (strcmp(s->name, "dpkg") == 0)
		all->native = arena_strdup(a, s->architecture);
}

int apt_packages_read(struct apt_packages *all, struct err *err)
{
	FILE *file = fopen(facts_path(all->facts, DPKG_STATUS_FILE), "re");

	all->native = "";
	if (!file)
		return err_sys(err, "what dpkg has installed: %s", DPKG_STATUS_FILE);
	each_stanza(file, take_installed, all);
	fclose(file);
	return 0;
}

/* The archive whose list is read. */
struct archive {
	struct apt_packages *all;
	const char *origin;
};

static void take_available(void *data, const struct stanza *s)
{
	const struct archive *archive = data;
	char key[600];
	size_t index = (size_t)(uintptr_t)strmap_get(&archive->all->by_key, key_of(s, key));

	if (index && !*archive->all->items[index - 1].origin)
		archive->all->items[index - 1].origin = archive->origin;
}

/* What the release says that a list belongs to: it has the beginning of the list's name. */
static const char *origin_of(const struct facts *f, const char *list)
{
	static const char *const kinds[] = {"InRelease", "Release"};
	char *prefix = arena_strdup(f->arena, list);

	for (char *end; (end = strrchr(prefix, '_'));) {
		*end = '\0';
		for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
			const char *text = facts_text(
				f, arena_printf(f->arena, LISTS "/%s_%s", prefix, kinds[i]));
			const char *line = text ? strstr(text, "Origin:") : NULL;
			if (line)
				return facts_value(
					facts_next_line(f->arena, &line), "Origin", ':');
		}
	}
	return "";
}

void apt_packages_find_origins(struct apt_packages *all)
{
	struct facts *f = all->facts;

	for (const char *const *name = facts_names(f, LISTS); *name; name++) {
		if (!str_ends(*name, "_Packages"))
			continue;
		struct archive archive = {.all = all, .origin = origin_of(f, *name)};
		FILE *file = fopen(facts_pathf(f, LISTS "/%s", *name), "re");
		if (!file)
			continue;
		each_stanza(file, take_available, &archive);
		fclose(file);
	}
}

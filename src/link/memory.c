/* SPDX-License-Identifier: Apache-2.0 */
#include "link/memory.h"

#include <time.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/str.h"
#include "base/strmap.h"

#define MEMORY_MAX_BYTES 8192u
#define MEMORY_HEAD      "modelfleet host 1"

/* A line "name value"; unknown names are skipped. */
static void take_line(struct host_memory *m, const char *name, const char *value, bool *ours)
{
	time_t since;

	if (strcmp(name, "host") == 0)
		*ours = strcmp(value, m->key) == 0;
	else if (!*ours)
		return;
	else if (strcmp(name, "machine") == 0 && !m->machine)
		m->machine = xstrdup(value);
	else if (strcmp(name, "dir") == 0 && !m->dir)
		m->dir = xstrdup(value);
	else if (strcmp(name, "ssh-program-since") == 0 && clock_parse_rfc3339(value, &since))
		m->needs_program = time(NULL) - since < HOST_MEMORY_SECONDS;
}

static void parse(struct host_memory *m, char *text)
{
	bool ours = false;
	char *state = NULL;
	char *line = strtok_r(text, "\n", &state);

	if (!line || strcmp(line, MEMORY_HEAD) != 0)
		return;
	while ((line = strtok_r(NULL, "\n", &state))) {
		char *value = strchr(line, ' ');
		if (!value)
			continue;
		*value++ = '\0';
		take_line(m, line, value, &ours);
	}
}

void host_memory_load(struct host_memory *m, const char *cache_dir, const char *key)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	*m = (struct host_memory){.key = xstrdup(key)};
	autofree char *base = cache_dir ? xstrdup(cache_dir) : path_user_dir("cache");
	if (!base || !*base || strchr(key, '\n'))
		return;
	m->file = xasprintf(
		"%s/hosts/%016llx", base, (unsigned long long)str_hash(key, strlen(key)));
	if (file_read(m->file, MEMORY_MAX_BYTES, &text, NULL) == 0)
		parse(m, text.data);
}

/* Replaces an owned string; true if it differed. */
static bool replace(char **where, const char *value)
{
	if (str_cmp0(*where, value) == 0)
		return false;
	free(*where);
	*where = xstrdup(value);
	return true;
}

void host_memory_set_helper(struct host_memory *m, const char *machine, const char *dir)
{
	m->changed |= replace(&m->machine, machine);
	m->changed |= replace(&m->dir, dir);
}

void host_memory_set_program(struct host_memory *m, bool needs_program)
{
	m->changed |= m->needs_program != needs_program;
	m->needs_program = needs_program;
}

void host_memory_save(struct host_memory *m)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err err = {0};
	char now[32];

	if (!m->file || !m->changed)
		return;
	strbuf_addf(&text, "%s\nhost %s\n", MEMORY_HEAD, m->key);
	if (m->machine)
		strbuf_addf(&text, "machine %s\n", m->machine);
	if (m->dir && !strchr(m->dir, '\n'))
		strbuf_addf(&text, "dir %s\n", m->dir);
	if (m->needs_program) {
		clock_rfc3339(time(NULL), now);
		strbuf_addf(&text, "ssh-program-since %s\n", now);
	}
	autofree char *dir = path_dirname(m->file);
	if (path_mkdirs(dir, 0700, &err) < 0 ||
		file_replace(m->file, text.data, text.len, 0600, &err) < 0)
		log_debug("cannot remember what %s is like: %s", m->key, err.text);
	m->changed = false;
}

void host_memory_release(struct host_memory *m)
{
	free(m->file);
	free(m->key);
	free(m->machine);
	free(m->dir);
	*m = (struct host_memory){0};
}

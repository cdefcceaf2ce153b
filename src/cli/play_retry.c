/* SPDX-License-Identifier: Apache-2.0 */
/* The hosts of a playbook that did not come to its end, in a file that --limit @FILE reads. */
#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "cli/play_settings.h"
#include "inventory/paths.h"

/* Ansible's place for it: beside the playbook, or where the settings say. New memory. */
static char *retry_path(const struct config *config, const char *playbook)
{
	const char *directory = config_text(config, CONFIG_RETRY_FILES_SAVE_PATH);
	autofree char *name = xstrdup(path_basename(playbook));
	char *dot = strrchr(name, '.');

	if (dot && dot > name)
		*dot = '\0';
	autofree char *file = xasprintf("%s.retry", name);
	if (directory)
		return path_join(directory, file);
	AUTO(arena_release) struct arena scratch = {0};
	autofree char *beside = path_dirname(path_absolute(&scratch, playbook, NULL));
	return path_join(beside, file);
}

static void find_hosts(const struct play_run *p, struct strlist *names)
{
	for (size_t i = 0; i < p->run.count; i++) {
		const struct run_host *h = &p->run.hosts[i];
		if (h->failed || h->unreachable)
			strlist_add(names, h->name);
	}
	strlist_sort(names);
}

void play_retry_write(const struct play_run *p, const char *playbook, struct strbuf *note)
{
	const struct config *config = &p->engine->site.config;
	AUTO(strlist_release) struct strlist names = {0};
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err err = {0};

	find_hosts(p, &names);
	if (names.count == 0 || !config_bool(config, CONFIG_RETRY_FILES_ENABLED))
		return;
	for (size_t i = 0; i < names.count; i++)
		strbuf_addf(&text, "%s\n", names.items[i]);
	autofree char *path = retry_path(config, playbook);
	if (file_replace(path, text.data, text.len, 0644, &err) == 0)
		strbuf_addf(note, "\tto retry, use: --limit @%s\n", path);
	else
		log_warning("%s could not be written: %s", path, err.text);
}

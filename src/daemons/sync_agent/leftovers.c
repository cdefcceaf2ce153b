/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/sync_agent/leftovers.h"

#include <dirent.h>
#include <unistd.h>

#include "base/log.h"
#include "base/path.h"
#include "daemons/sync_agent/report.h"
#include "daemons/sync_agent/swap.h"

#define RANDOM_LEN 6 /* characters that file_replace puts behind ".NAME." */

void leftovers_clear_staging(const struct agent_config *config)
{
	autofree char *path = path_join(config->models_dir, CONFIG_STAGING);
	struct err err = {0};

	if (path_exists(path) && path_remove_tree(path, &err) < 0)
		log_warning("%s: %s", path, err.text);
}

/* True for ".NAME.XXXXXX"; a name of NULL is any. */
static bool is_temporary(const char *found, const char *name)
{
	size_t n = strlen(found);

	if (*found != '.' || n < RANDOM_LEN + 3 || found[n - RANDOM_LEN - 1] != '.')
		return false;
	size_t middle = n - RANDOM_LEN - 2;
	return !name || (strlen(name) == middle && strncmp(found + 1, name, middle) == 0);
}

static void clear_temporary(const char *directory, const char *name)
{
	DIR *d = opendir(directory);

	for (struct dirent *e; d && (e = readdir(d));)
		if (is_temporary(e->d_name, name))
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
}

void leftovers_clear(const struct agent_config *config, const struct state *state)
{
	autofree char *state_file = path_join(config->models_dir, STATE_FILE);
	autofree char *spool = path_join(config->models_dir, REPORT_SPOOL);
	const char *const replaced[] = {
		state_file, config->manifest_path, config->on_update.flag_file};

	leftovers_clear_staging(config);
	swap_sweep(config->models_dir, state);
	clear_temporary(spool, NULL);
	for (size_t i = 0; i < sizeof(replaced) / sizeof(*replaced); i++) {
		autofree char *directory = path_dirname(replaced[i]);
		clear_temporary(directory, path_basename(replaced[i]));
	}
}

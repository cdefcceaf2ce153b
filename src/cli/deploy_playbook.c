/* SPDX-License-Identifier: Apache-2.0 */
/* Which playbook a deploy runs. */
#include "base/path.h"
#include "cli/deploy.h"

/* With --no-activate: the versions alone, as they lie beside each other. */
static const char sync_alone[] = "- name: Models\n"
				 "  hosts: all\n"
				 "  gather_facts: false\n"
				 "  tasks:\n"
				 "    - name: Bring the models\n"
				 "      sync_models:\n";

/* Adds DIR/playbooks/deploy-models.yaml as a place to look. */
static void add_place(struct strlist *places, const char *dir)
{
	autofree char *playbooks = path_join(dir, "playbooks");
	autofree char *path = path_join(playbooks, DEPLOY_PLAYBOOK);

	strlist_add(places, path);
}

/* The places in their order: the settings', the inventory's, the working directory's, ours. */
static void list_places(const struct deploy *d, struct strlist *places)
{
	const struct site_options *o = &d->engine.o.site;
	struct site_options from_settings = {0};
	struct arena arena = {0};

	if (site_default_playbook_dir(&from_settings, &arena)) {
		autofree char *direct = path_join(from_settings.playbook_dir, DEPLOY_PLAYBOOK);
		strlist_add(places, direct);
		add_place(places, from_settings.playbook_dir);
	}
	arena_release(&arena);
	for (size_t i = 0; i < o->inventory.count; i++) {
		autofree char *real = realpath(o->inventory.items[i], NULL);
		if (!real)
			continue;
		autofree char *dir = path_dirname(real);
		add_place(places, dir);
	}
	add_place(places, ".");
	autofree char *share = engine_share_dir();
	add_place(places, share);
}

static int find_playbook(struct deploy *d, struct err *err)
{
	AUTO(strlist_release) struct strlist places = {0};
	AUTO(strbuf_release) struct strbuf looked = STRBUF_INIT;

	if (d->o.playbook || d->o.no_activate) {
		strlist_add(&d->playbook, d->o.playbook ? d->o.playbook : "./--no-activate");
		return 0;
	}
	list_places(d, &places);
	for (size_t i = 0; i < places.count; i++) {
		if (path_exists(places.items[i])) {
			strlist_add(&d->playbook, places.items[i]);
			return 0;
		}
		strbuf_addf(&looked, "%s%s", i ? ", " : "", places.items[i]);
	}
	return err_set(err, ERR_NOTFOUND,
		"no playbook " DEPLOY_PLAYBOOK " in %s; name one with --playbook, or use "
		"--no-activate",
		looked.data);
}

int deploy_find(struct deploy *d, struct err *err)
{
	struct site_options *site = &d->engine.o.site;

	if (find_playbook(d, err) < 0)
		return -1;
	d->playbook_dir = path_dirname(d->playbook.items[0]);
	site->playbook_dir = d->playbook_dir;
	/* The playbook brings models to all hosts at once, unless they have their turns. */
	if (d->o.serial)
		strlist_add(&site->extra, "deploy_in_batches=true");
	return 0;
}

int deploy_read_playbook(struct deploy *d)
{
	int result = d->o.no_activate ? play_run_read_text(&d->run, "--no-activate", sync_alone,
						sizeof(sync_alone) - 1)
				      : play_run_read(&d->run, &d->playbook);

	if (result == 0 && d->o.tags) {
		AUTO(strlist_release) struct strlist words = {0};
		strlist_split(&words, d->o.tags, ",");
		play_run_tag(&d->run, &words);
	}
	return result;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/registryd/truth.h"

#include <inttypes.h>
#include <pthread.h>

#include "base/log.h"
#include "daemons/registryd/truth_private.h"
#include "history/gitrepo.h"
#include "history/lock.h"
#include "history/move.h"

#define LOCK_SECONDS 30.0 /* that an activation waits for a deploy to end */

struct truth *truth_open(const struct truth_options *o, struct err *err)
{
	struct files_options files = o->files ? *o->files : (struct files_options){0};
	struct truth *t = xcalloc(1, sizeof(*t));

	gitrepo_keep_library(); /* its end would take the servers' OpenSSL along */
	t->inventory = xstrdup(o->inventory);
	t->store = o->store;
	t->cancel = o->cancel;
	pthread_mutex_init(&t->lock, NULL);
	if (truth_site_load(&t->site, t->inventory, err) == 0) {
		files.root = t->site.registry.root;
		t->files = files_open(&files, err);
	}
	if (t->files && truth_current_read(t, err) == 0)
		return t;
	truth_close(t);
	return NULL;
}

void truth_close(struct truth *t)
{
	if (!t)
		return;
	entry_list_unref(t->seen);
	truth_site_release(&t->site);
	files_close(t->files);
	strmap_release(&t->current, free);
	pthread_mutex_destroy(&t->lock);
	free(t->inventory);
	free(t);
}

struct files *truth_files(struct truth *t)
{
	return t->files;
}

int truth_reload(struct truth *t, struct err *err)
{
	struct truth_site now;

	t->broken = true;
	if (truth_site_load(&now, t->inventory, err) < 0) {
		truth_site_release(&now);
		return -1;
	}
	truth_site_release(&t->site);
	t->site = now;
	t->broken = false;
	return 0;
}

/* ---- making an entry production ---- */

/* The entry's date, copied; "" without one. -1 when there is no such entry, or another by now.
 */
static int find_date(
	struct truth *t, struct entry_change *c, char date[TRUTH_DATE_SIZE], struct err *err)
{
	AUTO(entry_list_unrefp) struct entry_list *list = entry_store_list(t->store, err);

	if (!list)
		return -1;
	const struct entry *e = entry_list_find(list, c->model_name, c->version);
	snprintf(date, TRUTH_DATE_SIZE, "%s", e && e->date ? e->date : "");
	/* What else may be wrong with the change is found where it is made. */
	if (e && c->if_match && strcmp(e->etag, c->if_match) != 0)
		*date = '\0';
	return 0;
}

static int no_model(const struct entry_change *c, struct err *err)
{
	return err_set(err, ERR_NOTFOUND,
		"model_registry.yaml has no model %s; add it to " VAR_MODELS " first",
		c->model_name);
}

/* Prepares the move; 1 when the version is current already. */
static int prepare(struct truth *t, struct move *m, const struct entry_change *c,
	const char *date, struct err *err)
{
	if (truth_reload(t, err) < 0 ||
		files_check_version(t->files, c->model_name, date, err) < 0)
		return -1;
	const struct model *model = truth_site_model(&t->site, c->model_name);
	if (!model)
		return no_model(c, err);
	if (move_version(m, model, date, err) == 0)
		return 0;
	if (err->code != ERR_EXISTS)
		return -1;
	err_clear(err);
	return 1;
}

/* The registry refused behind the commit: that is taken back, or stays and wins. */
static void take_back(struct truth *t, struct move *m, const struct entry_change *c)
{
	struct err err = {0};

	if (move_undo(m, c->err.text, t->cancel, &err) < 0)
		log_warning("commit %.12s stays: %s", m->commit, err.text);
}

static int activate(struct truth *t, struct move *m, struct entry_change *c, const char *date,
	struct err *err)
{
	int prepared = prepare(t, m, c, date, err);

	if (prepared < 0 || (prepared == 0 && move_commit(m, t->cancel, err) < 0))
		return -1;
	if (prepared == 0)
		log_info("%s %s is current, by commit %.12s", c->model_name, date, m->commit);
	struct err why = {0};
	if (entry_store_apply(t->store, c, 1, &why) < 0 || c->err.code) {
		if (prepared == 0)
			take_back(t, m, c);
		return 0;
	}
	return truth_current_set(t, c->model_name, date, err);
}

static int activate_locked(struct truth *t, struct entry_change *c, const char *date,
	const char *by, struct err *err)
{
	AUTO(lock_release) struct lock lock = LOCK_INIT;
	AUTO(move_release) struct move m = {.what = "Activate", .hosts = STRBUF_INIT};
	autofree char *command =
		xasprintf("model-registryd: activate %s %" PRId64, c->model_name, c->version);
	autofree char *why = xasprintf(
		"Version %" PRId64 " of the registry, activated by %s.", c->version, by);

	m.why = why;
	if (lock_acquire_site(&lock, files_root(t->files), command, deadline_in(LOCK_SECONDS),
		    t->cancel, err) < 0)
		return -1;
	return activate(t, &m, c, date, err);
}

int truth_activate(struct truth *t, struct entry_change *c, const char *by, struct err *err)
{
	char date[TRUTH_DATE_SIZE];
	struct err why = {0};
	int result;

	pthread_mutex_lock(&t->lock);
	result = find_date(t, c, date, err);
	if (result == 0 && *date)
		result = activate_locked(t, c, date, by, err);
	else if (result == 0)
		entry_store_apply(t->store, c, 1, &why); /* the change tells */
	pthread_mutex_unlock(&t->lock);
	return result;
}

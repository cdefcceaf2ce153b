/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation. A list is immutable once it is published. A batch works on a copy of the
 * newest one (pointers, no entries), has the difference made durable, and publishes the copy;
 * where that fails the copy is dropped. So nothing is ever undone, and readers need no lock but
 * that of the pointer to the newest list.
 *
 * `lock` is held by the thread that reads from the store or writes to it. A reader that finds
 * it taken gets the newest list instead of waiting for an fsync: whoever holds it publishes
 * what comes of it before any client is told.
 */
#include "daemons/registryd/store.h"

#include "base/log.h"
#include "base/str.h"
#include "daemons/registryd/store_private.h"

static const struct entry_store_ops *const kinds[] = {
	&entry_store_json, &entry_store_sqlite, &entry_store_postgresql};

struct entry_store *entry_store_open(const char *uri, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (str_starts(uri, kinds[i]->prefix))
			return kinds[i]->open(
				uri + (kinds[i]->whole ? 0 : strlen(kinds[i]->prefix)), err);
	err_set(err, ERR_INPUT,
		"a store is given as json:PATH, sqlite:PATH or postgresql://HOST/DATABASE");
	return NULL;
}

void entry_store_init(struct entry_store *store, const struct entry_store_ops *ops, char *name)
{
	store->ops = ops;
	store->name = name;
	store->current = entry_list_new();
	entry_list_seal(store->current);
	pthread_mutex_init(&store->lock, NULL);
	pthread_mutex_init(&store->current_lock, NULL);
}

void entry_store_free(struct entry_store *store)
{
	if (!store)
		return;
	entry_list_unref(store->current);
	pthread_mutex_destroy(&store->lock);
	pthread_mutex_destroy(&store->current_lock);
	free(store->name);
	store->ops->free(store);
}

const char *entry_store_name(const struct entry_store *store)
{
	return store->name;
}

void entry_store_publish(struct entry_store *store, struct entry_list *list)
{
	entry_list_seal(list);
	list->generation = ++store->generation;
	pthread_mutex_lock(&store->current_lock);
	struct entry_list *old = store->current;
	store->current = list;
	pthread_mutex_unlock(&store->current_lock);
	entry_list_unref(old);
}

struct entry_list *entry_store_last(struct entry_store *store)
{
	pthread_mutex_lock(&store->current_lock);
	struct entry_list *list = entry_list_ref(store->current);
	pthread_mutex_unlock(&store->current_lock);
	return list;
}

struct entry_list *entry_store_list(struct entry_store *store, struct err *err)
{
	int rc = 0;

	if (pthread_mutex_trylock(&store->lock) == 0) {
		rc = store->ops->refresh(store, false, err);
		pthread_mutex_unlock(&store->lock);
	}
	return rc < 0 ? NULL : entry_store_last(store);
}

struct entry_list *entry_store_fresh(struct entry_store *store, struct err *err)
{
	pthread_mutex_lock(&store->lock);
	int rc = store->ops->refresh(store, true, err);
	pthread_mutex_unlock(&store->lock);
	return rc < 0 ? NULL : entry_store_last(store);
}

/* None of the changes that were to be done is done. */
static void fail_all(struct entry_change *changes, size_t n, const struct err *why)
{
	for (size_t i = 0; i < n; i++)
		if (changes[i].err.code == ERR_NONE) {
			entry_change_release(&changes[i]);
			changes[i].err = *why;
		}
}

static int apply(struct entry_store *store, struct entry_change *changes, size_t n,
	struct entry_edits *edits, struct err *err)
{
	if (store->ops->begin(store, err) < 0)
		return -1;
	struct entry_list *next = entry_list_copy(store->current);
	for (size_t i = 0; i < n; i++)
		entry_change_apply(&changes[i], next, edits, store->ops->in_file);
	if (!edits->count) {
		store->ops->abandon(store);
		entry_list_unref(next);
		return 0;
	}
	if (store->ops->commit(store, next, edits, err) < 0) {
		entry_list_unref(next);
		return -1;
	}
	entry_store_publish(store, next);
	return 0;
}

/* One try; what was not refused and did not get there has the store's error. */
static int try_batch(
	struct entry_store *store, struct entry_change *changes, size_t n, struct err *why)
{
	struct entry_edits edits = {0};

	for (size_t i = 0; i < n; i++) {
		changes[i].entry = changes[i].former = NULL;
		err_clear(&changes[i].err);
	}
	int rc = apply(store, changes, n, &edits, why);
	entry_edits_release(&edits);
	if (rc < 0)
		fail_all(changes, n, why);
	return rc;
}

int entry_store_apply(
	struct entry_store *store, struct entry_change *changes, size_t n, struct err *err)
{
	struct err why = {0};

	pthread_mutex_lock(&store->lock);
	int rc = try_batch(store, changes, n, &why);
	/*
	 * A database knew better than our list, because somebody writes to it by other means:
	 * the list is read anew, and tells which of the changes it was.
	 */
	if (rc < 0 && why.code == ERR_EXISTS)
		rc = try_batch(store, changes, n, &why);
	pthread_mutex_unlock(&store->lock);
	return rc < 0 ? err_set(err, why.code, "%s", why.text) : 0;
}

void entry_change_release(struct entry_change *change)
{
	entry_unref(change->entry);
	entry_unref(change->former);
	change->entry = change->former = NULL;
}

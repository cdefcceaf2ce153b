/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/registryd/store_fixture.h"

#include <signal.h>

#include "base/scratch.h"
#include "base/str.h"
#include "sql/postgres_server.h"

enum kind store_kind;

struct entry_store *store_again(struct fixture *f)
{
	struct err err = {0};
	struct entry_store *store = entry_store_open(f->uri, &err);

	assert_string_equal(err.text, "");
	assert_non_null(store);
	return store;
}

int store_setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	if (scratch_make(&f->scratch) < 0)
		return -1;
	if (store_kind == KIND_JSON) {
		f->path = xasprintf("%s/models/registry.json", (char *)f->scratch);
		f->uri = xasprintf("json:%s", f->path);
	} else if (store_kind == KIND_SQLITE) {
		f->uri = xasprintf("sqlite:%s/models/registry.db", (char *)f->scratch);
	} else {
		f->uri = postgres_server_database();
	}
	f->store = store_again(f);
	*state = f;
	return 0;
}

int store_teardown(void **state)
{
	struct fixture *f = *state;

	entry_store_free(f->store);
	scratch_remove(&f->scratch);
	free(f->uri);
	free(f->path);
	free(f);
	return 0;
}

enum err_code store_do(struct entry_store *store, struct entry_change change)
{
	struct err err = {0};
	int rc = entry_store_apply(store, &change, 1, &err);

	assert_int_equal(change.entry != NULL, change.err.code == ERR_NONE);
	if (rc < 0)
		assert_int_equal(change.err.code, err.code);
	entry_change_release(&change);
	return change.err.code;
}

enum err_code store_register(
	struct entry_store *store, const char *name, int64_t version, const char *metadata)
{
	return store_do(store, (struct entry_change){.kind = ENTRY_REGISTER,
				       .model_name = name,
				       .version = version,
				       .path = "p",
				       .metadata = metadata});
}

enum err_code store_activate(struct entry_store *store, const char *name, int64_t version)
{
	return store_do(
		store, (struct entry_change){
			       .kind = ENTRY_ACTIVATE, .model_name = name, .version = version});
}

enum err_code store_delete(struct entry_store *store, const char *name, int64_t version)
{
	return store_do(
		store, (struct entry_change){
			       .kind = ENTRY_DELETE, .model_name = name, .version = version});
}

char *store_shown(struct entry_store *store)
{
	struct err err = {0};
	struct strbuf text = STRBUF_INIT;
	AUTO(entry_list_unrefp) struct entry_list *list = entry_store_fresh(store, &err);

	assert_string_equal(err.text, "");
	assert_non_null(list);
	for (size_t i = 0; i < list->count; i++)
		strbuf_addf(&text, "%s%s-%lld %s", i ? ", " : "", list->items[i]->model_name,
			(long long)list->items[i]->version,
			entry_status_name(list->items[i]->status));
	return strbuf_detach(&text, NULL);
}

void store_is(struct entry_store *store, const char *expected)
{
	autofree char *shown = store_shown(store);

	assert_string_equal(shown, expected);
}

char *store_entry(struct entry_store *store, const char *name, int64_t version)
{
	AUTO(entry_list_unrefp) struct entry_list *list = entry_store_fresh(store, NULL);

	assert_non_null(list);
	const struct entry *e = entry_list_find(list, name, version);
	return e ? xstrdup(e->json) : NULL;
}

int store_run_kinds(const struct CMUnitTest *tests, size_t count)
{
	static const char *const names[] = {"json", "sqlite", "postgresql"};
	int failed = 0;

	signal(SIGPIPE, SIG_IGN);
	for (store_kind = KIND_JSON; store_kind <= KIND_POSTGRESQL; store_kind++) {
		if (store_kind == KIND_POSTGRESQL && !postgres_server_start())
			return failed ? failed : POSTGRES_SERVER_SKIPPED;
		failed += _cmocka_run_group_tests(names[store_kind], tests, count, NULL, NULL);
	}
	postgres_server_end();
	return failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* One store, many threads: what a writer was told is what every reader sees from then on. */
#include "daemons/registryd/store_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define READERS 3
#define WRITERS 2
#define WRITES  60

struct shared {
	struct entry_store *store;
	atomic_int told[WRITERS]; /* the last version that a writer was told is there */
	atomic_int writers;       /* that are at work */
	atomic_int failures;
};

struct worker {
	struct shared *shared;
	const char *name;
	int which;
};

static void expect(struct shared *s, bool holds)
{
	if (!holds)
		atomic_fetch_add(&s->failures, 1);
}

static void *write_versions(void *arg)
{
	struct worker *w = arg;

	for (int v = 1; v <= WRITES; v++) {
		struct entry_change c[] = {{.kind = ENTRY_REGISTER,
						   .model_name = w->name,
						   .version = v,
						   .path = "p"},
			{.kind = ENTRY_ACTIVATE, .model_name = w->name, .version = v}};

		expect(w->shared, entry_store_apply(w->shared->store, c, 2, NULL) == 0);
		expect(w->shared, c[0].entry && c[1].entry);
		entry_change_release(&c[0]);
		entry_change_release(&c[1]);
		atomic_store(&w->shared->told[w->which], v);
	}
	atomic_fetch_sub(&w->shared->writers, 1);
	return NULL;
}

static const char *const names[WRITERS] = {"a", "b"};

/* Every list is whole, none is older than one before, and all that was told is in it. */
static void *read_lists(void *arg)
{
	struct shared *s = arg;
	uint64_t generation = 0;

	while (atomic_load(&s->writers)) {
		int told[WRITERS];

		for (int i = 0; i < WRITERS; i++)
			told[i] = atomic_load(&s->told[i]);
		AUTO(entry_list_unrefp)
		struct entry_list *list = entry_store_list(s->store, NULL);
		expect(s, list != NULL);
		if (!list)
			break;
		expect(s, list->generation >= generation);
		generation = list->generation;
		for (int i = 0; i < WRITERS; i++) {
			const struct entry *e = entry_list_production(list, names[i]);
			expect(s, e ? e->version >= told[i] : told[i] == 0);
			expect(s, !e || !entry_list_find(list, names[i], e->version + 1));
		}
	}
	return NULL;
}

static void readers_see_what_writers_were_told(void **state)
{
	struct fixture *f = *state;
	struct shared s = {.store = f->store};
	struct worker workers[WRITERS];
	pthread_t threads[WRITERS + READERS];

	atomic_store(&s.writers, WRITERS);
	for (int i = 0; i < WRITERS; i++) {
		workers[i] = (struct worker){.shared = &s, .name = names[i], .which = i};
		assert_int_equal(
			pthread_create(&threads[i], NULL, write_versions, &workers[i]), 0);
	}
	for (int i = WRITERS; i < WRITERS + READERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_lists, &s), 0);
	for (int i = 0; i < WRITERS + READERS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(atomic_load(&s.failures), 0);
	AUTO(entry_list_unrefp) struct entry_list *list = entry_store_fresh(f->store, NULL);
	assert_int_equal(list->count, WRITERS * WRITES);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		STORE_TEST(readers_see_what_writers_were_told),
	};

	return store_run_kinds(tests, ARRAY_SIZE(tests));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/strmap.h"

static void test_an_empty_map(void **state)
{
	struct strmap m = {0};
	size_t walked = 0;

	(void)state;
	assert_null(strmap_get(&m, "a"));
	assert_false(strmap_has(&m, "a"));
	assert_null(strmap_remove(&m, "a"));
	strmap_foreach (e, &m)
		walked += e->hash != 0;
	assert_int_equal(walked, 0);
	strmap_release(&m, free);
}

static void test_null_values_are_values(void **state)
{
	struct strmap m = {0};

	(void)state;
	strmap_set(&m, "a", NULL);
	assert_true(strmap_has(&m, "a"));
	assert_null(strmap_get(&m, "a"));
	assert_false(strmap_has(&m, ""));
	strmap_set(&m, "", &m);
	assert_ptr_equal(strmap_get(&m, ""), &m);
	strmap_release(&m, NULL);
}

static void test_keys_are_copied(void **state)
{
	struct strmap m = {0};
	char key[] = "one";

	(void)state;
	strmap_set(&m, key, &m);
	key[0] = 'O';
	assert_true(strmap_has(&m, "one"));
	assert_false(strmap_has(&m, "One"));
	strmap_release(&m, NULL);
}

static void test_release_frees_values(void **state)
{
	struct strmap m = {0};

	(void)state;
	free(strmap_set(&m, "a", xstrdup("1")));
	free(strmap_set(&m, "a", xstrdup("2")));
	strmap_set(&m, "b", xstrdup("3"));
	strmap_release(&m, free); /* a leak would show in the sanitizer's report */
	assert_int_equal(m.count, 0);
	assert_null(m.entries);
}

/* FNV-1a's published test values. */
static void test_hash(void **state)
{
	(void)state;
	assert_true(str_hash("", 0) == 0xcbf29ce484222325u);
	assert_true(str_hash("a", 1) == 0xaf63dc4c8601ec8cu);
	assert_true(str_hash("foobar", 6) == 0x85944171f73967e8u);
}

/* A map as a plain list: the model that the real one is compared with. */
struct model {
	struct {
		char key[8];
		void *value;
	} items[200];
	size_t count;
};

static size_t model_find(const struct model *m, const char *key)
{
	size_t i = 0;

	while (i < m->count && strcmp(m->items[i].key, key) != 0)
		i++;
	return i;
}

static void *model_set(struct model *m, const char *key, void *value)
{
	size_t i = model_find(m, key);
	void *old = i < m->count ? m->items[i].value : NULL;

	if (i == m->count)
		snprintf(m->items[m->count++].key, sizeof(m->items[i].key), "%s", key);
	m->items[i].value = value;
	return old;
}

static void *model_remove(struct model *m, const char *key)
{
	size_t i = model_find(m, key);

	if (i == m->count)
		return NULL;
	void *value = m->items[i].value;
	memmove(&m->items[i], &m->items[i + 1], (m->count - i - 1) * sizeof(m->items[0]));
	m->count--;
	return value;
}

static void expect_equal(const struct strmap *m, const struct model *model)
{
	size_t i = 0;

	assert_int_equal(m->count, model->count);
	strmap_foreach (e, m) {
		assert_string_equal(e->key, model->items[i].key);
		assert_ptr_equal(e->value, model->items[i].value);
		assert_ptr_equal(strmap_get(m, e->key), e->value);
		i++;
	}
}

/* One pseudo-random step of a fixed sequence: the same in every run. */
static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void test_agrees_with_a_plain_list(void **state)
{
	struct strmap m = {0};
	struct model *model = xcalloc(1, sizeof(*model));
	static char values[16];
	uint32_t seed = 1;
	char key[8];

	(void)state;
	for (int step = 0; step < 20000; step++) {
		/* Long phases of growing and shrinking. */
		bool grow = next_random(&seed) % 10 < (step / 2000 % 2 ? 3 : 7);
		snprintf(key, sizeof(key), "k%u", next_random(&seed) % 150);
		void *value = &values[next_random(&seed) % sizeof(values)];
		if (grow)
			assert_ptr_equal(
				strmap_set(&m, key, value), model_set(model, key, value));
		else
			assert_ptr_equal(strmap_remove(&m, key), model_remove(model, key));
		assert_int_equal(strmap_has(&m, key), grow);
		if (step % 50 == 0)
			expect_equal(&m, model);
	}
	expect_equal(&m, model);
	strmap_release(&m, NULL);
	free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_empty_map),
		cmocka_unit_test(test_null_values_are_values),
		cmocka_unit_test(test_keys_are_copied),
		cmocka_unit_test(test_release_frees_values),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_agrees_with_a_plain_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

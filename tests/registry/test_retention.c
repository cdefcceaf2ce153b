/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Retention: single cases, and a property over random sites against a model of the rule that is
 * written here in another way: it ranks every version and asks for each alone whether it may
 * go.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "registry/retention.h"

static void split(struct strlist *l, const char *words)
{
	strlist_split(l, words, " ");
}

static void release(struct retention_model *m, struct strlist *there)
{
	strlist_release(there);
	strlist_release(&m->current);
	strlist_release(&m->previous);
	strlist_release(&m->pinned);
	strlist_release(&m->runs);
	strlist_release(&m->linked);
}

static void expect(struct retention_model *m, const char *there, const char *expected)
{
	AUTO(strbuf_release) struct strbuf got = STRBUF_INIT;
	struct strlist versions = {0};
	enum retention_reason reasons[64];

	split(&versions, there);
	m->there = &versions;
	retention_decide(m, reasons);
	for (size_t i = 0; i < versions.count; i++)
		strbuf_addf(&got, "%s%s", i ? " " : "", retention_reason_name(reasons[i]));
	assert_string_equal(got.data, expected);
	release(m, &versions);
}

static void test_n_versions_beside_those_in_use(void **state)
{
	struct retention_model m = {.keep = 2};

	(void)state;
	split(&m.current, "2025-06-01");
	split(&m.previous, "2025-05-01");
	expect(&m, "2025-01-01 2025-02-01 2025-03-01 2025-04-01 2025-05-01 2025-06-01",
		"remove remove recent recent previous current");
}

static void test_newer_than_current_is_recent(void **state)
{
	struct retention_model m = {.keep = 1};

	(void)state;
	split(&m.current, "2025-02-01");
	expect(&m, "2025-01-01 2025-02-01 2025-03-01", "remove current recent");
}

static void test_each_reason_keeps(void **state)
{
	struct retention_model m = {.keep = 0};

	(void)state;
	split(&m.current, "2025-06-01 2025-06-02");
	split(&m.previous, "2025-05-01 2025-06-02");
	split(&m.pinned, "2025-04-01 2025-05-01");
	split(&m.runs, "2025-03-01 2025-04-01");
	split(&m.linked, "2025-02-01 2025-03-01");
	expect(&m,
		"2025-01-01 2025-02-01 2025-03-01 2025-04-01 2025-05-01 2025-06-01 2025-06-02",
		"remove linked runs pinned previous current current");
}

static void test_what_is_no_date_stays_and_counts_for_nothing(void **state)
{
	struct retention_model m = {.keep = 1};

	(void)state;
	split(&m.current, "2025-06-01");
	expect(&m, "latest 2025-02-30 2025-01-01 2025-02-01 2025-06-01",
		"recent recent remove recent current");
}

static void test_order_does_not_matter(void **state)
{
	struct retention_model m = {.keep = 1};

	(void)state;
	split(&m.current, "2025-06-01");
	expect(&m, "2025-02-01 2025-06-01 2025-03-01 2025-01-01",
		"remove current recent remove");
}

static void test_none(void **state)
{
	struct retention_model m = {.keep = 5};

	(void)state;
	expect(&m, "", "");
}

/* ---- the property ---- */

#define DAYS  40 /* versions that there can be: days of two months */
#define HOSTS 5
#define SITES 4000

/* A site as the test sees it: bits by day, no lists. */
struct made_site {
	bool there[DAYS];
	int current[2], previous[2]; /* of two registries; -1: none */
	int pins[HOSTS];             /* by host; -1: none */
	bool runs[HOSTS][DAYS];
	int link; /* -1: none */
	unsigned keep;
};

static uint32_t seed;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (uint32_t)(((uint64_t)seed * n) >> 32);
}

static int random_day(unsigned none_percent)
{
	return random_below(100) < none_percent ? -1 : (int)random_below(DAYS);
}

static const char *day_name(int day)
{
	static char names[4][32];
	static unsigned next;
	char *name = names[next++ % 4];

	snprintf(name, sizeof(names[0]), "2025-%02d-%02d", 1 + day / 20, 1 + day % 20);
	return name;
}

static void make_site(struct made_site *s)
{
	*s = (struct made_site){.link = random_day(70), .keep = random_below(8)};
	for (int d = 0; d < DAYS; d++)
		s->there[d] = random_below(3) > 0;
	for (int r = 0; r < 2; r++) {
		s->current[r] = random_day(r ? 50 : 0);
		s->previous[r] = random_day(40);
	}
	for (int h = 0; h < HOSTS; h++) {
		s->pins[h] = random_day(70);
		for (unsigned n = random_below(3); n > 0; n--)
			s->runs[h][random_below(DAYS)] = true;
	}
}

/* The rule once more, a question about one version at a time. */
static bool is_in_use(const struct made_site *s, int day)
{
	for (int r = 0; r < 2; r++)
		if (s->current[r] == day || s->previous[r] == day)
			return true;
	for (int h = 0; h < HOSTS; h++)
		if (s->pins[h] == day || s->runs[h][day])
			return true;
	return s->link == day;
}

static bool may_go(const struct made_site *s, int day)
{
	unsigned newer = 0;

	for (int d = day + 1; d < DAYS; d++)
		newer += s->there[d] && !is_in_use(s, d);
	return s->there[day] && !is_in_use(s, day) && newer >= s->keep;
}

static void add_day(struct strlist *l, int day)
{
	if (day >= 0)
		strlist_add(l, day_name(day));
}

static void fill(struct retention_model *m, const struct made_site *s, struct strlist *there)
{
	int first = (int)random_below(DAYS);

	for (int i = 0; i < DAYS; i++)
		if (s->there[(first + i) % DAYS])
			add_day(there, (first + i) % DAYS);
	for (int r = 0; r < 2; r++) {
		add_day(&m->current, s->current[r]);
		add_day(&m->previous, s->previous[r]);
	}
	for (int h = 0; h < HOSTS; h++) {
		add_day(&m->pinned, s->pins[h]);
		for (int d = 0; d < DAYS; d++)
			if (s->runs[h][d])
				add_day(&m->runs, d);
	}
	add_day(&m->linked, s->link);
	m->keep = s->keep;
	m->there = there;
}

static void check_site(uint32_t number)
{
	struct retention_model m = {0};
	struct strlist there = {0};
	struct made_site s;
	enum retention_reason reasons[DAYS];

	seed = number;
	make_site(&s);
	fill(&m, &s, &there);
	retention_decide(&m, reasons);
	for (size_t i = 0; i < there.count; i++) {
		int month = 0, day = 0;
		assert_int_equal(sscanf(there.items[i], "2025-%d-%d", &month, &day), 2);
		bool goes = reasons[i] == RETENTION_REMOVE;
		if (goes != may_go(&s, (month - 1) * 20 + day - 1))
			fail_msg("site %u: %s %s", number, there.items[i],
				goes ? "goes" : "stays");
	}
	release(&m, &there);
}

static void test_random_sites_agree_with_the_rule(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < SITES; i++)
		check_site(i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_n_versions_beside_those_in_use),
		cmocka_unit_test(test_newer_than_current_is_recent),
		cmocka_unit_test(test_each_reason_keeps),
		cmocka_unit_test(test_what_is_no_date_stays_and_counts_for_nothing),
		cmocka_unit_test(test_order_does_not_matter),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_random_sites_agree_with_the_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

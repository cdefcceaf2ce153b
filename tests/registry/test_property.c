/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random sites, resolved by the program and by a second, much simpler reading of the rules:
 * each host's set is computed straight from tables of numbers, and compared model by model.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fixture.h"
#include "site_text.h"

#define MODELS 8
#define HOSTS  10
#define ROUNDS 400

/* xorshift64*: the same sites in every run; a failure names its seed. */
static uint64_t random_state;

static unsigned roll(unsigned sides)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (unsigned)((random_state * 0x2545f4914f6cdd1du) >> 33) % sides;
}

enum rule { RULE_ALL, RULE_NONE, RULE_LIST, RULE_SENTINEL, RULE_OUTPOST, RULE_DATASINK, RULES };

/* A site as numbers: versions are days of January 2026, 0 means there is none. */
struct plan {
	int current[MODELS];
	int stored[MODELS][32]; /* 1 when the store has that day */
	enum rule rule[HOSTS];
	bool listed[HOSTS][MODELS];
	int override[HOSTS][MODELS];
	bool filtered; /* with --models */
	bool selected[MODELS];
};

static void make_plan(struct plan *p)
{
	*p = (struct plan){.filtered = roll(3) == 0};
	for (int m = 0; m < MODELS; m++) {
		p->current[m] = 1 + (int)roll(28);
		p->selected[m] = roll(2);
		for (int day = 1; day <= 28; day++)
			p->stored[m][day] = roll(20) != 0;
	}
	for (int h = 0; h < HOSTS; h++) {
		p->rule[h] = roll(RULES);
		for (int m = 0; m < MODELS; m++) {
			p->listed[h][m] = roll(2);
			p->override[h][m] = roll(4) == 0 ? 1 + (int)roll(28) : 0;
		}
	}
}

static void add_list(struct strbuf *out, const bool listed[MODELS])
{
	strbuf_addstr(out, "[");
	for (int m = 0, n = 0; m < MODELS; m++)
		if (listed[m])
			strbuf_addf(out, "%sm%d", n++ ? ", " : "", m);
	strbuf_addstr(out, "]");
}

static void add_host(struct strbuf *out, const struct plan *p, int h)
{
	strbuf_addf(out, "  h%d: {", h);
	switch (p->rule[h]) {
	case RULE_ALL: strbuf_addstr(out, "model_set: all"); break;
	case RULE_NONE: strbuf_addstr(out, "model_set: none"); break;
	case RULE_LIST: strbuf_addstr(out, "model_set: "); break;
	case RULE_SENTINEL: strbuf_addstr(out, "groups: [sentinels]"); break;
	case RULE_OUTPOST: strbuf_addstr(out, "groups: [outposts], outpost_models: "); break;
	default: strbuf_addstr(out, "groups: [datasinks], datasink_models: "); break;
	}
	if (p->rule[h] == RULE_LIST || p->rule[h] >= RULE_OUTPOST)
		add_list(out, p->listed[h]);
	strbuf_addstr(out, ", model_version_overrides: {");
	for (int m = 0, n = 0; m < MODELS; m++)
		if (p->override[h][m])
			strbuf_addf(out, "%sm%d: 2026-01-%02d", n++ ? ", " : "", m,
				p->override[h][m]);
	strbuf_addstr(out, "}}\n");
}

static void write_site(struct strbuf *out, const struct plan *p)
{
	strbuf_addstr(out, "all:\n  sentinelcam_models:\n");
	for (int m = 0; m < MODELS; m++)
		strbuf_addf(out, "    m%d: {current_version: \"2026-01-%02d\"}\n", m,
			p->current[m]);
	strbuf_addstr(out, "hosts:\n");
	for (int h = 0; h < HOSTS; h++)
		add_host(out, p, h);
}

/* The day that a host is to have of a model; 0 for none. */
static int expected_day(const struct plan *p, int h, int m)
{
	bool all = p->rule[h] == RULE_ALL || p->rule[h] == RULE_SENTINEL;
	bool gets = all || (p->rule[h] != RULE_NONE && p->listed[h][m]);

	if (!gets || (p->filtered && !p->selected[m]))
		return 0;
	return p->override[h][m] ? p->override[h][m] : p->current[m];
}

static void check_host(const struct plan *p, const struct resolution *r, int h)
{
	const struct host_models *got = &r->hosts[h];
	size_t count = 0;

	for (int m = 0; m < MODELS; m++) {
		char name[16], version[16];
		int day = expected_day(p, h, m);
		snprintf(name, sizeof(name), "m%d", m);
		snprintf(version, sizeof(version), "2026-01-%02d", day);
		const struct wanted *w = host_models_find(got, name);
		if (day == 0) {
			assert_null(w);
			continue;
		}
		count++;
		assert_non_null(w);
		assert_string_equal(w->version, version);
		assert_int_equal(w->pinned, p->override[h][m] != 0);
		assert_string_equal(r->uses[w->use].version, version);
		assert_string_equal(r->uses[w->use].model->name, name);
	}
	assert_int_equal(got->count, count);
}

/* Each (model, day) that somebody wants is one use, with the right number of hosts. */
static void check_uses(const struct plan *p, const struct resolution *r)
{
	size_t uses = 0;

	for (int m = 0; m < MODELS; m++) {
		for (int day = 1; day <= 28; day++) {
			size_t hosts = 0;
			for (int h = 0; h < HOSTS; h++)
				hosts += expected_day(p, h, m) == day;
			uses += hosts > 0;
			for (size_t u = 0; u < r->use_count; u++)
				if (r->uses[u].model->name[1] == '0' + m &&
					r->uses[u].version[8] == '0' + day / 10 &&
					r->uses[u].version[9] == '0' + day % 10)
					assert_int_equal(r->uses[u].hosts, hosts);
		}
	}
	assert_int_equal(r->use_count, uses);
}

/* How many places say a version that somebody wants and the store lacks. */
static size_t expected_errors(const struct plan *p)
{
	size_t n = 0;

	for (int m = 0; m < MODELS; m++) {
		bool current_wanted = false;
		for (int h = 0; h < HOSTS; h++) {
			int day = expected_day(p, h, m);
			if (day == 0)
				continue;
			if (p->override[h][m])
				n += !p->stored[m][day];
			else
				current_wanted = true;
		}
		n += current_wanted && !p->stored[m][p->current[m]];
	}
	return n;
}

/* A store that has what the plan says; nothing but check and list is asked of it. */
struct plan_store {
	struct store head;
	const struct plan *plan;
};

static const struct plan *plan_of(struct store *s)
{
	return ((struct plan_store *)s)->plan;
}

static int plan_check(struct store *s, const char *model, const char *version, struct err *err)
{
	int day = (version[8] - '0') * 10 + version[9] - '0';

	if (plan_of(s)->stored[model[1] - '0'][day])
		return 0;
	return err_set(err, ERR_NOTFOUND, "no such version");
}

static int plan_list(struct store *s, const char *model, struct strlist *out, struct err *err)
{
	(void)err;
	for (int day = 1; day <= 28; day++)
		if (plan_of(s)->stored[model[1] - '0'][day])
			strlist_addf(out, "2026-01-%02d", day);
	return 0;
}

static const struct store_ops plan_ops = {
	.kind = "plan", .check_version = plan_check, .list_versions = plan_list};

static size_t count_errors(const char *findings)
{
	size_t n = 0;

	for (const char *p = findings; (p = strstr(p, ": error: ")); p++)
		n++;
	return n;
}

static void check_round(uint64_t seed)
{
	struct plan p;
	char where[32];
	char location[] = "plan";
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf filter = STRBUF_INIT;
	AUTO(resolution_release) struct resolution r = {0};
	AUTO(site_text_release) struct site_text site;

	random_state = seed;
	make_plan(&p);
	write_site(&text, &p);
	for (int m = 0; m < MODELS && p.filtered; m++)
		if (p.selected[m])
			strbuf_addf(&filter, "m%d,", m);
	p.filtered = filter.len > 0;
	struct plan_store store = {.head = {&plan_ops, location}, .plan = &p};
	snprintf(where, sizeof(where), "seed %llu", (unsigned long long)seed);

	site_text_read(&site, text.data, filter.data, NULL);
	const char *findings = site_text_resolve(&site, &store.head, &r);

	for (int h = 0; h < HOSTS; h++)
		check_host(&p, &r, h);
	check_uses(&p, &r);
	if (count_errors(findings) != expected_errors(&p))
		fail_msg("%s: %zu errors, expected %zu\n%s%s", where, count_errors(findings),
			expected_errors(&p), text.data, findings);
}

static void test_random_sites(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
		check_round(seed * 0x9e3779b97f4a7c15u);
		arena_release(&fixture_arena);
	}
}

/* Comparing a site with itself finds nothing; there and back are mirror images. */
static void test_comparing_is_symmetric(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= ROUNDS / 4; seed++) {
		struct plan plans[2];
		AUTO(strbuf_release) struct strbuf one = STRBUF_INIT;
		AUTO(strbuf_release) struct strbuf two = STRBUF_INIT;
		AUTO(resolution_release) struct resolution a = {0};
		AUTO(resolution_release) struct resolution b = {0};
		AUTO(site_text_release) struct site_text sa;
		AUTO(site_text_release) struct site_text sb;
		AUTO(changes_release) struct changes there = {0};
		AUTO(changes_release) struct changes back = {0};
		AUTO(changes_release) struct changes none = {0};
		size_t expected = 0;

		random_state = seed * 0x9e3779b97f4a7c15u;
		make_plan(&plans[0]);
		make_plan(&plans[1]);
		plans[0].filtered = plans[1].filtered = false;
		write_site(&one, &plans[0]);
		write_site(&two, &plans[1]);
		site_text_read(&sa, one.data, NULL, NULL);
		site_text_read(&sb, two.data, NULL, NULL);
		site_text_resolve(&sa, NULL, &a);
		site_text_resolve(&sb, NULL, &b);
		for (int h = 0; h < HOSTS; h++)
			for (int m = 0; m < MODELS; m++)
				expected += expected_day(&plans[0], h, m) !=
					    expected_day(&plans[1], h, m);

		resolution_compare(&a, &b, &there);
		resolution_compare(&b, &a, &back);
		resolution_compare(&a, &a, &none);

		assert_int_equal(there.count, expected);
		assert_int_equal(back.count, expected);
		assert_int_equal(none.count, 0);
		arena_release(&fixture_arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
		T(test_random_sites),
		T(test_comparing_is_symmetric),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

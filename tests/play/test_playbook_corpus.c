/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The playbooks in corpus/, as ansible-playbook sees them (answers.json, made by corpus.py):
 * what it refuses we refuse, what it lists we list, what its tags select ours select.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/path.h"
#include "play/playbook.h"
#include "value/json.h"

struct fixture {
	struct arena arena;
	const struct value *answers;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct err err = {0};

	f->answers = json_read_file(&f->arena, "corpus/answers.json", NULL, NULL, &err);
	if (!f->answers)
		print_error("%s\n", err.text);
	*state = f;
	return f->answers ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	arena_release(&f->arena);
	free(f);
	return 0;
}

/* Parses a playbook of the corpus; all its findings as lines. */
static int parse(struct playbook *p, const char *path, struct strbuf *findings)
{
	autofree char *full = path_join("corpus", path);
	struct diags d = {0};
	int rc = playbook_parse(p, full, NULL, &d);

	for (size_t i = 0; i < d.count; i++)
		diag_format(&d.items[i], findings);
	diags_release(&d);
	return rc;
}

/* Parses one that is good. */
static void parse_good(struct playbook *p, const char *path)
{
	AUTO(strbuf_release) struct strbuf findings = STRBUF_INIT;

	if (parse(p, path, &findings) < 0)
		fail_msg("%s is refused:\n%s", path, findings.data);
}

/* Checks that the findings hold what the playbook's comments expect. */
static void check_expectations(const char *path, const struct strbuf *findings)
{
	static const char mark[] = "# expect: ";
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	autofree char *full = path_join("corpus", path);
	size_t expectations = 0;

	assert_int_equal(file_read(full, 1u << 20, &text, NULL), 0);
	for (const char *at = text.data; (at = strstr(at, mark)); expectations++) {
		at += strlen(mark);
		autofree char *expected = xstrndup(at, strcspn(at, "\n"));
		if (!strstr(findings->data, expected))
			fail_msg(
				"%s: expected: %s\nfound:\n%s", path, expected, findings->data);
	}
	if (expectations == 0)
		fail_msg("%s expects nothing", path);
}

static void test_refused(void **state)
{
	const struct fixture *f = *state;

	value_dict_foreach (answer, value_dict_get(f->answers, "accepted")) {
		AUTO(strbuf_release) struct strbuf findings = STRBUF_INIT;
		AUTO(playbook_release) struct playbook p = {0};
		const char *path = answer->key->text;
		if (parse(&p, path, &findings) == 0)
			fail_msg("%s is accepted", path);
		check_expectations(path, &findings);
	}
}

/* The folders say the truth: Ansible refuses what is in bad/, and nothing else. */
static void test_folders(void **state)
{
	const struct fixture *f = *state;

	value_dict_foreach (answer, value_dict_get(f->answers, "accepted"))
		if (answer->value->boolean == str_starts(answer->key->text, "bad/"))
			fail_msg("%s is in the wrong folder", answer->key->text);
}

static void add_tags(struct strlist *to, const struct strlist *from)
{
	for (size_t i = 0; i < from->count; i++)
		if (!strlist_has(to, from->items[i]))
			strlist_add(to, from->items[i]);
}

static void check_tags(
	const char *path, const char *name, struct strlist *tags, const struct value *expected)
{
	strlist_sort(tags);
	if (tags->count != expected->count)
		fail_msg("%s: %s has %zu tags, expected %zu", path, name, tags->count,
			expected->count);
	for (size_t i = 0; i < tags->count; i++)
		assert_string_equal(tags->items[i], expected->items[i]->text);
}

/* The tasks that --list-tasks shows: not those of rescue and always. */
static void collect(const struct steps *from, struct steps *to, struct arena *arena)
{
	for (size_t i = 0; i < from->count; i++) {
		struct step *s = from->items[i];
		if (s->kind == STEP_BLOCK) {
			collect(&s->block->block, to, arena);
			continue;
		}
		if (to->count == to->cap) {
			to->cap = to->cap ? 2 * to->cap : 64;
			struct step **grown = arena_array(arena, to->cap, sizeof(*grown));
			if (to->count)
				memcpy(grown, to->items, to->count * sizeof(*grown));
			to->items = grown;
		}
		to->items[to->count++] = s;
	}
}

static struct steps listed(const struct play *play, struct arena *arena)
{
	struct steps all = {0};

	collect(&play->pre_tasks, &all, arena);
	collect(&play->tasks, &all, arena);
	collect(&play->post_tasks, &all, arena);
	return all;
}

static void check_task(const char *path, const struct step *s, const struct value *expected)
{
	AUTO(strlist_release) struct strlist tags = {0};

	assert_string_equal(step_title(s), expected->items[0]->text);
	add_tags(&tags, &s->play->tags);
	for (const struct step *at = s; at; at = at->outer)
		add_tags(&tags, &at->tags);
	check_tags(path, step_title(s), &tags, expected->items[1]);
}

static void check_play(const char *path, const struct play *play, const struct value *expected)
{
	AUTO(arena_release) struct arena arena = {0};
	AUTO(strlist_release) struct strlist tags = {0};
	const struct value *tasks = value_dict_get(expected, "tasks");
	struct steps all = listed(play, &arena);
	size_t n = 0;

	assert_string_equal(play->name, value_dict_get(expected, "name")->text);
	add_tags(&tags, &play->tags);
	check_tags(path, play->name, &tags, value_dict_get(expected, "tags"));
	for (size_t i = 0; i < all.count; i++) {
		if (!step_selected(all.items[i], NULL, NULL))
			continue;
		if (n == tasks->count)
			fail_msg("%s: %s has more than %zu tasks", path, play->name, n);
		check_task(path, all.items[i], tasks->items[n++]);
	}
	assert_int_equal(n, tasks->count);
}

static void test_listed(void **state)
{
	const struct fixture *f = *state;

	value_dict_foreach (answer, value_dict_get(f->answers, "listed")) {
		AUTO(playbook_release) struct playbook p = {0};
		parse_good(&p, answer->key->text);
		assert_int_equal(p.count, answer->value->count);
		for (size_t i = 0; i < p.count; i++)
			check_play(answer->key->text, p.plays[i], answer->value->items[i]);
	}
}

static struct strlist words_of(const struct value *list)
{
	struct strlist words = {0};

	for (size_t i = 0; i < list->count; i++)
		strlist_add(&words, list->items[i]->text);
	return words;
}

static void check_query(const struct playbook *p, const struct value *query)
{
	AUTO(arena_release) struct arena arena = {0};
	AUTO(strlist_release) struct strlist tags = words_of(value_dict_get(query, "tags"));
	AUTO(strlist_release) struct strlist skip = words_of(value_dict_get(query, "skip"));
	const struct value *expected = value_dict_get(query, "selected");
	size_t n = 0;

	for (size_t play = 0; play < p->count; play++) {
		struct steps all = listed(p->plays[play], &arena);
		for (size_t i = 0; i < all.count; i++) {
			bool wanted =
				n < expected->count &&
				strcmp(step_title(all.items[i]), expected->items[n]->text) == 0;
			if (step_selected(all.items[i], &tags, &skip) != wanted)
				fail_msg("--tags %s --skip-tags %s: %s is %s by us",
					tags.count ? tags.items[0] : "",
					skip.count ? skip.items[0] : "",
					step_title(all.items[i]),
					wanted ? "left out" : "taken");
			n += wanted;
		}
	}
	assert_int_equal(n, expected->count);
}

/* The names of tags.yml are unique, so the selected ones are a subsequence of all. */
static void test_tags(void **state)
{
	const struct fixture *f = *state;
	AUTO(playbook_release) struct playbook p = {0};

	parse_good(&p, "good/tags.yml");
	value_list_foreach (query, value_dict_get(f->answers, "queries"))
		check_query(&p, query);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_folders),
		cmocka_unit_test(test_listed),
		cmocka_unit_test(test_tags),
	};

	/* Modules of an Ansible that is installed here are not to be found. */
	setenv("MODELFLEET_ANSIBLE", "", 1);
	return cmocka_run_group_tests(tests, setup, teardown);
}

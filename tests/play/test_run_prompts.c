/* SPDX-License-Identifier: Apache-2.0 */
/* vars_prompt: what a person is asked, and what becomes of the answers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "play/run_fixture.h"

/* Somebody who has answers ready, and what was asked: "text" or "text (hidden)", a line each.
 */
struct somebody {
	const char *const *answers; /* NULL: nobody is there; ends with NULL */
	size_t given;
	struct strbuf asked;
	struct run_person person;
};

static int answer(void *data, const struct run_question *q, struct strbuf *out, struct err *err)
{
	struct somebody *s = data;

	strbuf_addf(&s->asked, "%s%s\n", q->text, q->hidden ? " (hidden)" : "");
	if (!s->answers)
		return 0;
	if (!s->answers[s->given])
		return err_set(err, ERR_CANCELLED, "interrupted");
	strbuf_addstr(out, s->answers[s->given++]);
	return 1;
}

static struct somebody somebody(struct run_fixture *f, const char *const *answers)
{
	struct somebody s = {.answers = answers, .asked = STRBUF_INIT};

	s.person.ask = answer;
	f->show = "msg";
	return s;
}

#define PLAY(prompts, msg)                                                                     \
	"- hosts: all\n  gather_facts: false\n  vars_prompt: " prompts                         \
	"\n  tasks:\n    - debug: {msg: \"" msg "\"}\n"

/* Runs a play; expects its questions, and a text in what was to be seen. */
static void expect(struct run_fixture *f, const char *const *answers, const char *playbook,
	const char *asked, const char *seen)
{
	struct somebody s = somebody(f, answers);

	s.person.data = &s;
	f->options.person = &s.person;
	const char *text = run_fixture_play(f, playbook);
	if (!strstr(text, seen))
		fail_msg("expected \"%s\" in:\n%s", seen, text);
	assert_string_equal(s.asked.data, asked);
	f->options.person = NULL;
	strbuf_release(&s.asked);
}

static const char *const one[] = {"1.5", NULL};
static const char *const nothing[] = {"", NULL};

static void what_is_typed_is_the_value(void **state)
{
	expect(*state, one, PLAY("[{name: version, prompt: Which one}]", "<{{ version }}>"),
		"Which one (hidden)\n", "ok \"<1.5>\"");
	expect(*state, one, PLAY("{name: version, private: false}", "<{{ version }}>"),
		"version\n", "ok \"<1.5>\"");
	expect(*state, one, PLAY("[{name: version, prompt: ''}]", "<{{ version }}>"),
		"input for version (hidden)\n", "ok \"<1.5>\"");
}

static void nothing_typed_is_the_default(void **state)
{
	expect(*state, nothing,
		PLAY("[{name: version, prompt: Which, default: 7, private: no}]",
			"<{{ version }}>"),
		"Which [7]\n", "ok \"<7>\"");
	expect(*state, nothing, PLAY("[{name: version}]", "<{{ version }}>"),
		"version (hidden)\n", "ok \"<>\"");
}

static void where_nobody_is_there_the_default_counts(void **state)
{
	expect(*state, NULL, PLAY("[{name: a, default: x}, {name: b}]", "<{{ a }}{{ b }}>"),
		"a [x] (hidden)\nb (hidden)\n", "ok \"<xNone>\"");
}

static void an_answer_is_confirmed(void **state)
{
	static const char *const typed[] = {"a", "b", "c", "c", NULL};

	expect(*state, typed, PLAY("[{name: word, confirm: true}]", "<{{ word }}>"),
		"word (hidden)\nconfirm word (hidden)\nword (hidden)\n"
		"confirm word (hidden)\n",
		"ok \"<c>\"");
}

static void extra_variables_are_not_asked_for(void **state)
{
	struct run_fixture *f = *state;

	strlist_add(&f->extra, "version=given");
	expect(f, one, PLAY("[{name: version}]", "<{{ version }}>"), "", "ok \"<given>\"");
}

static void members_may_be_templates(void **state)
{
	struct run_fixture *f = *state;

	strlist_add(&f->extra, "what=model");
	expect(f, one,
		PLAY("[{name: '{{ what }}_version', prompt: 'Which {{ what }}', private: no}]",
			"<{{ model_version }}>"),
		"Which model\n", "ok \"<1.5>\"");
}

static void an_answer_is_no_template_where_it_is_unsafe(void **state)
{
	static const char *const typed[] = {"{{ 1 + 1 }}", NULL};

	expect(*state, typed, PLAY("[{name: word, unsafe: true}]", "<{{ word }}>"),
		"word (hidden)\n", "ok \"<{{ 1 + 1 }}>\"");
}

static void an_answer_is_encrypted(void **state)
{
	static const char *const typed[] = {"secret", NULL};

	expect(*state, typed,
		PLAY("[{name: word, encrypt: sha512_crypt, salt: abcdefgh}]", "<{{ word }}>"),
		"word (hidden)\n", "ok \"<$6$");
}

/* Batches of a play and the hosts in them share one answer. */
static void it_is_asked_once(void **state)
{
	struct run_fixture *f = *state;

	f->inventory_text = "h1\nh2\n[all:vars]\nansible_connection=local\n";
	expect(f, one,
		"- hosts: all\n  gather_facts: false\n  serial: 1\n"
		"  vars_prompt: [{name: version}]\n"
		"  tasks: [{debug: {msg: \"<{{ version }}>\"}}]\n",
		"version (hidden)\n", "ok \"<1.5>\"");
	assert_int_equal(run_fixture_host(f, "h1")->counts.ok, 1);
	assert_int_equal(run_fixture_host(f, "h2")->counts.ok, 1);
}

static void a_person_who_leaves_ends_the_run(void **state)
{
	static const char *const none[] = {NULL};

	expect(*state, none, PLAY("[{name: version}]", "<{{ version }}>"), "version (hidden)\n",
		"interrupted");
}

static void what_is_no_prompt_is_refused(void **state)
{
	expect(*state, one, PLAY("[a]", "x"), "", "expected a mapping with the name");
	expect(*state, one, PLAY("[{prompt: a}]", "x"), "", "vars_prompt: found no \"name\"");
	expect(*state, one, PLAY("[{name: 1a}]", "x"), "", "can be no variable's name");
	expect(*state, one, PLAY("[{name: a, hidden: true}]", "x"), "",
		"expected name, prompt, default,");
}

#define RUN(f) cmocka_unit_test_setup_teardown(f, run_fixture_make, run_fixture_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(what_is_typed_is_the_value),
		RUN(nothing_typed_is_the_default),
		RUN(where_nobody_is_there_the_default_counts),
		RUN(an_answer_is_confirmed),
		RUN(extra_variables_are_not_asked_for),
		RUN(members_may_be_templates),
		RUN(an_answer_is_no_template_where_it_is_unsafe),
		RUN(an_answer_is_encrypted),
		RUN(it_is_asked_once),
		RUN(a_person_who_leaves_ends_the_run),
		RUN(what_is_no_prompt_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What the Hub says of models, of the next page, and of its limits. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "source/hub.h"
#include "source/hub_list.h"

/* ---- the next page ---- */

static char base[] = "https://hub.example/api";

/* The next page by a header Link; NULL for none. */
static char *next_by(char *link, struct err *err)
{
	const struct source_server server = {.base = base};
	char name[] = "Link";
	struct http_header header = {.name = name, .value = link};
	const struct http_response r = {.headers = {.items = &header, .count = 1, .cap = 1}};
	char *next = NULL;

	err_clear(err);
	hub_next_page(&server, &r, &next, err);
	return next;
}

static void expect_next(const char *link, const char *expected)
{
	struct err err = {0};
	autofree char *header = xstrdup(link), *next = next_by(header, &err);

	assert_int_equal(err.code, ERR_NONE);
	if (expected)
		assert_string_equal(next, expected);
	else
		assert_null(next);
}

static void a_link_leads_to_the_next_page(void **state)
{
	(void)state;
	expect_next("<https://hub.example/api/models?cursor=a%3D>; rel=\"next\"",
		"https://hub.example/api/models?cursor=a%3D");
	expect_next("<https://hub.example/api?c=1>; rel=next", "https://hub.example/api?c=1");
	expect_next("</api/models?c=1>; title=\"x\"; rel=\"next\"",
		"https://hub.example/api/models?c=1");
	expect_next("<https://hub.example/api/a>; rel=\"prev\", "
		    "<https://hub.example/api/b>; rel=\"next\"",
		"https://hub.example/api/b");
}

static void other_links_lead_nowhere(void **state)
{
	(void)state;
	expect_next("", NULL);
	expect_next("<https://hub.example/api/a>; rel=\"prev\"", NULL);
	expect_next("<https://hub.example/api/a>; rel=\"nextish\"", NULL);
	expect_next("<https://hub.example/api/a", NULL);
	expect_next("rel=\"next\"", NULL);
}

static void other_servers_are_not_asked(void **state)
{
	static const char *const urls[] = {"https://evil.example/api/models",
		"https://hub.example.evil/api/", "https://hub.example/apis",
		"https://hub.example/api@evil.example/", "https://hub.example:444/api/",
		"http://hub.example/api/", "//evil.example/api/", "/other/models", "models",
		""};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		struct err err = {0};
		autofree char *link = xasprintf("<%s>; rel=\"next\"", urls[i]);
		assert_null(next_by(link, &err));
		assert_int_equal(err.code, ERR_PROTOCOL);
	}
}

static void limits_say_how_long(void **state)
{
	(void)state;
	assert_true(hub_rate_limit("\"api\";r=0;t=55") == 55);
	assert_true(hub_rate_limit("\"api\";r=12;t=0") == 0);
	assert_true(hub_rate_limit("\"api\";r=0;t=99999999999999999999") > 1e6);
	assert_true(hub_rate_limit("\"api\";r=0") < 0);
	assert_true(hub_rate_limit("\"api\";r=0;t=") < 0);
	assert_true(hub_rate_limit("\"api\";r=0;t=-5") < 0);
	assert_true(hub_rate_limit("") < 0);
}

/* ---- pages of models ---- */

/* What a page has shown, as lines. */
struct shown {
	struct strbuf models, refused;
	int enough_after; /* models; 0: never */
	int count;
};

static const char *or_dash(const char *text)
{
	return text ? text : "-";
}

static int take(void *data, const struct hub_model *m, struct err *err)
{
	struct shown *s = data;

	(void)err;
	strbuf_addf(&s->models, "%s task=%s license=%s gated=%s", m->id, or_dash(m->task),
		or_dash(m->license), or_dash(m->gated));
	for (size_t i = 0; i < m->tag_count; i++)
		strbuf_addf(&s->models, " [%s]", m->tags[i]);
	strbuf_addf(&s->models, " %lld/%lld\n", (long long)m->downloads, (long long)m->likes);
	return ++s->count == s->enough_after;
}

static void refuse(void *data, const char *id, const char *why)
{
	struct shown *s = data;

	strbuf_addf(&s->refused, "%s: %s\n", id, why);
}

static int show(struct shown *s, const char *page, struct err *err)
{
	const struct hub_listing listing = {.take = take, .refuse = refuse, .data = s};
	autofree char *text = xstrdup(page);

	strbuf_init(&s->models);
	strbuf_init(&s->refused);
	return hub_list_page(text, strlen(text), &listing, err);
}

static void forget(struct shown *s)
{
	strbuf_release(&s->models);
	strbuf_release(&s->refused);
}

static void expect_page(const char *page, const char *models, const char *refused)
{
	AUTO(forget) struct shown s = {0};
	struct err err = {0};

	if (show(&s, page, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(s.models.data, models);
	assert_string_equal(s.refused.data, refused);
}

static void models_are_shown(void **state)
{
	(void)state;
	expect_page("[]", "", "");
	expect_page("[{\"id\": \"a/b\", \"pipeline_tag\": \"t\", \"gated\": \"auto\", "
		    "\"tags\": [\"x\", \"license:mit\"], \"downloads\": 3, \"likes\": 4}, "
		    "{\"modelId\": \"gpt2\"}]",
		"a/b task=t license=mit gated=auto [x] [license:mit] 3/4\n"
		"gpt2 task=- license=- gated=- 0/0\n",
		"");
}

static void what_is_wrong_is_left_out(void **state)
{
	(void)state;
	expect_page("[{\"id\": \"a/b\", \"tags\": [1, null, \"\", \"x\\u0000y\", \"ok\"], "
		    "\"gated\": true, \"downloads\": -1, \"pipeline_tag\": [], "
		    "\"cardData\": {\"license\": [3, \"mit\"]}}]",
		"a/b task=- license=mit gated=manual [ok] 0/0\n", "");
	expect_page(
		"[{\"id\": \"a/p\", \"private\": true}, {\"id\": \"a/d\", \"disabled\": true}]",
		"", "");
}

static void names_are_checked(void **state)
{
	(void)state;
	expect_page("[{\"id\": \"a/b.c-d_e\"}, {\"id\": \"../etc\"}, {\"id\": \"a/..\"}, "
		    "{\"id\": \"/a\"}, {\"id\": \"a/\"}, {\"id\": \"a..b\"}, {\"id\": "
		    "\"a/b?c\"}, {}]",
		"a/b.c-d_e task=- license=- gated=- 0/0\n",
		"../etc: its name is no OWNER/NAME\na/..: its name is no OWNER/NAME\n"
		"/a: its name is no OWNER/NAME\na/: its name is no OWNER/NAME\n"
		"a..b: its name is no OWNER/NAME\na/b?c: its name is no OWNER/NAME\n"
		": it has no name\n");
}

static void bytes_that_are_no_text_become_question_marks(void **state)
{
	(void)state;
	expect_page(
		"[{\"id\": \"a/b\", \"tags\": [\"caf\xe9\", \"caf\xc3\xa9\", \"\xf0\x9f\"]}]",
		"a/b task=- license=- gated=- [caf?] [caf\xc3\xa9] [??] 0/0\n", "");
}

static void a_page_ends_when_it_is_enough(void **state)
{
	AUTO(forget) struct shown s = {.enough_after = 2};
	struct err err = {0};

	(void)state;
	assert_int_equal(
		show(&s, "[{\"id\": \"a\"}, {\"id\": \"b\"}, {\"id\": \"c\"}]", &err), 1);
	assert_int_equal(s.count, 2);
}

static void what_is_no_page_is_an_error(void **state)
{
	static const struct {
		const char *text;
		enum err_code code;
	} cases[] = {{"", ERR_INPUT}, {"<html>", ERR_INPUT}, {"[{\"id\": \"a\"}", ERR_INPUT},
		{"{}", ERR_PROTOCOL}, {"\"text\"", ERR_PROTOCOL}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(forget) struct shown s = {0};
		struct err err = {0};
		assert_int_equal(show(&s, cases[i].text, &err), -1);
		assert_int_equal(err.code, cases[i].code);
		assert_int_equal(s.count, 0);
	}
}

static void a_page_that_is_too_deep_is_beyond_the_limit(void **state)
{
	AUTO(strbuf_release) struct strbuf page = STRBUF_INIT;
	AUTO(forget) struct shown s = {0};
	struct err err = {0};

	(void)state;
	strbuf_addstr(&page, "[{\"id\": \"a\", \"cardData\": ");
	for (int i = 0; i < 1000; i++)
		strbuf_addch(&page, '[');
	assert_int_equal(show(&s, page.data, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
}

/* ---- the endpoint ---- */

static void the_endpoint_is_given_or_of_the_environment(void **state)
{
	(void)state;
	unsetenv("HF_ENDPOINT");
	assert_string_equal(hub_endpoint(NULL), "https://huggingface.co");
	setenv("HF_ENDPOINT", "http://mirror", 1);
	assert_string_equal(hub_endpoint(NULL), "http://mirror");
	assert_string_equal(hub_endpoint("http://given"), "http://given");
	unsetenv("HF_ENDPOINT");
}

static void expect_offline(const char *value, bool offline)
{
	struct source_server server = {0};
	struct err err = {0};

	setenv("HF_HUB_OFFLINE", value, 1);
	int rc = hub_open(&server, &(struct source_options){.uri = "http://hub.example"}, &err);
	assert_int_equal(rc, offline ? -1 : 0);
	assert_int_equal(err.code, offline ? ERR_DENIED : ERR_NONE);
	source_server_close(&server);
	unsetenv("HF_HUB_OFFLINE");
}

static void offline_means_that_nothing_is_asked(void **state)
{
	(void)state;
	expect_offline("1", true);
	expect_offline("True", true);
	expect_offline("ON", true);
	expect_offline("0", false);
	expect_offline("", false);
	expect_offline("no", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_leads_to_the_next_page),
		cmocka_unit_test(other_links_lead_nowhere),
		cmocka_unit_test(other_servers_are_not_asked),
		cmocka_unit_test(limits_say_how_long),
		cmocka_unit_test(models_are_shown),
		cmocka_unit_test(what_is_wrong_is_left_out),
		cmocka_unit_test(names_are_checked),
		cmocka_unit_test(bytes_that_are_no_text_become_question_marks),
		cmocka_unit_test(a_page_ends_when_it_is_enough),
		cmocka_unit_test(what_is_no_page_is_an_error),
		cmocka_unit_test(a_page_that_is_too_deep_is_beyond_the_limit),
		cmocka_unit_test(the_endpoint_is_given_or_of_the_environment),
		cmocka_unit_test(offline_means_that_nothing_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

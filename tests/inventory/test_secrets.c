/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vault passwords. The vaults are those of the corpus, made by ansible-vault.
 */
#include "inventory/datafile.h"
#include "inventory/files.h"

#define CORPUS "corpus/vault/"

struct fixture {
	struct arena arena;
	struct secrets secrets;
	struct secrets_options options;
	struct strlist ids;
	struct strlist files;
	struct diags diags;
	struct err err;
	int asked;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	f->options.vault_ids = &f->ids;
	f->options.password_files = &f->files;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	secrets_release(&f->secrets);
	strlist_release(&f->ids);
	strlist_release(&f->files);
	diags_release(&f->diags);
	arena_release(&f->arena);
	free(f);
	return 0;
}

static void loads(struct fixture *f)
{
	assert_int_equal(secrets_load(&f->secrets, &f->options, &f->diags, &f->err), 0);
}

/* The variable of the group's encrypted file, or NULL. */
static const struct value *whole(struct fixture *f)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (datafile_read(CORPUS "group_vars/all/secret.yml", &f->secrets, &text, &f->err) < 0)
		return NULL;
	return value_dict_get(
		datafile_parse(&f->arena, text.data, text.len, "f", NULL, NULL), "whole");
}

/* The variables of h1, which hold inline vaults. */
static const struct value *inline_vars(struct fixture *f)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct value *v;

	assert_int_equal(datafile_read(CORPUS "hosts.yaml", NULL, &text, &f->err), 0);
	v = datafile_parse(&f->arena, text.data, text.len, "hosts.yaml", NULL, &f->err);
	return value_dict_get(value_dict_get(value_dict_get(v, "web"), "hosts"), "h1");
}

static int answer(void *context, const char *question, struct strbuf *password, struct err *err)
{
	struct fixture *f = context;

	(void)err;
	f->asked++;
	assert_non_null(strstr(question, "ault password"));
	strbuf_addstr(password, "correct horse");
	return 0;
}

static void opens_with_a_file(void **state)
{
	struct fixture *f = *state;

	strlist_add(&f->files, CORPUS "password");
	loads(f);
	assert_string_equal(value_text(whole(f)), "secret file");
}

static void opens_with_a_program(void **state)
{
	struct fixture *f = *state;

	strlist_add(&f->ids, "any@" CORPUS "program");
	loads(f);
	assert_string_equal(value_text(whole(f)), "secret file");
}

static void asks_when_told_to(void **state)
{
	struct fixture *f = *state;

	f->options.ask = true;
	f->options.prompt = answer;
	f->options.prompt_context = f;
	loads(f);
	assert_int_equal(f->asked, 1);
	assert_string_equal(value_text(whole(f)), "secret file");
}

static void asks_for_an_identity(void **state)
{
	struct fixture *f = *state;

	strlist_add(&f->ids, "prod@prompt");
	f->options.prompt = answer;
	f->options.prompt_context = f;
	loads(f);
	assert_int_equal(f->asked, 1);
	assert_string_equal(f->secrets.passwords.items[0].id, "prod");
}

static void cannot_ask_nobody(void **state)
{
	struct fixture *f = *state;

	f->options.ask = true;
	assert_int_equal(secrets_load(&f->secrets, &f->options, &f->diags, &f->err), -1);
	assert_int_equal(f->err.code, ERR_USAGE);
}

static void one_good_source_is_enough(void **state)
{
	struct fixture *f = *state;

	strlist_add(&f->files, CORPUS "missing");
	strlist_add(&f->files, CORPUS "password");
	loads(f);
	assert_int_equal(f->diags.count, 1);
}

static void no_good_source_is_an_error(void **state)
{
	struct fixture *f = *state;

	strlist_add(&f->files, CORPUS "missing");
	assert_int_equal(secrets_load(&f->secrets, &f->options, &f->diags, &f->err), -1);
	assert_non_null(strstr(f->err.text, "missing"));
}

static void wrong_password_says_how_many_were_tried(void **state)
{
	struct fixture *f = *state;

	strlist_add(&f->files, CORPUS "other_password");
	loads(f);
	assert_null(whole(f));
	assert_int_equal(f->err.code, ERR_AUTH);
	assert_non_null(strstr(f->err.text, "secret.yml"));
	assert_null(strstr(f->err.text, "other"));
}

static void reveals_inline_vaults(void **state)
{
	struct fixture *f = *state;
	const struct value *before = inline_vars(f), *after;

	strlist_add(&f->files, CORPUS "password");
	loads(f);
	after = secrets_reveal(&f->secrets, &f->arena, before, &f->err);
	assert_string_equal(value_text(value_dict_get(after, "token")), "inline secret");
	assert_string_equal(
		value_text(value_dict_get(value_dict_get(after, "nested"), "deep")), "x");
	assert_int_equal(value_dict_get(before, "token")->kind, VALUE_VAULT);
	assert_int_equal(value_dict_get(after, "token")->place.line, 4);
}

static void what_holds_no_vault_is_shared(void **state)
{
	struct fixture *f = *state;
	struct value *list = value_new_list(&f->arena), *dict = value_new_dict(&f->arena);

	value_list_add(&f->arena, list, value_new_int(&f->arena, 1));
	value_dict_set(&f->arena, dict, "l", list);
	assert_ptr_equal(secrets_reveal(&f->secrets, &f->arena, dict, &f->err), dict);
}

static void inline_vault_that_stays_closed_is_placed(void **state)
{
	struct fixture *f = *state;

	assert_null(secrets_reveal(&f->secrets, &f->arena, inline_vars(f), &f->err));
	assert_true(str_starts(f->err.text, "hosts.yaml:4:"));
}

static void matching_identities_only(void **state)
{
	struct fixture *f = *state;

	strlist_add(&f->ids, "wrong@" CORPUS "password");
	loads(f);
	assert_non_null(whole(f));
	f->secrets.match_id = true;
	assert_null(whole(f));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(opens_with_a_file),
		TEST(opens_with_a_program),
		TEST(asks_when_told_to),
		TEST(asks_for_an_identity),
		TEST(cannot_ask_nobody),
		TEST(one_good_source_is_enough),
		TEST(no_good_source_is_an_error),
		TEST(wrong_password_says_how_many_were_tried),
		TEST(reveals_inline_vaults),
		TEST(what_holds_no_vault_is_shared),
		TEST(inline_vault_that_stays_closed_is_placed),
		TEST(matching_identities_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

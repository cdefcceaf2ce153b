/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vars_prompt: variables that a person is asked for before a play, once for all its hosts.
 * Where nobody can be asked, and for extra variables of the same names, nothing is asked.
 */
#include "play/run_state.h"

#include "play/convert.h"
#include "play/readers.h"
#include "template/template.h"

/* ---- reading ---- */

static const char *const members[] = {"name", "prompt", "default", "private", "confirm",
	"encrypt", "salt_size", "salt", "unsafe"};

static bool is_member(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(members); i++)
		if (strcmp(members[i], name) == 0)
			return true;
	return false;
}

/* True for a mapping that says what is asked for. */
static bool check_prompt(struct parser *p, const struct value *v)
{
	char found[FOUND_MAX];

	if (v->kind != VALUE_DICT) {
		diag_error(p->diags, &v->place,
			"vars_prompt: found %s, expected a mapping with the name of a variable",
			found_text(v, found));
		return false;
	}
	value_dict_foreach (pair, v)
		if (!is_member(value_text(pair->key)))
			diag_error(p->diags, &pair->key->place,
				"vars_prompt: %s is no key; expected name, prompt, default, "
				"private, confirm, encrypt, salt_size, salt or unsafe",
				found_text(pair->key, found));
	const struct value *name = value_dict_get(v, "name");
	if (!name)
		diag_error(p->diags, &v->place, "vars_prompt: found no \"name\"");
	else if (!parse_is_template(name) &&
		 (!value_is_string(name) || !variable_name_valid(name->text)))
		diag_error(p->diags, &name->place, "vars_prompt: %s can be no variable's name",
			found_text(name, found));
	parse_check_templates(p, v);
	return true;
}

void read_vars_prompt(
	struct parser *p, struct target *t, const struct keyword *k, const struct value *v)
{
	struct value *all = value_new_list(p->arena);

	(void)k;
	if (v->kind == VALUE_NULL)
		return;
	all->place = v->place;
	if (v->kind == VALUE_LIST) {
		value_list_foreach (item, v)
			if (check_prompt(p, item))
				value_list_add(p->arena, all, item);
	} else if (check_prompt(p, v)) {
		value_list_add(p->arena, all, v);
	}
	t->play->prompts = all;
}

/* ---- asking ---- */

/* What is asked of one variable. */
struct prompt {
	const char *name, *text, *fallback, *encrypt, *salt;
	double salt_size;
	bool hidden, confirm, unsafe;
};

/* A member as text; NULL where it is not there or null. -1 with err. */
static int member_text(struct runner *r, const struct value *v, const char *name,
	const char **out, struct err *err)
{
	return keyword_text(r, value_dict_get(v, name), out, err);
}

static int read_prompt(
	struct runner *r, const struct value *v, struct prompt *q, struct err *err)
{
	*q = (struct prompt){0};
	if (member_text(r, v, "name", &q->name, err) < 0 ||
		member_text(r, v, "prompt", &q->text, err) < 0 ||
		member_text(r, v, "default", &q->fallback, err) < 0 ||
		member_text(r, v, "encrypt", &q->encrypt, err) < 0 ||
		member_text(r, v, "salt", &q->salt, err) < 0 ||
		keyword_number(r, value_dict_get(v, "salt_size"), 0, &q->salt_size, err) < 0 ||
		keyword_bool(r, value_dict_get(v, "private"), true, &q->hidden, err) < 0 ||
		keyword_bool(r, value_dict_get(v, "confirm"), false, &q->confirm, err) < 0 ||
		keyword_bool(r, value_dict_get(v, "unsafe"), false, &q->unsafe, err) < 0)
		return err_wrap(err, "vars_prompt");
	if (!q->name)
		return err_set(err, ERR_INPUT, "vars_prompt: a variable without a name");
	if (!value_dict_get(v, "prompt"))
		q->text = q->name;
	return 0;
}

static bool is_extra(struct runner *r, const char *name)
{
	const struct vars_claim *claims;

	return vars_explain(r->host->view, name, &claims) > 0 && claims[0].level == VARS_EXTRA;
}

/* "Which version [1.0]". */
static const char *question_text(const struct prompt *q, struct arena *arena)
{
	if (!q->text || !*q->text)
		return arena_printf(arena, "input for %s", q->name);
	return q->fallback ? arena_printf(arena, "%s [%s]", q->text, q->fallback) : q->text;
}

/* Asks once, or twice until both answers are the same. */
static int ask(
	struct playing *p, const struct prompt *q, struct strbuf *answer, struct err *err)
{
	const struct run_person *person = p->run->o->person;
	const char *text = question_text(q, &p->arena);
	const struct run_question question = {.text = text, .hidden = q->hidden};
	const struct run_question again = {
		.text = arena_printf(&p->arena, "confirm %s", text), .hidden = q->hidden};
	AUTO(strbuf_release) struct strbuf second = STRBUF_INIT;

	for (;;) {
		strbuf_clear(answer);
		strbuf_clear(&second);
		int asked = person ? person->ask(person->data, &question, answer, err) : 0;
		if (asked <= 0 || !q->confirm)
			return asked;
		asked = person->ask(person->data, &again, &second, err);
		if (asked <= 0 || strcmp(answer->data, second.data) == 0) {
			mem_wipe(second.data, second.len);
			return asked;
		}
		run_tell(p->run, (struct run_event){.kind = RUN_SAY,
					 .text = "***** VALUES ENTERED DO NOT MATCH ****"});
	}
}

/* The hash of an answer, by the filter that makes such hashes. */
static const struct value *encrypt(struct playing *p, struct runner *r, const struct prompt *q,
	const struct value *answer, struct err *err)
{
	AUTO(arena_release) struct arena scratch = {0};
	struct value *layer = value_new_dict(&scratch);
	const char *text = arena_printf(&scratch, "{{ answer | password_hash(method%s%s) }}",
		q->salt ? ", salt=salt" : "", q->salt_size > 0 ? ", salt_size=size" : "");

	value_dict_set(&scratch, layer, "answer", value_copy_unsafe(&scratch, answer));
	value_dict_set(&scratch, layer, "method", value_new_string(&scratch, q->encrypt));
	value_dict_set(
		&scratch, layer, "salt", value_new_string(&scratch, q->salt ? q->salt : ""));
	value_dict_set(&scratch, layer, "size", value_new_int(&scratch, (int64_t)q->salt_size));
	vars_view_enter(r->host->view, &scratch);
	vars_view_add(r->host->view, VARS_MAGIC, "vars_prompt", layer);
	const struct value *hash = vars_render(r->host->view, text, NULL, err);
	const struct value *kept = hash ? value_copy(&p->run->shared->arena, hash) : NULL;
	vars_view_leave(r->host->view);
	if (!kept)
		err_wrap(err, "vars_prompt: %s", q->name);
	return kept;
}

/* The value of a variable that is asked for; NULL with err. */
static const struct value *find_answer(
	struct playing *p, struct runner *r, const struct prompt *q, struct err *err)
{
	struct arena *arena = &p->run->shared->arena;
	AUTO(strbuf_release) struct strbuf typed = STRBUF_INIT;
	int asked = ask(p, q, &typed, err);

	if (asked < 0)
		return NULL;
	if (asked == 0)
		run_tell(p->run, (struct run_event){.kind = RUN_WARNING,
					 .text = "Not prompting as we are not in interactive "
						 "mode"});
	const char *text = typed.len && asked ? typed.data : q->fallback;
	if (!text)
		text = asked ? "" : "None"; /* what Python makes of no answer */
	const struct value *answer = value_new_string(arena, text);
	mem_wipe(typed.data, typed.len);
	if (q->encrypt)
		answer = encrypt(p, r, q, answer, err);
	return answer && q->unsafe ? value_copy_unsafe(arena, answer) : answer;
}

static int ask_all(struct playing *p, struct runner *r, struct value *answers, struct err *err)
{
	const struct value *prompts = p->play->prompts;
	struct prompt *all = arena_array(&p->arena, prompts->count + 1, sizeof(struct prompt));

	/* None of them sees what is answered to another. */
	for (size_t i = 0; i < prompts->count; i++)
		if (read_prompt(r, prompts->items[i], &all[i], err) < 0)
			return -1;
	for (size_t i = 0; i < prompts->count; i++) {
		if (is_extra(r, all[i].name))
			continue;
		const struct value *answer = find_answer(p, r, &all[i], err);
		if (!answer)
			return -1;
		value_dict_set(&p->run->shared->arena, answers, all[i].name, answer);
	}
	return 0;
}

const struct value *prompts_answers(const struct run *run, const struct play *play)
{
	for (const struct prompted *q = run->shared->prompted; q; q = q->next)
		if (q->play == play)
			return q->answers;
	return NULL;
}

int prompts_ask(struct playing *p, struct runner *r, struct err *err)
{
	struct run_shared *shared = p->run->shared;

	if (!p->play->prompts)
		return 0;
	struct value *answers = value_new_dict(&shared->arena);
	run_tell(p->run, (struct run_event){.kind = RUN_TERMINAL, .number = 1});
	int result = ask_all(p, r, answers, err);
	run_tell(p->run, (struct run_event){.kind = RUN_TERMINAL, .number = 0});
	if (result < 0)
		return -1;
	struct prompted *q = ARENA_NEW(&shared->arena, struct prompted);
	*q = (struct prompted){.next = shared->prompted, .play = p->play, .answers = answers};
	shared->prompted = q;
	vars_view_add(r->host->view, VARS_PROMPT, p->play->name, answers);
	return 0;
}

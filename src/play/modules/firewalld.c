/* SPDX-License-Identifier: Apache-2.0 */
/*
 * firewalld (ansible.posix): what zones of firewalld let through, now and after its next start.
 * The node's firewall-cmd is asked and told; where the daemon does not run, it is
 * firewall-offline-cmd, which knows what is permanent only.
 */
#include <string.h>

#include "play/convert.h"
#include "play/modules/ensure.h"
#include "play/modules/modules.h"
#include "play/runner.h"

#define NO_STATUS   1   /* of a query whose answer is no; what is beyond is a failure */
#define NO_ZONE     112 /* of one about a zone that is not there */
#define NOT_RUNNING 252 /* of firewall-cmd, without the daemon */
#define ZONES_ADVICE                                                                           \
	"Zone operations must be permanent. Make sure you didn't set the 'permanent' flag to " \
	"'false' or the 'immediate' flag to 'true'."

static const char *const names[] = {"ansible.posix.firewalld", NULL};
static const char *const states[] = {"absent", "disabled", "enabled", "present", NULL};
static const char *const targets[] = {"default", "ACCEPT", "DROP", "%%REJECT%%", NULL};
static const char *const protocols[] = {"udp", "tcp", NULL};

static const struct argument forward_arguments[] = {
	{.name = "port", .required = true},
	{.name = "proto", .required = true, .choices = protocols},
	{.name = "toport", .required = true},
	{.name = "toaddr"},
	{0},
};

static const struct argument arguments[] = {
	{.name = "icmp_block"},
	{.name = "icmp_block_inversion"},
	{.name = "immediate", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "interface"},
	{.name = "masquerade"},
	{.name = "offline", .type = ARGUMENT_BOOL},
	{.name = "permanent", .type = ARGUMENT_BOOL},
	{.name = "port"},
	{.name = "port_forward",
		.type = ARGUMENT_LIST,
		.elements = ARGUMENT_DICT,
		.members = forward_arguments},
	{.name = "protocol"},
	{.name = "rich_rule"},
	{.name = "service"},
	{.name = "source"},
	{.name = "state", .required = true, .choices = states},
	{.name = "target", .choices = targets},
	{.name = "timeout", .type = ARGUMENT_INT, .fallback = "0"},
	{.name = "zone"},
	{0},
};

/* What a task may be about: one of these, else the zone itself. */
struct subject {
	const char *argument;
	const char *option;  /* behind --query-, --add- and --remove- */
	const char *word;    /* of "Changed WORD VALUE to STATE"; NULL: the two below */
	const char *enabled; /* with the value and the zone, or the zone alone */
	const char *disabled;
	bool is_switch; /* without a value: the argument says whether it is on */
	bool times_out;
};

static const struct subject subjects[] = {
	{"icmp_block", "icmp-block", "icmp-block", NULL, NULL, false, true},
	{"icmp_block_inversion", "icmp-block-inversion", "icmp-block-inversion", NULL, NULL,
		true, false},
	{"service", "service", "service", NULL, NULL, false, true},
	{"protocol", "protocol", "protocol", NULL, NULL, false, true},
	{"port", "port", "port", NULL, NULL, false, true},
	{"port_forward", "forward-port", "port_forward", NULL, NULL, false, true},
	{"rich_rule", "rich-rule", "rich_rule", NULL, NULL, false, true},
	{"interface", "interface", NULL, "Changed %s to zone ", "Removed %s from zone ", false,
		false},
	{"masquerade", "masquerade", NULL, "Added masquerade to zone ",
		"Removed masquerade from zone ", true, false},
	{"source", "source", NULL, "Added %s to zone ", "Removed %s from zone ", false, false},
	{"target", NULL, NULL, NULL, NULL, false, false},
};

struct work {
	struct module_call *call;
	const struct subject *subject; /* NULL: the zone */
	const char *value;             /* what the options take */
	const char *shown;             /* as messages have it */
	const char *state, *zone;
	bool want; /* it is to be there */
	bool permanent, immediate, offline;
};

/* ---- what is asked for ---- */

/* Adds a warning to the result. */
static void warn(struct module_call *c, const char *text)
{
	struct value *warnings = value_new_list(c->arena);

	value_list_add(c->arena, warnings, value_new_string(c->arena, text));
	call_set(c, "warnings", warnings);
}

/* What a switch says; a word that is no boolean means on. */
static bool switch_is_on(struct work *w)
{
	const struct value *given = argument_value(w->call, w->subject->argument);
	bool on;

	if (value_to_bool(given, &on))
		return on;
	warn(w->call,
		arena_printf(w->call->arena,
			"The value of the %s option is \"%s\". The type of the option will be "
			"changed from string to boolean in a future release. To avoid "
			"unexpected behavior, please change the value to boolean.",
			w->subject->argument, value_text(given)));
	return true;
}

static int read_port(struct work *w, struct err *err)
{
	const char *slash = strchr(w->value, '/');

	if (slash && slash[1] && !strchr(slash + 1, '/'))
		return 0;
	return err_set(err, ERR_INPUT, "improper port format (missing protocol?)");
}

static int read_forward(struct work *w, struct err *err)
{
	const struct value *list = argument_value(w->call, "port_forward");

	if (list->count != 1)
		return err_set(err, ERR_INPUT, "Only one port forward supported at a time");
	const struct value *forward = list->items[0], *to = value_dict_get(forward, "toaddr");
	const char *address = to ? value_text(to) : "";
	const char *ports = arena_printf(w->call->arena, "port=%s:proto=%s:toport=%s",
		value_text(value_dict_get(forward, "port")),
		value_text(value_dict_get(forward, "proto")),
		value_text(value_dict_get(forward, "toport")));
	w->shown = arena_printf(w->call->arena, "%s:toaddr=%s", ports, address);
	w->value = *address ? w->shown : ports;
	return 0;
}

/* The only subject that the task has; NULL in w when it has none. */
static int find_subject(struct work *w, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++) {
		if (!argument_value(w->call, subjects[i].argument))
			continue;
		if (w->subject)
			return err_set(err, ERR_INPUT,
				"parameters are mutually exclusive: "
				"icmp_block|icmp_block_inversion|service|protocol|port|port_"
				"forward|rich_rule|interface|masquerade|source|target");
		w->subject = &subjects[i];
	}
	return 0;
}

static bool is_about(const struct work *w, const char *argument)
{
	return w->subject && strcmp(w->subject->argument, argument) == 0;
}

/* States that zones have, and what is in them has not. */
static bool is_of_zones(const char *state)
{
	return strcmp(state, "absent") == 0 || strcmp(state, "present") == 0;
}

static int check_needs(const struct work *w, struct err *err)
{
	static const char *const needs[][2] = {
		{"interface", "zone"}, {"target", "zone"}, {"source", "permanent"}};

	for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
		if (is_about(w, needs[i][0]) && !argument_value(w->call, needs[i][1]))
			return err_set(err, ERR_INPUT,
				"missing parameter(s) required by '%s': %s", needs[i][0],
				needs[i][1]);
	bool of_zone = is_of_zones(w->state);
	if (w->subject && of_zone && !is_about(w, "target"))
		return err_set(err, ERR_INPUT,
			"absent and present state can only be used in zone level operations");
	if (w->immediate && (is_about(w, "target") || (!w->subject && of_zone)))
		return err_set(err, ERR_INPUT, "%s", ZONES_ADVICE);
	return 0;
}

static int read_work(struct work *w, struct err *err)
{
	w->state = argument_text(w->call, "state");
	w->zone = argument_text(w->call, "zone");
	w->permanent = argument_bool(w->call, "permanent");
	w->immediate = argument_bool(w->call, "immediate") || !w->permanent;
	w->want = strcmp(w->state, "enabled") == 0 || strcmp(w->state, "present") == 0;
	if (find_subject(w, err) < 0 || check_needs(w, err) < 0)
		return -1;
	if (!w->subject)
		return 0;
	w->value = w->shown = argument_text(w->call, w->subject->argument);
	if (w->subject->is_switch)
		w->want = w->want == switch_is_on(w);
	if (is_about(w, "port_forward"))
		return read_forward(w, err);
	return is_about(w, "port") ? read_port(w, err) : 0;
}

/* ---- the daemon ---- */

/* The zone that a program calls the default; "" when the daemon does not run. NULL with err. */
static const char *ask_zone(struct work *w, const char *program, struct err *err)
{
	struct module_call asking = *w->call;
	struct arena *a = asking.arena;
	struct value *args = value_new_dict(a);

	asking.check = false; /* it is only a question */
	value_dict_set(
		a, args, "argv", ensure_words(w->call, program, "--get-default-zone", NULL));
	value_dict_set(a, args, "reads", &value_true);
	const struct value *answer = runner_ask_node(&asking, "command", args, err);
	if (!answer)
		return NULL;
	const struct value *rc = value_dict_get(answer, "rc");
	const char *said = value_text(value_dict_get(answer, "stdout"));
	if (rc && rc->kind == VALUE_INT && rc->integer == 0)
		return arena_strndup(a, said ? said : "", said ? strcspn(said, "\n") : 0);
	if (rc && rc->kind == VALUE_INT && rc->integer == NOT_RUNNING)
		return "";
	const char *why = value_text(value_dict_get(answer, "msg"));
	if (!why || !*why)
		why = value_text(value_dict_get(answer, "stderr"));
	err_set(err, ERR_NOTFOUND, "%s does not work on the node: %s", program,
		why ? why : "it gave no reason");
	return NULL;
}

static int find_daemon(struct work *w, struct err *err)
{
	const char *zone = ask_zone(w, "firewall-cmd", err);

	if (!zone)
		return -1;
	w->offline = !*zone;
	if (w->offline && w->immediate)
		return err_set(err, ERR_INPUT,
			"firewall is not currently running, unable to perform immediate "
			"actions without a running firewall daemon");
	if (w->offline && !w->zone)
		zone = ask_zone(w, "firewall-offline-cmd", err);
	if (!w->zone)
		w->zone = zone;
	return zone ? 0 : -1;
}

/* The words that any question and any change begin with. */
static struct value *begin(struct work *w, bool permanent, bool in_zone)
{
	struct module_call *c = w->call;
	struct value *words =
		ensure_words(c, w->offline ? "firewall-offline-cmd" : "firewall-cmd", NULL);

	if (permanent && !w->offline)
		ensure_add_words(c, words, "--permanent", NULL);
	if (in_zone)
		ensure_add_words(c, words, arena_printf(c->arena, "--zone=%s", w->zone), NULL);
	return words;
}

/* ---- steps ---- */

/* --VERB-OPTION, with the value where there is one. */
static struct value *command(struct work *w, const char *verb, bool permanent)
{
	struct module_call *c = w->call;
	struct value *words = begin(w, permanent, true);
	const char *option = arena_printf(c->arena, "--%s-%s", verb, w->subject->option);

	if (!w->subject->is_switch)
		option = arena_printf(c->arena, "%s=%s", option, w->value);
	ensure_add_words(c, words, option, NULL);
	return words;
}

static struct value *subject_step(struct work *w, bool permanent)
{
	struct module_call *c = w->call;
	struct value *step = ensure_step(c, command(w, "query", permanent), w->want);
	double timeout = argument_number(c, "timeout", 0);
	const char *verb = is_about(w, "interface") ? "change" : "add";
	struct value *words = command(w, w->want ? verb : "remove", permanent);

	if (w->want && !permanent && w->subject->times_out && timeout > 0)
		ensure_add_words(
			c, words, arena_printf(c->arena, "--timeout=%.0f", timeout), NULL);
	value_dict_set(c->arena, step, "no_max", value_new_int(c->arena, NO_STATUS));
	ensure_change(c, step, words);
	return step;
}

static struct value *target_step(struct work *w)
{
	struct module_call *c = w->call;
	struct value *query = begin(w, true, true), *words = begin(w, true, true);

	ensure_add_words(c, query, "--get-target", NULL);
	ensure_add_words(c, words,
		arena_printf(c->arena, "--set-target=%s", w->want ? w->value : "default"),
		NULL);
	struct value *step = ensure_step(c, query, w->want);
	value_dict_set(c->arena, step, "says", value_new_stringf(c->arena, "%s\n", w->value));
	value_dict_set(c->arena, step, "no_max", value_new_int(c->arena, NO_STATUS));
	ensure_change(c, step, words);
	return step;
}

static struct value *zone_step(struct work *w)
{
	struct module_call *c = w->call;
	struct value *query = begin(w, true, true), *words = begin(w, true, false);

	ensure_add_words(c, query, "--get-target", NULL);
	ensure_add_words(c, words,
		arena_printf(c->arena, "--%s-zone=%s", w->want ? "new" : "delete", w->zone),
		NULL);
	struct value *step = ensure_step(c, query, w->want);
	value_dict_set(c->arena, step, "no_max", value_new_int(c->arena, NO_ZONE));
	ensure_change(c, step, words);
	return step;
}

/* What is permanent first: it stays true when the other fails. */
static struct value *make_steps(struct work *w)
{
	struct arena *a = w->call->arena;
	struct value *steps = value_new_list(a);

	if (is_about(w, "target"))
		value_list_add(a, steps, target_step(w));
	else if (!w->subject && is_of_zones(w->state))
		value_list_add(a, steps, zone_step(w));
	if (!w->subject || is_about(w, "target"))
		return steps;
	if (w->permanent)
		value_list_add(a, steps, subject_step(w, true));
	if (w->immediate)
		value_list_add(a, steps, subject_step(w, false));
	return steps;
}

/* ---- messages ---- */

static void add_message(struct strbuf *all, const char *message)
{
	strbuf_addf(all, "%s%s", all->len > 0 ? ", " : "", message);
}

/* What a change was, in Ansible's words. */
static void add_change(struct work *w, struct strbuf *all)
{
	const struct subject *s = w->subject;
	struct arena *a = w->call->arena;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (!s) {
		add_message(all,
			arena_printf(a, "%s zone %s", w->want ? "Added" : "Removed", w->zone));
		strbuf_addf(&text, "Changed zone %s to %s", w->zone, w->state);
	} else if (is_about(w, "target") && w->want) {
		strbuf_addf(&text, "Set zone %s target to %s", w->zone, w->value);
	} else if (is_about(w, "target")) {
		strbuf_addf(&text, "Reset zone %s target to default", w->zone);
	} else if (s->word) {
		strbuf_addf(&text, "Changed %s %s to %s", s->word, w->shown, w->state);
	} else {
		const char *form = w->want ? s->enabled : s->disabled;
		const char *value = strstr(form, "%s");
		strbuf_add(&text, form, value ? (size_t)(value - form) : 0);
		strbuf_addstr(&text, value ? w->value : "");
		strbuf_addf(&text, "%s%s", value ? value + 2 : form, w->zone);
	}
	add_message(all, text.data);
}

static void describe(struct work *w, bool changed)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (w->subject || is_of_zones(w->state))
		add_message(&text, w->permanent && w->immediate
					   ? "Permanent and Non-Permanent(immediate) operation"
				   : w->permanent ? "Permanent operation"
						  : "Non-permanent operation");
	if (changed)
		add_change(w, &text);
	if (w->offline)
		add_message(&text, "(offline operation: only on-disk configs were altered)");
	call_set_text(w->call, "msg", text.data);
}

static int run(struct module_call *c, struct err *err)
{
	struct work w = {.call = c};

	if (read_work(&w, err) < 0 || find_daemon(&w, err) < 0)
		return -1;
	const char *note = arena_printf(c->arena, "changed zone %s of firewalld", w.zone);
	if (!ensure_run(c, make_steps(&w), note, err))
		return -1;
	bool changed = value_truthy(value_dict_get(c->result, "changed"));
	/* Ansible's says nothing of what it would do. */
	if (!changed || !c->check)
		describe(&w, changed);
	return 0;
}

const struct module module_firewalld = {
	.name = "firewalld",
	.aliases = names,
	.arguments = arguments,
	.flags = MODULE_CHECKS | MODULE_CANNOT_UNDO,
	.run = run,
};

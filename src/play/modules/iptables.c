/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iptables: rules, policies and chains of the kernel's packet filter, by the node's iptables.
 * Words stand in the order in which Ansible puts them, for a rule is known by `iptables -C`.
 */
#include <string.h>
#include <strings.h>

#include "play/modules/ensure.h"
#include "play/modules/modules.h"
#include "play/runner.h"

static const char *const tables[] = {"filter", "mangle", "nat", "raw", "security", NULL};
static const char *const states[] = {"absent", "present", NULL};
static const char *const actions[] = {"append", "insert", NULL};
static const char *const versions[] = {"ipv4", "ipv6", NULL};
static const char *const levels[] = {"0", "1", "2", "3", "4", "5", "6", "7", "emerg", "alert",
	"crit", "error", "warning", "notice", "info", "debug", NULL};
static const char *const set_flags[] = {"src", "dst", "src,dst", "dst,src", NULL};
static const char *const syn[] = {"ignore", "match", "negate", NULL};
static const char *const policies[] = {"ACCEPT", "DROP", "QUEUE", "RETURN", NULL};

static const struct argument tcp_flags[] = {
	{.name = "flags", .type = ARGUMENT_LIST},
	{.name = "flags_set", .type = ARGUMENT_LIST},
	{0},
};

static const struct argument arguments[] = {
	{.name = "table", .fallback = "filter", .choices = tables},
	{.name = "state", .fallback = "present", .choices = states},
	{.name = "action", .fallback = "append", .choices = actions},
	{.name = "ip_version", .fallback = "ipv4", .choices = versions},
	{.name = "chain"},
	{.name = "rule_num"},
	{.name = "protocol"},
	{.name = "wait"},
	{.name = "source"},
	{.name = "to_source"},
	{.name = "destination"},
	{.name = "to_destination"},
	{.name = "match", .type = ARGUMENT_LIST},
	{.name = "tcp_flags", .type = ARGUMENT_DICT, .members = tcp_flags},
	{.name = "jump"},
	{.name = "gateway"},
	{.name = "log_prefix"},
	{.name = "log_level", .choices = levels},
	{.name = "goto"},
	{.name = "in_interface"},
	{.name = "out_interface"},
	{.name = "fragment"},
	{.name = "set_counters"},
	{.name = "source_port"},
	{.name = "destination_port"},
	{.name = "destination_ports", .type = ARGUMENT_LIST},
	{.name = "to_ports"},
	{.name = "set_dscp_mark"},
	{.name = "set_dscp_mark_class"},
	{.name = "comment"},
	{.name = "ctstate", .type = ARGUMENT_LIST},
	{.name = "src_range"},
	{.name = "dst_range"},
	{.name = "match_set"},
	{.name = "match_set_flags", .choices = set_flags},
	{.name = "limit"},
	{.name = "limit_burst"},
	{.name = "uid_owner"},
	{.name = "gid_owner"},
	{.name = "reject_with"},
	{.name = "icmp_type"},
	{.name = "syn", .fallback = "ignore", .choices = syn},
	{.name = "flush", .type = ARGUMENT_BOOL, .fallback = "false"},
	{.name = "policy", .choices = policies},
	{.name = "chain_management", .type = ARGUMENT_BOOL, .fallback = "false"},
	{0},
};

/* A rule in the making. */
struct rule {
	struct module_call *call;
	struct value *words;
	const char *jump;
};

static void add(struct rule *r, const char *word)
{
	value_list_add(r->call->arena, r->words, value_new_string(r->call->arena, word));
}

/* A flag with a value; "!" in front of the value turns the flag round. */
static void add_flag(struct rule *r, const char *flag, const char *text)
{
	bool negated = text && *text == '!';

	if (!text)
		return;
	if (negated)
		add(r, "!");
	add(r, flag);
	add(r, text + negated);
}

/* The same for an argument. */
static void add_argument(struct rule *r, const char *flag, const char *name)
{
	add_flag(r, flag, argument_text(r->call, name));
}

static const struct value *list_of(const struct rule *r, const char *name)
{
	const struct value *list = argument_value(r->call, name);

	return list && list->kind == VALUE_LIST && list->count > 0 ? list : NULL;
}

static const char *joined(const struct rule *r, const struct value *list)
{
	struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < list->count; i++)
		strbuf_addf(&text, "%s%s", i ? "," : "", value_text(list->items[i]));
	const char *kept = arena_strndup(r->call->arena, text.data, text.len);
	strbuf_release(&text);
	return kept;
}

/* A list as one word with commas. */
static void add_list(struct rule *r, const char *flag, const char *name)
{
	const struct value *list = list_of(r, name);

	if (list) {
		add(r, flag);
		add(r, joined(r, list));
	}
}

static bool matches(const struct rule *r, const char *extension)
{
	const struct value *list = list_of(r, "match");

	for (size_t i = 0; list && i < list->count; i++)
		if (str_cmp0(value_text(list->items[i]), extension) == 0)
			return true;
	return false;
}

/* Loads an extension. */
static void add_match(struct rule *r, const char *extension)
{
	add(r, "-m");
	add(r, extension);
}

static bool given(const struct rule *r, const char *name)
{
	const char *text = argument_text(r->call, name);

	return text && *text;
}

static void add_tcp_flags(struct rule *r)
{
	const struct value *both = argument_value(r->call, "tcp_flags");
	const struct value *flags = value_dict_get(both, "flags");
	const struct value *set = value_dict_get(both, "flags_set");

	if (flags && flags->kind == VALUE_LIST && set && set->kind == VALUE_LIST) {
		add(r, "--tcp-flags");
		add(r, joined(r, flags));
		add(r, joined(r, set));
	}
}

/* Who the packet is from and for, and where it goes. */
static void add_target(struct rule *r)
{
	const struct value *match = list_of(r, "match");

	if (given(r, "wait"))
		add_argument(r, "-w", "wait");
	add_argument(r, "-p", "protocol");
	add_argument(r, "-s", "source");
	add_argument(r, "-d", "destination");
	for (size_t i = 0; match && i < match->count; i++)
		add_flag(r, "-m", value_text(match->items[i]));
	add_tcp_flags(r);
	add_flag(r, "-j", r->jump);
	if (r->jump && strcasecmp(r->jump, "tee") == 0)
		add_argument(r, "--gateway", "gateway");
	add_argument(r, "--log-prefix", "log_prefix");
	add_argument(r, "--log-level", "log_level");
	add_argument(r, "--to-destination", "to_destination");
	if (list_of(r, "destination_ports"))
		add_match(r, "multiport");
	add_list(r, "--dports", "destination_ports");
	add_argument(r, "--to-source", "to_source");
}

/* Arguments that are a flag each, in their order. */
static void add_plain(struct rule *r)
{
	static const struct {
		const char *flag, *name;
	} plain[] = {{"-g", "goto"}, {"-i", "in_interface"}, {"-o", "out_interface"},
		{"-f", "fragment"}, {"-c", "set_counters"}, {"--source-port", "source_port"},
		{"--destination-port", "destination_port"}, {"--to-ports", "to_ports"},
		{"--set-dscp", "set_dscp_mark"}, {"--set-dscp-class", "set_dscp_mark_class"}};
	const char *word = argument_text(r->call, "syn");

	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		add_argument(r, plain[i].flag, plain[i].name);
	if (strcmp(word, "negate") == 0)
		add(r, "!");
	if (strcmp(word, "ignore") != 0)
		add(r, "--syn");
}

/* What the state of the connection, ranges and sets say. */
static void add_conditions(struct rule *r)
{
	bool state = !matches(r, "conntrack") && matches(r, "state");

	if (!state && !matches(r, "conntrack") && list_of(r, "ctstate"))
		add_match(r, "conntrack");
	add_list(r, state ? "--state" : "--ctstate", "ctstate");
	if (!matches(r, "iprange") && (given(r, "src_range") || given(r, "dst_range")))
		add_match(r, "iprange");
	add_argument(r, "--src-range", "src_range");
	add_argument(r, "--dst-range", "dst_range");
	if (!matches(r, "set") && given(r, "match_set"))
		add_match(r, "set");
	if (given(r, "match_set"))
		add_argument(r, "--match-set", "match_set");
	if (given(r, "match_set") && given(r, "match_set_flags"))
		add(r, argument_text(r->call, "match_set_flags"));
	if (given(r, "limit") || given(r, "limit_burst"))
		add_match(r, "limit");
	add_argument(r, "--limit", "limit");
	add_argument(r, "--limit-burst", "limit_burst");
}

static void add_rest(struct rule *r)
{
	bool six = strcmp(argument_text(r->call, "ip_version"), "ipv6") == 0;

	if (given(r, "uid_owner"))
		add_match(r, "owner");
	add_argument(r, "--uid-owner", "uid_owner");
	if (given(r, "gid_owner"))
		add_match(r, "owner");
	add_argument(r, "--gid-owner", "gid_owner");
	if (!r->jump && given(r, "reject_with"))
		add_flag(r, "-j", "REJECT");
	add_argument(r, "--reject-with", "reject_with");
	add_argument(r, six ? "--icmpv6-type" : "--icmp-type", "icmp_type");
	if (given(r, "comment"))
		add_match(r, "comment");
	add_argument(r, "--comment", "comment");
}

static struct value *make_rule(struct module_call *c, const char *jump)
{
	struct rule r = {.call = c, .words = value_new_list(c->arena), .jump = jump};

	add_target(&r);
	add_plain(&r);
	add_conditions(&r);
	add_rest(&r);
	return r.words;
}

/* iptables with a command for the chain, and what follows it. */
static struct value *command(
	struct module_call *c, const char *verb, const char *number, const struct value *rule)
{
	bool six = strcmp(argument_text(c, "ip_version"), "ipv6") == 0;
	struct value *words = ensure_words(c, six ? "ip6tables" : "iptables", "-t",
		argument_text(c, "table"), verb, argument_text(c, "chain"), NULL);

	if (number)
		ensure_add_words(c, words, number, NULL);
	if (rule) {
		value_list_foreach (word, rule)
			value_list_add(c->arena, words, word);
	}
	return words;
}

static void tell(struct module_call *c, const struct value *rule)
{
	static const char *const repeated[] = {
		"ip_version", "table", "chain", "flush", "state", "chain_management"};
	struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(repeated); i++) {
		const struct value *v = argument_value(c, repeated[i]);
		call_set(c, repeated[i], v ? v : &value_null);
	}
	for (size_t i = 0; i < rule->count; i++)
		strbuf_addf(&text, "%s%s", i ? " " : "", value_text(rule->items[i]));
	call_set_text(c, "rule", arena_strndup(c->arena, text.data, text.len));
	strbuf_release(&text);
}

/* The policy of a chain, which its list's first line tells. */
static struct value *policy_step(struct module_call *c)
{
	const char *policy = argument_text(c, "policy");
	struct value *step = ensure_step(c, command(c, "-L", NULL, NULL), true);
	struct value *set = command(c, "-P", NULL, NULL);

	ensure_add_words(c, set, policy, NULL);
	value_dict_set(c->arena, step, "says",
		value_new_stringf(
			c->arena, "Chain %s (policy %s", argument_text(c, "chain"), policy));
	value_dict_set(c->arena, step, "no_max", value_new_int(c->arena, 0));
	ensure_change(c, step, set);
	return step;
}

/* A rule; with chain_management its chain is made first. */
static void add_rule_steps(
	struct module_call *c, struct value *steps, const struct value *rule, bool present)
{
	bool insert = strcmp(argument_text(c, "action"), "insert") == 0;
	struct value *step = ensure_step(c, command(c, "-C", NULL, rule), present);

	if (present && argument_bool(c, "chain_management")) {
		struct value *chain = ensure_step(c, command(c, "-L", NULL, NULL), true);
		ensure_change(c, chain, command(c, "-N", NULL, NULL));
		value_list_add(c->arena, steps, chain);
	}
	if (!present)
		ensure_change(c, step, command(c, "-D", NULL, rule));
	else if (insert)
		ensure_change(c, step, command(c, "-I", argument_text(c, "rule_num"), rule));
	else
		ensure_change(c, step, command(c, "-A", NULL, rule));
	value_list_add(c->arena, steps, step);
}

/* A chain that is not to be there; without chain_management it is only told. */
static struct value *chain_step(struct module_call *c)
{
	struct value *step = ensure_step(c, command(c, "-L", NULL, NULL), false);

	if (argument_bool(c, "chain_management"))
		ensure_change(c, step, command(c, "-X", NULL, NULL));
	return step;
}

/* The whole table or chain; nobody asks before whether it is empty. */
static struct value *flush_step(struct module_call *c)
{
	bool six = strcmp(argument_text(c, "ip_version"), "ipv6") == 0;
	const char *program = six ? "ip6tables" : "iptables";
	struct value *step = ensure_step(c, ensure_words(c, program, "--version", NULL), false);
	struct value *flush =
		ensure_words(c, program, "-t", argument_text(c, "table"), "-F", NULL);

	if (argument_text(c, "chain"))
		ensure_add_words(c, flush, argument_text(c, "chain"), NULL);
	ensure_change(c, step, flush);
	return step;
}

static int check_given(struct module_call *c, struct err *err)
{
	const char *jump = argument_text(c, "jump");
	bool logs = argument_text(c, "log_prefix") || argument_text(c, "log_level");

	if (!argument_bool(c, "flush") && !argument_text(c, "chain"))
		return err_set(
			err, ERR_INPUT, "Either chain or flush parameter must be specified.");
	if (argument_bool(c, "flush") && argument_text(c, "policy"))
		return err_set(
			err, ERR_INPUT, "parameters are mutually exclusive: flush|policy");
	if (argument_text(c, "set_dscp_mark") && argument_text(c, "set_dscp_mark_class"))
		return err_set(err, ERR_INPUT,
			"parameters are mutually exclusive: "
			"set_dscp_mark|set_dscp_mark_class");
	if (jump && strcasecmp(jump, "tee") == 0 && !argument_text(c, "gateway"))
		return err_set(err, ERR_INPUT,
			"jump is %s but all of the following are missing: gateway", jump);
	if (logs && jump && strcmp(jump, "LOG") != 0)
		return err_set(err, ERR_INPUT,
			"Logging options can only be used with the LOG jump target.");
	return 0;
}

static int run(struct module_call *c, struct err *err)
{
	const char *jump = argument_text(c, "jump");
	bool logs = argument_text(c, "log_prefix") || argument_text(c, "log_level");
	struct value *steps = value_new_list(c->arena);

	if (check_given(c, err) < 0)
		return -1;
	const struct value *told = make_rule(c, jump);
	const struct value *rule = make_rule(c, jump || !logs ? jump : "LOG");
	bool present = strcmp(argument_text(c, "state"), "present") == 0;
	if (argument_bool(c, "flush"))
		value_list_add(c->arena, steps, flush_step(c));
	else if (argument_text(c, "policy"))
		value_list_add(c->arena, steps, policy_step(c));
	else if (!present && told->count == 0)
		value_list_add(c->arena, steps, chain_step(c));
	else
		add_rule_steps(c, steps, rule, present);
	if (!ensure_run(c, steps, "changed rules of iptables", err))
		return -1;
	tell(c, told);
	return 0;
}

const struct module module_iptables = {
	.name = "iptables",
	.arguments = arguments,
	.flags = MODULE_CHECKS | MODULE_CANNOT_UNDO,
	.run = run,
};

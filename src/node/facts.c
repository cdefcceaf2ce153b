/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module facts: what templates ask about a node, with the names and values of Ansible's
 * setup. One table of collectors; a subset names collectors or groups of them.
 */
#include "node/facts.h"

#include "base/fd.h"

const struct node_arg facts_args[] = {
	{"subset", ARG_LIST},
	{NULL, 0},
};

/* Groups of collectors, as gather_subset names them. */
enum group { MIN = 1 << 0, HARDWARE = 1 << 1, NETWORK = 1 << 2, ALL = 1 << 3 };

struct collector {
	const char *name;
	unsigned groups; /* besides ALL */
	int (*collect)(struct node_call *c, struct err *err);
};

static const struct collector collectors[] = {
	{"platform", MIN, facts_platform},
	{"distribution", MIN, facts_distribution},
	{"service_mgr", MIN, facts_service_mgr},
	{"pkg_mgr", MIN, facts_pkg_mgr},
	{"user", MIN, facts_user},
	{"env", MIN, facts_env},
	{"date_time", MIN, facts_date_time},
	{"cpu", HARDWARE, facts_cpu},
	{"memory", HARDWARE, facts_memory},
	{"interfaces", NETWORK, facts_network},
};

/* Names for several collectors; those without any are known to Ansible and have none here. */
static const struct {
	const char *name;
	unsigned group;
} groups[] = {{"all", ALL}, {"min", MIN}, {"hardware", HARDWARE}, {"network", NETWORK},
	{"virtual", 0}, {"facter", 0}, {"ohai", 0}, {"local", 0}};

const char *facts_line(struct node_call *c, const char *path)
{
	AUTO(strbuf_release) struct strbuf content = STRBUF_INIT;

	if (file_read(path, FACTS_FILE_MAX, &content, NULL) < 0)
		return NULL;
	return arena_strndup(c->arena, content.data, strcspn(content.data, "\n"));
}

/* The collectors that a name stands for, a bit for each; false when nobody knows it. */
static bool bits_of(const char *name, uint32_t *bits)
{
	bool known = false;

	*bits = 0;
	for (size_t i = 0; i < ARRAY_SIZE(collectors); i++) {
		if (strcmp(collectors[i].name, name) == 0) {
			*bits |= 1u << i;
			known = true;
		}
	}
	for (size_t g = 0; g < ARRAY_SIZE(groups); g++) {
		if (strcmp(groups[g].name, name) != 0)
			continue;
		known = true;
		for (size_t i = 0; i < ARRAY_SIZE(collectors); i++) {
			if ((collectors[i].groups | ALL) & groups[g].group)
				*bits |= 1u << i;
		}
	}
	return known;
}

/*
 * As gather_subset is read: what is named, or all when nothing is, without what has a "!" and
 * is not named itself; the minimum stays unless "!min" takes it away.
 */
static int choose(struct node_call *c, uint32_t *chosen, struct err *err)
{
	const char *const *names = call_list(c, "subset", err);
	uint32_t named = 0, refused = 0, bits, minimum, all;
	bool no_minimum = false, any = false;

	if (!names)
		return -1;
	bits_of("min", &minimum);
	bits_of("all", &all);
	for (; *names; names++) {
		bool without = **names == '!';
		const char *name = *names + without;
		if (!bits_of(name, &bits))
			return err_set(err, ERR_INPUT,
				"the helper has no facts of the kind \"%s\"", name);
		no_minimum |= without && strcmp(name, "min") == 0;
		any |= !without;
		if (without)
			refused |= strcmp(name, "all") == 0 ? bits & ~minimum : bits;
		else
			named |= bits;
	}
	if (!any)
		named = all & ~refused;
	*chosen = named | (no_minimum ? 0 : minimum & ~refused);
	return 0;
}

int node_facts(struct node_call *c, struct err *err)
{
	uint32_t chosen = 0;

	if (choose(c, &chosen, err) < 0)
		return -1;
	item_put_bool(c->out, "changed", false);
	item_open_dict(c->out, "ansible_facts");
	for (size_t i = 0; i < ARRAY_SIZE(collectors); i++) {
		if (chosen >> i & 1 && collectors[i].collect(c, err) < 0)
			return err_wrap(err, "facts of the kind %s", collectors[i].name);
	}
	item_close(c->out);
	return 0;
}

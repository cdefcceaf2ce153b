/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What gather_subset asks for, with Ansible's meaning: the minimum and what is named, without
 * what has a "!" and is not named itself; then what these need. A collector goes by its name
 * and by those of some of its facts, and each of these names is added and left out by itself:
 * "!interfaces" takes nothing away from "all", since "network" is still asked for.
 */
#include "base/str.h"
#include "node/facts.h"

#define NAMES_MAX 16 /* of one collector, its own first */

/* Which names of each collector are meant, a bit for each. */
struct chosen_names {
	uint32_t of[32];
};

static const char *name_of(const struct facts_collector *c, size_t i)
{
	if (i == 0)
		return c->name;
	return c->ids ? c->ids[i - 1] : NULL;
}

/* All names of a collector. */
static uint32_t every(const struct facts_collector *c)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < NAMES_MAX && name_of(c, i); i++)
		bits |= 1u << i;
	return bits;
}

struct choice {
	const struct facts_collector *collectors;
	size_t count;
	struct chosen_names added, refused, named;
};

/* Adds the names of the minimum, or of all else. */
static void add_group(const struct choice *c, struct chosen_names *to, bool minimum, bool rest)
{
	for (size_t i = 0; i < c->count; i++) {
		uint32_t own = c->collectors[i].minimal ? 1 : 0;
		if (minimum)
			to->of[i] |= own;
		if (rest)
			to->of[i] |= every(&c->collectors[i]) & ~own;
	}
}

/* Finds a name; false when nobody has it. */
static bool find_name(const struct choice *c, const char *name, size_t *which, uint32_t *bit)
{
	for (size_t i = 0; i < c->count; i++) {
		for (size_t k = 0; k < NAMES_MAX && name_of(&c->collectors[i], k); k++) {
			if (strcmp(name_of(&c->collectors[i], k), name) != 0)
				continue;
			*which = i;
			*bit = 1u << k;
			return true;
		}
	}
	return false;
}

static int unknown(const struct choice *c, const char *name, struct err *err)
{
	AUTO(strlist_release) struct strlist names = {0};
	AUTO(strbuf_release) struct strbuf all = STRBUF_INIT;

	for (size_t i = 0; i < c->count; i++)
		for (size_t k = 0; k < NAMES_MAX && name_of(&c->collectors[i], k); k++)
			if (!strlist_has(&names, name_of(&c->collectors[i], k)))
				strlist_add(&names, name_of(&c->collectors[i], k));
	strlist_sort(&names);
	for (size_t i = 0; i < names.count; i++)
		strbuf_addf(&all, ", %s", names.items[i]);
	return err_set(err, ERR_INPUT,
		"Bad subset '%s' given to Ansible. gather_subset options allowed: all%s", name,
		all.data);
}

/* A name with "!": one that nobody has is left out already. */
static void refuse(struct choice *c, const char *name)
{
	size_t which;
	uint32_t bit;

	if (strcmp(name, "min") == 0)
		add_group(c, &c->refused, true, false);
	else if (strcmp(name, "all") == 0)
		add_group(c, &c->refused, false, true);
	else if (find_name(c, name, &which, &bit))
		c->refused.of[which] |= bit == 1 ? every(&c->collectors[which]) : bit;
}

static int take(struct choice *c, const char *name, struct err *err)
{
	size_t which;
	uint32_t bit;

	if (strcmp(name, "min") == 0 || strcmp(name, "all") == 0) {
		add_group(c, &c->added, true, *name == 'a');
	} else if (*name == '!') {
		refuse(c, name + 1);
	} else if (find_name(c, name, &which, &bit)) {
		c->added.of[which] |= bit;
		c->named.of[which] |= bit;
	} else {
		return unknown(c, name, err);
	}
	return 0;
}

int facts_choose(const struct facts_collector *collectors, size_t count,
	const char *const *subset, uint32_t *chosen, struct err *err)
{
	struct choice c = {.collectors = collectors, .count = count};

	*chosen = 0;
	add_group(&c, &c.added, true, false);
	if (!*subset)
		add_group(&c, &c.added, false, true);
	for (; *subset; subset++)
		if (take(&c, *subset, err) < 0)
			return -1;
	for (size_t i = 0; i < count; i++) {
		if (!(c.added.of[i] & ~(c.refused.of[i] & ~c.named.of[i])))
			continue;
		*chosen |= 1u << i | collectors[i].needs;
	}
	return 0;
}

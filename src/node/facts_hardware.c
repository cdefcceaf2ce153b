/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts about processors and memory.
 */
#include <sched.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "base/str.h"
#include "node/facts.h"

#define NUMBERS_MAX 1024 /* sockets or cores of one machine */

/* Numbers of sockets or cores with what was last said of each, in the order of their coming. */
struct numbers {
	char key[NUMBERS_MAX][16];
	int64_t value[NUMBERS_MAX];
	size_t count;
};

/* What /proc/cpuinfo says. */
struct cpuinfo {
	struct numbers sockets, cores;
	char socket[16], core[16]; /* of the processor that is being read */
	int64_t all, processors, vendors, models;
};

static void set_number(struct numbers *n, const char *key, int64_t value, bool keep)
{
	size_t i = 0;

	while (i < n->count && strcmp(n->key[i], key) != 0)
		i++;
	if (i == NUMBERS_MAX || (i < n->count && keep))
		return;
	n->count += i == n->count;
	snprintf(n->key[i], sizeof(n->key[i]), "%s", key);
	n->value[i] = value;
}

/* Splits "key : value" in place; false for a line without a colon. */
static bool split_line(char *line, const char **key, const char **value)
{
	char *colon = strchr(line, ':');

	if (!colon)
		return false;
	*value = colon + 1 + strspn(colon + 1, " \t");
	line[strcspn(line, "\n")] = '\0';
	while (colon > line && strchr(" \t", colon[-1]))
		colon--;
	*colon = '\0';
	*key = line;
	return true;
}

static int64_t number(const char *text)
{
	int64_t n;

	return parse_int(text, 0, INT32_MAX, &n) ? n : 0;
}

static void take_line(struct cpuinfo *i, const char *key, const char *value)
{
	if (strcmp(key, "physical id") == 0) {
		snprintf(i->socket, sizeof(i->socket), "%s", value);
		set_number(&i->sockets, value, 1, true);
	} else if (strcmp(key, "core id") == 0) {
		snprintf(i->core, sizeof(i->core), "%s", value);
		set_number(&i->cores, value, 1, false);
	} else if (strcmp(key, "cpu cores") == 0) {
		set_number(&i->sockets, i->socket, number(value), false);
	} else if (strcmp(key, "siblings") == 0) {
		set_number(&i->cores, i->core, number(value), false);
	}
}

/* Counts and tells the lines that the list `processor` is made of. */
static void take_processor(
	struct node_call *c, struct cpuinfo *i, const char *key, const char *value)
{
	static const char *const keys[] = {
		"model name", "Processor", "vendor_id", "cpu", "Vendor", "processor"};

	for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
		if (strcmp(keys[k], key) != 0)
			continue;
		item_put_string(c->out, NULL, value);
		i->all++;
		i->models += k == 0;
		i->vendors += k == 2;
		i->processors += k == 5;
	}
}

static int64_t online_processors(int64_t otherwise)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : otherwise;
}

static void tell_counts(struct node_call *c, const struct cpuinfo *i)
{
	static const char *const by_processor[] = {"armv", "aarch", "ppc"};
	struct utsname system = {0};
	int64_t count = i->all;

	uname(&system);
	if (i->vendors > 0 && i->vendors == i->models)
		count = i->vendors;
	for (size_t k = 0; k < ARRAY_SIZE(by_processor); k++) {
		if (str_starts(system.machine, by_processor[k]))
			count = i->processors;
	}
	int64_t sockets = i->sockets.count ? (int64_t)i->sockets.count : count;
	int64_t cores = i->sockets.count && i->sockets.value[0] ? i->sockets.value[0] : 1;
	int64_t threads = (i->cores.count ? i->cores.value[0] : 1) / cores;
	item_put_int(c->out, "ansible_processor_count", sockets);
	item_put_int(c->out, "ansible_processor_cores", cores);
	item_put_int(c->out, "ansible_processor_threads_per_core", threads);
	item_put_int(c->out, "ansible_processor_vcpus", threads * sockets * cores);
	item_put_int(c->out, "ansible_processor_nproc", online_processors(i->processors));
}

int facts_cpu(struct node_call *c, struct err *err)
{
	autofree struct cpuinfo *i = xcalloc(1, sizeof(*i));
	FILE *file = fopen("/proc/cpuinfo", "re");
	const char *key, *value;
	char *line = NULL;
	size_t cap = 0;

	(void)err;
	if (!file)
		return 0;
	snprintf(i->socket, sizeof(i->socket), "0");
	snprintf(i->core, sizeof(i->core), "0");
	item_open_list(c->out, "ansible_processor");
	while (getline(&line, &cap, file) > 0) {
		if (!split_line(line, &key, &value))
			continue;
		take_line(i, key, value);
		take_processor(c, i, key, value);
	}
	item_close(c->out);
	free(line);
	fclose(file);
	tell_counts(c, i);
	return 0;
}

int facts_memory(struct node_call *c, struct err *err)
{
	static const struct {
		const char *key, *fact;
	} facts[] = {{"MemTotal", "ansible_memtotal_mb"}, {"MemFree", "ansible_memfree_mb"},
		{"SwapTotal", "ansible_swaptotal_mb"}, {"SwapFree", "ansible_swapfree_mb"}};
	FILE *file = fopen("/proc/meminfo", "re");
	const char *key, *value, *uptime = facts_line(c, "/proc/uptime");
	char *line = NULL;
	size_t cap = 0;

	(void)err;
	while (file && getline(&line, &cap, file) > 0) {
		if (!split_line(line, &key, &value))
			continue;
		autofree char *kilobytes = xstrndup(value, strcspn(value, " "));
		for (size_t i = 0; i < ARRAY_SIZE(facts); i++) {
			if (strcmp(facts[i].key, key) == 0)
				item_put_int(c->out, facts[i].fact, number(kilobytes) / 1024);
		}
	}
	free(line);
	if (file)
		fclose(file);
	if (uptime)
		item_put_int(c->out, "ansible_uptime_seconds",
			number(arena_strndup(c->arena, uptime, strcspn(uptime, "."))));
	return 0;
}

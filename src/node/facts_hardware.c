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
	bool xen, xen_paravirt;
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

static bool has_number(const struct numbers *n, const char *key)
{
	for (size_t i = 0; i < n->count; i++)
		if (strcmp(n->key[i], key) == 0)
			return true;
	return false;
}

/* Splits "key : value"; without a colon all of it is the key. */
static void split_line(struct arena *a, const char *line, const char **key, const char **value)
{
	size_t n = strcspn(line, ":");

	*value = line[n] ? line + n + 1 : "";
	*value += strspn(*value, " \t");
	while (n > 0 && strchr(" \t", line[n - 1]))
		n--;
	*key = arena_strndup(a, line, n);
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
		/* As Ansible has it: a core with a socket's number is not begun anew. */
		if (!has_number(&i->sockets, value))
			set_number(&i->cores, value, 1, false);
	} else if (strcmp(key, "cpu cores") == 0) {
		set_number(&i->sockets, i->socket, number(value), false);
	} else if (strcmp(key, "siblings") == 0) {
		set_number(&i->cores, i->core, number(value), false);
	} else if (strcmp(key, "ncpus active") == 0) {
		i->all = number(value);
	} else if (strcmp(key, "flags") == 0) {
		i->xen_paravirt |= i->xen && !strstr(value, "vme");
	}
}

/* Counts and tells the lines that the list `processor` is made of. */
static void take_processor(
	struct facts *f, struct cpuinfo *i, const char *key, const char *value)
{
	static const char *const keys[] = {
		"model name", "Processor", "vendor_id", "cpu", "Vendor", "processor"};

	for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
		if (strcmp(keys[k], key) != 0)
			continue;
		facts_put(f, NULL, value);
		i->all++;
		i->models += k == 0;
		i->vendors += k == 2;
		i->processors += k == 5;
	}
}

static int64_t online_processors(const struct facts *f, int64_t otherwise)
{
	cpu_set_t set;

	if (*f->root || sched_getaffinity(0, sizeof(set), &set) < 0)
		return otherwise;
	return CPU_COUNT(&set);
}

/* The machine's kind: some tell a processor by `processor` alone. */
static bool counts_by_processor(const struct facts *f)
{
	static const char *const kinds[] = {"armv", "aarch", "ppc"};
	struct utsname system = {0};
	const char *machine = system.machine;

	uname(&system);
	if (*f->root)
		machine = facts_text_or_empty(f, "/proc/sys/kernel/arch");
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		if (str_starts(machine, kinds[k]))
			return true;
	return false;
}

static void put_counts(struct facts *f, int64_t sockets, int64_t cores, int64_t threads)
{
	item_put_int(f->out, "ansible_processor_count", sockets);
	item_put_int(f->out, "ansible_processor_cores", cores);
	item_put_int(f->out, "ansible_processor_threads_per_core", threads);
	item_put_int(f->out, "ansible_processor_vcpus", threads * sockets * cores);
}

static void tell_counts(struct facts *f, const struct cpuinfo *i)
{
	int64_t count = i->all;

	if (i->vendors > 0 && i->vendors == i->models)
		count = i->vendors;
	if (counts_by_processor(f))
		count = i->processors;
	if (i->xen_paravirt) {
		item_put_int(f->out, "ansible_processor_count", count);
		item_put_int(f->out, "ansible_processor_cores", count);
		item_put_int(f->out, "ansible_processor_threads_per_core", 1);
		item_put_int(f->out, "ansible_processor_vcpus", count);
		return;
	}
	int64_t cores = i->sockets.count && i->sockets.value[0] ? i->sockets.value[0] : 1;
	put_counts(f, i->sockets.count ? (int64_t)i->sockets.count : count, cores,
		(i->cores.count ? i->cores.value[0] : 1) / cores);
	item_put_int(f->out, "ansible_processor_nproc", online_processors(f, i->processors));
}

int facts_cpu(struct facts *f, struct err *err)
{
	autofree struct cpuinfo *i = xcalloc(1, sizeof(*i));
	const char *text = facts_text(f, "/proc/cpuinfo"), *line, *key, *value;

	(void)err;
	if (!text)
		return 0;
	i->xen = facts_exists(f, "/proc/xen") ||
		 strcmp(facts_text_or_empty(f, "/sys/hypervisor/type"), "xen") == 0;
	item_open_list(f->out, "ansible_processor");
	while ((line = facts_next_line(f->arena, &text))) {
		split_line(f->arena, line, &key, &value);
		take_line(i, key, value);
		take_processor(f, i, key, value);
	}
	item_close(f->out);
	tell_counts(f, i);
	return 0;
}

enum { TOTAL, FREE, BUFFERS, CACHED, SWAP_TOTAL, SWAP_FREE, SWAP_CACHED, MEMORY_KEYS };

/* Megabytes, or -1 for what the kernel does not tell. */
static void read_memory(const struct facts *f, int64_t megabytes[MEMORY_KEYS])
{
	static const char *const keys[MEMORY_KEYS] = {"MemTotal", "MemFree", "Buffers",
		"Cached", "SwapTotal", "SwapFree", "SwapCached"};
	const char *text = facts_text_or_empty(f, "/proc/meminfo"), *line, *key, *value;

	for (size_t i = 0; i < MEMORY_KEYS; i++)
		megabytes[i] = -1;
	while ((line = facts_next_line(f->arena, &text))) {
		split_line(f->arena, line, &key, &value);
		for (size_t i = 0; i < MEMORY_KEYS; i++) {
			if (strcmp(keys[i], key) == 0)
				megabytes[i] = strtoll(value, NULL, 10) / 1024;
		}
	}
}

static void put_memory(struct facts *f, const char *key, int64_t megabytes)
{
	if (megabytes < 0)
		item_put_null(f->out, key);
	else
		item_put_int(f->out, key, megabytes);
}

static void tell_memory(struct facts *f, const int64_t m[MEMORY_KEYS])
{
	int64_t without_cache = m[CACHED] + m[FREE] + m[BUFFERS];

	item_open_dict(f->out, "ansible_memory_mb");
	item_open_dict(f->out, "real");
	put_memory(f, "total", m[TOTAL]);
	put_memory(f, "used", m[TOTAL] - m[FREE]);
	put_memory(f, "free", m[FREE]);
	item_close(f->out);
	item_open_dict(f->out, "nocache");
	put_memory(f, "free", without_cache);
	put_memory(f, "used", m[TOTAL] - without_cache);
	item_close(f->out);
	item_open_dict(f->out, "swap");
	put_memory(f, "total", m[SWAP_TOTAL]);
	put_memory(f, "free", m[SWAP_FREE]);
	put_memory(f, "used", m[SWAP_TOTAL] - m[SWAP_FREE]);
	put_memory(f, "cached", m[SWAP_CACHED]);
	item_close(f->out);
	item_close(f->out);
}

int facts_memory(struct facts *f, struct err *err)
{
	static const struct {
		int key;
		const char *fact;
	} facts[] = {{TOTAL, "ansible_memtotal_mb"}, {FREE, "ansible_memfree_mb"},
		{SWAP_TOTAL, "ansible_swaptotal_mb"}, {SWAP_FREE, "ansible_swapfree_mb"}};
	const char *uptime = facts_line(f, "/proc/uptime");
	int64_t m[MEMORY_KEYS];

	(void)err;
	read_memory(f, m);
	if (m[TOTAL] >= 0) {
		for (size_t i = 0; i < ARRAY_SIZE(facts); i++)
			if (m[facts[i].key] >= 0)
				item_put_int(f->out, facts[i].fact, m[facts[i].key]);
		tell_memory(f, m);
	}
	if (uptime)
		item_put_int(f->out, "ansible_uptime_seconds", strtoll(uptime, NULL, 10));
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/cached/pressure.h"

#include <pthread.h>
#include <stdio.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"

#define FILE_BYTES  (64u << 10)
#define PERIOD      1.0
#define SPARE_MIN   (16u << 20) /* bytes of a limit that stay free, or a twentieth of it */
#define STALL_HIGH  10.0        /* percent of time from which on models are let go */
#define SHRINK_PART 8           /* of what is held: so much at once */
#define SHRINK_REST 10.0        /* seconds until the next time: as long as psi looks back */

struct pressure {
	pthread_mutex_t lock;
	pthread_t thread;
	struct cancel cancel;
	struct cache *cache;
	char *group;
	struct policy_limits configured;
	uint64_t budget, shrinks;
	deadline rest;
};

/* ---- looking ---- */

static bool read_file(const char *dir, const char *name, struct strbuf *text)
{
	autofree char *path = path_join(dir, name);

	strbuf_clear(text);
	return file_read(path, FILE_BYTES, text, NULL) == 0;
}

/* A limit that a file holds; "max" and no file are none. */
static uint64_t read_limit(const char *dir, const char *name)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	int64_t n;

	if (!read_file(dir, name, &text))
		return UINT64_MAX;
	strbuf_rtrim(&text);
	return parse_int(text.data, 0, INT64_MAX, &n) ? (uint64_t)n : UINT64_MAX;
}

/* The number behind a word at the begin of a line; 0. */
static uint64_t stat_of(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, word, n) == 0 && line[n] == ' ')
			return strtoull(line + n + 1, NULL, 10);
	}
	return 0;
}

/* What of the group's memory the kernel cannot take back, without the models. */
static uint64_t read_others(const char *dir, uint64_t held)
{
	static const char *const words[] = {"anon", "shmem", "kernel_stack", "pagetables",
		"percpu", "sock", "slab_unreclaimable", "unevictable"};
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	uint64_t sum = 0;

	if (!read_file(dir, "memory.stat", &text))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		sum += stat_of(text.data, words[i]);
	return sum > held ? sum - held : 0;
}

/* "some avg10=1.23 ..." of memory.pressure. */
static double read_stalled(const char *dir)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (!read_file(dir, "memory.pressure", &text))
		return 0;
	const char *at = strstr(text.data, "some avg10=");
	return at ? strtod(at + strlen("some avg10="), NULL) : 0;
}

void pressure_look(
	const char *root, const char *group, uint64_t held, struct pressure_view *view)
{
	autofree char *dir = xasprintf("%s%s", root, group);
	size_t n = strlen(root);

	*view = (struct pressure_view){.limit = UINT64_MAX,
		.others = read_others(dir, held),
		.stalled = read_stalled(dir)};
	for (;;) {
		uint64_t max = read_limit(dir, "memory.max");
		uint64_t high = read_limit(dir, "memory.high");
		if (max < view->limit)
			view->limit = max;
		if (high < view->limit)
			view->limit = high;
		char *slash = strrchr(dir + n, '/');
		if (!slash)
			return;
		*slash = '\0';
	}
}

char *pressure_own_group(void)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (file_read("/proc/self/cgroup", FILE_BYTES, &text, NULL) < 0)
		return NULL;
	const char *at = strstr(text.data, "0::/");
	if (!at || (at != text.data && at[-1] != '\n'))
		return NULL;
	at += strlen("0::");
	return xstrndup(at, strcspn(at, "\n"));
}

uint64_t pressure_budget(const struct pressure_view *view, uint64_t configured)
{
	if (view->limit == UINT64_MAX)
		return configured;
	uint64_t spare = view->limit / 20 > SPARE_MIN ? view->limit / 20 : SPARE_MIN;
	uint64_t taken = view->others + spare;
	uint64_t left = view->limit > taken ? view->limit - taken : 1;

	return configured && configured < left ? configured : left;
}

/* ---- acting ---- */

/* Lets some models go where tasks wait for memory, and then waits until that is seen. */
static void relieve(struct pressure *p, const struct pressure_view *view, uint64_t held)
{
	if (view->stalled < STALL_HIGH || !deadline_passed(p->rest) || held == 0)
		return;
	uint64_t freed = cache_shrink(p->cache, held / SHRINK_PART + 1);
	if (freed == 0)
		return;
	log_warning(
		"memory is short (%.0f%% of the time something waits for it): %llu bytes of "
		"models were let go",
		view->stalled, (unsigned long long)freed);
	p->shrinks++;
	p->rest = deadline_in(SHRINK_REST);
}

static void look(struct pressure *p)
{
	struct cache_counts counts;
	struct pressure_view view;

	cache_counts(p->cache, &counts);
	uint64_t held = counts.bytes + counts.leaving;
	pressure_look(PRESSURE_CGROUPS, p->group, held, &view);
	pthread_mutex_lock(&p->lock);
	struct policy_limits limits = p->configured;
	limits.bytes = pressure_budget(&view, p->configured.bytes);
	/* Small moves of our own memory are no reason to begin anew. */
	bool changed = limits.bytes / (1u << 20) != p->budget / (1u << 20);
	p->budget = limits.bytes;
	relieve(p, &view, counts.bytes);
	pthread_mutex_unlock(&p->lock);
	if (changed)
		cache_set_limits(p->cache, &limits);
}

static void *watch(void *data)
{
	struct pressure *p = data;

	do
		look(p);
	while (wait_until(deadline_in(PERIOD), &p->cancel, NULL) == 0);
	return NULL;
}

struct pressure *pressure_start(
	struct cache *cache, const struct policy_limits *configured, struct err *err)
{
	struct pressure *p = xcalloc(1, sizeof(*p));

	*p = (struct pressure){.cache = cache,
		.configured = *configured,
		.budget = configured->bytes,
		.group = pressure_own_group()};
	if (cancel_init(&p->cancel, err) < 0) {
		free(p->group);
		free(p);
		return NULL;
	}
	pthread_mutex_init(&p->lock, NULL);
	if (!p->group) {
		log_info(
			"no control groups of version 2 here: cache_bytes alone limits memory");
		return p;
	}
	look(p); /* before anything is loaded */
	if (pthread_create(&p->thread, NULL, watch, p) == 0)
		return p;
	free(STEAL(p->group)); /* no thread */
	pressure_stop(p);
	err_set(err, ERR_SYSTEM, "a thread cannot be started");
	return NULL;
}

void pressure_configure(struct pressure *p, const struct policy_limits *configured)
{
	pthread_mutex_lock(&p->lock);
	struct policy_limits limits = *configured;
	if (p->budget && p->group && (!limits.bytes || p->budget < limits.bytes) &&
		p->budget != p->configured.bytes)
		limits.bytes = p->budget; /* until the next look */
	p->configured = *configured;
	p->budget = limits.bytes;
	pthread_mutex_unlock(&p->lock);
	cache_set_limits(p->cache, &limits);
}

void pressure_counts(struct pressure *p, uint64_t *budget, uint64_t *shrinks)
{
	pthread_mutex_lock(&p->lock);
	*budget = p->budget;
	*shrinks = p->shrinks;
	pthread_mutex_unlock(&p->lock);
}

void pressure_stop(struct pressure *p)
{
	if (!p)
		return;
	cancel_request(&p->cancel);
	if (p->group)
		pthread_join(p->thread, NULL);
	free(p->group);
	cancel_release(&p->cancel);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

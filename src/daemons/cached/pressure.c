/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/cached/pressure.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"

#define FILE_BYTES   (64u << 10)
#define PERIOD       1.0
#define PERIOD_CLOSE 0.1             /* where there is a limit: others may grow fast */
#define NO_LIMIT     (INT64_MAX / 2) /* version 1 has a number for none, near the greatest */
#define SPARE_MIN    (16u << 20)     /* bytes of a limit that stay free, or a twentieth of it */
#define STALL_HIGH   10.0            /* percent of time from which on models are let go */
#define SHRINK_PART  8               /* of what is held: so much at once */
#define SHRINK_REST  10.0 /* seconds until the next time: as long as psi looks back */

struct pressure {
	pthread_mutex_t lock;
	pthread_t thread;
	bool runs;
	struct cancel cancel;
	struct cache *cache;
	struct pressure_group group;
	struct policy_limits configured;
	uint64_t memory, shrinks; /* what models may have; 0: any */
	deadline rest;
};

/* ---- looking ---- */

#define WORDS 8

/* How the two interfaces name the same things. */
static const struct interface {
	const char *controller; /* in /proc/self/cgroup */
	const char *below;      /* of PRESSURE_CGROUPS */
	const char *limits[2];
	const char *words[WORDS]; /* of memory.stat: what the kernel cannot take back */
	const char *usage;        /* a file with more of that */
} interfaces[] = {
	[1] = {"memory", "/memory", {"memory.limit_in_bytes"}, {"total_rss", "total_shmem"},
		"memory.kmem.usage_in_bytes"},
	[2] = {"", "", {"memory.max", "memory.high"},
		{"anon", "shmem", "kernel_stack", "pagetables", "percpu", "sock",
			"slab_unreclaimable"},
		NULL},
};

static bool read_file(const char *dir, const char *name, struct strbuf *text)
{
	autofree char *path = path_join(dir, name);

	strbuf_clear(text);
	return file_read(path, FILE_BYTES, text, NULL) == 0;
}

/* The number in a file; `otherwise` for "max", and where there is none. */
static uint64_t read_number(const char *dir, const char *name, uint64_t otherwise)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	int64_t n;

	if (!name || !read_file(dir, name, &text))
		return otherwise;
	strbuf_rtrim(&text);
	return parse_int(text.data, 0, INT64_MAX, &n) ? (uint64_t)n : otherwise;
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

/* What of a group's memory the kernel cannot take back, without the models. */
static uint64_t read_others(
	const struct interface *face, const char *dir, const struct pressure_own *own)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	uint64_t sum = 0, exact = read_number(dir, face->usage, 0);

	if (!read_file(dir, "memory.stat", &text))
		return exact + own->other;
	for (size_t i = 0; i < WORDS && face->words[i]; i++)
		sum += stat_of(text.data, face->words[i]);
	uint64_t least = own->models + own->other;
	return exact + (sum > least ? sum : least) - own->models;
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

/* What one group's limits leave for models. */
static uint64_t read_room(
	const struct interface *face, const char *dir, const struct pressure_own *own)
{
	uint64_t limit = NO_LIMIT;

	for (size_t i = 0; i < ARRAY_SIZE(face->limits); i++) {
		uint64_t n = read_number(dir, face->limits[i], NO_LIMIT);
		limit = n < limit ? n : limit;
	}
	if (limit == NO_LIMIT)
		return UINT64_MAX;
	uint64_t spare = limit / 20 > SPARE_MIN ? limit / 20 : SPARE_MIN;
	uint64_t needed = read_others(face, dir, own) + spare;
	return limit > needed ? limit - needed : 1;
}

void pressure_look(const char *root, const struct pressure_group *group,
	const struct pressure_own *own, struct pressure_view *view)
{
	autofree char *dir = xasprintf("%s%s", root, group->path);
	size_t n = strlen(root);

	*view = (struct pressure_view){.room = UINT64_MAX, .stalled = read_stalled(dir)};
	for (;;) {
		uint64_t room = read_room(&interfaces[group->version], dir, own);
		view->room = room < view->room ? room : view->room;
		char *slash = strrchr(dir + n, '/');
		if (!slash)
			return;
		*slash = '\0';
	}
}

/* True if a controller is one of "cpu,memory". */
static bool names(const char *list, size_t n, const char *controller)
{
	size_t want = strlen(controller);

	if (n == 0)
		return want == 0;
	for (const char *end = list + n; want && list < end;) {
		size_t word = strcspn(list, ",:");
		if (word == want && strncmp(list, controller, want) == 0)
			return true;
		list += word + 1;
	}
	return false;
}

void pressure_parse_group(const char *text, struct pressure_group *group)
{
	*group = (struct pressure_group){0};
	/* Lines are NUMBER:CONTROLLERS:PATH. Who has memory under version 1 has it nowhere
	 * else. */
	for (const char *line = text; *line; line += *line == '\n') {
		size_t length = strcspn(line, "\n");
		const char *list = memchr(line, ':', length);
		const char *path =
			list ? memchr(list + 1, ':', length - (size_t)(list + 1 - line)) : NULL;
		for (int v = 2; path && v >= 1; v--) {
			if (group->version == 1 || !names(list + 1, (size_t)(path - list - 1),
							   interfaces[v].controller))
				continue;
			pressure_group_release(group);
			*group = (struct pressure_group){
				v, xasprintf("%s%.*s", interfaces[v].below,
					   (int)(line + length - path - 1), path + 1)};
		}
		line += length;
	}
}

void pressure_group_release(struct pressure_group *group)
{
	free(group->path);
	*group = (struct pressure_group){0};
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

/* Bytes of this process's heap and stacks; see proc_pid_statm(5). */
static uint64_t own_anonymous(void)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	unsigned long long resident, shared;

	if (file_read("/proc/self/statm", FILE_BYTES, &text, NULL) < 0 ||
		sscanf(text.data, "%*u %llu %llu", &resident, &shared) != 2 ||
		shared > resident)
		return 0;
	return (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* False where memory is being taken or given back, and figures would not belong together. */
static bool view_of(struct pressure *p, struct pressure_view *view)
{
	struct blob_memory before, after;

	blob_memory(&before);
	const struct pressure_own own = {.models = before.bytes, .other = own_anonymous()};
	pressure_look(PRESSURE_CGROUPS, &p->group, &own, view);
	blob_memory(&after);
	return !before.moving && before.moves == after.moves;
}

/* True if there is a limit. */
static bool look(struct pressure *p)
{
	struct cache_counts counts;
	struct pressure_view view;

	if (!view_of(p, &view))
		return true;
	cache_counts(p->cache, &counts);
	pthread_mutex_lock(&p->lock);
	uint64_t memory = view.room == UINT64_MAX ? 0 : view.room;
	/* Small moves of our own memory are no reason to begin anew. */
	bool changed = memory >> 20 != p->memory >> 20 || !memory != !p->memory;
	p->memory = memory;
	struct policy_limits limits = p->configured;
	limits.memory = memory;
	if (changed)
		cache_set_limits(p->cache, &limits);
	relieve(p, &view, counts.bytes);
	pthread_mutex_unlock(&p->lock);
	return memory != 0;
}

static void *watch(void *data)
{
	struct pressure *p = data;
	bool limited;

	do
		limited = look(p);
	while (wait_until(deadline_in(limited ? PERIOD_CLOSE : PERIOD), &p->cancel, NULL) == 0);
	return NULL;
}

static void find_own_group(struct pressure_group *group)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	*group = (struct pressure_group){0};
	if (file_read("/proc/self/cgroup", FILE_BYTES, &text, NULL) == 0)
		pressure_parse_group(text.data, group);
}

struct pressure *pressure_start(
	struct cache *cache, const struct policy_limits *configured, struct err *err)
{
	struct pressure *p = xcalloc(1, sizeof(*p));

	*p = (struct pressure){.cache = cache, .configured = *configured};
	if (cancel_init(&p->cancel, err) < 0) {
		free(p);
		return NULL;
	}
	find_own_group(&p->group);
	pthread_mutex_init(&p->lock, NULL);
	if (!p->group.version) {
		log_info("no control groups here: cache_bytes alone limits memory");
		return p;
	}
	look(p); /* before anything is loaded */
	if (pthread_create(&p->thread, NULL, watch, p) == 0) {
		p->runs = true;
		return p;
	}
	pressure_stop(p);
	err_set(err, ERR_SYSTEM, "a thread cannot be started");
	return NULL;
}

void pressure_configure(struct pressure *p, const struct policy_limits *configured)
{
	struct policy_limits limits = *configured;

	pthread_mutex_lock(&p->lock);
	p->configured = *configured;
	limits.memory = p->memory;
	cache_set_limits(p->cache, &limits);
	pthread_mutex_unlock(&p->lock);
}

void pressure_counts(struct pressure *p, uint64_t *budget, uint64_t *shrinks)
{
	pthread_mutex_lock(&p->lock);
	*budget = p->memory;
	if (p->configured.bytes && (!p->memory || p->configured.bytes < p->memory))
		*budget = p->configured.bytes;
	*shrinks = p->shrinks;
	pthread_mutex_unlock(&p->lock);
}

void pressure_stop(struct pressure *p)
{
	if (!p)
		return;
	cancel_request(&p->cancel);
	if (p->runs)
		pthread_join(p->thread, NULL);
	pressure_group_release(&p->group);
	cancel_release(&p->cancel);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "node/service.h"

#include <string.h>

#include "node/service_run.h"

#define GENTLE_SECONDS 30.0 /* for a restart in the usual way, before it is forced */

static const struct service_manager *const managers[] = {
	&service_manager_systemd, &service_manager_systemd_user, &service_manager_commands};

const struct service_manager *service_manager_find(const char *name, struct err *err)
{
	AUTO(strbuf_release) struct strbuf known = STRBUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(managers); i++) {
		if (strcmp(managers[i]->name, name) == 0)
			return managers[i];
		strbuf_addf(&known, "%s%s", i ? ", " : "", managers[i]->name);
	}
	err_set(err, ERR_INPUT, "no service manager %s: there are %s", name, known.data);
	return NULL;
}

void service_state_init(struct service_state *s, const char *unit, const char *load)
{
	*s = (struct service_state){.name = unit,
		.id = unit,
		.load = load,
		.active = "",
		.sub = "",
		.enabled = "",
		.result = "",
		.invocation = "",
		.properties = ""};
}

bool service_is_active(const struct service_state *s)
{
	static const char *const running[] = {"active", "reloading", "refreshing"};

	for (size_t i = 0; i < ARRAY_SIZE(running); i++) {
		if (strcmp(s->active, running[i]) == 0)
			return true;
	}
	return false;
}

const char *service_describe(struct arena *a, const struct service_state *s)
{
	AUTO(strbuf_release) struct strbuf b = STRBUF_INIT;

	if (strcmp(s->load, "not-found") == 0)
		return arena_printf(a, "%s does not exist", s->id);
	strbuf_addf(&b, "%s is %s", s->id, *s->active ? s->active : "in an unknown state");
	if (*s->sub && strcmp(s->sub, s->active) != 0)
		strbuf_addf(&b, " (%s)", s->sub);
	if (*s->load && strcmp(s->load, "loaded") != 0)
		strbuf_addf(&b, ", its file is %s", s->load);
	if (*s->result && strcmp(s->result, "success") != 0)
		strbuf_addf(&b, ", result %s", s->result);
	if (s->exit_status && !service_is_active(s))
		strbuf_addf(&b, ", status %lld", (long long)s->exit_status);
	if (s->job)
		strbuf_addstr(&b, ", a job is still queued");
	return arena_strndup(a, b.data, b.len);
}

static int restore_enabled(
	struct service_work *w, const struct service_state *now, int wanted, struct err *err)
{
	bool is = strcmp(now->enabled, "enabled") == 0;
	/* A unit that came with the transaction is gone, the links to it are not. */
	bool gone = wanted == 0 && strcmp(now->load, "not-found") == 0;

	if (wanted < 0 || is == (wanted > 0) || (!is && strcmp(now->enabled, "disabled") != 0))
		return gone ? w->manager->act(w, SERVICE_DISABLE, w->units, 1, true, err) : 0;
	return w->manager->act(
		w, wanted ? SERVICE_ENABLE : SERVICE_DISABLE, w->units, 1, true, err);
}

/* Restarts in the usual way where nothing hangs, else by halting first. */
static int restore_running(
	struct service_work *w, const struct service_state *now, struct err *err)
{
	deadline whole = w->until;

	if ((service_is_active(now) || !*now->active) && !now->job) {
		w->until = deadline_min(whole, deadline_in(GENTLE_SECONDS));
		int restarted = w->manager->act(w, SERVICE_RESTART, w->units, 1, true, NULL);
		w->until = whole;
		if (restarted == 0)
			return 0;
	}
	if (w->manager->halt(w, w->units[0], err) < 0)
		return -1;
	return w->manager->act(w, SERVICE_START, w->units, 1, true, err);
}

static int restore(struct service_work *w, const struct transaction_service *s, bool booting,
	struct err *err)
{
	struct service_state now;

	if (w->manager->query(w, &now, err) < 0)
		return -1;
	if (now.need_reload && w->manager->daemon_reload &&
		w->manager->daemon_reload(w, err) < 0)
		return -1;
	if (restore_enabled(w, &now, s->enabled, err) < 0)
		return -1;
	if (booting)
		return 0;
	if (s->active)
		return restore_running(w, &now, err);
	if (strcmp(now.active, "inactive") == 0 && !now.job)
		return 0;
	return w->manager->halt(w, s->unit, err);
}

int service_restore(const struct transaction_service *s, bool booting, struct node_call *call,
	struct err *err)
{
	AUTO(arena_release) struct arena arena = {0};
	struct service_work w = {.manager = service_manager_find(s->manager, err),
		.units = &s->unit,
		.count = 1,
		.commands = {.start = s->start, .stop = s->stop, .restart = s->restart},
		.arena = &arena,
		.call = call,
		.until = deadline_in(SERVICE_RESTORE_TIME)};

	if (!w.manager)
		return -1;
	if (restore(&w, s, booting, err) < 0)
		return err_wrap(err, "bring %s back", s->unit);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "made_fleet.h"

#define NOW 1772359200 /* 2026-03-01T10:00:00Z */

int made_fleet_setup(void **state)
{
	struct made_fleet *f = xcalloc(1, sizeof(*f));

	f->status.hosts = f->hosts;
	for (size_t i = 0; i < MADE_HOSTS_MAX; i++) {
		f->models[i].root = "/srv/models";
		f->hosts[i] = (struct status_host){
			.name = arena_printf(&f->arena, "n%03zu", i + 1),
			.models = &f->models[i],
			.status = &f->status,
			.reached = true,
		};
	}
	f->status.count = 1;
	f->status.began = NOW;
	f->status.seconds = 0.25;
	*state = f;
	return 0;
}

int made_fleet_teardown(void **state)
{
	struct made_fleet *f = *state;

	for (size_t i = 0; i < MADE_HOSTS_MAX; i++)
		status_clear(&f->hosts[i]);
	reports_release(&f->reports);
	arena_release(&f->arena);
	free(f);
	return 0;
}

void made_fleet_size(struct made_fleet *f, size_t count)
{
	f->status.count = count;
}

struct sync_result *made_model(struct made_fleet *f, size_t host, const char *model,
	const char *wanted, enum sync_outcome outcome)
{
	struct sync_report *r = &f->hosts[host].report;

	r->results = xrealloc(r->results, r->count + 1, sizeof(*r->results));
	r->results[r->count] =
		(struct sync_result){.model = model, .version = wanted, .outcome = outcome};
	return &r->results[r->count++];
}

void made_there(struct made_fleet *f, size_t host, const char *path, uint64_t bytes)
{
	*VEC_PUSH(&f->hosts[host].there) =
		(struct status_version){.path = path, .bytes = bytes, .verified = bytes > 0};
}

void made_staging(
	struct made_fleet *f, size_t host, const char *path, uint64_t bytes, int64_t written)
{
	*VEC_PUSH(&f->hosts[host].staging) =
		(struct status_version){.path = path, .bytes = bytes, .written = written};
}

void made_config(struct made_fleet *f, size_t host, const char *model, const char *version)
{
	*VEC_PUSH(&f->hosts[host].named) = (struct status_named){
		.model = model, .version = version, .known = STATUS_BY_CONFIG};
}

void made_report(struct made_fleet *f, size_t host, const char *model, const char *version)
{
	struct report *r = reports_of(&f->reports, f->hosts[host].name);

	report_may_run(r, model, version);
	f->hosts[host].reported = r;
}

void made_service(struct made_fleet *f, size_t host, const char *name, const char *active,
	const char *sub)
{
	*VEC_PUSH(&f->hosts[host].services) = (struct status_service){.name = name,
		.active = active,
		.sub = sub,
		.healthy = strcmp(active, "active") == 0};
}

void made_transaction(struct made_fleet *f, size_t host, const char *state, const char *outcome,
	int64_t created)
{
	*VEC_PUSH(&f->hosts[host].transactions) = (struct status_transaction){
		.id = arena_printf(&f->arena, "run-%zu-%lld", host, (long long)created),
		.state = state,
		.title = "deploy-models",
		.outcome = outcome,
		.created = created};
}

void made_away(struct made_fleet *f, size_t host, enum err_code code, const char *why)
{
	f->hosts[host].reached = false;
	err_set(&f->hosts[host].err, code, "%s", why);
}

void made_fine(struct made_fleet *f, size_t host)
{
	made_model(f, host, "face", "2026-02-02", SYNC_CURRENT);
	made_there(f, host, "face/2026-02-02", 1000000);
	made_config(f, host, "face", "2026-02-02");
	made_service(f, host, "sentinel", "active", "running");
}

void made_settle(struct made_fleet *f)
{
	for (size_t i = 0; i < f->status.count; i++)
		status_settle(&f->hosts[i]);
}

char *made_page(const struct made_fleet *f, bool all)
{
	struct strbuf out = STRBUF_INIT;
	const struct status_page page = {.all = all, .width = 80, .now = NOW};

	cli_set_color("never");
	status_add_page(&f->status, &page, &out);
	return strbuf_detach(&out, NULL);
}

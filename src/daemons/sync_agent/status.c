/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/sync_agent/status.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "http/client.h"
#include "value/json.h"

int status_init(struct status *s, struct err *err)
{
	*s = (struct status){.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	pthread_mutex_init(&s->lock, NULL);
	return s->wake < 0 ? err_sys(err, "eventfd") : 0;
}

void status_release(struct status *s)
{
	char *const texts[] = {s->device, s->uri, s->alias, s->last_sync, s->models, s->blocked,
		s->config_error, s->last_error, s->token, s->secret};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		free(texts[i]);
	fd_close(&s->wake);
	pthread_mutex_destroy(&s->lock);
}

/* ---- what cycles tell ---- */

static void set(char **text, const char *to)
{
	char *copy = xstrdup(to);

	free(*text);
	*text = copy;
}

void status_configure(struct status *s, const struct agent_config *config, const char *device)
{
	AUTO(strbuf_release) struct strbuf uri = STRBUF_INIT;

	if (strchr(config->mlflow_uri, '@')) /* a password, it may be */
		http_url_for_people(config->mlflow_uri, &uri);
	else
		strbuf_addstr(&uri, config->mlflow_uri);
	pthread_mutex_lock(&s->lock);
	set(&s->device, device);
	set(&s->uri, uri.data);
	set(&s->alias, config->alias);
	set(&s->token, config->status_token);
	set(&s->secret, config->webhook_secret);
	set(&s->config_error, NULL);
	pthread_mutex_unlock(&s->lock);
}

void status_refuse_config(struct status *s, const char *why)
{
	pthread_mutex_lock(&s->lock);
	set(&s->config_error, why);
	pthread_mutex_unlock(&s->lock);
}

static struct value *blocked_value(struct arena *a, const struct state *state)
{
	struct value *all = value_new_dict(a);

	for (size_t i = 0; i < state->blocked.count; i++) {
		const struct block *b = &state->blocked.items[i];
		struct value *one = value_new_dict(a);
		value_dict_set(a, one, "version", value_new_string(a, b->version));
		value_dict_set(a, one, "reason", value_new_string(a, b->reason));
		value_dict_set(a, all, b->file, one);
	}
	return all;
}

static void set_json(char **text, const struct value *v)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	if (json_write(v, NULL, &out, NULL) == 0)
		set(text, out.data);
}

void status_show(struct status *s, const struct manifest *manifest, const struct state *state)
{
	AUTO(arena_release) struct arena a = {0};

	pthread_mutex_lock(&s->lock);
	set(&s->last_sync, manifest->last_sync);
	set_json(&s->models, manifest_models(&a, manifest));
	set_json(&s->blocked, blocked_value(&a, state));
	pthread_mutex_unlock(&s->lock);
}

void status_end_cycle(struct status *s, bool connected, const char *error)
{
	pthread_mutex_lock(&s->lock);
	set(&s->last_error, error);
	s->connected = connected;
	s->last_cycle = time(NULL);
	s->counters.cycles++;
	s->counters.failed_cycles += error != NULL;
	pthread_mutex_unlock(&s->lock);
}

void status_count(struct status *s, const struct status_counters *more)
{
	pthread_mutex_lock(&s->lock);
	s->counters.updates += more->updates;
	s->counters.reverts += more->reverts;
	s->counters.bytes += more->bytes;
	pthread_mutex_unlock(&s->lock);
}

bool status_is_new_delivery(struct status *s, const char *signature)
{
	bool known = false;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < STATUS_DELIVERIES && !known; i++)
		known = strcmp(s->deliveries.signatures[i], signature) == 0;
	if (!known) {
		snprintf(s->deliveries.signatures[s->deliveries.next], STATUS_SIGNATURE_LEN,
			"%s", signature);
		s->deliveries.next = (s->deliveries.next + 1) % STATUS_DELIVERIES;
	}
	pthread_mutex_unlock(&s->lock);
	return !known;
}

void status_wake(struct status *s)
{
	const uint64_t one = 1;

	(void)!write(s->wake, &one, sizeof(one));
}

/* ---- what others read ---- */

static void add_text(struct strbuf *out, const char *name, const char *text)
{
	strbuf_addf(out, "  \"%s\": ", name);
	if (text)
		strbuf_addjson(out, text, strlen(text));
	else
		strbuf_addstr(out, "null");
	strbuf_addstr(out, ",\n");
}

void status_json(struct status *s, struct strbuf *out)
{
	char now[32];

	clock_rfc3339(time(NULL), now);
	pthread_mutex_lock(&s->lock);
	strbuf_addstr(out, "{\n");
	add_text(out, "device_id", s->device);
	add_text(out, "mlflow_uri", s->uri);
	strbuf_addf(out, "  \"mlflow_connected\": %s,\n", s->connected ? "true" : "false");
	add_text(out, "alias", s->alias);
	add_text(out, "last_sync", s->last_sync);
	strbuf_addf(out, "  \"models\": %s,\n", s->models ? s->models : "{}");
	strbuf_addf(out, "  \"timestamp\": \"%s\",\n", now);
	strbuf_addf(out, "  \"blocked\": %s,\n", s->blocked ? s->blocked : "{}");
	add_text(out, "config_error", s->config_error);
	strbuf_addstr(out, "  \"last_error\": ");
	if (s->last_error)
		strbuf_addjson(out, s->last_error, strlen(s->last_error));
	else
		strbuf_addstr(out, "null");
	strbuf_addstr(out, "\n}\n");
	pthread_mutex_unlock(&s->lock);
}

static void add_metric(struct strbuf *out, const char *name, const char *type, const char *help,
	uint64_t value)
{
	strbuf_addf(out,
		"# HELP model_sync_%s %s\n# TYPE model_sync_%s %s\nmodel_sync_%s %" PRIu64 "\n",
		name, help, name, type, name, value);
}

void status_metrics(struct status *s, struct strbuf *out)
{
	pthread_mutex_lock(&s->lock);
	const struct status_counters *c = &s->counters;
	add_metric(out, "connected", "gauge", "Whether the last cycle reached its sources.",
		s->connected);
	add_metric(out, "config_valid", "gauge", "Whether the configuration on disk is in use.",
		s->config_error == NULL);
	add_metric(out, "last_cycle_timestamp_seconds", "gauge", "When the last cycle ended.",
		(uint64_t)s->last_cycle);
	add_metric(out, "cycles_total", "counter", "Cycles that were done.", c->cycles);
	add_metric(out, "failed_cycles_total", "counter", "Cycles in which something failed.",
		c->failed_cycles);
	add_metric(out, "updates_total", "counter", "Files that were brought into use.",
		c->updates);
	add_metric(out, "reverts_total", "counter",
		"Updates that were taken back, since the pipeline was not healthy.",
		c->reverts);
	add_metric(out, "downloaded_bytes_total", "counter", "Bytes that were downloaded.",
		c->bytes);
	pthread_mutex_unlock(&s->lock);
}

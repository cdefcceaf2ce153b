/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts that come to a run after it has begun: the inventory got them from a playbook. */
#include "play/run_state.h"

static struct run_host *find(const struct run *run, const struct host *host)
{
	for (size_t i = 0; i < run->count; i++)
		if (run->hosts[i].host == host)
			return &run->hosts[i];
	return NULL;
}

/* Makes a host's place in the run, behind all others. NULL with err. */
static struct run_host *add(struct run *run, const struct host *host, struct err *err)
{
	if (run->count >= run->room) {
		err_set(err, ERR_LIMIT,
			"host %s: a run takes %d hosts more than its plays name at the start",
			host->name, RUN_MAX_NEW_HOSTS);
		return NULL;
	}
	struct run_host *h = &run->hosts[run->count];
	*h = (struct run_host){.host = host, .name = host->name, .joined = true};
	h->view = vars_view_new(run->o->vars, host);
	if (connection_read(&h->connection, h->view, run->hosts[0].connection.defaults, err) <
		0) {
		err_wrap(err, "host %s", host->name);
		vars_view_free(h->view);
		return NULL;
	}
	h->runner = runner_new(run, h);
	run->count++;
	return h;
}

int run_admit(struct run *run, const struct host *host, struct run_host **out, struct err *err)
{
	*out = find(run, host);
	if (*out || run->count == 0 || run->room == 0)
		return 0;
	*out = add(run, host, err);
	return *out ? 0 : -1;
}

void run_part(struct run *run)
{
	for (size_t i = 0; i < run->count; i++)
		if (run->hosts[i].joined)
			vars_view_free(STEAL(run->hosts[i].view));
}

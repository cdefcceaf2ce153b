/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which transport. Asked for by name, it is that one or none. Otherwise libssh2 is tried
 * first, because it costs no process and a third of the time; what it cannot do (jumps,
 * certificates, newer algorithms) the ssh program can, and then this is remembered.
 */
#include "link/private.h"

#include "base/log.h"

/* Forgets a transport that did not do. */
static void drop_transport(struct link *link)
{
	if (link->transport)
		link->transport->ops->close(link->transport, 0);
	link->transport = NULL;
}

/* Starts the helper over the transport that is connected. */
static int start_helper(struct link *link, deadline until, struct err *err)
{
	struct bootstrap b = {
		.transport = link->transport,
		.options = &link->options,
		.cancel = link->cancel,
		.memory = &link->memory,
	};
	int failed = bootstrap_run(&b, until, err);

	link->pump = b.pump;
	link->installed = b.installed;
	link->helper_file = b.file ? arena_strdup(&link->arena, b.file) : NULL;
	bootstrap_release(&b);
	return failed;
}

/* Connects by one transport and starts the helper; sets `fall_back` as the transport does. */
static int connect_by(struct link *link, const struct transport_ops *ops, bool *fall_back,
	deadline until, struct err *err)
{
	struct transport_target target = {
		.options = &link->options,
		.settings = ops->kind == LINK_LOCAL ? NULL : &link->settings,
		.cancel = link->cancel,
	};
	int failed = ops->connect(&link->transport, &target, until, err);

	*fall_back = target.fall_back;
	if (failed)
		return -1;
	link->connect_ns = clock_ns() - link->opened_ns;
	if (start_helper(link, until, err) == 0)
		return 0;
	drop_transport(link);
	return -1;
}

/* libssh2 first, the ssh program for what it cannot do. */
static int connect_auto(struct link *link, deadline until, struct err *err)
{
	bool fall_back = false;
	struct err first = {0};

	if (link->settings.needs_program || link->memory.needs_program)
		return connect_by(link, &transport_ssh, &fall_back, until, err);
	if (connect_by(link, &transport_libssh2, &fall_back, until, &first) == 0)
		return 0;
	if (!fall_back)
		return err_set(err, first.code, "%s", first.text);
	log_debug("%s: libssh2 cannot: %s; trying the ssh program", link->options.name,
		first.text);
	if (connect_by(link, &transport_ssh, &fall_back, until, err) == 0) {
		host_memory_set_program(&link->memory, true);
		return 0;
	}
	if (err->code == ERR_NOTFOUND)
		return err_set(err, first.code,
			"%s; the ssh program may do better: install openssh-client",
			first.text);
	return -1;
}

static int connect_local(struct link *link, deadline until, struct err *err)
{
	bool fall_back;

	host_memory_load(&link->memory, link->options.cache_dir, "local");
	return connect_by(link, &transport_local, &fall_back, until, err);
}

int link_connect(struct link *link, deadline until, struct err *err)
{
	bool fall_back;

	if (link->options.transport == LINK_LOCAL)
		return connect_local(link, until, err);
	if (ssh_settings_load(&link->settings, &link->options, until, link->cancel, err) < 0)
		return -1;
	autofree char *key = xasprintf(
		"%s@%s:%u", link->settings.user, link->settings.host, link->settings.port);
	host_memory_load(&link->memory, link->options.cache_dir, key);
	switch (link->options.transport) {
	case LINK_SSH: return connect_by(link, &transport_ssh, &fall_back, until, err);
	case LINK_LIBSSH2: return connect_by(link, &transport_libssh2, &fall_back, until, err);
	default: return connect_auto(link, until, err);
	}
}

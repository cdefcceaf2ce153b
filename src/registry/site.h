/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resolution of a site: fills resolution_compute's input from an inventory and its variables,
 * finds the store and opens it.
 *
 * Where the store is: `primary_datasink` names the host that keeps it, and that host's
 * `sentinelcam_model_registry` is its directory. A host with `ansible_connection: local`, one
 * without a connection that has this machine's name (and its address, where the inventory gives
 * one), or no primary_datasink at all, means this machine.
 */
#ifndef REGISTRY_SITE_H
#define REGISTRY_SITE_H

#include "base/diag.h"
#include "base/err.h"
#include "inventory/inventory.h"
#include "inventory/secrets.h"
#include "registry/resolve.h"
#include "vars/vars.h"

/*
 * Opens a store on another host. `view` is that host's and lives until registry_site_release.
 * Returns NULL with err.
 */
typedef struct store *(*store_opener)(void *arg, const struct host *primary,
	struct vars_view *view, const char *root, struct err *err);

struct registry_site_options {
	const struct inventory *inventory;
	const struct vars_site *vars;
	const struct secrets *secrets; /* for files that are encrypted whole; may be NULL */
	const struct host_list *hosts; /* whom to resolve */
	const char *models;            /* --models: names between commas; NULL: all */
	const char *tags;              /* --tags, likewise */
	bool without_store;            /* versions are not looked up */
	store_opener open_remote;      /* NULL: versions of such a store are not looked up */
	void *open_remote_arg;
	struct store *store; /* that the caller has open already; stays the caller's */
	const struct resolve_suppose *suppose; /* NULL: as the variables say */
};

struct registry_site {
	struct resolution resolution; /* without errors, hosts[i] is the options' hosts[i] */
	struct vars_view **views;     /* one a host, by the same index; they know model_versions
					 and model_paths of their host */
	size_t view_count;
	struct store *store; /* NULL when it was not opened */
	bool store_is_lent;  /* it is the options' */
	const struct host
		*primary; /* the other host that keeps the store; NULL: this machine */
	struct vars_view *store_view; /* of the host that keeps the store */
	char *root; /* the store's directory on its host; NULL after an error */
};

/*
 * Resolves the hosts. Findings are appended to d. Returns 0; or -1 when there are errors among
 * them, or with err for what is no finding about the site (interrupt). Released in either case.
 */
int registry_site_resolve(struct registry_site *s, const struct registry_site_options *o,
	struct diags *d, struct err *err);
/* Closes the store and frees everything, views included. */
void registry_site_release(struct registry_site *s);

#endif

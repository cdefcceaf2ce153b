/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The site that a registry belongs to, read as the commands read it: which versions are current
 * by model_registry.yaml, and where the store is. Internal to truth.c and its parts.
 */
#ifndef REGISTRYD_TRUTH_SITE_H
#define REGISTRYD_TRUTH_SITE_H

#include <sys/stat.h>

#include "inventory/pattern.h"
#include "registry/site.h"

/* A file that the site was read from, as it was then. */
struct truth_stamp {
	char *path;
	struct stat st; /* all-zero: it was not there */
};

struct truth_site {
	struct arena arena;
	struct config config;
	struct secrets secrets;
	struct inventory inventory;
	struct vars_site *vars;
	struct host_list hosts;
	struct registry_site registry;
	struct {
		struct truth_stamp *items;
		size_t count, cap;
	} stamps;
};

/*
 * Reads the site of an inventory (NULL: that of ansible.cfg). ERR_INPUT with the first of what
 * is wrong, ERR_UNSUPPORTED where the store lies on another host. Released in either case.
 */
int truth_site_load(struct truth_site *site, const char *inventory, struct err *err);
/* What it says of a model, or NULL. */
const struct model *truth_site_model(const struct truth_site *site, const char *name);
/* True if a file that says which versions are current is not as it was when it was read. */
bool truth_site_changed(const struct truth_site *site);
/* Frees all; empty afterwards. */
void truth_site_release(struct truth_site *site);

#endif

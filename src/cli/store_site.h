/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The site for commands that work on the store: where it is, and what the registries say. No
 * version is looked up. Internal to cli/.
 */
#ifndef CLI_STORE_SITE_H
#define CLI_STORE_SITE_H

#include "cli/engine.h"

/*
 * Resolves a site that the engine has loaded; findings are printed. `location` gets the store's
 * name for messages. The site is released in either case.
 */
int store_site_resolve(
	struct engine *e, struct registry_site *site, struct strbuf *location, struct err *err);

#endif

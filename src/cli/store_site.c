/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/store_site.h"

int store_site_resolve(
	struct engine *e, struct registry_site *site, struct strbuf *location, struct err *err)
{
	AUTO(diags_release) struct diags d = {0};
	const struct registry_site_options o = {
		.inventory = &e->site.inventory,
		.vars = e->site.vars,
		.secrets = &e->site.secrets,
		.hosts = &e->site.hosts,
		.without_store = true,
	};

	int result = registry_site_resolve(site, &o, &d, err);
	cli_print_diags(&d);
	if (result < 0)
		return -1;
	if (site->primary)
		strbuf_addf(location, "%s:", site->primary->name);
	strbuf_addstr(location, site->root);
	return 0;
}

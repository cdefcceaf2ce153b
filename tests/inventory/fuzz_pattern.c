/* SPDX-License-Identifier: Apache-2.0 */
/* Host patterns, ranges and addresses, over a small inventory. */
#include "inventory/fuzz.h"
#include "inventory/pattern.h"

static const char sample[] =
	"lone\n[web]\nweb[1:3]\n[db]\ndb[01:05]\nweb1\n[both:children]\nweb\ndb\n";

static void check_range(const char *text)
{
	struct strlist names = {0};

	if (range_expand(text, 1000, &names, NULL) == 0 && names.count > 1000)
		abort();
	strlist_release(&names);
}

static void check_address(const char *text)
{
	AUTO(strbuf_release) struct strbuf host = STRBUF_INIT;
	int64_t port;

	if (address_split(text, true, &host, &port) && (host.len > strlen(text) || port < -1))
		abort();
}

static void check_pattern(struct fuzz_inventory *f, const char *text)
{
	struct host_list hosts = {0};

	pattern_hosts(&f->inventory, NULL, text, &hosts, &f->diags, NULL);
	if (hosts.count > f->inventory.hosts.count + 1)
		abort();
	free(hosts.items);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_inventory f;

	if (size > 256)
		return 0;
	autofree char *text = xstrndup((const char *)data, size);
	check_address(text);
	check_range(text);
	fuzz_inventory_init(&f);
	ini_read_text(&f.builder, sample, sizeof(sample) - 1, "sample", NULL);
	build_finish(&f.builder);
	check_pattern(&f, text);
	inventory_release(&f.inventory);
	diags_release(&f.diags);
	arena_release(&f.arena);
	return 0;
}

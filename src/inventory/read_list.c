/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host lists: the source is itself the inventory, "alpha,beta:2222," with at least one comma.
 * The advanced list also takes ranges.
 */
#include "base/path.h"
#include "inventory/build.h"
#include "inventory/pattern.h"

static bool list_wants(const char *source)
{
	return strchr(source, ',') && !path_exists(source);
}

static int add_hosts(
	struct builder *b, const struct strlist *names, int64_t port, struct err *err)
{
	for (size_t i = 0; i < names->count; i++)
		if (!strmap_has(&b->inventory->hosts, names->items[i]) &&
			!build_host(
				b, names->items[i], b->inventory->ungrouped, port, NULL, err))
			return -1;
	return 0;
}

static int list_read(struct builder *b, const char *source, struct err *err)
{
	AUTO(strlist_release) struct strlist words = {0};

	strlist_split(&words, source, ",");
	for (size_t i = 0; i < words.count; i++) {
		AUTO(strbuf_release) struct strbuf name = STRBUF_INIT;
		AUTO(strlist_release) struct strlist names = {0};
		int64_t port = -1;
		if (address_split(words.items[i], false, &name, &port)) {
			strlist_add(&names, name.data);
		} else {
			strlist_add(&names, words.items[i]);
			port = -1;
		}
		if (add_hosts(b, &names, port, err) < 0)
			return -1;
	}
	return 0;
}

const struct reader reader_host_list = {"host_list", list_wants, list_read};

static int advanced_read(struct builder *b, const char *source, struct err *err)
{
	AUTO(strlist_release) struct strlist words = {0};

	strlist_split(&words, source, ",");
	for (size_t i = 0; i < words.count; i++) {
		AUTO(strlist_release) struct strlist names = {0};
		int64_t port = -1;
		if (build_expand(words.items[i], &names, &port, err) < 0) {
			strlist_release(&names);
			strlist_add(&names, words.items[i]);
		}
		if (add_hosts(b, &names, port, err) < 0)
			return -1;
	}
	return 0;
}

const struct reader reader_advanced_host_list = {
	"advanced_host_list", list_wants, advanced_read};

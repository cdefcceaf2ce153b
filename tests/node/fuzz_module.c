/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments of modules from any bytes, in check mode: whatever a module makes of them, it
 * answers or refuses, changes nothing, and releases all. The first byte chooses the module
 * among those that start no programs; the rest is an item tree, in which every text that is a
 * path is moved below a directory of its own.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "node/module.h"
#include "node/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"stat", "file", "copy", "slurp"};

/* One for the process: inputs run one after the other. */
static const char *directory(void)
{
	static char path[64];

	if (!*path)
		snprintf(path, sizeof(path), "/tmp/modelfleet-fuzz-module.%d", (int)getpid());
	return path;
}

/* Texts that are absolute lose what is above the fuzzer's directory. */
static void put_text(
	struct item_writer *w, struct arena *a, const char *key, const struct item *i)
{
	const char *text = arena_strndup(a, i->text, i->len);

	if (*text == '/' || *text == '~')
		item_put_stringf(w, key, "%s/%s", directory(), path_basename(text));
	else
		item_put_string(w, key, text);
}

static void put(struct item_writer *w, struct arena *a, const struct item *i, bool keyed)
{
	const char *key = keyed ? arena_strndup(a, i->key, i->key_len) : NULL;

	switch (i->type) {
	case ITEM_NULL: item_put_null(w, key); break;
	case ITEM_FALSE:
	case ITEM_TRUE: item_put_bool(w, key, i->type == ITEM_TRUE); break;
	case ITEM_INT: item_put_int(w, key, i->integer); break;
	case ITEM_FLOAT: item_put_float(w, key, i->real); break;
	case ITEM_STRING: put_text(w, a, key, i); break;
	case ITEM_BYTES: item_put_bytes(w, key, i->text, i->len); break;
	default:
		if (i->type == ITEM_LIST)
			item_open_list(w, key);
		else
			item_open_dict(w, key);
		for (uint32_t k = 0; k < i->count; k++)
			put(w, a, &i->items[k], i->type == ITEM_DICT);
		item_close(w);
	}
}

static void request_module(struct node *n, const char *name, const struct strbuf *args)
{
	uint8_t buffer[256];
	struct msg_writer w;
	struct frame f = {.id = 1, .kind = WIRE_MODULE, .flags = FRAME_CHECK | FRAME_DIFF};

	msg_begin(&w, buffer, sizeof(buffer));
	wire_put_module(
		&w, &(struct wire_module){.name = name, .args_len = (uint32_t)args->len});
	f.data = buffer;
	f.len = w.len;
	if (node_dispatch(n, &f, NULL) < 0)
		abort();
	f = (struct frame){.id = 1,
		.kind = WIRE_DATA,
		.flags = FRAME_LAST,
		.data = (const uint8_t *)args->data,
		.len = args->len};
	node_dispatch(n, &f, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena_release) struct arena arena = {0};
	AUTO(strbuf_release) struct strbuf args = STRBUF_INIT;
	struct item_writer w;
	struct node n;

	const struct item *top = size > 0 ? item_parse(&arena, data + 1, size - 1, NULL) : NULL;
	if (!top)
		return 0;
	item_begin(&w, &args);
	for (uint32_t k = 0; k < top->count; k++)
		put(&w, &arena, &top->items[k], true);
	if (item_finish(&w, NULL) < 0 || args.len > FRAME_PAYLOAD_MAX)
		return 0;
	if (mkdir(directory(), 0700) < 0)
		abort();
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	node_init(&n, null, null);
	request_module(&n, names[data[0] % ARRAY_SIZE(names)], &args);
	node_release(&n);
	close(null);
	/* Nothing was made: the directory is empty. */
	if (rmdir(directory()) < 0)
		abort();
	return 0;
}

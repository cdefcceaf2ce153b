/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our side of templates.py: renders templates for many hosts and says how long it took.
 *
 *     template_bench TEMPLATES-DIRECTORY VARIABLES.json
 *
 * VARIABLES.json holds {"shared": {...}, "hosts": [{...}, ...]}: the variables of all hosts,
 * and those of each. On standard input stand lines "TEMPLATE OUTPUT"; each is answered by the
 * seconds of CPU time that rendering the template for all hosts took. Templates are compiled
 * once, before. Every host has a context and an arena of its own, made and released within the
 * time that is taken; its variables go the usual way, as they were written. OUTPUT gets the
 * texts, a NUL behind each; "-" is none.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fd.h"
#include "base/strmap.h"
#include "template/template.h"
#include "value/json.h"

struct bench {
	const char *directory;
	struct arena arena;
	const struct value *shared;
	const struct value *hosts;
	const struct value *host; /* the one that is being rendered for */
	struct strmap templates;
};

static const struct value *lookup(void *data, const struct value_key *name, struct err *err)
{
	const struct bench *b = data;

	const struct value_pair *pair = value_dict_seek(b->host, name);

	(void)err;
	if (!pair)
		pair = value_dict_seek(b->shared, name);
	return pair ? pair->value : NULL;
}

/* A template by name, compiled when it is met first; for the bench and for includes. */
static const struct template *load(
	void *data, const char *name, const char *parent, struct err *err)
{
	struct bench *b = data;
	const struct template *t = strmap_get(&b->templates, name);
	struct place at = {.line = 1, .column = 1};
	AUTO(strbuf_release) struct strbuf source = STRBUF_INIT;

	(void)parent;
	if (t)
		return t;
	at.file = arena_printf(&b->arena, "%s/%s", b->directory, name);
	if (file_read(at.file, TEMPLATE_MAX_SOURCE, &source, err) < 0)
		return NULL;
	t = template_compile(
		&b->arena, source.data, source.len, &at, &template_syntax_file, err);
	if (t)
		strmap_set(&b->templates, name, (void *)(uintptr_t)t);
	return t;
}

static int render_host(
	struct bench *b, const struct template *t, struct strbuf *out, struct err *err)
{
	struct arena arena = {0};
	struct template_context ctx;

	template_context_init(&ctx, &arena);
	ctx.lookup = lookup;
	ctx.load = load;
	ctx.data = b;
	int rc = template_render(&ctx, t, NULL, out, err);
	template_context_release(&ctx);
	arena_release(&arena);
	return rc;
}

static int render_all(struct bench *b, const struct template *t, FILE *file, struct err *err)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	for (size_t i = 0; i < b->hosts->count; i++) {
		b->host = b->hosts->items[i];
		strbuf_clear(&out);
		if (render_host(b, t, &out, err) < 0)
			return -1;
		if (file && fwrite(out.data, 1, out.len + 1, file) != out.len + 1)
			return err_set(err, ERR_SYSTEM, "the output cannot be written");
	}
	return 0;
}

static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int answer(struct bench *b, const char *name, const char *output, struct err *err)
{
	const struct template *t = load(b, name, NULL, err);
	FILE *file = strcmp(output, "-") == 0 ? NULL : fopen(output, "w");

	if (!t)
		return -1;
	double started = cpu_seconds();
	int rc = render_all(b, t, file, err);
	double seconds = cpu_seconds() - started;
	if (file && fclose(file) != 0)
		return err_set(err, ERR_SYSTEM, "the output cannot be written");
	printf("%.9f\n", seconds);
	fflush(stdout);
	return rc;
}

static int read_variables(struct bench *b, const char *path, struct err *err)
{
	const struct json_options options = {.max_bytes = 1u << 30, .max_nodes = 100000000};
	const struct value *all = json_read_file(&b->arena, path, &options, NULL, err);

	if (!all)
		return -1;
	b->shared = value_dict_get(all, "shared");
	b->hosts = value_dict_get(all, "hosts");
	if (!b->shared || !b->hosts || b->hosts->kind != VALUE_LIST)
		return err_set(err, ERR_INPUT, "%s: expected \"shared\" and \"hosts\"", path);
	return 0;
}

static int run(struct bench *b, const char *variables, struct err *err)
{
	char line[4096], name[2048], output[2048];

	if (read_variables(b, variables, err) < 0)
		return -1;
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "%2047s %2047s", name, output) != 2)
			return err_set(err, ERR_INPUT, "expected: TEMPLATE OUTPUT");
		if (answer(b, name, output, err) < 0)
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct bench bench = {0};
	struct err err = {0};

	if (argc != 3) {
		fprintf(stderr, "usage: template_bench TEMPLATES-DIRECTORY VARIABLES.json\n");
		return 1;
	}
	bench.directory = argv[1];
	int rc = run(&bench, argv[2], &err);
	if (rc < 0)
		fprintf(stderr, "template_bench: %s\n", err.text);
	strmap_release(&bench.templates, NULL);
	arena_release(&bench.arena);
	return rc < 0;
}

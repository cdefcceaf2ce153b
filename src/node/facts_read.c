/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How facts are read: files and directories below the root, and programs.
 */
#include <ctype.h>
#include <dirent.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "node/facts.h"

struct facts facts_begin(struct node_call *c)
{
	return (struct facts){.call = c,
		.arena = c->arena,
		.out = c->out,
		.root = "",
		.fact_path = "/etc/ansible/facts.d",
		.timeout = 60,
		.distribution = "",
		.major_version = "",
		.family = ""};
}

void facts_end(struct facts *f)
{
	if (f->warnings.count) {
		item_open_list(f->out, "warnings");
		for (size_t i = 0; i < f->warnings.count; i++)
			item_put_string(f->out, NULL, f->warnings.items[i]);
		item_close(f->out);
	}
	strlist_release(&f->warnings);
}

const char *facts_path(const struct facts *f, const char *path)
{
	return *f->root ? arena_printf(f->arena, "%s%s", f->root, path) : path;
}

const char *facts_pathf(const struct facts *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	autofree char *path = xvasprintf(fmt, ap);
	va_end(ap);
	return arena_printf(f->arena, "%s%s", f->root, path);
}

static bool is_space(char c)
{
	return isspace((unsigned char)c);
}

const char *facts_text(const struct facts *f, const char *path)
{
	AUTO(strbuf_release) struct strbuf content = STRBUF_INIT;
	const char *start;

	if (file_read(facts_path(f, path), FACTS_FILE_MAX, &content, NULL) < 0)
		return NULL;
	strbuf_rtrim(&content);
	for (start = content.data; is_space(*start);)
		start++;
	size_t n = content.len - (size_t)(start - content.data);
	return n ? arena_strndup(f->arena, start, n) : NULL;
}

const char *facts_text_or_empty(const struct facts *f, const char *path)
{
	const char *text = facts_text(f, path);

	return text ? text : "";
}

const char *facts_line(const struct facts *f, const char *path)
{
	const char *text = facts_text(f, path);

	return text ? arena_strndup(f->arena, text, strcspn(text, "\n")) : NULL;
}

const char *const *facts_names(const struct facts *f, const char *path)
{
	AUTO(strlist_release) struct strlist names = {0};
	DIR *d = opendir(facts_path(f, path));

	for (struct dirent *e; d && names.count < FACTS_NAMES_MAX && (e = readdir(d));)
		if (e->d_name[0] != '.')
			strlist_add(&names, e->d_name);
	if (d)
		closedir(d);
	strlist_sort(&names);
	const char **all = arena_array(f->arena, names.count + 1, sizeof(*all));
	for (size_t i = 0; i < names.count; i++)
		all[i] = arena_strdup(f->arena, names.items[i]);
	return all;
}

const char *facts_link(const struct facts *f, const char *path)
{
	char target[4096];
	ssize_t n = readlink(facts_path(f, path), target, sizeof(target));

	return n > 0 ? arena_strndup(f->arena, target, (size_t)n) : NULL;
}

bool facts_exists(const struct facts *f, const char *path)
{
	return path_exists(facts_path(f, path));
}

const char *facts_program(const struct facts *f, const char *name)
{
	static const char *const dirs[] = {
		"/sbin", "/usr/sbin", "/usr/local/sbin", "/bin", "/usr/bin", "/usr/local/bin"};

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		const char *path = facts_pathf(f, "%s/%s", dirs[i], name);
		if (access(path, X_OK) == 0 && !path_is_dir(path))
			return path;
	}
	return NULL;
}

int facts_run(struct facts *f, const char *const *argv, const char **out, struct err *err)
{
	static const char *const env[] = {"LC_ALL=C", "LANG=C", NULL};
	struct call_program p = {.argv = argv,
		.env = env,
		.output_max = FACTS_PROGRAM_MAX,
		.until = deadline_in(f->timeout)};
	struct err why = {0};

	*out = NULL;
	if (*f->root)
		return 0;
	int result = call_run(f->call, &p, &why);
	if (result == 0 && p.status == 0)
		*out = arena_strndup(f->arena, p.out.data, p.out.len);
	call_program_release(&p);
	if (result < 0 && why.code == ERR_UNREACHABLE)
		return err_set(err, why.code, "%s", why.text);
	return 0;
}

const char *facts_next_line(struct arena *a, const char **text)
{
	const char *line = *text;
	size_t n = strcspn(line, "\n");

	if (!*line)
		return NULL;
	*text = line + n + (line[n] == '\n');
	while (n > 0 && is_space(line[n - 1]))
		n--;
	return arena_strndup(a, line, n);
}

const char *const *facts_words(struct arena *a, const char *line)
{
	AUTO(strlist_release) struct strlist words = {0};

	strlist_split(&words, line, " \t\r\n\v\f");
	const char **all = arena_array(a, words.count + 1, sizeof(*all));
	for (size_t i = 0; i < words.count; i++)
		all[i] = arena_strdup(a, words.items[i]);
	return all;
}

const char *facts_value(const char *line, const char *key, char separator)
{
	size_t n = strlen(key);

	if (strncmp(line, key, n) != 0)
		return NULL;
	line += n;
	while (is_space(*line) && *line != separator)
		line++;
	if (*line++ != separator)
		return NULL;
	while (is_space(*line))
		line++;
	return line;
}

void facts_put(struct facts *f, const char *key, const char *text)
{
	item_put_string(f->out, key, text);
}

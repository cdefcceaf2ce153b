/* SPDX-License-Identifier: Apache-2.0 */
#include "base/diag.h"

#include "base/vec.h"

static void add(struct diags *d, enum diag_level level, const struct place *at, char *text)
{
	if (level == DIAG_ERROR)
		d->errors++;
	if (d->count >= DIAG_MAX) {
		d->dropped++;
		free(text);
		return;
	}
	*VEC_PUSH(d) = (struct diag){
		.level = level,
		.file = at ? xstrdup(at->file) : NULL,
		.line = at ? at->line : 0,
		.column = at ? at->column : 0,
		.text = text,
	};
}

void diag_error(struct diags *d, const struct place *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, DIAG_ERROR, at, xvasprintf(fmt, ap));
	va_end(ap);
}

void diag_warning(struct diags *d, const struct place *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, DIAG_WARNING, at, xvasprintf(fmt, ap));
	va_end(ap);
}

void place_format(const struct place *at, struct strbuf *out)
{
	if (!at || !at->file)
		return;
	strbuf_addf(out, "%s:", at->file);
	if (at->line)
		strbuf_addf(out, "%u:", at->line);
	if (at->line && at->column)
		strbuf_addf(out, "%u:", at->column);
	strbuf_addch(out, ' ');
}

int place_vfail(const struct place *at, struct err *err, enum err_code code, const char *fmt,
	va_list ap)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	place_format(at, &text);
	strbuf_vaddf(&text, fmt, ap);
	return err_set(err, code, "%s", text.data);
}

int place_fail(
	const struct place *at, struct err *err, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	place_vfail(at, err, code, fmt, ap);
	va_end(ap);
	return -1;
}

void diag_format(const struct diag *d, struct strbuf *out)
{
	place_format(
		&(struct place){.file = d->file, .line = d->line, .column = d->column}, out);
	strbuf_addf(out, "%s: %s\n", d->level == DIAG_ERROR ? "error" : "warning", d->text);
}

void diags_release(struct diags *d)
{
	for (size_t i = 0; i < d->count; i++) {
		free(d->items[i].file);
		free(d->items[i].text);
	}
	free(d->items);
	*d = (struct diags){0};
}

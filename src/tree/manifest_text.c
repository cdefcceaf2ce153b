/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The serialised form of a manifest. The parser accepts exactly what the writer writes, so
 * that one manifest has one form.
 */
#include <stdio.h>
#include <string.h>

#include "base/vec.h"
#include "tree/manifest.h"
#include "tree/manifest_rules.h"

#define HEAD "modelfleet-manifest 1 xxh3-128 sha256\n"

static void write_entry(const struct manifest_entry *e, struct strbuf *out)
{
	char hash[2 * TREE_HASH_SIZE + 1] = "-";

	if (e->kind == MANIFEST_FILE)
		hex_encode(e->hash, TREE_HASH_SIZE, hash);
	strbuf_addf(out, "%c %04o %llu %lld.%09u %s %s%s%s ", manifest_kind_letter(e->kind),
		e->mode, (unsigned long long)e->size, (long long)e->mtime_s, e->mtime_ns, hash,
		e->flags ? "" : "-", e->flags & MANIFEST_INITIAL_ONLY ? "i" : "",
		e->flags & MANIFEST_IMMUTABLE ? "h" : "");
	strbuf_add(out, e->path, strlen(e->path) + 1);
	if (e->target)
		strbuf_add(out, e->target, strlen(e->target) + 1);
	strbuf_addch(out, '\n');
}

void manifest_write(const struct manifest *m, struct strbuf *out)
{
	strbuf_addstr(out, HEAD);
	for (size_t i = 0; i < m->count; i++)
		write_entry(&m->entries[i], out);
	strbuf_addf(out, "end %zu ", m->count);
	strbuf_addhex(out, m->digest, sizeof(m->digest));
	strbuf_addch(out, '\n');
}

/* A reader over the text: every take either moves on or marks the text as bad. */
struct text {
	const char *at;
	const char *end;
	bool bad;
};

/* Takes a field up to its separator, copied NUL-terminated; false when it does not fit. */
static bool take_field(struct text *t, char separator, char *out, size_t cap)
{
	size_t left = (size_t)(t->end - t->at);
	const char *stop = t->bad ? NULL : memchr(t->at, separator, left);

	if (!stop || (size_t)(stop - t->at) >= cap ||
		memchr(t->at, '\0', (size_t)(stop - t->at))) {
		t->bad = true;
		*out = '\0';
		return false;
	}
	memcpy(out, t->at, (size_t)(stop - t->at));
	out[stop - t->at] = '\0';
	t->at = stop + 1;
	return true;
}

/* Takes a string that a NUL ends; it stays where it is. */
static const char *take_string(struct text *t)
{
	size_t left = (size_t)(t->end - t->at);
	const char *start = t->at;
	const char *stop = t->bad ? NULL : memchr(start, '\0', left);

	if (!stop) {
		t->bad = true;
		return "";
	}
	t->at = stop + 1;
	return start;
}

/* A decimal number as the writer prints it: no sign but '-', no leading zeros. */
static int64_t take_number(struct text *t, char separator, int64_t min)
{
	char field[24], again[24];
	int64_t value = 0;

	if (!take_field(t, separator, field, sizeof(field)))
		return 0;
	if (!parse_int(field, min, INT64_MAX, &value))
		t->bad = true;
	snprintf(again, sizeof(again), "%lld", (long long)value);
	t->bad |= strcmp(field, again) != 0;
	return value;
}

/* Digits of a fixed width in a base. */
static unsigned take_digits(struct text *t, char separator, unsigned base, size_t width)
{
	char field[16];
	unsigned value = 0;

	if (!take_field(t, separator, field, sizeof(field)) || strlen(field) != width) {
		t->bad = true;
		return 0;
	}
	for (const char *p = field; *p; p++) {
		if (*p < '0' || *p >= (char)('0' + base))
			t->bad = true;
		value = value * base + (unsigned)(*p - '0');
	}
	return t->bad ? 0 : value;
}

static void take_hash(struct text *t, struct manifest_entry *e)
{
	char field[2 * TREE_HASH_SIZE + 1], again[2 * TREE_HASH_SIZE + 1];

	if (!take_field(t, ' ', field, sizeof(field)))
		return;
	if (e->kind != MANIFEST_FILE) {
		t->bad |= strcmp(field, "-") != 0;
		return;
	}
	if (strlen(field) != 2 * TREE_HASH_SIZE || !parse_hex(field, e->hash, TREE_HASH_SIZE)) {
		t->bad = true;
		return;
	}
	hex_encode(e->hash, TREE_HASH_SIZE, again);
	t->bad |= strcmp(field, again) != 0;
}

static void take_flags(struct text *t, struct manifest_entry *e)
{
	static const char *const names[] = {"-", "i", "h", "ih"};
	char field[4];

	if (!take_field(t, ' ', field, sizeof(field)))
		return;
	for (uint8_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(field, names[i]) == 0) {
			e->flags = i;
			return;
		}
	}
	t->bad = true;
}

static void take_kind(struct text *t, struct manifest_entry *e)
{
	char field[2];

	if (!take_field(t, ' ', field, sizeof(field)) || !*field) {
		t->bad = true;
		return;
	}
	const char *letter = strchr("fdl", *field);
	if (letter)
		e->kind = (uint8_t)(letter - strchr("fdl", 'f'));
	else
		t->bad = true;
}

/* Takes one entry's line. */
static void take_entry(struct text *t, struct manifest_entry *e)
{
	*e = (struct manifest_entry){0};
	take_kind(t, e);
	e->mode = (uint16_t)take_digits(t, ' ', 8, 4);
	e->size = (uint64_t)take_number(t, ' ', 0);
	e->mtime_s = take_number(t, '.', INT64_MIN);
	e->mtime_ns = take_digits(t, ' ', 10, 9);
	take_hash(t, e);
	take_flags(t, e);
	e->path = take_string(t);
	if (e->kind == MANIFEST_LINK)
		e->target = take_string(t);
	if (!t->bad && (t->at == t->end || *t->at++ != '\n'))
		t->bad = true;
}

/* Takes the last line and compares it with what was read. */
static int take_end(struct text *t, struct manifest *m, struct err *err)
{
	char word[4], digest[2 * TREE_SHA256_SIZE + 1], ours[2 * TREE_SHA256_SIZE + 1];

	take_field(t, ' ', word, sizeof(word));
	int64_t count = take_number(t, ' ', 0);
	take_field(t, '\n', digest, sizeof(digest));
	if (t->bad || t->at != t->end || (uint64_t)count != m->count)
		return err_set(err, ERR_INPUT, "manifest: its last line is damaged");
	hex_encode(m->digest, TREE_SHA256_SIZE, ours);
	if (strcmp(digest, ours) != 0)
		return err_set(
			err, ERR_INTEGRITY, "manifest: its digest is not that of its content");
	return 0;
}

static int parse(struct manifest *m, struct text *t, struct err *err)
{
	while (t->end - t->at < 4 || memcmp(t->at, "end ", 4) != 0) {
		struct manifest_entry e;
		take_entry(t, &e);
		if (t->bad)
			return err_set(err, ERR_INPUT, "manifest: entry %zu is malformed",
				m->count + 1);
		if (m->count >= MANIFEST_ENTRIES_MAX)
			return err_set(err, ERR_LIMIT, "manifest: more than %d entries",
				MANIFEST_ENTRIES_MAX);
		if (m->count > 0 && strcmp(m->entries[m->count - 1].path, e.path) >= 0)
			return err_set(err, ERR_INPUT,
				"manifest: '%s' is not in order, or occurs twice", e.path);
		manifest_add(m, &e);
	}
	if (manifest_finish(m, err) < 0)
		return -1;
	return take_end(t, m, err);
}

int manifest_parse(struct manifest *m, const void *data, size_t n, struct err *err)
{
	struct text t = {.at = data, .end = (const char *)data + n};

	*m = (struct manifest){0};
	if (n > MANIFEST_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "a manifest of %zu bytes; at most %u", n,
			MANIFEST_BYTES_MAX);
	if (n < strlen(HEAD) || memcmp(data, HEAD, strlen(HEAD)) != 0)
		return err_set(err, ERR_INPUT, "this is no manifest of version 1");
	t.at += strlen(HEAD);
	if (parse(m, &t, err) == 0)
		return 0;
	manifest_release(m);
	return -1;
}

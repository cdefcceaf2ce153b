/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages of ListObjectsV2. They are XML of a plain kind (no attribute that matters, no CDATA,
 * and keys percent-encoded), so that looking for the elements is enough: an element's text ends
 * at its end tag, and anything that is not as S3 writes it is refused.
 */
#include "base/vec.h"
#include "http/s3_private.h"

#define TEXT_MAX 8192u /* bytes of one element's text */

static struct s3_span find(struct s3_span in, const char *what)
{
	const char *at = memmem(in.at, in.n, what, strlen(what));

	return at ? (struct s3_span){at, in.n - (size_t)(at - in.at)} : (struct s3_span){0};
}

bool s3_element(struct s3_span in, const char *name, struct s3_span *text, struct s3_span *rest)
{
	char open[64], close[64];

	snprintf(open, sizeof(open), "<%s>", name);
	snprintf(close, sizeof(close), "</%s>", name);
	struct s3_span from = find(in, open);
	if (!from.at)
		return false;
	from.at += strlen(open);
	from.n -= strlen(open);
	struct s3_span to = find(from, close);
	if (!to.at)
		return false;
	*text = (struct s3_span){from.at, (size_t)(to.at - from.at)};
	*rest = (struct s3_span){to.at + strlen(close), to.n - strlen(close)};
	return true;
}

bool s3_add_text(struct s3_span text, struct strbuf *out)
{
	static const struct {
		const char *name;
		char c;
	} entities[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'},
		{"&apos;", '\''}, {"&#34;", '"'}, {"&#39;", '\''}, {"&#38;", '&'},
		{"&#43;", '+'}, {"&#61;", '='}};

	if (text.n > TEXT_MAX)
		return false;
	for (size_t at = 0; at < text.n;) {
		size_t i = 0;
		if (text.at[at] != '&') {
			strbuf_addch(out, text.at[at++]);
			continue;
		}
		while (i < ARRAY_SIZE(entities) &&
			(strlen(entities[i].name) > text.n - at ||
				memcmp(entities[i].name, text.at + at,
					strlen(entities[i].name)) != 0))
			i++;
		if (i == ARRAY_SIZE(entities))
			return false;
		strbuf_addch(out, entities[i].c);
		at += strlen(entities[i].name);
	}
	return true;
}

bool s3_decode(const struct strbuf *text, struct strbuf *out)
{
	for (size_t at = 0; at < text->len; at++) {
		char c = text->data[at], hex[3] = "";
		if (c == '%') {
			if (text->len - at < 3)
				return false;
			memcpy(hex, text->data + at + 1, 2);
			if (!parse_hex(hex, &c, 1))
				return false;
			at += 2;
		} else if (c == '+') {
			c = ' ';
		}
		if (!c)
			return false;
		strbuf_addch(out, c);
	}
	return true;
}

static int wrong(const char *what, struct err *err)
{
	return err_set(err, ERR_PROTOCOL, "the store's list of objects is none: %s", what);
}

static int read_object(struct s3_span object, struct s3_list *list, struct err *err)
{
	AUTO(strbuf_release) struct strbuf encoded = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf key = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf digits = STRBUF_INIT;
	struct s3_span text, rest;
	int64_t size;

	if (!s3_element(object, "Key", &text, &rest) || !s3_add_text(text, &encoded) ||
		!s3_decode(&encoded, &key) || !key.len)
		return wrong("an object has no key", err);
	if (!s3_element(object, "Size", &text, &rest) || !s3_add_text(text, &digits) ||
		!parse_int(digits.data, 0, INT64_MAX, &size))
		return wrong("an object has no size", err);
	if (list->count == S3_OBJECTS_MAX)
		return err_set(
			err, ERR_LIMIT, "the store lists more than %u objects", S3_OBJECTS_MAX);
	*VEC_PUSH(list) =
		(struct s3_item){.key = strbuf_detach(&key, NULL), .size = (uint64_t)size};
	return 0;
}

int s3_list_read(
	const char *text, size_t n, struct s3_list *list, struct strbuf *more, struct err *err)
{
	struct s3_span all = {text, n}, rest = all, item;

	if (!find(all, "<ListBucketResult").at || !find(all, "</ListBucketResult>").at)
		return wrong("it is not what S3 answers", err);
	while (s3_element(rest, "Contents", &item, &rest))
		if (read_object(item, list, err) < 0)
			return -1;
	if (!s3_element(all, "IsTruncated", &item, &rest))
		return wrong("it does not say whether it is all", err);
	if (item.n != 4 || memcmp(item.at, "true", 4) != 0)
		return 0;
	if (!s3_element(all, "NextContinuationToken", &item, &rest) ||
		!s3_add_text(item, more) || !more->len)
		return wrong("it does not say how it goes on", err);
	return 0;
}

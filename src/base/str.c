/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>

char strbuf_empty[1];

void strbuf_init(struct strbuf *b)
{
	*b = (struct strbuf)STRBUF_INIT;
}

void strbuf_release(struct strbuf *b)
{
	if (b->cap)
		free(b->data);
	strbuf_init(b);
}

void strbuf_clear(struct strbuf *b)
{
	strbuf_truncate(b, 0);
}

void strbuf_reserve(struct strbuf *b, size_t extra)
{
	size_t need = b->len + extra + 1;

	if (need <= b->cap)
		return;
	size_t cap = b->cap ? b->cap : 64;
	while (cap < need)
		cap += cap / 2;
	b->data = xrealloc(b->cap ? b->data : NULL, cap, 1);
	b->cap = cap;
	b->data[b->len] = '\0';
}

void strbuf_addstr(struct strbuf *b, const char *s)
{
	strbuf_add(b, s, strlen(s));
}

void strbuf_addf(struct strbuf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strbuf_vaddf(b, fmt, ap);
	va_end(ap);
}

void strbuf_vaddf(struct strbuf *b, const char *fmt, va_list ap)
{
	va_list again;

	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		return;
	strbuf_reserve(b, (size_t)n);
	vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	b->len += (size_t)n;
}

void strbuf_truncate(struct strbuf *b, size_t n)
{
	b->len = n;
	if (b->cap)
		b->data[n] = '\0';
}

void strbuf_rtrim(struct strbuf *b)
{
	size_t n = b->len;

	while (n && isspace((unsigned char)b->data[n - 1]))
		n--;
	strbuf_truncate(b, n);
}

char *strbuf_detach(struct strbuf *b, size_t *len)
{
	strbuf_reserve(b, 0);
	char *s = b->data;
	if (len)
		*len = b->len;
	strbuf_init(b);
	return s;
}

void strbuf_addhex(struct strbuf *b, const void *data, size_t n)
{
	strbuf_reserve(b, 2 * n);
	hex_encode(data, n, b->data + b->len);
	b->len += 2 * n;
}

static void add_json_control(struct strbuf *b, unsigned char c)
{
	static const char letters[] = "btn?fr";

	if (c >= '\b' && c <= '\r' && c != '\v')
		strbuf_addf(b, "\\%c", letters[c - '\b']);
	else
		strbuf_addf(b, "\\u%04x", c);
}

void strbuf_addjson(struct strbuf *b, const char *s, size_t n)
{
	strbuf_addch(b, '"');
	for (size_t i = 0; i < n;) {
		unsigned char c = (unsigned char)s[i];
		size_t len = utf8_len(s + i, n - i);

		if (c == '"' || c == '\\')
			strbuf_addf(b, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			add_json_control(b, c);
		else if (len)
			strbuf_add(b, s + i, len);
		else
			strbuf_addstr(b, "\xef\xbf\xbd");
		i += len ? len : 1;
	}
	strbuf_addch(b, '"');
}

void strbuf_addshell(struct strbuf *b, const char *word)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789_@%+=:,./-";

	if (*word && word[strspn(word, safe)] == '\0') {
		strbuf_addstr(b, word);
		return;
	}
	strbuf_addch(b, '\'');
	for (; *word; word++) {
		if (*word == '\'')
			strbuf_addstr(b, "'\\''");
		else
			strbuf_addch(b, *word);
	}
	strbuf_addch(b, '\'');
}

void strbuf_addsize(struct strbuf *b, uint64_t bytes)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	double size = (double)bytes;
	size_t unit = 0;

	if (bytes < 1000) {
		strbuf_addf(b, "%" PRIu64 " B", bytes);
		return;
	}
	while (size >= 999.95 && unit + 1 < ARRAY_SIZE(units)) {
		size /= 1000;
		unit++;
	}
	strbuf_addf(b, "%.1f %s", size, units[unit]);
}

void strlist_add(struct strlist *l, const char *s)
{
	if (l->count + 2 > l->cap) {
		l->cap = l->cap ? l->cap * 2 : 8;
		l->items = xrealloc(l->items, l->cap, sizeof(*l->items));
	}
	l->items[l->count++] = xstrdup(s);
	l->items[l->count] = NULL;
}

void strlist_addf(struct strlist *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	autofree char *s = xvasprintf(fmt, ap);
	va_end(ap);
	strlist_add(l, s);
}

void strlist_split(struct strlist *l, const char *s, const char *separators)
{
	while (*s) {
		size_t n = strcspn(s, separators);
		const char *start = s;
		const char *end = s + n;

		while (start < end && isspace((unsigned char)*start))
			start++;
		while (end > start && isspace((unsigned char)end[-1]))
			end--;
		if (end > start) {
			autofree char *field = xstrndup(start, (size_t)(end - start));
			strlist_add(l, field);
		}
		s += n + (s[n] != '\0');
	}
}

bool strlist_has(const struct strlist *l, const char *s)
{
	for (size_t i = 0; i < l->count; i++) {
		if (strcmp(l->items[i], s) == 0)
			return true;
	}
	return false;
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strlist_sort(struct strlist *l)
{
	if (l->count)
		qsort(l->items, l->count, sizeof(*l->items), compare_strings);
}

void strlist_release(struct strlist *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->items[i]);
	free(l->items);
	*l = (struct strlist){0};
}

bool parse_int(const char *s, int64_t min, int64_t max, int64_t *out)
{
	char *end;

	if (!isdigit((unsigned char)s[0]) && !(s[0] == '-' && isdigit((unsigned char)s[1])))
		return false;
	errno = 0;
	intmax_t n = strtoimax(s, &end, 10);
	if (errno || *end || n < min || n > max)
		return false;
	*out = n;
	return true;
}

/* Reads digits and, behind a point, more of them; *s moves behind. False if there are none. */
static bool read_decimal(const char **s, uint64_t *whole, double *fraction)
{
	double place = 1;

	*whole = 0;
	*fraction = 0;
	if (!isdigit((unsigned char)**s))
		return false;
	for (; isdigit((unsigned char)**s); (*s)++) {
		if (__builtin_mul_overflow(*whole, 10, whole) ||
			__builtin_add_overflow(*whole, **s - '0', whole))
			return false;
	}
	if (**s != '.')
		return true;
	if (!isdigit((unsigned char)*++*s))
		return false;
	for (; isdigit((unsigned char)**s); (*s)++) {
		place /= 10;
		*fraction += place * (**s - '0');
	}
	return true;
}

/* Reads the letter of a size, "i" and "B" behind it; *s moves behind. */
static uint64_t read_unit(const char **s)
{
	static const char letters[] = "KMGT";
	const char *letter = **s ? strchr(letters, toupper((unsigned char)**s)) : NULL;
	uint64_t factor = 1;

	if (letter) {
		uint64_t base = (*s)[1] == 'i' ? 1024 : 1000;
		for (const char *l = letters; l <= letter; l++)
			factor *= base;
		*s += base == 1024 ? 2 : 1;
	}
	if (**s == 'B' || **s == 'b')
		(*s)++;
	return factor;
}

bool parse_size(const char *s, uint64_t *out)
{
	uint64_t whole, bytes;
	double fraction;

	if (!read_decimal(&s, &whole, &fraction))
		return false;
	uint64_t factor = read_unit(&s);
	if (*s || __builtin_mul_overflow(whole, factor, &bytes) || bytes > INT64_MAX)
		return false;
	*out = bytes + (uint64_t)(fraction * (double)factor + 0.5);
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool parse_hex(const char *s, void *out, size_t n)
{
	uint8_t *bytes = out;

	if (strlen(s) != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int high = hex_digit(s[2 * i]), low = hex_digit(s[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

void hex_encode(const void *data, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *bytes = data;

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * n] = '\0';
}

bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

int str_cmp0(const char *a, const char *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

/* Ranges follow RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
size_t utf8_len(const char *s, size_t n)
{
	const uint8_t *u = (const uint8_t *)s;
	size_t len;
	uint8_t low = 0x80, high = 0xbf;

	if (n == 0)
		return 0;
	if (u[0] < 0x80)
		return 1;
	if (u[0] < 0xc2 || u[0] > 0xf4)
		return 0;
	len = u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
	if (u[0] == 0xe0)
		low = 0xa0;
	else if (u[0] == 0xed)
		high = 0x9f;
	else if (u[0] == 0xf0)
		low = 0x90;
	else if (u[0] == 0xf4)
		high = 0x8f;
	if (n < len || u[1] < low || u[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	}
	return len;
}

uint32_t utf8_decode(const char *s, size_t n, size_t *len)
{
	static const uint8_t first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	size_t count = utf8_len(s, n);
	uint32_t c = (uint8_t)s[0] & first_bits[count];

	*len = count ? count : 1;
	for (size_t i = 1; i < count; i++)
		c = c << 6 | ((uint8_t)s[i] & 0x3f);
	return count ? c : 0xfffd;
}

void strbuf_addutf8(struct strbuf *b, uint32_t c)
{
	if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		c = 0xfffd;
	if (c < 0x80) {
		strbuf_addch(b, (char)c);
		return;
	}
	int rest = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
	strbuf_addch(b, (char)((0xf00u >> (rest + 1) & 0xff) | c >> (6 * rest)));
	while (rest--)
		strbuf_addch(b, (char)(0x80 | (c >> (6 * rest) & 0x3f)));
}

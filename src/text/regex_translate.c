/* SPDX-License-Identifier: Apache-2.0 */
#include "text/regex_translate.h"

int regex_fail(struct regex_translation *t, size_t from, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	autofree char *text = xvasprintf(fmt, ap);
	va_end(ap);
	err_set(t->err, ERR_INPUT, "regular expression: %s at offset %zu", text, from);
	return -1;
}

void regex_emit(struct regex_translation *t, size_t from, const char *text)
{
	size_t n = strlen(text);

	if (t->out.len + n > t->origin_cap) {
		t->origin_cap = (t->out.len + n) * 2 + 64;
		t->origin = xrealloc(t->origin, t->origin_cap, sizeof(*t->origin));
	}
	for (size_t i = 0; i < n; i++)
		t->origin[t->out.len + i] = from;
	strbuf_add(&t->out, text, n);
	t->started = true;
}

void regex_emit_literal(struct regex_translation *t, size_t from, uint32_t c)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	bool word = c >= 0x80 || c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		    (c >= 'A' && c <= 'Z');

	if (word)
		strbuf_addutf8(&text, c);
	else
		strbuf_addf(&text, "\\x{%x}", c);
	regex_emit(t, from, text.data);
}

unsigned regex_find_name(char *const *names, unsigned groups, const char *name, size_t len)
{
	for (unsigned i = 1; i <= groups; i++)
		if (names[i] && strlen(names[i]) == len && !memcmp(names[i], name, len))
			return i;
	return 0;
}

bool regex_is_name(const char *s, size_t n)
{
	if (!n || (s[0] >= '0' && s[0] <= '9'))
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c < 0x80 && c != '_' && !(c >= '0' && c <= '9') &&
			!((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
			return false;
	}
	return true;
}

/* The text up to a terminator, which is passed over. */
static int read_name(
	struct regex_translation *t, char terminator, const char **name, size_t *len)
{
	const char *start = t->pattern + t->at;
	const char *end = memchr(start, terminator, t->len - t->at);

	if (!end || end == start)
		return regex_fail(t, t->at,
			end ? "missing group name" : "missing %c, unterminated name",
			terminator);
	*name = start;
	*len = (size_t)(end - start);
	t->at += *len + 1;
	return 0;
}

/* The number of a group that may be referred to: known, and closed already. */
static int check_reference(struct regex_translation *t, size_t from, unsigned group)
{
	if (!group || group > t->groups)
		return regex_fail(t, from, "unknown group");
	if (t->open[group])
		return regex_fail(t, from, "cannot refer to an open group");
	return 0;
}

static int emit_reference(struct regex_translation *t, size_t from, unsigned group)
{
	char text[24];

	if (check_reference(t, from, group) < 0)
		return -1;
	snprintf(text, sizeof(text), "\\g{%u}", group);
	regex_emit(t, from, text);
	t->item = ITEM_ATOM;
	return 0;
}

static bool is_digit(const struct regex_translation *t, size_t at, char highest)
{
	return at < t->len && t->pattern[at] >= '0' && t->pattern[at] <= highest;
}

/* \1 to \99 refer to groups; three octal digits, or a first 0, are a character. */
static int translate_digit(struct regex_translation *t)
{
	size_t from = t->at - 1;
	uint32_t c;

	if (t->pattern[t->at] == '0' ||
		(is_digit(t, t->at, '7') && is_digit(t, t->at + 1, '7') &&
			is_digit(t, t->at + 2, '7'))) {
		if (regex_read_octal(t, 3, &c) < 0)
			return -1;
		regex_emit_literal(t, from, c);
		t->item = ITEM_ATOM;
		return 0;
	}
	unsigned group = (unsigned)(t->pattern[t->at++] - '0');
	if (is_digit(t, t->at, '9'))
		group = group * 10 + (unsigned)(t->pattern[t->at++] - '0');
	return emit_reference(t, from, group);
}

static int translate_escape(struct regex_translation *t)
{
	size_t from = t->at - 1;
	uint32_t c;

	if (t->at == t->len)
		return regex_fail(t, from, "bad escape (end of pattern)");
	char letter = t->pattern[t->at];
	if (letter >= '0' && letter <= '9')
		return translate_digit(t);
	if (letter && strchr("AZbBdDsSwW", letter)) {
		char text[3] = {'\\', letter == 'Z' ? 'z' : letter, '\0'};

		regex_emit(t, from, text);
		t->at++;
		t->item = strchr("AZbB", letter) ? ITEM_POSITION : ITEM_ATOM;
		return 0;
	}
	if (regex_read_char_escape(t, &c) < 0)
		return -1;
	regex_emit_literal(t, from, c);
	t->item = ITEM_ATOM;
	return 0;
}

/* Reads the digits of a bound; *number is -1 when there are none. */
static int read_bound(struct regex_translation *t, size_t *at, long *number)
{
	size_t from = *at;

	for (*number = -1; is_digit(t, *at, '9'); (*at)++) {
		*number = (*number < 0 ? 0 : *number) * 10 + (t->pattern[*at] - '0');
		if (*number > 65535)
			return regex_fail(t, from, "the repetition number is too large");
	}
	return 0;
}

/* "{2}", "{2,}", "{,3}", "{2,3}"; 0 and the text if it is one, 1 if the brace is a literal. */
static int read_braces(struct regex_translation *t, char text[48])
{
	size_t at = t->at;
	long low, high;

	if (read_bound(t, &at, &low) < 0)
		return -1;
	high = low;
	bool comma = at < t->len && t->pattern[at] == ',';
	if (comma) {
		at++;
		if (read_bound(t, &at, &high) < 0)
			return -1;
	}
	if (at == t->len || t->pattern[at] != '}' || at == t->at)
		return 1;
	if (high >= 0 && high < low)
		return regex_fail(t, t->at, "min repeat greater than max repeat");
	if (high >= 0)
		snprintf(text, 48, "{%ld,%ld}", low < 0 ? 0 : low, high);
	else
		snprintf(text, 48, "{%ld,}", low < 0 ? 0 : low);
	t->at = at + 1;
	return 0;
}

static int translate_quantifier(struct regex_translation *t, char c)
{
	size_t from = t->at - 1;
	char text[48] = {c};

	if (c == '{') {
		int rc = read_braces(t, text);
		if (rc < 0)
			return -1;
		if (rc > 0) {
			regex_emit_literal(t, from, '{');
			t->item = ITEM_ATOM;
			return 0;
		}
	}
	if (t->item == ITEM_NONE || t->item == ITEM_POSITION)
		return regex_fail(t, from, "nothing to repeat");
	if (t->item == ITEM_REPEAT)
		return regex_fail(t, from, "multiple repeat");
	regex_emit(t, from, text);
	if (t->at < t->len && (t->pattern[t->at] == '?' || t->pattern[t->at] == '+')) {
		const char suffix[2] = {t->pattern[t->at], '\0'};

		regex_emit(t, t->at++, suffix);
	}
	t->item = ITEM_REPEAT;
	return 0;
}

static int push_frame(struct regex_translation *t, size_t from, unsigned group, bool verbose)
{
	if (t->depth == REGEX_MAX_NESTING)
		return regex_fail(
			t, from, "more than %d groups inside each other", REGEX_MAX_NESTING);
	t->frames[t->depth++] = (struct regex_frame){.verbose = t->verbose, .group = group};
	t->verbose = verbose;
	t->item = ITEM_NONE;
	return 0;
}

static int open_capture(struct regex_translation *t, size_t from, const char *name, size_t len)
{
	if (t->groups == REGEX_MAX_GROUPS)
		return regex_fail(t, from, "more than %d groups", REGEX_MAX_GROUPS);
	if (name && !regex_is_name(name, len))
		return regex_fail(t, from, "bad character in a group's name");
	if (name && regex_find_name(t->names, t->groups, name, len))
		return regex_fail(t, from, "redefinition of a group's name");
	t->groups++;
	t->names[t->groups] = name ? xstrndup(name, len) : NULL;
	t->open[t->groups] = true;
	regex_emit(t, from, "(");
	return push_frame(t, from, t->groups, t->verbose);
}

static unsigned flag_of(char c)
{
	static const struct {
		char letter;
		unsigned flag;
	} flags[] = {{'i', REGEX_IGNORECASE}, {'m', REGEX_MULTILINE}, {'s', REGEX_DOTALL},
		{'x', REGEX_VERBOSE}, {'a', REGEX_ASCII}, {'u', 0}};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i].letter == c)
			return flags[i].flag;
	return ~0u;
}

/* Letters of flags up to one of ) - : which is passed over and returned in *end. */
static int read_flags(struct regex_translation *t, unsigned *flags, const char *ends, char *end)
{
	for (*flags = 0; t->at < t->len; t->at++) {
		char c = t->pattern[t->at];

		if (c && strchr(ends, c)) {
			*end = c;
			t->at++;
			return 0;
		}
		if (flag_of(c) == ~0u)
			return regex_fail(t, t->at, "unknown flag");
		*flags |= flag_of(c);
	}
	return regex_fail(t, t->at, "missing one of %s behind flags", ends);
}

static void add_flag_letters(struct strbuf *out, unsigned flags)
{
	if (flags & REGEX_IGNORECASE)
		strbuf_addch(out, 'i');
	if (flags & REGEX_MULTILINE)
		strbuf_addch(out, 'm');
	if (flags & REGEX_DOTALL)
		strbuf_addch(out, 's');
}

/* "(?i)" for all of the pattern, or "(?i-s:" for a group. */
static int translate_flags(struct regex_translation *t, size_t from)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	unsigned on = 0, off = 0;
	char end = '\0';

	if (read_flags(t, &on, ")-:", &end) < 0)
		return -1;
	if (end == ')') {
		if (t->started)
			return regex_fail(t, from, "global flags not at the start");
		t->flags |= on;
		t->verbose = t->flags & REGEX_VERBOSE;
		return 0;
	}
	if (end == '-' && read_flags(t, &off, ":", &end) < 0)
		return -1;
	if ((on | off) & REGEX_ASCII)
		return err_set(t->err, ERR_UNSUPPORTED,
			"regular expression: the flag a for a group, at offset %zu; use (?a) "
			"for all",
			from);
	if (on & off)
		return regex_fail(t, from, "flag turned on and off");
	strbuf_addstr(&text, "(?");
	add_flag_letters(&text, on);
	if (off & ~(unsigned)REGEX_VERBOSE)
		strbuf_addch(&text, '-');
	add_flag_letters(&text, off);
	strbuf_addch(&text, ':');
	regex_emit(t, from, text.data);
	return push_frame(
		t, from, 0, (t->verbose || (on & REGEX_VERBOSE)) && !(off & REGEX_VERBOSE));
}

static int translate_comment(struct regex_translation *t, size_t from)
{
	const char *end = memchr(t->pattern + t->at, ')', t->len - t->at);

	if (!end)
		return regex_fail(t, from, "missing ), unterminated comment");
	t->at = (size_t)(end - t->pattern) + 1;
	return 0;
}

/* "(?P<name>" and "(?P=name)"; t->at is behind the P. */
static int translate_named(struct regex_translation *t, size_t from)
{
	char kind = t->at < t->len ? t->pattern[t->at++] : '\0';
	const char *name = NULL;
	size_t len = 0;

	if (kind != '<' && kind != '=')
		return regex_fail(t, from, "unknown extension ?P");
	if (read_name(t, kind == '<' ? '>' : ')', &name, &len) < 0)
		return -1;
	if (kind == '<')
		return open_capture(t, from, name, len);
	return emit_reference(t, from, regex_find_name(t->names, t->groups, name, len));
}

/* "(?(1)yes|no)" or with a name; t->at is behind the second parenthesis. */
static int translate_conditional(struct regex_translation *t, size_t from)
{
	const char *name = NULL;
	size_t len = 0;
	char text[32];
	int64_t group;

	if (read_name(t, ')', &name, &len) < 0)
		return -1;
	autofree char *copy = xstrndup(name, len);
	if (regex_is_name(name, len))
		group = regex_find_name(t->names, t->groups, name, len);
	else if (!parse_int(copy, 1, REGEX_MAX_GROUPS, &group))
		group = 0;
	if (!group)
		return regex_fail(t, from, "unknown group in a condition");
	snprintf(text, sizeof(text), "(?(%d)", (int)group);
	regex_emit(t, from, text);
	return push_frame(t, from, 0, t->verbose);
}

/* Groups that both languages write alike: longer beginnings first. */
static const char *const plain_groups[] = {"?<=", "?<!", "?:", "?=", "?!", "?>"};

static int translate_group(struct regex_translation *t)
{
	size_t from = t->at - 1, left = t->len - t->at;
	const char *rest = t->pattern + t->at;

	if (!left || *rest != '?')
		return open_capture(t, from, NULL, 0);
	for (size_t i = 0; i < ARRAY_SIZE(plain_groups); i++) {
		size_t n = strlen(plain_groups[i]);

		if (left < n || memcmp(rest, plain_groups[i], n) != 0)
			continue;
		regex_emit(t, from, "(");
		regex_emit(t, from, plain_groups[i]);
		t->at += n;
		return push_frame(t, from, 0, t->verbose);
	}
	if (left < 2)
		return regex_fail(t, from, "unexpected end of pattern");
	t->at += 2;
	switch (rest[1]) {
	case '#': return translate_comment(t, from);
	case 'P': return translate_named(t, from);
	case '(': return translate_conditional(t, from);
	default: break;
	}
	if (rest[1] != '-' && flag_of(rest[1]) == ~0u)
		return regex_fail(t, from, "unknown extension ?%c", rest[1]);
	t->at--;
	return translate_flags(t, from);
}

static int close_group(struct regex_translation *t)
{
	if (!t->depth)
		return regex_fail(t, t->at - 1, "unbalanced parenthesis");
	const struct regex_frame *frame = &t->frames[--t->depth];
	t->verbose = frame->verbose;
	t->open[frame->group] = false;
	regex_emit(t, t->at - 1, ")");
	t->item = ITEM_ATOM;
	return 0;
}

/* White space and comments of a verbose pattern; true if something was skipped. */
static bool skip_verbose(struct regex_translation *t, char c)
{
	if (c == '#') {
		const char *end = memchr(t->pattern + t->at, '\n', t->len - t->at);

		t->at = end ? (size_t)(end - t->pattern) + 1 : t->len;
		return true;
	}
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static int translate_literal(struct regex_translation *t)
{
	size_t from = --t->at, len;
	uint32_t c = utf8_decode(t->pattern + from, t->len - from, &len);

	regex_emit_literal(t, from, c);
	t->at += len;
	t->item = ITEM_ATOM;
	return 0;
}

static int translate_next(struct regex_translation *t)
{
	char c = t->pattern[t->at++];
	const char text[2] = {c, '\0'};

	if (t->verbose && skip_verbose(t, c))
		return 0;
	switch (c) {
	case '\\': return translate_escape(t);
	case '[': return regex_translate_set(t);
	case '(': return translate_group(t);
	case ')': return close_group(t);
	case '?':
	case '*':
	case '+':
	case '{': return translate_quantifier(t, c);
	case '.':
	case '^':
	case '$':
	case '|':
		regex_emit(t, t->at - 1, text);
		t->item = c == '.' ? ITEM_ATOM : c == '|' ? ITEM_NONE : ITEM_POSITION;
		return 0;
	default: return translate_literal(t);
	}
}

int regex_translate(struct regex_translation *t, const char *pattern, size_t len,
	unsigned flags, struct err *err)
{
	*t = (struct regex_translation){.pattern = pattern,
		.len = len,
		.flags = flags,
		.verbose = flags & REGEX_VERBOSE,
		.out = STRBUF_INIT,
		.err = err};
	if (len > REGEX_MAX_PATTERN)
		return err_set(err, ERR_LIMIT,
			"a regular expression of %zu bytes; the limit is %u", len,
			REGEX_MAX_PATTERN);
	while (t->at < t->len)
		if (translate_next(t) < 0)
			return -1;
	if (t->depth)
		return regex_fail(t, t->len, "missing ), unterminated subpattern");
	return 0;
}

void regex_translation_release(struct regex_translation *t)
{
	for (unsigned i = 1; i <= t->groups; i++)
		free(t->names[i]);
	t->groups = 0;
	free(t->origin);
	t->origin = NULL;
	strbuf_release(&t->out);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "link/known_hosts.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/vec.h"
#include "crypto/hmac.h"

#define SSH_PORT  22
#define SHA1_SIZE 20

static char *lower(const char *s)
{
	char *copy = xstrdup(s);

	for (char *c = copy; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return copy;
}

void known_hosts_init(struct known_hosts *k, const char *host, unsigned port)
{
	*k = (struct known_hosts){.host = lower(host), .port = port};
}

void known_hosts_release(struct known_hosts *k)
{
	for (size_t i = 0; i < k->count; i++) {
		free(k->items[i].type);
		free(k->items[i].blob);
		free(k->items[i].file);
	}
	free(k->items);
	free(k->host);
	diags_release(&k->warnings);
	*k = (struct known_hosts){0};
}

/* A field of a line: where it begins and how long it is. */
struct field {
	const char *at;
	size_t len;
};

/* Takes the next field off a line. */
static struct field next_field(struct field *rest)
{
	while (rest->len > 0 && (*rest->at == ' ' || *rest->at == '\t'))
		rest->at++, rest->len--;
	struct field f = {.at = rest->at};
	while (f.len < rest->len && !strchr(" \t\r", rest->at[f.len]))
		f.len++;
	rest->at += f.len;
	rest->len -= f.len;
	return f;
}

static bool field_is(struct field f, const char *text)
{
	return f.len == strlen(text) && memcmp(f.at, text, f.len) == 0;
}

/* True for "|1|salt|hash" of the name; *bad tells of a malformed one. */
static bool match_hashed(struct field hosts, const char *name, bool *bad)
{
	AUTO(strbuf_release) struct strbuf salt = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf hash = STRBUF_INIT;
	unsigned char digest[DIGEST_MAX];
	const char *begin = hosts.at + 3, *end = hosts.at + hosts.len;
	const char *bar = memchr(begin, '|', (size_t)(end - begin));

	*bad = !bar || !base64_decode(BASE64_STANDARD, begin, (size_t)(bar - begin), &salt) ||
	       !base64_decode(BASE64_STANDARD, bar + 1, (size_t)(end - bar - 1), &hash) ||
	       hash.len != SHA1_SIZE;
	if (*bad)
		return false;
	if (hmac_data(DIGEST_SHA1, salt.data, salt.len, name, strlen(name), digest, NULL) < 0)
		return false;
	return memcmp(digest, hash.data, SHA1_SIZE) == 0;
}

/* Matches * and ? only; unlike fnmatch, brackets stand for themselves. */
static bool match_wildcards(const char *pattern, size_t len, const char *name)
{
	const char *end = pattern + len, *star = NULL, *retry = NULL;

	while (*name) {
		if (pattern < end && *pattern == '*') {
			star = ++pattern;
			retry = name;
		} else if (pattern < end &&
			   (*pattern == '?' || tolower((unsigned char)*pattern) == *name)) {
			pattern++;
			name++;
		} else if (star) {
			pattern = star;
			name = ++retry;
		} else {
			return false;
		}
	}
	while (pattern < end && *pattern == '*')
		pattern++;
	return pattern == end;
}

/* True if a list of patterns names the host; a negated one that matches forbids it. */
static bool match_patterns(struct field hosts, const char *name)
{
	const char *at = hosts.at, *end = hosts.at + hosts.len;
	bool found = false;

	while (at < end) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		const char *stop = comma ? comma : end;
		bool negated = *at == '!';
		const char *pattern = at + negated;
		if (match_wildcards(pattern, (size_t)(stop - pattern), name)) {
			if (negated)
				return false;
			found = true;
		}
		at = comma ? comma + 1 : end;
	}
	return found;
}

/* Matches the host field: 1 with the port as it is, 2 without it, 0 not, -1 malformed. */
static int match_host(const struct known_hosts *k, struct field hosts)
{
	autofree char *full =
		k->port == SSH_PORT ? xstrdup(k->host) : xasprintf("[%s]:%u", k->host, k->port);
	const char *const names[] = {full, k->host};
	size_t count = k->port == SSH_PORT ? 1 : 2;

	for (size_t i = 0; i < count; i++) {
		bool bad = false;
		bool hashed = hosts.len > 3 && memcmp(hosts.at, "|1|", 3) == 0;
		bool found = hashed ? match_hashed(hosts, names[i], &bad)
				    : match_patterns(hosts, names[i]);
		if (bad)
			return -1;
		if (found)
			return (int)i + 1;
	}
	return 0;
}

/* True if a key's blob begins with the type that its line names. */
static bool blob_has_type(const struct strbuf *blob, struct field type)
{
	const unsigned char *b = (const unsigned char *)blob->data;

	if (blob->len < 4 + type.len)
		return false;
	size_t len = (size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3];
	return len == type.len && memcmp(b + 4, type.at, len) == 0;
}

/* Takes one line; returns what is wrong with it, or NULL. */
static const char *take_line(
	struct known_hosts *k, const char *file, unsigned number, struct field line)
{
	AUTO(strbuf_release) struct strbuf blob = STRBUF_INIT;
	struct field marker = {0}, hosts = next_field(&line);

	if (hosts.len == 0 || *hosts.at == '#')
		return NULL;
	if (*hosts.at == '@') {
		marker = hosts;
		hosts = next_field(&line);
	}
	struct field type = next_field(&line), key = next_field(&line);
	if (key.len == 0)
		return "expected host names, a key type and a key";
	int matched = match_host(k, hosts);
	if (matched < 0)
		return "the hashed host name is malformed";
	if (matched == 0)
		return NULL;
	if (!base64_decode(BASE64_STANDARD, key.at, key.len, &blob) ||
		!blob_has_type(&blob, type))
		return "the key is malformed";
	if (field_is(marker, "@cert-authority")) {
		k->has_authority = true;
		return NULL;
	}
	if (marker.len > 0 && !field_is(marker, "@revoked"))
		return "the marker is neither @revoked nor @cert-authority";
	*VEC_PUSH(k) = (struct known_key){
		.type = xstrndup(type.at, type.len),
		.blob = xmemdup(blob.data, blob.len),
		.len = blob.len,
		.file = xstrdup(file),
		.line = number,
		.revoked = marker.len > 0,
		.other_port = matched == 2,
	};
	return NULL;
}

void known_hosts_parse(struct known_hosts *k, const char *file, const char *text, size_t len)
{
	const char *end = text + len;
	unsigned number = 0;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline ? newline : end;
		struct field line = {.at = text, .len = (size_t)(stop - text)};
		struct place at = {.file = file, .line = ++number};
		const char *wrong = memchr(text, '\0', line.len)
					    ? "a NUL byte in a line"
					    : take_line(k, file, number, line);
		if (wrong)
			diag_warning(&k->warnings, &at, "%s; the line is skipped", wrong);
		text = newline ? newline + 1 : end;
	}
}

int known_hosts_read(struct known_hosts *k, const char *file, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err why = {0};

	if (file_read(file, KNOWN_HOSTS_MAX_BYTES, &text, &why) < 0)
		return why.code == ERR_NOTFOUND ? 0 : err_set(err, why.code, "%s", why.text);
	known_hosts_parse(k, file, text.data, text.len);
	return 0;
}

bool known_hosts_has_type(const struct known_hosts *k, const char *type)
{
	for (size_t i = 0; i < k->count; i++)
		if (!k->items[i].revoked && strcmp(k->items[i].type, type) == 0)
			return true;
	return false;
}

enum known_verdict known_hosts_check(const struct known_hosts *k, const char *type,
	const void *blob, size_t len, const struct known_key **why)
{
	enum known_verdict verdict = KNOWN_NONE;

	*why = NULL;
	for (size_t i = 0; i < k->count; i++) {
		const struct known_key *key = &k->items[i];
		bool same = key->len == len && memcmp(key->blob, blob, len) == 0;
		if (same && key->revoked) {
			*why = key;
			return KNOWN_REVOKED;
		}
		if (key->revoked || verdict == KNOWN_OK)
			continue;
		if (same) {
			verdict = KNOWN_OK;
			*why = key;
		} else if (strcmp(key->type, type) == 0 && !key->other_port) {
			verdict = KNOWN_CHANGED;
			*why = key;
		} else if (verdict == KNOWN_NONE && !key->other_port) {
			verdict = KNOWN_OTHER;
		}
	}
	return verdict;
}

/* Appends "|1|salt|hash" for a name. */
static int add_hashed_name(struct strbuf *line, const char *name, struct err *err)
{
	unsigned char salt[SHA1_SIZE], hash[DIGEST_MAX];

	if (crypto_random(salt, sizeof(salt), err) < 0 ||
		hmac_data(DIGEST_SHA1, salt, sizeof(salt), name, strlen(name), hash, err) < 0)
		return -1;
	strbuf_addstr(line, "|1|");
	base64_encode(BASE64_STANDARD, salt, sizeof(salt), line);
	strbuf_addch(line, '|');
	base64_encode(BASE64_STANDARD, hash, SHA1_SIZE, line);
	return 0;
}

/* Appends a line, on a line of its own even where the file lacks its last newline. */
static int append_line(const char *file, const struct strbuf *line, struct err *err)
{
	autofd int fd = open(file, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	char last = '\n';

	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return err_sys(err, "cannot write %s", file);
	off_t size = lseek(fd, 0, SEEK_END);
	if (size > 0 && pread(fd, &last, 1, size - 1) != 1)
		return err_sys(err, "cannot read %s", file);
	if (last != '\n' && fd_write_all(fd, "\n", 1) < 0)
		return err_sys(err, "cannot write %s", file);
	if (fd_write_all(fd, line->data, line->len) < 0)
		return err_sys(err, "cannot write %s", file);
	return 0;
}

int known_hosts_add(const char *file, const char *host, unsigned port, bool hashed,
	const char *type, const void *blob, size_t len, struct err *err)
{
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;
	autofree char *low = lower(host);
	autofree char *name = port == SSH_PORT ? xstrdup(low) : xasprintf("[%s]:%u", low, port);
	autofree char *dir = path_dirname(file);

	if (!hashed)
		strbuf_addstr(&line, name);
	else if (add_hashed_name(&line, name, err) < 0)
		return -1;
	strbuf_addf(&line, " %s ", type);
	base64_encode(BASE64_STANDARD, blob, len, &line);
	strbuf_addch(&line, '\n');
	if (path_mkdirs(dir, 0700, err) < 0)
		return -1;
	return append_line(file, &line, err);
}

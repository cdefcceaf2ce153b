/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal: one line a record, so that people can read it. A line begins with a checksum
 * of the rest; fields are separated by blanks. In a field, bytes that would not be read back
 * are %XX; an absent one is "-", an empty one "%".
 *
 *     SUM none PATH
 *     SUM file PATH MODE UID GID ATIME MTIME DEV INODE SIZE RDEV KEPT TARGET
 *     SUM service MANAGER UNIT ACTIVE ENABLED START STOP RESTART
 *     SUM note TEXT
 *
 * `link`, `directory`, `special` and `attributes` have the fields of `file`.
 */
#include "node/transaction_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/vec.h"

#define SUM_DIGITS 16
#define FIELDS_MAX 13

static const char *const kind_names[] = {[RECORD_NONE] = "none",
	[RECORD_FILE] = "file",
	[RECORD_LINK] = "link",
	[RECORD_DIRECTORY] = "directory",
	[RECORD_SPECIAL] = "special",
	[RECORD_ATTRIBUTES] = "attributes",
	[RECORD_SERVICE] = "service",
	[RECORD_NOTE] = "note"};

static void add_field(struct strbuf *b, const char *s)
{
	strbuf_addch(b, ' ');
	if (!s || !*s) {
		strbuf_addch(b, s ? '%' : '-');
		return;
	}
	bool dash = strcmp(s, "-") == 0;
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c <= ' ' || c == '%' || c == 0x7f || dash)
			strbuf_addf(b, "%%%02x", c);
		else
			strbuf_addch(b, *s);
	}
}

static void add_time(struct strbuf *b, const struct timespec *t)
{
	strbuf_addf(b, " %lld.%09ld", (long long)t->tv_sec, t->tv_nsec);
}

static void format_path(struct strbuf *b, const struct record *r)
{
	add_field(b, r->path);
	if (r->kind == RECORD_NONE)
		return;
	strbuf_addf(b, " %04o %u %u", (unsigned)r->st.st_mode, (unsigned)r->st.st_uid,
		(unsigned)r->st.st_gid);
	add_time(b, &r->st.st_atim);
	add_time(b, &r->st.st_mtim);
	strbuf_addf(b, " %llu %llu %lld %llu %u", (unsigned long long)r->st.st_dev,
		(unsigned long long)r->st.st_ino, (long long)r->st.st_size,
		(unsigned long long)r->st.st_rdev, r->kept);
	add_field(b, r->target);
}

static void format_record(struct strbuf *b, const struct record *r)
{
	const struct transaction_service *s = &r->service;

	strbuf_addstr(b, kind_names[r->kind]);
	if (r->kind == RECORD_NOTE) {
		add_field(b, r->path);
	} else if (r->kind == RECORD_SERVICE) {
		add_field(b, s->manager);
		add_field(b, s->unit);
		strbuf_addf(b, " %d %d", s->active, s->enabled);
		add_field(b, s->start);
		add_field(b, s->stop);
		add_field(b, s->restart);
	} else {
		format_path(b, r);
	}
}

int journal_append(struct transaction *t, const struct record *r, struct err *err)
{
	AUTO(strbuf_release) struct strbuf body = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;

	format_record(&body, r);
	strbuf_addf(&line, "%016" PRIx64 " %s\n", str_hash(body.data, body.len), body.data);
	if (t->records >= TRANSACTION_RECORDS_MAX ||
		t->journal_len + line.len > TRANSACTION_JOURNAL_MAX)
		return err_set(err, ERR_LIMIT,
			"transaction %s would change more than %u things", t->id,
			TRANSACTION_RECORDS_MAX);
	if (fd_write_all(t->journal_fd, line.data, line.len) < 0 ||
		fdatasync(t->journal_fd) < 0) {
		err_sys(err, "write the journal of transaction %s", t->id);
		/* What is half written must not stand in front of the next record. */
		if (ftruncate(t->journal_fd, (off_t)t->journal_len) < 0)
			err_wrap(err, "the journal is spoilt");
		return -1;
	}
	t->journal_len += line.len;
	t->records++;
	return 0;
}

/* Decodes a field in place. */
static char *decode_field(char *s)
{
	char *to = s;

	if (strcmp(s, "-") == 0)
		return NULL;
	for (char *from = s; *from;) {
		unsigned char c;
		if (*from == '%' && from[1] && from[2]) {
			char digits[3] = {from[1], from[2], '\0'};
			if (!parse_hex(digits, &c, 1))
				return s;
			*to++ = (char)c;
			from += 3;
		} else if (*from == '%') {
			from++; /* "%" alone: an empty field */
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
	return s;
}

static bool parse_time(const char *s, struct timespec *out)
{
	const char *dot = s ? strchr(s, '.') : NULL;
	int64_t seconds, nanoseconds;
	char whole[32];

	if (!dot || (size_t)(dot - s) >= sizeof(whole))
		return false;
	memcpy(whole, s, (size_t)(dot - s));
	whole[dot - s] = '\0';
	const char *digits = dot + 1;
	while (*digits == '0' && digits[1])
		digits++;
	if (!parse_int(whole, INT64_MIN, INT64_MAX, &seconds) ||
		!parse_int(digits, 0, 999999999, &nanoseconds))
		return false;
	*out = (struct timespec){.tv_sec = (time_t)seconds, .tv_nsec = (long)nanoseconds};
	return true;
}

static bool parse_unsigned(const char *s, uint64_t *out)
{
	char *end;

	if (!s || !*s || *s < '0' || *s > '9')
		return false;
	errno = 0;
	*out = strtoull(s, &end, 10);
	return errno == 0 && !*end;
}

/* The fields of a path behind its kind. */
static bool parse_path(char **f, size_t count, struct record *r)
{
	uint64_t uid, gid, dev, ino, size, rdev, kept;
	char *end;

	r->path = count > 1 ? f[1] : NULL;
	if (!r->path || *r->path != '/')
		return false;
	if (r->kind == RECORD_NONE)
		return count == 2;
	if (count != 13 || !f[2] || !parse_time(f[5], &r->st.st_atim) ||
		!parse_time(f[6], &r->st.st_mtim) || !parse_unsigned(f[3], &uid) ||
		!parse_unsigned(f[4], &gid) || !parse_unsigned(f[7], &dev) ||
		!parse_unsigned(f[8], &ino) || !parse_unsigned(f[9], &size) ||
		!parse_unsigned(f[10], &rdev) || !parse_unsigned(f[11], &kept))
		return false;
	r->st.st_mode = (mode_t)strtoul(f[2], &end, 8);
	r->st.st_uid = (uid_t)uid;
	r->st.st_gid = (gid_t)gid;
	r->st.st_dev = (dev_t)dev;
	r->st.st_ino = (ino_t)ino;
	r->st.st_size = (off_t)size;
	r->st.st_rdev = (dev_t)rdev;
	r->kept = (unsigned)kept;
	r->target = f[12];
	return !*end && (r->kind != RECORD_LINK || r->target);
}

static bool parse_service(char **f, size_t count, struct record *r)
{
	int64_t active, enabled;

	if (count != 8 || !f[1] || !f[2] || !f[3] || !f[4] || !parse_int(f[3], 0, 1, &active) ||
		!parse_int(f[4], -1, 1, &enabled))
		return false;
	r->service = (struct transaction_service){.manager = f[1],
		.unit = f[2],
		.active = active != 0,
		.enabled = (int)enabled,
		.start = f[5],
		.stop = f[6],
		.restart = f[7]};
	r->path = f[2];
	return true;
}

/* Parses a line without its newline, in place. */
static bool parse_record(char *line, struct record *r)
{
	char *f[FIELDS_MAX], *at = line;
	char sum[SUM_DIGITS + 1];
	size_t count = 0;

	if (strlen(line) <= SUM_DIGITS || line[SUM_DIGITS] != ' ')
		return false;
	at = line + SUM_DIGITS + 1;
	snprintf(sum, sizeof(sum), "%016" PRIx64, str_hash(at, strlen(at)));
	if (memcmp(sum, line, SUM_DIGITS) != 0)
		return false;
	for (char *field; (field = strsep(&at, " ")); count++) {
		if (count == FIELDS_MAX)
			return false;
		f[count] = decode_field(field);
	}
	*r = (struct record){.kind = RECORD_NONE};
	while (r->kind < ARRAY_SIZE(kind_names) && str_cmp0(f[0], kind_names[r->kind]) != 0)
		r->kind++;
	if (r->kind == ARRAY_SIZE(kind_names))
		return false;
	if (r->kind == RECORD_SERVICE)
		return parse_service(f, count, r);
	if (r->kind != RECORD_NOTE)
		return parse_path(f, count, r);
	r->path = count == 2 ? f[1] : NULL;
	return r->path != NULL;
}

int journal_read(int fd, struct records *out, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	*out = (struct records){0};
	if (file_read_at(fd, "journal", TRANSACTION_JOURNAL_MAX, &text, err) < 0)
		return -1;
	char *line = arena_strndup(&out->arena, text.data, text.len);
	const char *start = line;
	for (char *end; (end = strchr(line, '\n')); line = end + 1) {
		struct record r;
		*end = '\0';
		if (!parse_record(line, &r)) {
			out->damaged |= end[1] != '\0';
			continue;
		}
		*VEC_PUSH(out) = r;
		if (!out->damaged)
			out->good = (uint64_t)(end + 1 - start);
	}
	return 0;
}

void records_release(struct records *r)
{
	free(r->items);
	arena_release(&r->arena);
	*r = (struct records){0};
}

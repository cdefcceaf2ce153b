/* SPDX-License-Identifier: Apache-2.0 */
#include "http/download.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/vec.h"

#define ATTEMPTS    5u
#define INFO_MAX    16384u
#define PIECE       65536u
#define STRIDE      (4u << 20) /* bytes whose write-back is begun at once */
#define PAUSE_MIN   0.25       /* seconds before the second try; doubled for each further one */
#define PAUSE_MAX   8.0
#define PAUSE_ASKED 60.0 /* that a server may ask for */

struct state {
	struct http_download *d;
	char *part, *info;
	int fd;
	uint64_t have; /* bytes in the part that belong to the content */
	uint64_t most; /* that it ever was in this call */
	unsigned vain; /* attempts since then */
	deadline patience;
	uint64_t begun;  /* bytes whose write-back has begun */
	uint64_t total;  /* as the server says; 0: it did not */
	char *validator; /* what the content is called; NULL: it is not */
	bool asked;      /* for a range, so that there is a validator */
	bool taking;     /* the body is content */
	bool restarted;  /* a server refused to go on, and we began anew */
	bool changed;    /* the content has another size than its part was of */
	enum digest_kind kind;
	struct digest digest; /* of the first `have` bytes */
};

static void state_release(struct state *s)
{
	fd_close(&s->fd);
	digest_release(&s->digest);
	free(s->part);
	free(s->info);
	free(s->validator);
}

static int digest_begin(struct state *s, struct err *err)
{
	digest_release(&s->digest);
	return s->d->digest_name ? digest_init(&s->digest, s->kind, err) : 0;
}

/* Digests what lies in the part from an earlier call. */
static int digest_part(struct state *s, struct err *err)
{
	char piece[PIECE];

	if (digest_begin(s, err) < 0)
		return -1;
	for (uint64_t at = 0; s->d->digest_name && at < s->have;) {
		uint64_t left = s->have - at;
		ssize_t n =
			fd_pread_full(s->fd, piece, left < PIECE ? (size_t)left : PIECE, at);
		if (n <= 0)
			return err_sys(err, "read %s", s->part);
		digest_update(&s->digest, piece, (size_t)n);
		at += (uint64_t)n;
	}
	return 0;
}

static int start_anew(struct state *s, struct err *err)
{
	if (ftruncate(s->fd, 0) < 0)
		return err_sys(err, "truncate %s", s->part);
	unlink(s->info);
	free(STEAL(s->validator));
	s->have = s->total = 0;
	return digest_begin(s, err);
}

/* The name that stands in the info file: without secrets of the URL. */
static void write_name(const struct state *s, struct strbuf *out)
{
	http_url_for_people(s->d->request.url, out);
	strbuf_addch(out, '\n');
}

/* Reads what the part is part of; false when it is of something else, or unknown. */
static bool read_info(struct state *s)
{
	AUTO(strbuf_release) struct strbuf info = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf name = STRBUF_INIT;

	write_name(s, &name);
	if (file_read(s->info, INFO_MAX, &info, NULL) < 0 || !str_starts(info.data, name.data))
		return false;
	strbuf_rtrim(&info);
	if (info.len <= name.len)
		return false;
	const char *validator = info.data + name.len;
	size_t n = s->d->content ? strlen(s->d->content) : 0;
	if (n && (strncmp(validator, s->d->content, n) != 0 || validator[n] != ' '))
		return false;
	s->validator = xstrdup(validator);
	return true;
}

static int write_info(struct state *s, struct err *err)
{
	AUTO(strbuf_release) struct strbuf info = STRBUF_INIT;

	if (!s->validator)
		return 0;
	write_name(s, &info);
	strbuf_addf(&info, "%s\n", s->validator);
	return file_replace(s->info, info.data, info.len, 0600, err);
}

static int open_part(struct state *s, struct err *err)
{
	struct stat st;

	s->fd = open(s->part, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (s->fd < 0)
		return err_sys(err, "open %s", s->part);
	if (flock(s->fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(err, ERR_BUSY, "%s: another process downloads it", s->part);
	if (fstat(s->fd, &st) < 0)
		return err_sys(err, "stat %s", s->part);
	s->have = (uint64_t)st.st_size;
	if (s->have == 0 || !read_info(s))
		return start_anew(s, err);
	s->d->resumed_from = s->have;
	return digest_part(s, err);
}

/* "bytes 100-199/1000" or one with "*" for the first two numbers: false for anything else. */
static bool parse_range(const char *text, uint64_t *start, uint64_t *total)
{
	unsigned long long from = 0, to = 0, all = 0;
	char rest = 0;

	*start = UINT64_MAX;
	*total = 0;
	if (!text)
		return false;
	if (sscanf(text, "bytes */%llu%c", &all, &rest) == 1) {
		*total = all;
		return true;
	}
	if (sscanf(text, "bytes %llu-%llu/%llu%c", &from, &to, &all, &rest) == 3 ||
		sscanf(text, "bytes %llu-%llu/*%c", &from, &to, &rest) == 2) {
		*start = from;
		*total = all;
		return true;
	}
	return false;
}

static const char *validator_of(const struct http_response *r)
{
	const char *etag = http_header_get(r, "ETag");

	/* A weak one (W/"...") promises the same meaning, not the same bytes. */
	return etag && *etag == '"' ? etag : http_header_get(r, "Last-Modified");
}

/* The validator of a content that the caller has named: with its size. */
static char *named(const struct state *s)
{
	return xasprintf("%s %llu", s->d->content, (unsigned long long)s->total);
}

static int begin_whole(struct state *s, const struct http_response *r, struct err *err)
{
	const char *length = http_header_get(r, "Content-Length");
	const char *validator = validator_of(r);
	int64_t total = 0;

	if (start_anew(s, err) < 0)
		return -1;
	if (length && parse_int(length, 0, INT64_MAX, &total))
		s->total = (uint64_t)total;
	if (!s->d->content)
		s->validator = xstrdup(validator);
	else if (s->total)
		s->validator = named(s);
	s->taking = true;
	return write_info(s, err);
}

static int begin_rest(struct state *s, const struct http_response *r, struct err *err)
{
	uint64_t start, total;

	if (!s->asked)
		return err_set(
			err, ERR_PROTOCOL, "the server sends a range, and none was asked for");
	if (!parse_range(http_header_get(r, "Content-Range"), &start, &total) ||
		start != s->have)
		return err_set(err, ERR_PROTOCOL,
			"the server sends another range than the one from byte %llu on",
			(unsigned long long)s->have);
	s->total = total;
	if (s->d->content) {
		autofree char *name = named(s);
		s->changed = strcmp(name, s->validator) != 0;
		if (s->changed)
			return err_set(err, ERR_PROTOCOL, "the content has another size now");
	}
	s->taking = true;
	return 0;
}

/* Refuses a file that would be too large, as the server tells it or as it comes. */
static int check_limits(const struct state *s, uint64_t size, struct err *err)
{
	if (s->d->size_max && size > s->d->size_max)
		return err_set(err, ERR_LIMIT,
			"it has %llu bytes or more; at most %llu are accepted",
			(unsigned long long)size, (unsigned long long)s->d->size_max);
	if (s->d->room && size > s->d->room)
		return err_set(err, ERR_NOSPACE,
			"it has %llu bytes or more, and %s has room for %llu",
			(unsigned long long)size, s->d->path, (unsigned long long)s->d->room);
	return 0;
}

static int begin(void *data, const struct http_response *r, struct err *err)
{
	struct state *s = data;

	s->taking = false;
	if (r->status == 200 && begin_whole(s, r, err) < 0)
		return -1;
	if (r->status == 206 && begin_rest(s, r, err) < 0)
		return -1;
	return s->taking ? check_limits(s, s->total, err) : 0;
}

/*
 * Starts the write-back of what came, while more comes: the sync at the end then has little to
 * do, and a device with little memory is not full of pages that wait for its disk.
 */
static void start_writeback(struct state *s)
{
	if (s->begun > s->have)
		s->begun = 0;
	if (s->have - s->begun < STRIDE)
		return;
	sync_file_range(
		s->fd, (off_t)s->begun, (off_t)(s->have - s->begun), SYNC_FILE_RANGE_WRITE);
	s->begun = s->have;
}

static int sink(void *data, const void *bytes, size_t n, struct err *err)
{
	struct state *s = data;

	if (!s->taking)
		return 0;
	if (check_limits(s, s->have + n, err) < 0)
		return -1;
	if (fd_pwrite_all(s->fd, bytes, n, s->have) < 0)
		return err_sys(err, "write %s", s->part);
	if (s->d->digest_name)
		digest_update(&s->digest, bytes, n);
	s->have += n;
	start_writeback(s);
	if (s->d->progress)
		s->d->progress(s->d->progress_data, s->have, s->total);
	return 0;
}

static int ask(struct state *s, struct http_client *client, struct err *err)
{
	struct {
		const char **items;
		size_t count, cap;
	} headers = {0};
	struct http_request request = s->d->request;
	autofree char *range = NULL;
	autofree char *condition = NULL;

	for (const char *const *h = request.headers; h && *h; h++)
		*VEC_PUSH(&headers) = *h;
	s->asked = s->have && s->validator;
	if (s->asked) {
		range = xasprintf("Range: bytes=%llu-", (unsigned long long)s->have);
		condition = xasprintf("If-Range: %s", s->validator);
		*VEC_PUSH(&headers) = range;
		if (!s->d->content)
			*VEC_PUSH(&headers) = condition;
	}
	*VEC_PUSH(&headers) = NULL;
	request.headers = headers.items;
	request.decompress = false;
	request.body_max = 0;
	request.sink = sink;
	request.begin = begin;
	request.sink_data = s;
	s->d->tries++;
	s->taking = false;
	int rc = http_perform(client, &request, &s->d->response, err);
	free(headers.items);
	return rc;
}

/* What other statuses than 200 and 206 mean. */
static int refuse(const struct state *s, struct err *err)
{
	static const struct {
		int status;
		enum err_code code;
	} codes[] = {
		{401, ERR_DENIED}, {403, ERR_DENIED}, {404, ERR_NOTFOUND}, {410, ERR_NOTFOUND}};
	const struct http_response *r = &s->d->response;
	AUTO(strbuf_release) struct strbuf url = STRBUF_INIT;
	enum err_code code = ERR_PROTOCOL;

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (codes[i].status == r->status)
			code = codes[i].code;
	http_url_for_people(r->url, &url);
	return err_set(err, code, "%s: the server says %d %s", url.data, r->status, r->reason);
}

enum verdict { WHOLE, AGAIN, GIVEN_UP };

static bool may_pass(const struct err *err)
{
	return err->code == ERR_UNREACHABLE || err->code == ERR_TIMEOUT;
}

static bool is_busy(int status)
{
	return status == 429 || status == 500 || status == 502 || status == 503 ||
	       status == 504;
}

/* Begins from the first byte, once. */
static enum verdict begin_again(struct state *s, struct err *err)
{
	if (s->restarted || start_anew(s, err) < 0)
		return GIVEN_UP;
	s->restarted = true;
	s->changed = false;
	return AGAIN;
}

/* 416: the part is as long as the content, or of something else. */
static enum verdict judge_range(struct state *s, struct err *err)
{
	uint64_t start, total;

	if (s->asked &&
		parse_range(
			http_header_get(&s->d->response, "Content-Range"), &start, &total) &&
		total == s->have)
		return WHOLE;
	enum verdict verdict = begin_again(s, err);
	if (verdict == GIVEN_UP)
		refuse(s, err);
	return verdict;
}

static enum verdict judge(struct state *s, int rc, struct err *err)
{
	int status = s->d->response.status;

	if (rc < 0 && s->changed)
		return begin_again(s, err);
	if (rc < 0)
		return may_pass(err) && !deadline_passed(s->d->request.until
								 ? s->d->request.until
								 : DEADLINE_NEVER)
			       ? AGAIN
			       : GIVEN_UP;
	if (status == 416)
		return judge_range(s, err);
	if (status != 200 && status != 206) {
		refuse(s, err);
		return is_busy(status) ? AGAIN : GIVEN_UP;
	}
	if (!s->total || s->have == s->total)
		return WHOLE;
	err_set(err, ERR_UNREACHABLE, "%llu of %llu bytes came", (unsigned long long)s->have,
		(unsigned long long)s->total);
	return AGAIN;
}

static int check_digest(struct state *s, struct err *err)
{
	unsigned char is[DIGEST_MAX];
	char hex[DIGEST_HEX_MAX];

	if (!s->d->digest_name)
		return 0;
	digest_final(&s->digest, is);
	hex_encode(is, digest_size(s->kind), hex);
	if (strcasecmp(hex, s->d->digest_hex) == 0)
		return 0;
	unlink(s->part);
	unlink(s->info);
	return err_set(err, ERR_INTEGRITY, "what was downloaded has the %s %s; expected %s",
		s->d->digest_name, hex, s->d->digest_hex);
}

static int finish(struct state *s, struct err *err)
{
	autofree char *dir = path_dirname(s->d->path);

	if (check_digest(s, err) < 0)
		return -1;
	if (fchmod(s->fd, s->d->mode ? s->d->mode : 0644) < 0 || fsync(s->fd) < 0)
		return err_sys(err, "write %s", s->part);
	if (rename(s->part, s->d->path) < 0)
		return err_sys(err, "rename %s to %s", s->part, s->d->path);
	unlink(s->info);
	s->d->size = s->have;
	return dir_sync(dir, err);
}

/* Counts an attempt that has ended without the whole. */
static void count_attempt(struct state *s)
{
	bool further = s->d->patience > 0 && s->have > s->most;

	s->vain = further ? 0 : s->vain + 1;
	if (s->have > s->most)
		s->most = s->have;
}

static bool may_try_again(const struct state *s)
{
	unsigned attempts = s->d->attempts ? s->d->attempts : ATTEMPTS;

	return s->vain < attempts && !deadline_passed(s->patience);
}

/*
 * Waits before the next try: as the server says, else longer each time that brought nothing; a
 * part of it is luck.
 */
static int pause_before(
	const struct http_client *client, const struct state *s, struct err *err)
{
	const struct http_download *d = s->d;
	const char *said = http_header_get(&d->response, "Retry-After");
	deadline until = d->request.until ? d->request.until : DEADLINE_NEVER;
	double seconds = PAUSE_MIN;
	int64_t n;

	for (unsigned i = 1; i < s->vain && seconds < PAUSE_MAX; i++)
		seconds *= 2;
	if (said && parse_int(said, 0, (int64_t)PAUSE_ASKED, &n))
		seconds = (double)n;
	seconds *= 1 + (double)random() / (double)RAND_MAX / 2;
	return wait_until(
		deadline_min(deadline_in(seconds), until), http_client_cancel(client), err);
}

int http_download(struct http_client *client, struct http_download *d, struct err *err)
{
	AUTO(state_release)
	struct state s = {.d = d,
		.fd = -1,
		.patience = d->patience > 0 ? deadline_in(d->patience) : DEADLINE_NEVER,
		.part = xasprintf("%s.part", d->path),
		.info = xasprintf("%s.part.info", d->path)};

	d->tries = 0;
	d->resumed_from = 0;
	if (d->digest_name && !digest_by_name(d->digest_name, &s.kind))
		return err_set(err, ERR_UNSUPPORTED, "no digest is named '%s'", d->digest_name);
	if (open_part(&s, err) < 0)
		return -1;
	s.most = s.have;
	for (;;) {
		int rc = ask(&s, client, err);
		enum verdict verdict = judge(&s, rc, err);
		if (verdict == WHOLE)
			return finish(&s, err);
		count_attempt(&s);
		if (verdict == GIVEN_UP || !may_try_again(&s) ||
			pause_before(client, &s, err) < 0)
			return -1;
		if (!s.validator && start_anew(&s, err) < 0)
			return -1;
	}
}

void http_download_release(struct http_download *d)
{
	http_response_release(&d->response);
}

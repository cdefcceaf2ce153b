/* SPDX-License-Identifier: Apache-2.0 */
#include "link/agent.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/vec.h"

/* Message numbers of the protocol. */
enum {
	AGENT_REQUEST_IDENTITIES = 11,
	AGENT_IDENTITIES_ANSWER = 12,
	AGENT_SIGN_REQUEST = 13,
	AGENT_SIGN_RESPONSE = 14
};

int agent_connect(const char *path, struct err *err)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(to.sun_path))
		return err_set(err, ERR_LIMIT, "ssh agent: the path %s is too long", path);
	memcpy(to.sun_path, path, strlen(path));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		err_sys(err, "ssh agent at %s", path);
		fd_close(&fd);
		return -1;
	}
	return fd;
}

static void put_u32(struct strbuf *b, size_t v)
{
	unsigned char bytes[4] = {(unsigned char)(v >> 24), (unsigned char)(v >> 16),
		(unsigned char)(v >> 8), (unsigned char)v};

	strbuf_add(b, bytes, sizeof(bytes));
}

static void put_string(struct strbuf *b, const void *data, size_t n)
{
	put_u32(b, n);
	strbuf_add(b, data, n);
}

/* What is left of a message; `bad` once something was cut. */
struct reader {
	const unsigned char *at;
	size_t left;
	bool bad;
};

static uint32_t get_u32(struct reader *r)
{
	if (r->left < 4) {
		r->bad = true;
		return 0;
	}
	const unsigned char *p = r->at;
	r->at += 4;
	r->left -= 4;
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static const unsigned char *get_string(struct reader *r, size_t *len)
{
	*len = get_u32(r);
	if (r->bad || *len > r->left) {
		r->bad = true;
		*len = 0;
		return r->at;
	}
	const unsigned char *p = r->at;
	r->at += *len;
	r->left -= *len;
	return p;
}

/* Waits, then reads or writes all n bytes. */
static int transfer(int fd, void *data, size_t n, bool writing, deadline until,
	const struct cancel *cancel, struct err *err)
{
	char *at = data;

	while (n > 0) {
		struct pollfd p = {.fd = fd, .events = writing ? POLLOUT : POLLIN};
		if (wait_fds(&p, 1, until, cancel, err) < 0)
			return err_wrap(err, "ssh agent");
		ssize_t moved = writing ? send(fd, at, n, MSG_NOSIGNAL) : recv(fd, at, n, 0);
		if (moved < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (moved < 0)
			return err_sys(err, "ssh agent");
		if (moved == 0)
			return err_set(err, ERR_PROTOCOL, "ssh agent: it hung up");
		at += moved;
		n -= (size_t)moved;
	}
	return 0;
}

/* Sends a request and reads the answer's body, whose kind must be the wanted one. */
static int converse(int fd, const struct strbuf *request, unsigned char wanted,
	struct strbuf *body, deadline until, const struct cancel *cancel, struct err *err)
{
	AUTO(strbuf_release) struct strbuf framed = STRBUF_INIT;
	unsigned char head[5] = {0};

	put_string(&framed, request->data, request->len);
	if (transfer(fd, framed.data, framed.len, true, until, cancel, err) < 0 ||
		transfer(fd, head, sizeof(head), false, until, cancel, err) < 0)
		return -1;
	struct reader r = {.at = head, .left = sizeof(head)};
	uint32_t len = get_u32(&r);
	if (len < 1 || len > AGENT_MESSAGE_MAX)
		return err_set(err, ERR_PROTOCOL, "ssh agent: an answer of %u bytes", len);
	strbuf_reserve(body, len);
	if (transfer(fd, body->data, len - 1, false, until, cancel, err) < 0)
		return -1;
	body->len = len - 1;
	body->data[body->len] = '\0';
	if (head[4] != wanted)
		return err_set(err, ERR_AUTH, "ssh agent: it refused");
	return 0;
}

/* A comment is shown to people: control characters must not reach their terminals. */
static char *clean_comment(const unsigned char *s, size_t n)
{
	char *copy = xstrndup((const char *)s, n);

	for (char *c = copy; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	return copy;
}

int agent_parse_keys(const void *body, size_t len, struct agent_keys *keys, struct err *err)
{
	struct reader r = {.at = body, .left = len};
	uint32_t count = get_u32(&r);

	if (count > AGENT_KEYS_MAX)
		return err_set(err, ERR_LIMIT, "ssh agent: more than %u keys", AGENT_KEYS_MAX);
	for (uint32_t i = 0; i < count && !r.bad; i++) {
		size_t blob_len, comment_len, type_len;
		const unsigned char *blob = get_string(&r, &blob_len);
		const unsigned char *comment = get_string(&r, &comment_len);
		struct reader inner = {.at = blob, .left = blob_len};
		const unsigned char *type = get_string(&inner, &type_len);
		if (r.bad || inner.bad || memchr(type, '\0', type_len))
			return err_set(
				err, ERR_PROTOCOL, "ssh agent: key %u is malformed", i + 1);
		*VEC_PUSH(keys) = (struct agent_key){
			.blob = xmemdup(blob, blob_len),
			.len = blob_len,
			.type = xstrndup((const char *)type, type_len),
			.comment = clean_comment(comment, comment_len),
		};
	}
	return r.bad ? err_set(err, ERR_PROTOCOL, "ssh agent: the list of keys is cut") : 0;
}

int agent_parse_signature(
	const void *body, size_t len, struct strbuf *signature, struct err *err)
{
	struct reader outer = {.at = body, .left = len};
	size_t blob_len, n;
	const unsigned char *blob = get_string(&outer, &blob_len);
	struct reader inner = {.at = blob, .left = blob_len};

	get_string(
		&inner, &n); /* the algorithm: the key's type, as no flag asked for another */
	const unsigned char *proper = get_string(&inner, &n);
	if (outer.bad || inner.bad)
		return err_set(err, ERR_PROTOCOL, "ssh agent: the signature is malformed");
	strbuf_add(signature, proper, n);
	return 0;
}

int agent_list(int fd, struct agent_keys *keys, deadline until, const struct cancel *cancel,
	struct err *err)
{
	AUTO(strbuf_release) struct strbuf request = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf body = STRBUF_INIT;

	strbuf_addch(&request, AGENT_REQUEST_IDENTITIES);
	if (converse(fd, &request, AGENT_IDENTITIES_ANSWER, &body, until, cancel, err) < 0)
		return -1;
	return agent_parse_keys(body.data, body.len, keys, err);
}

int agent_sign(int fd, const struct agent_key *key, const void *data, size_t len,
	struct strbuf *signature, deadline until, const struct cancel *cancel, struct err *err)
{
	AUTO(strbuf_release) struct strbuf request = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf body = STRBUF_INIT;

	strbuf_addch(&request, AGENT_SIGN_REQUEST);
	put_string(&request, key->blob, key->len);
	put_string(&request, data, len);
	put_u32(&request, 0);
	if (converse(fd, &request, AGENT_SIGN_RESPONSE, &body, until, cancel, err) < 0)
		return err_wrap(err, "key %s", key->comment);
	return agent_parse_signature(body.data, body.len, signature, err);
}

void agent_keys_release(struct agent_keys *keys)
{
	for (size_t i = 0; i < keys->count; i++) {
		free(keys->items[i].blob);
		free(keys->items[i].type);
		free(keys->items[i].comment);
	}
	free(keys->items);
	*keys = (struct agent_keys){0};
}

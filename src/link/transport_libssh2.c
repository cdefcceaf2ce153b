/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts about libssh2 1.10 that shape this file: a session is in non-blocking mode throughout,
 * so that every wait is ours and has a deadline. A write drains what has arrived into memory,
 * and a read processes window adjustments; see pump.c for what follows from that. A receive
 * window of 256 kB keeps a host's memory small and a fast link full. The exit status of a
 * killed process is 0, so it only serves messages.
 *
 * And two that took a while to find. A packet of which the socket took only a half must be
 * finished by the very call that began it; but a read may have to send, too, namely to open
 * the window for what it has taken, and between the halves of a write that is an error. So
 * libssh2 never sees a half: what it sends and the socket does not take waits in a buffer of
 * ours, and new data is refused while much is waiting. The other: when opening the window
 * has to wait (for new keys, say) and is resumed by a read of another size, libssh2 counts
 * the window wrong and silently cuts data off. So all reads are of one size.
 */
#include "link/ssh2.h"

#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "link/agent.h"
#include "link/tcp.h"

#define RECEIVE_WINDOW (256u * 1024)
#define PACKET_SIZE    32768u
#define UNSENT_MAX     65536u /* no more data is taken while so many bytes wait */
#define OPEN_RETRIES   40
#define OPEN_PAUSE     0.025 /* seconds */

/* In order of preference: counter mode before CBC, shorter keys (which cost less) first. */
#define CIPHERS                                                                                \
	"aes128-ctr,aes192-ctr,aes256-ctr,aes256-cbc,rijndael-cbc@lysator.liu.se,"             \
	"aes192-cbc,aes128-cbc,3des-cbc"
#define MACS "hmac-sha2-256,hmac-sha1,hmac-sha2-512"
#define KEX                                                                                    \
	"curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,"                   \
	"ecdh-sha2-nistp384,ecdh-sha2-nistp521,diffie-hellman-group-exchange-sha256,"          \
	"diffie-hellman-group16-sha512,diffie-hellman-group14-sha256,"                         \
	"diffie-hellman-group14-sha1"

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static int library_result;

static void library_init(void)
{
	library_result = libssh2_init(0);
}

static struct ssh2_transport *self(struct transport *t)
{
	return (struct ssh2_transport *)t;
}

/* Bytes that libssh2 has sent and the socket has not taken. */
static size_t unsent(const struct ssh2_transport *t)
{
	return t->out.len - t->out_at;
}

/* Gives the socket what waits for it, as far as it takes it. An error shows when reading. */
static void flush(struct ssh2_transport *t)
{
	while (unsent(t) > 0) {
		ssize_t n = send(t->fd, t->out.data + t->out_at, unsent(t), MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return;
		t->base.wire_out += (uint64_t)n;
		t->out_at += (size_t)n;
	}
	strbuf_clear(&t->out);
	t->out_at = 0;
}

/* What to wait for: input, and room where bytes wait to be sent. */
static struct pollfd interest(struct ssh2_transport *t)
{
	flush(t);
	return (struct pollfd){
		.fd = t->fd, .events = (short)(unsent(t) > 0 ? POLLIN | POLLOUT : POLLIN)};
}

int ssh2_wait(struct ssh2_transport *t, deadline until, struct err *err)
{
	struct pollfd p = interest(t);

	t->wait_failed = wait_fds(&p, 1, until, t->cancel, err) < 0;
	return t->wait_failed ? -1 : 0;
}

int ssh2_fail(struct ssh2_transport *t, enum err_code code, const char *what, struct err *err)
{
	char *text = NULL;
	int last = libssh2_session_last_error(t->session, &text, NULL, 0);

	if (t->wait_failed)
		return err_wrap(err, "%s", what);
	if (last == LIBSSH2_ERROR_SOCKET_DISCONNECT || last == LIBSSH2_ERROR_SOCKET_RECV ||
		last == LIBSSH2_ERROR_SOCKET_SEND)
		return err_set(
			err, ERR_UNREACHABLE, "%s: the host closed the connection", what);
	return err_set(err, code, "%s: %s", what, text && *text ? text : "failed");
}

/* Takes all that libssh2 sends: to the socket, and what that does not take to the buffer. */
static ssize_t take_output(
	libssh2_socket_t fd, const void *data, size_t n, int flags, void **abstract)
{
	struct ssh2_transport *t = *abstract;
	ssize_t sent = 0;

	if (unsent(t) == 0)
		sent = send(fd, data, n, flags | MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN && errno != EINTR)
		return -errno; /* as libssh2 wants it */
	if (sent < 0)
		sent = 0;
	t->base.wire_out += (uint64_t)sent;
	strbuf_add(&t->out, (const char *)data + sent, n - (size_t)sent);
	return (ssize_t)n;
}

static ssize_t give_input(libssh2_socket_t fd, void *data, size_t n, int flags, void **abstract)
{
	struct ssh2_transport *t = *abstract;
	ssize_t got = recv(fd, data, n, flags);

	if (got < 0)
		return -errno;
	t->base.wire_in += (uint64_t)got;
	return got;
}

/* A callback as libssh2 stores it: a pointer to data. */
union callback {
	ssize_t (*send)(libssh2_socket_t, const void *, size_t, int, void **);
	ssize_t (*recv)(libssh2_socket_t, void *, size_t, int, void **);
	void *stored;
};

/* Makes a session over the socket. */
static int make_session(struct ssh2_transport *t, struct err *err)
{
	pthread_once(&library_once, library_init);
	t->session = library_result == 0 ? libssh2_session_init_ex(NULL, NULL, NULL, t) : NULL;
	if (!t->session)
		return err_set(err, ERR_SYSTEM, "cannot start libssh2");
	libssh2_session_set_blocking(t->session, 0);
	libssh2_session_callback_set(t->session, LIBSSH2_CALLBACK_SEND,
		(union callback){.send = take_output}.stored);
	libssh2_session_callback_set(
		t->session, LIBSSH2_CALLBACK_RECV, (union callback){.recv = give_input}.stored);
	libssh2_session_method_pref(t->session, LIBSSH2_METHOD_KEX, KEX);
	libssh2_session_method_pref(t->session, LIBSSH2_METHOD_CRYPT_CS, CIPHERS);
	libssh2_session_method_pref(t->session, LIBSSH2_METHOD_CRYPT_SC, CIPHERS);
	libssh2_session_method_pref(t->session, LIBSSH2_METHOD_MAC_CS, MACS);
	libssh2_session_method_pref(t->session, LIBSSH2_METHOD_MAC_SC, MACS);
	return 0;
}

/* Banner and key exchange. What the two sides cannot agree on, the ssh program may. */
static int handshake(struct ssh2_transport *t, bool *fall_back, deadline until, struct err *err)
{
	int result = SSH2_CALL(t, until, err, libssh2_session_handshake(t->session, t->fd));

	switch (result) {
	case 0: return 0;
	case LIBSSH2_ERROR_EAGAIN:
	case LIBSSH2_ERROR_BANNER_RECV: break;
	default: *fall_back = true;
	}
	return ssh2_fail(t, ERR_UNREACHABLE,
		libssh2_session_banner_get(t->session) ? "key exchange with the host"
						       : "waiting for the host's SSH banner",
		err);
}

/* Everything up to being let in, over a transport whose memory is there. */
static int establish(struct ssh2_transport *t, bool *fall_back, deadline until, struct err *err)
{
	AUTO(known_hosts_release) struct known_hosts known = {0};
	const struct ssh_settings *s = t->settings;

	t->fd = tcp_connect(s->host, s->port, s->family, until, t->cancel, err);
	if (t->fd < 0 || make_session(t, err) < 0)
		return -1;
	if (ssh2_prefer_host_keys(t, &known, fall_back, err) < 0 ||
		handshake(t, fall_back, until, err) < 0 ||
		ssh2_check_host_key(t, &known, fall_back, err) < 0)
		return -1;
	return ssh2_authenticate(t, fall_back, until, err);
}

static void ssh2_close(struct transport *base, deadline until)
{
	struct ssh2_transport *t = self(base);

	(void)until;
	if (t->session) {
		libssh2_session_disconnect(t->session, "done");
		flush(t);
		/* With the socket shut, nothing that frees can wait for it. */
		shutdown(t->fd, SHUT_RDWR);
		while (libssh2_session_free(t->session) == LIBSSH2_ERROR_EAGAIN)
			;
	}
	fd_close(&t->fd);
	fd_close(&t->agent_fd);
	strbuf_release(&t->out);
	free(t);
}

static int ssh2_connect(struct transport **out, struct transport_target *target, deadline until,
	struct err *err)
{
	struct ssh2_transport *t = xcalloc(1, sizeof(*t));

	t->base.ops = &transport_libssh2;
	t->settings = target->settings;
	t->options = target->options;
	t->cancel = target->cancel;
	t->fd = t->agent_fd = -1;
	strbuf_init(&t->out);
	if (establish(t, &target->fall_back, until, err) < 0) {
		ssh2_close(&t->base, 0);
		return -1;
	}
	*out = &t->base;
	return 0;
}

/* Opens a channel: 0, or libssh2's error with err. */
static int open_channel(struct ssh2_transport *t, deadline until, struct err *err)
{
	int last = 0;

	while (!(t->channel = libssh2_channel_open_ex(
			 t->session, "session", 7, RECEIVE_WINDOW, PACKET_SIZE, NULL, 0))) {
		last = libssh2_session_last_errno(t->session);
		if (last == LIBSSH2_ERROR_EAGAIN && ssh2_wait(t, until, err) == 0)
			continue;
		ssh2_fail(t, ERR_UNREACHABLE, "opening a session", err);
		return last;
	}
	return 0;
}

/*
 * A server that allows one session only frees it a moment after it has confirmed its end, so
 * a refusal after an earlier process is tried again.
 */
static int open_channel_patiently(struct ssh2_transport *t, deadline until, struct err *err)
{
	int result = open_channel(t, until, err);

	for (int i = 0; i < OPEN_RETRIES && t->started > 0; i++) {
		if (result != LIBSSH2_ERROR_CHANNEL_FAILURE)
			break;
		if (wait_until(deadline_in(OPEN_PAUSE), t->cancel, err) < 0)
			return -1;
		result = open_channel(t, until, err);
	}
	return result == 0 ? 0 : -1;
}

static int ssh2_start(
	struct transport *base, const char *command, deadline until, struct err *err)
{
	struct ssh2_transport *t = self(base);

	t->ended = false;
	if (open_channel_patiently(t, until, err) < 0)
		return -1;
	t->started++;
	int result = SSH2_CALL(t, until, err,
		libssh2_channel_process_startup(
			t->channel, "exec", 4, command, (unsigned)strlen(command)));
	return result < 0 ? ssh2_fail(t, ERR_UNREACHABLE, "running a command", err) : 0;
}

/* Reads one of the two streams; both end together. */
static ssize_t read_stream(struct ssh2_transport *t, int stream, void *chunk, struct err *err)
{
	if (!t->channel || t->ended)
		return TRANSPORT_END;
	ssize_t got = libssh2_channel_read_ex(t->channel, stream, chunk, TRANSPORT_CHUNK);
	if (got > 0)
		return got;
	if (got < 0 && got != LIBSSH2_ERROR_EAGAIN) {
		ssh2_fail(t, ERR_UNREACHABLE, "reading from the host", err);
		return -1;
	}
	if (!libssh2_channel_eof(t->channel))
		return TRANSPORT_AGAIN;
	t->ended = true;
	return TRANSPORT_END;
}

static ssize_t ssh2_read(struct transport *base, void *chunk, struct err *err)
{
	return read_stream(self(base), 0, chunk, err);
}

static ssize_t ssh2_read_errors(struct transport *base, void *chunk, struct err *err)
{
	return read_stream(self(base), SSH_EXTENDED_DATA_STDERR, chunk, err);
}

static ssize_t ssh2_write(struct transport *base, const void *data, size_t n, struct err *err)
{
	struct ssh2_transport *t = self(base);

	if (!t->channel)
		return TRANSPORT_END;
	flush(t);
	if (unsent(t) > UNSENT_MAX)
		return TRANSPORT_AGAIN;
	ssize_t put = libssh2_channel_write_ex(t->channel, 0, data, n);
	if (put >= 0)
		return put;
	switch (put) {
	case LIBSSH2_ERROR_EAGAIN: return TRANSPORT_AGAIN;
	case LIBSSH2_ERROR_CHANNEL_CLOSED:
	case LIBSSH2_ERROR_CHANNEL_EOF_SENT: return TRANSPORT_END;
	default: ssh2_fail(t, ERR_UNREACHABLE, "writing to the host", err); return -1;
	}
}

static bool ssh2_has_input(struct transport *base)
{
	struct ssh2_transport *t = self(base);
	unsigned long waiting = 0;

	if (!t->channel || t->ended)
		return false;
	libssh2_channel_window_read_ex(t->channel, &waiting, NULL);
	return waiting > 0 || libssh2_channel_eof(t->channel);
}

static unsigned ssh2_poll(
	struct transport *base, bool writing, struct pollfd fds[TRANSPORT_FDS])
{
	(void)writing; /* a window that is shut opens by input, and a full socket is known */
	fds[0] = interest(self(base));
	return 1;
}

static int ssh2_end_input(struct transport *base, struct err *err)
{
	struct ssh2_transport *t = self(base);
	int result = libssh2_channel_send_eof(t->channel);

	if (result == LIBSSH2_ERROR_EAGAIN)
		return TRANSPORT_AGAIN;
	return result < 0 ? ssh2_fail(t, ERR_UNREACHABLE, "writing to the host", err) : 1;
}

static int ssh2_stop(struct transport *base, deadline until)
{
	struct ssh2_transport *t = self(base);
	int exit_code = -1;

	if (!t->channel)
		return -1;
	int result = SSH2_CALL(t, until, NULL, libssh2_channel_close(t->channel));
	if (result == 0)
		result = SSH2_CALL(t, until, NULL, libssh2_channel_wait_closed(t->channel));
	if (result == 0)
		exit_code = libssh2_channel_get_exit_status(t->channel);
	/* What cannot be freed in time is freed with the session. */
	SSH2_CALL(t, until, NULL, libssh2_channel_free(t->channel));
	t->channel = NULL;
	return exit_code;
}

static int ssh2_lost(struct transport *base, int exit_code, const char *said, struct err *err)
{
	(void)base;
	return err_set(err, ERR_UNREACHABLE,
		"the program on the host ended by itself (exit code %d)%s%s", exit_code,
		*said ? "; it said: " : "", said);
}

const struct transport_ops transport_libssh2 = {
	.kind = LINK_LIBSSH2,
	.name = "libssh2",
	.exit_lost = -2,
	.connect = ssh2_connect,
	.start = ssh2_start,
	.read = ssh2_read,
	.read_errors = ssh2_read_errors,
	.write = ssh2_write,
	.has_input = ssh2_has_input,
	.poll = ssh2_poll,
	.end_input = ssh2_end_input,
	.stop = ssh2_stop,
	.lost = ssh2_lost,
	.close = ssh2_close,
};

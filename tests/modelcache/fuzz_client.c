/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any packets from a daemon to the library. After a real WELCOME the input is what the daemon
 * says: records of a length and as many bytes, laid over a MODEL with a sealed file of 3 bytes.
 * The library gives a model that can be read, or none.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "modelcache/private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int sealed(size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK) < 0)
		abort();
	return fd;
}

static void send_record(int fd, int file, const uint8_t *data, size_t n)
{
	struct mc_message m = {.magic = MC_MAGIC,
		.protocol = MC_VERSION,
		.type = MC_MODEL,
		.id = 1,
		.serial = 1,
		.size = 3,
		.name = "m",
		.version = "1"};
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec piece = {.iov_base = &m, .iov_len = sizeof(m)};
	struct msghdr msg = {.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	/* The type is the first byte, so that magic and protocol need not be guessed. */
	const size_t at = offsetof(struct mc_message, type);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &file, sizeof(file));
	memcpy((char *)&m + at, data, n < sizeof(m) - at ? n : sizeof(m) - at);
	sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* A session as after WELCOME, on one end of a pair. */
static struct session *make_session(struct modelcache *cache, int fd)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->cache = cache;
	s->fd = fd;
	for (unsigned i = 0; i < MC_SLOTS; i++)
		s->held[i].session = s;
	s->page = mmap(NULL, sizeof(*s->page), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s->page == MAP_FAILED)
		abort();
	/* The uses that the answers carry: a daemon counts them before it answers. */
	for (unsigned i = 0; i < MC_SLOTS; i++)
		atomic_store(&s->page->slots[i].in_use, 100000);
	return s;
}

static void read_whole(struct held *h)
{
	const char *bytes = h->model.data;
	unsigned sum = 0;

	for (uint64_t i = 0; i < h->model.size; i++)
		sum += (unsigned char)bytes[i];
	if (sum != 0 || strlen(h->model.name) >= 128)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct modelcache cache = {.changed = -1, .stop = -1};
	struct request r = {.name = "m", .selector = ""};
	autofd int file = sealed(3);
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		abort();
	pthread_mutex_init(&cache.lock, NULL);
	pthread_cond_init(&cache.answered, NULL);
	struct session *s = make_session(&cache, ends[0]);
	if (session_request(s, &r) < 0)
		abort();
	while (size >= 1) {
		size_t n = data[0] < size - 1 ? data[0] : size - 1;
		send_record(ends[1], file, data + 1, n);
		data += 1 + n;
		size -= 1 + n;
		if (session_receive(s, 0) < 0)
			break;
	}
	if (r.held)
		read_whole(r.held);
	session_free(s);
	close(ends[1]);
	pthread_mutex_destroy(&cache.lock);
	pthread_cond_destroy(&cache.answered);
	return 0;
}

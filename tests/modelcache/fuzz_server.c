/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any packets to the daemon's server. The first byte of each record is how the next bytes are
 * used: a whole message whose first fields they overwrite, or as they are. The server lives on,
 * and the cache comes out as it was: nothing in use, nothing leaving.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemons/cached/hub.h"
#include "modelcache/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sockaddr_un address = {.sun_family = AF_UNIX};
static struct cache *cache;
static struct hub *hub;

static void stop(void)
{
	hub_stop(hub);
	cache_free(cache);
}

static void start(void)
{
	const struct cache_about about = {.name = "", .version = "1"};
	struct cache_about named = about;
	struct blob_writer w = {.fd = -1};
	struct err err = {0};

	named.name = "m";
	cache = cache_new(&(struct cache_options){0});
	if (blob_begin(&w, "m", 0, &err) < 0 || blob_write(&w, "abc", 3, &err) < 0 ||
		cache_put(cache, &named, blob_seal(&w, &err), true, &err) < 0)
		abort();
	snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/fuzz_server.%d", getpid());
	hub = hub_start(cache, &(struct hub_options){.path = address.sun_path}, &err);
	if (!hub)
		abort();
	atexit(stop);
}

static void send_record(int fd, uint8_t kind, const uint8_t *data, size_t n)
{
	struct mc_message m = {.magic = MC_MAGIC,
		.protocol = MC_VERSION,
		.type = (uint16_t)(kind >> 1 & 3),
		.name = "m"};
	const size_t at = offsetof(struct mc_message, id);

	if (kind & 1) {
		send(fd, data, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		return;
	}
	memcpy((char *)&m + at, data, n < sizeof(m) - at ? n : sizeof(m) - at);
	send(fd, &m, sizeof(m), MSG_NOSIGNAL | MSG_DONTWAIT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mc_message m;

	if (!hub)
		start();
	autofd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		abort();
	while (size >= 2) {
		size_t n = data[1] < size - 2 ? data[1] : size - 2;
		send_record(fd, data[0], data + 2, n);
		data += 2 + n;
		size -= 2 + n;
	}
	/* Nothing more comes, which a full queue cannot keep from the server, so that the end
	 * is awaited. */
	shutdown(fd, SHUT_WR);
	while (recv(fd, &m, sizeof(m), 0) > 0)
		;
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wait: the state drained, by the kernel's tables of TCP connections.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/str.h"
#include "node/wait.h"

/* Numbers of include/net/tcp_states.h, which the tables show. */
static const struct {
	const char *name;
	unsigned number;
} tcp_states[] = {{"ESTABLISHED", 1}, {"SYN_SENT", 2}, {"SYN_RECV", 3}, {"FIN_WAIT1", 4},
	{"FIN_WAIT2", 5}, {"TIME_WAIT", 6}};

static int read_states(struct wait_work *w, struct err *err)
{
	const char *const *names = call_list(w->call, "active_connection_states", err);

	if (!names)
		return -1;
	for (; *names; names++) {
		size_t i = 0;
		while (i < ARRAY_SIZE(tcp_states) && strcmp(tcp_states[i].name, *names) != 0)
			i++;
		if (i == ARRAY_SIZE(tcp_states))
			return err_set(err, ERR_INPUT,
				"unknown active_connection_state (%s) defined", *names);
		w->states |= 1u << tcp_states[i].number;
	}
	for (size_t i = 0; w->states == 0 && i < ARRAY_SIZE(tcp_states); i++)
		w->states |= 1u << tcp_states[i].number;
	return 0;
}

int wait_drained_read(struct wait_work *w, struct err *err)
{
	const char *const *hosts = call_list(w->call, "exclude_hosts", err);

	if (!hosts || read_states(w, err) < 0)
		return -1;
	if (*hosts && strcmp(w->state, "drained") != 0)
		return err_set(err, ERR_INPUT, "exclude_hosts is only for state=drained");
	for (; *hosts; hosts++) {
		struct ip_address found[CONNECT_ADDRESSES_MAX];
		int count = connect_resolve(w->call, *hosts, found, err);
		if (count < 0)
			return -1;
		for (int i = 0; i < count && w->excluded_count < CONNECT_ADDRESSES_MAX; i++)
			w->excluded[w->excluded_count++] = found[i];
	}
	if (strcmp(w->state, "drained") != 0)
		return 0;
	w->own_count = connect_resolve(w->call, w->host, w->own, err);
	return w->own_count < 0 ? -1 : 0;
}

/* The next field of a line, in a buffer that is large enough for those that count. */
static const char *next_field(const char *at, char out[64])
{
	at += strspn(at, " \t\n");
	size_t n = strcspn(at, " \t\n");

	snprintf(out, 64, "%.*s", (int)(n < 63 ? n : 63), at);
	return at + n;
}

/* "0100007F:1F90": words of 32 bits as the machine has them, in hex, and a port. */
static bool read_endpoint(const char *text, struct ip_address *address, unsigned *port)
{
	size_t n = strcspn(text, ":") / 8;
	uint8_t digits[4], low[2], bytes[16];
	char word[9];

	if ((n != 1 && n != 4) || text[8 * n] != ':' || !parse_hex(text + 8 * n + 1, low, 2))
		return false;
	*port = (unsigned)low[0] << 8 | low[1];
	for (size_t i = 0; i < n; i++) {
		snprintf(word, sizeof(word), "%.8s", text + 8 * i);
		if (!parse_hex(word, digits, 4))
			return false;
		uint32_t value = (uint32_t)digits[0] << 24 | (uint32_t)digits[1] << 16 |
				 (uint32_t)digits[2] << 8 | digits[3];
		memcpy(bytes + 4 * i, &value, 4);
	}
	*address = ip_from_bytes(bytes, 4 * n);
	return true;
}

static bool is_any(const struct ip_address *a)
{
	static const uint8_t zeros[16] = {0};

	return memcmp(a->bytes, zeros, sizeof(zeros)) == 0;
}

static bool is_among(const struct ip_address *a, const struct ip_address *list, int count)
{
	for (int i = 0; i < count; i++) {
		if (ip_equal(a, &list[i]) || (is_any(&list[i]) && a->family == list[i].family))
			return true;
	}
	return false;
}

/* Whether a line of the table is a connection that counts. */
static bool counts(const struct wait_work *w, const char *line)
{
	char number[64], local[64], remote[64], state[64];
	struct ip_address here, there;
	unsigned port, other;
	uint8_t state_number;

	line = next_field(line, number);
	line = next_field(line, local);
	line = next_field(line, remote);
	next_field(line, state);
	if (!read_endpoint(local, &here, &port) || !read_endpoint(remote, &there, &other) ||
		!parse_hex(state, &state_number, 1))
		return false;
	return port == w->port && state_number < 32 && w->states >> state_number & 1 &&
	       is_among(&here, w->own, w->own_count) &&
	       !is_among(&there, w->excluded, w->excluded_count);
}

int wait_drained(struct wait_work *w, struct err *err)
{
	static const char *const tables[] = {"/proc/net/tcp", "/proc/net/tcp6"};
	bool found = false, read = false;

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		FILE *file = fopen(tables[i], "re");
		char *line = NULL;
		size_t cap = 0;
		read |= file != NULL;
		while (file && !found && getline(&line, &cap, file) > 0)
			found = counts(w, line);
		free(line);
		if (file)
			fclose(file);
	}
	if (!read)
		return err_sys(err, "cannot read %s", tables[0]);
	return !found;
}

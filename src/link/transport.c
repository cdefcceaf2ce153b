/* SPDX-License-Identifier: Apache-2.0 */
#include "link/transport.h"

#define SAID_MAX  65536u
#define QUOTE_MAX 300u

int transport_wait(struct transport *t, bool writing, deadline until,
	const struct cancel *cancel, struct err *err)
{
	struct pollfd fds[TRANSPORT_FDS];
	unsigned count = t->ops->poll(t, writing, fds);

	return wait_fds(fds, count, until, cancel, err) < 0 ? -1 : 0;
}

/* One of the process's two outputs. */
struct output {
	ssize_t (*read)(struct transport *t, void *chunk, struct err *err);
	struct strbuf *into;
	bool ended;
};

/* Reads all that is there. Returns 1 when something was, 0 when not, -1 with err. */
static int gather(struct transport *t, struct output *o, struct err *err)
{
	char chunk[TRANSPORT_CHUNK];
	int moved = 0;

	while (!o->ended) {
		ssize_t n = o->read(t, chunk, err);
		if (n == -1)
			return -1;
		if (n == TRANSPORT_AGAIN)
			break;
		moved = 1;
		if (n == TRANSPORT_END)
			o->ended = true;
		else if (o->into->len + (size_t)n <= SAID_MAX)
			strbuf_add(o->into, chunk, (size_t)n);
	}
	return moved;
}

/* What is still to be given to the process. */
struct input {
	const char *data;
	size_t left;
	bool ended;
};

/* Writes what the process takes, then ends its input. Returns like gather. */
static int feed(struct transport *t, struct input *in, struct err *err)
{
	if (in->ended)
		return 0;
	if (in->left > 0) {
		ssize_t n = t->ops->write(t, in->data, in->left, err);
		if (n == -1 || n == TRANSPORT_AGAIN)
			return (int)n;
		if (n == TRANSPORT_END) {
			in->ended = true;
			return 1;
		}
		in->data += n;
		in->left -= (size_t)n;
		return 1;
	}
	int done = t->ops->end_input(t, err);
	in->ended = done > 0;
	return done;
}

static int converse(struct transport *t, struct input *in, struct output *out,
	struct output *errors, deadline until, const struct cancel *cancel, struct err *err)
{
	while (!out->ended || !errors->ended) {
		int a = gather(t, out, err), b = a < 0 ? -1 : gather(t, errors, err);
		int c = b < 0 ? -1 : feed(t, in, err);
		if (c < 0)
			return -1;
		if (a || b || c || t->ops->has_input(t))
			continue;
		if (transport_wait(t, !in->ended, until, cancel, err) < 0)
			return -1;
	}
	return 0;
}

int transport_run(struct transport *t, const char *command, const void *input, size_t n,
	deadline until, const struct cancel *cancel, struct transport_result *result,
	struct err *err)
{
	*result = (struct transport_result){.out = STRBUF_INIT, .errors = STRBUF_INIT};
	if (t->ops->start(t, command, until, err) < 0)
		return -1;
	struct input in = {.data = input, .left = n};
	struct output out = {.read = t->ops->read, .into = &result->out};
	struct output errors = {.read = t->ops->read_errors, .into = &result->errors};
	int failed = converse(t, &in, &out, &errors, until, cancel, err);
	result->exit_code = t->ops->stop(t, failed ? 0 : until);
	return failed;
}

void transport_result_release(struct transport_result *r)
{
	strbuf_release(&r->out);
	strbuf_release(&r->errors);
}

void transport_quote(const struct strbuf *said, struct strbuf *out)
{
	size_t from = said->len > QUOTE_MAX ? said->len - QUOTE_MAX : 0, begin = out->len;

	for (size_t i = from; i < said->len; i++) {
		unsigned char c = (unsigned char)said->data[i];
		bool blank = c <= ' ' || c == 0x7f;
		if (!blank)
			strbuf_addch(out, (char)c);
		else if (out->len > begin && out->data[out->len - 1] != ' ')
			strbuf_addch(out, ' ');
	}
	strbuf_rtrim(out);
}

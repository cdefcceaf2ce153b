/* SPDX-License-Identifier: Apache-2.0 */
#include "link/link.h"

#include "base/log.h"
#include "link/private.h"

#define PRUNE_DAYS 30

/* Reads the greeting that the bootstrap has waited for. */
static int take_hello(struct link *link, struct err *err)
{
	struct frame f, kept;

	if (pump_next(link->pump, HELLO_ID, false, &f, 0, err) < 0)
		return -1;
	if (f.kind != WIRE_REPLY)
		return f.kind == WIRE_ERROR ? link_error(&f, err)
					    : err_set(err, ERR_PROTOCOL, "no greeting came");
	kept = f;
	kept.data = arena_memdup(&link->arena, f.data, f.len);
	return wire_get_hello(&kept, &link->hello, err);
}

/* What is needed after link_open is copied; the rest is forgotten. */
static void keep_options(struct link *link)
{
	struct link_options o = {
		.name = arena_strdup(&link->arena, link->options.name),
		.secret = link->options.secret,
		.secret_data = link->options.secret_data,
		.become_method = arena_strdup(&link->arena, link->options.become_method),
		.become_flags = arena_strdup(&link->arena, link->options.become_flags),
		.become_exe = arena_strdup(&link->arena, link->options.become_exe),
	};

	link->options = o;
}

/* After an upload: helpers that nobody used for a month. Nobody waits for the answer. */
static void prune_helpers(struct link *link)
{
	uint8_t days[4];
	struct msg_writer w;

	msg_begin(&w, days, sizeof(days));
	msg_put_u32(&w, PRUNE_DAYS);
	struct frame f = {.kind = WIRE_PRUNE_HELPERS, .data = days, .len = w.len};
	link->prune_id = link_send(link, &f, NULL);
}

int link_open(struct link **out, const struct link_options *o, deadline until,
	const struct cancel *cancel, struct err *err)
{
	struct link *link = xcalloc(1, sizeof(*link));

	*out = NULL;
	link->options = *o;
	link->cancel = cancel;
	link->opened_ns = clock_ns();
	link->last_id = HELLO_ID;
	if (link_connect(link, until, err) < 0 || take_hello(link, err) < 0) {
		link_abort(link);
		return -1;
	}
	if (str_starts(link->helper_file, "~/"))
		link->helper_file = arena_printf(
			&link->arena, "%s%s", link->hello.home, link->helper_file + 1);
	link->start_ns = clock_ns() - link->opened_ns - link->connect_ns;
	host_memory_save(&link->memory);
	keep_options(link);
	if (link->installed)
		prune_helpers(link);
	*out = link;
	return 0;
}

const struct wire_hello *link_hello(const struct link *link)
{
	return &link->hello;
}

void link_set_cancel(struct link *link, const struct cancel *cancel)
{
	link->cancel = cancel;
	link->pump->cancel = cancel;
}

/* Gives a frame its id: the caller's, or the next one. */
static struct frame with_id(struct link *link, const struct frame *f)
{
	struct frame copy = *f;

	if (copy.id == 0 && ++link->last_id >= WIRE_ALIVE_ID)
		link->last_id = HELLO_ID + 1;
	if (copy.id == 0)
		copy.id = link->last_id;
	return copy;
}

/* Refuses what the other side would refuse. */
static int check_len(const struct frame *f, struct err *err)
{
	if (f->len > FRAME_PAYLOAD_MAX)
		return err_set(err, ERR_LIMIT, "a frame of %zu bytes is larger than %u", f->len,
			FRAME_PAYLOAD_MAX);
	return 0;
}

uint32_t link_send(struct link *link, const struct frame *f, struct err *err)
{
	if (check_len(f, err) < 0)
		return 0;
	struct frame sent = with_id(link, f);
	return pump_control(link->pump, &sent, err) < 0 ? 0 : sent.id;
}

uint32_t link_send_bulk(
	struct link *link, const struct frame *f, deadline until, struct err *err)
{
	if (check_len(f, err) < 0)
		return 0;
	struct frame sent = with_id(link, f);
	return pump_bulk(link->pump, &sent, until, err) < 0 ? 0 : sent.id;
}

int link_flush(struct link *link, deadline until, struct err *err)
{
	return pump_flush(link->pump, until, err);
}

int link_idle(struct link *link, deadline until, struct err *err)
{
	struct err why = {0};

	if (pump_try(link->pump, err) < 0)
		return -1;
	while (pump_step(link->pump, until, &why) == 0)
		;
	return why.code == ERR_TIMEOUT ? 0 : err_set(err, why.code, "%s", why.text);
}

/* Drops the answer that nobody waits for. */
static bool is_unwanted(struct link *link, const struct frame *f)
{
	if (link->prune_id == 0 || f->id != link->prune_id)
		return false;
	link->prune_id = 0;
	return true;
}

int link_next(struct link *link, struct frame *out, deadline until, struct err *err)
{
	do {
		if (pump_next(link->pump, 0, true, out, until, err) < 0)
			return -1;
	} while (is_unwanted(link, out));
	return 0;
}

int link_poll(struct link *link, struct frame *out, struct err *err)
{
	const struct frame *f = pump_take(link->pump, 0, true);

	if (!f && pump_try(link->pump, err) < 0)
		return -1;
	if (!f)
		f = pump_take(link->pump, 0, true);
	if (!f || is_unwanted(link, f))
		return 0;
	*out = *f;
	return 1;
}

int link_next_of(
	struct link *link, uint32_t id, struct frame *out, deadline until, struct err *err)
{
	if (pump_next(link->pump, id, false, out, until, err) < 0)
		return -1;
	return out->kind == WIRE_ERROR ? link_error(out, err) : 0;
}

int link_call(struct link *link, const struct frame *request, struct frame *reply,
	deadline until, struct err *err)
{
	uint32_t id = link_send(link, request, err);

	if (id == 0)
		return -1;
	do {
		if (link_next_of(link, id, reply, until, err) < 0)
			return -1;
	} while (reply->kind == WIRE_EVENT);
	return 0;
}

int link_error(const struct frame *f, struct err *err)
{
	struct wire_error e;

	if (wire_get_error(f, &e, err) < 0)
		return -1;
	err_set(err, e.code, "%s", e.text);
	if (err)
		err->sys = e.sys;
	return -1;
}

void link_stats(const struct link *link, struct link_stats *out)
{
	const struct pump *p = link->pump;

	*out = (struct link_stats){
		.transport = link->transport->ops->kind,
		.bytes_in = p->bytes_in,
		.bytes_out = p->bytes_out,
		.frames_in = p->frames_in,
		.frames_out = p->frames_out,
		.wire_in = link->transport->wire_in,
		.wire_out = link->transport->wire_out,
		.bulk_rate = p->bulk_rate,
		.installed = link->installed,
		.connect_ns = link->connect_ns,
		.start_ns = link->start_ns,
	};
}

static void link_free(struct link *link, deadline until)
{
	if (!link)
		return;
	if (link->transport) {
		link->transport->ops->stop(link->transport, until);
		link->transport->ops->close(link->transport, until);
	}
	if (link->pump)
		pump_release(link->pump);
	free(link->pump);
	ssh_settings_release(&link->settings);
	host_memory_release(&link->memory);
	arena_release(&link->arena);
	free(link);
}

int link_close(struct link *link, deadline until)
{
	struct frame bye = {.kind = WIRE_BYE}, reply = {0};

	if (!link)
		return 0;
	uint32_t id = link_send(link, &bye, NULL);
	int failed = id == 0 || pump_next(link->pump, id, false, &reply, until, NULL) < 0 ||
		     reply.kind != WIRE_BYE;
	link_free(link, failed ? 0 : until);
	return failed ? -1 : 0;
}

void link_abort(struct link *link)
{
	link_free(link, 0);
}

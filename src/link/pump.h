/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pump of a link: frames out of two queues into a transport, frames out of a transport
 * into an inbox, both in one loop. See the theory of operation in pump.c.
 *
 * Private to link/.
 */
#ifndef LINK_PUMP_H
#define LINK_PUMP_H

#include "link/transport.h"

#define PUMP_CONTROL_MAX (1u << 20) /* bytes of control frames that may wait */
#define PUMP_BULK_MAX    65536u     /* a bulk frame is taken while fewer bytes wait */
#define PUMP_INBOX_MAX   (8u << 20) /* bytes of received frames that nobody took yet */
#define PUMP_ERRORS_MAX  4096u      /* kept of the error stream: its end */
#define PUMP_QUIET_MAX   3.0        /* seconds without a frame until a PING goes */
#define PUMP_RATE_SPAN   (4u << 20) /* bytes of bulk over which the link's rate is taken */

/* Bytes that wait to be written; those before `at` are written. */
struct pump_queue {
	struct strbuf bytes;
	size_t at;
};

/* A received frame and its payload. */
struct pump_frame {
	struct frame frame;
	struct pump_frame *next;
	uint8_t payload[];
};

struct pump {
	struct transport *transport;
	const struct cancel *cancel;
	struct link_limiter *limiter;

	struct pump_queue control;
	struct pump_queue bulk;
	deadline quiet_until;       /* a PING goes unless something else is sent before */
	struct pump_queue *current; /* the queue whose unit is being written */
	size_t current_left;        /* bytes of that unit that are not written yet */
	size_t charged;             /* size of the bulk unit that the limiter was asked for */
	deadline bulk_after;        /* and when it may go */
	uint64_t span;              /* bytes of bulk written since `span_began` */
	int64_t span_began;
	uint64_t bulk_rate; /* bytes a second of the fastest span so far; 0 before the first */

	struct magic_scanner scanner;
	bool greeted; /* the magic was seen */
	struct frame_decoder decoder;
	struct pump_frame *first; /* inbox, oldest first */
	struct pump_frame **last;
	size_t inbox_bytes;
	struct pump_frame *held; /* given to the caller, valid until the next call */

	struct strbuf errors; /* the end of what the process wrote as errors */
	bool input_ended;     /* the process closed its output */
	bool output_ended;    /* the process reads no more */
	int exit_code;        /* of the process, once the link broke by its end; else -1 */
	struct err broken;    /* the first error; its code is ERR_NONE while all is well */

	uint64_t bytes_in, bytes_out, frames_in, frames_out;
	uint8_t chunk[TRANSPORT_CHUNK];
};

/* Makes a pump over a transport whose process was started; it sends the magic first. */
void pump_init(struct pump *p, struct transport *t, struct link_limiter *limiter,
	const struct cancel *cancel);
/* Frees the pump, not the transport. */
void pump_release(struct pump *p);

/* Queues a control frame; -1 with err when broken or full. */
int pump_control(struct pump *p, const struct frame *f, struct err *err);
/* Pumps until a bulk frame fits, then queues it. */
int pump_bulk(struct pump *p, const struct frame *f, deadline until, struct err *err);
/* Moves what can be moved; when nothing can, waits until something may. */
int pump_step(struct pump *p, deadline until, struct err *err);
/* Moves what can be moved now, and never waits. */
int pump_try(struct pump *p, struct err *err);
/* Pumps until nothing waits to be written. */
int pump_flush(struct pump *p, deadline until, struct err *err);
/*
 * Takes the oldest received frame out of the inbox, of one request or of any, or gives NULL.
 * It lives until the next call of pump_take.
 */
const struct frame *pump_take(struct pump *p, uint32_t id, bool any);
/* Pumps until there is such a frame, and takes it. */
int pump_next(struct pump *p, uint32_t id, bool any, struct frame *out, deadline until,
	struct err *err);

#endif

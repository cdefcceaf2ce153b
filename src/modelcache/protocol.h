/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What model-cached and libmodelcache say to each other; PROTOCOL.md tells how it goes. Both
 * run on the same machine, so numbers have its byte order. Stands on libc alone.
 */
#ifndef MODELCACHE_PROTOCOL_H
#define MODELCACHE_PROTOCOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define MC_MAGIC   0x4d434431u /* "MCD1" */
#define MC_VERSION 1u

enum mc_type {
	/* client to daemon */
	MC_HELLO = 1,
	MC_GET,
	MC_DROP,
	/* daemon to client */
	MC_WELCOME = 64,
	MC_MODEL,
	MC_ERROR,
	MC_CHANGED,
	MC_REVOKED,
};

/* Every message is one packet of exactly this. Texts end with a NUL within their field. */
struct mc_message {
	uint32_t magic;
	uint16_t protocol, type;
	uint32_t id; /* of a request, and of the answer to it */
	uint32_t slot, serial;
	uint32_t code;     /* MC_ERROR: an errno */
	uint64_t size;     /* MC_MODEL: bytes; MC_WELCOME: of the page */
	int64_t loaded_at; /* seconds since 1970 */
	char name[128];
	char selector[64]; /* MC_GET: "" current, "@ALIAS" or a stage, else a version */
	char version[64], stage[64], run_id[64];
	char sha256[72]; /* hex */
	char text[208];  /* MC_ERROR: what is wrong */
};

_Static_assert(sizeof(struct mc_message) == 704, "no padding");

/* A version that a client has, in the page that it shares with the daemon. */
struct mc_slot {
	_Alignas(64) _Atomic uint32_t serial; /* the daemon's: which version; 0: revoked */
	_Atomic uint32_t in_use;              /* how often it is in hand */
	_Atomic uint64_t hits;                /* how often it was taken */
	_Atomic uint64_t used;                /* CLOCK_MONOTONIC of the last time, ns */
};

#define MC_SLOTS 64u

struct mc_page {
	struct mc_slot slots[MC_SLOTS];
};

_Static_assert(sizeof(struct mc_page) == 4096, "one page");
_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2,
	"atomics work between processes");

/* True if a text of n bytes ends within them. */
static inline bool mc_text_ends(const char *text, size_t n)
{
	return memchr(text, '\0', n) != NULL;
}

/* True if a selector names a stage of MLflow's. */
static inline bool mc_is_stage(const char *selector)
{
	static const char *const stages[] = {"None", "Staging", "Production", "Archived"};

	for (unsigned i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
		if (strcasecmp(selector, stages[i]) == 0)
			return true;
	}
	return false;
}

/* True if a selector always means the same version. */
static inline bool mc_is_version(const char *selector)
{
	return selector[0] && selector[0] != '@' && !mc_is_stage(selector);
}

/* True if this many bytes are a message that may be read. */
static inline bool mc_message_valid(const struct mc_message *m, size_t n)
{
	return n == sizeof(*m) && m->magic == MC_MAGIC && m->protocol == MC_VERSION &&
	       m->slot < MC_SLOTS && mc_text_ends(m->name, sizeof(m->name)) &&
	       mc_text_ends(m->selector, sizeof(m->selector)) &&
	       mc_text_ends(m->version, sizeof(m->version)) &&
	       mc_text_ends(m->stage, sizeof(m->stage)) &&
	       mc_text_ends(m->run_id, sizeof(m->run_id)) &&
	       mc_text_ends(m->sha256, sizeof(m->sha256)) &&
	       mc_text_ends(m->text, sizeof(m->text));
}

#endif

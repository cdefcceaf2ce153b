/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors. A function that can fail takes a `struct err *` as its last parameter and returns
 * -1 (or NULL) after filling it: `return err_set(err, ERR_INPUT, "port %d: ...", port)`.
 * A caller that adds what it knows wraps: `return err_wrap(err, "host %s", name)`. Nothing
 * below cli/ prints an error or decides what exit code it means.
 *
 * `err` may be NULL where a caller does not care. The text has a place, a cause and, where
 * there is one, a remedy; it never holds a secret.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stddef.h>

#include "base/mem.h"

enum err_code {
	ERR_NONE = 0,
	ERR_SYSTEM,      /* a system call failed; sys holds errno */
	ERR_INPUT,       /* something a person or peer gave is wrong */
	ERR_USAGE,       /* the command line is wrong */
	ERR_NOTFOUND,    /* what was named is not there */
	ERR_EXISTS,      /* what was to be made is there already */
	ERR_LIMIT,       /* larger, deeper or longer than we accept */
	ERR_TIMEOUT,     /* a deadline passed */
	ERR_CANCELLED,   /* the operator interrupted */
	ERR_UNREACHABLE, /* no connection to a host, or it was lost */
	ERR_AUTH,        /* connected, but not let in; or the host key is wrong */
	ERR_PROTOCOL,    /* a peer said something that its protocol does not allow */
	ERR_INTEGRITY,   /* content is not what its digest says */
	ERR_NOSPACE,     /* a disk is full, or would be */
	ERR_BUSY,        /* a lock is held by someone else */
	ERR_UNSUPPORTED, /* known, and not done here */
	ERR_DENIED       /* the operating system refuses permission */
};

#define ERR_TEXT_MAX 1000

struct err {
	enum err_code code;
	int sys;                 /* errno behind ERR_SYSTEM, ERR_DENIED, ERR_NOSPACE; else 0 */
	char text[ERR_TEXT_MAX]; /* cut with "..." when longer */
};

/* Clears an error for reuse. */
void err_clear(struct err *err);
/* Fills an error from a format; always returns -1, so that callers can return it. */
int err_set(struct err *err, enum err_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/*
 * Fills an error from errno, appending its text: "open /x: No such file". The code follows
 * from errno: ENOENT gives ERR_NOTFOUND, EACCES and EPERM give ERR_DENIED, ENOSPC and EDQUOT
 * give ERR_NOSPACE, others give ERR_SYSTEM. Always returns -1.
 */
int err_sys(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Puts "context: " before an error's text and keeps its code; always returns -1. */
int err_wrap(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The name of a code as JSON events show it, e.g. "unreachable". */
const char *err_code_name(enum err_code code);

#endif

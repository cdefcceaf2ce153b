/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small engine for tests: starts the helper over pipes and drives its operations. Each
 * function asserts what must hold for any answer (ids, framing); what the test is about is
 * returned.
 */
#ifndef TESTS_NODE_CLIENT_H
#define TESTS_NODE_CLIENT_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"
#include "tree/manifest.h"
#include "wire/op.h"

struct client {
	pid_t pid;
	int in;  /* its standard input */
	int out; /* its standard output */
	struct frame_decoder decoder;
	uint8_t chunk[65536];
	const uint8_t *at;
	size_t left;
	uint32_t last_id;
};

/* The answer to a request: all payloads joined, or the error. */
struct answer {
	enum err_code code; /* ERR_NONE for a reply */
	struct strbuf data; /* of the replies */
	char text[ERR_TEXT_MAX];
	unsigned events;
};

/* The helper that is tested: the build's own, or the program that $MODELFLEET_TEST_NODE names.
 */
const char *client_helper(void);
/* The same for tests that need it as it is shipped: static, without sanitizers. */
const char *client_static_helper(void);
/*
 * What `uname -m` is for a helper of another machine, which runs through qemu's user emulation;
 * NULL for one of this machine. Emulated, it takes more memory, and a program that cannot be
 * executed looks as if it had ended with 127, because qemu has no vfork.
 */
const char *client_foreign_machine(void);
/* Starts the helper and exchanges magics. */
void client_start(struct client *c);
/* The same with another program. */
void client_start_program(struct client *c, const char *program);
/* Says BYE, expects BYE, a closed pipe and exit status 0. */
void client_stop(struct client *c);
/* Kills the helper (if it lives) and cleans up; no expectations. */
void client_kill(struct client *c);
/* Sends a request and gives its id; false in *sent when the helper is gone. */
uint32_t client_send(struct client *c, uint8_t kind, uint8_t flags, const void *data, size_t n);
/* Sends a frame as it is; false when the helper is gone. */
bool client_frame(struct client *c, const struct frame *f);
/* Sends a request's stream in several DATA frames. */
void client_stream(struct client *c, uint32_t id, const void *content, size_t n);
/* The next frame, or false when the helper closed its output. */
bool client_next(struct client *c, struct frame *f);
/* Receives the answer to a request; false when the helper is gone. */
bool client_answer(struct client *c, uint32_t id, struct answer *a);
/* Sends what a writer holds and receives the answer, which must come. */
enum err_code client_call(struct client *c, uint8_t kind, uint8_t flags,
	const struct msg_writer *w, struct answer *a);
/* Frees an answer. */
void answer_release(struct answer *a);

/* ROOT_OPEN of root 0 with CREATE and LEASE. */
enum err_code client_root(struct client *c, const char *path);

/* VERSION_CHECK on root 0: the state, and the drift as sorted lines "kind path\n". */
struct checked {
	enum err_code code;
	struct wire_check_head head;
	struct strbuf drift; /* lines: "changed", "missing", ... and "+newer", then the path */
};
/* Asks; `flags` are of enum wire_check_flag. */
void client_check(struct client *c, const char *version, const uint8_t *digest, uint8_t flags,
	struct checked *out);
/* Frees the result. */
void checked_release(struct checked *r);

/* VERSION_BEGIN's answer. Strings of the records live as long as it. */
struct planned {
	enum err_code code;
	struct answer answer;
	struct wire_plan *records;
	size_t count;
};
/* Opens a stage of root 0 for a manifest. */
void client_begin(struct client *c, uint8_t stage, const char *version,
	const struct manifest *m, uint8_t flags, uint8_t frame_flags, struct planned *out);
/* The plan of a path; fails the test when there is none. */
const struct wire_plan *planned_find(
	const struct planned *p, const struct manifest *m, const char *path);
/* Frees the plan. */
void planned_release(struct planned *p);

/* FILE_PUT with its stream cut into DATA frames. The answer has no data to release. */
enum err_code client_put(struct client *c, const struct wire_file_put *p, const void *data,
	size_t n, struct answer *a);
/* Sends the content of an entry from its file in a source directory, whole, from offset. */
enum err_code client_put_file(struct client *c, uint8_t stage, const struct manifest *m,
	const struct wire_plan *plan, const char *source);
/* VERSION_COMMIT. */
enum err_code client_commit(struct client *c, uint8_t stage, struct wire_committed *out);
/*
 * Everything: a manifest of the source directory, begin, all files wanted, commit. Returns
 * the first error; the manifest's digest goes to *digest when it is not NULL.
 */
enum err_code client_deploy(struct client *c, const char *version, const char *source,
	uint8_t begin_flags, uint8_t digest[WIRE_DIGEST_SIZE]);

#endif

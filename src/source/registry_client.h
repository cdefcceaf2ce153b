/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client of model-registryd: its entries, and the files of its versions.
 *
 *     struct registry_client *client = registry_client_open(
 *             &(struct registry_client_options){.url = "http://registry:8080"}, err);
 *     const struct value *entry = registry_client_production(client, &arena, "face", err);
 *
 * Entries come as the service has them, as JSON objects in the caller's arena: model_name,
 * version, path, status, creation_timestamp, metadata, and for a version whose files the
 * service keeps, date. What an answer must have for its use is checked by who uses it.
 *
 * One thread at a time. Errors: ERR_NOTFOUND, ERR_EXISTS (the version is there already),
 * ERR_BUSY (it is not any more what it was), ERR_INPUT, ERR_DENIED, ERR_LIMIT, ERR_UNREACHABLE,
 * ERR_PROTOCOL, ERR_INTEGRITY; what the service says of one stands in its text.
 */
#ifndef SOURCE_REGISTRY_CLIENT_H
#define SOURCE_REGISTRY_CLIENT_H

#include "source/source.h"
#include "value/value.h"

/* Bytes of a file that one request carries: so much is sent again after a cut. */
#define REGISTRY_PIECE (8u << 20)
/* The environment: a key, a file that holds it, and CAs to trust. */
#define REGISTRY_KEY_VARIABLE  "MODELFLEET_REGISTRY_KEY"
#define REGISTRY_FILE_VARIABLE "MODELFLEET_REGISTRY_KEY_FILE"
#define REGISTRY_CA_VARIABLE   "MODELFLEET_REGISTRY_CA"

struct registry_client_options {
	const char *url;             /* of the service, without /api */
	const char *key_file;        /* NULL: as the environment says */
	const struct cancel *cancel; /* may be NULL */
	uint64_t rate;               /* bytes a second of a download at most; 0: any */
};

struct registry_client;

/*
 * Makes a client; nothing is asked yet. The key is read here: from options->key_file, else the
 * environment's; without any no key is sent. NULL with err.
 */
struct registry_client *registry_client_open(
	const struct registry_client_options *options, struct err *err);
/* Closes connections and frees it. NULL is fine. */
void registry_client_close(struct registry_client *client);

/* The list of entries, all or those of a model: a LIST in the service's order. */
const struct value *registry_client_list(struct registry_client *client, struct arena *arena,
	const char *model, struct err *err);
/* One entry. `tag` gets its ETag in the arena, NULL where it has none; may be NULL itself. */
const struct value *registry_client_get(struct registry_client *client, struct arena *arena,
	const char *model, int64_t version, const char **tag, struct err *err);
/* The entry in production; ERR_NOTFOUND where there is none. */
const struct value *registry_client_production(struct registry_client *client,
	struct arena *arena, const char *model, struct err *err);
/* Registers an entry, and gives it as it was made. */
const struct value *registry_client_register(struct registry_client *client,
	struct arena *arena, const struct value *entry, struct err *err);
/* Makes a version the production one; with a tag only if it still has it. */
const struct value *registry_client_activate(struct registry_client *client,
	struct arena *arena, const char *model, int64_t version, const char *tag,
	struct err *err);

/*
 * Reports events of the fleet: `body` is JSON, as POST /api/v1/fleet/events takes it. The
 * answer may take so many seconds. ERR_BUSY where the service asks to come again.
 */
int registry_client_report(struct registry_client *client, const char *body, size_t n,
	double seconds, struct err *err);

/* The files of a version that is sealed: {date, files: [{path, size, sha256}]}. */
const struct value *registry_client_files(struct registry_client *client, struct arena *arena,
	const char *model, int64_t version, struct err *err);
/*
 * Appends the files of an answer of registry_client_files. ERR_PROTOCOL for a path that leaves
 * the version, a size or a digest that is none; ERR_LIMIT beyond SOURCE_FILES_MAX.
 */
int registry_client_take_files(
	const struct value *answer, struct source_files *files, struct err *err);

/* A file that is to be sent. */
struct registry_upload {
	const char *path; /* in the version */
	int fd;           /* its content, from offset 0 */
	uint64_t size;
	uint8_t sha256[32];
	/* Told of the bytes that the service has; may be NULL. */
	void (*progress)(void *data, uint64_t done);
	void *progress_data;
	uint64_t sent; /* out: what went over the wire */
};
/*
 * Sends a file of a version that is not sealed. What the service has of it already is not sent
 * again: all of it, or what came before a cut. ERR_INTEGRITY when it got something else.
 */
int registry_client_upload(struct registry_client *client, const char *model, int64_t version,
	struct registry_upload *upload, struct err *err);
/*
 * Seals a version: its files become a version of the store. `request` is an object with any of
 * date and note. Gives {date, outcome, files, bytes}.
 */
const struct value *registry_client_seal(struct registry_client *client, struct arena *arena,
	const char *model, int64_t version, const struct value *request, struct err *err);
/* Brings a file; size and digest (hex) are compared, and a part goes on where it was cut. */
int registry_client_download(struct registry_client *client, const char *model, int64_t version,
	const struct source_file *file, struct source_fetch *fetch, struct err *err);

#endif

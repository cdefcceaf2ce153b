/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the registry's client share. Internal to the room.
 */
#ifndef SOURCE_REGISTRY_CLIENT_PRIVATE_H
#define SOURCE_REGISTRY_CLIENT_PRIVATE_H

#include "source/kind.h"
#include "source/registry_client.h"

/* How the service is spoken to. */
struct source_server *registry_server(struct registry_client *client);
/* Appends the address of a file of a version. */
void registry_file_url(const struct registry_client *client, const char *model, int64_t version,
	const char *path, struct strbuf *url);
/* Posts a value as JSON, and gives the answer. */
const struct value *registry_post(struct registry_client *client, struct arena *arena,
	const char *url, const struct value *body, struct err *err);
#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The routes of versions' files, and of activations that are commits of the site. They are
 * there where the configuration names a site or a store.
 *
 *     GET    .../models/MODEL/VERSION/files         what it has, once it is sealed
 *     GET    .../models/MODEL/VERSION/files/PATH    also HEAD, Range, If-None-Match
 *     PUT    .../models/MODEL/VERSION/files/PATH    whole, or a part by Content-Range
 *     POST   .../models/MODEL/VERSION/files/commit  seals what was uploaded
 *     DELETE .../models/MODEL/VERSION/files         drops what was uploaded
 *
 * A file's ETag is its SHA-256 in hex; Repr-Digest (RFC 9530) has it, too, and is compared
 * where a PUT brings it. Upload-Offset tells how much of a file that is not whole is there.
 */
#ifndef REGISTRYD_FILES_API_H
#define REGISTRYD_FILES_API_H

#include "daemons/registryd/files_backend.h"
#include "daemons/registryd/truth.h"
#include "http/serve.h"

struct registryd;

/* The routes of files, and those that take the place of others where there is a site. */
extern const struct http_route files_routes[], truth_routes[];

/* What keeps files; of the configuration, all NULL where it names neither site nor store. */
struct files_service {
	struct files *files; /* of a store on disk: the truth's, or its own */
	struct files_s3 *s3; /* of a store in S3 */
	struct files_keeper keeper;
	struct truth *truth; /* NULL: a store without a site */
	struct truth_watch *watch;
	struct cancel cancel; /* ends imports, and waits for S3 */
	bool cancels;         /* it is there */
};

/*
 * Opens what the configuration names, and makes model_registry.yaml's current versions
 * production. -1 with err.
 */
int files_service_start(struct registryd *r, struct err *err);
/* Ends imports under way, so that the server can stop. */
void files_service_cancel(struct registryd *r);
/* Ends it; the server has stopped. */
void files_service_stop(struct registryd *r);
/* 0 if a version may be registered with this date; else the reason. */
int files_service_check_date(
	struct registryd *r, const struct files_version *version, struct err *err);

#endif

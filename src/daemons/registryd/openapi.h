/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OpenAPI 3.1 document of the service, made from its table of routes: what a route's
 * `about` says is what the document says, so that neither can be without the other.
 */
#ifndef REGISTRYD_OPENAPI_H
#define REGISTRYD_OPENAPI_H

#include "daemons/registryd/role.h"
#include "http/serve.h"

/* A member of a query. */
struct api_query {
	const char *name;
	const char *schema; /* JSON */
	const char *what;
};

/* An answer. Problems that any route may answer with are added by themselves. */
struct api_reply {
	unsigned status;
	const char *schema; /* a name of components/schemas; NULL: no body */
	const char *type;   /* NULL: application/json */
};

#define API_REPLIES  4
#define API_PROBLEMS 8

/* What every route's `about` points to. */
struct api_about {
	const char *id;                        /* operationId */
	const char *what;                      /* one sentence */
	enum role role;                        /* who may; ROLE_NOBODY: everybody */
	bool change;                           /* what it does belongs into the audit log */
	const char *names[HTTP_SEGMENTS_MAX];  /* of the path's open segments */
	const struct api_query *query;         /* ends with an all-zero one; may be NULL */
	const char *body;                      /* a name of components/schemas, or NULL */
	const char *body_type;                 /* NULL: application/json */
	struct api_reply replies[API_REPLIES]; /* ends with an all-zero one, or is full */
	unsigned problems[API_PROBLEMS];       /* statuses; ends with 0, or is full */
};

/* Appends the document of a table of routes, each of which has an `about`. */
void openapi_write(const struct http_route *routes, const char *version, struct strbuf *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the OpenAPI document that no route tells. */
#ifndef REGISTRYD_OPENAPI_SCHEMAS_H
#define REGISTRYD_OPENAPI_SCHEMAS_H

#include <stdbool.h>

/* The member `components`: openapi_components.json. */
extern const char openapi_components[];
/* True if components/schemas has that name. */
bool openapi_has_schema(const char *name);
/* The schema of an open segment of a path, as JSON. */
const char *openapi_segment(const char *name);
/* A status in a few words. */
const char *openapi_status(unsigned status);

#endif

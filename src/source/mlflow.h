/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOURCE_MLFLOW_H
#define SOURCE_MLFLOW_H

#include "source/kind.h"

/*
 * Appends the files below an artifact URI, with paths relative to it. Who can tell depends on
 * the URI: the server's own artifact API (mlflow-artifacts:), the logged model (MLflow 3), or
 * the run that made the version.
 */
int mlflow_list(struct source_server *s, const char *uri, const struct source_version *v,
	struct source_files *files, struct err *err);

#endif

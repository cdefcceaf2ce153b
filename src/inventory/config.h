/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings: ansible.cfg and the environment.
 *
 * The file is the first of $ANSIBLE_CONFIG (a file, or a directory that holds ansible.cfg),
 * ./ansible.cfg (unless the working directory is writable for everybody), ~/.ansible.cfg and
 * /etc/ansible/ansible.cfg. An environment variable beats the file, the file beats the default.
 * Where a setting has several names, the last one listed in the table of config.c wins.
 *
 * Every setting remembers where it came from. Values of type path are made absolute: against
 * the directory of the file when written there, else against the working directory.
 */
#ifndef INVENTORY_CONFIG_H
#define INVENTORY_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

enum config_key {
	CONFIG_INVENTORY,                /* path list: inventory sources when no -i is given */
	CONFIG_FORKS,                    /* integer */
	CONFIG_REMOTE_USER,              /* text or unset */
	CONFIG_REMOTE_PORT,              /* integer or unset */
	CONFIG_PRIVATE_KEY_FILE,         /* path or unset */
	CONFIG_HOST_KEY_CHECKING,        /* boolean */
	CONFIG_TIMEOUT,                  /* integer, seconds */
	CONFIG_TRANSPORT,                /* text */
	CONFIG_VAULT_PASSWORD_FILE,      /* path or unset */
	CONFIG_VAULT_IDENTITY_LIST,      /* list of ID@SOURCE */
	CONFIG_VAULT_IDENTITY,           /* text */
	CONFIG_VAULT_ID_MATCH,           /* boolean */
	CONFIG_ASK_VAULT_PASS,           /* boolean */
	CONFIG_BECOME,                   /* boolean */
	CONFIG_BECOME_METHOD,            /* text */
	CONFIG_BECOME_USER,              /* text */
	CONFIG_BECOME_EXE,               /* text or unset */
	CONFIG_BECOME_FLAGS,             /* text or unset */
	CONFIG_BECOME_ASK_PASS,          /* boolean */
	CONFIG_BECOME_PASSWORD_FILE,     /* path or unset */
	CONFIG_CONNECTION_PASSWORD_FILE, /* path or unset */
	CONFIG_HASH_BEHAVIOUR,           /* "replace" or "merge" */
	CONFIG_ANY_CONDITION,            /* boolean: conditions count by their truth */
	CONFIG_ROLES_PATH,               /* path list */
	CONFIG_PRECEDENCE,               /* list: order of the group layers */
	CONFIG_PLAYBOOK_DIR,             /* path or unset */
	CONFIG_FORCE_VALID_GROUP_NAMES,  /* always, silently, ignore or never */
	CONFIG_HOST_PATTERN_MISMATCH,    /* warning, error or ignore */
	CONFIG_INVENTORY_ENABLED,        /* list of readers, in the order they are tried */
	CONFIG_INVENTORY_IGNORE_EXTENSIONS,   /* list */
	CONFIG_INVENTORY_IGNORE_PATTERNS,     /* list of regular expressions */
	CONFIG_INVENTORY_UNPARSED_FAILED,     /* boolean: nothing parsed is an error */
	CONFIG_INVENTORY_ANY_UNPARSED_FAILED, /* boolean: any source not parsed is an error */
	CONFIG_INVENTORY_EXPORT,              /* boolean */
	CONFIG_SSH_ARGS,                      /* text */
	CONFIG_SSH_COMMON_ARGS,               /* text */
	CONFIG_SSH_EXTRA_ARGS,                /* text */
	CONFIG_SSH_EXECUTABLE,                /* text */
	CONFIG_SSH_RETRIES,                   /* integer */
	CONFIG_PIPELINING,                    /* boolean */
	CONFIG_FORCE_HANDLERS,                /* boolean */
	CONFIG_RUN_TAGS,                      /* list: --tags where there is none */
	CONFIG_SKIP_TAGS,                     /* list */
	CONFIG_DIFF_ALWAYS,                   /* boolean */
	CONFIG_STDOUT_CALLBACK,               /* text: the output of run-playbook */
	CONFIG_DISPLAY_SKIPPED_HOSTS,         /* boolean */
	CONFIG_DISPLAY_OK_HOSTS,              /* boolean */
	CONFIG_CHECK_MODE_MARKERS,            /* boolean */
	CONFIG_RETRY_FILES_ENABLED,           /* boolean */
	CONFIG_RETRY_FILES_SAVE_PATH,         /* path or unset */
	CONFIG_DEPRECATION_WARNINGS,          /* boolean */
	CONFIG_LIBRARY,                       /* path list or unset: modules of others */
	CONFIG_MODULE_UTILS,                  /* path list or unset */
	CONFIG_ACTION_PLUGINS,                /* path list or unset */
	CONFIG_COLLECTIONS_PATH,              /* path list or unset */
	CONFIG_INTERPRETER_PYTHON,            /* text or unset */
	CONFIG_SHOW_CUSTOM_STATS,             /* boolean */
	CONFIG_DISPLAY_FAILED_STDERR,         /* boolean */
	CONFIG_SHOW_TASK_PATH_ON_FAILURE,     /* boolean */
	CONFIG_PRETTY_RESULTS,                /* boolean or unset */
	CONFIG_RESULT_FORMAT,                 /* text: "json" or "yaml" */
	CONFIG_JSON_INDENT,                   /* integer: of the output "json" */
	CONFIG_REGISTRY_URL,                  /* text or unset: of model-registryd */
	CONFIG_KEY_COUNT
};

enum config_origin { CONFIG_DEFAULT, CONFIG_FILE, CONFIG_ENVIRONMENT };

struct config_setting {
	const char *text; /* as used: unquoted, paths absolute; NULL when unset */
	enum config_origin origin;
	struct place place; /* CONFIG_FILE: file and line */
	const char *name;   /* the variable's name, or "section.key" of the file */
};

/* All settings; strings live in the arena that config_load was given. */
struct config {
	const char *file; /* the file that was read, or NULL */
	struct config_setting settings[CONFIG_KEY_COUNT];
};

/*
 * Finds and reads the settings. A file that cannot be read or has a syntax error, and a value
 * of the wrong type, are errors (-1). That a file in a public directory was passed over is a
 * warning in `diags`.
 */
int config_load(
	struct config *config, struct arena *arena, struct diags *diags, struct err *err);
/* The same with a given file (NULL for none): for tests and --config. */
int config_load_file(
	struct config *config, const char *file, struct arena *arena, struct err *err);
/* The text of a setting, or NULL when it is unset. */
const char *config_text(const struct config *config, enum config_key key);
/* The number of an integer setting, or `unset` when it has none. */
int64_t config_int(const struct config *config, enum config_key key, int64_t unset);
/* The truth of a boolean setting. */
bool config_bool(const struct config *config, enum config_key key);
/* Appends the members of a list (between commas) or path list (between colons) to `out`. */
void config_list(const struct config *config, enum config_key key, struct strlist *out);
/* Appends where a setting came from: "default", "ansible.cfg:3 (defaults.forks)" ... */
void config_explain(const struct config *config, enum config_key key, struct strbuf *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The version store: ROOT/MODEL/VERSION/, with VERSION a date. A store is an interface, because
 * it lies on this machine or on another host; store_open_local makes the first kind.
 *
 * What is not a version is ignored when listing: names that are no date, files, the store's own
 * `.fleet` directory (lock, caches), `coral_packages`. A model or version directory that is a
 * symbolic link out of the store is an error wherever it is met: what it names could change
 * without the store knowing.
 *
 * A store may be used by several threads at once. Directories are opened component by
 * component, never through a link that leaves the store.
 */
#ifndef REGISTRY_STORE_H
#define REGISTRY_STORE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "registry/registry.h"
#include "tree/manifest.h"
#include "tree/usage.h"

#define STORE_FLEET_DIR ".fleet" /* the store's own files, below its root */
#define STORE_CORAL_DIR "coral_packages"
#define STORE_NAMES_MAX 100000      /* entries of one directory of the store */
#define STORE_NOTE_MAX  (16u << 20) /* a file of the store's own that commands read */

struct store;

/* What a kind of store can do. Each returns -1 with err on failure. */
struct store_ops {
	const char *kind; /* "local", "remote" */
	/* Appends the names of the model directories, sorted. */
	int (*list_models)(struct store *s, struct strlist *out, struct err *err);
	/* Appends the versions of a model, oldest first; ERR_NOTFOUND: no such model. */
	int (*list_versions)(
		struct store *s, const char *model, struct strlist *out, struct err *err);
	/*
	 * Makes sure that a version is there: ERR_NOTFOUND when model or version is not,
	 * ERR_INPUT when what is there cannot be one (a link out of the store, a file).
	 */
	int (*check_version)(
		struct store *s, const char *model, const char *version, struct err *err);
	/*
	 * Reads the manifest of a version, hashing only files that changed since the last time;
	 * with a model, as its globs make it (store_file_verdict). The caller releases it.
	 */
	int (*read_manifest)(struct store *s, const char *name, const char *version,
		const struct model *model, const struct cancel *cancel, struct manifest *out,
		struct err *err);
	/* Opens a file of a version for reading; returns a descriptor that the caller closes.
	 */
	int (*open_file)(struct store *s, const char *model, const char *version,
		const char *path, struct err *err);
	/* What a version takes, and what its removal would give back. */
	int (*version_usage)(struct store *s, const char *model, const char *version,
		struct tree_usage *out, struct err *err);
	/*
	 * Appends "MODEL/VERSION", sorted, for each version that a symbolic link of the store
	 * leads to: such a version must not go.
	 */
	int (*linked_versions)(struct store *s, struct strlist *out, struct err *err);
	/*
	 * Removes a version: it leaves its name in one step, for ROOT/.fleet/trash, and is
	 * unlinked there with whatever an earlier removal left. A crash leaves it whole under
	 * its name or gone from it. Adds to *freed what the disk got back. ERR_NOTFOUND when it
	 * is not there, ERR_INPUT when it is no directory.
	 */
	int (*remove_version)(struct store *s, const char *model, const char *version,
		uint64_t *freed, struct err *err);
	/* Unlinks what a removal left that was interrupted; adds to *freed likewise. */
	int (*empty_trash)(struct store *s, uint64_t *freed, struct err *err);
	/* Reads ROOT/.fleet/NAME, of at most STORE_NOTE_MAX bytes. ERR_NOTFOUND. */
	int (*read_note)(
		struct store *s, const char *name, struct strbuf *out, struct err *err);
	/* Replaces ROOT/.fleet/NAME in one step. The caller holds the site's lock. */
	int (*write_note)(
		struct store *s, const char *name, const void *data, size_t n, struct err *err);
	/* Frees the store. */
	void (*free)(struct store *s);
};

/* The head of every store; kinds put theirs behind it. */
struct store {
	const struct store_ops *ops;
	char *location; /* for messages: "/srv/models", "data1:/srv/models" */
};

/*
 * Opens a store that is a directory of this machine. Its caches lie in ROOT/.fleet, or in the
 * user's cache directory where that cannot be written. ERR_NOTFOUND when root is not there.
 */
struct store *store_open_local(const char *root, struct err *err);
/*
 * What a model's globs say of a file of one of its versions: a manifest_filter whose argument
 * is the `struct model`.
 */
unsigned store_file_verdict(void *model, const char *path, enum manifest_kind kind);
/* Frees a store; NULL is fine. */
void store_free(struct store *s);

/* list_models of the store's kind. */
int store_list_models(struct store *s, struct strlist *out, struct err *err);
/* list_versions of the store's kind; a model that is no path component is refused here. */
int store_list_versions(
	struct store *s, const char *model, struct strlist *out, struct err *err);
/* check_version of the store's kind; names are checked here. */
int store_check_version(
	struct store *s, const char *model, const char *version, struct err *err);
/* Reads the manifest of all that a version's directory holds; names are checked here. */
int store_read_manifest(struct store *s, const char *model, const char *version,
	const struct cancel *cancel, struct manifest *out, struct err *err);
/*
 * Reads the manifest of what hosts get of a version: without what the model excludes, with
 * initial_only and immutable files flagged. What is excluded is not even looked at.
 */
int store_read_model(struct store *s, const struct model *model, const char *version,
	const struct cancel *cancel, struct manifest *out, struct err *err);
/* open_file of the store's kind; names are checked here. */
int store_open_file(struct store *s, const char *model, const char *version, const char *path,
	struct err *err);
/* The bytes of all files of a version as they lie there; names are checked here. */
int store_version_size(struct store *s, const char *model, const char *version, uint64_t *bytes,
	struct err *err);
/* version_usage of the store's kind; names are checked here. */
int store_version_usage(struct store *s, const char *model, const char *version,
	struct tree_usage *out, struct err *err);
/* linked_versions of the store's kind. */
int store_linked_versions(struct store *s, struct strlist *out, struct err *err);
/*
 * remove_version of the store's kind; names are checked here, and STORE_CORAL_DIR is refused.
 * The caller holds the site's lock.
 */
int store_remove_version(struct store *s, const char *model, const char *version,
	uint64_t *freed, struct err *err);
/* empty_trash of the store's kind. The caller holds the site's lock. */
int store_empty_trash(struct store *s, uint64_t *freed, struct err *err);
/*
 * read_note of the store's kind; a name is letters, digits, '-' and '.', no '.' in front, with
 * ".json" at its end, as no file has that the store keeps for itself.
 */
int store_read_note(struct store *s, const char *name, struct strbuf *out, struct err *err);
/* write_note of the store's kind. */
int store_write_note(
	struct store *s, const char *name, const void *data, size_t n, struct err *err);

#endif

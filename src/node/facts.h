/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the module facts share. A collector adds facts of one kind to the open
 * dict of the result, by their full names; what the node does not have is left out.
 *
 * Files are read below `root`. Where it is not "", it is a tree that stands for another
 * system: the kernel, which is ours, is not asked then, and no program is run.
 */
#ifndef NODE_FACTS_H
#define NODE_FACTS_H

#include "node/module.h"

#define FACTS_FILE_MAX    (1u << 20) /* bytes of a file that facts are read from */
#define FACTS_NAMES_MAX   4096u      /* names of a directory that are looked at */
#define FACTS_PROGRAM_MAX (4u << 20) /* bytes that a program may print */

struct facts {
	struct node_call *call;
	struct arena *arena;
	struct item_writer *out;
	const char *root;      /* "" or an absolute path */
	const char *fact_path; /* of local facts */
	double timeout;        /* seconds for what may hang: mounts, programs */
	struct strlist warnings;
	/* What later collectors ask; "" before it is known. */
	const char *distribution, *major_version, *family;
};

/* A collector: facts of one kind. */
typedef int (*facts_collect)(struct facts *f, struct err *err);

/* Kernel, architecture, and the names of the host. */
int facts_platform(struct facts *f, struct err *err);
/* The full name that belongs to the name of a host; the same name where there is none. */
int facts_fqdn(struct facts *f, const char *nodename, const char **fqdn, struct err *err);
/* The distribution and its family. */
int facts_distribution(struct facts *f, struct err *err);
/* What lsb_release tells. */
int facts_lsb(struct facts *f, struct err *err);
/* SELinux. */
int facts_selinux(struct facts *f, struct err *err);
/* AppArmor. */
int facts_apparmor(struct facts *f, struct err *err);
/* Whether / is the system's root. */
int facts_chroot(struct facts *f, struct err *err);
/* The kernel's FIPS mode. */
int facts_fips(struct facts *f, struct err *err);
/* What the helper's process may do. */
int facts_caps(struct facts *f, struct err *err);
/* The service manager. */
int facts_service_mgr(struct facts *f, struct err *err);
/* The package manager. */
int facts_pkg_mgr(struct facts *f, struct err *err);
/* The kernel's command line. */
int facts_cmdline(struct facts *f, struct err *err);
/* The clock. */
int facts_date_time(struct facts *f, struct err *err);
/* The environment. */
int facts_env(struct facts *f, struct err *err);
/* How busy the node is. */
int facts_loadavg(struct facts *f, struct err *err);
/* The public keys of sshd. */
int facts_ssh_keys(struct facts *f, struct err *err);
/* The user that the helper runs as. */
int facts_user(struct facts *f, struct err *err);
/* What the node is a guest in, or a host for. */
int facts_virtual(struct facts *f, struct err *err);
/* All of the following six. */
int facts_hardware(struct facts *f, struct err *err);
/* Processors. */
int facts_cpu(struct facts *f, struct err *err);
/* Memory and how long the node is up. */
int facts_memory(struct facts *f, struct err *err);
/* What the firmware tells of board, chassis and product. */
int facts_dmi(struct facts *f, struct err *err);
/* Disks and their partitions. */
int facts_devices(struct facts *f, struct err *err);
/* Volume groups, logical and physical volumes. */
int facts_lvm(struct facts *f, struct err *err);
/* What is mounted, and how full it is. */
int facts_mounts(struct facts *f, struct err *err);
/* The resolver's configuration. */
int facts_dns(struct facts *f, struct err *err);
/* World-wide names of Fibre Channel ports. */
int facts_fibre_channel(struct facts *f, struct err *err);
/* The name of the iSCSI initiator. */
int facts_iscsi(struct facts *f, struct err *err);
/* The name of the host for NVMe over fabrics. */
int facts_nvme(struct facts *f, struct err *err);
/* Interfaces, addresses, and the way out. */
int facts_network(struct facts *f, struct err *err);
/* The files of facts_path, as they are: the engine reads them. */
int facts_local(struct facts *f, struct err *err);

/* ---- which collectors ---- */

struct facts_collector {
	const char *name;
	bool minimal;           /* stays where "all" is left out */
	const char *const *ids; /* further names of it; NULL: none */
	unsigned needs;         /* bits of FACTS_NEEDS */
	facts_collect collect;  /* NULL: it tells nothing here */
};

#define FACTS_NEEDS_PLATFORM     1u /* of the first collector */
#define FACTS_NEEDS_DISTRIBUTION 2u /* of the second */

/* The collectors that gather_subset asks for, a bit for each; -1 with err. */
int facts_choose(const struct facts_collector *collectors, size_t count,
	const char *const *subset, uint32_t *chosen, struct err *err);

/* ---- other modules that tell facts ---- */

/* What reading needs, for a module's call: of this system, and with its time. */
struct facts facts_begin(struct node_call *c);
/* Adds the warnings to the result, whose top dict is open, and frees what is held. */
void facts_end(struct facts *f);

/* ---- reading ---- */

/* A path below the root. */
const char *facts_path(const struct facts *f, const char *path);
/* A path made by a format, below the root. */
const char *facts_pathf(const struct facts *f, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A file's whole text without white space around it; NULL when it is empty or unreadable. */
const char *facts_text(const struct facts *f, const char *path);
/* The same, "" instead of NULL. */
const char *facts_text_or_empty(const struct facts *f, const char *path);
/* The first line of that; NULL likewise. */
const char *facts_line(const struct facts *f, const char *path);
/* The names of a directory in their order; NULL-terminated, empty where there is none. */
const char *const *facts_names(const struct facts *f, const char *path);
/* What a link says; NULL where there is none. */
const char *facts_link(const struct facts *f, const char *path);
/* True if a path is there. */
bool facts_exists(const struct facts *f, const char *path);
/* The path of a program where Ansible looks for it, or NULL. */
const char *facts_program(const struct facts *f, const char *name);
/*
 * What a program prints when it ends with 0, else NULL in *out. -1 with err only when the
 * engine is gone. With a root nothing is run.
 */
int facts_run(struct facts *f, const char *const *argv, const char **out, struct err *err);

/* The next line of a text, without white space at its end; NULL behind the last. */
const char *facts_next_line(struct arena *a, const char **text);
/* The words of a line, NULL-terminated. */
const char *const *facts_words(struct arena *a, const char *line);
/* The text behind "KEY" and a separator in a line, its spaces taken away, or NULL. */
const char *facts_value(const char *line, const char *key, char separator);
/* Puts a text, or null for NULL. */
void facts_put(struct facts *f, const char *key, const char *text);

#endif

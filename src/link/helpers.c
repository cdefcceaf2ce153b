/* SPDX-License-Identifier: Apache-2.0 */
#include "link/helpers.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "base/vec.h"
#include "crypto/digest.h"

#define HELPER_MAX_BYTES (64 << 20)

/* Names that `uname -m` has for one kind of machine. */
static const struct {
	const char *uname;
	const char *machine;
} machine_names[] = {
	{"x86_64", "x86_64"},
	{"amd64", "x86_64"},
	{"aarch64", "aarch64"},
	{"arm64", "aarch64"},
	{"armv7l", "armhf"},
	{"armv8l", "armhf"},
	{"armhf", "armhf"},
};

/* Our name for a machine; the given one where we have none. */
static const char *machine_name(const char *uname_machine)
{
	for (size_t i = 0; i < ARRAY_SIZE(machine_names); i++)
		if (strcmp(machine_names[i].uname, uname_machine) == 0)
			return machine_names[i].machine;
	return uname_machine;
}

/* Digest and size of a program. */
static int measure(struct link_helper *helper, struct err *err)
{
	autofd int fd = open(helper->path, O_RDONLY | O_CLOEXEC);
	unsigned char digest[DIGEST_MAX];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, "cannot read the node helper %s", helper->path);
	if (!S_ISREG(st.st_mode) || st.st_size == 0 || st.st_size > HELPER_MAX_BYTES)
		return err_set(err, ERR_INPUT, "%s is not a node helper", helper->path);
	if (digest_fd(DIGEST_SHA256, fd, digest, err) < 0)
		return err_wrap(err, "node helper %s", helper->path);
	helper->size = (size_t)st.st_size;
	hex_encode(digest, (LINK_DIGEST_HEX - 1) / 2, helper->digest);
	return 0;
}

static void helper_release(struct link_helper *helper)
{
	free(helper->machine);
	free(helper->path);
	*helper = (struct link_helper){0};
}

int link_helpers_add(
	struct link_helpers *h, const char *machine, const char *path, struct err *err)
{
	struct link_helper helper = {
		.machine = xstrdup(machine_name(machine)), .path = xstrdup(path)};

	if (measure(&helper, err) < 0) {
		helper_release(&helper);
		return -1;
	}
	for (size_t i = 0; i < h->count; i++) {
		if (strcmp(h->items[i].machine, helper.machine) == 0) {
			struct link_helper former = h->items[i];
			h->items[i] = helper;
			helper_release(&former);
			return 0;
		}
	}
	*VEC_PUSH(h) = helper;
	return 0;
}

static const char *const built_machines[] = {"x86_64", "aarch64", "armhf"};

/* Adds DIR/SUB/MACHINE/modelfleet-node for every machine that has one. */
static int load_machines(
	struct link_helpers *h, const char *dir, const char *sub, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(built_machines); i++) {
		const char *machine = built_machines[i];
		autofree char *path = xasprintf("%s%s/%s/modelfleet-node", dir, sub, machine);
		if (path_exists(path) && link_helpers_add(h, machine, path, err) < 0)
			return -1;
	}
	return 0;
}

int link_helpers_load(struct link_helpers *h, const char *dir, struct err *err)
{
	autofree char *own = path_join(dir, "modelfleet-node");
	struct utsname here;

	if (path_exists(own) && uname(&here) == 0 &&
		link_helpers_add(h, here.machine, own, err) < 0)
		return -1;
	if (load_machines(h, dir, "", err) < 0 || load_machines(h, dir, "/node", err) < 0)
		return -1;
	if (h->count == 0)
		return err_set(err, ERR_NOTFOUND,
			"there is no node helper (modelfleet-node or MACHINE/modelfleet-node) "
			"in %s; build or install one",
			dir);
	return 0;
}

const struct link_helper *link_helpers_find(const struct link_helpers *h, const char *machine)
{
	const char *name = machine_name(machine);

	for (size_t i = 0; h && i < h->count; i++)
		if (strcmp(h->items[i].machine, name) == 0)
			return &h->items[i];
	return NULL;
}

bool link_helpers_exist_for(const char *machine)
{
	const char *name = machine_name(machine);

	for (size_t i = 0; i < ARRAY_SIZE(built_machines); i++)
		if (strcmp(built_machines[i], name) == 0)
			return true;
	return false;
}

void link_helpers_list(const struct link_helpers *h, struct strbuf *out)
{
	for (size_t i = 0; h && i < h->count; i++)
		strbuf_addf(out, "%s%s", i ? ", " : "", h->items[i].machine);
}

void link_helpers_release(struct link_helpers *h)
{
	for (size_t i = 0; i < h->count; i++)
		helper_release(&h->items[i]);
	free(h->items);
	*h = (struct link_helpers){0};
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disks and their partitions, from /sys/block, and the names that udev gave them.
 */
#include "base/path.h"
#include "base/str.h"
#include "base/vec.h"
#include "node/facts.h"

#define KINDS 4

/* The names of devices by kind: links of udev, and who is made of them. */
static const char *const kinds[KINDS] = {"ids", "uuids", "labels", "masters"};

/* One name of a device. */
struct alias {
	const char *device, *name;
};

struct aliases {
	struct alias *items;
	size_t count, cap;
};

struct disks {
	struct facts *f;
	struct aliases of[KINDS];
	const char *pci; /* what lspci says; NULL before it is asked, or without it */
	bool asked;
};

static void add_alias(struct aliases *all, const char *device, const char *name)
{
	*VEC_PUSH(all) = (struct alias){.device = device, .name = name};
}

static void read_links(struct facts *f, struct aliases *all, const char *directory)
{
	for (const char *const *name = facts_names(f, directory); *name; name++) {
		const char *target =
			facts_link(f, arena_printf(f->arena, "%s/%s", directory, *name));
		if (target)
			add_alias(all, path_basename(target), *name);
	}
}

static void read_aliases(struct disks *d)
{
	struct facts *f = d->f;

	read_links(f, &d->of[0], "/dev/disk/by-id");
	read_links(f, &d->of[1], "/dev/disk/by-uuid");
	read_links(f, &d->of[2], "/dev/disk/by-label");
	for (const char *const *block = facts_names(f, "/sys/block"); *block; block++) {
		const char *slaves = arena_printf(f->arena, "/sys/block/%s/slaves", *block);
		for (const char *const *s = facts_names(f, slaves); *s; s++)
			add_alias(&d->of[3], *s, *block);
	}
}

/* The names of one device in a list. */
static void tell_names(
	struct facts *f, const char *key, const struct aliases *all, const char *device)
{
	item_open_list(f->out, key);
	for (size_t i = 0; i < all->count; i++)
		if (strcmp(all->items[i].device, device) == 0)
			facts_put(f, NULL, all->items[i].name);
	item_close(f->out);
}

static void tell_links(struct disks *d, const char *device)
{
	item_open_dict(d->f->out, "links");
	for (size_t k = 0; k < KINDS; k++)
		tell_names(d->f, kinds[k], &d->of[k], device);
	item_close(d->f->out);
}

/* All devices with their names, each once. */
static void tell_all_links(struct disks *d)
{
	item_open_dict(d->f->out, "ansible_device_links");
	for (size_t k = 0; k < KINDS; k++) {
		AUTO(strlist_release) struct strlist told = {0};
		item_open_dict(d->f->out, kinds[k]);
		for (size_t i = 0; i < d->of[k].count; i++) {
			const char *device = d->of[k].items[i].device;
			if (strlist_has(&told, device))
				continue;
			strlist_add(&told, device);
			tell_names(d->f, device, &d->of[k], device);
		}
		item_close(d->f->out);
	}
	item_close(d->f->out);
}

static const char *attribute(const struct facts *f, const char *directory, const char *name)
{
	return facts_text(f, arena_printf(f->arena, "%s/%s", directory, name));
}

/* Sectors of 512 bytes, as people read it: powers of 1024 under the names of others. */
static const char *human_size(const struct facts *f, const char *sectors)
{
	static const char *const units[] = {
		"Bytes", "KB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"};
	double size = strtod(sectors, NULL) * 512;
	size_t unit = 0;

	for (; size >= 1024 && unit + 1 < ARRAY_SIZE(units); unit++)
		size /= 1024;
	return arena_printf(f->arena, "%.2f %s", size, units[unit]);
}

static void tell_sector_size(struct facts *f, const char *directory)
{
	const char *size = attribute(f, directory, "queue/logical_block_size");

	if (!size)
		size = attribute(f, directory, "queue/hw_sector_size");
	if (size)
		facts_put(f, "sectorsize", size);
	else
		item_put_int(f->out, "sectorsize", 512);
}

/* Mapped devices that lie on it, by the names of the mapping. */
static void tell_holders(struct facts *f, const char *directory)
{
	const char *holders = arena_printf(f->arena, "%s/holders", directory);

	item_open_list(f->out, "holders");
	for (const char *const *holder = facts_names(f, holders); *holder; holder++) {
		if (!str_starts(*holder, "dm-"))
			continue;
		const char *name = facts_text(
			f, arena_printf(f->arena, "%s/%s/dm/name", holders, *holder));
		facts_put(f, NULL, name ? name : *holder);
	}
	item_close(f->out);
}

static void put_or_zero(struct facts *f, const char *key, const char *text)
{
	if (text)
		facts_put(f, key, text);
	else
		item_put_int(f->out, key, 0);
}

static void tell_partition(struct disks *d, const char *directory, const char *name)
{
	struct facts *f = d->f;
	const char *sectors = attribute(f, directory, "size");
	const char *uuid = NULL;

	for (size_t i = 0; i < d->of[1].count; i++)
		if (strcmp(d->of[1].items[i].device, name) == 0)
			uuid = d->of[1].items[i].name;
	item_open_dict(f->out, name);
	tell_links(d, name);
	put_or_zero(f, "start", attribute(f, directory, "start"));
	put_or_zero(f, "sectors", sectors);
	tell_sector_size(f, directory);
	facts_put(f, "size", human_size(f, sectors ? sectors : "0"));
	facts_put(f, "uuid", uuid);
	tell_holders(f, directory);
	item_close(f->out);
}

static void tell_partitions(struct disks *d, const char *directory, const char *disk)
{
	struct facts *f = d->f;

	item_open_dict(f->out, "partitions");
	for (const char *const *name = facts_names(f, directory); *name; name++) {
		const char *rest = *name + strlen(disk);
		if (!str_starts(*name, disk))
			continue;
		rest += *rest == 'p';
		if (*rest && !rest[strspn(rest, "0123456789")])
			tell_partition(
				d, arena_printf(f->arena, "%s/%s", directory, *name), *name);
	}
	item_close(f->out);
}

/* "0000:00:1f.2" in a path: the last that is there, of the disk's own controller. */
static const char *pci_address(const struct facts *f, const char *path)
{
	static const char form[] = "xxxx:xx:xx.x";
	const char *found = NULL;

	for (const char *at = strchr(path, '/'); at; at = strchr(at + 1, '/')) {
		size_t i = 0;
		while (form[i] && (form[i] == 'x' ? at[i + 1] && strchr("0123456789abcdef",
									 at[i + 1]) != NULL
						  : at[i + 1] == form[i]))
			i++;
		if (!form[i] && at[i + 1] == '/')
			found = arena_strndup(f->arena, at + 1, i);
	}
	return found;
}

/* The controller of a disk, in the words of lspci where that is installed. */
static int tell_controller(struct disks *d, const char *path, struct err *err)
{
	const char *const argv[] = {"lspci", "-D", NULL};
	const char *address = pci_address(d->f, path), *line, *text;

	if (address && !d->asked && facts_program(d->f, "lspci")) {
		d->asked = true;
		if (facts_run(d->f, argv, &d->pci, err) < 0)
			return -1;
	}
	text = address && d->pci ? d->pci : "";
	while ((line = facts_next_line(d->f->arena, &text))) {
		const char *value = facts_value(line, address, ' ');
		if (value) {
			facts_put(d->f, "host", value);
			return 0;
		}
	}
	facts_put(d->f, "host", "");
	return 0;
}

/* The word in brackets. */
static const char *scheduler(const struct facts *f, const char *directory)
{
	const char *text = attribute(f, directory, "queue/scheduler");
	const char *open = text ? strchr(text, '[') : NULL;

	return open ? arena_strndup(f->arena, open + 1, strcspn(open + 1, "]")) : "";
}

static void tell_identity(struct disks *d, const char *directory, const char *disk)
{
	static const char *const names[] = {
		"vendor", "model", "sas_address", "sas_device_handle"};
	struct facts *f = d->f;
	const char *serial = attribute(f, directory, "device/serial"), *wwn = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		facts_put(f, names[i],
			attribute(f, directory, arena_printf(f->arena, "device/%s", names[i])));
	if (serial)
		facts_put(f, "serial", serial);
	for (size_t i = 0; i < d->of[0].count; i++) {
		const struct alias *a = &d->of[0].items[i];
		if (strcmp(a->device, disk) == 0 && str_starts(a->name, "wwn-"))
			wwn = a->name + strlen("wwn-");
	}
	if (wwn)
		facts_put(f, "wwn", wwn);
}

static int tell_disk(struct disks *d, const char *block, struct err *err)
{
	struct facts *f = d->f;
	const char *directory = arena_printf(f->arena, "/sys/block/%s", block);
	const char *path = facts_link(f, directory);
	const char *sectors = attribute(f, directory, "size");

	item_open_dict(f->out, path ? path_basename(path) : block);
	item_put_int(f->out, "virtual",
		path || !facts_exists(f, arena_printf(f->arena, "%s/device", directory)));
	tell_links(d, block);
	tell_identity(d, directory, block);
	facts_put(f, "removable", attribute(f, directory, "removable"));
	facts_put(f, "support_discard", attribute(f, directory, "queue/discard_granularity"));
	tell_partitions(d, directory, block);
	facts_put(f, "rotational", attribute(f, directory, "queue/rotational"));
	facts_put(f, "scheduler_mode", scheduler(f, directory));
	put_or_zero(f, "sectors", sectors);
	tell_sector_size(f, directory);
	facts_put(f, "size", human_size(f, sectors ? sectors : "0"));
	int result = tell_controller(d, path ? path : "", err);
	tell_holders(f, directory);
	item_close(f->out);
	return result;
}

int facts_devices(struct facts *f, struct err *err)
{
	struct disks d = {.f = f};
	int result = 0;

	if (!facts_exists(f, "/sys/block"))
		return 0;
	read_aliases(&d);
	tell_all_links(&d);
	item_open_dict(f->out, "ansible_devices");
	for (const char *const *block = facts_names(f, "/sys/block"); result == 0 && *block;
		block++)
		result = tell_disk(&d, *block, err);
	item_close(f->out);
	for (size_t k = 0; k < KINDS; k++)
		free(d.of[k].items);
	return result;
}

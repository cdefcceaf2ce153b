/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One interface as /sys/class/net has it, bridges and bonds with what they are made of.
 */
#include <stdlib.h>

#include "base/path.h"
#include "base/str.h"
#include "node/facts_network.h"

#define INTERFACES "/sys/class/net"

static const char *place(const struct facts *f, const char *device, const char *name)
{
	return arena_printf(f->arena, INTERFACES "/%s/%s", device, name);
}

const char *const *interface_names(const struct facts *f)
{
	const char *const *all = facts_names(f, INTERFACES);
	size_t count = 0;

	while (all[count])
		count++;
	const char **devices = arena_array(f->arena, count + 1, sizeof(*devices));
	count = 0;
	/* There are files besides: bonding_masters. */
	for (; *all; all++)
		if (path_is_dir(facts_pathf(f, INTERFACES "/%s", *all)))
			devices[count++] = *all;
	return devices;
}

const char *interface_property(const struct facts *f, const char *device, const char *name)
{
	return facts_text(f, place(f, device, name));
}

static bool has(const struct facts *f, const char *device, const char *name)
{
	return facts_exists(f, place(f, device, name));
}

const char *interface_mac(const struct facts *f, const char *device)
{
	const char *mac = interface_property(f, device, "address");

	return mac && strcmp(mac, "00:00:00:00:00:00") != 0 ? mac : NULL;
}

const char *interface_type(const struct facts *f, const char *device)
{
	static const struct {
		const char *number, *name;
	} types[] = {{"1", "ether"}, {"32", "infiniband"}, {"512", "ppp"}, {"772", "loopback"},
		{"65534", "tunnel"}};
	const char *number = interface_property(f, device, "type");

	if (has(f, device, "bonding"))
		return "bonding";
	if (has(f, device, "bridge"))
		return "bridge";
	for (size_t i = 0; number && i < ARRAY_SIZE(types); i++) {
		if (strcmp(types[i].number, number) == 0)
			return types[i].name;
	}
	return "unknown";
}

void interface_put_number(struct facts *f, const char *key, const char *text)
{
	int64_t n;

	if (text && parse_int(text, INT32_MIN, INT32_MAX, &n))
		item_put_int(f->out, key, n);
}

static void put_names(struct facts *f, const char *key, const char *const *names)
{
	item_open_list(f->out, key);
	for (; *names; names++)
		facts_put(f, NULL, *names);
	item_close(f->out);
}

static void tell_bridge(struct facts *f, const char *device)
{
	const char *id = interface_property(f, device, "bridge/bridge_id");
	const char *stp = interface_property(f, device, "bridge/stp_state");

	if (!has(f, device, "bridge"))
		return;
	put_names(f, "interfaces", facts_names(f, place(f, device, "brif")));
	if (id)
		facts_put(f, "id", id);
	if (stp)
		item_put_bool(f->out, "stp", strcmp(stp, "1") == 0);
}

/* The first word of a bond's file: behind it stands its number. */
static void put_word(struct facts *f, const char *device, const char *key)
{
	const char *text =
		interface_property(f, device, arena_printf(f->arena, "bonding/%s", key));

	if (text)
		item_put_stringn(f->out, key, text, strcspn(text, " \t\n"));
}

static void tell_bond(struct facts *f, const char *device)
{
	const char *slaves = interface_property(f, device, "bonding/slaves");
	const char *primary = interface_property(f, device, "bonding/primary");
	const char *active = interface_property(f, device, "bonding/all_slaves_active");
	const char *own = interface_property(f, device, "bonding_slave/perm_hwaddr");

	if (has(f, device, "bonding")) {
		put_names(f, "slaves", facts_words(f->arena, slaves ? slaves : ""));
		put_word(f, device, "mode");
		put_word(f, device, "miimon");
		put_word(f, device, "lacp_rate");
		if (primary)
			facts_put(f, "primary", primary);
		if (primary && active)
			item_put_bool(f->out, "all_slaves_active", strcmp(active, "1") == 0);
	}
	if (has(f, device, "bonding_slave"))
		facts_put(f, "perm_macaddress", own ? own : "");
}

/* The hardware that it belongs to, and the kernel's module that drives it. */
static void tell_hardware(struct facts *f, const char *device)
{
	const char *hardware = facts_link(f, place(f, device, "device"));
	const char *module = facts_link(f, place(f, device, "device/driver/module"));

	if (module)
		facts_put(f, "module", path_basename(module));
	if (hardware)
		facts_put(f, "pciid", path_basename(hardware));
}

void interface_tell(struct facts *f, const char *device)
{
	const char *state = interface_property(f, device, "operstate");
	const char *flags = interface_property(f, device, "flags");
	const char *mac = interface_mac(f, device);

	facts_put(f, "device", device);
	if (mac)
		facts_put(f, "macaddress", mac);
	interface_put_number(f, "mtu", interface_property(f, device, "mtu"));
	if (state)
		item_put_bool(f->out, "active", strcmp(state, "down") != 0);
	facts_put(f, "type", interface_type(f, device));
	tell_hardware(f, device);
	tell_bridge(f, device);
	tell_bond(f, device);
	interface_put_number(f, "speed", interface_property(f, device, "speed"));
	if (flags)
		item_put_bool(f->out, "promisc", strtoul(flags, NULL, 16) & 0x100);
}

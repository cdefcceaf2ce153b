/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the firmware tells of board, chassis and product, as the kernel has it: some of it for
 * root alone. "NA" is Ansible's word for what cannot be known.
 */
#include "base/str.h"
#include "node/facts.h"

#define DMI "/sys/devices/virtual/dmi/id/"

/* The kinds of chassis, by their numbers (DMTF DSP0134, section 7.4.1). */
static const char *const form_factors[] = {"Unknown", "Other", "Unknown", "Desktop",
	"Low Profile Desktop", "Pizza Box", "Mini Tower", "Tower", "Portable", "Laptop",
	"Notebook", "Hand Held", "Docking Station", "All In One", "Sub Notebook",
	"Space-saving", "Lunch Box", "Main Server Chassis", "Expansion Chassis", "Sub Chassis",
	"Bus Expansion Chassis", "Peripheral Chassis", "RAID Chassis", "Rack Mount Chassis",
	"Sealed-case PC", "Multi-system", "CompactPCI", "AdvancedTCA", "Blade",
	"Blade Enclosure", "Tablet", "Convertible", "Detachable", "IoT Gateway", "Embedded PC",
	"Mini PC", "Stick PC"};

static const char *form_factor(const struct facts *f, const char *number)
{
	int64_t n;

	if (!parse_int(number, 0, INT32_MAX, &n))
		return "NA";
	if ((size_t)n < ARRAY_SIZE(form_factors))
		return form_factors[n];
	return arena_printf(f->arena, "unknown (%s)", number);
}

int facts_dmi(struct facts *f, struct err *err)
{
	static const struct {
		const char *fact, *file;
	} known[] = {
		{"ansible_bios_date", DMI "bios_date"},
		{"ansible_bios_vendor", DMI "bios_vendor"},
		{"ansible_bios_version", DMI "bios_version"},
		{"ansible_board_asset_tag", DMI "board_asset_tag"},
		{"ansible_board_name", DMI "board_name"},
		{"ansible_board_serial", DMI "board_serial"},
		{"ansible_board_vendor", DMI "board_vendor"},
		{"ansible_board_version", DMI "board_version"},
		{"ansible_chassis_asset_tag", DMI "chassis_asset_tag"},
		{"ansible_chassis_serial", DMI "chassis_serial"},
		{"ansible_chassis_vendor", DMI "chassis_vendor"},
		{"ansible_chassis_version", DMI "chassis_version"},
		{"ansible_product_name", DMI "product_name"},
		{"ansible_product_serial", DMI "product_serial"},
		{"ansible_product_uuid", DMI "product_uuid"},
		{"ansible_product_version", DMI "product_version"},
		{"ansible_system_vendor", DMI "sys_vendor"},
	};
	const char *type = facts_text(f, DMI "chassis_type");

	(void)err;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		const char *text = facts_text(f, known[i].file);
		facts_put(f, known[i].fact, text ? text : "NA");
	}
	facts_put(f, "ansible_form_factor", type ? form_factor(f, type) : "NA");
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Licenses by family: the Hub's words for them are many, and the catalogue's a few. */
#ifndef DAEMONS_REGISTRYD_CATALOGUE_LICENSE_H
#define DAEMONS_REGISTRYD_CATALOGUE_LICENSE_H

/*
 * The license_type of a license as the Hub names it, in any case: "apache-2.0" is itself,
 * "bsd-3-clause" is "bsd"; what is unknown, or NULL, is "other".
 */
const char *license_type(const char *license);
/* The types there are, in order of the alphabet; ends with NULL. */
extern const char *const license_types[];

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "daemons/cached/policy.h"

bool policy_exceeds(const struct policy_limits *limits, size_t count, uint64_t bytes)
{
	return (limits->count && count > limits->count) ||
	       (limits->bytes && bytes > limits->bytes);
}

bool policy_lacks_memory(const struct policy_limits *limits, uint64_t bytes)
{
	return limits->memory && bytes > limits->memory;
}

static bool may_go(const struct policy_item *item)
{
	return !item->busy && (item->superseded || !item->pinned);
}

/* True if a goes before b. */
static bool goes_before(const struct policy_item *a, const struct policy_item *b)
{
	if (a->superseded != b->superseded)
		return a->superseded;
	return a->used < b->used;
}

size_t policy_victim(const struct policy_item *items, size_t count)
{
	size_t victim = POLICY_NONE;

	for (size_t i = 0; i < count; i++) {
		if (may_go(&items[i]) &&
			(victim == POLICY_NONE || goes_before(&items[i], &items[victim])))
			victim = i;
	}
	return victim;
}

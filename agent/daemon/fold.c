/* SPDX-License-Identifier: Apache-2.0 */
/* Counters, and a selection of the largest ones. */
#include "agent/daemon/fold.h"

#include <string.h>

#include "agent/base/banned.h"

void fold_add(struct fold *fold, enum record_code code, int64_t wall_ms)
{
	if (fold->total == 0)
		fold->first_ms = wall_ms;
	fold->last_ms = wall_ms;
	if ((size_t)code < RECORD_CODE_COUNT_)
		fold->counts[code]++;
	fold->total++;
}

bool fold_is_due(const struct fold *fold)
{
	return fold->total > 0 && fold->total >= fold->step;
}

void fold_describe(const struct fold *fold, struct record_gap *ret_gap)
{
	struct record_gap gap = {
		.count = fold->total,
		.why = "no room for events",
		.from_ms = fold->first_ms,
		.to_ms = fold->last_ms,
	};
	uint64_t left[RECORD_CODE_COUNT_];

	memcpy(left, fold->counts, sizeof(left));
	for (size_t i = 0; i < RECORD_FOLDED_MAX; i++) {
		size_t most = 0;

		for (size_t code = 1; code < RECORD_CODE_COUNT_; code++)
			if (left[code] > left[most])
				most = code;
		if (left[most] == 0)
			break;
		gap.folded[i].code = (enum record_code)most;
		gap.folded[i].count = left[most];
		left[most] = 0;
	}
	*ret_gap = gap;
}

void fold_told(struct fold *fold, bool is_full)
{
	uint64_t step = is_full ? 2 * (fold->step ? fold->step : 1) : 0;

	*fold = (struct fold){.step = step};
}

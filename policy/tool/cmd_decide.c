/* SPDX-License-Identifier: Apache-2.0 */
/* decide: a line for each device, `TARGET RULE`. */
#include "policy/tool/tool.h"

#include <stdio.h>

int cmd_decide(int argc, char **argv)
{
	struct judgement j;
	int r = judgement_init(&j, argc, argv);

	for (size_t i = 0; r == 0 && i < j.device_count; i++) {
		struct verdict verdict;

		decide_usb(j.ruleset, &j.devices[i], &j.context, &verdict);
		if (verdict.is_implicit)
			printf("%s implicit\n",
			       usb_target_to_str(j.has_implicit
							 ? j.implicit
							 : verdict.target));
		else
			printf("%s %u\n", usb_target_to_str(verdict.target),
			       verdict.rule);
	}
	judgement_fini(&j);
	return r;
}

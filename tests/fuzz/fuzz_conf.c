/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as agent.conf; what parses can be edited and parses again. */
#include <stdlib.h>
#include <string.h>

#include "agent/base/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct conf conf;
	static struct conf again;
	char error[CONF_ERROR_MAX];
	struct buf edited = BUF_INIT(2 * CONF_FILE_MAX);

	if (conf_parse("fuzz", (const char *)data, size, &conf, error) != 0)
		return 0;

	char *text = strndup((const char *)data, size);
	if (text && conf_edit(text, "collector", "https://a:1", &edited) == 0 &&
	    edited.size <= CONF_FILE_MAX && conf.count < CONF_PAIRS_MAX) {
		if (conf_parse("again", buf_text(&edited), edited.size, &again,
			       error) != 0 ||
		    !conf_get(&again, "collector") ||
		    strcmp(conf_get(&again, "collector"), "https://a:1") != 0)
			abort();
		conf_fini(&again);
	}
	free(text);
	buf_fini(&edited);
	conf_fini(&conf);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output_module: dlopen() of the module when its output is opened. It stays
 * loaded to the end: its library may have left threads and handlers behind.
 */
#include "collector/output_module.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/banned.h"

#define KAFKA_FILE    "output_kafka.so"
#define KAFKA_PACKAGE "sekimori-collector-kafka"

static bool takes(enum output_format format)
{
	(void)format; /* the module is not loaded yet; it takes all */
	return true;
}

static int load(const char *file, const char *package, char *ret_problem,
		const struct output_sink_ops **ret_ops)
{
	const char *dir = secure_getenv(OUTPUT_MODULE_ENV);
	char path[PATH_MAX];
	const char *version;
	void *module;

	(void)snprintf(path, sizeof(path), "%s/%s",
		       dir ? dir : OUTPUT_MODULE_DIR,
		       file); /* cut: not found */
	module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!module) {
		(void)snprintf(ret_problem, OUTPUT_PROBLEM_SIZE,
			       "install the package %s (%.200s)", package,
			       dlerror()); /* cut is fine */
		return -ENOENT;
	}
	version = dlsym(module, "output_module_version");
	*ret_ops = dlsym(module, "output_module_ops");
	if (version && *ret_ops && strcmp(version, SEKIMORI_VERSION) == 0)
		return 0;
	(void)snprintf(ret_problem, OUTPUT_PROBLEM_SIZE,
		       "the package %s is of version %.40s, this is %s: "
		       "upgrade both",
		       package, version ? version : "?",
		       SEKIMORI_VERSION); /* cut is fine */
	(void)dlclose(module);		  /* nothing of it ran */
	return -EINVAL;
}

static int open_kafka(const struct output_config *config, const char *where,
		      char *ret_problem, struct output_sink **ret_sink)
{
	const struct output_sink_ops *ops = NULL;
	int r = load(KAFKA_FILE, KAFKA_PACKAGE, ret_problem, &ops);

	return r < 0 ? r : ops->open(config, where, ret_problem, ret_sink);
}

/* The sink that comes back has the module's own operations. */
const struct output_sink_ops OUTPUT_KAFKA = {
	.takes = takes,
	.open = open_kafka,
};

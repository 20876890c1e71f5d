/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output_module: sinks that live in a shared object of a package of its own, so
 * that the collector runs without their library. A module exports the two names
 * below and must be of the collector's own version: they share structs.
 */
#pragma once

#include "collector/output_sink.h"

/* What a module exports. */
extern const struct output_sink_ops output_module_ops
	__attribute__((visibility("default")));
extern const char output_module_version[]
	__attribute__((visibility("default")));

/* The folder of modules: this, or of the environment (for tests). */
#define OUTPUT_MODULE_DIR SEKIMORI_LIBEXEC
#define OUTPUT_MODULE_ENV "SEKIMORI_MODULES"

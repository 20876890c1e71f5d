/* SPDX-License-Identifier: Apache-2.0 */
/* output_sink: the texts that every sink keeps for the administrator. */
#include "collector/output_sink.h"

#include <stdarg.h>
#include <stdio.h>

#include "agent/base/banned.h"

/* What another system said is in it: one line, no control octets. */
static void keep(char text[OUTPUT_PROBLEM_SIZE], const char *format,
		 va_list args) __attribute__((format(printf, 2, 0)));
static void keep(char text[OUTPUT_PROBLEM_SIZE], const char *format,
		 va_list args)
{
	/* Cut is fine. */
	(void)vsnprintf(text, OUTPUT_PROBLEM_SIZE, format, args);
	for (char *at = text; *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			*at = ' ';
}

void output_sink_problem(struct output_sink *sink, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	keep(sink->problem, format, args);
	va_end(args);
}

void output_sink_refuse(struct output_sink *sink, size_t index,
			const char *format, ...)
{
	va_list args;

	va_start(args, format);
	keep(sink->refusal, format, args);
	va_end(args);
	sink->refused++;
	output_batch_done(&sink->batch, index);
}

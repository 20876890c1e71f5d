/* SPDX-License-Identifier: Apache-2.0 */
/* refusal: why sekimorid said no, in words for the person who asked. */
#pragma once

/* The words for a D-Bus error of sekimorid; NULL: it has none, show its own
 * message. `name` may be NULL. Static, in the person's language. */
const char *refusal_text(const char *name);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions that must not be called in this project; include it last in a .c
 * file. A call does not link into anything: it names an undeclared identifier
 * and fails to compile. The headers that declare them come first, so that
 * their own declarations are not rewritten.
 */
#pragma once

#include <alloca.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEKIMORI_BANNED(name) sorry_##name##_is_banned

/* No bound on what is written: snprintf, memcpy with a checked size. */
#undef strcpy
#define strcpy(...) SEKIMORI_BANNED(strcpy)
#undef strcat
#define strcat(...) SEKIMORI_BANNED(strcat)
#undef sprintf
#define sprintf(...) SEKIMORI_BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) SEKIMORI_BANNED(vsprintf)
#undef gets
#define gets(...) SEKIMORI_BANNED(gets)
/* Hidden state, silent acceptance of rubbish. */
#undef strtok
#define strtok(...) SEKIMORI_BANNED(strtok)
#undef atoi
#define atoi(...) SEKIMORI_BANNED(atoi)
/* Unbounded stack. */
#undef alloca
#define alloca(...) SEKIMORI_BANNED(alloca)
/* A shell in between, or an environment the caller controls. */
#undef system
#define system(...) SEKIMORI_BANNED(system)
#undef popen
#define popen(...) SEKIMORI_BANNED(popen)
#undef getenv
#define getenv(...) SEKIMORI_BANNED(getenv)

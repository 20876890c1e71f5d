/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scope-bound ownership. Every owning local carries one of these attributes
 * and an initial value (NULL or -1); ownership leaves a function only through
 * TAKE_PTR or TAKE_FD. All destructors keep errno, so that an error found
 * before the scope ends is still the one the caller reads.
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(function) __attribute__((cleanup(function)))

static inline void cleanup_free(void *pointer)
{
	int saved_errno = errno;

	free(*(void **)pointer);
	errno = saved_errno;
}

static inline void cleanup_close(const int *fd)
{
	int saved_errno = errno;

	if (*fd >= 0)
		(void)close(*fd); /* nothing to do about it at this point */
	errno = saved_errno;
}

static inline void cleanup_fclose(FILE **file)
{
	int saved_errno = errno;

	if (*file)
		(void)fclose(*file); /* writers call fclose themselves */
	errno = saved_errno;
}

static inline void cleanup_closedir(DIR **dir)
{
	int saved_errno = errno;

	if (*dir)
		(void)closedir(*dir); /* read-only, cannot lose data */
	errno = saved_errno;
}

#define _cleanup_free_	   _cleanup_(cleanup_free)
#define _cleanup_close_	   _cleanup_(cleanup_close)
#define _cleanup_fclose_   _cleanup_(cleanup_fclose)
#define _cleanup_closedir_ _cleanup_(cleanup_closedir)

/*
 * Defines cleanup_NAME for a pointer type from its destructor, which accepts
 * NULL: DEFINE_CLEANUP(spool, struct spool *, spool_close) gives
 * _cleanup_(cleanup_spool).
 */
#define DEFINE_CLEANUP(name, type, destructor)                                 \
	static inline void cleanup_##name(type *pointer)                       \
	{                                                                      \
		int saved_errno = errno;                                       \
                                                                               \
		(void)destructor(*pointer);                                    \
		errno = saved_errno;                                           \
	}                                                                      \
	struct cleanup_##name##_semicolon

/* Gives the pointer away: the owning variable becomes NULL. */
#define TAKE_PTR(pointer)                                                      \
	({                                                                     \
		__typeof__(pointer) *take_from = &(pointer);                   \
		__typeof__(pointer) taken = *take_from;                        \
		*take_from = NULL;                                             \
		taken;                                                         \
	})

/* Gives the descriptor away: the owning variable becomes -1. */
#define TAKE_FD(fd)                                                            \
	({                                                                     \
		int *take_from_fd = &(fd);                                     \
		int taken_fd = *take_from_fd;                                  \
		*take_from_fd = -1;                                            \
		taken_fd;                                                      \
	})

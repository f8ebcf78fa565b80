/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base.h owns the few compiler words that every file of every floor uses: attributes, array
 * lengths and overflow-safe arithmetic. It includes config.h first, so that feature macros are
 * set before any system header is read; every .c file of the tree includes base.h first.
 */
#ifndef BONAFIDE_BASE_H
#define BONAFIDE_BASE_H

#include "config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "banned.h"
#include "err.h"

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF(fmt_index, first_arg) __attribute__((format(printf, fmt_index, first_arg)))
#define NORETURN __attribute__((noreturn))
#define UNUSED __attribute__((unused))

/* Number of elements of a real array (not of a pointer). */
#define countof(array) (sizeof(array) / sizeof((array)[0]))

/*
 * A pointer to the member `member` of `object`, checked to be of type `type`: used by the tables
 * whose rows fill structs, so that a row that names a member of another type does not compile.
 */
#define MEMBER_IS(type, object, member) \
	(sizeof(struct { \
		_Static_assert(_Generic(((object *)0)->member, type : 1, default : 0), \
		    #object "." #member " must be " #type); \
		char unused_; \
	}) * 0 + \
	    offsetof(object, member))

/* True when a * b overflows size_t; else stores the product. */
static inline bool size_mul_overflows(size_t a, size_t b, size_t *ret_product)
{
	return __builtin_mul_overflow(a, b, ret_product);
}

static inline bool size_add_overflows(size_t a, size_t b, size_t *ret_sum)
{
	return __builtin_add_overflow(a, b, ret_sum);
}

/* Overwrites memory that held a secret; the compiler may not remove it. Accepts NULL with 0. */
void wipe(void *memory, size_t size_bytes);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.h owns time: UTC milliseconds since 1970 and its text forms, and a monotonic clock for
 * durations. Tests may set the UTC clock; nothing else in the tree calls time() or
 * clock_gettime().
 */
#ifndef BONAFIDE_CLOCK_H
#define BONAFIDE_CLOCK_H

#include "base.h"

/* "No time": what an unset DATETIME column reads as, and binds as NULL. */
#define TIME_NONE INT64_MIN

#define TIME_TEXT_SIZE 32 /* room for any text form below, with NUL */

/* UTC milliseconds since 1970-01-01, or what clock_set() fixed. */
int64_t clock_now_ms(void);

/* Milliseconds of a clock that never jumps; for durations and deadlines only. */
int64_t clock_mono_ms(void);

/* The same in microseconds. */
int64_t clock_mono_us(void);

/* And in nanoseconds. All processes of a host read the same clock. */
int64_t clock_mono_ns(void);

/*
 * For tests: fixes the UTC clock at now_ms until called with TIME_NONE. The programs, for tests as
 * well, take an offset from BONAFIDE_CLOCK_OFFSET_MS (clock_offset()) and warn when they do.
 */
void clock_set(int64_t now_ms);

/* Adds offset_ms to the real UTC clock from now on (replaces an earlier offset). */
void clock_offset(int64_t offset_ms);

/* "2026-05-01T10:30:00Z": whole seconds, truncated (contract/README.md, times). */
void time_text(int64_t time_ms, char out[TIME_TEXT_SIZE]);

/* "2026-05-01T10:30:00.123Z". */
void time_text_ms(int64_t time_ms, char out[TIME_TEXT_SIZE]);

/* "2026-05-01 10:30:00.123", the form DATETIME(3) takes. */
void time_text_sql(int64_t time_ms, char out[TIME_TEXT_SIZE]);

/*
 * RFC 3339 date or date-time to UTC milliseconds: "YYYY-MM-DD" (midnight),
 * "YYYY-MM-DDTHH:MM:SS[.fff…](Z|±HH:MM)". Years 1970 to 9999, real days only, second 60 refused.
 * *ret_is_date says which form it was. ERR_SYNTAX, ERR_RANGE.
 */
enum err time_parse(const char *text, int64_t *ret_time_ms, bool *ret_is_date) MUST_CHECK;

/* A calendar date. */
struct date {
	int year;  /* 1..9999 */
	int month; /* 1..12 */
	int day;   /* 1..31 */
};

/* Strict "YYYY-MM-DD" that names a real day. ERR_SYNTAX, ERR_RANGE (no such day). */
enum err date_parse(const char *text, struct date *ret_date) MUST_CHECK;

/* The UTC date of a time. */
struct date date_of(int64_t time_ms);

/* Whole years from birth to day (the usual reckoning of age: a birthday counts from that day;
 * born 29 February counts from 1 March in common years). Negative when day is before birth. */
int date_years_between(struct date birth, struct date day);

#endif

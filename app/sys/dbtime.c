/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dbtime.c is the calendar between UTC milliseconds and the client library's broken-down time.
 * Years begin in March here, so that the leap day is the last of its year and month lengths
 * follow one formula.
 */
#include "base.h"
#include "db_private.h"

#include <string.h>

#define MS_PER_DAY INT64_C(86400000)
#define DAYS_PER_400_YEARS 146097
#define DAYS_TO_1970 719468               /* from 1 March of the year 0 */
#define FIRST_MS INT64_C(-62135596800000) /* 0001-01-01 00:00:00.000 */
#define LAST_MS INT64_C(253402300799999)  /* 9999-12-31 23:59:59.999 */

/* Days from 1 March to the first of a month; month 0 is March. */
static int month_start(int month)
{
	return (153 * month + 2) / 5;
}

/* Days from 1 March of the year 0 to 1 March of a year. */
static int year_start(int year)
{
	return 365 * year + year / 4 - year / 100 + year / 400;
}

/* Day 0 is 1970-01-01; a day before the year 0 does not occur. */
static void day_split(int day, MYSQL_TIME *time)
{
	int days = day + DAYS_TO_1970;
	int year = (int)((int64_t)days * 400 / DAYS_PER_400_YEARS);
	int month;

	/* The estimate is at most one year off either way. */
	while (year_start(year + 1) <= days)
		year++;
	while (year_start(year) > days)
		year--;
	days -= year_start(year);
	month = (5 * days + 2) / 153;
	time->day = (unsigned)(days - month_start(month) + 1);
	time->month = (unsigned)(month < 10 ? month + 3 : month - 9);
	time->year = (unsigned)(month < 10 ? year : year + 1);
}

bool db_time_split(int64_t time_ms, MYSQL_TIME *ret_time)
{
	int64_t day = time_ms / MS_PER_DAY;
	int64_t rest = time_ms % MS_PER_DAY;
	MYSQL_TIME time;

	if (time_ms < FIRST_MS || time_ms > LAST_MS)
		return false;
	if (rest < 0) {
		rest += MS_PER_DAY;
		day--;
	}
	memset(&time, 0, sizeof(time));
	time.time_type = MYSQL_TIMESTAMP_DATETIME;
	day_split((int)day, &time);
	time.hour = (unsigned)(rest / 3600000);
	time.minute = (unsigned)(rest / 60000 % 60);
	time.second = (unsigned)(rest / 1000 % 60);
	time.second_part = (unsigned long)(rest % 1000 * 1000);
	*ret_time = time;
	return true;
}

bool db_time_join(const MYSQL_TIME *time, int64_t *ret_time_ms)
{
	int month;
	int year;
	int64_t day;

	if (time->year < 1 || time->year > 9999 || time->month < 1 || time->month > 12 ||
	    time->day < 1 || time->day > 31 || time->hour > 23 || time->minute > 59 ||
	    time->second > 59 || time->neg)
		return false;
	month = (int)time->month > 2 ? (int)time->month - 3 : (int)time->month + 9;
	year = month < 10 ? (int)time->year : (int)time->year - 1;
	day = year_start(year) + month_start(month) + (int)time->day - 1 - DAYS_TO_1970;
	*ret_time_ms = day * MS_PER_DAY + (int64_t)time->hour * 3600000 +
		       (int64_t)time->minute * 60000 + (int64_t)time->second * 1000 +
		       (int64_t)(time->second_part / 1000);
	return true;
}

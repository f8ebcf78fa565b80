/* SPDX-License-Identifier: Apache-2.0 */
/* clock.c: the only reader of the system's clocks, and the calendar. */
#include "clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_MS INT64_C(86400000)

static int64_t fixed_ms = TIME_NONE;
static int64_t offset_of_clock_ms;

static int64_t read_clock_us(clockid_t id)
{
	struct timespec now;

	(void)clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_now_ms(void)
{
	if (fixed_ms != TIME_NONE)
		return fixed_ms;
	return read_clock_us(CLOCK_REALTIME) / 1000 + offset_of_clock_ms;
}

int64_t clock_mono_ms(void)
{
	return read_clock_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_mono_us(void)
{
	return read_clock_us(CLOCK_MONOTONIC);
}

int64_t clock_mono_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void clock_set(int64_t now_ms)
{
	fixed_ms = now_ms;
}

void clock_offset(int64_t offset_ms)
{
	offset_of_clock_ms = offset_ms;
}

/* ---- the calendar: days since 1970 and back (proleptic Gregorian) ------------------------------ */

static int64_t days_from_date(struct date date)
{
	/* Years that begin in March put the leap day last. */
	int64_t year = date.month <= 2 ? date.year - 1 : date.year;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t of_era = year - era * 400;
	int64_t month = (date.month + 9) % 12;
	int64_t of_year = (153 * month + 2) / 5 + date.day - 1;
	int64_t day = of_era * 365 + of_era / 4 - of_era / 100 + of_year;

	return era * 146097 + day - 719468;
}

static struct date date_from_days(int64_t days)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t day = days - era * 146097;
	int64_t of_era = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	int64_t of_year = day - (365 * of_era + of_era / 4 - of_era / 100);
	int64_t month = (5 * of_year + 2) / 153;
	struct date date = { .day = (int)(of_year - (153 * month + 2) / 5 + 1),
		.month = (int)(month < 10 ? month + 3 : month - 9) };

	date.year = (int)(of_era + era * 400 + (date.month <= 2));
	return date;
}

struct date date_of(int64_t time_ms)
{
	int64_t days = time_ms / DAY_MS;

	if (time_ms % DAY_MS < 0)
		days--;
	return date_from_days(days);
}

static int days_in_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* ---- writing ------------------------------------------------------------------------------------ */

static void write_time(int64_t time_ms, const char *format, bool with_ms, char *out)
{
	int64_t in_day = time_ms % DAY_MS;
	struct date date = date_of(time_ms);

	if (in_day < 0)
		in_day += DAY_MS;
	int hour = (int)(in_day / 3600000), minute = (int)(in_day / 60000 % 60);
	int second = (int)(in_day / 1000 % 60), ms = (int)(in_day % 1000);
	int n = snprintf(out, TIME_TEXT_SIZE, "%04d-%02d-%02d%c%02d:%02d:%02d", date.year % 10000,
	    date.month, date.day, format[0], hour, minute, second);
	if (with_ms)
		n += snprintf(out + n, TIME_TEXT_SIZE - (size_t)n, ".%03d", ms);
	(void)snprintf(out + n, TIME_TEXT_SIZE - (size_t)n, "%s", format + 1);
}

void time_text(int64_t time_ms, char out[TIME_TEXT_SIZE])
{
	write_time(time_ms, "TZ", false, out);
}

void time_text_ms(int64_t time_ms, char out[TIME_TEXT_SIZE])
{
	write_time(time_ms, "TZ", true, out);
}

void time_text_sql(int64_t time_ms, char out[TIME_TEXT_SIZE])
{
	write_time(time_ms, " ", true, out);
}

/* ---- reading ------------------------------------------------------------------------------------ */

/* Exactly count digits; moves *text behind them. */
static bool take_digits(const char **text, int count, int *ret_value)
{
	int value = 0;

	for (int i = 0; i < count; i++) {
		char c = (*text)[i];
		if (c < '0' || c > '9')
			return false;
		value = value * 10 + (c - '0');
	}
	*text += count;
	*ret_value = value;
	return true;
}

static bool take_char(const char **text, char wanted)
{
	if (**text != wanted)
		return false;
	(*text)++;
	return true;
}

static enum err take_date(const char **text, struct date *ret_date)
{
	struct date date;

	if (!take_digits(text, 4, &date.year) || !take_char(text, '-') ||
	    !take_digits(text, 2, &date.month) || !take_char(text, '-') ||
	    !take_digits(text, 2, &date.day))
		return ERR_SYNTAX;
	if (date.year < 1 || date.month < 1 || date.month > 12 || date.day < 1 ||
	    date.day > days_in_month(date.year, date.month))
		return ERR_RANGE;
	*ret_date = date;
	return ERR_OK;
}

enum err date_parse(const char *text, struct date *ret_date)
{
	struct date date;
	enum err err = take_date(&text, &date);

	if (err == ERR_OK && *text != '\0')
		err = ERR_SYNTAX;
	if (err == ERR_OK)
		*ret_date = date;
	return err;
}

/* ".123…": digits beyond milliseconds are cut. */
static bool take_fraction(const char **text, int *ret_ms)
{
	int ms = 0, count = 0;

	for (; **text >= '0' && **text <= '9'; (*text)++, count++) {
		if (count < 3)
			ms = ms * 10 + (**text - '0');
	}
	for (int i = count; i < 3; i++)
		ms *= 10;
	*ret_ms = ms;
	return count > 0;
}

/* 'Z' or "±HH:MM" (RFC 3339 section 5.6). */
static enum err take_zone(const char **text, int64_t *ret_offset_ms)
{
	int hours, minutes;
	int sign = **text == '-' ? -1 : 1;

	*ret_offset_ms = 0;
	if (take_char(text, 'Z') || take_char(text, 'z'))
		return ERR_OK;
	if (!take_char(text, '+') && !take_char(text, '-'))
		return ERR_SYNTAX;
	if (!take_digits(text, 2, &hours) || !take_char(text, ':') ||
	    !take_digits(text, 2, &minutes))
		return ERR_SYNTAX;
	if (hours > 23 || minutes > 59)
		return ERR_RANGE;
	*ret_offset_ms = sign * (int64_t)(hours * 60 + minutes) * 60000;
	return ERR_OK;
}

static enum err take_time_of_day(const char **text, int64_t *ret_ms)
{
	int hour, minute, second, ms = 0;

	if (!take_digits(text, 2, &hour) || !take_char(text, ':') ||
	    !take_digits(text, 2, &minute) || !take_char(text, ':') ||
	    !take_digits(text, 2, &second))
		return ERR_SYNTAX;
	if (take_char(text, '.') && !take_fraction(text, &ms))
		return ERR_SYNTAX;
	if (hour > 23 || minute > 59 || second > 59)
		return ERR_RANGE;
	*ret_ms = (int64_t)((hour * 60 + minute) * 60 + second) * 1000 + ms;
	return ERR_OK;
}

enum err time_parse(const char *text, int64_t *ret_time_ms, bool *ret_is_date)
{
	struct date date;
	int64_t of_day_ms = 0, offset_ms = 0;
	bool is_date;
	enum err err = take_date(&text, &date);

	if (err != ERR_OK)
		return err;
	is_date = *text == '\0';
	if (!is_date) {
		if (!take_char(&text, 'T') && !take_char(&text, 't'))
			return ERR_SYNTAX;
		err = take_time_of_day(&text, &of_day_ms);
		if (err == ERR_OK)
			err = take_zone(&text, &offset_ms);
		if (err == ERR_OK && *text != '\0')
			err = ERR_SYNTAX;
		if (err != ERR_OK)
			return err;
	}
	/* The offset, too, may not leave the years. */
	int64_t time_ms = days_from_date(date) * DAY_MS + of_day_ms - offset_ms;
	if (date.year < 1970 || time_ms < 0 || date_of(time_ms).year > 9999)
		return ERR_RANGE;
	*ret_time_ms = time_ms;
	*ret_is_date = is_date;
	return ERR_OK;
}

int date_years_between(struct date birth, struct date day)
{
	int years = day.year - birth.year;

	if (day.month < birth.month || (day.month == birth.month && day.day < birth.day))
		years--;
	return years;
}

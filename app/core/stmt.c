/* SPDX-License-Identifier: Apache-2.0 */
/* stmt.c is the statement table: the rows of sql/stmt/ as data for the engine. */
#include "stmt.h"

#define STMT_EXEC(name, args, sql) \
	static const struct db_arg args_##name[] = { DB_ARG_##args{ NULL, DB_TYPE__MAX } };
#define STMT_PUT(name, args, sql) STMT_EXEC(name, args, sql)
#define STMT_ONE(name, args, cols, sql) STMT_EXEC(name, args, sql)
#define STMT_LIST(name, args, cols, sql) STMT_EXEC(name, args, sql)
#include "stmt/all.def"
#undef STMT_PUT
#undef STMT_EXEC
#undef STMT_ONE
#undef STMT_LIST

/* A function each, because the walking macros need a local name (row_t) for the row's struct. */
#define STMT_PUT(name, args, sql)
#define STMT_EXEC(name, args, sql)
#define STMT_ONE(name, args, cols, sql) \
	static const struct db_column *columns_##name(size_t *ret_count) \
	{ \
		typedef struct row_##name row_t; \
		static const struct db_column columns[] = { DB_COLUMN_##cols }; \
		*ret_count = countof(columns); \
		return columns; \
	}
#define STMT_LIST(name, args, cols, sql) STMT_ONE(name, args, cols, sql)
#include "stmt/all.def"
#undef STMT_PUT
#undef STMT_EXEC
#undef STMT_ONE
#undef STMT_LIST

#define STMT_ROW(row_name, row_shape, row_sql, row_columns, row_bytes) \
	[ST_##row_name] = { .name = #row_name, \
		.sql = row_sql, \
		.shape = row_shape, \
		.arg_count = countof(args_##row_name) - 1, \
		.args = args_##row_name, \
		.columns = row_columns, \
		.row_size = row_bytes },
#define STMT_PUT(name, args, sql) STMT_ROW(name, DB_SHAPE_PUT, sql, NULL, 0)
#define STMT_EXEC(name, args, sql) STMT_ROW(name, DB_SHAPE_EXEC, sql, NULL, 0)
#define STMT_ONE(name, args, cols, sql) \
	STMT_ROW(name, DB_SHAPE_ONE, sql, columns_##name, sizeof(struct row_##name))
#define STMT_LIST(name, args, cols, sql) \
	STMT_ROW(name, DB_SHAPE_LIST, sql, columns_##name, sizeof(struct row_##name))

const struct db_stmt stmt_table[ST__MAX] = {
#include "stmt/all.def"
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stmt.h owns the statement table: every SQL statement of the programs, read from
 * sql/stmt/<noun>.def, as typed functions q_<name>() (sys/dbstmt.h says how). stmt_all.def
 * lists the nouns.
 */
#ifndef BONAFIDE_STMT_H
#define BONAFIDE_STMT_H

#include "base.h"
#include "dbstmt.h"

/* Row numbers. */
enum stmt {
#define STMT_PUT(name, args, sql) ST_##name,
#define STMT_EXEC(name, args, sql) ST_##name,
#define STMT_ONE(name, args, cols, sql) ST_##name,
#define STMT_LIST(name, args, cols, sql) ST_##name,
#include "stmt/all.def"
#undef STMT_PUT
#undef STMT_EXEC
#undef STMT_ONE
#undef STMT_LIST
	ST__MAX
};

/* What each row gives back. */
#define STMT_PUT(name, args, sql)
#define STMT_EXEC(name, args, sql)
#define STMT_ONE(name, args, cols, sql) \
	struct row_##name { \
		DB_MEMBER_##cols \
	};
#define STMT_LIST(name, args, cols, sql) STMT_ONE(name, args, cols, sql)
#include "stmt/all.def"
#undef STMT_PUT
#undef STMT_EXEC
#undef STMT_ONE
#undef STMT_LIST

/* The functions. The leading zero value keeps the array non-empty for statements without
 * arguments. */
#define STMT_PUT(name, args, sql) \
	UNUSED MUST_CHECK static inline enum err q_##name(struct db *db DB_PARAM_##args) \
	{ \
		const struct db_value values[] = { DB_VALUE_##args{ .type = DB_TYPE__MAX } }; \
		return db_put(db, ST_##name, values); \
	}
#define STMT_EXEC(name, args, sql) \
	UNUSED MUST_CHECK static inline enum err q_##name( \
	    struct db *db DB_PARAM_##args, uint64_t *ret_changed) \
	{ \
		const struct db_value values[] = { DB_VALUE_##args{ .type = DB_TYPE__MAX } }; \
		return db_exec(db, ST_##name, values, ret_changed); \
	}
#define STMT_ONE(name, args, cols, sql) \
	UNUSED MUST_CHECK static inline enum err q_##name( \
	    struct db *db, struct arena *arena DB_PARAM_##args, struct row_##name *ret_row) \
	{ \
		const struct db_value values[] = { DB_VALUE_##args{ .type = DB_TYPE__MAX } }; \
		return db_one(db, arena, ST_##name, values, ret_row); \
	}
#define STMT_LIST(name, args, cols, sql) \
	UNUSED MUST_CHECK static inline enum err q_##name(struct db *db, \
	    struct arena *arena DB_PARAM_##args, struct row_##name **ret_rows, size_t *ret_count) \
	{ \
		const struct db_value values[] = { DB_VALUE_##args{ .type = DB_TYPE__MAX } }; \
		void *rows = NULL; \
		enum err err = db_list(db, arena, ST_##name, values, &rows, ret_count); \
		if (err == ERR_OK) \
			*ret_rows = rows; \
		return err; \
	}
#include "stmt/all.def"
#undef STMT_PUT
#undef STMT_EXEC
#undef STMT_ONE
#undef STMT_LIST

/* The table itself, ST__MAX rows: what db_new() takes. */
extern const struct db_stmt stmt_table[ST__MAX];

#endif

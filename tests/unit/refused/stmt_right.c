/* SPDX-License-Identifier: Apache-2.0 */
/* floors: base sys core; compiles */
#include "stmt.h"

enum err right(struct db *db, struct arena *arena, uint64_t *ret_changed);

enum err right(struct db *db, struct arena *arena, uint64_t *ret_changed)
{
	struct row_migration_lock lock;
	enum err err = q_migration_lock(db, arena, 5, &lock);

	if (err == ERR_OK)
		err = q_migration_put(db, lock.locked, "name", "checksum", 0, ret_changed);
	return err;
}

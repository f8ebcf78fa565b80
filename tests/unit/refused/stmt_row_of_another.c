/* SPDX-License-Identifier: Apache-2.0 */
/* floors: base sys core; refused: incompatible.pointer.type */
#include "stmt.h"

enum err wrong(struct db *db, struct arena *arena);

enum err wrong(struct db *db, struct arena *arena)
{
	struct row_server_now row;

	return q_migration_lock(db, arena, 5, &row);
}

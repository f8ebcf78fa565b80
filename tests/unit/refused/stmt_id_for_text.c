/* SPDX-License-Identifier: Apache-2.0 */
/* floors: base sys core; refused: incompatible type */
#include "stmt.h"

enum err wrong(struct db *db, struct uuid id);

enum err wrong(struct db *db, struct uuid id)
{
	return q_migration_put(db, 1, id, "checksum", 0, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* c_org.h owns what commands that name an organisation share. */
#ifndef BONAFIDE_C_ORG_H
#define BONAFIDE_C_ORG_H

#include "base.h"

#include "ctl.h"

/* Says that there is no organisation of this id: ERR_MISSING. */
enum err no_such_org(struct ctl *ctl, struct uuid id) MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workflow.h owns workflows (contract/sessions.md, Family plain): named, ordered lists of the steps
 * that a session asks of a person, and which steps this server can carry out. A workflow is never
 * changed once made, so a session made with one keeps what it was made with.
 */
#ifndef BONAFIDE_WORKFLOW_H
#define BONAFIDE_WORKFLOW_H

#include "base.h"
#include "ctx.h"
#include "json.h"
#include "limits.h"
#include "stmt.h"
#include "verification.h"

struct workflow_part {
	enum workflow_step step;
	const char *step_word; /* of step */
	int64_t minimum_age;   /* years, of ID_VERIFICATION and AGE_ESTIMATION; DB_NULL: none */
};

struct workflow {
	struct uuid id;
	struct uuid organization_id;
	const char *name;
	const char *status; /* a word of workflow_status */
	enum environment environment;
	struct workflow_part parts[LIMIT_WORKFLOW_STEPS]; /* in their order */
	size_t part_count;
	const char *steps; /* their words, one space between */
	int64_t created_at_ms;
	int64_t updated_at_ms;
};

/* Faults of the steps of a body: room for max, *count is both. */
struct complaint_list {
	struct complaint *items;
	size_t max;
	size_t count;
};

/*
 * Makes a workflow of the acting tenant, in the environment of its key. name: 1 to
 * LIMIT_WORKFLOW_NAME code points, as the field row sees to. steps: an array of 1 to
 * LIMIT_WORKFLOW_STEPS objects {"id": a word of workflow_step, "config": {"minimum_age": 1 to 100}},
 * each id once; config may be absent or null. Adds every fault of it to complaints: then
 * ERR_VALIDATION. ERR_FULL with LIMIT_WORKFLOWS there already.
 */
enum err workflow_create(struct ctx *ctx, const char *name, const json_t *steps,
    struct complaint_list *complaints, struct workflow *ret_workflow) MUST_CHECK;

/* One of this tenant that the key's environment may see. ERR_WORKFLOW_NOT_FOUND. */
enum err workflow_get(struct ctx *ctx, struct uuid id, struct workflow *ret_workflow) MUST_CHECK;

/* All of this tenant that the key's environment may see, newest first. */
enum err workflow_list(
    struct ctx *ctx, struct workflow **ret_workflows, size_t *ret_count) MUST_CHECK;

/* ERR_OK when all steps can be carried out in an environment; else the error of the first one that
 * has no provider configured, of kind NOT_CONFIGURED. */
enum err workflow_usable(const struct ctx *ctx, const struct workflow *workflow,
    enum environment environment) MUST_CHECK;

/* What a session without a workflow asks for: the document alone. */
void workflow_standard(struct workflow *ret_workflow);

#endif

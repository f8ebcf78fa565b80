/* SPDX-License-Identifier: Apache-2.0 */
/* r_workflow.c: workflows, and what a key is good for (contract/sessions.md, Family plain;
 * reference/four.md sections 2.1 and 2.5). */
#include "workflow.h"

#include "org.h"
#include "sets.h"
#include "web.h"

/* ---- what comes in ------------------------------------------------------------------------------ */

struct workflow_input {
	const char *name;
	const json_t *steps;
};

/* What the document says of a step; core/workflow.c reads it. */
static const struct field config_rows[] = {
	{ .type = FIELD_INT,
	    .name = "minimum_age",
	    .min = 1,
	    .max = 100,
	    .initial = DB_NULL,
	    .sentence = "Years, of ID_VERIFICATION and AGE_ESTIMATION only." },
};
static const struct field_set config_request = {
	.name = "WorkflowConfig", .rows = config_rows, .count = countof(config_rows)
};

static const struct field step_in_rows[] = {
	{ .type = FIELD_WORD,
	    .name = "id",
	    .flags = FIELD_REQUIRED,
	    .words = &workflow_step_words,
	    .sentence = "The step." },
	{ .type = FIELD_OBJECT,
	    .name = "config",
	    .flags = FIELD_NULLABLE,
	    .set = &config_request,
	    .sentence = "What it goes by." },
};
static const struct field_set step_request = {
	.name = "WorkflowStepRequest", .rows = step_in_rows, .count = countof(step_in_rows)
};

static const struct field workflow_in_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct workflow_input, name, "name"),
	    .flags = FIELD_REQUIRED | FIELD_TRIM, .min = 1, .max = LIMIT_WORKFLOW_NAME,
	    .sentence = "What people call it.", .example = "\"Adults only\"" },
	{ ROW_JSON(struct workflow_input, steps, "steps"), .flags = FIELD_REQUIRED | FIELD_ARRAY,
	    .set = &step_request, .min = 1, .max = LIMIT_WORKFLOW_STEPS,
	    .sentence = "What is asked of a person, in this order; each step once.",
	    .example = "[{\"id\":\"ID_VERIFICATION\",\"config\":{\"minimum_age\":18}}]" },
};
const struct field_set workflow_request =
    FIELD_SET("WorkflowRequest", workflow_in_rows, struct workflow_input);

/* ---- what goes out ------------------------------------------------------------------------------ */

struct step_config {
	int64_t minimum_age;
};

struct step_shown {
	const char *id; /* "id-verification" */
	struct step_config config;
};

struct workflow_shown {
	struct workflow workflow;
	struct step_shown *steps;
	size_t step_count;
};

static const struct field config_shown_rows[] = {
	{ ROW_I64(FIELD_INT, struct step_config, minimum_age, "minimum_age"),
	    .flags = FIELD_OPTIONAL, .min = 1, .max = 100,
	    .sentence = "Years; there where one was asked for." },
};
static const struct field_set config_item =
    FIELD_SET("WorkflowStepConfig", config_shown_rows, struct step_config);

static const struct field step_rows[] = {
	{ ROW_TEXT(FIELD_TEXT, struct step_shown, id, "id"),
	    .sentence = "The step, in small letters and hyphens.",
	    .example = "\"id-verification\"" },
	{ ROW_OBJECT(struct step_shown, config, &config_item, "config"),
	    .sentence = "What it goes by." },
};
static const struct field_set step_item = FIELD_SET("WorkflowStep", step_rows, struct step_shown);

static const struct field shown_rows[] = {
	{ ROW_ID(ID_UUID, struct workflow_shown, workflow.id, "id"), .sentence = "The workflow." },
	{ ROW_TEXT(FIELD_TEXT, struct workflow_shown, workflow.name, "name"),
	    .sentence = "What people call it.", .example = "\"Adults only\"" },
	{ ROW_TEXT(FIELD_WORD, struct workflow_shown, workflow.status, "status"),
	    .words = &workflow_status_words, .sentence = "Whether sessions can be made with it." },
	{ ROW_ID(ID_UUID, struct workflow_shown, workflow.organization_id, "organization_id"),
	    .sentence = "Whose it is." },
	{ ROW_I64(FIELD_TIME, struct workflow_shown, workflow.created_at_ms, "created_at"),
	    .sentence = "When it was made." },
	{ ROW_I64(FIELD_TIME, struct workflow_shown, workflow.updated_at_ms, "updated_at"),
	    .sentence = "When it last changed." },
	{ ROW_OBJECTS(struct workflow_shown, steps, step_count, &step_item, "steps"),
	    .sentence = "In their order." },
};
static const struct field_set workflow_shown =
    FIELD_SET("Workflow", shown_rows, struct workflow_shown);

struct workflow_reply {
	struct workflow_shown workflow;
};

static const struct field full_rows[] = {
	{ ROW_OBJECT(struct workflow_reply, workflow, &workflow_shown, "workflow"),
	    .sentence = "The workflow." },
};
const struct field_set workflow_full = FIELD_SET("WorkflowReply", full_rows, struct workflow_reply);

static const struct field brief_rows[] = {
	{ ROW_ID(ID_UUID, struct workflow, id, "id"), .sentence = "The workflow." },
	{ ROW_TEXT(FIELD_TEXT, struct workflow, name, "name"), .sentence = "What people call it.",
	    .example = "\"Adults only\"" },
	{ ROW_TEXT(FIELD_WORD, struct workflow, status, "status"), .words = &workflow_status_words,
	    .sentence = "Whether sessions can be made with it." },
	{ ROW_TEXT(FIELD_WORDS, struct workflow, steps, "steps"), .words = &workflow_step_words,
	    .sentence = "In their order." },
	{ ROW_I64(FIELD_TIME, struct workflow, created_at_ms, "created_at"),
	    .sentence = "When it was made." },
};
static const struct field_set workflow_brief =
    FIELD_SET("WorkflowItem", brief_rows, struct workflow);

struct workflow_list_reply {
	struct workflow *workflows;
	size_t count;
};

static const struct field list_rows[] = {
	{ ROW_OBJECTS(struct workflow_list_reply, workflows, count, &workflow_brief, "workflows"),
	    .sentence = "All of them, newest first." },
};
const struct field_set workflow_page =
    FIELD_SET("WorkflowList", list_rows, struct workflow_list_reply);

/* ---- handlers ----------------------------------------------------------------------------------- */

/* "ID_VERIFICATION" is "id-verification" where a workflow is shown whole. */
static const char *kebab(struct arena *arena, const char *word)
{
	char *text = arena_strdup(arena, word);

	for (char *c = text; c != NULL && *c != '\0'; c++)
		*c = *c == '_' ? '-' : *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
	return text;
}

static enum err workflow_reply(struct web *web, const struct workflow *workflow)
{
	struct step_shown steps[LIMIT_WORKFLOW_STEPS];
	struct workflow_reply reply = { .workflow = { .workflow = *workflow,
					    .steps = steps,
					    .step_count = workflow->part_count } };

	for (size_t i = 0; i < workflow->part_count; i++)
		steps[i] =
		    (struct step_shown){ .id = kebab(web->arena, workflow->parts[i].step_word),
			    .config = { .minimum_age = workflow->parts[i].minimum_age } };
	return reply_object(web, &reply);
}

enum err workflow_make(struct web *web)
{
	const struct workflow_input *in = WEB_INPUT(web, struct workflow_input);
	struct complaint_list faults = { .items = web->complaints.items,
		.max = countof(web->complaints.items) };
	struct workflow workflow;
	enum err err = workflow_create(&web->ctx, in->name, in->steps, &faults, &workflow);

	web->complaints.count = faults.count;
	if (err == ERR_FULL)
		return web_complain(web, "body", WORKFLOWS_FULL);
	return err == ERR_OK ? workflow_reply(web, &workflow) : err;
}

enum err workflow_index(struct web *web)
{
	struct workflow_list_reply reply = { .count = 0 };
	enum err err = workflow_list(&web->ctx, &reply.workflows, &reply.count);

	return err == ERR_OK ? reply_object(web, &reply) : err;
}

enum err workflow_show(struct web *web)
{
	struct workflow workflow;
	struct uuid id;
	enum err err = web_param_id(web, 0, ID_UUID, ERR_WORKFLOW_NOT_FOUND, &id);

	if (err == ERR_OK)
		err = workflow_get(&web->ctx, id, &workflow);
	return err == ERR_OK ? workflow_reply(web, &workflow) : err;
}

/* ---- what a key is good for ---------------------------------------------------------------------- */

struct organization_shown {
	struct uuid id;
	const char *name;
	const char *status;
};

struct key_verdict {
	bool valid;
	struct organization_shown organization;
};

static const struct field organization_rows[] = {
	{ ROW_ID(ID_UUID, struct organization_shown, id, "id"), .sentence = "The organisation." },
	{ ROW_TEXT(FIELD_TEXT, struct organization_shown, name, "name"),
	    .sentence = "What it is called.", .example = "\"Example Ltd\"" },
	{ ROW_TEXT(FIELD_WORD, struct organization_shown, status, "status"),
	    .words = &org_status_words, .sentence = "active: keys of others are refused." },
};
static const struct field_set organization_shown =
    FIELD_SET("KeyOrganization", organization_rows, struct organization_shown);

static const struct field verdict_rows[] = {
	{ ROW_BOOL(struct key_verdict, valid, "valid"),
	    .sentence = "True: any other key is answered 401.", .example = "true" },
	{ ROW_OBJECT(struct key_verdict, organization, &organization_shown, "organization"),
	    .sentence = "Whose key it is." },
};
const struct field_set key_verified = FIELD_SET("KeyVerified", verdict_rows, struct key_verdict);

enum err key_verify(struct web *web)
{
	struct row_org_get row;
	enum err err = org_get(&web->ctx, web->ctx.actor.organization_id, &row);

	if (err != ERR_OK)
		return err;
	struct key_verdict verdict = { .valid = true,
		.organization = { .id = row.id, .name = row.name, .status = row.status } };
	return reply_object(web, &verdict);
}

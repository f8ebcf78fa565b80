/* SPDX-License-Identifier: Apache-2.0 */
/* workflow.c makes, reads and shows workflows. */
#include "workflow.h"

#include <string.h>

#include "audit.h"
#include "crypt.h"
#include "provider.h"
#include "str.h"
#include "tx.h"

#define AGE_LEAST 1
#define AGE_MOST 100
#define STEPS_TEXT_CAP 1024 /* of the row's column */

/* What each step is to this server: whether its config may name an age, whether anything here can carry
 * it out, and what is said where it cannot be. */
static const struct step_row {
	bool has_age;
	bool has_driver;
	enum err missing;
} step_rows[STEP__MAX] = {
	[STEP_ID_VERIFICATION] = { true, true, ERR_STEP_ID_VERIFICATION },
	[STEP_FACE_LIVENESS] = { false, false, ERR_STEP_FACE_LIVENESS },
	[STEP_AGE_ESTIMATION] = { true, false, ERR_STEP_AGE_ESTIMATION },
	[STEP_PEP_SANCTIONS] = { false, false, ERR_STEP_PEP_SANCTIONS },
	[STEP_ADVERSE_MEDIA] = { false, false, ERR_STEP_ADVERSE_MEDIA },
};

/* ---- reading steps --------------------------------------------------------------------------------- */

/* A member of the steps that something is wrong with. */
static enum err complain(struct ctx *ctx, struct complaint_list *complaints, size_t index,
    const char *member, const char *message)
{
	const char *field = arena_printf(ctx->arena, "steps[%zu]%s", index, member);

	if (field == NULL)
		return ERR_NOMEM;
	if (complaints->count < complaints->max)
		complaints->items[complaints->count++] =
		    (struct complaint){ .field = field, .message = message };
	return ERR_OK;
}

/* Whatever stands in an object beside what it may have. */
static enum err refuse_others(struct ctx *ctx, struct complaint_list *complaints, size_t index,
    const json_t *object, const char *path, const char *known)
{
	const char *member;
	json_t *value;
	enum err err = ERR_OK;

	json_object_foreach((json_t *)(uintptr_t)object, member, value)
	{
		if (str_has_word(known, member))
			continue;
		const char *name = arena_printf(ctx->arena, "%s.%s", path, member);
		err = name == NULL ? ERR_NOMEM
				   : complain(ctx, complaints, index, name, "is not known here");
		if (err != ERR_OK)
			break;
	}
	return err;
}

static enum err read_config(struct ctx *ctx, struct complaint_list *complaints, size_t index,
    const json_t *config, struct workflow_part *part)
{
	const json_t *age = json_object_get(config, "minimum_age");

	part->minimum_age = DB_NULL;
	if (config == NULL || json_is_null(config))
		return ERR_OK;
	if (!json_is_object(config))
		return complain(ctx, complaints, index, ".config", "must be an object");
	enum err err = refuse_others(ctx, complaints, index, config, ".config",
	    step_rows[part->step].has_age ? "minimum_age" : "");
	if (err != ERR_OK || !step_rows[part->step].has_age || age == NULL || json_is_null(age))
		return err;
	if (!json_is_integer(age) || json_integer_value(age) < AGE_LEAST ||
	    json_integer_value(age) > AGE_MOST)
		return complain(ctx, complaints, index, ".config.minimum_age",
		    "must be a whole number from 1 to 100");
	part->minimum_age = json_integer_value(age);
	return ERR_OK;
}

static enum err read_part(struct ctx *ctx, struct complaint_list *complaints, size_t index,
    const json_t *item, struct workflow *workflow)
{
	struct workflow_part part = { .minimum_age = DB_NULL };
	const char *id = json_get_text(item, "id");

	if (!json_is_object(item))
		return complain(ctx, complaints, index, "", "must be an object");
	enum err err = refuse_others(ctx, complaints, index, item, "", "id config");
	if (err != ERR_OK)
		return err;
	if (id == NULL || workflow_step_parse(id, &part.step) != ERR_OK)
		return complain(ctx, complaints, index, ".id",
		    "must be one of ID_VERIFICATION, FACE_LIVENESS, AGE_ESTIMATION, PEP_SANCTIONS, "
		    "ADVERSE_MEDIA");
	for (size_t i = 0; i < workflow->part_count; i++) {
		if (workflow->parts[i].step == part.step)
			return complain(ctx, complaints, index, ".id", "is there twice");
	}
	part.step_word = workflow_step_word(part.step);
	err = read_config(ctx, complaints, index, json_object_get(item, "config"), &part);
	if (err == ERR_OK)
		workflow->parts[workflow->part_count++] = part;
	return err;
}

static const char *step_words(struct ctx *ctx, const struct workflow *workflow)
{
	const char *words = "";

	for (size_t i = 0; i < workflow->part_count && words != NULL; i++)
		words = arena_printf(
		    ctx->arena, "%s%s%s", words, i == 0 ? "" : " ", workflow->parts[i].step_word);
	return words;
}

/* From a body or from a row. */
static enum err read_steps(struct ctx *ctx, const json_t *steps, struct complaint_list *complaints,
    struct workflow *workflow)
{
	size_t before = complaints->count, count = json_array_size(steps);
	enum err err = ERR_OK;

	if (!json_is_array(steps) || count == 0 || count > LIMIT_WORKFLOW_STEPS) {
		if (complaints->count < complaints->max)
			complaints->items[complaints->count++] =
			    (struct complaint){ .field = "steps",
				    .message = "must be an array of 1 to 10 steps" };
		return ERR_VALIDATION;
	}
	for (size_t i = 0; i < count && err == ERR_OK; i++)
		err = read_part(ctx, complaints, i, json_array_get(steps, i), workflow);
	if (err == ERR_OK && complaints->count > before)
		err = ERR_VALIDATION;
	if (err == ERR_OK) {
		workflow->steps = step_words(ctx, workflow);
		err = workflow->steps == NULL ? ERR_NOMEM : ERR_OK;
	}
	return err;
}

/* ---- making ---------------------------------------------------------------------------------------- */

/* As it is kept: config only where it says something. */
static enum err steps_text(struct ctx *ctx, const struct workflow *workflow, const char **ret_text)
{
	json_t *array = json_array();
	struct buf text;
	bool ok = array != NULL;

	for (size_t i = 0; ok && i < workflow->part_count; i++) {
		const struct workflow_part *part = &workflow->parts[i];
		json_t *item = part->minimum_age == DB_NULL
				   ? json_pack("{s:s}", "id", part->step_word)
				   : json_pack("{s:s, s:{s:I}}", "id", part->step_word, "config",
					 "minimum_age", (json_int_t)part->minimum_age);
		ok = json_array_append_new(array, item) == 0;
	}
	buf_init(&text, STEPS_TEXT_CAP);
	enum err err = ok ? json_write(array, &text) : ERR_NOMEM;
	const char *copy = err == ERR_OK ? arena_strdup(ctx->arena, buf_str(&text)) : NULL;
	if (err == ERR_OK && copy == NULL)
		err = ERR_NOMEM;
	buf_free(&text);
	json_decref(array);
	if (err == ERR_OK)
		*ret_text = copy;
	return err;
}

static enum err put(struct ctx *ctx, void *arg)
{
	struct workflow *workflow = arg;
	struct row_workflow_count row;
	const char *text = NULL;
	enum err err = q_workflow_count(ctx->db, ctx->arena, ctx->actor.application_id, &row);

	if (err == ERR_OK && row.n >= LIMIT_WORKFLOWS)
		err = ERR_FULL;
	if (err == ERR_OK)
		err = steps_text(ctx, workflow, &text);
	if (err == ERR_OK)
		err = uuid_make(&workflow->id);
	if (err != ERR_OK)
		return err;
	workflow->created_at_ms = workflow->updated_at_ms = uuid_time_ms(workflow->id);
	err = q_workflow_put(ctx->db, ctx->actor.application_id, workflow->id,
	    environment_word(workflow->environment), workflow->name, workflow->status, text,
	    workflow->created_at_ms, workflow->updated_at_ms);
	struct audit_entry entry = { .action = AUDIT_WORKFLOW_CREATED,
		.application_id = ctx->actor.application_id,
		.subject_id = workflow->id };
	return err == ERR_OK ? audit_note(ctx, &entry) : err;
}

enum err workflow_create(struct ctx *ctx, const char *name, const json_t *steps,
    struct complaint_list *complaints, struct workflow *ret_workflow)
{
	struct workflow workflow = { .organization_id = ctx->actor.organization_id,
		.name = name,
		.status = workflow_status_word(WORKFLOW_ACTIVE),
		.environment = ctx->actor.environment };
	enum err err = read_steps(ctx, steps, complaints, &workflow);

	if (err == ERR_OK)
		err = tx_run(ctx, put, &workflow);
	if (err == ERR_OK)
		*ret_workflow = workflow;
	return err;
}

/* ---- showing --------------------------------------------------------------------------------------- */

static enum err fill(struct ctx *ctx, const struct row_workflow_get *row, struct workflow *workflow)
{
	struct complaint fault;
	struct complaint_list complaints = { .items = &fault, .max = 1 };
	json_t *steps = NULL;
	enum err err = json_read(row->steps, strlen(row->steps), &steps, NULL);

	*workflow = (struct workflow){ .id = row->id,
		.organization_id = ctx->actor.organization_id,
		.name = row->name,
		.status = row->status,
		.created_at_ms = row->created_at,
		.updated_at_ms = row->updated_at };
	if (err == ERR_OK)
		err = read_steps(ctx, steps, &complaints, workflow);
	json_decref(steps);
	if (err == ERR_OK)
		err = environment_parse(row->environment, &workflow->environment);
	return err == ERR_VALIDATION || err == ERR_SYNTAX ? ERR_DB_BROKEN : err;
}

enum err workflow_get(struct ctx *ctx, struct uuid id, struct workflow *ret_workflow)
{
	struct row_workflow_get row;
	struct workflow workflow;
	enum err err = q_workflow_get(
	    ctx->db, ctx->arena, ctx->actor.application_id, id, ctx_environment(ctx), &row);

	if (err == ERR_MISSING)
		return ERR_WORKFLOW_NOT_FOUND;
	if (err == ERR_OK)
		err = fill(ctx, &row, &workflow);
	if (err == ERR_OK)
		*ret_workflow = workflow;
	return err;
}

enum err workflow_list(struct ctx *ctx, struct workflow **ret_workflows, size_t *ret_count)
{
	struct row_workflow_list *rows = NULL;
	size_t count = 0;
	enum err err = q_workflow_list(
	    ctx->db, ctx->arena, ctx->actor.application_id, ctx_environment(ctx), &rows, &count);

	_Static_assert(sizeof(struct row_workflow_get) == sizeof(struct row_workflow_list),
	    "workflows are read alike");
	if (err != ERR_OK)
		return err;
	struct workflow *workflows = arena_array(ctx->arena, count, sizeof(*workflows));
	if (workflows == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < count && err == ERR_OK; i++)
		err = fill(
		    ctx, (const struct row_workflow_get *)(const void *)&rows[i], &workflows[i]);
	if (err == ERR_OK) {
		*ret_workflows = workflows;
		*ret_count = count;
	}
	return err;
}

/* ---- what can be carried out ----------------------------------------------------------------------- */

/* The sandbox needs nothing; live needs one provider that the settings are enough for. */
static bool documents_can_be_asked_about(const struct ctx *ctx, enum environment environment)
{
	bool usable = environment == ENV_SANDBOX;
	struct buf line;

	for (size_t i = 0; !usable && i < provider_driver_count; i++) {
		const struct provider_driver *driver = provider_drivers[i];
		buf_init(&line, LIMIT_LOG_LINE);
		usable = driver->dials && driver->usable(ctx->settings, &line);
		buf_free(&line);
	}
	return usable;
}

enum err workflow_usable(
    const struct ctx *ctx, const struct workflow *workflow, enum environment environment)
{
	for (size_t i = 0; i < workflow->part_count; i++) {
		const struct step_row *row = &step_rows[workflow->parts[i].step];
		if (!row->has_driver || !documents_can_be_asked_about(ctx, environment))
			return row->missing;
	}
	return ERR_OK;
}

void workflow_standard(struct workflow *ret_workflow)
{
	*ret_workflow = (struct workflow){ .part_count = 1,
		.parts = { { .step = STEP_ID_VERIFICATION,
		    .step_word = workflow_step_word(STEP_ID_VERIFICATION),
		    .minimum_age = DB_NULL } },
		.steps = workflow_step_word(STEP_ID_VERIFICATION) };
}

// SPDX-License-Identifier: Apache-2.0
// What a person is asked for: the rules of each answer, and how answers become the body of a request.
// The server has the last word; these rules only spare a round trip.

const NAME_MAX = 100;
const NUMBER_MAX = 64;
const AGE_MAX = 130;

export const trimmed = (values, name) => (values[name] ?? '').trim().replace(/\s+/g, ' ');

// A number as the catalogue's patterns see it: without spaces and hyphens.
export const bareNumber = (text) => (text ?? '').replace(/[\s-]/g, '');

export const findType = (options, values) =>
	options.find((row) => row.country === values.country && row.id_type === values.id_type) ?? null;

// Patterns are the server's (PCRE2); one that this browser does not understand is left to the server.
function fits(pattern, text) {
	try {
		return new RegExp(`^(?:${pattern})$`, 'iu').test(text);
	} catch {
		return true;
	}
}

const PARTS = /^(?:\[0-9\]|\\d|\[A-Z\]|\[A-Z0-9!?\]|\[0-9A-Z\]|[A-Z])/;
const KINDS = { '[0-9]': 'digits', '\\d': 'digits', '[A-Z]': 'letters' };

function partWords(part, counts, t) {
	const [n, m] = counts;

	if (/^[A-Z]$/.test(part))
		return n === '1' && m === n ? t('literal', { text: part }) : null;
	const kind = KINDS[part] ?? 'characters';
	if (m !== n)
		return t(`${kind}Range`, { n, m });
	return n === '1' ? t(`${kind}One`) : t(kind, { n });
}

// "[A-Z]{2}[0-9]{7}" as "2 letters, then 7 digits"; null where it is not that simple.
export function patternWords(pattern, t) {
	let rest = pattern, text = null;

	while (rest !== '') {
		const part = PARTS.exec(rest)?.[0];
		if (part === undefined)
			return null;
		rest = rest.slice(part.length);
		const count = /^\{(\d+)(?:,(\d+))?\}/.exec(rest);
		rest = rest.slice(count?.[0].length ?? 0);
		const words = partWords(part, [count?.[1] ?? '1', count?.[2] ?? count?.[1] ?? '1'], t);
		if (words === null)
			return null;
		text = text === null ? words : t('formThen', { before: text, after: words });
	}
	return text;
}

export const onlyDigits = (pattern) => /^(?:\[0-9\](?:\{[\d,]+\})?)+$/.test(pattern);

// ---- what is asked in which step -------------------------------------------------------------------

// Of a workflow's steps, those that a person takes part in on this page, and with which screens.
const SCREENS = { ID_VERIFICATION: ['document', 'person'] };

export const screensOf = (steps) =>
	['consent', ...new Set(steps.flatMap((step) => SCREENS[step] ?? [])), 'review'];

// Which fields the screen "person" has, and which of them must be filled in.
export function personFields(type, claims) {
	const extra = type?.extra_fields ?? [];
	const fields = [{ name: 'first_name', must: true },
		{ name: 'middle_name', must: extra.includes('middle_name') },
		{ name: 'last_name', must: true }, { name: 'birth', must: true }];

	if (extra.includes('gender') || claims.includes('sex_marker'))
		fields.push({ name: 'gender', must: extra.includes('gender') });
	if (extra.includes('phone'))
		fields.push({ name: 'phone', must: true });
	if (extra.includes('bank_code'))
		fields.push({ name: 'bank_code', must: true });
	return fields;
}

// ---- rules: each gives the key of a sentence, or null ------------------------------------------------

function checkNumber(values, type) {
	const number = bareNumber(values.id_number);

	if (number === '')
		return 'errNumberNone';
	if ((values.id_number ?? '').length > NUMBER_MAX)
		return 'errNumberLong';
	return type && !fits(type.pattern, number) ? 'errNumberForm' : null;
}

// The date as YYYY-MM-DD; null when it is none.
export function birthDate(values) {
	const [day, month, year] = ['birth_day', 'birth_month', 'birth_year'].map((name) => trimmed(values, name));

	if (!/^\d{1,2}$/.test(day) || !/^\d{1,2}$/.test(month) || !/^\d{4}$/.test(year))
		return null;
	const text = `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`;
	const date = new Date(`${text}T00:00:00Z`);
	return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text) ? text : null;
}

function checkBirth(values) {
	const date = birthDate(values);
	const today = new Date().toISOString().slice(0, 10);

	if (['birth_day', 'birth_month', 'birth_year'].every((name) => trimmed(values, name) === ''))
		return 'errBirthNone';
	if (date === null)
		return 'errBirthForm';
	if (date >= today)
		return 'errBirthFuture';
	return Number(today.slice(0, 4)) - Number(date.slice(0, 4)) > AGE_MAX ? 'errBirthOld' : null;
}

function checkName(key) {
	return (values, must, name) => {
		const text = trimmed(values, name);
		if (text === '')
			return must ? key : null;
		return [...text].length > NAME_MAX ? 'errLong' : null;
	};
}

const rules = {
	country: (values) => (values.country ? null : 'errCountry'),
	id_type: (values, must, name, type) => (type ? null : 'errType'),
	id_number: (values, must, name, type) => checkNumber(values, type),
	first_name: checkName('errFirst'),
	middle_name: checkName('errMiddle'),
	last_name: checkName('errLast'),
	birth: checkBirth,
	gender: (values, must) => (must && !values.gender ? 'errGender' : null),
	phone: (values) => (/^\+?[0-9]{4,19}$/.test(barePhone(values)) ? null : 'errPhone'),
	bank_code: (values) => (/^[A-Za-z0-9]{1,16}$/.test(trimmed(values, 'bank_code')) ? null : 'errBank'),
};

const barePhone = (values) => (values.phone ?? '').replace(/[\s().-]/g, '');

// The faults of a screen's answers: [{ name, key }], in the screen's order.
export function faultsOf(fields, values, type) {
	return fields.map(({ name, must }) => ({ name, key: rules[name](values, must, name, type) }))
		.filter((fault) => fault.key !== null);
}

export const documentFields = ['country', 'id_type', 'id_number'].map((name) => ({ name, must: true }));

// ---- what is sent --------------------------------------------------------------------------------------

// Members the server may find fault with, and the field that each is on this page.
export const fieldOfMember = {
	country: 'country', id_type: 'id_type', id_number: 'id_number', first_name: 'first_name',
	middle_name: 'middle_name', last_name: 'last_name', date_of_birth: 'birth', gender: 'gender',
	phone: 'phone', bank_code: 'bank_code',
};

// The body of POST submit: what was asked for, and nothing that was not. The nonce is the same however
// often an attempt is sent, so a second click, or a repetition after a lost answer, is the same attempt.
export function submission(id, attempt, values, type, claims) {
	const asked = new Set(personFields(type, claims).map((field) => field.name));
	const body = {
		nonce: `${id}-${attempt}`, consent: claims, country: values.country, id_type: values.id_type,
		id_number: (values.id_number ?? '').trim(), first_name: trimmed(values, 'first_name'),
		last_name: trimmed(values, 'last_name'), date_of_birth: birthDate(values),
	};

	if (trimmed(values, 'middle_name') !== '')
		body.middle_name = trimmed(values, 'middle_name');
	if (asked.has('gender') && values.gender)
		body.gender = values.gender;
	if (asked.has('phone'))
		body.phone = barePhone(values);
	if (asked.has('bank_code'))
		body.bank_code = trimmed(values, 'bank_code');
	return body;
}

// What the business sent, as answers to begin with.
export function answersOf(applicant) {
	const [year, month, day] = (applicant.date_of_birth ?? '').split('-');
	const { country, id_type, id_number, first_name, middle_name, last_name, gender, phone } = applicant;
	const answers = { country, id_type, id_number, first_name, middle_name, last_name, gender, phone,
		birth_day: day, birth_month: month, birth_year: year };

	return Object.fromEntries(Object.entries(answers).filter(([, value]) => value));
}

// SPDX-License-Identifier: Apache-2.0
// The form's parts: each field has a label, a hint and its fault, and says so to every reader.
import { button, el } from './dom.js';

const BIRTH = [
	{ name: 'birth_day', label: 'day', autocomplete: 'bday-day', length: 2 },
	{ name: 'birth_month', label: 'month', autocomplete: 'bday-month', length: 2 },
	{ name: 'birth_year', label: 'year', autocomplete: 'bday-year', length: 4 },
];

// The field's name, for its label and for sentences about it.
export const labelOf = (name, t) => t({
	country: 'country', id_type: 'idType', id_number: 'idNumber', first_name: 'firstName',
	middle_name: 'middleName', last_name: 'lastName', birth: 'birth', gender: 'gender', phone: 'phone',
	bank_code: 'bankCode',
}[name]);

// Where the focus goes when a field is at fault.
const firstInput = (name) => ({ birth: 'birth_day', gender: 'gender_M' })[name] ?? name;

// form: { t, values, faults: { name: sentence }, change(name, value) }
function described(form, name, hint) {
	const ids = [hint && `${name}-hint`, form.faults[name] && `${name}-fault`].filter(Boolean);

	return { 'aria-describedby': ids.length ? ids.join(' ') : null, 'aria-invalid': form.faults[name] ? 'true' : null };
}

const hintOf = (name, hint) => hint && el('p', { class: 'hint', id: `${name}-hint` }, hint);
const faultOf = (form, name) =>
	form.faults[name] && el('p', { class: 'fault', id: `${name}-fault` }, form.faults[name]);
const optionalMark = (form, must) => !must && el('span', { class: 'optional' }, ` ${form.t('optional')}`);

function wrapped(form, name, must, hint, input) {
	return el('div', { class: form.faults[name] ? 'field wrong' : 'field' },
		el('label', { for: name }, labelOf(name, form.t), optionalMark(form, must)),
		hintOf(name, hint), faultOf(form, name), input);
}

export function textField(form, { name, must = true, hint = null, ...more }) {
	return wrapped(form, name, must, hint, el('input', {
		id: name, name, type: 'text', value: form.values[name] ?? '', required: must,
		oninput: (event) => form.change(name, event.target.value), ...described(form, name, hint), ...more,
	}));
}

// choices: [value, text]…
export function selectField(form, { name, choices, onchange }) {
	const chosen = form.values[name] ?? '';
	const select = el('select', {
		id: name, name, required: true, ...described(form, name, null),
		onchange: (event) => {
			form.change(name, event.target.value);
			onchange?.();
		},
	}, [['', form.t('choose')], ...choices].map(([value, text]) =>
		el('option', { value, selected: value === chosen }, text)));

	return wrapped(form, name, true, null, select);
}

// Three boxes for a date: no calendar to scroll back thirty years in.
export function birthField(form) {
	const { t } = form;

	return el('fieldset', {
		class: form.faults.birth ? 'field wrong' : 'field', ...described(form, 'birth', true), 'aria-invalid': null,
	}, el('legend', {}, t('birth')), hintOf('birth', t('birthHint')), faultOf(form, 'birth'),
	el('div', { class: 'dates' }, BIRTH.map((part) => el('div', {},
		el('label', { for: part.name }, t(part.label)),
		el('input', {
			id: part.name, name: part.name, type: 'text', inputmode: 'numeric', maxlength: part.length,
			autocomplete: part.autocomplete, class: `digits${part.length}`, required: true,
			'aria-invalid': form.faults.birth ? 'true' : null, value: form.values[part.name] ?? '',
			oninput: (event) => form.change(part.name, event.target.value),
		})))));
}

export function genderField(form, must) {
	const { t } = form;
	const choices = [['M', 'genderM'], ['F', 'genderF'], ...(must ? [] : [['', 'genderNone']])];

	return el('fieldset', {
		class: form.faults.gender ? 'field wrong' : 'field', ...described(form, 'gender', null), 'aria-invalid': null,
	}, el('legend', {}, t('gender'), optionalMark(form, must)), faultOf(form, 'gender'),
	choices.map(([value, key]) => el('label', { class: 'choice' },
		el('input', {
			id: `gender_${value}`, type: 'radio', name: 'gender', value,
			checked: (form.values.gender ?? (must ? null : '')) === value,
			onchange: () => form.change('gender', value),
		}), el('span', {}, t(key)))));
}

// All faults at once, above the form: it has the focus, and leads to each field.
export function summaryOf(form) {
	const names = Object.keys(form.faults);

	return names.length > 0 && el('div', { class: 'summary', id: 'summary', role: 'alert', tabindex: '-1' },
		el('h2', {}, form.t('problem')),
		el('ul', {}, names.map((name) => el('li', {}, el('a', {
			href: `#${firstInput(name)}`,
			onclick: (event) => {
				event.preventDefault();
				document.getElementById(firstInput(name))?.focus();
			},
		}, form.faults[name])))));
}

// onsubmit: what Enter and the main button do; back: null for none.
export function formOf(form, parts, { onsubmit, main, back }) {
	return el('form', {
		novalidate: true, autocomplete: 'on',
		onsubmit: (event) => {
			event.preventDefault();
			onsubmit();
		},
	}, parts, el('div', { class: 'buttons' },
		el('button', { type: 'submit', class: 'button main', id: 'go' }, main),
		back && button(form.t('back'), back, 'plain')));
}

// SPDX-License-Identifier: Apache-2.0
// What is shown: each function gives the nodes of one screen, beginning with its heading. They read
// the page's state and change nothing but answers, by page.change().
import { button, el, icon } from './dom.js';
import { birthDate, findType, onlyDigits, patternWords, personFields, trimmed } from './facts.js';
import { birthField, formOf, genderField, labelOf, selectField, summaryOf, textField } from './form.js';

// page: { t, language, org, info, options, values, selected, faults, change() } and what buttons do

export const heading = (...text) => el('h1', { tabindex: '-1' }, ...text);
const lead = (text) => text && el('p', { class: 'lead' }, text);

const regions = {};
export function countryName(code, language) {
	regions[language] ??= new Intl.DisplayNames([language], { type: 'region' });
	return regions[language].of(code);
}

// A document that the texts do not know yet is called as the catalogue calls it.
export const typeName = (idType, t) =>
	t(`type_${idType}`) ?? idType.replaceAll('_', ' ').replace(/^./, (letter) => letter.toUpperCase());

export function claimName(claim, t) {
	const age = /^age_over_(\d+)$/.exec(claim);

	return age ? t('claim_age_over', { n: Number(age[1]) }) : t(`claim_${claim}`) ?? claim;
}

export function dateText(text, language) {
	return text === null ? '' : new Intl.DateTimeFormat(language,
		{ dateStyle: 'long', timeZone: 'UTC' }).format(new Date(`${text}T00:00:00Z`));
}

// ---- consent ---------------------------------------------------------------------------------------

const reasonOf = (item, t) => item.reason && el('span', { class: 'reason' }, t('reason', { reason: item.reason }));

function requiredClaims(page) {
	const { t } = page;
	const items = page.info.consent.filter((item) => item.required);

	return items.length > 0 && el('section', { 'aria-labelledby': 'required-title' },
		el('h2', { id: 'required-title' }, t('shareRequired', { org: page.org })),
		el('ul', { class: 'claims' }, items.map((item) => el('li', {}, icon('check', 'small'),
			el('span', { class: 'claim' }, claimName(item.claim, t), reasonOf(item, t))))));
}

function optionalClaims(page) {
	const { t } = page;
	const items = page.info.consent.filter((item) => !item.required);
	const tick = (claim, on) => page.select(on ? [...page.selected, claim]
		: page.selected.filter((other) => other !== claim));

	return items.length > 0 && el('fieldset', { class: 'field consent' },
		el('legend', { class: 'h2' }, t('shareOptional', { org: page.org })),
		el('p', { class: 'hint' }, t('shareOptionalHint')),
		items.map((item) => el('label', { class: 'choice' },
			el('input', {
				type: 'checkbox', name: 'claim', value: item.claim, checked: page.selected.includes(item.claim),
				onchange: (event) => tick(item.claim, event.target.checked),
			}), el('span', { class: 'claim' }, claimName(item.claim, t), reasonOf(item, t)))),
		items.length > 2 && button(t('shareAll'), (event) => {
			page.select(items.map((item) => item.claim));
			for (const box of event.target.closest('fieldset').querySelectorAll('input'))
				box.checked = true;
		}, 'plain small'));
}

export function consent(page) {
	const { t } = page;

	return [heading(t('asks', { org: page.org })), lead(t('asksLead')),
		formOf(page, [requiredClaims(page), optionalClaims(page),
			el('section', { 'aria-labelledby': 'checks-title' },
				el('h2', { id: 'checks-title' }, t('checks')),
				el('ul', { class: 'plain-list' }, el('li', {}, t('checksDocument')), el('li', {}, t('checksPerson'))),
				el('p', { class: 'hint' }, t('checksPrivacy')))],
		{ main: t('agree'), onsubmit: page.next })];
}

// ---- document ---------------------------------------------------------------------------------------

function documentChoices(page) {
	const { t, language, options, values } = page;
	const byText = ([, a], [, b]) => a.localeCompare(b, language);
	const countries = [...new Set(options.map((row) => row.country))]
		.map((code) => [code, countryName(code, language)]).sort(byText);
	const types = options.filter((row) => row.country === values.country)
		.map((row) => [row.id_type, typeName(row.id_type, t)]).sort(byText);

	return [countries, types];
}

export function documentScreen(page) {
	const { t, options, values } = page;
	const [countries, types] = documentChoices(page);
	const type = findType(options, values);
	const words = type && patternWords(type.pattern, t);

	return [heading(t('documentTitle')), summaryOf(page), formOf(page, [
		selectField(page, { name: 'country', choices: countries, onchange: () => page.redraw('country') }),
		selectField(page, { name: 'id_type', choices: types, onchange: () => page.redraw('id_type') }),
		textField(page, {
			name: 'id_number', autocomplete: 'off', autocapitalize: 'characters', spellcheck: 'false', maxlength: 64,
			hint: words && t('form', { form: words }), class: 'number',
			inputmode: type && onlyDigits(type.pattern) ? 'numeric' : 'text',
		}),
	], { main: t('next'), onsubmit: page.next, back: page.back })];
}

// ---- person -----------------------------------------------------------------------------------------

const personParts = {
	first_name: (page, must, name) => textField(page, { name, must, autocomplete: 'given-name', maxlength: 100 }),
	middle_name: (page, must, name) => textField(page, { name, must, autocomplete: 'additional-name', maxlength: 100 }),
	last_name: (page, must, name) => textField(page, { name, must, autocomplete: 'family-name', maxlength: 100 }),
	birth: (page) => birthField(page),
	gender: (page, must) => genderField(page, must),
	phone: (page, must, name) => textField(page,
		{ name, type: 'tel', autocomplete: 'tel', maxlength: 30, hint: page.t('phoneHint') }),
	bank_code: (page, must, name) => textField(page,
		{ name, autocomplete: 'off', maxlength: 16, hint: page.t('bankCodeHint') }),
};

export function person(page) {
	const { t } = page;
	const fields = personFields(findType(page.options, page.values), page.claims);

	return [heading(t('personTitle')), summaryOf(page), lead(t('personLead')),
		formOf(page, fields.map(({ name, must }) => personParts[name](page, must, name)),
			{ main: t('next'), onsubmit: page.next, back: page.back })];
}

// ---- review -----------------------------------------------------------------------------------------

function answerText(page, name) {
	const { t, values } = page;
	const texts = {
		country: () => countryName(values.country, page.language),
		id_type: () => typeName(values.id_type, t),
		birth: () => dateText(birthDate(values), page.language),
		gender: () => ({ M: t('genderM'), F: t('genderF') })[values.gender] ?? '',
	};

	return (texts[name]?.() ?? trimmed(values, name)) || t('none');
}

function answers(page, title, names, screen) {
	const { t } = page;

	return el('section', { class: 'answers' },
		el('h2', {}, title),
		el('dl', {}, names.map((name) => el('div', {},
			el('dt', {}, labelOf(name, t)), el('dd', {}, answerText(page, name))))),
		el('button', {
			type: 'button', class: 'button plain small', 'aria-label': t('changeOf', { what: title }),
			onclick: () => page.goTo(screen),
		}, t('change')));
}

export function review(page) {
	const { t } = page;
	const fields = personFields(findType(page.options, page.values), page.claims);

	return [heading(t('reviewTitle')), summaryOf(page), lead(t('reviewLead')), formOf(page, [
		answers(page, t('documentTitle'), ['country', 'id_type', 'id_number'], 'document'),
		answers(page, t('personTitle'), fields.map((field) => field.name), 'person'),
		page.claims.length > 0 && el('section', { class: 'answers' },
			el('h2', {}, t('shared', { org: page.org })),
			el('ul', { class: 'plain-list' }, page.claims.map((claim) => el('li', {}, claimName(claim, t)))),
			el('button', {
				type: 'button', class: 'button plain small', onclick: () => page.goTo('consent'),
				'aria-label': t('changeOf', { what: t('shared', { org: page.org }) }),
			}, t('change'))),
	], { main: t('send'), onsubmit: page.send, back: page.back })];
}

// ---- behind it --------------------------------------------------------------------------------------

export const loading = ({ t }) => [heading(t('loading')), el('div', { class: 'spinner', 'aria-hidden': 'true' })];

export const checking = (page) => [heading(page.t('checkingTitle')),
	el('div', { class: 'spinner', 'aria-hidden': 'true' }),
	lead(page.late ? page.t('checkingLong', { org: page.org }) : page.t('checkingLead'))];

const said = (picture, kind, title, ...more) => [el('div', { class: 'picture' }, icon(picture, `big ${kind}`)),
	heading(title), ...more];

// Where to go from here: to the business when it said where, else nowhere.
function onward(page) {
	const { t } = page;

	if (!page.info.redirect_url)
		return el('p', { class: 'hint' }, t('closeHint'));
	return el('div', { class: 'onward' },
		el('div', { class: 'buttons' },
			el('a', { class: 'button main', href: page.info.redirect_url, id: 'go', rel: 'noreferrer' }, t('goOn', { org: page.org })),
			page.leaving && button(t('stay'), page.stay, 'plain')),
		page.leaving && el('p', { class: 'hint', id: 'countdown' }, t('goOnSoon', { org: page.org, n: page.leaving })));
}

// How it ended, by the API's words: the status, and the outcome where the page may know it.
const endings = {
	succeeded: ['check', 'good', 'done'],
	failed: ['cross', 'bad', 'rejected'],
	completed: ['check', 'good', 'ended'],
	expired: ['clock', 'dull', 'expired'],
	cancelled: ['cross', 'dull', 'cancelled'],
};

export function ended(page) {
	const [picture, kind, key] = endings[page.info.outcome ?? page.info.status];

	return said(picture, kind, page.t(`${key}Title`), lead(page.t(`${key}Lead`, { org: page.org })), onward(page));
}

export function failed(page) {
	const { t } = page;
	const left = page.info.attempts_left;

	return said('cross', 'bad', t('failedTitle'), lead(t('failedLead')),
		el('p', { class: 'strong' }, left === 1 ? t('failedLeftOne') : t('failedLeft', { n: left })),
		el('div', { class: 'buttons' }, el('button',
			{ type: 'button', class: 'button main', id: 'go', onclick: page.retry }, t('again'))));
}

const offer = (picture, kind, key, text, onclick) => (page) => said(picture, kind, page.t(`${key}Title`),
	lead(page.t(`${key}Lead`)),
	text && el('div', { class: 'buttons' },
		el('button', { type: 'button', class: 'button main', id: 'go', onclick: page[onclick] }, page.t(text))));

export const unknown = offer('link', 'dull', 'unknown', null, null);
export const elsewhere = offer('link', 'dull', 'elsewhere', 'here', 'takeOver');
export const fault = offer('cross', 'bad', 'fault', 'tryAgain', 'load');

// Asks before it cancels. <dialog> keeps the focus inside, and Escape is "no".
export function sureDialog(page) {
	const { t } = page;
	const dialog = el('dialog', { 'aria-labelledby': 'sure-title', 'aria-describedby': 'sure-lead' },
		el('h2', { id: 'sure-title' }, t('sureTitle')),
		el('p', { id: 'sure-lead' }, t('sureLead', { org: page.org })),
		el('div', { class: 'buttons' },
			button(t('sureNo'), () => dialog.close(), 'main'),
			button(t('sureYes'), () => {
				dialog.close();
				page.cancel();
			}, 'danger')));

	dialog.addEventListener('close', () => dialog.remove());
	return dialog;
}

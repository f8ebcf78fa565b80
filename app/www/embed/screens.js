// SPDX-License-Identifier: Apache-2.0
// What is shown: each function gives the nodes of one screen, beginning with its heading. They read the
// page's state and change nothing but answers, by page.change().
import { button, el, icon } from '../verify/dom.js';
import { birthDate, onlyDigits, patternWords, trimmed } from '../verify/facts.js';
import { birthField, formOf, labelOf, selectField, summaryOf, textField } from '../verify/form.js';
import { countryName, dateText, heading, typeName } from '../verify/screens.js';
import { VIDEO_S } from './capture.js';

// page: { t, language, org, config, level, values, faults, shots, camera, change() } and what buttons do

const NAME_MAX = 100;
const NUMBER_MAX = 64;

const lead = (text) => el('p', { class: 'lead' }, text);
const capital = (text) => text[0].toUpperCase() + text.slice(1);

// ---- consent ----------------------------------------------------------------------------------------

const link = (url, text) => url && el('li', {}, el('a', { href: url, target: '_blank', rel: 'noopener noreferrer' }, text));

function agreement(page) {
	const { t, faults } = page;

	return el('div', { class: faults.consent ? 'field wrong' : 'field' },
		faults.consent && el('p', { class: 'fault', id: 'consent-fault' }, faults.consent),
		el('label', { class: 'choice' }, el('input', {
			id: 'consent', type: 'checkbox', checked: page.values.consent === true, required: true,
			'aria-invalid': faults.consent ? 'true' : null, 'aria-describedby': faults.consent ? 'consent-fault' : null,
			onchange: (event) => page.change('consent', event.target.checked),
		}), el('span', {}, t(`consent_${page.level.level}`))));
}

export function consent(page) {
	const { t, level, config } = page;
	const needs = [level.document && t('needDocument'),
		...level.uploads.map((kind) => t(`need${capital(kind)}`, { n: VIDEO_S }))];
	const uses = [t(`uses_${level.level}`), t(`learns_${level.level}`, { org: page.org }), t('usesStored', { n: config.keepDays }),
		level.level === 'full_kyc' && t('usesRecord', { org: page.org, n: config.recordYears })];
	const list = (texts) => el('ul', { class: 'plain-list' }, texts.filter(Boolean).map((text) => el('li', {}, text)));
	const links = [link(config.privacyUrl, t('privacy', { org: page.org })), link(config.termsUrl, t('terms', { org: page.org }))];

	return [heading(t(`asks_${level.level}`, { org: page.org })), summaryOf(page), lead(t(level.document ? 'asksLeadDocument' : 'asksLead')), formOf(page, [
		el('section', { 'aria-labelledby': 'needs-title' }, el('h2', { id: 'needs-title' }, t('needs')), list(needs)),
		el('section', { 'aria-labelledby': 'uses-title' }, el('h2', { id: 'uses-title' }, t('uses')), list(uses)),
		links.some(Boolean) && el('ul', { class: 'plain-list' }, links),
		agreement(page),
	], { main: t('begin'), onsubmit: page.next })];
}

// ---- what is printed on the document ----------------------------------------------------------------

export function documentScreen(page) {
	const { t, language, config } = page;
	const byText = ([, a], [, b]) => a.localeCompare(b, language);
	const countries = config.countries.map((code) => [code, countryName(code, language)]).sort(byText);
	const types = page.documents.map(({ type }) => [type, typeName(type, t)]).sort(byText);
	const pattern = page.document?.pattern ?? null;
	const words = pattern && patternWords(pattern, t);

	return [heading(t('documentTitle')), summaryOf(page), formOf(page, [
		selectField(page, { name: 'country', choices: countries, onchange: () => page.redraw('country') }),
		selectField(page, { name: 'id_type', choices: types, onchange: () => page.redraw('id_type') }),
		textField(page, {
			name: 'id_number', autocomplete: 'off', autocapitalize: 'characters', spellcheck: 'false',
			maxlength: NUMBER_MAX, class: 'number', hint: words && t('form', { form: words }),
			inputmode: pattern && onlyDigits(pattern) ? 'numeric' : 'text',
		}),
	], { main: t('next'), onsubmit: page.next, back: page.back })];
}

export function person(page) {
	const { t } = page;

	return [heading(t('personTitle')), summaryOf(page), lead(t('personLead')), formOf(page, [
		textField(page, { name: 'first_name', autocomplete: 'given-name', maxlength: NAME_MAX }),
		textField(page, { name: 'last_name', autocomplete: 'family-name', maxlength: NAME_MAX }),
		birthField(page),
	], { main: t('next'), onsubmit: page.next, back: page.back })];
}

// ---- camera -----------------------------------------------------------------------------------------

// What was taken, to look at.
function shown(kind, shot, t) {
	if (kind === 'video')
		return el('video', { class: 'shot', src: shot.url, controls: true, playsinline: true, 'aria-label': t('taken') });
	return el('img', { class: 'shot', src: shot.url, alt: t('taken') });
}

function filePicker(page, kind) {
	const video = kind === 'video';

	return el('label', { class: 'button plain file' }, page.t(video ? 'pickVideo' : 'pickPhoto'), el('input', {
		id: 'file', type: 'file', class: 'unseen', accept: video ? 'video/webm' : 'image/jpeg,image/png',
		capture: kind === 'selfie' || video ? 'user' : 'environment',
		onchange: (event) => event.target.files.length > 0 && page.pick(event.target.files[0]),
	}));
}

// The camera is open: its picture, and the one button.
function liveScreen(page, kind) {
	const { t, camera } = page;
	const shape = kind === 'selfie' || kind === 'video' ? 'face' : 'card';
	const video = el('video', {
		id: 'live-picture', class: shape === 'face' ? 'shot mirror' : 'shot', playsinline: true,
		'aria-label': t('live'), 'aria-describedby': 'live-words',
	});

	video.addEventListener('loadedmetadata', () => video.classList.add('known'));
	video.muted = true;
	video.srcObject = camera.stream;
	video.play().catch(() => null);
	return [el('figure', { class: 'finder' },
		el('div', { class: 'view' }, video, el('div', { class: `guide ${shape}`, 'aria-hidden': 'true' })),
		el('figcaption', { class: 'hint', id: 'live-words' }, t(kind === 'video' ? 'videoWords' : `${shape}Words`))),
	el('p', { class: 'strong', id: 'countdown' }),
		el('div', { class: 'buttons' },
			el('button', { type: 'button', class: 'button main', id: 'go', onclick: page.shoot },
				t(kind === 'video' ? 'takeVideo' : 'takePhoto')),
			button(t('back'), page.shut, 'plain'))];
}

const takenScreen = (page, kind) => [shown(kind, page.shots[kind], page.t), lead(page.t('takenLead')),
	el('div', { class: 'buttons' },
		el('button', { type: 'button', class: 'button main', id: 'go', onclick: page.next },
			page.t(kind === 'video' ? 'useVideo' : 'usePhoto')),
		button(page.t('another'), page.drop, 'plain'))];

const closedScreen = (page, kind) => [
	page.camera.trouble && el('p', { class: 'notice trouble', role: 'alert' }, page.t(page.camera.trouble)),
	el('div', { class: 'buttons' },
		el('button', {
			type: 'button', class: 'button main', id: 'go', onclick: page.open,
			'aria-disabled': page.camera.opening ? 'true' : null,
		}, page.t(page.camera.opening ? 'opening' : 'open')),
		filePicker(page, kind),
		button(page.t('back'), page.back, 'plain'))];

export function capture(kind) {
	return (page) => {
		const { t, camera, shots } = page;
		const hints = !shots[kind] && !camera.stream && el('ul', { class: 'plain-list' }, el('li', {}, t(`${kind}Hint1`)), el('li', {}, t(`${kind}Hint2`)));
		const body = shots[kind] ? takenScreen : camera.stream ? liveScreen : closedScreen;

		return [heading(shots[kind] ? t(kind === 'video' ? 'goodVideo' : 'goodPhoto') : t(`${kind}Title`, { n: VIDEO_S })),
			hints, ...body(page, kind)];
	};
}

// ---- review -----------------------------------------------------------------------------------------

const change = (page, what, step) => el('button', {
	type: 'button', class: 'button plain small', 'aria-label': page.t('changeOf', { what }), onclick: () => page.goTo(step),
}, page.t('change'));

function answers(page, title, step, rows) {
	return el('section', { class: 'answers' }, el('h2', {}, title),
		el('dl', {}, rows.map(([name, text]) => el('div', {},
			el('dt', {}, labelOf(name, page.t)), el('dd', {}, text)))),
		change(page, title, step));
}

function documentAnswers(page) {
	const { t, values, language } = page;

	return [answers(page, t('documentTitle'), 'document', [['country', countryName(values.country, language)],
		['id_type', typeName(values.id_type, t)], ['id_number', trimmed(values, 'id_number')]]),
	answers(page, t('personTitle'), 'person', [['first_name', trimmed(values, 'first_name')],
		['last_name', trimmed(values, 'last_name')], ['birth', dateText(birthDate(values), language)]])];
}

export function review(page) {
	const { t } = page;

	return [heading(t('reviewTitle')), lead(t('reviewLead')), formOf(page, [
		...(page.level.document ? documentAnswers(page) : []),
		...page.kinds.map((kind) => el('section', { class: 'answers' }, el('h2', {}, t(`step${capital(kind)}`)),
			shown(kind, page.shots[kind], t), change(page, t(`step${capital(kind)}`), kind))),
	], { main: t('send'), onsubmit: page.send, back: page.back })];
}

export const sending = ({ t }) => [heading(t('sendingTitle')), lead(t('sendingLead')),
	el('p', { id: 'sent-words' }, t('sentOf', { n: 0 })),
	el('progress', { id: 'sent', max: 100, value: 0, 'aria-labelledby': 'sent-words' })];

export const loading = ({ t }) => [heading(t('loading')), el('div', { class: 'spinner', 'aria-hidden': 'true' })];

// ---- how it ended -----------------------------------------------------------------------------------

const offer = (picture, kind, key, text, onclick) => (page) => [
	el('div', { class: 'picture' }, icon(picture, `big ${kind}`)), heading(page.t(`${key}Title`)),
	lead(page.t(`${key}Lead`, { org: page.org, what: page.wrong })),
	text && el('div', { class: 'buttons' },
		el('button', { type: 'button', class: 'button main', id: 'go', onclick: page[onclick] }, page.t(text)))];

export const ended = {
	approved: offer('check', 'good', 'approved'), rejected: offer('cross', 'bad', 'rejected'),
	open: offer('clock', 'good', 'open'),
};
export const cancelled = offer('cross', 'dull', 'cancelled', 'startOver', 'restart');
export const address = offer('cross', 'bad', 'address');
export const denied = offer('clock', 'dull', 'denied');
export const keyGone = offer('cross', 'bad', 'key');
export const refused = offer('cross', 'bad', 'refused', 'lookAgain', 'lookAgain');
export const fault = offer('cross', 'bad', 'fault', 'tryAgain', 'restart');

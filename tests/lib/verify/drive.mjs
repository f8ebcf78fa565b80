// SPDX-License-Identifier: Apache-2.0
// drive: a browser (Debian's Chromium) that does what its standard input says, one JSON object a line:
// {"tab", "does", …}, and answers each with one line, {"is": …} or {"failed": …}. What each tab asked
// for, logged and was refused is kept, and told by "seen". With "frame", what is done is done in the frame
// of that name, with "popup" in the window that the tab opened last. Its argument is JSON: chromium, root, and camera: there is one, which plays a test picture,
// and who asks for it is given it.
import { chromium } from 'playwright-core';
import { createInterface } from 'node:readline';
import { readFileSync } from 'node:fs';

const told = JSON.parse(process.argv[2]);
const axe = readFileSync(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const PATIENCE_MS = 15000;
const TABS = 60;
const tabs = {};
const popups = new Map();

// Names are resolved nowhere: who asks for another host is recorded, and gets nothing.
const browser = await chromium.launch({
	executablePath: told.chromium,
	args: ['--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1', ...(told.root ? ['--no-sandbox'] : []),
		...(told.camera ? ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'] : [])],
});

// with: another tab, whose context (storage apart) this one shares; else a browser of its own.
async function open({ tab, with: other, width = 390, height = 844, ...more }) {
	const context = other ? tabs[other].context : await browser.newContext({
		viewport: { width, height }, isMobile: width < 600, hasTouch: width < 600, reducedMotion: 'reduce', ...more,
	});
	const seen = { requests: [], console: [], faults: [], violations: [], played: [] };

	context.setDefaultTimeout(PATIENCE_MS);
	await context.route('https://shop.example/**', (route) =>
		route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>Shop</title>' }));
	const page = await context.newPage();
	// Its time goes on as ours does, and faster when told to.
	await page.clock.install();
	await page.exposeFunction('tellViolation', (text) => seen.violations.push(text));
	await page.addInitScript(() => document.addEventListener('securitypolicyviolation',
		(event) => globalThis.tellViolation(`${event.effectiveDirective}: ${event.blockedURI}`)));
	page.on('request', (request) => seen.requests.push(`${request.method()} ${request.url()}`));
	page.on('console', (message) => seen.console.push(`${message.type()}: ${message.text()}`));
	page.on('pageerror', (error) => seen.faults.push(String(error)));
	tabs[tab] = { page, context, seen };
}

// A frame has its page's.
const keyboard = (page) => (page.keyboard ?? page.page().keyboard);

// Plays the server at such addresses: the answers in their order, the last one for good.
async function play(context, seen, { address, answers }) {
	await context.route(address, async (route) => {
		const request = route.request();
		const answer = answers.length > 1 ? answers.shift() : answers[0];

		seen.played.push({ url: request.url(), headers: request.headers(), body: request.postData() });
		await route.fulfill({
			status: answer.status, headers: answer.headers ?? {}, contentType: 'application/json',
			body: JSON.stringify(answer.body),
		});
	});
}

// The frame of this name, when there is one.
async function frameOf(page, name) {
	await page.waitForSelector(`iframe[name="${name}"]`);
	return page.frame({ name });
}

// Presses Tab until the focus is on what the selector names, as who has no mouse must.
async function tabTo(page, selector) {
	for (let i = 0; i < TABS; i++) {
		if (await page.evaluate((wanted) => document.activeElement.matches(wanted), selector))
			return i;
		await keyboard(page).press('Tab');
	}
	throw new Error(`${selector} is not reached with Tab`);
}

// What axe finds, by all its rules or by some.
async function judge(page, rules) {
	if (!await page.evaluate(() => 'axe' in globalThis))
		await page.evaluate(axe);
	const { violations } = await page.evaluate((only) =>
		globalThis.axe.run(only ? { runOnly: only } : {}), rules ?? null);

	return violations.map((rule) => ({ id: rule.id, impact: rule.impact, nodes: rule.nodes.map((node) => node.html) }));
}

const operations = {
	goto: (page, { url }) => page.goto(url).then(() => null),
	reload: (page) => page.reload().then(() => null),
	wait: (page, { selector }) => page.waitForSelector(selector).then(() => null),
	gone: (page, { selector }) => page.waitForSelector(selector, { state: 'detached' }).then(() => null),
	waitText: (page, { text }) => page.getByText(text).first().waitFor(),
	waitUrl: (page, { start }) => page.waitForURL((url) => url.href.startsWith(start)).then(() => page.url()),
	click: (page, { selector }) => page.click(selector),
	twice: (page, { selector }) => page.evaluate((wanted) => {
		const node = document.querySelector(wanted);
		node.click();
		node.click();
	}, selector),
	fill: (page, { selector, text }) => page.fill(selector, text),
	choose: (page, { selector, value }) => page.selectOption(selector, value),
	tabTo: (page, { selector }) => tabTo(page, selector),
	press: (page, { key }) => keyboard(page).press(key),
	type: (page, { text }) => keyboard(page).type(text),
	give: (page, { selector, path }) => page.setInputFiles(selector, path),
	messages: (page) => page.evaluate(() => globalThis.messages),
	popup: async (page, { selector }) => {
		const [popup] = await Promise.all([page.waitForEvent('popup'), page.click(selector)]);
		await popup.waitForSelector('h1');
		await popup.waitForSelector('#screen.consent');
		popups.set(page, popup);
		return popup.innerText('h1');
	},
	run: (page, { script }) => page.evaluate(script),
	before: (page, { script }) => page.addInitScript(script),
	value: (page, { selector }) => page.inputValue(selector),
	text: (page, { selector }) => page.innerText(selector),
	texts: (page, { selector }) => page.locator(selector).allInnerTexts(),
	count: (page, { selector }) => page.locator(selector).count(),
	focus: (page) => page.evaluate(() => document.activeElement.id || document.activeElement.tagName),
	attribute: (page, { selector, name }) => page.getAttribute(selector, name),
	width: (page) => page.evaluate(() => document.documentElement.scrollWidth),
	// What a browser makes of a picture or a video that stands alone: its kind, and how wide it came out.
	medium: async (page) => {
		await page.waitForFunction(() => {
			const it = document.querySelector('img, video');
			return it?.naturalWidth > 0 || (it?.videoWidth > 0 && it.readyState >= it.HAVE_CURRENT_DATA);
		});
		return page.evaluate(() => document.querySelector('img, video').tagName);
	},
	stored: (page) => page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])),
	language: (page) => page.evaluate(() => document.documentElement.lang),
	scheme: (page, { scheme }) => page.emulateMedia({ colorScheme: scheme }),
	resize: (page, { width }) => page.setViewportSize({ width, height: 844 }),
	judge: (page, { rules }) => judge(page, rules),
	// The next request to such an address arrives, and its answer does not.
	loseAnswer: (page, { address }) => page.route(address, async (route) => {
		await route.fetch();
		await route.abort();
	}, { times: 1 }),
	skip: (page, { seconds }) => page.clock.fastForward(seconds * 1000),
	comeBack: (page) => page.evaluate(() => document.dispatchEvent(new Event('visibilitychange'))),
	pass: (page, { seconds }) => page.clock.runFor(seconds * 1000),
	shot: (page, { path }) => page.screenshot({ path, fullPage: true }).then(() => null),
	back: (page) => page.goBack().then(() => null),
	url: (page) => page.url(),
};

async function perform(order) {
	if (order.does === 'open')
		return open(order);
	const { page, context, seen } = tabs[order.tab];
	if (order.does === 'seen')
		return seen;
	if (order.does === 'offline')
		return context.setOffline(order.on);
	if (order.does === 'close')
		return page.close();
	if (order.does === 'play')
		return play(context, seen, order);
	if (order.popup)
		return operations[order.does](popups.get(page), order);
	return operations[order.does](order.frame ? await frameOf(page, order.frame) : page, order);
}

for await (const line of createInterface({ input: process.stdin })) {
	try {
		console.log(JSON.stringify({ is: (await perform(JSON.parse(line))) ?? null }));
	} catch (error) {
		console.log(JSON.stringify({ failed: String(error) }));
	}
}
await browser.close();

// SPDX-License-Identifier: Apache-2.0
// drive: a browser (Debian's Chromium) that does what its standard input says, one JSON object a line:
// {"tab", "does", …}, and answers each with one line, {"is": …} or {"failed": …}. What each tab asked
// for, logged and was refused is kept, and told by "seen". Its argument is JSON: chromium, root.
import { chromium } from 'playwright-core';
import { createInterface } from 'node:readline';
import { readFileSync } from 'node:fs';

const told = JSON.parse(process.argv[2]);
const axe = readFileSync(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const PATIENCE_MS = 15000;
const TABS = 60;
const tabs = {};

// Names are resolved nowhere: who asks for another host is recorded, and gets nothing.
const browser = await chromium.launch({
	executablePath: told.chromium,
	args: ['--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1', ...(told.root ? ['--no-sandbox'] : [])],
});

// with: another tab, whose context (storage apart) this one shares; else a browser of its own.
async function open({ tab, with: other, width = 390, height = 844, ...more }) {
	const context = other ? tabs[other].context : await browser.newContext({
		viewport: { width, height }, isMobile: width < 600, hasTouch: width < 600, reducedMotion: 'reduce', ...more,
	});
	const seen = { requests: [], console: [], faults: [], violations: [] };

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

// Presses Tab until the focus is on what the selector names, as who has no mouse must.
async function tabTo(page, selector) {
	for (let i = 0; i < TABS; i++) {
		if (await page.evaluate((wanted) => document.activeElement.matches(wanted), selector))
			return i;
		await page.keyboard.press('Tab');
	}
	throw new Error(`${selector} is not reached with Tab`);
}

// What axe finds, by all its rules or by some.
async function judge(page, rules) {
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
	press: (page, { key }) => page.keyboard.press(key),
	type: (page, { text }) => page.keyboard.type(text),
	value: (page, { selector }) => page.inputValue(selector),
	text: (page, { selector }) => page.innerText(selector),
	texts: (page, { selector }) => page.locator(selector).allInnerTexts(),
	count: (page, { selector }) => page.locator(selector).count(),
	focus: (page) => page.evaluate(() => document.activeElement.id || document.activeElement.tagName),
	attribute: (page, { selector, name }) => page.getAttribute(selector, name),
	width: (page) => page.evaluate(() => document.documentElement.scrollWidth),
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
	return operations[order.does](page, order);
}

for await (const line of createInterface({ input: process.stdin })) {
	try {
		console.log(JSON.stringify({ is: (await perform(JSON.parse(line))) ?? null }));
	} catch (error) {
		console.log(JSON.stringify({ failed: String(error) }));
	}
}
await browser.close();

// One tab with the playground, and what a visitor can do and see there.

import { until } from './harness.js';

/** What a token would look like if one were seen: 43 or more characters of base64url. */
const TOKEN = /[A-Za-z0-9_-]{43,}/;

/** The token of a form, which is for its page to be seen. */
const FORM_TOKEN = /csrf(=|\\*" value=\\*")[\w-]+/g;

export class Tab {
    static async open(context, server) {
        const tab = new Tab(await context.newPage());
        await tab.page.goto(server.url);
        await tab.page.waitForSelector('body[data-ready]');
        return tab;
    }

    constructor(page) {
        this.page = page;
        /** What went wrong in the page without the visitor being told. */
        this.faults = [];
        /** What the browser itself may complain of in this test, as a pattern; null for nothing. */
        this.excused = null;
        /** Every answer of the relay so far, as promises of its text. */
        this.answers = [];
        page.setDefaultTimeout(15_000);
        page.on('pageerror', (error) => this.faults.push(String(error)));
        page.on('console', (message) => {
            if (message.type() !== 'error' || this.excused?.test(message.text())) return;
            this.faults.push(message.text());
        });
        page.on('requestfinished', (request) => {
            if (request.method() !== 'POST') return;
            const answer = this.#answerTo(request);
            // Whoever awaits it learns of a failure. A tab that is closed first has nobody who does.
            answer.catch(() => {});
            this.answers.push(answer);
        });
    }

    async #answerTo(request) {
        const response = await request.response();
        return `${JSON.stringify(await response.allHeaders())}\n${await response.text()}`;
    }

    part(name) {
        return this.page.getByTestId(name);
    }

    browser(name) {
        return this.part(`browser-${name}`);
    }

    /** The ids of all operations that the page offers. */
    operations() {
        return this.page
            .locator('[data-testid^=operation-]')
            .evaluateAll((rows) => rows.map((row) => row.dataset.testid.replace('operation-', '')));
    }

    /** Writes into a field of the group that has this operation. */
    async fill(operation, field, value) {
        const group = this.page.locator('.group').filter({ has: this.part(`operation-${operation}`) });
        await group.locator(`input[name=${field}]`).fill(value);
    }

    /** Ticks a box of the group that has this operation. */
    async check(operation, field) {
        const group = this.page.locator('.group').filter({ has: this.part(`operation-${operation}`) });
        await group.locator(`input[name=${field}]`).check();
    }

    /** Says a line to the WebSocket that a browser has open, and returns what is answered. */
    async say(browser, line) {
        const answers = this.browser(browser).locator('[data-testid=lines] li:not([data-sort=asked])');
        const before = await answers.count();
        await this.browser(browser).getByTestId('line').fill(line);
        await this.browser(browser).getByTestId('line').press('Enter');
        await until(`${line} is answered`, async () => (await answers.count()) > before);
        return answers.nth(before).innerText();
    }

    click(operation, browser) {
        return this.part(`${operation}-${browser}`).click();
    }

    entries(browser) {
        return this.browser(browser).getByTestId('entry');
    }

    /** Sends an operation and returns its log entry when the session was compared. */
    async send(operation, browser) {
        const before = await this.entries(browser).count();
        await this.click(operation, browser);
        await until(`${operation} is in the log`, async () => (await this.entries(browser).count()) > before);
        return this.finished(browser, before);
    }

    /** The entry that is the `index`th from the first, when it is complete. */
    finished(browser, index) {
        return until('the exchange is over', async () => {
            const entry = (await this.read(browser)).at(-1 - index);
            return entry?.compared && entry;
        });
    }

    /** All entries of a browser as a visitor sees them, newest first. */
    read(browser) {
        return this.entries(browser).evaluateAll((entries) =>
            entries.map((entry) => {
                const text = (name) => entry.querySelector(`[data-testid=${name}]`)?.textContent;
                const rows = [...entry.querySelectorAll('[data-testid=diff] tbody tr')];
                return {
                    compared: rows.length > 0,
                    state: entry.dataset.state,
                    request: text('request'),
                    status: text('entry-status'),
                    response: text('response'),
                    body: text('body'),
                    setCookies: [...entry.querySelectorAll('[data-testid=set-cookie]')].map((list) =>
                        [...list.querySelectorAll('dt')].map((term) => [term.textContent, term.nextElementSibling.textContent]),
                    ),
                    changed: rows
                        .filter((row) => row.dataset.changed === 'true')
                        .map((row) => row.querySelector('th').textContent.replace(' (changed)', '')),
                };
            }),
        );
    }

    /** What the cookie jar of a browser shows. */
    jar(browser) {
        return this.browser(browser).getByTestId('jar').innerText();
    }

    /** The fingerprint that the card of a browser shows; null when there is no session. */
    fingerprint(browser) {
        return textNow(this.browser(browser).getByTestId('fingerprint'));
    }

    /** What the card of a browser shows of an attribute; null when there is none. */
    attribute(browser, name) {
        return textNow(this.browser(browser).locator(`[data-testid=attributes] [data-attribute="${name}"] td`));
    }

    /** Where a token was seen: in the document or in an answer of the relay. Empty is well. */
    async tokensSeen() {
        const texts = [await this.page.content(), ...(await Promise.all(this.answers))];
        return texts.map((text) => text.replaceAll(FORM_TOKEN, '').match(TOKEN)?.[0]).filter(Boolean);
    }

    focused() {
        return this.page.evaluate(() => document.activeElement?.dataset.testid);
    }

    /** How far the page is wider than the window, in pixels. */
    overflow() {
        return this.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    }
}

/** The text of an element at this moment, or null: it may vanish, so nothing is waited for. */
function textNow(locator) {
    return locator.evaluateAll((elements) => elements[0]?.textContent ?? null);
}

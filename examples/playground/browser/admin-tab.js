// One tab with the administrator's page, and what an administrator can do and see there.

import { until } from './harness.js';

/** What a token would look like if one were seen. */
const TOKEN = /[A-Za-z0-9_-]{43,}/;

export class AdminTab {
    static async open(context, server) {
        const tab = new AdminTab(await context.newPage(), server);
        await tab.page.goto(`${server.url}/admin`);
        await tab.page.waitForSelector('body[data-ready]');
        return tab;
    }

    constructor(page, server) {
        this.page = page;
        this.server = server;
        /** What went wrong in the page without the administrator being told. */
        this.faults = [];
        /** What the browser itself may complain of in this test, as a pattern; null for nothing. */
        this.excused = null;
        /** Every answer of the server so far, as promises of its text. */
        this.answers = [];
        page.setDefaultTimeout(15_000);
        page.on('pageerror', (error) => this.faults.push(String(error)));
        page.on('console', (message) => {
            if (message.type() !== 'error' || this.excused?.test(message.text())) return;
            this.faults.push(message.text());
        });
        page.on('requestfinished', (request) => {
            if (!request.url().includes('/admin/')) return;
            const answer = request.response().then((response) => response.text());
            answer.catch(() => {});
            this.answers.push(answer);
        });
    }

    part(name) {
        return this.page.getByTestId(name);
    }

    /** Waits until so many sessions are said to be live. */
    live(count) {
        return until(`${count} sessions live`, async () => (await this.part('live').innerText()) === String(count));
    }

    /** How many samples the plot is drawn from. */
    async samples() {
        return Number(await this.part('plot').getAttribute('data-samples'));
    }

    /** The count in a row of a table. */
    count(table, name) {
        return this.part(table).locator(`[data-name=${name}] td`).innerText();
    }

    /** Asks for the sessions of a principal, and waits until so many are listed. */
    async show(principal, count) {
        await this.part('principal').fill(principal);
        await this.part('show').click();
        await this.listed(count);
    }

    listed(count) {
        const rows = this.part('theirs').locator('tbody tr');
        return until(`${count} sessions are listed`, async () => (await rows.count()) === count);
    }

    focused() {
        return this.page.evaluate(() => document.activeElement?.dataset.testid);
    }

    /** How far the page is wider than the window, in pixels. */
    overflow() {
        return this.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    }

    async tokensSeen() {
        const texts = [await this.page.content(), ...(await Promise.all(this.answers))];
        return texts.map((text) => text.match(TOKEN)?.[0]).filter(Boolean);
    }
}

/** Somebody who visits the site without a browser. */
export class Visitor {
    static async logIn(server, principal, label) {
        const visitor = new Visitor(server);
        await visitor.send('POST', '/login', { principal, label });
        return visitor;
    }

    static async anonymous(server) {
        const visitor = new Visitor(server);
        await visitor.send('PUT', '/attributes/a', 1);
        return visitor;
    }

    constructor({ url }) {
        this.url = url;
        this.cookie = '';
    }

    async send(method, path, body) {
        const headers = this.cookie ? { cookie: this.cookie } : {};
        const answer = await fetch(this.url + path, { method, headers, body: body && JSON.stringify(body) });
        if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status}`);
        const [cookie] = answer.headers.getSetCookie();
        if (cookie) this.cookie = cookie.split(';')[0];
        return answer;
    }

    /** Whether the visitor's session is there. */
    async isAlive() {
        return (await (await this.send('GET', '/session')).json()).exists;
    }
}

// One tab with the chat, and what a visitor can see and do there.

import { until } from './harness.js';

export class Tab {
    /** Opens the chat in a new tab of a browser context. */
    static async open(context, server) {
        const tab = new Tab(await context.newPage(), server);
        await tab.page.goto(server.url);
        await tab.ready();
        return tab;
    }

    constructor(page, server) {
        this.page = page;
        this.server = server;
        /** What went wrong in the page without the visitor being told. */
        this.faults = [];
        page.setDefaultTimeout(15_000);
        page.on('pageerror', (error) => this.faults.push(String(error)));
        page.on('console', (message) => {
            if (message.type() === 'error') this.faults.push(message.text());
        });
        page.on('dialog', (dialog) => dialog.accept());
    }

    part(name) {
        return this.page.getByTestId(name);
    }

    /** The page puts the focus into the message box when it has shown what is there. */
    async ready() {
        await until('a message can be written', async () => (await this.focused()) === 'composer');
    }

    focused() {
        return this.page.evaluate(() => document.activeElement?.dataset.testid);
    }

    async reload() {
        await this.page.reload();
        await this.ready();
    }

    /** What the visitor sees of the conversation, oldest first. */
    seen() {
        return this.part('message').evaluateAll((messages) =>
            messages.map((message) => ({
                role: message.dataset.role,
                complete: message.dataset.complete === 'true',
                text: message.querySelector('[data-testid=content]').textContent,
            })),
        );
    }

    /** The same if it is `count` messages, else null. */
    async seenWhenThere(count) {
        const seen = await this.seen();
        return seen.length === count ? seen : null;
    }

    /** What the server keeps of the conversation, asked for with the visitor's cookie. */
    async kept() {
        const answer = await this.page.context().request.get(`${this.server.url}/api/chat`);
        return (await answer.json()).messages;
    }

    async send(text) {
        await this.part('composer').fill(text);
        await this.part('send').click();
    }

    /** Waits for `count` complete replies and returns the last one as it is seen. */
    async replies(count) {
        const seen = await until(`${count} complete replies are seen`, async () => {
            const replies = (await this.seen()).filter((message) => message.role === 'assistant');
            return replies.length === count && replies.every((it) => it.complete) && replies;
        });
        return seen.at(-1).text;
    }

    /** Sends a message and waits for the reply, which is the `count`th of the conversation. */
    async say(text, count) {
        await this.send(text);
        return this.replies(count);
    }

    /** Waits until a reply has begun and not ended, and returns what is seen of it. */
    partialReply() {
        return until('a reply has begun', async () => {
            const last = (await this.seen()).at(-1);
            const begun = last?.role === 'assistant' && /\S+\s+\S/.test(last.text);
            return begun && !last.complete && last.text;
        });
    }

    /** Waits until the last message the server keeps is a reply that broke off, and returns it. */
    keptPart() {
        return until('the part of the reply is kept', async () => {
            const last = (await this.kept()).at(-1);
            return last?.role === 'assistant' && !last.complete && last.content !== '' && last;
        });
    }

    /** Waits until the page tells the visitor something. */
    told(pattern) {
        const status = () => this.part('status').innerText();
        return until(`the page says ${pattern}`, async () => pattern.test(await status()));
    }

    /** Moves the focus as a visitor without a mouse does. */
    async focusByTab(name) {
        for (let presses = 0; presses < 40; presses++) {
            await this.page.keyboard.press('Tab');
            if ((await this.focused()) === name) return;
        }
        throw new Error(`the Tab key does not reach ${name}`);
    }
}

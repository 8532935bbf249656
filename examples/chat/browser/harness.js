// Starts the chat and the browser, and stops exactly these.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';

/** How long anything may take that a visitor would wait for, in milliseconds. */
const PATIENCE = 15_000;

/** The web framework that serves the chat. */
export const FRAMEWORK = process.env.CHAT_FRAMEWORK || 'axum';

// A signal ends Node.js without its exit handlers, and they are what stops the children.
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM']) {
    process.once(signal, () => process.exit(1));
}

/** The value of an environment variable that scripts/test sets. */
export function setting(name) {
    const value = process.env[name];
    if (!value) throw new Error(`${name} is not set: run scripts/test browser`);
    return value;
}

/** A chat server of the test's own, on a port of its own. */
export class Server {
    static async start({ tokenDelay, listen = '127.0.0.1:0' }) {
        const child = spawn(
            setting('CHAT_PROGRAM'),
            [
                ...['--framework', FRAMEWORK],
                ...['--listen', listen],
                ...['--token-delay-ms', String(tokenDelay)],
            ],
            { stdio: ['ignore', 'pipe', 'pipe'] },
        );
        const killed = () => child.kill('SIGKILL');
        process.once('exit', killed);
        child.once('exit', () => process.removeListener('exit', killed));

        let complaints = '';
        child.stderr.on('data', (chunk) => (complaints += chunk));
        for await (const line of createInterface({ input: child.stdout })) {
            const url = line.match(/^listening on (http:\/\/\S+)$/)?.[1];
            if (url) return new Server(child, url);
        }
        throw new Error(`the chat ended before it listened:\n${complaints}`);
    }

    constructor(child, url) {
        this.child = child;
        this.url = url;
        this.address = new URL(url).host;
    }

    async stop() {
        if (this.child.exitCode !== null || this.child.signalCode !== null) return;
        const ended = once(this.child, 'exit');
        this.child.kill('SIGTERM');
        const inTime = await Promise.race([ended, sleep(PATIENCE, false, { ref: false })]);
        if (!inTime) {
            this.child.kill('SIGKILL');
            await ended;
            throw new Error('the chat did not end when it was asked to');
        }
    }
}

/** Headless Chromium that talks to nobody but the pages it is given. */
export function startBrowser() {
    return chromium.launch({
        executablePath: setting('CHROMIUM'),
        headless: true,
        args: [
            '--no-sandbox', // the tests may run as root, where the sandbox refuses to start
            '--disable-background-networking',
            '--disable-component-update',
            '--disable-dev-shm-usage',
            '--disable-gpu',
            '--disable-quic',
            '--disable-sync',
            '--no-first-run',
            '--no-proxy-server',
        ],
    });
}

/** Asks until the answer is truthy, and returns it. */
export async function until(what, ask) {
    const deadline = Date.now() + PATIENCE;
    for (;;) {
        const answer = await ask();
        if (answer) return answer;
        if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
        await sleep(20);
    }
}

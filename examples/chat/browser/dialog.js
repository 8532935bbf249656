// The account dialog of a tab, and what a visitor can see and do there.

import { until } from './harness.js';

export const PASSWORD = 'a horse that is correct';

export class AccountDialog {
    constructor(tab) {
        this.tab = tab;
        this.page = tab.page;
    }

    part(name) {
        return this.tab.part(name);
    }

    async open() {
        await this.part('account-open').click();
        await this.part('account').waitFor();
    }

    isOpen() {
        return this.part('account').evaluate((dialog) => dialog.open);
    }

    /** Who the header says is logged in. */
    who() {
        return this.part('account-who').innerText();
    }

    /** Waits until the header names somebody, or offers to log in. */
    shows(who) {
        return until(`the header shows ${who}`, async () => (await this.who()) === who);
    }

    async fill(form, name, password, { remember = false } = {}) {
        const within = this.part(form);
        await within.getByLabel('Name').fill(name);
        await within.getByLabel('Password').fill(password);
        await within.getByLabel('Remember me').setChecked(remember);
        await within.locator('[type=submit]').click();
    }

    async register(name) {
        await this.open();
        await this.page.getByRole('button', { name: 'Create an account' }).click();
        await this.fill('register', name, PASSWORD);
        await this.shows(name);
    }

    async logIn(name, options) {
        await this.open();
        await this.fill('login', name, PASSWORD, options);
        await this.shows(name);
    }

    async logOut() {
        await this.open();
        await this.part('log-out').click();
        await this.shows('Log in');
    }

    /** Waits until the dialog says what went wrong. */
    async problem(pattern) {
        const problem = this.part('account-problem');
        await until(`the dialog says ${pattern}`, async () => pattern.test(await problem.innerText()));
    }

    /** Opens "your devices" and waits until it lists `count`. */
    async devices(count) {
        if (!(await this.isOpen())) await this.open();
        const devices = this.part('device');
        await until(`${count} devices are listed`, async () => (await devices.count()) === count);
        return devices;
    }
}

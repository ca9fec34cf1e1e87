// Every page there is: what is photographed, and what must be accessible. A new page needs a line here.

/**
 * @typedef {object} Page
 * @property {string} name of its pictures
 * @property {string | ((ids: { key: string, token: string, job: string }) => string)} path
 * @property {boolean} [isPublic] seen by a stranger; else by the signed-in administrator
 * @property {number} [status] what it is answered with, where that is no success
 * @property {(page: import("playwright-core").Page) => Promise<void>} [prepare] what is done before one looks
 */

/** @type {Page[]} */
export const PAGES = [
  { name: "docs", path: "/docs", isPublic: true, prepare: (page) => page.locator(".opblock").first().waitFor() },
];

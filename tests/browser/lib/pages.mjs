// Every page there is: what is photographed, and what must be accessible. A new page needs a line here.

/**
 * @typedef {object} Page
 * @property {string} name of its pictures
 * @property {string | ((ids: { key: string, token: string, job: string }) => string)} path
 * @property {boolean} [isPublic] seen by a stranger; else by the signed-in administrator
 * @property {boolean} [isTheirs] looks as its library makes it look
 * @property {RegExp[]} [expects] faults that belong to it
 * @property {(page: import("playwright-core").Page) => Promise<void>} [prepare] what is done before one looks
 */

/** @type {Page[]} */
export const PAGES = [
  { name: "sign-in", path: "/dashboard/sign-in", isPublic: true },
  { name: "home", path: "/", isPublic: true },
  { name: "stats", path: "/stats", isPublic: true },
  { name: "api-docs", path: "/api-docs", isPublic: true },
  { name: "project", path: "/project", isPublic: true },
  { name: "changelog", path: "/project?file=CHANGELOG.md", isPublic: true },
  { name: "settings", path: "/dashboard/settings" },
  { name: "audit-log", path: "/dashboard/audit-log" },
  { name: "backup", path: "/dashboard/backup" },
  { name: "security", path: "/dashboard/security" },
  { name: "not-found", path: "/nothing-here", isPublic: true, expects: [/^status 404:/] },
  {
    name: "docs", path: "/docs", isPublic: true, isTheirs: true,
    prepare: (page) => page.locator(".opblock").first().waitFor(),
  },
];

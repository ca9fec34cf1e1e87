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
  { name: "overview", path: "/dashboard" },
  { name: "overview-month", path: "/dashboard?range=30d&provider=ollama" },
  { name: "start", path: "/dashboard/start" },
  { name: "settings", path: "/dashboard/settings" },
  { name: "audit-log", path: "/dashboard/audit-log" },
  { name: "backup", path: "/dashboard/backup" },
  { name: "keys", path: "/dashboard/keys" },
  { name: "keys-none", path: "/dashboard/keys?search=tokio" },
  { name: "key", path: ({ key }) => `/dashboard/keys/${key}` },
  { name: "key-edit", path: ({ key }) => `/dashboard/keys/${key}/edit` },
  { name: "key-delete", path: ({ key }) => `/dashboard/keys/${key}/delete` },
  { name: "key-add", path: "/dashboard/keys/add" },
  {
    name: "keys-preview", path: "/dashboard/keys/import",
    prepare: async (page) => {
      const lines = "nas-01----0123456789abcdef.AbCdEf01\n# a comment\n0123456789abcdef.AbCdEf01\nhello world\na----b----c";
      await page.locator("#content").fill(lines);
      await page.locator("button[value=preview]").click();
      await page.locator(".preview").waitFor();
    },
  },
  { name: "keys-export", path: "/dashboard/keys/export" },
  { name: "security", path: "/dashboard/security" },
  { name: "tokens", path: "/dashboard/tokens" },
  { name: "tokens-none", path: "/dashboard/tokens?search=nobody" },
  { name: "token", path: ({ token }) => `/dashboard/tokens/${token}?range=30d` },
  { name: "token-new", path: "/dashboard/tokens/new" },
  { name: "token-edit", path: ({ token }) => `/dashboard/tokens/${token}/edit` },
  { name: "token-reveal", path: ({ token }) => `/dashboard/tokens/${token}/reveal` },
  { name: "token-rotate", path: ({ token }) => `/dashboard/tokens/${token}/rotate` },
  { name: "token-delete", path: ({ token }) => `/dashboard/tokens/${token}/delete` },
  { name: "tokens-export", path: "/dashboard/tokens/export" },
  { name: "jobs", path: "/dashboard/jobs" },
  { name: "job", path: ({ job }) => `/dashboard/jobs/${job}` },
  { name: "job-delete", path: ({ job }) => `/dashboard/jobs/${job}/delete` },
  { name: "providers", path: "/dashboard/providers" },
  { name: "cache", path: "/dashboard/cache" },
  { name: "cache-clear", path: "/dashboard/cache/clear" },
  { name: "not-found", path: "/nothing-here", isPublic: true, expects: [/^status 404:/] },
  {
    name: "docs", path: "/docs", isPublic: true, isTheirs: true,
    prepare: (page) => page.locator(".opblock").first().waitFor(),
  },
];

// The way into the console for tests that are about something else.

import assert from "node:assert/strict";

/** Signs a context in as its form would; gives the cookie. */
export async function signIn(context, { origin, adminToken }) {
  const answer = await context.request.post(`${origin}/dashboard/sign-in`, {
    form: { token: adminToken, keep: "on" },
    headers: { origin },
    maxRedirects: 0,
  });
  assert.equal(answer.status(), 303, await answer.text());
  return sessionCookie(context);
}

/** The cookie of a context's session, if it has one. */
export async function sessionCookie(context) {
  return (await context.cookies()).find((cookie) => cookie.name.endsWith("admin_session"));
}

// @ts-check
// A request of the test bench as a program would make it. The token stays out: it comes from the environment.

/** @typedef {{ model: string, messages: { role: string, content: string }[], temperature: number, stream: boolean,
 *   max_tokens?: number, stream_options?: object }} Body */

/** @type {Record<string, (base: string, body: Body) => string>} */
export const samples = { curl, python, node };

/** @param {string} base @param {Body} body */
function curl(base, body) {
  const json = JSON.stringify(body, null, 2).replaceAll("'", String.raw`'\''`);
  return [
    `curl ${body.stream ? "-N " : ""}${base}/chat/completions`,
    '-H "Authorization: Bearer $TOKEN"',
    '-H "Content-Type: application/json"',
    `-d '${json}'`,
  ].join(" \\\n  ");
}

/** JSON's strings and numbers are Python's. @param {string} base @param {Body} body */
function python(base, body) {
  const { stream, stream_options: _, messages, ...rest } = body;
  const fields = Object.entries(rest).map(([name, value]) => `    ${name}=${JSON.stringify(value)},`);
  const said = messages.map(({ role, content }) => `        {"role": ${JSON.stringify(role)}, "content": ${JSON.stringify(content)}},`);
  const call = [
    "import os",
    "from openai import OpenAI",
    "",
    `client = OpenAI(base_url=${JSON.stringify(base)}, api_key=os.environ["TOKEN"])`,
    "reply = client.chat.completions.create(",
    ...fields,
    "    messages=[",
    ...said,
    "    ],",
    ...(stream ? ["    stream=True,"] : []),
    ")",
  ];
  const show = stream
    ? ["for chunk in reply:", "    if chunk.choices:", '        print(chunk.choices[0].delta.content or "", end="", flush=True)']
    : ["print(reply.choices[0].message.content)"];
  return [...call, ...show, ""].join("\n");
}

/** @param {string} base @param {Body} body */
function node(base, body) {
  const { stream_options: _, ...rest } = body;
  const show = body.stream
    ? ["for await (const chunk of reply) {", '  process.stdout.write(chunk.choices[0]?.delta.content ?? "");', "}"]
    : ["console.log(reply.choices[0].message.content);"];
  return [
    'import OpenAI from "openai";',
    "",
    `const client = new OpenAI({ baseURL: ${JSON.stringify(base)}, apiKey: process.env.TOKEN });`,
    `const reply = await client.chat.completions.create(${JSON.stringify(rest, null, 2)});`,
    ...show,
    "",
  ].join("\n");
}

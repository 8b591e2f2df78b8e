// Every example of @octokit/webhooks-examples, signed by @octokit/webhooks-methods as GitHub signs, and a workflow that
// fails and then succeeds.
//
// usage: node --input-type=module - URL SECRET < octokit_send.mjs, in a folder with both packages in node_modules
// Prints one line of JSON.

import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { sign } from "@octokit/webhooks-methods";

// The examples are one file of JSON.
const examples = createRequire(`${process.cwd()}/`)("@octokit/webhooks-examples");
const [url, secret] = process.argv.slice(-2);

async function post(name, payload, with_secret) {
  const body = JSON.stringify(payload);
  const headers = {
    "content-type": "application/json",
    "user-agent": "GitHub-Hookshot/044aadd",
    "x-github-event": name,
    "x-github-delivery": randomUUID(),
    "x-hub-signature-256": await sign(with_secret, body),
  };
  const answer = await fetch(url, { method: "POST", headers, body });
  return { name, action: payload.action ?? null, status: answer.status, answer: await answer.json() };
}

const said = { examples: [], workflow: [] };
for (const { name, examples: payloads } of examples) {
  for (const payload of payloads) {
    said.examples.push(await post(name, payload, secret));
  }
}

const runs = examples.find(({ name }) => name === "workflow_run").examples;
const run = structuredClone(runs.find(({ workflow_run }) => workflow_run.conclusion === "success"));
run.workflow_run.name = "Nightly build";
run.workflow_run.workflow_id = 4711;
for (const conclusion of ["failure", "success"]) {
  run.workflow_run.conclusion = conclusion;
  said.workflow.push(await post("workflow_run", run, secret));
}
said.forged = (await post("workflow_run", run, secret + "x")).status;
console.log(JSON.stringify(said));

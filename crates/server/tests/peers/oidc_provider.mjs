// A certified OpenID provider (oidc-provider) that lets in whoever it is told to: GET /become?sub=…&email=…&verified=…
// says who comes next.
//
// usage: node --input-type=module - REDIRECT CLIENT_ID CLIENT_SECRET < oidc_provider.mjs, in a folder with the package
// in node_modules. Prints "listening PORT" when it is ready.

import http from "node:http";
import Provider from "oidc-provider";

const [redirect, clientId, clientSecret] = process.argv.slice(-3);
const people = new Map();
let next = "";

const server = http.createServer();
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address();
  const issuer = `http://127.0.0.1:${port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: [redirect] }],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
    cookies: { keys: ["of a test"] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    pkce: { required: () => true },
    findAccount: async (_, sub) => ({ accountId: sub, claims: async () => people.get(sub) }),
    async loadExistingGrant({ oidc }) {
      const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
      grant.addOIDCScope("openid email profile");
      await grant.save();
      return grant;
    },
  });
  const handle = provider.callback();
  server.on("request", async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, issuer);
    if (pathname === "/become") {
      next = searchParams.get("sub");
      people.set(next, { sub: next, email: searchParams.get("email"), email_verified: searchParams.get("verified") === "true", name: searchParams.get("name") ?? "Somebody" });
      response.end("it is so");
    } else if (pathname.startsWith("/interaction/")) {
      await provider.interactionFinished(request, response, { login: { accountId: next } });
    } else {
      handle(request, response);
    }
  });
  console.log(`listening ${port}`);
});

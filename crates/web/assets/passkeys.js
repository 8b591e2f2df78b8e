// Passkeys: made on the security page and with an invitation, used on the page to sign in. Without this file nothing of
// them is shown there.
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const bytes = (base64url) => Uint8Array.from(atob(base64url.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

const post = async (path, body = {}) => {
  const answer = await fetch(path, { method: "POST", credentials: "same-origin", headers: { accept: "application/json", "content-type": "application/json" }, body: JSON.stringify(body) });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.error ?? `The server answered ${answer.status}.`);
  return said;
};

// What the server asks for, as the browser wants it.
const options = ({ publicKey }) => {
  const keys = (list) => list?.map((key) => ({ ...key, id: bytes(key.id) }));
  const asked = { ...publicKey, challenge: bytes(publicKey.challenge) };
  if (publicKey.user) asked.user = { ...publicKey.user, id: bytes(publicKey.user.id) };
  if (publicKey.excludeCredentials) asked.excludeCredentials = keys(publicKey.excludeCredentials);
  if (publicKey.allowCredentials) asked.allowCredentials = keys(publicKey.allowCredentials);
  return asked;
};

const made = ({ id, rawId, type, response }) => ({
  id, rawId: text(rawId), type, extensions: {},
  response: { attestationObject: text(response.attestationObject), clientDataJSON: text(response.clientDataJSON), transports: response.getTransports?.() ?? [] },
});
const used = ({ id, rawId, type, response }) => ({
  id, rawId: text(rawId), type, extensions: {},
  response: { authenticatorData: text(response.authenticatorData), clientDataJSON: text(response.clientDataJSON), signature: text(response.signature), userHandle: response.userHandle && text(response.userHandle) },
});

const words = (error) => {
  if (error.name === "NotAllowedError") return "Nothing was done: it was cancelled, took too long, or there is no passkey for this site.";
  if (error.name === "InvalidStateError") return "This device has a passkey for you already.";
  return error.message;
};

// Runs something with the button at rest meanwhile, and says what came of it.
const attempt = async (area, work) => {
  const [button, says] = [area.querySelector("button"), area.querySelector("[role=status]")];
  button.disabled = true;
  says.textContent = "One moment: your device is asked.";
  try {
    await work();
  } catch (error) {
    says.textContent = words(error);
    button.disabled = false;
  }
};

const create = async (path, more) => {
  const { ask, token } = await post(`${path}/start`);
  const credential = await navigator.credentials.create({ publicKey: options(ask) });
  const { to } = await post(`${path}/finish`, { token, credential: made(credential), ...more() });
  // Once only: what came of it is shown to whoever asks first.
  if (new URL(to, location).pathname === location.pathname) location.reload();
  else location.assign(to);
};

// One question at a time: the button ends the one that waits in the field.
let waiting = new AbortController();
const use = async (area, mediation) => {
  const { ask, token } = await post("/login/passkey/start");
  const credential = await navigator.credentials.get({ publicKey: options(ask), mediation, signal: waiting.signal });
  const { to } = await post("/login/passkey/finish", { token, credential: used(credential), next: area.dataset.next }).catch((error) => {
    throw Object.assign(error, { brought: true });
  });
  location.assign(to);
};

const areas = {
  make(area) {
    area.addEventListener("submit", (event) => {
      event.preventDefault();
      attempt(area, () => create(area.dataset.path, () => ({ name: area.elements.name.value })));
    });
  },
  accept(area) {
    const form = area.closest("form");
    area.querySelector("button").addEventListener("click", () => {
      if (!form.elements.name.reportValidity()) return;
      attempt(area, () => create(area.dataset.path, () => ({ name: form.elements.name.value, time_zone: form.elements.time_zone.value })));
    });
  },
  async use(area) {
    area.querySelector("button").addEventListener("click", () => {
      waiting.abort();
      waiting = new AbortController();
      attempt(area, () => use(area));
    });
    // The field for the address offers passkeys by itself where the browser can.
    if (await PublicKeyCredential.isConditionalMediationAvailable?.()) {
      // Nobody has asked for it, so only what comes of a passkey that was chosen is told.
      use(area, "conditional").catch((error) => {
        if (error.brought) area.querySelector("[role=status]").textContent = words(error);
      });
    }
  },
  none(area) {
    area.remove();
  },
};

if (window.PublicKeyCredential) {
  for (const area of document.querySelectorAll("[data-passkey]")) {
    area.hidden = false;
    areas[area.dataset.passkey](area);
  }
}

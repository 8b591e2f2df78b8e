// Push messages on this very device: asked for only when somebody wants them. Only the profile loads this.
const area = document.getElementById("push");
const button = document.getElementById("push-on");
const says = document.getElementById("push-says");
const owner = area?.dataset.user;

const hash = async (text) => {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
};
const bytesOf = (base64url) => Uint8Array.from(atob(base64url.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const ask = async (path, options) => {
  const answer = await fetch(path, { credentials: "same-origin", headers: { accept: "application/json", "content-type": "application/json" }, ...options });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.error?.message ?? `The server answered ${answer.status}.`);
  return body;
};

const present = async () => (await navigator.serviceWorker.getRegistration("/"))?.pushManager.getSubscription();

// Which of the rows is this device.
const mark = async () => {
  const subscription = await present();
  const row = subscription && document.querySelector(`[data-device="${await hash(subscription.endpoint)}"]`);
  const tag = row?.querySelector("[data-this]");
  if (tag) tag.hidden = false;
  button.hidden = !!row;
  if (row) {
    says.textContent = Notification.permission === "denied" ? "This browser is told to show no notifications of this site. Its settings change that." : "";
    row.querySelector("form")?.addEventListener("submit", leave);
  }
};

// A device that is removed is not to be told any more by its browser either.
const leave = async (event) => {
  if (event.submitter?.value !== "delete") return;
  event.preventDefault();
  const form = event.target;
  form.removeEventListener("submit", leave);
  await (await present())?.unsubscribe().catch(() => {});
  form.requestSubmit(event.submitter);
};

const subscribe = async () => {
  if ((await Notification.requestPermission()) !== "granted") {
    says.textContent = "This browser shows no notifications of this site: allow them in its settings, then try again.";
    return;
  }
  const { publicKey } = await ask("/api/push/key");
  await navigator.serviceWorker.register("/sw.js", { scope: "/", updateViaCache: "none" });
  const { pushManager } = await navigator.serviceWorker.ready;
  // A subscription is bound to a key, which may have changed.
  await (await pushManager.getSubscription())?.unsubscribe();
  const subscription = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytesOf(publicKey) });
  await ask(`/api/users/${owner}/contact-methods`, { method: "POST", body: JSON.stringify({ type: "PUSH", address: JSON.stringify(subscription) }) });
  // Whose device it is, for when the browser changes the subscription by itself.
  await (await caches.open("push")).put("/owner", new Response(owner));
  location.assign("/profile#methods");
  location.reload();
};

if (area) {
  area.hidden = false;
  const installs = /iPhone|iPad/.test(navigator.userAgent) && !matchMedia("(display-mode: standalone)").matches;
  if ("serviceWorker" in navigator && "PushManager" in window) {
    mark().catch(() => {});
    button.addEventListener("click", async () => {
      button.disabled = true;
      says.textContent = "One moment: the browser is asked.";
      try {
        await subscribe();
      } catch (error) {
        says.textContent = `It could not be set up: ${error.message}`;
      }
      button.disabled = false;
    });
  } else {
    button.disabled = true;
    if (installs) says.textContent = "On an iPhone or iPad, add this site to the home screen first (Share, Add to Home Screen), and open it from there.";
    else says.textContent = isSecureContext ? "This browser takes no push messages." : "Push messages need this server to be reached by https.";
  }
}

// What a browser does while no page of ours is open: it shows push messages, and takes what is pressed on them. It keeps
// no page and answers no request. The fields of a message are those of `channels/src/push/web/payload.rs`.
const ICON = "/assets/icon.png";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

const read = (data) => {
  try {
    const message = data?.json();
    return message && typeof message === "object" ? message : {};
  } catch {
    return {};
  }
};

// Every push shows something: browsers end a subscription that stays silent.
self.addEventListener("push", (event) => {
  const message = read(event.data);
  const options = {
    body: message.body ?? "",
    tag: message.tag ?? undefined,
    renotify: !!message.tag,
    requireInteraction: !!message.requireInteraction,
    icon: ICON,
    actions: Array.isArray(message.actions) ? message.actions : [],
    data: { url: message.url, acknowledge: message.acknowledge, tag: message.tag, title: message.title },
  };
  if (message.urgency === "HIGH") options.vibrate = [300, 100, 300, 100, 300];
  event.waitUntil(self.registration.showNotification(message.title ?? "OpsKnight", options));
});

const open = async (url) => {
  const target = new URL(url || "/", self.location.origin);
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const there = windows.find((client) => client.url.split("#")[0] === target.href);
  if (there) return there.focus();
  return self.clients.openWindow(target.href);
};

// The link is signed for this person and this incident, and needs no session. What came of it takes the place of the page.
const acknowledge = async ({ url, acknowledge, tag, title }) => {
  let outcome;
  try {
    const answer = await fetch(acknowledge, { method: "POST", headers: { accept: "application/json" } });
    outcome = await answer.json();
  } catch {
    outcome = { ok: false, title: "Not acknowledged", message: "The server could not be reached. Escalation goes on." };
  }
  const actions = outcome.ok ? [] : [{ action: "acknowledge", title: "Try again" }];
  await self.registration.showNotification(outcome.title ?? "Not acknowledged", {
    body: [title, outcome.message].filter(Boolean).join("\n"),
    tag,
    icon: ICON,
    requireInteraction: !outcome.ok,
    actions: [...actions, { action: "open", title: "Open" }],
    data: { url, acknowledge, tag, title },
  });
};

self.addEventListener("notificationclick", (event) => {
  const data = event.notification.data ?? {};
  event.notification.close();
  event.waitUntil(event.action === "acknowledge" && data.acknowledge ? acknowledge(data) : open(data.url));
});

const bytesOf = (base64url) => Uint8Array.from(atob(base64url.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

// A browser may change a subscription by itself: the new one is told to the server, where somebody is signed in.
const resubscribe = async ({ newSubscription }) => {
  const owner = await (await (await caches.open("push")).match("/owner"))?.text();
  if (!owner) return;
  let subscription = newSubscription;
  if (!subscription) {
    const key = await fetch("/api/push/key", { credentials: "same-origin" });
    if (!key.ok) return;
    const { publicKey } = await key.json();
    subscription = await self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytesOf(publicKey) });
  }
  const body = JSON.stringify({ type: "PUSH", address: JSON.stringify(subscription) });
  await fetch(`/api/users/${owner}/contact-methods`, { method: "POST", credentials: "same-origin", headers: { "content-type": "application/json" }, body });
};

self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(resubscribe(event)));

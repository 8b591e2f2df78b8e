// What a browser does while no page of ours is open: it shows push messages, and takes what is pressed on them. And while
// the server cannot be reached: it shows the last seen dashboard, list of incidents and incidents, marked as what they
// are. It never keeps settings, answers of the API, or anything of somebody who has signed out. The fields of a message
// are those of `channels/src/push/web/payload.rs`. The names of files get the hash of their content when this is served,
// so that a new release is a new worker.
const ICON = "/assets/icon.png";
const OFFLINE = "/assets/offline.html";
const UNSENT = "/assets/unsent.html";
const SHELL = ["/assets/app.css", "/assets/app.js", "/assets/keys.js", "/assets/palette.js", "/assets/icons.svg", "/assets/favicon.svg", OFFLINE, UNSENT];
const SHELL_CACHE = `shell ${SHELL.join(" ")}`;
const PAGES = "pages ";
// The dashboard, the list, and so many incidents.
const PAGES_MAX = 42;

self.addEventListener("install", (event) => {
  const keep = async () => (await caches.open(SHELL_CACHE)).addAll(SHELL);
  event.waitUntil(keep().then(() => self.skipWaiting()));
});
self.addEventListener("activate", (event) => {
  const tidy = async () => {
    const old = (await caches.keys()).filter((name) => name.startsWith("shell ") && name !== SHELL_CACHE);
    await Promise.all(old.map((name) => caches.delete(name)));
  };
  event.waitUntil(tidy().then(() => self.clients.claim()));
});

const isKept = ({ pathname }) => pathname === "/" || pathname === "/incidents" || /^\/incidents\/inc_[0-9a-z]+$/.test(pathname);
const pageCaches = async () => (await caches.keys()).filter((name) => name.startsWith(PAGES));
const forget = async (but) => {
  const others = (await pageCaches()).filter((name) => name !== but);
  await Promise.all(others.map((name) => caches.delete(name)));
};
// A page says whose it is. Those of somebody else go, and all of them where nobody is signed in.
const remember = async (url, answer) => {
  if (!answer.ok || answer.type !== "basic") return;
  const viewer = answer.headers.get("opsknight-viewer");
  if (!viewer) {
    if (url.pathname === "/login" || url.pathname === "/setup") await forget();
    return;
  }
  await forget(PAGES + viewer);
  if (!isKept(url)) return;
  const cache = await caches.open(PAGES + viewer);
  const key = url.origin + url.pathname + url.search;
  await cache.delete(key);
  await cache.put(key, answer);
  const keys = await cache.keys();
  await Promise.all(keys.slice(0, Math.max(0, keys.length - PAGES_MAX)).map((old) => cache.delete(old)));
};
const when = (header) => {
  const at = new Date(header);
  const today = at.toDateString() === new Date().toDateString();
  const day = today ? {} : { day: "numeric", month: "short" };
  return at.toLocaleString([], { ...day, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
};
// The page as it was last seen, with words that say so.
const recall = async (url) => {
  const [name] = await pageCaches();
  if (!name || !isKept(url)) return null;
  const cache = await caches.open(name);
  const key = url.origin + url.pathname + url.search;
  const kept = (await cache.match(key)) ?? (await cache.match(key, { ignoreSearch: true }));
  if (!kept) return null;
  const notice = `<div class="notice offline" role="status"><p><strong>Offline: as of ${when(kept.headers.get("date"))}.</strong> Nothing can be changed from here until the connection is back. Escalation goes on without you.</p></div>`;
  const text = (await kept.text()).replace(/<main([^>]*)>/, `<main$1 data-offline>${notice}`);
  const headers = {};
  for (const header of ["content-type", "content-security-policy", "date"]) headers[header] = kept.headers.get(header) ?? "";
  return new Response(text, { headers });
};
const navigate = async (event, url) => {
  try {
    const answer = await fetch(event.request);
    event.waitUntil(remember(url, answer.clone()));
    return answer;
  } catch {
    return (await recall(url)) ?? (await caches.match(OFFLINE)) ?? Response.error();
  }
};
const send = async (request) => {
  try {
    return await fetch(request);
  } catch {
    return (await caches.match(UNSENT)) ?? Response.error();
  }
};
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (url.origin !== self.location.origin) return;
  const isPage = request.mode === "navigate";
  if (request.method === "POST" && isPage) {
    if (url.pathname === "/logout") event.waitUntil(forget());
    event.respondWith(send(request));
  } else if (request.method === "GET" && isPage) {
    event.respondWith(navigate(event, url));
  } else if (request.method === "GET" && url.pathname.startsWith("/assets/")) {
    event.respondWith(caches.match(request).then((kept) => kept ?? fetch(request)));
  } else if (request.method === "GET" && isKept(url) && request.headers.get("accept") === "text/html") {
    // What a page that stays open has heard of meanwhile.
    const fresh = fetch(request);
    event.waitUntil(fresh.then((answer) => remember(url, answer.clone())).catch(() => {}));
    event.respondWith(fresh);
  }
});

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
